import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import {
  authenticationMessage,
  composeStatement,
  documentBytesMax,
  parseStatement,
  readerAnswer,
  readerRequest,
  refusedAnswer,
} from './reader.ts'

const page = readFileSync(new URL('../../../docs/protocol/reader.md', import.meta.url), 'utf8')
const vectors = JSON.parse(/```vectors\n([\s\S]*?)```/.exec(page)?.[1] ?? '')
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const { challenge } = vectors.authenticate.request

test('statement and message of docs/protocol/reader.md are made byte for byte', () => {
  const { request, origin, statement, message, digest } = vectors.authenticate
  assert.ok(readerRequest.safeParse(request).success)
  const made = composeStatement({ purpose: request.purpose, origin, challenge })
  assert.equal(new TextDecoder().decode(made), statement)
  assert.equal(Buffer.from(made).toString('base64url'), vectors.authenticate.signed)
  assert.equal(Buffer.from(authenticationMessage(made)).toString('hex'), message)
  assert.equal(createHash('sha256').update(authenticationMessage(made)).digest('hex'), digest)
  assert.deepEqual(parseStatement(made), {
    v: 1,
    type: 'authenticate',
    purpose: 'login',
    origin,
    challenge,
  })
})

test('the document of the signing vector is what base64 carries', () => {
  const { request, documentBytes, digest } = vectors.sign
  assert.ok(readerRequest.safeParse(request).success)
  const document = Buffer.from(request.document, 'base64')
  assert.equal(document.toString('hex'), documentBytes)
  assert.equal(createHash('sha256').update(document).digest('hex'), digest)
})

test('a statement has one spelling: any other bytes of the same meaning are refused', () => {
  const { statement } = vectors.authenticate
  for (const other of [
    statement.replace(':1', ': 1'),
    ` ${statement}`,
    statement.replace('"v":1,"type":"authenticate"', '"type":"authenticate","v":1'),
    statement.replace('{', '{"purpose":"login",'),
    statement.replace('}', ',"digest":"00"}'),
    statement.replace('login"', 'log\\u0069n"'),
    statement.replace('https://login.example', 'https:\\/\\/login.example'),
    statement.replace('"v":1', '"v":2'),
    statement.replace('"login"', '"sign"'),
    `\ufeff${statement}`,
    'null',
    '',
  ]) {
    assert.equal(parseStatement(utf8(other)), undefined, other)
  }
  assert.equal(parseStatement(Uint8Array.of(0xff, 0xfe)), undefined)
})

test('a request with an unknown member, a digest, a PIN or another version is refused', () => {
  for (const good of [vectors.authenticate.request, vectors.sign.request]) {
    for (const extra of [
      { digest: 'AA' },
      { pin: '1234' },
      { origin: 'https://x.example' },
      { v: 2 },
      { id: '' },
      { id: 'a b' },
      { type: 'raw' },
      { purpose: 'other' },
    ]) {
      assert.ok(!readerRequest.safeParse({ ...good, ...extra }).success, JSON.stringify(extra))
    }
  }
})

test('a challenge is exactly 32 bytes in canonical base64url', () => {
  const request = vectors.authenticate.request
  for (const wrong of [
    challenge.slice(1),
    `${challenge}A`,
    `${challenge.slice(0, 42)}9`,
    `${challenge}=`,
    challenge.replace('A', '+'),
  ]) {
    assert.ok(!readerRequest.safeParse({ ...request, challenge: wrong }).success, wrong)
  }
})

test('a document is at most 1 MiB of canonical base64, with a title of one line that hides nothing', () => {
  const request = vectors.sign.request
  const document = (size: number): string => Buffer.alloc(size, 0x61).toString('base64')
  assert.ok(readerRequest.safeParse({ ...request, document: document(documentBytesMax) }).success)
  for (const wrong of [
    { document: document(documentBytesMax + 3) },
    { document: '' },
    { document: 'YQ' },
    { document: 'YQ==YQ==' },
    { document: 'Y Q==' },
    { title: '' },
    { title: 'two\nlines' },
    { title: 'turned \u202e round' },
    { title: 'x'.repeat(201) },
    { mediaType: 'text/html' },
  ]) {
    assert.ok(!readerRequest.safeParse({ ...request, ...wrong }).success)
  }
})

test('an answer carries nothing of the card beside signature and certificate', () => {
  const refused = { v: 1, type: 'refused', id: 'a', code: 'pin-wrong' }
  assert.ok(refusedAnswer.safeParse(refused).success)
  assert.ok(!readerAnswer.safeParse({ ...refused, triesLeft: 2 }).success)
  assert.ok(!readerAnswer.safeParse({ ...refused, code: 'no-such-code' }).success)
  const signed = { v: 1, type: 'signed', id: 'a', signature: 'AA', certificate: 'AA' }
  assert.ok(readerAnswer.safeParse(signed).success)
  assert.ok(!readerAnswer.safeParse({ ...signed, serial: '1' }).success)
  assert.ok(!readerAnswer.safeParse({ ...signed, signature: 'A=' }).success)
})
