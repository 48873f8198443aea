import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { Refusal } from '@sekisho/contract'
import { createEffects } from './effects.ts'
import { temporaryFolder } from './files.ts'
import { createFetch } from './net.ts'
import {
  connectPostgres,
  type Engine,
  jsonb,
  lockInTransaction,
  type Migrations,
  openEmbedded,
  type Store,
  StoreError,
  SerializationFailure,
  sql,
  startTemporaryPostgres,
  type TemporaryPostgres,
  together,
  type Transaction,
  tryLockInTransaction,
  UniqueViolation,
} from './store.ts'

type Tables = {
  account: { id: number; name: string; balance: number; photo: Uint8Array | null; tags: unknown }
}

const migrations: Migrations = {
  'bank-0001': async db => {
    await sql`create table account (
      id bigint primary key, name text not null unique, balance bigint not null,
      photo bytea, tags jsonb)`.execute(db)
  },
}

const row = (id: number, name = `name ${id}`) => ({ id, name, balance: 0, photo: null, tags: null })

let server: TemporaryPostgres
const engines: { embedded?: Engine; postgres?: Engine } = {}

before(async () => {
  server = await startTemporaryPostgres({ durable: false })
  engines.postgres = connectPostgres(server.url)
  engines.embedded = await openEmbedded('memory')
})
after(async () => {
  await engines.postgres?.close()
  await engines.embedded?.close()
  await server.stop()
})

