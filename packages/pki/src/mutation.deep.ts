/** The attack of `mutation.test.ts`, fifty times as long. */
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { attackParsers } from './mutation-for-tests.ts'

test('twenty thousand alterations of each kind of input break no promise', t => {
  const seed = randomInt(2 ** 32)
  t.diagnostic(`seed ${seed}`)
  attackParsers(seed, 20_000)
})
