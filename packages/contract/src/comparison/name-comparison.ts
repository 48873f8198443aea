/** Names compared: in kanji and kana as registers have them, in kana as banks have them, in the alphabet of foreign residents. */
import {
  agreement,
  type Comparison,
  type Hint,
  isSame,
  normalise,
  unknownCharacter,
  type Written,
} from './written.ts'
import { withUsualKanji } from './variant-kanji.ts'

/**
 * Compares two names. Spaces, width, variation sequences and, in the alphabet, case, accents, dots and hyphens are notation. Old
 * and new kanji, hiragana and katakana, and another order of words are hints: `みどり` and `ミドリ` are two names.
 */
export function compareNames(left: Written, right: Written): Comparison {
  if (isSame(left, right)) return { kind: 'same', hints: [] }
  const these = wordsOf(left)
  const those = wordsOf(right)
  const plain = [these.join(''), those.join('')] as const
  if (plain.includes(''))
    return { kind: plain[0] === plain[1] ? 'notation' : 'different', hints: [] }
  const found = agreement(...plain)
  if (found === 'equal') return { kind: 'notation', hints: [] }
  if (found === 'unknown') return { kind: 'unknown', hints: ['unknown-character'] }
  return { kind: 'different', hints: hintsOf(these, those) }
}

/**
 * Compares two readings. Hiragana and katakana, small and large kana (banks write ツ for ッ) and every long vowel mark are notation.
 */
export function compareReadings(left: string, right: string): Comparison {
  if (left === right && left !== '') return { kind: 'same', hints: [] }
  const found = agreement(readingKey(left), readingKey(right))
  if (found === 'equal') return { kind: 'notation', hints: [] }
  if (found === 'unknown') return { kind: 'unknown', hints: ['unknown-character'] }
  return { kind: 'different', hints: [] }
}

function wordsOf(name: Written): readonly string[] {
  return normalise(name)
    .split(/[ ・,、]+/u)
    .map(plainLatin)
    .filter(word => word !== '')
}

function hintsOf(these: readonly string[], those: readonly string[]): readonly Hint[] {
  const hints: Hint[] = []
  const agree = (change: (text: string) => string): boolean =>
    agreement(change(these.join('')), change(those.join(''))) !== undefined
  if (agree(withUsualKanji)) hints.push('variant-kanji')
  if (agree(katakana)) hints.push('script')
  if (
    these.length > 1 &&
    agreement(these.toSorted().join(' '), those.toSorted().join(' ')) !== undefined
  )
    hints.push('word-order')
  return hints
}

/** Letters of the Latin script that are no letter with a mark, as travel documents write them (ICAO 9303-3 §6). */
const latinPairs: Readonly<Record<string, string>> = {
  Æ: 'AE',
  Œ: 'OE',
  Ø: 'OE',
  Ð: 'D',
  Đ: 'D',
  Þ: 'TH',
  Ł: 'L',
  ẞ: 'SS',
}

/** Latin letters without marks, dots, apostrophes and hyphens; whatever is not Latin as it is. */
function plainLatin(word: string): string {
  if (!/\p{sc=Latin}/u.test(word)) return word
  return Array.from(word, letter =>
    /\p{sc=Latin}/u.test(letter)
      ? (latinPairs[letter] ?? letter.normalize('NFD').replace(/\p{M}/gu, ''))
      : letter,
  )
    .join('')
    .replace(/[.'’‘`´-]/gu, '')
}

function katakana(text: string): string {
  return text.replace(/[ぁ-ゖゝゞ]/gu, kana =>
    String.fromCodePoint((kana.codePointAt(0) ?? 0) + 0x60),
  )
}

const smallKana = 'ァィゥェォッャュョヮヵヶ'
const largeKana = 'アイウエオツヤユヨワカケ'

function readingKey(text: string): string {
  const key = plainLatin(katakana(normalise({ text })).replace(/[ ・]/gu, '').replace(/-/gu, 'ー'))
  return key.replace(
    /[ァィゥェォッャュョヮヵヶ]/gu,
    kana => largeKana[smallKana.indexOf(kana)] ?? unknownCharacter,
  )
}
