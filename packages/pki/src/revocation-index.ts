/**
 * All revoked serials that a node knows, as an immutable snapshot: built from verified lists, asked once for every
 * verification. The lists of all partitions of an issuing key make one table. Putting a new snapshot in place of the old
 * is the caller's one assignment.
 *
 * Which partition a certificate is of decides whether a fresh list vouches for it; what revokes it is the serial under
 * the key, in whatever list of that key it stands. A CA gives a serial once (RFC 5280 §4.1.2.2), so an entry that its key
 * signed means that certificate even where the list is another partition's, and to pass over it would be to call good
 * what the CA itself has revoked. Only a list that is not fresh speaks neither way.
 */
import { ByteMap } from './byte-map.ts'
import type { Certificate } from './certificate.ts'
import {
  checkFreshness,
  type RevocationSource,
  revokedReason,
  type VerifiedCrl,
} from './crl-judgement.ts'
import { explicit, sequence } from './der-writer.ts'
import type { GeneralName } from './general-name.ts'
import type { ColdReader } from './long-serial-table.ts'
import type { Name } from './name.ts'
import { type Instant, passed, reason, rejected, type Verdict } from './reason.ts'
import { partitionKey, RevocationBuilder } from './revocation-builder.ts'
import { type RevocationReason, reasonNumber, reasonOfNumber } from './revocation-reason.ts'
import {
  coldInMemory,
  readSnapshot,
  type Snapshot,
  type SnapshotBytes,
  type SnapshotKey,
  type SnapshotPartition,
  writeSnapshot,
} from './revocation-snapshot.ts'
import type { SnapshotTable } from './snapshot-table.ts'

/** What the index knows about one serial. */
export type IndexAnswer =
  | { readonly state: 'good'; readonly source: RevocationSource }
  | {
      readonly state: 'revoked' | 'held'
      readonly reason: RevocationReason
      /** Reads the cold part: since when, and by which list. */
      listed(): ListedEntry
    }
  /** No list covers the certificate. */
  | { readonly state: 'not-covered' }
  /** The list that covers it is not of the time asked about. */
  | { readonly state: 'stale'; readonly source: RevocationSource }

/** What the cold part of the index tells. */
export interface ListedEntry {
  readonly revokedAt: Instant
  readonly source: RevocationSource
}

/** What became of each list given to `withLists`. */
export interface IndexChange {
  readonly index: RevocationIndex
  /** Lists that were put in. */
  readonly taken: number
  /** Lists that are older than, or the same as, what the index has: refused, so that nobody can roll it back. */
  readonly outdated: number
  /** Delta lists whose base the index does not have. */
  readonly withoutBase: number
  /** Lists of a kind that an index does not hold. */
  readonly unsupported: number
}

/** Public facts of a partition. */
export interface PartitionFacts {
  /** For people. */
  readonly partition: string
  /** SubjectPublicKeyInfo of the issuing key. */
  readonly issuerKey: Uint8Array
  /** Undefined: all certificates of the key. */
  readonly names: readonly GeneralName[] | undefined
  readonly number: number
  readonly thisUpdate: Instant
  readonly nextUpdate: Instant
  readonly count: number
}

/** Immutable. `RevocationIndex.empty` is where to begin. */
export class RevocationIndex {
  /** The snapshot that the index reads: `hot` may be kept and opened again. */
  readonly snapshot: Snapshot
  readonly #keys: readonly KeyIndex[]
  readonly #bySpki = new ByteMap<KeyIndex>()
  /** By issuer certificate and by key object, so that the key need not be hashed for every lookup. */
  readonly #known = new WeakMap<object, KeyIndex>()

  private constructor(snapshot: Snapshot) {
    this.snapshot = snapshot
    this.#keys = snapshot.keys.map(each => new KeyIndex(each))
    for (const each of this.#keys) this.#bySpki.set(each.spki, each)
  }

  static readonly empty: RevocationIndex = RevocationIndex.#inMemory(writeSnapshot([]))

  /**
   * Opens a snapshot where it lies, at a multiple of 8 of its buffer; nothing may change it afterwards. `cold` reads the
   * part that belongs to it, whose length and digest the caller compares with those in `snapshot`. Throws `MalformedError`.
   */
  static open(hot: Uint8Array, cold: ColdReader): RevocationIndex {
    return new RevocationIndex(readSnapshot(hot, cold))
  }

  static #inMemory({ hot, cold }: SnapshotBytes): RevocationIndex {
    return RevocationIndex.open(hot, coldInMemory(cold))
  }

  /** Entries held. */
  get count(): number {
    return this.#keys.reduce((sum, each) => sum + each.table.count, 0)
  }

