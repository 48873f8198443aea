/** The life insurer of the scenarios (D2): registered at a town, with books of its own that outlive its process. */
import { generateKeyPairSync } from 'node:crypto'
import type { TestTown } from '@sekisho/cli/testkit'
import { temporaryFolder } from '@sekisho/runtime/files'
import { silentLog } from '@sekisho/runtime/log'
import { freePort } from '@sekisho/runtime/net'
import { systemRandom } from '@sekisho/runtime/random'
import { openEmbedded } from '@sekisho/runtime/store'
import { type Insurer, startInsurer } from '@sekisho/services/insurer'

/** Registers it and opens its books. */
export async function openInsurer(town: TestTown) {
  const folder = await temporaryFolder('insurer')
  const engine = await openEmbedded(folder.path)
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const port = await freePort()
  const origin = `http://insurer.localhost:${port}`
  await town.admin('platform', 'provider-add', {
    client_id: 'insurer',
    client_name: '架空生命保険',
    redirect_uris: [`${origin}/callback`, `${origin}/signed`],
    jwks: {
      keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'ES256', use: 'sig' }],
    },
    scope: 'openid name sign change mail statement',
    sekisho_purpose: '年金をお支払いするため',
    sekisho_rate_per_second: 100_000,
    sekisho_current_status: true,
  })
  return {
    origin,
    start: (): Promise<Insurer> =>
      startInsurer({
        port,
        publicOrigin: origin,
        engine,
        sekisho: {
          issuer: town.urls.platform,
          clientId: 'insurer',
          privateKey: { ...privateKey.export({ format: 'jwk' }), kid: 'k', alg: 'ES256' },
          dangerAllowHttp: true,
        },
        fetch: town.fetch,
        clock: town.clock,
        random: systemRandom(),
        log: silentLog(),
      }),
    close: async (): Promise<void> => {
      await engine.close()
      await folder.remove()
    },
  }
}
