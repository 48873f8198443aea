/** Signed PDFs for tests: by specimen people, stamped by the specimen authority, and demands that they meet. */
import { addPdfValidationData, preparePdfTimeStamp } from '../assemble/pades-archive.ts'
import {
  addPdfSignatureTimeStamp,
  type PadesRequest,
  pdfSignatureToBeStamped,
  preparePades,
} from '../assemble/pades.ts'
import { patched } from '../assemble/pdf-update.ts'
import {
  cmsAuthority,
  cmsLeaf,
  stampAuthority,
  stampRoot,
  stampTrust,
} from '../cms-specimen-for-tests.ts'
import type { Certificate } from '../certificate.ts'
import { keyIdentifier } from '../issue/certificate.ts'
import { issueCrl } from '../issue/crl.ts'
import { poolKey } from '../issue/pool.ts'
import { issueTimeStampToken } from '../issue/time-stamp.ts'
import { KeyCache } from '../key-cache.ts'
import { jpkiTown } from '../profile.ts'
import type { Instant } from '../reason.ts'
import { specimenCrl, specimenLeaf, specimenNow } from '../specimen-for-tests.ts'
import { bytesOf, textOfBytes, updated } from './pdf-specimen-for-tests.ts'
import {
  type PdfDemands,
  type PdfReport,
  type PdfSignatureReport,
  validatePdf,
} from './validation.ts'

const keys = new KeyCache(64)

/** The person of a pool key: 1 is the specimen leaf. */
export function person(keyIndex: number): Certificate {
  return keyIndex === 1 ? cmsLeaf : specimenLeaf('signature', cmsAuthority, keyIndex)
}

/** The document signed by a person. */
export function signed(
  pdf: Uint8Array,
  vary: Partial<PadesRequest> & { readonly keyIndex?: number } = {},
): Uint8Array {
  const { keyIndex = 1, ...request } = vary
  const algorithm = vary.algorithm ?? 'rsa-sha256'
  const prepared = preparePades({
    pdf,
    field: `signature-${keyIndex}`,
    certificate: person(keyIndex),
    certificates: [],
    algorithm: 'rsa-sha256',
    signingTime: specimenNow - 120_000,
    ...request,
  })
  return patched(pdf, prepared.finish(poolKey(keyIndex).sign(algorithm, prepared.toBeSigned)))
}

/**
 * The document with a signature in a form of the test's own: `contain` makes the container of the bytes that the range
 * covers.
 */
export function signedByHand(
  pdf: Uint8Array,
  subFilter: string,
  contain: (content: Uint8Array) => Uint8Array,
): Uint8Array {
  const room = 8192
  const dictionary = `<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/${subFilter}/ByteRange[0 1111111111 2222222222 3333333333]/Contents<${'0'.repeat(2 * room)}>/M(D:20261102025800+09'00')>>`
  const unsigned = updated(pdf, {
    5: '<</Fields[6 0 R 7 0 R 21 0 R]/SigFlags 3>>',
    20: dictionary,
    21: '<</FT/Sig/T(by hand)/V 20 0 R>>',
  })
  const text = textOfBytes(unsigned)
  const start = text.indexOf('/Contents<') + '/Contents'.length
  const end = start + 2 * room + 2
  const range = `[0 ${start} ${end} ${text.length - end}]`.padEnd(36)
  const ranged = text.replace('[0 1111111111 2222222222 3333333333]', range)
  const container = contain(bytesOf(ranged.slice(0, start) + ranged.slice(end)))
  const digits = Buffer.from(container)
    .toString('hex')
    .padEnd(2 * room, '0')
  return bytesOf(`${ranged.slice(0, start)}<${digits}>${ranged.slice(end)}`)
}

type StampAuthority = Parameters<typeof issueTimeStampToken>[1]

function token(
  value: Uint8Array,
  at: Instant,
  authority: StampAuthority = stampAuthority,
): Uint8Array {
  return issueTimeStampToken(
    {
      policy: '2.999.1',
      hash: 'sha256',
      value,
      serial: Uint8Array.of(9),
      at,
      accuracyMs: undefined,
      nonce: undefined,
    },
    authority,
  )
}

/** The document with a signature time-stamp in the newest signature. */
export function stamped(
  pdf: Uint8Array,
  field: string,
  at: Instant,
  hash: (bytes: Uint8Array) => Uint8Array,
  authority?: StampAuthority,
): Uint8Array {
  const value = hash(pdfSignatureToBeStamped(pdf, field))
  return patched(pdf, addPdfSignatureTimeStamp(pdf, field, token(value, at, authority)))
}

/** The document with a document time-stamp. */
export function documentStamped(
  pdf: Uint8Array,
  field: string,
  at: Instant,
  authority?: StampAuthority,
): Uint8Array {
  const prepared = preparePdfTimeStamp({ pdf, field, hash: 'sha256' })
  return patched(pdf, prepared.finish(token(prepared.value, at, authority)))
}

/** A list of the time-stamp root, which revokes nobody. */
export function stampList(thisUpdate: Instant, nextUpdate: Instant): Uint8Array {
  const key = poolKey(30)
  return issueCrl(
    {
      issuer: stampRoot.subject,
      issuerKeyId: keyIdentifier(stampRoot.spki),
      thisUpdate,
      nextUpdate,
      number: 1,
      partition: undefined,
      deltaBase: undefined,
      entries: [],
    },
    'rsa-sha256',
    key.sign,
  )
}

/** The document with evidence in its security store. */
export function withEvidence(
  pdf: Uint8Array,
  lists: readonly Uint8Array[],
  certificates: readonly Certificate[] = [cmsAuthority.certificate],
): Uint8Array {
  return patched(pdf, addPdfValidationData(pdf, { certificates, lists, responses: [] }))
}

/** Demands that a specimen signature meets. */
export function pdfDemands(pdf: PdfDemands['pdf'], vary: Partial<PdfDemands> = {}): PdfDemands {
  return {
    pdf,
    level: 'pades-b',
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

/** The report of a file, and that of its first signature. */
export function judged(
  pdf: PdfDemands['pdf'],
  vary: Partial<PdfDemands> = {},
): { readonly report: PdfReport; readonly signature: PdfSignatureReport } {
  const report = validatePdf(pdfDemands(pdf, vary))
  const signature = report.signatures.find(each => each.kind === 'signature')
  if (signature?.kind !== 'signature') throw new Error(JSON.stringify(report.verdict))
  return { report, signature }
}
