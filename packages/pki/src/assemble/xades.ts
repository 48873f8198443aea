/**
 * Makes XAdES baseline signatures of level B (ETSI EN 319 132-1 §6) in two steps, so that a card can sign in between:
 * `prepareXades` gives what is to be signed, `finish` takes the signature. Levels T and LT: `xades-unsigned.ts`.
 */
import { hashLengths, hashOf, keyKindOf, type SignatureAlgorithm } from '../algorithm.ts'
import { encodeBase64 } from '../base64.ts'
import type { Certificate } from '../certificate.ts'
import { digest, importPublicKey } from '../crypto.ts'
import { bytesEqual, MalformedError, toHex } from '../der.ts'
import { explicit, integer, sequence } from '../der-writer.ts'
import type { Instant } from '../reason.ts'
import { type CanonicalKind, canonicalAlgorithm } from '../xml/canonical-form.ts'
import { digestIdentifier, signatureIdentifier } from '../xml/identifier.ts'
import { inspectXmlSignature } from '../xml/inspection.ts'
import { dsig, xades132 } from '../xml/namespace.ts'
import { ReferenceResolver, type XmlFiles } from '../xml/reference.ts'
import { readSignature } from '../xml/signature-element.ts'
import { XmlBudget, XmlSource } from '../xml/source.ts'
import { rawSignature } from './raw-signature.ts'
import { checkUnbroken } from './xml-unbroken.ts'
import { elementBytes, escapeXml, insertText, placesOf, xmlElement } from './xml-text.ts'

/** The document, and where the signature goes. */
export type XadesContent =
  /** Into the document: the signature becomes the last child of its root and covers the rest of it. */
  | {
      readonly kind: 'enveloped'
      readonly xml: Uint8Array
      /**
       * `covered`: signatures already there are signed as well, so that none can be added or taken away later. `left-out`: parallel
       * signatures, in any order.
       */
      readonly otherSignatures: 'covered' | 'left-out'
    }
  /** Around the root element of a document, which is copied into the signature. */
  | { readonly kind: 'enveloping-xml'; readonly xml: Uint8Array; readonly mimeType: string }
  /** Around a file, in base64. */
  | { readonly kind: 'enveloping'; readonly bytes: Uint8Array; readonly mimeType: string }
  /** Beside files. */
  | { readonly kind: 'detached'; readonly files: readonly XadesFile[] }

/** A file beside the signature: its bytes, or their hash by the algorithm that the signature uses. */
export interface XadesFile {
  /** As the reference shall have it: a relative or absolute URI, with what is not allowed in one escaped. */
  readonly uri: string
  readonly content:
    | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
    | { readonly kind: 'hash'; readonly hash: Uint8Array }
  readonly mimeType: string
}

/** What a signature is to be. */
export interface XadesRequest {
  readonly content: XadesContent
  readonly certificate: Certificate
  /** Certificates to put in besides: those of authorities. */
  readonly certificates: readonly Certificate[]
  readonly algorithm: SignatureAlgorithm
  /** The time that the signer claims (required by the baseline). */
  readonly signingTime: Instant
  /** The canonical form of SignedInfo, properties and content. */
  readonly canonicalForm: CanonicalKind
}

/** A signature that lacks only the signature. */
export interface PreparedXades {
  /** The document with an empty ds:SignatureValue: `inspectXmlSignature` recomputes from it what is signed. */
  readonly document: Uint8Array
  /** Position of the signature among those of the document. */
  readonly position: number
  /** The canonical SignedInfo: sign this, hashing included. */
  readonly toBeSigned: Uint8Array
  /** Hash of `toBeSigned`, for a card that is given a DigestInfo (`encodeDigestInfo`). */
  readonly digest: Uint8Array
  /** The finished document; ECDSA signatures are given as DER. Throws `RangeError` when the signature is not one of the certificate's key. */
  finish(signature: Uint8Array): Uint8Array
}

