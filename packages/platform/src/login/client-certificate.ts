/**
 * Certificates with which providers open TLS connections (RFC 8705). TLS ends at a proxy in front of the platform, which passes the
 * certificate on as RFC 9440 says. Anybody who reaches the platform past the proxy could send the same header, so it counts only beside a
 * secret that proxy and platform share; without both, and for a header that is not one certificate, there is no certificate.
 */
import { createHash, timingSafeEqual, X509Certificate } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/** The TLS proxy in front of the platform. */
export type TlsProxySettings = {
  /** What the proxy sends in `sekisho-proxy`, after it has removed both headers from what came in. */
  readonly secret: string
  /** PEM of the CAs whose certificates `tls_client_auth` takes, each the direct issuer. */
  readonly clientAuthorities: readonly string[]
}

/** What the protocol asks about certificates. */
export type ClientCertificates = {
  /** The certificate of a request's connection, if the proxy vouches for it. */
  of(headers: IncomingHttpHeaders): X509Certificate | undefined
  /** Whether a known CA has issued it for clients, and it is valid at an instant. */
  isIssued(certificate: X509Certificate, at: number): boolean
  /** Whether one of its alternative names is exactly this. */
  hasName(certificate: X509Certificate, kind: 'DNS' | 'URI', name: string): boolean
}

/** Characters of a secret below which it could be guessed: 128 bits in base64. */
const secretMin = 22

/** Whether a secret is long enough to count. */
export function isSecretStrong(secret: string): boolean {
  return secret.length >= secretMin
}

/** Reads certificates as the proxy passes them on; throws at a CA that is none. */
export function createClientCertificates(settings: TlsProxySettings): ClientCertificates {
  const authorities = settings.clientAuthorities.map(pem => new X509Certificate(pem))
  if (authorities.some(each => !each.ca)) throw new Error('a client authority that is no CA')
  return {
    of: headers => {
      const { 'sekisho-proxy': secret, 'client-cert': passed } = headers
      if (typeof secret !== 'string' || !isEqual(secret, settings.secret)) return undefined
      return typeof passed === 'string' ? readPassed(passed) : undefined
    },
    isIssued: (certificate, at) =>
      certificate.validFromDate.getTime() <= at &&
      at <= certificate.validToDate.getTime() &&
      isForClients(certificate) &&
      authorities.some(
        each =>
          each.validToDate.getTime() >= at &&
          certificate.checkIssued(each) &&
          certificate.verify(each.publicKey),
      ),
    hasName: (certificate, kind, name) => namesOf(certificate).includes(`${kind}:${name}`),
  }
}

/** RFC 9440 §2.1: a byte sequence of structured fields, the DER between colons. */
function readPassed(passed: string): X509Certificate | undefined {
  const base64 = /^:([A-Za-z0-9+/]{1,16384}={0,2}):$/.exec(passed)?.[1]
  if (base64 === undefined) return undefined
  try {
    return new X509Certificate(Buffer.from(base64, 'base64'))
  } catch {
    return undefined
  }
}

/** Extended key usage clientAuth (RFC 5280 §4.2.1.12); a certificate that names no usage is for none here. */
function isForClients(certificate: X509Certificate): boolean {
  const usages: readonly string[] | undefined = certificate.keyUsage
  return usages?.includes('1.3.6.1.5.5.7.3.2') ?? false
}

/** Alternative names as Node writes them; one with characters that it has to quote could be read in two ways and is left out. */
function namesOf(certificate: X509Certificate): readonly string[] {
  const text = certificate.subjectAltName ?? ''
  return text.includes('"') ? [] : text.split(', ')
}

function isEqual(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}
