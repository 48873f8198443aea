/**
 * Identity links (C4): certificate → person → pairwise id. Serials stand in the clear in `certificate_link` only; what a
 * provider sees is 128 random bits stored per (person, provider).
 */
import type { CertificateReference } from '@sekisho/contract/authority'
import type { Instant } from '@sekisho/runtime/clock'
import type { Random } from '@sekisho/runtime/random'
import type { Reader, Transaction } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'

/** A certificate as it is linked. */
export type LinkedCertificate = CertificateReference & {
  readonly kind: 'signature' | 'authentication'
  readonly proof: 'correspondence' | 'succession' | 'first-met'
  /** DER of the CRL distribution point's directory name; null when only the reference is known. */
  readonly distributionPoint: Uint8Array | null
  /** End of validity; 0 when only the reference is known. */
  readonly notAfter: Instant
}

/** The person that a certificate is linked to. */
export async function personOf(
  db: Reader<PlatformTables>,
  certificate: CertificateReference,
): Promise<string | undefined> {
  const row = await db
    .selectFrom('certificate_link')
    .select('person_id')
    .where('issuer_key_id', '=', certificate.issuerKeyId)
    .where('serial', '=', certificate.serial)
    .executeTakeFirst()
  return row?.person_id
}

/**
 * The person that owns any of these certificates, or a new one; all of them are linked to that person in the caller's
 * transaction. Two transactions that meet the same new certificate end with one person: the later one takes the earlier's.
 */
export async function linkCertificates(
  tx: Transaction<PlatformTables>,
  certificates: readonly LinkedCertificate[],
  world: { readonly at: Instant; readonly random: Random },
): Promise<string> {
  let person: string | undefined
  for (const certificate of certificates) person ??= await personOf(tx, certificate)
  if (person === undefined) {
    person = world.random.uuidv7(world.at)
    await tx.insertInto('person').values({ id: person, created_at: world.at }).execute()
  }
  for (const certificate of certificates) await link(tx, certificate, person, world.at)
  return person
}

async function link(
  tx: Transaction<PlatformTables>,
  certificate: LinkedCertificate,
  person: string,
  at: Instant,
): Promise<void> {
  await tx
    .insertInto('certificate_link')
    .values({
      issuer_key_id: certificate.issuerKeyId,
      serial: certificate.serial,
      kind: certificate.kind,
      person_id: person,
      proof: certificate.proof,
      distribution_point: certificate.distributionPoint,
      not_after: certificate.notAfter,
      linked_at: at,
    })
    // A link known by reference alone learns its list and end when the certificate itself is seen.
    .onConflict(conflict =>
      conflict.columns(['issuer_key_id', 'serial']).doUpdateSet(eb => ({
        distribution_point: eb.fn.coalesce(
          'excluded.distribution_point',
          'certificate_link.distribution_point',
        ),
        not_after: eb.fn<number>('greatest', ['excluded.not_after', 'certificate_link.not_after']),
      })),
    )
    .execute()
}

/** A person's certificates, newest link first. */
export function certificatesOf(db: Reader<PlatformTables>, person: string) {
  return db
    .selectFrom('certificate_link')
    .select(['issuer_key_id', 'serial', 'kind', 'distribution_point', 'not_after', 'linked_at'])
    .where('person_id', '=', person)
    .orderBy('linked_at', 'desc')
    .execute()
}

/** The id under which a provider knows a person, made at first need: random, stored, never derived. */
export async function pairwiseSubject(
  tx: Transaction<PlatformTables>,
  key: { readonly providerId: string; readonly personId: string },
  world: { readonly at: Instant; readonly random: Random },
): Promise<string> {
  await tx
    .insertInto('pairwise')
    .values({
      provider_id: key.providerId,
      person_id: key.personId,
      subject: world.random.token(pairwiseBits),
      created_at: world.at,
    })
    .onConflict(conflict => conflict.columns(['provider_id', 'person_id']).doNothing())
    .execute()
  const row = await tx
    .selectFrom('pairwise')
    .select('subject')
    .where('provider_id', '=', key.providerId)
    .where('person_id', '=', key.personId)
    .executeTakeFirstOrThrow()
  return row.subject
}

/** The stored pairwise id, if there is one. */
export async function knownSubject(
  db: Reader<PlatformTables>,
  key: { readonly providerId: string; readonly personId: string },
): Promise<string | undefined> {
  const row = await db
    .selectFrom('pairwise')
    .select('subject')
    .where('provider_id', '=', key.providerId)
    .where('person_id', '=', key.personId)
    .executeTakeFirst()
  return row?.subject
}

/** The person whom a provider knows by an id. */
export async function personOfSubject(
  db: Reader<PlatformTables>,
  providerId: string,
  subject: string,
): Promise<string | undefined> {
  const row = await db
    .selectFrom('pairwise')
    .select('person_id')
    .where('provider_id', '=', providerId)
    .where('subject', '=', subject)
    .executeTakeFirst()
  return row?.person_id
}

/** Bits of a pairwise id (architecture.md "Data"). */
const pairwiseBits = 128
