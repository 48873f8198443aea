/** A service provider of a test's own: registered with its own keys, on nothing but the SDK. */
import { createServer } from '@sekisho/runtime/http'
import { createKey, privateJwkOf, publicJwkOf } from '@sekisho/runtime/keys'
import type { Log } from '@sekisho/runtime/log'
import { type Fetch, freePort } from '@sekisho/runtime/net'
import { createSekisho, type Sekisho, type SekishoOptions } from '@sekisho/sdk'

type JWK = SekishoOptions['privateKey']

/** How the provider is registered. */
export type TestProviderSettings = {
  readonly id: string
  /** Contracted scopes, space-separated. */
  readonly scope?: string
  readonly revocation?: 'crl' | 'ocsp'
  /** Whether it is a registered verifier of signatures. */
  readonly isSignatureVerifier?: boolean
  /** Whether its current-status checks are told apart and count once a year. */
  readonly isCurrentStatusGranted?: boolean | undefined
  /** Further members of its registration. */
  readonly metadata?: (origin: string) => Readonly<Record<string, unknown>>
  /** In place of the town's own, to see what the provider sees. */
  readonly fetch?: (fetch: Fetch) => Fetch
}

/** A registered provider. */
export type TestProvider = {
  readonly id: string
  readonly sekisho: Sekisho
  /** Where people come back to. */
  readonly redirectUri: string
  /** Its private key, for a test that is a relying party by other means than the SDK. */
  readonly key: JWK
  /** Logout tokens that it was sent, oldest first. The first `refusals` of them it does not take. */
  readonly logouts: { readonly tokens: string[]; refusals: number }
  /** Registers it anew with other scopes. */
  contract(scope: string): Promise<void>
  stop(): Promise<void>
}

/** Registers and starts it. */
export async function startTestProvider(
  given: TestProviderSettings,
  world: {
    readonly issuer: string
    readonly fetch: Fetch
    readonly log: Log
    readonly register: (metadata: unknown) => Promise<unknown>
  },
): Promise<TestProvider> {
  const port = await freePort()
  const origin = `http://${given.id}.localhost:${port}`
  const key = await createKey('ec-p256')
  const redirectUri = `${origin}/callback`
  const contract = async (scope: string): Promise<void> => {
    await world.register({
      client_id: given.id,
      client_name: `試験 ${given.id}`,
      redirect_uris: [redirectUri],
      jwks: { keys: [publicJwkOf(key)] },
      scope,
      sekisho_purpose: '試験のため',
      sekisho_rate_per_second: 100_000,
      sekisho_revocation: given.revocation ?? 'crl',
      sekisho_signature_verifier: given.isSignatureVerifier ?? false,
      sekisho_current_status: given.isCurrentStatusGranted ?? false,
      ...given.metadata?.(origin),
    })
  }
  await contract(
    given.scope ??
      'openid name address birthdate gender sign verify change link statement mandate procedure mail',
  )
  const server = await createServer({ name: given.id, log: world.log, publicOrigin: origin })
  server.app.get('/callback', (_request, reply) =>
    reply.type('text/html; charset=utf-8').send('<!doctype html><title>back</title>'),
  )
  const logouts = { tokens: [] as string[], refusals: 0 }
  server.app.post('/logout-token', (request, reply) => {
    const { logout_token: token } = request.body as { logout_token?: string }
    if (logouts.refusals-- > 0) return reply.code(503).send()
    logouts.tokens.push(token ?? '')
    return reply.code(200).send()
  })
  await server.listen(port)
  const privateKey = { ...privateJwkOf(key), kid: key.keyId, alg: 'ES256' }
  return {
    id: given.id,
    redirectUri,
    key: privateKey,
    logouts,
    contract,
    sekisho: createSekisho({
      issuer: world.issuer,
      clientId: given.id,
      privateKey,
      redirectUri,
      fetch: given.fetch?.(world.fetch) ?? world.fetch,
      dangerAllowHttp: true,
    }),
    stop: () => server.stop(),
  }
}
