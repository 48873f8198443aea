import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ageOn,
  agreesWithSubstitutes,
  comparisonKey,
  dateInJapan,
  eraOf,
  isCorporateNumber,
  isMyNumber,
  japaneseDate,
  municipalities,
  municipalityCheckDigit,
  startOfDayInJapan,
} from './japan.ts'

test('published my numbers pass and every single changed digit fails', () => {
  for (const number of ['983205673214', '123456789018']) {
    assert.ok(isMyNumber(number))
    const last = (Number(number[11]) + 1) % 10
    assert.equal(isMyNumber(number.slice(0, 11) + last), false)
  }
  assert.equal(isMyNumber('12345678901'), false)
  assert.equal(isMyNumber('１２３４５６７８９０１８'), false)
})

test('published corporate numbers pass and a changed check digit fails', () => {
  for (const number of ['7123456789012', '4011001098993', '1180301018771', '7000012050002'])
    assert.ok(isCorporateNumber(number), number)
  assert.equal(isCorporateNumber('8123456789012'), false)
})

test('municipality check digits equal the published six-digit codes', () => {
  const published = [
    '131016',
    '011002',
    '132217',
    '271004',
    '010006',
    '131041',
    '142051',
    '232114',
    '012025',
    '472018',
    '134210',
  ]
  for (const full of published)
    assert.equal(municipalityCheckDigit(full.slice(0, 5)), Number(full[5]), full)
  assert.throws(() => municipalityCheckDigit('1310'), RangeError)
})

test('the municipalities of the town have distinct five-digit codes', () => {
  assert.equal(new Set(municipalities.map(found => found.code)).size, municipalities.length)
})

test('an era begins on its first day, and the year of that day is the first', () => {
  assert.equal(eraOf({ year: 2019, month: 4, day: 30 })?.en, 'Heisei')
  assert.equal(eraOf({ year: 2019, month: 5, day: 1 })?.en, 'Reiwa')
  assert.equal(japaneseDate({ year: 2019, month: 5, day: 1 }), '令和元年5月1日')
  assert.equal(japaneseDate({ year: 1989, month: 1, day: 7 }), '昭和64年1月7日')
  assert.equal(eraOf({ year: 1867, month: 1, day: 1 }), undefined)
})

test('a year of age is reached on the birthday, and by law at the end of the day before', () => {
  const birth = { year: 2008, month: 4, day: 1 }
  assert.equal(ageOn(birth, { year: 2023, month: 3, day: 31 }), 14)
  assert.equal(ageOn(birth, { year: 2023, month: 3, day: 31 }, 'day-before'), 15)
  assert.equal(ageOn(birth, { year: 2023, month: 4, day: 1 }), 15)
  const leap = { year: 2008, month: 2, day: 29 }
  assert.equal(ageOn(leap, { year: 2023, month: 2, day: 28 }), 14)
  assert.equal(ageOn(leap, { year: 2023, month: 2, day: 28 }, 'day-before'), 15)
  assert.equal(ageOn(leap, { year: 2023, month: 3, day: 1 }), 15)
})

test('a day in Japan begins nine hours before the day in UTC', () => {
  const start = startOfDayInJapan({ year: 2026, month: 11, day: 20 })
  assert.equal(start, Date.UTC(2026, 10, 19, 15))
  assert.deepEqual(dateInJapan(start), { year: 2026, month: 11, day: 20 })
  assert.deepEqual(dateInJapan(start - 1), { year: 2026, month: 11, day: 19 })
})

test('spellings that differ in width, dash or variation selector compare equal, other characters do not', () => {
  assert.equal(comparisonKey('山田　太郎'), comparisonKey('山田 太郎'))
  assert.equal(comparisonKey('１−２ー３'), comparisonKey('1-2-3'))
  assert.equal(comparisonKey('葛\u{E0100}飾'), comparisonKey('葛飾'))
  assert.notEqual(comparisonKey('髙橋'), comparisonKey('高橋'))
})

test('a flagged position is unknown, not different', () => {
  assert.ok(agreesWithSubstitutes('〓橋', '10', '髙橋'))
  assert.equal(agreesWithSubstitutes('〓橋', '00', '髙橋'), false)
  assert.equal(agreesWithSubstitutes('〓橋', '10', '髙橋一'), false)
})
