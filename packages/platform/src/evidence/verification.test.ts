import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { statementOf } from '../fees/statement.ts'
import { verifyForProvider } from '../confirm/verify.ts'
import type { CardCertificate } from '../authority-for-tests.ts'
import { codeOf, startTestWorld, type TestWorld } from '../world-for-tests.ts'
import { openRevocationKeeper } from './revocation.ts'
import { createTrust } from './trust.ts'
import { jpkiTown } from '@sekisho/pki'
import { silentLog } from '@sekisho/runtime/log'

const message = new TextEncoder().encode('文書')

describe('the judge', () => {
  let world: TestWorld
  before(async () => {
    world = await startTestWorld()
  })
  after(() => world.close())

  const demand = (
    one: CardCertificate,
    given: {
      purpose?: 'signature' | 'authentication'
      revocation?: 'crl' | 'ocsp'
      over?: Uint8Array
    } = {},
  ): Promise<string> =>
    codeOf(
      world.judge.demand({
        message,
        signature: one.key.sign('rsa-sha256', given.over ?? message),
        certificate: one.certificate.raw,
        purpose: given.purpose ?? 'signature',
        revocation: given.revocation ?? 'crl',
      }),
    )

  it('refuses each fault by its own code, by lists and by OCSP alike', async () => {
    const { authority, clock } = world
    const now = clock.now()
    const [revoked, held] = [authority.issue('signature'), authority.issue('signature')]
    authority.end(revoked, 'cessationOfOperation')
    authority.end(held, 'certificateHold')
    authority.publish()
    await world.keeper.refresh()
    for (const revocation of ['crl', 'ocsp'] as const) {
      assert.equal(await demand(authority.issue('signature'), { revocation }), 'passed')
      assert.equal(await demand(revoked, { revocation }), 'certificate-revoked')
      assert.equal(await demand(held, { revocation }), 'certificate-held')
      const cases = [
        [authority.issue('signature', { isForged: true }), 'certificate-untrusted'],
        [authority.issue('signature', { notAfter: now - 1000 }), 'certificate-expired'],
        [authority.issue('signature', { notBefore: now + 1000 }), 'certificate-not-yet-valid'],
        [authority.issue('authentication'), 'certificate-not-for-signing'],
      ] as const
      const asked = authority.ocspAsked()
      for (const [one, code] of cases) assert.equal(await demand(one, { revocation }), code)
      const signature = authority.issue('signature')
      assert.equal(
        await demand(signature, { revocation, purpose: 'authentication' }),
        'certificate-not-for-login',
      )
      assert.equal(
        await demand(signature, { revocation, over: Uint8Array.of(1) }),
        'signature-invalid',
      )
      // Nobody makes us ask about a certificate that is refused anyway.
      assert.equal(authority.ocspAsked(), asked)
    }
  })

  it('asks the authority where the list is older than the provider takes, and only then', async () => {
    const { authority, clock } = world
    const one = authority.issue('signature')
    const ended = authority.issue('signature')
    authority.publish()
    await world.keeper.refresh()
    const minute = 60_000
    const judged = async (of: CardCertificate, freshnessMs: number | undefined) =>
      world.judge.report({
        message,
        signature: of.key.sign('rsa-sha256', message),
        certificate: of.certificate.raw,
        purpose: 'signature',
        revocation: 'crl',
        freshnessMs,
      })
    const told = async (freshnessMs: number | undefined, of = one) => {
      const { verdict, method } = await judged(of, freshnessMs)
      return [verdict, method]
    }
    clock.turnTo(clock.now() + 60 * minute)
    assert.deepEqual(await told(60 * minute), ['passed', 'crl'])
    clock.turnTo(clock.now() + 1)
    const asked = authority.ocspAsked()
    assert.deepEqual(await told(60 * minute), ['passed', 'ocsp'])
    assert.deepEqual(await told(undefined), ['passed', 'crl'])
    assert.equal(authority.ocspAsked(), asked + 1)
    // What ended after the list was made is found, and what the list names already is not asked about.
    authority.end(ended, 'cessationOfOperation')
    assert.deepEqual(await told(undefined, ended), ['passed', 'crl'])
    assert.deepEqual(await told(60 * minute, ended), ['failed', 'ocsp'])
    authority.publish()
    await world.keeper.refresh()
    clock.turnTo(clock.now() + 61 * minute)
    assert.deepEqual(await told(60 * minute, ended), ['failed', 'crl'])
  })

  it('bytes that are no certificate are malformed', async () => {
    const code = await codeOf(
      world.judge.demand({
        message,
        signature: new Uint8Array(256),
        certificate: Uint8Array.of(0x30, 0x03, 1, 2, 3),
        purpose: 'signature',
        revocation: 'ocsp',
      }),
    )
    assert.equal(code, 'certificate-malformed')
  })

  it('an authority that cannot be asked is never good', async () => {
    const one = world.authority.issue('signature')
    world.authority.isDown = true
    assert.equal(await demand(one, { revocation: 'ocsp' }), 'authority-unreachable')
    assert.equal(await demand(one), 'passed')
    world.authority.isDown = false
  })

  it('a verification costs its fee once a day and nothing when validity was not looked up', async () => {
    const provider = await world.provider('verifier')
    const one = world.authority.issue('signature')
    const forged = world.authority.issue('signature', { isForged: true })
    const ask = (by: CardCertificate) =>
      verifyForProvider(world, provider, {
        document: Buffer.from(message).toString('base64'),
        signature: Buffer.from(by.key.sign('rsa-sha256', message)).toString('base64'),
        certificate: Buffer.from(by.certificate.raw).toString('base64'),
        purpose: 'signature',
      })
    const [first, second] = [await ask(one), await ask(one)]
    assert.equal(first.verdict, 'passed')
    assert.notEqual(first.id, second.id)
    assert.equal((await ask(forged)).verdict, 'failed')
    const month = new Date(world.clock.now()).toISOString().slice(0, 7)
    assert.equal((await statementOf(world, provider.id, month)).totalYen, 20)
    const told = JSON.stringify([first, second])
    assert.equal(told.includes(one.certificate.serialHex), false)
    assert.equal(told.includes('試験'), false)
  })
})

