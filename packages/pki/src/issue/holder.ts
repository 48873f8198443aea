/** Extensions that say more of a holder than the name: of corporations (registrar of companies), of healthcare roles (health PKI). */
import { contextPrimitive } from '../der.ts'
import {
  explicit,
  generalizedTime,
  objectIdentifier,
  printableString,
  sequence,
  setOf,
  utf8String,
} from '../der-writer.ts'
import {
  healthcareAttributesId,
  healthcareActorId,
  type HealthcareRole,
} from '../healthcare-role.ts'
import { type RegisteredCorporation, registeredCorporationId } from '../registered-corporation.ts'
import type { Instant } from '../reason.ts'
import type { EncodedExtension } from './certificate.ts'

/** registeredCorporationInfo; see `readRegisteredCorporation`. */
export function registeredCorporationExtension(info: RegisteredCorporation): EncodedExtension {
  const { registeredNumber, registryOffice } = info
  const text = (number: number, value: string): Uint8Array => explicit(number, utf8String(value))
  return {
    id: registeredCorporationId,
    isCritical: false,
    value: sequence(
      text(0, info.name),
      ...(registeredNumber === undefined ? [] : [explicit(1, printableString(registeredNumber))]),
      text(2, info.headOffice),
      text(3, info.representative),
      text(4, info.title),
      ...(registryOffice === undefined ? [] : [text(6, registryOffice)]),
    ),
  }
}

/** registrar: who of the registry certifies (jpki.md §5.3). */
export function registrarExtension(registrar: string): EncodedExtension {
  return { id: '1.2.392.100300.1.1.2', isCritical: false, value: utf8String(registrar) }
}

/** privateKeyUsagePeriod (RFC 3280 §4.2.1.4, which RFC 5280 no longer has): for how long the key may sign; the registrar of companies says it. */
export function privateKeyUsageExtension(from: Instant, until: Instant): EncodedExtension {
  return {
    id: '2.5.29.16',
    isCritical: false,
    value: sequence(
      generalizedTime(from, contextPrimitive(0)),
      generalizedTime(until, contextPrimitive(1)),
    ),
  }
}

/** subjectDirectoryAttributes with hcRole; see `readHealthcareRoles`. */
export function healthcareRolesExtension(roles: readonly HealthcareRole[]): EncodedExtension {
  const actors = roles.map(({ codingScheme, code, text }) => {
    const coded = [
      explicit(0, objectIdentifier(codingScheme)),
      ...(code === undefined ? [] : [explicit(1, utf8String(code))]),
      ...(text === undefined ? [] : [explicit(2, utf8String(text))]),
    ]
    return sequence(explicit(0, setOf(...coded)))
  })
  const attribute = sequence(objectIdentifier(healthcareActorId), setOf(setOf(...actors)))
  return { id: healthcareAttributesId, isCritical: false, value: sequence(attribute) }
}
