/** PostgreSQL inside the process (PGlite), for a laptop's town and for fast tests. */
import { join } from 'node:path'
import { PGlite, types } from '@electric-sql/pglite'
import { prepareEmbeddedFolder } from './embedded-folder.ts'
import type { Outcome, Session, Sessions, Statement } from './engine-driver.ts'
import { lockFolder, ownerOnlyFolder } from './files.ts'
import { parseInt8, unparsed } from './sql-types.ts'

/** The one session of an embedded engine, lent to one caller at a time in order of asking. */
export interface EmbeddedDatabase {
  /** Sessions that run under this role and see this schema. */
  sessionsOf(role: string, schema: string): Sessions
  /** Runs statements as the owner of everything. */
  administer(sql: string): Promise<void>
  close(): Promise<void>
}

/**
 * Opens the engine over a folder, which it locks for this process (two processes over one folder
 * would corrupt it silently), or in memory.
 *
 * Durability: what was committed to a folder survives the death of the process, kill -9 included, and the loss of power, as
 * far as the machine keeps what it was told to sync.
 */
export async function openEmbeddedDatabase(place: string): Promise<EmbeddedDatabase> {
  const inMemory = place === 'memory'
  if (!inMemory) await ownerOnlyFolder(place)
  const lock = inMemory ? undefined : await lockFolder(place)
  let database: PGlite
  try {
    database = await PGlite.create({
      ...(inMemory ? {} : await prepareEmbeddedFolder(join(place, 'pgdata'))),
      parsers,
    })
  } catch (error) {
    lock?.release()
    throw error
  }
  const turns = createTurns()
  let present: string | undefined

  const acquire = async (role: string, schema: string): Promise<Session> => {
    const done = await turns.take()
    try {
      if (present !== role) {
        present = undefined
        await database.exec(`reset role; set role "${role}"; set search_path = "${schema}"`)
        present = role
      }
    } catch (error) {
      done()
      throw error
    }
    return {
      async queryAll(statements) {
        const outcomes: PromiseSettledResult<Outcome>[] = []
        for (const statement of statements)
          outcomes.push(...(await Promise.allSettled([queryOne(database, statement)])))
        return outcomes
      },
      release(broken) {
        if (!broken) {
          done()
          return
        }
        present = undefined
        // A rollback outside a transaction is only a warning; should even that fail, the next caller learns it.
        void database.exec('rollback').then(done, done)
      },
    }
  }
  return {
    sessionsOf: (role, schema) => ({ acquire: () => acquire(role, schema) }),
    async administer(sql) {
      const done = await turns.take()
      try {
        present = undefined
        await database.exec(`reset role; reset search_path; ${sql}`)
      } finally {
        done()
      }
    },
    async close() {
      const done = await turns.take()
      try {
        if (!database.closed) await database.close()
      } finally {
        lock?.release()
        done()
      }
    },
  }
}

async function queryOne(database: PGlite, { sql, parameters }: Statement): Promise<Outcome> {
  const { rows, affectedRows, ...rest } = await database.query<Record<string, unknown>>(sql, [
    ...parameters,
  ])
  const command = 'command' in rest ? rest.command : undefined
  return { rows, affected: command === 'SELECT' ? undefined : affectedRows, command }
}

/** A queue for one thing: `take` resolves when it is the caller's turn, with the function that ends it. */
function createTurns(): { take(): Promise<() => void> } {
  let last: Promise<void> = Promise.resolve()
  return {
    async take() {
      const before = last
      let end = (): void => {}
      last = new Promise(resolve => {
        end = resolve
      })
      await before
      return end
    },
  }
}

const parsers = {
  [types.INT8]: parseInt8,
  [types.DATE]: unparsed,
  [types.TIMESTAMP]: unparsed,
  [types.TIMESTAMPTZ]: unparsed,
}
