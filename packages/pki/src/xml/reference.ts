/**
 * What a reference of a signature covers, and its bytes (XMLDSig 1.1 §4.4.3). Strict, against wrapping: only the whole
 * document or one element by an id that occurs once, files only from the caller, and the transforms named in `XmlTransform`.
 */
import type { XmlElement } from 'libxml2-wasm'
import { decodeBase64 } from '../base64.ts'
import type { CmsContent } from '../cms-signer.ts'
import { MalformedError } from '../der.ts'
import { type Reason, reason } from '../reason.ts'
import { type CanonicalForm, defaultCanonicalForm } from './canonical-form.ts'
import { dsig, isElement, isWithin, propertiesIn, xades132 } from './namespace.ts'
import type { XmlReference, XmlSignature, XmlTransform } from './signature-element.ts'
import { type XmlBudget, XmlSource } from './source.ts'

/** What a reference points at. */
export type XmlTarget =
  /** The whole document, without comments. */
  | { readonly kind: 'document' }
  /** One element of the document with all in it, without comments. */
  | {
      readonly kind: 'element'
      readonly id: string
      readonly path: string
      /** Then all is covered but what stands outside the root: processing instructions. */
      readonly isRoot: boolean
    }
  /** A ds:Object of the signature itself, or an element in one. */
  | { readonly kind: 'object'; readonly id: string; readonly path: string }
  /** A file that the caller has given under this URI. */
  | { readonly kind: 'file'; readonly uri: string }
  /** The signature's own XAdES properties. */
  | { readonly kind: 'signed-properties' }
  /** The signature's own ds:KeyInfo. */
  | { readonly kind: 'key-info' }
  /** Something else inside the signature itself. */
  | { readonly kind: 'signature-part'; readonly path: string }
  /** The value of another signature: this one countersigns it. */
  | { readonly kind: 'signature-value'; readonly path: string }

/** What one reference covers. */
export interface XmlCoverage {
  readonly target: XmlTarget
  /** What lies within the target and is not covered. */
  readonly leftOut: 'nothing' | 'own-signature' | 'all-signatures'
  /** `text`: only the text inside, decoded from base64; neither attributes nor structure. `octets`: the file as it is. */
  readonly form: 'canonical' | 'text' | 'octets'
  /** Id and Type that the reference gives itself. */
  readonly referenceId: string | undefined
  readonly type: string | undefined
}

/** A reference with its content, or why there is none. */
export type ResolvedReference =
  | { readonly kind: 'resolved'; readonly coverage: XmlCoverage; readonly content: CmsContent }
  | { readonly kind: 'refused'; readonly reason: Reason }

/** Files beside the document, by the URI that references name them by. */
export type XmlFiles = ReadonlyMap<string, CmsContent>

type Stage =
  | { readonly kind: 'nodes'; readonly leftOut: XmlCoverage['leftOut'] }
  | { readonly kind: 'octets'; readonly bytes: Uint8Array }

/** Resolves the references of one signature. Use with `using`. */
export class ReferenceResolver implements Disposable {
  readonly #source: XmlSource
  readonly #signature: XmlSignature
  readonly #position: number
  readonly #files: XmlFiles
  readonly #budget: XmlBudget
  readonly #copies = new Map<XmlCoverage['leftOut'], XmlSource | undefined>()

  /** @param position of the signature among those of the source. */
  constructor(
    source: XmlSource,
    signature: XmlSignature,
    position: number,
    given: { readonly files: XmlFiles; readonly budget: XmlBudget },
  ) {
    this.#source = source
    this.#signature = signature
    this.#position = position
    this.#files = given.files
    this.#budget = given.budget
  }

