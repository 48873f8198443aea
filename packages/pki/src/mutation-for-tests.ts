/**
 * Attacks every parser and judgement of the package with altered bytes, for tests. Whatever the bytes, a parser may
 * throw nothing but `MalformedError`, a judgement may throw nothing at all, and no altered signed data may pass.
 */
import assert from 'node:assert/strict'
import { type Certificate, parseCertificate } from './certificate.ts'
import { addSignatureTimeStamp } from './assemble/cades.ts'
import { parseSignedData } from './cms.ts'
import {
  cadesSpecimen,
  cmsDemands,
  cmsDocument,
  stampOver,
  stampTrust,
} from './cms-specimen-for-tests.ts'
import { validateCms } from './cms-validation.ts'
import { parseCrl, type RevocationList } from './crl.ts'
import { judgeByCrls } from './crl-judgement.ts'
import { bytesEqual, MalformedError } from './der.ts'
import { readPolicyQualifiers } from './extension.ts'
import { readFourAttributes } from './four-attributes.ts'
import { issueOcspResponse } from './issue/ocsp.ts'
import { issueResponderCertificate } from './issue/jpki.ts'
import { issueTimeStampResponse } from './issue/time-stamp.ts'
import { poolKey } from './issue/pool.ts'
import { KeyCache } from './key-cache.ts'
import { encodeOcspRequest, ocspCertId, parseOcspRequest, parseOcspResponse } from './ocsp.ts'
import { judgeByOcsp, ocspLimits } from './ocsp-judgement.ts'
import { judgePathCase } from './path-batch.ts'
import { verifyPath } from './path.ts'
import { classifyLeaf, jpkiTown, partitionOf } from './profile.ts'
import { RevocationIndex } from './revocation-index.ts'
import {
  specimenAuthority,
  specimenCrl,
  specimenDemands,
  specimenEntry,
  specimenLeaf,
  specimenNow,
} from './specimen-for-tests.ts'
import {
  encodeTimeStampRequest,
  parseTimeStampRequest,
  parseTimeStampResponse,
  parseTimeStampToken,
} from './time-stamp.ts'
import { judgeTimeStamp } from './time-stamp-judgement.ts'
import { validateSignature } from './validation.ts'

/** Alters bytes as its seed says: same seed, same alterations. */
export class Mutator {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** A whole number from 0 up to, not including, `limit` (mulberry32). */
  next(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let x = this.#state
    x = Math.imul(x ^ (x >>> 15), x | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) % limit
  }

  /** The bytes with one to three alterations: a bit, a byte, a telling value, a cut, a repetition, an insertion. */
  alter(original: Uint8Array): Uint8Array {
    let bytes = Uint8Array.from(original)
    for (let count = 1 + this.next(3); count > 0; count--) bytes = this.#alterOnce(bytes)
    return bytes
  }

  #alterOnce(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    const out = Uint8Array.from(bytes)
    const at = this.next(Math.max(1, out.length))
    switch (this.next(7)) {
      case 0:
        out[at] = (out[at] ?? 0) ^ (1 << this.next(8))
        return out
      case 1:
        out[at] = this.next(256)
        return out
      case 2:
        out[at] = tellingBytes[this.next(tellingBytes.length)] ?? 0
        return out
      case 3:
        return out.slice(0, at)
      case 4:
        return Uint8Array.from([...out.subarray(0, at), ...out.subarray(at + 1 + this.next(4))])
      case 5:
        return Uint8Array.from([...out.subarray(0, at), this.next(256), ...out.subarray(at)])
      default: {
        const end = Math.min(out.length, at + this.next(40))
        return Uint8Array.from([...out.subarray(0, end), ...out.subarray(at)])
      }
    }
  }
}

/** Runs `rounds` alterations against each kind of input. Throws, with seed and round, on the first broken promise. */
export function attackParsers(seed: number, rounds: number): void {
  const mutator = new Mutator(seed)
  const attacks = makeAttacks()
  for (let round = 0; round < rounds; round++) {
    for (const attack of attacks) {
      const bytes = mutator.alter(attack.original)
      if (bytesEqual(bytes, attack.original)) continue
      try {
        attack.run(bytes)
      } catch (error) {
        const where = `seed ${seed}, round ${round}, ${attack.name}, ${Buffer.from(bytes).toString('base64')}`
        throw new Error(where, { cause: error })
      }
    }
  }
}

interface Attack {
  readonly name: string
  readonly original: Uint8Array
  readonly run: (bytes: Uint8Array) => void
}