for (const kind of ['embedded', 'postgres'] as const) {
  describe(`the store on the ${kind} engine`, () => {
    let engine: Engine
    let bank: Store<Tables>

    before(async () => {
      const found = engines[kind]
      if (found === undefined) throw new Error('no engine')
      engine = found
      bank = await engine.store<Tables>({ schema: 'bank', migrations })
    })

    it('gives every type of column back in one form', async () => {
      const photo = Uint8Array.of(0, 255, 10)
      const found = await bank.transaction(async tx => {
        const tags = jsonb(['a', { b: [1] }])
        await tx
          .insertInto('account')
          .values({ ...row(1), balance: 2 ** 53 - 1, photo, tags })
          .execute()
        return tx.selectFrom('account').selectAll().where('id', '=', 1).executeTakeFirstOrThrow()
      })
      assert.deepEqual(found, {
        id: 1,
        name: 'name 1',
        balance: 9_007_199_254_740_991,
        photo,
        tags: ['a', { b: [1] }],
      })
      assert.equal(found.photo?.constructor, Uint8Array)
      const odd = await bank.transaction(tx =>
        sql`select array[1, null]::bigint[] as whole, array['\\x01'::bytea] as bytes, 1.50 as exact,
          date '2026-04-01' as day, count(*) as number, ${['a', 'b"']}::text[] as texts from account`.execute(
          tx,
        ),
      )
      assert.deepEqual(odd.rows[0], {
        whole: [1, null],
        bytes: [Uint8Array.of(1)],
        exact: '1.50',
        day: '2026-04-01',
        number: 1,
        texts: ['a', 'b"'],
      })
    })

    it('would rather fail than round a bigint', async () => {
      await assert.rejects(bank.transaction(tx => sql`select 9007199254740993::bigint`.execute(tx)))
      await bank.transaction(tx => sql`select 1`.execute(tx))
    })

    it('keeps nothing of a transaction that throws', async () => {
      await assert.rejects(
        bank.transaction(async tx => {
          await tx.insertInto('account').values(row(20)).execute()
          throw new Refusal('consent-missing')
        }),
        { code: 'consent-missing' },
      )
      const found = await bank.read(db =>
        db.selectFrom('account').select('id').where('id', '=', 20).execute(),
      )
      assert.deepEqual(found, [])
    })

    it('does not commit over a statement that failed and was caught', async () => {
      await assert.rejects(
        bank.transaction(async tx => {
          await tx.insertInto('account').values(row(21)).execute()
          await sql`select 1/0`.execute(tx).catch(() => {})
        }),
        StoreError,
      )
      const found = await bank.read(db =>
        db.selectFrom('account').select('id').where('id', '=', 21).execute(),
      )
      assert.deepEqual(found, [])
    })

    it('runs statements of a transaction together: all of them, in order, or none', async () => {
      const insert = (db: Pick<Transaction<Tables>, 'insertInto'>, id: number) =>
        db.insertInto('account').values(row(id)).returning('name').compile()
      const found = await bank.transaction(async tx => {
        const [first, changed, seen] = await together(tx, [
          insert(tx, 22),
          tx.updateTable('account').set({ balance: 5 }).where('id', '=', 22).compile(),
          tx.selectFrom('account').select('balance').where('id', '=', 22).compile(),
        ])
        return [first.rows[0]?.name, changed.numAffectedRows, seen.rows[0]?.balance]
      })
      assert.deepEqual(found, ['name 22', 1n, 5])
      // The second fails: the first is not kept, whether or not the third could have been.
      await assert.rejects(
        bank.transaction(tx => together(tx, [insert(tx, 23), insert(tx, 22), insert(tx, 24)])),
        UniqueViolation,
      )
      await assert.rejects(
        bank.transaction(async tx => {
          await together(tx, [insert(tx, 25)])
          throw new Refusal('consent-missing')
        }),
      )
      const kept = await bank.read(db =>
        db.selectFrom('account').select('id').where('id', 'in', [22, 23, 24, 25]).execute(),
      )
      assert.deepEqual(kept, [{ id: 22 }])
    })

    it('a single statement is its own transaction, and not to be had inside another', async () => {
      const write = (id: number) =>
        bank.write(db => db.insertInto('account').values(row(id)).returning('id').compile())
      assert.deepEqual((await write(26)).rows, [{ id: 26 }])
      await assert.rejects(write(26), UniqueViolation)
      await assert.rejects(
        bank.transaction(() => write(27)),
        /programming error/,
      )
      const kept = await bank.read(db =>
        db.selectFrom('account').select('id').where('id', 'in', [26, 27]).execute(),
      )
      assert.deepEqual(kept, [{ id: 26 }])
    })

    it('a transaction that does nothing leaves nothing open', async () => {
      await bank.transaction(async () => {})
      await assert.rejects(bank.transaction(() => Promise.reject(new Refusal('consent-missing'))))
      // Were it open, this would be taken back with it.
      await bank.write(db => db.insertInto('account').values(row(28)).compile())
      await assert.rejects(bank.transaction(() => Promise.reject(new Refusal('consent-missing'))))
      const kept = await bank.read(db =>
        db.selectFrom('account').select('id').where('id', '=', 28).execute(),
      )
      assert.deepEqual(kept, [{ id: 28 }])
    })

    it('names the constraint that refused a row and none of its values', async () => {
      await bank.transaction(tx =>
        tx.insertInto('account').values(row(30, 'secret name')).execute(),
      )
      await assert.rejects(
        bank.transaction(tx => tx.insertInto('account').values(row(31, 'secret name')).execute()),
        (error: unknown) => {
          assert.ok(error instanceof UniqueViolation)
          assert.equal(error.constraint, 'account_name_key')
          assert.equal(error.sqlState, '23505')
          assert.doesNotMatch(`${error.stack}${JSON.stringify(error)}`, /secret name/)
          assert.equal(error.cause, undefined)
          return true
        },
      )
    })

    it('tells how many rows a conditional write changed', async () => {
      await bank.transaction(tx => tx.insertInto('account').values(row(40)).execute())
      const pay = (): Promise<bigint> =>
        bank.transaction(async tx => {
          const changed = await tx
            .updateTable('account')
            .set({ balance: 1 })
            .where('id', '=', 40)
            .where('balance', '=', 0)
            .executeTakeFirst()
          return changed.numUpdatedRows
        })
      const both = await Promise.all([pay(), pay()])
      assert.deepEqual(both.toSorted(), [0n, 1n])
    })

    it('shows one program nothing of another', async () => {
      const other = await engine.store<Record<string, never>>({
        schema: 'town_hall',
        migrations: {},
      })
      for (const statement of [
        'select * from bank.account',
        'delete from bank.account',
        'drop schema bank cascade',
      ]) {
        await assert.rejects(
          other.transaction(tx => sql.raw(statement).execute(tx)),
          { sqlState: '42501' },
        )
      }
      await assert.rejects(
        other.transaction(tx => sql`select * from account`.execute(tx)),
        { sqlState: '42P01' },
      )
      assert.ok((await bank.read(db => db.selectFrom('account').select('id').execute())).length > 0)
    })

    it('runs each migration once, and a new one over the data of the old', async () => {
      const again = await engine.store<Tables>({ schema: 'bank', migrations })
      assert.ok(
        (await again.read(db => db.selectFrom('account').select('id').execute())).length > 0,
      )
      const grown: Migrations = {
        ...migrations,
        'aaa-0001': async db => {
          await sql`alter table account add column note text not null default 'old'`.execute(db)
        },
      }
      const newer = await engine.store<{ account: { note: string } }>({
        schema: 'bank',
        migrations: grown,
      })
      const notes = await newer.read(db =>
        db.selectFrom('account').select('note').distinct().execute(),
      )
      assert.deepEqual(notes, [{ note: 'old' }])
      // The previous release still serves over the new schema, and may be started again.
      await engine.store<Tables>({ schema: 'bank', migrations })
      await bank.transaction(tx => tx.insertInto('account').values(row(50)).execute())
    })

    it('leaves nothing of a migration that fails', async () => {
      const failing: Migrations = {
        'x-0001': async db => {
          await sql`create table half (id bigint)`.execute(db)
          await sql`create table half (id bigint)`.execute(db)
        },
      }
      await assert.rejects(engine.store({ schema: 'broken', migrations: failing }), /x-0001/)
      const mended = await engine.store<{ half: { id: number } }>({
        schema: 'broken',
        migrations: {
          'x-0001': async db => {
            await sql`create table half (id bigint)`.execute(db)
          },
        },
      })
      assert.deepEqual(await mended.read(db => db.selectFrom('half').selectAll().execute()), [])
    })

    it('refuses a transaction, a read and a network call inside a transaction, and none after it', async () => {
      const caller = createFetch()
      const inside = (work: () => Promise<unknown>): Promise<unknown> =>
        bank.transaction(() => work())
      const fault = /is a programming error/
      await assert.rejects(
        inside(() => bank.transaction(async () => {})),
        fault,
      )
      await assert.rejects(
        inside(() => bank.read(async () => {})),
        fault,
      )
      await assert.rejects(
        inside(() => caller.fetch('http://localhost:1/')),
        fault,
      )
      let later: Promise<unknown> = Promise.resolve()
      await bank.transaction(async () => {
        later = new Promise(resolve => {
          setTimeout(() => resolve(bank.read(async () => 'after')), 50)
        })
      })
      assert.equal(await later, 'after')
      await caller.close()
    })

    it('gives a lock of one name to one transaction at a time', async () => {
      let holders = 0
      const critical = (): Promise<void> =>
        bank.transaction(async tx => {
          await lockInTransaction(tx, 'sweep')
          holders += 1
          assert.equal(holders, 1)
          await sql`select 1`.execute(tx)
          holders -= 1
        })
      await Promise.all([critical(), critical(), critical()])
      assert.equal(await bank.transaction(tx => tryLockInTransaction(tx, 'sweep')), true)
    })

    it('serves many callers at once without mixing them', async () => {
      const other = await engine.store<Tables>({ schema: 'bank_two', migrations })
      await Promise.all(
        Array.from({ length: 30 }, async (_, index) => {
          const store = index % 2 === 0 ? bank : other
          await store
            .transaction(async tx => {
              await tx
                .insertInto('account')
                .values(row(100 + index))
                .execute()
              await sql`select 1`.execute(tx)
              if (index % 5 === 0) throw new Refusal('not-found')
            })
            .catch((error: unknown) => {
              if (!(error instanceof Refusal)) throw error
            })
        }),
      )
      const count = (store: Store<Tables>) =>
        store.read(db => db.selectFrom('account').select('id').where('id', '>=', 100).execute())
      assert.equal((await count(bank)).length, 12)
      assert.equal((await count(other)).length, 12)
    })

    it('refuses a schema name that would say more than a name', async () => {
      for (const schema of ['a; drop schema bank', 'Pg', 'pg_x', 'public', '']) {
        await assert.rejects(engine.store({ schema, migrations: {} }), /is not a schema name/)
      }
    })
  })
}

