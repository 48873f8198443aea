/**
 * Identity links (C4): certificate → person → pairwise id. Serials stand in the clear in `certificate_link` only; what a
 * provider sees is 128 random bits stored per (person, provider).
 */
import { Refusal } from '@sekisho/contract'
import type { CertificateReference } from '@sekisho/contract/authority'
import type { Instant } from '@sekisho/runtime/clock'
import type { Random } from '@sekisho/runtime/random'
import {
  type CompiledQuery,
  lockInTransaction,
  type Reader,
  sql,
  type SqlBool,
  type Transaction,
  type Writer,
} from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'

/** A certificate as it is linked. */
export type LinkedCertificate = CertificateReference & {
  readonly kind: 'signature' | 'authentication'
  readonly proof: 'correspondence' | 'succession' | 'first-met'
  /** DER of the CRL distribution point's directory name; null when only the reference is known. */
  readonly distributionPoint: Uint8Array | null
  /** An instant before which the certificate is certainly not expired; 0 when nothing is known. */
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

/** The people that certificates are linked to, in their order; undefined where nobody is known. */
export async function peopleOf(
  db: Reader<PlatformTables>,
  certificates: readonly CertificateReference[],
): Promise<readonly (string | undefined)[]> {
  if (certificates.length === 0) return []
  const rows = await db
    .selectFrom('certificate_link')
    .select(['issuer_key_id', 'serial', 'person_id'])
    .where(
      sql<SqlBool>`(issuer_key_id, serial) in (select * from unnest(
        ${certificates.map(each => each.issuerKeyId)}::text[],
        ${certificates.map(each => each.serial)}::text[]))`,
    )
    .execute()
  const people = new Map(rows.map(row => [`${row.issuer_key_id} ${row.serial}`, row.person_id]))
  return certificates.map(each => people.get(`${each.issuerKeyId} ${each.serial}`))
}

/** Certificates of one card belong to several people. Who they are is for the operator's clerk only. */
export class IdentityConflict extends Refusal {
  readonly people: readonly string[]

  constructor(people: readonly string[]) {
    super('identity-conflict')
    this.people = people
  }
}

/** A registration and those that were brought into it: whose records are read together. */
export async function selvesOf(
  db: Reader<PlatformTables>,
  personId: string,
): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('person')
    .select('id')
    .where('merged_into', '=', personId)
    .execute()
  return [personId, ...rows.map(row => row.id)]
}

/** The registration that stands for this one now. */
export async function currentPerson(db: Reader<PlatformTables>, personId: string): Promise<string> {
  const row = await db
    .selectFrom('person')
    .select('merged_into')
    .where('id', '=', personId)
    .executeTakeFirst()
  return row?.merged_into ?? personId
}

/** Whose these certificates are now, and the id of the first one's link. */
export type Linked = { readonly personId: string; readonly certificateId: string }

/**
 * Links certificates that belong together to the person that owns one of them, or to a new person, in the caller's
 * transaction. Two transactions that meet the same new certificate at once wait for each other and end with one person.
 *
 * Certificates that belong to two persons already are not brought together: refusal `identity-conflict`, nothing written.
 * Bringing registrations together is a decision of people (`decision.ts`).
 */
export async function linkCertificates(
  tx: Transaction<PlatformTables>,
  certificates: readonly [LinkedCertificate, ...LinkedCertificate[]],
  world: { readonly at: Instant; readonly random: Random },
): Promise<Linked> {
  // In one order everywhere, so that two transactions over the same certificates cannot wait in a circle.
  const locks = certificates.map(one => `certificate ${one.issuerKeyId} ${one.serial}`)
  for (const lock of new Set(locks.toSorted())) await lockInTransaction(tx, lock)
  const owners = new Set<string>()
  for (const certificate of certificates) {
    const owner = await personOf(tx, certificate)
    if (owner !== undefined) owners.add(owner)
  }
  if (owners.size > 1) throw new IdentityConflict([...owners])
  let [personId] = owners
  if (personId === undefined) {
    personId = world.random.uuidv7(world.at)
    await tx.insertInto('person').values({ id: personId, created_at: world.at }).execute()
  }
  const ids: string[] = []
  for (const certificate of certificates) ids.push(await link(tx, certificate, personId, world))
  return { personId, certificateId: ids[0] ?? '' }
}

/**
 * Looks whether a certificate is linked already with all that it tells, and keeps that link from changing until the transaction ends: what
 * almost every login finds. Its row is for {@link linkedAlready}.
 */
export function linkedStatement(
  db: Reader<PlatformTables>,
  certificate: LinkedCertificate,
): CompiledQuery<LinkFound> {
  return db
    .selectFrom('certificate_link')
    .select(['id', 'person_id', 'not_after'])
    .select(sql<boolean>`distribution_point is not null`.as('has_point'))
    .where('issuer_key_id', '=', certificate.issuerKeyId)
    .where('serial', '=', certificate.serial)
    .forUpdate()
    .compile()
}

type LinkFound = {
  readonly id: string
  readonly person_id: string
  readonly not_after: number
  readonly has_point: boolean
}

/** Whose the certificate is; undefined: the link is still to be made or added to. */
export function linkedAlready(
  row: LinkFound | undefined,
  certificate: LinkedCertificate,
): Linked | undefined {
  if (row === undefined || row.not_after < certificate.notAfter) return undefined
  if (!row.has_point && certificate.distributionPoint !== null) return undefined
  return { personId: row.person_id, certificateId: row.id }
}

