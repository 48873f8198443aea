import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { refusals } from '@sekisho/contract'
import { composeRefusals, refusalsPath } from './refusals.ts'

test('the list of refusals in the documentation is the one of the contract', () => {
  assert.equal(readFileSync(refusalsPath, 'utf8'), composeRefusals(), 'run: node tools/refusals.ts')
})

test('every code of the contract has its row', () => {
  const text = composeRefusals()
  for (const code of Object.keys(refusals)) assert.ok(text.includes(`| \`${code}\` |`), code)
})
