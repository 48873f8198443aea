/**
 * All revoked serials that a node knows, as an immutable snapshot: built from verified lists, asked once for every
 * verification. Partitions are found by the issuing key and the partition's name; a partition is a sorted table of
 * four-byte serials with reason and time. Putting a new snapshot in place of the old is the caller's one assignment.
 */
import { ByteMap } from './byte-map.ts'
import type { Certificate } from './certificate.ts'
import type { RevocationList } from './crl.ts'
import {
  checkFreshness,
  continues,
  type RevocationSource,
  revokedReason,
  type VerifiedCrl,
} from './crl-judgement.ts'
import { bytesEqual, toHex } from './der.ts'
import { explicit, sequence } from './der-writer.ts'
import type { GeneralName } from './general-name.ts'
import type { Name } from './name.ts'
import { type Instant, passed, reason, rejected, type Verdict } from './reason.ts'
import { type RevocationReason, reasonNumber, reasonOfNumber } from './revocation-reason.ts'

/** What the index knows about one serial. */
export type IndexAnswer =
  | { readonly state: 'good'; readonly source: RevocationSource }
  | {
      readonly state: 'revoked' | 'held'
      readonly reason: RevocationReason
      readonly revokedAt: Instant
      readonly source: RevocationSource
    }
  /** No list covers the certificate. */
  | { readonly state: 'not-covered' }
  /** The list that covers it is not of the time asked about. */
  | { readonly state: 'stale'; readonly source: RevocationSource }

/** What became of each list given to `withLists`. */
export interface IndexChange {
  readonly index: RevocationIndex
  /** Lists that were put in. */
  readonly taken: number
  /** Lists that are older than, or the same as, what the index has: refused, so that nobody can roll it back. */
  readonly outdated: number
  /** Delta lists whose base the index does not have. */
  readonly withoutBase: number
}

/** Public facts of a partition, for operators' screens. */
export interface PartitionFacts {
  readonly partition: string
  readonly number: number
  readonly thisUpdate: Instant
  readonly nextUpdate: Instant
  readonly count: number
}

/** Immutable. `RevocationIndex.empty` is where to begin. */
export class RevocationIndex {
  static readonly empty: RevocationIndex = new RevocationIndex([])

  readonly #issuers = new ByteMap<IssuerTable>()
  /** Tables by issuer certificate, so that its key need not be hashed for every lookup. */
  readonly #known = new WeakMap<Certificate, IssuerTable>()
  readonly #partitions: readonly Partition[]

  private constructor(partitions: readonly Partition[]) {
    this.#partitions = partitions
    for (const each of partitions) {
      let table = this.#issuers.get(each.issuerKey)
      if (table === undefined) {
        table = { byPoint: new ByteMap(), byKey: new Map(), whole: [] }
        this.#issuers.set(each.issuerKey, table)
      }
      if (each.names === undefined) table.whole.push(each)
      for (const name of each.names ?? []) {
        const key = partitionKey(name)
        if (key === undefined) continue
        const known = table.byKey.get(key) ?? []
        known.push(each)
        table.byKey.set(key, known)
        if (name.kind === 'directory') table.byPoint.set(encodePoint(name.name), known)
      }
    }
  }

  /** Serials held. */
  get count(): number {
    return this.#partitions.reduce((sum, each) => sum + each.low.length + each.long.size, 0)
  }

