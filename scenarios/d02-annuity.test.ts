/**
 * D2 through a town (flows.md §12): an insurer's yearly report. Who is alive by the certificate hears nothing; who changed, lost the card or may have died stands
 * where they belong; one notice each, confirmed by the card; a payment is stopped by two; the campaign goes on where it was cut off.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startTestTown, type TestTown } from '@sekisho/cli/testkit'
import type { Arrival } from '@sekisho/readers'
import type { Insurer } from '@sekisho/services/insurer'
import { openInsurer } from './insurer.ts'

const people = [
  'plain-adult',
  'former-surname',
  'long-address',
  'foreign-resident',
  'unknown-birth-day',
] as const

describe('the yearly report of annuitants', () => {
  let town: TestTown
  let company: Awaited<ReturnType<typeof openInsurer>>
  let insurer: Insurer
  const subjects = new Map<string, string>()
  before(async () => {
    town = await startTestTown()
    company = await openInsurer(town)
    insurer = await company.start()
    for (const persona of people) {
      await using person = await town.person(persona)
      const page = await person.visit(`${company.origin}/join`)
      assert.equal(new URL(page.url).pathname, '/report', page.body)
      const store = await town.tables('platform')
      const rows = await store.read(db =>
        db.selectFrom('pairwise').selectAll().where('provider_id', '=', 'insurer').execute(),
      )
      const known = [...subjects.values()]
      const fresh = rows.map(row => String(row['subject'])).find(each => !known.includes(each))
      assert.ok(fresh !== undefined)
      subjects.set(persona, fresh)
    }
    await insurer.store.transaction(async tx => {
      await tx
        .insertInto('annuity')
        .values([
          ...people.map((persona, at) => ({
            number: `A-${at}`,
            subject: subjects.get(persona) ?? '',
            yen_per_year: 600_000 + at,
            state: 'paid' as const,
          })),
          // More policies than one round takes, all of who is certainly alive.
          ...Array.from({ length: 400 }, (_, at) => ({
            number: `B-${String(at).padStart(4, '0')}`,
            subject: subjects.get('plain-adult') ?? '',
            yen_per_year: 1000,
            state: 'paid' as const,
          })),
        ])
        .execute()
      await tx
        .insertInto('employee')
        .values([
          { subject: subjects.get('foreign-resident') ?? '', name: '担当一' },
          { subject: subjects.get('plain-adult') ?? '', name: '担当二' },
        ])
        .execute()
    })
  })
  after(async () => {
    await insurer.stop()
    await company.close()
    await town.stop()
  })

  const at = (path: string): string => `${insurer.url}${path}`
  /** Logged in with the card, at a page, sending a form of it. */
  const send = async (
    persona: string,
    path: string,
    form: string,
    fields: Readonly<Record<string, string>>,
  ): Promise<Arrival> => {
    await using person = await town.person(persona)
    await person.visit(at('/login'))
    await person.visit(at(path))
    return await person.submit({ form, fields })
  }
  const standings = async (): Promise<Readonly<Record<string, string | null>>> => {
    const rows = await insurer.store.read(db =>
      db
        .selectFrom('report')
        .select(['annuity', 'standing'])
        .where('annuity', 'like', 'A-%')
        .orderBy('annuity')
        .execute(),
    )
    return Object.fromEntries(rows.map(row => [row.annuity, row.standing]))
  }
  const letters = async (): Promise<number> => {
    const store = await town.tables('platform')
    const rows = await store.read(db =>
      db
        .selectFrom('mailbox_message')
        .select('id')
        .where('request_key', 'like', 'report-2026-%')
        .execute(),
    )
    return rows.length
  }
  const unseen = async (): Promise<number> => {
    const rows = await insurer.store.read(db =>
      db.selectFrom('report').select('annuity').where('standing', 'is', null).execute(),
    )
    return rows.length
  }

  it('a campaign that is cut off goes on where it was, and nobody gets two notices', async () => {
    await town.happen('former-surname', {
      what: 'move',
      municipality: '13104',
      address: '東京都新宿区西新宿二丁目８番１号',
    })
    await town.happen('long-address', { what: 'deceased' })
    await town.happen('unknown-birth-day', { what: 'lost' })
    assert.match(
      (
        await send('former-surname', '/staff', 'campaign', { id: '2026' }).catch(() => ({
          body: 'no staff',
        }))
      ).body,
      /no staff/,
    )
    const page = await send('foreign-resident', '/staff', 'campaign', { id: '2026' })
    assert.match(page.body, /始めました/)
    for (let round = 0; round < 200 && (await unseen()) > 200; round++)
      await new Promise(resolve => setTimeout(resolve, 20))
    await insurer.stop()
    const left = await unseen()
    insurer = await company.start()
    for (let round = 0; round < 400 && (await unseen()) > 0; round++)
      await new Promise(resolve => setTimeout(resolve, 50))
    assert.equal(await unseen(), 0, `${left} were left`)
    assert.deepEqual(await standings(), {
      'A-0': 'confirmed',
      'A-1': 'changed',
      'A-2': 'possibly-deceased',
      'A-3': 'confirmed',
      'A-4': 'waiting',
    })
    // The one who changed and the one whose card was lost; not those alive, not the deceased.
    assert.equal(await letters(), 2)
    // The same campaign again begins nothing.
    await send('foreign-resident', '/staff', 'campaign', { id: '2026' })
    assert.equal(await letters(), 2)
  })

  it('who was asked confirms with the card: once, their own, signed', async () => {
    await town.happen('unknown-birth-day', { what: 'found' })
    await using other = await town.person('plain-adult')
    await other.visit(at('/login'))
    await other.visit(at('/report'))
    await assert.rejects(other.submit({ form: 'report-A-4', fields: { changed: 'no' } }), {
      code: 'form-absent',
    })
    await other[Symbol.asyncDispose]()
    const done = await send('unknown-birth-day', '/report', 'report-A-4', { changed: 'no' })
    assert.match(done.body, /ご確認ありがとうございました/)
    assert.equal((await standings())['A-4'], 'unchanged')
    const [row] = await insurer.store.read(db =>
      db.selectFrom('report').selectAll().where('annuity', '=', 'A-4').execute(),
    )
    assert.ok(row?.receipt?.startsWith('ey'))
    await using person = await town.person('unknown-birth-day')
    await person.visit(at('/login'))
    assert.ok(!(await person.visit(at('/report'))).body.includes('report-A-4'), 'it is answered')
  })

  it('a payment is stopped by two who are not one, and by employees alone', async () => {
    assert.match(
      (await send('foreign-resident', '/staff', 'stop', { annuity: 'A-2', reason: '死亡の可能性' }))
        .body,
      /提案しました/,
    )
    assert.match(
      (await send('foreign-resident', '/staff', 'stop', { annuity: 'A-2', reason: 'もう一度' }))
        .body,
      /すでに提案されています/,
    )
    await using own = await town.person('foreign-resident')
    await own.visit(at('/login'))
    assert.ok(
      !(await own.visit(at('/staff'))).body.includes('id="decide-'),
      'who proposed it is not offered to decide',
    )
    await own[Symbol.asyncDispose]()
    await using person = await town.person('plain-adult')
    await person.visit(at('/login'))
    const page = await person.visit(at('/staff'))
    const id = /id="(decide-[\w-]+)"/.exec(page.body)?.[1] ?? ''
    assert.match(
      (await person.submit({ form: id, fields: { decision: 'approve' } })).body,
      /決定しました/,
    )
    const [annuity] = await insurer.store.read(db =>
      db.selectFrom('annuity').selectAll().where('number', '=', 'A-2').execute(),
    )
    assert.equal(annuity?.state, 'stopped')
    assert.match((await person.visit(at('/staff/list/2026/possibly-deceased'))).body, /A-2/)
  })

  it('everybody counts once a year, whatever is asked', async () => {
    const store = await town.tables('platform')
    const rows = await store.read(db =>
      db
        .selectFrom('usage')
        .selectAll()
        .where('provider_id', '=', 'insurer')
        .where('purpose', '=', 'current-status')
        .execute(),
    )
    const counted = rows.map(row => `${String(row['subject'])} ${String(row['kind'])}`)
    assert.equal(new Set(counted).size, counted.length)
  })
})
