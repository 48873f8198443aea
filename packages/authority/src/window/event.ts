/** Everything that can be done for a resident at the window, as one message: the screen and the command line speak it. */
import { z } from 'zod'
import type { World } from '../world.ts'
import {
  changeAttributes,
  handOutCard,
  reissueSignature,
  removeFromRegister,
  renewCertificates,
  reportFound,
  reportLost,
  resetSecret,
  stopCertificates,
} from './desk.ts'

const secrets = { pin: z.string().max(4), password: z.string().max(16) }

/** An event with what it needs. */
export const residentEvent = z.discriminatedUnion('what', [
  z.strictObject({
    what: z.literal('card'),
    ...secrets,
    withSignature: z.boolean().default(true),
    demandsPinAlways: z.boolean().default(false),
  }),
  z.strictObject({ what: z.literal('reissue'), ...secrets }),
  z.strictObject({ what: z.literal('renew'), ...secrets }),
  z.strictObject({ what: z.literal('signature'), ...secrets }),
  z.strictObject({
    what: z.literal('move'),
    municipality: z.string().regex(/^\d{5}$/),
    address: z.string().min(1).max(200),
  }),
  z.strictObject({ what: z.literal('rename'), name: z.string().min(1).max(100) }),
  z.strictObject({ what: z.literal('deceased') }),
  z.strictObject({ what: z.literal('overseas') }),
  z.strictObject({ what: z.literal('lost') }),
  z.strictObject({ what: z.literal('found') }),
  z.strictObject({ what: z.literal('stop') }),
  z.strictObject({ what: z.literal('key-compromised') }),
  z.strictObject({ what: z.literal('reset-pin'), pin: z.string().max(4) }),
  z.strictObject({ what: z.literal('reset-password'), password: z.string().max(16) }),
])
export type ResidentEvent = z.infer<typeof residentEvent>

/** Performs an event. Refusals as the window's operations have them. `card` is the name of a card just handed out. */
export async function performEvent(
  world: World,
  residentId: string,
  event: ResidentEvent,
): Promise<{ readonly card?: string }> {
  switch (event.what) {
    case 'card':
      return { card: await handOutCard(world, residentId, event, event) }
    case 'reissue': {
      const wishes = { withSignature: true, demandsPinAlways: false }
      return { card: await handOutCard(world, residentId, event, wishes, { isReissue: true }) }
    }
    case 'renew':
      await renewCertificates(world, residentId, event)
      return {}
    case 'signature':
      await reissueSignature(world, residentId, event)
      return {}
    case 'move':
      await changeAttributes(world, residentId, event)
      return {}
    case 'rename':
      await changeAttributes(world, residentId, { name: event.name })
      return {}
    case 'deceased':
    case 'overseas':
      await removeFromRegister(world, residentId, event.what)
      return {}
    case 'lost':
      await reportLost(world, residentId)
      return {}
    case 'found':
      await reportFound(world, residentId)
      return {}
    case 'stop':
      await stopCertificates(world, residentId, 'stopped-by-holder')
      return {}
    case 'key-compromised':
      await stopCertificates(world, residentId, 'key-compromised')
      return {}
    case 'reset-pin':
      await resetSecret(world, residentId, 'authentication', event.pin)
      return {}
    case 'reset-password':
      await resetSecret(world, residentId, 'signature', event.password)
      return {}
    default:
      return event satisfies never
  }
}
