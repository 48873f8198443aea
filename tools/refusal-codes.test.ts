/** Every refusal on the list is refused somewhere, and some test sees it. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { refusals } from '@sekisho/contract'

const root = resolve(import.meta.dirname, '..')
const isTest = /\.(test|deep)\.ts$|-for-tests\.ts$/
const list = 'packages/contract/src/refusal'

// Reasons of `pki` and `card` have a list of their own; some have the same name.
const texts = globSync('{packages/*/src/**,scenarios}/*.ts', { cwd: root })
  .filter(path => !path.startsWith(list) && !/^packages.(pki|card)\b/.test(path))
  .map(path => ({ path, text: readFileSync(join(root, path), 'utf8') }))

/** Codes that stand in none of the texts. */
function unnamed(wanted: (path: string) => boolean): string[] {
  const read = texts.flatMap(one => (wanted(one.path) ? [one.text] : [])).join('\n')
  return Object.keys(refusals).filter(
    code => !new RegExp(`(?<![\\w-])${code}(?![\\w-])`).test(read),
  )
}

test('every refusal is given by some part of the product', () => {
  assert.deepEqual(
    unnamed(path => !isTest.test(path)),
    [],
  )
})

test('every refusal is seen by some test', () => {
  assert.deepEqual(unnamed(isTest.test.bind(isTest)), [])
})
