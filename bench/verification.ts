/**
 * How much of the machine's own speed a complete verification reaches: parse, path, kind and purpose, revocation index,
 * certificate signature, document signature. Cards of today (RSA-2048) and of the next generation (P-384). Warm: both
 * public keys are loaded already; cold: the person's is not.
 *
 * `node bench/verification.ts [--gate] [--json]`. With `--gate` it exits 1 under the promised shares.
 */
import { execFileSync } from 'node:child_process'
import { createPublicKey, generateKeyPairSync, type KeyObject, verify } from 'node:crypto'
import {
  type Certificate,
  type CertificateProfile,
  importPrivateKey,
  jpkiTown,
  KeyCache,
  parseCertificate,
  parseCrl,
  RevocationIndex,
  type Name,
  type SignatureAlgorithm,
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
  poolCurveKey,
  poolKey,
  type Signer,
} from '@sekisho/pki/issue'

type Share = 'warmOfOpenssl' | 'coldOfOpenssl' | 'warmOfBare'

/** One generation of cards. */
interface Generation {
  readonly name: string
  readonly algorithm: SignatureAlgorithm
  readonly hash: 'sha256' | 'sha384'
  readonly profile: CertificateProfile
  readonly authorityKey: KeyOfBench
  leafKey(position: number): KeyOfBench
  /** Name of the algorithm for `openssl speed`, and what the line of its result begins with. */
  readonly speed: { readonly name: string; readonly line: RegExp }
  /** Promised shares. */
  readonly limits: Partial<Record<Share, number>>
}

interface KeyOfBench {
  readonly spki: Uint8Array
  readonly sign: Signer
}

const at = Date.UTC(2026, 10, 2, 3)
const leafCount = 64
const revokedCount = 100_000
// The machine may have other work that comes and goes: openssl and we are measured close together several times, in
// short batches taken in turn, and of the shares the median counts.
const windows = 5
const batchMs = 13
const batchesPerWindow = 50

const generations: readonly Generation[] = [
  {
    name: 'RSA-2048',
    algorithm: 'rsa-sha256',
    hash: 'sha256',
    profile: jpkiTown,
    authorityKey: poolKey(95),
    leafKey: poolKey,
    speed: { name: 'rsa2048', line: /^rsa\s+2048/ },
    // Where two RSA operations through node:crypto alone would reach 0.75 warm and 0.41 cold.
    limits: { warmOfOpenssl: 0.65, coldOfOpenssl: 0.35, warmOfBare: 0.85 },
  },
  {
    name: 'P-384',
    algorithm: 'ecdsa-sha384',
    hash: 'sha384',
    profile: { ...jpkiTown, keys: [{ kind: 'ec', curve: 'P-384' }] },
    authorityKey: poolCurveKey(0),
    leafKey: freshCurveKey,
    speed: { name: 'ecdsap384', line: /^\s*384 bits ecdsa/ },
    limits: { warmOfBare: 0.9 },
  },
]

for (const generation of generations) report(generation, measure(generation))

interface Signed {
  readonly certificate: Uint8Array
  readonly document: Uint8Array
  readonly signature: Uint8Array
}

/** What is verified, by us and by the bare functions. */
interface Material {
  readonly generation: Generation
  readonly authority: IssuingAuthority
  readonly index: RevocationIndex
  readonly samples: readonly Signed[]
  readonly bareSamples: readonly Bare[]
}

interface Result {
  readonly microseconds: Measured
  readonly shares: Readonly<Record<Share, number>>
}

function measure(generation: Generation): Result {
  const authority = makeAuthority(generation)
  const partition = partitionName(generation.profile, 'signature', 'Tokyo-to', 'Chiyoda-ku')
  const samples = Array.from({ length: leafCount }, (_, position) =>
    makeSample(generation, authority, partition, position),
  )
  const material: Material = {
    generation,
    authority,
    index: makeIndex(authority, partition),
    samples,
    bareSamples: samples.map(each => makeBare(each, authority)),
  }
  const warmKeys = new KeyCache(1024)
  const measured = Array.from({ length: windows }, () => measureWindow(material, warmKeys))
  return {
    microseconds: {
      openssl: median(measured.map(each => each.openssl)),
      bare: median(measured.map(each => each.bare)),
      warm: median(measured.map(each => each.warm)),
      cold: median(measured.map(each => each.cold)),
    },
    shares: {
      warmOfOpenssl: median(measured.map(each => (2 * each.openssl) / each.warm)),
      coldOfOpenssl: median(measured.map(each => (2 * each.openssl) / each.cold)),
      warmOfBare: median(measured.map(each => each.bare / each.warm)),
    },
  }
}

interface Measured {
  readonly openssl: number
  readonly bare: number
  readonly warm: number
  readonly cold: number
}

