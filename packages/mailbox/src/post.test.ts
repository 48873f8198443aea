import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { codeOf, engineKinds } from '@sekisho/platform/trial'
import { type Owner, registerBox } from './box.ts'
import { bank, office, startTestMailbox, type TestMailbox } from './mailbox-for-tests.ts'
import { postAll, postMessage } from './post.ts'
import { quotas } from './quota.ts'
import { createPoster } from './sender.ts'
import { messagesAfter } from './stream.ts'

for (const kind of engineKinds)
  describe(`posting, on ${kind}`, () => {
    let mailbox: TestMailbox
    before(async () => {
      mailbox = await startTestMailbox(kind)
    })
    after(() => mailbox.close())

    const received = async (owner: Owner) =>
      messagesAfter(mailbox.world, mailbox.store, { owner, after: 0, limit: 1000 })

    it('delivers once, however often the same is posted under the same key', async () => {
      const to = await mailbox.person()
      const first = await mailbox.post({ to, key: 'the-same-1' })
      assert.equal(first.state, 'delivered')
      const again = await mailbox.post({ to, key: 'the-same-1' })
      assert.deepEqual([again.id, again.isNew], [first.id, false])
      assert.equal((await received(to)).length, 1)
    })

    it('refuses another content, recipient or document under the same key', async () => {
      const to = await mailbox.person()
      const documents = [{ name: 'a.txt', mediaType: 'text/plain', bytes: Uint8Array.of(1) }]
      await mailbox.post({ to, key: 'conflict-1' })
      const others = [
        { to, body: 'もう一つの本文' },
        { to: office },
        { to, documents },
        { to, expiresAt: mailbox.world.clock.now() + 1000 },
      ]
      for (const other of others)
        assert.equal(
          await codeOf(mailbox.post({ ...other, key: 'conflict-1' })),
          'idempotency-conflict',
        )
      // The key is the sender's own: another sender's is another message.
      assert.equal((await mailbox.post({ from: office, to, key: 'conflict-1' })).isNew, true)
    })

    it('fifty posts of one key at once are one message, and a group with a bad one loses no other', async () => {
      const to = await mailbox.person()
      const post = createPoster(mailbox.world, mailbox.store)
      const posting = {
        from: bank,
        to,
        kind: 'notice' as const,
        subject: 's',
        body: 'b',
        documents: [],
      }
      const all = await Promise.all(
        Array.from({ length: 50 }, () => post({ ...posting, key: 'at-once-1' })),
      )
      assert.equal(new Set(all.map(one => one.id)).size, 1)
      assert.equal(all.filter(one => one.isNew).length, 1)
      const nobody: Owner = { kind: 'organisation', number: '1000012160153' }
      const mixed = await Promise.allSettled([
        post({ ...posting, key: 'mixed-1' }),
        post({ ...posting, to: nobody, key: 'mixed-2' }),
        post({ ...posting, key: 'mixed-3' }),
      ])
      assert.deepEqual(
        mixed.map(one => one.status),
        ['fulfilled', 'rejected', 'fulfilled'],
      )
      assert.equal((await received(to)).length, 3)
    })

    it('two transactions that post the same key at the same time end with one message', async () => {
      const to = await mailbox.person()
      const posting = {
        from: bank,
        to,
        kind: 'notice' as const,
        subject: 's',
        body: 'b',
        documents: [],
        key: 'race-key-1',
      }
      const tries = await Promise.allSettled(
        Array.from({ length: 6 }, () =>
          mailbox.store.transaction(tx => postMessage(tx, mailbox.world, posting)),
        ),
      )
      const ids = tries.flatMap(one => (one.status === 'fulfilled' ? [one.value.id] : []))
      assert.ok(ids.length >= 1)
      assert.equal(new Set(ids).size, 1)
      assert.equal((await received(to)).length, 1)
    })

    it('leaves nothing of a post whose transaction fails', async () => {
      const to = await mailbox.person()
      const failed = mailbox.store.transaction(async tx => {
        await postMessage(tx, mailbox.world, {
          from: bank,
          to,
          kind: 'notice',
          subject: 's',
          body: 'b',
          documents: [],
          key: 'rolled-back',
        })
        throw new Error('the caller fails')
      })
      await assert.rejects(failed, /the caller fails/)
      assert.equal((await received(to)).length, 0)
      assert.equal((await mailbox.post({ to, key: 'rolled-back' })).isNew, true)
    })

    it('refuses whom it does not know, whose box is full, and who sends too much in a day', async () => {
      const unknown: Owner = { kind: 'organisation', number: '1000012160153' }
      assert.equal(await codeOf(mailbox.post({ to: unknown })), 'mailbox-unknown')
      const to = await mailbox.person()
      await mailbox.post({ to })
      await mailbox.store.transaction(tx =>
        tx
          .updateTable('mailbox_box')
          .set({ held_count: quotas.person.messages })
          .where('owner', '=', to.personId)
          .execute(),
      )
      assert.equal(await codeOf(mailbox.post({ to, key: 'no-room-1' })), 'mailbox-full')
      await mailbox.store.transaction(tx =>
        tx
          .updateTable('mailbox_box')
          .set({ held_count: quotas.person.messages - 1 })
          .where('owner', '=', to.personId)
          .execute(),
      )
      assert.equal((await mailbox.post({ to, key: 'no-room-1' })).isNew, true)
      const writer = await mailbox.person()
      const letter = (n: number) => ({
        from: writer,
        to: office,
        kind: 'application' as const,
        subject: 's',
        body: 'b',
        documents: [],
        key: `letter-${n}-1`,
      })
      const many = Array.from({ length: quotas.person.aDay }, (_, n) => letter(n))
      await mailbox.store.transaction(tx => postAll(tx, mailbox.world, many))
      const more = () =>
        mailbox.store.transaction(tx => postMessage(tx, mailbox.world, letter(many.length)))
      assert.equal(await codeOf(more()), 'mail-limit')
      mailbox.world.clock.turnTo(mailbox.world.clock.now() + 24 * 3600 * 1000)
      assert.equal((await more()).isNew, true)
    })

    it('a provider acts for one box: its own comes along when an organisation’s is registered, and never two', async () => {
      const { world, store } = mailbox
      await world.provider(`shop-${kind}`)
      const shop: Owner = { kind: 'provider', providerId: `shop-${kind}` }
      const to = await mailbox.person()
      await mailbox.post({ to: shop, from: to })
      const owner = { kind: 'municipality', code: '13101' } as const
      const register = (providerId: string, other: typeof owner | typeof office = owner) =>
        store.transaction(tx =>
          registerBox(tx, world.random, { owner: other, name: '千代田区', providerId }, 0),
        )
      await register(shop.providerId)
      assert.equal((await received(owner)).length, 1)
      assert.equal((await received(shop)).length, 1)
      assert.equal(await codeOf(register(shop.providerId, office)), 'mailbox-taken')
    })

    it('nobody writes to somebody whose key was erased', async () => {
      const to = await mailbox.person()
      await mailbox.post({ to })
      await mailbox.store.transaction(tx =>
        mailbox.world.personKeys.erase(tx, to.personId, mailbox.world.clock.now()),
      )
      assert.equal(await codeOf(mailbox.post({ to })), 'mailbox-unknown')
      assert.deepEqual(await received(to), [])
    })

    it('numbers of a box are committed in their order: a reader by cursor misses none and sees none twice', async () => {
      const to: Owner = { kind: 'system', name: `cursor-${kind}` }
      const people = await Promise.all(Array.from({ length: 8 }, () => mailbox.person()))
      let isDone = false
      const seen: string[] = []
      const reading = (async () => {
        for (let after = 0, isLast = false; ; ) {
          const page = await messagesAfter(mailbox.world, mailbox.store, {
            owner: to,
            after,
            limit: 7,
          })
          seen.push(...page.map(one => one.id))
          after = page.at(-1)?.number ?? after
          if (page.length > 0) continue
          if (isLast) return
          isLast = isDone
        }
      })()
      const posted = await Promise.all(
        people.flatMap((from, at) =>
          Array.from({ length: 10 }, (_, n) =>
            mailbox.post({ from, to, kind: 'application', key: `cursor-${at}-${n}` }),
          ),
        ),
      )
      isDone = true
      await reading
      assert.deepEqual(seen.toSorted(), posted.map(one => one.id).toSorted())
    })

    it('nothing that was written stands in the clear in any table', async () => {
      const to = await mailbox.person()
      const secret = '秘密の用件XYZZY'
      const bytes = new TextEncoder().encode(secret)
      const { id } = await mailbox.post({
        to,
        subject: secret,
        body: secret,
        documents: [{ name: `${secret}.txt`, mediaType: 'text/plain', bytes }],
      })
      const rows = await mailbox.store.read(async db => [
        await db.selectFrom('mailbox_message').selectAll().where('id', '=', id).execute(),
        await db.selectFrom('mailbox_document').selectAll().execute(),
        await db.selectFrom('mailbox_event').selectAll().execute(),
        await db.selectFrom('ledger_entry').selectAll().execute(),
      ])
      const text = JSON.stringify(rows, (_name, value: unknown) =>
        value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : value,
      )
      assert.ok(text.length > 1000)
      assert.ok(!text.includes('XYZZY'))
    })
  })
