/** XAdES properties of a signature (ETSI EN 319 132-1 §5), read. Which of them are signed is for the references to say. */
import type { XmlElement } from 'libxml2-wasm'
import type { HashName } from '../algorithm.ts'
import { decodeBase64 } from '../base64.ts'
import type { Certificate } from '../certificate.ts'
import { digest } from '../crypto.ts'
import { bytesEqual, DerReader, MalformedError, tags } from '../der.ts'
import { integerContent } from '../der-writer.ts'
import { readGeneralNames } from '../general-name.ts'
import type { Instant } from '../reason.ts'
import { type CanonicalForm, defaultCanonicalForm } from './canonical-form.ts'
import { digestOf } from './identifier.ts'
import {
  attributeOf,
  ChildReader,
  childElements,
  dsig,
  isElement,
  propertiesIn,
  requiredAttribute,
  textOf,
  xades132,
  xades141,
} from './namespace.ts'
import { readCanonicalForm, type XmlSignature } from './signature-element.ts'

/** Most certificates named by one SigningCertificate: as in CMS. */
const namedCertificatesMax = 16
/** Most certificates, and most lists, and most answers in the values of one signature: as in a CMS container. */
const valuesMax = 64
/** Most signature time-stamps of one signature that are looked at. */
const timeStampsMax = 4
/** Most archive time-stamps: with one every five years a signature is kept for forty. */
const archiveTimeStampsMax = 8
/** Most formats of data objects: as many as references. */
const formatsMax = 64

/** A certificate as SigningCertificate or SigningCertificateV2 names it. */
export interface NamedXmlCertificate {
  readonly hash: HashName
  readonly value: Uint8Array
  /** Serial, and from version 2 the issuer, where given. The issuer's name as text (version 1) is not compared. */
  readonly serial: Uint8Array | undefined
  readonly issuer: ReturnType<typeof readGeneralNames> | undefined
}

/** Properties under the signature, once a reference covers them. */
export interface SignedProperties {
  readonly element: XmlElement
  /** A claim, which proves nothing; undefined also for a time without a zone. */
  readonly claimedAt: Instant | undefined
  /** Undefined: the signature binds no certificate. */
  readonly named: readonly NamedXmlCertificate[] | undefined
  /** Media types that the signer claims, by the Id of the reference. */
  readonly mimeTypes: ReadonlyMap<string, string>
}

/** A time-stamp token, and how what it is over was canonicalised. */
export interface XmlTimeStamp {
  /** Over the value of the signature, or over all that was there before it (EN 319 132-1 §5.3, §5.5.2). */
  readonly kind: 'signature' | 'archive'
  readonly token: Uint8Array
  readonly form: CanonicalForm
  /** Of its property among `UnsignedProperties.all`. */
  readonly position: number
}

/** Properties that anyone may have added. */
export interface UnsignedProperties {
  /** Every property, as they stand. */
  readonly all: readonly XmlElement[]
  readonly timeStamps: readonly XmlTimeStamp[]
  readonly certificates: readonly Uint8Array[]
  readonly crls: readonly Uint8Array[]
  readonly ocsps: readonly Uint8Array[]
  /** Elements ds:Signature that countersign this one. */
  readonly counterSignatures: readonly XmlElement[]
}

/** The element QualifyingProperties of a signature. */
export interface QualifyingProperties {
  readonly element: XmlElement
  readonly target: string
  readonly signed: XmlElement | undefined
  readonly unsigned: XmlElement | undefined
}

/** The qualifying properties of a signature; undefined: none. Throws `MalformedError`: more than one, or kept elsewhere. */
export function findProperties(signature: XmlSignature): QualifyingProperties | undefined {
  const found = signature.objects.flatMap(propertiesIn)
  const [element, ...others] = found
  if (element === undefined) return undefined
  if (others.length > 0) throw new MalformedError('too-many', 0, 'QualifyingProperties')
  if (element.name !== 'QualifyingProperties') {
    throw new MalformedError('value-invalid', 0, element.name)
  }
  const reader = new ChildReader(element)
  const signed = reader.optional(xades132, 'SignedProperties')
  const unsigned = reader.optional(xades132, 'UnsignedProperties')
  reader.finish()
  return { element, target: requiredAttribute(element, 'Target'), signed, unsigned }
}

