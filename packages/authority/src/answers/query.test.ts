import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Refusal, type RefusalCode } from '@sekisho/contract'
import type { CertificateReference } from '@sekisho/contract/authority'
import { createKey } from '@sekisho/runtime/keys'
import {
  connectPostgres,
  type Engine,
  openEmbedded,
  startTemporaryPostgres,
  type TemporaryPostgres,
} from '@sekisho/runtime/store'
import { noon, openTestWorld, type TestWorld } from '../world-for-tests.ts'
import { answerCorrespondingSerial, answerPredecessor, usageOf } from './query.ts'
import type { Verifier } from './verifier.ts'

const today = noon(2026, 11, 20)
const refused = (code: RefusalCode) => (error: unknown) =>
  error instanceof Refusal && error.code === code
const consent = { statementSha256: 'ab'.repeat(32), givenAt: '2026-11-20T03:00:00Z' }
const bothConsents = ['authority-use', 'provider-obtaining'] as const

const { publicKey } = await createKey('ec-p256')
let made = 0
/** A verifier of its own for each test, so that statements hold nothing of others. */
function verifier(...accreditedFor: Verifier['accreditedFor']): Verifier {
  made++
  return { id: `verifier-${made}`, keyId: `key-${made}`, publicKey, accreditedFor }
}
const both = (): Verifier => verifier('signatures', 'authentications')

