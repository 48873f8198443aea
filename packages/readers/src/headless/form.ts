/** Forms of a page, read as a browser reads them: the ceremony form, and others that the caller fills. */
import { type HTMLElement, parse } from 'node-html-parser'
import { type Page, WalkFault } from './browser.ts'

/** A form ready to be sent. */
export type FilledForm = { readonly url: string; readonly form?: URLSearchParams }

/** A ceremony form: its request as text, and what posting an answer looks like. */
export type CeremonyForm = {
  readonly request: string
  fill(answer: string): FilledForm
}

/**
 * The page's `form#card-ceremony`, if it has one (`docs/protocol/reader.md`, "The form of a page that asks"). The answer may
 * go to the page's own origin only.
 *
 * Throws `ceremony-malformed` when there is more than one or it lacks a part.
 */
export function ceremonyForm(page: Page): CeremonyForm | undefined {
  const found = formsOf(page).filter(form => form.getAttribute('id') === 'card-ceremony')
  const [form] = found
  if (form === undefined) return undefined
  const wrong = (what: string): WalkFault => new WalkFault('ceremony-malformed', what)
  if (found.length > 1) throw wrong('two forms')
  const request = form.getAttribute('data-request')
  if (request === undefined) throw wrong('no request')
  if (form.getAttribute('method')?.toLowerCase() !== 'post') throw wrong('not posted')
  const url = new URL(form.getAttribute('action') ?? '', page.url)
  if (url.origin !== new URL(page.url).origin) throw wrong('answer would leave the origin')
  const fields = controlsOf(form)
  if (!fields.has('answer')) throw wrong('no place for the answer')
  return {
    request,
    fill(answer) {
      const filled = new URLSearchParams(fields)
      filled.set('answer', answer)
      return { url: url.href, form: filled }
    },
  }
}

/**
 * Fills a form of the page: the one whose `id` or `name` is `name`, or without `name` the only one. `fields` replace what
 * the controls hold; a submit button counts as a control that is pressed when named.
 *
 * Throws `form-absent` and `field-absent`.
 */
export function fillForm(
  page: Page,
  name: string | undefined,
  fields: Readonly<Record<string, string | readonly string[]>>,
): FilledForm {
  const forms = formsOf(page)
  const fitting =
    name === undefined
      ? forms
      : forms.filter(form => [form.getAttribute('id'), form.getAttribute('name')].includes(name))
  const [form] = fitting
  if (form === undefined || fitting.length > 1)
    throw new WalkFault('form-absent', name ?? '(the only one)')
  const filled = controlsOf(form)
  for (const [field, value] of Object.entries(fields)) {
    const [first, ...more] = [value].flat()
    for (const each of [first ?? '', ...more])
      if (!accepts(form, field, each)) throw new WalkFault('field-absent', field)
    filled.set(field, first ?? '')
    for (const each of more) filled.append(field, each)
  }
  const url = new URL(form.getAttribute('action') ?? page.url, page.url)
  if (form.getAttribute('method')?.toLowerCase() === 'post') return { url: url.href, form: filled }
  url.search = filled.toString()
  return { url: url.href }
}

function formsOf(page: Page): readonly HTMLElement[] {
  if (!/^(text\/html|application\/xhtml\+xml)\b/.test(page.contentType)) return []
  return parse(page.body).querySelectorAll('form')
}

/** The successful controls of a form (HTML §4.10.21.4), without any button. */
function controlsOf(form: HTMLElement): URLSearchParams {
  const filled = new URLSearchParams()
  for (const control of form.querySelectorAll('input, textarea, select')) {
    const name = control.getAttribute('name')
    if (name === undefined || name === '' || control.hasAttribute('disabled')) continue
    const type = control.getAttribute('type')?.toLowerCase() ?? 'text'
    if (control.tagName === 'TEXTAREA') filled.append(name, control.textContent)
    else if (control.tagName === 'SELECT') filled.append(name, selectedValue(control))
    else if (['submit', 'button', 'image', 'reset', 'file'].includes(type)) continue
    else if (type === 'checkbox' || type === 'radio') {
      if (control.hasAttribute('checked'))
        filled.append(name, control.getAttribute('value') ?? 'on')
    } else filled.append(name, control.getAttribute('value') ?? '')
  }
  return filled
}

function selectedValue(select: HTMLElement): string {
  const options = select.querySelectorAll('option')
  const option = options.find(one => one.hasAttribute('selected')) ?? options[0]
  return option === undefined ? '' : valueOf(option)
}

/** Whether a person could put this value into that control: a choice takes only what it offers. */
function accepts(form: HTMLElement, name: string, value: string): boolean {
  return form.querySelectorAll('input, textarea, select, button').some(control => {
    if (control.getAttribute('name') !== name || control.hasAttribute('disabled')) return false
    const type = control.getAttribute('type')?.toLowerCase()
    if (control.tagName === 'SELECT') {
      return control.querySelectorAll('option').some(option => valueOf(option) === value)
    }
    if (control.tagName === 'BUTTON' || type === 'submit') {
      return (control.getAttribute('value') ?? '') === value
    }
    if (type === 'radio' || type === 'checkbox') {
      return (control.getAttribute('value') ?? 'on') === value
    }
    return true
  })
}

const valueOf = (option: HTMLElement): string =>
  option.getAttribute('value') ?? option.textContent.trim()
