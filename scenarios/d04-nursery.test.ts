/**
 * D4 and D30 through a town (flows.md §16): one signature of each parent; both employers in parallel, one by a clerk with a mandate at the screens, one by
 * its own system with a certificate that carries one; the papers go on by themselves, and the town decides. D21: who represents heirs closes accounts.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startTestTown, type TestProvider, type TestTown } from '@sekisho/cli/testkit'
import type { Arrival } from '@sekisho/readers'
import { codeOn } from './hand-reader.ts'
import { holderOf, signedCms } from './holder.ts'
import { procedureCaller, type ProcedureCaller } from './procedure-caller.ts'

const insurer = '4999901000004'
const construction = '5999901000003'
const day = 24 * 3600 * 1000

type Fields = Readonly<Record<string, string | readonly string[]>>

describe('papers of several parties', () => {
  let town: TestTown
  let hall: TestProvider
  let atHall: ProcedureCaller
  let atConstruction: ProcedureCaller
  const people = new Map<
    string,
    { readonly name: string; readonly address: string; readonly subject: string }
  >()
  before(async () => {
    town = await startTestTown()
    hall = await town.provider({ id: 'hall', isSignatureVerifier: true })
    const works = await town.provider({ id: 'works' })
    await town.admin('platform', 'mailbox-register', {
      municipality: '13101',
      name: '千代田区',
      provider: 'hall',
    })
    await town.admin('platform', 'mailbox-register', {
      organisation: insurer,
      name: '架空生命保険株式会社',
    })
    await town.admin('platform', 'mailbox-register', {
      organisation: construction,
      name: '見本建設株式会社',
      provider: 'works',
    })
    atHall = await procedureCaller(town, hall)
    atConstruction = await procedureCaller(town, works)
    for (const persona of ['plain-adult', 'former-surname', 'long-address']) {
      const { url, pending } = await hall.sekisho.beginIdentify(['name', 'address'])
      await using person = await town.person(persona)
      const { subject, claims } = await hall.sekisho.finish((await person.visit(url)).url, pending)
      people.set(persona, {
        subject,
        name: claims.name ?? '',
        address: claims.address?.formatted ?? '',
      })
    }
  })
  after(() => town.stop())

  const of = (persona: string) => people.get(persona) ?? { name: '', address: '', subject: '' }
  const iso = (at: number): string => new Date(at).toISOString()
  const me = (path: string): string => `${town.urls.platform}/me${path}`
  const send = async (
    persona: string,
    path: string,
    form: string,
    fields: Fields = {},
  ): Promise<Arrival> => {
    await using person = await town.person(persona)
    await person.visit(me(path))
    return await person.submit({ form, fields })
  }
  const page = async (persona: string, path: string): Promise<string> => {
    await using person = await town.person(persona)
    return (await person.visit(me(path))).body
  }
  const codeIn = (body: string): string =>
    /[2-9A-HJ-NP-Z]{4}(?:-[2-9A-HJ-NP-Z]{4}){3}/.exec(body)?.[0] ?? ''
  /** A mandate of a town's company for a persona, accepted. */
  const empower = async (
    by: string,
    corporation: string,
    persona: string,
    acts: readonly string[],
  ): Promise<void> => {
    const grant = {
      kind: 'mandate-grant',
      method: 'operator-file',
      at: iso(town.clock.now()),
      corporation,
      delegate: {
        name: of(persona).name,
        address: of(persona).address,
        unit: '人事部',
        title: '係長',
      },
      acts: acts.map(code => ({ code, text: code })),
      from: iso(town.clock.now() - day),
      until: iso(town.clock.now() + 100 * day),
      subdelegations: 0,
    }
    const cms = signedCms(town, await holderOf(town, by), JSON.stringify(grant))
    const answer = await town.fetch(`${town.urls.platform}/mandates`, {
      method: 'POST',
      headers: { 'content-type': 'application/pkcs7-mime' },
      body: Buffer.from(cms),
    })
    const { acceptanceCode = '' } = (await answer.json()) as { acceptanceCode?: string }
    assert.equal(
      codeOn(await send(persona, '/mandates', 'accept', { code: acceptanceCode })),
      'none',
    )
  }
  const tomorrow = (): string => iso(town.clock.now() + 30 * day).slice(0, 10)
  const apply = (given: Fields = {}): Promise<Arrival> =>
    send('plain-adult', '/procedures/start/nursery', 'start', {
      name: of('plain-adult').name,
      address: of('plain-adult').address,
      childName: '佐藤　子',
      childBirthdate: '2025-06-01',
      nursery: '見本保育園',
      from: tomorrow(),
      'party-secondParent': of('former-surname').name,
      'party-firstEmployer': insurer,
      'party-secondEmployer': construction,
      'party-municipality': 'municipality 13101',
      ...given,
    })
  const work = {
    employedSince: '2020-04-01',
    weeklyDays: '5',
    monthlyHours: '150',
    workplace: '東京都千代田区',
    kind: 'regular',
  }

  it('one act of each parent is enough; employers work in parallel; the town sees who certified with what right, and decides', async () => {
    const applied = await apply()
    const code = codeIn(applied.body)
    assert.ok(code !== '', codeOn(applied))
    const id = /\/me\/procedures\/([\w-]{20,})"/.exec(applied.body)?.[1] ?? ''
    // The first employer is asked at once, the second only after the other parent has signed.
    assert.deepEqual(await atConstruction.tasks(), [])
    assert.equal(
      codeOn(await send('plain-adult', '/procedures', 'join', { code })),
      'procedure-unknown',
      'nobody is both parents',
    )
    const joined = await send('former-surname', '/procedures', 'join', { code })
    assert.equal(codeOn(joined), 'none')
    assert.equal(
      codeOn(await send('long-address', '/procedures', 'join', { code })),
      'procedure-unknown',
      'a code serves once',
    )
    const signed = await send(
      'former-surname',
      `/procedures/${id}/tasks/second-request:secondParent`,
      'task',
      { name: of('former-surname').name },
    )
    assert.equal(codeOn(signed), 'none')
    // The first employer's clerk: nobody without a mandate for this act.
    const task = `/procedures/${id}/tasks/first-certificate:firstEmployer`
    await using stranger = await town.person('long-address')
    assert.equal(codeOn(await stranger.visit(me(task))), 'procedure-unknown')
    await stranger[Symbol.asyncDispose]()
    await empower('insurer-representative', insurer, 'long-address', ['mail.read'])
    assert.match(
      await page('long-address', `/organisations/${insurer}/mail`),
      /架空生命保険株式会社/,
    )
    assert.match(
      await page('former-surname', `/organisations/${insurer}/mail`),
      /mailbox-unknown/,
      'a box opens by a mandate for it',
    )
    await using bidder = await town.person('long-address')
    assert.equal(
      codeOn(await bidder.visit(me(task))),
      'procedure-unknown',
      'a mandate for something else lets nobody see it',
    )
    assert.ok(!(await bidder.visit(me('/procedures'))).body.includes('就労証明書の発行'))
    await bidder[Symbol.asyncDispose]()
    await empower('insurer-representative', insurer, 'long-address', ['employment.certify'])
    assert.equal(
      codeOn(await send('long-address', task, 'task', { ...work, weeklyDays: '8' })),
      'request-malformed',
    )
    assert.equal(codeOn(await send('long-address', task, 'task', work)), 'none')
    // The second employer's system: signed by its clerk's certificate that carries the mandate.
    const [own] = await atConstruction.tasks()
    assert.ok(own !== undefined)
    assert.equal(own.act, 'employment.certify')
    assert.deepEqual(
      await atHall.tasks(),
      [],
      'the town has nothing to do before both papers are there',
    )
    const file = async (by: string): Promise<string> =>
      Buffer.from(signedCms(town, await holderOf(town, by), JSON.stringify(work))).toString(
        'base64',
      )
    const values = { ...work, weeklyDays: 5, monthlyHours: 150 }
    const paper = async (by: string) =>
      ({ values, document: { kind: 'cms', name: '就労証明書.p7m', file: await file(by) } }) as const
    assert.equal(await atConstruction.answer(own, { values }), 'request-malformed')
    assert.equal(
      await atConstruction.answer(own, await paper('bank-representative')),
      'document-unproven',
    )
    assert.equal(
      await atConstruction.answer(own, await paper('construction-clerk')),
      'document-unproven',
      'a mandate to bid certifies no employment',
    )
    assert.equal(
      await atConstruction.answer(own, await paper('construction-representative')),
      'taken',
    )
    const [decision] = await atHall.tasks()
    assert.ok(decision !== undefined)
    const certificates = decision.others.filter(each => each.task.includes('certificate'))
    assert.deepEqual(
      certificates.map(each => [
        each.by?.corporation,
        each.by?.unit,
        each.by?.title,
        each.by?.name,
      ]),
      [
        ['架空生命保険株式会社', '人事部', '係長', of('long-address').name],
        ['見本建設株式会社', undefined, '代表取締役', '見本三郎'],
      ],
    )
    assert.ok(certificates.every(each => (each.by?.authority?.ja ?? '') !== ''))
    // A registered verifier gets the containers; what is in them is judged like anybody's.
    const container = certificates[0]?.documents.find(each => each.name.endsWith('.p7m'))
    const bytes = await atHall.document(id, container?.id ?? '')
    assert.ok(bytes !== undefined)
    const report = await hall.sekisho.verifyFile({ kind: 'cms', file: bytes })
    assert.equal(report.indication, 'TOTAL-PASSED')
    assert.deepEqual(await atConstruction.document(id, container?.id ?? ''), undefined)
    // Two clerks at once: one decides.
    const answers = await Promise.all(
      ['granted', 'refused'].map(outcome => atHall.answer(decision, { outcome })),
    )
    assert.deepEqual(
      answers.toSorted((a, b) => (a === 'taken' ? -1 : b === 'taken' ? 1 : 0))[0],
      'taken',
    )
    assert.equal(answers.filter(each => each === 'taken').length, 1)
    assert.match(await page('plain-adult', `/procedures/${id}`), /決定: 入所/)
    assert.match(await page('former-surname', `/procedures/${id}`), /見本保育園/)
  })

  it('a parent alone needs nobody else; an employer without a box, or a number that is none, is refused', async () => {
    assert.equal(codeOn(await apply({ 'party-firstEmployer': '2999905000002' })), 'mailbox-unknown')
    assert.equal(
      codeOn(await apply({ 'party-firstEmployer': '4999901000005' })),
      'request-malformed',
    )
    const alone = await apply({ 'party-secondParent': '', 'party-secondEmployer': '' })
    assert.equal(codeOn(alone), 'none')
    const id = new URL(alone.url).pathname.split('/').at(-1) ?? ''
    const task = `/procedures/${id}/tasks/first-certificate:firstEmployer`
    assert.equal(codeOn(await send('long-address', task, 'task', work)), 'none')
    assert.ok((await atHall.tasks()).some(each => each.case === id))
  })

  it('a certificate goes from who issues it to whom its subject named (D30)', async () => {
    const asked = await send('plain-adult', '/procedures/start/certificate', 'start', {
      name: of('plain-adult').name,
      address: of('plain-adult').address,
      what: 'premium',
      year: '2025',
      'party-issuer': construction,
      'party-receiver': 'municipality 13101',
    })
    assert.equal(codeOn(asked), 'none')
    const id = new URL(asked.url).pathname.split('/').at(-1) ?? ''
    const task = (await atConstruction.tasks()).find(each => each.case === id)
    assert.ok(task !== undefined)
    assert.equal(task.given['what'], 'premium')
    const file = Buffer.from(
      signedCms(town, await holderOf(town, 'construction-representative'), '保険料 120,000円'),
    ).toString('base64')
    const values = { statement: '2025年分の保険料', yen: 120000 }
    assert.equal(
      await atConstruction.answer(task, {
        values,
        document: { kind: 'cms', name: '控除証明.p7m', file },
      }),
      'taken',
    )
    const received = (await atHall.tasks()).find(each => each.case === id)
    const [paper] = received?.others.find(each => each.task.startsWith('certify'))?.documents ?? []
    assert.equal(paper?.name, '控除証明.p7m')
    assert.ok((await atHall.document(id, paper?.id ?? ''))?.length)
    assert.ok(received !== undefined)
    assert.equal(await atHall.answer(received, { outcome: 'received' }), 'taken')
    assert.match(await page('plain-adult', `/procedures/${id}`), /すべて終わりました/)
  })

  it('only who represents the heirs, by an office’s document, closes the accounts of who has died (D21)', async () => {
    const fields = {
      deceasedName: '佐藤　故人',
      deceasedBirthdate: '1940-05-05',
      diedOn: '2026-04-01',
      name: of('plain-adult').name,
      address: of('plain-adult').address,
      'party-organisation': ['municipality 13101', 'organisation 5999901000003'],
    }
    const file = (): Promise<Arrival> =>
      send('plain-adult', '/procedures/start/bereavement', 'start', fields)
    assert.equal(codeOn(await file()), 'authority-missing')
    const standing = {
      kind: 'standing',
      relation: 'heirs',
      of: { name: '佐藤　故人', address: '東京都千代田区', birthdate: '1940-05-05' },
      by: {
        name: of('plain-adult').name,
        address: of('plain-adult').address,
        birthdate: '1990-03-04',
      },
      issuedAt: iso(town.clock.now() - day),
      until: null,
    }
    const document = Buffer.from(
      signedCms(town, await holderOf(town, 'official'), JSON.stringify(standing)),
    ).toString('base64')
    assert.equal(codeOn(await send('plain-adult', '/mandates', 'standing', { document })), 'none')
    const filed = await file()
    assert.equal(codeOn(filed), 'none')
    const id = new URL(filed.url).pathname.split('/').at(-1) ?? ''
    for (const [caller, outcome] of [
      [atHall, 'closed'],
      [atConstruction, 'none'],
    ] as const) {
      const task = (await caller.tasks()).find(each => each.case === id)
      assert.ok(task !== undefined)
      assert.equal(task.given['deceasedName'], '佐藤　故人')
      assert.equal(await caller.answer(task, { outcome }), 'taken')
    }
    assert.match(await page('plain-adult', `/procedures/${id}`), /すべて終わりました/)
  })
})
