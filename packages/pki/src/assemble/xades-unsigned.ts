/**
 * Adds what stands beside a signature without being signed: a signature time-stamp (level T), the certificates and
 * revocation evidence that later validation needs (level LT), and archive time-stamps over all of it (level LTA; ETSI EN
 * 319 132-1 §5.3 to §5.5).
 */
import { encodeBase64 } from '../base64.ts'
import { MalformedError } from '../der.ts'
import { concat } from '../der-writer.ts'
import { type CanonicalForm, canonicalAlgorithm } from '../xml/canonical-form.ts'
import { childElements, dsig, isElement, xades132, xades141 } from '../xml/namespace.ts'
import { findProperties, readUnsignedProperties } from '../xml/qualifying-properties.ts'
import { ReferenceResolver, type XmlFiles } from '../xml/reference.ts'
import { readSignature } from '../xml/signature-element.ts'
import { XmlBudget, XmlSource } from '../xml/source.ts'
import { ArchiveInput } from '../xml/stamped.ts'
import { checkUnbroken } from './xml-unbroken.ts'
import { insertText, placesOf, xmlElement } from './xml-text.ts'

/** Certificates and revocation evidence, each as DER. */
export interface XmlValidationData {
  readonly certificates: readonly Uint8Array[]
  readonly crls: readonly Uint8Array[]
  readonly ocsps: readonly Uint8Array[]
}

/**
 * What a signature time-stamp is over: the canonical ds:SignatureValue of the signature at a position. Throws `MalformedError` for a
 * document that is none, `RangeError` for a signature that is not there.
 */
export function xmlSignatureToBeStamped(xml: Uint8Array, position: number): Uint8Array {
  using source = XmlSource.open(xml, new XmlBudget())
  const element = source.signatures()[position]
  if (element === undefined) throw new RangeError(`no signature ${position}`)
  return source.canonicalise(readSignature(element).signatureValueElement, stampedForm)
}

/**
 * Adds a signature time-stamp over `xmlSignatureToBeStamped`, which makes level T. The token is put in as it is: judge it
 * first (`judgeTimeStamp`). Throws as `xmlSignatureToBeStamped`; `RangeError` also where there is no XAdES property to put
 * it beside, and when another signature covers this one.
 */
export function addXmlSignatureTimeStamp(
  xml: Uint8Array,
  position: number,
  token: Uint8Array,
): Uint8Array {
  const form = canonicalAlgorithm(stampedForm.kind)
  const stamp = xmlElement(
    'xades:SignatureTimeStamp',
    { 'xmlns:xades': xades132, 'xmlns:ds': dsig },
    xmlElement('ds:CanonicalizationMethod', { Algorithm: form }),
    xmlElement('xades:EncapsulatedTimeStamp', {}, encodeBase64(token, 'xml')),
  )
  return addUnsigned(xml, position, [stamp])
}

/**
 * Adds certificates, lists and OCSP answers, which makes level LT if they are enough: `validateXml` says. They are put in as
 * they are. Throws as `addXmlSignatureTimeStamp`.
 */
export function addXmlValidationData(
  xml: Uint8Array,
  position: number,
  data: XmlValidationData,
): Uint8Array {
  const list = (name: string, item: string, all: readonly Uint8Array[]): readonly string[] =>
    all.length === 0
      ? []
      : [
          xmlElement(
            name,
            { 'xmlns:xades': xades132 },
            ...all.map(each => xmlElement(item, {}, encodeBase64(each, 'xml'))),
          ),
        ]
  const revocation = [
    ...list('xades:CRLValues', 'xades:EncapsulatedCRLValue', data.crls),
    ...list('xades:OCSPValues', 'xades:EncapsulatedOCSPValue', data.ocsps),
  ]
  const properties = [
    ...list('xades:CertificateValues', 'xades:EncapsulatedX509Certificate', data.certificates),
    ...(revocation.length === 0
      ? []
      : [xmlElement('xades:RevocationValues', { 'xmlns:xades': xades132 }, ...revocation)]),
  ]
  if (properties.length === 0) throw new RangeError('nothing to add')
  return addUnsigned(xml, position, properties)
}

