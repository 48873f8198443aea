import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ageOn, municipalities, municipalityOf } from '@sekisho/contract/japan'
import { seededRandom } from '@sekisho/runtime/random'
import { fullWidth, substitutesOf } from './character.ts'
import { generateResidents, type GeneratedResident } from './generate.ts'
import { foreignStay } from './foreign-stay.ts'
import { agePyramid } from './population-table.ts'
import { townMunicipalities } from './town-place.ts'
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

const today = { year: 2026, month: 11, day: 20 }
const everywhere = municipalities.map(one => one.code)

function residents(
  seed: string,
  count: number,
  places: readonly string[] = townMunicipalities,
): readonly GeneratedResident[] {
  return [...generateResidents({ random: seededRandom(seed), count, today, places })]
}

describe('generated residents', () => {
  it('are the same for the same seed and others for another', () => {
    assert.deepEqual(residents('a', 50), residents('a', 50))
    assert.notDeepEqual(residents('a', 50), residents('b', 50))
  })

  it('have attributes that the registry accepts, in the municipality where they live', () => {
    for (const { municipality, attributes, reading, stay } of residents('town', 3000)) {
      residentAttributes.parse(attributes)
      foreignStay.nullable().parse(stay)
      assert.equal(reading === null, stay !== null)
      assert.match(reading ?? 'ア　ア', /^[ァ-ヺー]+　[ァ-ヺー]+$/)
      const place = municipalityOf(municipality)
      assert.ok(attributes.address.startsWith(`${place?.prefecture}${place?.name}`))
      assert.equal(substitutesOf(attributes.name + attributes.address).includes('1'), false)
    }
  })
})

describe('forty thousand residents of all Japan', () => {
  const all = residents('country', 40_000, everywhere)
  const ageOf = ({ attributes: { birthDate } }: GeneratedResident): number =>
    ageOn({ year: birthDate.year, month: birthDate.month ?? 1, day: birthDate.day ?? 1 }, today)

  it('are as many as asked, in every municipality by its size', () => {
    assert.equal(all.length, 40_000)
    const counts = new Map<string, number>()
    for (const one of all) counts.set(one.municipality, (counts.get(one.municipality) ?? 0) + 1)
    const total = municipalities.reduce((sum, one) => sum + one.thousands, 0)
    for (const { code, thousands } of municipalities)
      assert.ok(Math.abs((counts.get(code) ?? 0) - (40_000 * thousands) / total) <= 1, code)
  })

  it('have the ages of the pyramid, by sex', () => {
    const total = agePyramid.flat().reduce((sum, one) => sum + one, 0)
    for (const [band, [male, female]] of agePyramid.entries())
      for (const [gender, weight] of [
        ['male', male],
        ['female', female],
      ] as const) {
        const expected = (weight / total) * all.length
        const found = all.filter(
          one =>
            one.attributes.gender === gender &&
            ageOf(one) >= band * 5 &&
            (ageOf(one) < band * 5 + 5 || band === agePyramid.length - 1),
        ).length
        assert.ok(
          Math.abs(found - expected) < 6 * Math.sqrt(expected + 1),
          `${band * 5} ${gender}: ${found} for ${expected}`,
        )
      }
  })

  it('live in households of believable sizes, each with one head at one address, and no child alone with a name of its own', () => {
    const households: GeneratedResident[][] = []
    for (const one of all)
      if (one.relation === 'head') households.push([one])
      else households.at(-1)?.push(one)
    assert.equal(households.flat().length, all.length)
    const share = (size: number): number =>
      households.filter(one => one.length === size).length / households.length
    // Census of 2020: 38, 28, 17, 12 and 5 in a hundred.
    assert.ok(share(1) > 0.3 && share(1) < 0.46, `alone ${share(1)}`)
    assert.ok(share(2) > 0.2 && share(2) < 0.36, `two ${share(2)}`)
    assert.ok(share(3) > 0.1 && share(3) < 0.25, `three ${share(3)}`)
    const mean = all.length / households.length
    assert.ok(mean > 1.95 && mean < 2.45, `mean ${mean}`)
    for (const members of households) {
      assert.equal(new Set(members.map(one => one.attributes.address)).size, 1)
      const surnames = members
        .filter(one => one.stay === null)
        .map(one => one.attributes.name.split('　')[0])
      assert.ok(new Set(surnames).size <= 1)
    }
    const lonelyChildren = households.filter(
      ([head]) => head !== undefined && ageOf(head) < 15,
    ).length
    assert.ok(lonelyChildren < all.length / 1000, `${lonelyChildren} households headed by a child`)
  })

  it('about three in a hundred are foreign, and names fit the generation', () => {
    const foreign = all.filter(one => one.stay !== null)
    assert.ok(foreign.length > 0.02 * all.length && foreign.length < 0.04 * all.length)
    assert.ok(foreign.some(one => one.stay?.until === null) && foreign.some(one => one.stay?.alias))
    const called = (name: string) => all.filter(one => one.attributes.name.endsWith(`　${name}`))
    assert.ok(called('陽翔').length > 5 && called('陽翔').every(one => ageOf(one) <= 21))
    assert.ok(called('キヨ').length > 5 && called('キヨ').every(one => ageOf(one) >= 80))
  })
})

describe('a resident’s attributes', () => {
  const [given] = residents('one', 1)
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
