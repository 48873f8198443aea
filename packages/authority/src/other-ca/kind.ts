/**
 * The PKIs beside JPKI that a town has (A13; jpki.md §5.3): a government CA, a bridge, the registrar of companies, an accredited private CA, the
 * health CA, and what each certifies. Object identifiers of policies are in the arc for examples: the real ones could not be verified.
 */
import { encodeName, keyUsages, type Name } from '@sekisho/pki'

/** The CAs, in the order of their keys and policies. */
export const otherCaIds = ['government', 'bridge', 'registrar', 'accredited', 'health'] as const
/** One of them. */
export type OtherCaId = (typeof otherCaIds)[number]

/** What holders are certified as. */
export const leafKinds = ['representative', 'person', 'mandate', 'doctor', 'official'] as const
/** One of them. */
export type LeafKind = (typeof leafKinds)[number]

/** Rules of one kind of holder. */
export type LeafRules = {
  readonly ca: OtherCaId
  /** Attribute types of the subject, in order. */
  readonly subject: readonly string[]
  /**
   * Longest validity in months. A representative's is 3 to 27 months in steps of three (規則 of the commercial register); of accredited CAs five years
   * (Ordinance of the signature act, article 6(4)); the others take the same.
   */
  readonly months: { readonly most: number; readonly step: number }
}

const country = '2.5.4.6'
const commonName = '2.5.4.3'
const locality = '2.5.4.7'
const organization = '2.5.4.10'
const unit = '2.5.4.11'
const title = '2.5.4.12'
const serialNumber = '2.5.4.5'

const fiveYears = { most: 60, step: 1 } as const

/** The rules by kind. */
export const leafRules: Readonly<Record<LeafKind, LeafRules>> = {
  representative: {
    ca: 'registrar',
    subject: [country, organization, commonName],
    months: { most: 27, step: 3 },
  },
  person: { ca: 'accredited', subject: [country, locality, commonName], months: fiveYears },
  mandate: {
    ca: 'accredited',
    subject: [country, organization, unit, title, locality, commonName],
    months: fiveYears,
  },
  doctor: {
    ca: 'health',
    subject: [country, organization, serialNumber, commonName],
    months: fiveYears,
  },
  official: {
    ca: 'government',
    subject: [country, organization, unit, commonName],
    months: fiveYears,
  },
}

/** Key usage of every holder: signatures that commit. */
export const holderKeyUsage: number = keyUsages.digitalSignature | keyUsages.nonRepudiation

/** Most characters of a value by attribute type (RFC 5280 appendix A.1, X.520 for those that it leaves out). */
export const nameBounds: ReadonlyMap<string, number> = new Map([
  [country, 2],
  [commonName, 64],
  [locality, 128],
  [organization, 64],
  [unit, 64],
  [title, 64],
  [serialNumber, 64],
  // organizationIdentifier, description.
  ['2.5.4.97', 64],
  ['2.5.4.13', 1024],
])

/** Subject of a holder, each value for the attribute type of that place after the country. Throws `RangeError` for too few or too many. */
export function subjectOf(kind: LeafKind, values: readonly string[]): Name {
  const [, ...types] = leafRules[kind].subject
  if (types.length !== values.length) throw new RangeError(`a ${kind} has ${types.length} values`)
  return encodeName([[country, 'JP'], ...types.map((type, i) => [type, values[i] ?? ''] as const)])
}

/** A CA's own name for a kind of holder: the policy that it certifies, or that it recognises in others through the bridge. */
export function policyOf(ca: OtherCaId, kind: LeafKind): string {
  return `${policyArc}.${otherCaIds.indexOf(ca) + 1}.${leafKinds.indexOf(kind) + 1}`
}

const policyArc = '2.999.392.13'

/** Kinds that one CA recognises in a certificate for another: through the bridge all that others certify, beyond the bridge what that CA does. */
export function recognised(issuer: OtherCaId, subject: OtherCaId): readonly LeafKind[] {
  return leafKinds.filter(kind =>
    subject === 'bridge' ? leafRules[kind].ca !== issuer : leafRules[kind].ca === subject,
  )
}

/** Pairs that certify each other: every CA with the bridge, in both directions. */
export const crossPairs: readonly (readonly [OtherCaId, OtherCaId])[] = otherCaIds
  .filter(id => id !== 'bridge')
  .flatMap(id => [['bridge', id] as const, [id, 'bridge'] as const])

/** Name of a CA. */
export function caNameOf(id: OtherCaId): Name {
  const [group, name] = caNames[id]
  return encodeName([
    [country, 'JP'],
    [organization, 'SEKISHO-TEST'],
    [unit, group],
    [commonName, name],
  ])
}

const caNames: Readonly<Record<OtherCaId, readonly [string, string]>> = {
  government: ['Government', 'Government CA TEST'],
  bridge: ['Government', 'Bridge CA TEST'],
  registrar: ['Registry of companies', 'Registrar of the Test Legal Affairs Bureau'],
  accredited: ['Accredited certification services', 'Accredited CA TEST'],
  health: ['Health', 'Health CA TEST'],
}
