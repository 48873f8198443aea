import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { beginCeremony } from '../login/ceremony.ts'
import { linkCertificates, pairwiseSubject } from '../people/link.ts'
import type { Provider } from '../providers/registry.ts'
import { statementOf } from '../fees/statement.ts'
import {
  answerSign,
  codeOf,
  countRows,
  engineKinds,
  startTestWorld,
  stepOf,
  type TestWorld,
} from '../world-for-tests.ts'
import type { CardCertificate } from '../authority-for-tests.ts'
import {
  createTransaction,
  finishSign,
  refuseTransaction,
  transactionResult,
  waitingTransaction,
} from './sign.ts'

for (const kind of engineKinds)
  describe(`signing transactions on ${kind}`, () => {
    let world: TestWorld
    let bank: Provider
    let shop: Provider
    let card: CardCertificate
    let subject: string
    before(async () => {
      world = await startTestWorld(kind)
      bank = await world.provider('bank')
      shop = await world.provider('shop')
      card = world.authority.issue('signature')
      subject = await known(card)
    })
    after(() => world.close())

    /** Makes the holder known to the bank. */
    async function known(one: CardCertificate): Promise<string> {
      const written = { at: world.clock.now(), random: world.random }
      const link = {
        ...one.reference,
        kind: 'signature',
        proof: 'first-met',
        distributionPoint: null,
        notAfter: 0,
      } as const
      return world.store.transaction(async tx => {
        const { personId } = await linkCertificates(tx, [link], written)
        return pairwiseSubject(tx, { personId, providerId: bank.id }, written)
      })
    }
    const request = (
      more: {
        title?: string
        document?: string
        mediaType?: 'text/plain' | 'application/json'
      } = {},
    ) => ({
      title: '申込書',
      mediaType: 'text/plain' as const,
      document: Buffer.from('申し込みます。').toString('base64'),
      subject,
      ...more,
    })
    /** Begins a signature and gives what finishes it. */
    async function signing(id: string, by: CardCertificate) {
      const step = stepOf(world, bank)
      const waiting = await waitingTransaction(world, bank, id)
      const { document } = waiting
      const begun = await beginCeremony(world.store, world.random, {
        uid: step.uid,
        providerId: bank.id,
        browser: step.browser,
        kind: 'sign',
        document,
        transactionId: id,
        signingTime: null,
      })
      return (over: Uint8Array = document) =>
        finishSign(world, step, waiting, answerSign(by, over, begun.id))
    }

    it('the same key with the same content is one transaction, also at once; with another content a conflict', async () => {
      const made = await Promise.all(
        Array.from({ length: 4 }, () => createTransaction(world, bank, request(), 'key-0001')),
      )
      assert.equal(new Set(made.map(one => one.id)).size, 1)
      assert.equal(
        await codeOf(createTransaction(world, bank, request({ title: '別' }), 'key-0001')),
        'idempotency-conflict',
      )
      // Keys are each provider's own.
      assert.equal(
        await codeOf(createTransaction(world, shop, request(), 'key-0001')),
        'person-unknown',
      )
    })

    it('what no reader would show is refused to the provider', async () => {
      const over = Buffer.alloc(1024 * 1024 + 3).toString('base64')
      for (const wrong of [
        { title: 'a\nb' },
        { title: 'abc\u202e' },
        { document: '' },
        { document: over },
        { document: Buffer.of(0xff, 0xfe).toString('base64') },
        { document: Buffer.from('{').toString('base64'), mediaType: 'application/json' as const },
      ])
        assert.equal(
          await codeOf(createTransaction(world, bank, request(wrong), 'key-0002')),
          'request-malformed',
        )
    })

    it('of two signatures at once one ends the transaction; it is charged once and gives one receipt', async () => {
      const { id } = await createTransaction(world, bank, request(), 'key-0003')
      const month = new Date(world.clock.now()).toISOString().slice(0, 7)
      const before = await statementOf(world, bank.id, month)
      const finish = await Promise.all([signing(id, card), signing(id, card)])
      const codes = await Promise.all(finish.map(run => codeOf(run())))
      assert.deepEqual(codes.toSorted(), ['passed', 'transaction-finished'])
      const bill = await statementOf(world, bank.id, month)
      assert.equal(bill.totalYen - before.totalYen, 20)
      const result = await transactionResult(world, bank, id)
      assert.equal(result.state, 'signed')
      const payload = JSON.parse(
        Buffer.from(
          result.state === 'signed' ? (result.receipt.split('.')[1] ?? '') : '',
          'base64url',
        ).toString(),
      )
      assert.deepEqual(Object.keys(payload).toSorted(), [
        'aud',
        'document',
        'iat',
        'iss',
        'jti',
        'policy',
        'sub',
        'verdict',
      ])
      assert.equal(payload.sub, subject)
      assert.equal(await codeOf(waitingTransaction(world, bank, id)), 'transaction-finished')
    })

    it('another person’s card, an altered document and another’s transaction are refused, and the transaction waits on', async () => {
      const { id } = await createTransaction(world, bank, request(), 'key-0004')
      const stranger = world.authority.issue('signature')
      const people = await countRows(world, 'person')
      assert.equal(await codeOf((await signing(id, stranger))()), 'signer-is-another')
      assert.equal(await countRows(world, 'person'), people)
      const altered = new TextEncoder().encode('申し込みません。')
      assert.equal(await codeOf((await signing(id, card))(altered)), 'signature-invalid')
      assert.equal(await codeOf(waitingTransaction(world, shop, id)), 'transaction-unknown')
      assert.equal(await codeOf(transactionResult(world, shop, id)), 'transaction-unknown')
      await refuseTransaction(world, { id, providerId: shop.id }, 'consent-refused')
      assert.equal((await transactionResult(world, bank, id)).state, 'waiting')
      await refuseTransaction(world, { id, providerId: bank.id }, 'consent-refused')
      assert.deepEqual(await transactionResult(world, bank, id), {
        id,
        state: 'refused',
        code: 'consent-refused',
      })
    })

    it('a transaction that has run out cannot be signed any more', async () => {
      const { id } = await createTransaction(world, bank, request(), 'key-0005')
      const finish = await signing(id, card)
      await world.store.transaction(tx =>
        tx.updateTable('signing').set({ expires_at: 1 }).where('id', '=', id).execute(),
      )
      assert.equal(await codeOf(finish()), 'transaction-finished')
      assert.equal(await codeOf(waitingTransaction(world, bank, id)), 'transaction-expired')
      assert.deepEqual(await transactionResult(world, bank, id), { id, state: 'expired' })
    })
  })
