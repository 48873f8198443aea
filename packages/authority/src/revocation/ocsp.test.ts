import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import {
  type CertIdHash,
  encodeOcspRequest,
  ocspCertId,
  type OcspResponse,
  parseOcspResponse,
} from '@sekisho/pki'
import { sleep } from '@sekisho/runtime/clock'
import {
  connectPostgres,
  type Engine,
  openEmbedded,
  startTemporaryPostgres,
  type TemporaryPostgres,
} from '@sekisho/runtime/store'
import { type Held, noon, openTestWorld, type TestWorld } from '../world-for-tests.ts'
import { presentRules } from '../world.ts'
import { createAnswerCache, type Made } from './answer-cache.ts'
import { answerOcsp, keptOcspAnswer, presentOcsp } from './ocsp.ts'

const today = noon(2026, 11, 20)
const minute = 60 * 1000
const nonce = new Uint8Array(32).fill(7)

type Question = {
  readonly nonce?: Uint8Array
  readonly hash?: CertIdHash
  readonly serial?: number
}

async function asks(town: TestWorld, held: Held, given: Question = {}): Promise<OcspResponse> {
  const issuer = town.world.hierarchy.issuing(held.ca, today).certificate
  const { serial } = given
  const certificate =
    serial === undefined ? held.certificate : { serial: Uint8Array.of(1, 1, 1, serial) }
  const certId = ocspCertId(certificate, issuer, given.hash ?? 'sha256')
  const request = encodeOcspRequest([certId], given.nonce)
  // As the endpoint does.
  const kept = keptOcspAnswer(town.world, held.ca, request)
  const answer = parseOcspResponse(kept ?? (await answerOcsp(town.world, held.ca, request)))
  if (answer.kind !== 'basic') throw new Error(`status ${answer.status}`)
  return answer
}

/** `good`, or `revoked/<reason>`, and minutes since the town began. */
async function told(town: TestWorld, held: Held, given: Question = {}): Promise<string> {
  const { answers, producedAt } = await asks(town, held, given)
  const [one] = answers
  const status = [one?.status, one?.reason ?? []].flat().join('/')
  return `${status} ${(producedAt - today) / minute}`
}

const engines: readonly (readonly [
  name: string,
  open: () => Promise<[Engine, TemporaryPostgres?]>,
])[] = [
  ['embedded', async () => [await openEmbedded('memory')]],
  [
    'postgres',
    async () => {
      const server = await startTemporaryPostgres({ durable: false })
      return [connectPostgres(server.url), server]
    },
  ],
]

