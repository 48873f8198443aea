/**
 * Signed consents to the latest four attributes (C9, A14): the platform composes the text that the authority reads, the person signs it once
 * like any document, and the provider fetches a new name or address later without a card step. The platform refuses a withdrawn,
 * used-up or expired consent itself, and tells the authority of withdrawals until it has heard.
 */
import { createHmac } from 'node:crypto'
import {
  type LatestAnswer,
  type LatestConsentCreated,
  type LatestConsentRequest,
  Refusal,
} from '@sekisho/contract'
import { composeAttributeConsent, type ConsentedAttribute } from '@sekisho/contract/authority'
import { dateInJapan, differenceOf } from '@sekisho/contract/japan'
import { parseCertificate } from '@sekisho/pki'
import type { Instant } from '@sekisho/runtime/clock'
import { type Reader, sql, type Transaction } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { entries } from '../entry.ts'
import { openContainer } from '../evidence/container.ts'
import { charge, dayOf } from '../fees/meter.ts'
import { personOfSubject, selvesOf } from '../people/link.ts'
import type { Provider } from '../providers/registry.ts'
import type { World } from '../world.ts'
import { attributesShown } from './shown-attributes.ts'
import { createTransaction } from './sign.ts'

/** A consent as the person sees it. */
export type LatestConsent = {
  readonly number: string
  readonly providerId: string
  readonly attributes: readonly ConsentedAttribute[]
  /** Last day, `YYYY-MM-DD` in Japan. */
  readonly until: string
  readonly uses: number
  readonly usesMax: number | null
  readonly state: 'given' | 'withdrawn' | 'ended'
}

/** What the person signs is called. */
const title = '最新の利用者情報の提供についての同意書'

/**
 * Makes the text and the signing transaction for it. The same key with the same content answers the same. Refusals `scope-exceeded` for
 * attributes beyond the contract, `person-unknown`, `idempotency-conflict`.
 */
export async function createLatestConsent(
  world: World,
  provider: Provider,
  request: LatestConsentRequest,
  idempotencyKey: string,
): Promise<LatestConsentCreated> {
  const beyond = request.attributes.find(each => !provider.scopes.has(each))
  if (beyond !== undefined) throw new Refusal('scope-exceeded', { scope: beyond })
  const at = world.clock.now()
  const number = createHmac('sha256', world.questionKey)
    .update(`latest consent\n${provider.id}\n${idempotencyKey}`)
    .digest('hex')
  const until = lastDay(at, request.days)
  const text = composeAttributeConsent({
    verifier: world.connector.verifierId,
    provider: provider.name,
    purpose: provider.purpose,
    attributes: request.attributes,
    givenOn: dayOf(at),
    until,
    number,
  })
  const document = Buffer.from(text).toString('base64')
  const made = await createTransaction(
    world,
    provider,
    { title, mediaType: 'text/plain', document, subject: request.subject, format: 'raw' },
    `latest ${idempotencyKey}`,
  )
  await world.store.transaction(async tx => {
    const personId = await personOfSubject(tx, provider.id, request.subject)
    if (personId === undefined) throw new Refusal('person-unknown')
    await tx
      .insertInto('latest_consent')
      .values({
        number,
        provider_id: provider.id,
        person_id: personId,
        attributes: request.attributes.join(' '),
        until,
        transaction_id: made.id,
        uses_max: request.usesMax ?? null,
        uses: 0,
        pending: null,
        made_at: at,
        withdrawn_at: null,
        told_at: null,
      })
      .onConflict(conflict => conflict.column('number').doNothing())
      .execute()
  })
  return { ...made, number, text }
}

/**
 * Asks the authority. Charged once for each answer, however often the call is repeated meanwhile. Refusals `person-unknown`,
 * `consent-missing` where no such consent is signed, in force and not used up; those of the connector.
 */
