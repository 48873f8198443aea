/**
 * The ledger: what happened, written in the transaction in which it happened, and afterwards beyond
 * anybody's power to change unseen (catalogue C7; `docs/protocol/ledger.md`).
 */
import { every, type Instant, protocolNow } from '@sekisho/runtime/clock'
import type { PersonKeys, PersonKeyTables } from '@sekisho/runtime/keys'
import { defineMessages, type Log } from '@sekisho/runtime/log'
import type { Random } from '@sekisho/runtime/random'
import { sql, type Store, type Transaction } from '@sekisho/runtime/store'
import { type AuditResult, auditTree } from './audit.ts'
import { assertOrigin, type LogSigner } from './checkpoint.ts'
import { decodeEntry, type Entry, type EntryKind, type EntryValues, encodeEntry } from './entry.ts'
import { createProofs, type Proofs } from './proof.ts'
import { type PublishedFile, readPublishedFile } from './published-log.ts'
import { LedgerDamaged, sequenceBatch } from './sequencer.ts'
import type { LedgerTables } from './tables.ts'
import { createWitnessing, type WitnessPolicy } from './witnessing.ts'
import {
  contentHashOf,
  type DisclosedEntry,
  formatLogKey,
  type LogKey,
  saltBytes,
} from './judgement.ts'

/** The tables that the caller's schema must have. */
export type LedgerSchema = LedgerTables & PersonKeyTables

/** One entry of a person, as the person may see it. */
export type RecordedEntry = {
  readonly id: string
  /** The place in the log; undefined for the second until it is sequenced. */
  readonly index: number | undefined
  /** Undefined once the person's key was erased. */
  readonly content: { readonly entry: Entry; readonly disclosed: DisclosedEntry } | undefined
}

/** An entry that concerns no person. */
export type OpenEntry = {
  readonly index: number | undefined
  readonly disclosed: DisclosedEntry
}

/** What is to be recorded. */
export type EntryToRecord<
  F extends Readonly<Record<string, 'text' | 'number' | 'boolean' | 'texts'>>,
> = {
  readonly at: Instant
  readonly personId?: string | undefined
  readonly providerId?: string | undefined
  readonly values: EntryValues<F>
}

/** The log of one program. */
export interface Ledger extends Proofs {
  /** The log's verifier key, for `./verify` and for anybody who asks. */
  readonly verifierKey: string
  /**
   * Records inside the caller's transaction: the entry exists exactly if what it tells of does. With
   * a `personId` its content lies under that person's key, made if there is none. Returns its id.
   */
  record<F extends Readonly<Record<string, 'text' | 'number' | 'boolean' | 'texts'>>>(
    tx: Transaction<LedgerSchema>,
    kind: EntryKind<F>,
    entry: EntryToRecord<F>,
  ): Promise<string>
  /** Records several of one kind at once, as `record` does each; their ids in order. */
  recordAll<F extends Readonly<Record<string, 'text' | 'number' | 'boolean' | 'texts'>>>(
    tx: Transaction<LedgerSchema>,
    kind: EntryKind<F>,
    entries: readonly EntryToRecord<F>[],
  ): Promise<readonly string[]>
  /** Sequences everything that waits, now; the beat of `start` does the same each second. */
  sequence(): Promise<number>
  /** Begins the beat. Returns a stop that ends a round in progress and does a last one. */
  start(): () => Promise<void>
  /** True unless something waits longer than ten seconds; for the readiness probe. */
  isCurrent(): Promise<boolean>
  /** A person's entries, oldest first. Throws `LedgerDamaged` when one was altered. */
  entriesOf(personId: string): Promise<readonly RecordedEntry[]>
  /** An entry that concerns no person, as anybody may have it; undefined: there is none of this id. */
  openEntry(id: string): Promise<OpenEntry | undefined>
  /** People of whom nothing was recorded since (real time) and whose content can still be read, longest idle first. */
  idlePeople(since: Instant, limit: number): Promise<readonly string[]>
  /** A file of the published log (C2SP tlog-tiles) by its address below the log's own; undefined: there is none. */
  published(path: string): Promise<PublishedFile | undefined>
  /** Has the witnesses asked now; the beat of `start` does the same each second. */
  askWitnesses(): Promise<void>
  /** Reads the whole log against its newest checkpoint. Takes a while on a large one. */
  audit(): Promise<AuditResult>
}