  /** The partitions held. */
  get partitions(): readonly PartitionFacts[] {
    return this.#keys.flatMap(key =>
      key.partitions.map(({ facts }) => ({
        partition: (facts.names ?? []).map(describe).join('; '),
        issuerKey: key.spki,
        names: facts.names,
        number: facts.number,
        thisUpdate: facts.thisUpdate,
        nextUpdate: facts.nextUpdate,
        count: facts.count,
      })),
    )
  }

  /** A new index with these lists in place of older ones of the same partition; deltas are laid over their base. */
  withLists(lists: readonly VerifiedCrl[]): IndexChange {
    const builder = new RevocationBuilder(this.snapshot)
    const inOrder = [...lists].sort((a, b) => a.list.number - b.list.number || deltaLast(a, b))
    const outcomes = inOrder.map(each => builder.add(each))
    const count = (wanted: string): number => outcomes.filter(each => each === wanted).length
    const taken = count('taken')
    return {
      index: taken === 0 ? this : RevocationIndex.#inMemory(builder.build()),
      taken,
      outdated: count('outdated'),
      withoutBase: count('without-base'),
      unsupported: count('unsupported'),
    }
  }

  /** What is known about a certificate of an issuer at a time. May throw `MalformedError` on the certificate's extensions. */
  lookup(certificate: Certificate, issuer: Certificate, at: Instant): IndexAnswer {
    const key = this.#keyOf(issuer, issuer.spki)
    const partition = key?.partitionOf(certificate)
    if (key === undefined || partition === undefined) return { state: 'not-covered' }
    if (checkFreshness(partition.facts, at) !== undefined) return partition.stale
    const row = key.decisiveRow(certificate.serial, at)
    return row < 0 ? partition.good : key.answerOf(row)
  }

  /**
   * What is known about a serial of an issuing key when the certificate itself, and with it the partition, is not at hand.
   * Good needs every partition of that key to be fresh and silent; a list that names the serial needs to be fresh itself.
   */
  lookupSerial(issuerKey: Uint8Array, serial: Uint8Array, at: Instant): IndexAnswer {
    const key = this.#keyOf(issuerKey, issuerKey)
    if (key === undefined) return { state: 'not-covered' }
    const row = key.decisiveRow(serial, at)
    return row < 0 ? key.silence(at) : key.answerOf(row)
  }

  /** As `lookup`, as a verdict. */
  judge(certificate: Certificate, issuer: Certificate, at: Instant): Verdict<RevocationSource> {
    const answer = this.lookup(certificate, issuer, at)
    switch (answer.state) {
      case 'good':
        return passed(answer.source)
      case 'revoked':
      case 'held': {
        const { revokedAt, source } = answer.listed()
        return rejected([revokedReason({ reason: answer.reason, revokedAt }, source)])
      }
      case 'not-covered':
        return rejected([reason('revocation-missing')])
      case 'stale':
        return rejected([checkFreshness(answer.source, at) ?? reason('revocation-missing')])
      default:
        return answer satisfies never
    }
  }

  #keyOf(asked: object, spki: Uint8Array): KeyIndex | undefined {
    const known = this.#known.get(asked)
    if (known !== undefined) return known
    const key = this.#bySpki.get(spki)
    if (key !== undefined) this.#known.set(asked, key)
    return key
  }
}

/** A partition with the answers that it gives to most who ask. */
interface PartitionIndex {
  readonly facts: SnapshotPartition
  readonly source: RevocationSource
  readonly good: IndexAnswer
  readonly stale: IndexAnswer
}

/** The partitions and entries of one key. */
class KeyIndex {
  readonly spki: Uint8Array
  readonly table: SnapshotTable
  readonly partitions: readonly PartitionIndex[]
  /** By the usual encoding of a distribution points extension that names the partition: most lookups end here. */
  readonly #byPoint = new ByteMap<PartitionIndex[]>()
  /** By the name as compared, or the URI. Made when first needed: names take long to prepare for comparison. */
  #byName: ReadonlyMap<string, readonly PartitionIndex[]> | undefined
  readonly #whole: PartitionIndex[] = []
  /** Partitions that may hold people's certificates. */
  readonly #ofUsers: readonly PartitionIndex[]
  /** Between these all partitions of the key are fresh. */
  readonly #freshFrom: Instant
  readonly #freshUntil: Instant
  readonly #good: IndexAnswer

  constructor({ spki, partitions, table }: SnapshotKey) {
    this.spki = spki
    this.table = table
    this.partitions = partitions.map(partitionIndex)
    for (const each of this.partitions) {
      if (each.facts.names === undefined) this.#whole.push(each)
      for (const name of each.facts.names ?? []) this.#enterPoint(name, each)
    }
    this.#ofUsers = this.partitions.filter(each => each.facts.covers !== 'authorities')
    this.#freshFrom = Math.max(...partitions.map(each => each.thisUpdate))
    this.#freshUntil = Math.min(...partitions.map(each => each.nextUpdate))
    const [first, ...rest] = this.#ofUsers
    this.#good =
      first === undefined
        ? { state: 'not-covered' }
        : rest.reduce((a, b) => (b.facts.nextUpdate < a.facts.nextUpdate ? b : a), first).good
  }

