/** Boxes: whose they are, how they are found, and who acts for an organisation's (C11). */
import { Refusal } from '@sekisho/contract'
import type { World } from '@sekisho/platform/room'
import type { Instant } from '@sekisho/runtime/clock'
import type { PersonKey, PersonKeyTables } from '@sekisho/runtime/keys'
import type { Random } from '@sekisho/runtime/random'
import { type Reader, type SqlBool, sql, type Transaction } from '@sekisho/runtime/store'
import type { BoxKind, MailboxTables } from './table.ts'

/** Whose box. A system is a part of the platform, such as `procedures`. */
export type Owner =
  | { readonly kind: 'person'; readonly personId: string }
  | { readonly kind: 'organisation'; readonly number: string }
  | { readonly kind: 'municipality'; readonly code: string }
  | { readonly kind: 'provider'; readonly providerId: string }
  | { readonly kind: 'system'; readonly name: string }

/** A box. */
export type Box = {
  readonly id: string
  readonly kind: BoxKind
  readonly owner: string
  readonly name: string | null
  readonly providerId: string | null
  readonly keyId: string
}

/** Names an owner in maps and in the table. */
function ownerName(owner: Owner): string {
  switch (owner.kind) {
    case 'person':
      return owner.personId
    case 'organisation':
      return owner.number
    case 'municipality':
      return owner.code
    case 'provider':
      return owner.providerId
    case 'system':
      return owner.name
    default:
      return owner satisfies never
  }
}

/** Whose a box is, to address it. */
export function ownerOf(box: Pick<Box, 'kind' | 'owner'>): Owner {
  switch (box.kind) {
    case 'person':
      return { kind: 'person', personId: box.owner }
    case 'organisation':
      return { kind: 'organisation', number: box.owner }
    case 'municipality':
      return { kind: 'municipality', code: box.owner }
    case 'provider':
      return { kind: 'provider', providerId: box.owner }
    case 'system':
      return { kind: 'system', name: box.owner }
    default:
      return box.kind satisfies never
  }
}

/** An owner as forms carry it. */
export function ownerKey(owner: Owner): string {
  return `${owner.kind}:${ownerName(owner)}`
}

/** Finds the boxes of several owners by one look. */
export type BoxFinder = (owner: Owner) => Box

/**
 * The boxes of these owners; those of people, providers and systems are made at first need. Refusal `mailbox-unknown` for an organisation or
 * municipality that has none.
 */
export async function boxesOf(
  tx: Transaction<MailboxTables>,
  random: Random,
  owners: readonly Owner[],
  at: Instant,
): Promise<BoxFinder> {
  const wanted = new Map(owners.map(owner => [`${owner.kind} ${ownerName(owner)}`, owner]))
  const found = await findBoxes(tx, [...wanted.values()])
  const missing = [...wanted].filter(([name]) => !found.has(name)).map(([, owner]) => owner)
  if (missing.length > 0) {
    if (missing.some(owner => owner.kind === 'organisation' || owner.kind === 'municipality'))
      throw new Refusal('mailbox-unknown')
    await makeBoxes(tx, random, missing, at)
    for (const [name, box] of await findBoxes(tx, missing)) found.set(name, box)
  }
  return owner => {
    const box = found.get(`${owner.kind} ${ownerName(owner)}`)
    if (box === undefined) throw new Refusal('mailbox-unknown')
    return box
  }
}

/** An owner's boxes as they are, without making any. */
export async function findBox(db: Reader<MailboxTables>, owner: Owner): Promise<Box | undefined> {
  return (await findBoxes(db, [owner])).get(`${owner.kind} ${ownerName(owner)}`)
}

/** The boxes of a person and of the registrations that were brought into theirs. */
export async function boxesOfPeople(
  db: Reader<MailboxTables>,
  people: readonly string[],
): Promise<readonly Box[]> {
  const rows = await db
    .selectFrom('mailbox_box')
    .selectAll()
    .where('kind', '=', 'person')
    .where('owner', 'in', [...people])
    .execute()
  return rows.map(boxOf)
}

/** A box by its id. */
export async function boxById(db: Reader<MailboxTables>, id: string): Promise<Box> {
  const row = await db
    .selectFrom('mailbox_box')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  return boxOf(row)
}

