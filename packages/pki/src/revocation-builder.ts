/**
 * Builds a new revocation snapshot from an old one and the lists that came since. Only the tables of keys with new lists
 * are made anew. Takes processor time and memory in proportion to them: large ones are built in a thread of their own.
 */
import { ByteMap } from './byte-map.ts'
import type { RevocationList } from './crl.ts'
import { continues, type VerifiedCrl } from './crl-judgement.ts'
import {
  type EntryRows,
  joined,
  partitionsMax,
  rowsOfList,
  settled,
  withoutPartitions,
} from './entry-rows.ts'
import type { GeneralName } from './general-name.ts'
import {
  type KeyContent,
  type Snapshot,
  type SnapshotBytes,
  type SnapshotPartition,
  writeSnapshot,
} from './revocation-snapshot.ts'
import type { SnapshotTable } from './snapshot-table.ts'

/**
 * What became of a list. `outdated`: older than what is held, or the same, and refused so that nobody can roll it back;
 * `without-base`: a delta to a list that is not held; `unsupported`: of a kind that only a judgement list by list can
 * use (see `judgeByCrls`).
 */
export type ListOutcome = 'taken' | 'outdated' | 'without-base' | 'unsupported'

/** Collects lists over a snapshot. Their bytes may be forgotten once they were added. */
export class RevocationBuilder {
  readonly #keys = new ByteMap<KeyState>()

  /** `base` stays as it is; its cold part is read while building. */
  constructor(base: Snapshot) {
    for (const { spki, partitions, table } of base.keys) {
      this.#keys.set(spki, { spki, table, partitions: partitions.map(facts => ({ facts })) })
    }
  }

  /** Takes a list in. Deltas go over what is held of their partition, which must continue it (`continues`). */
  add({ list, issuer }: VerifiedCrl): ListOutcome {
    const scope = scopeOf(list)
    if (scope === undefined) return 'unsupported'
    const key = this.#keys.get(issuer.spki) ?? {
      spki: issuer.spki,
      table: undefined,
      partitions: [],
    }
    const found = key.partitions.findIndex(each => isSameScope(each.facts, scope))
    const known = key.partitions[found]
    const isDelta = list.deltaBase !== undefined
    if (known !== undefined && list.number <= known.facts.number) return 'outdated'
    if (isDelta && (known === undefined || !continues(list, known.facts))) return 'without-base'
    const position = found < 0 ? key.partitions.length : found
    if (position >= partitionsMax) return 'unsupported'
    const { number, thisUpdate, nextUpdate } = list
    const facts = { ...scope, number, thisUpdate, nextUpdate, count: 0 }
    const fresh = rowsOfList(list, position)
    const news: News = isDelta
      ? {
          rows: [...(known?.news?.rows ?? []), fresh],
          isReplacing: known?.news?.isReplacing === true,
        }
      : { rows: [fresh], isReplacing: true }
    key.partitions[position] = { facts, news }
    this.#keys.set(issuer.spki, key)
    return 'taken'
  }

  /** The new snapshot. */
  build(): SnapshotBytes {
    return writeSnapshot([...this.#keys.values()].map(contentOf))
  }
}

interface KeyState {
  readonly spki: Uint8Array
  /** The table that the base has; undefined: none. */
  readonly table: SnapshotTable | undefined
  readonly partitions: PartitionState[]
}

interface PartitionState {
  readonly facts: SnapshotPartition
  readonly news?: News
}

/** Rows of lists, oldest first, that come in place of those held, or over them. */
interface News {
  readonly rows: readonly EntryRows[]
  readonly isReplacing: boolean
}

type Scope = Pick<SnapshotPartition, 'names' | 'covers'>

function contentOf({ spki, table, partitions }: KeyState): KeyContent {
  const facts = partitions.map(each => each.facts)
  const news = partitions.flatMap(each => each.news ?? [])
  if (news.length === 0 && table !== undefined) return { spki, partitions: facts, rows: table }
  const replaced = new Set<number>()
  for (const [i, each] of partitions.entries()) if (each.news?.isReplacing === true) replaced.add(i)
  const held = table === undefined ? [] : [withoutPartitions(table.rows(), replaced)]
  const rows = settled(joined([...held, ...news.flatMap(each => each.rows)]))
  const counts = new Uint32Array(partitions.length)
  for (const { count, partitions: positions } of [rows.short, rows.long]) {
    for (let i = 0; i < count; i++) {
      const position = positions[i] ?? 0
      counts[position] = (counts[position] ?? 0) + 1
    }
  }
  return {
    spki,
    partitions: facts.map((each, i) => ({ ...each, count: counts[i] ?? 0 })),
    rows,
  }
}

// Lists that speak for some reasons only, of other issuers' certificates or of attributes have no place in a table of one
// key; names of other kinds find no partition, so that a list that has only such is of no use either.
function scopeOf(list: RevocationList): Scope | undefined {
  const { partition, covers, reasons, isIndirect } = list.scope
  if (covers === 'attributes' || reasons !== undefined || isIndirect) return undefined
  if (partition === undefined) return { names: undefined, covers }
  const names = partition.filter(each => partitionKey(each) !== undefined)
  return names.length === 0 ? undefined : { names, covers }
}

function isSameScope(a: Scope, b: Scope): boolean {
  if (a.covers !== b.covers) return false
  if (a.names === undefined || b.names === undefined) return a.names === b.names
  const keys = new Set(a.names.map(partitionKey))
  return a.names.length === b.names.length && b.names.every(each => keys.has(partitionKey(each)))
}

/** Text that is equal for names of the same partition; undefined for names that are not compared. */
export function partitionKey(name: GeneralName): string | undefined {
  if (name.kind === 'directory') return name.name.key
  return name.kind === 'uri' ? `uri ${name.uri}` : undefined
}
