import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tidy } from './tidy.ts'

const table = `
| package | may import | what it is |
|---|---|---|
| \`contract\` | – | messages |
| \`pki\` | – | trust core |
| \`card\` | \`pki\` | APDU |
| \`authority\` | \`pki\`, \`pki/issue\`, \`card\`, \`card/virtual\`, \`contract\` | stand-in |
| \`platform\` | \`pki\`, \`contract\` | product |
`
const door = '@sekisho/contract'

const base: Readonly<Record<string, string>> = {
  'docs/architecture.md': table,
  'docs/dependencies.md': '| `zod` | contract | schemas |\n',
  'packages/contract/package.json': JSON.stringify({
    exports: { '.': './src/index.ts', './reader': './src/reader.ts' },
    dependencies: { zod: '4.6.7' },
  }),
  'packages/contract/src/index.ts': "import { z } from 'zod'\nexport const x = z\n",
  'packages/pki/package.json': JSON.stringify({
    exports: { '.': './src/index.ts', './issue': './src/issue.ts' },
  }),
  'packages/pki/src/index.ts': '',
  'packages/card/package.json': JSON.stringify({
    exports: { '.': './src/index.ts', './virtual': './src/virtual.ts' },
  }),
  'packages/card/src/index.ts': '',
  'packages/authority/package.json': JSON.stringify({ exports: { '.': './src/index.ts' } }),
  'packages/authority/src/index.ts': '',
  'packages/platform/package.json': JSON.stringify({ exports: { '.': './src/index.ts' } }),
  'packages/platform/src/index.ts': '',
}

/** Rules broken by a tree that differs from a clean one by these files, but that nobody uses the files. */
function rules(change: Readonly<Record<string, string>>): string[] {
  const tree = { ...base, ...change }
  return tidy(Object.keys(tree), path => tree[path as keyof typeof tree] ?? '')
    .filter(found => !(found.rule === 'dead' && found.path in change))
    .filter(found => found.rule !== 'manifest')
    .map(found => found.rule)
}

/** Findings of one rule. */
function findings(rule: string, change: Readonly<Record<string, string>>): string[] {
  const tree = { ...base, ...change }
  return tidy(Object.keys(tree), path => tree[path as keyof typeof tree] ?? '').flatMap(found =>
    found.rule === rule ? [`${found.path}: ${found.what}`] : [],
  )
}

test('a clean tree has no findings', () => assert.deepEqual(rules({}), []))

test('an import that the package table does not grant is found in whatever form it is written', () => {
  const forms = [
    `import { x } from '${door}'`,
    `import type { X } from '${door}'`,
    `import { type X } from "${door}"`,
    `import '${door}'`,
    `import x = require('${door}')`,
    `import type X = require('${door}')`,
    `export { x } from '${door}'`,
    `export * from '${door}'`,
    `export type * from '${door}'`,
    `const x = await import('${door}')`,
    `const x = import(\`${door}\`)`,
    `let x: import('${door}').X`,
    `createRequire(import.meta.url)('x'); require('${door}')`,
    `import.meta.resolve('${door}')`,
    `import {\n  x,\n} from\n  '${door}'`,
    `/* */ import { x } from '${door}'`,
    `const a = "// "; import { x } from '${door}'`,
  ]
  for (const form of forms)
    assert.deepEqual(rules({ 'packages/pki/src/a.ts': form }), ['table'], form)
})

test('it is found in every kind of source, and in tests', () => {
  for (const name of ['a.tsx', 'a.js', 'a.mjs', 'a.cts', 'browser/a.ts', 'a.test.ts'])
    assert.ok(rules({ [`packages/pki/src/${name}`]: `import '${door}'` }).includes('table'), name)
})

test('an import that is computed is refused, as nobody can say what it names', () => {
  for (const form of ['import(`@sekisho/${x}`)', "import('@sekisho/' + x)", 'require(x)'])
    assert.deepEqual(rules({ 'packages/pki/src/a.ts': form }), ['door'], form)
})

