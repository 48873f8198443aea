import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Refusal } from '@sekisho/contract'
import {
  composeStatement,
  messageCharactersMax,
  readerRefusalCodes,
} from '@sekisho/contract/reader'
import { parseAnswer, readStatement } from './answer.ts'

const origin = 'https://platform.example'
const challenge = Buffer.alloc(32, 7).toString('base64url')

const codeOf = (run: () => unknown): string => {
  try {
    run()
    return 'passed'
  } catch (error) {
    if (error instanceof Refusal) return error.code
    throw error
  }
}

const authenticated = (signed: string) =>
  ({ v: 1, type: 'authenticated', id: 'a', signed, signature: 'AA', certificate: 'AA' }) as const

it('an answer of the protocol is read; anything else is malformed', () => {
  assert.equal(parseAnswer(JSON.stringify(authenticated('AA'))).type, 'authenticated')
  for (const text of [
    '',
    'null',
    '[]',
    '{',
    '{"v":1}',
    JSON.stringify({ ...authenticated('AA'), pin: '1234' }),
  ])
    assert.equal(
      codeOf(() => parseAnswer(text)),
      'ceremony-malformed',
      text,
    )
  assert.equal(
    codeOf(() => parseAnswer('x'.repeat(messageCharactersMax + 1))),
    'request-too-large',
  )
})

it('a refusal of the reader is told as what it is, and a reader cannot invent one', () => {
  for (const code of readerRefusalCodes)
    assert.equal(
      codeOf(() => parseAnswer(JSON.stringify({ v: 1, type: 'refused', id: 'a', code }))),
      code,
    )
  const invented = { v: 1, type: 'refused', id: 'a', code: 'provider-suspended' }
  assert.equal(
    codeOf(() => parseAnswer(JSON.stringify(invented))),
    'ceremony-malformed',
  )
})

it('the statement is taken from the signed bytes alone, for our own origin alone', () => {
  const statementOf = (at: string): string =>
    Buffer.from(composeStatement({ purpose: 'login', origin: at, challenge })).toString('base64url')
  assert.equal(readStatement(authenticated(statementOf(origin)), origin).challenge, challenge)
  for (const foreign of [
    'https://evil.example',
    `${origin}.evil.example`,
    `${origin}:8443`,
    'http://platform.example',
  ])
    assert.equal(
      codeOf(() => readStatement(authenticated(statementOf(foreign)), origin)),
      'origin-foreign',
    )
  const spaced = Buffer.from(
    Buffer.from(composeStatement({ purpose: 'login', origin, challenge }))
      .toString()
      .replace(':', ': '),
  ).toString('base64url')
  assert.equal(
    codeOf(() => readStatement(authenticated(spaced), origin)),
    'ceremony-malformed',
  )
})
