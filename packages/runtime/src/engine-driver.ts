/**
 * The Kysely dialect that both engines share: PostgreSQL's SQL over a connection that is somebody
 * else's business.
 */
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
  type TransactionSettings,
} from 'kysely'
import type { Effects } from './effects.ts'
import { StoreError, storeErrorOf } from './store-error.ts'

/** One statement's outcome, the same from both engines. */
export type Outcome = {
  readonly rows: readonly Readonly<Record<string, unknown>>[]
  readonly affected: number | undefined
  /** The command tag's first word, where the engine tells it. */
  readonly command: string | undefined
}

/** A session of the database that one caller has for itself. */
export interface Session {
  query(sql: string, parameters: readonly unknown[]): Promise<Outcome>
  /** Gives the session back; `broken` when its state is unknown and it must be closed. */
  release(broken: boolean): void
}

/** Where sessions come from. */
export interface Sessions {
  acquire(): Promise<Session>
}

/** The dialect over these sessions; transactions pass through the tap. */
export function engineDialect(sessions: Sessions, effects: Effects | undefined): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new EngineDriver(sessions, effects),
    createIntrospector: db => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  }
}

class EngineConnection implements DatabaseConnection {
  readonly session: Session
  broken = false

  constructor(session: Session) {
    this.session = session
  }

  async run(sql: string, parameters: readonly unknown[] = []): Promise<Outcome> {
    try {
      return await this.session.query(sql, parameters)
    } catch (error) {
      const known = storeErrorOf(error, sql)
      if (known instanceof StoreError && known.sqlState === 'unreachable') this.broken = true
      throw known
    }
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const outcome = await this.run(query.sql, query.parameters)
    return {
      // The row type is what the caller's schema says; the database is the only witness.
      rows: outcome.rows as R[],
      ...(outcome.affected === undefined ? {} : { numAffectedRows: BigInt(outcome.affected) }),
    }
  }

  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('streaming is not offered: page by key')
  }
}

class EngineDriver implements Driver {
  readonly #sessions: Sessions
  readonly #effects: Effects | undefined

  constructor(sessions: Sessions, effects: Effects | undefined) {
    this.#sessions = sessions
    this.#effects = effects
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<EngineConnection> {
    return new EngineConnection(await this.#sessions.acquire())
  }

  async beginTransaction(
    connection: EngineConnection,
    settings: TransactionSettings,
  ): Promise<void> {
    const isolation =
      settings.isolationLevel === undefined ? '' : ` isolation level ${settings.isolationLevel}`
    await this.#tapped('transaction-begin', () => connection.run(`begin${isolation}`))
  }

  async commitTransaction(connection: EngineConnection): Promise<void> {
    const outcome = await this.#tapped('transaction-commit', () => connection.run('commit'))
    // A statement that failed and was caught leaves the transaction aborted: COMMIT then rolls back.
    if (outcome.command === 'ROLLBACK') {
      throw new StoreError('the transaction was rolled back: a statement in it had failed', {
        sqlState: '25P02',
      })
    }
  }

  async rollbackTransaction(connection: EngineConnection): Promise<void> {
    try {
      await connection.run('rollback')
    } catch (error) {
      connection.broken = true
      throw error
    }
  }

  async releaseConnection(connection: EngineConnection): Promise<void> {
    connection.session.release(connection.broken)
  }

  async destroy(): Promise<void> {}

  #tapped<T>(kind: 'transaction-begin' | 'transaction-commit', run: () => Promise<T>): Promise<T> {
    return this.#effects === undefined ? run() : this.#effects.around(kind, run)
  }
}
