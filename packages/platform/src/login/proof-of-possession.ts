/**
 * Calls of the REST interface with a token that is bound to a key: the caller proves the key at every call, by a DPoP proof (RFC 9449
 * §4.3) or by the certificate of the connection (RFC 8705 §3). A bound token without its proof is worth nothing, whoever sends it.
 */
import { constants, createHash, createPublicKey, verify, type X509Certificate } from 'node:crypto'

/** The key that a token is bound to. */
export type Binding =
  | { readonly kind: 'dpop'; readonly thumbprint: string }
  | { readonly kind: 'certificate'; readonly thumbprint: string }

/** A call that is to prove its token. */
export type ProvenCall = {
  readonly method: string
  /** Address without query, as the platform publishes it. */
  readonly url: string
  readonly token: string
  /** The header `DPoP`. */
  readonly proof: string | undefined
  readonly certificate: X509Certificate | undefined
}

/** Seconds by which the clock of a caller may differ (RFC 9449 §11.1: on the order of seconds or minutes). */
const clockSkewSeconds = 60

/** Seconds for which a proof is remembered, so that it serves once. */
export const proofSeconds = 2 * clockSkewSeconds

/** Characters of a proof: a P-256 or RSA key with its signature. */
const proofMax = 4096

/** Whether the connection's certificate is the one that the token is bound to. */
export function isCertificateProven(binding: Binding, call: ProvenCall): boolean {
  return (
    binding.kind === 'certificate' &&
    call.certificate !== undefined &&
    createHash('sha256').update(call.certificate.raw).digest('base64url') === binding.thumbprint
  )
}

/**
 * The id of a proof that stands for this call and this token by the key that the token is bound to; undefined for anything else. `now` in
 * seconds. The caller must see to it that an id serves once.
 */
export function readProof(binding: Binding, call: ProvenCall, now: number): string | undefined {
  const { proof } = call
  if (binding.kind !== 'dpop' || proof === undefined || proof.length > proofMax) return undefined
  const [head = '', body = '', signature = '', ...more] = proof.split('.')
  const header = membersOf(head)
  const claims = membersOf(body)
  if (header === undefined || claims === undefined || more.length > 0) return undefined
  const { typ, alg, jwk } = header
  if (typ !== 'dpop+jwt' || !isKey(jwk) || thumbprintOf(jwk) !== binding.thumbprint)
    return undefined
  if (!isSigned(`${head}.${body}`, signature, jwk, alg)) return undefined
  const { jti, iat, htm, htu, ath } = claims
  const isOfCall =
    htm === call.method &&
    typeof htu === 'string' &&
    isSameAddress(htu, call.url) &&
    ath === createHash('sha256').update(call.token).digest('base64url')
  const isFresh = typeof iat === 'number' && Math.abs(now - iat) <= clockSkewSeconds
  return isOfCall && isFresh && typeof jti === 'string' && jti !== '' ? jti : undefined
}

type Members = Readonly<Record<string, unknown>>

function membersOf(part: string): Members | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString())
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Members)
      : undefined
  } catch {
    return undefined
  }
}

/** A public key of the kinds that sign proofs, without any private part. */
function isKey(jwk: unknown): jwk is Members {
  if (typeof jwk !== 'object' || jwk === null || 'd' in jwk || !('kty' in jwk)) return false
  return jwk.kty === 'EC' || jwk.kty === 'RSA' || jwk.kty === 'OKP'
}

/** RFC 7638 §3: the required members in order. */
function thumbprintOf(jwk: Members): string {
  const required = {
    EC: ['crv', 'kty', 'x', 'y'],
    RSA: ['e', 'kty', 'n'],
    OKP: ['crv', 'kty', 'x'],
  }
  const names = required[jwk['kty'] as keyof typeof required]
  const canonical = JSON.stringify(Object.fromEntries(names.map(name => [name, jwk[name]])))
  return createHash('sha256').update(canonical).digest('base64url')
}

function isSigned(text: string, signature: string, jwk: Members, alg: unknown): boolean {
  try {
    const key = createPublicKey({ key: jwk, format: 'jwk' })
    const bytes = Buffer.from(signature, 'base64url')
    const { namedCurve } = key.asymmetricKeyDetails ?? {}
    if (alg === 'ES256' && namedCurve === 'prime256v1')
      return verify('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }, bytes)
    if (alg === 'EdDSA' && key.asymmetricKeyType === 'ed25519')
      return verify(null, Buffer.from(text), key, bytes)
    if (alg === 'PS256' && key.asymmetricKeyType === 'rsa')
      return verify(
        'sha256',
        Buffer.from(text),
        { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
        bytes,
      )
    return false
  } catch {
    return false
  }
}

/** Addresses are compared without query and fragment (RFC 9449 §4.3 step 9). */
function isSameAddress(given: string, expected: string): boolean {
  if (!URL.canParse(given)) return false
  const url = new URL(given)
  url.hash = ''
  url.search = ''
  return url.href === new URL(expected).href
}
