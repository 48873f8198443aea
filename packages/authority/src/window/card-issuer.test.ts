import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import {
  authenticatePinless,
  type Card,
  deleteApplication,
  listApplications,
  loadApplication,
  openLoading,
  type Outcome,
  parsePin,
  proveChip,
  proveOwner,
  readBirthDate,
  readCommonId,
  readFront,
  readFreeRoom,
  readMyNumber,
  readMyNumberImage,
  readResidentCode,
  readTextAttributes,
  type SecretName,
  selectFace,
  selectJpki,
  selectResident,
  selectText,
  type TerminalCredential,
  triesLeft,
  readChipCertificate,
  readLoadedFile,
  readLoadedRecord,
  selectLoaded,
  setLoadedPin,
  verifyLoadedPin,
  writeLoadedFile,
  verifyPin,
  writeLoadedRecord,
} from '@sekisho/card'
import { issueOrganisationCertificate, issueTerminalCertificate } from '@sekisho/card/issue'
import { block, type CardState, createVirtualCard, secretIn } from '@sekisho/card/virtual'
import { Refusal } from '@sekisho/contract'
import { poolKey } from '@sekisho/pki/issue'
import { systemRandom } from '@sekisho/runtime/random'
import { openEmbedded } from '@sekisho/runtime/store'
import { townCardAnchors, townTerminalAuthority } from '../town-keys.ts'
import { noon, openTestWorld } from '../world-for-tests.ts'
import { changeCard, placeOf } from './card-tray.ts'

const anchors = townCardAnchors()
const random = systemRandom()

function valueOf<T>(outcome: Outcome<T>): T {
  assert.equal(outcome.kind, 'done', JSON.stringify(outcome))
  return outcome.value
}

const powered = (state: CardState): Card =>
  createVirtualCard(state, { onChange: () => undefined, random: size => random.bytes(size) })

async function opened(
  state: CardState,
  select: (card: Card) => Promise<Outcome<undefined>>,
  name: SecretName,
  typed: string,
): Promise<Card> {
  const card = powered(state)
  valueOf(await select(card))
  valueOf(await verifyPin(card, valueOf(parsePin(name, typed))))
  return card
}

const secretOf = (state: CardState, name: SecretName): string => {
  const secret = secretIn(state, name)?.secret
  assert.ok(typeof secret === 'string', name)
  return secret
}

const refused = (code: string) => (fault: unknown) =>
  fault instanceof Refusal && fault.code === code

function terminal(role: 'pinless-organisation' | 'loading-operator'): TerminalCredential {
  const sign = (message: Uint8Array): Uint8Array => poolKey(40).sign('rsa-sha256', message)
  const organisationCertificate = issueOrganisationCertificate(
    { code: '9200073', spki: poolKey(40).spki, role, from: '20261101', until: '20261231' },
    townTerminalAuthority(),
  )
  return {
    organisationCertificate,
    terminalCertificate: issueTerminalCertificate(
      { number: 'GATE1', spki: poolKey(41).spki, from: '20261118', until: '20261124' },
      { certificate: organisationCertificate, sign },
    ),
    sign: message => poolKey(41).sign('rsa-sha256', message),
  }
}

