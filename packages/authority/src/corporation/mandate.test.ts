/** Mandates (C12): a representative signs an application with the certificate of the registry, and only then the delegate is certified. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Refusal } from '@sekisho/contract'
import { type MandateApplication, mandateProofText } from '@sekisho/contract/authority'
import { readMandate } from '@sekisho/pki'
import { poolKey } from '@sekisho/pki/issue'
import { cms } from './cms-for-tests.ts'
import { corporationCommands } from './command.ts'
import { enter } from './event.ts'
import { grantMandate } from './mandate.ts'
import { type Firm, found, openTestOthers, type TestOthers } from './others-for-tests.ts'

describe('an application for a mandate', () => {
  let town: TestOthers
  let firm: Firm
  before(async () => {
    town = await openTestOthers()
    firm = await found(town, '999904000001')
  })
  after(() => town[Symbol.asyncDispose]())

  const delegateKey = poolKey(22)

  function application(vary: Partial<MandateApplication> = {}): MandateApplication {
    const plain = {
      kind: 'mandate-application' as const,
      at: new Date(town.clock.now()).toISOString(),
      corporation: firm.corporation,
      delegate: { name: '見本葉子', address: '見本町二番地', unit: '総務部', title: '係長' },
      publicKey: Buffer.from(delegateKey.spki).toString('base64'),
      scope: [{ code: 'bid.submit', text: '入札' }],
      isSubdelegable: false,
      months: 12,
      ...vary,
    } satisfies Omit<MandateApplication, 'proof'>
    const text = new TextEncoder().encode(mandateProofText(plain))
    const proof = Buffer.from(delegateKey.privateKey.sign('rsa-sha256', text)).toString('base64')
    return { ...plain, proof, ...vary }
  }

  const asked = (
    content: unknown,
    by: { readonly certificate: Firm['own']; readonly key: Firm['keys']['own'] } = {
      certificate: firm.own,
      key: firm.keys.own,
    },
  ) => grantMandate(town.world, cms(content, by))

  const refused = async (answer: Promise<unknown>, code: string): Promise<void> =>
    assert.rejects(answer, error => error instanceof Refusal && error.code === code)

  it('gets the certificate, which carries the mandate and is reached over the bridge; twice the same', async () => {
    const signed = cms(application(), { certificate: firm.own, key: firm.keys.own })
    const certificate = await grantMandate(town.world, signed)
    assert.equal(await town.outcome(certificate, 'mandate'), 'passed')
    assert.equal(await town.outcome(certificate, 'person'), 'policy-unacceptable')
    assert.deepEqual(readMandate(certificate), {
      corporateNumber: firm.corporation,
      corporation: '見本商会',
      headOffice: '見本町一番地',
      mandator: { name: '見本花子', title: '代表取締役' },
      scope: [{ code: 'bid.submit', text: '入札' }],
      isSubdelegable: false,
    })
    const again = await grantMandate(town.world, signed)
    assert.deepEqual(again.raw, certificate.raw)
  })

  it('is refused unless a representative of that very corporation signed it', async () => {
    const bank = await town.holder('bank-representative')
    await refused(asked(application(), bank), 'mandate-unauthorised')
    const clerk = { certificate: firm.clerk, key: firm.keys.clerk }
    await refused(asked(application(), clerk), 'mandate-unauthorised')
    await refused(asked(application(), await town.holder('person')), 'mandate-unauthorised')
    await refused(asked(application({ corporation: '7999901000001' })), 'mandate-unauthorised')
    const other = { certificate: firm.own, key: firm.keys.clerk }
    await refused(asked(application(), other), 'mandate-unauthorised')
  })

  it('is refused when altered, old, without content, of another form, or with a key that is not the delegate’s', async () => {
    const signed = cms(application(), { certificate: firm.own, key: firm.keys.own })
    const at = Buffer.from(signed).indexOf('bid.submit')
    const altered = Uint8Array.from(signed)
    altered[at] = 'c'.charCodeAt(0)
    await refused(grantMandate(town.world, altered), 'mandate-unauthorised')
    const old = new Date(town.clock.now() - 25 * 3600 * 1000).toISOString()
    await refused(asked(application({ at: old })), 'request-malformed')
    await refused(grantMandate(town.world, Uint8Array.of(1, 2, 3)), 'request-malformed')
    await refused(asked({ kind: 'mandate-application' }), 'request-malformed')
    await refused(asked({ ...application(), more: 1 }), 'request-malformed')
    const { delegate } = application()
    const longest = { ...delegate, name: '名'.repeat(64), address: '町'.repeat(128) }
    assert.ok(await asked(application({ delegate: longest })))
    const longer = { ...delegate, name: '名'.repeat(65) }
    await refused(asked(application({ delegate: longer })), 'request-malformed')
    const { proof } = application({ corporation: '7999901000001' })
    await refused(asked({ ...application(), proof }), 'request-malformed')
    const foreign = Buffer.from(poolKey(23).spki).toString('base64')
    await refused(asked({ ...application(), publicKey: foreign }), 'request-malformed')
  })

  it('is refused as soon as the representative is not one any more, whatever the lists say', async () => {
    const own = await found(town, '999904000002')
    const { corporation, representative } = own
    const by = { certificate: own.own, key: own.keys.own }
    assert.ok(await asked(application({ corporation }), by))
    const event = { what: 'resign', representative } as const
    await town.world.store.transaction(tx =>
      enter(tx, town.world, corporation, event, town.clock.now()),
    )
    assert.equal(await town.outcome(own.own, 'representative'), 'passed')
    const later = application({ corporation, months: 6 })
    await refused(asked(later, by), 'mandate-unauthorised')
  })

  it('finds nobody when the accredited CA is cut off from the bridge', async () => {
    await using alone = await openTestOthers()
    const own = await found(alone, '999904000003')
    const pair = { issuer: 'accredited', subject: 'bridge' }
    await corporationCommands(alone.world)['cross-certificate-revoke'](pair)
    const content = application({
      corporation: own.corporation,
      at: new Date(alone.clock.now()).toISOString(),
    })
    const signed = cms(content, { certificate: own.own, key: own.keys.own })
    await refused(grantMandate(alone.world, signed), 'mandate-unauthorised')
  })
})
