import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Refusal, type RefusalCode } from '@sekisho/contract'
import { type Engine, openEmbedded } from '@sekisho/runtime/store'
import type { ForeignStay } from '../registry/foreign-stay.ts'
import { finalHolds } from '../revocation/revoke.ts'
import { noon, openTestWorld, type TestWorld } from '../world-for-tests.ts'
import { presentRules } from '../world.ts'
import { performEvent, performOnce, type ResidentEvent, residentEvent } from './event.ts'
import { findResident } from './resident-file.ts'

const today = noon(2026, 11, 20)
const refused = (code: RefusalCode) => (error: unknown) =>
  error instanceof Refusal && error.code === code
const naha = {
  what: 'move',
  municipality: '47201',
  address: '沖縄県那覇市泊１丁目１番１号',
} as const

const brazilian: ForeignStay = {
  category: 'mid-to-long-term',
  nationality: 'BRA',
  until: { year: 2028, month: 6, day: 30 },
  alias: null,
}

/** flows.md §3, row by row: what an event does to both certificates of a foreign resident who may sign, and with which code. */
const effects: readonly (readonly [
  event: ResidentEvent,
  signature: string,
  authentication: string,
])[] = [
  [naha, 'revoked/affiliationChanged', 'valid'],
  [{ what: 'rename', name: 'ＳＩＬＶＡ　ＭＡＲＩＡ' }, 'revoked/affiliationChanged', 'valid'],
  [
    { what: 'correct', birthDate: { year: 1985, month: 4, day: 2 } },
    'revoked/affiliationChanged',
    'valid',
  ],
  [{ what: 'correct', gender: 'male' }, 'revoked/affiliationChanged', 'valid'],
  [{ what: 'deceased' }, 'revoked/affiliationChanged', 'revoked/affiliationChanged'],
  [{ what: 'residence-lost' }, 'revoked/affiliationChanged', 'revoked/affiliationChanged'],
  [
    { what: 'overseas', continues: false },
    'revoked/affiliationChanged',
    'revoked/affiliationChanged',
  ],
  [{ what: 'overseas' }, 'revoked/affiliationChanged', 'valid'],
  [{ what: 'alias', alias: '関所　花子' }, 'revoked/affiliationChanged', 'valid'],
  [{ what: 'correct-trivially', address: '東京都千代田区神田神保町１－１－１' }, 'valid', 'valid'],
  [
    { what: 'extend-stay', category: 'mid-to-long-term', until: { year: 2031, month: 6, day: 30 } },
    'valid',
    'valid',
  ],
  [{ what: 'begin-guardianship' }, 'revoked/cessationOfOperation', 'valid'],
  [{ what: 'change-number' }, 'revoked/cessationOfOperation', 'revoked/cessationOfOperation'],
  [{ what: 'end-card' }, 'revoked/cessationOfOperation', 'revoked/cessationOfOperation'],
  [{ what: 'stop' }, 'revoked/cessationOfOperation', 'revoked/cessationOfOperation'],
  [{ what: 'key-compromised' }, 'revoked/keyCompromise', 'revoked/keyCompromise'],
  [{ what: 'recorded-wrongly' }, 'revoked/superseded', 'revoked/superseded'],
  [{ what: 'lost' }, 'held/certificateHold', 'held/certificateHold'],
  [{ what: 'reissue' }, 'valid', 'valid'],
  [{ what: 'renew' }, 'valid', 'valid'],
]

