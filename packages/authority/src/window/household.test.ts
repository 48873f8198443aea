import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Refusal, type RefusalCode } from '@sekisho/contract'
import {
  connectPostgres,
  type Engine,
  openEmbedded,
  startTemporaryPostgres,
  type TemporaryPostgres,
} from '@sekisho/runtime/store'
import { noon, openTestWorld, type TestWorld } from '../world-for-tests.ts'
import { registerArrival } from './entry.ts'
import { endStaysDue } from './stay-end.ts'
import { findResident } from './resident-file.ts'

const today = noon(2026, 11, 20)
const refused = (code: RefusalCode) => (error: unknown) =>
  error instanceof Refusal && error.code === code
const born = {
  what: 'born',
  name: '関所 一',
  birthDate: { year: 2026, month: 11, day: 19 },
  gender: 'male',
} as const
const naha = {
  what: 'move',
  municipality: '47201',
  address: '沖縄県那覇市泊１丁目１番１号',
} as const

const engines: readonly (readonly [
  name: string,
  open: () => Promise<[Engine, TemporaryPostgres?]>,
])[] = [
  ['embedded', async () => [await openEmbedded('memory')]],
  [
    'postgres',
    async () => {
      const server = await startTemporaryPostgres({ durable: false })
      return [connectPostgres(server.url), server]
    },
  ],
]