for (const [name, open] of engines)
  describe(`OCSP answers on the ${name} engine`, () => {
    let engine: Engine
    let server: TemporaryPostgres | undefined
    const towns: TestWorld[] = []

    before(async () => {
      ;[engine, server] = await open()
    })
    after(async () => {
      for (const town of towns) await town.folder.remove()
      await engine.close()
      await server?.stop()
    })
    const opened = async (ocsp = presentOcsp): Promise<TestWorld> => {
      const town = await openTestWorld(engine, { at: today, rules: { ...presentRules, ocsp } })
      towns.push(town)
      return town
    }
    const cardholder = async (town: TestWorld): Promise<readonly [id: string, signature: Held]> => {
      const id = await town.register()
      await town.happen(id, { what: 'card' })
      const signature = (await town.certificates(id)).find(one => one.ca === 'signature')
      if (signature === undefined) throw new Error('no signature certificate')
      return [id, signature]
    }

    it('are kept until their last minute, then made anew', async () => {
      const town = await opened()
      const [, held] = await cardholder(town)
      assert.equal(await told(town, held), 'good 0')
      town.clock.turnTo(today + 14 * minute - 1)
      assert.equal(await told(town, held), 'good 0')
      town.clock.turnTo(today + 14 * minute)
      assert.equal(await told(town, held), 'good 14')
    })

    it('are at hand without waiting only while nothing can have changed', async () => {
      const town = await opened()
      const [id, held] = await cardholder(town)
      const issuer = town.world.hierarchy.issuing(held.ca, today).certificate
      const request = encodeOcspRequest([ocspCertId(held.certificate, issuer, 'sha256')], undefined)
      const now = () => keptOcspAnswer(town.world, held.ca, request)
      assert.equal(now(), undefined)
      const made = await answerOcsp(town.world, held.ca, request)
      assert.deepEqual(now(), made)
      await sleep(250)
      assert.equal(now(), undefined, 'other processes may have changed something')
      assert.deepEqual(await answerOcsp(town.world, held.ca, request), made)
      assert.deepEqual(now(), made)
      await town.happen(id, { what: 'stop' })
      assert.equal(now(), undefined, 'this process has')
      await answerOcsp(town.world, held.ca, request)
      assert.notDeepEqual(now() ?? made, made)
      town.clock.turnTo(today + 14 * minute)
      assert.equal(now(), undefined)
    })

    it('are kept for each form of the question by itself', async () => {
      const town = await opened()
      const [, held] = await cardholder(town)
      assert.equal(await told(town, held, { hash: 'sha1' }), 'good 0')
      town.clock.turnTo(today + minute)
      assert.equal(await told(town, held, { hash: 'sha256' }), 'good 1')
      assert.equal((await asks(town, held, { hash: 'sha1' })).answers[0]?.certId.hash, 'sha1')
      assert.equal(await told(town, held, { hash: 'sha1' }), 'good 0')
    })

    it('change with the status at once: revoked, held, released', async () => {
      const town = await opened()
      const [id, held] = await cardholder(town)
      assert.equal(await told(town, held), 'good 0')
      town.clock.turnTo(today + minute)
      await town.happen(id, { what: 'lost' })
      assert.equal(await told(town, held), 'revoked/certificateHold 1')
      town.clock.turnTo(today + 2 * minute)
      assert.equal(await told(town, held), 'revoked/certificateHold 1')
      await town.happen(id, { what: 'found' })
      assert.equal(await told(town, held), 'good 2')
      await town.happen(id, { what: 'rename', name: '田中　花子' })
      assert.equal(await told(town, held), 'revoked/affiliationChanged 2')
    })

    it('change only for the certificate that changed', async () => {
      const town = await opened()
      const [[id, changed], [, other]] = [await cardholder(town), await cardholder(town)]
      await told(town, changed)
      await told(town, other)
      town.clock.turnTo(today + minute)
      await town.happen(id, { what: 'stop' })
      assert.equal(await told(town, changed), 'revoked/cessationOfOperation 1')
      assert.equal(await told(town, other), 'good 0')
    })

    it('change also when another process changed the status', async () => {
      const [town, elsewhere] = [await opened(), await opened()]
      const [id, held] = await cardholder(town)
      assert.equal(await told(town, held), 'good 0')
      await elsewhere.happen(id, { what: 'stop' })
      await sleep(250)
      assert.equal(await told(town, held), 'revoked/cessationOfOperation 0')
    })

    it('are never kept for a serial that was not issued', async () => {
      const town = await opened()
      const [, held] = await cardholder(town)
      assert.equal(await told(town, held, { serial: 1 }), 'unknown 0')
      town.clock.turnTo(today + minute)
      assert.equal(await told(town, held, { serial: 1 }), 'unknown 1')
    })

    it('to a request with a nonce are signed for it alone and carry it', async () => {
      const town = await opened()
      const [, held] = await cardholder(town)
      assert.equal((await asks(town, held)).nonce, undefined)
      town.clock.turnTo(today + minute)
      const answer = await asks(town, held, { nonce })
      assert.deepEqual(answer.nonce, nonce)
      assert.equal(answer.producedAt, today + minute)
      assert.equal((await asks(town, held)).nonce, undefined)
      assert.equal(await told(town, held), 'good 0')
    })

    it('where nonces are ignored are the kept ones, without a nonce', async () => {
      const town = await opened({ ...presentOcsp, nonce: 'ignore' })
      const [, held] = await cardholder(town)
      await asks(town, held)
      town.clock.turnTo(today + minute)
      const answer = await asks(town, held, { nonce })
      assert.equal(answer.nonce, undefined)
      assert.equal(answer.producedAt, today)
    })

    it('that were being made when the status changed are not kept, nor joined any more', async () => {
      const town = await opened()
      const [id, held] = await cardholder(town)
      const { issuerKeyId, serial } = held.reference
      const cache = createAnswerCache(town.world.store, 10)
      const made = (text: string): Made => ({
        der: new TextEncoder().encode(text),
        from: today,
        until: today + minute,
        isKept: true,
      })
      const slow = Promise.withResolvers<Made>()
      const ask = (make: () => Promise<Made>) => cache.fill('q', `${issuerKeyId} ${serial}`, make)
      assert.equal(await cache.find('q', today), undefined)
      const first = ask(() => slow.promise)
      await town.happen(id, { what: 'stop' })
      await sleep(250)
      assert.equal(await cache.find('q', today), undefined)
      assert.deepEqual(await ask(async () => made('new')), made('new'))
      slow.resolve(made('old'))
      assert.deepEqual(await first, made('old'))
      assert.deepEqual((await cache.find('q', today))?.der, made('new').der)
    })

    it('are asked of the signer once by all who ask at the same time; when full, the oldest goes', async () => {
      const town = await opened()
      const cache = createAnswerCache(town.world.store, 2)
      let made = 0
      const make = async (): Promise<Made> => {
        made++
        await sleep(5)
        return { der: new Uint8Array(), from: today, until: today + minute, isKept: true }
      }
      assert.equal(await cache.find('a', today), undefined)
      await Promise.all([1, 2, 3].map(() => cache.fill('a', 'k 1', make)))
      assert.equal(made, 1)
      for (const question of ['b', 'c']) await cache.fill(question, `k ${question}`, make)
      const found = await Promise.all(['a', 'b', 'c'].map(one => cache.find(one, today)))
      assert.deepEqual(
        found.map(one => one !== undefined),
        [false, true, true],
      )
    })
  })

describe('kept OCSP answers', () => {
  it('are not handed out when changes cannot be looked for', async () => {
    const engine = await openEmbedded('memory')
    const town = await openTestWorld(engine, { at: today })
    const id = await town.register()
    await town.happen(id, { what: 'card' })
    const [held] = await town.certificates(id)
    if (held === undefined) throw new Error('no certificate')
    assert.equal(await told(town, held), 'good 0')
    await town.folder.remove()
    await engine.close()
    await sleep(250)
    await assert.rejects(told(town, held))
  })
})
