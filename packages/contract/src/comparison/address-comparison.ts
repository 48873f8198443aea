/**
 * Addresses compared. One house is written 二丁目１番３号, 2丁目1-3, ２－１－３ or 二の一の三; a register that has parcels writes 1番地3.
 * Both sides are read into words and numbers, each number with the unit that stands behind it, and those are compared.
 */
import {
  agreement,
  type Comparison,
  type ComparisonKind,
  type Hint,
  isSame,
  normalise,
  unknownCharacter,
  type Written,
} from './written.ts'
import { withUsualKanji } from './variant-kanji.ts'

/** What a number counts: 丁目, block 番, parcel 番地, house 号. */
type Unit = '丁目' | '番' | '番地' | '号'
type Part =
  | { readonly number: string; readonly unit: Unit | undefined }
  /** One character, in its notation. */
  | { readonly word: string }

/**
 * Compares two addresses. Kanji numerals, units against hyphens, ケ against ヶ and が between kanji, 大字, a postal code before and
 * spaces are notation. Parcels against blocks, a missing prefecture that more than one has, and a missing building are `unknown`:
 * it may be the same place. Old and new kanji are a hint.
 */
export function compareAddresses(left: Written, right: Written): Comparison {
  if (isSame(left, right)) return { kind: 'same', hints: [] }
  const these = addressKey(left)
  const those = addressKey(right)
  if (these === '' || those === '')
    return { kind: these === those ? 'notation' : 'different', hints: [] }
  const found = compareKeys(these, those)
  if (found !== undefined) return found
  // A character that is not known may be a numeral or part of a unit.
  if (agreement(unspaced(left), unspaced(right)) !== undefined)
    return { kind: 'unknown', hints: ['unknown-character'] }
  const isVariant = compareKeys(withUsualKanji(these), withUsualKanji(those)) !== undefined
  return { kind: 'different', hints: isVariant ? ['variant-kanji'] : [] }
}

function unspaced(address: Written): string {
  return normalise(address).replaceAll(' ', '')
}

/** Undefined: they do not agree. */
function compareKeys(left: string, right: string): Comparison | undefined {
  const direct = compareParts(partsOf(left), partsOf(right))
  if (direct !== undefined) return direct
  const [whole, short] = prefecture.test(left) ? [left, right] : [right, left]
  if (!prefecture.test(whole) || prefecture.test(short)) return undefined
  const rest = compareParts(partsOf(whole.replace(prefecture, '')), partsOf(short))
  if (rest === undefined) return undefined
  const isCity = /^[^区町村郡]{1,8}?市/u.test(short) && !sharedCities.test(short)
  const kind = isCity ? rest.kind : 'unknown'
  return { kind, hints: [...rest.hints, 'prefecture-missing'] }
}

/** All 47: three of them by name, for 府 and 県 stand in other names as well. */
const prefecture = /^(?:東京都|北海道|京都府|大阪府|[^都道府県市区町村郡\d]{2,3}県)/u
/** The only names that two cities have. */
const sharedCities = /^(?:府中市|伊達市)/u

function compareParts(left: readonly Part[], right: readonly Part[]): Comparison | undefined {
  const hints = new Set<Hint>()
  const length = Math.min(left.length, right.length)
  for (let at = 0; at < length; at++) {
    const [these, those] = [left[at], right[at]]
    if (these === undefined || those === undefined) return undefined
    const hint = comparePart(these, those)
    if (hint === undefined) return undefined
    if (hint !== 'equal') hints.add(hint)
  }
  const [longer, shorter] = left.length > right.length ? [left, right] : [right, left]
  if (longer.length > shorter.length) {
    // Only whole house numbers may be followed by something that the other side leaves out.
    const last = shorter.at(-1)
    if (last === undefined || !('number' in last) || countNumbers(shorter) < 2) return undefined
    hints.add('building-missing')
  }
  const kind: ComparisonKind = hints.size === 0 ? 'notation' : 'unknown'
  return { kind, hints: [...hints] }
}

