import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { proveChip } from './chip.ts'
import type { Card } from './exchange.ts'
import { readBirthDate, readFront, readMyNumberImage, selectFace } from './face.ts'
import { verifyPin } from './jpki.ts'
import { parsePin, type SecretName } from './pin.ts'
import type { Outcome } from './reason.ts'
import { composeTlv, composeTlvs, parseTlvs, type Tlv } from './tlv.ts'
import { createVirtualCard } from './virtual/card.ts'
import { type CardState, parseCardState } from './virtual/state.ts'
import {
  standIn,
  testAnchor,
  testApplications,
  testCard,
  testKey,
  testNumbers,
  testSigner,
} from './virtual/card-for-tests.ts'

const full: CardState = { ...testCard(testKey(1)), ...testApplications() }
const anchors = [testAnchor]

async function opened(
  name: SecretName | undefined,
  typed: string,
  state: CardState = full,
): Promise<Card> {
  const card = createVirtualCard(parseCardState(JSON.parse(JSON.stringify(state))), {
    onChange: () => undefined,
  })
  valueOf(await selectFace(card))
  if (name !== undefined) valueOf(await verifyPin(card, valueOf(parsePin(name, typed))))
  return card
}

function valueOf<T>(outcome: Outcome<T>): T {
  assert.equal(outcome.kind, 'done', JSON.stringify(outcome))
  return outcome.value
}

const said = (outcome: Outcome<unknown>): string =>
  outcome.kind === 'done' ? 'done' : outcome.reason

/** The card with the objects of a face file changed. */
function bent(file: string, tag: number, change: (parts: Tlv[]) => Tlv[]): CardState {
  const { face } = full
  assert.ok(face)
  const whole = parseTlvs(Buffer.from(face.files[file] ?? '', 'base64'))?.[0]
  const parts = [...(parseTlvs(whole?.value ?? new Uint8Array(0)) ?? [])]
  assert.ok(parts.length > 2)
  const bytes = composeTlv(tag, composeTlvs(change(parts)))
  const files = { ...face.files, [file]: Buffer.from(bytes).toString('base64') }
  return { ...full, face: { ...face, files } }
}

const withValue = (tag: number, value: Uint8Array) => (parts: Tlv[]) =>
  parts.map(part => (part.tag === tag ? { tag, value } : part))

test('code A opens front and back, code B the front, the birth date its own record, nothing opens nothing', async () => {
  for (const [name, typed, expected] of [
    [undefined, '', ['pin-required', 'pin-required', 'pin-required']],
    ['face-code-a', testNumbers.myNumber, ['done', 'done', 'pin-required']],
    ['face-code-b', testNumbers.codeB, ['done', 'pin-required', 'pin-required']],
    ['face-birth', testNumbers.birthCode, ['pin-required', 'pin-required', 'done']],
  ] as const) {
    const card = await opened(name, typed)
    assert.deepEqual(
      [
        said(await readFront(card, anchors)),
        said(await readMyNumberImage(card, anchors)),
        said(await readBirthDate(card, anchors)),
      ],
      expected,
    )
  }
})

test('the front comes whole, and says what its signature does not cover', async () => {
  const card = await opened('face-code-b', testNumbers.codeB)
  const { chipKey, ...front } = valueOf(await readFront(card, anchors))
  assert.deepEqual(front, {
    birthDate: '19780304',
    gender: 'female',
    nameImage: standIn(300, 0x01),
    addressImage: standIn(700, 0x02),
    photo: standIn(4000, 0x03),
    unsigned: { expires: '20351120', securityCodeImage: standIn(90, 0x04) },
  })
  valueOf(await proveChip(card, chipKey, randomBytes(32)))
})

test('each signed entry is covered: birth date, sex, key, name, address, photo', async () => {
  for (const [tag, value] of [
    [0xdf22, Buffer.from('19990304')],
    [0xdf23, Buffer.from('1')],
    [0xdf25, standIn(300, 0x09)],
    [0xdf26, standIn(700, 0x09)],
    [0xdf27, standIn(4000, 0x09)],
    [0xdf28, new Uint8Array(256).fill(7)],
    [0xdf28, new Uint8Array(0)],
  ] as const) {
    const card = await opened(
      'face-code-b',
      testNumbers.codeB,
      bent('0002', 0xff20, withValue(tag, value)),
    )
    assert.equal(said(await readFront(card, anchors)), 'record-altered', tag.toString(16))
  }
})

test('a signature by a signer other than the one in the certificate file is refused', async () => {
  const other = testApplications(testSigner(11, 30)).face
  const file = parseTlvs(Buffer.from(other?.files['0002'] ?? '', 'base64'))?.[0]
  const signature = parseTlvs(file?.value ?? new Uint8Array(0))?.[7]
  assert.equal(signature?.tag, 0xdf28)
  const mixed = bent('0002', 0xff20, withValue(0xdf28, signature.value))
  const card = await opened('face-code-b', testNumbers.codeB, mixed)
  assert.equal(said(await readFront(card, anchors)), 'record-altered')
})

test('the chip key of another card in a signed front is refused', async () => {
  const key = composeTlvs([
    { tag: 0x90, value: Uint8Array.of(1, 0, 1) },
    { tag: 0x91, value: new Uint8Array(256).fill(0xc5) },
  ])
  const state = bent('0002', 0xff20, withValue(0xdf24, key))
  const card = await opened('face-code-b', testNumbers.codeB, state)
  assert.equal(said(await readFront(card, anchors)), 'record-altered')
})

test('expiry and security code are not covered: a change of them is not seen, which is why they are told apart', async () => {
  const state = bent('0002', 0xff20, withValue(0xdf29, Buffer.from('20991231')))
  const card = await opened('face-code-b', testNumbers.codeB, state)
  assert.equal(valueOf(await readFront(card, anchors)).unsigned.expires, '20991231')
})

test('entries out of order, missing, doubled or of a wrong form are refused', async () => {
  for (const change of [
    (parts: Tlv[]) => parts.toReversed(),
    (parts: Tlv[]) => parts.slice(0, -1),
    (parts: Tlv[]) => [...parts, ...parts.slice(-1)],
    withValue(0xdf22, Buffer.from('1978-304')),
    withValue(0xdf23, Buffer.from('3')),
    withValue(0xdf24, new Uint8Array(9)),
  ]) {
    const card = await opened('face-code-b', testNumbers.codeB, bent('0002', 0xff20, change))
    assert.equal(said(await readFront(card, anchors)), 'file-malformed')
  }
})

test('the my-number image and the birth record are covered by their own signatures', async () => {
  const image = bent('0005', 0xff40, withValue(0xdf41, standIn(200, 0x06)))
  const back = await opened('face-code-a', testNumbers.myNumber, image)
  assert.equal(said(await readMyNumberImage(back, anchors)), 'record-altered')
  const birth = bent('0001', 0xff10, withValue(0xdf11, Buffer.from('19780305')))
  const card = await opened('face-birth', testNumbers.birthCode, birth)
  assert.equal(said(await readBirthDate(card, anchors)), 'record-altered')
})

test('the front of one card and the certificate of another signer do not fit', async () => {
  const forged = { ...full, ...testApplications(testSigner(21, 22)) }
  const card = await opened('face-code-b', testNumbers.codeB, forged)
  assert.equal(said(await readFront(card, anchors)), 'record-altered')
  assert.equal(said(await readFront(card, [])), 'signer-unknown')
})
