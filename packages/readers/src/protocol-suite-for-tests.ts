/**
 * The suite that every transport of the reader protocol passes (`docs/protocol/reader.md`). A transport's test brings a
 * `SuiteTransport`; openssl judges the signatures. Tests only.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { block, type CardState } from '@sekisho/card/virtual'
import {
  authenticationMessage,
  parseStatement,
  type ReaderAnswer,
  type ReaderRequest,
  readerAnswer,
} from '@sekisho/contract/reader'
import { parseCertificate } from '@sekisho/pki'
import { prepareDocument } from '@sekisho/pki/assemble'
import { temporaryFolder } from '@sekisho/runtime/files'
import { adultCard, testPassword, testPin, youngCard } from './citizens-for-tests.ts'

/** What the person does in one ceremony: types this, or cancels. */
export type SuitePerson = { readonly types: string } | 'cancels'

/** A reader under test: a page at `origin` asks, with this card in it and this person before it. */
export type SuiteTransport = {
  readonly name: string
  /** The origin that the page has; the transport says which it can bring. */
  readonly origin: string
  /** Gives the page's answer and the card's state afterwards. */
  ask(given: {
    readonly request: ReaderRequest
    readonly card: CardState | undefined
    readonly person: SuitePerson
  }): Promise<{ readonly answer: unknown; readonly card: CardState | undefined }>
}

const challenge = Buffer.alloc(32, 7).toString('base64url')
const login: ReaderRequest = {
  v: 1,
  type: 'authenticate',
  id: 'login-1',
  purpose: 'login',
  challenge,
}
const text = '申込書\n普通預金の口座を開設します。\n'
const application: ReaderRequest = {
  v: 1,
  type: 'sign',
  id: 'sign-1',
  purpose: 'sign',
  title: '口座開設の申込み',
  mediaType: 'text/plain',
  document: Buffer.from(text).toString('base64'),
}

/** Registers the tests for one transport. `transport` is made once, by `open`, and closed at the end. */
export function testProtocol(
  name: string,
  open: () => Promise<SuiteTransport & { close(): Promise<void> }>,
): void {
  test(`the reader protocol over ${name}`, async context => {
    const transport = await open()
    try {
      await testAuthentication(context, transport)
      await testSignature(context, transport)
      await testContainer(context, transport)
      await testRefusals(context, transport)
    } finally {
      await transport.close()
    }
  })
}

type Context = { test(name: string, run: () => Promise<void>): Promise<unknown> }

async function testAuthentication(context: Context, transport: SuiteTransport): Promise<void> {
  await context.test(
    'the authentication key signs the statement with the origin of the page',
    async () => {
      const card = adultCard()
      const { answer } = await transport.ask({ request: login, card, person: { types: testPin } })
      const read = answerOf(answer)
      assert.ok(read.type === 'authenticated', JSON.stringify(read))
      assert.equal(read.id, login.id)
      const signed = fromBase64Url(read.signed)
      assert.deepEqual(parseStatement(signed), {
        v: 1,
        type: 'authenticate',
        purpose: 'login',
        origin: transport.origin,
        challenge,
      })
      const certificate = fromBase64Url(read.certificate)
      assert.equal(Buffer.from(certificate).toString('base64'), card.authentication.certificate)
      await judge(certificate, authenticationMessage(signed), fromBase64Url(read.signature))
    },
  )
}

async function testSignature(context: Context, transport: SuiteTransport): Promise<void> {
  await context.test(
    'the signature key signs the document, so that openssl accepts it',
    async () => {
      const card = adultCard()
      const person = { types: testPassword.toLowerCase() }
      const { answer } = await transport.ask({ request: application, card, person })
      const read = answerOf(answer)
      assert.ok(read.type === 'signed', JSON.stringify(read))
      const certificate = fromBase64Url(read.certificate)
      assert.equal(Buffer.from(certificate).toString('base64'), card.signature.certificate)
      await judge(certificate, Buffer.from(text), fromBase64Url(read.signature))
    },
  )
}