interface Piece {
  readonly uri: string
  readonly type: string | undefined
  readonly transforms: readonly string[]
  readonly mimeType: string | undefined
  /** Known already for files; undefined: computed from the document. */
  readonly digest: Uint8Array | undefined
}

interface Plan {
  readonly request: XadesRequest
  /** Ending of all ids of this signature. */
  readonly suffix: string
  readonly pieces: readonly Piece[]
  /** ds:Object elements with content. */
  readonly objects: string
  readonly files: XmlFiles
}

/**
 * Prepares a XAdES-B signature. Throws `MalformedError` for a document that is none or is refused, `RangeError` for a
 * hash of the wrong length, a URI that does not name a file, or signatures in the document that already fail.
 */
export function prepareXades(request: XadesRequest): PreparedXades {
  const plan = planOf(request)
  const draft = compose(
    plan,
    plan.pieces.map(each => each.digest),
    '',
  )
  const digests = digestsOf(draft, plan)
  const composed = compose(plan, digests, '')
  const inspected = inspectXmlSignature(composed.document, composed.position, plan.files)
  if (inspected.kind !== 'passed') {
    throw new RangeError(`the document cannot be signed so: ${inspected.reasons[0].code}`)
  }
  const { toBeSigned } = inspected.value
  if (request.content.kind === 'enveloped') {
    checkUnbroken(request.content.xml, composed.document, position => position)
  }
  return {
    ...composed,
    toBeSigned,
    digest: digest(hashOf(request.algorithm), toBeSigned),
    finish: signature => {
      const { algorithm, certificate } = request
      if (!importPublicKey(certificate.spki).verify(algorithm, toBeSigned, signature)) {
        throw new RangeError('the signature is not one of this certificate over this document')
      }
      const value =
        keyKindOf(algorithm) === 'ec'
          ? rawSignature(signature, importPublicKey(certificate.spki).facts)
          : signature
      return compose(plan, digests, encodeBase64(value, 'xml')).document
    },
  }
}

function planOf(request: XadesRequest): Plan {
  const { content } = request
  const suffix = suffixOf(request)
  const canonical = transform(canonicalAlgorithm(request.canonicalForm))
  const none = { type: undefined, digest: undefined }
  switch (content.kind) {
    case 'enveloped': {
      const leaving =
        content.otherSignatures === 'covered' ? transform(`${dsig}enveloped-signature`) : filter
      const pieces = [{ ...none, uri: '', transforms: [leaving, canonical], mimeType: 'text/xml' }]
      return { request, suffix, pieces, objects: '', files: new Map() }
    }
    case 'enveloping-xml': {
      const object = xmlElement('ds:Object', { Id: `object-${suffix}` }, rootText(content.xml))
      const { mimeType } = content
      const piece = { ...none, uri: `#object-${suffix}`, transforms: [canonical], mimeType }
      return { request, suffix, pieces: [piece], objects: object, files: new Map() }
    }
    case 'enveloping': {
      const encoding = `${dsig}base64`
      const attributes = { Id: `object-${suffix}`, Encoding: encoding }
      const object = xmlElement('ds:Object', attributes, encodeBase64(content.bytes, 'xml'))
      const { mimeType } = content
      // What is hashed are the bytes of the file, so that whoever shows it can hash it as well.
      const piece = {
        ...none,
        uri: `#object-${suffix}`,
        transforms: [transform(encoding)],
        mimeType,
      }
      return { request, suffix, pieces: [piece], objects: object, files: new Map() }
    }
    case 'detached':
      return { request, suffix, ...detachedPieces(content.files, request), objects: '' }
    default:
      return content satisfies never
  }
}

