/**
 * Signatures of the protocol's cookies: HMAC with SHA-256, the newest secret signs and the former ones are still believed. In place of the cookie
 * library's own, which computes five of them, with SHA-1, where one is needed.
 */
import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto'

/** As the cookie library asks for it (`keygrip`). */
export type CookieSignatures = {
  sign(data: string): string
  verify(data: string, signature: string): boolean
  /** Which secret signed; -1: none of them. Other than 0 has the cookie signed anew. */
  index(data: string, signature: string): number
}

/** Signs with the first of the secrets. */
export function createCookieSignatures(secrets: readonly string[]): CookieSignatures {
  const keys = secrets.map(secret => createSecretKey(Buffer.from(secret)))
  const [newest] = keys
  if (newest === undefined) throw new Error('cookies are signed with a secret')
  const signWith = (key: typeof newest, data: string): string =>
    createHmac('sha256', key).update(data).digest('base64url')
  const index: CookieSignatures['index'] = (data, signature) => {
    const given = Buffer.from(signature)
    return keys.findIndex(key => {
      const own = Buffer.from(signWith(key, data))
      return own.length === given.length && timingSafeEqual(own, given)
    })
  }
  return {
    sign: data => signWith(newest, data),
    verify: (data, signature) => index(data, signature) >= 0,
    index,
  }
}
