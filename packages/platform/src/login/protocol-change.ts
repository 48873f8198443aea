/**
 * Changes to the short-lived state of the OpenID protocol: one statement for all that a request does, and for the requests that are there at the
 * same time. A request's changes hold together: where a code was used by another, nothing of it is written but the note that its assertion was.
 */
import { createHash } from 'node:crypto'
import { protocolNow } from '@sekisho/runtime/clock'
import { CompiledQuery, groupStatements, type Store } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'

/** One change to one state. `id` is as it is stored (`stateId`). */
export type Change = { readonly kind: string; readonly id: string } & (
  | {
      /** `note`: only if it is not there, or has run out; `keep`: in place of what is there. */
      readonly act: 'note' | 'keep'
      readonly payload: unknown
      readonly grantId: string | undefined
      readonly expiresAt: number
    }
  /** `consume`: only if nobody has; `destroy`: if it is there. */
  | { readonly act: 'consume' | 'destroy' }
)

/** Why changes were not written: a note was there before, or a state was consumed before. */
export type Conflict = Pick<Change, 'kind' | 'act'>

/** Writes what requests change; resolves when that is durable, with the conflict if there was one. */
export function createChanges(
  store: Store<PlatformTables>,
): (changes: readonly Change[]) => Promise<Conflict | undefined> {
  return groupStatements(
    async (requests: readonly (readonly Change[])[]) => {
      const { rows } = await store.write(() => changesStatement(requests, protocolNow()))
      return requests.map((_, at) => rows.find(row => row.request === at))
    },
    { itemsMax: requestsMax },
  )
}

/** The statement itself, for a transaction of which it is a part. Its rows are conflicts; one request may have several. */
export function changesStatement(
  requests: readonly (readonly Change[])[],
  now: number,
): CompiledQuery<Conflict & { readonly request: number }> {
  const all = requests.flatMap((changes, request) => changes.map(change => ({ request, change })))
  const row = ({ change }: (typeof all)[number]) => ('payload' in change ? change : undefined)
  const isPlain = all.every(({ change }) => change.act === 'keep')
  return CompiledQuery.raw(isPlain ? keepStatement : statement, [
    all.map(({ request }) => request),
    all.map(({ change }) => change.act),
    all.map(({ change }) => change.kind),
    all.map(({ change }) => change.id),
    all.map(each => (row(each) === undefined ? null : JSON.stringify(row(each)?.payload))),
    all.map(each => row(each)?.grantId ?? null),
    all.map(each => row(each)?.expiresAt.toString() ?? null),
    ...(isPlain ? [] : [now]),
  ])
}

/** How an id is stored. */
export function stateId(id: string): string {
  return createHash('sha256').update(id).digest('base64url')
}

/** Enough for all that can wait while one statement runs. */
const requestsMax = 64

const given = `
  select * from unnest($1::integer[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[])
    as given (request, act, kind, id, payload, grant_id, expires_at)`

/** Where nothing depends on what is there. */
const keepStatement = `
  insert into protocol (kind, id, payload, grant_id, expires_at)
  select kind, id, payload::jsonb, grant_id, expires_at from (${given}) as given
  on conflict (kind, id) do update
    set payload = excluded.payload, grant_id = excluded.grant_id, expires_at = excluded.expires_at`

/**
 * Each step reads what the one before it returned, so it runs after that. Of two requests in one statement that consume the same state one finds
 * the row and the other does not, as in two statements.
 */
const statement = `
  with given as materialized (${given}
  ), noted as (
    insert into protocol (kind, id, payload, grant_id, expires_at)
    select kind, id, payload::jsonb, grant_id, expires_at from given where act = 'note'
    on conflict (kind, id) do update
      set payload = excluded.payload, expires_at = excluded.expires_at, consumed_at = null
      where protocol.expires_at <= $8
    returning kind, id
  ), replayed as (
    select request, act, kind from given
    where act = 'note' and not exists (select from noted where noted.kind = given.kind and noted.id = given.id)
  ), consumed as (
    update protocol set consumed_at = $8
    from given
    where given.act = 'consume' and protocol.kind = given.kind and protocol.id = given.id
      and protocol.consumed_at is null
      and given.request not in (select request from replayed)
    returning given.request, protocol.kind, protocol.id
  ), conflict as (
    select request, act, kind from replayed
    union all
    select request, act, kind from given
    where act = 'consume'
      and not exists (select from consumed
        where consumed.request = given.request and consumed.kind = given.kind and consumed.id = given.id)
  ), destroyed as (
    delete from protocol using given
    where given.act = 'destroy' and protocol.kind = given.kind and protocol.id = given.id
      and given.request not in (select request from conflict)
  ), kept as (
    insert into protocol (kind, id, payload, grant_id, expires_at)
    select kind, id, payload::jsonb, grant_id, expires_at from given
    where act = 'keep' and request not in (select request from conflict)
    on conflict (kind, id) do update
      set payload = excluded.payload, grant_id = excluded.grant_id, expires_at = excluded.expires_at
  )
  select request, act, kind from conflict`