  [Symbol.dispose](): void {
    for (const copy of this.#copies.values()) copy?.[Symbol.dispose]()
  }

  /**
   * What a reference covers. `form` is that of a result that no transform has canonicalised: for the digest the default, for an
   * archive time-stamp its own. Throws nothing.
   */
  resolve(reference: XmlReference, form: CanonicalForm = defaultCanonicalForm): ResolvedReference {
    try {
      return this.#resolve(reference, form)
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error
      return refused(reasonOf(error, { uri: reference.uri ?? '' }))
    }
  }

  /** The one element that a same-document reference names. */
  elementOf(reference: XmlReference): XmlElement | undefined {
    const [only, ...others] = this.#source.withId(reference.uri?.slice(1) ?? '')
    return reference.uri?.startsWith('#') === true && others.length === 0 ? only : undefined
  }

  #resolve(reference: XmlReference, last: CanonicalForm): ResolvedReference {
    const { uri } = reference
    // Without a URI the application would have to know what is meant.
    if (uri === undefined) return refused(reason('xml-reference-refused', { rule: 'uri' }))
    const odd = reference.transforms.find(each => each.kind === 'refused')
    if (odd !== undefined) {
      return refused(reason('xml-transform-refused', { algorithm: odd.algorithm, uri }))
    }
    if (uri === '') return this.#resolveNodes(reference, undefined, last)
    if (!uri.startsWith('#')) return this.#resolveFile(reference, uri)
    const id = uri.slice(1)
    // XPointer: its one useful form means the same as a bare name but for comments.
    if (!/^[^\s'"<>&()]+$/u.test(id)) {
      return refused(reason('xml-reference-refused', { rule: 'xpointer', uri }))
    }
    const [apex, ...others] = this.#source.withId(id)
    if (apex === undefined) return refused(reason('xml-reference-unresolved', { uri }))
    if (others.length > 0) return refused(reason('xml-reference-ambiguous', { uri }))
    return this.#resolveNodes(reference, { id, element: apex }, last)
  }

  #resolveNodes(
    reference: XmlReference,
    apex: { readonly id: string; readonly element: XmlElement } | undefined,
    last: CanonicalForm,
  ): ResolvedReference {
    const uri = reference.uri ?? ''
    let stage: Stage = { kind: 'nodes', leftOut: 'nothing' }
    let form: XmlCoverage['form'] = 'canonical'
    let leftOut: XmlCoverage['leftOut'] = 'nothing'
    for (const transform of reference.transforms) {
      const isLeavingOut = transform.kind === 'enveloped' || transform.kind === 'without-signatures'
      if (isLeavingOut) {
        if (stage.kind === 'octets') return refusedOrder(transform, uri)
        leftOut = moreLeftOut(transform.kind, leftOut)
        stage = { kind: 'nodes', leftOut }
      } else if (transform.kind === 'canonical') {
        stage = { kind: 'octets', bytes: this.#canonical(stage, apex?.id, transform.form) }
      } else if (transform.kind === 'base64') {
        // After a canonical form this would decode tags.
        if (stage.kind === 'octets' || leftOut !== 'nothing') return refusedOrder(transform, uri)
        const element = apex?.element ?? this.#source.root
        stage = { kind: 'octets', bytes: decodeBase64(element.content, 'xml') }
        form = 'text'
      }
    }
    const bytes = stage.kind === 'octets' ? stage.bytes : this.#canonical(stage, apex?.id, last)
    // Everything was left out: a digest of nothing says nothing.
    if (bytes.length === 0) return refused(reason('xml-nothing-covered', { uri }))
    return {
      kind: 'resolved',
      coverage: {
        target: this.#targetOf(apex),
        leftOut,
        form,
        referenceId: reference.id,
        type: reference.type,
      },
      content: { kind: 'bytes', bytes },
    }
  }

  #canonical(stage: Stage, id: string | undefined, form: CanonicalForm): Uint8Array {
    if (stage.kind === 'octets') return this.#reparse(stage.bytes, form)
    const source = this.#sourceWithout(stage.leftOut)
    if (source === undefined) return new Uint8Array()
    // §4.4.3.3: comments are no part of what a bare name or the empty URI names.
    const bare = { ...form, hasComments: false }
    if (id === undefined) return source.canonicalise(undefined, bare)
    const [apex] = source.withId(id)
    return apex === undefined ? new Uint8Array() : source.canonicalise(apex, bare)
  }

