/**
 * One card step asked of one browser (`docs/protocol/reader.md`): who was asked for what, by which browser, until when.
 *
 * A step is found by what was signed (challenge or document), never by what the form claims; it is used up by one
 * conditional write that names browser, interaction and time. Times here are protocol time.
 */
import { Refusal } from '@sekisho/contract'
import { type Instant, protocolNow } from '@sekisho/runtime/clock'
import type { Random } from '@sekisho/runtime/random'
import type { Store, Transaction } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { sha256Hex } from '../evidence/hash.ts'

/** Milliseconds a person has for one card step: find the card, read the statement, type the PIN. */
export const ceremonyLifetimeMs = 5 * 60 * 1000

/** Bytes of a challenge, as the reader protocol says. */
const challengeBits = 256

/** A step that is open. */
export type Ceremony = {
  readonly id: string
  readonly uid: string
  readonly kind: 'login' | 'identify' | 'sign'
  readonly providerId: string
  readonly statement: Uint8Array | null
  readonly transactionId: string | null
}

/** The browser that takes part, known by the secret in its cookie. */
export type Browser = { readonly secret: string }

/** Begins a step. For a login the challenge is returned; for the others the document's hash is what was asked. */
export async function beginCeremony(
  store: Store<PlatformTables>,
  random: Random,
  asked: {
    readonly uid: string
    readonly providerId: string
    readonly browser: Browser
  } & (
    | { readonly kind: 'login' }
    | { readonly kind: 'identify'; readonly statement: Uint8Array }
    | { readonly kind: 'sign'; readonly document: Uint8Array; readonly transactionId: string }
  ),
): Promise<{ readonly challenge: string }> {
  const challenge = random.token(challengeBits)
  const at = protocolNow()
  const signed =
    asked.kind === 'login'
      ? Buffer.from(challenge)
      : asked.kind === 'identify'
        ? asked.statement
        : asked.document
  await store.transaction(tx =>
    tx
      .insertInto('ceremony')
      .values({
        id: random.uuidv7(at),
        uid: asked.uid,
        kind: asked.kind,
        provider_id: asked.providerId,
        browser: sha256Hex(Buffer.from(asked.browser.secret)),
        asked: sha256Hex(signed),
        statement: asked.kind === 'identify' ? asked.statement : null,
        transaction_id: asked.kind === 'sign' ? asked.transactionId : null,
        state: 'open',
        created_at: at,
        expires_at: at + ceremonyLifetimeMs,
      })
      .execute(),
  )
  return { challenge }
}

/**
 * The step that asked for exactly this (challenge text or document), if this browser may finish it in this interaction.
 * Refusals `challenge-unknown`, `challenge-expired`, `challenge-replayed`, `session-foreign`.
 */
export async function findCeremony(
  store: Store<PlatformTables>,
  key: { readonly asked: Uint8Array; readonly uid: string; readonly browser: Browser | undefined },
): Promise<Ceremony> {
  const rows = await store.read(db =>
    db.selectFrom('ceremony').selectAll().where('asked', '=', sha256Hex(key.asked)).execute(),
  )
  if (rows.length === 0) throw new Refusal('challenge-unknown')
  // A document may be asked for more than once; a challenge never.
  const row = rows.find(one => one.uid === key.uid && one.state === 'open') ?? rows.at(-1)
  if (row === undefined) throw new Refusal('challenge-unknown')
  const browser = key.browser === undefined ? '' : sha256Hex(Buffer.from(key.browser.secret))
  if (row.browser !== browser || row.uid !== key.uid) throw new Refusal('session-foreign')
  if (row.state === 'used') throw new Refusal('challenge-replayed')
  if (row.expires_at <= protocolNow()) throw new Refusal('challenge-expired')
  return {
    id: row.id,
    uid: row.uid,
    kind: row.kind,
    providerId: row.provider_id,
    statement: row.statement,
    transactionId: row.transaction_id,
  }
}

/** Transition open → used inside the transaction that finishes the step. Refusal `challenge-replayed` for the loser of a race. */
export async function useCeremony(
  tx: Transaction<PlatformTables>,
  ceremony: Ceremony,
): Promise<void> {
  const changed = await tx
    .updateTable('ceremony')
    .set({ state: 'used' })
    .where('id', '=', ceremony.id)
    .where('state', '=', 'open')
    .where('expires_at', '>', protocolNow())
    .executeTakeFirst()
  if (changed.numUpdatedRows !== 1n) throw new Refusal('challenge-replayed')
}

/** Removes steps that ended more than a day ago. */
export async function sweepCeremonies(store: Store<PlatformTables>): Promise<void> {
  const before: Instant = protocolNow() - 24 * 3600 * 1000
  await store.transaction(tx =>
    tx.deleteFrom('ceremony').where('expires_at', '<', before).execute(),
  )
}
