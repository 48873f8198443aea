import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { parseCrl } from '@sekisho/pki'
import { issueCrl, poolKey, type RevokedEntry } from '@sekisho/pki/issue'
import type { CardCertificate } from '../authority-for-tests.ts'
import { startTestWorld, type TestWorld } from '../world-for-tests.ts'
import { keepList } from './revocation-list.ts'

const day = 86_400_000
let world: TestWorld
let begin: number
let one: CardCertificate
before(async () => {
  world = await startTestWorld()
  await world.store.transaction(tx => tx.deleteFrom('crl').execute())
  begin = world.clock.now()
  one = world.authority.issue('signature')
})
after(() => world.close())

type Entry = readonly [reason: RevokedEntry['reason'], sinceDay: number]

/** Publishes a list on a day, and keeps it when it comes. Lists are fresh for a day and an hour. */
async function publish(
  given: {
    readonly day: number
    readonly comesOn?: number
    readonly deltaBase?: number
    readonly key?: number
  },
  ...entries: readonly Entry[]
): Promise<void> {
  const [anchor] = world.authority.anchors
  assert.ok(anchor !== undefined)
  const [partition] = one.certificate.crlDistributionPoints?.[0]?.fullName ?? []
  assert.ok(partition?.kind === 'directory')
  const thisUpdate = begin + given.day * day
  const der = issueCrl(
    {
      issuer: anchor.subject,
      issuerKeyId: anchor.subjectKeyIdentifier ?? new Uint8Array(),
      thisUpdate,
      nextUpdate: thisUpdate + day + 3_600_000,
      number: 100 + given.day,
      partition: partition.name,
      deltaBase: given.deltaBase === undefined ? undefined : 100 + given.deltaBase,
      entries: entries.map(([reason, since]) => ({
        serial: one.certificate.serial,
        revokedAt: begin + since * day,
        reason,
      })),
    },
    'rsa-sha256',
    poolKey(given.key ?? 90).sign,
  )
  const list = parseCrl(der)
  await keepList(
    { ...world, clock: { now: () => begin + (given.comesOn ?? given.day) * day } },
    {
      issuerKeyId: one.reference.issuerKeyId,
      distributionPoint: partition.name.raw,
      number: list.number,
      deltaBase: list.deltaBase,
      thisUpdate: list.thisUpdate,
      nextUpdate: list.nextUpdate,
      der,
    },
  )
}

/** State at noon of one day as known at the end of another. */
async function stateAt(at: number, known: number, notAfter = 1000): Promise<string> {
  const [partition] = one.certificate.crlDistributionPoints?.[0]?.fullName ?? []
  assert.ok(partition?.kind === 'directory')
  const found = await world.keeper.statusAsKnown({
    issuerKeyId: one.reference.issuerKeyId,
    distributionPoint: partition.name.raw,
    serial: one.certificate.serial,
    notAfter: begin + notAfter * day,
    at: begin + (at + 0.5) * day,
    knownAt: begin + (known + 0.99) * day,
  })
  return 'reason' in found ? `${found.state} ${found.reason}` : found.state
}

it('tells what was known then, and what became known later', async () => {
  await publish({ day: 0 })
  await publish({ day: 1 })
  await publish({ day: 2 }, ['certificateHold', 1.9])
  await publish({ day: 3 })
  await publish({ day: 4 }, ['keyCompromise', 1.2])
  // A list that came late.
  await publish({ day: 5, comesOn: 7 }, ['keyCompromise', 1.2])
  assert.equal(await stateAt(0, 0), 'good')
  assert.equal(await stateAt(-1, 9), 'unknown')
  // The hold began after noon of the first day, and was lifted on the third.
  assert.equal(await stateAt(1, 1), 'good')
  assert.equal(await stateAt(1, 3), 'good')
  assert.equal(await stateAt(2, 2), 'held certificateHold')
  assert.equal(await stateAt(2, 3), 'held certificateHold')
  assert.equal(await stateAt(3, 3), 'good')
  // On the fourth day it became known that the key had been lost on the first.
  assert.equal(await stateAt(1, 4), 'revoked keyCompromise')
  assert.equal(await stateAt(2, 4), 'revoked keyCompromise')
  assert.equal(await stateAt(0, 4), 'good')
  // Nothing came on the fifth and sixth: a revocation lasts, its absence does not.
  assert.equal(await stateAt(6, 6), 'revoked keyCompromise')
  await world.store.transaction(tx => tx.deleteFrom('crl').execute())
  await publish({ day: 4 })
  assert.equal(await stateAt(5, 6), 'unknown')
})

it('lays deltas over their full list, and believes no list that does not verify', async () => {
  await world.store.transaction(tx => tx.deleteFrom('crl').execute())
  await publish({ day: 0 })
  await publish({ day: 1, deltaBase: 0 }, ['superseded', 0.8])
  await publish({ day: 2, deltaBase: 0 }, ['superseded', 0.8])
  assert.equal(await stateAt(0, 0), 'good')
  assert.equal(await stateAt(1, 1), 'revoked superseded')
  assert.equal(await stateAt(0, 2), 'good')
  assert.equal(await stateAt(2, 2), 'revoked superseded')
  await publish({ day: 3, key: 92 })
  assert.equal(await stateAt(3, 3), 'unknown')
})

it('takes the silence of lists after the end of a certificate for nothing', async () => {
  await world.store.transaction(tx => tx.deleteFrom('crl').execute())
  await publish({ day: 0 })
  await publish({ day: 1 }, ['cessationOfOperation', 0.2])
  await publish({ day: 4 })
  assert.equal(await stateAt(0, 5, 2), 'revoked cessationOfOperation')
  assert.equal(await stateAt(3, 5, 2), 'revoked cessationOfOperation')
  assert.equal(await stateAt(4, 5, 2), 'unknown')
})
