import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { type CanonicalKind, canonicalAlgorithm, canonicalFormOf } from './canonical-form.ts'
import { randomDocument } from './random-document-for-tests.ts'
import { XmlBudget, XmlSource } from './source.ts'
import { bytesOf, textOfBytes, XmlJudge } from './xml-specimen-for-tests.ts'

const kinds = ['inclusive', 'inclusive-1.1', 'exclusive'] as const
const flags: Readonly<Record<CanonicalKind, string>> = {
  inclusive: '--c14n',
  'inclusive-1.1': '--c14n11',
  exclusive: '--exc-c14n',
}

/** Documents in which canonicalisers have been wrong. */
const hard: Readonly<Record<string, string>> = {
  'names and prefixes in Japanese':
    '<会社:名簿 xmlns:会社="urn:company" xmlns:社員="urn:staff" 社員:番号="7" 名="甲"><社員:氏名>髙橋</社員:氏名></会社:名簿>',
  'namespaces declared again, otherwise, and not at all':
    '<a xmlns="urn:1" xmlns:p="urn:p"><b xmlns="urn:1" xmlns:p="urn:p"><c xmlns="" p:x="1"><d xmlns="urn:2" xmlns:p="urn:q" p:x="1"/></c></b></a>',
  'attributes in the order of their namespaces':
    '<e xmlns:b="urn:a" xmlns:a="urn:b" b:attr="1" a:attr="2" attr="3" b2="4" ア="5" Z="6" z="7"/>',
  'text kept in CDATA': '<a><![CDATA[<b>&amp;]]>]]&gt;<![CDATA[]]></a>',
  'comments and instructions everywhere':
    '<!--0--><?p  q ?><a><!--1--><?r?><b/><!----></a><?s\tt  u?>\n<!--2-->\n',
  'white space in attributes and text':
    '<a b=" x\ty\nz " c="&#9;&#10;&#13;&#32;">\r\n \t x &#13; y\r</a>',
  'attributes of xml':
    '<a xml:lang="ja" xml:space="preserve" xml:id="i" xml:base="http://x/y/"><b xml:lang="en"/></a>',
  'characters beyond the basic plane': '<a b="𠮷&#x20BB7;">𠮷野家😀&#x1F600;</a>',
  'quotation marks': `<a b='"' c="'" d="&quot;&lt;&gt;&amp;">"'&lt;&gt;&amp;</a>`,
  'a byte order mark': '\u{feff}<a/>',
  'a declaration': '<?xml version="1.0" encoding="utf-8" standalone="yes"?>\n\n<a/>\n',
  'namespaces used late': '<a xmlns:p="urn:p" xmlns:q="urn:q"><b><p:c q:d="1"/></b><p:e/></a>',
  'names that differ late':
    '<a xmlns:x1="urn:1" xmlns:x10="urn:10" xmlns:x2="urn:2" x10:a="1" x2:a="2" x1:a="3"/>',
}

function ours(xml: string, kind: CanonicalKind, prefixes: readonly string[] = []): string {
  using source = XmlSource.open(bytesOf(xml), new XmlBudget())
  const form = { kind, hasComments: true, prefixes }
  return textOfBytes(source.canonicalise(undefined, form))
}

test('canonical forms of hard documents are those of xmllint', () => {
  using judge = new XmlJudge()
  for (const [name, xml] of Object.entries(hard)) {
    const file = judge.file('hard.xml', xml)
    for (const kind of kinds) {
      const said = judge.run('xmllint', flags[kind], file)
      assert.equal(said.status, 0, said.text)
      assert.equal(ours(xml, kind), textOfBytes(said.bytes), `${name}, ${kind}`)
    }
  }
})

test('canonical forms of random documents are those of xmllint', context => {
  const seed = randomInt(2 ** 31)
  context.diagnostic(`seed ${seed}`)
  using judge = new XmlJudge()
  fc.assert(
    fc.property(randomDocument(), fc.constantFrom(...kinds), (xml, kind) => {
      const said = judge.run('xmllint', flags[kind], judge.file('random.xml', xml))
      assert.equal(said.status, 0, `${said.text} ${xml}`)
      assert.equal(ours(xml, kind), textOfBytes(said.bytes), xml)
    }),
    { seed, numRuns: 150 },
  )
})

test('identifiers name forms both ways, with and without comments, and nothing else does', () => {
  for (const kind of kinds) {
    const plain = canonicalAlgorithm(kind)
    assert.deepEqual(canonicalFormOf(plain), { kind, hasComments: false, prefixes: [] })
    const commented = kind === 'exclusive' ? `${plain}WithComments` : `${plain}#WithComments`
    assert.deepEqual(canonicalFormOf(commented), { kind, hasComments: true, prefixes: [] })
    assert.equal(canonicalFormOf(`${plain}x`), undefined)
  }
})

test('the exclusive form keeps the prefixes that it is told to keep', () => {
  const xml = '<a xmlns="urn:d" xmlns:p="urn:p" xmlns:q="urn:q"><p:b/></a>'
  using source = XmlSource.open(bytesOf(xml), new XmlBudget())
  const inner = source.root.firstChild
  assert.ok(inner !== null)
  const form = (...prefixes: readonly string[]): string => {
    const apex = source.signatures().length === 0 ? source.root : undefined
    return textOfBytes(
      source.canonicalise(apex, { kind: 'exclusive', hasComments: false, prefixes }),
    )
  }
  assert.equal(form(), '<a xmlns="urn:d"><p:b xmlns:p="urn:p"></p:b></a>')
  assert.equal(form('q'), '<a xmlns="urn:d" xmlns:q="urn:q"><p:b xmlns:p="urn:p"></p:b></a>')
})

test('a relative namespace name has no canonical form', () => {
  for (const xml of ['<a xmlns="relative"/>', '<a xmlns:p="relative"><p:b/></a>']) {
    assert.throws(() => ours(xml, 'inclusive'), { name: 'MalformedError' })
  }
})
