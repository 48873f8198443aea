/**
 * The healthcare roles in certificates of the health PKI (HPKI): hcRole of ISO 17090-2 within subjectDirectoryAttributes, whose text names the
 * qualification in English, such as "Medical Doctor" (jpki.md §6, HPKI).
 */
import type { Certificate } from './certificate.ts'
import { contextConstructed, DerReader, MalformedError, tags } from './der.ts'

/** One role of a person. */
export interface HealthcareRole {
  /** Object identifier of the coding scheme, dotted. */
  readonly codingScheme: string
  /** Code within the scheme. */
  readonly code: string | undefined
  /** The role in words. */
  readonly text: string | undefined
}

/**
 * Reads the roles of a certificate, in its order; empty where it names none. What a role is worth is for the path to say: read it from a leaf
 * that `validateCertificate` passed under a health policy. Regional data is passed over. Throws `MalformedError`.
 */
export function readHealthcareRoles(certificate: Certificate): readonly HealthcareRole[] {
  const extension = certificate.unknownExtensions.find(({ id }) => id === healthcareAttributesId)
  if (extension === undefined) return []
  const roles: HealthcareRole[] = []
  const outer = new DerReader(extension.value)
  const attributes = outer.enter(tags.sequence)
  outer.finish()
  while (!attributes.isAtEnd) {
    const attribute = attributes.enter(tags.sequence)
    const id = attribute.readObjectIdentifier()
    const values = attribute.enter(tags.set)
    attribute.finish()
    if (id !== healthcareActorId) continue
    while (!values.isAtEnd) roles.push(...readActors(values.enter(tags.set)))
  }
  return roles
}

function readActors(actors: DerReader): readonly HealthcareRole[] {
  const roles: HealthcareRole[] = []
  while (!actors.isAtEnd) {
    if (roles.length >= rolesMax) throw new MalformedError('too-many', actors.position)
    const actor = actors.enter(tags.sequence)
    const coded = actor.enter(contextConstructed(0))
    roles.push(readCodedData(coded.enter(tags.set)))
    coded.finish()
    actor.enterOptional(contextConstructed(1))
    actor.finish()
  }
  return roles
}

// A SET by DER: the members stand in the order of their tags.
function readCodedData(set: DerReader): HealthcareRole {
  const scheme = set.enter(contextConstructed(0))
  const codingScheme = scheme.readObjectIdentifier()
  scheme.finish()
  const code = readOptionalText(set, 1)
  const text = readOptionalText(set, 2)
  if (code === undefined && text === undefined) {
    throw new MalformedError('value-invalid', set.position, 'role without code and text')
  }
  set.finish()
  return { codingScheme, code, text }
}

function readOptionalText(set: DerReader, number: number): string | undefined {
  const inner = set.enterOptional(contextConstructed(number))
  const text = inner?.readString()
  inner?.finish()
  return text
}

/** subjectDirectoryAttributes. */
export const healthcareAttributesId = '2.5.29.9'
/** hcRole: a set of roles. */
export const healthcareActorId = '1.0.17090.0.1'
/** People have a handful of licences. */
const rolesMax = 64