  /** The partitions held. */
  get partitions(): readonly PartitionFacts[] {
    return this.#partitions.map(each => ({
      partition: (each.names ?? []).map(describe).join('; '),
      number: each.number,
      thisUpdate: each.thisUpdate,
      nextUpdate: each.nextUpdate,
      count: each.low.length + each.long.size,
    }))
  }

  /** A new snapshot with these lists in place of older ones of the same partition; deltas are laid over their base. */
  withLists(lists: readonly VerifiedCrl[]): IndexChange {
    const partitions = [...this.#partitions]
    let taken = 0
    let outdated = 0
    let withoutBase = 0
    const inOrder = [...lists].sort((a, b) => a.list.number - b.list.number || deltaLast(a, b))
    for (const verified of inOrder) {
      const fresh = scopeOf(verified)
      const position = partitions.findIndex(each => isSameScope(each, fresh))
      const known = partitions[position]
      const isDelta = verified.list.deltaBase !== undefined
      if (known !== undefined && verified.list.number <= known.number) outdated++
      else if (isDelta && (known === undefined || !continues(verified.list, known))) withoutBase++
      else {
        // A delta tells every change since its base, so it may lie over any state that is not older than that.
        const base = isDelta ? known : undefined
        const next: Partition = {
          ...fresh,
          ...tableOf(verified.list, base),
          number: verified.list.number,
          thisUpdate: verified.list.thisUpdate,
          nextUpdate: verified.list.nextUpdate,
        }
        if (position < 0) partitions.push(next)
        else partitions[position] = next
        taken++
      }
    }
    return { index: new RevocationIndex(partitions), taken, outdated, withoutBase }
  }

  /** What is known about a certificate of an issuer at a time. May throw `MalformedError` on the certificate's extensions. */
  lookup(certificate: Certificate, issuer: Certificate, at: Instant): IndexAnswer {
    const partition = this.#find(certificate, issuer)
    if (partition === undefined) return { state: 'not-covered' }
    const { thisUpdate, nextUpdate, number } = partition
    const source: RevocationSource = { kind: 'index', thisUpdate, nextUpdate, number }
    if (checkFreshness(partition, at) !== undefined) return { state: 'stale', source }
    const entry = find(partition, certificate.serial)
    if (entry === undefined) return { state: 'good', source }
    const state = entry.reason === 'certificateHold' ? 'held' : 'revoked'
    return { state, ...entry, source }
  }

  /**
   * What is known about a serial of an issuing key when the certificate itself, and with it the partition, is not at hand.
   * Good needs every partition of that key to be fresh and silent; a list that names the serial needs to be fresh itself.
   */
  lookupSerial(issuerKey: Uint8Array, serial: Uint8Array, at: Instant): IndexAnswer {
    const partitions = this.#partitions.filter(
      each => each.covers !== 'authorities' && bytesEqual(each.issuerKey, issuerKey),
    )
    let stale: RevocationSource | undefined
    let oldest: RevocationSource | undefined
    for (const partition of partitions) {
      const { thisUpdate, nextUpdate, number } = partition
      const source: RevocationSource = { kind: 'index', thisUpdate, nextUpdate, number }
      if (checkFreshness(partition, at) !== undefined) {
        stale ??= source
        continue
      }
      const entry = find(partition, serial)
      if (entry !== undefined) {
        return { state: entry.reason === 'certificateHold' ? 'held' : 'revoked', ...entry, source }
      }
      if (oldest === undefined || nextUpdate < oldest.nextUpdate) oldest = source
    }
    if (stale !== undefined) return { state: 'stale', source: stale }
    return oldest === undefined ? { state: 'not-covered' } : { state: 'good', source: oldest }
  }

  /** As `lookup`, as a verdict. */
  judge(certificate: Certificate, issuer: Certificate, at: Instant): Verdict<RevocationSource> {
    const answer = this.lookup(certificate, issuer, at)
    switch (answer.state) {
      case 'good':
        return passed(answer.source)
      case 'revoked':
      case 'held':
        return rejected([revokedReason(answer, answer.source)])
      case 'not-covered':
        return rejected([reason('revocation-missing')])
      case 'stale':
        return rejected([checkFreshness(answer.source, at) ?? reason('revocation-missing')])
      default:
        return answer satisfies never
    }
  }

  #find(certificate: Certificate, issuer: Certificate): Partition | undefined {
    const table = this.#known.get(issuer) ?? this.#issuers.get(issuer.spki)
    if (table === undefined) return undefined
    this.#known.set(issuer, table)
    const isAuthority = certificate.basicConstraints?.isAuthority === true
    const wanted = isAuthority ? 'authorities' : 'users'
    const serves = (each: Partition): boolean => each.covers === 'all' || each.covers === wanted
    const encoded = certificate.extensionValue('crlDistributionPoints')
    const usual = encoded === undefined ? undefined : table.byPoint.get(encoded)?.find(serves)
    if (usual !== undefined) return usual
    for (const point of certificate.crlDistributionPoints ?? []) {
      if (point.reasons !== undefined || point.crlIssuer !== undefined) continue
      for (const name of point.fullName ?? []) {
        const partition = table.byKey.get(partitionKey(name) ?? '')?.find(serves)
        if (partition !== undefined) return partition
      }
    }
    return table.whole.find(serves)
  }
}

interface IssuerTable {
  /** By the usual encoding of a distribution points extension that names the partition: most lookups end here. */
  readonly byPoint: ByteMap<Partition[]>
  /** By the name as compared, or the URI. */
  readonly byKey: Map<string, Partition[]>
  readonly whole: Partition[]
}

interface Scope {
  /** SubjectPublicKeyInfo of the CA: what the key identifier stands for, and cannot be chosen by another CA. */
  readonly issuerKey: Uint8Array
  /** Names of the partition; undefined: all certificates of the issuer. */
  readonly names: readonly GeneralName[] | undefined
  readonly covers: 'all' | 'users' | 'authorities'
}

interface SerialTable {
  /** Positive serials below 2^32, ascending. */
  readonly low: Uint32Array
  readonly reasons: Uint8Array
  readonly revokedSeconds: Uint32Array
  /** All other serials, by the hexadecimal of their content. */
  readonly long: ReadonlyMap<string, Entry>
}

interface Partition extends Scope, SerialTable {
  readonly number: number
  readonly thisUpdate: Instant
  readonly nextUpdate: Instant
}

interface Entry {
  readonly reason: RevocationReason
  readonly revokedAt: Instant
}

function scopeOf(verified: VerifiedCrl): Scope {
  const { partition, covers } = verified.list.scope
  return { issuerKey: verified.issuer.spki, names: partition, covers }
}

