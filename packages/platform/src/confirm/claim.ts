/** Attributes of the signature certificate as OpenID claims (contract `identityClaims`). */
import type { IdentityClaims } from '@sekisho/contract'
import type { BirthDate, FourAttributes } from '@sekisho/pki'
import type { AttributeScope } from './statement.ts'

/** The claims for the consented scopes, and no others. */
export function claimsOf(
  attributes: FourAttributes,
  scopes: readonly AttributeScope[],
): Omit<IdentityClaims, 'sub'> {
  return {
    ...(scopes.includes('name')
      ? { name: attributes.name, name_substitutes: flagsOf(attributes.nameSubstitutes) }
      : {}),
    ...(scopes.includes('address')
      ? {
          address: { formatted: attributes.address },
          address_substitutes: flagsOf(attributes.addressSubstitutes),
        }
      : {}),
    ...(scopes.includes('birthdate') ? { birthdate: birthdateOf(attributes.birthDate) } : {}),
    ...(scopes.includes('gender') ? { gender: attributes.gender } : {}),
  }
}

/** `YYYY-MM-DD`, with zeros for parts that the register does not know. */
function birthdateOf(date: BirthDate): string {
  const pad = (value: number | undefined, width: number): string =>
    String(value ?? 0).padStart(width, '0')
  return `${pad(date.year, 4)}-${pad(date.month, 2)}-${pad(date.day, 2)}`
}

function flagsOf(flags: readonly boolean[]): string {
  return flags.map(flag => (flag ? '1' : '0')).join('')
}
