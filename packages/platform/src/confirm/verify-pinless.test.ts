import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { PinlessVerificationRequest } from '@sekisho/contract'
import { poolKey } from '@sekisho/pki/issue'
import type { CardCertificate } from '../authority-for-tests.ts'
import { createPinlessTerminals, pinlessStatement } from '../evidence/pinless.ts'
import { statementOf } from '../fees/statement.ts'
import { linkCertificates, pairwiseSubject } from '../people/link.ts'
import { demandPin } from '../people/wish.ts'
import type { Provider } from '../providers/registry.ts'
import { codeOf, engineKinds, startTestWorld, type TestWorld } from '../world-for-tests.ts'
import { challengePinless, sweepChallenges, verifyPinless } from './verify-pinless.ts'

const gate = { organisation: '9200073', terminal: 'GATE1' } as const
const standing = (change: object = {}, terminal: object = {}) => [
  {
    code: gate.organisation,
    until: '20300501',
    withdrawnAt: null,
    terminals: [{ number: gate.terminal, until: '20300405', withdrawnAt: null, ...terminal }],
    ...change,
  },
]
const past = '2030-01-01T00:00:00.000Z'

it('the statement is the one of the protocol’s vectors', async () => {
  const path = join(import.meta.dirname, '../../../../docs/protocol/pinless.md')
  const lines = (await readFile(path, 'utf8')).split('\n')
  const asked = lines.findIndex(line => line.startsWith('> 0088009720C5'))
  const signature = Buffer.from((lines[asked + 1] ?? '').slice(2, -4), 'hex')
  const key = createPublicKey({ key: Buffer.from(poolKey(1).spki), format: 'der', type: 'spki' })
  const fits = (message: Uint8Array): boolean => verify('sha256', message, key, signature)
  const challenge = new Uint8Array(32).fill(0xc5)
  assert.ok(fits(pinlessStatement(gate, challenge)))
  assert.ok(!fits(pinlessStatement({ ...gate, terminal: 'GATE2' }, challenge)))
})

