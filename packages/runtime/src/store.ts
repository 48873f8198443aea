/**
 * The database: the same SQL and the same types over an engine inside the process and over a
 * PostgreSQL server.
 *
 * Each program has a schema and a role of its own. Every statement runs under that role, so one
 * program's code cannot read another's tables even where a town runs all in one engine. The role is
 * a guard rail between programs that mean well: code that could issue `reset role` could step over
 * it. In production each program has its own database besides.
 *
 * SQL never asks the server for the time and never makes ids: both come in as parameters.
 */
import { Refusal } from '@sekisho/contract'
import { type CompiledQuery, Kysely, type QueryResult, sql, type Transaction } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import type { Effects } from './effects.ts'
import { openEmbeddedDatabase } from './embedded-engine.ts'
import { engineDialect, type Sessions, Together } from './engine-driver.ts'
import { administerPostgres, openPool, type PostgresPool } from './postgres-engine.ts'
import { assertOutsideTransaction, insideTransaction } from './transaction-scope.ts'

export {
  type ColumnType,
  CompiledQuery,
  type ExpressionBuilder,
  type Generated,
  type Insertable,
  type Kysely,
  type RawBuilder,
  type Selectable,
  type SqlBool,
  sql,
  type Transaction,
  type Updateable,
} from 'kysely'
export { createEffects, type EffectKind, type Effects } from './effects.ts'
export { groupCommit, groupStatements, shareReads } from './gathering.ts'
export { startTemporaryPostgres, type TemporaryPostgres } from './postgres-for-tests.ts'
export { SerializationFailure, StoreError, UniqueViolation } from './store-error.ts'

/**
 * Steps from an empty schema to the present one, by name. They only go forward; a released step is
 * never changed. Names from several owners live together, so each begins with its owner's:
 * `ledger-0001-entries`. A step must leave the previous release's statements working.
 */
export type Migrations = Readonly<Record<string, (db: Kysely<unknown>) => Promise<void>>>

/** What may be asked outside a transaction: reading. A `Transaction` is one too. */
export type Reader<Schema> = Pick<
  Kysely<Schema>,
  | 'selectFrom'
  | 'selectNoFrom'
  | 'with'
  | 'fn'
  | 'dynamic'
  | 'case'
  | 'executeQuery'
  | 'getExecutor'
>

/** What a statement of `write` is compiled with. */
export type Writer<Schema> = Pick<
  Kysely<Schema>,
  'insertInto' | 'updateTable' | 'deleteFrom' | 'with' | 'getExecutor'
>

/** One program's tables. */
export interface Store<Schema> {
  readonly schema: string
  /**
   * Runs `work` in one transaction (read committed unless told otherwise) and commits what it did,
   * or nothing when it throws. Resolves after the commit is durable as the engine understands it.
   *
   * Throws a fault when called inside another transaction; `SerializationFailure` when it lost
   * against a concurrent one; `StoreError` when a statement failed, even if `work` caught that.
   */
  transaction<T>(
    work: (tx: Transaction<Schema>) => Promise<T>,
    given?: { readonly isolation?: 'repeatable read' | 'serializable' },
  ): Promise<T>
  /**
   * Runs one statement that writes, in a transaction of its own, for a third of the round trips of `transaction`. Resolves after its commit
   * is durable as the engine understands it; what `transaction` throws, this throws.
   */
  write<Row>(statement: (db: Writer<Schema>) => CompiledQuery<Row>): Promise<QueryResult<Row>>
  /** Runs reads, each statement by itself. For several that must agree, use a transaction. */
  read<T>(work: (db: Reader<Schema>) => Promise<T>): Promise<T>
}

/** An engine with the schemas of one or more programs. */
export interface Engine {
  readonly kind: 'embedded' | 'postgres'
  /**
   * Opens a program's schema: makes schema and role where absent, runs the migrations that have not
   * run. `schema` is lower-case letters, digits and underscores.
   */
  store<Schema>(given: {
    readonly schema: string
    readonly migrations: Migrations
  }): Promise<Store<Schema>>
  /** Waits for what is running, then lets go of connections and locks. */
  close(): Promise<void>
}

