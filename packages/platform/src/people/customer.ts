/**
 * A provider's own customer numbers (C4, flows.md §4): "the existing number must be matched with certainty". It is linked at once only when
 * the account was proven and every attribute that both sides have agrees, name and birth date among them; all else waits for a clerk of
 * the provider. Attributes are compared only as far as the person consented to show them there.
 */
import { createHmac } from 'node:crypto'
import {
  type CustomerLink,
  customerLink,
  type CustomerLinkRequest,
  Refusal,
} from '@sekisho/contract'
import {
  type AttributeDifference,
  type ComparableAttributes,
  differenceOf,
} from '@sekisho/contract/japan'
import type { Ledger } from '@sekisho/ledger'
import type { Clock } from '@sekisho/runtime/clock'
import type { PersonKeys } from '@sekisho/runtime/keys'
import type { Random } from '@sekisho/runtime/random'
import {
  jsonb,
  lockInTransaction,
  type Reader,
  type Store,
  type Transaction,
} from '@sekisho/runtime/store'
import type { z } from 'zod'
import type { PlatformTables } from '../database.ts'
import { entries } from '../entry.ts'
import { consentInForce } from './consent.ts'
import { personWithCard } from './fresh-card.ts'
import { knownSubject } from './link.ts'

export type CustomerWorld = {
  readonly store: Store<PlatformTables>
  readonly clock: Clock
  readonly random: Random
  readonly ledger: Ledger
  readonly personKeys: PersonKeys
  readonly questionKey: Uint8Array
}

/** What the person showed this provider under the consent that is in force; empty: nothing. */
export type ShownAttributes = (
  db: Reader<PlatformTables>,
  of: { readonly personId: string; readonly providerId: string },
) => Promise<ComparableAttributes>

/** What is kept of a comparison. */
const found = customerLink.pick({ why: true, comparisons: true })
type Found = z.output<typeof found>

type Row = PlatformTables['customer_link']

/**
 * Links a number, or puts it before a clerk. The same request again answers the same link. Refusals `person-unknown`,
 * `card-step-needed`, `consent-missing`.
 */
export async function linkCustomer(
  world: CustomerWorld,
  providerId: string,
  request: CustomerLinkRequest,
  shown: ShownAttributes,
): Promise<CustomerLink> {
  const at = world.clock.now()
  const numberHash = hashOf(world, providerId, request.customerNumber)
  return world.store.transaction(async tx => {
    const personId = await personWithCard(tx, { providerId, subject: request.subject }, at)
    const to = { personId, providerId }
    if ((await consentInForce(tx, { ...to, scope: 'linkage' }, at)) === undefined)
      throw new Refusal('consent-missing')
    // One decision about a number or a person at a time.
    await lockInTransaction(tx, `customer ${providerId}`)
    const rivals = await rivalsOf(tx, to, numberHash)
    const same = rivals.find(row => row.person_id === personId && row.number_hash === numberHash)
    if (same !== undefined) return describe(tx, world, same)
    const linked = rivals.filter(row => row.state === 'linked')
    const what = judge(request, await shown(tx, to), {
      isNumberTaken: linked.some(row => row.number_hash === numberHash),
      isPersonLinked: linked.some(row => row.person_id === personId),
    })
    const isCertain = what.why === 'certain'
    const id = world.random.token(idBits)
    const key = await world.personKeys.ensure(tx, personId, at)
    const row: Row = {
      id,
      provider_id: providerId,
      person_id: personId,
      number_hash: numberHash,
      sealed: key.seal(placeOf(id), new TextEncoder().encode(request.customerNumber)),
      sealed_for: personId,
      state: isCertain ? 'linked' : 'waiting',
      found: what,
      clerk: null,
      created_at: at,
      decided_at: isCertain ? at : null,
    }
    await tx
      .insertInto('customer_link')
      .values({ ...row, found: jsonb(what) })
      .execute()
    if (isCertain)
      await world.ledger.record(tx, entries['platform.customer-linked'], {
        at,
        ...to,
        values: { link: id, how: 'certain' },
      })
    return describe(tx, world, row)
  })
}

/**
 * A clerk's decision about one that waits. Refusals `customer-link-unknown` where none waits, `customer-number-taken` where number or
 * person is linked otherwise.
 */
export async function decideCustomer(
  world: CustomerWorld,
  providerId: string,
  given: { readonly id: string; readonly decision: 'link' | 'refuse'; readonly clerk: string },
): Promise<CustomerLink> {
  const at = world.clock.now()
  const { id, decision, clerk } = given
  return world.store.transaction(async tx => {
    await lockInTransaction(tx, `customer ${providerId}`)
    const row = await ownRow(tx, providerId, id)
    if (row?.state !== 'waiting') throw new Refusal('customer-link-unknown')
    const to = { personId: row.person_id, providerId }
    if (decision === 'link') {
      const rivals = await rivalsOf(tx, to, row.number_hash)
      if (rivals.some(each => each.state === 'linked')) throw new Refusal('customer-number-taken')
    }
    const state = decision === 'link' ? 'linked' : 'refused'
    const decided = { state, clerk, decided_at: at } as const
    await tx.updateTable('customer_link').set(decided).where('id', '=', id).execute()
    await (decision === 'link'
      ? world.ledger.record(tx, entries['platform.customer-linked'], {
          at,
          ...to,
          values: { link: id, how: 'clerk' },
        })
      : world.ledger.record(tx, entries['platform.customer-link-refused'], {
          at,
          ...to,
          values: { link: id },
        }))
    return describe(tx, world, { ...row, ...decided })
  })
}

