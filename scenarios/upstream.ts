/** Another OpenID Provider for tests: the library with its own pages, at a host of its own, where anybody logs in by typing a name. */
import { createServer, type Server } from 'node:http'
import { createKey, privateJwkOf } from '@sekisho/runtime/keys'
import { Provider } from 'oidc-provider'

/** A running one. */
export type Upstream = AsyncDisposable & {
  readonly issuer: string
  /** Signs with another key from now on. */
  rotate(): Promise<void>
  /** Does not answer any more, or answers again. */
  away(isAway: boolean): void
}

/** Starts it on a port. `platform` is where the platform's key and addresses are. */
export async function startUpstream(
  given: { readonly id: string; readonly port: number },
  platform: { readonly url: string; readonly fetch: typeof fetch },
): Promise<Upstream> {
  const issuer = `http://${given.id}.localhost:${given.port}`
  const answer = await platform.fetch(`${platform.url}/gateway/jwks`)
  const jwks = (await answer.json()) as { keys: [] }
  const make = async (): Promise<ReturnType<Provider['callback']>> => {
    const key = privateJwkOf(await createKey('ec-p256'))
    const provider = new Provider(issuer, {
      clients: [
        {
          client_id: 'sekisho',
          redirect_uris: [`${platform.url}/gateway/${given.id}/callback`],
          token_endpoint_auth_method: 'private_key_jwt',
          id_token_signed_response_alg: 'ES256',
          jwks,
        },
      ],
      jwks: { keys: [key] },
      cookies: { keys: ['for tests'] },
      pkce: { required: () => true },
      findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    })
    return provider.callback()
  }
  let callback = await make()
  let isAway = false
  const server: Server = createServer((request, response) => {
    if (isAway) request.socket.destroy()
    else void callback(request, response)
  })
  await new Promise<void>(resolve => {
    server.listen(given.port, '127.0.0.1', resolve)
  })
  return {
    issuer,
    rotate: async () => {
      callback = await make()
    },
    away: value => {
      isAway = value
    },
    [Symbol.asyncDispose]: () =>
      new Promise(resolve => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
