import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { compareAddresses, compareNames, compareReadings, differenceOf } from '../japan.ts'

const name = (left: string, right: string, flags?: string) =>
  compareNames({ text: left, substitutes: flags }, { text: right })
const address = (left: string, right: string, flags?: string) =>
  compareAddresses({ text: left, substitutes: flags }, { text: right })

test('a name written otherwise is the same name; another character is another name', () => {
  assert.deepEqual(name('山田　太郎', '山田　太郎'), { kind: 'same', hints: [] })
  assert.equal(name('山田　太郎', '山田 太郎').kind, 'notation')
  assert.equal(name('山田　太郎', '山田太郎').kind, 'notation')
  assert.equal(name('葛\u{E0100}西　悟', '葛西　悟').kind, 'notation')
  assert.equal(name('神\u{FE00}谷', '神谷').kind, 'notation')
  assert.deepEqual(name('山田　太郎', '山田　次郎'), { kind: 'different', hints: [] })
  assert.deepEqual(name('山田　太郎', '山田　太郎丸'), { kind: 'different', hints: [] })
  assert.equal(name('', '山田').kind, 'different')
})

test('old and new kanji, scripts and the order of words are hints, never equality', () => {
  assert.deepEqual(name('髙橋　一', '高橋　一'), { kind: 'different', hints: ['variant-kanji'] })
  assert.deepEqual(name('渡邊　斎', '渡辺　齋'), { kind: 'different', hints: ['variant-kanji'] })
  assert.deepEqual(name('佐藤　みどり', '佐藤　ミドリ'), { kind: 'different', hints: ['script'] })
  assert.deepEqual(name('ＳＭＩＴＨ　ＪＯＨＮ', 'JOHN SMITH'), {
    kind: 'different',
    hints: ['word-order'],
  })
})

test('a substitute character, a private one and the geta mark are unknown, not different', () => {
  assert.deepEqual(name('〓橋　一', '髙橋　一', '1000'), {
    kind: 'unknown',
    hints: ['unknown-character'],
  })
  assert.equal(name('〓橋', '髙橋').kind, 'unknown')
  assert.equal(name('\u{E123}橋', '髙橋').kind, 'unknown')
  assert.equal(name('〓橋　一', '髙橋　二', '1000').kind, 'different')
  assert.equal(name('〓橋', '髙橋一', '10').kind, 'different')
  // Even the same text twice: nobody knows what stood there.
  assert.equal(name('〓橋', '〓橋', '10').kind, 'unknown')
  // Flags that do not fit say nothing about any character.
  assert.equal(name('山田', '山田', '000').kind, 'unknown')
  assert.equal(name('山田', '鈴木', '0').kind, 'unknown')
})

test('names in the alphabet are compared as travel documents write them', () => {
  assert.equal(name('ＯＢＲＩＥＮ　ＪＯＳＥ', "O'Brien José").kind, 'notation')
  assert.equal(name('ＳＯＥＲＥＮ', 'Søren').kind, 'notation')
  assert.equal(name('ＳＴＲＡＳＳＥ', 'Straße').kind, 'notation')
  assert.equal(name('ＡＮＮＡ−ＭＡＲＩＡ', 'Anna Maria').kind, 'notation')
  assert.equal(name('ＡＮＮＡ', 'ANNE').kind, 'different')
})

test('readings ignore script, width and the size of kana, and nothing else', () => {
  assert.equal(compareReadings('ﾊｯﾄﾘ ｼﾞｮｳｼﾞ', 'はっとり　じょうじ').kind, 'notation')
  assert.equal(compareReadings('ハツトリ', 'ハットリ').kind, 'notation')
  assert.equal(compareReadings('ローラ', 'ﾛ-ﾗ').kind, 'notation')
  assert.equal(compareReadings('ハットリ', 'ハトリ').kind, 'different')
  assert.equal(compareReadings('ヤマザキ', 'ヤマサキ').kind, 'different')
  assert.equal(compareReadings('みどり', 'みどり').kind, 'same')
})

