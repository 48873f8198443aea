/** The element ds:Signature as the schema has it (XMLDSig 1.1 §4), read strictly. Parsed is not verified. */
import type { XmlElement } from 'libxml2-wasm'
import { decodeBase64 } from '../base64.ts'
import { MalformedError } from '../der.ts'
import { type CanonicalForm, canonicalFormOf } from './canonical-form.ts'
import {
  attributeOf,
  ChildReader,
  childElements,
  dsig,
  isElement,
  requiredAttribute,
  textOf,
} from './namespace.ts'

/** Most references of one signature. An archive signed file by file has some dozens. */
const referencesMax = 64
/** Most transforms of one reference: enveloped, a filter, a decoding and a canonical form. */
const transformsMax = 4
/** Most objects of one signature. */
const objectsMax = 64
/** Most certificates and lists in one ds:KeyInfo, as in a CMS container. */
const certificatesMax = 64
/** Most names in one PrefixList. */
const prefixesMax = 64

/** One step between what a reference names and what is hashed. */
export type XmlTransform =
  | { readonly kind: 'enveloped' }
  | { readonly kind: 'without-signatures' }
  | { readonly kind: 'canonical'; readonly form: CanonicalForm }
  | { readonly kind: 'base64' }
  | { readonly kind: 'refused'; readonly algorithm: string }

/** A ds:Reference. */
export interface XmlReference {
  readonly id: string | undefined
  readonly uri: string | undefined
  readonly type: string | undefined
  readonly transforms: readonly XmlTransform[]
  readonly digestMethod: string
  readonly digestValue: Uint8Array
}

/** A ds:Signature. */
export interface XmlSignature {
  readonly element: XmlElement
  readonly id: string | undefined
  readonly signedInfo: XmlElement
  /** Undefined: a canonicalisation that is not known. */
  readonly canonicalForm: CanonicalForm | undefined
  readonly signatureMethod: string
  /** Whether the method has parameters, which are not read. */
  readonly hasParameters: boolean
  readonly references: readonly XmlReference[]
  readonly signatureValueElement: XmlElement
  readonly signatureValue: Uint8Array
  readonly keyInfo: XmlElement | undefined
  /** DER as the X509Data have it, in order. */
  readonly certificates: readonly Uint8Array[]
  readonly crls: readonly Uint8Array[]
  readonly objects: readonly XmlElement[]
}

/** Reads a signature. Throws `MalformedError`. */
export function readSignature(element: XmlElement): XmlSignature {
  const reader = new ChildReader(element)
  const signedInfo = reader.required(dsig, 'SignedInfo')
  const signatureValueElement = reader.required(dsig, 'SignatureValue')
  const keyInfo = reader.optional(dsig, 'KeyInfo')
  const objects = reader.list(dsig, 'Object', objectsMax)
  reader.finish()
  return {
    element,
    id: attributeOf(element, 'Id'),
    signedInfo,
    ...readSignedInfo(signedInfo),
    signatureValueElement,
    signatureValue: decodeBase64(textOf(signatureValueElement), 'xml'),
    keyInfo,
    ...readKeyInfo(keyInfo),
    objects,
  }
}

// §4.4.
function readSignedInfo(
  element: XmlElement,
): Pick<XmlSignature, 'canonicalForm' | 'signatureMethod' | 'hasParameters' | 'references'> {
  const reader = new ChildReader(element)
  const canonicalForm = readCanonicalForm(reader.required(dsig, 'CanonicalizationMethod'))
  const method = reader.required(dsig, 'SignatureMethod')
  const references = reader.list(dsig, 'Reference', referencesMax)
  reader.finish()
  return {
    canonicalForm,
    signatureMethod: requiredAttribute(method, 'Algorithm'),
    hasParameters: childElements(method).length > 0,
    references: references.map(readReference),
  }
}

// §4.4.3.
function readReference(element: XmlElement): XmlReference {
  const reader = new ChildReader(element)
  const transforms = reader.optional(dsig, 'Transforms')
  const digestMethod = reader.required(dsig, 'DigestMethod')
  const digestValue = reader.required(dsig, 'DigestValue')
  reader.finish()
  return {
    id: attributeOf(element, 'Id'),
    uri: attributeOf(element, 'URI'),
    type: attributeOf(element, 'Type'),
    transforms: transforms === undefined ? [] : readTransforms(transforms),
    digestMethod: requiredAttribute(digestMethod, 'Algorithm'),
    digestValue: decodeBase64(textOf(digestValue), 'xml'),
  }
}