describe('what the window writes onto cards', async () => {
  const engine = await openEmbedded('memory')
  const town = await openTestWorld(engine, { at: noon(2026, 11, 20) })
  const id = await town.register({
    name: '関所　花子',
    address: '東京都千代田区霞が関２丁目１番２号',
    birthDate: { year: 1985, month: 4, day: 1 },
  })
  const name = (await town.happen(id, { what: 'card' })) ?? ''
  const state = await town.card(name)
  const numbers = await town.world.store.read(db => town.world.numbers.read(db, id))
  assert.ok(numbers)
  after(async () => {
    await engine.close()
    await town.folder.remove()
  })

  test('the text application shows the register and the my number, verified', async () => {
    const card = await opened(state, selectText, 'text-pin', '2468')
    assert.deepEqual(valueOf(await readTextAttributes(card, anchors.records)), {
      name: '関所　花子',
      address: '東京都千代田区霞が関２丁目１番２号',
      birthDate: '19850401',
      gender: 'female',
    })
    const number = valueOf(await readMyNumber(card, anchors.records))
    assert.ok(number.use(digits => Buffer.from(digits).toString() === numbers.myNumber))
  })

  test('code B is birth date by era, expiry year and the four digits on the face', () => {
    assert.match(secretOf(state, 'text-code-b'), /^6004012036\d{4}$/)
    assert.equal(secretOf(state, 'face-code-b'), secretOf(state, 'text-code-b'))
    assert.equal(secretOf(state, 'face-birth'), '600401')
    assert.ok(secretOf(state, 'text-code-a') === numbers.myNumber)
  })

  test('the face is pictures that other programs open, and the chip of the card answers for it', async () => {
    const card = await opened(state, selectFace, 'face-code-a', numbers.myNumber)
    const front = valueOf(await readFront(card, anchors.records))
    const back = valueOf(await readMyNumberImage(card, anchors.records))
    valueOf(await proveChip(card, front.chipKey, random.bytes(32)))
    assert.equal(front.unsigned.expires, state.expires)
    const pictures = {
      'name.png': front.nameImage,
      'address.png': front.addressImage,
      'code.png': front.unsigned.securityCodeImage,
      'number.png': back.image,
      'photo.jp2': front.photo,
    }
    for (const [file, bytes] of Object.entries(pictures))
      writeFileSync(join(town.folder.path, file), bytes)
    for (const file of Object.keys(pictures).filter(one => one.endsWith('.png')))
      assert.match(
        execFileSync('pngcheck', [file], { cwd: town.folder.path, encoding: 'utf8' }),
        /^OK: .*1-bit grayscale/,
      )
    const convert = ['-i', 'photo.jp2', '-o', 'photo.pgm']
    execFileSync('opj_decompress', convert, { cwd: town.folder.path, stdio: 'ignore' })
    const birth = await opened(state, selectFace, 'face-birth', '600401')
    assert.equal(valueOf(await readBirthDate(birth, anchors.records)).birthDate, '19850401')
  })

  test('the resident code lies behind its PIN', async () => {
    const card = await opened(state, selectResident, 'resident-pin', '2468')
    const code = valueOf(await readResidentCode(card))
    assert.ok(code.use(digits => Buffer.from(digits).toString() === numbers.residentCode))
  })

  test('a certified terminal gets an answer without PIN', async () => {
    const answer = await authenticatePinless(powered(state), terminal('pinless-organisation'), {
      challenge: random.bytes(32),
      today: '20261120',
    })
    assert.equal(valueOf(answer).terminal, '9200073-GATE1')
  })

  test('a loading terminal loads what an owner then personalises and anybody reads, until it is deleted', async () => {
    const card = powered(state)
    assert.deepEqual(valueOf(await readFreeRoom(card)), { applications: 0, bytes: 8192 })
    const open = async () =>
      valueOf(
        await openLoading(card, terminal('loading-operator'), {
          chipAnchors: anchors.chips,
          seed: random.bytes(32),
          today: '20261120',
        }),
      )
    const session = await open()
    assert.equal(session.serial, state.serial)
    const files = [{ id: 1, bytes: 16, count: 1 }]
    const plan = { aid: 'F05345534B02', type: 'C', hasPin: false, files } as const
    const ownerKey = random.bytes(32)
    valueOf(await loadApplication(session, plan, ownerKey))
    const owner = valueOf(
      await proveOwner(card, {
        aid: plan.aid,
        key: { hmac: message => createHmac('sha256', ownerKey).update(message).digest() },
        random: random.bytes(16),
        encrypted: false,
      }),
    )
    valueOf(await writeLoadedRecord(owner, 1, 1, Buffer.from('L-000123')))
    const read = valueOf(await readCommonId(card, plan.aid, 1))
    assert.equal(Buffer.from(read).toString(), 'L-000123')
    const again = await open()
    assert.equal(valueOf(await listApplications(again)).length, 1)
    valueOf(await deleteApplication(again, plan.aid))
    assert.equal(valueOf(await readFreeRoom(card)).bytes, 8192)
  })

  test('types A and D: a PIN that the owner sets, records in the clear, a file in the channel', async () => {
    const card = powered(state)
    const chip = valueOf(await readChipCertificate(card, anchors.chips))
    valueOf(await proveChip(card, chip.key, random.bytes(32)))
    const session = valueOf(
      await openLoading(card, terminal('loading-operator'), {
        chipAnchors: anchors.chips,
        seed: random.bytes(32),
        today: '20261120',
      }),
    )
    const pin = valueOf(parsePin('free-pin', '8642'))
    const content = new Uint8Array(Buffer.from('要配慮者：関所　花子'))
    const files = [{ id: 1, bytes: 200, count: 1 }]
    const key = random.bytes(32)
    for (const type of ['A', 'D'] as const) {
      const plan = { aid: `F05345534B1${type}`, type, hasPin: true, files }
      valueOf(await loadApplication(session, plan, key))
    }
    for (const type of ['A', 'D'] as const) {
      const owner = valueOf(
        await proveOwner(card, {
          aid: `F05345534B1${type}`,
          key: { hmac: message => createHmac('sha256', key).update(message).digest() },
          random: random.bytes(16),
          encrypted: type === 'D',
        }),
      )
      valueOf(await setLoadedPin(owner, pin))
      valueOf(await verifyLoadedPin(owner, pin))
      if (type === 'A') valueOf(await writeLoadedRecord(owner, 1, 1, content))
      else valueOf(await writeLoadedFile(owner, 1, content))
      const read =
        type === 'A' ? await readLoadedRecord(owner, 1, 1) : await readLoadedFile(owner, 1)
      assert.deepEqual(valueOf(read), content)
      valueOf(await selectLoaded(card, `F05345534B1${type}`))
    }
  })

  test('after a move the card shows the new address once it is brought along, with PIN and tries as they were', async () => {
    await town.happen(id, { what: 'move', municipality: '14205', address: '神奈川県藤沢市１番' })
    const readAddress = async (): Promise<string> => {
      const card = await opened(await town.card(name), selectText, 'text-pin', '2468')
      return valueOf(await readTextAttributes(card, anchors.records)).address
    }
    assert.equal(await readAddress(), '東京都千代田区霞が関２丁目１番２号')
    await changeCard(placeOf(town.world, name), state.serial, one => block(one, 'face-code-b'))
    await town.happen(id, { what: 'update-card' })
    assert.equal(await readAddress(), '神奈川県藤沢市１番')
    const now = await town.card(name)
    assert.equal(secretIn(now, 'face-code-b')?.triesLeft, 0)
    assert.equal(secretOf(now, 'text-code-b'), secretOf(state, 'text-code-b'))
    const card = await opened(now, selectFace, 'face-code-a', numbers.myNumber)
    const front = valueOf(await readFront(card, anchors.records))
    const { nameImage, addressImage } = valueOf(
      await readFront(
        await opened(state, selectFace, 'face-code-a', numbers.myNumber),
        anchors.records,
      ),
    )
    assert.deepEqual(front.nameImage, nameImage)
    assert.notDeepEqual(front.addressImage, addressImage)
  })

  test('renewal and a new signature certificate keep the other applications and the free area', async () => {
    const before = await town.card(name)
    await town.happen(id, { what: 'signature' })
    await town.happen(id, { what: 'renew', pin: '9753', password: 'SEKISHO2' })
    const now = await town.card(name)
    assert.deepEqual(
      { chip: now.chip, trust: now.trust, free: now.free, resident: now.resident },
      {
        chip: before.chip,
        trust: before.trust,
        free: before.free,
        resident: before.resident,
      },
    )
    assert.equal(secretOf(now, 'text-pin'), '2468')
    assert.equal(now.authentication.secret, '9753')
  })

  test('the window resets the PIN of each application and unblocks the codes', async () => {
    const all = ['text-pin', 'resident-pin', 'text-code-a', 'text-code-b', 'face-code-b'] as const
    await changeCard(placeOf(town.world, name), state.serial, one =>
      all.reduce<CardState>((card, secret) => block(card, secret), one),
    )
    await town.happen(id, { what: 'reset-text-pin', pin: '1357' })
    await town.happen(id, { what: 'reset-resident-pin', pin: '7531' })
    const half = await town.card(name)
    assert.equal(secretIn(half, 'text-code-b')?.triesLeft, 0)
    await town.happen(id, { what: 'unblock-codes' })
    const now = await town.card(name)
    for (const secret of all) assert.equal(secretIn(now, secret)?.triesLeft, 3, secret)
    const card = await opened(now, selectText, 'text-pin', '1357')
    assert.equal(valueOf(await triesLeft(card, 'text-code-a')), 3)
    await opened(now, selectResident, 'resident-pin', '7531')
  })

  test('a PIN that is printed on the card, or spells the birth date, is refused at the window', async () => {
    const code = secretOf(await town.card(name), 'text-code-b').slice(-4)
    const unsuitable = refused('pin-unsuitable')
    for (const what of ['reset-pin', 'reset-text-pin', 'reset-resident-pin'] as const) {
      await assert.rejects(town.happen(id, { what, pin: code }), unsuitable)
      await assert.rejects(town.happen(id, { what, pin: '0401' }), unsuitable)
      await assert.rejects(town.happen(id, { what, pin: '12345' }))
    }
    await assert.rejects(town.happen(id, { what: 'renew', pin: code }), unsuitable)
  })

  test('separate PINs for each application may be set from the start', async () => {
    const other = await town.register({ birthDate: { year: 1990, month: 2, day: 3 } })
    const file = await town.happen(other, { what: 'card', textPin: '1122', residentPin: '3344' })
    const card = await town.card(file ?? '')
    assert.equal(secretOf(card, 'text-pin'), '1122')
    assert.equal(secretOf(card, 'resident-pin'), '3344')
    assert.notEqual(card.authentication.secret, '1122')
  })

  test('a card without PINs answers certified terminals and nobody else, until the window sets one', async () => {
    const other = await town.register({ birthDate: { year: 1950, month: 2, day: 3 } })
    const both = { what: 'card', withoutPins: true, demandsPinAlways: true } as const
    await assert.rejects(town.happen(other, both), refused('event-not-possible'))
    const file = (await town.happen(other, { what: 'card', withoutPins: true })) ?? ''
    const card = await town.card(file)
    assert.equal(card.signature.privateKey, null)
    for (const secret of ['authentication', 'text-pin', 'resident-pin'] as const)
      assert.deepEqual(secretIn(card, secret)?.triesLeft, 0, secret)
    const asked = { challenge: random.bytes(32), today: '20261120' }
    const gate = terminal('pinless-organisation')
    valueOf(await authenticatePinless(powered(card), gate, asked))
    const held = powered(card)
    valueOf(await selectJpki(held))
    const tried = await verifyPin(held, valueOf(parsePin('authentication', '2468')))
    assert.equal(tried.kind === 'refused' && tried.reason, 'pin-locked')
    await town.happen(other, { what: 'renew', withoutPins: true })
    assert.equal((await town.card(file)).authentication.secret, null)
    await town.happen(other, { what: 'reset-pin', pin: '8642' })
    await opened(await town.card(file), selectJpki, 'authentication', '8642')
  })

  test('a card of before goes on without the new applications', async () => {
    const other = await town.register({ birthDate: { year: 1991, month: 2, day: 3 } })
    const file = (await town.happen(other, { what: 'card' })) ?? ''
    const { serial } = await town.card(file)
    await changeCard(placeOf(town.world, file), serial, card => ({
      v: card.v,
      serial: card.serial,
      municipality: card.municipality,
      expires: card.expires,
      demandsPinAlways: card.demandsPinAlways,
      authentication: card.authentication,
      signature: card.signature,
    }))
    await town.happen(other, { what: 'renew' })
    assert.equal((await town.card(file)).text, undefined)
    const impossible = refused('event-not-possible')
    for (const what of ['update-card', 'unblock-codes'] as const)
      await assert.rejects(town.happen(other, { what }), impossible)
    await assert.rejects(town.happen(other, { what: 'reset-text-pin', pin: '1357' }), impossible)
  })
})
