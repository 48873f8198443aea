/**
 * Dangerous acts (C8): proposed by one person, decided by another who has the same right, both named in the ledger. What is carried out
 * is exactly what was proposed. An act that is decided while its node dies can be decided again: every act may be repeated.
 */
import { Refusal } from '@sekisho/contract'
import type { Ledger } from '@sekisho/ledger'
import type { Clock } from '@sekisho/runtime/clock'
import type { Random } from '@sekisho/runtime/random'
import { jsonb, type Store } from '@sekisho/runtime/store'
import type { z } from 'zod'
import type { PlatformTables } from '../database.ts'
import { entries } from '../entry.ts'
import { ownProviderId } from '../providers/registry.ts'
import type { Member } from './member.ts'
import { mayDo, type Right } from './role.ts'

/** A kind of act: who may, what it needs, and how it is done. `run` may be repeated with the same body. */
export type ActKind = {
  readonly right: Right
  readonly ja: string
  readonly en: string
  readonly body: z.ZodType
  /** What the body says, in a few words without personal data. */
  subject(body: unknown): string
  /** Carries it out. What it returns is shown once to who decided: a code for a new colleague. */
  run(body: unknown): Promise<string | undefined>
}

/** Declares a kind with the type of its body. */
export function actKind<T>(given: {
  readonly right: Right
  readonly ja: string
  readonly en: string
  readonly body: z.ZodType<T>
  readonly subject: (body: T) => string
  readonly run: (body: T) => Promise<string | undefined>
}): ActKind {
  return {
    ...given,
    subject: body => given.subject(given.body.parse(body)),
    run: body => given.run(given.body.parse(body)),
  }
}

/** An act as it is shown. */
export type Act = {
  readonly id: string
  readonly kind: string
  readonly subject: string
  readonly reason: string
  readonly proposedBy: string
  readonly proposedAt: number
  readonly state: PlatformTables['staff_act']['state'] | 'expired'
  readonly decidedBy: string | undefined
  readonly refusal: string | undefined
}

/** The acts of a platform. */
export type Acts = ReturnType<typeof createActs>

/** Makes them over the kinds that there are. */
export function createActs(given: {
  readonly store: Store<PlatformTables>
  readonly clock: Clock
  readonly random: Random
  readonly ledger: Ledger
  readonly kinds: Readonly<Record<string, ActKind>>
}) {
  const { store, clock, random, ledger, kinds } = given
  const kindOf = (name: string): ActKind => {
    const found = Object.hasOwn(kinds, name) ? kinds[name] : undefined
    if (found === undefined) throw new Refusal('request-malformed', { field: 'kind' })
    return found
  }
  const record = (
    tx: Parameters<Ledger['record']>[0],
    step: 'proposed' | 'decided',
    values: {
      readonly act: string
      readonly kind: string
      readonly by: string
      readonly outcome: string
    },
  ) =>
    ledger.record(tx, entries[`platform.act-${step}`], {
      at: clock.now(),
      providerId: ownProviderId,
      values,
    })

  return {
    kinds,

    /** Proposes an act. Refusals `staff-right-lacking`, `request-malformed`. */
    async propose(
      by: Member,
      asked: { readonly kind: string; readonly body: unknown; readonly reason: string },
    ): Promise<string> {
      const kind = kindOf(asked.kind)
      if (!mayDo(by.roles, kind.right))
        throw new Refusal('staff-right-lacking', { right: kind.right })
      const body = kind.body.safeParse(asked.body)
      if (!body.success)
        throw new Refusal('request-malformed', {
          field: body.error.issues[0]?.path.join('.') ?? '',
        })
      const now = clock.now()
      const id = random.uuidv7(now)
      await store.transaction(async tx => {
        await tx
          .insertInto('staff_act')
          .values({
            id,
            kind: asked.kind,
            body: jsonb(body.data),
            reason: asked.reason,
            proposed_by: by.id,
            proposed_at: now,
            expires_at: now + openMs,
            state: 'waiting',
          })
          .execute()
        await record(tx, 'proposed', { act: id, kind: asked.kind, by: by.id, outcome: 'waiting' })
      })
      return id
    },

    /**
     * Decides an act; who proposed it may only take it back. Refusals `act-own` (it takes another person), `act-closed`,
     * `staff-right-lacking`, and what the act itself meets, which is kept with it.
     */
    async decide(
      by: Member,
      id: string,
      verdict: 'carry-out' | 'decline',
    ): Promise<string | undefined> {
      const found = await store.read(db =>
        db.selectFrom('staff_act').selectAll().where('id', '=', id).executeTakeFirst(),
      )
      if (found === undefined) throw new Refusal('not-found')
      const kind = kindOf(found.kind)
      if (!mayDo(by.roles, kind.right))
        throw new Refusal('staff-right-lacking', { right: kind.right })
      if (verdict === 'carry-out' && found.proposed_by === by.id) throw new Refusal('act-own')
      const now = clock.now()
      const told = { act: id, kind: found.kind, by: by.id }
      const end = async (set: {
        readonly state: 'running' | 'done' | 'declined' | 'refused'
        readonly refusal?: string
      }): Promise<void> => {
        await store.transaction(async tx => {
          const open = tx
            .updateTable('staff_act')
            .set({ ...set, decided_by: by.id, decided_at: now })
            .where('id', '=', id)
            .returning('id')
          const isBegun = ['done', 'refused'].includes(set.state)
          const row = await (isBegun
            ? open.where('state', '=', 'running').where('decided_by', '=', by.id)
            : open
                .where('expires_at', '>', now)
                .where(eb =>
                  eb.or([
                    eb('state', '=', 'waiting'),
                    eb.and([eb('state', '=', 'running'), eb('decided_at', '<', now - runningMs)]),
                  ]),
                )
          ).executeTakeFirst()
          if (row === undefined) throw new Refusal('act-closed')
          await record(tx, 'decided', { ...told, outcome: set.refusal ?? set.state })
        })
      }
      if (verdict === 'decline') {
        await end({ state: 'declined' })
        return undefined
      }
      await end({ state: 'running' })
      const said = await kind.run(found.body).catch(async (error: unknown) => {
        if (error instanceof Refusal) await end({ state: 'refused', refusal: error.code })
        throw error
      })
      await end({ state: 'done' })
      return said
    },

    /** Acts, newest first: those that wait, or the last hundred. */
    async list(which: 'open' | 'all'): Promise<readonly Act[]> {
      const now = clock.now()
      const rows = await store.read(db => {
        const all = db.selectFrom('staff_act').selectAll().orderBy('proposed_at', 'desc').limit(100)
        return (
          which === 'all'
            ? all
            : all.where('state', 'in', ['waiting', 'running']).where('expires_at', '>', now)
        ).execute()
      })
      return rows.map(row => ({
        id: row.id,
        kind: row.kind,
        subject: kindOf(row.kind).subject(row.body),
        reason: row.reason,
        proposedBy: row.proposed_by,
        proposedAt: row.proposed_at,
        state:
          ['waiting', 'running'].includes(row.state) && row.expires_at <= now
            ? 'expired'
            : row.state,
        decidedBy: row.decided_by ?? undefined,
        refusal: row.refusal ?? undefined,
      }))
    },
  }
}

/** Domain milliseconds that a proposal waits for the second person: a week. */
const openMs = 7 * 24 * 3600 * 1000
/** Domain milliseconds after which a node that carries an act out is taken for dead. */
const runningMs = 60_000