/** Reads SignedProperties. Throws `MalformedError`. */
export function readSignedProperties(element: XmlElement): SignedProperties {
  const reader = new ChildReader(element)
  const ofSignature = reader.optional(xades132, 'SignedSignatureProperties')
  const ofObjects = reader.optional(xades132, 'SignedDataObjectProperties')
  reader.finish()
  const children = ofSignature === undefined ? [] : childElements(ofSignature)
  const single = (name: string): XmlElement | undefined => {
    const [only, ...others] = children.filter(each => isElement(each, xades132, name))
    if (others.length > 0) throw new MalformedError('too-many', 0, name)
    return only
  }
  const time = single('SigningTime')
  const second = single('SigningCertificateV2')
  const first = single('SigningCertificate')
  return {
    element,
    claimedAt: time === undefined ? undefined : readDateTime(textOf(time)),
    named:
      second !== undefined
        ? readNamed(second, 2)
        : first !== undefined
          ? readNamed(first, 1)
          : undefined,
    mimeTypes: ofObjects === undefined ? new Map() : readFormats(ofObjects),
  }
}

/** Whether a named certificate is this one. May throw `MalformedError`. */
export function isNamedXml(named: NamedXmlCertificate, certificate: Certificate): boolean {
  if (!bytesEqual(digest(named.hash, certificate.raw), named.value)) return false
  if (named.serial !== undefined && !bytesEqual(named.serial, certificate.serial)) return false
  return (
    named.issuer === undefined ||
    named.issuer.some(each => each.kind === 'directory' && each.name.matches(certificate.issuer))
  )
}

// EN 319 132-1 §5.2.2; version 1: TS 101 903 §7.2.2. A digest that is not accepted binds nothing.
function readNamed(
  element: XmlElement,
  version: 1 | 2,
): readonly NamedXmlCertificate[] | undefined {
  const reader = new ChildReader(element)
  const certs = reader.list(xades132, 'Cert', namedCertificatesMax)
  reader.finish()
  const named: NamedXmlCertificate[] = []
  for (const cert of certs) {
    const parts = new ChildReader(cert)
    const both = new ChildReader(parts.required(xades132, 'CertDigest'))
    const method = both.required(dsig, 'DigestMethod')
    const value = decodeBase64(textOf(both.required(dsig, 'DigestValue')), 'xml')
    both.finish()
    const issuerSerial = parts.optional(xades132, version === 1 ? 'IssuerSerial' : 'IssuerSerialV2')
    parts.finish()
    const hash = digestOf(requiredAttribute(method, 'Algorithm'))
    if (hash === 'weak' || hash === 'unsupported') continue
    named.push({ hash, value, ...readIssuerSerial(issuerSerial, version) })
  }
  return named.length === 0 ? undefined : named
}

function readIssuerSerial(
  element: XmlElement | undefined,
  version: 1 | 2,
): Pick<NamedXmlCertificate, 'serial' | 'issuer'> {
  if (element === undefined) return { serial: undefined, issuer: undefined }
  if (version === 2) {
    // IssuerSerial of RFC 5035 §4, as DER.
    const outer = new DerReader(decodeBase64(textOf(element), 'xml'))
    const both = outer.enter(tags.sequence)
    outer.finish()
    const issuer = readGeneralNames(both.enter(tags.sequence))
    const serial = both.readInteger()
    both.finish()
    return { serial, issuer }
  }
  const reader = new ChildReader(element)
  reader.required(dsig, 'X509IssuerName')
  const number = textOf(reader.required(dsig, 'X509SerialNumber')).trim()
  reader.finish()
  if (!/^-?\d{1,60}$/.test(number)) throw new MalformedError('value-invalid', 0, 'X509SerialNumber')
  return { serial: integerContent(BigInt(number)), issuer: undefined }
}

function readFormats(element: XmlElement): ReadonlyMap<string, string> {
  const types = new Map<string, string>()
  for (const child of childElements(element)) {
    if (!isElement(child, xades132, 'DataObjectFormat')) continue
    if (types.size >= formatsMax) throw new MalformedError('too-many', 0, 'DataObjectFormat')
    const reference = requiredAttribute(child, 'ObjectReference')
    const mimeType = childElements(child).find(each => isElement(each, xades132, 'MimeType'))
    if (!reference.startsWith('#')) throw new MalformedError('value-invalid', 0, 'ObjectReference')
    if (mimeType !== undefined) types.set(reference.slice(1), textOf(mimeType).trim())
  }
  return types
}

/**
 * xsd:dateTime. Throws `MalformedError` for what is none; undefined without a zone, because nobody can say which instant
 * that is.
 */
function readDateTime(text: string): Instant | undefined {
  const match =
    /^\s*(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?\s*$/.exec(
      text,
    )
  if (match === null) throw new MalformedError('time-invalid', 0)
  const [, year, month, day, hour, minute, second, fraction = '', zone] = match
  const numbers = [year, month, day, hour, minute, second].map(Number)
  const [y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0] = numbers
  const at = Date.UTC(y, mo - 1, d, h, mi, s, Number(fraction.slice(0, 3).padEnd(3, '0')))
  const iso = new Date(at).toISOString()
  if (iso.slice(0, 19) !== `${year}-${month}-${day}T${hour}:${minute}:${second}`) {
    throw new MalformedError('time-invalid', 0)
  }
  if (zone === undefined) return undefined
  if (zone === 'Z') return at
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4))
  if (minutes > zoneMinutesMax) throw new MalformedError('time-invalid', 0)
  return zone.startsWith('-') ? at + minutes * 60_000 : at - minutes * 60_000
}

