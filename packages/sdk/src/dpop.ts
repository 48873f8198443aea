/** Tokens that are bound to a key (DPoP, RFC 9449): a key of this process, made when it is first needed, and the proof beside each call. */
import { exportJWK, SignJWT } from 'jose'
import * as oidc from 'openid-client'
import { toBase64Url } from './base64.ts'

/** How tokens are shown. */
export type Binding = {
  /** What binds a token that is asked for. */
  proof(): Promise<oidc.DPoPOptions>
  /** Headers of a call of the interface with a token. */
  authorization(method: string, url: string, token: string): Promise<Record<string, string>>
}

type Key = { readonly handle: oidc.DPoPHandle; readonly pair: oidc.CryptoKeyPair }

/** Makes it: with a key where tokens are bound, else they are shown as they are. */
export function createBinding(
  isBound: boolean,
  config: () => Promise<oidc.Configuration>,
): Binding {
  if (!isBound)
    return {
      proof: () => Promise.resolve({}),
      authorization: (_method, _url, token) =>
        Promise.resolve({ authorization: `Bearer ${token}` }),
    }
  let made: Promise<Key> | undefined
  const key = (): Promise<Key> => {
    made ??= makeKey(config).catch((thrown: unknown) => {
      // A platform that was away is asked again.
      made = undefined
      throw thrown
    })
    return made
  }
  return {
    proof: async () => ({ DPoP: (await key()).handle }),
    authorization: async (method, url, token) => ({
      authorization: `DPoP ${token}`,
      dpop: await proofOf((await key()).pair, { method, url, token }),
    }),
  }
}

async function makeKey(config: () => Promise<oidc.Configuration>): Promise<Key> {
  const pair = await oidc.randomDPoPKeyPair('ES256')
  return { pair, handle: oidc.getDPoPHandle(await config(), pair) }
}

/** §4.2: for one call with one token, once. */
async function proofOf(
  pair: oidc.CryptoKeyPair,
  call: { readonly method: string; readonly url: string; readonly token: string },
): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(call.token))
  const { origin, pathname } = new URL(call.url)
  const claims = {
    htm: call.method,
    htu: `${origin}${pathname}`,
    ath: toBase64Url(new Uint8Array(digest)),
    jti: oidc.randomState(),
  }
  const jwk = await exportJWK(pair.publicKey)
  return new SignJWT(claims)
    .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk })
    .setIssuedAt()
    .sign(pair.privateKey)
}
