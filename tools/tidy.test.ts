import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { tidy } from './tidy.ts'

const root = join(import.meta.dirname, '..')
const architecture = readFileSync(join(root, 'docs/architecture.md'), 'utf8')

const base: Readonly<Record<string, string>> = {
  'docs/architecture.md': architecture,
  'docs/dependencies.md': '| `zod` | contract | schemas |\n',
  'packages/contract/package.json': JSON.stringify({
    exports: { '.': './src/index.ts', './reader': './src/reader.ts' },
    dependencies: { zod: '4.6.7' },
  }),
  'packages/contract/src/index.ts': '',
  'packages/pki/package.json': JSON.stringify({
    exports: { '.': './src/index.ts', './issue': './src/issue.ts' },
  }),
  'packages/pki/src/index.ts': '',
  'packages/authority/package.json': JSON.stringify({ exports: { '.': './src/index.ts' } }),
  'packages/platform/package.json': JSON.stringify({ exports: { '.': './src/index.ts' } }),
}

/** Rules broken by a tree that differs from a clean one by these files. */
function rules(change: Readonly<Record<string, string>>): string[] {
  const tree = { ...base, ...change }
  return tidy(Object.keys(tree), path => tree[path as keyof typeof tree] ?? '').map(
    found => found.rule,
  )
}

test('a clean tree has no findings', () => assert.deepEqual(rules({}), []))

test('an import that the package table does not grant is found, static or dynamic', () => {
  assert.deepEqual(rules({ 'packages/pki/src/a.ts': "import { x } from '@sekisho/contract'\n" }), [
    'table',
  ])
  assert.deepEqual(
    rules({ 'packages/pki/src/a.ts': "const x = await import('@sekisho/contract')\n" }),
    ['table'],
  )
  assert.deepEqual(
    rules({ 'packages/pki/src/a.ts': "import type { X } from '@sekisho/contract'\n" }),
    ['table'],
  )
})

test('a never-rule stands above the table', () => {
  const found = rules({ 'packages/platform/src/a.ts': "import { x } from '@sekisho/authority'\n" })
  assert.ok(found.includes('never') && found.includes('table'))
  assert.ok(
    rules({ 'packages/platform/src/a.ts': "import { x } from '@sekisho/pki/issue'\n" }).includes(
      'never',
    ),
  )
})

test('a door passed by is found: a private path, an undeclared door, a path into another package', () => {
  assert.ok(
    rules({
      'packages/platform/src/a.ts': "import { x } from '@sekisho/pki/src/der.ts'\n",
    }).includes('door'),
  )
  assert.ok(
    rules({
      'packages/platform/src/a.ts': "import { x } from '../../pki/src/index.ts'\n",
    }).includes('door'),
  )
})

test('pure packages use no Node module but node:crypto', () => {
  assert.deepEqual(rules({ 'packages/pki/src/a.ts': "import fs from 'node:fs'\n" }), ['pure'])
  assert.deepEqual(rules({ 'packages/pki/src/a.ts': "import crypto from 'node:crypto'\n" }), [])
  assert.deepEqual(rules({ 'packages/pki/src/a.test.ts': "import fs from 'node:fs'\n" }), [])
})

test('a circle is found even when one arrow is only a type', () => {
  const found = rules({
    'packages/pki/src/a.ts': "import { b } from './b.ts'\n",
    'packages/pki/src/b.ts': "import type { A } from './a.ts'\n",
  })
  assert.deepEqual(found, ['circle'])
})

test('names that say nothing and banned forms are found', () => {
  assert.deepEqual(rules({ 'packages/pki/src/utils.ts': '' }), ['name'])
  assert.deepEqual(rules({ 'packages/pki/src/helpers/a.ts': '' }), ['name'])
  assert.deepEqual(rules({ 'packages/pki/src/CertStore.ts': '' }), ['name'])
  assert.deepEqual(rules({ 'packages/pki/src/a.ts': 'export class CardManager {}\n' }), ['name'])
  assert.deepEqual(rules({ 'packages/pki/src/inner/index.ts': '' }), ['barrel'])
})

test('an unlisted, inexact or unused dependency is found', () => {
  const manifest = (version: string): string =>
    JSON.stringify({ exports: { '.': './src/index.ts' }, dependencies: { lodash: version } })
  assert.deepEqual(rules({ 'packages/pki/package.json': manifest('1.0.0') }), ['dependency'])
  assert.deepEqual(rules({ 'packages/pki/package.json': manifest('^1.0.0') }), [
    'dependency',
    'dependency',
  ])
  assert.deepEqual(rules({ 'docs/dependencies.md': '| `zod` | a | b |\n| `gone` | a | b |\n' }), [
    'dependency',
  ])
})

test('the clock, randomness and timers are reached in runtime and cli only', () => {
  assert.deepEqual(rules({ 'packages/pki/src/a.ts': 'const now = Date.now()\n' }), ['world'])
  assert.deepEqual(rules({ 'packages/pki/src/a.ts': 'const now = new Date()\n' }), ['world'])
  assert.deepEqual(rules({ 'packages/pki/src/a.ts': '/**\n * Not Date.now() here.\n */\n' }), [])
})

test('a skipped test is found', () => {
  assert.deepEqual(
    rules({ 'packages/pki/src/a.test.ts': ['test', "skip('x', () => {})"].join('.') }),
    ['test'],
  )
})
