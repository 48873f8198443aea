/** CMS specimens for tests: signatures of a specimen person, a time-stamp authority, and containers that break rules. */
import { encodeHashAlgorithm, encodeSignatureAlgorithm } from './algorithm.ts'
import { prepareCades } from './assemble/cades.ts'
import {
  encodeAttribute,
  encodeSignedAttributes,
  encodeSignedData,
} from './assemble/signed-data.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import { contentTypes } from './cms.ts'
import { attributeIds } from './cms-attribute.ts'
import type { CmsDemands } from './cms-validation.ts'
import { digest } from './crypto.ts'
import { contextConstructed } from './der.ts'
import { element, integer, octetString, retag, sequence, utcTime } from './der-writer.ts'
import { extension, issueCertificate, keyIdentifier } from './issue/certificate.ts'
import { poolKey } from './issue/pool.ts'
import {
  issueTimeStampCertificate,
  issueTimeStampToken,
  type TimeStampContent,
} from './issue/time-stamp.ts'
import { KeyCache } from './key-cache.ts'
import { encodeName } from './name.ts'
import { jpkiTown } from './profile.ts'
import { specimenAuthority, specimenCrl, specimenLeaf, specimenNow } from './specimen-for-tests.ts'

export const cmsAuthority = specimenAuthority('signature', 0)
export const cmsLeaf = specimenLeaf('signature', cmsAuthority, 1)
export const cmsDocument = new TextEncoder().encode('委任状　見本花子')
const keys = new KeyCache(64)
const day = 24 * 3_600_000

const stampKey = poolKey(30)
/** Root of the time-stamp authority. */
export const stampRoot: Certificate = rootOf('Stamp Root', 30, specimenNow + 3000 * day)
export const stampIssuer = {
  certificate: stampRoot,
  algorithm: 'rsa-sha256',
  sign: stampKey.sign,
} as const

/** The time-stamp authority, valid for years around `specimenNow`. */
export const stampAuthority = authorityUnder(stampIssuer, 31, specimenNow + 2900 * day)

/** Root of an authority that outlives the first by years. */
export function laterStampRoot(): typeof stampIssuer {
  return {
    certificate: rootOf('Later Stamp Root', 32, specimenNow + 6000 * day),
    algorithm: 'rsa-sha256',
    sign: poolKey(32).sign,
  }
}

/** The authority under that root. */
export function laterStampAuthority(root: typeof stampIssuer): typeof stampAuthority {
  return authorityUnder(root, 33, specimenNow + 5900 * day)
}

function rootOf(commonName: string, key: number, notAfter: number): Certificate {
  const name = encodeName([
    ['2.5.4.6', 'JP'],
    ['2.5.4.3', commonName],
  ])
  const content = {
    serial: Uint8Array.of(1),
    issuer: name,
    subject: name,
    notBefore: specimenNow - 1000 * day,
    notAfter,
    spki: poolKey(key).spki,
    extensions: [
      extension.keyUsage((1 << 5) | (1 << 6)),
      extension.basicConstraints(true),
      extension.subjectKeyIdentifier(keyIdentifier(poolKey(key).spki)),
    ],
  }
  return parseCertificate(issueCertificate(content, 'rsa-sha256', poolKey(key).sign))
}

function authorityUnder(
  issuer: {
    readonly certificate: Certificate
    readonly algorithm: 'rsa-sha256'
    readonly sign: typeof stampKey.sign
  },
  key: number,
  notAfter: number,
) {
  const certificate = parseCertificate(
    issueTimeStampCertificate({
      issuer,
      serial: Uint8Array.of(2),
      spki: poolKey(key).spki,
      notBefore: specimenNow - 900 * day,
      notAfter,
      commonName: 'Stamp',
    }),
  )
  return { certificate, algorithm: 'rsa-sha256', sign: poolKey(key).sign } as const
}

/** A certificate on the stamp authority's key that is not for time-stamping alone. */
export function unfitStampCertificate(): Certificate {
  const content = {
    ...stampAuthority.certificate,
    serial: Uint8Array.of(3),
    extensions: [extension.extendedKeyUsage(['1.3.6.1.5.5.7.3.8'], false)],
  }
  return parseCertificate(issueCertificate(content, 'rsa-sha256', stampKey.sign))
}

