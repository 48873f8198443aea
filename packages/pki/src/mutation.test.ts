import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { attackParsers } from './mutation-for-tests.ts'

test('whatever the bytes, parsers refuse in one way, judgements do not throw, and nothing altered passes', t => {
  const seed = randomInt(2 ** 32)
  t.diagnostic(`seed ${seed}`)
  attackParsers(seed, 400)
})
