/**
 * The revocation index of a country: 20 million entries in the lists of 1,900 municipalities under four keys. What an entry
 * costs, how long a build and a restart take, how many questions a second one core answers; and how fast a list of a million
 * entries is read and verified beside `openssl crl -noout`, which only reads it.
 *
 * `node bench/revocation.ts [--gate] [--json]`. With `--gate` it exits 1 when a promise is not kept.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Certificate,
  der,
  encodeSignatureAlgorithm,
  jpkiTown,
  KeyCache,
  type Name,
  parseCertificate,
  parseCrl,
  RevocationBuilder,
  RevocationIndex,
  tags,
  toHex,
  type VerifiedCrl,
  verifyCrl,
} from '@sekisho/pki'
import {
  encodeExtension,
  extension,
  generalName,
  issueAuthenticationCertificate,
  issueAuthorityCertificate,
  type IssuingAuthority,
  keyIdentifier,
  lastInstantOfDay,
  partitionName,
  poolKey,
  signed,
} from '@sekisho/pki/issue'
import { openSnapshotFiles, writeSnapshotFiles } from '@sekisho/platform'

const limits = {
  hotBytes: 2.5,
  longHotBytes: 8,
  perSecond: 5_000_000,
  restartSeconds: 2,
  timesOpenssl: 5,
} as const

const at = Date.UTC(2026, 10, 2, 3)
const keyCount = 4
const partitionCount = 1_900
const entryCount = 20_000_000
const entriesPerList = Math.round(entryCount / keyCount / partitionCount)
const longCount = 200_000
const questionCount = 1_000_000
/** One question in so many is about a revoked serial. */
const revokedShare = 10
const listRuns = 5
const listEntries = 1_000_000
const sealKey = new Uint8Array(32).fill(1)

/** Revocation date and the reason `affiliationChanged`, as they follow a serial. */
const entryEnd = Buffer.from('170d3236313130313030303030305a300c300a0603551d1504030a0103', 'hex')

const keys = new KeyCache(keyCount)
await run()

async function run(): Promise<void> {
  const path = mkdtempSync(join(tmpdir(), 'sekisho-bench-revocation-'))
  try {
    const list = measureList(path)
    const authorities = Array.from({ length: keyCount }, (_, i) => makeAuthority(90 + i))
    const built = build(authorities)
    const long = measureLong(authorities)
    const place = { path, sealKey }
    await writeSnapshotFiles(place, built.bytes)
    const restartSeconds = measureRestart(path)
    const found = await openSnapshotFiles(place)
    if (found === undefined) throw new Error('the snapshot was not opened')
    const perSecond = measureQuestions(found.index, authorities)
    report({
      entries: found.index.count,
      partitions: found.index.partitions.length,
      hotBytes: built.bytes.hot.length / found.index.count,
      coldBytes: built.bytes.cold.length / found.index.count,
      longHotBytes: long,
      verifySeconds: built.verifySeconds,
      buildSeconds: built.buildSeconds,
      restartSeconds,
      ...perSecond,
      ...list,
    })
  } finally {
    rmSync(path, { recursive: true, force: true })
  }
}

/** A list of a million entries: read from its file, parsed and verified, in turn with openssl, which parses it. */
function measureList(folder: string) {
  const authority = makeAuthority(90)
  const partition = partitionOf(0)
  const file = join(folder, 'list.crl')
  writeFileSync(file, makeList(authority, partition, 0, listEntries))
  const ours: number[] = []
  const theirs: number[] = []
  let beside = 0
  for (let i = 0; i < listRuns; i++) {
    theirs.push(
      measured(() =>
        execFileSync('openssl', ['crl', '-inform', 'DER', '-in', file, '-noout'], {
          stdio: 'ignore',
        }),
      ),
    )
    const before = process.memoryUsage().arrayBuffers
    ours.push(
      measured(() => {
        const list = verified(readFileSync(file), authority).list
        if (list.count !== listEntries) throw new Error(`${list.count} entries`)
      }),
    )
    beside = Math.max(beside, process.memoryUsage().arrayBuffers - before)
  }
  const listMilliseconds = median(ours)
  const opensslMilliseconds = median(theirs)
  return {
    listMilliseconds,
    opensslMilliseconds,
    timesOpenssl: opensslMilliseconds / listMilliseconds,
    listMegabytes: statSync(file).size / 1e6,
    listMemoryMegabytes: beside / 1e6,
  }
}

