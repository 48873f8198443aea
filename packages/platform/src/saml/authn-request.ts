/** What a service provider asks for with an AuthnRequest (SAML Core §3.4.1), read from what it signed. */
import { type Acr, acr, Refusal, type SamlMetadata } from '@sekisho/contract'
import type { XmlNode } from '@sekisho/pki'
import { attributeScopes } from '../confirm/statement.ts'
import { childOf, malformed, samlNames } from './binding.ts'

/** Milliseconds that a request is good for, and by which the clock of its sender may be ahead. */
const requestMs = 5 * 60 * 1000
const clockSkewMs = 60 * 1000

/** Second-level status codes (SAML Core §3.2.2.2) with which a request is answered that cannot be met. */
export type SamlStatus = 'InvalidNameIDPolicy' | 'NoAuthnContext' | 'NoPassive' | 'RequestDenied'

/** What is asked for. */
export type AuthnRequest = {
  readonly id: string
  /** Where the answer goes: a registered address. */
  readonly consumer: string
  readonly scopes: readonly string[]
  readonly acr: Acr
  /** Why it cannot be met, though it is all right; undefined: it can. */
  readonly unmet: SamlStatus | undefined
}

/**
 * Reads it. Refusals `saml-request-malformed` with the field, `saml-request-expired`, `redirect-mismatch` for an address that is not
 * registered. `now` is protocol time.
 */
export function readAuthnRequest(
  root: XmlNode,
  given: { readonly saml: SamlMetadata; readonly destination: string; readonly now: number },
): AuthnRequest {
  const id = assertHead(root, 'AuthnRequest', given)
  const foreign = root.children.find(each => !understood.includes(`${each.namespace} ${each.name}`))
  if (foreign !== undefined) throw malformed(foreign.name)
  // A service of attributes is chosen from the provider's metadata, and there is one only.
  if (root.attributes.has('AttributeConsumingServiceIndex'))
    throw malformed('AttributeConsumingServiceIndex')
  const asked = contextAsked(root, given.saml)
  return {
    id,
    consumer: consumerOf(root, given.saml),
    scopes: asked?.scopes ?? ['openid'],
    acr: asked?.acr ?? acr.card,
    unmet: asked === undefined ? 'NoAuthnContext' : unmetBy(root),
  }
}

/** What all requests begin with (§3.2.1): the id. Refusals as of `readAuthnRequest`. */
export function assertHead(
  root: XmlNode,
  name: string,
  { destination, now }: { readonly destination: string; readonly now: number },
): string {
  if (root.namespace !== samlNames.protocol || root.name !== name) throw malformed('SAMLRequest')
  if (root.attributes.get('Version') !== '2.0') throw malformed('Version')
  const id = root.attributes.get('ID') ?? ''
  if (!/^[A-Za-z_][\w.-]{0,255}$/.test(id)) throw malformed('ID')
  // Bindings §3.4.5.2, §3.5.5.2: signed messages say where they go, so that nobody takes them elsewhere.
  if (root.attributes.get('Destination') !== destination) throw malformed('Destination')
  const issued = root.attributes.get('IssueInstant') ?? ''
  const at = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/.test(issued)
    ? Date.parse(issued)
    : Number.NaN
  if (Number.isNaN(at)) throw malformed('IssueInstant')
  if (at > now + clockSkewMs || at <= now - requestMs) throw new Refusal('saml-request-expired')
  return id
}

/** §3.4.1: an address, or its number among the registered ones, or the first. Compared to the letter. */
function consumerOf(root: XmlNode, saml: SamlMetadata): string {
  const registered = saml.assertion_consumer_services
  const { attributes } = root
  const address = attributes.get('AssertionConsumerServiceURL')
  const index = attributes.get('AssertionConsumerServiceIndex')
  if (address !== undefined && index !== undefined) throw malformed('AssertionConsumerServiceIndex')
  const binding = attributes.get('ProtocolBinding')
  if (binding !== undefined && binding !== postBinding) throw malformed('ProtocolBinding')
  if (address !== undefined) {
    if (!registered.includes(address)) throw new Refusal('redirect-mismatch')
    return address
  }
  const found = registered[index === undefined ? 0 : /^\d$/.test(index) ? Number(index) : -1]
  if (found === undefined) throw new Refusal('redirect-mismatch')
  return found
}

/** §3.3.2.2.1. Undefined: nothing that is asked for is offered. */
function contextAsked(
  root: XmlNode,
  saml: SamlMetadata,
): { readonly acr: Acr; readonly scopes: readonly string[] } | undefined {
  const full = saml.scope.split(' ')
  const hasAttributes = attributeScopes.some(each => full.includes(each))
  const login = { acr: acr.card, scopes: ['openid'] }
  const signed = { acr: acr.cardSigned, scopes: full }
  const usual = hasAttributes ? signed : login
  const requested = childOf(root, samlNames.protocol, 'RequestedAuthnContext')
  if (requested === undefined) return usual
  const comparison = requested.attributes.get('Comparison') ?? 'exact'
  const classes = requested.children.map(each => {
    if (each.namespace !== samlNames.assertion) throw malformed('RequestedAuthnContext')
    return each.name === 'AuthnContextClassRef' ? each.text.trim() : ''
  })
  const [asksLogin, asksSigned] = [classes.includes(acr.card), classes.includes(acr.cardSigned)]
  if (comparison !== 'exact' && comparison !== 'minimum') return undefined
  if (asksLogin && (asksSigned || comparison === 'minimum')) return usual
  if (asksSigned) return signed
  return asksLogin ? login : undefined
}

function unmetBy(root: XmlNode): SamlStatus | undefined {
  // The card is asked for at every login, so that whatever is forced is done, and nothing is done without the person.
  if (isTrue(root.attributes.get('IsPassive'))) return 'NoPassive'
  const policy = childOf(root, samlNames.protocol, 'NameIDPolicy')
  const format = policy?.attributes.get('Format')
  const isOurs = format === undefined || nameFormats.includes(format)
  const qualifier = policy?.attributes.get('SPNameQualifier')
  const isOwn = qualifier === undefined || qualifier === issuerText(root)
  return isOurs && isOwn ? undefined : 'InvalidNameIDPolicy'
}

function issuerText(root: XmlNode): string | undefined {
  return childOf(root, samlNames.assertion, 'Issuer')?.text.trim()
}

/** xs:boolean. */
function isTrue(value: string | undefined): boolean {
  return value === 'true' || value === '1'
}

/** The format of names that are given: random, lasting, of one provider alone (§8.3.7). */
export const persistentName = 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent'

const nameFormats: readonly string[] = [
  persistentName,
  'urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified',
]

/** The one binding of answers. */
export const postBinding = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST'

/** A request for a certain person (`Subject`) or under conditions would be answered as if it had none: these are refused. */
const understood: readonly string[] = [
  `${samlNames.assertion} Issuer`,
  `${samlNames.protocol} NameIDPolicy`,
  `${samlNames.protocol} RequestedAuthnContext`,
  `${samlNames.protocol} Extensions`,
  `${samlNames.protocol} Scoping`,
]
