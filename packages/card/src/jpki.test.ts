import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Card, CardGone } from './exchange.ts'
import {
  changePin,
  checkCertificate,
  digestInfo,
  logout,
  readAuthenticationCertificate,
  readCaCertificate,
  readSignatureCertificate,
  selectJpki,
  sign,
  triesLeft,
  verifyPin,
} from './jpki.ts'
import { parsePin, type Pin, type SecretKind } from './pin.ts'
import { cardReasons, type Outcome } from './reason.ts'
import { readCardRecord, readTokenInformation } from './token.ts'
import { createVirtualCard } from './virtual/card.ts'
import { block, type CardState } from './virtual/state.ts'
import { hex, standIn, testCard, testKey } from './virtual/card-for-tests.ts'

const authenticationKey = testKey(1)
const signatureKey = testKey(2)
const adult = testCard(authenticationKey, signatureKey)

async function inReader(state: CardState = adult): Promise<Card> {
  const card = createVirtualCard(state, { onChange: () => undefined })
  valueOf(await selectJpki(card))
  return card
}

function valueOf<T>(outcome: Outcome<T>): T {
  assert.equal(outcome.kind, 'done', JSON.stringify(outcome))
  return outcome.value
}

function reasonOf(outcome: Outcome<unknown>): string {
  assert.equal(outcome.kind, 'refused')
  return outcome.reason
}

const pinOf = (kind: SecretKind, typed: string): Pin => valueOf(parsePin(kind, typed))

/** A card that answers from a list and keeps what it was sent. */
function scripted(answers: readonly string[]): Card & { readonly sent: string[] } {
  const sent: string[] = []
  return {
    sent,
    transmit: bytes => {
      sent.push(hex(bytes))
      const answer = answers[sent.length - 1]
      return answer === undefined
        ? Promise.reject(new CardGone())
        : Promise.resolve(new Uint8Array(Buffer.from(answer, 'hex')))
    },
  }
}

test('certificates are read in blocks, whole and unchanged', async () => {
  const card = await inReader()
  assert.deepEqual(valueOf(await readAuthenticationCertificate(card)), standIn(1500, 0xaa))
  assert.deepEqual(valueOf(await readCaCertificate(card, 'authentication')), standIn(1000, 0xab))
  assert.deepEqual(valueOf(await readCaCertificate(card, 'signature')), standIn(1001, 0xbc))
  valueOf(await verifyPin(card, pinOf('signature', 'sekisho1')))
  assert.deepEqual(valueOf(await readSignatureCertificate(card)), standIn(1700, 0xbb))
})

test('the signature certificate is not readable before the password, nor after logout', async () => {
  const card = await inReader()
  valueOf(await verifyPin(card, pinOf('authentication', '1234')))
  assert.equal(reasonOf(await readSignatureCertificate(card)), 'pin-required')
  valueOf(await verifyPin(card, pinOf('signature', 'SEKISHO1')))
  valueOf(await logout(card))
  assert.equal(reasonOf(await readSignatureCertificate(card)), 'pin-required')
})