/**
 * Opens the engine inside this process, over a data folder or `'memory'`. It serialises: one
 * transaction at a time. The folder is its own and locked; a second process gets the refusal
 * `data-folder-in-use`. Commits to a folder survive the death of the process and the loss of power; one session at
 * a time makes it right for towns and tests only.
 */
export async function openEmbedded(
  folder: string,
  given: { readonly effects?: Effects | undefined } = {},
): Promise<Engine> {
  const database = await openEmbeddedDatabase(folder)
  return {
    kind: 'embedded',
    async store<Schema>(asked: { readonly schema: string; readonly migrations: Migrations }) {
      const role = roleOf(asked.schema)
      await database.administer(`
        do $$ begin
          if not exists (select from pg_roles where rolname = '${role}') then
            create role ${role} nologin;
          end if;
        end $$;
        create schema if not exists ${asked.schema} authorization ${role}`)
      const sessions = database.sessionsOf(role, asked.schema)
      await migrate(sessions, asked.schema, asked.migrations)
      return storeOf<Schema>(sessions, asked.schema, given.effects)
    },
    close: () => database.close(),
  }
}

/**
 * Connects to a PostgreSQL server by its URL. The connecting user needs to be able to create roles
 * and schemas, or to be a member of the role `sekisho_<schema>` with the schema prepared.
 *
 * Durability is the server's: keep `fsync` and `synchronous_commit` on.
 */
export function connectPostgres(
  url: string,
  given: {
    readonly effects?: Effects | undefined
    readonly connectionsMax?: number
    readonly statementTimeoutMs?: number
  } = {},
): Engine {
  const pools: PostgresPool[] = []
  return {
    kind: 'postgres',
    async store<Schema>(asked: { readonly schema: string; readonly migrations: Migrations }) {
      const role = roleOf(asked.schema)
      await preparePostgres(url, asked.schema, role)
      const shared = { url, role, schema: asked.schema }
      const migrating = openPool({ ...shared, connectionsMax: 2, statementTimeoutMs: 0 })
      try {
        await migrate(migrating, asked.schema, asked.migrations)
      } finally {
        await migrating.close()
      }
      const pool = openPool({
        ...shared,
        connectionsMax: given.connectionsMax ?? connectionsMax,
        statementTimeoutMs: given.statementTimeoutMs ?? statementTimeoutMs,
      })
      pools.push(pool)
      return storeOf<Schema>(pool, asked.schema, given.effects)
    },
    async close() {
      await Promise.all(pools.splice(0).map(pool => pool.close()))
    },
  }
}

/**
 * Waits until this transaction alone holds the lock of this name in its schema; it ends with the
 * transaction.
 */
export async function lockInTransaction<Schema>(
  tx: Transaction<Schema>,
  name: string,
): Promise<void> {
  await tx.executeQuery(lockStatement(tx, name))
}

/** The same as a statement, for transactions that send several together: those after it run when the lock is held. */
export function lockStatement<Schema>(db: Writer<Schema>, name: string): CompiledQuery {
  return sql`select pg_advisory_xact_lock(${lockKey(name)})`.compile(db)
}

/** Takes the lock of this name if nobody holds it, and says whether it did. */
export async function tryLockInTransaction<Schema>(
  tx: Transaction<Schema>,
  name: string,
): Promise<boolean> {
  const { rows } = await sql<{
    taken: boolean
  }>`select pg_try_advisory_xact_lock(${lockKey(name)}) as taken`.execute(tx)
  return rows[0]?.taken === true
}

/**
 * Runs statements of a transaction in their order, in one round trip where the engine can. Their results in order; throws what the first of them
 * that failed threw, and the transaction is over as after any failure.
 */
export async function together<
  Schema,
  const Statements extends readonly [CompiledQuery, ...CompiledQuery[]],
>(
  tx: Transaction<Schema>,
  statements: Statements,
): Promise<{
  [At in keyof Statements]: Statements[At] extends CompiledQuery<infer Row>
    ? QueryResult<Row>
    : never
}> {
  const { rows } = await tx.executeQuery(new Together(statements))
  // One result for each, in order: that is what `Together` promises.
  return rows as never
}

/**
 * A value for a `jsonb` column. Needed because the drivers differ on arrays, which one of them would
 * take for an SQL array.
 */
export function jsonb<T>(value: T) {
  return sql<T>`${JSON.stringify(value)}::text::jsonb`
}