function detachedPieces(
  files: readonly XadesFile[],
  request: XadesRequest,
): Pick<Plan, 'pieces' | 'files'> {
  const hash = hashOf(request.algorithm)
  const known = new Map<string, ReturnType<XmlFiles['get']> & object>()
  const pieces = files.map(({ uri, content, mimeType }) => {
    if (uri === '' || uri.startsWith('#') || known.has(uri)) {
      throw new RangeError(`the URI does not name one file: ${uri}`)
    }
    const value = content.kind === 'bytes' ? digest(hash, content.bytes) : content.hash
    if (value.length !== hashLengths[hash]) throw new RangeError('hash length')
    known.set(uri, { kind: 'hashes', hashes: { [hash]: value } })
    return { uri, type: undefined, transforms: [], mimeType, digest: value }
  })
  if (pieces.length === 0) throw new RangeError('no file')
  return { pieces, files: known }
}

// Ids follow from what is signed, so that the same request gives the same document.
function suffixOf(request: XadesRequest): string {
  const { content, certificate, signingTime } = request
  const parts: Uint8Array[] = [certificate.raw, utf8.encode(`${signingTime}`)]
  if (content.kind === 'detached') {
    for (const { uri, content: each } of content.files) {
      parts.push(utf8.encode(uri), each.kind === 'bytes' ? digest('sha256', each.bytes) : each.hash)
    }
  } else parts.push(content.kind === 'enveloping' ? content.bytes : content.xml)
  const digests = parts.map(each => toHex(digest('sha256', each))).join('')
  return toHex(digest('sha256', utf8.encode(digests))).slice(0, 32)
}

function rootText(xml: Uint8Array): string {
  using _checked = XmlSource.open(xml, new XmlBudget())
  const [root] = placesOf(xml)
  if (root === undefined) throw new MalformedError('value-invalid', 0, 'no element')
  return new TextDecoder().decode(elementBytes(xml, root))
}

function compose(
  plan: Plan,
  digests: readonly (Uint8Array | undefined)[],
  value: string,
): { readonly document: Uint8Array; readonly position: number } {
  const signature = signatureText(plan, digests, value)
  const { content } = plan.request
  if (content.kind !== 'enveloped') return { document: utf8.encode(signature), position: 0 }
  using source = XmlSource.open(content.xml, new XmlBudget())
  const [root] = placesOf(content.xml)
  if (root === undefined) throw new MalformedError('value-invalid', 0, 'no element')
  const document = insertText(content.xml, root, signature, 'last')
  return { document, position: source.signatures().length }
}

// The digests of all references, the properties' last. What they cover does not depend on the digests themselves.
function digestsOf(
  draft: { readonly document: Uint8Array; readonly position: number },
  plan: Plan,
): readonly Uint8Array[] {
  const budget = new XmlBudget()
  const hash = hashOf(plan.request.algorithm)
  using source = XmlSource.open(draft.document, budget)
  const element = source.signatures()[draft.position]
  if (element === undefined) throw new Error('the signature just written is there')
  const signature = readSignature(element)
  const given = { files: plan.files, budget }
  using resolver = new ReferenceResolver(source, signature, draft.position, given)
  return signature.references.map((reference, at) => {
    const known = plan.pieces[at]?.digest
    if (known !== undefined) return known
    const resolved = resolver.resolve(reference)
    if (resolved.kind === 'refused' || resolved.content.kind === 'hashes') {
      const code = resolved.kind === 'refused' ? resolved.reason.code : 'xml-content-missing'
      throw new RangeError(`the document cannot be signed so: ${code}`)
    }
    return digest(hash, resolved.content.bytes)
  })
}

