/** What the platform tells service providers of itself (SAML Metadata §2.4.3), signed with the key that it names. */
import { messageElement } from '@sekisho/pki/assemble'
import { attributeNames } from './answer.ts'
import { persistentName, postBinding } from './authn-request.ts'
import { samlNames } from './binding.ts'
import type { SamlSigner } from './signer.ts'

/** Addresses of one platform. Its entity id is that of its metadata. */
export type SamlPlaces = {
  readonly entityId: string
  readonly singleSignOn: string
  readonly singleLogout: string
}

/** Where everything lies under an origin. */
export function samlPlaces(issuer: string): SamlPlaces {
  return {
    entityId: `${issuer}/saml/metadata`,
    singleSignOn: `${issuer}/saml/sso`,
    singleLogout: `${issuer}/saml/slo`,
  }
}

/** HTTP-Redirect. */
const redirectBinding = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect'

/** The document. */
export function metadataDocument(signer: SamlSigner, places: SamlPlaces): Promise<string> {
  const id = '_metadata'
  const certificate = Buffer.from(signer.certificate).toString('base64')
  const service = (name: string, Binding: string, Location: string): string =>
    messageElement(`md:${name}`, { Binding, Location })
  const xml = messageElement(
    'md:EntityDescriptor',
    { 'xmlns:md': samlNames.metadata, ID: id, entityID: places.entityId },
    messageElement(
      'md:IDPSSODescriptor',
      { WantAuthnRequestsSigned: 'true', protocolSupportEnumeration: samlNames.protocol },
      messageElement(
        'md:KeyDescriptor',
        { use: 'signing' },
        messageElement(
          'ds:KeyInfo',
          { 'xmlns:ds': 'http://www.w3.org/2000/09/xmldsig#' },
          messageElement(
            'ds:X509Data',
            {},
            messageElement('ds:X509Certificate', {}, { text: certificate }),
          ),
        ),
      ),
      service('SingleLogoutService', redirectBinding, places.singleLogout),
      messageElement('md:NameIDFormat', {}, { text: persistentName }),
      service('SingleSignOnService', redirectBinding, places.singleSignOn),
      service('SingleSignOnService', postBinding, places.singleSignOn),
      ...attributeNames.map(Name =>
        messageElement('saml:Attribute', {
          'xmlns:saml': samlNames.assertion,
          Name,
          NameFormat: 'urn:oasis:names:tc:SAML:2.0:attrname-format:basic',
        }),
      ),
    ),
  )
  return signer.signMessage({ xml, id, place: 'first' })
}