/**
 * Reads UnsignedProperties. What cannot be read is passed over, piece by piece: anyone may have added it, and nothing is
 * taken from it but what proves itself.
 */
export function readUnsignedProperties(element: XmlElement | undefined): UnsignedProperties {
  const timeStamps: XmlTimeStamp[] = []
  const values: Values = { certificates: [], crls: [], ocsps: [] }
  const counterSignatures: XmlElement[] = []
  const all = unsignedOf(element)
  for (const [position, property] of all.entries()) {
    tolerate(() => {
      if (isElement(property, xades132, 'SignatureTimeStamp')) {
        timeStamps.push(...readTimeStamp(property, 'signature', position))
      } else if (isElement(property, xades141, 'ArchiveTimeStamp')) {
        timeStamps.push(...readTimeStamp(property, 'archive', position))
      } else if (isElement(property, xades132, 'CounterSignature')) {
        counterSignatures.push(
          ...childElements(property).filter(each => isElement(each, dsig, 'Signature')),
        )
      } else if (isElement(property, xades141, 'TimeStampValidationData')) {
        for (const part of childElements(property)) readValues(part, values)
      } else readValues(property, values)
    })
  }
  const first = (kind: XmlTimeStamp['kind'], max: number): readonly XmlTimeStamp[] =>
    timeStamps.filter(each => each.kind === kind).slice(0, max)
  return {
    all,
    timeStamps: [...first('signature', timeStampsMax), ...first('archive', archiveTimeStampsMax)],
    ...values,
    counterSignatures,
  }
}

function unsignedOf(element: XmlElement | undefined): readonly XmlElement[] {
  if (element === undefined) return []
  const found: XmlElement[] = []
  tolerate(() => {
    const reader = new ChildReader(element)
    const ofSignature = reader.optional(xades132, 'UnsignedSignatureProperties')
    if (ofSignature !== undefined) found.push(...childElements(ofSignature))
  })
  return found
}

interface Values {
  readonly certificates: Uint8Array[]
  readonly crls: Uint8Array[]
  readonly ocsps: Uint8Array[]
}

// EN 319 132-1 §5.4.1, §5.4.2.
function readValues(element: XmlElement, values: Values): void {
  const read = (parent: XmlElement, name: string, into: Uint8Array[]): void => {
    for (const each of childElements(parent)) {
      if (into.length >= valuesMax) return
      if (isElement(each, xades132, name)) into.push(decodeBase64(textOf(each), 'xml'))
    }
  }
  if (isElement(element, xades132, 'CertificateValues')) {
    read(element, 'EncapsulatedX509Certificate', values.certificates)
  } else if (isElement(element, xades132, 'RevocationValues')) {
    for (const list of childElements(element)) {
      if (isElement(list, xades132, 'CRLValues')) read(list, 'EncapsulatedCRLValue', values.crls)
      if (isElement(list, xades132, 'OCSPValues')) read(list, 'EncapsulatedOCSPValue', values.ocsps)
    }
  }
}

// §5.3, §5.5.2: the implicit mechanism only, as Include is for documents kept in pieces.
function readTimeStamp(
  element: XmlElement,
  kind: XmlTimeStamp['kind'],
  position: number,
): readonly XmlTimeStamp[] {
  const reader = new ChildReader(element)
  const method = reader.optional(dsig, 'CanonicalizationMethod')
  const form = method === undefined ? defaultCanonicalForm : readCanonicalForm(method)
  const tokens = reader.list(xades132, 'EncapsulatedTimeStamp', timeStampsMax)
  reader.finish()
  if (form === undefined) return []
  return tokens.flatMap(each => {
    const encoding = attributeOf(each, 'Encoding')
    if (encoding !== undefined && encoding !== derEncoding) return []
    return [{ kind, token: decodeBase64(textOf(each), 'xml'), form, position }]
  })
}

function tolerate(read: () => void): void {
  try {
    read()
  } catch (error) {
    if (!(error instanceof MalformedError) || error.code === 'too-costly') throw error
  }
}

/** EN 319 132-1 §5.1.3; the default. */
const derEncoding = 'http://uri.etsi.org/01903/v1.2.2#DER'
/** XML Schema part 2 §3.2.7.3: zones up to fourteen hours. */
const zoneMinutesMax = 14 * 60
