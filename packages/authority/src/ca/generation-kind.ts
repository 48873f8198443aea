/**
 * What differs between generations of the service, as data: today's, and the next as far as it is public (jpki.md §1.10: ECDSA on
 * P-384 with SHA-384, ten years instead of five). Holders' keys may be of either kind under both: the profile decides.
 */
import { nextValidity, type ValidityRules } from './validity.ts'

/** Kinds of key that a CA may have. */
export type CaKeyKind = 'rsa-2048' | 'ec-p384'

/** A kind of generation. */
export type GenerationKind = {
  readonly caKey: CaKeyKind
  /** Years for which a CA certificate is valid. Those of the next cards must outlast certificates of ten years: ours. */
  readonly caYears: number
  /** How long its certificates and cards are valid; undefined: by the authority's rules in force. */
  readonly validity: ValidityRules | undefined
}

/** Kinds by name. */
export const generationKinds = {
  present: { caKey: 'rsa-2048', caYears: 10, validity: undefined },
  next: { caKey: 'ec-p384', caYears: 20, validity: nextValidity },
} as const satisfies Readonly<Record<string, GenerationKind>>

/** Name of a kind. */
export type GenerationKindName = keyof typeof generationKinds