function signatureText(
  plan: Plan,
  digests: readonly (Uint8Array | undefined)[],
  value: string,
): string {
  const { request, suffix, pieces, objects } = plan
  const form = canonicalAlgorithm(request.canonicalForm)
  const hash = xmlElement('ds:DigestMethod', {
    Algorithm: digestIdentifier(hashOf(request.algorithm)),
  })
  const reference = (
    at: number,
    attributes: Readonly<Record<string, string>>,
    transforms: string,
  ): string =>
    xmlElement(
      'ds:Reference',
      attributes,
      transforms,
      hash,
      xmlElement('ds:DigestValue', {}, encodeBase64(digests[at] ?? new Uint8Array(), 'xml')),
    )
  const references = pieces.map(({ uri, transforms }, at) =>
    reference(
      at,
      { Id: `reference-${suffix}-${at}`, URI: uri },
      transforms.length === 0 ? '' : xmlElement('ds:Transforms', {}, ...transforms),
    ),
  )
  const properties = reference(
    pieces.length,
    { Type: signedPropertiesType, URI: `#properties-${suffix}` },
    xmlElement('ds:Transforms', {}, transform(form)),
  )
  const certificates = unique([request.certificate, ...request.certificates]).map(each =>
    xmlElement('ds:X509Certificate', {}, encodeBase64(each.raw, 'xml')),
  )
  return xmlElement(
    'ds:Signature',
    { 'xmlns:ds': dsig, Id: `signature-${suffix}` },
    xmlElement(
      'ds:SignedInfo',
      {},
      xmlElement('ds:CanonicalizationMethod', { Algorithm: form }),
      xmlElement('ds:SignatureMethod', { Algorithm: signatureIdentifier(request.algorithm) }),
      ...references,
      properties,
    ),
    xmlElement('ds:SignatureValue', { Id: `value-${suffix}` }, value),
    xmlElement('ds:KeyInfo', {}, xmlElement('ds:X509Data', {}, ...certificates)),
    objects,
    xmlElement('ds:Object', {}, propertiesText(plan)),
  )
}

// EN 319 132-1 §5.2.1, §5.2.2, §5.2.4; the order is the schema's.
function propertiesText(plan: Plan): string {
  const { request, suffix, pieces } = plan
  const { certificate } = request
  const issuerSerial = sequence(
    sequence(explicit(4, certificate.issuer.raw)),
    integer(certificate.serial),
  )
  const cert = xmlElement(
    'xades:Cert',
    {},
    xmlElement(
      'xades:CertDigest',
      {},
      xmlElement('ds:DigestMethod', { Algorithm: digestIdentifier('sha256') }),
      xmlElement('ds:DigestValue', {}, encodeBase64(digest('sha256', certificate.raw), 'xml')),
    ),
    xmlElement('xades:IssuerSerialV2', {}, encodeBase64(issuerSerial, 'xml')),
  )
  const formats = pieces.flatMap(({ mimeType }, at) =>
    mimeType === undefined
      ? []
      : xmlElement(
          'xades:DataObjectFormat',
          { ObjectReference: `#reference-${suffix}-${at}` },
          xmlElement('xades:MimeType', {}, escapeXml(mimeType)),
        ),
  )
  return xmlElement(
    'xades:QualifyingProperties',
    { 'xmlns:xades': xades132, Target: `#signature-${suffix}` },
    xmlElement(
      'xades:SignedProperties',
      { Id: `properties-${suffix}` },
      xmlElement(
        'xades:SignedSignatureProperties',
        {},
        xmlElement('xades:SigningTime', {}, dateTime(request.signingTime)),
        xmlElement('xades:SigningCertificateV2', {}, cert),
      ),
      xmlElement('xades:SignedDataObjectProperties', {}, ...formats),
    ),
  )
}

function transform(algorithm: string): string {
  return xmlElement('ds:Transform', { Algorithm: algorithm })
}

// Whole seconds, as a claim needs no more.
function dateTime(at: Instant): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`
}

function unique(certificates: readonly Certificate[]): readonly Certificate[] {
  return certificates.filter(
    (each, at) => certificates.findIndex(other => bytesEqual(other.raw, each.raw)) === at,
  )
}

const utf8 = new TextEncoder()
/** All but signatures: the transform's usual sentence (XMLDSig 1.1 §6.6.3). */
const filter = xmlElement(
  'ds:Transform',
  { Algorithm: 'http://www.w3.org/TR/1999/REC-xpath-19991116' },
  xmlElement('ds:XPath', {}, 'not(ancestor-or-self::ds:Signature)'),
)
/** EN 319 132-1 §4.4.2. */
const signedPropertiesType = 'http://uri.etsi.org/01903#SignedProperties'
