import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Refusal, type RefusalCode } from '@sekisho/contract'
import { type Engine, openEmbedded } from '@sekisho/runtime/store'
import { noon, openTestWorld, type TestWorld, type Wanted } from '../world-for-tests.ts'
import { finishCardsDue, receiveApplication } from './application.ts'
import { cardApplicationCommands } from './command.ts'
import { deliverCard, type Visit } from './delivery.ts'
import { issueForm, qrCodeOf } from './form.ts'

const day = 24 * 3600 * 1000
const jpeg = Buffer.concat([Buffer.from('ffd8ffe0', 'hex'), Buffer.alloc(400)]).toString('base64')
const visit: Visit = {
  hasNotice: true,
  documents: ['passport'],
  faceMatches: true,
  notificationCard: 'returned',
  pin: '2468',
  password: 'SEKISHO1',
  demandsPinAlways: false,
}

describe('a card is applied for and delivered', () => {
  let engine: Engine
  let town: TestWorld
  before(async () => {
    engine = await openEmbedded('memory')
    town = await openTestWorld(engine, { at: noon(2026, 11, 20) })
  })
  after(async () => {
    await town.folder.remove()
    await engine.close()
  })

  const formOf = async (wanted: Wanted = {}) => issueForm(town.world, await town.register(wanted))
  const apply = (form: string, given: object = {}) =>
    receiveApplication(town.world, { form, channel: 'phone', photo: jpeg, ...given })
  const made = async (): Promise<void> => {
    town.clock.turnTo(town.clock.now() + 14 * day)
    await finishCardsDue(town.world)
  }

  it('from the form to the card: once, and with one visit', async () => {
    const form = await formOf()
    assert.match(form.id, /^\d{23}$/)
    await apply(form.id)
    await refuses(apply(form.id), 'form-unknown')
    await refuses(deliverCard(town.world, form.residentId, visit), 'card-not-ready')
    town.clock.turnTo(town.clock.now() + 14 * day - 1)
    assert.equal(await finishCardsDue(town.world), 0)
    town.clock.turnTo(town.clock.now() + 1)
    assert.equal(await finishCardsDue(town.world), 1)
    await deliverCard(town.world, form.residentId, visit)
    assert.equal(await town.states(form.residentId), 'signature:valid authentication:valid')
    await refuses(deliverCard(town.world, form.residentId, visit), 'card-not-ready')
    await refuses(issueForm(town.world, form.residentId), 'card-issued-already')
    const kept = await town.world.store.read(db =>
      db
        .selectFrom('card_application')
        .select(['photo', 'checks'])
        .where('resident_id', '=', form.residentId)
        .executeTakeFirstOrThrow(),
    )
    assert.equal(kept.photo, null)
    assert.ok(!(kept.checks ?? '').includes('2468'))
  })

  it('a form whose print is no longer so is not accepted, nor one that was replaced', async () => {
    const form = await formOf()
    const address = '東京都新宿区西新宿一丁目一番一号'
    await town.happen(form.residentId, { what: 'move', municipality: '13104', address })
    await refuses(apply(form.id), 'form-outdated')
    const newer = await issueForm(town.world, form.residentId)
    await refuses(apply(form.id), 'form-unknown')
    await apply(newer.id)
    await refuses(apply('0'.repeat(23)), 'form-unknown')
  })

  it('either certificate may be declined, and is then not there', async () => {
    const form = await formOf()
    await apply(form.id, { declinesSignature: true })
    await made()
    await deliverCard(town.world, form.residentId, { ...visit, password: undefined })
    assert.equal(await town.states(form.residentId), 'signature:- authentication:valid')
  })

  it('a child of fourteen is represented, at the application and at the window', async () => {
    const form = await formOf({ birthDate: { year: 2012, month: 6, day: 1 } })
    await refuses(apply(form.id), 'representative-needed')
    await apply(form.id, { representative: { name: '見本　親', relation: 'parent' } })
    await made()
    const child = { ...visit, password: undefined }
    await missing(form.residentId, child, 'representative')
    const represented = (documents: Visit['documents'], provesRepresentation: boolean): Visit => ({
      ...child,
      representative: { documents, provesRepresentation },
    })
    await missing(form.residentId, represented([], true), 'representative-documents')
    await missing(form.residentId, represented(['passport'], false), 'representation')
    await deliverCard(town.world, form.residentId, represented(['passport'], true))
    assert.equal(await town.states(form.residentId), 'signature:- authentication:valid')
  })

  it('the check-list: one document with a photo or two without, the notice, the face', async () => {
    const form = await formOf()
    await apply(form.id)
    await made()
    const id = form.residentId
    await missing(id, { ...visit, hasNotice: false }, 'notice')
    await missing(id, { ...visit, documents: [] }, 'documents')
    await missing(id, { ...visit, documents: ['pension-book'] }, 'documents')
    await missing(id, { ...visit, documents: ['pension-book', 'pension-book'] }, 'documents')
    await missing(id, { ...visit, faceMatches: false }, 'face')
    await refuses(deliverCard(town.world, id, { ...visit, pin: '0401' }), 'pin-unsuitable')
    await deliverCard(town.world, id, { ...visit, documents: ['pension-book', 'health-insurance'] })
  })

  it('who dies before the visit gets no card', async () => {
    const form = await formOf()
    await apply(form.id)
    await town.happen(form.residentId, { what: 'deceased' })
    await made()
    await refuses(deliverCard(town.world, form.residentId, visit), 'card-not-ready')
  })

  it('an employer hands in many: one that is refused keeps none of the others back', async () => {
    const [one, two] = [await formOf(), await formOf()]
    await town.happen(two.residentId, { what: 'deceased' })
    const employer = '株式会社見本'
    const commands = cardApplicationCommands(town.world)
    const forms = [one.id, two.id, '1'.repeat(23)]
    const applications = forms.map(form => ({ form, photo: jpeg }))
    const outcomes = await commands['card-collection']({ employer, applications })
    assert.deepEqual(
      outcomes.map(each => ('refusal' in each ? each.refusal : 'taken')),
      ['taken', 'event-not-possible', 'form-unknown'],
    )
    await refuses(commands['card-collection']({ employer, applications: [] }), 'request-malformed')
  })

  it('what is no picture is no portrait', async () => {
    const form = await formOf()
    for (const photo of ['', Buffer.from('not a picture'.repeat(40)).toString('base64')])
      await refuses(apply(form.id, { photo }), 'photo-unsuitable')
    await apply(form.id)
  })

  it('two who use one form at the same time: one application', async () => {
    const form = await formOf()
    const outcomes = await Promise.allSettled([apply(form.id), apply(form.id), apply(form.id)])
    assert.equal(outcomes.filter(each => each.status === 'fulfilled').length, 1)
  })

  it('the QR code holds an address with the number, and nothing of the person', async () => {
    const form = await formOf()
    assert.match(qrCodeOf('https://authority.example', form.id), /^<svg[^]*<\/svg>$/)
  })

  const missing = async (id: string, given: Visit, what: string): Promise<void> => {
    await assert.rejects(
      deliverCard(town.world, id, given),
      error =>
        error instanceof Refusal &&
        error.code === 'identity-not-proofed' &&
        error.fields['missing'] === what,
    )
  }
})

async function refuses(work: Promise<unknown>, code: RefusalCode): Promise<void> {
  await assert.rejects(work, error => error instanceof Refusal && error.code === code)
}