/** A token over bytes, with the fields given changed. */
export function stampOver(
  stamped: Uint8Array,
  vary: Partial<TimeStampContent> = {},
  authority: Parameters<typeof issueTimeStampToken>[1] = stampAuthority,
): Uint8Array {
  return issueTimeStampToken(
    {
      policy: '2.999.1',
      hash: 'sha256',
      value: digest('sha256', stamped),
      serial: Uint8Array.of(9),
      at: specimenNow - 60_000,
      accuracyMs: 500,
      nonce: undefined,
      ...vary,
    },
    authority,
  )
}

/** Trust in the specimen authority; its revocation is not looked at. */
export const stampTrust = {
  anchors: [stampRoot],
  intermediates: [],
  revocation: { kind: 'danger-unchecked' },
} as const

/** A CAdES-B signature over `cmsDocument`. */
export function cadesSpecimen(
  vary: {
    readonly certificate?: Certificate
    readonly keyIndex?: number
    readonly isDetached?: boolean
  } = {},
): Uint8Array {
  const prepared = prepareCades({
    content: { kind: vary.isDetached === true ? 'detached' : 'attached', bytes: cmsDocument },
    certificate: vary.certificate ?? cmsLeaf,
    certificates: [],
    algorithm: 'rsa-sha256',
    signingTime: specimenNow - 120_000,
  })
  return prepared.finish(poolKey(vary.keyIndex ?? 1).sign('rsa-sha256', prepared.toBeSigned))
}

/** What may be wrong in a container made by hand. Each is signed afterwards, so that only the rule itself is broken. */
export interface HandMade {
  /** Encoded attributes; undefined: the usual ones. */
  readonly attributes?: readonly Uint8Array[]
  /** Whether the attributes are written in the order given and not in that of DER. */
  readonly isUnsorted?: boolean
  readonly contentType?: string
  readonly content?: Uint8Array
  readonly digestAlgorithm?: Uint8Array
  readonly signatureAlgorithm?: Uint8Array
  readonly certificate?: Certificate
  /** The signature is over the content itself. */
  readonly isBare?: boolean
  readonly hasNoCertificates?: boolean
}

/** The usual attributes, each encoded. */
export const usualAttributes = {
  contentType: encodeAttribute(
    attributeIds.contentType,
    // id-data
    Uint8Array.from([6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1]),
  ),
  messageDigest: encodeAttribute(
    attributeIds.messageDigest,
    octetString(digest('sha256', cmsDocument)),
  ),
  signingTime: encodeAttribute(attributeIds.signingTime, utcTime(specimenNow - 120_000)),
  signingCertificate: encodeAttribute(
    attributeIds.signingCertificateV2,
    sequence(sequence(sequence(octetString(digest('sha256', cmsLeaf.raw))))),
  ),
} as const

/** A container made by hand, signed by the specimen person's key. */
export function handMade(vary: HandMade = {}): Uint8Array {
  const certificate = vary.certificate ?? cmsLeaf
  const content = vary.content ?? cmsDocument
  const sorted = encodeSignedAttributes({
    contentType: contentTypes.data,
    contentDigest: digest('sha256', content),
    certificate,
    more: [],
  })
  const given = vary.attributes
  const attributes =
    given === undefined
      ? sorted
      : element(0x31, ...(vary.isUnsorted === true ? given : given.toSorted(Buffer.compare)))
  const message = vary.isBare === true ? content : attributes
  const signer = sequence(
    integer(1),
    sequence(certificate.issuer.raw, integer(certificate.serial)),
    vary.digestAlgorithm ?? encodeHashAlgorithm('sha256'),
    ...(vary.isBare === true ? [] : [retag(contextConstructed(0), attributes)]),
    vary.signatureAlgorithm ?? encodeSignatureAlgorithm('rsa-sha256'),
    octetString(poolKey(1).sign('rsa-sha256', message)),
  )
  return encodeSignedData({
    contentType: vary.contentType ?? contentTypes.data,
    content,
    digestAlgorithms: [encodeHashAlgorithm('sha256')],
    certificates: vary.hasNoCertificates === true ? [] : [certificate.raw],
    crls: [],
    ocspResponses: [],
    signers: [signer],
  })
}

/** Demands that a specimen signature meets. */
export function cmsDemands(cms: Uint8Array, vary: Partial<CmsDemands> = {}): CmsDemands {
  return {
    cms,
    content: undefined,
    level: 'cades-b',
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