test('one house in every notation is one house', () => {
  const official = '東京都千代田区霞が関二丁目１番２号'
  for (const written of [
    '東京都千代田区霞ヶ関2丁目1番2号',
    '東京都千代田区霞ケ関2-1-2',
    '東京都千代田区霞が関２－１－２',
    '東京都千代田区霞が関二−一−二',
    '東京都千代田区霞が関二の一の二',
    '〒100-0013 東京都千代田区霞が関2‐1‐2',
    '東京都 千代田区 霞が関 2丁目 1-2',
    '東京都千代田区霞が関2ー1ー2',
  ])
    assert.deepEqual(address(official, written), { kind: 'notation', hints: [] }, written)
  assert.equal(
    address('札幌市北区北十条西四丁目1番地', '札幌市北区北10条西4丁目1').kind,
    'notation',
  )
  assert.equal(address('東京都千代田区三番町５番地１', '東京都千代田区三番町5-1').kind, 'notation')
  assert.equal(address('広島市大字中一二三番地の四', '広島市中123-4').kind, 'notation')
  assert.equal(address('港区三田一丁目2-3 101', '港区三田1-2-3-101号室').kind, 'notation')
})

test('another number, another word, a number run together is another place', () => {
  const official = '東京都千代田区霞が関二丁目１番２号'
  for (const written of [
    '東京都千代田区霞が関2-1-3',
    '東京都千代田区霞が関2-12',
    '東京都千代田区霞が関21-2',
    '東京都千代田区霞が関1-2-2',
    '東京都千代田区永田町2-1-2',
  ])
    assert.equal(address(official, written).kind, 'different', written)
  // 丁目 against 番: the same numbers, elsewhere.
  assert.equal(address('港区三田1丁目2番', '港区三田1番2号').kind, 'different')
  assert.deepEqual(address('茨城県龍ケ崎市1-1', '茨城県竜ヶ崎市1-1'), {
    kind: 'different',
    hints: ['variant-kanji'],
  })
})

test('parcels against blocks, a missing building and a doubtful prefecture cannot be told', () => {
  assert.deepEqual(address('港区三田1丁目2番3号', '港区三田1丁目2番地3'), {
    kind: 'unknown',
    hints: ['numbering-system'],
  })
  assert.deepEqual(address('港区三田1-2-3', '港区三田1-2-3メゾン三田501'), {
    kind: 'unknown',
    hints: ['building-missing'],
  })
  assert.equal(address('港区三田1', '港区三田1-2-3').kind, 'different')
  assert.deepEqual(address('大阪府大阪市北区1-1', '大阪市北区1-1'), {
    kind: 'notation',
    hints: ['prefecture-missing'],
  })
  assert.deepEqual(address('東京都府中市1-1', '府中市1-1'), {
    kind: 'unknown',
    hints: ['prefecture-missing'],
  })
  assert.equal(address('東京都府中市1-1', '広島県府中市1-1').kind, 'different')
  assert.deepEqual(address('港区〓ノ1-1', '港区鯵ノ1-1', '0010000'), {
    kind: 'unknown',
    hints: ['unknown-character'],
  })
})

test('four attributes together say what happened', () => {
  const before = {
    name: '佐藤　花子',
    name_substitutes: '00000',
    address: { formatted: '東京都港区三田一丁目２番３号' },
    birthdate: '1990-03-04',
    gender: 'female',
  } as const
  const summary = (now: Parameters<typeof differenceOf>[1]) => differenceOf(before, now).summary
  assert.equal(summary(before), 'same')
  assert.equal(summary({ ...before, address: { formatted: '東京都港区三田1-2-3' } }), 'notation')
  assert.equal(summary({ ...before, address: { formatted: '東京都港区三田1-2-4' } }), 'moved')
  assert.equal(summary({ ...before, name: '鈴木　花子' }), 'renamed')
  assert.equal(summary({ ...before, birthdate: '1990-03-05' }), 'corrected')
  assert.equal(summary({ ...before, birthdate: '1990-03-00' }), 'unknown')
  assert.equal(
    summary({ name: '鈴木　花子', address: { formatted: '大阪府大阪市1-1' } }),
    'several',
  )
  assert.equal(summary({}), 'unknown')
})

