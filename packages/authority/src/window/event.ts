/** Everything that can be done for a resident at the window, as one message: the screen and the command line speak it. */
import { z } from 'zod'
import { Refusal } from '@sekisho/contract'
import { UniqueViolation } from '@sekisho/runtime/store'
import { calendarDate, foreignStay } from '../registry/foreign-stay.ts'
import { relations } from '../registry/household.ts'
import type { World } from '../world.ts'
import {
  extendCard,
  handOutCard,
  reissueCard,
  reissueSignature,
  renewCertificates,
  resetSecret,
  unblockCodes,
  updateCard,
} from './desk.ts'
import { notify } from './effect.ts'
import { recordBirth } from './entry.ts'
import {
  becomeHead,
  changeAlias,
  changeGuardianship,
  changeNumber,
  correct,
  correctTrivially,
  extendStay,
  joinHousehold,
  move,
  removeFromRegister,
  rename,
  reportFound,
} from './notification.ts'

const pin = z.string().max(4).optional()
const password = z.string().max(16).optional()
const cardWish = {
  pin,
  password,
  withAuthentication: z.boolean().default(true),
  withSignature: z.boolean().default(true),
  demandsPinAlways: z.boolean().default(false),
  withoutPins: z.boolean().default(false),
  textPin: pin,
  residentPin: pin,
}
const birthDate = z.strictObject({
  year: z.int(),
  month: z.int().nullable(),
  day: z.int().nullable(),
})

const reading = z
  .string()
  .regex(/^[ァ-ヺー　]{1,100}$/)
  .optional()

/** Somebody who enters the register. */
const newcomer = {
  name: z.string().min(1).max(100),
  reading,
  birthDate,
  gender: z.enum(['male', 'female', 'unknown']),
  stay: foreignStay.optional(),
}

/** Somebody who arrives from abroad, or is registered while living there. */
export const arrival = z.strictObject({
  ...newcomer,
  municipality: z.string().regex(/^\d{5}$/),
  address: z.string().min(1).max(200),
  isAbroad: z.boolean().default(false),
})

/** An event with what it needs. PIN and password are needed for the certificates that are issued. */
export const residentEvent = z.discriminatedUnion('what', [
  z.strictObject({ what: z.literal('card'), ...cardWish }),
  z.strictObject({ what: z.literal('reissue'), ...cardWish }),
  z.strictObject({
    what: z.literal('renew'),
    pin,
    password,
    withSignature: z.boolean().default(true),
    withoutPins: z.boolean().default(false),
  }),
  // `pin` is not used: who sets both secrets at once need not tell the two apart.
  z.strictObject({ what: z.literal('signature'), password, pin }),
  z.strictObject({ what: z.literal('reset-pin'), pin: z.string().max(4) }),
  z.strictObject({ what: z.literal('reset-password'), password: z.string().max(16) }),
  z.strictObject({ what: z.literal('reset-text-pin'), pin: z.string().max(4) }),
  z.strictObject({ what: z.literal('reset-resident-pin'), pin: z.string().max(4) }),
  z.strictObject({
    what: z.literal('move'),
    municipality: z.string().regex(/^\d{5}$/),
    address: z.string().min(1).max(200),
    withHousehold: z.boolean().default(false),
  }),
  z.strictObject({
    what: z.literal('join'),
    of: z.string().max(64),
    relation: z.enum(relations).exclude(['head']),
  }),
  z.strictObject({ what: z.literal('head') }),
  z.strictObject({ what: z.literal('born'), ...newcomer }),
  z.strictObject({ what: z.literal('rename'), name: z.string().min(1).max(100), reading }),
  z.strictObject({ what: z.literal('alias'), alias: z.string().min(1).max(40).nullable() }),
  z.strictObject({
    what: z.literal('extend-stay'),
    category: foreignStay.shape.category,
    until: calendarDate.nullable(),
  }),
  z.strictObject({
    what: z.literal('correct-trivially'),
    name: z.string().min(1).max(100).optional(),
    address: z.string().min(1).max(200).optional(),
  }),
  z.strictObject({
    what: z.literal('correct'),
    birthDate: birthDate.optional(),
    gender: z.enum(['male', 'female', 'unknown']).optional(),
  }),
  z.strictObject({ what: z.literal('overseas'), continues: z.boolean().default(true) }),
  z.strictObject({
    what: z.enum([
      'deceased',
      'residence-lost',
      'stay-ended',
      'extend-card',
      'update-card',
      'unblock-codes',
      'begin-guardianship',
      'end-guardianship',
      'change-number',
      'end-card',
      'lost',
      'found',
      'stop',
      'key-compromised',
      'recorded-wrongly',
    ]),
  }),
])
/** An event as it is asked for. */
export type ResidentEvent = z.input<typeof residentEvent>
type ParsedEvent = z.output<typeof residentEvent>