export async function fetchLatest(
  world: World,
  provider: Provider,
  subject: string,
): Promise<LatestAnswer> {
  const at = world.clock.now()
  const about = await world.store.transaction(async tx => {
    const personId = await personOfSubject(tx, provider.id, subject)
    if (personId === undefined) throw new Refusal('person-unknown')
    const consent = await inForce(tx, { personId, providerId: provider.id }, at)
    if (consent === undefined) throw new Refusal('consent-missing')
    // The question is written before it is sent: after a crash the same one is asked again, under the same key.
    const key = consent.pending ?? world.random.uuidv7(at)
    if (consent.pending === null)
      await tx
        .updateTable('latest_consent')
        .set({ pending: key })
        .where('number', '=', consent.number)
        .where('pending', 'is', null)
        .execute()
    const signed = await signedConsent(tx, world, consent.transaction_id)
    const before = await attributesShown(tx, world, { personId, providerId: provider.id, at })
    return { personId, consent, key, signed, before }
  })
  const { consent, signed, personId } = about
  const attributes = consent.attributes.split(' ') as ConsentedAttribute[]
  const answer = await world.connector.latestAttributes(
    { signature: signed.signedWith, purpose: 'attribute-update', attributes, consent: signed },
    about.key,
  )
  const usesLeft = await world.store.transaction(tx =>
    settle(tx, world, {
      number: consent.number,
      key: about.key,
      personId,
      provider,
      attributes,
      at,
    }),
  )
  const found = answer.attributes
  const told =
    found === null
      ? null
      : {
          ...(found.name === undefined ? {} : { name: found.name }),
          ...(found.address === undefined ? {} : { address: { formatted: found.address } }),
          ...(found.birthdate === undefined ? {} : { birthdate: found.birthdate }),
          ...(found.gender === undefined ? {} : { gender: found.gender }),
        }
  return {
    subject,
    answeredAt: answer.answeredAt,
    attributes: told,
    difference: told === null ? 'unknown' : differenceOf(about.before, told).summary,
    usesLeft,
  }
}

/** Whether a provider may fetch the latest attributes of a person now. */
export async function mayFetchLatest(
  db: Reader<PlatformTables>,
  of: { readonly personId: string; readonly providerId: string },
  at: Instant,
): Promise<boolean> {
  return (await inForce(db, of, at)) !== undefined
}

/** Of several people and providers, those for whom {@link mayFetchLatest} holds, as `provider person`. */
export async function whoMayFetchLatest(
  db: Reader<PlatformTables>,
  of: readonly { readonly personId: string; readonly providerId: string }[],
  at: Instant,
): Promise<ReadonlySet<string>> {
  if (of.length === 0) return new Set()
  const { rows } = await sql<
    Pick<Row, 'until' | 'uses_max' | 'uses'> & { person: string; provider: string }
  >`
    with asked as (
      select * from unnest(
        ${of.map(each => each.personId)}::text[],
        ${of.map(each => each.providerId)}::text[]) as asked (person, provider)
    ), self as (
      select person, provider, person as id from asked
      union all
      select asked.person, provider, person.id from asked join person on person.merged_into = asked.person
    )
    select self.person, self.provider, latest_consent.until, uses_max, uses
    from self
    join latest_consent
      on latest_consent.person_id = self.id and latest_consent.provider_id = self.provider
    join signing on signing.id = latest_consent.transaction_id
    where signing.state = 'signed' and withdrawn_at is null`.execute(db)
  return new Set(
    rows.filter(row => isUsable(row, at)).map(({ provider, person }) => `${provider} ${person}`),
  )
}

/** The signed consents of a person, newest first. */
export async function latestConsentsOf(
  db: Reader<PlatformTables>,
  personId: string,
  at: Instant,
): Promise<readonly LatestConsent[]> {
  const rows = await db
    .selectFrom('latest_consent')
    .innerJoin('signing', 'signing.id', 'latest_consent.transaction_id')
    .selectAll('latest_consent')
    .where('latest_consent.person_id', 'in', [...(await selvesOf(db, personId))])
    .where('signing.state', '=', 'signed')
    .orderBy('made_at', 'desc')
    .orderBy('number')
    .execute()
  return rows.map(row => ({
    number: row.number,
    providerId: row.provider_id,
    attributes: row.attributes.split(' ') as ConsentedAttribute[],
    until: row.until,
    uses: row.uses,
    usesMax: row.uses_max,
    state: row.withdrawn_at !== null ? 'withdrawn' : isUsable(row, at) ? 'given' : 'ended',
  }))
}

/** Transition given → withdrawn by the person, at once here; the authority hears of it as soon as it can. False: not theirs. */
export async function withdrawLatest(
  world: World,
  personId: string,
  number: string,
): Promise<boolean> {
  const at = world.clock.now()
  const isWithdrawn = await world.store.transaction(async tx => {
    const row = await tx
      .updateTable('latest_consent')
      .set({ withdrawn_at: at })
      .where('number', '=', number)
      .where('person_id', 'in', [...(await selvesOf(tx, personId))])
      .where('withdrawn_at', 'is', null)
      .returning('provider_id')
      .executeTakeFirst()
    if (row === undefined) return false
    await world.ledger.record(tx, entries['platform.latest-consent-withdrawn'], {
      at,
      personId,
      providerId: row.provider_id,
      values: { consent: number },
    })
    return true
  })
  if (isWithdrawn) await tellWithdrawals(world)
  return isWithdrawn
}

