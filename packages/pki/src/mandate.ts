/**
 * Mandates 電子委任状 inside a certificate (C12; jpki.md §5.3): whom the holder acts for and in what, as a directory name among the subject's
 * alternative names. The guideline of the ministries tells the method and discusses these attributes; which text stands in them is ours.
 */
import type { Certificate } from './certificate.ts'
import { MalformedError } from './der.ts'
import { attributeTypes, encodeName, type Name } from './name.ts'

/** One kind of act that the delegate may do. */
export interface MandateScope {
  /** For programs: small letters, digits, points and dashes, such as `bid.submit`. */
  readonly code: string
  /** For people. */
  readonly text: string
}

/** A mandate. The delegate is the certificate's subject; it lasts as long as the certificate is valid. */
export interface Mandate {
  /** 法人番号 of the mandator, 13 digits; the check digit is for the reader to check. */
  readonly corporateNumber: string
  readonly corporation: string
  readonly headOffice: string
  /** Who of the corporation gave the mandate, and in which capacity. */
  readonly mandator: { readonly name: string; readonly title: string }
  readonly scope: readonly MandateScope[]
  /** Whether the delegate may hand the power on. */
  readonly isSubdelegable: boolean
}

/** Most acts of one mandate: more are a general power, which should be written as one. */
export const mandateScopeMax = 32

/** The name that carries a mandate. Throws `RangeError` for one that could not be read back. */
export function mandateName(mandate: Mandate): Name {
  const { corporateNumber, scope } = mandate
  if (!/^\d{13}$/.test(corporateNumber)) throw new RangeError('a corporate number has 13 digits')
  if (scope.length === 0 || scope.length > mandateScopeMax)
    throw new RangeError('acts of a mandate')
  if (!scope.every(({ code, text }) => codeForm.test(code) && text !== '')) {
    throw new RangeError('an act has a code and a text')
  }
  return encodeName([
    [attributeTypes.country, 'JP'],
    [attributeTypes.organization, mandate.corporation],
    [organizationIdentifier, corporateNumber],
    [attributeTypes.locality, mandate.headOffice],
    [title, mandate.mandator.title],
    [attributeTypes.commonName, mandate.mandator.name],
    ...scope.map(({ code, text }) => [description, `${actPrefix}${code} ${text}`] as const),
    [description, mandate.isSubdelegable ? subdelegable : notSubdelegable],
  ])
}

/**
 * Reads a certificate; undefined: it carries no mandate. Read it from a leaf that `validateCertificate` passed under a policy for mandates.
 * Throws `MalformedError` for two mandates, and for one that leaves something open.
 */
export function readMandate(certificate: Certificate): Mandate | undefined {
  const names = (certificate.subjectAltName ?? []).flatMap(each =>
    each.kind === 'directory' && each.name.attribute(organizationIdentifier) !== undefined
      ? [each.name]
      : [],
  )
  const [name, ...others] = names
  if (name === undefined) return undefined
  if (others.length > 0) throw new MalformedError('too-many', 0, 'mandates')
  const said = name.relativeNames.flat()
  const one = (type: string): string => {
    const [found, ...more] = said.filter(each => each.type === type)
    if (found === undefined || found.text === '' || more.length > 0) {
      throw new MalformedError('value-invalid', 0, `mandate ${type}`)
    }
    return found.text
  }
  const corporateNumber = one(organizationIdentifier)
  if (!/^\d{13}$/.test(corporateNumber)) throw new MalformedError('value-invalid', 0, 'number')
  const acts = readActs(said.flatMap(({ type, text }) => (type === description ? [text] : [])))
  return {
    corporateNumber,
    corporation: one(attributeTypes.organization),
    headOffice: one(attributeTypes.locality),
    mandator: { name: one(attributeTypes.commonName), title: one(title) },
    ...acts,
  }
}

function readActs(texts: readonly string[]): Pick<Mandate, 'scope' | 'isSubdelegable'> {
  const scope: MandateScope[] = []
  let isSubdelegable: boolean | undefined
  for (const text of texts) {
    const act = /^act:([a-z0-9.-]{1,64}) (.+)$/su.exec(text)
    if (act !== null) scope.push({ code: act[1] ?? '', text: act[2] ?? '' })
    else if (isSubdelegable === undefined && text === subdelegable) isSubdelegable = true
    else if (isSubdelegable === undefined && text === notSubdelegable) isSubdelegable = false
    // A sentence that is not understood could narrow the power.
    else throw new MalformedError('value-invalid', 0, 'mandate description')
  }
  if (scope.length === 0 || scope.length > mandateScopeMax || isSubdelegable === undefined) {
    throw new MalformedError('value-invalid', 0, 'mandate scope')
  }
  return { scope, isSubdelegable }
}

const organizationIdentifier = '2.5.4.97'
const title = '2.5.4.12'
const description = '2.5.4.13'
const actPrefix = 'act:'
const subdelegable = 'subdelegation:permitted'
const notSubdelegable = 'subdelegation:forbidden'
const codeForm = /^[a-z0-9.-]{1,64}$/
