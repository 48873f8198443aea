/** What a certificate says of its holder that a provider may know (C12): company, capacity, mandate, role. Read only from one that passed as its kind. */
import type { HolderFacts } from '@sekisho/contract'
import { corporateNumberOf, isCorporateNumber } from '@sekisho/contract/japan'
import {
  attributeTypes,
  type Certificate,
  MalformedError,
  readHealthcareRoles,
  readMandate,
  readRegisteredCorporation,
} from '@sekisho/pki'
import type { HolderKind } from './recognised.ts'

/** The facts of one kind; undefined: the certificate does not say them, so that it is not to be relied on as one of this kind. */
export function holderFacts(kind: HolderKind, certificate: Certificate): HolderFacts | undefined {
  try {
    switch (kind) {
      case 'representative':
        return representative(certificate)
      case 'mandate':
        return delegate(certificate)
      case 'doctor':
        return doctor(certificate)
      case 'person':
      case 'official':
        return { kind, name: nameOf(certificate) }
      default:
        return kind satisfies never
    }
  } catch (error) {
    if (error instanceof MalformedError) return undefined
    throw error
  }
}

function representative(certificate: Certificate): HolderFacts | undefined {
  const said = readRegisteredCorporation(certificate)
  if (said?.registeredNumber === undefined) return undefined
  return {
    kind: 'representative',
    name: said.representative,
    title: said.title,
    corporation: {
      number: corporateNumberOf(said.registeredNumber),
      name: said.name,
      headOffice: said.headOffice,
    },
  }
}

function delegate(certificate: Certificate): HolderFacts | undefined {
  const mandate = readMandate(certificate)
  if (mandate === undefined || !isCorporateNumber(mandate.corporateNumber)) return undefined
  const { subject } = certificate
  return {
    kind: 'mandate',
    name: nameOf(certificate),
    ...optional('unit', subject.attribute(attributeTypes.organizationalUnit)),
    ...optional('title', subject.attribute(titleType)),
    corporation: {
      number: mandate.corporateNumber,
      name: mandate.corporation,
      headOffice: mandate.headOffice,
    },
    mandate: {
      by: mandate.mandator,
      scope: mandate.scope.map(({ code, text }) => ({ code, text })),
      isSubdelegable: mandate.isSubdelegable,
    },
  }
}

function doctor(certificate: Certificate): HolderFacts | undefined {
  const roles = readHealthcareRoles(certificate).flatMap(({ text }) => text ?? [])
  return roles.length === 0 ? undefined : { kind: 'doctor', name: nameOf(certificate), roles }
}

function nameOf(certificate: Certificate): string {
  return certificate.subject.attribute(attributeTypes.commonName) ?? ''
}

function optional<Key extends string>(
  key: Key,
  value: string | undefined,
): Partial<Record<Key, string>> {
  return value === undefined ? {} : ({ [key]: value } as Record<Key, string>)
}

const titleType = '2.5.4.12'
