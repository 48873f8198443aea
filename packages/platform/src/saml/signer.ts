/** The key that signs assertions, answers and metadata: RSA, for systems that speak SAML know nothing newer, with a certificate of its own. */
import { type MessageRequest, prepareMessage, prepareSelfSigned } from '@sekisho/pki/assemble'
import type { Keyring } from '@sekisho/runtime/keyring'

/** Signs for one platform. */
export type SamlSigner = {
  /** DER. */
  readonly certificate: Uint8Array
  /** The message with its signature. Refusals of the keyring. */
  signMessage(message: Pick<MessageRequest, 'xml' | 'id' | 'place'>): Promise<string>
  /** RSA PKCS#1 v1.5 with SHA-256. */
  signBytes(bytes: Uint8Array): Promise<Uint8Array>
}

/** How that is named where a signature stands beside a message. */
export const signatureMethod = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256'

/** Gives the signer; its key is made when it is first needed, and asked for again where that failed. */
export function createSamlSigner(keyring: Keyring, issuer: string): () => Promise<SamlSigner> {
  let made: Promise<SamlSigner> | undefined
  return () => {
    made ??= makeSigner(keyring, issuer).catch((error: unknown) => {
      made = undefined
      throw error
    })
    return made
  }
}

async function makeSigner(keyring: Keyring, issuer: string): Promise<SamlSigner> {
  const key = await keyring.signingKey('saml', 'rsa-2048')
  const spki = new Uint8Array(key.publicKey.export({ type: 'spki', format: 'der' }))
  const prepared = prepareSelfSigned({ spki, commonName: new URL(issuer).hostname })
  const certificate = prepared.finish(await key.sign(prepared.toBeSigned))
  return {
    certificate,
    signBytes: bytes => key.sign(bytes),
    signMessage: async message => {
      const unsigned = prepareMessage({ ...message, algorithm: 'rsa-sha256', certificate })
      return unsigned.finish(await key.sign(unsigned.toBeSigned))
    },
  }
}
