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

/** SQL with its parameters. */
export type Statement = Pick<CompiledQuery, 'sql' | 'parameters'>

/** A session of the database that one caller has for itself. */
export interface Session {
  /**
   * Runs statements in their order, in one round trip where the engine can, each by itself. One outcome each; after a failure outside a
   * transaction the following ones run all the same.
   */
  queryAll(statements: readonly Statement[]): Promise<readonly PromiseSettledResult<Outcome>[]>
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

/** Several statements in one round trip, given to the connection as if they were one. */
export class Together implements CompiledQuery {
  readonly statements: readonly CompiledQuery[]
  readonly query: CompiledQuery['query']
  readonly queryId: CompiledQuery['queryId']
  readonly sql: string
  readonly parameters: readonly unknown[] = []

  constructor(statements: readonly [CompiledQuery, ...CompiledQuery[]]) {
    this.statements = statements
    this.query = statements[0].query
    this.queryId = statements[0].queryId
    this.sql = statements[0].sql
  }
}

class EngineConnection implements DatabaseConnection {
  readonly session: Session
  broken = false
  /** A `begin` that goes with the first statement of its transaction. */
  #begin: Statement | undefined

  constructor(session: Session) {
    this.session = session
  }

  /** Begins a transaction with the next statement, so that it costs no round trip of its own. */
  beginLater(sql: string): void {
    this.#begin = { sql, parameters: [] }
  }

  /** Forgets a beginning that no statement has followed. True when there was one. */
  isUnbegun(): boolean {
    const wasWaiting = this.#begin !== undefined
    this.#begin = undefined
    return wasWaiting
  }

  async run(sql: string): Promise<Outcome> {
    const [outcome] = await this.runAll([{ sql, parameters: [] }])
    if (outcome === undefined) throw new Error('one statement has one outcome')
    return outcome
  }

  /** Outcomes in order; throws what the first statement that failed threw. */
  async runAll(statements: readonly Statement[]): Promise<readonly Outcome[]> {
    const begin = this.#begin === undefined ? [] : [this.#begin]
    this.#begin = undefined
    const all = [...begin, ...statements]
    const settled = await this.session.queryAll(all)
    const outcomes: Outcome[] = []
    for (const [at, one] of settled.entries()) {
      if (one.status === 'rejected') {
        const known = storeErrorOf(one.reason, all[at]?.sql ?? '')
        if (known instanceof StoreError && known.sqlState === 'unreachable') this.broken = true
        throw known
      }
      outcomes.push(one.value)
    }
    return outcomes.slice(begin.length)
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    if (query instanceof Together) {
      const outcomes = await this.runAll(query.statements)
      // Whoever has put them together takes the results apart again.
      return { rows: outcomes.map(resultOf) as R[] }
    }
    const [outcome] = await this.runAll([query])
    if (outcome === undefined) throw new Error('one statement has one outcome')
    return resultOf<R>(outcome)
  }

  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('streaming is not offered: page by key')
  }
}

function resultOf<R>(outcome: Outcome): QueryResult<R> {
  return {
    // The row type is what the caller's schema says; the database is the only witness.
    rows: outcome.rows as R[],
    ...(outcome.affected === undefined ? {} : { numAffectedRows: BigInt(outcome.affected) }),
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
    if (this.#effects === undefined) connection.beginLater(`begin${isolation}`)
    else await this.#tapped('transaction-begin', () => connection.run(`begin${isolation}`))
  }

  async commitTransaction(connection: EngineConnection): Promise<void> {
    if (connection.isUnbegun()) return
    const outcome = await this.#tapped('transaction-commit', () => connection.run('commit'))
    // A statement that failed and was caught leaves the transaction aborted: COMMIT then rolls back.
    if (outcome.command === 'ROLLBACK') {
      throw new StoreError('the transaction was rolled back: a statement in it had failed', {
        sqlState: '25P02',
      })
    }
  }

  async rollbackTransaction(connection: EngineConnection): Promise<void> {
    if (connection.isUnbegun()) return
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