/** Writes a link, or adds to the one that is there what the certificate itself tells. */
async function link(
  tx: Transaction<PlatformTables>,
  certificate: LinkedCertificate,
  person: string,
  world: { readonly at: Instant; readonly random: Random },
): Promise<string> {
  const row = await tx
    .insertInto('certificate_link')
    .values({
      id: world.random.uuidv7(world.at),
      issuer_key_id: certificate.issuerKeyId,
      serial: certificate.serial,
      kind: certificate.kind,
      person_id: person,
      proof: certificate.proof,
      distribution_point: certificate.distributionPoint,
      not_after: certificate.notAfter,
      linked_at: world.at,
    })
    .onConflict(conflict =>
      conflict.columns(['issuer_key_id', 'serial']).doUpdateSet(eb => ({
        distribution_point: eb.fn.coalesce(
          'excluded.distribution_point',
          'certificate_link.distribution_point',
        ),
        not_after: eb.fn<number>('greatest', ['excluded.not_after', 'certificate_link.not_after']),
      })),
    )
    .returning('id')
    .executeTakeFirstOrThrow()
  return row.id
}

/** A person's certificates, newest link first. */
export function certificatesOf(db: Reader<PlatformTables>, person: string) {
  return db
    .selectFrom('certificate_link')
    .select(['id', 'issuer_key_id', 'serial', 'kind', 'not_after'])
    .where('person_id', '=', person)
    .orderBy('linked_at', 'desc')
    .execute()
}

/** The certificates of several people, each as {@link certificatesOf} gives them. */
export async function certificatesOfAll(
  db: Reader<PlatformTables>,
  people: readonly string[],
): Promise<ReadonlyMap<string, Awaited<ReturnType<typeof certificatesOf>>>> {
  const rows = await db
    .selectFrom('certificate_link')
    .select(['id', 'issuer_key_id', 'serial', 'kind', 'not_after', 'person_id'])
    .where(sql<SqlBool>`person_id = any(${people}::text[])`)
    .orderBy('linked_at', 'desc')
    .execute()
  return Map.groupBy(rows, row => row.person_id)
}

/** A link by the serial of its certificate. */
export type LinkOfSerial = {
  readonly id: string
  readonly person_id: string
  readonly serial: string
  readonly issuer_key_id: string
  readonly not_after: Instant
}

/** The links of certificates of one issuing key. */
export function linksOfSerials(
  db: Reader<PlatformTables>,
  issuerKeyId: string,
  serials: readonly string[],
): Promise<readonly LinkOfSerial[]> {
  return db
    .selectFrom('certificate_link')
    .select(['id', 'person_id', 'serial', 'issuer_key_id', 'not_after'])
    .where('issuer_key_id', '=', issuerKeyId)
    .where(sql<SqlBool>`serial = any(${serials}::text[])`)
    .execute()
}

/** Whether there is a person of this id, erased or not. */
export async function isPerson(db: Reader<PlatformTables>, id: string): Promise<boolean> {
  const row = await db.selectFrom('person').select('id').where('id', '=', id).executeTakeFirst()
  return row !== undefined
}

/** Forgets which certificates a person had. Who shows one of them again is another person. */
export async function forgetCertificates(
  tx: Transaction<PlatformTables>,
  personId: string,
): Promise<void> {
  await tx.deleteFrom('certificate_link').where('person_id', '=', personId).execute()
}

/**
 * The id under which a provider knows a person who has just shown the card there, made at first need: random, stored, never
 * derived.
 */
export async function pairwiseSubject(
  tx: Transaction<PlatformTables>,
  key: { readonly providerId: string; readonly personId: string },
  world: { readonly at: Instant; readonly random: Random },
): Promise<string> {
  const { rows } = await tx.executeQuery(pairwiseStatement(tx, key, world))
  if (rows[0] === undefined) throw new Error('a pairwise id was neither made nor there')
  return rows[0].subject
}

/** The same as a statement, for transactions that send several together. */
export function pairwiseStatement(
  db: Writer<PlatformTables>,
  key: { readonly providerId: string; readonly personId: string },
  world: { readonly at: Instant; readonly random: Random },
): CompiledQuery<{ subject: string }> {
  return db
    .insertInto('pairwise')
    .values({
      provider_id: key.providerId,
      person_id: key.personId,
      subject: world.random.token(pairwiseBits),
      created_at: world.at,
      seen_at: world.at,
    })
    .onConflict(conflict =>
      conflict.columns(['provider_id', 'person_id']).doUpdateSet({ seen_at: world.at }),
    )
    .returning('subject')
    .compile()
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

/** The person whom a provider knows by an id; of registrations that were brought together the one that stands now. */
export async function personOfSubject(
  db: Reader<PlatformTables>,
  providerId: string,
  subject: string,
): Promise<string | undefined> {
  const row = await db
    .selectFrom('pairwise')
    .innerJoin('person', 'person.id', 'pairwise.person_id')
    .select(['person_id', 'merged_into'])
    .where('provider_id', '=', providerId)
    .where('subject', '=', subject)
    .executeTakeFirst()
  return row === undefined ? undefined : (row.merged_into ?? row.person_id)
}

/** The people whom a provider knows by these ids, as {@link personOfSubject} finds each. */
export async function peopleOfSubjects(
  db: Reader<PlatformTables>,
  providerId: string,
  subjects: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (subjects.length === 0) return new Map()
  const rows = await db
    .selectFrom('pairwise')
    .innerJoin('person', 'person.id', 'pairwise.person_id')
    .select(['subject', 'person_id', 'merged_into'])
    .where('provider_id', '=', providerId)
    .where(sql<SqlBool>`subject = any(${[...subjects]}::text[])`)
    .execute()
  return new Map(rows.map(row => [row.subject, row.merged_into ?? row.person_id]))
}

/** Bits of a pairwise id (architecture.md "Data"). */
const pairwiseBits = 128