function makeAttacks(): readonly Attack[] {
  const keys = new KeyCache(64)
  const authority = specimenAuthority('signature', 0)
  const anchor = authority.certificate
  const leaf = specimenLeaf('signature', authority, 1)
  const list = specimenCrl('signature', authority, {
    entries: [
      specimenEntry(leaf.serial, 'superseded'),
      specimenEntry(Uint8Array.of(1, 2, 3), 'certificateHold'),
    ],
  })
  const response = makeResponse(leaf)
  const certId = ocspCertId(leaf, anchor, 'sha1')
  const request = encodeOcspRequest([certId], Uint8Array.of(1, 2, 3, 4))
  const document = Uint8Array.of(1, 2, 3)
  const signature = poolKey(1).sign('rsa-sha256', document)
  return [
    { name: 'leaf', original: leaf.raw, run: bytes => attackLeaf(bytes, leaf, anchor, keys) },
    { name: 'anchor', original: anchor.raw, run: bytes => attackAnchor(bytes, leaf, anchor, keys) },
    {
      name: 'list',
      original: list,
      run: bytes => attackList(bytes, parseCrl(list), leaf, anchor, keys),
    },
    {
      name: 'response',
      original: response,
      run: bytes => attackResponse(bytes, response, leaf, anchor, keys),
    },
    { name: 'request', original: request, run: bytes => tolerate(() => parseOcspRequest(bytes)) },
    {
      name: 'key',
      original: leaf.spki,
      run: bytes => tolerate(() => keys.key(bytes).verify('rsa-sha256', document, signature)),
    },
    {
      name: 'signature',
      original: signature,
      run: bytes => assert.ok(!leaf.publicKey(keys).verify('rsa-sha256', document, bytes)),
    },
    {
      name: 'bare block',
      original: signature,
      run: bytes => assert.ok(!leaf.publicKey(keys).verifyBareBlock(document, bytes)),
    },
    ...makeCmsAttacks(keys),
  ]
}

function makeCmsAttacks(keys: KeyCache): readonly Attack[] {
  const cades = cadesSpecimen()
  const signature = parseSignedData(cades).signers[0]?.signature ?? cades
  const stamped = addSignatureTimeStamp(cades, 0, stampOver(signature))
  const token = stampOver(cmsDocument, { nonce: Uint8Array.of(7) })
  const response = issueTimeStampResponse(token)
  const request = encodeTimeStampRequest({
    hash: 'sha256',
    value: cmsDocument.subarray(0, 20),
    policy: '2.999.1',
    nonce: Uint8Array.of(1, 2),
  })
  return [
    { name: 'cms', original: cades, run: bytes => attackCms(bytes, cades) },
    { name: 'stamped cms', original: stamped, run: bytes => attackCms(bytes, stamped) },
    { name: 'token', original: token, run: bytes => attackToken(bytes, token, keys) },
    {
      name: 'stamp response',
      original: response,
      run: bytes => tolerate(() => parseTimeStampResponse(bytes)),
    },
    {
      name: 'stamp request',
      original: request,
      run: bytes => tolerate(() => parseTimeStampRequest(bytes)),
    },
  ]
}

// What is not signed may change and the signature stay good; what it says may not.
function attackCms(bytes: Uint8Array, original: Uint8Array): void {
  const parsed = tolerate(() => parseSignedData(bytes))
  const { verdict, signers } = validateCms(cmsDemands(bytes))
  if (verdict.kind !== 'passed') return
  const [before] = parseSignedData(original).signers
  const [after] = parsed?.signers ?? []
  assert.ok(parsed !== undefined && after !== undefined && before !== undefined)
  assert.deepEqual(parsed.content, cmsDocument)
  assert.deepEqual(after.signedAttributesSet, before.signedAttributesSet)
  assert.deepEqual(after.signature, before.signature)
  const proven = signers[0]?.provenAt
  assert.ok(proven === undefined || proven === specimenNow - 60_000 + 500)
}

function attackToken(bytes: Uint8Array, original: Uint8Array, keys: KeyCache): void {
  const parsed = tolerate(() => parseTimeStampToken(bytes))
  const verdict = judgeTimeStamp({
    token: bytes,
    stamped: { kind: 'bytes', bytes: cmsDocument },
    nonce: Uint8Array.of(7),
    at: specimenNow,
    trust: stampTrust,
    keys,
  })
  if (verdict.kind !== 'passed') return
  assert.deepEqual(parsed?.data.content, parseTimeStampToken(original).data.content)
}

function attackLeaf(
  bytes: Uint8Array,
  leaf: Certificate,
  anchor: Certificate,
  keys: KeyCache,
): void {
  const certificate = tolerate(() => parseCertificate(bytes))
  if (certificate !== undefined) {
    lookAtAll(certificate)
    const verdict = verifyPath(certificate, { ...specimenDemands([anchor]), keys })
    if (verdict.kind === 'passed') assert.deepEqual(certificate.tbs, leaf.tbs)
    tolerate(() => RevocationIndex.empty.lookup(certificate, anchor, specimenNow))
  }
  const report = validateSignature({
    content: { kind: 'bytes', bytes: Uint8Array.of(1) },
    form: 'document',
    signature: new Uint8Array(256),
    algorithm: 'rsa-sha256',
    certificate: bytes,
    at: specimenNow,
    anchors: [anchor],
    revocation: { kind: 'index', index: RevocationIndex.empty },
    purpose: 'signature',
    profile: jpkiTown,
    poolKeys: 'danger-accepted',
    keys,
  })
  assert.notEqual(report.verdict.kind, 'passed')
}

