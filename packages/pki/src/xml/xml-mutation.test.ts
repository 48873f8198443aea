import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { randomDocument } from './random-document-for-tests.ts'
import { attackXml, judgeAltered, XmlMutator } from './xml-mutation-for-tests.ts'
import { bytesOf, enveloped, looseDemands, xadesSpecimen } from './xml-specimen-for-tests.ts'
import { validateXml } from './xml-validation.ts'

test('whatever the bytes, the judgement does not throw, and what passes covers what was signed', context => {
  const seed = randomInt(2 ** 31)
  context.diagnostic(`seed ${seed}`)
  const passed = attackXml(seed, 250)
  context.diagnostic(`${passed.length} alterations changed nothing that is signed`)
})

test('random documents, signed and altered at one place, pass only with the same canonical bytes', context => {
  const seed = randomInt(2 ** 31)
  context.diagnostic(`seed ${seed}`)
  const mutator = new XmlMutator(seed)
  fc.assert(
    fc.property(randomDocument(), fc.constantFrom('inclusive', 'exclusive'), (text, kind) => {
      const xml = xadesSpecimen({ content: enveloped(bytesOf(text)), canonicalForm: kind })
      const { verdict } = validateXml(looseDemands(xml))
      assert.ok(verdict.kind === 'passed', text)
      const covered = verdict.value.map(each =>
        each.covered.map(({ content }) =>
          content.kind === 'bytes' ? content.bytes : new Uint8Array(),
        ),
      )
      for (let round = 0; round < 10; round++) {
        judgeAltered({ name: 'random', xml, covered }, mutator.alter(xml))
      }
    }),
    { seed, numRuns: 40 },
  )
})
