import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { CardCertificate } from '../authority-for-tests.ts'
import { statementOf } from '../fees/statement.ts'
import { beginCeremony } from '../login/ceremony.ts'
import { linkCertificates, personOfSubject } from '../people/link.ts'
import {
  answerLogin,
  answerSign,
  codeOf,
  countRows,
  engineKinds,
  loginAlone,
  startTestWorld,
  stepOf,
  type TestWorld,
} from '../world-for-tests.ts'
import type { Provider } from '../providers/registry.ts'
import { confirmChange } from './change.ts'
import { finishIdentify } from './identify.ts'
import { finishLogin } from './login.ts'

/** A signature and an authentication certificate that belong together. */
function cardOf(world: TestWorld): {
  signature: CardCertificate
  authentication: CardCertificate
} {
  const card = {
    signature: world.authority.issue('signature'),
    authentication: world.authority.issue('authentication'),
  }
  world.authority.correspond(card.signature, card.authentication)
  return card
}

/** Begins an identification and gives what finishes it. */
async function identifying(world: TestWorld, provider: Provider, card: CardCertificate) {
  const step = stepOf(world, provider)
  const statement = new TextEncoder().encode(`同意書 ${world.random.token(128)}`)
  const { id } = await beginCeremony(world.store, world.random, {
    uid: step.uid,
    providerId: provider.id,
    browser: step.browser,
    kind: 'identify',
    statement,
  })
  const answer = answerSign(card, statement, id)
  return () => finishIdentify(world, step, answer, ['name', 'address'])
}

async function loggingIn(world: TestWorld, provider: Provider, card: CardCertificate) {
  const step = stepOf(world, provider)
  const { challenge } = await beginCeremony(world.store, world.random, {
    uid: step.uid,
    providerId: provider.id,
    browser: step.browser,
    kind: 'login',
  })
  const answer = answerLogin(card, challenge)
  return () => finishLogin(world, step, answer, loginAlone)
}

async function subjectOf(world: TestWorld, provider: Provider, person: string): Promise<string> {
  const row = await world.store.read(db =>
    db
      .selectFrom('pairwise')
      .select('subject')
      .where('provider_id', '=', provider.id)
      .where('person_id', '=', person)
      .executeTakeFirstOrThrow(),
  )
  assert.equal(await world.store.read(db => personOfSubject(db, provider.id, row.subject)), person)
  return row.subject
}

function month(world: TestWorld): string {
  return new Date(world.clock.now()).toISOString().slice(0, 7)
}