function readTransforms(element: XmlElement): readonly XmlTransform[] {
  const reader = new ChildReader(element)
  const transforms = reader.list(dsig, 'Transform', transformsMax)
  reader.finish()
  return transforms.map(readTransform)
}

function readTransform(element: XmlElement): XmlTransform {
  const algorithm = requiredAttribute(element, 'Algorithm')
  const form = readCanonicalForm(element)
  if (form !== undefined) return { kind: 'canonical', form }
  const children = childElements(element)
  if (algorithm === xpathTransform || algorithm === filterTransform) {
    return isSignatureFilter(algorithm, children)
      ? { kind: 'without-signatures' }
      : { kind: 'refused', algorithm }
  }
  if (children.length > 0) return { kind: 'refused', algorithm }
  if (algorithm === `${dsig}enveloped-signature`) return { kind: 'enveloped' }
  if (algorithm === `${dsig}base64`) return { kind: 'base64' }
  return { kind: 'refused', algorithm }
}

/**
 * XPath is a program of the signer's that runs at the verifier, so that only its two usual sentences are understood, letter by
 * letter: all but signatures, as parallel enveloped signatures have it.
 */
function isSignatureFilter(algorithm: string, children: readonly XmlElement[]): boolean {
  const [only, ...others] = children
  if (only === undefined || others.length > 0) return false
  const namespace = algorithm === xpathTransform ? dsig : filterTransform
  if (!isElement(only, namespace, 'XPath')) return false
  const expression = textOf(only).trim()
  const match =
    algorithm === xpathTransform
      ? /^not\(ancestor-or-self::([A-Za-z][\w.-]*):Signature\)$/.exec(expression)
      : /^\/descendant::([A-Za-z][\w.-]*):Signature$/.exec(expression)
  if (match === null || only.namespaceForPrefix(match[1] ?? '') !== dsig) return false
  return algorithm === xpathTransform || attributeOf(only, 'Filter') === 'subtract'
}

/** The canonical form that an element with an Algorithm names; undefined: none that is known. Throws `MalformedError`. */
export function readCanonicalForm(element: XmlElement): CanonicalForm | undefined {
  const form = canonicalFormOf(requiredAttribute(element, 'Algorithm'))
  if (form === undefined) return undefined
  const reader = new ChildReader(element)
  if (form.kind !== 'exclusive') {
    reader.finish()
    return form
  }
  const inclusive = reader.optional(exclusiveNamespace, 'InclusiveNamespaces')
  reader.finish()
  if (inclusive === undefined) return form
  const list = requiredAttribute(inclusive, 'PrefixList')
  const prefixes = list.split(/[ \t\r\n]+/).filter(each => each !== '')
  if (prefixes.length > prefixesMax) throw new MalformedError('too-many', 0, 'PrefixList')
  return { ...form, prefixes }
}

// §4.5. Keys without certificates and pointers to elsewhere are passed over: nothing is trusted but a certificate, and
// nothing is fetched.
function readKeyInfo(element: XmlElement | undefined): Pick<XmlSignature, 'certificates' | 'crls'> {
  const certificates: Uint8Array[] = []
  const crls: Uint8Array[] = []
  for (const child of element === undefined ? [] : childElements(element)) {
    if (!isElement(child, dsig, 'X509Data')) continue
    for (const part of childElements(child)) {
      const list = isElement(part, dsig, 'X509Certificate')
        ? certificates
        : isElement(part, dsig, 'X509CRL')
          ? crls
          : undefined
      if (list === undefined) continue
      if (list.length >= certificatesMax) throw new MalformedError('too-many', 0, 'X509Data')
      list.push(decodeBase64(textOf(part), 'xml'))
    }
  }
  return { certificates, crls }
}

const exclusiveNamespace = 'http://www.w3.org/2001/10/xml-exc-c14n#'
const xpathTransform = 'http://www.w3.org/TR/1999/REC-xpath-19991116'
const filterTransform = 'http://www.w3.org/2002/06/xmldsig-filter2'
