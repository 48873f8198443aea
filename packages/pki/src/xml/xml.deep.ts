/** The attack of `xml-mutation.test.ts` at length with xmlsec1 as a second judge, and what memory and time do meanwhile. */
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { attackXml } from './xml-mutation-for-tests.ts'
import {
  bytesOf,
  enveloped,
  looseDemands,
  textOfBytes,
  xadesSpecimen,
  XmlJudge,
} from './xml-specimen-for-tests.ts'
import { xmlBytesMax } from './structure.ts'
import { validateXml } from './xml-validation.ts'

test('twenty thousand alterations of each document break no promise, and xmlsec1 passes what passes here', context => {
  const seed = randomInt(2 ** 31)
  context.diagnostic(`seed ${seed}`)
  const passed = attackXml(seed, 20_000)
  context.diagnostic(`${passed.length} alterations changed nothing that is signed`)
  using judge = new XmlJudge()
  for (const each of passed.slice(0, 2000)) {
    // xmlsec1 also canonicalises what is left out, where a namespace may be no address any more; and it knows ids by the
    // name Id alone, as it is told here.
    const isKnown = judge.verifies(each) || /is not a valid URI|xmlXPtrEval/.test(judge.said)
    assert.ok(isKnown, `${judge.said} ${textOfBytes(each)}`)
  }
})

test('memory stays flat over a hundred thousand verifications', context => {
  const good = xadesSpecimen()
  const bad = good.with(200, 0x40)
  const torn = good.subarray(0, good.length - 20)
  const run = (rounds: number): number => {
    for (let round = 0; round < rounds; round++) {
      for (const each of [good, bad, torn, good]) validateXml(looseDemands(each))
    }
    return process.memoryUsage().rss
  }
  const begun = run(5000)
  const ended = run(20_000)
  context.diagnostic(`${Math.round(begun / 2 ** 20)} MiB, then ${Math.round(ended / 2 ** 20)} MiB`)
  // A document that were not given back would take 30 kB each: 2 GB and more.
  assert.ok(ended - begun < 100 * 2 ** 20, `${begun} ${ended}`)
})

test('the largest and most laborious documents are judged in bounded time', context => {
  const filled = (piece: string, around: (inside: string) => string): string =>
    around(piece.repeat(Math.floor((xmlBytesMax - 60_000) / piece.length)))
  const names = Array.from({ length: 200 }, (_, at) => ` xmlns:n${at}="urn:${at}"`).join('')
  const attributes = Array.from({ length: 250 }, (_, at) => ` a${at}=""`).join('')
  const documents = {
    elements: `<r>${'<a/>'.repeat(390_000)}</r>`,
    ids: `<r>${'<a Id="x"/>'.repeat(390_000)}</r>`,
    comments: filled('<!---->', inside => `<r>${inside}</r>`),
    instructions: filled('<?a?>', inside => `<r>${inside}</r>`),
    sections: filled('<![CDATA[]]>', inside => `<r>${inside}</r>`),
    text: filled('x', inside => `<r>${inside}</r>`),
    references: filled('&#9;', inside => `<r a="${inside}"/>`),
    namespaces: `<r${names}>${'<a/>'.repeat(390_000)}</r>`,
    attributes: `<r>${`<a${attributes}/>`.repeat(14_000)}</r>`,
    depth: `<r>${`${'<a>'.repeat(255)}${'</a>'.repeat(255)}`.repeat(1_500)}</r>`,
    unclosed: '<a>'.repeat(255),
  }
  const signature = /<ds:Signature .*<\/ds:Signature>/s.exec(
    textOfBytes(xadesSpecimen({ content: enveloped(bytesOf('<r/>')) })),
  )?.[0]
  assert.ok(signature !== undefined)
  for (const [name, text] of Object.entries(documents)) {
    const signed = bytesOf(text.replace(/<\/r>$/, () => `${signature.repeat(4)}</r>`))
    const begun = performance.now()
    const { verdict } = validateXml(looseDemands(signed))
    const took = performance.now() - begun
    context.diagnostic(`${name}: ${verdict.kind} after ${Math.round(took)} ms`)
    assert.notEqual(verdict.kind, 'passed')
    assert.ok(took < 30_000, name)
  }
})
