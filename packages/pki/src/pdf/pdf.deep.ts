/** The attacks of `pdf-mutation.test.ts`, a dozen times as long. */
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { attackByUpdates, attackPdf } from './pdf-mutation-for-tests.ts'

test('four thousand alterations of signed PDFs break no promise, and memory stays flat', t => {
  const seed = randomInt(2 ** 32)
  t.diagnostic(`seed ${seed}`)
  attackPdf(seed, 1000)
  const before = process.memoryUsage().rss
  attackPdf(seed, 3000)
  const growthMb = (process.memoryUsage().rss - before) / 1024 / 1024
  assert.ok(growthMb < 256, `${growthMb} MB`)
})

test('two and a half thousand random updates show nothing else where the signature passes', t => {
  const seed = randomInt(2 ** 32)
  t.diagnostic(`seed ${seed}`)
  assert.ok(attackByUpdates(seed, 2500) > 0)
})
