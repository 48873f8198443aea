import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { composeReference, exportsOf, referencePath } from './reference.ts'

test('the reference of the SDK in the documentation is the one of its sources', () => {
  assert.equal(
    readFileSync(referencePath, 'utf8'),
    composeReference(),
    'run: node tools/reference.ts',
  )
})

test('every export of the door has its place, with a declaration', () => {
  const door = join(import.meta.dirname, '..', 'packages', 'sdk', 'src', 'index.ts')
  const names = exportsOf(readFileSync(door, 'utf8'))
    .map(one => one.name)
    .filter(name => name !== 'refusals')
  assert.ok(names.length > 20)
  const text = composeReference()
  for (const name of names)
    assert.match(text, new RegExp(`## ${name}\\n[\\s\\S]*?export [^\\n]*\\b${name}\\b`), name)
})
