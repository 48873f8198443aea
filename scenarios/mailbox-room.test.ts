/**
 * The mailbox as other rooms of the platform use it: a message posted inside their own transaction stands or falls with it, and what comes to their
 * box is read by a cursor that is kept in the transaction of what they do about it, so that each message is dealt with once wherever they die.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type MailTables, mailboxRoom, messagesAfter, postMessage } from '@sekisho/mailbox'
import { roomStore } from '@sekisho/platform/room'
import { startTestWorld, type TestWorld } from '@sekisho/platform/trial'
import { temporaryFolder, type TemporaryFolder } from '@sekisho/runtime/files'
import { type Migrations, sql, type Store } from '@sekisho/runtime/store'

/** A room that counts what comes, with tables of its own. */
type CountingTables = {
  counting_cursor: { one: number; number: number }
  counting_seen: { message: string; times: number }
}
const migrations: Migrations = {
  'counting-0001': async db => {
    await sql`create table counting_cursor (one integer primary key, number bigint not null)`.execute(
      db,
    )
    await sql`create table counting_seen (message text primary key, times integer not null)`.execute(
      db,
    )
    await sql`insert into counting_cursor values (1, 0)`.execute(db)
  },
}

describe('the mailbox beneath another room', () => {
  const counting = { kind: 'system', name: 'counting' } as const
  const bank = { kind: 'provider', providerId: 'bank' } as const
  let world: TestWorld
  let folder: TemporaryFolder
  let store: Store<MailTables & CountingTables>
  before(async () => {
    folder = await temporaryFolder('mail')
    world = await startTestWorld('postgres', [mailboxRoom({ folder: folder.path }), { migrations }])
    store = roomStore<MailTables & CountingTables>(world)
    await world.provider('bank')
  })
  after(async () => {
    await world.close()
    await folder.remove()
  })

  const letter = (n: number) => ({
    from: bank,
    to: counting,
    kind: 'answer' as const,
    subject: `answer ${n}`,
    body: 'b',
    documents: [],
    key: `counting-${n}`,
  })
  /** One round; it may be told to die before its end. */
  const work = (dies: boolean): Promise<number> =>
    readPage().then(page =>
      store.transaction(async tx => {
        const last = page.at(-1)
        for (const { id } of page)
          await sql`insert into counting_seen values (${id}, 1)
            on conflict (message) do update set times = counting_seen.times + 1`.execute(tx)
        if (last !== undefined)
          await tx.updateTable('counting_cursor').set({ number: last.number }).execute()
        if (dies) throw new Error('died')
        return page.length
      }),
    )
  const readPage = async () => {
    const { number } = await store.read(db =>
      db.selectFrom('counting_cursor').select('number').executeTakeFirstOrThrow(),
    )
    return messagesAfter(world, store, {
      owner: counting,
      after: number,
      limit: 7,
    })
  }

  it('a post stands or falls with the transaction that it is part of', async () => {
    await assert.rejects(
      store.transaction(async tx => {
        await postMessage(tx, world, letter(0))
        throw new Error('died')
      }),
    )
    assert.deepEqual(await readPage(), [])
    await store.transaction(tx => postMessage(tx, world, letter(0)))
    const [first] = await readPage()
    assert.deepEqual([first?.subject, first?.content.body, first?.number], ['answer 0', 'b', 1])
    assert.deepEqual(await first?.documents(), [])
  })

  it('each message is dealt with once, though posts come all the time and every third round dies', async () => {
    const posting = Array.from({ length: 4 }, async (_, writer) => {
      for (let n = 1; n <= 25; n++)
        await store.transaction(tx => postMessage(tx, world, letter(1000 * (writer + 1) + n)))
    })
    const posted = Promise.all(posting).then(() => true)
    let isPosted = false
    void posted.then(() => {
      isPosted = true
    })
    for (let round = 0, isLast = false; ; round++) {
      const count = await work(round % 3 === 0).catch(() => -1)
      if (isLast && count === 0) break
      isLast = isPosted
    }
    const rows = await store.read(db => db.selectFrom('counting_seen').selectAll().execute())
    assert.equal(rows.length, 101)
    assert.ok(rows.every(row => row.times === 1))
  })
})