describe('the revocation keeper', () => {
  it('keeps judging by the last good list until it is stale, then refuses; a list that does not verify is told', async () => {
    const world = await startTestWorld()
    try {
      const { authority, clock, keeper } = world
      const one = authority.issue('signature')
      const demand = () =>
        codeOf(
          world.judge.demand({
            message,
            signature: one.key.sign('rsa-sha256', message),
            certificate: one.certificate.raw,
            purpose: 'signature',
            revocation: 'crl',
          }),
        )
      assert.equal(keeper.isUsable(clock.now()), true)
      authority.isDown = true
      await assert.rejects(keeper.refresh())
      assert.equal(await demand(), 'passed')
      clock.turnTo(clock.now() + 25 * 3600_000)
      assert.equal(await demand(), 'revocation-stale')
      assert.equal(keeper.isUsable(clock.now()), false)
      const stale = () =>
        codeOf(
          Promise.resolve().then(() => world.judge.statusOf({ ...one.reference, notAfter: 0 })),
        )
      assert.equal(await stale(), 'revocation-stale')

      authority.isDown = false
      authority.publish()
      const honest = authority.connector.crl
      Object.assign(authority.connector, {
        crl: async (path: string) => {
          const der = Uint8Array.from(await honest(path))
          der[der.length - 1] = (der.at(-1) ?? 0) ^ 1
          return der
        },
      })
      await keeper.refresh()
      assert.equal(await demand(), 'revocation-untrusted')
      Object.assign(authority.connector, { crl: honest })
      await keeper.refresh()
      assert.equal(await demand(), 'passed')
    } finally {
      await world.close()
    }
  })

  it('begins with the lists of the database, without those that do not verify any more', async () => {
    const world = await startTestWorld()
    try {
      const trust = createTrust({
        mode: 'town',
        profile: jpkiTown,
        anchors: world.authority.anchors.slice(0, 1),
      })
      const again = await openRevocationKeeper({
        ...world,
        trust,
        log: silentLog(),
        revocationFolder: undefined,
        revocationBytesHere: 2 ** 20,
      })
      assert.equal(again.index().partitions.length, 1)
      assert.equal(world.keeper.index().partitions.length, 2)
    } finally {
      await world.close()
    }
  })
})
