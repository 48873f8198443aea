import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { groupCommit, groupStatements, shareReads } from './gathering.ts'
import { startTemporaryPostgres, type TemporaryPostgres } from './postgres-for-tests.ts'
import {
  connectPostgres,
  type Engine,
  type Migrations,
  openEmbedded,
  sql,
  type Store,
  UniqueViolation,
} from './store.ts'
import { assertOutsideTransaction } from './transaction-scope.ts'

type Tables = { place: { name: string } }
const migrations: Migrations = {
  'test-0001': async db => {
    await sql`create table place (name text primary key)`.execute(db)
  },
}

for (const kind of ['embedded', 'postgres'] as const)
  describe(`groups of commits, ${kind}`, () => {
    let server: TemporaryPostgres | undefined
    let engine: Engine
    let store: Store<Tables>
    before(async () => {
      server = kind === 'postgres' ? await startTemporaryPostgres({ durable: false }) : undefined
      engine = server === undefined ? await openEmbedded('memory') : connectPostgres(server.url)
      store = await engine.store<Tables>({ schema: 'groups', migrations })
    })
    after(async () => {
      await engine.close()
      await server?.stop()
    })
    const names = async (): Promise<string[]> => {
      const rows = await store.read(db => db.selectFrom('place').select('name').execute())
      return rows.map(({ name }) => name).toSorted()
    }
    /** Writes names, notes the groups, and looks at each before it answers. */
    const writer = (groups: string[][], itemsMax = 10) =>
      groupCommit(
        store,
        async (tx, items: readonly string[]) => {
          groups.push([...items])
          for (const name of items) await tx.insertInto('place').values({ name }).execute()
          return items.map(name => `${name} is there`)
        },
        { itemsMax },
      )

    it('writes what arrives together in one transaction and gives each its own result', async () => {
      const groups: string[][] = []
      const write = writer(groups)
      const alone = await write('a0')
      assert.equal(alone, 'a0 is there')
      const told = await Promise.all(['a1', 'a2', 'a3'].map(write))
      assert.deepEqual(told, ['a1 is there', 'a2 is there', 'a3 is there'])
      assert.deepEqual(groups, [['a0'], ['a1', 'a2', 'a3']])
    })

    it('answers nobody before the commit', async () => {
      const write = writer([])
      const found = await Promise.all(['b1', 'b2'].map(async name => (await write(name), names())))
      for (const each of found) assert.ok(each.includes('b1') && each.includes('b2'))
    })

    it('a group is bounded, and who comes meanwhile is in the next', async () => {
      const groups: string[][] = []
      const write = writer(groups, 2)
      const first = ['c1', 'c2', 'c3', 'c4', 'c5'].map(write)
      await first[0]
      await Promise.all([...first, write('c6')])
      assert.deepEqual(
        groups.map(group => group.length),
        [2, 2, 2],
      )
    })

    it('an item that cannot be done fails alone', async () => {
      const write = writer([])
      await write('d1')
      const outcomes = await Promise.allSettled(['d2', 'd1', 'd3'].map(write))
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        ['fulfilled', 'rejected', 'fulfilled'],
      )
      const [, second] = outcomes
      assert.ok(second?.status === 'rejected' && second.reason instanceof UniqueViolation)
      assert.deepEqual(
        (await names()).filter(name => name.startsWith('d')),
        ['d1', 'd2', 'd3'],
      )
      assert.equal(await write('d4'), 'd4 is there')
    })

    it('a statement that many share is one, and an item it fails with fails alone', async () => {
      const groups: number[] = []
      const write = groupStatements(
        async (items: readonly string[]) => {
          groups.push(items.length)
          const { rows } = await store.write(db =>
            db
              .insertInto('place')
              .values(items.map(name => ({ name })))
              .returning('name')
              .compile(),
          )
          return rows.map(({ name }) => `${name} is there`)
        },
        { itemsMax: 10 },
      )
      assert.deepEqual(await Promise.all(['g1', 'g2'].map(write)), ['g1 is there', 'g2 is there'])
      assert.deepEqual(groups, [2])
      const outcomes = await Promise.allSettled(['g3', 'g1', 'g4'].map(write))
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        ['fulfilled', 'rejected', 'fulfilled'],
      )
      const found = (await names()).filter(name => name.startsWith('g'))
      assert.deepEqual(found, ['g1', 'g2', 'g3', 'g4'])
    })

    it('after a commit whose outcome is unknown nothing is run again', async () => {
      let runs = 0
      const lost: Store<Tables> = {
        ...store,
        transaction: async work => {
          const result = await store.transaction(work)
          if (result !== undefined) throw new Error('the connection broke while it committed')
          return result
        },
      }
      const write = groupCommit(
        lost,
        async (tx, items: readonly string[]) => {
          runs += 1
          for (const name of items) await tx.insertInto('place').values({ name }).execute()
          return items
        },
        { itemsMax: 10 },
      )
      const outcomes = await Promise.allSettled(['e1', 'e2'].map(write))
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        ['rejected', 'rejected'],
      )
      assert.equal(runs, 1)
      assert.deepEqual(
        (await names()).filter(name => name.startsWith('e')),
        ['e1', 'e2'],
      )
    })
  })

describe('shared reads', () => {
  it('are shared by those who ask together, and begin after the question', async () => {
    let state = 'active'
    let count = 0
    const held = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    const read = shareReads(async key => {
      count += 1
      const seen = `${key} ${state}`
      begun.resolve()
      if (count === 1) await held.promise
      return seen
    })
    const first = read('p')
    await begun.promise
    // The first read has seen the old state and is not done: whoever asks now must not get its answer.
    state = 'suspended'
    const [second, third] = [read('p'), read('p')]
    held.resolve()
    assert.equal(await first, 'p active')
    assert.deepEqual([await second, await third], ['p suspended', 'p suspended'])
    assert.equal(count, 2)
    state = 'active'
    assert.equal(await read('p'), 'p active')
    assert.equal(count, 3)
  })

  it('of different keys do not wait for each other, and a failed one is not kept', async () => {
    let isBroken = true
    const read = shareReads(key => {
      assertOutsideTransaction('a read')
      if (key === 'slow') return new Promise<string>(() => {})
      return isBroken ? Promise.reject(new Error('broken')) : Promise.resolve(key)
    })
    void read('slow')
    await assert.rejects(read('a'), /broken/)
    isBroken = false
    assert.equal(await read('a'), 'a')
  })
})
