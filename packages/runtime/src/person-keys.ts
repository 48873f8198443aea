/**
 * A key for each person: what is personal is sealed under it, and erasing the key erases the
 * content wherever it lies, while rows, counts and proofs stay.
 *
 * Person keys are wrapped by bucket keys, these by the master: the master, perhaps in a distant
 * module, is asked once a bucket and process instead of once a person.
 *
 * Not done: backups made before an erasure still hold the person's wrapped key; they must be let
 * expire.
 */
import { createHash, createSecretKey, type KeyObject } from 'node:crypto'
import { sql, type Transaction } from 'kysely'
import type { Instant } from './clock.ts'
import { type MasterKey, masterKeyOf } from './master-key.ts'
import type { Random } from './random.ts'
import { openBox, sealBox } from './sealed-box.ts'
import type { Migrations, Reader, Store } from './store.ts'

/** The tables, to be part of the schema of the program that keeps people. */
export type PersonKeyTables = {
  bucket_key: { bucket: number; master_id: string; wrapped: Uint8Array }
  person_key: {
    person_id: string
    bucket: number
    /** Null once erased; the row stays, so that the person never gets a second key. */
    wrapped: Uint8Array | null
    created_at: Instant
    erased_at: Instant | null
  }
}

/** The steps that make the tables. */
export const personKeyMigrations: Migrations = {
  'person-keys-0001': async db => {
    await sql`
      create table bucket_key (
        bucket integer primary key,
        master_id text not null,
        wrapped bytea not null
      )`.execute(db)
    await sql`
      create table person_key (
        person_id text primary key,
        bucket integer not null references bucket_key,
        wrapped bytea,
        created_at bigint not null,
        erased_at bigint,
        check ((wrapped is null) = (erased_at is not null))
      )`.execute(db)
  },
}

/** One person's key, for as long as the caller's work lasts; not to be kept. */
export interface PersonKey {
  /** Seals bytes for one place, such as `consent.attributes`. */
  seal(place: string, plain: Uint8Array): Uint8Array
  /** Opens; throws `SealBroken` for altered bytes, another person's, or another place's. */
  open(place: string, sealed: Uint8Array): Uint8Array
}

/** What is known of a person's key. */
export type FoundPersonKey =
  | { readonly kind: 'present'; readonly key: PersonKey }
  | { readonly kind: 'erased'; readonly at: Instant }
  | { readonly kind: 'absent' }

/** The keys of people. */
export interface PersonKeys {
  /** The person's key, made if there is none. Throws a fault when it was erased. */
  ensure(tx: Transaction<PersonKeyTables>, personId: string, at: Instant): Promise<PersonKey>
  /** The keys of several people, made where there are none. Throws a fault when one was erased. */
  ensureAll(
    tx: Transaction<PersonKeyTables>,
    personIds: readonly string[],
    at: Instant,
  ): Promise<ReadonlyMap<string, PersonKey>>
  find(db: Reader<PersonKeyTables>, personId: string): Promise<FoundPersonKey>
  /** The keys of several people in one read; a person who has none or no longer is not in the map. */
  findAll(
    db: Reader<PersonKeyTables>,
    personIds: readonly string[],
  ): Promise<ReadonlyMap<string, PersonKey>>
  /** Destroys the key for good. False when there was none to destroy. */
  erase(tx: Transaction<PersonKeyTables>, personId: string, at: Instant): Promise<boolean>
  /** Unwraps all bucket keys and makes those that are missing, so that afterwards nobody waits for the master. */
  warm(store: Store<PersonKeyTables>): Promise<void>
  /** Wraps the bucket keys that lie under a former master under the present one; how many. Reading and writing go on meanwhile. */
  rewrap(store: Store<PersonKeyTables>): Promise<number>
  /** A secret that is wrapped like a bucket key and kept in memory like one, for what is sealed and concerns nobody or not yet anybody. */
  ownMaster(store: Store<PersonKeyTables>): Promise<MasterKey>
}

