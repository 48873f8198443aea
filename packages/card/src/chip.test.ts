import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { proveChip, readChipCertificate } from './chip.ts'
import type { CvCertificate } from './cv-certificate.ts'
import type { Card } from './exchange.ts'
import { verifyPin } from './jpki.ts'
import { parsePin } from './pin.ts'
import type { Outcome } from './reason.ts'
import { selectText } from './text.ts'
import { createVirtualCard } from './virtual/card.ts'
import type { CardState } from './virtual/state.ts'
import {
  testApplications,
  testCard,
  testChipAnchor,
  testKey,
  testSigner,
} from './virtual/card-for-tests.ts'

const full: CardState = { ...testCard(testKey(1)), ...testApplications() }
const powered = (state: CardState): Card => createVirtualCard(state, { onChange: () => undefined })

function valueOf<T>(outcome: Outcome<T>): T {
  assert.equal(outcome.kind, 'done', JSON.stringify(outcome))
  return outcome.value
}

function reasonOf(outcome: Outcome<unknown>): string {
  assert.equal(outcome.kind, 'refused')
  return outcome.reason
}

async function certificateOn(card: Card): Promise<CvCertificate> {
  return valueOf(await readChipCertificate(card, [testChipAnchor]))
}

test('a chip answers a challenge with the key of its certificate, under any application but JPKI', async () => {
  const card = powered(full)
  const certificate = await certificateOn(card)
  assert.equal(certificate.subject, '123456789012345')
  valueOf(await proveChip(card, certificate.key, randomBytes(32)))
  valueOf(await selectText(card))
  valueOf(await proveChip(card, certificate.key, randomBytes(32)))
  await card.transmit(Buffer.from('00A4040C0AD392F000260100000001', 'hex'))
  assert.equal(reasonOf(await proveChip(card, certificate.key, randomBytes(32))), 'file-absent')
})

test('a copy with every readable file but another key is found out', async () => {
  const { chip } = full
  assert.ok(chip)
  const copy = powered({
    ...full,
    chip: { ...chip, privateKey: Buffer.from(testKey(30).pkcs8).toString('base64') },
  })
  const certificate = await certificateOn(copy)
  assert.equal(reasonOf(await proveChip(copy, certificate.key, randomBytes(32))), 'card-cloned')
})

test('an answer to another challenge is refused, and a challenge of another size never signed', async () => {
  const card = powered(full)
  const certificate = await certificateOn(card)
  const kept = await card.transmit(
    Uint8Array.from([0x00, 0x88, 0x00, 0x00, 0x20, ...new Uint8Array(32), 0x00]),
  )
  const replaying: Card = { transmit: () => Promise.resolve(kept) }
  assert.equal(
    reasonOf(await proveChip(replaying, certificate.key, randomBytes(32))),
    'card-cloned',
  )
  assert.equal(
    reasonOf(await proveChip(card, certificate.key, new Uint8Array(31))),
    'command-refused',
  )
})

test('a certificate by somebody else, altered or absent, is refused', async () => {
  const forged = powered({ ...full, ...testApplications(testSigner(21, 22)) })
  const anchors = [testChipAnchor]
  assert.equal(reasonOf(await readChipCertificate(forged, anchors)), 'record-altered')
  assert.equal(reasonOf(await readChipCertificate(forged, [])), 'signer-unknown')
  const before = powered(testCard(testKey(1)))
  assert.equal(reasonOf(await readChipCertificate(before, anchors)), 'file-absent')
})

test('a verified PIN survives the proof, which needs none', async () => {
  const card = powered(full)
  const certificate = await certificateOn(card)
  valueOf(await selectText(card))
  valueOf(await verifyPin(card, valueOf(parsePin('text-pin', '1234'))))
  valueOf(await proveChip(card, certificate.key, randomBytes(32)))
})
