/**
 * How SAML messages come through a browser (SAML Bindings §3.4, §3.5): deflated in an address with a signature beside them, or in a form with the
 * signature inside. Nothing of a message is known before its signature holds, but who it says it is from.
 */
import { inflateRawSync } from 'node:zlib'
import { Refusal } from '@sekisho/contract'
import {
  MalformedError,
  messageBytesMax,
  readXmlMessage,
  verifyNamed,
  verifyXmlMessage,
  type XmlNode,
} from '@sekisho/pki'

/** Namespaces of SAML 2.0. */
export const samlNames = {
  assertion: 'urn:oasis:names:tc:SAML:2.0:assertion',
  protocol: 'urn:oasis:names:tc:SAML:2.0:protocol',
  metadata: 'urn:oasis:names:tc:SAML:2.0:metadata',
} as const

/** Characters of a relay state: the standard says 80 (§3.4.3), habits are addresses. */
const relayStateMax = 2048
/** Characters of a message as it comes: base64 of `messageBytesMax`, and what an address escapes. */
const encodedMax = 2 * messageBytesMax

/** A message that came. */
export type Arrived = {
  /** Who it says it is from. */
  readonly issuer: string
  readonly relayState: string | undefined
  /** The message, when one of these keys (SubjectPublicKeyInfo) signed all of it. Refusal `saml-signature-invalid`. */
  verified(keys: readonly Uint8Array[]): XmlNode
}

/** HTTP-Redirect: from the query exactly as it was sent. Refusals `saml-request-malformed`, `saml-signature-invalid`. */
export function readRedirect(query: string): Arrived {
  const given = new Map<string, string>()
  for (const pair of query.split('&')) {
    const at = pair.indexOf('=')
    const name = pair.slice(0, at)
    if (!signedMembers.includes(name) && name !== 'Signature') continue
    if (at < 0 || given.has(name)) throw malformed('query')
    given.set(name, pair.slice(at + 1))
  }
  const value = (name: string): string | undefined => {
    const raw = given.get(name)
    return raw === undefined ? undefined : decoded(raw)
  }
  const text = value('SAMLRequest')
  if (text === undefined || text.length > encodedMax) throw malformed('SAMLRequest')
  const root = readOrRefuse(inflated(fromBase64(text, 'SAMLRequest')))
  const [method, signature] = [value('SigAlg'), value('Signature')]
  // §3.4.4.1: the values as they were escaped, in this order, and no signature inside.
  const octets = signedMembers.flatMap(name => {
    const raw = given.get(name)
    return raw === undefined ? [] : [`${name}=${raw}`]
  })
  return {
    issuer: issuerOf(root),
    relayState: relayStateOf(value('RelayState')),
    verified(keys) {
      if (method === undefined || signature === undefined)
        throw new Refusal('saml-signature-invalid')
      const message = new TextEncoder().encode(octets.join('&'))
      const bytes = fromBase64(signature, 'Signature')
      const isSigned = keys.some(key => verifyNamed(method, key, message, bytes).kind === 'passed')
      if (!isSigned) throw new Refusal('saml-signature-invalid')
      return root
    },
  }
}

/** HTTP-POST. Refusals as above. */
export function readPost(form: {
  readonly SAMLRequest: string
  readonly RelayState?: string | undefined
}): Arrived {
  if (form.SAMLRequest.length > encodedMax) throw malformed('SAMLRequest')
  const bytes = fromBase64(form.SAMLRequest, 'SAMLRequest')
  return {
    issuer: issuerOf(readOrRefuse(bytes)),
    relayState: relayStateOf(form.RelayState),
    verified(keys) {
      for (const key of keys) {
        const verdict = verifyXmlMessage(bytes, key)
        if (verdict.kind === 'passed') return verdict.value
      }
      throw new Refusal('saml-signature-invalid')
    },
  }
}

/** Refusal `saml-request-malformed`. */
export function malformed(field: string): Refusal {
  return new Refusal('saml-request-malformed', { field })
}

/** The one child of this name; undefined: none. Refusal `saml-request-malformed` for two. */
export function childOf(node: XmlNode, namespace: string, name: string): XmlNode | undefined {
  const [only, ...others] = node.children.filter(
    each => each.namespace === namespace && each.name === name,
  )
  if (others.length > 0) throw malformed(name)
  return only
}

function issuerOf(root: XmlNode): string {
  const issuer = childOf(root, samlNames.assertion, 'Issuer')
  if (issuer === undefined) throw malformed('Issuer')
  return issuer.text.trim()
}

function relayStateOf(given: string | undefined): string | undefined {
  if (given !== undefined && given.length > relayStateMax) throw malformed('RelayState')
  return given
}

function readOrRefuse(bytes: Uint8Array): XmlNode {
  try {
    return readXmlMessage(bytes)
  } catch (error) {
    if (error instanceof MalformedError) throw malformed('SAMLRequest')
    throw error
  }
}

function inflated(bytes: Uint8Array): Uint8Array {
  try {
    return new Uint8Array(inflateRawSync(bytes, { maxOutputLength: messageBytesMax }))
  } catch {
    // Not deflated, or a bomb.
    throw malformed('SAMLRequest')
  }
}

function fromBase64(text: string, field: string): Uint8Array {
  const plain = text.replaceAll(/[\r\n]/g, '')
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(plain)) throw malformed(field)
  return new Uint8Array(Buffer.from(plain, 'base64'))
}

function decoded(raw: string): string {
  try {
    return decodeURIComponent(raw.replaceAll('+', ' '))
  } catch {
    throw malformed('query')
  }
}

const signedMembers: readonly string[] = ['SAMLRequest', 'RelayState', 'SigAlg']
