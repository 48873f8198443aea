/** A PostgreSQL server (15 or newer), for production and for the same tests. */
import { Client, Pool, type PoolClient, types } from 'pg'
import type { Outcome, Session, Sessions, Statement } from './engine-driver.ts'
import { parseBytea, parseInt8, typeOids, unparsed } from './sql-types.ts'

/** Settings of the pool that one program's store has. */
export type PoolSettings = {
  readonly url: string
  readonly role: string
  readonly schema: string
  readonly connectionsMax: number
  /** 0 for none: migrations over large tables may take their time. */
  readonly statementTimeoutMs: number
}

/** A pool of sessions; each is under its role and sees its schema from its first statement. */
export interface PostgresPool extends Sessions {
  close(): Promise<void>
}

/** Opens a pool. No connection is made before the first is asked for. */
export function openPool(settings: PoolSettings): PostgresPool {
  const pool = new Pool({
    connectionString: settings.url,
    max: settings.connectionsMax,
    pipeline: true,
    idleTimeoutMillis: idleTimeoutMs,
    connectionTimeoutMillis: connectTimeoutMs,
    application_name: settings.schema,
    options: [
      `-c role=${settings.role}`,
      `-c search_path=${settings.schema}`,
      `-c statement_timeout=${settings.statementTimeoutMs}`,
      `-c idle_in_transaction_session_timeout=${settings.statementTimeoutMs}`,
      '-c bytea_output=hex',
    ].join(' '),
    types: { getTypeParser },
  })
  // A connection that dies while idle is dropped by the pool; the next statement opens another.
  pool.on('error', () => {})
  // One that dies between two statements of a transaction fails the next of them; unheard, it would end the process.
  pool.on('connect', client => {
    client.on('error', () => {})
  })
  const names = createStatementNames()
  return {
    async acquire() {
      return sessionOf(await pool.connect(), names)
    },
    close: () => pool.end(),
  }
}

/** Runs statements on a connection of their own, one after the other, as the connecting user. */
export async function administerPostgres(
  url: string,
  work: (query: (sql: string, values?: readonly unknown[]) => Promise<number>) => Promise<void>,
): Promise<void> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: connectTimeoutMs,
    application_name: 'sekisho administration',
  })
  client.on('error', () => {})
  await client.connect()
  try {
    await work(async (sql, values = []) => (await client.query(sql, [...values])).rowCount ?? 0)
  } finally {
    await client.end()
  }
}

function sessionOf(client: PoolClient, names: (sql: string) => string | undefined): Session {
  const query = async ({ sql, parameters }: Statement): Promise<Outcome> => {
    const name = names(sql)
    const { rows, rowCount, command } = await client.query<Record<string, unknown>>({
      text: sql,
      values: [...parameters],
      ...(name === undefined ? {} : { name }),
    })
    return { rows, command, affected: command === 'SELECT' ? undefined : (rowCount ?? undefined) }
  }
  return {
    queryAll(statements) {
      // What is sent to the server costs by the packet: all of them go in one.
      const { stream } = client.connection
      stream.cork()
      try {
        return Promise.allSettled(statements.map(query))
      } finally {
        stream.uncork()
      }
    },
    release(broken) {
      client.release(broken)
    },
  }
}

/**
 * Statements are prepared once a connection under a name of their own: parsing and planning is half
 * the cost of a small one. Only the first so many: a statement whose text varies (a list of values)
 * would otherwise fill the server's memory with plans.
 */
function createStatementNames(): (sql: string) => string | undefined {
  const names = new Map<string, string>()
  return sql => {
    if (!/^\s*(?:select|insert|update|delete|with)\b/i.test(sql)) return undefined
    const known = names.get(sql)
    if (known !== undefined || names.size >= namedStatementsMax) return known
    const name = `s${names.size}`
    names.set(sql, name)
    return name
  }
}

const arrayOf =
  <T>(parse: (text: string) => T) =>
  (text: string): readonly (T | null)[] =>
    splitArray(text).map(item => (item === null ? null : parse(item)))

/** pg's own parser of `text[]`, which its types do not list. */
const splitArray = (types.getTypeParser as (oid: number) => unknown)(typeOids.textArray) as (
  text: string,
) => readonly (string | null)[]

const parsers: ReadonlyMap<number, (text: string) => unknown> = new Map<
  number,
  (text: string) => unknown
>([
  [typeOids.int8, parseInt8],
  [typeOids.int8Array, arrayOf(parseInt8)],
  [typeOids.bytea, parseBytea],
  [typeOids.byteaArray, arrayOf(parseBytea)],
  [typeOids.date, unparsed],
  [typeOids.timestamp, unparsed],
  [typeOids.timestamptz, unparsed],
])

function getTypeParser(oid: number, format?: string): (value: string) => unknown {
  if (format === 'binary') throw new Error('results are asked for in text form')
  return parsers.get(oid) ?? types.getTypeParser(oid, 'text')
}

const connectTimeoutMs = 10_000
/** A connection has the plans of its statements, which cost more than it: it is kept through the pauses of ordinary traffic. */
const idleTimeoutMs = 5 * 60_000
const namedStatementsMax = 500
