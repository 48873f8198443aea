import assert from 'node:assert/strict'
import { test } from 'node:test'
import { XmlElement } from 'libxml2-wasm'
import { type MalformedCode, MalformedError } from '../der.ts'
import { scanXml, xmlBytesMax } from './structure.ts'
import { XmlBudget, XmlSource } from './source.ts'
import { bytesOf, textOfBytes } from './xml-specimen-for-tests.ts'

function refuses(xml: string | Uint8Array, code: MalformedCode): void {
  const bytes = typeof xml === 'string' ? bytesOf(xml) : xml
  assert.throws(
    () => scanXml(bytes),
    (error: unknown) => error instanceof MalformedError && error.code === code,
  )
}

function open(xml: string): void {
  using source = XmlSource.open(bytesOf(xml), new XmlBudget())
  assert.ok(source.root.name !== '')
}

function elementsUnder(parent: XmlElement): readonly XmlElement[] {
  return parent.find('.//*').flatMap(each => (each instanceof XmlElement ? [each] : []))
}

test('elements stand where the scan says, in the order of their start tags', () => {
  const xml =
    '<?xml version="1.0"?><!-- <x> --><a b=">" c=\'/>\'><会 /><![CDATA[<y>]]><d>t<?p <z>?></d ></a>'
  const bytes = bytesOf(xml)
  const { places } = scanXml(bytes, true)
  const names = places.map(each => textOfBytes(bytes.subarray(each.start + 1, each.nameEnd)))
  assert.deepEqual(names, ['a', '会', 'd'])
  const insides = places.map(each =>
    textOfBytes(bytes.subarray(each.contentStart, each.contentEnd)),
  )
  assert.deepEqual(insides.slice(1), ['', 't<?p <z>?>'])
  assert.deepEqual(
    places.map(each => each.isEmptyTag),
    [false, true, false],
  )
  // The parser counts the same elements, so that a place found by one is that of the other.
  using source = XmlSource.open(bytes, new XmlBudget())
  const ordinals = elementsUnder(source.root).map(each => source.ordinalOf(each))
  assert.deepEqual(ordinals, [1, 2])
})

test('depth, elements and attributes are bounded, each just beyond its line', () => {
  const nested = (depth: number): string => '<a>'.repeat(depth) + '</a>'.repeat(depth)
  open(nested(256))
  refuses(nested(257), 'too-deep')
  const attributes = (count: number): string =>
    `<a ${Array.from({ length: count }, (_, at) => `a${at}=""`).join(' ')}/>`
  open(attributes(256))
  refuses(attributes(257), 'too-many')
  const scope = (count: number): string => {
    const one = (from: number, size: number): string =>
      Array.from({ length: size }, (_, at) => ` xmlns:n${from + at}="urn:n"`).join('')
    return `<a${one(0, 200)}><b${one(200, 200)}><c${one(400, count - 400)}/></b></a>`
  }
  open(scope(512))
  refuses(scope(513), 'too-many')
  refuses(`<r>${'<a/>'.repeat(400_000)}</r>`, 'too-many')
  refuses(new Uint8Array(xmlBytesMax + 1), 'too-large')
})

test('the deepest document allowed, full of names, has a canonical form', () => {
  const depth = 256
  const open = Array.from(
    { length: depth },
    (_, at) => `<n${at}:a xmlns:n${at}="urn:${at}" c="d" n${at}:b="${at}">`,
  )
  const close = Array.from({ length: depth }, (_, at) => `</n${depth - 1 - at}:a>`)
  const xml = open.join('') + close.join('')
  using source = XmlSource.open(bytesOf(xml), new XmlBudget())
  for (const kind of ['inclusive', 'inclusive-1.1', 'exclusive'] as const) {
    const bytes = source.canonicalise(source.root, { kind, hasComments: false, prefixes: [] })
    // It is written in that form already.
    assert.equal(textOfBytes(bytes), xml, kind)
  }
})

test('what begins like an element and does not end is refused', () => {
  for (const xml of [
    '<a',
    '<a b="',
    '<!--',
    '<![CDATA[',
    '<?',
    '<a></a',
    '<a>',
    '<?xml version="1.0"',
  ]) {
    refuses(xml, 'truncated')
  }
  refuses('</a>', 'value-invalid')
})

test('work is bounded: namespaces in scope count with their square at each element', () => {
  const names = Array.from({ length: 200 }, (_, at) => ` xmlns:n${at}="urn:${at}"`).join('')
  const xml = bytesOf(`<a${names}>${'<b/>'.repeat(5000)}</a>`)
  const budget = new XmlBudget()
  using source = XmlSource.open(xml, budget)
  const form = { kind: 'inclusive', hasComments: false, prefixes: [] } as const
  const begun = performance.now()
  let count = 0
  assert.throws(
    () => {
      for (; ; count++) source.canonicalise(undefined, form)
    },
    (error: unknown) => error instanceof MalformedError && error.code === 'too-costly',
  )
  assert.ok(count >= 2 && count <= 5, `${count}`)
  assert.ok(performance.now() - begun < 20_000)
})
