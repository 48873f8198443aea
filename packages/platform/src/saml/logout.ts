/**
 * Logging out from a service provider that speaks SAML (Profiles §4.4): it names a person as it knows them; their sessions at that provider end,
 * and it is told so. Others are ended by the person, on the page of one's own records.
 */
import { deflateRawSync } from 'node:zlib'
import type { SamlMetadata } from '@sekisho/contract'
import type { XmlNode } from '@sekisho/pki'
import { messageElement } from '@sekisho/pki/assemble'
import { personOfSubject } from '../people/link.ts'
import { endSessions } from '../session/provider-session.ts'
import type { World } from '../world.ts'
import { instant, issuerElement, statusCode } from './answer.ts'
import { assertHead } from './authn-request.ts'
import { childOf, malformed, samlNames } from './binding.ts'
import { type SamlSigner, signatureMethod } from './signer.ts'

/**
 * Ends the sessions that a LogoutRequest names; its id. Nothing is told of who is known here: a name that is not is answered as if its sessions
 * had ended. Refusals `saml-request-malformed`, `saml-request-expired`.
 */
export async function endNamedSessions(
  world: World,
  root: XmlNode,
  given: { readonly providerId: string; readonly destination: string; readonly now: number },
): Promise<string> {
  const id = assertHead(root, 'LogoutRequest', given)
  const subject = childOf(root, samlNames.assertion, 'NameID')?.text.trim()
  if (subject === undefined) throw malformed('NameID')
  const { providerId } = given
  await world.store.transaction(async tx => {
    const personId = await personOfSubject(tx, providerId, subject)
    if (personId !== undefined) await endSessions(tx, { personId, providerId }, providerId)
  })
  return id
}

/** The address that takes the answer back, signed beside (Bindings §3.4.4.1). */
export async function logoutAnswer(
  signer: SamlSigner,
  to: {
    readonly issuer: string
    readonly address: NonNullable<SamlMetadata['single_logout_service']>
    readonly requestId: string
    readonly relayState: string | undefined
    readonly id: string
    readonly now: number
  },
): Promise<string> {
  const xml = messageElement(
    'samlp:LogoutResponse',
    {
      'xmlns:samlp': samlNames.protocol,
      ID: to.id,
      Version: '2.0',
      IssueInstant: instant(to.now),
      Destination: to.address,
      InResponseTo: to.requestId,
    },
    issuerElement(to.issuer),
    messageElement('samlp:Status', {}, statusCode('Success')),
  )
  const message = deflateRawSync(Buffer.from(xml)).toString('base64')
  const query = [
    `SAMLResponse=${encodeURIComponent(message)}`,
    ...(to.relayState === undefined ? [] : [`RelayState=${encodeURIComponent(to.relayState)}`]),
    `SigAlg=${encodeURIComponent(signatureMethod)}`,
  ].join('&')
  const signature = Buffer.from(await signer.signBytes(new TextEncoder().encode(query)))
  const address = new URL(to.address)
  const before = address.search === '' ? '' : `${address.search.slice(1)}&`
  address.search = `${before}${query}&Signature=${encodeURIComponent(signature.toString('base64'))}`
  return address.href
}