function measureWindow(material: Material, warmKeys: KeyCache): Measured {
  const bare: number[] = []
  const warm: number[] = []
  const cold: number[] = []
  const openssl = measureOpenssl(material.generation)
  // Of one length in time, whatever an operation takes.
  const iterations = Math.max(4, Math.round((batchMs * 1000) / (3 * openssl)))
  for (let i = 0; i < batchesPerWindow; i++) {
    bare.push(measureBare(material, iterations))
    warm.push(measureComplete(material, warmKeys, iterations))
  }
  for (let i = 0; i < batchesPerWindow / 2; i++) {
    // Room for the authority's key and little else: each person's key has to be loaded again.
    cold.push(measureComplete(material, new KeyCache(4), iterations))
  }
  return { openssl, bare: median(bare), warm: median(warm), cold: median(cold) }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

// By the clock on the wall, as all else here.
function measureOpenssl({ speed }: Generation): number {
  const output = execFileSync('openssl', ['speed', '-elapsed', '-seconds', '1', speed.name], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const line = output.split('\n').find(each => speed.line.test(each))
  const perSecond = Number(line?.trim().split(/\s+/).at(-1))
  if (!(perSecond > 0)) throw new Error(`openssl speed said: ${output}`)
  return 1e6 / perSecond
}

function measureBare({ generation, bareSamples }: Material, iterations: number): number {
  const { hash } = generation
  const began = performance.now()
  for (let i = 0; i < iterations; i++) {
    const each = bareSamples[i % leafCount]
    if (each === undefined) continue
    const isGood =
      verify(hash, each.tbs, each.issuerKey, each.certificateSignature) &&
      verify(hash, each.document, each.key, each.signature)
    if (!isGood) throw new Error('a bare verification failed')
  }
  return ((performance.now() - began) * 1000) / iterations
}

function measureComplete(material: Material, keys: KeyCache, iterations: number): number {
  const anchors = [material.authority.certificate]
  const began = performance.now()
  for (let i = 0; i < iterations; i++) {
    const each = material.samples[i % leafCount]
    if (each === undefined) continue
    const { verdict } = validateSignature(demandsFor(material, each, anchors, keys))
    if (verdict.kind !== 'passed') throw new Error(verdict.reasons[0].code)
  }
  return ((performance.now() - began) * 1000) / iterations
}

function demandsFor(
  { generation, index }: Material,
  given: Signed,
  anchors: readonly Certificate[],
  keys: KeyCache,
): ValidationDemands {
  return {
    content: { kind: 'bytes', bytes: given.document },
    form: 'document',
    signature: given.signature,
    algorithm: generation.algorithm,
    certificate: given.certificate,
    at,
    anchors,
    revocation: { kind: 'index', index },
    purpose: 'signature',
    profile: generation.profile,
    poolKeys: 'danger-accepted',
    keys,
  }
}

function freshCurveKey(): KeyOfBench {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  const key = importPrivateKey(privateKey.export({ format: 'der', type: 'pkcs8' }))
  return { spki: key.publicKeyInfo(), sign: (name, message) => key.sign(name, message) }
}

function makeAuthority({ algorithm, authorityKey: key, profile }: Generation): IssuingAuthority {
  const der = issueAuthorityCertificate({
    profile,
    kind: 'signature',
    serial: Uint8Array.of(1),
    notBefore: Date.UTC(2023, 6, 16),
    notAfter: lastInstantOfDay(2033, 7, 15),
    spki: key.spki,
    algorithm,
    sign: key.sign,
  })
  return { certificate: parseCertificate(der), algorithm, sign: key.sign }
}

function makeIndex(authority: IssuingAuthority, partition: Name): RevocationIndex {
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

function makeSample(
  generation: Generation,
  authority: IssuingAuthority,
  partition: Name,
  position: number,
): Signed {
  const key = generation.leafKey(position)
  const certificate = issueSignatureCertificate({
    profile: generation.profile,
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
  // The size of a statement that a person signs to be identified.
  const document = new Uint8Array(1500).fill(position)
  return { certificate, document, signature: key.sign(generation.algorithm, document) }
}

/** The same verification as node:crypto alone takes it. */
interface Bare {
  readonly tbs: Uint8Array
  readonly certificateSignature: Uint8Array
  readonly issuerKey: KeyObject
  readonly document: Uint8Array
  readonly signature: Uint8Array
  readonly key: KeyObject
}

function makeBare(given: Signed, authority: IssuingAuthority): Bare {
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

function report({ name, limits }: Generation, { microseconds, shares }: Result): void {
  const isUnder = (each: Share): boolean => shares[each] < (limits[each] ?? 0)
  const names: readonly Share[] = ['warmOfOpenssl', 'coldOfOpenssl', 'warmOfBare']
  if (process.argv.includes('--json')) {
    console.log(JSON.stringify({ name, microseconds, shares, limits }))
  } else {
    const row = (what: string, value: number): void =>
      console.log(`${what.padEnd(34)}${value.toFixed(2).padStart(8)} µs`)
    row(`openssl speed, one ${name}`, microseconds.openssl)
    row(`node:crypto alone, two ${name}`, microseconds.bare)
    row('complete verification, warm', microseconds.warm)
    row('complete verification, cold', microseconds.cold)
    for (const each of names) {
      const limit = limits[each]
      const verdict = limit === undefined ? '' : `  >= ${limit} ${isUnder(each) ? 'UNDER' : 'ok'}`
      console.log(`${each.padEnd(34)}${shares[each].toFixed(3).padStart(8)}${verdict}`)
    }
  }
  if (process.argv.includes('--gate') && names.some(isUnder)) process.exitCode = 1
}
