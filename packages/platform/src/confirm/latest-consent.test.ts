import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Refusal } from '@sekisho/contract'
import { type LatestAttributesQuery, readAttributeConsent } from '@sekisho/contract/authority'
import type { CardCertificate } from '../authority-for-tests.ts'
import { statementOf } from '../fees/statement.ts'
import { beginCeremony } from '../login/ceremony.ts'
import { knownSubject } from '../people/link.ts'
import type { Provider } from '../providers/registry.ts'
import {
  answerSign,
  codeOf,
  engineKinds,
  startTestWorld,
  stepOf,
  type TestWorld,
} from '../world-for-tests.ts'
import { finishIdentify } from './identify.ts'
import {
  createLatestConsent,
  fetchLatest,
  latestConsentsOf,
  tellWithdrawals,
  withdrawLatest,
} from './latest-consent.ts'
import { finishSign, waitingTransaction } from './sign.ts'

const dayMs = 24 * 3600 * 1000

for (const kind of engineKinds)
  describe(`the latest attributes by a signed consent, on ${kind}`, () => {
    let world: TestWorld
    let bank: Provider
    /** What the authority was asked, by key; the same key is one question. */
    const asked = new Map<string, LatestAttributesQuery>()
    const withdrawn: string[] = []
    let losesAnswers = false
    let isDown = false
    before(async () => {
      const started = await startTestWorld(kind)
      world = {
        ...started,
        connector: {
          ...started.connector,
          latestAttributes: async (query, key) => {
            await new Promise(resolve => setTimeout(resolve, 5))
            assert.deepEqual(asked.get(key) ?? query, query, 'one key is one query, to the letter')
            asked.set(key, query)
            if (losesAnswers) throw new Refusal('authority-unreachable')
            const attributes = { address: '東京都港区三田１丁目２番３号' }
            const answeredAt = new Date(world.clock.now()).toISOString()
            return { usage: 'u', feeYen: 20, answeredAt, attributes }
          },
          withdrawConsent: number => {
            if (isDown) return Promise.reject(new Refusal('authority-unreachable'))
            withdrawn.push(number)
            return Promise.resolve()
          },
        },
      }
      bank = await world.provider('bank')
    })
    after(() => world.close())

    const person = async () => {
      const card = world.authority.issue('signature')
      const step = stepOf(world, bank)
      const statement = new TextEncoder().encode(`同意書 ${world.random.token(128)}`)
      const { id } = await beginCeremony(world.store, world.random, {
        uid: step.uid,
        providerId: bank.id,
        browser: step.browser,
        kind: 'identify',
        statement,
      })
      const answer = answerSign(card, statement, id)
      const { personId } = await finishIdentify(world, step, answer, ['name', 'address'])
      const key = { providerId: bank.id, personId }
      const subject = (await world.store.read(db => knownSubject(db, key))) ?? ''
      return { card, personId, subject }
    }
    const sign = async (card: CardCertificate, transaction: string): Promise<void> => {
      const step = stepOf(world, bank)
      const waiting = await waitingTransaction(world, bank, transaction)
      const { id } = await beginCeremony(world.store, world.random, {
        uid: step.uid,
        providerId: bank.id,
        browser: step.browser,
        kind: 'sign',
        document: waiting.document,
        transactionId: waiting.id,
        signingTime: null,
      })
      await finishSign(world, step, waiting, answerSign(card, waiting.document, id))
    }
    const consented = async (given: { readonly days?: number; readonly usesMax?: number } = {}) => {
      const one = await person()
      const wish = { subject: one.subject, attributes: ['address' as const], days: 30, ...given }
      const made = await createLatestConsent(world, bank, wish, world.random.token(128))
      await sign(one.card, made.id)
      return { ...one, number: made.number, text: made.text }
    }
    const fees = async () =>
      (await statementOf(world, bank.id, new Date(world.clock.now()).toISOString().slice(0, 7)))
        .totalYen

    it('the text is one that the authority reads, and the same wish under one key is one transaction', async () => {
      const { subject } = await person()
      const wish = { subject, attributes: ['address' as const], days: 30 }
      const made = await createLatestConsent(world, bank, wish, 'one-key-of-ours')
      const consent = readAttributeConsent(made.text)
      assert.equal(consent?.verifier, 'platform')
      assert.equal(consent?.provider, bank.name)
      assert.deepEqual(consent?.attributes, ['address'])
      assert.deepEqual(await createLatestConsent(world, bank, wish, 'one-key-of-ours'), made)
      const other = createLatestConsent(world, bank, { ...wish, days: 31 }, 'one-key-of-ours')
      assert.equal(await codeOf(other), 'idempotency-conflict')
      const nobody = createLatestConsent(world, bank, { ...wish, subject: 'nobody' }, 'another-key')
      assert.equal(await codeOf(nobody), 'person-unknown')
      const narrow = { ...bank, scopes: new Set(['name'] as const) }
      const beyond = createLatestConsent(world, narrow, wish, 'a-third-key')
      assert.equal(await codeOf(beyond), 'scope-exceeded')
      // Not signed: not given.
      assert.equal(await codeOf(fetchLatest(world, bank, subject)), 'consent-missing')
    })

    it('an answer that was lost is asked for again under its key, and callers at once are one use, charged once', async () => {
      const { subject, personId } = await consented({ usesMax: 2 })
      asked.clear()
      const before = await fees()
      losesAnswers = true
      assert.equal(await codeOf(fetchLatest(world, bank, subject)), 'authority-unreachable')
      losesAnswers = false
      const three = await Promise.all([1, 2, 3].map(() => fetchLatest(world, bank, subject)))
      assert.equal(asked.size, 1)
      assert.equal((await fees()) - before, 20)
      for (const answer of three) {
        assert.equal(answer.attributes?.address?.formatted, '東京都港区三田１丁目２番３号')
        assert.equal(answer.difference, 'moved')
        assert.equal(answer.usesLeft, 1)
      }
      assert.equal((await fetchLatest(world, bank, subject)).usesLeft, 0)
      assert.equal(asked.size, 2)
      assert.equal(await codeOf(fetchLatest(world, bank, subject)), 'consent-missing')
      const at = world.clock.now()
      const [shown] = await world.store.read(db => latestConsentsOf(db, personId, at))
      assert.deepEqual([shown?.uses, shown?.usesMax, shown?.state], [2, 2, 'ended'])
    })

    it('it holds to the end of its last day in Japan, and not longer', async () => {
      const { subject } = await consented({ days: 1 })
      world.clock.turnTo(world.clock.now() + dayMs)
      world.authority.publish()
      await world.keeper.refresh()
      assert.equal((await fetchLatest(world, bank, subject)).usesLeft, null)
      world.clock.turnTo(world.clock.now() + dayMs)
      assert.equal(await codeOf(fetchLatest(world, bank, subject)), 'consent-missing')
      world.authority.publish()
      await world.keeper.refresh()
    })

    it('withdrawn it is refused here at once, and the authority hears of it as soon as it can', async () => {
      const { subject, personId, number } = await consented()
      const stranger = await person()
      assert.equal(await withdrawLatest(world, stranger.personId, number), false)
      isDown = true
      assert.equal(await withdrawLatest(world, personId, number), true)
      assert.equal(await withdrawLatest(world, personId, number), false)
      assert.equal(await codeOf(fetchLatest(world, bank, subject)), 'consent-missing')
      assert.equal(withdrawn.includes(number), false)
      isDown = false
      await tellWithdrawals(world)
      await tellWithdrawals(world)
      assert.deepEqual(
        withdrawn.filter(each => each === number),
        [number],
      )
    })

    it('another provider has nothing of it', async () => {
      const { personId } = await consented()
      const shop = await world.provider('shop')
      const key = { providerId: shop.id, personId }
      assert.equal(await world.store.read(db => knownSubject(db, key)), undefined)
      assert.equal(await codeOf(fetchLatest(world, shop, 'anybody')), 'person-unknown')
    })
  })
