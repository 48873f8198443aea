import assert from 'node:assert/strict'
import { createHash, createPublicKey, randomBytes, verify, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { jpkiTown, parseCertificate } from '@sekisho/pki'
import {
  issueAuthenticationCertificate,
  issueAuthorityCertificate,
  lastInstantOfDay,
  partitionName,
  poolKey,
} from '@sekisho/pki/issue'
import {
  issueCvCertificate,
  issueOrganisationCertificate,
  issueTerminalCertificate,
} from './issue/cv.ts'
import type { Card } from './exchange.ts'
import { sign, verifyPin } from './jpki.ts'
import { parsePin } from './pin.ts'
import { authenticatePinless, type PinlessAnswer } from './pinless.ts'
import type { Outcome } from './reason.ts'
import type { TerminalCredential } from './terminal.ts'
import { createVirtualCard, type VirtualCard } from './virtual/card.ts'
import { type CardState, parseCardState } from './virtual/state.ts'
import {
  hex,
  testApplications,
  testCard,
  testKey,
  testTerminal,
  testTerminalAuthority,
} from './virtual/card-for-tests.ts'

const today = '20261120'
const key = testKey(1)
const full: CardState = withCertificate({ ...testCard(key), ...testApplications() })

function withCertificate(state: CardState): CardState {
  const certificate = Buffer.from(testAuthenticationCertificate(1)).toString('base64')
  return { ...state, authentication: { ...state.authentication, certificate } }
}

/** A real authentication certificate for the pool key of that index. */
function testAuthenticationCertificate(index: number): Uint8Array {
  const profile = jpkiTown
  const notBefore = Date.UTC(2026, 0, 1)
  const { spki, sign: signAs } = poolKey(10)
  const issuer = issueAuthorityCertificate({
    profile,
    kind: 'authentication',
    serial: Uint8Array.of(1),
    notBefore,
    notAfter: lastInstantOfDay(2036, 1, 1),
    spki,
    algorithm: 'rsa-sha256',
    sign: signAs,
  })
  return issueAuthenticationCertificate({
    profile,
    issuer: { certificate: parseCertificate(issuer), algorithm: 'rsa-sha256', sign: signAs },
    serial: Uint8Array.of(9),
    spki: poolKey(index).spki,
    notBefore,
    notAfter: lastInstantOfDay(2031, 1, 1),
    commonName: 'TEST',
    partition: partitionName(profile, 'authentication', 'Tokyo-to', 'Chiyoda-ku'),
  })
}

function powered(
  state: CardState = full,
  onChange: (state: CardState) => void = () => undefined,
): VirtualCard {
  const read = parseCardState(JSON.parse(JSON.stringify(state)))
  return createVirtualCard(read, { onChange, random: size => new Uint8Array(randomBytes(size)) })
}

function valueOf<T>(outcome: Outcome<T>): T {
  assert.equal(outcome.kind, 'done', JSON.stringify(outcome))
  return outcome.value
}

const said = (outcome: Outcome<unknown>): string =>
  outcome.kind === 'done' ? 'done' : outcome.reason

const ask = (
  card: Card,
  terminal: TerminalCredential = testTerminal(),
  challenge: Uint8Array = new Uint8Array(32).fill(7),
): Promise<Outcome<PinlessAnswer>> => authenticatePinless(card, terminal, { challenge, today })

/** The day that a card knows after an exchange. */
async function dateAfter(state: CardState, terminal: TerminalCredential): Promise<string> {
  let date = state.trust?.date ?? ''
  const card = powered(state, changed => {
    date = changed.trust?.date ?? ''
  })
  await ask(card, terminal)
  return date
}

test('a card answers a terminal of a known organisation without PIN, and names both in what it signs', async () => {
  const challenge = randomBytes(32)
  const answer = valueOf(await ask(powered(), testTerminal(), challenge))
  assert.equal(answer.organisation, '9200073')
  assert.equal(answer.terminal, '9200073-GATE1')
  const statement = Buffer.concat([
    Buffer.from('sekisho-card-pinless-v1\0'),
    Buffer.from('9200073         9200073-GATE1   '),
    challenge,
  ])
  assert.equal(hex(answer.statement), hex(statement))
  const holder = new X509Certificate(answer.certificate).publicKey
  assert.ok(verify('sha256', statement, holder, answer.signature))
})

test('the answer opens nothing else: no signature of a login or document, no second answer', async () => {
  const card = powered()
  valueOf(await ask(card))
  const digest = createHash('sha256').update('sekisho-card-authentication-v1\0{}').digest()
  assert.equal(said(await sign(card, 'authentication', digest)), 'pin-required')
  assert.equal(hex(await card.transmit(again)), '6985')
})

const again = Buffer.concat([
  Buffer.from('0088009720', 'hex'),
  new Uint8Array(32),
  Buffer.from('00', 'hex'),
])

test('a PIN that was verified opens no PIN-less answer', async () => {
  const card = powered()
  await card.transmit(Buffer.from('00A4040C0AD392F000260100000001', 'hex'))
  valueOf(await verifyPin(card, valueOf(parsePin('authentication', '1234'))))
  assert.equal(hex(await card.transmit(again)), '6985')
})

test('who demands the PIN always gives no answer; a locked PIN does not matter', async () => {
  assert.equal(said(await ask(powered({ ...full, demandsPinAlways: true }))), 'pin-demanded')
  const locked = { ...full, authentication: { ...full.authentication, triesLeft: 0 } }
  assert.equal(said(await ask(powered(locked))), 'done')
})

test('an organisation that the authority did not certify is refused', async () => {
  const stranger = { ...testTerminalAuthority(20), id: '9000002' }
  assert.equal(
    said(await ask(powered(), testTerminal({ authority: stranger }))),
    'organisation-unknown',
  )
  // The right name under a key that is not the authority's.
  const liar = testTerminalAuthority(20)
  assert.equal(said(await ask(powered(), testTerminal({ authority: liar }))), 'terminal-refused')
})

test('a terminal with another key than its certificate says is refused', async () => {
  assert.equal(said(await ask(powered(), testTerminal({ key: 20 }))), 'terminal-refused')
})

test('past its days a terminal does not even ask; the last day counts', async () => {
  const card = powered()
  let commands = 0
  const counting: Card = {
    transmit: bytes => {
      commands++
      return card.transmit(bytes)
    },
  }
  assert.equal(
    said(await ask(counting, testTerminal({ days: ['20261113', '20261119'] }))),
    'terminal-expired',
  )
  assert.equal(
    said(await ask(counting, testTerminal({ days: ['20261121', '20261122'] }))),
    'terminal-expired',
  )
  assert.equal(commands, 0)
  assert.equal(said(await ask(counting, testTerminal({ days: ['20261114', today] }))), 'done')
})

test('the card refuses what ended before the latest day it has heard of, though it has no clock', async () => {
  const { trust } = full
  assert.ok(trust)
  const later = (date: string): CardState => ({ ...full, trust: { ...trust, date } })
  assert.equal(said(await ask(powered(later('20261122')))), 'done')
  assert.equal(said(await ask(powered(later('20261123')))), 'terminal-expired')
  // The organisation's own certificate.
  const old = testTerminal({ organisationDays: ['20261101', '20261122'] })
  assert.equal(said(await ask(powered(later('20261123')), old)), 'terminal-expired')
})

test("the card's day moves forward with the authority's signature only, and never back", async () => {
  assert.equal(full.trust?.date, '20261001')
  assert.equal(await dateAfter(full, testTerminal()), '20261101')
  const earlier = testTerminal({ organisationDays: ['20260901', '20261130'] })
  assert.equal(await dateAfter(full, earlier), '20261001')
  // A forger's certificate from the far future moves nothing.
  const forged = testTerminal({
    authority: testTerminalAuthority(20),
    organisationDays: ['20261115', '20261130'],
  })
  assert.equal(await dateAfter(full, forged), '20261001')
})

test('what the card learns is written down before it answers; when it cannot be, nothing is accepted', async () => {
  const card = powered(full, () => {
    throw new Error('disk full')
  })
  assert.equal(said(await ask(card)), 'terminal-refused')
  assert.equal(hex(await card.transmit(again)), '6985')
})

test('a signature over one challenge is worth nothing for another, nor twice', async () => {
  const card = powered()
  let kept: Uint8Array | undefined
  const replaying: TerminalCredential = {
    ...testTerminal(),
    sign: message => {
      kept ??= poolKey(16).sign('rsa-sha256', message)
      return kept
    },
  }
  valueOf(await ask(card, replaying))
  assert.equal(said(await ask(card, replaying)), 'terminal-refused')
  const proof = Buffer.concat([Buffer.from('00820000000100', 'hex'), kept ?? new Uint8Array(0)])
  assert.equal(hex(await card.transmit(proof)), '6985')
})

test('a challenge is lost with power and with selection', async () => {
  for (const lose of [
    (card: VirtualCard) => card.reset(),
    (card: VirtualCard) => card.transmit(Buffer.from('00A4040C0AD392F000260100000001', 'hex')),
  ]) {
    const card = powered()
    const terminal = testTerminal()
    const interrupted: TerminalCredential = {
      ...terminal,
      sign: async message => {
        await lose(card)
        return terminal.sign(message)
      },
    }
    assert.equal(said(await ask(card, interrupted)), 'terminal-refused')
  }
})

test('a copy that has all certificates but not the key is found out by the terminal', async () => {
  const other = Buffer.from(testKey(2).pkcs8).toString('base64')
  const copy = { ...full, authentication: { ...full.authentication, privateKey: other } }
  assert.equal(said(await ask(powered(copy))), 'card-cloned')
})

test('certificates serve nothing but what they are for', async () => {
  const organisation = {
    certificate: testTerminal().organisationCertificate,
    sign: (message: Uint8Array) => poolKey(15).sign('rsa-sha256', message),
  }
  const { spki } = poolKey(16)
  const term = { from: '20261116', until: '20261122' } as const
  const by = (
    subject: string,
    role: 'pinless-terminal' | 'pinless-organisation',
    issuer = '9200073',
  ) =>
    issueCvCertificate(
      { subject, spki, term: { role, ...term } },
      { id: issuer, sign: organisation.sign },
    )
  for (const [terminalCertificate, reason] of [
    // Named as another organisation's terminal, or as none's.
    [by('9200074-GATE1', 'pinless-terminal'), 'terminal-refused'],
    [by('9200073', 'pinless-terminal'), 'terminal-refused'],
    [by('9200073-', 'pinless-terminal'), 'terminal-refused'],
    // An organisation that makes organisations.
    [by('9200073-GATE1', 'pinless-organisation'), 'terminal-refused'],
    // Longer than the organisation's own.
    [
      issueCvCertificate(
        {
          subject: '9200073-GATE1',
          spki,
          term: { role: 'pinless-terminal', from: '20261116', until: '20270201' },
        },
        { id: '9200073', sign: organisation.sign },
      ),
      'terminal-expired',
    ],
  ] as const)
    assert.equal(said(await ask(powered(), { ...testTerminal(), terminalCertificate })), reason)
  // A certificate for loading is none for answers without PIN.
  const loading = testTerminal({ role: 'loading-operator' })
  assert.equal(said(await ask(powered(), loading)), 'terminal-refused')
})

test('a card past its own end by the day it knows answers no more', async () => {
  assert.equal(said(await ask(powered({ ...full, expires: '20261031' }))), 'terminal-refused')
  assert.equal(said(await ask(powered({ ...full, expires: '20261101' }))), 'done')
})

test('a card of before knows no terminals, and one without randomness gives no challenge', async () => {
  const before = withCertificate(testCard(key))
  assert.equal(said(await ask(powered(before))), 'terminal-unsupported')
  const dull = createVirtualCard(full, { onChange: () => undefined })
  assert.equal(said(await ask(dull)), 'terminal-unsupported')
})

test('certificates are not made for a wrong code, too many days, days that are none, or days outside', () => {
  const { spki } = poolKey(15)
  const organisation = { code: '9200073', spki, role: 'pinless-organisation' } as const
  const authority = testTerminalAuthority()
  for (const wrong of [
    { ...organisation, code: '920007', from: '20261101', until: '20261130' },
    { ...organisation, from: '20261101', until: '20270201' },
    { ...organisation, from: '20261130', until: '20261101' },
    { ...organisation, from: '20261131', until: '20261201' },
    { ...organisation, from: '2026-1-1', until: '20261201' },
  ])
    assert.throws(() => issueOrganisationCertificate(wrong, authority), RangeError)
  const certificate = issueOrganisationCertificate(
    { ...organisation, from: '20261101', until: '20261130' },
    authority,
  )
  const issuer = {
    certificate,
    sign: (message: Uint8Array) => poolKey(15).sign('rsa-sha256', message),
  }
  for (const wrong of [
    { number: 'GATE1', spki, from: '20261128', until: '20261201' },
    { number: 'GATE1', spki, from: '20261031', until: '20261102' },
    { number: 'GATE1', spki, from: '20261101', until: '20261108' },
    { number: '', spki, from: '20261101', until: '20261102' },
    { number: 'A-B', spki, from: '20261101', until: '20261102' },
  ])
    assert.throws(() => issueTerminalCertificate(wrong, issuer), RangeError)
  assert.throws(
    () =>
      issueTerminalCertificate(
        { number: 'X', spki, from: '20261101', until: '20261102' },
        { ...issuer, certificate: certificate.subarray(1) },
      ),
    RangeError,
  )
})

test('node:crypto agrees with the keys and signatures of CV certificates', () => {
  const { organisationCertificate } = testTerminal()
  const text = hex(organisationCertificate)
  // The body is the value of 5F4E, the signature that of 5F37.
  const body = Buffer.from(/5F4E82(....)/.exec(text)?.[1] ?? '', 'hex').readUInt16BE()
  const at = text.indexOf('5F4E82') / 2 + 5
  const signed = organisationCertificate.subarray(at, at + body)
  const root = createPublicKey({ key: Buffer.from(poolKey(14).spki), format: 'der', type: 'spki' })
  assert.ok(verify('sha256', signed, root, organisationCertificate.subarray(-256)))
  assert.equal(body, 16 + 16 + 5 + 260 + 4 + 7 + 7)
})
