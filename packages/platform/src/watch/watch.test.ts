import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { Refusal } from '@sekisho/contract'
import { createFetch, type Caller } from '@sekisho/runtime/net'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import type { CardCertificate } from '../authority-for-tests.ts'
import { confirmChange } from '../confirm/change.ts'
import { finishIdentify } from '../confirm/identify.ts'
import { beginCeremony } from '../login/ceremony.ts'
import { withdrawConsent } from '../people/consent.ts'
import type { Provider } from '../providers/registry.ts'
import {
  answerSign,
  engineKinds,
  startTestWorld,
  stepOf,
  type TestWorld,
} from '../world-for-tests.ts'
import { acknowledge, eventsAfter, forgetEvents, pendingEvents } from './event.ts'
import { pushDue } from './push.ts'
import { changeEvent, deliveryMethods, putStream, removeStream } from './stream.ts'
import { sweepChanges } from './sweep.ts'

const day = 24 * 3600 * 1000

type Card = { readonly signature: CardCertificate; readonly authentication: CardCertificate }

for (const kind of engineKinds)
  describe(`the change watch, on ${kind}`, () => {
    let world: TestWorld
    let watcher: Provider
    before(async () => {
      world = await startTestWorld(kind)
      watcher = await world.provider('watcher')
      await poll(watcher)
      await sweep()
    })
    after(() => world.close())

    const poll = (provider: Provider) =>
      putStream(world, provider, { delivery: { method: deliveryMethods.poll } }, world.clock.now())
    /** New lists come, and are swept. */
    const sweep = async (): Promise<number> => {
      world.clock.turnTo(world.clock.now() + 60_000)
      world.authority.publish()
      await world.keeper.refresh()
      return sweepChanges(world)
    }
    const cardOf = (): Card => {
      const card = {
        signature: world.authority.issue('signature'),
        authentication: world.authority.issue('authentication'),
      }
      world.authority.correspond(card.signature, card.authentication)
      return card
    }
    /** The person's pairwise subject at a provider that has consent to ask for changes. */
    const identified = async (provider: Provider, card: Card): Promise<string> => {
      const step = stepOf(world, provider)
      const statement = new TextEncoder().encode(`同意書 ${world.random.token(128)}`)
      const { id } = await beginCeremony(world.store, world.random, {
        uid: step.uid,
        providerId: provider.id,
        browser: step.browser,
        kind: 'identify',
        statement,
      })
      await finishIdentify(world, step, answerSign(card.signature, statement, id), [
        'name',
        'address',
      ])
      const row = await world.store.read(db =>
        db
          .selectFrom('certificate_link')
          .innerJoin('pairwise', 'pairwise.person_id', 'certificate_link.person_id')
          .select(['pairwise.subject'])
          .where('serial', '=', card.signature.reference.serial)
          .where('provider_id', '=', provider.id)
          .executeTakeFirstOrThrow(),
      )
      return row.subject
    }
    /** What waits for a provider: subject and meaning. */
    const told = async (provider: Provider): Promise<readonly (readonly [unknown, unknown])[]> => {
      const { events } = await pendingEvents(world.store, provider.id, 100)
      return events.map(({ token }) => {
        const { sub_id: about, events: all } = decodeJwt<{
          sub_id: { sub: string }
          events: Record<string, { meaning: string }>
        }>(token)
        return [about.sub, all[changeEvent]?.meaning] as const
      })
    }
    const drain = async (provider: Provider): Promise<void> => {
      const { events } = await pendingEvents(world.store, provider.id, 1000)
      await acknowledge(
        world.store,
        provider.id,
        events.map(each => each.jti),
        world.clock.now(),
      )
    }

    it('a move is told once, to the watcher with consent, as the meaning that a question would get', async () => {
      const other = await world.provider('asks-only')
      const [moved, still] = [cardOf(), cardOf()]
      const subject = await identified(watcher, moved)
      await identified(other, moved)
      await identified(watcher, still)
      assert.equal(await sweep(), 0)
      world.authority.end(moved.signature, 'affiliationChanged')
      assert.equal(await sweep(), 1)
      assert.deepEqual(await told(watcher), [[subject, 'ask-for-update']])
      assert.equal((await confirmChange(world, watcher, { subject })).meaning, 'ask-for-update')
      assert.deepEqual(await told(other), [])
      assert.equal(await sweep(), 0)
      await drain(watcher)
    })

    it('the token is a security event of ours for this provider, and says no reason, serial or time', async () => {
      const card = cardOf()
      await identified(watcher, card)
      world.authority.end(card.signature, 'keyCompromise')
      world.authority.end(card.authentication, 'keyCompromise')
      await sweep()
      const [event] = (await pendingEvents(world.store, watcher.id, 10)).events
      assert.ok(event !== undefined)
      assert.equal(decodeProtectedHeader(event.token).typ, 'secevent+jwt')
      const claims = decodeJwt(event.token)
      assert.deepEqual([claims.iss, claims.aud, claims.jti], [world.issuer, 'watcher', event.jti])
      assert.deepEqual(claims['events'], { [changeEvent]: { meaning: 'confirm-in-person' } })
      const text = JSON.stringify(claims)
      for (const secret of [card.signature, card.authentication])
        assert.equal(text.includes(secret.certificate.serialHex), false)
      assert.doesNotMatch(text, /keyCompromise|revoked/)
      await drain(watcher)
    })

    it('two who sweep at once, or one that is swept again, tell once', async () => {
      const card = cardOf()
      await identified(watcher, card)
      world.authority.end(card.signature, 'affiliationChanged')
      world.clock.turnTo(world.clock.now() + 60_000)
      world.authority.publish()
      await world.keeper.refresh()
      const made = await Promise.all([
        sweepChanges(world),
        sweepChanges(world),
        sweepChanges(world),
      ])
      assert.equal(
        made.reduce((sum, each) => sum + each, 0),
        1,
      )
      assert.equal((await told(watcher)).length, 1)
      await drain(watcher)
    })

    it('what cannot be judged now is told later, and is not lost', async () => {
      const card = cardOf()
      const subject = await identified(watcher, card)
      world.authority.end(card.signature, 'affiliationChanged')
      world.clock.turnTo(world.clock.now() + 60_000)
      world.authority.publish()
      await world.keeper.refresh()
      const unsure = {
        ...world,
        judge: {
          ...world.judge,
          statusOf: (): never => {
            throw new Refusal('revocation-stale')
          },
        },
      }
      assert.equal(await sweepChanges(unsure), 0)
      assert.equal(await sweepChanges(world), 1)
      assert.deepEqual(await told(watcher), [[subject, 'ask-for-update']])
      await drain(watcher)
    })

    it('who has withdrawn is watched no more', async () => {
      const card = cardOf()
      await identified(watcher, card)
      const consent = await world.store.read(db =>
        db
          .selectFrom('consent')
          .innerJoin('certificate_link', 'certificate_link.id', 'consent.certificate_id')
          .select(['consent.id', 'consent.person_id'])
          .where('serial', '=', card.signature.reference.serial)
          .executeTakeFirstOrThrow(),
      )
      await world.store.transaction(tx =>
        withdrawConsent(tx, { id: consent.id, personId: consent.person_id }, world.clock.now()),
      )
      world.authority.end(card.signature, 'affiliationChanged')
      assert.equal(await sweep(), 0)
    })

    it('of many who changed at once each watcher is told of each once, but not where a limit forbids it', async () => {
      const second = await world.provider('second-watcher')
      await poll(second)
      const cards = Array.from({ length: 7 }, cardOf)
      const expected: string[] = []
      for (const [at, card] of cards.entries()) {
        await identified(watcher, card)
        const subject = await identified(second, card)
        if (at === 0) await limit(card, second, { ended_at: world.clock.now(), uses_max: null })
        // Used up today, and used up before: what was counted today already is the same use.
        else if (at === 1) await limit(card, second, { uses_max: 1, uses: 1, used_on: 1 })
        else expected.push(subject)
        if (at === 2) await limit(card, second, { uses_max: 1, uses: 0 })
      }
      const before = await world.store.read(charges)
      for (const [at, card] of cards.entries())
        world.authority.end(card.signature, at % 2 === 0 ? 'affiliationChanged' : 'superseded')
      assert.equal(await sweep(), 7 + 5)
      const heard = await told(second)
      assert.deepEqual(heard.map(([subject]) => String(subject)).toSorted(), expected.toSorted())
      assert.equal((await told(watcher)).length, 7)
      assert.equal((await world.store.read(charges)) - before, 12)
      const { events } = await eventsAfter(world.store, second.id, 0, 100)
      assert.equal(new Set(events.map(({ jti }) => jti)).size, 5)
      assert.equal(await sweep(), 0)
      // Those whose cards end altogether are told once more, now of more.
      for (const card of cards) world.authority.end(card.authentication, 'affiliationChanged')
      assert.equal(await sweep(), 7 + 5)
      await drain(watcher)
      await drain(second)
    })

    const charges = async (
      db: Parameters<Parameters<typeof world.store.read>[0]>[0],
    ): Promise<number> =>
      (await db.selectFrom('usage').select('subject').where('subject', 'is not', null).execute())
        .length
    /** The person sets a limit to being watched by a provider. */
    const limit = async (
      card: Card,
      provider: Provider,
      set: {
        readonly ended_at?: number
        readonly uses_max: number | null
        readonly uses?: number
        readonly used_on?: number
      },
    ): Promise<void> => {
      await world.store.transaction(async tx => {
        const { id } = await tx
          .selectFrom('consent')
          .innerJoin('certificate_link', 'certificate_link.person_id', 'consent.person_id')
          .select('consent.id')
          .where('serial', '=', card.signature.reference.serial)
          .where('provider_id', '=', provider.id)
          .executeTakeFirstOrThrow()
        const row = { consent_id: id, scope: 'change', until: null, ended_at: null, ...set }
        await tx.insertInto('consent_limit').values(row).execute()
      })
    }

    it('what was acknowledged comes no more, but can be had again from a position', async () => {
      const card = cardOf()
      const subject = await identified(watcher, card)
      const { position } = await eventsAfter(world.store, watcher.id, 0, 1000)
      world.authority.end(card.signature, 'affiliationChanged')
      await sweep()
      const [event] = (await pendingEvents(world.store, watcher.id, 10)).events
      assert.ok(event !== undefined)
      await acknowledge(world.store, 'somebody-else', [event.jti], world.clock.now())
      assert.equal((await told(watcher)).length, 1)
      await acknowledge(world.store, watcher.id, [event.jti], world.clock.now())
      assert.equal((await told(watcher)).length, 0)
      const again = await eventsAfter(world.store, watcher.id, position, 1000)
      assert.deepEqual(again.events, [event])
      const since = world.clock.now()
      await forgetEvents(world.store, since + 90 * day)
      assert.equal((await eventsAfter(world.store, watcher.id, position, 1000)).events.length, 1)
      await forgetEvents(world.store, since + 90 * day + 1)
      assert.equal((await eventsAfter(world.store, watcher.id, position, 1000)).events.length, 0)
      assert.ok(subject.length > 0)
    })

    describe('pushed', () => {
      let server: Server
      let caller: Caller
      let receiver: Provider
      let endpoint = ''
      let answers: number[] = []
      const received: {
        readonly type: string
        readonly authorization: string
        readonly body: string
      }[] = []
      before(async () => {
        caller = createFetch()
        server = createServer((request, response) => {
          const pieces: Buffer[] = []
          request.on('data', (piece: Buffer) => pieces.push(piece))
          request.on('end', () => {
            const { authorization = '', 'content-type': type = '' } = request.headers
            received.push({ type, authorization, body: Buffer.concat(pieces).toString() })
            response.writeHead(answers.shift() ?? 202).end()
          })
        })
        await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
        const address = server.address()
        if (address === null || typeof address === 'string') throw new Error('no port')
        endpoint = `http://127.0.0.1:${address.port}/events`
        receiver = await world.provider('receiver', {
          redirect_uris: [`${new URL(endpoint).origin}/callback`],
        })
        await putStream(
          world,
          receiver,
          {
            delivery: {
              method: deliveryMethods.push,
              endpoint_url: endpoint,
              authorization_header: 'Bearer of-theirs',
            },
          },
          world.clock.now(),
        )
      })
      after(async () => {
        await caller.close()
        await new Promise(resolve => server.close(resolve))
      })

      const push = (now: number) => pushDue({ ...world, fetch: caller.fetch }, now)

      it('an event is tried again, later each time, and then told in its order', async () => {
        const [one, two] = [cardOf(), cardOf()]
        await identified(receiver, one)
        await identified(receiver, two)
        world.authority.end(one.signature, 'affiliationChanged')
        await sweep()
        world.authority.end(two.signature, 'affiliationChanged')
        await sweep()
        const wanted = (await pendingEvents(world.store, receiver.id, 10)).events.map(
          each => each.token,
        )
        assert.equal(wanted.length, 2)
        answers = [500, 200]
        const now = 1_000_000
        assert.equal(await push(now), 0)
        assert.equal(await push(now + 999), 0)
        assert.equal(received.length, 1)
        assert.equal(await push(now + 1000), 0)
        assert.equal(await push(now + 2999), 0)
        assert.equal(received.length, 2)
        assert.equal(await push(now + 3000), 2)
        assert.deepEqual(
          received.slice(2).map(each => each.body),
          wanted,
        )
        assert.ok(
          received.every(
            each =>
              each.type === 'application/secevent+jwt' && each.authorization === 'Bearer of-theirs',
          ),
        )
        assert.equal(await push(now + 4000), 0)
        assert.equal(received.length, 4)
      })

      it('nobody has us call another origin than theirs', async () => {
        for (const url of ['http://169.254.169.254/latest', 'https://elsewhere.example/events'])
          await assert.rejects(
            putStream(
              world,
              receiver,
              { delivery: { method: deliveryMethods.push, endpoint_url: url } },
              world.clock.now(),
            ),
            error => error instanceof Refusal && error.code === 'redirect-mismatch',
          )
      })

      it('a stream that ended watches nobody', async () => {
        const card = cardOf()
        await identified(receiver, card)
        await removeStream(world, receiver.id)
        world.authority.end(card.signature, 'affiliationChanged')
        assert.equal(await sweep(), 0)
      })
    })
  })
