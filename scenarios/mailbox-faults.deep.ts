/**
 * C11 when the database goes away: every connection to it is cut again and again while messages are posted and fetched, in the middle of transactions
 * and commits. Whoever tries again under the same key finds each message once.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { startTestTown } from '@sekisho/cli/testkit'
import { SekishoError } from '@sekisho/sdk'

const officeNumber = '7000012050002'
const cutMs = 20_000

test('connections that are cut lose and double nothing', async t => {
  await using town = await startTestTown({ database: 'postgres', isSplit: true })
  const sender = await town.provider({ id: 'sender' })
  const office = await town.provider({ id: 'office' })
  await town.admin('platform', 'mailbox-register', {
    organisation: officeNumber,
    name: '役所',
    provider: 'office',
  })
  const psql = (statement: string): string =>
    execFileSync('psql', ['-qAt', '-d', town.database ?? '', '-c', statement], {
      encoding: 'utf8',
    }).trim()
  const insist = async <T>(call: () => Promise<T>): Promise<T> => {
    for (;;)
      try {
        return await call()
      } catch (error) {
        const isPassing =
          error instanceof SekishoError &&
          ['internal-fault', 'unexpected', 'platform-unreachable'].includes(error.code)
        if (!isPassing) throw error
        await pause(50)
      }
  }
  const end = performance.now() + cutMs
  const isOver = (): boolean => performance.now() > end
  let cuts = 0
  const cutting = (async () => {
    for (; !isOver(); cuts++) {
      await pause(150)
      psql(
        "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'",
      )
    }
  })()
  const ids = new Map<string, string>()
  const posting = Array.from({ length: 6 }, async (_, caller) => {
    for (let n = 0; !isOver(); n++) {
      const subject = `letter ${caller}-${n}`
      const documents =
        n % 4 === 0
          ? [{ name: 'a.txt', mediaType: 'text/plain', content: new TextEncoder().encode(subject) }]
          : []
      const letter = {
        to: { organisation: officeNumber },
        kind: 'notice',
        subject,
        body: '',
      } as const
      const { id } = await insist(() =>
        sender.sekisho.postMail({ ...letter, documents }, `fault-${caller}-${n}`),
      )
      ids.set(subject, id)
    }
  })
  await Promise.all([cutting, ...posting])
  t.diagnostic(`${ids.size} letters, all connections cut ${cuts} times`)
  assert.ok(ids.size > 20 && cuts > 20)
  for (const id of ids.values())
    while ((await insist(() => sender.sekisho.readMailStanding(id))).state === 'posted')
      await pause(200)
  const found: string[] = []
  for (let after = 0; ; ) {
    const { messages, isComplete } = await insist(() => office.sekisho.listMail(after))
    for (const one of messages) {
      assert.equal(ids.get(one.subject), one.id)
      found.push(one.subject)
    }
    after = messages.at(-1)?.number ?? after
    if (isComplete) break
  }
  assert.deepEqual(found.toSorted(), [...ids.keys()].toSorted())
})