// As anchor an altered certificate may well serve, if its key and name are whole: it is trusted. It must not throw.
function attackAnchor(
  bytes: Uint8Array,
  leaf: Certificate,
  anchor: Certificate,
  keys: KeyCache,
): void {
  const outcome = judgePathCase(
    {
      id: 'x',
      leaf: leaf.raw,
      bag: [bytes],
      anchors: [bytes],
      crls: [],
      ocsp: [],
      at: specimenNow,
      policies: { acceptable: 'any', explicit: false, inhibitMapping: false, inhibitAny: false },
      purpose: undefined,
      keyUsage: 0,
      revocation: 'off',
    },
    keys,
  )
  if (outcome.verdict !== 'passed') return
  assert.deepEqual(parseCertificate(bytes).spki, anchor.spki)
}

function attackList(
  bytes: Uint8Array,
  original: RevocationList,
  leaf: Certificate,
  anchor: Certificate,
  keys: KeyCache,
): void {
  const list = tolerate(() => parseCrl(bytes))
  for (let i = 0; i < (list?.count ?? 0); i++) list?.entryAt(i)
  const verdict = judgeByCrls(leaf, anchor, { lists: [bytes], at: specimenNow, keys })
  assert.notEqual(verdict.kind, 'passed')
  // Only the signed part, whole, may still say that the certificate is revoked.
  if (verdict.kind === 'failed') assert.deepEqual(list?.tbs, original.tbs)
}

function attackResponse(
  bytes: Uint8Array,
  original: Uint8Array,
  leaf: Certificate,
  anchor: Certificate,
  keys: KeyCache,
): void {
  const parsed = tolerate(() => parseOcspResponse(bytes))
  const demands = { response: bytes, at: specimenNow, nonce: undefined, limits: ocspLimits, keys }
  const verdict = judgeByOcsp(leaf, anchor, demands)
  if (verdict.kind === 'indeterminate') return
  const whole = parseOcspResponse(original)
  assert.ok(parsed?.kind === 'basic' && whole.kind === 'basic')
  assert.deepEqual(parsed.tbs, whole.tbs)
}

function makeResponse(leaf: Certificate): Uint8Array {
  const authority = specimenAuthority('signature', 0)
  const key = poolKey(6)
  const responder = parseCertificate(
    issueResponderCertificate({
      issuer: authority,
      serial: Uint8Array.of(9),
      spki: key.spki,
      notBefore: specimenNow - 1000,
      notAfter: specimenNow + 1000,
      commonName: 'R',
    }),
  )
  const certId = ocspCertId(leaf, authority.certificate, 'sha256')
  const answer = {
    certId,
    status: { kind: 'good' },
    thisUpdate: specimenNow,
    nextUpdate: specimenNow,
  } as const
  return issueOcspResponse(
    { producedAt: specimenNow, answers: [answer], nonce: Uint8Array.of(1, 2) },
    { certificate: responder, isAuthority: false, algorithm: 'rsa-sha256', sign: key.sign },
  )
}

function lookAtAll(certificate: Certificate): void {
  tolerate(() => certificate.subject.toString())
  tolerate(() => certificate.issuer.key)
  tolerate(() => certificate.keyUsage)
  tolerate(() => certificate.basicConstraints)
  tolerate(() => certificate.extendedKeyUsage)
  tolerate(() => certificate.policies?.map(readPolicyQualifiers))
  tolerate(() => certificate.policyMappings)
  tolerate(() => certificate.policyConstraints)
  tolerate(() => certificate.inhibitAnyPolicy)
  tolerate(() => certificate.nameConstraints)
  tolerate(() => certificate.subjectAltName)
  tolerate(() => certificate.issuerAltName)
  tolerate(() => certificate.crlDistributionPoints)
  tolerate(() => certificate.freshestCrl)
  tolerate(() => certificate.informationAccess)
  tolerate(() => certificate.authorityKeyIdentifier)
  tolerate(() => certificate.subjectKeyIdentifier)
  tolerate(() => partitionOf(certificate)?.key)
  tolerate(() => classifyLeaf(certificate, jpkiTown))
  readFourAttributes(certificate)
}

function tolerate<T>(run: () => T): T | undefined {
  try {
    return run()
  } catch (error) {
    if (error instanceof MalformedError) return undefined
    throw error
  }
}

const tellingBytes = [
  0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0c, 0x1f, 0x30, 0x31, 0x7f, 0x80, 0x81, 0x82, 0x84,
  0xa0, 0xa3, 0xff,
]