async function testContainer(context: Context, transport: SuiteTransport): Promise<void> {
  await context.test(
    'for a container the reader computes what is signed, and openssl opens it',
    async () => {
      const card = adultCard()
      const signingTime = '2026-11-20T09:00:00Z'
      const request = { ...application, container: { format: 'cades', signingTime } } as const
      const { answer } = await transport.ask({ request, card, person: { types: testPassword } })
      const read = answerOf(answer)
      assert.ok(read.type === 'signed', JSON.stringify(read))
      const prepared = prepareDocument({
        format: 'cades',
        document: Buffer.from(text),
        mediaType: 'text/plain',
        certificate: parseCertificate(fromBase64Url(read.certificate)),
        algorithm: 'rsa-sha256',
        signingTime: Date.parse(signingTime),
      })
      const file = prepared.finish(fromBase64Url(read.signature))
      await using folder = await temporaryFolder('container')
      writeFileSync(join(folder.path, 'file'), file)
      const opened = execFileSync('openssl', [
        'cms',
        '-verify',
        '-noverify',
        '-binary',
        '-inform',
        'DER',
        '-in',
        join(folder.path, 'file'),
      ])
      assert.equal(opened.toString(), text)
    },
  )
}

async function testRefusals(context: Context, transport: SuiteTransport): Promise<void> {
  const refuses = async (
    code: string,
    request: ReaderRequest,
    card: CardState | undefined,
    person: SuitePerson,
  ): Promise<CardState | undefined> => {
    const done = await transport.ask({ request, card, person })
    assert.deepEqual(answerOf(done.answer), { v: 1, type: 'refused', id: request.id, code })
    return done.card
  }
  await context.test('a wrong PIN is refused and costs one try', async () => {
    const card = await refuses('pin-wrong', login, adultCard(), { types: '0000' })
    assert.equal(card?.authentication.triesLeft, 2)
  })
  await context.test('a malformed PIN is refused and costs none', async () => {
    const card = await refuses('pin-malformed', login, adultCard(), { types: '123' })
    assert.equal(card?.authentication.triesLeft, 3)
    const signing = await refuses('pin-malformed', application, adultCard(), { types: '1234' })
    assert.equal(signing?.signature.triesLeft, 5)
  })
  await context.test('a locked PIN and a locked password are refused', async () => {
    const locked = block(adultCard(), 'authentication')
    await refuses('pin-locked', login, locked, { types: testPin })
    await refuses('pin-locked', application, block(adultCard(), 'signature'), {
      types: testPassword,
    })
  })
  await context.test('the person may cancel', async () => {
    const card = await refuses('ceremony-cancelled', login, adultCard(), 'cancels')
    assert.equal(card?.authentication.triesLeft, 3)
  })
  await context.test('a card without signature certificate cannot sign, but logs in', async () => {
    await refuses('signature-certificate-absent', application, youngCard(), { types: testPassword })
    const { answer } = await transport.ask({
      request: login,
      card: youngCard(),
      person: { types: testPin },
    })
    assert.equal(answerOf(answer).type, 'authenticated')
  })
  await context.test('a reader without a card says so', async () => {
    await refuses('card-absent', login, undefined, 'cancels')
  })
}

function answerOf(value: unknown): ReaderAnswer {
  const parsed = readerAnswer.safeParse(value)
  assert.ok(parsed.success, `not an answer: ${JSON.stringify(value)}`)
  return parsed.data
}

async function judge(
  certificate: Uint8Array,
  document: Uint8Array,
  signature: Uint8Array,
): Promise<void> {
  await using folder = await temporaryFolder('reader')
  const at = (name: string): string => join(folder.path, name)
  writeFileSync(at('certificate.der'), certificate)
  writeFileSync(at('document'), document)
  writeFileSync(at('signature'), signature)
  const openssl = (...args: readonly string[]): string =>
    execFileSync('openssl', args, { cwd: folder.path, encoding: 'utf8' })
  writeFileSync(
    at('key.pem'),
    openssl('x509', '-inform', 'DER', '-in', 'certificate.der', '-noout', '-pubkey'),
  )
  assert.match(
    openssl('dgst', '-sha256', '-verify', 'key.pem', '-signature', 'signature', 'document'),
    /Verified OK/,
  )
}

const fromBase64Url = (text64: string): Uint8Array =>
  Uint8Array.from(Buffer.from(text64, 'base64url'))
