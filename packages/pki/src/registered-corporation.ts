/**
 * What the registrar of companies 商業登記認証局 certifies beside the key: registeredCorporationInfo of the Ministry of Justice (jpki.md §5.3).
 * Name, head office, representative and title are those of the register on the day of issue; when one changes, the certificate ends.
 */
import type { Certificate } from './certificate.ts'
import { contextConstructed, DerReader, MalformedError, tags } from './der.ts'

/** A corporation and the representative who holds the certificate. */
export interface RegisteredCorporation {
  readonly name: string
  /** 会社法人等番号, 12 digits; the corporate number is the same after a check digit. Undefined: the certificate does not tell. */
  readonly registeredNumber: string | undefined
  readonly headOffice: string
  readonly representative: string
  /** In which capacity the representative acts, such as 代表取締役. */
  readonly title: string
  /** The office that keeps the register. */
  readonly registryOffice: string | undefined
}

/** Object identifier of the extension: arc 1.2.392.100300 is the Ministry of Justice's. */
export const registeredCorporationId = '1.2.392.100300.1.1.3'

/**
 * Reads a certificate; undefined: it certifies no corporation. What it says is worth as much as the path: read it from a leaf that
 * `validateCertificate` passed under a policy of the registrar's. Throws `MalformedError`.
 */
export function readRegisteredCorporation(
  certificate: Certificate,
): RegisteredCorporation | undefined {
  const extension = certificate.unknownExtensions.find(({ id }) => id === registeredCorporationId)
  if (extension === undefined) return undefined
  const outer = new DerReader(extension.value)
  const info = outer.enter(tags.sequence)
  outer.finish()
  const name = required(info, 0)
  const registeredNumber = optional(info, 1)
  if (registeredNumber !== undefined && !/^\d{12}$/.test(registeredNumber)) {
    throw new MalformedError('value-invalid', info.position, 'registered number')
  }
  const headOffice = required(info, 2)
  const representative = required(info, 3)
  const title = required(info, 4)
  // [5] is for corporations of other countries, and says nothing that is asked here.
  optional(info, 5)
  const registryOffice = optional(info, 6)
  info.finish()
  return { name, registeredNumber, headOffice, representative, title, registryOffice }
}

function required(info: DerReader, number: number): string {
  const text = optional(info, number)
  if (text === undefined || text === '') {
    throw new MalformedError('value-invalid', info.position, `no field ${number}`)
  }
  return text
}

function optional(info: DerReader, number: number): string | undefined {
  const inner = info.enterOptional(contextConstructed(number))
  const text = inner?.readString()
  inner?.finish()
  return text
}