/** What an event brought: the name of a card just handed out, the id of a child just entered. */
export type EventOutcome = {
  readonly card?: string
  /** Of an event that was performed before: in whose file it stands. */
  readonly resident?: string
  /** It had been performed before under the same notice; nothing happened again. */
  readonly isRepeated?: true
}

/** Performs an event. Refusals as the window's operations have them. */
export async function performEvent(
  world: World,
  residentId: string,
  event: ParsedEvent,
): Promise<EventOutcome> {
  if (event.what === 'card') return { card: await handOutCard(world, residentId, event) }
  if (event.what === 'reissue') return { card: await reissueCard(world, residentId, event) }
  if (event.what === 'born') return { resident: await recordBirth(world, residentId, event) }
  await perform(world, residentId, event)
  return {}
}

/**
 * Performs what a sender has given a name, so that it may be sent again when the answer was lost: whatever happened in between, it
 * happens once, because the note of it is written in its own transaction. A card that was to be written after that
 * transaction and was not is reissued under another notice.
 */
export async function performOnce(
  world: World,
  notice: string,
  perform: (world: World) => Promise<EventOutcome>,
): Promise<EventOutcome> {
  const known = async (): Promise<EventOutcome | undefined> => {
    const row = await world.store.read(db =>
      db.selectFrom('event').select('resident_id').where('notice', '=', notice).executeTakeFirst(),
    )
    return row === undefined ? undefined : { resident: row.resident_id, isRepeated: true }
  }
  const done = await known()
  if (done !== undefined) return done
  try {
    return await perform({ ...world, notice })
  } catch (error) {
    // Sent twice at once: the other one was first, and left this one nothing to do.
    const isCollision = error instanceof UniqueViolation || error instanceof Refusal
    const other = isCollision ? await known() : undefined
    if (other !== undefined) return other
    throw error
  }
}

/** Events that hand out nothing. */
function perform(
  world: World,
  id: string,
  event: Exclude<ParsedEvent, { what: 'card' | 'reissue' | 'born' }>,
): Promise<void> {
  switch (event.what) {
    case 'renew':
      return renewCertificates(world, id, event)
    case 'signature':
      return reissueSignature(world, id, event)
    case 'reset-pin':
      return resetSecret(world, id, 'authentication', event.pin)
    case 'reset-password':
      return resetSecret(world, id, 'signature', event.password)
    case 'reset-text-pin':
      return resetSecret(world, id, 'text-pin', event.pin)
    case 'reset-resident-pin':
      return resetSecret(world, id, 'resident-pin', event.pin)
    case 'unblock-codes':
      return unblockCodes(world, id)
    case 'update-card':
      return updateCard(world, id)
    case 'move':
      return move(world, id, event)
    case 'rename':
      return rename(world, id, event)
    case 'join':
      return joinHousehold(world, id, event)
    case 'head':
      return becomeHead(world, id)
    case 'alias':
      return changeAlias(world, id, event.alias)
    case 'correct-trivially':
      return correctTrivially(world, id, event)
    case 'extend-stay':
      return extendStay(world, id, event)
    case 'extend-card':
      return extendCard(world, id)
    case 'begin-guardianship':
      return changeGuardianship(world, id, true)
    case 'end-guardianship':
      return changeGuardianship(world, id, false)
    case 'change-number':
      return changeNumber(world, id)
    case 'stay-ended':
      return removeFromRegister(world, id, { why: 'stay-ended' })
    case 'correct':
      return correct(world, id, event)
    case 'overseas':
      return removeFromRegister(world, id, { why: 'overseas', continues: event.continues })
    case 'deceased':
      return removeFromRegister(world, id, { why: 'deceased' })
    case 'residence-lost':
      return removeFromRegister(world, id, { why: 'removed' })
    case 'end-card':
      return notify(world, id, 'card-ended')
    case 'lost':
      return notify(world, id, 'lost')
    case 'found':
      return reportFound(world, id)
    case 'stop':
      return notify(world, id, 'stopped-by-holder')
    case 'key-compromised':
    case 'recorded-wrongly':
      return notify(world, id, event.what)
    default:
      return event satisfies never
  }
}