describe('a PostgreSQL server', () => {
  it('makes the loser of two serializable transactions a typed failure', async () => {
    const engine = connectPostgres(server.url)
    const store = await engine.store<Tables>({ schema: 'race', migrations })
    await store.transaction(tx => tx.insertInto('account').values(row(1)).execute())
    const add = (): Promise<unknown> =>
      store.transaction(
        async tx => {
          const { balance } = await tx
            .selectFrom('account')
            .select('balance')
            .executeTakeFirstOrThrow()
          await sql`select pg_sleep(0.05)`.execute(tx)
          await tx
            .updateTable('account')
            .set({ balance: balance + 1 })
            .execute()
        },
        { isolation: 'serializable' },
      )
    const ends = await Promise.allSettled([add(), add()])
    const lost = ends.filter(end => end.status === 'rejected')
    assert.equal(lost.length, 1)
    assert.ok(lost[0]?.reason instanceof SerializationFailure)
    await engine.close()
  })

  it('is left alone by psql under the role of a program', async () => {
    const engine = connectPostgres(server.url)
    await engine.store<Tables>({ schema: 'bank', migrations })
    const psql = (statement: string) =>
      promisify(execFile)('psql', [
        '-X',
        '-At',
        '-v',
        'ON_ERROR_STOP=1',
        '-c',
        statement,
        server.url,
      ])
    await engine.store({ schema: 'stranger', migrations: {} })
    const seen = await psql('set role sekisho_bank; select count(*) >= 0 from bank.account')
    assert.match(seen.stdout, /^t$/m)
    await assert.rejects(
      psql('set role sekisho_stranger; select * from bank.account'),
      /permission denied/,
    )
    await engine.close()
  })

  it('may lose a connection without losing the program', async () => {
    const engine = connectPostgres(server.url, { connectionsMax: 1 })
    const store = await engine.store<Tables>({ schema: 'cut', migrations })
    await assert.rejects(
      store.transaction(tx => sql`select pg_terminate_backend(pg_backend_pid())`.execute(tx)),
      StoreError,
    )
    await store.transaction(tx => sql`select 1`.execute(tx))
    await engine.close()
  })

  it('is not used when something drops the role of the program', async () => {
    const engine = connectPostgres(`${server.url}&options=${encodeURIComponent('-c role=none')}`)
    await assert.rejects(engine.store({ schema: 'bank', migrations: {} }), {
      code: 'configuration-unsafe',
    })
    await engine.close()
  })

  it('that is not there is an error, not a wait', async () => {
    const engine = connectPostgres('postgres://postgres@127.0.0.1:1/none')
    await assert.rejects(engine.store({ schema: 'bank', migrations: {} }))
    await engine.close()
  })
})

