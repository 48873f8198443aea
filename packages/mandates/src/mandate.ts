/**
 * Mandates as they are kept: offered, accepted by the delegate's card, ended. A transition is one conditional write; what ends a mandate ends
 * those that were handed on from it, in the same transaction.
 */
import { createHash } from 'node:crypto'
import {
  type MandateDelegate,
  type MandateTerms,
  mandateTerms,
  plainCode,
  Refusal,
  spokenCode,
} from '@sekisho/contract'
import { differenceOf } from '@sekisho/contract/japan'
import type { FourAttributes } from '@sekisho/pki'
import { claimsOf, type World } from '@sekisho/platform/room'
import type { Instant } from '@sekisho/runtime/clock'
import { jsonb, type Reader, type Transaction } from '@sekisho/runtime/store'
import { entries } from './entry.ts'
import type { MandateChain, MandateFacts } from './judgement.ts'
import { signRecord } from './record.ts'
import type { EndCause, Mandate, MandateKind, MandateParties, MandateTables } from './table.ts'

/** What of the platform these functions work with. */
export type MandateWorld = Pick<
  World,
  'clock' | 'random' | 'personKeys' | 'ledger' | 'receiptKey' | 'issuer'
>

/** The platform's tables with those of this package. */
export type Tables = Parameters<World['store']['transaction']>[0] extends (
  tx: Transaction<infer T>,
) => unknown
  ? T & MandateTables
  : never

type Row = MandateTables['mandate']

/** A mandate to be offered. */
export type MandateToOffer = {
  readonly parentId: string | null
  readonly kind: MandateKind
  readonly mandator: string
  readonly terms: MandateTerms
  readonly parties: MandateParties
  /** SHA-256 (hex) of the signed statement. */
  readonly grantSha256: string
  /** Whose statement it was, where that is a person. */
  readonly givenBy: string | undefined
}

/** What `mandator` is for a corporation. */
export function corporationKey(number: string): string {
  return `corporation ${number}`
}

/** The corporate number of a `mandator`; undefined for people. */
export function corporateNumberOfKey(mandator: string): string | undefined {
  return /^corporation (\d{13})$/.exec(mandator)?.[1]
}

/**
 * Offers a mandate. The code is for the delegate alone and told once: the same statement again gives the same mandate, without it.
 */
export async function offerMandate(
  tx: Transaction<Tables>,
  world: MandateWorld,
  given: MandateToOffer,
): Promise<{ readonly row: Row; readonly code: string | undefined }> {
  const at = world.clock.now()
  const found = await tx
    .selectFrom('mandate')
    .selectAll()
    .where('grant_sha256', '=', given.grantSha256)
    .executeTakeFirst()
  if (found !== undefined) return { row: parsed(found), code: undefined }
  const id = world.random.token(idBits)
  const code = spokenCode(world.random.bytes(codeBytes))
  const key = await world.personKeys.ensure(tx, given.mandator, at)
  const row: Row = {
    id,
    parent_id: given.parentId,
    kind: given.kind,
    mandator: given.mandator,
    delegate_id: null,
    terms: given.terms,
    sealed: key.seal(placeOf(id), new TextEncoder().encode(JSON.stringify(given.parties))),
    code_hash: hashOf(code),
    grant_sha256: given.grantSha256,
    record: null,
    state: 'offered',
    ended_cause: null,
    offered_at: at,
    accepted_at: null,
    ended_at: null,
  }
  await tx
    .insertInto('mandate')
    .values({ ...row, terms: jsonb(row.terms) as unknown as MandateTerms })
    .execute()
  await world.ledger.record(tx, entries['mandates.offered'], {
    at,
    personId: given.givenBy,
    values: { mandate: id, kind: given.kind, grantSha256: given.grantSha256 },
  })
  return { row, code }
}

/** The offer that a code opens. Refusal `mandate-unknown`. */
export async function offerOfCode(
  db: Reader<Tables>,
  world: Pick<MandateWorld, 'personKeys'>,
  code: string,
): Promise<Mandate> {
  const row = await db
    .selectFrom('mandate')
    .selectAll()
    .where('code_hash', '=', hashOf(code))
    .where('state', '=', 'offered')
    .executeTakeFirst()
  if (row === undefined) throw new Refusal('mandate-unknown')
  return openMandate(db, world, row)
}