  /** The partition whose lists cover a certificate. */
  partitionOf(certificate: Certificate): PartitionIndex | undefined {
    const isAuthority = certificate.basicConstraints?.isAuthority === true
    const wanted = isAuthority ? 'authorities' : 'users'
    const serves = ({ facts }: PartitionIndex): boolean =>
      facts.covers === 'all' || facts.covers === wanted
    const encoded = certificate.extensionValue('crlDistributionPoints')
    const usual = encoded === undefined ? undefined : this.#byPoint.get(encoded)?.find(serves)
    if (usual !== undefined) return usual
    for (const point of certificate.crlDistributionPoints ?? []) {
      if (point.reasons !== undefined || point.crlIssuer !== undefined) continue
      for (const name of point.fullName ?? []) {
        this.#byName ??= byName(this.partitions)
        const partition = this.#byName.get(partitionKey(name) ?? '')?.find(serves)
        if (partition !== undefined) return partition
      }
    }
    return this.#whole.find(serves)
  }

  /**
   * The row that decides about a serial, or -1: one of a list that is fresh; where several name the serial, one that is
   * not a mere hold.
   */
  decisiveRow(serial: Uint8Array, at: Instant): number {
    let row = this.table.find(serial)
    if (row < 0) return row
    const areAllFresh = at >= this.#freshFrom && at <= this.#freshUntil
    let found = -1
    for (; row >= 0; row = this.table.next(row, serial)) {
      if (!areAllFresh && checkFreshness(this.#namingPartition(row).facts, at) !== undefined)
        continue
      if (found < 0 || this.table.reasonAt(found) === hold) found = row
    }
    return found
  }

  answerOf(row: number): IndexAnswer {
    return new ListedAnswer(this, row, this.table.reasonAt(row))
  }

  listed(row: number): ListedEntry {
    const { seconds, partition } = this.table.coldAt(row)
    return { revokedAt: seconds * 1000, source: this.#partitionAt(partition).source }
  }

  /** What it means that no list names a person's serial. */
  silence(at: Instant): IndexAnswer {
    if (at >= this.#freshFrom && at <= this.#freshUntil) return this.#good
    const stale = this.#ofUsers.find(each => checkFreshness(each.facts, at) !== undefined)
    return stale?.stale ?? this.#good
  }

  #enterPoint(name: GeneralName, partition: PartitionIndex): void {
    if (name.kind !== 'directory') return
    const point = encodePoint(name.name)
    const known = this.#byPoint.get(point)
    if (known === undefined) this.#byPoint.set(point, [partition])
    else known.push(partition)
  }

  #namingPartition(row: number): PartitionIndex {
    return this.#partitionAt(this.table.coldAt(row).partition)
  }

  #partitionAt(position: number): PartitionIndex {
    const found = this.partitions[position]
    if (found === undefined) throw new Error('the cold part of a snapshot has changed')
    return found
  }
}

/** Of a serial that a list names. */
class ListedAnswer {
  readonly state: 'revoked' | 'held'
  readonly reason: RevocationReason
  readonly #key: KeyIndex
  readonly #row: number

  constructor(key: KeyIndex, row: number, number: number) {
    this.state = number === hold ? 'held' : 'revoked'
    this.reason = reasonOfNumber(number) ?? 'unspecified'
    this.#key = key
    this.#row = row
  }

  listed(): ListedEntry {
    return this.#key.listed(this.#row)
  }
}

function partitionIndex(facts: SnapshotPartition): PartitionIndex {
  const { thisUpdate, nextUpdate, number } = facts
  const source: RevocationSource = { kind: 'index', thisUpdate, nextUpdate, number }
  return { facts, source, good: { state: 'good', source }, stale: { state: 'stale', source } }
}

function byName(
  partitions: readonly PartitionIndex[],
): ReadonlyMap<string, readonly PartitionIndex[]> {
  const found = new Map<string, PartitionIndex[]>()
  for (const each of partitions) {
    for (const name of each.facts.names ?? []) {
      const key = partitionKey(name)
      if (key === undefined) continue
      const known = found.get(key)
      if (known === undefined) found.set(key, [each])
      else known.push(each)
    }
  }
  return found
}

// DistributionPoints with one point that has this full name and nothing else.
function encodePoint(name: Name): Uint8Array {
  return sequence(sequence(explicit(0, explicit(0, explicit(4, name.raw)))))
}

function describe(name: GeneralName): string {
  if (name.kind === 'directory') return name.name.toString()
  return name.kind === 'uri' ? name.uri : name.kind
}

// Lists of one number: the full one first, so that its delta finds it.
function deltaLast(a: VerifiedCrl, b: VerifiedCrl): number {
  return Number(a.list.deltaBase !== undefined) - Number(b.list.deltaBase !== undefined)
}

const hold = reasonNumber('certificateHold')
