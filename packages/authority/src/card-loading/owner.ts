/** Owners of applications, and what they contracted to have loaded (flows.md §21, ③ and ④). */
import { type FreePlan, freeTypes, type FreeType, isPlan, ownerKeyBytes } from '@sekisho/card'
import { Refusal } from '@sekisho/contract'
import type { KeyObject } from 'node:crypto'
import { createPublicKey } from 'node:crypto'
import { lockInTransaction, type Transaction } from '@sekisho/runtime/store'
import { z } from 'zod'
import { dayText } from '../pinless-office/day.ts'
import type { LoadingTables } from './database.ts'
import type { LoadingWorld } from './world.ts'

/** An owner as its contract names it. */
export type Owner = {
  readonly id: string
  readonly name: string
  readonly kind: 'ordinance' | 'private'
  readonly basis: string
  readonly types: readonly FreeType[]
  /** Last day, YYYYMMDD. */
  readonly until: string
  readonly keyId: string
  readonly publicKey: KeyObject
}

/** An application that may be loaded now. */
export type Contracted = {
  readonly plan: FreePlan
  readonly name: string
  readonly owner: string
  readonly ownerName: string
  /** Sealed. */
  readonly master: Uint8Array
}

/**
 * Registers an owner, or changes its contract: with an end in the past, nothing more is loaded. Refusal `idempotency-conflict` for a key that
 * is another's.
 */
export async function registerOwner(world: LoadingWorld, owner: Owner): Promise<void> {
  const change = {
    name: owner.name,
    kind: owner.kind,
    basis: owner.basis,
    types: typeNames.filter(type => owner.types.includes(type)).join(''),
    until: owner.until,
    key_id: owner.keyId,
    public_key: new Uint8Array(owner.publicKey.export({ format: 'der', type: 'spki' })),
  }
  await world.store.transaction(async tx => {
    await lockInTransaction(tx, 'loading owners')
    const other = await tx
      .selectFrom('loading_owner')
      .select('id')
      .where('key_id', '=', owner.keyId)
      .where('id', '<>', owner.id)
      .executeTakeFirst()
    if (other !== undefined) throw new Refusal('idempotency-conflict')
    await tx
      .insertInto('loading_owner')
      .values({ id: owner.id, ...change, state: 'active', registered_at: world.clock.now() })
      .onConflict(conflict => conflict.column('id').doUpdateSet(change))
      .execute()
  })
}

const typeNames: readonly FreeType[] = ['A', 'C', 'D']

/**
 * Registers an application with the master key of its owner's keys. Refusals `loading-owner-unknown`; `loading-not-as-contracted`
 * for a type that the contract has not; `request-malformed` for a plan that its type does not allow, or a key of another size;
 * `idempotency-conflict` for an identifier that is registered otherwise.
 */
export async function registerApplication(
  world: LoadingWorld,
  application: {
    readonly owner: string
    readonly name: string
    readonly plan: FreePlan
    readonly masterKey: Uint8Array
  },
): Promise<void> {
  const { owner, name, plan, masterKey } = application
  if (!isPlan(plan)) throw new Refusal('request-malformed', { field: 'plan' })
  if (masterKey.length !== ownerKeyBytes) throw new Refusal('request-malformed', { field: 'key' })
  const master = await world.master.wrap(sealedFor(plan.aid), masterKey)
  const wanted = {
    owner,
    type: plan.type,
    has_pin: plan.hasPin,
    files: JSON.stringify(plan.files),
  }
  await world.store.transaction(async tx => {
    const contract = await tx
      .selectFrom('loading_owner')
      .select('types')
      .where('id', '=', owner)
      .executeTakeFirst()
    if (contract === undefined) throw new Refusal('loading-owner-unknown')
    if (!contract.types.includes(plan.type)) throw new Refusal('loading-not-as-contracted')
    const found = await tx
      .selectFrom('loading_application')
      .select(['owner', 'type', 'has_pin', 'files', 'master'])
      .where('aid', '=', plan.aid)
      .executeTakeFirst()
    if (found === undefined) {
      const rest = { name, master, state: 'active', registered_at: world.clock.now() } as const
      await tx
        .insertInto('loading_application')
        .values({ aid: plan.aid, ...wanted, ...rest })
        .execute()
      return
    }
    const { master: kept, ...before } = found
    const same = await world.master.unwrap(sealedFor(plan.aid), kept)
    const isSame =
      JSON.stringify(before) === JSON.stringify(wanted) && Buffer.compare(same, masterKey) === 0
    if (!isSame) throw new Refusal('idempotency-conflict')
  })
}

