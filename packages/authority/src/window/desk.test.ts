import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Refusal, type RefusalCode } from '@sekisho/contract'
import { parseCertificate } from '@sekisho/pki'
import { poolKey } from '@sekisho/pki/issue'
import { lockFile, readFileIfPresent } from '@sekisho/runtime/files'
import { type Engine, openEmbedded, UniqueViolation } from '@sekisho/runtime/store'
import { issue } from '../ca/issue.ts'
import { noon, openTestWorld, type TestWorld } from '../world-for-tests.ts'
import { handOutCard } from './desk.ts'
import { findResident } from './resident-file.ts'

const today = noon(2026, 11, 20)
const refused = (code: RefusalCode) => (error: unknown) =>
  error instanceof Refusal && error.code === code
const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10)

describe('the window and cards', () => {
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

  const wish = {
    pin: '2468',
    password: 'SEKISHO1',
    withAuthentication: true,
    withSignature: true,
    demandsPinAlways: false,
  }
  const certificateOn = (encoded: string | null): string =>
    encoded === null ? 'none' : parseCertificate(Buffer.from(encoded, 'base64')).serialHex

  it('an adult gets both certificates, and the card holds them with their CA’s and the secrets', async () => {
    const id = await town.register()
    const name = (await town.happen(id, { what: 'card' })) ?? ''
    assert.match(name, /^\d{15}$/)
    const [card, held] = [await town.card(name), await town.certificates(id)]
    assert.equal(await town.states(id), 'signature:valid authentication:valid')
    for (const { ca, certificate } of held)
      assert.equal(certificateOn(card[ca].certificate), certificate.serialHex)
    assert.equal(card.serial, name)
    assert.equal(card.municipality, '13101')
    assert.equal(card.expires, '20360401')
    assert.equal(card.authentication.secret, '2468')
    assert.equal(card.signature.secret, 'SEKISHO1')
    const anchors = town.world.hierarchy.anchors.map(anchor =>
      Buffer.from(anchor.raw).toString('base64'),
    )
    assert.ok(anchors.includes(card.signature.caCertificate ?? ''))
    assert.ok(anchors.includes(card.authentication.caCertificate ?? ''))
  })

  it('the signature certificate is for those who have reached 15: not the day before the birthday', async () => {
    const young = await town.register({ birthDate: { year: 2011, month: 11, day: 21 } })
    const just = await town.register({ birthDate: { year: 2011, month: 11, day: 20 } })
    const name = await town.happen(young, { what: 'card' })
    await town.happen(just, { what: 'card' })
    assert.equal(await town.states(young), 'signature:- authentication:valid')
    assert.equal(await town.states(just), 'signature:valid authentication:valid')
    assert.equal((await town.card(name ?? '')).signature.privateKey, null)
    await assert.rejects(
      town.happen(young, { what: 'signature' }),
      refused('signature-certificate-not-allowed'),
    )
  })

  it('who turns 15 with a card gets the signature certificate onto it', async () => {
    const later = await openTestWorld(engine, { at: today })
    const id = await later.register({ birthDate: { year: 2011, month: 11, day: 21 } })
    const name = (await later.happen(id, { what: 'card' })) ?? ''
    later.clock.turnTo(noon(2026, 11, 21))
    await later.happen(id, { what: 'signature' })
    assert.equal(await later.states(id), 'signature:valid authentication:valid')
    assert.notEqual((await later.card(name)).signature.privateKey, null)
    await later.folder.remove()
  })

  it('an adult ward gets no signature certificate, nor who declines it', async () => {
    const ward = await town.register({ isWard: true })
    const declining = await town.register()
    await town.happen(ward, { what: 'card' })
    await town.happen(declining, { what: 'card', withSignature: false })
    assert.equal(await town.states(ward), 'signature:- authentication:valid')
    assert.equal(await town.states(declining), 'signature:- authentication:valid')
  })

  it('the authentication certificate may be declined too', async () => {
    const id = await town.register()
    await town.happen(id, { what: 'card', withAuthentication: false })
    assert.equal(await town.states(id), 'signature:valid authentication:-')
  })

  it('an unknown day of birth counts as the latest possible', async () => {
    const id = await town.register({ birthDate: { year: 2011, month: 11, day: null } })
    await town.happen(id, { what: 'card' })
    assert.equal(await town.states(id), 'signature:- authentication:valid')
  })

  it('neither certificate outlives a minor’s card, nor the signature certificate the other', async () => {
    const id = await town.register({ birthDate: { year: 2010, month: 12, day: 1 } })
    const name = (await town.happen(id, { what: 'card' })) ?? ''
    assert.equal((await town.card(name)).expires, '20301201')
    for (const { certificate } of await town.certificates(id))
      assert.equal(dayOf(certificate.notAfter), '2030-12-01')
  })

  it('refuses secrets of the wrong form and those that spell the birth date, and records nothing', async () => {
    const id = await town.register({ birthDate: { year: 1990, month: 3, day: 4 } })
    const card = (pin: string, password = 'SEKISHO1') =>
      handOutCard(town.world, id, { ...wish, pin, password })
    for (const pin of ['', '123', '12345', 'abcd', '１２３４'])
      await assert.rejects(card(pin), refused('pin-malformed'), pin)
    for (const pin of ['1990', '0304', '0403', '9003', '0203'])
      await assert.rejects(card(pin), refused('pin-unsuitable'), pin)
    for (const password of ['', 'ABC12', 'A'.repeat(17), 'SEKISHO 1', 'せきしょせきしょ'])
      await assert.rejects(card('2468', password), refused('pin-malformed'), password)
    for (const password of ['19900304', '900304', '020304', 'h020304'])
      await assert.rejects(card('2468', password), refused('pin-unsuitable'), password)
    await assert.rejects(
      handOutCard(town.world, id, { ...wish, password: undefined }),
      refused('pin-malformed'),
    )
    assert.equal(await town.states(id), 'signature:- authentication:-')
    assert.ok(await card('0305'))
  })

  it('refuses a second card, and a reissue where there is none', async () => {
    const id = await town.register()
    await assert.rejects(town.happen(id, { what: 'reissue' }), refused('card-not-issued'))
    await assert.rejects(town.happen(id, { what: 'renew' }), refused('card-not-issued'))
    await town.happen(id, { what: 'card' })
    await assert.rejects(town.happen(id, { what: 'card' }), refused('card-issued-already'))
    assert.equal((await town.certificates(id)).length, 2)
  })

  it('renewal supersedes both, links the new authentication certificate to the old, sets new secrets', async () => {
    const id = await town.register({ persona: 'renewer' })
    await town.happen(id, { what: 'card', demandsPinAlways: true })
    const before = await town.card('renewer')
    await town.happen(id, { what: 'renew', pin: '1357', password: 'ANOTHER1' })
    const after = await town.card('renewer')
    assert.equal(await town.states(id), 'signature:valid authentication:valid')
    const all = await town.certificates(id)
    assert.deepEqual(
      all.filter(one => one.state !== 'valid').map(one => one.reason),
      ['superseded', 'superseded'],
    )
    assert.deepEqual(
      [after.serial, after.expires, after.demandsPinAlways, after.authentication.secret],
      [before.serial, before.expires, true, '1357'],
    )
    assert.notEqual(after.signature.certificate, before.signature.certificate)
  })

  it('renewal without a signature certificate takes it off the card', async () => {
    const id = await town.register({ persona: 'tired-of-signing' })
    await town.happen(id, { what: 'card' })
    await town.happen(id, { what: 'renew', withSignature: false })
    assert.equal(await town.states(id), 'signature:revoked/superseded authentication:valid')
    assert.equal((await town.card('tired-of-signing')).signature.privateKey, null)
  })

  it('renewal counts the sixth birthday in the last three months only', async () => {
    const later = await openTestWorld(engine, { at: noon(2022, 1, 10) })
    const [early, late] = [await later.register(), await later.register()]
    for (const id of [early, late]) await later.happen(id, { what: 'card' })
    later.clock.turnTo(noon(2025, 12, 31))
    await later.happen(early, { what: 'renew' })
    later.clock.turnTo(noon(2026, 1, 1))
    await later.happen(late, { what: 'renew' })
    const endOf = async (id: string): Promise<string> =>
      dayOf((await later.certificates(id)).at(-1)?.certificate.notAfter ?? 0)
    assert.equal(await endOf(early), '2030-04-01')
    assert.equal(await endOf(late), '2031-04-01')
    await later.folder.remove()
  })

  it('a new signature certificate supersedes a valid one and leaves the authentication certificate alone', async () => {
    const id = await town.register({ persona: 'signer' })
    await town.happen(id, { what: 'card' })
    const before = await town.card('signer')
    await town.happen(id, { what: 'signature', password: 'ANOTHER1' })
    const after = await town.card('signer')
    assert.deepEqual(after.authentication, before.authentication)
    assert.equal(after.signature.secret, 'ANOTHER1')
    assert.deepEqual(
      (await town.certificates(id)).map(one => `${one.ca} ${one.reason}`).toSorted(),
      ['authentication null', 'signature null', 'signature superseded'],
    )
  })

  it('nothing is issued onto an expired card or beside an expired authentication certificate', async () => {
    const later = await openTestWorld(engine, { at: noon(2020, 11, 20) })
    const id = await later.register({ birthDate: { year: 2010, month: 12, day: 1 } })
    await later.happen(id, { what: 'card' })
    later.clock.turnTo(noon(2026, 11, 20))
    await assert.rejects(later.happen(id, { what: 'signature' }), refused('event-not-possible'))
    await assert.rejects(later.happen(id, { what: 'renew' }), refused('event-not-possible'))
    assert.equal((await later.certificates(id)).length, 1)
    await later.happen(id, { what: 'reissue' })
    assert.equal(await later.states(id), 'signature:valid authentication:valid')
    await later.folder.remove()
  })

  it('a lost card that is reissued: the old certificates are superseded since the hold, the old file is worthless', async () => {
    const own = await openTestWorld(engine, { at: today })
    const id = await own.register()
    const old = (await own.happen(id, { what: 'card' })) ?? ''
    await own.happen(id, { what: 'lost' })
    own.clock.turnTo(today + 1000)
    const name = (await own.happen(id, { what: 'reissue' })) ?? ''
    assert.notEqual(name, old)
    const ended = (await own.certificates(id)).filter(one => one.state === 'revoked')
    assert.deepEqual(
      ended.map(one => [one.reason, one.revokedAt]),
      [
        ['superseded', today],
        ['superseded', today],
      ],
    )
    assert.ok(await own.card(old))
    await assert.rejects(own.happen(id, { what: 'card' }), refused('card-issued-already'))
    await own.folder.remove()
  })

  it('a card that lies on a reader is refused, and nothing is half-written', async () => {
    const id = await town.register({ persona: 'at-the-reader' })
    await town.happen(id, { what: 'card' })
    const before = await town.card('at-the-reader')
    const lock = await lockFile(
      join(town.world.cardsFolder, 'at-the-reader.card.json'),
      'card-in-use',
    )
    try {
      for (const what of ['renew', 'signature', 'reissue'] as const)
        await assert.rejects(town.happen(id, { what }), refused('card-in-use'), what)
      await assert.rejects(
        town.happen(id, { what: 'reset-pin', pin: '1357' }),
        refused('card-in-use'),
      )
    } finally {
      lock.release()
    }
    assert.deepEqual(await town.card('at-the-reader'), before)
    assert.equal((await town.certificates(id)).length, 2)
    assert.equal(await town.states(id), 'signature:valid authentication:valid')
  })

  it('after a crash between record and card the old card holds revoked certificates, and renewal mends it', async () => {
    const id = await town.register({ persona: 'crashed' })
    await town.happen(id, { what: 'card' })
    const path = join(town.world.cardsFolder, 'crashed.card.json')
    const asBefore = await readFileIfPresent(path)
    await town.happen(id, { what: 'renew' })
    await writeFile(path, asBefore ?? '')
    const onCard = certificateOn((await town.card('crashed')).authentication.certificate)
    const recorded = (await town.certificates(id)).find(one => one.certificate.serialHex === onCard)
    assert.equal(recorded?.state, 'revoked')
    await town.happen(id, { what: 'renew' })
    const now = certificateOn((await town.card('crashed')).authentication.certificate)
    const valid = (await town.certificates(id)).find(
      one => one.ca === 'authentication' && one.state === 'valid',
    )
    assert.equal(now, valid?.certificate.serialHex)
  })

  it('another card than the one in use is refused', async () => {
    const id = await town.register({ persona: 'keeps-the-old' })
    await town.happen(id, { what: 'card' })
    const path = join(town.world.cardsFolder, 'keeps-the-old.card.json')
    const old = await readFileIfPresent(path)
    await town.happen(id, { what: 'reissue' })
    await writeFile(path, old ?? '')
    await assert.rejects(town.happen(id, { what: 'renew' }), refused('card-absent'))
    assert.equal(await town.states(id), 'signature:valid authentication:valid')
  })

  it('a reset gives a new secret and all tries; a key that is not there has none', async () => {
    const id = await town.register({ persona: 'forgetful' })
    await town.happen(id, { what: 'card', withSignature: false })
    await town.happen(id, { what: 'reset-pin', pin: '1357' })
    assert.equal((await town.card('forgetful')).authentication.secret, '1357')
    await assert.rejects(
      town.happen(id, { what: 'reset-password', password: 'ANOTHER1' }),
      refused('signature-certificate-absent'),
    )
    await assert.rejects(
      town.happen(id, { what: 'reset-pin', pin: '1985' }),
      refused('pin-unsuitable'),
    )
  })

  it('two certificates of a kind on one card cannot be recorded, whatever the program does', async () => {
    const id = await town.register()
    await town.happen(id, { what: 'card' })
    const resident = await findResident(town.world, id)
    await assert.rejects(
      town.world.store.transaction(async tx => {
        const card = await tx
          .selectFrom('card')
          .select('id')
          .where('resident_id', '=', id)
          .executeTakeFirstOrThrow()
        await issue(tx, town.world, {
          kind: 'authentication',
          resident,
          cardId: card.id,
          spki: poolKey(20).spki,
          notBefore: today,
          notAfter: Date.UTC(2030, 0, 1, 14, 59, 59),
        })
      }),
      UniqueViolation,
    )
  })

  it('a resident who is not there is refused', async () => {
    await assert.rejects(town.happen('nobody', { what: 'card' }), refused('resident-unknown'))
    await assert.rejects(town.happen('nobody', { what: 'lost' }), refused('resident-unknown'))
  })
})