/** Advisory locks are the database's, so the schema is part of the key. */
function lockKey(name: string) {
  return sql`hashtextextended(current_schema() || '/' || ${name}::text, 0)`
}

function storeOf<Schema>(
  sessions: Sessions,
  schema: string,
  effects: Effects | undefined,
): Store<Schema> {
  const db = new Kysely<Schema>({ dialect: engineDialect(sessions, effects) })
  return {
    schema,
    async transaction(work, given = {}) {
      assertOutsideTransaction('a transaction')
      const begun =
        given.isolation === undefined
          ? db.transaction()
          : db.transaction().setIsolationLevel(given.isolation)
      return insideTransaction(() => begun.execute(work))
    },
    async write(statement) {
      assertOutsideTransaction('a statement beside the transaction')
      const run = () => db.executeQuery(statement(db))
      // It is its own commit.
      return effects === undefined ? run() : effects.around('transaction-commit', run)
    },
    async read(work) {
      assertOutsideTransaction('a read beside the transaction')
      return work(db)
    },
  }
}

async function migrate(sessions: Sessions, schema: string, steps: Migrations): Promise<void> {
  const db = new Kysely<unknown>({ dialect: engineDialect(sessions, undefined) })
  const migrations: Record<string, Migration> = {}
  // Steps of a newer release that shares the database: done, and by rule compatible with us.
  for (const name of await stepsDone(db, schema)) migrations[name] = { up: async () => {} }
  for (const [name, up] of Object.entries(steps)) migrations[name] = { up }
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => migrations },
    migrationTableName: 'migration',
    migrationLockTableName: 'migration_lock',
    migrationTableSchema: schema,
    // Several owners' steps share a schema, and each adds to its own end.
    allowUnorderedMigrations: true,
  })
  await assertRole(db, schema)
  const { error, results } = await migrator.migrateToLatest()
  if (error !== undefined) {
    const failed = results?.find(result => result.status === 'Error')?.migrationName
    throw new Error(`schema ${schema}: the migration ${failed ?? ''} failed`, { cause: error })
  }
}

/** Something between us and the server (a pooler, a URL with options) could have dropped the role. */
async function assertRole(db: Kysely<unknown>, schema: string): Promise<void> {
  const { rows } = await sql<{
    role: string
    schema: string
  }>`select current_user as role, current_schema() as schema`.execute(db)
  if (rows[0]?.role !== roleOf(schema) || rows[0].schema !== schema) {
    throw new Refusal('configuration-unsafe', { setting: `database role of ${schema}` })
  }
}

async function stepsDone(db: Kysely<unknown>, schema: string): Promise<readonly string[]> {
  const table = `${schema}.migration`
  const known = await sql<{ found: boolean }>`select to_regclass(${table}) is not null as found`
    .execute(db)
    .then(({ rows }) => rows[0]?.found === true)
  if (!known) return []
  const { rows } = await sql<{ name: string }>`select name from ${sql.table(table)}`.execute(db)
  return rows.map(({ name }) => name)
}

async function preparePostgres(url: string, schema: string, role: string): Promise<void> {
  await administerPostgres(url, async query => {
    await query('select pg_advisory_lock(hashtextextended($1, 0))', ['sekisho/prepare'])
    if ((await query('select from pg_roles where rolname = $1', [role])) === 0) {
      await query(`create role ${role} nologin`)
    }
    const isMember = await query("select where pg_has_role(current_user, $1, 'member')", [role])
    if (isMember === 0) await query(`grant ${role} to current_user`)
    if ((await query('select from pg_namespace where nspname = $1', [schema])) === 0) {
      await query(`create schema ${schema} authorization ${role}`)
    }
  })
}

/** The name goes into SQL as an identifier, so it is checked rather than quoted. */
function roleOf(schema: string): string {
  if (!/^[a-z][a-z0-9_]{0,40}$/.test(schema) || schema.startsWith('pg_') || schema === 'public') {
    throw new Error(`${schema} is not a schema name`)
  }
  return `sekisho_${schema}`
}

/** A node's share of a server that by default allows 100. */
const connectionsMax = 10
/** Far above any statement of ours; a stuck one must not hold its locks for ever. */
const statementTimeoutMs = 30_000