/** What may be loaded today. */
export async function contractedApplications(world: LoadingWorld): Promise<readonly Contracted[]> {
  const rows = await world.store.read(db => contracted(db, world).execute())
  return rows.map(contractedOf)
}

/** One of them. Refusal `loading-not-contracted`. */
export async function requireContracted(world: LoadingWorld, aid: string): Promise<Contracted> {
  const row = await world.store.read(db =>
    contracted(db, world).where('aid', '=', aid).executeTakeFirst(),
  )
  if (row === undefined) throw new Refusal('loading-not-contracted')
  return contractedOf(row)
}

/**
 * Refusal `loading-not-as-contracted` unless type, PIN and encryption are those of the contract: what an order says is compared before
 * the card hears of anything.
 */
export function requireAsContracted(
  { plan }: Contracted,
  ordered: { readonly type: FreeType; readonly hasPin: boolean; readonly isEncrypted: boolean },
): void {
  const isSame =
    plan.type === ordered.type &&
    plan.hasPin === ordered.hasPin &&
    freeTypes[plan.type].isEncrypted === ordered.isEncrypted
  if (!isSame) throw new Refusal('loading-not-as-contracted')
}

/** The application's master key. */
export function masterKeyOf(world: LoadingWorld, application: Contracted): Promise<Uint8Array> {
  return world.master.unwrap(sealedFor(application.plan.aid), application.master)
}

/** The owner behind a key of signed messages. */
export async function ownerOfKey(
  world: LoadingWorld,
  keyId: string,
): Promise<{ readonly id: string; readonly publicKey: KeyObject } | undefined> {
  const row = await world.store.read(db =>
    db
      .selectFrom('loading_owner')
      .select(['id', 'public_key'])
      .where('key_id', '=', keyId)
      .where('state', '=', 'active')
      .executeTakeFirst(),
  )
  if (row === undefined) return undefined
  const key = Buffer.from(row.public_key)
  return { id: row.id, publicKey: createPublicKey({ key, format: 'der', type: 'spki' }) }
}

function contracted(
  db: Pick<Transaction<LoadingTables>, 'selectFrom'>,
  world: Pick<LoadingWorld, 'clock'>,
) {
  return db
    .selectFrom('loading_application')
    .innerJoin('loading_owner', 'loading_owner.id', 'loading_application.owner')
    .select([
      'aid',
      'loading_application.name as name',
      'type',
      'has_pin',
      'files',
      'master',
      'owner',
      'loading_owner.name as owner_name',
    ])
    .where('loading_application.state', '=', 'active')
    .where('loading_owner.state', '=', 'active')
    .where('until', '>=', dayText(world.clock.now()))
    .where(({ eb, fn }) => eb(fn<number>('strpos', ['types', 'type']), '>', 0))
    .orderBy('aid')
}

function contractedOf(row: {
  readonly aid: string
  readonly name: string
  readonly type: FreeType
  readonly has_pin: boolean
  readonly files: string
  readonly master: Uint8Array
  readonly owner: string
  readonly owner_name: string
}): Contracted {
  const { aid, type, has_pin: hasPin } = row
  const plan = { aid, type, hasPin, files: files.parse(JSON.parse(row.files)) }
  return { plan, name: row.name, owner: row.owner, ownerName: row.owner_name, master: row.master }
}

const files = z.array(z.strictObject({ id: z.int(), bytes: z.int(), count: z.int() }))
const sealedFor = (aid: string): string => `card application ${aid}`