for (const kind of engineKinds)
  describe(`identify and login on ${kind}`, () => {
    let world: TestWorld
    let bank: Provider
    let shop: Provider
    before(async () => {
      world = await startTestWorld(kind)
      bank = await world.provider('bank')
      shop = await world.provider('shop')
    })
    after(() => world.close())

    it('two identifications of one new person at once end with one person and one charged query', async () => {
      const card = cardOf(world)
      const people = await countRows(world, 'person')
      const queries = world.authority.usage.size
      const finish = await Promise.all([
        identifying(world, bank, card.signature),
        identifying(world, shop, card.signature),
      ])
      const done = await Promise.all(finish.map(run => run()))
      assert.equal(done[0]?.personId, done[1]?.personId)
      assert.equal(await countRows(world, 'person'), people + 1)
      // The authority: one for the serial, one for the predecessor of a card that has none.
      assert.equal(world.authority.usage.size, queries + 2)
      const bills = await Promise.all(
        [bank, shop].map(provider => statementOf(world, provider.id, month(world))),
      )
      const charged = bills
        .flatMap(bill => bill.lines)
        .filter(line => line.kind === 'corresponding-serial')
      assert.deepEqual(
        charged.map(line => line.count),
        [1],
      )
    })

    it('an identification and a login with the same new card at once end with one person', async () => {
      const card = cardOf(world)
      const people = await countRows(world, 'person')
      const finish = await Promise.all([
        identifying(world, bank, card.signature),
        loggingIn(world, shop, card.authentication),
      ])
      const done = await Promise.all([finish[0](), finish[1]()])
      assert.equal(done[0].personId, done[1])
      assert.equal(await countRows(world, 'person'), people + 1)
    })

    it('of two finishers of one step one wins; the other changes nothing', async () => {
      const card = cardOf(world)
      const finish = await identifying(world, bank, card.signature)
      const containers = await countRows(world, 'container')
      const codes = await Promise.all([codeOf(finish()), codeOf(finish())])
      assert.deepEqual(codes.toSorted(), ['challenge-replayed', 'passed'])
      assert.equal(await countRows(world, 'container'), containers + 1)
      assert.equal(await codeOf(finish()), 'challenge-replayed')
    })

    it('two identifications of one person at one provider at once leave one consent in force', async () => {
      const card = cardOf(world)
      const finish = await Promise.all([
        identifying(world, bank, card.signature),
        identifying(world, bank, card.signature),
      ])
      const [first] = await Promise.all(finish.map(run => run()))
      const rows = await world.store.read(db =>
        db
          .selectFrom('consent')
          .select('state')
          .where('person_id', '=', first?.personId ?? '')
          .execute(),
      )
      assert.deepEqual(rows.map(row => row.state).toSorted(), ['given', 'replaced'])
    })

    it('an authority that is down in the middle leaves nothing but the question; the retry asks once more under the same key', async () => {
      const card = cardOf(world)
      const finish = await identifying(world, bank, card.signature)
      const tables = [
        'person',
        'certificate_link',
        'pairwise',
        'consent',
        'container',
        'usage',
        'ledger_entry',
      ] as const
      const before = await Promise.all(tables.map(table => countRows(world, table)))
      const queries = new Set(world.authority.usage.keys())
      world.authority.isDown = true
      assert.equal(await codeOf(finish()), 'authority-unreachable')
      world.authority.isDown = false
      assert.deepEqual(await Promise.all(tables.map(table => countRows(world, table))), before)
      assert.equal(await codeOf(finish()), 'passed')
      const asked = [...world.authority.usage].filter(([key]) => !queries.has(key))
      assert.deepEqual(asked.map(([, what]) => what).toSorted(), [
        'corresponding-serial',
        'predecessor',
      ])
    })

    it('an answer that was given and lost is got again under its key, by another statement too, and paid once', async () => {
      const card = cardOf(world)
      const queries = new Set(world.authority.usage.keys())
      const first = await identifying(world, bank, card.signature)
      world.authority.losesAnswers = true
      assert.equal(await codeOf(first()), 'authority-unreachable')
      world.authority.losesAnswers = false
      world.clock.turnTo(world.clock.now() + 60_000)
      const second = await identifying(world, shop, card.signature)
      assert.equal(await codeOf(second()), 'passed')
      const asked = [...world.authority.usage].filter(([key]) => !queries.has(key))
      assert.equal(asked.filter(([, what]) => what === 'corresponding-serial').length, 1)
    })

    it('certificates of two persons are not brought together: refused, nothing written', async () => {
      const card = cardOf(world)
      const other = cardOf(world)
      // The authority says nothing at first: the two halves of a card become two persons.
      world.authority.correspond(card.signature, null)
      await (await identifying(world, bank, card.signature))()
      await (await loggingIn(world, bank, other.authentication))()
      const links = await countRows(world, 'certificate_link')
      const link = (one: CardCertificate, of: 'signature' | 'authentication') =>
        ({
          ...one.reference,
          kind: of,
          proof: 'first-met',
          distributionPoint: null,
          notAfter: 0,
        }) as const
      const conflicting = world.store.transaction(tx =>
        linkCertificates(
          tx,
          [
            link(world.authority.issue('signature'), 'signature'),
            link(card.signature, 'signature'),
            link(other.authentication, 'authentication'),
          ],
          { at: world.clock.now(), random: world.random },
        ),
      )
      assert.equal(await codeOf(conflicting), 'identity-conflict')
      assert.equal(await countRows(world, 'certificate_link'), links)
    })

    it('a renewed card is followed with consent; after withdrawal it is refused; who was never asked is somebody new', async () => {
      const renewed = (old: CardCertificate): CardCertificate => {
        const next = world.authority.issue('authentication')
        world.authority.succeed(next, old)
        return next
      }
      const card = cardOf(world)
      const { personId } = await (await identifying(world, bank, card.signature))()
      const second = renewed(card.authentication)
      const third = renewed(second)
      assert.equal(await (await loggingIn(world, shop, third))(), personId)

      await world.store.transaction(tx =>
        tx
          .updateTable('consent')
          .set({ state: 'withdrawn', ended_at: world.clock.now() })
          .where('person_id', '=', personId)
          .execute(),
      )
      const fourth = renewed(third)
      assert.equal(await codeOf((await loggingIn(world, shop, fourth))()), 'consent-missing')
      // Cards that were linked before keep working, and a new identification consents anew.
      assert.equal(await (await loggingIn(world, shop, third))(), personId)
      const signature = world.authority.issue('signature')
      world.authority.correspond(signature, fourth)
      assert.equal((await (await identifying(world, bank, signature))()).personId, personId)

      const young = world.authority.issue('authentication')
      const child = await (await loggingIn(world, shop, young))()
      assert.notEqual(await (await loggingIn(world, shop, renewed(young)))(), child)
    })

    it('change is told by the certificate from which this provider got its attributes', async () => {
      const card = cardOf(world)
      const { personId } = await (await identifying(world, bank, card.signature))()
      await (await identifying(world, shop, card.signature))()
      const subjects = {
        bank: await subjectOf(world, bank, personId),
        shop: await subjectOf(world, shop, personId),
      }
      assert.notEqual(subjects.bank, subjects.shop)
      const meanings = async () => [
        (await confirmChange(world, bank, { subject: subjects.bank })).meaning,
        (await confirmChange(world, shop, { subject: subjects.shop })).meaning,
      ]
      assert.deepEqual(await meanings(), ['no-change', 'no-change'])
      const moved = world.authority.issue('signature')
      world.authority.correspond(moved, card.authentication)
      world.authority.end(card.signature, 'affiliationChanged')
      world.authority.publish()
      await world.keeper.refresh()
      assert.deepEqual(await meanings(), ['ask-for-update', 'ask-for-update'])
      await (await identifying(world, shop, moved))()
      assert.deepEqual(await meanings(), ['ask-for-update', 'no-change'])
      assert.equal(
        await codeOf(confirmChange(world, shop, { subject: subjects.bank })),
        'person-unknown',
      )
    })

    it('a certificate known by number only is never taken for valid once it may have expired', async () => {
      const soon = world.clock.now() + 3600_000
      const signature = world.authority.issue('signature', { notAfter: soon })
      const authentication = world.authority.issue('authentication')
      world.authority.correspond(signature, authentication)
      const { personId } = await (await identifying(world, bank, signature))()
      const subject = await subjectOf(world, bank, personId)
      assert.equal((await confirmChange(world, bank, { subject })).meaning, 'no-change')
      world.clock.turnTo(soon + 1000)
      assert.equal((await confirmChange(world, bank, { subject })).meaning, 'confirm-in-person')
      // Met itself, its end is known.
      await (await loggingIn(world, bank, authentication))()
      assert.equal((await confirmChange(world, bank, { subject })).meaning, 'ask-for-update')
    })
  })