/** An archive time-stamp that lacks only the token. */
export interface PreparedXmlArchiveStamp {
  /** What is to be stamped: hash this with any hash that the authority takes. */
  readonly toBeStamped: Uint8Array
  /** The document with the token in it. It is put in as it is: judge it first. */
  finish(token: Uint8Array): Uint8Array
}

/**
 * Prepares an archive time-stamp (ETSI EN 319 132-1 §5.5.2) over all that is signed and all that has been added, which makes level
 * LTA where the level is LT. `files` are those that references name. Throws as `addXmlSignatureTimeStamp`; `RangeError` also when a
 * reference cannot be resolved.
 */
export function prepareXmlArchiveTimeStamp(
  xml: Uint8Array,
  position: number,
  files: XmlFiles,
): PreparedXmlArchiveStamp {
  const toBeStamped = archiveBytes(xml, position, files)
  const form = canonicalAlgorithm(stampedForm.kind)
  return {
    toBeStamped,
    finish: token => {
      const stamp = xmlElement(
        'xades141:ArchiveTimeStamp',
        { 'xmlns:xades141': xades141, 'xmlns:xades': xades132, 'xmlns:ds': dsig },
        xmlElement('ds:CanonicalizationMethod', { Algorithm: form }),
        xmlElement('xades:EncapsulatedTimeStamp', {}, encodeBase64(token, 'xml')),
      )
      return addUnsigned(xml, position, [stamp])
    },
  }
}

function archiveBytes(xml: Uint8Array, position: number, files: XmlFiles): Uint8Array {
  const budget = new XmlBudget()
  using source = XmlSource.open(xml, budget)
  const element = source.signatures()[position]
  if (element === undefined) throw new RangeError(`no signature ${position}`)
  const signature = readSignature(element)
  using resolver = new ReferenceResolver(source, signature, position, { files, budget })
  const { all } = readUnsignedProperties(findProperties(signature)?.unsigned)
  const pieces = new ArchiveInput(signature, source, resolver).pieces(all, stampedForm)
  if ('code' in pieces) throw new RangeError(`this cannot be stamped: ${pieces.code}`)
  return concat(...pieces)
}

function addUnsigned(xml: Uint8Array, position: number, properties: readonly string[]): Uint8Array {
  const { ordinal, wrappers } = placeFor(xml, position)
  const place = placesOf(xml)[ordinal]
  if (place === undefined) throw new MalformedError('value-invalid', 0, 'place')
  const text = wrappers.reduceRight(
    (inner, name) => xmlElement(name, { 'xmlns:xades': xades132 }, inner),
    properties.join(''),
  )
  // The schema has properties of the signature before those of the data.
  const added = insertText(xml, place, text, wrappers.length === 1 ? 'first' : 'last')
  checkUnbroken(xml, added, each => each)
  return added
}

// The innermost element that is there already, and those that are still to be made inside it, outermost first.
function placeFor(
  xml: Uint8Array,
  position: number,
): { readonly ordinal: number; readonly wrappers: readonly string[] } {
  using source = XmlSource.open(xml, new XmlBudget())
  const element = source.signatures()[position]
  if (element === undefined) throw new RangeError(`no signature ${position}`)
  const properties = findProperties(readSignature(element))
  if (properties === undefined) throw new RangeError('the signature has no XAdES properties')
  const { unsigned } = properties
  if (unsigned === undefined) {
    const wrappers = ['xades:UnsignedProperties', 'xades:UnsignedSignatureProperties']
    return { ordinal: source.ordinalOf(properties.element), wrappers }
  }
  const inner = childElements(unsigned).find(each =>
    isElement(each, xades132, 'UnsignedSignatureProperties'),
  )
  if (inner !== undefined) return { ordinal: source.ordinalOf(inner), wrappers: [] }
  return { ordinal: source.ordinalOf(unsigned), wrappers: ['xades:UnsignedSignatureProperties'] }
}

/** Exclusive, so that the stamp does not depend on what stands around the signature. */
const stampedForm: CanonicalForm = { kind: 'exclusive', hasComments: false, prefixes: [] }