const towns = [
  '港区三田',
  '千代田区三番町',
  '北九州市八幡西区折尾',
  '新宿区四谷',
  '大田区六郷',
  '府中市是政',
]
const numerals = '〇一二三四五六七八九'
const kanji = (value: number): string => {
  const [tens, ones] = [Math.floor(value / 10), value % 10]
  if (tens === 0) return numerals[ones] ?? ''
  return `${tens === 1 ? '' : numerals[tens]}十${ones === 0 ? '' : numerals[ones]}`
}
const wide = (value: number): string =>
  String(value).replace(/\d/gu, digit => String.fromCodePoint(0xff10 + Number(digit)))
const house = fc.record({
  town: fc.constantFrom(...towns),
  chome: fc.integer({ min: 1, max: 42 }),
  ban: fc.integer({ min: 1, max: 99 }),
  go: fc.integer({ min: 1, max: 99 }),
})
type House = { town: string; chome: number; ban: number; go: number }
const notations: readonly ((of: House) => string)[] = [
  ({ town, chome, ban, go }) => `${town}${kanji(chome)}丁目${wide(ban)}番${wide(go)}号`,
  ({ town, chome, ban, go }) => `${town}${kanji(chome)}丁目${kanji(ban)}番${kanji(go)}号`,
  ({ town, chome, ban, go }) => `${town}${chome}-${ban}-${go}`,
  ({ town, chome, ban, go }) => `${town} ${wide(chome)}－${wide(ban)}－${wide(go)}`,
  ({ town, chome, ban, go }) => `${town}${chome}丁目${ban}‐${go}`,
  ({ town, chome, ban, go }) => `${town}${kanji(chome)}ノ${kanji(ban)}ノ${kanji(go)}`,
]

test('every house agrees with itself in every notation and with no other house in any', () => {
  fc.assert(
    fc.property(
      house,
      house,
      fc.constantFrom(...notations),
      fc.constantFrom(...notations),
      (one, other, write, rewrite) => {
        assert.ok(['same', 'notation'].includes(address(write(one), rewrite(one)).kind))
        const isOne = JSON.stringify(one) === JSON.stringify(other)
        if (!isOne) assert.equal(address(write(one), rewrite(other)).kind, 'different')
      },
    ),
    { numRuns: 2000 },
  )
})

test('comparing is symmetric, agrees with itself and takes any text', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.string({
      unit: fc.constantFrom(
        ...'東京都府中市一二十百番地丁目号のノ-ー－ 1２〓ヶケが高髙',
        '\u{E0100}',
        'ｶ',
        'ﾞ',
        'é',
      ),
      maxLength: 40,
    }),
  )
  fc.assert(
    fc.property(
      text,
      text,
      fc.string({ unit: fc.constantFrom('0', '1'), maxLength: 60 }),
      (a, b, flags) => {
        for (const compare of [address, name]) {
          assert.equal(compare(a, b).kind, compare(b, a).kind)
          assert.notEqual(compare(a, a).kind, 'different')
          compare(a, b, flags)
        }
        assert.equal(compareReadings(a, b).kind, compareReadings(b, a).kind)
      },
    ),
    { numRuns: 3000 },
  )
})

test('an unknown character never makes a difference, and always makes it unknown', () => {
  fc.assert(
    fc.property(house, fc.constantFrom(...notations), fc.nat(), (of, write, at) => {
      const text = write(of)
      const length = Array.from(of.town).length
      const flags = Array.from(text, (_, place) => (place === at % length ? '1' : '0')).join('')
      assert.equal(address(text, text, flags).kind, 'unknown')
    }),
    { numRuns: 500 },
  )
})

test('a text of the greatest length and of the worst kind is compared in no time', () => {
  const started = performance.now()
  for (const worst of ['一', '1-', '番', 'の一', '十', ' 1', 'ヶ'])
    address(worst.repeat(20_000), `${worst.repeat(20_000)}x`)
  assert.ok(performance.now() - started < 3000)
})
