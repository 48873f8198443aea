/**
 * Registrations of a provider's people handed to another operator (C4): the provider changes its platform, its people keep their
 * ids. Only who consents to be carried on, today, is in the file, with what this one provider knows and no other. What comes in is taken
 * whole or not at all.
 */
import { type KeyObject } from 'node:crypto'
import { providerScopes, Refusal } from '@sekisho/contract'
import { certificateReference } from '@sekisho/contract/authority'
import type { Transaction } from '@sekisho/runtime/store'
import { z } from 'zod'
import type { PlatformTables } from '../database.ts'
import { entries } from '../entry.ts'
import { certificatesOf, personOf, personOfSubject } from '../people/link.ts'
import { findProvider } from '../providers/registry.ts'
import type { World } from '../world.ts'
import { openTransfer, packTransfer } from './transfer-file.ts'

const instant = z.int().nonnegative()

const transferred = z.strictObject({
  subject: z.string().min(1).max(64),
  certificates: z
    .array(
      z.strictObject({
        ...certificateReference.shape,
        kind: z.enum(['signature', 'authentication']),
        proof: z.enum(['correspondence', 'succession', 'first-met']),
        notAfter: instant,
        /** The consent was signed with this one. */
        isConsents: z.boolean(),
      }),
    )
    .min(1)
    .max(100),
  consent: z.strictObject({
    scopes: z.array(z.enum([...providerScopes, 'linkage'])).max(16),
    statementSha256: z.string().regex(/^[0-9a-f]{64}$/),
    givenAt: instant,
    until: instant,
  }),
})
type Transferred = z.output<typeof transferred>

/** The file's content. Another form has another name. */
const transfer = z.object({
  form: z.literal('sekisho-transfer-1'),
  provider: z.string().max(63),
  people: z.array(transferred).max(1_000_000),
})

type TransferWorld = Pick<
  World,
  'store' | 'clock' | 'random' | 'ledger' | 'issuer' | 'receiptKey' | 'personKeys'
>

/**
 * The people of a provider for another operator. `without`: people whom it knows and who do not consent; they stay. Refusals
 * `provider-unknown`, `transfer-malformed` for a key that is none.
 */
export async function exportPeople(
  world: TransferWorld,
  given: {
    readonly provider: string
    /** The other operator's issuer. */
    readonly to: string
    /** Its public transfer key (JWK). */
    readonly recipient: unknown
  },
): Promise<{ readonly file: string; readonly people: number; readonly without: number }> {
  if ((await findProvider(world.store, given.provider)) === undefined)
    throw new Refusal('provider-unknown')
  const at = world.clock.now()
  const { people, without } = await world.store.read(db => gather(db, given.provider, at))
  const content = {
    form: 'sekisho-transfer-1',
    provider: given.provider,
    people: people.map(each => each.told),
  }
  const file = await packTransfer(world.receiptKey, {
    issuer: world.issuer,
    audience: given.to,
    recipient: given.recipient,
    content,
    seconds: Math.floor(at / 1000),
  })
  await world.store.transaction(async tx => {
    for (const { personId } of people)
      await world.ledger.record(tx, entries['platform.person-exported'], {
        at,
        personId,
        providerId: given.provider,
        values: { to: given.to },
      })
  })
  return { file, people: people.length, without }
}

/**
 * Takes people in, all or none. Refusals `transfer-malformed`, `provider-unknown` where the provider is not registered here,
 * `transfer-conflict` with how many are here already: a certificate that has an owner, an id that is in use, or the same person twice.
 */
export async function importPeople(
  world: TransferWorld,
  given: {
    readonly file: string
    readonly from: string
    /** The sender's public key (JWK), got by another way than the file. */
    readonly sender: unknown
    readonly privateKey: KeyObject
  },
): Promise<{ readonly provider: string; readonly people: number }> {
  const at = world.clock.now()
  const opened = await openTransfer(given.file, {
    privateKey: given.privateKey,
    sender: given.sender,
    issuer: given.from,
    audience: world.issuer,
    seconds: Math.floor(at / 1000),
  })
  const parsed = transfer.safeParse(opened)
  if (!parsed.success) throw new Refusal('transfer-malformed')
  const { provider, people } = parsed.data
  if ((await findProvider(world.store, provider)) === undefined)
    throw new Refusal('provider-unknown')
  await world.store.transaction(async tx => {
    const conflicts = await conflictsOf(tx, provider, people)
    if (conflicts > 0) throw new Refusal('transfer-conflict', { people: conflicts })
    for (const one of people) await takeIn(tx, world, { one, provider, from: given.from, at })
  })
  return { provider, people: people.length }
}

