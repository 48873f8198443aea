/**
 * Forms as JSON Schema (draft 2020-12): an object of plain fields with titles in both languages. The same schema renders the page, checks what
 * comes from it, and checks what a party's own system sends.
 */
import { Refusal } from '@sekisho/contract'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { Words } from './words.ts'

/** A field of a form: JSON Schema with the words of the page. */
export type FormField = {
  readonly type: 'string' | 'integer' | 'boolean'
  readonly title: Words
  readonly hint?: Words
  /** `date`: YYYY-MM-DD. */
  readonly format?: 'date'
  readonly maxLength?: number
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly enum?: readonly string[]
  readonly choices?: Readonly<Record<string, Words>>
}

/** A form. */
export type Form = {
  readonly properties: Readonly<Record<string, FormField>>
  readonly required: readonly string[]
}

/** Values of a form. */
export type Values = Readonly<Record<string, string | number | boolean>>

/** The schema as others read it. */
export function schemaOf(form: Form): Readonly<Record<string, unknown>> {
  const properties = Object.fromEntries(
    Object.entries(form.properties).map(([name, field]) => {
      const { title, hint, choices, ...rest } = field
      const texts = { title: title.ja, ...(hint === undefined ? {} : { description: hint.ja }) }
      const bounds =
        field.type === 'string' && field.maxLength === undefined ? { maxLength: 500 } : {}
      return [name, { ...texts, ...rest, ...bounds, ...(choices === undefined ? {} : {}) }]
    }),
  )
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties,
    required: [...form.required],
    additionalProperties: false,
  }
}

const ajv = new Ajv2020({
  allErrors: false,
  strict: true,
  formats: { date: isDate },
})
const checks = new WeakMap<Form, (values: unknown) => boolean>()

/** Values that fit. Refusal `request-malformed` naming the first field that does not. */
export function checkValues(form: Form, values: unknown): Values {
  let check = checks.get(form)
  if (check === undefined) {
    check = ajv.compile(schemaOf(form))
    checks.set(form, check)
  }
  if (check(values)) return values as Values
  const [error] =
    (check as { errors?: { instancePath: string; params: Record<string, unknown> }[] }).errors ?? []
  const missing = error?.params['missingProperty'] ?? error?.params['additionalProperty']
  const field = error?.instancePath.slice(1) || (typeof missing === 'string' ? missing : 'values')
  throw new Refusal('request-malformed', { fields: field.slice(0, 64) })
}

/** What a browser sends, as values: empty fields are left out, numbers and ticks read. */
export function valuesOfForm(form: Form, sent: Readonly<Record<string, unknown>>): Values {
  const values: Record<string, string | number | boolean> = {}
  for (const [name, field] of Object.entries(form.properties)) {
    const text = sent[name]
    if (field.type === 'boolean') {
      values[name] = text === 'yes'
      continue
    }
    if (typeof text !== 'string' || text.trim() === '') continue
    const trimmed = text.trim()
    values[name] =
      field.type === 'integer' && /^-?\d{1,12}$/.test(trimmed) ? Number(trimmed) : trimmed
  }
  return checkValues(form, values)
}

function isDate(text: string): boolean {
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? []
  if (year === undefined) return false
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)))
  return date.toISOString().slice(0, 10) === text
}
