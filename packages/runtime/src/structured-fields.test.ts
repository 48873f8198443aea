import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { parseDictionary, parseInput, serializeInput } from './structured-fields.ts'

const plain = fc.stringMatching(/^[\x20\x21\x23-\x5b\x5d-\x7e]{1,40}$/)

describe('signature inputs', () => {
  it('that we write are read back as they were', () => {
    const component = fc.record(
      {
        name: fc.constantFrom('@method', '@target-uri', 'content-digest'),
        ofRequest: fc.constant(true),
        key: fc.constant('sekisho'),
      },
      { requiredKeys: ['name'], noNullPrototype: true },
    )
    const parameters = fc.record(
      {
        created: fc.nat(),
        expires: fc.nat(),
        keyid: plain,
        alg: plain,
        tag: plain,
        nonce: plain,
      },
      { requiredKeys: ['created', 'expires', 'keyid', 'alg', 'tag'], noNullPrototype: true },
    )
    fc.assert(
      fc.property(
        fc.array(component, { minLength: 1, maxLength: 8 }),
        parameters,
        (list, given) => {
          const input = { components: list, parameters: given }
          const received = serializeInput(input)
          assert.deepEqual(parseInput(received), { ...input, received })
        },
      ),
    )
  })

  it('of any other text are refused or read, and never a crash', () => {
    const pieces = fc.constantFrom(
      '(',
      ')',
      '"',
      ';',
      '=',
      ',',
      ' ',
      'a',
      '@method',
      'req',
      '1',
      ':',
    )
    const noise = fc.array(pieces, { maxLength: 60 }).map(parts => parts.join(''))
    fc.assert(
      fc.property(fc.oneof(noise, fc.string()), text => {
        parseInput(text)
        parseDictionary(text)
      }),
    )
  })

  it('of great length are given up quickly', () => {
    for (const text of ['a="'.repeat(10_000), 'a=,'.repeat(10_000), `a=${'"x"'.repeat(10_000)}"`]) {
      const begun = performance.now()
      parseDictionary(text)
      parseInput(text)
      assert.ok(performance.now() - begun < 500)
    }
  })
})

describe('a dictionary', () => {
  it('keeps its members as text, each name once', () => {
    const found = parseDictionary('a=:AA==:, b=("x" "y, z");c="1"')
    assert.deepEqual(
      [...(found ?? [])],
      [
        ['a', ':AA==:'],
        ['b', '("x" "y, z");c="1"'],
      ],
    )
    for (const wrong of ['a', 'a=', 'a=1,', 'a=1,,b=2', 'A=1', 'a=1, a=2', 'a="1']) {
      assert.equal(parseDictionary(wrong), undefined, wrong)
    }
    assert.equal(parseDictionary('')?.size, 0)
  })
})
