/**
 * Receipts: what a provider keeps instead of the citizen's certificate. A JWS (EdDSA) over document hash, verdict, pairwise
 * id, time and policy; whoever has the platform's public keys can verify it later.
 */
import type { KeyObject } from 'node:crypto'
import type { Receipt } from '@sekisho/contract'
import { type JWTPayload, SignJWT } from 'jose'

/** The key that signs receipts, and its name in the platform's JWKS. */
export type ReceiptKey = { readonly keyId: string; readonly privateKey: KeyObject }

/** `typ` of a report on a signed file. */
const reportType = 'sekisho-verification+jwt'

/** `typ` of a receipt, so that no other token of the platform can pass for one. */
const receiptType = 'sekisho-receipt+jwt'

/** Signs a receipt. */
export function signReceipt(key: ReceiptKey, payload: Receipt): Promise<string> {
  return sign(key, receiptType, payload)
}

/** Signs a report on a signed file (`FileVerificationReport`), for one provider. */
export function signReport(key: ReceiptKey, payload: JWTPayload): Promise<string> {
  return sign(key, reportType, payload)
}

/** `typ` of a security event token (RFC 8417 §2.3). */
const eventType = 'secevent+jwt'

/** Signs a security event, for one provider. */
export function signEvent(key: ReceiptKey, payload: JWTPayload): Promise<string> {
  return sign(key, eventType, payload)
}

function sign(key: ReceiptKey, typ: string, payload: JWTPayload): Promise<string> {
  return new SignJWT(payload)
    .setProtectedHeader({ alg: 'EdDSA', typ, kid: key.keyId })
    .sign(key.privateKey)
}