/** Ends a link. Refusal `customer-link-unknown` where there is none in force. */
export async function unlinkCustomer(
  world: CustomerWorld,
  providerId: string,
  id: string,
): Promise<CustomerLink> {
  const at = world.clock.now()
  return world.store.transaction(async tx => {
    const row = await ownRow(tx, providerId, id)
    if (row?.state !== 'linked') throw new Refusal('customer-link-unknown')
    await tx.updateTable('customer_link').set({ state: 'ended' }).where('id', '=', id).execute()
    await world.ledger.record(tx, entries['platform.customer-unlinked'], {
      at,
      personId: row.person_id,
      providerId,
      values: { link: id, by: 'provider' },
    })
    return describe(tx, world, { ...row, state: 'ended' })
  })
}

/** One link of this provider. Refusal `customer-link-unknown`. */
export function readCustomer(
  world: CustomerWorld,
  providerId: string,
  id: string,
): Promise<CustomerLink> {
  return world.store.read(async db => {
    const row = await ownRow(db, providerId, id)
    if (row === undefined) throw new Refusal('customer-link-unknown')
    return describe(db, world, row)
  })
}

/** Links of this provider in a state, after an id. */
export async function listCustomers(
  world: CustomerWorld,
  providerId: string,
  asked: { readonly state: CustomerLink['state']; readonly after: string },
): Promise<{ readonly links: CustomerLink[]; readonly isComplete: boolean }> {
  return world.store.read(async db => {
    const rows = await db
      .selectFrom('customer_link')
      .selectAll()
      .where('provider_id', '=', providerId)
      .where('state', '=', asked.state)
      .where('id', '>', asked.after)
      .orderBy('id')
      .limit(pageMax + 1)
      .execute()
    const links: CustomerLink[] = []
    for (const row of rows.slice(0, pageMax)) links.push(await describe(db, world, row))
    return { links, isComplete: rows.length <= pageMax }
  })
}

const pageMax = 100

/** Certain, or the first reason for which it is not. */
function judge(
  request: CustomerLinkRequest,
  shown: ComparableAttributes,
  rival: { readonly isNumberTaken: boolean; readonly isPersonLinked: boolean },
): Found {
  const { address, ...record } = request.record
  const { attributes } = differenceOf(
    { ...record, ...(address === undefined ? {} : { address: { formatted: address } }) },
    shown,
  )
  const comparisons = attributes.map(({ attribute, kind, hints }) => ({
    attribute,
    kind,
    hints: [...hints],
  }))
  return { why: whyOf(request, attributes, rival), comparisons }
}

function whyOf(
  request: CustomerLinkRequest,
  attributes: AttributeDifference['attributes'],
  rival: { readonly isNumberTaken: boolean; readonly isPersonLinked: boolean },
): Found['why'] {
  const has = (name: string): boolean => attributes.some(each => each.attribute === name)
  if (rival.isNumberTaken) return 'number-taken'
  if (rival.isPersonLinked) return 'person-linked'
  if (!has('name') || !has('birthdate')) return 'attributes-missing'
  if (attributes.some(each => each.kind === 'different')) return 'attributes-differ'
  if (attributes.some(each => each.kind === 'unknown')) return 'attributes-unclear'
  return request.accountProof === 'none' ? 'account-unproven' : 'certain'
}

/** Links and waiting ones of this number or this person at this provider. */
function rivalsOf(
  tx: Transaction<PlatformTables>,
  of: { readonly personId: string; readonly providerId: string },
  numberHash: string,
): Promise<Row[]> {
  return tx
    .selectFrom('customer_link')
    .selectAll()
    .where('provider_id', '=', of.providerId)
    .where('state', 'in', ['linked', 'waiting'])
    .where(eb => eb.or([eb('number_hash', '=', numberHash), eb('person_id', '=', of.personId)]))
    .execute()
}

function ownRow(
  db: Reader<PlatformTables>,
  providerId: string,
  id: string,
): Promise<Row | undefined> {
  return db
    .selectFrom('customer_link')
    .selectAll()
    .where('provider_id', '=', providerId)
    .where('id', '=', id)
    .executeTakeFirst()
}

async function describe(
  db: Reader<PlatformTables>,
  world: Pick<CustomerWorld, 'personKeys'>,
  row: Row,
): Promise<CustomerLink> {
  const of = { providerId: row.provider_id, personId: row.person_id }
  const subject = await knownSubject(db, of)
  const key = await world.personKeys.find(db, row.sealed_for)
  // Erased: the link names nobody any more.
  if (subject === undefined || key.kind !== 'present') throw new Refusal('customer-link-unknown')
  const { why, comparisons } = found.parse(row.found)
  return {
    id: row.id,
    state: row.state,
    subject,
    customerNumber: new TextDecoder().decode(key.key.open(placeOf(row.id), row.sealed)),
    why,
    comparisons,
    clerk: row.clerk,
    createdAt: new Date(row.created_at).toISOString(),
  }
}

function hashOf(world: CustomerWorld, providerId: string, number: string): string {
  return createHmac('sha256', world.questionKey)
    .update(`customer\n${providerId}\n${number}`)
    .digest('hex')
}

/** A sealed number opens only in its own row. */
function placeOf(id: string): string {
  return `customer_link.number ${id}`
}

const idBits = 128
