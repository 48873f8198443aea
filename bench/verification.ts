/**
 * How much of the machine's own RSA speed a complete verification reaches: parse, path, kind and purpose, revocation
 * index, certificate signature, document signature. Warm: both public keys are loaded already; cold: the person's is not.
 *
 * `node bench/verification.ts [--gate] [--json]`. With `--gate` it exits 1 under the promised shares.
 */
import { execFileSync } from 'node:child_process'
import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import {
  type Certificate,
  jpkiTown,
  KeyCache,
  parseCertificate,
  parseCrl,
  RevocationIndex,
  type ValidationDemands,
  validateSignature,
  verifyCrl,
} from '@sekisho/pki'
import {
  type IssuingAuthority,
  issueCrl,
  issueAuthorityCertificate,
  issueSignatureCertificate,
  keyIdentifier,
  lastInstantOfDay,
  partitionName,
  poolKey,
} from '@sekisho/pki/issue'

/** Promised shares. Where two RSA operations through node:crypto alone would reach 0.75 warm and 0.41 cold. */
const limits = { warmOfOpenssl: 0.65, coldOfOpenssl: 0.35, warmOfBare: 0.85 } as const

const at = Date.UTC(2026, 10, 2, 3)
const leafCount = 64
const revokedCount = 100_000
const iterations = 256
// The machine may have other work that comes and goes: openssl and we are measured close together several times, in
// short batches taken in turn, and of the shares the median counts.
const windows = 5
const batchesPerWindow = 50

interface Signed {
  readonly certificate: Uint8Array
  readonly document: Uint8Array
  readonly signature: Uint8Array
}

const authority = makeAuthority()
const partition = partitionName(jpkiTown, 'signature', 'Tokyo-to', 'Chiyoda-ku')
const index = makeIndex()
const samples = Array.from({ length: leafCount }, (_, i) => makeSample(i))
const bareSamples = samples.map(makeBare)

const warmKeys = new KeyCache(1024)
const measured = Array.from({ length: windows }, measureWindow)
const microseconds = {
  openssl: median(measured.map(each => each.openssl)),
  bare: median(measured.map(each => each.bare)),
  warm: median(measured.map(each => each.warm)),
  cold: median(measured.map(each => each.cold)),
}
const shares = {
  warmOfOpenssl: median(measured.map(each => (2 * each.openssl) / each.warm)),
  coldOfOpenssl: median(measured.map(each => (2 * each.openssl) / each.cold)),
  warmOfBare: median(measured.map(each => each.bare / each.warm)),
}
report()

interface Measured {
  readonly openssl: number
  readonly bare: number
  readonly warm: number
  readonly cold: number
}

