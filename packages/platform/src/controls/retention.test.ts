import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Refusal } from '@sekisho/contract'
import { parseLogKey, verifyCheckpoint, verifyEntry } from '@sekisho/ledger/verify'
import { entries } from '../entry.ts'
import { sha256Hex } from '../evidence/hash.ts'
import { certificatesOf, linkCertificates, personOf } from '../people/link.ts'
import { engineKinds, startTestWorld, type TestWorld } from '../world-for-tests.ts'
import {
  askErasure,
  endHold,
  erasureOf,
  placeHold,
  plainRetention,
  type RetentionRule,
  type RetentionWorld,
  sweepRetention,
} from './retention.ts'

const dayMs = 24 * 3600 * 1000
const seven: readonly RetentionRule[] = [{ kind: 'left', days: 7, ground: 'a law of the branch' }]

for (const kind of engineKinds)
  describe(`retention on the ${kind} engine`, () => {
    let world: TestWorld
    let serial = 0
    before(async () => {
      world = await startTestWorld(kind)
    })
    after(() => world.close())

    const under = (retention: readonly RetentionRule[]): RetentionWorld => ({ ...world, retention })
    /** A person with a certificate and an entry in the ledger. */
    const someone = async () => {
      const reference = { issuerKeyId: 'k', serial: (serial++).toString(16).padStart(8, '0') }
      const { personId } = await world.store.transaction(tx =>
        linkCertificates(
          tx,
          [
            {
              ...reference,
              kind: 'signature',
              proof: 'first-met',
              distributionPoint: null,
              notAfter: world.clock.now() + 1_000 * dayMs,
            },
          ],
          { at: world.clock.now(), random: world.random },
        ),
      )
      await world.store.transaction(tx =>
        world.ledger.record(tx, entries['platform.sessions-ended'], {
          at: world.clock.now(),
          personId,
          values: { sessions: 1 },
        }),
      )
      return { personId, reference }
    }
    const isReadable = async (personId: string): Promise<boolean> =>
      (await world.ledger.entriesOf(personId)).every(one => one.content !== undefined)
    const isRefused = (code: string) => (error: unknown) =>
      error instanceof Refusal && error.code === code

    it('erases who left when the rule lets it, and proves it by the ledger', async () => {
      const { personId, reference } = await someone()
      const other = await someone()
      const link = { upstream: 'gov', certificate_id: 'c', linked_at: 0 }
      await world.store.transaction(async tx => {
        for (const each of [personId, other.personId])
          await tx
            .insertInto('upstream_link')
            .values({ ...link, subject: each, person_id: each })
            .execute()
      })
      const asked = world.clock.now()
      assert.equal(await askErasure(under(seven), personId), asked + 7 * dayMs)
      world.clock.turnTo(asked + 7 * dayMs - 1)
      assert.equal(await askErasure(under(seven), personId), asked + 7 * dayMs)
      assert.equal(await sweepRetention(under(seven)), 0)
      assert.ok(await isReadable(personId))
      assert.equal(await erasureOf(world, personId), undefined)
      world.clock.turnTo(asked + 7 * dayMs)
      assert.equal(await sweepRetention(under(seven)), 1)
      assert.equal(await sweepRetention(under(seven)), 0)
      assert.ok(!(await isReadable(personId)))
      assert.ok(await isReadable(other.personId))
      assert.deepEqual(await world.store.read(db => certificatesOf(db, personId)), [])
      assert.equal(await world.store.read(db => personOf(db, reference)), undefined)
      const links = await world.store.read(db =>
        db.selectFrom('upstream_link').select('person_id').execute(),
      )
      assert.deepEqual(links, [{ person_id: other.personId }])

      await world.ledger.sequence()
      const proof = await erasureOf(world, personId)
      const place = await world.ledger.inclusionProof(proof?.entry.index ?? -1)
      assert.ok(proof !== undefined && place !== undefined)
      const head = verifyCheckpoint(place.checkpoint, parseLogKey(world.ledger.verifierKey))
      assert.ok(head.kind === 'passed')
      assert.equal(verifyEntry(proof.entry.disclosed, place, head.value).kind, 'passed')
      const told = JSON.parse(new TextDecoder().decode(proof.entry.disclosed.entry))
      assert.equal(told.kind, 'platform.person-erased')
      assert.deepEqual(told.values, {
        person: sha256Hex(new TextEncoder().encode(`erased person\n${personId}`)),
        rule: 'left',
        days: 7,
        ground: 'a law of the branch',
        hadContent: true,
      })
      assert.equal(told.personId, undefined)
      // What was erased leaves the tree as it was.
      assert.equal((await world.ledger.audit()).kind, 'intact')
    })

    it('erases at once who leaves where nothing asks for more, and nobody without a rule', async () => {
      const { personId } = await someone()
      assert.equal(await askErasure(under([]), personId), undefined)
      assert.equal(await sweepRetention(under([])), 0)
      assert.equal(await sweepRetention(under(plainRetention)), 1)
      assert.ok(!(await isReadable(personId)))
      await assert.rejects(askErasure(under(plainRetention), 'nobody'), isRefused('person-unknown'))
    })

    it('erases nobody who is held, until the last hold ends', async () => {
      const { personId } = await someone()
      const held = under(plainRetention)
      const hold = { personId, ground: 'Tokyo District Court 2026 (wa) 1', by: 'clerk' }
      const [first, second] = [await placeHold(held, hold), await placeHold(held, hold)]
      await askErasure(held, personId)
      assert.equal(await sweepRetention(held), 0)
      await endHold(held, first, 'clerk')
      await assert.rejects(endHold(held, first, 'clerk'), isRefused('not-found'))
      assert.equal(await sweepRetention(held), 0)
      assert.ok(await isReadable(personId))
      await endHold(held, second, 'clerk')
      assert.equal(await sweepRetention(held), 1)
      await assert.rejects(placeHold(held, hold), isRefused('person-unknown'))
      await assert.rejects(
        placeHold(held, { ...hold, personId: 'nobody' }),
        isRefused('person-unknown'),
      )
    })

    it('erases who has been idle, by a rule that says so', async () => {
      const { personId } = await someone()
      const idle = (days: number) => under([{ kind: 'idle', days, ground: 'rules of use' }])
      assert.equal(await sweepRetention(idle(1)), 0)
      const hold = await placeHold(idle(0), { personId, ground: 'dispute', by: 'clerk' })
      // Everybody here has been idle for no days.
      await sweepRetention(idle(-1))
      assert.ok(await isReadable(personId))
      await endHold(idle(0), hold, 'clerk')
      assert.ok((await sweepRetention(idle(-1))) >= 1)
      assert.ok(!(await isReadable(personId)))
    })

    it('a hold and an erasure at the same time: one of them is too late', async () => {
      const world1 = under(plainRetention)
      for (let round = 0; round < 8; round++) {
        const { personId } = await someone()
        await askErasure(world1, personId)
        const [placed, swept] = await Promise.allSettled([
          placeHold(world1, { personId, ground: 'dispute', by: 'clerk' }),
          sweepRetention(world1),
        ])
        assert.equal(swept.status, 'fulfilled')
        assert.equal(await isReadable(personId), placed.status === 'fulfilled')
      }
    })
  })
