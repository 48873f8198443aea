import assert from 'node:assert/strict'
import { createPublicKey, createHash, verify } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { mailContentText, mailReceipt } from '@sekisho/contract'
import { codeOf } from '@sekisho/platform/trial'
import { findBox, type Owner } from './box.ts'
import { carryDue } from './carrier.ts'
import { deliver, expireDue, markRead, reject, withdraw } from './life.ts'
import { bank, office, startTestMailbox, type TestMailbox } from './mailbox-for-tests.ts'
import { receiptsOf } from './receipt.ts'
import { eraseDue, plainMailRetention } from './retention.ts'
import { standingOf } from './sender.ts'
import { listShelf, moveMessage, openMessage, searchShelf } from './shelf.ts'

const dayMs = 24 * 3600 * 1000
const document = { name: '証明書.txt', mediaType: 'text/plain', bytes: new Uint8Array([1, 2, 3]) }

describe('the life of a message', () => {
  let mailbox: TestMailbox
  before(async () => {
    mailbox = await startTestMailbox()
  })
  after(() => mailbox.close())

  const boxOf = async (owner: Owner) => {
    const box = await mailbox.store.read(db => findBox(db, owner))
    if (box === undefined) throw new Error('no box')
    return box
  }
  const stateOf = async (id: string, sender: Owner = bank) =>
    (await standingOf(mailbox.store, await boxOf(sender), id)).state
  const step = <T>(work: Parameters<typeof mailbox.store.transaction<T>>[0]) =>
    mailbox.store.transaction(work)
  const eventsOf = async (id: string, sender: Owner = bank) =>
    (await receiptsOf(mailbox.world, mailbox.store, await boxOf(sender), id)).receipts.map(
      one => one.event,
    )

  it('is read once, by its recipient alone, and not withdrawn any more', async () => {
    const to = await mailbox.person()
    const { id } = await mailbox.post({ to })
    const boxes = [await boxOf(to)]
    const { world, store } = mailbox
    const stranger = await mailbox.person()
    await mailbox.post({ to: stranger })
    assert.equal(
      await codeOf(
        openMessage(world, store, { boxes: [await boxOf(stranger)], id, asReader: true }),
      ),
      'message-unknown',
    )
    const first = await openMessage(world, store, { boxes, id, asReader: true })
    assert.equal(first.state, 'read')
    await openMessage(world, store, { boxes, id, asReader: true })
    assert.deepEqual(await eventsOf(id), ['posting', 'delivery', 'reading'])
    const bankBox = await boxOf(bank)
    assert.equal(await codeOf(step(tx => withdraw(tx, world, bankBox, id))), 'message-finished')
    // Another sender does not even learn that it is there.
    const officeBox = await boxOf(office)
    assert.equal(await codeOf(step(tx => withdraw(tx, world, officeBox, id))), 'message-unknown')
    assert.equal(await codeOf(standingOf(store, officeBox, id)), 'message-unknown')
    assert.equal(await codeOf(receiptsOf(world, store, officeBox, id)), 'message-unknown')
  })

  it('withdrawn before it was read it is gone from the box, and its place is free', async () => {
    const to = await mailbox.person()
    const { id } = await mailbox.post({ to })
    const { world, store } = mailbox
    const bankBox = await boxOf(bank)
    await step(tx => withdraw(tx, world, bankBox, id))
    await step(tx => withdraw(tx, world, bankBox, id))
    const boxes = [await boxOf(to)]
    assert.deepEqual(await listShelf(world, store, { boxes, limit: 10 }), [])
    assert.equal(
      await codeOf(openMessage(world, store, { boxes, id, asReader: true })),
      'message-unknown',
    )
    assert.deepEqual(await eventsOf(id), ['posting', 'delivery', 'withdrawal'])
    const row = await store.read(db =>
      db
        .selectFrom('mailbox_box')
        .select(['held_count', 'held_bytes'])
        .where('owner', '=', to.personId)
        .executeTakeFirstOrThrow(),
    )
    assert.deepEqual([row.held_count, row.held_bytes], [0, 0])
  })

  it('of reading and withdrawing at the same time one happens', async () => {
    const { world } = mailbox
    const bankBox = await boxOf(bank)
    for (let round = 0; round < 20; round++) {
      const to = await mailbox.person()
      const { id } = await mailbox.post({ to })
      const box = await boxOf(to)
      const [read, taken] = await Promise.all([
        codeOf(step(tx => markRead(tx, world, box, id))),
        codeOf(step(tx => withdraw(tx, world, bankBox, id))),
      ])
      const state = await stateOf(id)
      assert.deepEqual(
        [read, taken],
        state === 'read' ? ['passed', 'message-finished'] : ['message-unknown', 'passed'],
      )
    }
  })

  it('every step tried twice at the same time happens once', async () => {
    const { world } = mailbox
    const to = await mailbox.person()
    const { id } = await mailbox.post({ to, documents: [document] })
    assert.equal(await stateOf(id), 'posted')
    const both = await Promise.all([1, 2, 3].map(() => step(tx => deliver(tx, world, id))))
    assert.equal(both.filter(Boolean).length, 1)
    const box = await boxOf(to)
    const reads = await Promise.all([1, 2, 3].map(() => step(tx => markRead(tx, world, box, id))))
    assert.equal(reads.filter(Boolean).length, 1)
    assert.deepEqual(await eventsOf(id), ['posting', 'delivery', 'reading'])
    const other = await mailbox.post({ to, documents: [document] })
    const ends = await Promise.all([
      step(tx => reject(tx, world, other.id, 'malware')),
      step(tx => deliver(tx, world, other.id)),
      step(tx => reject(tx, world, other.id, 'malware')),
    ])
    assert.equal(ends.filter(Boolean).length, 1)
  })

  it('expires unread to the instant, and not when it was read', async () => {
    const { world, store } = mailbox
    const to = await mailbox.person()
    const expiresAt = world.clock.now() + 1000
    const [unread, read] = [
      await mailbox.post({ to, expiresAt }),
      await mailbox.post({ to, expiresAt }),
    ]
    const boxes = [await boxOf(to)]
    await openMessage(world, store, { boxes, id: read.id, asReader: true })
    world.clock.turnTo(world.clock.now() + 999)
    assert.equal(await step(tx => expireDue(tx, world, 10)), 0)
    world.clock.turnTo(world.clock.now() + 1)
    // Over is over, also before the sweep came by.
    assert.equal(
      await codeOf(openMessage(world, store, { boxes, id: unread.id, asReader: true })),
      'message-unknown',
    )
    assert.equal(await step(tx => expireDue(tx, world, 10)), 1)
    assert.deepEqual([await stateOf(unread.id), await stateOf(read.id)], ['expired', 'read'])
    assert.deepEqual(await eventsOf(unread.id), ['posting', 'delivery', 'expiry'])
    assert.equal(await codeOf(mailbox.post({ to, expiresAt })), 'request-malformed')
  })

  it('what cannot be checked waits and is not lost; what fails comes back to the sender alone', async () => {
    const { world, store } = mailbox
    const to = await mailbox.person()
    const { id } = await mailbox.post({ to, documents: [document] })
    await carryDue(world, store, () => Promise.resolve({ kind: 'waits' }))
    assert.equal(await stateOf(id), 'posted')
    assert.deepEqual(await listShelf(world, store, { boxes: [await boxOf(to)], limit: 10 }), [])
    await step(tx =>
      tx.updateTable('mailbox_message').set({ try_at: 0 }).where('id', '=', id).execute(),
    )
    await carryDue(world, store, () => Promise.resolve({ kind: 'failed', why: 'malware' }))
    const standing = await standingOf(store, await boxOf(bank), id)
    assert.deepEqual([standing.state, standing.why], ['rejected', 'malware'])
    assert.deepEqual(await eventsOf(id), ['posting', 'rejection'])
  })

  it('receipts prove content, parties and time: signed once, and named by the ledger', async () => {
    const { world, store } = mailbox
    const to = await mailbox.person()
    const shownTo = `subject:${await mailbox.subject('bank', to)}`
    const { id } = await mailbox.post({ to, shownTo })
    const bankBox = await boxOf(bank)
    await world.ledger.sequence()
    const [{ receipts }, again] = await Promise.all([
      receiptsOf(world, store, bankBox, id),
      receiptsOf(world, store, bankBox, id),
    ])
    assert.deepEqual(
      receipts.map(one => one.receipt),
      again.receipts.map(one => one.receipt),
    )
    for (const { receipt, entry } of receipts) {
      const [head = '', payload = '', signature = ''] = receipt.split('.')
      const key = createPublicKey(
        world.receiptKey.publicKey.export({ format: 'pem', type: 'spki' }),
      )
      assert.ok(
        verify(null, Buffer.from(`${head}.${payload}`), key, Buffer.from(signature, 'base64url')),
      )
      const bytes = Buffer.from(payload, 'base64url')
      const said = mailReceipt.parse(JSON.parse(bytes.toString('utf8')))
      const text = mailContentText({
        kind: 'notice',
        subject: '現況届のお願い',
        body: '現況届の時期になりました。',
        documents: [],
      })
      assert.equal(said.evidence.contentSha256, createHash('sha256').update(text).digest('hex'))
      assert.deepEqual(
        [said.aud, said.evidence.sender, said.evidence.recipient, said.evidence.message],
        ['bank', 'provider:bank', shownTo, id],
      )
      const named = JSON.parse(Buffer.from(entry.entry, 'base64').toString('utf8'))
      assert.ok(named.values.receipts.includes(createHash('sha256').update(bytes).digest('hex')))
      // The ledger's own entry tells nobody who wrote to whom.
      assert.deepEqual([named.personId, named.providerId], [undefined, undefined])
      assert.notEqual(entry.index, null)
    }
  })

  it('folders, and search in subject, body and names of documents, in whatever width', async () => {
    const { world, store } = mailbox
    const to = await mailbox.person()
    const tax = await mailbox.post({
      to,
      subject: '確定申告のお知らせ',
      body: '期限は3月15日です。',
    })
    await mailbox.post({ to, subject: 'ｶｰﾄﾞのご案内', body: 'HELLO' })
    const boxes = [await boxOf(to)]
    const find = async (words: string) =>
      (await searchShelf(world, store, { boxes, words, limit: 10 })).map(one => one.subject)
    assert.deepEqual(await find('申告 ３月'), ['確定申告のお知らせ'])
    assert.deepEqual(await find('カード hello'), ['ｶｰﾄﾞのご案内'])
    assert.deepEqual(await find('申告 hello'), [])
    await moveMessage(world, store, { boxes, id: tax.id, folder: 'archive' })
    const inFolder = async (folder: 'in' | 'archive') =>
      (await listShelf(world, store, { boxes, folder, limit: 10 })).length
    assert.deepEqual([await inFolder('in'), await inFolder('archive')], [1, 1])
    const stranger = await mailbox.person()
    await mailbox.post({ to: stranger })
    assert.equal(
      await codeOf(
        moveMessage(world, store, { boxes: [await boxOf(stranger)], id: tax.id, folder: 'bin' }),
      ),
      'message-unknown',
    )
  })

  it('is erased when its time is over, with proof, and the sender’s receipts stay', async () => {
    const { world, store } = mailbox
    const to = await mailbox.person()
    const { id } = await mailbox.post({ to })
    const boxes = [await boxOf(to)]
    await moveMessage(world, store, { boxes, id, folder: 'bin' })
    const erase = () => eraseDue(world, store, plainMailRetention, () => Promise.resolve())
    world.clock.turnTo(world.clock.now() + 30 * dayMs - 1)
    await erase()
    assert.equal((await listShelf(world, store, { boxes, limit: 10 })).length, 1)
    world.clock.turnTo(world.clock.now() + 1)
    assert.ok((await erase()) >= 1)
    assert.deepEqual(await listShelf(world, store, { boxes, limit: 10 }), [])
    const row = await store.read(db =>
      db
        .selectFrom('mailbox_message')
        .select(['sealed', 'sender_key', 'recipient_key'])
        .where('id', '=', id)
        .executeTakeFirstOrThrow(),
    )
    assert.deepEqual(row, { sealed: null, sender_key: null, recipient_key: null })
    assert.deepEqual(await eventsOf(id), ['posting', 'delivery'])
    const told = await world.ledger.entriesOf(to.personId)
    assert.ok(told.some(one => one.content?.entry.kind === 'mailbox.message-erased'))
  })
})
