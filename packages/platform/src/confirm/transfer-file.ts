/**
 * The file in which registrations go to another operator: signed with the sender's receipt key (JWS, EdDSA), encrypted to the other
 * operator's key (JWE, ECDH-ES+A256KW on P-256, A256GCM). Whoever else has it learns nothing, and cannot alter it.
 */
import { type KeyObject } from 'node:crypto'
import { Refusal } from '@sekisho/contract'
import { CompactEncrypt, compactDecrypt, importJWK, type JWK, jwtVerify } from 'jose'
import { type ReceiptKey, signTransfer, transferType } from './receipt.ts'

/** Seconds for which a file may be taken in: a week, for it travels by hand. */
const lifetimeSeconds = 7 * 24 * 3600

/** Makes the file. `transfer-malformed` for a recipient's key that is none. */
export async function packTransfer(
  key: ReceiptKey,
  given: {
    readonly issuer: string
    readonly audience: string
    readonly recipient: unknown
    readonly content: Record<string, unknown>
    readonly seconds: number
  },
): Promise<string> {
  const signed = await signTransfer(key, {
    ...given.content,
    iss: given.issuer,
    aud: given.audience,
    iat: given.seconds,
    exp: given.seconds + lifetimeSeconds,
  })
  const recipient = await importedKey(given.recipient, 'ECDH-ES+A256KW')
  return new CompactEncrypt(new TextEncoder().encode(signed))
    .setProtectedHeader({ alg: 'ECDH-ES+A256KW', enc: 'A256GCM', cty: 'JWT' })
    .encrypt(recipient)
}

/** Opens a file that was made for this operator by that one. Refusal `transfer-malformed` for any other. */
export async function openTransfer(
  file: string,
  given: {
    readonly privateKey: KeyObject
    /** Public key of the sender (JWK). */
    readonly sender: unknown
    readonly issuer: string
    readonly audience: string
    readonly seconds: number
  },
): Promise<unknown> {
  const sender = await importedKey(given.sender, 'EdDSA')
  try {
    const { plaintext } = await compactDecrypt(file, given.privateKey, {
      keyManagementAlgorithms: ['ECDH-ES+A256KW'],
      contentEncryptionAlgorithms: ['A256GCM'],
    })
    const { payload } = await jwtVerify(new TextDecoder().decode(plaintext), sender, {
      algorithms: ['EdDSA'],
      typ: transferType,
      issuer: given.issuer,
      audience: given.audience,
      currentDate: new Date(given.seconds * 1000),
      requiredClaims: ['iat', 'exp'],
    })
    return payload
  } catch {
    // Whatever is wrong with it, it is not to be taken in.
    throw new Refusal('transfer-malformed')
  }
}

async function importedKey(jwk: unknown, algorithm: string) {
  try {
    return await importJWK(jwk as JWK, algorithm)
  } catch {
    throw new Refusal('transfer-malformed')
  }
}
