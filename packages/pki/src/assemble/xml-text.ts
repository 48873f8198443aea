/** Writes XML as text: elements with escaped values, and insertions into documents at the places of elements. */
import { concat } from '../der-writer.ts'
import { type ElementPlace, scanXml } from '../xml/structure.ts'

/** An element: attributes are escaped here, the content is XML already. */
export function xmlElement(
  name: string,
  attributes: Readonly<Record<string, string>>,
  ...content: readonly string[]
): string {
  const pairs = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeXml(value)}"`)
  const head = `<${name}${pairs.join('')}`
  const inside = content.join('')
  return inside === '' ? `${head}/>` : `${head}>${inside}</${name}>`
}

/** Text as XML, for content and attributes alike. Throws `RangeError` for characters that XML cannot hold (XML 1.0 §2.2). */
export function escapeXml(text: string): string {
  // A lone surrogate is no character.
  if (/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.test(text)) {
    throw new RangeError('a character that XML cannot hold')
  }
  return text.replace(/[&<>"'\t\n\r]/g, character => `&#${character.charCodeAt(0)};`)
}

/** The elements' places of a document. Throws `MalformedError`. */
export function placesOf(xml: Uint8Array): readonly ElementPlace[] {
  return scanXml(xml, true).places
}

/** Puts text into an element, before or after what it holds. */
export function insertText(
  xml: Uint8Array,
  place: ElementPlace,
  text: string,
  where: 'first' | 'last',
): Uint8Array {
  const bytes = utf8.encode(text)
  if (!place.isEmptyTag) {
    const at = where === 'first' ? place.contentStart : place.contentEnd
    return concat(xml.subarray(0, at), bytes, xml.subarray(at))
  }
  // `<a b="c"/>` becomes `<a b="c">…</a>`.
  const name = xml.subarray(place.start + 1, place.nameEnd)
  const slash = place.contentStart - 2
  const head = concat(xml.subarray(0, slash), utf8.encode('>'))
  const end = concat(utf8.encode('</'), name, utf8.encode('>'))
  return concat(head, bytes, end, xml.subarray(place.contentStart))
}

/** The bytes of an element itself. */
export function elementBytes(xml: Uint8Array, place: ElementPlace): Uint8Array {
  const end = place.isEmptyTag ? place.contentStart : xml.indexOf(0x3e, place.contentEnd) + 1
  return xml.subarray(place.start, end)
}

const utf8 = new TextEncoder()
