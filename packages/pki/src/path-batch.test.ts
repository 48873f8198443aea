import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { BatchLineError } from './batch-line.ts'
import { digest } from './crypto.ts'
import { toHex } from './der.ts'
import { KeyCache } from './key-cache.ts'
import { judgePathCase, type PathOutcome, parsePathCase } from './path-batch.ts'
import {
  specimenAuthority,
  specimenCrl,
  specimenEntry,
  specimenLeaf,
} from './specimen-for-tests.ts'

const keys = new KeyCache(64)
const authority = specimenAuthority('signature', 0)
const leaf = specimenLeaf('signature', authority, 1)
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

function judge(vary: Readonly<Record<string, unknown>> = {}): PathOutcome {
  const line = {
    id: 'case 1',
    leaf: base64(leaf.raw),
    anchors: [base64(authority.certificate.raw)],
    at: '2026-11-02T03:00:00Z',
    ...vary,
  }
  return judgePathCase(parsePathCase(JSON.parse(JSON.stringify(line))), keys)
}

test('a case passes with its path and its policies, and says which case it was', () => {
  const outcome = judge()
  assert.deepEqual(outcome, {
    id: 'case 1',
    verdict: 'passed',
    reasons: [],
    path: [leaf, authority.certificate].map(each => toHex(digest('sha256', each.raw))),
    policyOutputs: {
      authorityConstrained: ['1.2.392.200149.8.5.1.0.20'],
      userConstrained: ['1.2.392.200149.8.5.1.0.20'],
    },
  })
})

test('policy inputs, purpose, key usage and time decide', () => {
  const code = (vary: Readonly<Record<string, unknown>>): string | undefined =>
    judge(vary).reasons[0]?.code
  assert.equal(
    code({ policies: { acceptable: ['2.999.1'], explicit: true } }),
    'policy-unacceptable',
  )
  assert.equal(code({ policies: { acceptable: ['2.999.1'] } }), undefined)
  assert.equal(code({ keyUsage: 32 }), 'key-usage-unacceptable')
  assert.equal(code({ at: Date.UTC(2040, 0, 1) }), 'certificate-expired')
  assert.equal(code({ anchors: [] }), 'issuer-unknown')
  assert.equal(code({ leaf: base64(leaf.raw.subarray(0, 100)) }), 'certificate-malformed')
  assert.equal(code({ bag: [base64(Uint8Array.of(1, 2))] }), undefined)
})

test('revocation is asked for the leaf, for all, or not at all', () => {
  const good = base64(specimenCrl('signature', authority))
  const entries = [specimenEntry(leaf.serial, 'superseded')]
  const bad = base64(specimenCrl('signature', authority, { number: 8, entries }))
  assert.equal(judge({ revocation: 'leaf' }).reasons[0]?.code, 'revocation-missing')
  assert.equal(judge({ revocation: 'leaf', crls: [good] }).verdict, 'passed')
  assert.equal(judge({ revocation: 'required', crls: [good] }).verdict, 'passed')
  assert.equal(
    judge({ revocation: 'required', crls: [good, bad] }).reasons[0]?.code,
    'certificate-revoked',
  )
  assert.equal(judge({ revocation: 'off', crls: [bad] }).verdict, 'passed')
})

test('a line that is no case is refused with the field that is wrong', () => {
  const wrong: readonly (readonly [unknown, string])[] = [
    [null, 'line'],
    [{}, 'id'],
    [{ id: 'x', leaf: 'not base64!' }, 'leaf'],
    [{ id: 'x', leaf: '', anchors: 'x' }, 'anchors'],
    [{ id: 'x', leaf: '', at: 'yesterday' }, 'at'],
    [{ id: 'x', leaf: '', at: 0, revocation: 'maybe' }, 'revocation'],
    [{ id: 'x', leaf: '', at: 0, policies: { explicit: 1 } }, 'policies.explicit'],
    [{ id: 'x', leaf: '', at: 0, keyUsage: -1 }, 'keyUsage'],
  ]
  for (const [line, field] of wrong) {
    assert.throws(
      () => parsePathCase(line),
      (error: unknown) => error instanceof BatchLineError && error.field === field,
      field,
    )
  }
})

test('the specification shows the fields that the parser reads', () => {
  const path = new URL('../../../docs/protocol/path-batch.md', import.meta.url)
  const text = readFileSync(path, 'utf8')
  const fields = [
    'id',
    'leaf',
    'bag',
    'anchors',
    'crls',
    'ocsp',
    'at',
    'policies',
    'purpose',
    'keyUsage',
    'revocation',
  ]
  for (const field of fields) assert.ok(text.includes(`| \`${field}\` |`), field)
})
