import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { decodeJwt } from 'jose'
import { decisionWorld } from '../api/people-admin.ts'
import type { CardCertificate } from '../authority-for-tests.ts'
import { confirmChange } from '../confirm/change.ts'
import { finishIdentify } from '../confirm/identify.ts'
import { finishLogin } from '../confirm/login.ts'
import { beginCeremony } from '../login/ceremony.ts'
import { createOwnSessions } from '../own-page/own-session.ts'
import { portalOf } from '../own-page/portal.ts'
import type { Provider } from '../providers/registry.ts'
import { pendingEvents } from '../watch/event.ts'
import { deliveryMethods, putStream } from '../watch/stream.ts'
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
import { linking, dismissCase, openIdentityCases } from './conflict.ts'
import { consentInForce } from './consent.ts'
import {
  decisionsOf,
  type DecisionWorld,
  mergePeople,
  splitPerson,
  undoDecision,
} from './decision.ts'
import {
  certificatesOf,
  knownSubject,
  linkCertificates,
  personOf,
  personOfSubject,
} from './link.ts'

const by = { by: 'clerk-1', reason: '窓口で本人を確かめた' }

for (const kind of engineKinds)
  describe(`registrations brought together and taken apart, on ${kind}`, () => {
    let world: TestWorld
    let deciders: DecisionWorld
    let alpha: Provider
    let beta: Provider
    before(async () => {
      world = await startTestWorld(kind)
      deciders = decisionWorld(world)
      alpha = await world.provider('alpha')
      beta = await world.provider('beta')
      for (const provider of [alpha, beta])
        await putStream(world, provider, { delivery: { method: deliveryMethods.poll } }, 0)
    })
    after(() => world.close())

    const login = async (provider: Provider, card: CardCertificate): Promise<string> => {
      const step = stepOf(world, provider)
      const { challenge } = await beginCeremony(world.store, world.random, {
        uid: step.uid,
        providerId: provider.id,
        browser: step.browser,
        kind: 'login',
      })
      return finishLogin(world, step, answerLogin(card, challenge), loginAlone)
    }
    const identify = async (provider: Provider, card: CardCertificate): Promise<string> => {
      const step = stepOf(world, provider)
      const statement = new TextEncoder().encode(`同意書 ${world.random.token(128)}`)
      const { id } = await beginCeremony(world.store, world.random, {
        uid: step.uid,
        providerId: provider.id,
        browser: step.browser,
        kind: 'identify',
        statement,
      })
      const done = await finishIdentify(world, step, answerSign(card, statement, id), ['name'])
      return done.personId
    }
    const subjectOf = async (provider: Provider, personId: string): Promise<string> =>
      (await world.store.read(db => knownSubject(db, { providerId: provider.id, personId }))) ?? ''
    const standsFor = (provider: Provider, subject: string) =>
      world.store.read(db => personOfSubject(db, provider.id, subject))
    const news = async (provider: Provider) => {
      const { events } = await pendingEvents(world.store, provider.id, 1000)
      return events.map(({ token }) => decodeJwt(token))
    }
    /** Everything that a decision may move, as rows. */
    const rowsOf = async (people: readonly string[]) => {
      const tables = await world.store.read(async db => [
        await db
          .selectFrom('certificate_link')
          .selectAll()
          .where('person_id', 'in', [...people])
          .execute(),
        await db
          .selectFrom('pairwise')
          .selectAll()
          .where('person_id', 'in', [...people])
          .execute(),
        await db
          .selectFrom('consent')
          .selectAll()
          .where('person_id', 'in', [...people])
          .execute(),
      ])
      return tables.map(rows => rows.map(row => JSON.stringify(row)).toSorted())
    }
    /** One person who is two registrations: an old card at alpha and beta, a new one at alpha. */
    const twice = async () => {
      const first = {
        signature: world.authority.issue('signature'),
        authentication: world.authority.issue('authentication'),
      }
      world.authority.correspond(first.signature, first.authentication)
      const one = await identify(alpha, first.signature)
      await login(beta, first.authentication)
      const next = world.authority.issue('authentication')
      const other = await login(alpha, next)
      assert.notEqual(other, one)
      return { one, other, first, next }
    }

    it('who logged in with two cards unasked is found by the next identification, and a clerk decides', async () => {
      const old = world.authority.issue('authentication')
      const one = await login(alpha, old)
      const next = world.authority.issue('authentication')
      world.authority.succeed(next, old)
      const other = await login(alpha, next)
      assert.notEqual(one, other)
      const signature = world.authority.issue('signature')
      world.authority.correspond(signature, next)
      assert.equal(await identify(alpha, signature), other)
      const cases = await openIdentityCases(world.store)
      const found = cases.find(each => each.people.includes(one))
      assert.deepEqual(found?.people.toSorted(), [one, other].toSorted())
      // Again: still one case, and after "they stay two" none.
      const again = world.authority.issue('signature')
      world.authority.correspond(again, next)
      await identify(alpha, again)
      assert.equal((await openIdentityCases(world.store)).length, cases.length)
      assert.equal(await dismissCase(world.store, found?.id ?? ''), true)
      assert.equal(await dismissCase(world.store, found?.id ?? ''), false)
      const third = world.authority.issue('signature')
      world.authority.correspond(third, next)
      await identify(alpha, third)
      assert.equal((await openIdentityCases(world.store)).length, cases.length - 1)
    })

    it('a conflict is refused, writes nothing but its case, and merging settles it', async () => {
      const { one, other, first, next } = await twice()
      const link = (card: CardCertificate, of: 'signature' | 'authentication') =>
        ({
          ...card.reference,
          kind: of,
          proof: 'first-met',
          distributionPoint: null,
          notAfter: 0,
        }) as const
      const links = await countRows(world, 'certificate_link')
      const conflicting = linking(world, tx =>
        linkCertificates(
          tx,
          [
            link(world.authority.issue('signature'), 'signature'),
            link(first.authentication, 'authentication'),
            link(next, 'authentication'),
          ],
          { at: world.clock.now(), random: world.random },
        ),
      )
      assert.equal(await codeOf(conflicting), 'identity-conflict')
      assert.equal(await countRows(world, 'certificate_link'), links)
      const before = await openIdentityCases(world.store)
      assert.ok(before.some(each => each.people.includes(one) && each.people.includes(other)))
      await mergePeople(deciders, { personId: one, otherId: other, ...by })
      assert.equal((await openIdentityCases(world.store)).length, before.length - 1)
    })

    it('merged: one person, every id of before still names them, and who knew both is told', async () => {
      const { one, other, first, next } = await twice()
      const [kept, former, elsewhere] = [
        await subjectOf(alpha, one),
        await subjectOf(alpha, other),
        await subjectOf(beta, one),
      ]
      const before = { alpha: (await news(alpha)).length, beta: (await news(beta)).length }
      const sessions = createOwnSessions(world.store, world.random, world.issuer)
      await world.store.transaction(tx =>
        sessions.open(tx, { personId: other, certificateId: 'c' }),
      )
      await mergePeople(deciders, { personId: one, otherId: other, ...by })
      for (const [provider, subject] of [
        [alpha, kept],
        [alpha, former],
        [beta, elsewhere],
      ] as const)
        assert.equal(await standsFor(provider, subject), one)
      for (const card of [first.signature, first.authentication, next])
        assert.equal(await world.store.read(db => personOf(db, card.reference)), one)
      assert.equal(await login(alpha, next), one)
      assert.equal(await subjectOf(alpha, one), kept)
      // A change confirmation under the id that was given up first: still the same person.
      assert.equal((await confirmChange(world, alpha, { subject: former })).meaning, 'no-change')
      const told = (await news(alpha)).slice(before.alpha)
      assert.deepEqual(
        told.map(each => each['events']),
        [{ 'urn:sekisho:secevent:subjects-merged': { other: former } }],
      )
      assert.equal(JSON.stringify(told[0]?.['sub_id']).includes(kept), true)
      assert.equal((await news(beta)).length, before.beta)
      assert.equal(await countRows(world, 'own_session'), 0)
      const { uses } = await portalOf(world, one)
      // Both registrations' uses, newest first, the decision among them.
      assert.ok(uses.some(use => use.en.includes('brought two registrations')))
      assert.equal(uses.filter(use => use.en.includes('logged in')).length, 3)
      assert.deepEqual(
        uses.map(use => use.at),
        uses.map(use => use.at).toSorted((a, b) => b - a),
      )
      // Said again, it is the same decision; said of somebody else, it is not possible.
      const count = await countRows(world, 'identity_decision')
      await mergePeople(deciders, { personId: one, otherId: other, ...by })
      assert.equal(await countRows(world, 'identity_decision'), count)
      const stranger = await login(alpha, world.authority.issue('authentication'))
      const impossible = [
        [stranger, other],
        [other, stranger],
        [one, one],
      ] as const
      for (const [personId, otherId] of impossible)
        assert.equal(
          await codeOf(mergePeople(deciders, { personId, otherId, ...by })),
          'decision-not-possible',
        )
      const nobody = mergePeople(deciders, { personId: one, otherId: 'nobody', ...by })
      assert.equal(await codeOf(nobody), 'person-unknown')
    })

    it('of two consents towards one provider the later holds', async () => {
      const { one, other, next } = await twice()
      const signature = world.authority.issue('signature')
      world.authority.correspond(signature, next)
      world.clock.turnTo(world.clock.now() + 1000)
      assert.equal(await identify(alpha, signature), other)
      await mergePeople(deciders, { personId: one, otherId: other, ...by })
      const asked = { personId: one, providerId: alpha.id, scope: 'change' } as const
      const consent = await world.store.read(db => consentInForce(db, asked, world.clock.now()))
      const certificates = await world.store.read(db => certificatesOf(db, one))
      const signed = certificates.find(row => row.serial === signature.reference.serial)
      assert.equal(consent?.certificateId, signed?.id)
    })

    it('a merge undone leaves every row as it was; one on which a later decision rests is not undone', async () => {
      const { one, other, next } = await twice()
      const signature = world.authority.issue('signature')
      world.authority.correspond(signature, next)
      await identify(alpha, signature)
      const before = await rowsOf([one, other])
      const { decision } = await mergePeople(deciders, { personId: one, otherId: other, ...by })
      const third = await login(alpha, world.authority.issue('authentication'))
      const later = await mergePeople(deciders, { personId: third, otherId: one, ...by })
      // All ids, through two merges, name the one who stands.
      assert.equal(await standsFor(alpha, await subjectOf(alpha, other)), third)
      const early = undoDecision(deciders, { decision, ...by })
      assert.equal(await codeOf(early), 'decision-not-possible')
      await undoDecision(deciders, { decision: later.decision, ...by })
      await undoDecision(deciders, { decision, ...by })
      assert.deepEqual(await rowsOf([one, other]), before)
      const twiceUndone = undoDecision(deciders, { decision, ...by })
      assert.equal(await codeOf(twiceUndone), 'decision-not-possible')
      const decisions = await decisionsOf(world.store, one)
      assert.deepEqual(
        decisions.map(each => each.undoneBy),
        ['clerk-1', 'clerk-1'],
      )
      const [last] = (await news(alpha)).slice(-1)
      assert.deepEqual(Object.keys(last?.['events'] as object), [
        'urn:sekisho:secevent:subject-split',
      ])
    })

    it('taken apart: certificates, their consents and named ids go; all providers are told; undone it is one again', async () => {
      const { one, other, first, next } = await twice()
      await mergePeople(deciders, { personId: one, otherId: other, ...by })
      const certificates = await world.store.read(db => certificatesOf(db, one))
      const linkOf = (card: CardCertificate) =>
        certificates.find(row => row.serial === card.reference.serial)?.id ?? ''
      const going = [linkOf(first.signature), linkOf(first.authentication)]
      for (const chosen of [[], certificates.map(row => row.id), ['foreign', ...going]]) {
        const given = { personId: one, certificates: chosen, providers: [], ...by }
        assert.equal(await codeOf(splitPerson(deciders, given)), 'decision-not-possible')
      }
      const [atAlpha, atBeta] = [await subjectOf(alpha, one), await subjectOf(beta, one)]
      const before = { alpha: (await news(alpha)).length, beta: (await news(beta)).length }
      const split = await splitPerson(deciders, {
        personId: one,
        certificates: going,
        providers: [beta.id],
        ...by,
      })
      assert.equal(await login(beta, first.authentication), split.personId)
      assert.equal(await login(alpha, next), one)
      assert.equal(await standsFor(beta, atBeta), split.personId)
      assert.equal(await standsFor(alpha, atAlpha), one)
      // The consent was signed with a certificate that went.
      const refused = confirmChange(world, alpha, { subject: atAlpha })
      assert.equal(await codeOf(refused), 'consent-missing')
      assert.equal((await news(alpha)).length, before.alpha + 1)
      assert.equal((await news(beta)).length, before.beta + 1)
      await undoDecision(deciders, { decision: split.decision, ...by })
      assert.equal(await login(beta, first.authentication), one)
      assert.equal(await standsFor(beta, atBeta), one)
    })

    it('of two clerks who decide at once one does, and nobody is merged both ways', async () => {
      const { one, other } = await twice()
      const both = await Promise.all([
        codeOf(mergePeople(deciders, { personId: one, otherId: other, ...by })),
        codeOf(mergePeople(deciders, { personId: other, otherId: one, ...by })),
      ])
      assert.deepEqual(both.toSorted(), ['decision-not-possible', 'passed'])
    })
  })
