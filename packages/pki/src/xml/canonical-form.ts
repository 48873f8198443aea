/** The forms of canonical XML: Canonical XML 1.0 and 1.1, Exclusive XML Canonicalization 1.0, each with and without comments. */

/** Which canonical form, and with which parameters. */
export interface CanonicalForm {
  readonly kind: CanonicalKind
  /** Whether comments are kept. References within a document leave them out all the same (XMLDSig §4.4.3.3). */
  readonly hasComments: boolean
  /** InclusiveNamespaces PrefixList, `#default` for the default namespace; for the exclusive form only. */
  readonly prefixes: readonly string[]
}

/** Kind of canonical form. */
export type CanonicalKind = 'inclusive' | 'inclusive-1.1' | 'exclusive'

/** What a node set becomes when no transform says otherwise (XMLDSig §4.4.3.2). */
export const defaultCanonicalForm: CanonicalForm = {
  kind: 'inclusive',
  hasComments: false,
  prefixes: [],
}

/** The form that an algorithm identifier names, without prefixes; undefined: none. */
export function canonicalFormOf(algorithm: string): CanonicalForm | undefined {
  for (const kind of canonicalKinds) {
    if (algorithm === identifiers[kind]) return { kind, hasComments: false, prefixes: [] }
    if (algorithm === `${identifiers[kind]}${commentsSuffix(kind)}`) {
      return { kind, hasComments: true, prefixes: [] }
    }
  }
  return undefined
}

/** Algorithm identifier of a kind without comments. */
export function canonicalAlgorithm(kind: CanonicalKind): string {
  return identifiers[kind]
}

// The exclusive identifier ends with `#` already.
function commentsSuffix(kind: CanonicalKind): string {
  return kind === 'exclusive' ? 'WithComments' : '#WithComments'
}

const canonicalKinds = [
  'inclusive',
  'inclusive-1.1',
  'exclusive',
] as const satisfies CanonicalKind[]
const identifiers: Readonly<Record<CanonicalKind, string>> = {
  inclusive: 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315',
  'inclusive-1.1': 'http://www.w3.org/2006/12/xml-c14n11',
  exclusive: 'http://www.w3.org/2001/10/xml-exc-c14n#',
}
