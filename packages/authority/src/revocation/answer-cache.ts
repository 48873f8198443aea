/**
 * OCSP answers that are kept until they are about to end or their certificate's status changes (A4). Changes are rows that
 * are committed with the status (`status_change`); the cache looks for new ones before it answers: after every transaction of
 * this process, and for those of other processes at least each `lookAgainMs`. When that look fails, so does the request.
 */
import { type Instant, protocolNow } from '@sekisho/runtime/clock'
import { type Reader, sql, type Store } from '@sekisho/runtime/store'
import type { AuthorityTables } from '../database.ts'

/** An answer with the time for which it may be handed out. */
export type Kept = {
  readonly der: Uint8Array
  readonly from: Instant
  /** Exclusive. */
  readonly until: Instant
}

/** Answers by what was asked. */
export type AnswerCache = {
  /** The answer kept for a question, if it still holds. */
  find(question: string, at: Instant): Promise<Kept | undefined>
  /** The same without waiting: undefined also when changes must be looked for before anything is handed out. */
  findNow(question: string, at: Instant): Kept | undefined
  /**
   * The answer that `make` makes, for who did not `find` one. It is kept if it says so and the status of its certificate does not
   * change meanwhile. Those who ask the same at the same time get the same. `certificate`: `<issuer key id> <serial>`, both in
   * hexadecimal.
   */
  fill(question: string, certificate: string, make: () => Promise<Made>): Promise<Kept>
  /** The store whose transactions make the cache look for changes. */
  readonly store: Store<AuthorityTables>
}

/** An answer just made; `isKept`: whether it may be handed out again. */
export type Made = Kept & { readonly isKept: boolean }

type Filling = { readonly made: Promise<Made>; readonly certificate: string }

/** Real milliseconds for which changes by other processes may go unseen. */
const lookAgainMs = 200
/** Rows of changes are kept for a day; who has not looked for this long forgets all rather than trust in them. */
const forgetMs = 3600 * 1000

/** A cache over a store; when full, what was kept first goes first. */
export function createAnswerCache(store: Store<AuthorityTables>, answersMax: number): AnswerCache {
  const kept = new Map<string, Kept>()
  const questions = new Map<string, Set<string>>()
  const filling = new Map<string, Filling>()
  const certificates = new Map<string, string>()

  const drop = (question: string): void => {
    const certificate = certificates.get(question) ?? ''
    kept.delete(question)
    certificates.delete(question)
    const others = questions.get(certificate)
    others?.delete(question)
    if (others?.size === 0) questions.delete(certificate)
  }
  const keep = (question: string, certificate: string, one: Kept): void => {
    drop(question)
    const [first] = kept.keys()
    if (kept.size >= answersMax && first !== undefined) drop(first)
    kept.set(question, one)
    certificates.set(question, certificate)
    const others = questions.get(certificate) ?? new Set()
    questions.set(certificate, others.add(question))
  }
  const forget = (changed: readonly string[] | 'all'): void => {
    for (const one of changed === 'all' ? [...questions.keys()] : changed)
      for (const question of questions.get(one) ?? []) drop(question)
    for (const [question, { certificate }] of filling)
      if (changed === 'all' || changed.includes(certificate)) filling.delete(question)
  }
  const watch = createWatch(store, forget)

  const holding = (question: string, at: Instant): Kept | undefined => {
    const one = kept.get(question)
    if (one === undefined || (one.from <= at && at < one.until)) return one
    drop(question)
    return undefined
  }

  return {
    async find(question, at) {
      const looking = watch.look()
      if (looking !== undefined) await looking
      return holding(question, at)
    },
    findNow: (question, at) => (watch.isDue() ? undefined : holding(question, at)),
    async fill(question, certificate, make) {
      const running = filling.get(question)
      if (running !== undefined) return running.made
      const own: Filling = { made: make(), certificate }
      filling.set(question, own)
      try {
        const made = await own.made
        // No longer there when the status changed after it was read.
        if (made.isKept && filling.get(question) === own) keep(question, certificate, made)
        return made
      } finally {
        if (filling.get(question) === own) filling.delete(question)
      }
    },
    store: {
      ...store,
      async transaction(work, given) {
        try {
          return await store.transaction(work, given)
        } finally {
          watch.lookNext()
        }
      },
    },
  }
}

/**
 * Looks for changes. Each look asks for what transactions wrote that its predecessor's snapshot did not include: all from the
 * oldest one then running on. So none is missed, in whatever order they commit; some are told twice.
 */
function createWatch(
  store: Store<AuthorityTables>,
  forget: (changed: readonly string[] | 'all') => void,
) {
  let horizon = Number.MAX_SAFE_INTEGER
  let lookedAt = Number.NEGATIVE_INFINITY
  let isDue = true
  let running: Promise<void> | undefined

  const look = async (): Promise<void> => {
    const begun = protocolNow()
    isDue = false
    try {
      const found = await store.read(db => readChanges(db, horizon))
      forget(begun - lookedAt > forgetMs ? 'all' : found.changed)
      horizon = found.horizon
      lookedAt = begun
    } catch (error) {
      isDue = true
      throw error
    }
  }
  const lookAlone = async (): Promise<void> => {
    if (running !== undefined) {
      // It may have begun before the transaction that made a look due.
      await running
      return lookAlone()
    }
    if (!isStale()) return
    running = look().finally(() => (running = undefined))
    await running
  }
  const isStale = (): boolean => isDue || protocolNow() - lookedAt >= lookAgainMs
  const mustLook = (): boolean => isStale() || running !== undefined
  return {
    isDue: mustLook,
    look: (): Promise<void> | undefined => (mustLook() ? lookAlone() : undefined),
    lookNext: (): void => {
      isDue = true
    },
  }
}

async function readChanges(
  db: Reader<AuthorityTables>,
  horizon: number,
): Promise<{ readonly horizon: number; readonly changed: readonly string[] }> {
  return db
    .selectNoFrom([
      sql<number>`pg_snapshot_xmin(pg_current_snapshot())::text::bigint`.as('horizon'),
      sql<string[]>`array(
        select issuer_key_id || ' ' || serial from status_change
        where transaction_number >= ${horizon})`.as('changed'),
    ])
    .executeTakeFirstOrThrow()
}
