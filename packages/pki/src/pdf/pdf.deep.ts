/** The attacks of `pdf-mutation.test.ts`, thirty times as long. */
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { attackByUpdates, attackPdf } from './pdf-mutation-for-tests.ts'

test('ten thousand alterations of signed PDFs break no promise, and memory stays flat', t => {
  const seed = randomInt(2 ** 32)
  t.diagnostic(`seed ${seed}`)
  attackPdf(seed, 2000)
  const before = process.memoryUsage().rss
  attackPdf(seed, 8000)
  const growthMb = (process.memoryUsage().rss - before) / 1024 / 1024
  assert.ok(growthMb < 256, `${growthMb} MB`)
})

test('six thousand random updates show nothing else where the signature passes', t => {
  const seed = randomInt(2 ** 32)
  t.diagnostic(`seed ${seed}`)
  assert.ok(attackByUpdates(seed, 6000) > 0)
})