for (const kind of engineKinds)
  describe(`answers without PIN on the ${kind} engine`, () => {
    let world: TestWorld
    let stadium: Provider
    let card: CardCertificate
    before(async () => {
      world = await startTestWorld(kind)
      stadium = await world.provider('stadium')
      card = world.authority.issue('authentication')
      world.authority.standing = standing()
    })
    after(() => world.close())

    const challenge = async (by = stadium): Promise<string> =>
      (await challengePinless(world, by)).challenge
    const answer = (
      to: string,
      given: Partial<PinlessVerificationRequest> & { readonly key?: CardCertificate['key'] } = {},
    ): PinlessVerificationRequest => {
      const { key = card.key, ...rest } = given
      const statement = pinlessStatement(gate, new Uint8Array(Buffer.from(to, 'base64')))
      return {
        ...gate,
        challenge: to,
        signature: Buffer.from(key.sign('rsa-sha256', statement)).toString('base64'),
        certificate: Buffer.from(card.certificate.raw).toString('base64'),
        ...rest,
      }
    }
    const feeOf = async (by: Provider): Promise<number> =>
      (await statementOf(world, by.id, '2030-04')).totalYen

    it('a good answer passes, says that no PIN was typed, and costs as a check of an authentication', async () => {
      const before = await feeOf(stadium)
      const report = await verifyPinless(world, stadium, answer(await challenge()))
      assert.equal(report.verdict, 'passed')
      assert.equal(report.assurance, 'card-without-pin')
      assert.equal(report.subject, null)
      assert.equal((await feeOf(stadium)) - before, 2)
    })

    it('who demands the PIN at the platform is never taken for present by the card alone', async () => {
      const demanding = world.authority.issue('authentication')
      const at = world.clock.now()
      const link = {
        ...demanding.reference,
        kind: 'authentication',
        proof: 'first-met',
        distributionPoint: null,
        notAfter: at + 1,
      } as const
      const personId = await world.store.transaction(async tx => {
        const linked = await linkCertificates(tx, [link], { at, random: world.random })
        const to = { providerId: stadium.id, personId: linked.personId }
        await pairwiseSubject(tx, to, { at, random: world.random })
        return linked.personId
      })
      const ask = async () => {
        const certificate = Buffer.from(demanding.certificate.raw).toString('base64')
        return verifyPinless(
          world,
          stadium,
          answer(await challenge(), { key: demanding.key, certificate }),
        )
      }
      assert.equal(typeof (await ask()).subject, 'string')
      const wish = (pinAlways: boolean) =>
        world.store.transaction(tx => demandPin(tx, { personId, pinAlways, at }))
      assert.equal(await wish(true), true)
      assert.equal(await wish(true), false)
      const report = await ask()
      assert.equal(report.verdict, 'failed')
      assert.deepEqual(
        report.reasons.map(each => each.code),
        ['pin-demanded'],
      )
      assert.equal(report.subject, null)
      await wish(false)
      assert.equal((await ask()).verdict, 'passed')
    })

    it('a challenge serves once, also when it comes twice at a time, and only who asked for it', async () => {
      const given = answer(await challenge())
      const both = await Promise.all([
        codeOf(verifyPinless(world, stadium, given)),
        codeOf(verifyPinless(world, stadium, given)),
      ])
      assert.deepEqual(both.toSorted(), ['challenge-unknown', 'passed'])
      assert.equal(await codeOf(verifyPinless(world, stadium, given)), 'challenge-unknown')
      const other = await world.provider('other')
      const theirs = answer(await challenge(other))
      assert.equal(await codeOf(verifyPinless(world, stadium, theirs)), 'challenge-unknown')
      assert.equal(await codeOf(verifyPinless(world, other, theirs)), 'passed')
      await world.store.transaction(tx =>
        tx.updateTable('pinless_challenge').set({ expires_at: 1 }).execute(),
      )
      const late = answer(await challenge())
      await world.store.transaction(tx =>
        tx.updateTable('pinless_challenge').set({ expires_at: 1 }).execute(),
      )
      assert.equal(await codeOf(verifyPinless(world, stadium, late)), 'challenge-expired')
      await challenge()
      await world.store.transaction(tx =>
        tx.updateTable('pinless_challenge').set({ expires_at: 1 }).execute(),
      )
      await sweepChallenges(world)
      const left = await world.store.read(db =>
        db.selectFrom('pinless_challenge').selectAll().execute(),
      )
      assert.deepEqual(left, [])
    })

    it('a copy of the certificate without its key, and an answer for another terminal, fail', async () => {
      const copied = await verifyPinless(
        world,
        stadium,
        answer(await challenge(), { key: world.authority.issue('authentication').key }),
      )
      assert.deepEqual(
        [copied.verdict, copied.reasons.map(one => one.code)],
        ['failed', ['signature-bad']],
      )
      world.authority.standing = [
        {
          ...(standing()[0] ?? assert.fail()),
          terminals: ['GATE1', 'GATE2'].map(number => ({
            number,
            until: '20300405',
            withdrawnAt: null,
          })),
        },
      ]
      world.clock.turnTo(world.clock.now() + 11_000)
      const elsewhere = answer(await challenge(), { terminal: 'GATE2' })
      assert.equal((await verifyPinless(world, stadium, elsewhere)).verdict, 'failed')
    })

    it('a login with PIN is no answer without PIN: the same key over the bare challenge', async () => {
      const to = await challenge()
      const signature = card.key.sign('rsa-sha256', new Uint8Array(Buffer.from(to, 'base64')))
      const bare = answer(to, { signature: Buffer.from(signature).toString('base64') })
      assert.equal((await verifyPinless(world, stadium, bare)).verdict, 'failed')
    })

    it('a revoked card fails, and is charged for, for its validity was looked up', async () => {
      const lost = world.authority.issue('authentication')
      world.authority.end(lost, 'certificateHold')
      world.authority.publish()
      await world.keeper.refresh()
      const before = await feeOf(stadium)
      const certificate = Buffer.from(lost.certificate.raw).toString('base64')
      const given = answer(await challenge(), { key: lost.key, certificate })
      const report = await verifyPinless(world, stadium, given)
      assert.deepEqual(
        report.reasons.map(one => one.code),
        ['certificate-held'],
      )
      assert.equal((await feeOf(stadium)) - before, 2)
    })

    it('who is not in good standing is refused by a code of its own, from the next reading on', async () => {
      const ask = async (): Promise<string> => {
        world.clock.turnTo(world.clock.now() + 15 * 60_000)
        return codeOf(verifyPinless(world, stadium, answer(await challenge())))
      }
      for (const [told, code] of [
        [standing({ withdrawnAt: past }), 'organisation-withdrawn'],
        [standing({}, { withdrawnAt: past }), 'terminal-withdrawn'],
        [standing({}, { until: '20300331' }), 'terminal-expired'],
        [standing({ until: '20300331' }), 'terminal-expired'],
        [standing({ until: null }), 'terminal-expired'],
        [standing({}, { number: 'GATE9' }), 'terminal-unregistered'],
        [standing({ code: '9200074' }), 'organisation-unregistered'],
        [standing({}, { until: '20300401' }), 'passed'],
      ] as const) {
        world.authority.standing = [...told]
        await world.keeper.refresh()
        assert.equal(await ask(), code, JSON.stringify(told))
      }
    })

    it('without a standing that is good now nobody is in good standing', async () => {
      world.authority.standing = standing()
      const terminals = createPinlessTerminals(world)
      await terminals.demand(gate)
      world.authority.isDown = true
      await terminals.demand(gate)
      world.clock.turnTo(world.clock.now() + 15 * 60_000)
      assert.equal(await codeOf(terminals.demand(gate)), 'authority-unreachable')
      world.authority.isDown = false
      await terminals.demand(gate)
      const early = createPinlessTerminals({
        ...world,
        clock: { ...world.clock, now: () => world.clock.now() - 61_000 },
      })
      assert.equal(await codeOf(early.demand(gate)), 'authority-answer-invalid')
    })
  })
