/**
 * One card step asked of one browser (`docs/protocol/reader.md`): who was asked for what, by which browser, until when.
 *
 * A login is found by the challenge that was signed. A statement or document is found by the request's id, which the reader
 * repeats: the id only says which of the texts shown to this browser is meant, and the signature must stand over that text.
 * A step is used up by one conditional write that names state and time. Times here are protocol time.
 */
import { Refusal } from '@sekisho/contract'
import { type Instant, protocolNow } from '@sekisho/runtime/clock'
import type { Random } from '@sekisho/runtime/random'
import {
  type CompiledQuery,
  lockStatement,
  type Store,
  together,
  type Transaction,
  type Writer,
} from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { sha256Hex } from '../evidence/hash.ts'

/** Milliseconds a person has for one card step: find the card, read the statement, type the PIN. */
const ceremonyLifetimeMs = 5 * 60 * 1000

/** Card steps one browser may begin in one interaction: far more reloads than a person needs in its ten minutes. */
export const ceremoniesMax = 30

/** Bytes of a challenge, as the reader protocol says. */
const challengeBits = 256

/** A step that is open. */
export type Ceremony = {
  readonly id: string
  readonly uid: string
  readonly kind: 'login' | 'identify' | 'sign'
  readonly providerId: string
  readonly statement: Uint8Array | null
  /** What the person chose to release by *identify*; undefined: all that was asked. */
  readonly attributes: readonly string[] | undefined
  readonly transactionId: string | null
  readonly signingTime: Instant | null
}

/** The browser that takes part, known by the secret in its cookie. */
export type Browser = { readonly secret: string }

/** What a step asks for. */
export type CeremonyAsked = {
  /** The interaction it belongs to. */
  readonly uid: string
  readonly providerId: string
  readonly browser: Browser
} & (
  | { readonly kind: 'login' }
  | {
      readonly kind: 'identify'
      readonly statement: Uint8Array
      /** What the person chose to release; without it all that was asked. */
      readonly attributes?: readonly string[]
    }
  | {
      readonly kind: 'sign'
      readonly document: Uint8Array
      readonly transactionId: string
      /** The time that the signer of a container will claim; null where none is made. */
      readonly signingTime: Instant | null
    }
)

/**
 * Begins a step. `id` is the reader request's id; the challenge is for a login. Refusal `challenge-limit` when this browser has
 * begun too many in this interaction.
 */
export async function beginCeremony(
  store: Store<PlatformTables>,
  random: Random,
  asked: CeremonyAsked,
): Promise<{ readonly id: string; readonly challenge: string }> {
  const challenge = random.token(challengeBits)
  const id = random.token(challengeBits)
  const at = protocolNow()
  const browser = digestOf(asked.browser)
  await store.transaction(async tx => {
    const count = tx
      .selectFrom('ceremony')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('uid', '=', asked.uid)
      .where('browser', '=', browser)
      .where('created_at', '>', at - 2 * ceremonyLifetimeMs)
      .compile()
    const begin = tx
      .insertInto('ceremony')
      .values({
        id,
        uid: asked.uid,
        kind: asked.kind,
        provider_id: asked.providerId,
        browser,
        asked: sha256Hex(askedBytes(asked, challenge)),
        statement: asked.kind === 'identify' ? asked.statement : null,
        attributes: asked.kind === 'identify' ? (asked.attributes?.join(' ') ?? null) : null,
        transaction_id: asked.kind === 'sign' ? asked.transactionId : null,
        signing_time: asked.kind === 'sign' ? asked.signingTime : null,
        state: 'open',
        created_at: at,
        expires_at: at + ceremonyLifetimeMs,
      })
      .compile()
    // The count sees what was begun before the lock was had.
    const lock = lockStatement(tx, `ceremonies ${asked.uid} ${browser}`)
    const [, { rows: before }] = await together(tx, [lock, count, begin])
    if ((before[0]?.count ?? 0) >= ceremoniesMax) throw new Refusal('challenge-limit')
  })
  return { id, challenge }
}

/** How a step is found: a login by its challenge, the others by the request's id. */
export type CeremonyKey =
  | { readonly kind: 'login'; readonly challenge: string }
  | { readonly kind: 'identify' | 'sign'; readonly id: string }

/**
 * The step of this kind, if this browser may finish it in this interaction. Refusals `challenge-unknown`, `challenge-expired`,
 * `challenge-replayed`, `session-foreign`.
 */
export async function findCeremony(
  store: Store<PlatformTables>,
  key: CeremonyKey,
  by: { readonly uid: string; readonly browser: Browser | undefined },
): Promise<Ceremony> {
  const row = await store.read(db => {
    const found = db.selectFrom('ceremony').selectAll().where('kind', '=', key.kind)
    return key.kind === 'login'
      ? found.where('asked', '=', sha256Hex(Buffer.from(key.challenge))).executeTakeFirst()
      : found.where('id', '=', key.id).executeTakeFirst()
  })
  if (row === undefined) throw new Refusal('challenge-unknown')
  const isOwn = by.browser !== undefined && row.browser === digestOf(by.browser)
  if (!isOwn || row.uid !== by.uid) throw new Refusal('session-foreign')
  if (row.state === 'used') throw new Refusal('challenge-replayed')
  if (row.expires_at <= protocolNow()) throw new Refusal('challenge-expired')
  return {
    id: row.id,
    uid: row.uid,
    kind: row.kind,
    providerId: row.provider_id,
    statement: row.statement,
    attributes: row.attributes?.split(' '),
    transactionId: row.transaction_id,
    signingTime: row.signing_time,
  }
}

/** Transition open → used inside the transaction that finishes the step. Refusal `challenge-replayed` for the loser of a race. */
export async function useCeremony(
  tx: Transaction<PlatformTables>,
  ceremony: Pick<Ceremony, 'id'>,
): Promise<void> {
  assertUsed(await tx.executeQuery(useCeremonyStatement(tx, ceremony)))
}

/** The transition as a statement; its result must be given to {@link assertUsed}. */
export function useCeremonyStatement(
  db: Writer<PlatformTables>,
  ceremony: Pick<Ceremony, 'id'>,
): CompiledQuery {
  return db
    .updateTable('ceremony')
    .set({ state: 'used' })
    .where('id', '=', ceremony.id)
    .where('state', '=', 'open')
    .compile()
}

/** Refusal `challenge-replayed` when the transition was another's. */
export function assertUsed(changed: { readonly numAffectedRows?: bigint }): void {
  if (changed.numAffectedRows !== 1n) throw new Refusal('challenge-replayed')
}

/** Removes steps that ended more than a day ago. */
export async function sweepCeremonies(store: Store<PlatformTables>): Promise<void> {
  const before: Instant = protocolNow() - 24 * 3600 * 1000
  await store.transaction(tx =>
    tx.deleteFrom('ceremony').where('expires_at', '<', before).execute(),
  )
}

function askedBytes(asked: CeremonyAsked, challenge: string): Uint8Array {
  switch (asked.kind) {
    case 'login':
      return Buffer.from(challenge)
    case 'identify':
      return asked.statement
    case 'sign':
      return asked.document
    default:
      return asked satisfies never
  }
}

function digestOf(browser: Browser): string {
  return sha256Hex(Buffer.from(browser.secret))
}