test('a side door is granted only where a row names it', () => {
  const text = "import { x } from '@sekisho/card/virtual'\n"
  assert.ok(rules({ 'packages/platform/src/a.ts': text }).includes('table'))
  assert.equal(rules({ 'packages/authority/src/a.ts': text }).includes('table'), false)
  // `contract` opens its side doors to whoever may import it.
  const reader = "import { x } from '@sekisho/contract/reader'\n"
  assert.deepEqual(
    rules({ 'packages/platform/src/a.ts': reader, 'packages/contract/src/reader.ts': '' }),
    [],
  )
})

test('the table and the folders name the same packages', () => {
  assert.deepEqual(rules({ 'packages/extra/src/a.ts': '' }), ['table'])
  assert.deepEqual(rules({ 'docs/architecture.md': `${table}| \`gone\` | – | nothing |\n` }), [
    'table',
  ])
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

test('a path from outside the packages, or an absolute one, is no door either', () => {
  assert.deepEqual(rules({ 'bench/a.ts': "import '../packages/pki/src/index.ts'\n" }), ['door'])
  assert.deepEqual(rules({ 'packages/pki/src/a.ts': "import '/etc/a.ts'\n" }), ['door'])
  assert.deepEqual(
    rules({ 'packages/pki/src/a.ts': '/// <reference path="../../card/src/index.ts" />\n' }),
    ['door'],
  )
})

test('what is for tests is not for the product', () => {
  const files = { 'packages/pki/src/b-for-tests.ts': 'export const b = 1\n' }
  const text = "import { b } from './b-for-tests.ts'\n"
  assert.deepEqual(rules({ ...files, 'packages/pki/src/a.ts': text }), ['test'])
  assert.deepEqual(rules({ ...files, 'packages/pki/src/a.test.ts': text }), [])
})

test('a file that nobody imports and an export that nobody takes are found', () => {
  assert.deepEqual(findings('dead', { 'packages/card/src/a.ts': '' }), [
    'packages/card/src/a.ts: no file imports this one',
  ])
  const user = { 'packages/card/src/index.ts': "import { a } from './a.ts'\nconst z = a\n" }
  const text = 'export const a = 1\nexport const b = 2\n'
  assert.deepEqual(findings('dead', { ...user, 'packages/card/src/a.ts': text }), [
    'packages/card/src/a.ts: no file takes the export b',
  ])
  // A type that an export of the same file is made of is no surplus; a door's value that nobody outside takes is one.
  assert.deepEqual(
    findings('dead', {
      ...user,
      'packages/card/src/a.ts': 'export type B = 1\nexport const a: B = 1\n',
    }),
    [],
  )
  assert.deepEqual(findings('dead', { 'packages/card/src/index.ts': 'export const a = 1\n' }), [
    'packages/card/src/index.ts: no file takes the export a',
  ])
})

test('a manifest declares what is imported, and nothing else', () => {
  assert.deepEqual(findings('manifest', { 'packages/card/src/index.ts': "import 'ws'\n" }), [
    'packages/card/package.json: ws is imported, not declared',
  ])
  assert.deepEqual(findings('manifest', { 'packages/card/src/a.test.ts': "import 'ws'\n" }), [
    'packages/card/package.json: ws is imported by a test, not declared',
  ])
  assert.deepEqual(findings('manifest', { 'packages/contract/src/index.ts': '' }), [
    'packages/contract/package.json: zod is declared, not imported',
  ])
})

test('a library is imported in one folder of a package', () => {
  const text = "import 'lodash'\n"
  assert.deepEqual(rules({ 'packages/pki/src/a.ts': text, 'packages/pki/src/b.ts': text }), [])
  assert.deepEqual(rules({ 'packages/pki/src/a.ts': text, 'packages/pki/src/b/b.ts': text }), [
    'stranger',
  ])
})

test('a link of a document that leads nowhere is found, and a path of somebody’s own', () => {
  assert.deepEqual(rules({ 'README.md': '[a](docs/architecture.md) [b](https://example.org)' }), [])
  assert.deepEqual(rules({ 'README.md': '[a](docs/none.md)' }), ['link'])
  assert.deepEqual(rules({ 'README.md': '`contract/src/index.ts`, `docs/architecture.md`' }), [])
  assert.deepEqual(rules({ 'README.md': '`contract/src/none.ts` `scenarios/none`' }), [
    'link',
    'link',
  ])
  assert.deepEqual(rules({ 'docs/a.md': `In /home/somebody/sekisho.` }), ['machine'])
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