/** Tells the authority of withdrawals that it has not heard of. What fails is told in the next round. */
export async function tellWithdrawals(world: World): Promise<void> {
  const rows = await world.store.read(db =>
    db
      .selectFrom('latest_consent')
      .select('number')
      .where('withdrawn_at', 'is not', null)
      .where('told_at', 'is', null)
      .limit(roundMax)
      .execute(),
  )
  for (const { number } of rows) {
    try {
      await world.connector.withdrawConsent(number)
    } catch (error) {
      if (error instanceof Refusal) return
      throw error
    }
    await world.store.transaction(tx =>
      tx
        .updateTable('latest_consent')
        .set({ told_at: world.clock.now() })
        .where('number', '=', number)
        .execute(),
    )
  }
}

const roundMax = 100

type Row = PlatformTables['latest_consent']

/** The newest consent that is signed and may be used. */
async function inForce(
  db: Reader<PlatformTables>,
  of: { readonly personId: string; readonly providerId: string },
  at: Instant,
): Promise<Row | undefined> {
  const rows = await db
    .selectFrom('latest_consent')
    .innerJoin('signing', 'signing.id', 'latest_consent.transaction_id')
    .selectAll('latest_consent')
    .where('latest_consent.person_id', 'in', [...(await selvesOf(db, of.personId))])
    .where('latest_consent.provider_id', '=', of.providerId)
    .where('signing.state', '=', 'signed')
    .where('withdrawn_at', 'is', null)
    .orderBy('made_at', 'desc')
    .orderBy('number')
    .execute()
  return rows.find(row => isUsable(row, at))
}

function isUsable(row: Pick<Row, 'until' | 'uses_max' | 'uses'>, at: Instant): boolean {
  return row.until >= dayOf(at) && (row.uses_max === null || row.uses < row.uses_max)
}

/** What the person signed, as the authority takes it. */
async function signedConsent(
  db: Reader<PlatformTables>,
  world: Pick<World, 'personKeys'>,
  transactionId: string,
) {
  const row = await db
    .selectFrom('container')
    .selectAll()
    .where('transaction_id', '=', transactionId)
    .executeTakeFirst()
  const key = row === undefined ? undefined : await world.personKeys.find(db, row.person_id)
  const content =
    row === undefined || key?.kind !== 'present' ? undefined : openContainer(key.key, row)
  // Erased, with all that the person had here.
  if (content === undefined || !('signature' in content)) throw new Refusal('consent-missing')
  const { serialHex } = parseCertificate(new Uint8Array(Buffer.from(content.certificate, 'base64')))
  const link = await db
    .selectFrom('certificate_link')
    .select(['issuer_key_id', 'serial'])
    .where('serial', '=', serialHex)
    .where('kind', '=', 'signature')
    .executeTakeFirst()
  if (link === undefined) throw new Refusal('consent-missing')
  return {
    text: content.document,
    // As the reader gave it: base64url.
    signature: Buffer.from(content.signature, 'base64url').toString('base64'),
    signedWith: { issuerKeyId: link.issuer_key_id, serial: link.serial },
  }
}

/** Counts, charges and records an answer once: of two that had the same one, one does. How often it may still be used. */
async function settle(
  tx: Transaction<PlatformTables>,
  world: World,
  given: {
    readonly number: string
    readonly key: string
    readonly personId: string
    readonly provider: Provider
    readonly attributes: readonly string[]
    readonly at: Instant
  },
): Promise<number | null> {
  const { number, key, personId, provider, attributes, at } = given
  const counted = await tx
    .updateTable('latest_consent')
    .set(eb => ({ pending: null, uses: eb('uses', '+', 1) }))
    .where('number', '=', number)
    .where('pending', '=', key)
    .executeTakeFirst()
  if (counted.numUpdatedRows === 1n) {
    const providerId = provider.id
    const use = { providerId, transaction: `latest ${key}`, at }
    await charge(tx, { ...use, kind: 'signature-check', method: 'query' })
    await world.ledger.record(tx, entries['platform.latest-fetched'], {
      at,
      personId,
      providerId,
      values: { attributes: [...attributes], consent: number },
    })
  }
  const row = await tx
    .selectFrom('latest_consent')
    .select(['uses', 'uses_max'])
    .where('number', '=', number)
    .executeTakeFirstOrThrow()
  return row.uses_max === null ? null : Math.max(0, row.uses_max - row.uses)
}

function lastDay(at: Instant, days: number): string {
  const { year, month, day } = dateInJapan(at)
  return new Date(Date.UTC(year, month - 1, day + days)).toISOString().slice(0, 10)
}