/**
 * Transition offered → active for the person whose card signed the acceptance. Refusals `delegate-mismatch` when name and address in the
 * certificate are not certainly those of the delegate named, `mandate-unknown` for the loser of a race or a mandate that has ended.
 */
export async function acceptMandate(
  tx: Transaction<Tables>,
  world: MandateWorld,
  id: string,
  by: { readonly personId: string; readonly attributes: FourAttributes },
): Promise<void> {
  const at = world.clock.now()
  const mandate = await findMandate(tx, world, id)
  assertSamePerson(mandate.parties.delegate, by.attributes)
  const record = await signRecord(world, mandate, at)
  const changed = await tx
    .updateTable('mandate')
    .set({ state: 'active', delegate_id: by.personId, accepted_at: at, record, code_hash: null })
    .where('id', '=', id)
    .where('state', '=', 'offered')
    .executeTakeFirst()
  if (changed.numUpdatedRows !== 1n) throw new Refusal('mandate-unknown')
  await world.ledger.record(tx, entries['mandates.accepted'], {
    at,
    personId: by.personId,
    values: { mandate: id, kind: mandate.row.kind },
  })
}

/** Refusal `delegate-mismatch` unless these are certainly the attributes of the person named. */
function assertSamePerson(
  named: MandateDelegate & { readonly birthdate?: string | undefined },
  attributes: FourAttributes,
): void {
  const { summary } = differenceOf(
    { name: named.name, address: { formatted: named.address }, birthdate: named.birthdate },
    claimsOf(attributes, ['name', 'address', 'birthdate']),
  )
  if (summary !== 'same' && summary !== 'notation')
    throw new Refusal('delegate-mismatch', { why: summary })
}

/** Ends a mandate and those handed on from it; how many. Nothing happens to one that has ended. */
export async function endMandate(
  tx: Transaction<Tables>,
  world: MandateWorld,
  id: string,
  ended: { readonly cause: EndCause; readonly at: Instant },
): Promise<number> {
  const rows = await tx
    .updateTable('mandate')
    .set({ state: 'ended', ended_cause: ended.cause, ended_at: ended.at, code_hash: null })
    .where('id', '=', id)
    .where('state', '!=', 'ended')
    .returning(['id', 'delegate_id'])
    .execute()
  for (const row of rows)
    await world.ledger.record(tx, entries['mandates.ended'], {
      at: world.clock.now(),
      personId: row.delegate_id ?? undefined,
      values: { mandate: row.id, cause: ended.cause },
    })
  const children = await tx
    .selectFrom('mandate')
    .select('id')
    .where('parent_id', '=', id)
    .where('state', '!=', 'ended')
    .execute()
  let count = rows.length
  for (const child of children)
    count += await endMandate(tx, world, child.id, { cause: 'parent-ended', at: ended.at })
  return count
}

/** A mandate. Refusal `mandate-unknown`. */
export async function findMandate(
  db: Reader<Tables>,
  world: Pick<MandateWorld, 'personKeys'>,
  id: string,
): Promise<Mandate> {
  const row = await db.selectFrom('mandate').selectAll().where('id', '=', id).executeTakeFirst()
  if (row === undefined) throw new Refusal('mandate-unknown')
  return openMandate(db, world, row)
}

/** The mandates of a delegate, newest first. */
export async function mandatesOf(
  db: Reader<Tables>,
  world: Pick<MandateWorld, 'personKeys'>,
  personId: string,
): Promise<readonly Mandate[]> {
  return openAll(
    db,
    world,
    await db
      .selectFrom('mandate')
      .selectAll()
      .where('delegate_id', '=', personId)
      .orderBy('offered_at', 'desc')
      .limit(shownMax)
      .execute(),
  )
}

/** The mandates that were given for one mandator, newest first. */
export async function mandatesFor(
  db: Reader<Tables>,
  world: Pick<MandateWorld, 'personKeys'>,
  mandator: string,
): Promise<readonly Mandate[]> {
  return openAll(
    db,
    world,
    await db
      .selectFrom('mandate')
      .selectAll()
      .where('mandator', '=', mandator)
      .orderBy('offered_at', 'desc')
      .limit(shownMax)
      .execute(),
  )
}