/** Makes the ledger over a store whose schema includes `ledgerMigrations` and `personKeyMigrations`. */
export function createLedger(given: {
  readonly store: Store<LedgerSchema>
  readonly personKeys: PersonKeys
  /** An Ed25519 key, used for nothing else. */
  readonly key: LogSigner
  /** The log's name: its address without the scheme, `platform.example/ledger`. */
  readonly origin: string
  readonly random: Random
  readonly log: Log
  /** Who cosigns checkpoints, and by what they are reached; without, the newest checkpoint is shown as it is. */
  readonly witnessed?:
    | { readonly policy: WitnessPolicy; readonly fetch: typeof globalThis.fetch }
    | undefined
}): Ledger {
  assertOrigin(given.origin)
  const { store, log } = given
  const logKey: LogKey = { origin: given.origin, publicKey: given.key.publicKey }
  const sequencing = { store, key: given.key, logKey }
  const proofs = createProofs(store)
  const witnessing =
    given.witnessed === undefined ? undefined : createWitnessing({ store, log, ...given.witnessed })

  const sequence = async (): Promise<number> => {
    let total = 0
    for (;;) {
      const placed = await sequenceBatch(sequencing)
      total += placed
      if (placed === 0) return total
    }
  }
  const oldestWaiting = (): Promise<Instant | undefined> =>
    store.read(async db => {
      const found = await db
        .selectFrom('ledger_entry')
        .select('recorded_at')
        .where('leaf_index', 'is', null)
        .orderBy('recorded_at')
        .limit(1)
        .executeTakeFirst()
      return found?.recorded_at
    })
  const lateMs = async (): Promise<number> => {
    const oldest = await oldestWaiting()
    const waitedMs = oldest === undefined ? 0 : protocolNow() - oldest
    return waitedMs > waitMsMax ? waitedMs : 0
  }
  return {
    ...proofs,
    verifierKey: formatLogKey(logKey),
    record: async (tx, kind, entry) => {
      const [id] = await recordEntries(given, tx, kind, [entry])
      if (id === undefined) throw new Error('one entry has one id')
      return id
    },
    recordAll: (tx, kind, entries) => recordEntries(given, tx, kind, entries),
    sequence,
    start() {
      const stop = every(
        beatMs,
        () => beat(sequence, lateMs, log),
        error => {
          log.write(messages['ledger.sequencing-failed'], { fault: error })
        },
      )
      // Beside the beat: a witness that is slow holds nothing up.
      const stopAsking = every(
        beatMs,
        async () => witnessing?.askAll(),
        error => {
          log.write(messages['ledger.witnessing-failed'], { fault: error })
        },
      )
      return async () => {
        await stopAsking()
        await stop()
        await sequence()
      }
    },
    isCurrent: async () => (await lateMs()) === 0,
    entriesOf: personId => entriesOf(given, personId),
    openEntry: id => openEntry(store, id),
    idlePeople: (since, limit) => idlePeople(store, since, limit),
    published: path =>
      readPublishedFile({ store, checkpoint: (witnessing ?? proofs).checkpoint }, path),
    askWitnesses: async () => witnessing?.askAll(),
    audit: () => auditTree(store, logKey),
  }
}

async function recordEntries<
  F extends Readonly<Record<string, 'text' | 'number' | 'boolean' | 'texts'>>,
