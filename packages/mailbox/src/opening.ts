/**
 * The address book of consents (D20): people who let companies write to them that they never enrolled with. They say so by a signature with the card,
 * which proves name, address and birth date; a company that has these three in its own books finds the person's box, and learns nothing when it
 * does not: neither who is in the book nor what differs.
 */
import { createHmac } from 'node:crypto'
import type { MailKind } from '@sekisho/contract'
import { compareAddresses, compareBirthdates, compareNames } from '@sekisho/contract/japan'
import { claimsOf, type SignedHere, type World } from '@sekisho/platform/room'
import { jsonb, type Reader, type SqlBool, sql, type Transaction } from '@sekisho/runtime/store'
import { entries } from './entry.ts'
import type { MailTables } from './post.ts'

/** What a person lets in. */
export type Opening = {
  readonly kinds: readonly MailKind[]
  /** Ids of boxes; undefined: any sender. */
  readonly senders: readonly string[] | undefined
}

/** Somebody as a company has them in its books. */
export type Described = {
  readonly name: string
  readonly address: string
  /** `YYYY-MM-DD`. */
  readonly birthdate: string
}

/** Opens a person's box, by what the card's signature has proven; what was open before is replaced. */
export async function openBoxTo(
  tx: Transaction<MailTables>,
  world: World,
  signed: Pick<SignedHere, 'personId' | 'attributes' | 'documentSha256'>,
  opening: Opening,
): Promise<void> {
  const at = world.clock.now()
  const claims = claimsOf(signed.attributes, ['name', 'address', 'birthdate'])
  const key = await world.personKeys.ensure(tx, signed.personId, at)
  const birthdate = claims.birthdate ?? ''
  const row = {
    birth_hash: birthHash(world, birthdate),
    sealed: key.seal(place, new TextEncoder().encode(JSON.stringify(claims))),
    kinds: jsonb(opening.kinds),
    senders: opening.senders === undefined ? null : jsonb(opening.senders),
    consent_sha256: signed.documentSha256,
    opened_at: at,
    ended_at: null,
  }
  await tx
    .insertInto('mailbox_opening')
    .values({ person_id: signed.personId, ...row })
    .onConflict(conflict => conflict.column('person_id').doUpdateSet(row))
    .execute()
  await world.ledger.record(tx, entries['mailbox.opened'], {
    at,
    personId: signed.personId,
    values: { kinds: opening.kinds, consentSha256: signed.documentSha256 },
  })
}

/** Closes it again, at once. */
export async function closeBox(
  tx: Transaction<MailTables>,
  world: World,
  personId: string,
): Promise<void> {
  const at = world.clock.now()
  const ended = await tx
    .updateTable('mailbox_opening')
    .set({ ended_at: at })
    .where('person_id', '=', personId)
    .where('ended_at', 'is', null)
    .executeTakeFirst()
  if (ended.numUpdatedRows === 1n)
    await world.ledger.record(tx, entries['mailbox.closed'], { at, personId, values: {} })
}

/** What a person lets in now; undefined: nothing. */
export async function openingOf(
  db: Reader<MailTables>,
  personId: string,
): Promise<Opening | undefined> {
  const row = await db
    .selectFrom('mailbox_opening')
    .select(['kinds', 'senders'])
    .where('person_id', '=', personId)
    .where('ended_at', 'is', null)
    .executeTakeFirst()
  return row === undefined ? undefined : { kinds: row.kinds, senders: row.senders ?? undefined }
}

/**
 * Finds people with certainty: name, birth date and address agree in all but notation, nothing in them is unknown, and nobody else agrees as well.
 * Undefined for all others, whatever the cause.
 */
export async function findOpen(
  db: Reader<MailTables>,
  world: World,
  asked: readonly { readonly person: Described; readonly kind: MailKind }[],
  senderBox: string,
): Promise<readonly (string | undefined)[]> {
  const hashes = asked.map(({ person }) => birthHash(world, person.birthdate))
  if (hashes.length === 0) return []
  const rows = await db
    .selectFrom('mailbox_opening')
    .selectAll()
    .where(sql<SqlBool>`birth_hash = any(${[...new Set(hashes)]}::text[])`)
    .where('ended_at', 'is', null)
    .execute()
  const keys = await world.personKeys.findAll(
    db,
    rows.map(row => row.person_id),
  )
  const open = rows.flatMap(row => {
    const key = keys.get(row.person_id)
    if (key === undefined || !(row.senders?.includes(senderBox) ?? true)) return []
    // What was sealed here was written by `openBoxTo`.
    const claims = JSON.parse(new TextDecoder().decode(key.open(place, row.sealed))) as Proven
    return [{ row, claims }]
  })
  return asked.map(({ person, kind }, at) => {
    const same = open.filter(
      ({ row, claims }) => row.birth_hash === hashes[at] && isCertainly(person, claims),
    )
    // Who else agrees counts also when they do not take this kind: else it would tell of them.
    const [only] = same
    return same.length === 1 && only?.row.kinds.includes(kind) === true
      ? only.row.person_id
      : undefined
  })
}

type Proven = ReturnType<typeof claimsOf>

function isCertainly(asked: Described, proven: Proven): boolean {
  const comparisons = [
    compareNames(
      { text: asked.name },
      { text: proven.name ?? '', substitutes: proven.name_substitutes },
    ),
    compareAddresses(
      { text: asked.address },
      { text: proven.address?.formatted ?? '', substitutes: proven.address_substitutes },
    ),
    compareBirthdates(asked.birthdate, proven.birthdate ?? ''),
  ]
  return comparisons.every(({ kind }) => kind === 'same' || kind === 'notation')
}

function birthHash(world: Pick<World, 'questionKey'>, birthdate: string): string {
  return createHmac('sha256', world.questionKey)
    .update(`mailbox birth date\0${birthdate}`)
    .digest('hex')
}

const place = 'mailbox.opening'
