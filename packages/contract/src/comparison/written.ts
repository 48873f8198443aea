/**
 * A name or an address as somebody wrote it, and its characters in one notation. A character that was replaced, or that no register
 * but the writer's own has, is *unknown*: it agrees with everything and proves nothing. Sources: jpki.md §2.3 (flags), UAX #15
 * (compatibility forms), UTS #37 (variation sequences).
 */

/** A text and, where it comes from a certificate, its substitute-character flags: `0` or `1` for each character. */
export type Written = { readonly text: string; readonly substitutes?: string | undefined }

/**
 * How two texts compare. `same`: to the letter. `notation`: written otherwise, nothing else. `unknown`: they agree as far as they can
 * be read. `different`: they do not agree.
 */
export type ComparisonKind = 'same' | 'notation' | 'unknown' | 'different'

/** What a person who decides should know; no hint makes two texts equal. */
export type Hint =
  /** A character is not known on one side. */
  | 'unknown-character'
  /** They would agree if old and new forms of kanji were one character: 髙 and 高. */
  | 'variant-kanji'
  /** They would agree in another script: みどり and ミドリ. */
  | 'script'
  /** The same words in another order. */
  | 'word-order'
  /** One side counts parcels (番地), the other blocks and houses (番, 号): the numbers are of different systems. */
  | 'numbering-system'
  /** One side leaves the prefecture out. */
  | 'prefecture-missing'
  /** One side goes on after the house number: building, flat. */
  | 'building-missing'

/** How two texts compare, and what else there is to say. */
export type Comparison = { readonly kind: ComparisonKind; readonly hints: readonly Hint[] }

/** A character that is not known, among normalised ones: the first of the private use area, which none of them has left. */
export const unknownCharacter = '\u{E000}'

/**
 * The text in one notation: full or half width, compatibility forms and variation sequences as the character itself, every kind of
 * space as one, dashes as `-`. Characters that are flagged, private (外字) or the geta mark 〓 are {@link unknownCharacter}. Flags
 * that do not fit the text make all of it unknown: nobody knows where they belong.
 */
export function normalise({ text, substitutes }: Written): string {
  const characters = Array.from(text)
  if (substitutes !== undefined && substitutes.length !== characters.length)
    return unknownCharacter.repeat(characters.length)
  const marked = characters.map((character, at) =>
    substitutes?.[at] === '1' || isUnreadable(character) ? unknownCharacter : character,
  )
  return marked
    .join('')
    .normalize('NFKC')
    .replace(variationSelectors, '')
    .replace(dashes, '-')
    .replace(/[〜～∼]/gu, '~')
    .replace(/[\s\u{200B}-\u{200D}\u{FEFF}]+/gu, ' ')
    .trim()
    .toUpperCase()
}

/** Two normalised texts, character by character. Undefined: they do not agree. */
export function agreement(left: string, right: string): 'equal' | 'unknown' | undefined {
  if (left === right && !left.includes(unknownCharacter)) return 'equal'
  const these = Array.from(left)
  const those = Array.from(right)
  if (these.length !== those.length) return undefined
  const isAgreed = these.every((character, at) => {
    const other = those[at]
    return character === other || character === unknownCharacter || other === unknownCharacter
  })
  return isAgreed ? 'unknown' : undefined
}

/** Whether two texts are the same to the letter and readable throughout. */
export function isSame(left: Written, right: Written): boolean {
  return left.text === right.text && !normalise(left).includes(unknownCharacter)
}

/** FE00–FE0F and E0100–E01EF: which glyph is meant, never which character. */
const variationSelectors = /[\u{FE00}-\u{FE0F}\u{E0100}-\u{E01EF}]/gu
/** Hyphens, minus signs and lines of all kinds, and the long vowel mark, which is typed in their place. */
const dashes = /[\p{Pd}−ー－ｰ─━⁃˗]/gu

function isUnreadable(character: string): boolean {
  return character === '〓' || character === '\u{FFFD}' || /^[\p{Co}\p{Cs}]$/u.test(character)
}