describe('notifications at the window', () => {
  let engine: Engine
  let town: TestWorld

  before(async () => {
    engine = await openEmbedded('memory')
    town = await openTestWorld(engine, { at: today })
  })
  after(async () => {
    await town.folder.remove()
    await engine.close()
  })

  const withCard = async (of: TestWorld = town): Promise<string> => {
    const id = await of.register()
    await of.happen(id, { what: 'card' })
    return id
  }

  for (const [event, signature, authentication] of effects)
    it(`${event.what} (${JSON.stringify(event)}) leaves ${signature} and ${authentication}`, async () => {
      const id = await town.register({ stay: brazilian, name: 'ＳＩＬＶＡ　ＡＮＡ' })
      await town.happen(id, { what: 'card' })
      await town.happen(id, event)
      assert.equal(await town.states(id), `signature:${signature} authentication:${authentication}`)
      const noted = await town.world.store.read(db =>
        db.selectFrom('event').select('kind').where('resident_id', '=', id).execute(),
      )
      assert.equal(noted.length, 2, 'the card and the event, each once')
    })

  it('a hold that is lifted leaves both valid as before', async () => {
    const id = await withCard()
    await town.happen(id, { what: 'lost' })
    await town.happen(id, { what: 'found' })
    assert.equal(await town.states(id), 'signature:valid authentication:valid')
  })

  it('a hold lifts nothing that ended meanwhile', async () => {
    const id = await withCard()
    await town.happen(id, { what: 'lost' })
    await town.happen(id, naha)
    await town.happen(id, { what: 'found' })
    assert.equal(await town.states(id), 'signature:revoked/affiliationChanged authentication:valid')
  })

  it('where holds are final a found card gets new certificates, and those say superseded', async () => {
    const strict = await openTestWorld(engine, {
      at: today,
      rules: { ...presentRules, holds: finalHolds },
    })
    const id = await withCard(strict)
    await strict.happen(id, { what: 'lost' })
    await assert.rejects(strict.happen(id, { what: 'found' }), refused('event-not-possible'))
    assert.equal(
      await strict.states(id),
      'signature:held/certificateHold authentication:held/certificateHold',
    )
    await strict.happen(id, { what: 'renew' })
    assert.deepEqual(
      (await strict.certificates(id)).flatMap(one => one.reason ?? []),
      ['superseded', 'superseded'],
    )
    await strict.folder.remove()
  })

  it('no signature certificate is issued while the card is held', async () => {
    const id = await withCard()
    await town.happen(id, { what: 'lost' })
    await assert.rejects(town.happen(id, { what: 'signature' }), refused('event-not-possible'))
  })

  it('an expired certificate is not held', async () => {
    const later = await openTestWorld(engine, { at: noon(2021, 11, 20) })
    const id = await withCard(later)
    later.clock.turnTo(noon(2026, 11, 20))
    await assert.rejects(later.happen(id, { what: 'lost' }), refused('event-not-possible'))
    await later.folder.remove()
  })

  it('a notification that is sent again under its name happens once, also when sent twice at once', async () => {
    const id = await withCard()
    const event = residentEvent.parse(naha)
    const send = () =>
      performOnce(town.world, `notice ${id}`, named => performEvent(named, id, event))
    const answers = await Promise.all([send(), send(), send()])
    assert.equal(answers.filter(answer => answer.isRepeated === true).length, 2)
    assert.deepEqual(await send(), { resident: id, isRepeated: true })
    const noted = await town.world.store.read(db =>
      db.selectFrom('event').select('kind').where('resident_id', '=', id).execute(),
    )
    assert.deepEqual(noted.map(one => one.kind).toSorted(), ['card-handed-out', 'moved'])
    // A refusal is no event: under the same name another try is free.
    const refusedOnce = () =>
      performOnce(town.world, `again ${id}`, named => performEvent(named, id, event))
    await assert.rejects(refusedOnce(), refused('event-not-possible'))
    await town.happen(id, { ...naha, address: '沖縄県那覇市泊２' })
    assert.deepEqual(await refusedOnce(), {})
  })

  it('where guardianship ends no certificate it stays, and a ward is issued none either way', async () => {
    for (const endsSignature of [true, false]) {
      const other = await openTestWorld(engine, {
        at: today,
        rules: { ...presentRules, guardianship: { endsSignature } },
      })
      const id = await withCard(other)
      await other.happen(id, { what: 'begin-guardianship' })
      const signature = endsSignature ? 'revoked/cessationOfOperation' : 'valid'
      assert.equal(await other.states(id), `signature:${signature} authentication:valid`)
      await assert.rejects(
        other.happen(id, { what: 'signature' }),
        refused('signature-certificate-not-allowed'),
      )
      await assert.rejects(
        other.happen(id, { what: 'begin-guardianship' }),
        refused('event-not-possible'),
      )
      await other.happen(id, { what: 'end-guardianship' })
      await other.happen(id, { what: 'signature' })
      assert.equal(await other.states(id), 'signature:valid authentication:valid')
      await other.folder.remove()
    }
  })

  it('only a foreign resident has a stay to lose, to extend or an alias', async () => {
    const id = await withCard()
    for (const event of [
      { what: 'residence-lost' },
      { what: 'stay-ended' },
      { what: 'alias', alias: '花' },
      { what: 'extend-stay', category: 'special-permanent', until: null },
      { what: 'extend-card' },
    ] as const)
      await assert.rejects(town.happen(id, event), refused('event-not-possible'), event.what)
  })

  it('refuses what cannot be', async () => {
    const id = await withCard()
    const impossible = async (event: ResidentEvent, code: RefusalCode = 'event-not-possible') =>
      assert.rejects(town.happen(id, event), refused(code), event.what)
    await impossible({ what: 'found' })
    await town.happen(id, { what: 'lost' })
    await impossible({ what: 'lost' })
    await town.happen(id, { what: 'stop' })
    await impossible({ what: 'stop' })
    await impossible({ what: 'found' })
    await impossible({ what: 'key-compromised' })
    await impossible({ ...naha, municipality: '99999' }, 'request-malformed')
    await impossible(
      { what: 'correct', birthDate: { year: 2001, month: 2, day: 29 } },
      'request-malformed',
    )
    await town.happen(id, { what: 'end-card' })
    await impossible({ what: 'end-card' }, 'card-not-issued')
  })

  it('a change that changes nothing is refused and ends nothing', async () => {
    const id = await withCard()
    const same = { municipality: '13101', address: '東京都千代田区神田神保町１丁目１番１号' }
    for (const event of [
      { what: 'move', ...same },
      { what: 'rename', name: '関所　花子' },
      { what: 'correct' },
    ] as const)
      await assert.rejects(town.happen(id, event), refused('event-not-possible'), event.what)
    assert.equal(await town.states(id), 'signature:valid authentication:valid')
  })

  it('nothing happens to the dead any more', async () => {
    const id = await withCard()
    await town.happen(id, { what: 'deceased' })
    for (const event of [
      naha,
      { what: 'rename', name: '田中　花子' },
      { what: 'correct', gender: 'male' },
      { what: 'overseas' },
      { what: 'deceased' },
      { what: 'residence-lost' },
      { what: 'card' },
      { what: 'lost' },
      { what: 'stop' },
    ] as const)
      await assert.rejects(town.happen(id, event), refused('event-not-possible'), event.what)
    for (const event of [
      { what: 'renew' },
      { what: 'signature' },
      { what: 'reissue' },
      { what: 'reset-pin', pin: '1357' },
      { what: 'end-card' },
    ] as const)
      await assert.rejects(
        town.happen(id, event),
        refused(event.what === 'reissue' ? 'event-not-possible' : 'card-not-issued'),
        event.what,
      )
  })

  it('who moved overseas keeps card and authentication certificate, may renew it, and signs again only back home', async () => {
    const id = await withCard()
    await town.happen(id, { what: 'overseas' })
    await assert.rejects(
      town.happen(id, { what: 'signature' }),
      refused('signature-certificate-not-allowed'),
    )
    await town.happen(id, { what: 'renew' })
    assert.equal(await town.states(id), 'signature:revoked/affiliationChanged authentication:valid')
    await town.happen(id, naha)
    await town.happen(id, { what: 'signature' })
    assert.equal(await town.states(id), 'signature:valid authentication:valid')
  })

  it('a new surname keeps the old one as former surname; what is typed becomes full width with its flags', async () => {
    const id = await withCard()
    await town.happen(id, { what: 'rename', name: '髙橋 花子' })
    await town.happen(id, { what: 'move', municipality: '13101', address: '東京都千代田区1-2' })
    const { attributes } = await findResident(town.world, id)
    assert.equal(attributes.name, '髙橋　花子')
    assert.equal(attributes.nameSubstitutes, '10000')
    assert.equal(attributes.formerSurname, '関所')
    assert.equal(attributes.address, '東京都千代田区１－２')
    await town.happen(id, { what: 'rename', name: '髙橋 華子' })
    assert.equal((await findResident(town.world, id)).attributes.formerSurname, '関所')
  })

  it('after a move the new signature certificate names the new municipality', async () => {
    const id = await withCard()
    await town.happen(id, naha)
    await town.happen(id, { what: 'signature' })
    const rows = await town.world.store.read(db =>
      db
        .selectFrom('certificate')
        .select(['ca', 'municipality', 'state'])
        .where('resident_id', '=', id)
        .where('state', '=', 'valid')
        .orderBy('ca')
        .execute(),
    )
    assert.deepEqual(
      rows.map(row => [row.ca, row.municipality]),
      [
        ['authentication', '13101'],
        ['signature', '47201'],
      ],
    )
  })
})
