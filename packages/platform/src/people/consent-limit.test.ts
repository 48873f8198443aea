import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startTestWorld, type TestWorld } from '../world-for-tests.ts'
import { consentInForce, giveConsent } from './consent.ts'
import { countUse, limitConsent, type LimitWish } from './consent-limit.ts'

const dayMs = 24 * 3600 * 1000

describe('limits of a consent', () => {
  let world: TestWorld
  before(async () => {
    world = await startTestWorld()
  })
  after(() => world.close())

  const given = async () => {
    const [personId, providerId] = [world.random.token(128), world.random.token(128)]
    const at = world.clock.now()
    await world.store.transaction(tx =>
      giveConsent(
        tx,
        {
          personId,
          providerId,
          scopes: ['name', 'change', 'linkage'],
          purpose: '試験のため',
          statementSha256: world.random.token(128),
          certificateId: 'c',
        },
        { at, random: world.random },
      ),
    )
    const allows = (scope: 'name' | 'change' | 'linkage', when = world.clock.now()) =>
      world.store
        .read(db => consentInForce(db, { personId, providerId, scope }, when))
        .then(found => found !== undefined)
    const { id } = await world.store.read(db =>
      db
        .selectFrom('consent')
        .select('id')
        .where('person_id', '=', personId)
        .executeTakeFirstOrThrow(),
    )
    const limit = (
      wish: Omit<LimitWish, 'consentId' | 'personId'> & Record<string, unknown>,
      by = personId,
    ) =>
      world.store.transaction(tx =>
        limitConsent(tx, { consentId: id, personId: by, ...wish }, world.clock.now()).then(
          found => found !== undefined,
        ),
      )
    const use = (when: number) =>
      world.store.transaction(tx => countUse(tx, { consentId: id, scope: 'change' }, when))
    return { at, id, allows, limit, use }
  }

  it('one scope taken back leaves the others, and does not come back', async () => {
    const { allows, limit } = await given()
    assert.equal(await limit({ scope: 'name', end: true }), true)
    assert.deepEqual([await allows('name'), await allows('change')], [false, true])
    assert.equal(await limit({ scope: 'name', usesMax: 5 }), false)
    assert.equal(await limit({ scope: 'name', end: true }), false)
    assert.equal(await allows('name'), false)
  })

  it('an end holds to the millisecond, may come nearer and never farther', async () => {
    const { at, allows, limit } = await given()
    assert.equal(await limit({ scope: 'change', until: at + 10 * dayMs }), true)
    assert.equal(await allows('change', at + 10 * dayMs - 1), true)
    assert.equal(await allows('change', at + 10 * dayMs), false)
    assert.equal(await limit({ scope: 'change', until: at + 11 * dayMs }), false)
    assert.equal(await limit({ scope: 'change', until: at + 9 * dayMs }), true)
    assert.equal(await allows('change', at + 9 * dayMs), false)
    assert.equal(await limit({ scope: 'linkage', until: at + 6 * 366 * dayMs }), false)
  })

  it('a number of times counts days, and may only become less', async () => {
    const { at, allows, limit, use } = await given()
    // Without a limit nothing is counted.
    await use(at)
    assert.equal(await limit({ scope: 'change', usesMax: 2 }), true)
    for (const day of [0, 0, 1]) {
      assert.equal(await allows('change', at + day * dayMs), true)
      await use(at + day * dayMs)
    }
    assert.equal(await allows('change', at + dayMs), true, 'the same day is the same use')
    assert.equal(await allows('change', at + 2 * dayMs), false)
    assert.equal(await limit({ scope: 'change', usesMax: 3 }), false)
    assert.equal(await limit({ scope: 'change', usesMax: 1 }), true)
    // An end and a number hold together.
    assert.equal(await limit({ scope: 'change', until: at + dayMs }), true)
    assert.equal(await allows('change', at + 2 * dayMs), false)
  })

  it('nobody else narrows it, and what was not consented to cannot be limited', async () => {
    const { allows, limit } = await given()
    assert.equal(await limit({ scope: 'change', end: true }, 'somebody else'), false)
    assert.equal(await limit({ scope: 'address', end: true }), false)
    assert.equal(await allows('change'), true)
  })
})