  // §4.4.3.2: octets that a transform needs as nodes are parsed.
  #reparse(bytes: Uint8Array, form: CanonicalForm): Uint8Array {
    return XmlSource.read(bytes, this.#budget, parsed => parsed.canonicalise(undefined, form))
  }

  #sourceWithout(leftOut: XmlCoverage['leftOut']): XmlSource | undefined {
    if (leftOut === 'nothing') return this.#source
    if (!this.#copies.has(leftOut)) {
      const positions =
        leftOut === 'own-signature' ? [this.#position] : this.#source.signatures().keys()
      this.#copies.set(leftOut, this.#source.without(new Set(positions)))
    }
    return this.#copies.get(leftOut)
  }

  #resolveFile(reference: XmlReference, uri: string): ResolvedReference {
    const given = this.#files.get(uri)
    if (given === undefined) return refused(reason('xml-content-missing', { uri }))
    const { id: referenceId, type } = reference
    const target = { kind: 'file', uri } as const
    const about = { target, leftOut: 'nothing', referenceId, type } as const
    if (reference.transforms.length === 0) {
      return { kind: 'resolved', coverage: { ...about, form: 'octets' }, content: given }
    }
    if (given.kind === 'hashes')
      return refused(reason('xml-content-missing', { uri, needed: 'bytes' }))
    let { bytes } = given
    let form: XmlCoverage['form'] = 'octets'
    for (const transform of reference.transforms) {
      if (transform.kind === 'canonical') {
        bytes = this.#reparse(bytes, transform.form)
        form = 'canonical'
      } else if (transform.kind === 'base64') {
        bytes = decodeBase64(new TextDecoder('latin1').decode(bytes), 'xml')
        form = 'text'
      } else return refusedOrder(transform, uri)
    }
    return { kind: 'resolved', coverage: { ...about, form }, content: { kind: 'bytes', bytes } }
  }

  #targetOf(apex: { readonly id: string; readonly element: XmlElement } | undefined): XmlTarget {
    if (apex === undefined) return { kind: 'document' }
    const { id, element } = apex
    const path = this.#source.pathOf(element)
    const { objects, keyInfo } = this.#signature
    if (keyInfo?.isSameNode(element) === true) return { kind: 'key-info' }
    if (isWithin(element, this.#signature.element)) {
      if (isElement(element, xades132, 'SignedProperties')) return { kind: 'signed-properties' }
      const isInObject = objects.some(each => isWithin(element, each))
      return isInObject && !isOfProperties(element)
        ? { kind: 'object', id, path }
        : { kind: 'signature-part', path }
    }
    if (isElement(element, dsig, 'SignatureValue')) return { kind: 'signature-value', path }
    return { kind: 'element', id, path, isRoot: element.parent === null }
  }
}

/** The reason that a document or a part of it amounts to that cannot be read. */
export function reasonOf(error: MalformedError, evidence: Record<string, string> = {}): Reason {
  switch (error.code) {
    case 'document-type-refused':
      return reason('xml-document-type-refused', evidence)
    case 'encoding-unsupported':
      return reason('xml-encoding-unsupported', evidence)
    case 'too-costly':
      return reason('xml-budget-exhausted', evidence)
    default:
      return reason('xml-malformed', { ...evidence, detail: error.code })
  }
}

function moreLeftOut(
  transform: 'enveloped' | 'without-signatures',
  before: XmlCoverage['leftOut'],
): XmlCoverage['leftOut'] {
  const isAll = transform === 'without-signatures' || before === 'all-signatures'
  return isAll ? 'all-signatures' : 'own-signature'
}

// The object that holds the properties is no content either.
function isOfProperties(element: XmlElement): boolean {
  for (let at: XmlElement | null = element; at !== null; at = at.parent) {
    if (isElement(at, xades132, 'QualifyingProperties')) return true
    if (isElement(at, dsig, 'Object')) return propertiesIn(at).length > 0
  }
  return false
}

function refused(because: Reason): ResolvedReference {
  return { kind: 'refused', reason: because }
}

function refusedOrder(transform: XmlTransform, uri: string): ResolvedReference {
  return refused(reason('xml-transform-refused', { order: transform.kind, uri }))
}
