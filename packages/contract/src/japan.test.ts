import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ageOn,
  dateInJapan,
  eraOf,
  isCorporateNumber,
  isMyNumber,
  isResidentCode,
  japaneseDate,
  municipalities,
  municipalityCheckDigit,
  municipalityOf,
  municipalityTableDate,
  myNumberCheckDigit,
  residentCodeCheckDigit,
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
  // Prefectures, designated cities, a special ward, cities and a village, as the ministry publishes them.
  const published =
    '010006 011002 012025 041009 111007 121002 130001 131016 131041 132217 134210 141003 141305 141500 142051 151009 ' +
    '221007 221309 231002 232114 261009 271004 271403 281000 331007 341002 401005 401307 431001 472018'
  for (const full of published.split(' '))
    assert.equal(municipalityCheckDigit(full.slice(0, 5)), Number(full[5]), full)
  assert.throws(() => municipalityCheckDigit('1310'), RangeError)
})

test('the table of municipalities names each code once, in every prefecture, with names of the right kind', () => {
  assert.match(municipalityTableDate, /^\d{4}-\d\d-\d\d$/)
  const codes = municipalities.map(one => one.code)
  assert.equal(new Set(codes).size, codes.length)
  assert.deepEqual(codes, codes.toSorted(), 'by code')
  assert.equal(new Set(codes.map(code => code.slice(0, 2))).size, 47)
  const suffix: Readonly<Record<string, RegExp>> = {
    市: /-shi$/,
    区: /-ku$/,
    町: /-(cho|machi)$/,
    村: /-(mura|son)$/,
  }
  for (const one of municipalities) {
    assert.match(one.code, /^(0[1-9]|[1-3]\d|4[0-7])\d{3}$/)
    assert.match(one.romaji, suffix[one.name.at(-1) ?? ''] ?? /never$/, one.name)
    assert.ok(one.prefecture && one.prefectureRomaji && one.thousands > 0, one.name)
    // Cities lie from 201, designated cities at 100, 130 and 150, Tokyo’s wards from 101, towns and villages from 300.
    const rest = Number(one.code.slice(2))
    const kind = one.name.at(-1)
    assert.ok(kind === '区' ? rest < 130 : kind === '市' ? rest < 300 : rest > 300, one.name)
    assert.equal(municipalityOf(one.code), one)
  }
  assert.equal(municipalityOf('99999'), undefined)
})

test('a resident code ends with its check digit, and every single changed digit fails', () => {
  for (const ten of ['0123456789', '0000000001', '9876543210']) {
    const code = `${ten}${residentCodeCheckDigit(ten)}`
    assert.ok(isResidentCode(code), code)
    assert.equal(isResidentCode(`${ten}${(residentCodeCheckDigit(ten) + 1) % 10}`), false)
  }
  for (const bad of ['0123456789', '012345678901', '０１２３４５６７８９０', ''])
    assert.equal(isResidentCode(bad), false, bad)
  assert.throws(() => residentCodeCheckDigit('123'), RangeError)
  assert.equal(`98320567321${myNumberCheckDigit('98320567321')}`, '983205673214')
  assert.throws(() => myNumberCheckDigit('98320567321x'), RangeError)
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