test('openssl accepts the signature of either key over a document, and not over another', async () => {
  const card = await inReader()
  const folder = mkdtempSync(join(tmpdir(), 'card-'))
  const document = Buffer.from('申込書 no. 1')
  const digest = createHash('sha256').update(document).digest()
  try {
    for (const [kind, key, secret] of [
      ['authentication', authenticationKey, '1234'],
      ['signature', signatureKey, 'sekisho1'],
    ] as const) {
      assert.equal(reasonOf(await sign(card, kind, digest)), 'pin-required')
      valueOf(await verifyPin(card, pinOf(kind, secret)))
      writeFileSync(join(folder, 'signature'), valueOf(await sign(card, kind, digest)))
      writeFileSync(join(folder, 'document'), document)
      writeFileSync(join(folder, 'other'), '申込書 no. 2')
      writeFileSync(join(folder, 'key.pem'), key.publicKey.export({ format: 'pem', type: 'spki' }))
      const judge = (name: string): string =>
        execFileSync(
          'openssl',
          ['dgst', '-sha256', '-verify', 'key.pem', '-signature', 'signature', name],
          { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
        )
      assert.match(judge('document'), /Verified OK/)
      assert.throws(() => judge('other'))
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('asking for the tries left uses none up, before and after verification', async () => {
  const card = await inReader()
  for (let round = 0; round < 5; round++) {
    assert.equal(valueOf(await triesLeft(card, 'authentication')), 3)
    assert.equal(valueOf(await triesLeft(card, 'signature')), 5)
  }
  valueOf(await verifyPin(card, pinOf('authentication', '1234')))
  assert.equal(valueOf(await triesLeft(card, 'authentication')), 3)
})

test('wrong tries are counted at the line: the last one locks and says so', async () => {
  const card = await inReader()
  const wrong = pinOf('signature', 'WRONG1')
  for (const left of [4, 3, 2, 1]) {
    const refused = await verifyPin(card, wrong)
    assert.equal(reasonOf(refused), 'password-wrong')
    assert.ok(refused.kind === 'refused' && refused.triesLeft === left)
  }
  const last = await verifyPin(card, wrong)
  assert.equal(reasonOf(last), 'password-locked')
  assert.ok(last.kind === 'refused' && last.triesLeft === 0)
  assert.equal(reasonOf(await verifyPin(card, pinOf('signature', 'SEKISHO1'))), 'password-locked')
  assert.equal(valueOf(await triesLeft(card, 'signature')), 0)
  valueOf(await verifyPin(card, pinOf('authentication', '1234')))
})

test('a locked PIN is known before anything is typed', async () => {
  assert.equal(
    valueOf(await triesLeft(await inReader(block(adult, 'authentication')), 'authentication')),
    0,
  )
})

test('both ways of saying blocked, a bare 6300 and an already verified PIN are understood', async () => {
  assert.equal(valueOf(await triesLeft(scripted(['9000', '6983']), 'authentication')), 0)
  assert.equal(valueOf(await triesLeft(scripted(['9000', '6984']), 'authentication')), 0)
  assert.equal(valueOf(await triesLeft(scripted(['9000', '6300']), 'authentication')), undefined)
  assert.equal(valueOf(await triesLeft(scripted(['9000', '9000']), 'authentication')), undefined)
  const pin = pinOf('authentication', '1234')
  assert.equal(reasonOf(await verifyPin(scripted(['9000', '6983']), pin)), 'pin-locked')
  assert.equal(reasonOf(await verifyPin(scripted(['9000', '63C0']), pin)), 'pin-locked')
  assert.equal(reasonOf(await verifyPin(scripted(['9000', '6300']), pin)), 'pin-wrong')
  assert.equal(reasonOf(await verifyPin(scripted(['9000', '6F00']), pin)), 'command-refused')
})

test('a changed PIN is the only one that works, and it cannot be changed unverified', async () => {
  const card = await inReader()
  assert.equal(reasonOf(await changePin(card, pinOf('authentication', '9876'))), 'pin-required')
  valueOf(await verifyPin(card, pinOf('authentication', '1234')))
  valueOf(await changePin(card, pinOf('authentication', '9876')))
  valueOf(await logout(card))
  assert.equal(reasonOf(await verifyPin(card, pinOf('authentication', '1234'))), 'pin-wrong')
  valueOf(await verifyPin(card, pinOf('authentication', '9876')))
})

test('a card without signature certificate says so before a password is asked', async () => {
  const card = await inReader(testCard(authenticationKey))
  valueOf(await checkCertificate(card, 'authentication'))
  assert.equal(reasonOf(await checkCertificate(card, 'signature')), 'signature-certificate-absent')
  assert.equal(reasonOf(await readSignatureCertificate(card)), 'signature-certificate-absent')
  assert.equal(
    reasonOf(await sign(card, 'signature', new Uint8Array(32))),
    'signature-certificate-absent',
  )
})

test('a card of another kind, a card taken away and a cut answer are told apart', async () => {
  assert.equal(reasonOf(await selectJpki(scripted(['6A82']))), 'card-foreign')
  assert.equal(reasonOf(await selectJpki(scripted([]))), 'card-removed')
  assert.equal(reasonOf(await selectJpki(scripted(['90']))), 'answer-malformed')
  const broken: Card = { transmit: () => Promise.reject(new Error('cable')) }
  await assert.rejects(selectJpki(broken), /cable/)
})

test('the application is always selected by its full identifier', async () => {
  const card = scripted(['9000'])
  valueOf(await selectJpki(card))
  assert.deepEqual(card.sent, ['00A4040C0AD392F000260100000001'])
})

test('61xx is followed by GET RESPONSE and 6Cxx by one repetition with the length named', async () => {
  const digest = new Uint8Array(32)
  const signature = 'AB'.repeat(256)
  const chained = scripted([
    '9000',
    '6100',
    `${signature.slice(0, 400)}6138`,
    `${signature.slice(400)}9000`,
  ])
  assert.equal(hex(valueOf(await sign(chained, 'authentication', digest))), signature)
  assert.deepEqual(chained.sent.slice(2), ['00C0000000', '00C0000038'])
  const repeated = scripted(['9000', '6C80', `${'CD'.repeat(128)}9000`])
  assert.equal(hex(valueOf(await sign(repeated, 'authentication', digest))), 'CD'.repeat(128))
  assert.match(repeated.sent[2] ?? '', /^802A008033[0-9A-F]{102}80$/)
  const endless: Card = { transmit: () => Promise.resolve(Uint8Array.of(0x61, 0x10)) }
  assert.equal(reasonOf(await selectJpki(endless)), 'answer-malformed')
})

test('a certificate file that is no SEQUENCE, too long or cut short is refused', async () => {
  for (const answers of [
    ['9000', '048201009000'],
    ['9000', '3082FFFF9000'],
    ['9000', '308201009000', '9000'],
    ['9000', '6B00'],
  ]) {
    const reason = reasonOf(await readAuthenticationCertificate(scripted(answers)))
    assert.ok(['file-malformed', 'command-refused'].includes(reason), reason)
  }
})

test('what was sent is zeroed, so that no transport is left holding a PIN', async () => {
  const kept: Uint8Array[] = []
  const card: Card = {
    transmit: bytes => {
      kept.push(bytes)
      return Promise.resolve(Uint8Array.of(0x90, 0x00))
    },
  }
  valueOf(await verifyPin(card, pinOf('authentication', '1234')))
  assert.ok(kept.every(bytes => bytes.every(byte => byte === 0)))
})

test('token information and card record say what kind of card it is', async () => {
  const card = await inReader()
  assert.equal(valueOf(await readTokenInformation(card)).label, 'JPKIAPICCTOKEN2')
  assert.deepEqual(valueOf(await readCardRecord(card)), {
    serial: '123456789012345',
    municipality: '13101',
    expires: '20351120',
  })
})

test('only a digest of 32 bytes can be signed', async () => {
  assert.throws(() => digestInfo(new Uint8Array(31)), RangeError)
  await assert.rejects(sign(await inReader(), 'authentication', new Uint8Array(33)), RangeError)
})

test('every card reason has a Japanese and an English text', () => {
  for (const [code, texts] of Object.entries(cardReasons)) {
    assert.match(code, /^[a-z]+(-[a-z]+)*$/)
    assert.ok(texts.ja.length > 3 && texts.en.length > 3)
  }
})