for (const kind of ['embedded', 'postgres'] as const)
  describe(`queries on the ${kind} engine`, () => {
    let engine: Engine
    let server: TemporaryPostgres | undefined
    let town: TestWorld

    before(async () => {
      server = kind === 'postgres' ? await startTemporaryPostgres({ durable: false }) : undefined
      engine = server === undefined ? await openEmbedded('memory') : connectPostgres(server.url)
      town = await openTestWorld(engine, { at: today })
    })
    after(async () => {
      await town.folder.remove()
      await engine.close()
      await server?.stop()
    })

    const ask = (who: Verifier, key: string, signature: CertificateReference) =>
      answerCorrespondingSerial(town.world, who, key, {
        signature,
        purpose: 'identification',
        consent,
      })
    const askBefore = (
      who: Verifier,
      key: string,
      authentication: CertificateReference,
      consents: readonly ('authority-use' | 'provider-obtaining')[] = bothConsents,
    ) =>
      answerPredecessor(town.world, who, key, {
        authentication,
        purpose: 'login',
        consents: [...consents],
      })
    const valid = async (
      id: string,
      ca: 'signature' | 'authentication',
    ): Promise<CertificateReference> => {
      const found = (await town.certificates(id)).find(
        one => one.ca === ca && one.state === 'valid',
      )
      if (found === undefined) throw new Error(`no valid ${ca}`)
      return found.reference
    }
    const withCard = async (): Promise<string> => {
      const id = await town.register()
      await town.happen(id, { what: 'card' })
      return id
    }

    it('the corresponding serial is that of the authentication certificate beside it, for two yen', async () => {
      const id = await withCard()
      const answer = await ask(both(), 'key-0001', await valid(id, 'signature'))
      assert.deepEqual(answer.authentication, await valid(id, 'authentication'))
      assert.equal(answer.feeYen, 2)
      assert.equal(answer.answeredAt, new Date(today).toISOString())
    })

    it('a signature certificate reissued after a move corresponds to the same authentication certificate', async () => {
      const id = await withCard()
      const authentication = await valid(id, 'authentication')
      const old = await valid(id, 'signature')
      await town.happen(id, { what: 'rename', name: '田中　花子' })
      await town.happen(id, { what: 'signature' })
      const who = both()
      const answer = await ask(who, 'key-0001', await valid(id, 'signature'))
      assert.deepEqual(answer.authentication, authentication)
      assert.deepEqual((await ask(who, 'key-0002', old)).authentication, authentication)
    })

    it('after renewal each signature certificate keeps its own', async () => {
      const id = await withCard()
      const [oldSignature, oldAuthentication] = [
        await valid(id, 'signature'),
        await valid(id, 'authentication'),
      ]
      await town.happen(id, { what: 'renew' })
      const who = both()
      assert.deepEqual((await ask(who, 'key-0001', oldSignature)).authentication, oldAuthentication)
      assert.deepEqual(
        (await ask(who, 'key-0002', await valid(id, 'signature'))).authentication,
        await valid(id, 'authentication'),
      )
    })

    it('who declined the authentication certificate has no corresponding one', async () => {
      const id = await town.register()
      await town.happen(id, { what: 'card', withAuthentication: false })
      const answer = await ask(both(), 'key-0001', await valid(id, 'signature'))
      assert.equal(answer.authentication, null)
    })

    it('what was never issued, or is of the other kind, is unknown and not counted', async () => {
      const id = await withCard()
      const who = both()
      const authentication = await valid(id, 'authentication')
      const signature = await valid(id, 'signature')
      await assert.rejects(
        ask(who, 'key-0001', { ...signature, serial: '00' }),
        refused('certificate-unknown'),
      )
      await assert.rejects(ask(who, 'key-0001', authentication), refused('certificate-unknown'))
      await assert.rejects(askBefore(who, 'key-0001', signature), refused('certificate-unknown'))
      assert.deepEqual((await usageOf(town.world, who, '2026-11')).lines, [])
    })

    it('the predecessor is one step back: renewal, then reissue after loss, then nothing', async () => {
      const id = await withCard()
      const first = await valid(id, 'authentication')
      await town.happen(id, { what: 'renew' })
      const second = await valid(id, 'authentication')
      await town.happen(id, { what: 'lost' })
      await town.happen(id, { what: 'reissue' })
      const third = await valid(id, 'authentication')
      const who = both()
      assert.deepEqual((await askBefore(who, 'key-0003', third)).predecessor, second)
      assert.deepEqual((await askBefore(who, 'key-0002', second)).predecessor, first)
      const last = await askBefore(who, 'key-0001', first)
      assert.equal(last.predecessor, null)
      assert.equal(last.feeYen, 0)
    })

    it('the line goes on after a stop, and after a card that was given up', async () => {
      const id = await withCard()
      const first = await valid(id, 'authentication')
      await town.happen(id, { what: 'stop' })
      await town.happen(id, { what: 'renew' })
      const second = await valid(id, 'authentication')
      await town.happen(id, { what: 'end-card' })
      await town.happen(id, { what: 'card' })
      const who = both()
      const third = await valid(id, 'authentication')
      assert.deepEqual((await askBefore(who, 'key-0002', third)).predecessor, second)
      assert.deepEqual((await askBefore(who, 'key-0001', second)).predecessor, first)
    })

    it('the same key with the same question gets the same answer and is counted once', async () => {
      const id = await withCard()
      const who = both()
      const signature = await valid(id, 'signature')
      const answers = await Promise.all(
        Array.from({ length: 8 }, () => ask(who, 'key-0001', signature)),
      )
      answers.push(await ask(who, 'key-0001', signature))
      for (const answer of answers) assert.deepEqual(answer, answers[0])
      const statement = await usageOf(town.world, who, '2026-11')
      assert.equal(statement.lines.length, 1)
      assert.equal(statement.lines[0]?.usage, answers[0]?.usage)
      assert.equal(statement.totalYen, 2)
    })

    it('the same key with another question is a conflict; with another verifier it is another key', async () => {
      const [one, other] = [await withCard(), await withCard()]
      const who = both()
      await ask(who, 'key-0001', await valid(one, 'signature'))
      await assert.rejects(
        ask(who, 'key-0001', await valid(other, 'signature')),
        refused('idempotency-conflict'),
      )
      await assert.rejects(
        askBefore(who, 'key-0001', await valid(one, 'authentication')),
        refused('idempotency-conflict'),
      )
      await ask(both(), 'key-0001', await valid(other, 'signature'))
      assert.equal((await usageOf(town.world, who, '2026-11')).lines.length, 1)
    })

    it('accreditation is separate: corresponding serials need both, predecessors that for authentications', async () => {
      const id = await withCard()
      const signature = await valid(id, 'signature')
      const authentication = await valid(id, 'authentication')
      for (const who of [verifier('signatures'), verifier('authentications'), verifier()])
        await assert.rejects(ask(who, 'key-0001', signature), refused('verifier-not-accredited'))
      for (const who of [verifier('signatures'), verifier()])
        await assert.rejects(
          askBefore(who, 'key-0001', authentication),
          refused('verifier-not-accredited'),
        )
      await askBefore(verifier('authentications'), 'key-0001', authentication)
    })

    it('a verifier of authentications alone needs both consents, one of both the authority’s use', async () => {
      const id = await withCard()
      const authentication = await valid(id, 'authentication')
      const single = verifier('authentications')
      for (const consents of [['authority-use'], ['provider-obtaining']] as const)
        await assert.rejects(
          askBefore(single, 'key-0001', authentication, consents),
          refused('consent-missing'),
        )
      await askBefore(single, 'key-0001', authentication)
      const double = both()
      await assert.rejects(
        askBefore(double, 'key-0001', authentication, ['provider-obtaining']),
        refused('consent-missing'),
      )
      await askBefore(double, 'key-0001', authentication, ['authority-use'])
    })

    it('the statement counts by the month in Japan', async () => {
      const own = await openTestWorld(engine, { at: Date.UTC(2026, 10, 30, 14, 59, 59) })
      const id = await own.register()
      await own.happen(id, { what: 'card' })
      const signature = (await own.certificates(id)).find(one => one.ca === 'signature')?.reference
      assert.ok(signature)
      const who = both()
      const asked = (key: string) =>
        answerCorrespondingSerial(own.world, who, key, {
          signature,
          purpose: 'identification',
          consent,
        })
      await asked('key-november')
      own.clock.turnTo(Date.UTC(2026, 10, 30, 15))
      await asked('key-december')
      const keys = async (month: string): Promise<readonly string[]> =>
        (await usageOf(own.world, who, month)).lines.map(line => line.idempotencyKey)
      assert.deepEqual(await keys('2026-11'), ['key-november'])
      assert.deepEqual(await keys('2026-12'), ['key-december'])
      assert.deepEqual(await keys('2027-01'), [])
      await own.folder.remove()
    })
  })