async function gather(
  db: Parameters<typeof certificatesOf>[0],
  provider: string,
  at: number,
): Promise<{
  readonly people: readonly { readonly personId: string; readonly told: Transferred }[]
  readonly without: number
}> {
  const rows = await db
    .selectFrom('pairwise')
    .innerJoin('person', 'person.id', 'pairwise.person_id')
    .leftJoin('consent', join =>
      join
        .onRef('consent.person_id', '=', 'pairwise.person_id')
        .onRef('consent.provider_id', '=', 'pairwise.provider_id')
        .on('consent.state', '=', 'given')
        .on('consent.until', '>', at),
    )
    .select(['pairwise.person_id', 'subject', 'scopes', 'statement_sha256', 'given_at', 'until'])
    .select('certificate_id')
    .where('pairwise.provider_id', '=', provider)
    .where('merged_into', 'is', null)
    .orderBy('subject')
    .execute()
  const people: { personId: string; told: Transferred }[] = []
  for (const row of rows) {
    const scopes = row.scopes?.split(' ') ?? []
    if (!scopes.includes('linkage')) continue
    const certificates = await certificatesOf(db, row.person_id)
    people.push({
      personId: row.person_id,
      told: transferred.parse({
        subject: row.subject,
        certificates: certificates.map(one => ({
          issuerKeyId: one.issuer_key_id,
          serial: one.serial,
          kind: one.kind,
          proof: 'first-met',
          notAfter: one.not_after,
          isConsents: one.id === row.certificate_id,
        })),
        consent: {
          scopes,
          statementSha256: row.statement_sha256,
          givenAt: row.given_at,
          until: row.until,
        },
      }),
    })
  }
  return { people, without: rows.length - people.length }
}

async function conflictsOf(
  tx: Transaction<PlatformTables>,
  provider: string,
  people: readonly Transferred[],
): Promise<number> {
  let conflicts = 0
  const met = new Set<string>()
  for (const { subject, certificates } of people) {
    const names = [subject, ...certificates.map(one => `${one.issuerKeyId} ${one.serial}`)]
    let isHere =
      names.some(name => met.has(name)) ||
      (await personOfSubject(tx, provider, subject)) !== undefined
    for (const name of names) met.add(name)
    for (const one of certificates) isHere ||= (await personOf(tx, one)) !== undefined
    if (isHere) conflicts++
  }
  return conflicts
}

async function takeIn(
  tx: Transaction<PlatformTables>,
  world: TransferWorld,
  given: {
    readonly one: Transferred
    readonly provider: string
    readonly from: string
    readonly at: number
  },
): Promise<void> {
  const { one, provider, from, at } = given
  const personId = world.random.uuidv7(at)
  await tx.insertInto('person').values({ id: personId, created_at: at }).execute()
  let consentsBy = ''
  for (const certificate of one.certificates) {
    const id = world.random.uuidv7(at)
    if (certificate.isConsents) consentsBy = id
    await tx
      .insertInto('certificate_link')
      .values({
        id,
        issuer_key_id: certificate.issuerKeyId,
        serial: certificate.serial,
        kind: certificate.kind,
        person_id: personId,
        proof: certificate.proof,
        distribution_point: null,
        not_after: certificate.notAfter,
        linked_at: at,
      })
      .execute()
  }
  await tx
    .insertInto('pairwise')
    .values({ provider_id: provider, person_id: personId, subject: one.subject, created_at: at })
    .execute()
  await tx
    .insertInto('consent')
    .values({
      id: world.random.uuidv7(at),
      person_id: personId,
      provider_id: provider,
      scopes: one.consent.scopes.join(' '),
      statement_sha256: one.consent.statementSha256,
      certificate_id: consentsBy,
      state: 'given',
      given_at: one.consent.givenAt,
      until: one.consent.until,
      ended_at: null,
    })
    .execute()
  await world.ledger.record(tx, entries['platform.person-imported'], {
    at,
    personId,
    providerId: provider,
    values: { from },
  })
}