/** The first mandates of a mandator that have not ended, however many: what the register ends must end all of them. */
export async function standingMandatesFor(
  db: Reader<Tables>,
  world: Pick<MandateWorld, 'personKeys'>,
  mandator: string,
): Promise<readonly Mandate[]> {
  return openAll(
    db,
    world,
    await db
      .selectFrom('mandate')
      .selectAll()
      .where('mandator', '=', mandator)
      .where('state', '!=', 'ended')
      .where('parent_id', 'is', null)
      .execute(),
  )
}

/** The chains by which a person acts for a mandator, whatever they are worth. */
export async function chainsOf(
  db: Reader<Tables>,
  world: Pick<MandateWorld, 'personKeys'>,
  given: { readonly personId: string; readonly mandator: string },
): Promise<readonly MandateChain[]> {
  const own = await db
    .selectFrom('mandate')
    .select('id')
    .where('delegate_id', '=', given.personId)
    .where('mandator', '=', given.mandator)
    .orderBy('offered_at', 'desc')
    .limit(shownMax)
    .execute()
  return Promise.all(own.map(({ id }) => chainOf(db, world, id)))
}

/** The chain that ends with a mandate. */
async function chainOf(
  db: Reader<Tables>,
  world: Pick<MandateWorld, 'personKeys'>,
  id: string,
): Promise<MandateChain> {
  const { row, parties } = await findMandate(db, world, id)
  const facts = factsOf({ row, parties })
  if (row.parent_id === null) return [facts]
  const [first, ...rest] = await chainOf(db, world, row.parent_id)
  return [first, ...rest, facts]
}

/** A mandate as it is judged. */
function factsOf({ row, parties }: Mandate): MandateFacts {
  return {
    id: row.id,
    method: row.parent_id === null ? 'operator-file' : 'sub-delegation',
    terms: row.terms,
    mandator: parties.mandator,
    delegate: parties.delegate,
    acceptedAt: row.accepted_at ?? undefined,
    ended:
      row.ended_at === null || row.ended_cause === null
        ? undefined
        : { at: row.ended_at, cause: row.ended_cause },
    grantSha256: row.grant_sha256,
    record: row.record ?? undefined,
  }
}

/** The next corporations to be looked up in the register: those with mandates, longest not seen first. */
export async function corporationsToSee(
  db: Reader<Tables>,
  given: { readonly before: Instant; readonly limit: number },
): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('mandate')
    .leftJoin('corporation_seen', 'corporation_seen.mandator', 'mandate.mandator')
    .select(['mandate.mandator', 'seen_at'])
    .distinct()
    .where('kind', '=', 'corporate')
    .where('state', '!=', 'ended')
    .where(eb => eb.or([eb('seen_at', 'is', null), eb('seen_at', '<', given.before)]))
    .orderBy('seen_at', order => order.asc().nullsFirst())
    .limit(given.limit)
    .execute()
  return rows.map(row => row.mandator)
}

async function openAll(
  db: Reader<Tables>,
  world: Pick<MandateWorld, 'personKeys'>,
  rows: readonly Row[],
): Promise<readonly Mandate[]> {
  const opened: Mandate[] = []
  for (const row of rows) opened.push(await openMandate(db, world, row))
  return opened
}

async function openMandate(
  db: Reader<Tables>,
  { personKeys }: Pick<MandateWorld, 'personKeys'>,
  row: Row,
): Promise<Mandate> {
  const found = await personKeys.find(db, row.mandator)
  if (found.kind !== 'present') throw new Refusal('mandate-unknown')
  const bytes = found.key.open(placeOf(row.id), row.sealed)
  const parties = JSON.parse(new TextDecoder().decode(bytes)) as MandateParties
  return { row: parsed(row), parties }
}

function parsed(row: Row): Row {
  return { ...row, terms: mandateTerms.parse(row.terms) }
}

function placeOf(id: string): string {
  return `mandate.parties ${id}`
}

function hashOf(code: string): string {
  return createHash('sha256').update(plainCode(code)).digest('hex')
}

/** A character each: 80 bits. */
const codeBytes = 16
const idBits = 128
/** Mandates of one person or corporation that are looked at; more are for a register of their own. */
const shownMax = 500