describe('the embedded engine over a folder', () => {
  it('keeps what was committed when its process is killed, and is refused to a second process', async () => {
    await using folder = await temporaryFolder('embedded')
    const program = `
      import { openEmbedded, sql } from ${JSON.stringify(new URL('./store.ts', import.meta.url).href)}
      const engine = await openEmbedded(${JSON.stringify(folder.path)})
      const store = await engine.store({ schema: 'bank', migrations: { 'x-1': async db => {
        await sql\`create table t (id bigint)\`.execute(db) } } })
      await store.transaction(tx => sql\`insert into t values (1)\`.execute(tx))
      console.log('committed')
      setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    await assert.rejects(openEmbedded(folder.path), { code: 'data-folder-in-use' })
    child.kill('SIGKILL')
    await once(child, 'exit')
    const engine = await openEmbedded(folder.path)
    const store = await engine.store<{ t: { id: number } }>({
      schema: 'bank',
      migrations: { 'x-1': async () => {} },
    })
    assert.deepEqual(await store.read(db => db.selectFrom('t').selectAll().execute()), [{ id: 1 }])
    await engine.close()
  })
})

it('every begin and commit passes through the tap', async () => {
  const effects = createEffects()
  const engine = connectPostgres(server.url, { effects })
  const store = await engine.store<Tables>({ schema: 'tapped', migrations })
  await store.transaction(tx => tx.insertInto('account').values(row(1)).execute())
  await assert.rejects(store.transaction(async () => Promise.reject(new Error('no'))))
  assert.deepEqual(effects.seen(), ['transaction-begin', 'transaction-commit', 'transaction-begin'])
  await engine.close()
})
