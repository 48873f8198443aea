/**
 * Messages of protocols in XML (SAML 2.0), signed by a key that is known beforehand. Nobody is given the document that came: what is
 * read is read from the very bytes that the signature covers, so that nothing can be wrapped around them or put beside them.
 */
import { type XmlElement, XmlElement as ElementClass, XmlText } from 'libxml2-wasm'
import { importPublicKey } from '../crypto.ts'
import { keyKindOf } from '../algorithm.ts'
import { MalformedError } from '../der.ts'
import { KeyCache } from '../key-cache.ts'
import { passed, type Reason, reason, rejected, rejectedFor, type Verdict } from '../reason.ts'
import { ecdsaSignatureOf, verifySignature } from '../signature.ts'
import { signatureOf } from './identifier.ts'
import { reasonOf } from './reference.ts'
import { XmlBudget, XmlSource } from './source.ts'
import { checkXmlSignature, type XmlFindings } from './xml-signer.ts'

/** Bytes of a message: those of SAML have some two thousand, with a certificate in them four. */
export const messageBytesMax = 64 * 1024
/** Deepest nesting of a message. */
const depthMax = 16

/** An element of a message. */
export interface XmlNode {
  readonly namespace: string
  readonly name: string
  /** Attributes without namespace. */
  readonly attributes: ReadonlyMap<string, string>
  readonly children: readonly XmlNode[]
  /** What it says, where it has no children; white space around is kept. */
  readonly text: string
}

/**
 * The root of a message. Throws `MalformedError` for whatever is no plain XML: document types, comments, CDATA sections and processing
 * instructions (readers differ in what they see of them), text beside elements, more than `messageBytesMax` bytes.
 */
export function readXmlMessage(bytes: Uint8Array): XmlNode {
  if (bytes.length > messageBytesMax) throw new MalformedError('too-large', 0)
  assertPlain(bytes)
  return XmlSource.read(bytes, new XmlBudget(), source => nodeOf(source.root, 1))
}

/**
 * The root as it was signed, without its signature. Passes for one enveloped signature of this key (SubjectPublicKeyInfo) that is a child of
 * the root, covers the root by its id and nothing else, and has the two transforms that SAML allows (Core §5.4).
 */
export function verifyXmlMessage(bytes: Uint8Array, spki: Uint8Array): Verdict<XmlNode> {
  const budget = new XmlBudget()
  try {
    if (bytes.length > messageBytesMax) throw new MalformedError('too-large', 0)
    assertPlain(bytes)
    const found = XmlSource.read(bytes, budget, source => {
      const [only, ...others] = source.signatures()
      if (only === undefined) return rejectedFor('xml-unsigned')
      if (others.length > 0 || only.parent?.isSameNode(source.root) !== true)
        return rejectedFor('xml-reference-ambiguous', { rule: 'one signature, of the root' })
      const given = { source, position: 0, files: new Map(), certificates: [], budget }
      return coveredBy(checkXmlSignature({ ...given, keys: new KeyCache(1) }))
    })
    if (found.kind !== 'passed') return found
    const { covered, algorithm, toBeSigned, value } = found.value
    const verdict = verifyWithKey(algorithm, spki, toBeSigned, value)
    return verdict.kind === 'passed' ? passed(readXmlMessage(covered)) : verdict
  } catch (error) {
    if (error instanceof MalformedError) return rejected([reasonOf(error)])
    throw error
  }
}

/** Judges a signature beside a message, its method named as in XML (SAML Bindings §3.4.4.1); ECDSA as r ‖ s. */
export function verifyNamed(
  method: string,
  spki: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): Verdict<true> {
  const algorithm = signatureOf(method)
  return algorithm === 'weak' || algorithm === 'unsupported'
    ? rejectedFor(`algorithm-${algorithm}`, { field: 'SigAlg' })
    : verifyWithKey(algorithm, spki, message, signature)
}

type Covered = {
  readonly covered: Uint8Array
  readonly algorithm: NonNullable<XmlFindings['algorithm']>
  readonly toBeSigned: Uint8Array
  readonly value: Uint8Array
}

function coveredBy(found: XmlFindings): Verdict<Covered> {
  const { signature, toBeSigned, algorithm } = found
  const [first, ...rest]: readonly Reason[] = found.contentReasons
  if (first !== undefined) return rejected([first, ...rest])
  const [reference, ...references] = signature?.references ?? []
  const [only, ...others] = found.covered
  const transforms = reference?.transforms.map(each =>
    each.kind === 'canonical' ? `${each.form.kind} ${each.form.hasComments}` : each.kind,
  )
  if (transforms?.join() !== 'enveloped,exclusive false')
    return rejectedFor('xml-transform-refused', { rule: 'enveloped, then exclusive' })
  const isRoot = only?.coverage.target.kind === 'element' && only.coverage.target.isRoot
  if (!isRoot || references.length + others.length > 0 || signature?.objects.length !== 0)
    return rejectedFor('xml-reference-refused', { rule: 'the root by its id' })
  if (toBeSigned === undefined || algorithm === undefined || only.content.kind !== 'bytes')
    return rejectedFor('xml-signature-malformed')
  const value = signature.signatureValue
  return passed({ covered: only.content.bytes, algorithm, toBeSigned, value })
}

function verifyWithKey(
  algorithm: Covered['algorithm'],
  spki: Uint8Array,
  bytes: Uint8Array,
  value: Uint8Array,
): Verdict<true> {
  const key = importPublicKey(spki)
  const signature =
    key.facts.kind === 'ec' && keyKindOf(algorithm) === 'ec'
      ? ecdsaSignatureOf(value, key.facts.curve)
      : value
  if (signature === undefined) return rejected([reason('signature-malformed')])
  const content = { kind: 'bytes', bytes } as const
  return verifySignature({ key, algorithm, form: 'document', content, signature })
}

/** In well-formed XML these characters begin nothing but what is refused; the declaration at the start alone is let through. */
function assertPlain(bytes: Uint8Array): void {
  for (let at = bytes.indexOf(0x3c); at >= 0; at = bytes.indexOf(0x3c, at + 1)) {
    const next = bytes[at + 1]
    const isDeclaration = next === 0x3f && at === 0 && bytes[2] === 0x78 && bytes[5] === 0x20
    if (next === 0x21) throw new MalformedError('document-type-refused', at)
    if (next === 0x3f && !isDeclaration)
      throw new MalformedError('value-invalid', at, 'instruction')
  }
}

function nodeOf(element: XmlElement, depth: number): XmlNode {
  if (depth > depthMax) throw new MalformedError('too-deep', 0)
  const children: XmlNode[] = []
  let text = ''
  for (let node = element.firstChild; node !== null; node = node.next) {
    if (node instanceof ElementClass) children.push(nodeOf(node, depth + 1))
    else if (node instanceof XmlText) text += node.content
    else throw new MalformedError('value-invalid', 0, element.name)
  }
  if (children.length > 0 && !/^[ \t\r\n]*$/.test(text))
    throw new MalformedError('value-invalid', 0, element.name)
  const plain = element.attrs.filter(each => each.namespaceUri === '')
  return {
    namespace: element.namespaceUri,
    name: element.name,
    attributes: new Map(plain.map(each => [each.name, each.value])),
    children,
    text: children.length > 0 ? '' : text,
  }
}