function isSameScope(a: Scope, b: Scope): boolean {
  if (a.covers !== b.covers || !bytesEqual(a.issuerKey, b.issuerKey)) return false
  if (a.names === undefined || b.names === undefined) return a.names === b.names
  const keys = new Set(a.names.map(partitionKey))
  return a.names.length === b.names.length && b.names.every(each => keys.has(partitionKey(each)))
}

// DistributionPoints with one point that has this full name and nothing else.
function encodePoint(name: Name): Uint8Array {
  return sequence(sequence(explicit(0, explicit(0, explicit(4, name.raw)))))
}

function partitionKey(name: GeneralName): string | undefined {
  if (name.kind === 'directory') return name.name.key
  return name.kind === 'uri' ? `uri ${name.uri}` : undefined
}

function describe(name: GeneralName): string {
  if (name.kind === 'directory') return name.name.toString()
  return name.kind === 'uri' ? name.uri : name.kind
}

// Lists of one number: the full one first, so that its delta finds it.
function deltaLast(a: VerifiedCrl, b: VerifiedCrl): number {
  return Number(a.list.deltaBase !== undefined) - Number(b.list.deltaBase !== undefined)
}

function tableOf(list: RevocationList, base: SerialTable | undefined): SerialTable {
  const { count, revokedSeconds, reasons } = list.entries
  const lows = new Float64Array(count)
  const long = new Map<string, Entry>(base?.long)
  let lowCount = 0
  for (let i = 0; i < count; i++) {
    const serial = list.serialAt(i)
    const low = lowSerial(serial)
    // Sorting numbers of serial and position together keeps the last entry of a serial last.
    if (low >= 0) lows[lowCount++] = low * positionsMax + i
    else if (list.entryAt(i).reason === 'removeFromCRL') long.delete(toHex(serial))
    else long.set(toHex(serial), list.entryAt(i))
  }
  const sorted = lows.subarray(0, lowCount).sort()
  const size = lowCount + (base?.low.length ?? 0)
  const out = {
    low: new Uint32Array(size),
    reasons: new Uint8Array(size),
    seconds: new Uint32Array(size),
  }
  let written = 0
  const write = (low: number, reason: number, seconds: number): void => {
    out.low[written] = low
    out.reasons[written] = reason
    out.seconds[written] = seconds
    written++
  }
  let fromBase = 0
  for (let i = 0; i < lowCount; i++) {
    const value = sorted[i] ?? 0
    const low = Math.floor(value / positionsMax)
    if (i + 1 < lowCount && Math.floor((sorted[i + 1] ?? 0) / positionsMax) === low) continue
    if (base !== undefined) {
      for (; fromBase < base.low.length && (base.low[fromBase] ?? 0) < low; fromBase++) {
        write(
          base.low[fromBase] ?? 0,
          base.reasons[fromBase] ?? 0,
          base.revokedSeconds[fromBase] ?? 0,
        )
      }
      if (base.low[fromBase] === low) fromBase++
    }
    const entry = value - low * positionsMax
    if (reasons[entry] !== removeFromCrl)
      write(low, reasons[entry] ?? 0, revokedSeconds[entry] ?? 0)
  }
  if (base !== undefined) {
    for (; fromBase < base.low.length; fromBase++) {
      write(
        base.low[fromBase] ?? 0,
        base.reasons[fromBase] ?? 0,
        base.revokedSeconds[fromBase] ?? 0,
      )
    }
  }
  return {
    low: out.low.slice(0, written),
    reasons: out.reasons.slice(0, written),
    revokedSeconds: out.seconds.slice(0, written),
    long,
  }
}

function find(table: SerialTable, serial: Uint8Array): Entry | undefined {
  const wanted = lowSerial(serial)
  if (wanted < 0) return table.long.get(toHex(serial))
  let first = 0
  let end = table.low.length
  while (first < end) {
    const middle = (first + end) >>> 1
    if ((table.low[middle] ?? 0) < wanted) first = middle + 1
    else end = middle
  }
  if (first >= table.low.length || table.low[first] !== wanted) return undefined
  return {
    reason: reasonOfNumber(table.reasons[first] ?? 0) ?? 'unspecified',
    revokedAt: (table.revokedSeconds[first] ?? 0) * 1000,
  }
}

// The value of a positive serial below 2^32, or -1.
function lowSerial(serial: Uint8Array): number {
  const length = serial.length
  if (length > 5 || (length === 5 && serial[0] !== 0) || (serial[0] ?? 0x80) >= 0x80) return -1
  let value = 0
  for (let i = 0; i < length; i++) value = value * 256 + (serial[i] ?? 0)
  return value
}

// Serial (32 bits) and position (21 bits) fill the 53 bits of a number; the shortest
// entry has 20 bytes, so no list within `crlBytesMax` has more.
const positionsMax = 2 ** 21
const removeFromCrl = reasonNumber('removeFromCRL')