for (const [name, open] of engines)
  describe(`households and entries on the ${name} engine`, () => {
    let engine: Engine
    let server: TemporaryPostgres | undefined
    let town: TestWorld

    before(async () => {
      ;[engine, server] = await open()
      town = await openTestWorld(engine, { at: today })
    })
    after(async () => {
      await town.folder.remove()
      await engine.close()
      await server?.stop()
    })

    /** Head, spouse and a child born to them. */
    const family = async (): Promise<readonly [string, string, string]> => {
      const head = await town.register({ name: '関所　太郎' })
      const spouse = await town.register({ name: '田中　花子' })
      await town.happen(spouse, { what: 'join', of: head, relation: 'spouse' })
      const child = await town.happen(spouse, born)
      return [head, spouse, child ?? '']
    }
    const relation = async (id: string): Promise<string> => {
      const one = await findResident(town.world, id)
      return one.householdId === null ? 'none' : one.relation
    }
    const sharesHousehold = async (...ids: string[]): Promise<boolean> => {
      const found = await Promise.all(ids.map(id => findResident(town.world, id)))
      return new Set(found.map(one => one.householdId)).size === 1
    }

    it('a couple and the child born to them are one household at one address', async () => {
      const [head, spouse, child] = await family()
      assert.ok(await sharesHousehold(head, spouse, child))
      assert.deepEqual(
        [await relation(head), await relation(spouse), await relation(child)],
        ['head', 'spouse', 'child'],
      )
      const found = await findResident(town.world, child)
      assert.equal(found.attributes.name, '関所　一')
      assert.equal(
        found.attributes.address,
        (await findResident(town.world, head)).attributes.address,
      )
      assert.equal(await town.states(child), 'signature:- authentication:-')
      const noted = await town.world.store.read(db =>
        db
          .selectFrom('event')
          .select(['resident_id', 'kind'])
          .where('resident_id', 'in', [head, spouse, child])
          .orderBy('position')
          .execute(),
      )
      assert.deepEqual(noted, [
        { resident_id: spouse, kind: 'household-joined' },
        { resident_id: child, kind: 'born' },
      ])
    })

    it('joining at the same address ends nothing, from another address it ends the signature certificate', async () => {
      const head = await town.register()
      const near = await town.register()
      const far = await town.register({ municipality: '14205', address: '神奈川県藤沢市片瀬１' })
      for (const id of [near, far]) await town.happen(id, { what: 'card' })
      await town.happen(near, { what: 'join', of: head, relation: 'sibling' })
      await town.happen(far, { what: 'join', of: head, relation: 'parent' })
      assert.equal(await town.states(near), 'signature:valid authentication:valid')
      assert.equal(
        await town.states(far),
        'signature:revoked/affiliationChanged authentication:valid',
      )
      assert.equal((await findResident(town.world, far)).municipality, '13101')
      await assert.rejects(
        town.happen(far, { what: 'join', of: head, relation: 'parent' }),
        refused('event-not-possible'),
      )
    })

    it('when the head dies the spouse follows, and the dead belong to no household', async () => {
      const [head, spouse, child] = await family()
      await town.happen(head, { what: 'deceased' })
      assert.deepEqual(
        [await relation(head), await relation(spouse), await relation(child)],
        ['none', 'head', 'child'],
      )
    })

    it('a head that moves alone leaves the others with one; a household moves as a whole, each with the effect', async () => {
      const [head, spouse, child] = await family()
      await town.happen(spouse, { what: 'card' })
      await town.happen(head, naha)
      assert.ok(!(await sharesHousehold(head, spouse)))
      assert.equal(await relation(spouse), 'head')
      await town.happen(spouse, {
        what: 'move',
        municipality: '14205',
        address: '神奈川県藤沢市片瀬１',
        withHousehold: true,
      })
      assert.ok(await sharesHousehold(spouse, child))
      assert.equal((await findResident(town.world, child)).municipality, '14205')
      assert.equal((await findResident(town.world, head)).municipality, '47201')
      assert.match(await town.states(spouse), /^signature:revoked\/affiliationChanged/)
    })

    it('another head is told by notification, once', async () => {
      const [head, spouse] = await family()
      await town.happen(spouse, { what: 'head' })
      assert.deepEqual([await relation(head), await relation(spouse)], ['spouse', 'head'])
      await assert.rejects(town.happen(spouse, { what: 'head' }), refused('event-not-possible'))
    })

    it('members’ events at the same time wait for each other and all happen', async () => {
      const families = await Promise.all(Array.from({ length: 4 }, family))
      await Promise.all(
        families.flatMap(([head, spouse, child]) => [
          town.happen(head, { what: 'deceased' }),
          town.happen(spouse, { what: 'rename', name: '山本　花子' }),
          town.happen(child, { what: 'head' }).catch(() => undefined),
          town.happen(spouse, naha),
        ]),
      )
      for (const [head, spouse, child] of families) {
        assert.equal(await relation(head), 'none')
        assert.equal(await relation(spouse), 'head')
        assert.equal(await relation(child), 'head')
        assert.ok(!(await sharesHousehold(spouse, child)))
      }
    })

    it('a birth that has not happened yet, or into the household of somebody gone, is refused', async () => {
      const [head] = await family()
      await assert.rejects(
        town.happen(head, { ...born, birthDate: { year: 2026, month: 11, day: 21 } }),
        refused('request-malformed'),
      )
      await town.happen(head, { what: 'overseas' })
      await assert.rejects(town.happen(head, born), refused('event-not-possible'))
    })

    it('who is registered abroad gets an authentication certificate alone, signs once at home, and has no household until then', async () => {
      const abroad = await registerArrival(town.world, {
        name: '関所 春',
        birthDate: { year: 1990, month: 5, day: 5 },
        gender: 'female',
        municipality: '13104',
        address: '東京都新宿区四谷１丁目',
        isAbroad: true,
      })
      assert.equal(await relation(abroad), 'none')
      await town.happen(abroad, { what: 'card' })
      assert.equal(await town.states(abroad), 'signature:- authentication:valid')
      await town.happen(abroad, naha)
      await town.happen(abroad, { what: 'signature' })
      assert.equal(await town.states(abroad), 'signature:valid authentication:valid')
      assert.equal(await relation(abroad), 'head')
    })

    it('whoever returns has a household, also when the form says that all of it moves', async () => {
      const id = await town.register()
      await town.happen(id, { what: 'overseas' })
      assert.equal(await relation(id), 'none')
      await town.happen(id, { ...naha, withHousehold: true })
      assert.equal(await relation(id), 'head')
    })

    it('who moved overseas for good comes back without a card, and gets one whose line goes on', async () => {
      const id = await town.register()
      await town.happen(id, { what: 'card' })
      await town.happen(id, { what: 'overseas', continues: false })
      assert.equal(
        await town.states(id),
        'signature:revoked/affiliationChanged authentication:revoked/affiliationChanged',
      )
      await town.happen(id, naha)
      await town.happen(id, { what: 'card' })
      assert.equal(await town.states(id), 'signature:valid authentication:valid')
      const { rows } = await town.world.store.read(async db => ({
        rows: await db
          .selectFrom('certificate')
          .select('predecessor_serial')
          .where('resident_id', '=', id)
          .where('ca', '=', 'authentication')
          .where('predecessor_serial', 'is not', null)
          .execute(),
      }))
      assert.equal(rows.length, 1)
    })

    it('a card never outlasts the stay, follows an extension once it is brought along, and ends with the stay', async () => {
      const here = await openTestWorld(engine, { at: today })
      const until = { year: 2027, month: 3, day: 31 }
      const id = await here.register({
        name: 'ＳＩＬＶＡ　ＡＮＡ',
        stay: { category: 'mid-to-long-term', nationality: 'BRA', until, alias: null },
      })
      const card = await here.happen(id, { what: 'card' })
      const end = Date.UTC(2027, 2, 31, 14, 59, 59)
      assert.equal((await here.card(card ?? '')).expires, '20270331')
      for (const { certificate } of await here.certificates(id))
        assert.equal(certificate.notAfter, end)
      await assert.rejects(here.happen(id, { what: 'extend-card' }), refused('event-not-possible'))
      const next = { year: 2030, month: 3, day: 31 }
      const extension = { what: 'extend-stay', category: 'mid-to-long-term' } as const
      await assert.rejects(
        here.happen(id, { ...extension, until: { year: 2027, month: 3, day: 30 } }),
        refused('event-not-possible'),
      )
      await here.happen(id, { ...extension, until: next })
      await here.happen(id, { what: 'extend-card' })
      assert.equal((await here.card(card ?? '')).expires, '20300331')
      await here.happen(id, { what: 'renew' })
      assert.equal(await here.states(id), 'signature:valid authentication:valid')
      assert.equal(
        (await here.certificates(id)).at(-1)?.certificate.notAfter,
        Date.UTC(2030, 2, 31, 14, 59, 59),
      )

      here.clock.turnTo(Date.UTC(2030, 2, 31, 14, 59, 59))
      assert.equal(await endStaysDue(here.world), 0)
      here.clock.turnTo(Date.UTC(2030, 2, 31, 15))
      assert.equal(await endStaysDue(here.world), 1)
      assert.equal(await endStaysDue(here.world), 0)
      assert.equal((await findResident(here.world, id)).status, 'removed')
      assert.equal(
        await here.states(id),
        'signature:revoked/affiliationChanged authentication:revoked/affiliationChanged',
      )
      await here.folder.remove()
    })

    it('without an end only who may be: a transitional resident is refused', async () => {
      const stay = {
        category: 'transitional',
        nationality: 'BRA',
        until: null,
        alias: null,
      } as const
      await assert.rejects(town.happen(await town.register(), { ...born, stay }))
    })
  })
