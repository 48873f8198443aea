/** Answers to service providers (SAML Core §3.3.3, Profiles §4.1.4.2): a signed Response, with a signed assertion where a login was done. */
import type { Acr } from '@sekisho/contract'
import { messageElement } from '@sekisho/pki/assemble'
import { persistentName, type SamlStatus } from './authn-request.ts'
import { samlNames } from './binding.ts'
import type { SamlSigner } from './signer.ts'

/** Milliseconds within which an assertion must have reached its provider. */
const assertionMs = 2 * 60 * 1000
/** Milliseconds by which a provider's clock may be behind. */
const clockSkewMs = 60 * 1000

/** To whom, in answer to what. Times are protocol time. */
export type Answered = {
  /** The platform's entity id. */
  readonly issuer: string
  readonly audience: string
  readonly consumer: string
  readonly requestId: string
  /** Two random ids, of response and assertion. */
  readonly ids: readonly [string, string]
  readonly now: number
}

/** What was done. */
export type SamlLogin = {
  /** Pairwise: the same that OpenID's `sub` is. */
  readonly subject: string
  readonly acr: Acr
  readonly at: number
  /** Names the login in a logout request. */
  readonly session: string
  /** Released attributes, as OpenID claims. */
  readonly claims: Readonly<Record<string, unknown>>
}

/** The Response that brings a login, as base64 for a form. */
export async function loginAnswer(
  signer: SamlSigner,
  to: Answered,
  login: SamlLogin,
): Promise<string> {
  const assertion = await signer.signMessage({
    xml: assertionOf(to, login),
    id: to.ids[1],
    place: 'after-first',
  })
  return responseOf(signer, to, [
    messageElement('samlp:Status', {}, statusCode('Success')),
    assertion,
  ])
}

/** The Response that says why there is none; `message` is our code. */
export function refusalAnswer(
  signer: SamlSigner,
  to: Answered,
  status: SamlStatus,
  message: string,
): Promise<string> {
  return responseOf(signer, to, [
    messageElement(
      'samlp:Status',
      {},
      // What was asked for in a way that cannot be met is the asker's fault, the rest is not.
      statusCode(status === 'InvalidNameIDPolicy' ? 'Requester' : 'Responder', statusCode(status)),
      messageElement('samlp:StatusMessage', {}, { text: message }),
    ),
  ])
}

/** An issuer, as messages begin with it. */
export function issuerElement(issuer: string): string {
  return messageElement('saml:Issuer', { 'xmlns:saml': samlNames.assertion }, { text: issuer })
}

/** A status code of the standard (§3.2.2.2). */
export function statusCode(name: string, ...inside: readonly string[]): string {
  const Value = `urn:oasis:names:tc:SAML:2.0:status:${name}`
  return messageElement('samlp:StatusCode', { Value }, ...inside)
}

/** Whole seconds, as every reader takes them. */
export function instant(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`
}

async function responseOf(
  signer: SamlSigner,
  to: Answered,
  content: readonly string[],
): Promise<string> {
  const [id] = to.ids
  const xml = messageElement(
    'samlp:Response',
    {
      'xmlns:samlp': samlNames.protocol,
      ID: id,
      Version: '2.0',
      IssueInstant: instant(to.now),
      Destination: to.consumer,
      InResponseTo: to.requestId,
    },
    issuerElement(to.issuer),
    ...content,
  )
  const signed = await signer.signMessage({ xml, id, place: 'after-first' })
  return Buffer.from(signed).toString('base64')
}

function assertionOf(to: Answered, login: SamlLogin): string {
  const until = instant(to.now + assertionMs)
  return messageElement(
    'saml:Assertion',
    {
      'xmlns:saml': samlNames.assertion,
      ID: to.ids[1],
      Version: '2.0',
      IssueInstant: instant(to.now),
    },
    messageElement('saml:Issuer', {}, { text: to.issuer }),
    subjectOf(to, login, until),
    messageElement(
      'saml:Conditions',
      { NotBefore: instant(to.now - clockSkewMs), NotOnOrAfter: until },
      messageElement(
        'saml:AudienceRestriction',
        {},
        messageElement('saml:Audience', {}, { text: to.audience }),
      ),
    ),
    messageElement(
      'saml:AuthnStatement',
      { AuthnInstant: instant(login.at), SessionIndex: login.session },
      messageElement(
        'saml:AuthnContext',
        {},
        messageElement('saml:AuthnContextClassRef', {}, { text: login.acr }),
      ),
    ),
    attributesOf(login.claims),
  )
}

function subjectOf(to: Answered, login: SamlLogin, until: string): string {
  return messageElement(
    'saml:Subject',
    {},
    messageElement(
      'saml:NameID',
      { Format: persistentName, NameQualifier: to.issuer, SPNameQualifier: to.audience },
      { text: login.subject },
    ),
    messageElement(
      'saml:SubjectConfirmation',
      { Method: 'urn:oasis:names:tc:SAML:2.0:cm:bearer' },
      messageElement('saml:SubjectConfirmationData', {
        InResponseTo: to.requestId,
        NotOnOrAfter: until,
        Recipient: to.consumer,
      }),
    ),
  )
}

/** What was released, each under the name of its OpenID claim; an address as the one line that it is. */
function attributesOf(claims: SamlLogin['claims']): string {
  const values = Object.entries(claims).flatMap(([name, value]) => {
    const text = name === 'address' ? formatted(value) : value
    return attributeNames.includes(name) && typeof text === 'string' ? [[name, text] as const] : []
  })
  if (values.length === 0) return ''
  return messageElement(
    'saml:AttributeStatement',
    {},
    ...values.map(([Name, text]) =>
      messageElement(
        'saml:Attribute',
        { Name, NameFormat: 'urn:oasis:names:tc:SAML:2.0:attrname-format:basic' },
        messageElement('saml:AttributeValue', {}, { text }),
      ),
    ),
  )
}

function formatted(address: unknown): unknown {
  return typeof address === 'object' && address !== null && 'formatted' in address
    ? address.formatted
    : undefined
}

/** Names of attributes, in the order of the statement that people sign. */
export const attributeNames: readonly string[] = [
  'name',
  'name_substitutes',
  'address',
  'address_substitutes',
  'birthdate',
  'gender',
]