async function findBoxes(
  db: Reader<MailboxTables>,
  owners: readonly Owner[],
): Promise<Map<string, Box>> {
  const providers = owners.flatMap(owner => (owner.kind === 'provider' ? [owner.providerId] : []))
  const rows = await db
    .selectFrom('mailbox_box')
    .selectAll()
    .where(
      sql<SqlBool>`(kind, owner) in (select * from unnest(
        ${owners.map(owner => owner.kind)}::text[], ${owners.map(ownerName)}::text[]))
        or provider_id = any(${providers}::text[])`,
    )
    .execute()
  const found = new Map<string, Box>()
  for (const row of rows) {
    found.set(`${row.kind} ${row.owner}`, boxOf(row))
    if (row.provider_id !== null) found.set(`provider ${row.provider_id}`, boxOf(row))
  }
  return found
}

async function makeBoxes(
  tx: Transaction<MailboxTables>,
  random: Random,
  owners: readonly Owner[],
  at: Instant,
): Promise<void> {
  // In one order, so that two transactions that make the same boxes cannot wait in a circle.
  const rows = owners
    .toSorted((a, b) => (ownerName(a) < ownerName(b) ? -1 : 1))
    .map(owner => {
      const id = random.uuidv7(at)
      const isPerson = owner.kind === 'person'
      return {
        id,
        kind: owner.kind,
        owner: ownerName(owner),
        name: isPerson ? null : ownerName(owner),
        provider_id: owner.kind === 'provider' ? owner.providerId : null,
        key_id: isPerson ? owner.personId : id,
        created_at: at,
      }
    })
  await tx
    .insertInto('mailbox_box')
    .values(rows)
    .onConflict(conflict => conflict.doNothing())
    .execute()
}

/** An organisation or a municipality as the operator registers it. */
export type RegisteredBox = {
  readonly owner: Extract<Owner, { kind: 'organisation' | 'municipality' }>
  readonly name: string
  /** Which provider posts and fetches for it; undefined: whoever does, if anybody. */
  readonly providerId: string | undefined
}

/**
 * Makes or changes an organisation's box. A provider that had a box of its own brings it with all messages, if the organisation has none
 * yet. Refusal `mailbox-taken` when the provider acts for another box, or has messages in one of its own beside this.
 */
export async function registerBox(
  tx: Transaction<MailboxTables>,
  random: Random,
  given: RegisteredBox,
  at: Instant,
): Promise<void> {
  const { owner, name, providerId } = given
  const { kind } = owner
  const boxes = await findBoxes(
    tx,
    providerId === undefined ? [owner] : [owner, { kind: 'provider', providerId }],
  )
  const present = boxes.get(`${kind} ${ownerName(owner)}`)
  const ofProvider = boxes.get(`provider ${providerId ?? ''}`)
  const provider = providerId ?? null
  if (ofProvider !== undefined && ofProvider.id !== present?.id) {
    if (present !== undefined || ofProvider.kind !== 'provider') throw new Refusal('mailbox-taken')
    await tx
      .updateTable('mailbox_box')
      .set({ kind, owner: ownerName(owner), name, provider_id: provider })
      .where('id', '=', ofProvider.id)
      .execute()
    return
  }
  const id = random.uuidv7(at)
  await tx
    .insertInto('mailbox_box')
    .values({
      id,
      kind,
      owner: ownerName(owner),
      name,
      provider_id: provider,
      key_id: id,
      created_at: at,
    })
    .onConflict(conflict =>
      conflict
        .columns(['kind', 'owner'])
        // Who is not told stays who they are.
        .doUpdateSet(providerId === undefined ? { name } : { name, provider_id: provider }),
    )
    .execute()
}

function boxOf(row: {
  readonly id: string
  readonly kind: BoxKind
  readonly owner: string
  readonly name: string | null
  readonly provider_id: string | null
  readonly key_id: string
}): Box {
  const { id, kind, owner, name } = row
  return { id, kind, owner, name, providerId: row.provider_id, keyId: row.key_id }
}

/** The keys of boxes, made where there are none. Refusal `mailbox-unknown` for one whose owner was erased. */
export async function keysOf(
  tx: Transaction<PersonKeyTables>,
  world: Pick<World, 'personKeys'>,
  boxes: readonly Pick<Box, 'keyId'>[],
  at: Instant,
): Promise<(box: Pick<Box, 'keyId'>) => PersonKey> {
  const ids = [...new Set(boxes.map(box => box.keyId))].toSorted()
  const keys = new Map(await world.personKeys.findAll(tx, ids))
  for (const id of ids) {
    if (keys.has(id)) continue
    if ((await world.personKeys.find(tx, id)).kind === 'erased')
      throw new Refusal('mailbox-unknown')
    keys.set(id, await world.personKeys.ensure(tx, id, at))
  }
  return box => {
    const key = keys.get(box.keyId)
    if (key === undefined) throw new Error('a box without a key')
    return key
  }
}