function build(authorities: readonly IssuingAuthority[]) {
  const builder = new RevocationBuilder(RevocationIndex.empty.snapshot)
  let verifySeconds = 0
  let buildSeconds = 0
  for (const [k, authority] of authorities.entries()) {
    for (let p = 0; p < partitionCount; p++) {
      const first = (k * partitionCount + p) * entriesPerList
      const raw = makeList(authority, partitionOf(p), first, entriesPerList)
      let list: VerifiedCrl | undefined
      verifySeconds += measured(() => (list = verified(raw, authority))) / 1000
      buildSeconds +=
        measured(() => {
          if (list === undefined || builder.add(list) !== 'taken') throw new Error('not taken')
        }) / 1000
    }
  }
  const began = performance.now()
  const bytes = builder.build()
  buildSeconds += (performance.now() - began) / 1000
  return { bytes, verifySeconds, buildSeconds }
}

/** Bytes in the hot part of a serial of 20 octets. */
function measureLong(authorities: readonly IssuingAuthority[]): number {
  const [authority] = authorities
  if (authority === undefined) throw new Error('no authority')
  const hotLength = (entries: Uint8Array): number => {
    const raw = listOf(authority, partitionOf(0), entries)
    const { index } = RevocationIndex.empty.withLists([verified(raw, authority)])
    return index.snapshot.hot.length
  }
  const long = new Uint8Array(longCount * 55)
  let written = 0
  for (let i = 0; i < longCount; i++) {
    const serial = new Uint8Array(20).fill(0x33)
    new DataView(serial.buffer).setUint32(8, serialOf(i))
    written = writeEntry(long, written, serial)
  }
  return (hotLength(long.subarray(0, written)) - hotLength(new Uint8Array(0))) / longCount
}

/** From the start of the process to the first answer, modules and all. */
function measureRestart(folder: string): number {
  const began = performance.now()
  const said = execFileSync(process.execPath, [
    join(import.meta.dirname, 'revocation-restart.ts'),
    folder,
    toHex(sealKey),
    toHex(poolKey(90).spki),
    toHex(contentOf(serialOf(0))),
  ])
  if (said.toString().trim() !== 'revoked')
    throw new Error(`the restarted node said ${said.toString()}`)
  return (performance.now() - began) / 1000
}

/** Questions a second of one core, by the time that it gave us: one key after the other, each question of another key than the last, and by certificates. */
function measureQuestions(index: RevocationIndex, authorities: readonly IssuingAuthority[]) {
  const spkis = authorities.map(each => each.certificate.spki)
  const bits = new Uint32Array(questionCount)
  const owners = new Uint8Array(questionCount)
  let revoked = 0
  for (let i = 0; i < questionCount; i++) {
    const isRevoked = serialOf(i + 77) % revokedShare === 0
    const id = isRevoked ? serialOf(i) % index.count : index.count + i
    bits[i] = serialOf(id)
    owners[i] = isRevoked ? Math.floor(id / (index.count / keyCount)) : serialOf(i * 3) % keyCount
    if (isRevoked) revoked++
  }
  const order = Uint32Array.from(bits.keys()).sort((a, b) => (owners[a] ?? 0) - (owners[b] ?? 0))
  const byKey = { bits: bits.map((_, i) => bits[order[i] ?? 0] ?? 0), owners: owners.toSorted() }
  const check = (given: { bits: Uint32Array; owners: Uint8Array }): number => {
    const milliseconds = median(
      Array.from({ length: 7 }, () =>
        processorTime(() => {
          const found = ask(index, spkis, given.bits, given.owners)
          if (found !== revoked) throw new Error(`${found} answers instead of ${revoked}`)
        }),
      ),
    )
    return (questionCount / milliseconds) * 1000
  }
  return {
    perSecond: check(byKey),
    perSecondMixed: check({ bits, owners }),
    perSecondByCertificate: askByCertificate(index, authorities),
  }
}

