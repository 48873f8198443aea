import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusalCode, problemOf, Refusal, refusals } from './refusal.ts'

test('every refusal has a 4xx or 5xx status and both languages for cause and remedy', () => {
  for (const [code, entry] of Object.entries(refusals)) {
    assert.match(code, /^[a-z]+(-[a-z]+)+$/)
    assert.ok(entry.status >= 400 && entry.status < 600, code)
    for (const text of [entry.ja, entry.remedyJa])
      assert.match(text, /[ぁ-んァ-ヶ一-龠].*。$/, code)
    for (const text of [entry.en, entry.remedyEn]) assert.match(text, /^[A-Z][^ぁ-龠]*\.$/, code)
  }
})

test('a problem document carries code, status and fields, and no fields member when there are none', () => {
  const problem = problemOf(new Refusal('scope-exceeded', { scope: 'address' }))
  assert.equal(problem.status, 403)
  assert.deepEqual(problem.fields, { scope: 'address' })
  assert.equal('fields' in problemOf(new Refusal('not-found')), false)
})

test('a code from outside is known only when it is on the list', () => {
  assert.ok(isRefusalCode('pin-locked'))
  assert.equal(isRefusalCode('toString'), false)
})
