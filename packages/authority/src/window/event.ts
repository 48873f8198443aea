/** Everything that can be done for a resident at the window, as one message: the screen and the command line speak it. */
import { z } from 'zod'
import type { World } from '../world.ts'
import {
  handOutCard,
  reissueCard,
  reissueSignature,
  renewCertificates,
  resetSecret,
} from './desk.ts'
import {
  correct,
  endCard,
  endCertificates,
  move,
  removeFromRegister,
  rename,
  reportFound,
  reportLost,
} from './notification.ts'

const pin = z.string().max(4).optional()
const password = z.string().max(16).optional()
const cardWish = {
  pin,
  password,
  withAuthentication: z.boolean().default(true),
  withSignature: z.boolean().default(true),
  demandsPinAlways: z.boolean().default(false),
}
const birthDate = z.strictObject({
  year: z.int(),
  month: z.int().nullable(),
  day: z.int().nullable(),
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
  }),
  // `pin` is not used: who sets both secrets at once need not tell the two apart.
  z.strictObject({ what: z.literal('signature'), password, pin }),
  z.strictObject({ what: z.literal('reset-pin'), pin: z.string().max(4) }),
  z.strictObject({ what: z.literal('reset-password'), password: z.string().max(16) }),
  z.strictObject({
    what: z.literal('move'),
    municipality: z.string().regex(/^\d{5}$/),
    address: z.string().min(1).max(200),
  }),
  z.strictObject({ what: z.literal('rename'), name: z.string().min(1).max(100) }),
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

/** Performs an event. Refusals as the window's operations have them. `card` is the name of a card just handed out. */
export async function performEvent(
  world: World,
  residentId: string,
  event: ParsedEvent,
): Promise<{ readonly card?: string }> {
  if (event.what === 'card') return { card: await handOutCard(world, residentId, event) }
  if (event.what === 'reissue') return { card: await reissueCard(world, residentId, event) }
  await perform(world, residentId, event)
  return {}
}

/** Events that hand out nothing. */
function perform(
  world: World,
  id: string,
  event: Exclude<ParsedEvent, { what: 'card' | 'reissue' }>,
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
    case 'move':
      return move(world, id, event)
    case 'rename':
      return rename(world, id, event.name)
    case 'correct':
      return correct(world, id, event)
    case 'overseas':
      return removeFromRegister(world, id, { why: 'overseas', continues: event.continues })
    case 'deceased':
      return removeFromRegister(world, id, { why: 'deceased' })
    case 'residence-lost':
      return removeFromRegister(world, id, { why: 'removed' })
    case 'end-card':
      return endCard(world, id)
    case 'lost':
      return reportLost(world, id)
    case 'found':
      return reportFound(world, id)
    case 'stop':
      return endCertificates(world, id, 'stopped-by-holder')
    case 'key-compromised':
    case 'recorded-wrongly':
      return endCertificates(world, id, event.what)
    default:
      return event satisfies never
  }
}
