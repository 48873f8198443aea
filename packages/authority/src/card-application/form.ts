/**
 * The application form 交付申請書 (A15): posted to each resident with what the register says printed on it, a form ID of 23 digits and a QR
 * code. Whoever has the form ID may apply with it, once; a newer form makes the older ones worthless.
 */
import { Refusal } from '@sekisho/contract'
import type { Instant } from '@sekisho/runtime/clock'
import type { Random } from '@sekisho/runtime/random'
import type { Transaction } from '@sekisho/runtime/store'
import { renderSVG } from 'uqr'
import type { AuthorityTables } from '../database.ts'
import type { Resident } from '../registry/resident.ts'
import { lockResident } from '../window/resident-file.ts'
import type { World } from '../world.ts'

/** What is printed on a form. */
export type Printed = {
  readonly name: string
  readonly address: string
  readonly birthDate: Resident['attributes']['birthDate']
  readonly gender: Resident['attributes']['gender']
  /** Of foreign residents: category and end of stay. */
  readonly stay: { readonly category: string; readonly until: unknown } | null
}

/** A form. */
export type Form = {
  readonly id: string
  readonly residentId: string
  readonly printed: Printed
  readonly issuedAt: Instant
}

/**
 * Issues a form to a resident. Refusals `resident-unknown`; `event-not-possible` for who is not in the register;
 * `card-issued-already`.
 */
export function issueForm(world: World, residentId: string): Promise<Form> {
  const at = world.clock.now()
  return world.store.transaction(async tx => {
    const resident = await lockResident(tx, residentId)
    if (resident.status !== 'resident') throw new Refusal('event-not-possible')
    const card = await tx
      .selectFrom('card')
      .select('id')
      .where('resident_id', '=', residentId)
      .where('state', '=', 'active')
      .executeTakeFirst()
    if (card !== undefined) throw new Refusal('card-issued-already')
    await tx
      .updateTable('card_form')
      .set({ state: 'replaced' })
      .where('resident_id', '=', residentId)
      .where('state', '=', 'open')
      .execute()
    const id = formNumber(world.random)
    const printed = printedOf(resident)
    await tx
      .insertInto('card_form')
      .values({
        id,
        resident_id: residentId,
        printed: JSON.stringify(printed),
        state: 'open',
        issued_at: at,
      })
      .execute()
    return { id, residentId, printed, issuedAt: at }
  })
}

/** What is printed of a resident now. */
export function printedOf({ attributes, stay }: Resident): Printed {
  const { name, address, birthDate, gender } = attributes
  return {
    name,
    address,
    birthDate,
    gender,
    stay: stay === null ? null : { category: stay.category, until: stay.until },
  }
}

/** A form by its ID. Refusal `form-unknown`, also for one that was replaced or used. */
export async function openFormIn(tx: Transaction<AuthorityTables>, id: string): Promise<Form> {
  const row = await tx
    .selectFrom('card_form')
    .selectAll()
    .where('id', '=', id)
    .where('state', '=', 'open')
    .forUpdate()
    .executeTakeFirst()
  if (row === undefined) throw new Refusal('form-unknown')
  return {
    id: row.id,
    residentId: row.resident_id,
    // Written by `issueForm` and by nobody else.
    printed: JSON.parse(row.printed) as Printed,
    issuedAt: row.issued_at,
  }
}

/** The QR code of a form as SVG: the address at which a phone applies. It holds the form ID and nothing of the person. */
export function qrCodeOf(origin: string, formId: string): string {
  return renderSVG(`${origin}/card-application?form=${formId}`, { ecc: 'M' })
}

/** 23 digits, drawn so that nobody guesses one: each from a byte below 250. */
function formNumber(random: Random): string {
  let digits = ''
  while (digits.length < formDigits)
    for (const byte of random.bytes(formDigits))
      if (byte < 250 && digits.length < formDigits) digits += String(byte % 10)
  return digits
}

const formDigits = 23
