/** Namespaces and identifiers of the standards, and strict reading of elements in them. */
import { XmlCData, XmlComment, XmlElement, XmlText, type XmlTreeNode, XmlXPath } from 'libxml2-wasm'
import { MalformedError } from '../der.ts'

/** XML Signature (XMLDSig). */
export const dsig = 'http://www.w3.org/2000/09/xmldsig#'
/** XAdES 1.3.2, the version that ETSI EN 319 132-1 goes on with. */
export const xades132 = 'http://uri.etsi.org/01903/v1.3.2#'
/** XAdES 1.4.1: what EN 319 132-1 adds. */
export const xades141 = 'http://uri.etsi.org/01903/v1.4.1#'

/** Most children of one element that are looked at: no list of the standards is longer here (`referencesMax` and others are shorter). */
const childrenMax = 1024

/** Whether a node is the element of this namespace and name. */
export function isElement(node: XmlTreeNode | null, namespace: string, name: string): boolean {
  return node instanceof XmlElement && node.name === name && node.namespaceUri === namespace
}

/**
 * The first two children QualifyingProperties or QualifyingPropertiesReference of XAdES, whatever else there is. By XPath,
 * because the library ends its walk from sibling to sibling at a processing instruction.
 */
export function propertiesIn(parent: XmlElement): readonly XmlElement[] {
  const found = parent.find(firstProperties)
  return found.flatMap(each => (each instanceof XmlElement ? [each] : []))
}

/**
 * The child elements of an element that holds only elements. White space and comments between them mean nothing; throws
 * `MalformedError` for other text, processing instructions, and too many.
 */
export function childElements(parent: XmlElement): readonly XmlElement[] {
  const found: XmlElement[] = []
  let count = 0
  for (let node = parent.firstChild; node !== null; node = node.next) {
    if (++count > 2 * childrenMax) throw new MalformedError('too-many', 0, parent.name)
    if (node instanceof XmlElement) found.push(node)
    else if (node instanceof XmlComment) continue
    else if (!(node instanceof XmlText) || !/^[ \t\r\n]*$/.test(node.content)) {
      throw new MalformedError('value-invalid', 0, parent.name)
    }
  }
  return found
}

/**
 * The text of an element that holds only text. Throws `MalformedError` for anything else in it: a comment there is seen by one
 * reader as the end of the text and by another not at all.
 */
export function textOf(element: XmlElement): string {
  let text = ''
  for (let node = element.firstChild; node !== null; node = node.next) {
    const isPlain = node instanceof XmlText || node instanceof XmlCData
    if (!isPlain) throw new MalformedError('value-invalid', 0, element.name)
    text += node.content
  }
  return text
}

/** The value of an attribute without namespace; undefined: absent. */
export function attributeOf(element: XmlElement, name: string): string | undefined {
  const found = element.attrs.find(each => each.name === name && each.namespaceUri === '')
  return found?.value
}

/** As `attributeOf`; throws `MalformedError` when it is absent. */
export function requiredAttribute(element: XmlElement, name: string): string {
  const value = attributeOf(element, name)
  if (value === undefined) throw new MalformedError('value-invalid', 0, `${element.name} ${name}`)
  return value
}

/** Whether `inner` is `outer` or stands in it. */
export function isWithin(inner: XmlElement, outer: XmlElement): boolean {
  for (let at: XmlElement | null = inner; at !== null; at = at.parent) {
    if (at.isSameNode(outer)) return true
  }
  return false
}

/** Reads a list of children in the order of a schema: each step takes the next child. */
export class ChildReader {
  readonly #children: readonly XmlElement[]
  readonly #parent: string
  #at = 0

  constructor(parent: XmlElement) {
    this.#children = childElements(parent)
    this.#parent = parent.name
  }

  /** The next child when it is this one. */
  optional(namespace: string, name: string): XmlElement | undefined {
    const next = this.#children[this.#at]
    if (next === undefined || !isElement(next, namespace, name)) return undefined
    this.#at++
    return next
  }

  /** The next child, which must be this one. Throws `MalformedError`. */
  required(namespace: string, name: string): XmlElement {
    const next = this.optional(namespace, name)
    if (next === undefined) throw new MalformedError('value-invalid', 0, `${this.#parent} ${name}`)
    return next
  }

  /** All next children of this name, at most `max`. Throws `MalformedError`. */
  list(namespace: string, name: string, max: number): readonly XmlElement[] {
    const found: XmlElement[] = []
    for (;;) {
      const next = this.optional(namespace, name)
      if (next === undefined) return found
      if (found.length >= max) throw new MalformedError('too-many', 0, name)
      found.push(next)
    }
  }

  /** Throws `MalformedError` when children are left. */
  finish(): void {
    if (this.#at < this.#children.length) {
      throw new MalformedError(
        'value-invalid',
        0,
        `${this.#parent} ${this.#children[this.#at]?.name}`,
      )
    }
  }
}

const firstProperties = XmlXPath.compile(
  '*[self::x:QualifyingProperties or self::x:QualifyingPropertiesReference][position() <= 2]',
  { x: xades132 },
)