/** The serial stands in memory that was just written, as that of a certificate that was just parsed. */
function ask(
  index: RevocationIndex,
  spkis: readonly Uint8Array[],
  bits: Uint32Array,
  owners: Uint8Array,
): number {
  const serials = [new Uint8Array(4), new Uint8Array(5)]
  let revoked = 0
  for (let i = 0; i < bits.length; i++) {
    const value = bits[i] ?? 0
    const sign = value >>> 31
    const serial = serials[sign]
    const spki = spkis[owners[i] ?? 0]
    if (serial === undefined || spki === undefined) continue
    serial[sign] = value >>> 24
    serial[sign + 1] = value >>> 16
    serial[sign + 2] = value >>> 8
    serial[sign + 3] = value
    if (index.lookupSerial(spki, serial, at).state !== 'good') revoked++
  }
  return revoked
}

function askByCertificate(index: RevocationIndex, authorities: readonly IssuingAuthority[]) {
  const certificates = Array.from({ length: 1000 }, (_, i) => makeLeaf(authorities, i))
  const [rounds, leaves] = [200, certificates.length]
  const milliseconds = median(
    Array.from({ length: 5 }, () =>
      processorTime(() => {
        for (let i = 0; i < rounds * leaves; i++) {
          const each = certificates[i % leaves]
          if (each === undefined) continue
          const { state } = index.lookup(each.certificate, each.issuer, at)
          if (state !== 'good') throw new Error(state)
        }
      }),
    ),
  )
  return ((rounds * leaves) / milliseconds) * 1000
}

function makeLeaf(
  authorities: readonly IssuingAuthority[],
  position: number,
): { readonly certificate: Certificate; readonly issuer: Certificate } {
  const issuer = authorities[position % keyCount]
  if (issuer === undefined) throw new Error('no authority')
  const raw = issueAuthenticationCertificate({
    profile: jpkiTown,
    issuer,
    serial: contentOf(serialOf(entryCount * 2 + position)),
    spki: poolKey(1).spki,
    notBefore: Date.UTC(2025, 3, 1),
    notAfter: lastInstantOfDay(2030, 2, 3),
    commonName: '20250401ABCDEF13101003A',
    partition: partitionOf(position % partitionCount),
  })
  return { certificate: parseCertificate(raw), issuer: issuer.certificate }
}

function makeAuthority(keyIndex: number): IssuingAuthority {
  const key = poolKey(keyIndex)
  const raw = issueAuthorityCertificate({
    profile: jpkiTown,
    kind: 'authentication',
    serial: Uint8Array.of(1),
    notBefore: Date.UTC(2023, 6, 16),
    notAfter: lastInstantOfDay(2033, 7, 15),
    spki: key.spki,
    algorithm: 'rsa-sha256',
    sign: key.sign,
  })
  return { certificate: parseCertificate(raw), algorithm: 'rsa-sha256', sign: key.sign }
}

function partitionOf(position: number): Name {
  return partitionName(jpkiTown, 'authentication', 'Tokyo-to', `Municipality ${position}`)
}

function verified(raw: Uint8Array, authority: IssuingAuthority): VerifiedCrl {
  const verdict = verifyCrl(parseCrl(raw), [authority.certificate], keys)
  if (verdict.kind !== 'passed') throw new Error(verdict.reasons[0].code)
  return verdict.value
}

/** A list with the serials of `count` ids from `first` on. */
function makeList(
  authority: IssuingAuthority,
  partition: Name,
  first: number,
  count: number,
): Uint8Array {
  const entries = new Uint8Array(count * 38)
  let written = 0
  for (let id = first; id < first + count; id++) {
    written = writeEntry(entries, written, contentOf(serialOf(id)))
  }
  return listOf(authority, partition, entries.subarray(0, written))
}

