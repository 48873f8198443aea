import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { municipalityOf } from '@sekisho/contract/japan'
import { seededRandom } from '@sekisho/runtime/random'
import { fullWidth, substitutesOf } from './character.ts'
import { generateResidents } from './generate.ts'
import { latestBirthDate, residentAttributes } from './resident.ts'

describe('characters of certificates', () => {
  it('are those of JIS X 0208 and the supplementary kanji', () => {
    assert.equal(substitutesOf('佐藤　花子'), '00000')
    assert.equal(substitutesOf('森鷗外俠〜～－−１Ａ'), '0000000000')
  })

  it('are not vendors’ rows nor what lies beyond', () => {
    assert.equal(substitutesOf('𠮷﨑　髙'), '1101')
    assert.equal(substitutesOf('a1'), '11')
  })

  it('come in full width from a keyboard', () => {
    assert.equal(fullWidth('SANTOS MARIA 1-2'), 'ＳＡＮＴＯＳ　ＭＡＲＩＡ　１－２')
    assert.equal(fullWidth('田中　美咲'), '田中　美咲')
  })
})

describe('generated residents', () => {
  it('are the same for the same seed and others for another', () => {
    const made = (seed: string): unknown[] => [...generateResidents(seededRandom(seed), 5, 2026)]
    assert.deepEqual(made('a'), made('a'))
    assert.notDeepEqual(made('a'), made('b'))
  })

  it('have attributes that the registry accepts, in the municipality where they live', () => {
    for (const { municipality, attributes } of generateResidents(seededRandom('town'), 500, 2026)) {
      residentAttributes.parse(attributes)
      const place = municipalityOf(municipality)
      assert.ok(attributes.address.startsWith(`${place?.prefecture}${place?.name}`))
      assert.equal(substitutesOf(attributes.name + attributes.address).includes('1'), false)
    }
  })
})

describe('a resident’s attributes', () => {
  const [given] = [...generateResidents(seededRandom('one'), 1, 2026)]
  const attributes = given?.attributes
  const accepts = (change: object): boolean =>
    residentAttributes.safeParse({ ...attributes, ...change }).success

  it('have days that exist', () => {
    assert.ok(accepts({ birthDate: { year: 2000, month: 2, day: 29 } }))
    assert.ok(!accepts({ birthDate: { year: 2001, month: 2, day: 29 } }))
    assert.ok(accepts({ birthDate: { year: 1944, month: 4, day: null } }))
    assert.ok(accepts({ birthDate: { year: 1944, month: null, day: null } }))
  })

  it('have a flag for each character', () => {
    assert.ok(accepts({ name: '𠮷田', nameSubstitutes: '10' }))
    assert.ok(!accepts({ name: '𠮷田', nameSubstitutes: '100' }))
  })

  it('take an unknown part of a birth date for the latest it can be', () => {
    const latest = (birthDate: object): unknown =>
      latestBirthDate(residentAttributes.parse({ ...attributes, birthDate }))
    assert.deepEqual(latest({ year: 1944, month: 2, day: null }), { year: 1944, month: 2, day: 29 })
    assert.deepEqual(latest({ year: 1944, month: null, day: null }), {
      year: 1944,
      month: 12,
      day: 31,
    })
  })
})
