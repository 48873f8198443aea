/** Registered verifiers 署名等検証者: who may ask, with which key, accredited separately for signatures and authentications. */
import type { KeyObject } from 'node:crypto'

/** A verifier that the minister accredited. */
export type Verifier = {
  readonly id: string
  readonly keyId: string
  readonly publicKey: KeyObject
  readonly accreditedFor: readonly ('signatures' | 'authentications')[]
}
