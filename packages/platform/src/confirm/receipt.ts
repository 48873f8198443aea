/**
 * Receipts: what a provider keeps instead of the citizen's certificate. A JWS (EdDSA) over document hash, verdict, pairwise
 * id, time and policy; whoever has the platform's public keys can verify it later.
 */
import type { KeyObject } from 'node:crypto'
import type { Receipt } from '@sekisho/contract'
import { SignJWT } from 'jose'

/** The key that signs receipts, and its name in the platform's JWKS. */
export type ReceiptKey = { readonly keyId: string; readonly privateKey: KeyObject }

/** `typ` of a receipt, so that no other token of the platform can pass for one. */
const receiptType = 'sekisho-receipt+jwt'

/** Signs a receipt. */
export function signReceipt(key: ReceiptKey, payload: Receipt): Promise<string> {
  return new SignJWT(payload)
    .setProtectedHeader({ alg: 'EdDSA', typ: receiptType, kid: key.keyId })
    .sign(key.privateKey)
}
