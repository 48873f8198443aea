/**
 * What somebody has filled in and is about to sign: kept until the card has signed it, so that what is signed is a text that people read, and what is
 * recorded is exactly what that text says.
 */
import { createHash } from 'node:crypto'
import { Refusal } from '@sekisho/contract'
import { type Instant, protocolNow } from '@sekisho/runtime/clock'
import type { PersonKey } from '@sekisho/runtime/keys'
import type { Store, Transaction } from '@sekisho/runtime/store'
import type { CaseWorld, Tables } from './case.ts'
import type { Definition } from './definition.ts'
import type { Form, Values } from './form.ts'
import type { Party } from './history.ts'

/** A draft. */
export type Draft = {
  readonly definition: string
  readonly version: number
  /** The case that it belongs to; undefined: it begins one. */
  readonly caseId: string | undefined
  readonly task: string
  readonly values: Values
  /** Whom the applicant has chosen. */
  readonly parties: readonly Party[]
  /** Codes for who is invited, by party; shown to the applicant once the case has begun. */
  readonly codes: Readonly<Record<string, string>>
  /** The text that is signed. */
  readonly text: string
}

/** Milliseconds (real time) for reading and signing. */
const lifetimeMs = 60 * 60 * 1000
const idBits = 128

/** Keeps a draft of a person's; its id. `textOf` writes the text, with the id in it. */
export async function keepDraft(
  world: CaseWorld,
  personId: string,
  draft: Omit<Draft, 'text'>,
  textOf: (id: string) => string,
): Promise<{ readonly id: string; readonly text: string }> {
  const id = world.random.token(idBits)
  const text = textOf(id)
  await world.tables.transaction(async tx => {
    const key = await world.personKeys.ensure(tx, personId, world.clock.now())
    const bytes = new TextEncoder().encode(JSON.stringify({ ...draft, text }))
    await tx
      .insertInto('procedure_draft')
      .values({
        id,
        person_id: personId,
        sealed: key.seal(placeOf(id), bytes),
        expires_at: protocolNow() + lifetimeMs,
      })
      .execute()
  })
  return { id, text }
}

/** A draft as it waits. Refusal `procedure-unknown` for another's or none. */
export async function readDraft(
  world: CaseWorld,
  given: { readonly id: string; readonly personId: string },
): Promise<Draft> {
  return world.tables.read(async db => {
    const row = await db
      .selectFrom('procedure_draft')
      .select('sealed')
      .where('id', '=', given.id)
      .where('person_id', '=', given.personId)
      .where('expires_at', '>', protocolNow())
      .executeTakeFirst()
    const found = await world.personKeys.find(db, given.personId)
    if (row === undefined || found.kind !== 'present') throw new Refusal('procedure-unknown')
    return openDraft(found.key, given.id, row.sealed)
  })
}

function openDraft(key: PersonKey, id: string, sealed: Uint8Array): Draft {
  return JSON.parse(new TextDecoder().decode(key.open(placeOf(id), sealed))) as Draft
}

/** Takes a draft that was signed: once. Refusals `procedure-unknown` for another's or none, `document-unproven` if something else was signed. */
export async function takeDraft(
  tx: Transaction<Tables>,
  world: CaseWorld,
  given: { readonly id: string; readonly personId: string; readonly documentSha256: string },
): Promise<Draft> {
  const row = await tx
    .deleteFrom('procedure_draft')
    .where('id', '=', given.id)
    .where('person_id', '=', given.personId)
    .where('expires_at', '>', protocolNow())
    .returning('sealed')
    .executeTakeFirst()
  const found = await world.personKeys.find(tx, given.personId)
  if (row === undefined || found.kind !== 'present') throw new Refusal('procedure-unknown')
  const draft = openDraft(found.key, given.id, row.sealed)
  const sha256 = createHash('sha256').update(draft.text).digest('hex')
  if (sha256 !== given.documentSha256) throw new Refusal('document-unproven')
  return draft
}

/** Removes what nobody has signed in time. */
export async function sweepDrafts(tables: Store<Tables>, at: Instant): Promise<void> {
  await tables.transaction(tx =>
    tx.deleteFrom('procedure_draft').where('expires_at', '<', at).execute(),
  )
}

/** The text of an application: all values, and exactly which of them goes to whom. */
export function applicationText(
  definition: Definition,
  values: Values,
  parties: readonly Party[],
  id: string,
): string {
  const receivers = parties
    .filter(party => party.id !== 'applicant')
    .map(party => {
      const fields = (definition.roles[party.role]?.receives ?? [])
        .filter(field => values[field] !== undefined)
        .map(field => definition.form.properties[field]?.title.ja ?? field)
      return `  ${definition.roles[party.role]?.title.ja ?? party.role} ${party.name}: ${fields.join('、') || 'なし'}`
    })
  return [
    definition.title.ja,
    '',
    ...linesOf(definition.form, values),
    '',
    '提供先と、提供する項目:',
    ...receivers,
    '',
    `申請の番号: ${id}`,
    '私は、以上のとおり申請し、上の提供先に上の項目を提供することに同意します。',
    '',
  ].join('\n')
}

/** The text of another paper that is signed: a request of a second person, a certificate. */
export function paperText(
  given: {
    readonly title: string
    readonly procedure: string
    /** What it is about, as the signer was given it. */
    readonly about: readonly string[]
    readonly form: Form
    readonly values: Values
    /** Who signs it, as others see them. */
    readonly signer: readonly string[]
  },
  id: string,
): string {
  return [
    given.title,
    '',
    `手続: ${given.procedure}`,
    ...given.about,
    '',
    ...linesOf(given.form, given.values),
    '',
    ...given.signer,
    `書面の番号: ${id}`,
    '',
  ].join('\n')
}

/** Values as lines, in the order of the form. */
export function linesOf(form: Form, values: Values): readonly string[] {
  return Object.entries(form.properties).flatMap(([name, field]) => {
    const value = values[name]
    if (value === undefined) return []
    const text =
      typeof value === 'boolean'
        ? value
          ? 'はい'
          : 'いいえ'
        : (field.choices?.[String(value)]?.ja ?? String(value))
    return [`${field.title.ja}: ${text.replaceAll(/[\r\n]+/g, ' ')}`]
  })
}

function placeOf(id: string): string {
  return `procedure.draft ${id}`
}
