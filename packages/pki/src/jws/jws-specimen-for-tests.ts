/** JWS specimens for tests: signatures of a specimen person, and headers that break rules, really signed. */
import { type JadesRequest, prepareJades } from '../assemble/jades.ts'
import { rawSignature } from '../assemble/raw-signature.ts'
import { encodeBase64 } from '../base64.ts'
import { cmsAuthority, cmsLeaf, stampTrust } from '../cms-specimen-for-tests.ts'
import { importPublicKey } from '../crypto.ts'
import { KeyCache } from '../key-cache.ts'
import { jpkiTown } from '../profile.ts'
import { specimenCrl, specimenNow } from '../specimen-for-tests.ts'
import { bytesOf, rsaSigner, type XmlSigner } from '../xml/xml-specimen-for-tests.ts'
import { joseAlgorithmOf } from './jose-algorithm.ts'
import type { JwsDemands } from './jws-validation.ts'

const keys = new KeyCache(64)

/** A document as a citizen may sign it. */
export const jwsDocument = bytesOf('{"申請":"委任","氏名":"見本　花子"}')

/** A finished specimen signature, attached and flattened unless told otherwise. */
export function jadesSpecimen(
  vary: Partial<JadesRequest> = {},
  signer: XmlSigner = rsaSigner,
): Uint8Array {
  const prepared = prepareJades({
    content: { kind: 'attached', bytes: jwsDocument, contentType: 'json' },
    serialization: 'flattened',
    certificate: signer.certificate,
    certificates: [],
    algorithm: 'rsa-sha256',
    signingTime: specimenNow - 120_000,
    ...vary,
  })
  return prepared.finish(signer.key.sign(vary.algorithm ?? 'rsa-sha256', prepared.toBeSigned))
}

/** What a JWS made by hand is to hold. */
export interface HandMadeJws {
  /** The protected header as text; undefined: `alg` and `x5c`. */
  readonly header?: string
  readonly payload?: string
  readonly signer?: XmlSigner
}

/** Members of a header that names the specimen person's certificate. */
export const x5c = `"x5c":["${encodeBase64(cmsLeaf.raw, 'xml')}"]`

/** The parts of a signature over any header and payload texts, as base64url, the payload too unless it is plain. */
export function partsByHand(vary: HandMadeJws = {}): {
  readonly protected: string
  readonly payload: string
  readonly signature: string
} {
  const signer = vary.signer ?? rsaSigner
  const text = vary.header ?? `{"alg":"RS256",${x5c}}`
  const head = encodeBase64(bytesOf(text), 'url')
  const isPlain = /"b64":false/.test(text)
  const given = vary.payload ?? 'payload'
  const payload = isPlain ? given : encodeBase64(bytesOf(given), 'url')
  const named = joseAlgorithmOf(/"alg":"([^"]*)"/.exec(text)?.[1] ?? '')
  const algorithm = named === 'weak' || named === 'unsupported' ? 'rsa-sha256' : named
  const value = signer.key.sign(algorithm, bytesOf(`${head}.${payload}`))
  const { facts } = importPublicKey(signer.certificate.spki)
  const raw = facts.kind === 'ec' ? rawSignature(value, facts) : value
  return { protected: head, payload, signature: encodeBase64(raw, 'url') }
}

/** A compact JWS made by hand. */
export function compactByHand(vary: HandMadeJws = {}): Uint8Array {
  const parts = partsByHand(vary)
  return bytesOf(`${parts.protected}.${parts.payload}.${parts.signature}`)
}

/** Demands that a specimen signature meets. */
export function jwsDemands(jws: Uint8Array, vary: Partial<JwsDemands> = {}): JwsDemands {
  return {
    jws,
    payload: undefined,
    files: new Map(),
    level: 'jades-b',
    at: specimenNow,
    anchors: [cmsAuthority.certificate],
    certificates: [],
    revocation: { kind: 'crls', lists: [specimenCrl('signature', cmsAuthority)] },
    rules: {
      kind: 'profile',
      profile: jpkiTown,
      purpose: 'signature',
      poolKeys: 'danger-accepted',
    },
    timeStamps: stampTrust,
    keys,
    ...vary,
  }
}

/** Demands that look at nothing but the signature: RFC 5280's rules and no revocation. */
export function looseJwsDemands(jws: Uint8Array, vary: Partial<JwsDemands> = {}): JwsDemands {
  return jwsDemands(jws, {
    level: 'jws',
    revocation: { kind: 'danger-unchecked' },
    rules: {
      kind: 'standard',
      policies: {
        acceptable: 'any',
        isExplicitRequired: false,
        isMappingInhibited: false,
        isAnyInhibited: false,
      },
      purpose: undefined,
    },
    ...vary,
  })
}