function comparePart(left: Part, right: Part): Hint | 'equal' | undefined {
  if ('word' in left && 'word' in right) {
    if (left.word === right.word && left.word !== unknownCharacter) return 'equal'
    return left.word === unknownCharacter || right.word === unknownCharacter
      ? 'unknown-character'
      : undefined
  }
  if (!('number' in left && 'number' in right) || left.number !== right.number) return undefined
  if (left.unit === right.unit || left.unit === undefined || right.unit === undefined)
    return 'equal'
  const units: readonly Unit[] = [left.unit, right.unit]
  return units.includes('番') && units.includes('番地') ? 'numbering-system' : undefined
}

function countNumbers(parts: readonly Part[]): number {
  return parts.filter(part => 'number' in part).length
}

/** The address in one notation, with numbers in digits and their units still behind them. */
function addressKey(address: Written): string {
  const text = normalise(address)
    .replace(/^〒?\d{3}-\d{4} ?(?=\D)/u, '')
    .replaceAll('大字', '')
    // Between numbers a space parts them; elsewhere it is nothing.
    .replace(/(?<=[\d号]) (?=\d)/gu, '-')
    .replaceAll(' ', '')
    .replace(/(?<=\p{sc=Han})[ヶケがガヵ箇](?=\p{sc=Han})/gu, 'ケ')
  return digitsFromKanji(text)
}

const numeral = '[〇零一二三四五六七八九十百千壱弐参拾]'
/** No longer than any house number, so that no text makes the search long. */
const run = `${numeral}{1,9}`
/** Numerals before a unit, or before a mark that parts numbers. */
const beforeUnit = new RegExp(
  `(?<!${numeral})${run}(?=丁目|番(?!町)|号|条|線|地割|階|[-のノ之](?:\\d|${run}(?!${numeral})))`,
  'gu',
)
/** Numerals after a number with its unit or mark, if nothing of a name follows. */
const afterUnit = new RegExp(
  `(?<=\\d(?:丁目|番地の|番地|番|号|-|の|ノ|之))${run}(?=$|丁目|番|号|階|[-のノ之])`,
  'gu',
)

function digitsFromKanji(text: string): string {
  let current = text
  // Each step may show the next numeral to stand behind a number; an address has a handful.
  for (let step = 0; step < 8; step++) {
    const next = current.replace(beforeUnit, arabic).replace(afterUnit, arabic)
    if (next === current) return current
    current = next
  }
  return current
}

const digits: Readonly<Record<string, number>> = {
  〇: 0,
  零: 0,
  一: 1,
  壱: 1,
  二: 2,
  弐: 2,
  三: 3,
  参: 3,
  四: 4,
  五: 5,
  六: 6,
  七: 7,
  八: 8,
  九: 9,
}
const powers: Readonly<Record<string, number>> = { 十: 10, 拾: 10, 百: 100, 千: 1000 }

/** 一二三 and 百二十三 as 123; as it is where it is no number. */
function arabic(kanji: string): string {
  const characters = Array.from(kanji)
  if (characters.every(each => digits[each] !== undefined))
    return characters.map(each => String(digits[each])).join('')
  let sum = 0
  let digit: number | undefined
  let powerBefore = 10_000
  for (const character of characters) {
    const power = powers[character]
    if (power === undefined) {
      if (digit !== undefined) return kanji
      digit = digits[character]
    } else {
      if (power >= powerBefore) return kanji
      sum += (digit ?? 1) * power
      digit = undefined
      powerBefore = power
    }
  }
  return String(sum + (digit ?? 0))
}

/** A number with its unit, if it has one; marks that part numbers behind it. */
const numbered = /(\d+)(丁目|番地|番(?!町)|号室|号)?(?:の(?=\d)|ノ(?=\d)|之(?=\d)|-)?/gu

function partsOf(key: string): readonly Part[] {
  const parts: Part[] = []
  const addWords = (text: string): void => {
    for (const word of Array.from(text)) parts.push({ word })
  }
  let end = 0
  for (const match of key.matchAll(numbered)) {
    addWords(key.slice(end, match.index))
    const [whole, number = '', unit] = match
    parts.push({ number: number.replace(/^0+(?=\d)/u, ''), unit: unitOf(unit) })
    end = match.index + whole.length
  }
  addWords(key.slice(end))
  return parts
}

function unitOf(text: string | undefined): Unit | undefined {
  if (text === '丁目' || text === '番' || text === '番地') return text
  return text === undefined ? undefined : '号'
}