/** Makes the object that keeps people's keys under a master. `former`: masters under which bucket keys may still lie. */
export function createPersonKeys(given: {
  readonly master: MasterKey
  readonly former?: readonly MasterKey[]
  readonly random: Random
}): PersonKeys {
  const buckets = createBuckets(given)

  const found = async (row: PersonRow): Promise<FoundPersonKey> => {
    if (row.wrapped === null) return { kind: 'erased', at: row.erased_at ?? 0 }
    const bucketKey = await buckets.unwrap(row.bucket, row.master_id, row.bucket_wrapped)
    const secret = openBox(bucketKey, `person key\n${row.person_id}`, row.wrapped)
    return { kind: 'present', key: personKeyOf(row.person_id, secret, given.random) }
  }
  const find = async (db: Reader<PersonKeyTables>, personId: string): Promise<FoundPersonKey> => {
    const row = await selectRows(db).where('person_id', '=', personId).executeTakeFirst()
    return row === undefined ? { kind: 'absent' } : found(row)
  }
  const ensure: PersonKeys['ensure'] = async (tx, personId, at) => {
    const before = await find(tx, personId)
    if (before.kind === 'present') return before.key
    if (before.kind === 'absent') {
      const bucket = bucketOf(personId)
      const bucketKey = await buckets.ensure(tx, bucket)
      const secret = given.random.bytes(keyBytes)
      const wrapped = sealBox(bucketKey, `person key\n${personId}`, secret, given.random)
      await tx
        .insertInto('person_key')
        .values({ person_id: personId, bucket, wrapped, created_at: at, erased_at: null })
        .onConflict(conflict => conflict.doNothing())
        .execute()
      // Whoever was first, the row now there is the one that counts.
      const now = await find(tx, personId)
      if (now.kind === 'present') return now.key
    }
    throw new Error('the key of this person was erased')
  }
  const findAll: PersonKeys['findAll'] = async (db, personIds) => {
    const keys = new Map<string, PersonKey>()
    if (personIds.length === 0) return keys
    const rows = await selectRows(db)
      .where(({ eb }) => eb('person_id', '=', sql<string>`any(${[...personIds]}::text[])`))
      .execute()
    for (const row of rows) {
      const one = await found(row)
      if (one.kind === 'present') keys.set(row.person_id, one.key)
    }
    return keys
  }
  return {
    find,
    findAll,
    ensure,
    async ensureAll(tx, personIds, at) {
      const keys = new Map(await findAll(tx, personIds))
      // In one order everywhere, so that two transactions that make the same keys cannot wait in a circle.
      for (const personId of new Set(personIds.toSorted()))
        if (!keys.has(personId)) keys.set(personId, await ensure(tx, personId, at))
      return keys
    },
    async erase(tx, personId, at) {
      const { numUpdatedRows } = await tx
        .updateTable('person_key')
        .set({ wrapped: null, erased_at: at })
        .where('person_id', '=', personId)
        .where('wrapped', 'is not', null)
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },
    warm: store => buckets.warm(store),
    rewrap: store => buckets.rewrap(store),
    async ownMaster(store) {
      const key = await store.transaction(tx => buckets.ensure(tx, ownBucket))
      return masterKeyOf(Uint8Array.from(key.export()), given.random)
    },
  }
}

type PersonRow = {
  person_id: string
  bucket: number
  wrapped: Uint8Array | null
  erased_at: Instant | null
  master_id: string
  bucket_wrapped: Uint8Array
}

function selectRows(db: Reader<PersonKeyTables>) {
  return db
    .selectFrom('person_key')
    .innerJoin('bucket_key', 'bucket_key.bucket', 'person_key.bucket')
    .select([
      'person_key.person_id',
      'person_key.bucket',
      'person_key.wrapped',
      'person_key.erased_at',
      'bucket_key.master_id',
      'bucket_key.wrapped as bucket_wrapped',
    ])
}

function personKeyOf(personId: string, secret: Uint8Array, random: Random): PersonKey {
  const key = createSecretKey(secret)
  secret.fill(0)
  const context = (place: string): string => {
    if (place.includes('\n')) throw new Error('a place is one line')
    return `person\n${personId}\n${place}`
  }
  return {
    seal: (place, plain) => sealBox(key, context(place), plain, random),
    open: (place, sealed) => openBox(key, context(place), sealed),
  }
}

