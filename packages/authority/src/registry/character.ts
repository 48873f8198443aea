/**
 * Which characters a certificate can carry (jpki.md §2.3): JIS levels 1 and 2 (JIS X 0208) and the supplementary kanji
 * (JIS X 0212). Every other one is replaced there and flagged; the registry keeps it as written.
 */

/** One digit for each character of a text: `1` where certificates need a substitute character 代替文字. */
export function substitutesOf(text: string): string {
  return Array.from(text, character => (certifiable.has(character) ? '0' : '1')).join('')
}

/** Letters, digits, signs and spaces of the keyboard in the full width that resident records use. */
export function fullWidth(text: string): string {
  return text.replace(/[ -~]/g, character =>
    character === ' ' ? '　' : String.fromCharCode(character.charCodeAt(0) + 0xfee0),
  )
}

/** EUC-JP has both sets; rows that vendors filled later (9 to 15, from 85) are left out. */
function decodeSets(): ReadonlySet<string> {
  const bytes: number[] = []
  for (let row = 1; row <= 94; row++)
    for (let cell = 1; cell <= 94; cell++) {
      if (row <= 8 || (row >= 16 && row <= 84)) bytes.push(0xa0 + row, 0xa0 + cell)
      bytes.push(0x8f, 0xa0 + row, 0xa0 + cell)
    }
  const found = new Set(new TextDecoder('euc-jp').decode(Uint8Array.from(bytes)))
  found.delete('�')
  // The same JIS characters as the decoder's ～ － ∥, in their other usual mapping.
  for (const character of '〜−‖') found.add(character)
  return found
}

const certifiable = decodeSets()