function writeEntry(out: Uint8Array, at: number, serial: Uint8Array): number {
  out[at] = tags.sequence
  out[at + 1] = 2 + serial.length + entryEnd.length
  out[at + 2] = tags.integer
  out[at + 3] = serial.length
  out.set(serial, at + 4)
  out.set(entryEnd, at + 4 + serial.length)
  return at + 4 + serial.length + entryEnd.length
}

// As `issueCrl` writes it, but for entries that are encoded already: a million objects would take longer than all else.
function listOf(authority: IssuingAuthority, partition: Name, entries: Uint8Array): Uint8Array {
  const { certificate, algorithm, sign } = authority
  const point = der.explicit(0, der.element(0xa0, generalName.directory(partition)))
  const extensions = [
    extension.authorityKeyIdentifier(keyIdentifier(certificate.spki)),
    { id: '2.5.29.20', isCritical: false, value: der.integer(7) },
    { id: '2.5.29.28', isCritical: true, value: der.sequence(point) },
  ]
  const tbs = der.sequence(
    der.integer(1),
    encodeSignatureAlgorithm(algorithm),
    certificate.subject.raw,
    der.time(at - 3_600_000),
    der.time(at + 86_400_000),
    ...(entries.length === 0 ? [] : [der.element(tags.sequence, entries)]),
    der.explicit(0, der.sequence(...extensions.map(encodeExtension))),
  )
  return signed(tbs, algorithm, sign)
}

/** Spreads ids over all 32 bits, no two to the same serial. */
function serialOf(id: number): number {
  let value = Math.imul(id, 0x9e3779b1)
  value = Math.imul(value ^ (value >>> 15), 0x85ebca6b)
  return (value ^ (value >>> 13)) >>> 0
}

function contentOf(serial: number): Uint8Array {
  return der.integerContent(serial)
}

function measured(work: () => unknown): number {
  const began = performance.now()
  work()
  return performance.now() - began
}

/** Milliseconds of processor time: others on the machine slow us down, but do not take what was promised of one core. */
function processorTime(work: () => unknown): number {
  const began = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(began)
  return (user + system) / 1000
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

function report(figures: Readonly<Record<string, number>>): void {
  const of = (name: string): number => figures[name] ?? Number.NaN
  const promises: readonly (readonly [string, string, number, boolean])[] = [
    ['hot bytes an entry', 'hotBytes', limits.hotBytes, of('hotBytes') <= limits.hotBytes],
    [
      'hot bytes a long serial',
      'longHotBytes',
      limits.longHotBytes,
      of('longHotBytes') <= limits.longHotBytes + 0.01,
    ],
    [
      'lookups a second, key by key',
      'perSecond',
      limits.perSecond,
      of('perSecond') >= limits.perSecond,
    ],
    [
      'seconds to restart',
      'restartSeconds',
      limits.restartSeconds,
      of('restartSeconds') <= limits.restartSeconds,
    ],
    [
      'list of a million, times openssl',
      'timesOpenssl',
      limits.timesOpenssl,
      of('timesOpenssl') >= limits.timesOpenssl,
    ],
  ]
  if (process.argv.includes('--json')) console.log(JSON.stringify({ ...figures, limits }))
  else {
    for (const [name, value] of Object.entries(figures)) {
      if (promises.some(each => each[1] === name)) continue
      console.log(
        `${name.padEnd(36)}${value.toLocaleString('en', { maximumFractionDigits: 2 }).padStart(14)}`,
      )
    }
    for (const [name, figure, limit, isKept] of promises) {
      const value = of(figure).toLocaleString('en', { maximumFractionDigits: 3 })
      console.log(
        `${name.padEnd(36)}${value.padStart(14)}  promised ${limit} ${isKept ? 'ok' : 'NOT KEPT'}`,
      )
    }
  }
  const isAll = promises.every(each => each[3])
  if (process.argv.includes('--gate') && !isAll) process.exitCode = 1
}
