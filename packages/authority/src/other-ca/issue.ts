/** Issuance and revocation by the other CAs, in the caller's transaction: holders, and cross-certificates between CAs. */
import {
  type Certificate,
  keyUsages,
  type Name,
  parseCertificate,
  type RevocationReason,
} from '@sekisho/pki'
import {
  type EncodedExtension,
  extension,
  generalName,
  type IssuingAuthority,
  issueCertificate,
  keyIdentifier,
} from '@sekisho/pki/issue'
import type { Instant } from '@sekisho/runtime/clock'
import type { Random } from '@sekisho/runtime/random'
import type { Transaction } from '@sekisho/runtime/store'
import type { OtherCa } from './authority.ts'
import type { OtherTables } from './database.ts'
import {
  holderKeyUsage,
  type LeafKind,
  leafRules,
  policyOf,
  recognised,
  type OtherCaId,
} from './kind.ts'
import { endAfterMonths } from './validity.ts'
import type { OtherWorld } from './world.ts'

/** What a holder is to be certified as. */
export type HolderRequest = {
  readonly kind: LeafKind
  /** See `subjectOf`. */
  readonly subject: Name
  /** What its kind certifies beside the name. */
  readonly extensions: readonly EncodedExtension[]
  readonly spki: Uint8Array
  readonly notBefore: Instant
  readonly months: number
  readonly corporation?: string | undefined
  readonly representativeId?: string | undefined
  readonly application?: string | undefined
}

/** Issues and records a certificate for a holder; `LintFault` when it would break a rule. */
export async function issueHolder(
  tx: Transaction<OtherTables>,
  world: Pick<OtherWorld, 'cas' | 'random'>,
  request: HolderRequest,
): Promise<Certificate> {
  const { kind } = request
  const ca = world.cas[leafRules[kind].ca]
  const issuer = ca.issuerFor(kind)
  const certificate = parseCertificate(
    issueCertificate(
      {
        ...commonOf(ca, world.random),
        subject: request.subject,
        notBefore: wholeSecond(request.notBefore),
        notAfter: endAfterMonths(request.notBefore, request.months),
        spki: request.spki,
        extensions: [
          extension.keyUsage(holderKeyUsage),
          extension.policies([{ id: policyOf(ca.id, kind) }], true),
          ...request.extensions,
          ...referencesOf(ca, issuer, request.spki),
        ],
      },
      issuer.algorithm,
      issuer.sign,
    ),
  )
  await record(tx, ca.id, certificate, {
    kind,
    crossed: null,
    corporation: request.corporation ?? null,
    representative_id: request.representativeId ?? null,
    application: request.application ?? null,
  })
  return certificate
}

/** Issues and records a certificate of one CA for another, for as long as both last and five years at most. */
export async function issueCross(
  tx: Transaction<OtherTables>,
  world: Pick<OtherWorld, 'cas' | 'random'>,
  pair: readonly [OtherCaId, OtherCaId],
  at: Instant,
): Promise<Certificate> {
  const [ca, other] = [world.cas[pair[0]], world.cas[pair[1]]]
  const issuer = ca.issuerFor('cross', other)
  const kinds = recognised(ca.id, other.id)
  const end = Math.min(ca.certificate.notAfter, other.certificate.notAfter)
  let months = crossMonths
  while (endAfterMonths(at, months) > end) months--
  const { spki } = other.certificate
  const certificate = parseCertificate(
    issueCertificate(
      {
        ...commonOf(ca, world.random),
        subject: other.certificate.subject,
        notBefore: wholeSecond(at),
        notAfter: endAfterMonths(at, months),
        spki,
        extensions: [
          extension.keyUsage(keyUsages.keyCertSign | keyUsages.crlSign),
          extension.basicConstraints(true, other.id === 'bridge' ? 1 : 0),
          extension.policies(
            kinds.map(kind => ({ id: policyOf(ca.id, kind) })),
            true,
          ),
          extension.policyMappings(
            kinds.map(kind => [policyOf(ca.id, kind), policyOf(other.id, kind)]),
          ),
          extension.policyConstraints(0),
          extension.inhibitAnyPolicy(0),
          ...referencesOf(ca, issuer, spki),
        ],
      },
      issuer.algorithm,
      issuer.sign,
    ),
  )
  const about = { kind: 'cross', crossed: other.id, ...noHolder } as const
  await record(tx, ca.id, certificate, about)
  return certificate
}

/** Which certificates are to end. */
export type Ending = {
  readonly ca?: OtherCaId
  readonly serial?: string
  readonly kinds?: readonly LeafKind[]
  readonly corporation?: string
  readonly representativeId?: string
}

/** Ends what is named, where it is valid; returns how many. Nothing is ever un-revoked. */
export async function revokeOther(
  tx: Transaction<OtherTables>,
  ending: Ending,
  reason: RevocationReason,
  at: Instant,
): Promise<number> {
  const { ca, serial, kinds, corporation, representativeId } = ending
  let statement = tx
    .updateTable('other_certificate')
    .set({ state: 'revoked', reason, revoked_at: at })
    .where('state', '=', 'valid')
  if (ca !== undefined) statement = statement.where('ca', '=', ca)
  if (serial !== undefined) statement = statement.where('serial', '=', serial)
  if (kinds !== undefined) statement = statement.where('kind', 'in', [...kinds])
  if (corporation !== undefined) statement = statement.where('corporation', '=', corporation)
  if (representativeId !== undefined) {
    statement = statement.where('representative_id', '=', representativeId)
  }
  const changed = await statement.returning('ca').execute()
  const cas = [...new Set(changed.map(row => row.ca))]
  if (cas.length > 0) {
    await tx
      .insertInto('other_list_change')
      .values(cas.map(each => ({ ca: each })))
      .execute()
  }
  return changed.length
}

async function record(
  tx: Transaction<OtherTables>,
  ca: OtherCaId,
  certificate: Certificate,
  about: {
    readonly kind: LeafKind | 'cross'
    readonly crossed: OtherCaId | null
    readonly corporation: string | null
    readonly representative_id: string | null
    readonly application: string | null
  },
): Promise<void> {
  await tx
    .insertInto('other_certificate')
    .values({
      ...about,
      ca,
      serial: certificate.serialHex,
      der: certificate.raw,
      not_before: certificate.notBefore,
      not_after: certificate.notAfter,
      state: 'valid',
      reason: null,
      revoked_at: null,
    })
    .execute()
}

function commonOf(
  ca: OtherCa,
  random: Random,
): { readonly serial: Uint8Array; readonly issuer: Name } {
  const serial = random.bytes(serialBytes)
  // First octet 1 to 127: positive, and always eight. That a serial comes twice the table's key would tell.
  serial[0] = 1 + ((serial[0] ?? 0) % 127)
  return { serial, issuer: ca.certificate.subject }
}

function referencesOf(
  ca: OtherCa,
  issuer: IssuingAuthority,
  spki: Uint8Array,
): readonly EncodedExtension[] {
  return [
    extension.crlDistributionPoints([{ names: [generalName.uri(ca.addresses.list)] }]),
    extension.ocspAccess(ca.addresses.ocsp),
    extension.authorityKeyIdentifier(keyIdentifier(issuer.certificate.spki)),
    extension.subjectKeyIdentifier(keyIdentifier(spki)),
  ]
}

function wholeSecond(at: Instant): Instant {
  return Math.floor(at / 1000) * 1000
}

const serialBytes = 8
const crossMonths = 60
const noHolder = { corporation: null, representative_id: null, application: null } as const
