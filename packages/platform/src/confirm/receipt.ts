/**
 * Receipts: what a provider keeps instead of the citizen's certificate. A JWS (EdDSA) over document hash, verdict, pairwise
 * id, time and policy; whoever has the platform's public keys can verify it later.
 */
import type { Receipt } from '@sekisho/contract'
import type { SigningKey } from '@sekisho/runtime/keyring'
import type { JWTPayload } from 'jose'

/** The key that signs receipts, and its name in the platform's JWKS. */
export type ReceiptKey = Pick<SigningKey, 'keyId' | 'publicKey' | 'sign'>

/** `typ` of a report on a signed file. */
const reportType = 'sekisho-verification+jwt'

/** `typ` of a receipt, so that no other token of the platform can pass for one. */
const receiptType = 'sekisho-receipt+jwt'

/** Signs a receipt. */
export function signReceipt(key: ReceiptKey, payload: Receipt): Promise<string> {
  return signJws(key, receiptType, payload)
}

/** Signs a report on a signed file (`FileVerificationReport`), for one provider. */
export function signReport(key: ReceiptKey, payload: JWTPayload): Promise<string> {
  return signJws(key, reportType, payload)
}

/** `typ` of a security event token (RFC 8417 §2.3). */
const eventType = 'secevent+jwt'

/** `typ` of a transfer, so that no other token of the platform can pass for one. */
export const transferType = 'sekisho-transfer+jwt'

/** Signs a security event, for one provider. */
export function signEvent(key: ReceiptKey, payload: JWTPayload): Promise<string> {
  return signJws(key, eventType, payload)
}

/** Signs registrations that go to another operator (`transfer-file.ts`). */
export function signTransfer(key: ReceiptKey, payload: JWTPayload): Promise<string> {
  return signJws(key, transferType, payload)
}

/** A JWS in compact form (RFC 7515 §3.1), signed wherever the key is. `typ` must be one that nothing else has. */
export async function signJws(key: ReceiptKey, typ: string, payload: JWTPayload): Promise<string> {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = `${part({ alg: 'EdDSA', typ, kid: key.keyId })}.${part(payload)}`
  const signature = await key.sign(new TextEncoder().encode(text))
  return `${text}.${Buffer.from(signature).toString('base64url')}`
}
