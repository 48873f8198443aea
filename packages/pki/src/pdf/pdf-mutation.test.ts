import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { attackByUpdates, attackPdf } from './pdf-mutation-for-tests.ts'

test('whatever the bytes, a PDF is judged without throwing, soon, and nothing altered passes', t => {
  const seed = randomInt(2 ** 32)
  t.diagnostic(`seed ${seed}`)
  attackPdf(seed, 300)
})

test('whatever is appended, a signature that passes is over what poppler shows', t => {
  const seed = randomInt(2 ** 32)
  t.diagnostic(`seed ${seed}`)
  assert.ok(attackByUpdates(seed, 200) > 0)
})
