import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { documentBytesMax } from '@sekisho/contract/reader'
import { readAsked, readAskedText, showDocument } from './asked.ts'

const signing = (document: string | Uint8Array, mediaType = 'text/plain') => ({
  v: 1,
  type: 'sign',
  id: 'a',
  purpose: 'sign',
  title: 't',
  mediaType,
  document: Buffer.from(document).toString('base64'),
})

const codeOf = (value: unknown): string => {
  const reading = readAsked(value)
  return reading.kind === 'refused' ? reading.answer.code : reading.kind
}

test('a document that can be shown is asked with its bytes unchanged', () => {
  const text = '﨑 髙 〜\r\n\tplain\n'
  const reading = readAsked(signing(text))
  assert.ok(reading.kind === 'asked' && reading.asked.kind === 'sign')
  assert.deepEqual(reading.asked.document, new Uint8Array(Buffer.from(text)))
  assert.deepEqual(reading.asked.shown, { kind: 'text', text })
  assert.equal(codeOf(signing('{"a":1}', 'application/json')), 'asked')
  assert.equal(codeOf(signing('%PDF-1.7 …', 'application/pdf')), 'asked')
})

test('a document that would be seen otherwise than it is signed is refused', () => {
  for (const [document, mediaType] of [
    [Uint8Array.of(0xff, 0xfe), 'text/plain'],
    ['zero\0', 'text/plain'],
    ['turned \u202eround', 'text/plain'],
    ['hidden\u200b', 'text/plain'],
    ['\ufeffmark', 'text/plain'],
    ['escape \u001b[2J', 'text/plain'],
    ['not json', 'application/json'],
    ['<html>', 'application/pdf'],
  ] as const) {
    assert.equal(codeOf(signing(document, mediaType)), 'request-malformed', String(document))
  }
})

test('the greatest document is shown, one byte more is refused as too large', () => {
  assert.equal(codeOf(signing('a'.repeat(documentBytesMax))), 'asked')
  assert.equal(codeOf(signing('a'.repeat(documentBytesMax + 1))), 'request-too-large')
  assert.equal(codeOf(signing('a'.repeat(documentBytesMax + 5))), 'request-too-large')
})

test('a message without a readable id gets no answer, another malformed one is refused with its id', () => {
  for (const value of [
    undefined,
    null,
    1,
    [],
    {},
    { id: 5 },
    { id: 'a b' },
    { id: 'x'.repeat(65) },
  ]) {
    assert.equal(codeOf(value), 'unreadable')
  }
  assert.equal(codeOf({ id: 'a' }), 'request-malformed')
  assert.equal(codeOf({ ...signing('x'), pin: '1234' }), 'request-malformed')
  assert.equal(readAskedText('{').kind, 'unreadable')
  assert.equal(readAskedText(' '.repeat(1_500_001)).kind, 'unreadable')
})

test('a PDF is known by its first bytes only', () => {
  assert.deepEqual(showDocument('application/pdf', Buffer.from('%PDF-2.0')), { kind: 'pdf' })
  assert.equal(showDocument('application/pdf', Buffer.from(' %PDF-2.0')), undefined)
  assert.equal(showDocument('application/pdf', new Uint8Array(0)), undefined)
})

test('no message makes the reader of requests throw, and what is asked has exactly the known members', () => {
  const members = fc.constantFrom('v', 'type', 'id', 'purpose', 'challenge', 'title', 'document')
  fc.assert(
    fc.property(fc.dictionary(members, fc.jsonValue()), fc.boolean(), (change, isWhole) => {
      const value = isWhole ? { ...signing('x'), ...change } : change
      const reading = readAskedText(JSON.stringify(value))
      if (reading.kind === 'asked')
        assert.deepEqual(Object.keys(reading.asked.request), Object.keys(value))
    }),
    { numRuns: 500 },
  )
  fc.assert(
    fc.property(fc.string(), text => readAskedText(text).kind !== 'asked'),
    { numRuns: 500 },
  )
})

test('only what is shown as a PDF becomes a signed PDF, and the time of signing is in whole seconds', () => {
  const container = (format: string, signingTime = '2026-11-20T09:00:00Z') => ({
    container: { format, signingTime },
  })
  assert.equal(codeOf({ ...signing('x'), ...container('cades') }), 'asked')
  assert.equal(
    codeOf({ ...signing('%PDF-1.7', 'application/pdf'), ...container('pades') }),
    'asked',
  )
  assert.equal(codeOf({ ...signing('x'), ...container('pades') }), 'request-malformed')
  assert.equal(codeOf({ ...signing('x'), ...container('raw') }), 'request-malformed')
  const fine = container('cades', '2026-11-20T09:00:00.5Z')
  assert.equal(codeOf({ ...signing('x'), ...fine }), 'request-malformed')
})
