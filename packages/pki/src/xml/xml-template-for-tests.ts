/** Signatures that break rules, for tests: written by hand and then really signed, so that only the rule itself is broken. */
import { encodeBase64 } from '../base64.ts'
import { digest } from '../crypto.ts'
import { digestOf, signatureOf } from './identifier.ts'
import { dsig } from './namespace.ts'
import { ReferenceResolver, type XmlFiles } from './reference.ts'
import { readSignature } from './signature-element.ts'
import { XmlBudget, XmlSource } from './source.ts'
import { bytesOf, rsaSigner, textOfBytes, type XmlSigner } from './xml-specimen-for-tests.ts'

/** Identifiers that templates use. */
export const algorithms = {
  sha256: 'http://www.w3.org/2001/04/xmlenc#sha256',
  sha1: `${dsig}sha1`,
  rsaSha256: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  exclusive: 'http://www.w3.org/2001/10/xml-exc-c14n#',
  inclusive: 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315',
  enveloped: `${dsig}enveloped-signature`,
  base64: `${dsig}base64`,
  xslt: 'http://www.w3.org/TR/1999/REC-xslt-19991116',
  xpath: 'http://www.w3.org/TR/1999/REC-xpath-19991116',
  filter: 'http://www.w3.org/2002/06/xmldsig-filter2',
} as const

/** A reference as text. `transforms` are algorithms, or whole elements where they begin with `<`. */
export interface ReferenceTemplate {
  /** Undefined: no attribute. */
  readonly uri: string | undefined
  readonly transforms?: readonly string[]
  readonly digestMethod?: string
  readonly attributes?: string
}

/** What a signature element is to hold. */
export interface SignatureTemplate {
  readonly references: readonly ReferenceTemplate[]
  readonly id?: string
  readonly canonicalisation?: string
  readonly signatureMethod?: string
  readonly signer?: XmlSigner
  /** Content of ds:KeyInfo; undefined: the signer's certificate. */
  readonly keyInfo?: string
  /** Elements after ds:KeyInfo. */
  readonly objects?: string
}

/** A ds:Signature with empty digests and an empty value. */
export function signatureTemplate(template: SignatureTemplate): string {
  const signer = template.signer ?? rsaSigner
  const keyInfo =
    template.keyInfo ??
    `<ds:X509Data><ds:X509Certificate>${encodeBase64(signer.certificate.raw, 'xml')}</ds:X509Certificate></ds:X509Data>`
  const canonical = `<ds:CanonicalizationMethod Algorithm="${template.canonicalisation ?? algorithms.exclusive}"/>`
  const method = template.signatureMethod ?? algorithms.rsaSha256
  const methodElement = method.startsWith('<')
    ? method
    : `<ds:SignatureMethod Algorithm="${method}"/>`
  return (
    `<ds:Signature xmlns:ds="${dsig}"${template.id === undefined ? '' : ` Id="${template.id}"`}>` +
    `<ds:SignedInfo>${canonical}${methodElement}${template.references.map(referenceText).join('')}</ds:SignedInfo>` +
    `<ds:SignatureValue></ds:SignatureValue><ds:KeyInfo>${keyInfo}</ds:KeyInfo>${template.objects ?? ''}</ds:Signature>`
  )
}

function referenceText(reference: ReferenceTemplate): string {
  const transforms = (reference.transforms ?? [algorithms.exclusive]).map(each =>
    each.startsWith('<') ? each : `<ds:Transform Algorithm="${each}"/>`,
  )
  const uri = reference.uri === undefined ? '' : ` URI="${reference.uri}"`
  return (
    `<ds:Reference${uri} ${reference.attributes ?? ''}>` +
    (transforms.length === 0 ? '' : `<ds:Transforms>${transforms.join('')}</ds:Transforms>`) +
    `<ds:DigestMethod Algorithm="${reference.digestMethod ?? algorithms.sha256}"/><ds:DigestValue></ds:DigestValue></ds:Reference>`
  )
}

/**
 * Fills in the digests that can be computed and the value of the signature at a position. What cannot be resolved keeps a digest of
 * nothing.
 */
export function signByHand(
  document: string,
  given: {
    readonly position?: number
    readonly files?: XmlFiles
    readonly signer?: XmlSigner
  } = {},
): Uint8Array {
  const position = given.position ?? 0
  const signer = given.signer ?? rsaSigner
  const budget = new XmlBudget()
  using draft = XmlSource.open(bytesOf(document), budget)
  const element = draft.signatures()[position]
  if (element === undefined) throw new Error('no signature in the template')
  const signature = readSignature(element)
  const files = given.files ?? new Map()
  using resolver = new ReferenceResolver(draft, signature, position, { files, budget })
  let text = document
  for (const reference of signature.references) {
    const found = resolver.resolve(reference)
    const hash = digestOf(reference.digestMethod)
    const bytes =
      found.kind === 'resolved' && found.content.kind === 'bytes'
        ? found.content.bytes
        : new Uint8Array()
    const value = digest(hash === 'weak' || hash === 'unsupported' ? 'sha1' : hash, bytes)
    text = text.replace(
      '<ds:DigestValue></ds:DigestValue>',
      `<ds:DigestValue>${encodeBase64(value, 'xml')}</ds:DigestValue>`,
    )
  }
  const named = signatureOf(signature.signatureMethod)
  const algorithm = named === 'weak' || named === 'unsupported' ? 'rsa-sha256' : named
  using filled = XmlSource.open(bytesOf(text), budget)
  const info = filled.signatures()[position]
  if (info === undefined) throw new Error('the signature is gone')
  const { signedInfo, canonicalForm } = readSignature(info)
  const toBeSigned = filled.canonicalise(
    signedInfo,
    canonicalForm ?? { kind: 'exclusive', hasComments: false, prefixes: [] },
  )
  const value = encodeBase64(signer.key.sign(algorithm, toBeSigned), 'xml')
  const empty = '<ds:SignatureValue></ds:SignatureValue>'
  return bytesOf(text.replace(empty, `<ds:SignatureValue>${value}</ds:SignatureValue>`))
}

/** A document with a signature made from a template as the last child of its root. */
export function signedByTemplate(
  template: SignatureTemplate,
  content = '<item Id="item">x</item>',
  files: XmlFiles = new Map(),
): Uint8Array {
  return signByHand(`<root xmlns="urn:r">${content}${signatureTemplate(template)}</root>`, {
    files,
    ...(template.signer === undefined ? {} : { signer: template.signer }),
  })
}

/** The text of a document with a part replaced, which must be there. */
export function replacedXml(xml: Uint8Array, from: string | RegExp, to: string): Uint8Array {
  const text = textOfBytes(xml)
  const replaced = text.replace(from, () => to)
  if (replaced === text) throw new Error(`${from} does not occur`)
  return bytesOf(replaced)
}