interface Buckets {
  unwrap(bucket: number, masterId: string, wrapped: Uint8Array): Promise<KeyObject>
  ensure(tx: Transaction<PersonKeyTables>, bucket: number): Promise<KeyObject>
  warm(store: Store<PersonKeyTables>): Promise<void>
  rewrap(store: Store<PersonKeyTables>): Promise<number>
}

/**
 * Unwrapped bucket keys are remembered by their wrapped form, not by number: a key seen in a
 * transaction that was then rolled back must not be taken for the one that follows it.
 */
function createBuckets({ master, former = [], random }: BucketSettings): Buckets {
  const known = new Map<string, KeyObject>()
  const unwrap = async (
    bucket: number,
    masterId: string,
    wrapped: Uint8Array,
  ): Promise<KeyObject> => {
    const name = Buffer.from(wrapped).toString('base64')
    const remembered = known.get(name)
    if (remembered !== undefined) return remembered
    const above = [master, ...former].find(one => one.id === masterId)
    if (above === undefined) throw new Error('the bucket key lies under another master key')
    const secret = await above.unwrap(`bucket ${bucket}`, wrapped)
    const key = createSecretKey(secret)
    secret.fill(0)
    // Two forms of each while they are wrapped anew, and some room.
    if (known.size >= 3 * bucketCount) known.clear()
    known.set(name, key)
    return key
  }
  const select = (tx: Transaction<PersonKeyTables>, bucket: number) =>
    tx.selectFrom('bucket_key').selectAll().where('bucket', '=', bucket).executeTakeFirst()
  return {
    unwrap,
    async ensure(tx, bucket) {
      let row = await select(tx, bucket)
      if (row === undefined) {
        const wrapped = await master.wrap(`bucket ${bucket}`, random.bytes(keyBytes))
        await tx
          .insertInto('bucket_key')
          .values({ bucket, master_id: master.id, wrapped })
          .onConflict(conflict => conflict.doNothing())
          .execute()
        row = await select(tx, bucket)
      }
      if (row === undefined) throw new Error('the bucket key vanished')
      return unwrap(row.bucket, row.master_id, row.wrapped)
    },
    async warm(store) {
      const readAll = () => store.read(db => db.selectFrom('bucket_key').selectAll().execute())
      const there = new Set((await readAll()).map(row => row.bucket))
      const missing = Array.from({ length: bucketCount }, (_, at) => at).filter(
        bucket => !there.has(bucket),
      )
      for (let from = 0; from < missing.length; from += madeAtOnce) {
        // The master is asked before the transaction begins.
        const values = await Promise.all(
          missing.slice(from, from + madeAtOnce).map(async bucket => ({
            bucket,
            master_id: master.id,
            wrapped: await master.wrap(`bucket ${bucket}`, random.bytes(keyBytes)),
          })),
        )
        await store.transaction(tx =>
          tx
            .insertInto('bucket_key')
            .values(values)
            .onConflict(conflict => conflict.doNothing())
            .execute(),
        )
      }
      for (const row of await readAll()) await unwrap(row.bucket, row.master_id, row.wrapped)
    },
    async rewrap(store) {
      const rows = await store.read(db =>
        db.selectFrom('bucket_key').selectAll().where('master_id', '!=', master.id).execute(),
      )
      let count = 0
      for (const row of rows) {
        const key = await unwrap(row.bucket, row.master_id, row.wrapped)
        const wrapped = await master.wrap(`bucket ${row.bucket}`, Uint8Array.from(key.export()))
        // Another node may be at it too; whichever comes first is right.
        const done = await store.transaction(tx =>
          tx
            .updateTable('bucket_key')
            .set({ wrapped, master_id: master.id })
            .where('bucket', '=', row.bucket)
            .where('master_id', '=', row.master_id)
            .executeTakeFirst(),
        )
        count += Number(done.numUpdatedRows)
      }
      return count
    },
  }
}

type BucketSettings = {
  readonly master: MasterKey
  readonly former?: readonly MasterKey[]
  readonly random: Random
}

function bucketOf(personId: string): number {
  return createHash('sha256').update(personId).digest().readUInt16BE(0) % bucketCount
}

const keyBytes = 32
/** 100 million people make 25,000 a bucket; all bucket keys fit in memory. */
const bucketCount = 4_096
/** Bucket keys made in one transaction. */
const madeAtOnce = 128
/** Beside the buckets of people. */
const ownBucket = -1