function measureWindow(): Measured {
  const bare: number[] = []
  const warm: number[] = []
  const cold: number[] = []
  const openssl = measureOpenssl()
  for (let i = 0; i < batchesPerWindow; i++) {
    bare.push(measureBare())
    warm.push(measureComplete(warmKeys))
  }
  for (let i = 0; i < batchesPerWindow / 2; i++) {
    // Room for the authority's key and little else: each person's key has to be loaded again.
    cold.push(measureComplete(new KeyCache(4)))
  }
  return { openssl, bare: median(bare), warm: median(warm), cold: median(cold) }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

// By the clock on the wall, as all else here.
function measureOpenssl(): number {
  const output = execFileSync('openssl', ['speed', '-elapsed', '-seconds', '1', 'rsa2048'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const line = output.split('\n').find(each => /^rsa\s+2048/.test(each))
  const perSecond = Number(line?.trim().split(/\s+/).at(-1))
  if (!(perSecond > 0)) throw new Error(`openssl speed said: ${output}`)
  return 1e6 / perSecond
}

function measureBare(): number {
  const began = performance.now()
  for (let i = 0; i < iterations; i++) {
    const each = bareSamples[i % leafCount]
    if (each === undefined) continue
    const isGood =
      verify('sha256', each.tbs, each.issuerKey, each.certificateSignature) &&
      verify('sha256', each.document, each.key, each.signature)
    if (!isGood) throw new Error('a bare verification failed')
  }
  return ((performance.now() - began) * 1000) / iterations
}

function measureComplete(keys: KeyCache): number {
  const anchors = [authority.certificate]
  const began = performance.now()
  for (let i = 0; i < iterations; i++) {
    const each = samples[i % leafCount]
    if (each === undefined) continue
    const report = validateSignature(demandsFor(each, anchors, keys))
    if (report.verdict.kind !== 'passed') throw new Error(report.verdict.reasons[0].code)
  }
  return ((performance.now() - began) * 1000) / iterations
}

function demandsFor(
  given: Signed,
  anchors: readonly Certificate[],
  keys: KeyCache,
): ValidationDemands {
  return {
    content: { kind: 'bytes', bytes: given.document },
    form: 'document',
    signature: given.signature,
    algorithm: 'rsa-sha256',
    certificate: given.certificate,
    at,
    anchors,
    revocation: { kind: 'index', index },
    purpose: 'signature',
    profile: jpkiTown,
    poolKeys: 'danger-accepted',
    keys,
  }
}

function makeAuthority(): IssuingAuthority {
  const key = poolKey(95)
  const der = issueAuthorityCertificate({
    profile: jpkiTown,
    kind: 'signature',
    serial: Uint8Array.of(1),
    notBefore: Date.UTC(2023, 6, 16),
    notAfter: lastInstantOfDay(2033, 7, 15),
    spki: key.spki,
    algorithm: 'rsa-sha256',
    sign: key.sign,
  })
  return { certificate: parseCertificate(der), algorithm: 'rsa-sha256', sign: key.sign }
}

function makeIndex(): RevocationIndex {
  const entries = Array.from({ length: revokedCount }, (_, i) => ({
    serial: serialOf(0x20000000 + i * 7),
    revokedAt: at - 86_400_000,
    reason: 'affiliationChanged' as const,
  }))
  const der = issueCrl(
    {
      issuer: authority.certificate.subject,
      issuerKeyId: keyIdentifier(authority.certificate.spki),
      thisUpdate: at - 3_600_000,
      nextUpdate: at + 86_400_000,
      number: 1,
      partition,
      deltaBase: undefined,
      entries,
    },
    authority.algorithm,
    authority.sign,
  )
  const verified = verifyCrl(parseCrl(der), [authority.certificate], new KeyCache(4))
  if (verified.kind !== 'passed') throw new Error(verified.reasons[0].code)
  return RevocationIndex.empty.withLists([verified.value]).index
}

function makeSample(position: number): Signed {
  const key = poolKey(position)
  const certificate = issueSignatureCertificate({
    profile: jpkiTown,
    issuer: authority,
    serial: serialOf(0x10000000 + position),
    spki: key.spki,
    notBefore: Date.UTC(2025, 3, 1),
    notAfter: lastInstantOfDay(2030, 2, 3),
    commonName: '20250401ABCDEF13101003A',
    partition,
    prefecture: 'Tokyo-to',
    municipality: 'Chiyoda-ku',
    attributes: {
      name: '見本　花子',
      nameSubstitutes: [false, false, false, false, true],
      address: '東京都千代田区霞が関一丁目',
      addressSubstitutes: Array.from({ length: 13 }, () => false),
      birthDate: { kind: 'full', era: 'heisei', year: 1990, month: 2, day: 3 },
      gender: 'female',
    },
  })
  // As long as a readable statement of purpose, provider and attributes.
  // The size of a statement that a person signs to be identified.
  const document = new Uint8Array(1500).fill(position)
  return { certificate, document, signature: key.sign('rsa-sha256', document) }
}

function makeBare(given: Signed): {
  readonly tbs: Uint8Array
  readonly certificateSignature: Uint8Array
  readonly issuerKey: KeyObject
  readonly document: Uint8Array
  readonly signature: Uint8Array
  readonly key: KeyObject
} {
  const certificate = parseCertificate(given.certificate)
  const load = (spki: Uint8Array): KeyObject =>
    createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  return {
    tbs: certificate.tbs,
    certificateSignature: certificate.signature,
    issuerKey: load(authority.certificate.spki),
    document: given.document,
    signature: given.signature,
    key: load(certificate.spki),
  }
}

function serialOf(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)
}

function report(): void {
  const isUnder = (Object.keys(limits) as (keyof typeof limits)[]).filter(
    each => shares[each] < limits[each],
  )
  if (process.argv.includes('--json')) {
    console.log(JSON.stringify({ microseconds, shares, limits }))
  } else {
    const row = (name: string, value: number): void =>
      console.log(`${name.padEnd(34)}${value.toFixed(2).padStart(8)} µs`)
    row('openssl speed, one RSA-2048', microseconds.openssl)
    row('node:crypto alone, two RSA-2048', microseconds.bare)
    row('complete verification, warm', microseconds.warm)
    row('complete verification, cold', microseconds.cold)
    for (const each of Object.keys(limits) as (keyof typeof limits)[]) {
      const verdict = shares[each] >= limits[each] ? 'ok' : 'UNDER'
      console.log(
        `${each.padEnd(34)}${shares[each].toFixed(3).padStart(8)}  >= ${limits[each]} ${verdict}`,
      )
    }
  }
  if (process.argv.includes('--gate') && isUnder.length > 0) process.exitCode = 1
}
