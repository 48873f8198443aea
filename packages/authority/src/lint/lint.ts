/**
 * Lint before sign (A2): every certificate, list and OCSP answer is looked at rule by rule before its signature is made. The
 * keys of the CAs are reached through `lintedSigner` only, so what breaks a rule is never signed, stored or published.
 */
import { MalformedError, type SignatureAlgorithm } from '@sekisho/pki'
import type { Signer } from '@sekisho/pki/issue'

/** One rule. `applies` names the kinds of objects that it is about. */
export type Lint<Subject extends { readonly kind: string }> = {
  /** `<object>-<what>`; goes to the log, so it says nothing about a person. */
  readonly code: string
  /** Where the rule stands: RFC section; jpki.md § with its confidence mark; or `CA rule`, which is ours. */
  readonly citation: string
  readonly applies: readonly Subject['kind'][]
  /** Whether the object keeps the rule. A `MalformedError` counts as no. */
  readonly holds: (subject: Subject) => boolean
}

/** Codes of the rules that an object breaks, in the order of the list. */
export function brokenLints<Subject extends { readonly kind: string }>(
  lints: readonly Lint<Subject>[],
  subject: Subject,
): readonly string[] {
  return lints
    .filter(({ applies }) => applies.includes(subject.kind))
    .filter(({ holds }) => !readably(() => holds(subject)))
    .map(({ code }) => code)
}

/** False also for what cannot be read. */
function readably(holds: () => boolean): boolean {
  return parsed(holds) ?? false
}

/** What a parser returns, or undefined for what is malformed. */
export function parsed<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (error instanceof MalformedError) return undefined
    throw error
  }
}

/** The authority was about to sign something that breaks a rule: a fault of ours. Tells the codes and nothing else. */
export class LintFault extends Error {
  override readonly name = 'LintFault'
  readonly codes: readonly string[]

  constructor(codes: readonly string[]) {
    super(`not signed: ${codes.join(' ')}`)
    this.codes = codes
  }
}

/** Looks at a to-be-signed; returns the codes of the rules that it breaks. */
export type LintOf = (algorithm: SignatureAlgorithm, tbs: Uint8Array) => readonly string[]

/** A signer that throws `LintFault` instead of signing what breaks a rule. */
export function lintedSigner(sign: Signer, lint: LintOf): Signer {
  return (algorithm, tbs) => {
    const codes = lint(algorithm, tbs)
    if (codes.length > 0) throw new LintFault(codes)
    return sign(algorithm, tbs)
  }
}