>(
  given: { readonly personKeys: PersonKeys; readonly random: Random },
  tx: Transaction<LedgerSchema>,
  kind: EntryKind<F>,
  told: readonly EntryToRecord<F>[],
): Promise<readonly string[]> {
  const [first] = told
  if (first === undefined) return []
  const people = told.flatMap(({ personId }) => (personId === undefined ? [] : [personId]))
  const keys =
    people.length === 0 ? undefined : await given.personKeys.ensureAll(tx, people, first.at)
  const recordedAt = protocolNow()
  const rows = told.map(({ at, personId, providerId, values }) => {
    const id = given.random.uuidv7(recordedAt)
    const entry = encodeEntry(
      { id, kind: kind.code, at, personId, providerId, values },
      kind.fields,
    )
    const salt = given.random.bytes(saltBytes)
    const plain = Uint8Array.from(Buffer.concat([salt, entry]))
    const key = personId === undefined ? undefined : keys?.get(personId)
    if (personId !== undefined && key === undefined) throw new Error('a person without a key')
    const content = key === undefined ? plain : key.seal(placeOf(id), plain)
    return { id, personId: personId ?? null, content, hash: contentHashOf({ salt, entry }) }
  })
  // Arrays, so that the statement is the same for any number of entries. Bytes as hex, which both engines take in arrays.
  await sql`
    insert into ledger_entry (id, person_id, content, content_hash, recorded_at, leaf_index)
    select given.id, given.person_id, decode(given.content, 'hex'), decode(given.hash, 'hex'),
      ${recordedAt}::bigint, null
    from unnest(
      ${rows.map(({ id }) => id)}::text[],
      ${rows.map(({ personId }) => personId)}::text[],
      ${rows.map(({ content }) => hex(content))}::text[],
      ${rows.map(({ hash }) => hex(hash))}::text[]
    ) as given (id, person_id, content, hash)`.execute(tx)
  return rows.map(({ id }) => id)
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

async function entriesOf(
  given: { readonly store: Store<LedgerSchema>; readonly personKeys: PersonKeys },
  personId: string,
): Promise<readonly RecordedEntry[]> {
  return given.store.read(async db => {
    const key = await given.personKeys.find(db, personId)
    const rows = await db
      .selectFrom('ledger_entry')
      .select(['id', 'content', 'content_hash', 'leaf_index'])
      .where('person_id', '=', personId)
      .orderBy('id')
      .execute()
    return rows.map(row => {
      const index = row.leaf_index ?? undefined
      if (key.kind !== 'present') return { id: row.id, index, content: undefined }
      const plain = key.key.open(placeOf(row.id), row.content)
      const disclosed = { salt: plain.slice(0, saltBytes), entry: plain.slice(saltBytes) }
      if (!Buffer.from(contentHashOf(disclosed)).equals(row.content_hash)) {
        throw new LedgerDamaged('an entry does not match its hash')
      }
      return { id: row.id, index, content: { entry: decodeEntry(disclosed.entry), disclosed } }
    })
  })
}

async function openEntry(store: Store<LedgerSchema>, id: string): Promise<OpenEntry | undefined> {
  const row = await store.read(db =>
    db
      .selectFrom('ledger_entry')
      .select(['content', 'leaf_index'])
      .where('id', '=', id)
      .where('person_id', 'is', null)
      .executeTakeFirst(),
  )
  if (row === undefined) return undefined
  return {
    index: row.leaf_index ?? undefined,
    disclosed: { salt: row.content.slice(0, saltBytes), entry: row.content.slice(saltBytes) },
  }
}

async function idlePeople(
  store: Store<LedgerSchema>,
  since: Instant,
  limit: number,
): Promise<readonly string[]> {
  const rows = await store.read(db =>
    db
      .selectFrom('ledger_entry')
      .innerJoin('person_key', 'person_key.person_id', 'ledger_entry.person_id')
      .select('person_key.person_id')
      .where('person_key.wrapped', 'is not', null)
      .groupBy('person_key.person_id')
      .having(eb => eb.fn.max('ledger_entry.recorded_at'), '<', since)
      .orderBy(eb => eb.fn.max('ledger_entry.recorded_at'))
      .limit(limit)
      .execute(),
  )
  return rows.map(row => row.person_id)
}

async function beat(
  sequence: () => Promise<number>,
  lateMs: () => Promise<number>,
  log: Log,
): Promise<void> {
  try {
    await sequence()
  } finally {
    const waitedMs = await lateMs()
    if (waitedMs > 0) log.write(messages['ledger.sequencing-late'], { waitedMs })
  }
}

/** A sealed entry opens only in its own row. */
function placeOf(id: string): string {
  return `ledger_entry.content ${id}`
}

const messages = defineMessages({
  'ledger.sequencing-failed': {
    level: 'error',
    text: 'entries could not be sequenced',
    fields: { fault: 'fault' },
  },
  'ledger.witnessing-failed': {
    level: 'error',
    text: 'cosignatures could not be asked for or kept',
    fields: { fault: 'fault' },
  },
  'ledger.sequencing-late': {
    level: 'error',
    text: 'an entry waits too long for its place in the log',
    fields: { waitedMs: 'number' },
  },
})

/** A checkpoint each second, when there is something new. */
const beatMs = 1_000
/** Ten beats: longer means that sequencing does not work. */
const waitMsMax = 10_000
