import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exportsOf, importsOf } from './source-text.ts'

/** What a text imports, as `module:names`. */
function read(text: string): string[] {
  return importsOf(text).map(one => `${one.from ?? '?'}:${one.names.join(',')}`)
}

test('every form of an import is read, with the names it takes', () => {
  assert.deepEqual(read('import a, { b as c, type d } from \'m\'\nimport * as e from "n"'), [
    'm:default,b,d',
    'n:*',
  ])
  assert.deepEqual(read("import type { A } from 'm'\nimport type B from 'n'"), ['m:A', 'n:default'])
  assert.deepEqual(read("import 'm'\nimport {\n  a,\n}\nfrom\n'n'"), ['m:', 'n:a'])
  assert.deepEqual(read("import a = require('m'); const b = require('n')"), ['m:*', 'n:*'])
  assert.deepEqual(read("import a from 'm.json' with { type: 'json' }"), ['m.json:default'])
  assert.deepEqual(read("let a: import('m').A = await import('n'), b = import(`o`)"), [
    'm:*',
    'n:*',
    'o:*',
  ])
  assert.deepEqual(
    read("import.meta.resolve('m'); createRequire(import.meta.url).resolve('n'); p.resolve('o')"),
    ['m:*', 'n:*'],
  )
})

test('what is passed on counts as imported', () => {
  assert.deepEqual(read("export * from 'm'\nexport * as a from 'n'\nexport type * from 'o'"), [
    'm:*',
    'n:*',
    'o:*',
  ])
  assert.deepEqual(
    read("export { a, type b } from 'm'\nexport type { c } from 'n'\nexport { d }"),
    ['m:a,b', 'n:c'],
  )
})

test('an import whose module is computed is told as such', () => {
  assert.deepEqual(read("import(a); import(`a${b}`); import('a' + b); require(c)"), [
    '?:*',
    '?:*',
    '?:*',
    '?:*',
  ])
})

test('nothing is read out of comments, texts, templates and regular expressions, and nothing hides behind them', () => {
  const quiet = [
    "// import 'a'",
    "/* import 'a' */",
    `x = "import 'a'"`,
    "y = `import 'a'`",
    "z = /import 'a'['\"`]/g",
  ]
  for (const line of quiet) {
    assert.deepEqual(read(line), [])
    assert.deepEqual(read(`${line}\nimport 'b'`), ['b:'])
  }
  assert.deepEqual(read("`${await import('a')} import 'b' ${`${import('c')}`}`\nimport 'd'"), [
    'a:*',
    'c:*',
    'd:',
  ])
  assert.deepEqual(read("const a = b / c; import('d'); e = f / g"), ['d:*'])
})

test('exports are read with what is only a type and what the file itself uses', () => {
  const text = [
    'export async function* a() {}',
    'export const b = 1, c = b',
    'export type D = 1',
    'export abstract class E {}',
    'const f = 1',
    "export { f as g, type D as H }\nexport * as i from 'i'\nexport * from 'j'",
    'export default class K {}',
  ].join('\n')
  assert.deepEqual(
    exportsOf(text).map(one => one.name),
    ['a', 'b', 'D', 'E', 'g', 'H', 'i', 'default'],
  )
  assert.deepEqual(
    exportsOf(text).flatMap(one => (one.isType ? [one.name] : [])),
    ['D', 'H'],
  )
  assert.deepEqual(
    exportsOf(text).flatMap(one => (one.isUsedHere ? [one.name] : [])),
    ['b', 'D', 'g', 'H'],
  )
})
