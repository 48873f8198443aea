/** Commands of the machine's admin socket that are the platform's own. */
import { Refusal } from '@sekisho/contract'
import { z } from 'zod'
import { peopleCommands } from './api/people-admin.ts'
import { takeAnchor } from './console/act-kinds.ts'
import { staffCommands } from './console/start.ts'
import { renewDue, type RenewalWorld } from './evidence/renewal.ts'
import type { RevocationKeeper } from './evidence/revocation.ts'
import { askAboutPast, describePast } from './evidence/revocation-history.ts'
import type { Trust } from './evidence/trust.ts'
import { feeCommands } from './fees/admin.ts'
import { messages } from './message.ts'
import { applyProviders, exportProviders } from './providers/configuration.ts'
import { addProvider, listProviders, setProviderState } from './providers/registry.ts'
import { sweepChanges } from './watch/sweep.ts'
import type { World } from './world.ts'

/** Takes over what was published, then tells who watches. */
export async function refreshAndTell(world: World, keeper: RevocationKeeper): Promise<void> {
  await keeper.refresh()
  const events = await sweepChanges(world)
  if (events > 0) world.log.write(messages['platform.changes-told'], { events })
}

/** Commands of the admin socket. */
export function adminCommands(
  world: World,
  keeper: RevocationKeeper,
  given: { readonly renewal: RenewalWorld; readonly trust: Trust },
  mode: 'town' | 'production',
) {
  const pastBody = z.strictObject({
    certificate: z.base64(),
    at: z.iso.datetime(),
    knownAt: z.iso.datetime(),
  })
  const stateBody = z.strictObject({ id: z.string(), state: z.enum(['active', 'suspended']) })
  return {
    'provider-add': async (body: unknown) => {
      const added = await addProvider(world.store, body, { at: world.clock.now(), mode })
      return { id: added.id, scopes: [...added.scopes] }
    },
    'provider-export': () => exportProviders(world.store),
    'provider-apply': (body: unknown) =>
      applyProviders(world.store, body, { at: world.clock.now(), mode }),
    'provider-list': async () =>
      (await listProviders(world.store)).map(({ id, name, state }) => ({ id, name, state })),
    'provider-state': async (body: unknown) => {
      const parsed = stateBody.safeParse(body)
      if (!parsed.success) throw new Refusal('request-malformed')
      await setProviderState(world.store, parsed.data.id, parsed.data.state)
      return {}
    },
    ...feeCommands(world),
    ...peopleCommands(world),
    ...staffCommands(world),
    'anchor-add': async (body: unknown) => {
      const parsed = z.strictObject({ certificate: z.base64() }).safeParse(body)
      if (!parsed.success) throw new Refusal('request-malformed')
      const der = new Uint8Array(Buffer.from(parsed.data.certificate, 'base64'))
      return takeAnchor(world, { trust: given.trust, keeper }, der)
    },
    'containers-renew': async () => ({ containers: await renewDue(given.renewal) }),
    'ledger-key': () => Promise.resolve({ key: world.ledger.verifierKey }),
    'status-as-known': async (body: unknown) => {
      const parsed = pastBody.safeParse(body)
      if (!parsed.success) throw new Refusal('request-malformed')
      const { certificate, at, knownAt } = parsed.data
      const question = {
        certificate: new Uint8Array(Buffer.from(certificate, 'base64')),
        at: Date.parse(at),
        knownAt: Date.parse(knownAt),
      }
      return describePast(await askAboutPast(question, { trust: given.trust, keeper }))
    },
    'revocation-refresh': async () => {
      await refreshAndTell(world, keeper)
      return { partitions: keeper.index().partitions.length }
    },
  }
}
