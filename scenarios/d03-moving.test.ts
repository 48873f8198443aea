/**
 * D3 through a town (flows.md §13): a move ends the signature certificate, the person is invited, signs once, and town hall and partners each get their
 * fields, work and answer; what goes wrong on the way is told to those whom it concerns.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startTestTown, type TestProvider, type TestTown } from '@sekisho/cli/testkit'
import type { Arrival } from '@sekisho/readers'
import { codeOn } from './hand-reader.ts'
import { procedureCaller, type ProcedureCaller } from './procedure-caller.ts'

const newAddress = '東京都新宿区西新宿二丁目８番１号'

describe('moving, one stop', () => {
  let town: TestTown
  let hall: TestProvider
  let power: TestProvider
  let gas: TestProvider
  let atHall: ProcedureCaller
  let atPower: ProcedureCaller
  let atGas: ProcedureCaller
  let subject = ''
  let formerAddress = ''
  let name = ''
  before(async () => {
    town = await startTestTown()
    hall = await town.provider({ id: 'hall' })
    power = await town.provider({ id: 'power', metadata: () => ({ client_name: 'せきしょ電力' }) })
    gas = await town.provider({ id: 'gas', metadata: () => ({ client_name: 'せきしょガス' }) })
    await town.admin('platform', 'mailbox-register', {
      municipality: '13104',
      name: '新宿区',
      provider: 'hall',
    })
    atHall = await procedureCaller(town, hall)
    atPower = await procedureCaller(town, power)
    atGas = await procedureCaller(town, gas)
    const { url, pending } = await power.sekisho.beginIdentify(['name', 'address'])
    await using person = await town.person('plain-adult')
    const arrival = await power.sekisho.finish((await person.visit(url)).url, pending)
    subject = arrival.subject
    name = arrival.claims.name ?? ''
    formerAddress = arrival.claims.address?.formatted ?? ''
  })
  after(() => town.stop())

  const me = (path = ''): string => `${town.urls.platform}/me/procedures${path}`
  const agree = async (provider: string): Promise<void> => {
    await using person = await town.person('plain-adult')
    await person.visit(me('/partners'))
    assert.equal(codeOn(await person.submit({ form: `partner-${provider}` })), 'none')
  }
  const letters = async (): Promise<number> => {
    const store = await town.tables('platform')
    const rows = await store.read(db => db.selectFrom('procedure_invitation').selectAll().execute())
    return rows.length
  }
  const apply = async (
    given: Readonly<Record<string, string | readonly string[]>> = {},
  ): Promise<Arrival> => {
    await using person = await town.person('plain-adult')
    await person.visit(me('/start/moving'))
    return await person.submit({
      form: 'start',
      fields: {
        name,
        formerAddress,
        newAddress,
        movedOn: new Date(town.clock.now()).toISOString().slice(0, 10),
        members: '1',
        phone: '03-1234-5678',
        'party-municipality': 'municipality 13104',
        'party-partner': ['provider power', 'provider gas'],
        ...given,
      },
    })
  }
  const caseOf = (page: Arrival): string => new URL(page.url).pathname.split('/').at(-1) ?? ''
  /** The person at a page, and what they send there. */
  const send = async (
    path: string,
    form: string,
    fields: Readonly<Record<string, string>>,
  ): Promise<string> => {
    await using person = await town.person('plain-adult')
    await person.visit(me(path))
    return codeOn(await person.submit({ form, fields }))
  }
  const page = async (path: string): Promise<string> => {
    await using person = await town.person('plain-adult')
    return (await person.visit(me(path))).body
  }
  const status = async (id: string): Promise<string> => {
    await using person = await town.person('plain-adult')
    return (await person.visit(me(`/${id}`))).body
  }

  it('nobody is invited who has named no partner; who has, is invited once, when the certificate ends by the move', async () => {
    await agree('power')
    await agree('gas')
    assert.equal(await letters(), 0)
    await town.happen('plain-adult', {
      what: 'move',
      address: newAddress,
      municipality: '13104',
    } as never)
    assert.equal(await letters(), 1)
    await town.settle()
    assert.equal(await letters(), 1)
  })

  it('signed once; each gets exactly its fields, proven by the renewed certificate; the statuses follow', async () => {
    await town.happen('plain-adult', { what: 'signature', password: 'SEKISHO1' } as never)
    const page = await apply()
    assert.equal(codeOn(page), 'none')
    const id = caseOf(page)
    const [task, ...more] = await atPower.tasks()
    assert.ok(task !== undefined && more.length === 0)
    assert.equal(task.case, id)
    assert.equal(task.subject, subject, 'the partner knows its own customer')
    assert.deepEqual(Object.keys(task.given).toSorted(), ['movedOn', 'name', 'newAddress'])
    assert.deepEqual(task.proven.toSorted(), ['name', 'newAddress'])
    const [atTown] = await atHall.tasks()
    assert.deepEqual(Object.keys(atTown?.given ?? {}).toSorted(), [
      'formerAddress',
      'members',
      'movedOn',
      'name',
      'newAddress',
      'phone',
    ])
    // 14 days, the first not counted, the last whole; the next open day where offices are closed.
    const days = (Date.parse(atTown?.deadline ?? '') - town.clock.now()) / (24 * 3600 * 1000)
    assert.ok(days > 13 && days < 24, `${days}`)
    // Nobody sees another's task in more than that it is there.
    assert.ok(!JSON.stringify(task.others).includes('03-1234-5678'))
    assert.match(await status(id), /対応待ち/)
    assert.equal(await atPower.answer(task, { outcome: 'updated' }), 'taken')
    assert.match(await status(id), /変更しました/)
    assert.equal(
      await atPower.answer(task, { outcome: 'updated' }),
      'task-closed',
      'of two answers one counts',
    )
    assert.equal(
      await atGas.answer({ ...task, task: 'update:partner-1' }, { outcome: 'updated' }),
      'procedure-unknown',
    )
    const [other] = await atGas.tasks()
    assert.ok(other !== undefined)
    assert.equal(await atGas.answer(other, { outcome: 'stolen' }), 'request-malformed')
    assert.equal(
      await atGas.answer(other, { outcome: 'no-customer', values: { note: 'x', more: 1 } }),
      'request-malformed',
    )
    assert.equal(
      await atGas.answer(other, {
        outcome: 'no-customer',
        values: { note: 'ご契約が見当たりません' },
      }),
      'taken',
    )
    assert.ok(atTown !== undefined)
    assert.equal(await atHall.answer(atTown, { outcome: 'accepted' }), 'taken')
    const body = await status(id)
    assert.match(body, /すべて終わりました/)
    assert.match(body, /ご契約が見当たりません/)
    assert.deepEqual(await atHall.tasks(), [])
  })

  it('another’s case is nobody’s business', async () => {
    const id = caseOf(await apply())
    await using stranger = await town.person('former-surname')
    assert.match(codeOn(await stranger.visit(me(`/${id}`))), /procedure-unknown|person-unknown/)
    assert.equal(await send(`/${id}`, 'withdraw', { reason: '試験' }), 'none')
  })

  it('what is asked for without the right fields or parties is refused, and nothing is begun', async () => {
    const before = await atPower.tasks()
    assert.equal(codeOn(await apply({ movedOn: '2026-02-30' })), 'request-malformed')
    assert.equal(codeOn(await apply({ members: '0' })), 'request-malformed')
    assert.equal(codeOn(await apply({ phone: 'abc' })), 'request-malformed')
    assert.deepEqual(await atPower.tasks(), before)
  })

  it('a partner returns it for correction: the person signs anew, and everybody is asked anew', async () => {
    const id = caseOf(await apply())
    const task = (await atPower.tasks()).find(each => each.case === id)
    assert.ok(task !== undefined)
    const reason = '番地をお確かめください'
    assert.equal(
      await atPower.answer(task, { returns: { task: 'apply:applicant', reason } }),
      'taken',
    )
    assert.ok(!(await atGas.tasks()).some(each => each.case === id), 'what was built on it is void')
    assert.match(await page(''), /apply:applicant/)
    assert.match(await page(`/${id}/tasks/apply:applicant`), /番地をお確かめください/)
    const corrected = { newAddress: `${newAddress}の１` }
    assert.equal(await send(`/${id}/tasks/apply:applicant`, 'task', corrected), 'none')
    const again = (await atPower.tasks()).find(each => each.case === id)
    assert.equal(again?.given['newAddress'], `${newAddress}の１`)
    assert.deepEqual(again?.proven, ['name'], 'what the certificate does not say is declared')
    assert.equal(await send(`/${id}`, 'withdraw', { reason: '取りやめ' }), 'none')
  })

  it('withdrawn: who has done something is asked to undo it, once; nothing more can be done', async () => {
    const id = caseOf(await apply())
    const task = (await atPower.tasks()).find(each => each.case === id)
    const other = (await atGas.tasks()).find(each => each.case === id)
    assert.ok(task !== undefined && other !== undefined)
    await atPower.answer(task, { outcome: 'updated' })
    assert.equal(await send(`/${id}`, 'withdraw', { reason: '引っ越さないことになった' }), 'none')
    assert.match(await status(id), /取り下げられました/)
    assert.equal(await atGas.answer(other, { outcome: 'updated' }), 'case-ended')
    const undo = (await atPower.letters()).filter(each => each.subject.includes('取消しのお願い'))
    assert.equal(undo.length, 1)
    assert.equal((await atGas.letters()).filter(each => each.subject.includes('取消し')).length, 0)
  })

  it('who does not answer in time is handed over to a human; offices are reminded', async () => {
    const id = caseOf(await apply())
    const gasTask = (await atGas.tasks()).find(each => each.case === id)
    assert.ok(gasTask !== undefined)
    const opened = Date.parse(gasTask.openedAt)
    assert.ok(Date.parse(gasTask.deadline ?? '') - opened >= 5 * 24 * 3600 * 1000)
    await town.clock.advance(Date.parse(gasTask.deadline ?? '') - town.clock.now() + 1000)
    await town.settle()
    let handed: { case: string; task: string }[] = []
    for (let round = 0; round < 40 && handed.length < 2; round++) {
      await new Promise(resolve => setTimeout(resolve, 250))
      const { tasks } = (await town.admin('platform', 'procedure-handed-over')) as {
        tasks: { case: string; task: string }[]
      }
      handed = tasks.filter(each => each.case === id)
    }
    assert.equal(handed.length, 2)
    assert.match(await status(id), /期限超過・運用者が対応中/)
    await town.admin('platform', 'procedure-resolve', {
      case: id,
      task: gasTask.task,
      how: 'fall-away',
      reason: '事業者と連絡が取れない',
    })
    assert.equal(await atGas.answer(gasTask, { outcome: 'updated' }), 'task-closed')
    assert.match(await status(id), /省略/)
  })
})
