/** Signs messages of protocols in XML (SAML 2.0) around a signature that a key elsewhere makes: `../xml/message.ts` reads them. */
import { hashOf, type SignatureAlgorithm } from '../algorithm.ts'
import { encodeBase64 } from '../base64.ts'
import { digest } from '../crypto.ts'
import { MalformedError } from '../der.ts'
import { canonicalAlgorithm } from '../xml/canonical-form.ts'
import { digestIdentifier, signatureIdentifier } from '../xml/identifier.ts'
import { dsig } from '../xml/namespace.ts'
import { XmlBudget, XmlSource } from '../xml/source.ts'
import { escapeXml, placesOf, xmlElement } from './xml-text.ts'

/** What is to be signed. */
export interface MessageRequest {
  /** The message, a document by itself; every prefix that it uses is declared in it. */
  readonly xml: string
  /** Value of the attribute `ID` of its root. */
  readonly id: string
  readonly algorithm: Extract<SignatureAlgorithm, `rsa-sha${string}`>
  /** DER, told in ds:KeyInfo. */
  readonly certificate: Uint8Array
  /** Where the schema has the signature: before the root's children, or after the first (SAML Core §2.3.3, §3.2.1: after the issuer). */
  readonly place: 'first' | 'after-first'
}

/** A message that lacks only the signature. */
export interface PreparedMessage {
  /** The canonical SignedInfo: sign this, hashing included. */
  readonly toBeSigned: Uint8Array
  finish(signature: Uint8Array): string
}

/** Prepares an enveloped signature with the transforms that SAML allows. Throws `MalformedError` for a message that is none. */
export function prepareMessage(request: MessageRequest): PreparedMessage {
  const bytes = utf8.encode(request.xml)
  const hash = hashOf(request.algorithm)
  const exclusive = { kind: 'exclusive', hasComments: false, prefixes: [] } as const
  using source = XmlSource.open(bytes, new XmlBudget())
  const value = digest(hash, source.canonicalise(undefined, exclusive))
  const form = canonicalAlgorithm('exclusive')
  const signedInfo = (attributes: Readonly<Record<string, string>>): string =>
    xmlElement(
      'ds:SignedInfo',
      attributes,
      xmlElement('ds:CanonicalizationMethod', { Algorithm: form }),
      xmlElement('ds:SignatureMethod', { Algorithm: signatureIdentifier(request.algorithm) }),
      xmlElement(
        'ds:Reference',
        { URI: `#${request.id}` },
        xmlElement(
          'ds:Transforms',
          {},
          xmlElement('ds:Transform', { Algorithm: `${dsig}enveloped-signature` }),
          xmlElement('ds:Transform', { Algorithm: form }),
        ),
        xmlElement('ds:DigestMethod', { Algorithm: digestIdentifier(hash) }),
        xmlElement('ds:DigestValue', {}, encodeBase64(value, 'xml')),
      ),
    )
  // Exclusive: an element has the same form alone as within others.
  const alone = utf8.encode(signedInfo({ 'xmlns:ds': dsig }))
  using info = XmlSource.open(alone, new XmlBudget())
  const at = placeIn(bytes, request.place)
  return {
    toBeSigned: info.canonicalise(undefined, exclusive),
    finish: signature => {
      const certificate = encodeBase64(request.certificate, 'xml')
      const written = xmlElement(
        'ds:Signature',
        { 'xmlns:ds': dsig },
        signedInfo({}),
        xmlElement('ds:SignatureValue', {}, encodeBase64(signature, 'xml')),
        xmlElement(
          'ds:KeyInfo',
          {},
          xmlElement('ds:X509Data', {}, xmlElement('ds:X509Certificate', {}, certificate)),
        ),
      )
      const decode = (part: Uint8Array): string => new TextDecoder().decode(part)
      return `${decode(bytes.subarray(0, at))}${written}${decode(bytes.subarray(at))}`
    },
  }
}

/** An element of a message: attributes and text are escaped here, content is XML already. */
export function messageElement(
  name: string,
  attributes: Readonly<Record<string, string>>,
  ...content: readonly (string | { readonly text: string })[]
): string {
  const parts = content.map(each => (typeof each === 'string' ? each : escapeXml(each.text)))
  return xmlElement(name, attributes, ...parts)
}

function placeIn(xml: Uint8Array, place: MessageRequest['place']): number {
  const [root, first] = placesOf(xml)
  if (root === undefined || first === undefined) throw new MalformedError('value-invalid', 0)
  if (place === 'first') return root.contentStart
  return first.isEmptyTag ? first.contentStart : xml.indexOf(0x3e, first.contentEnd) + 1
}

const utf8 = new TextEncoder()
