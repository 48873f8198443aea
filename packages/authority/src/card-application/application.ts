/**
 * Applications for a card (A15): by post, from a phone, at the window, or collected by an employer. What is printed on the form must still
 * be so; either certificate may be declined; for under-15s and wards the legal representative applies.
 */
import { Refusal } from '@sekisho/contract'
import { ageOn, dateInJapan } from '@sekisho/contract/japan'
import type { Instant } from '@sekisho/runtime/clock'
import { sql, type Transaction } from '@sekisho/runtime/store'
import { z } from 'zod'
import type { AuthorityTables } from '../database.ts'
import { messages } from '../message.ts'
import { latestBirthDate, type Resident } from '../registry/resident.ts'
import { lockResident } from '../window/resident-file.ts'
import type { World } from '../world.ts'
import { openFormIn, printedOf } from './form.ts'

/** Ways by which an application comes. */
const channels = ['post', 'phone', 'window', 'employer'] as const

/** What an applicant asks for. */
export const applicationWish = z
  .strictObject({
    form: z.string().regex(/^\d{23}$/),
    channel: z.enum(channels),
    /** Of those who sent forms together. */
    employer: z.string().min(1).max(100).optional(),
    /** PNG or JPEG, base64. */
    photo: z.base64().max(4_000_000),
    declinesSignature: z.boolean().default(false),
    declinesAuthentication: z.boolean().default(false),
    /** Name in Braille on the card: at most eleven characters (flows.md §2). */
    braille: z
      .string()
      .regex(/^[ァ-ヺーA-Za-z ]{1,11}$/)
      .optional(),
    /** Who applies for an under-15 or a ward. */
    representative: z
      .strictObject({
        name: z.string().min(1).max(100),
        relation: z.enum(['parent', 'guardian']),
      })
      .optional(),
  })
  .refine(one => (one.channel === 'employer') === (one.employer !== undefined))
export type ApplicationWish = z.input<typeof applicationWish>

/** Where an application stands. */
type ApplicationState = AuthorityTables['card_application']['state']

/** Domain time from an application to a card that is ready: data (*ours*). */
const makingMs = 14 * 24 * 3600 * 1000
/** Age from which somebody applies without a legal representative. */
const ownApplicationAge = 15

/**
 * Takes an application and returns its id. Refusals `form-unknown`; `form-outdated` when something printed is not so any more: the
 * applicant goes to the window; `representative-needed`; `photo-unsuitable`; `event-not-possible` for who has left the register.
 */
export async function receiveApplication(world: World, wish: ApplicationWish): Promise<string> {
  const given = applicationWish.parse(wish)
  const photo = new Uint8Array(Buffer.from(given.photo, 'base64'))
  if (!isPicture(photo)) throw new Refusal('photo-unsuitable')
  const at = world.clock.now()
  return world.store.transaction(async tx => {
    const form = await openFormIn(tx, given.form)
    const resident = await lockResident(tx, form.residentId)
    if (resident.status !== 'resident') throw new Refusal('event-not-possible')
    if (JSON.stringify(printedOf(resident)) !== JSON.stringify(form.printed))
      throw new Refusal('form-outdated')
    if (needsRepresentative(resident, at) && given.representative === undefined)
      throw new Refusal('representative-needed')
    const id = world.random.uuidv7(at)
    await tx.updateTable('card_form').set({ state: 'used' }).where('id', '=', form.id).execute()
    await tx
      .insertInto('card_application')
      .values({
        id,
        form_id: form.id,
        resident_id: resident.id,
        channel: given.channel,
        employer: given.employer ?? null,
        photo,
        declines_signature: given.declinesSignature,
        declines_authentication: given.declinesAuthentication,
        braille: given.braille ?? null,
        representative:
          given.representative === undefined ? null : JSON.stringify(given.representative),
        state: 'received',
        received_at: at,
        ready_at: null,
        delivered_at: null,
        checks: null,
      })
      .execute()
    return id
  })
}

/** An employer's collection: each form for itself, so that one that is refused keeps none of the others back. */
export async function receiveCollection(
  world: World,
  wishes: readonly ApplicationWish[],
): Promise<readonly CollectionOutcome[]> {
  const outcomes: CollectionOutcome[] = []
  for (const wish of wishes)
    try {
      outcomes.push({ form: wish.form, application: await receiveApplication(world, wish) })
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      outcomes.push({ form: wish.form, refusal: error.code })
    }
  return outcomes
}

/** What became of one form of a collection. */
type CollectionOutcome = { readonly form: string } & (
  | { readonly application: string }
  | { readonly refusal: string }
)

/** Marks cards that have been made as ready, so that their holders are told, and withdraws what nobody can come for; how many are ready. */
export async function finishCardsDue(world: World): Promise<number> {
  const at = world.clock.now()
  const ready = await world.store.transaction(async tx => {
    const changed = await tx
      .updateTable('card_application')
      .from('resident')
      .set({
        state: sql<ApplicationState>`case when resident.status = 'resident' then 'ready' else 'withdrawn' end`,
        ready_at: at,
      })
      .whereRef('resident.id', '=', 'card_application.resident_id')
      .where('card_application.state', '=', 'received')
      .where('received_at', '<=', at - makingMs)
      .returning('card_application.state')
      .execute()
    return changed.filter(each => each.state === 'ready')
  })
  if (ready.length > 0) world.log.write(messages['authority.cards-ready'], { cards: ready.length })
  return ready.length
}

/** Whether the law has somebody represented. */
export function needsRepresentative(
  resident: Pick<Resident, 'attributes' | 'isWard'>,
  at: Instant,
): boolean {
  const age = ageOn(latestBirthDate(resident.attributes), dateInJapan(at))
  return resident.isWard || age < ownApplicationAge
}

/** The application of a resident that is under way; undefined: none. */
export async function applicationUnderWay(
  tx: Pick<Transaction<AuthorityTables>, 'selectFrom'>,
  residentId: string,
) {
  return tx
    .selectFrom('card_application')
    .select([
      'id',
      'state',
      'channel',
      'received_at',
      'ready_at',
      'declines_signature',
      'declines_authentication',
      'representative',
    ])
    .where('resident_id', '=', residentId)
    .where('state', 'in', ['received', 'ready'])
    .executeTakeFirst()
}

/** Told by its first bytes, and of a size that a portrait has. */
function isPicture(bytes: Uint8Array): boolean {
  const head = Buffer.from(bytes.subarray(0, 8)).toString('hex')
  const isKnown = head === '89504e470d0a1a0a' || head.startsWith('ffd8ff')
  return isKnown && bytes.length >= 200
}
