/**
 * What one request of the OpenID protocol reads and writes, gathered: a state is read together with what will be asked for next (its client,
 * grant, pushed request, subject), and what the library writes one by one is written by one statement before the request is answered.
 *
 * What was read serves this request alone; the next one reads anew, so that a suspension or a withdrawal holds from the next call on. Tables of
 * other folders are read here and never written.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { protocolNow } from '@sekisho/runtime/clock'
import { CompiledQuery, groupStatements, type Store } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { createProviderReader, createProviderRows, type Provider } from '../providers/registry.ts'
import {
  type Change,
  changesStatement,
  type Conflict,
  createChanges,
  stateId,
} from './protocol-change.ts'

/** A state as stored. */
export type StoredState = { readonly payload: object; readonly consumedAt: number | undefined }

/** One request's gathering. */
type Gathered = {
  /** Whether writes wait for `settle`. */
  readonly isDeferring: boolean
  readonly states: Map<string, StoredState | undefined>
  readonly providers: Map<string, Provider>
  readonly subjects: Map<string, string>
  /** Grants by which nothing was released. */
  readonly withoutRelease: Set<string>
  changes: Change[]
}

/** The state of the protocol, as requests see it. */
export type ProtocolRequests = {
  /** Runs a request. `isDeferring`: what it changes waits for `settle`, which must then be called before it is answered. */
  run<T>(given: { readonly isDeferring: boolean }, work: () => T): T
  /** Writes what waits; the conflict if there was one, and then nothing was written but notes. */
  settle(): Promise<Conflict | undefined>
  /** Runs work of this request and gives what it would write as a statement for somebody else's transaction. Only of what cannot conflict. */
  collect<T>(
    work: () => Promise<T>,
  ): Promise<{ readonly result: T; readonly writes: CompiledQuery }>
  /** A state, in this request or stored. `client`: whose it is, where the state itself does not say. */
  find(kind: string, id: string, client?: string): Promise<StoredState | undefined>
  /** Writes, now or by `settle`. */
  change(change: Change): Promise<Conflict | undefined>
  /** Forgets what was read, after a write that went another way. */
  forget(): void
  /** The registered provider, as read with a state of this request. */
  seenProvider(id: string): Provider | undefined
  /** The same, or read now. */
  provider(id: string): Promise<Provider | undefined>
  subject(providerId: string, personId: string): string | undefined
  /** Whether it is known that nothing was released by this grant. */
  isWithoutRelease(grantId: string): boolean
  /** Whether writes of the present request wait. */
  isDeferring(): boolean
}

/** Gathers over a store. */
export function createProtocolRequests(store: Store<PlatformTables>): ProtocolRequests {
  const scope = new AsyncLocalStorage<Gathered>()
  const read = createReader(store)
  const providerOf = createProviderRows()
  const readProvider = createProviderReader(store, providerOf)
  const write = createChanges(store)
  const settle = async (): Promise<Conflict | undefined> => {
    const gathered = scope.getStore()
    if (gathered === undefined || gathered.changes.length === 0) return undefined
    const { changes } = gathered
    gathered.changes = []
    return write(changes)
  }
  return {
    run: ({ isDeferring }, work) => scope.run({ ...nothingYet(), isDeferring }, work),
    settle,
    collect: work => {
      const seen = scope.getStore() ?? nothingYet()
      return scope.run({ ...seen, isDeferring: true, changes: [] }, async () => {
        const result = await work()
        const changes = scope.getStore()?.changes ?? []
        if (changes.some(({ act }) => act === 'note' || act === 'consume'))
          throw new Error('what may conflict is not written by others')
        return { result, writes: changesStatement([changes], protocolNow()) }
      })
    },
    find: async (kind, id, client = '') => {
      const gathered = scope.getStore()
      const key = `${kind} ${id}`
      if (gathered?.states.has(key) === true) return gathered.states.get(key)
      const row = await read({ kind, id, client })
      if (gathered !== undefined) note(gathered, { kind, id }, row, providerOf)
      return row === undefined ? undefined : stateOf(row)
    },
    change: async change => {
      const gathered = scope.getStore()
      if (gathered?.isDeferring !== true) {
        gathered?.states.delete(`${change.kind} ${change.id}`)
        return write([change])
      }
      // Two changes of one state are two statements.
      const isSecond = gathered.changes.some(
        each => each.kind === change.kind && each.id === change.id,
      )
      const conflict = isSecond ? await settle() : undefined
      if (conflict !== undefined) return conflict
      gathered.changes.push(change)
      overlay(gathered, change)
      return undefined
    },
    forget: () => scope.getStore()?.states.clear(),
    seenProvider: id => scope.getStore()?.providers.get(id),
    provider: async id => {
      const gathered = scope.getStore()
      const found = gathered?.providers.get(id) ?? (await readProvider(id))
      if (found !== undefined) gathered?.providers.set(id, found)
      return found
    },
    subject: (providerId, personId) => scope.getStore()?.subjects.get(`${providerId} ${personId}`),
    isWithoutRelease: grantId => scope.getStore()?.withoutRelease.has(grantId) === true,
    isDeferring: () => scope.getStore()?.isDeferring === true,
  }
}

function nothingYet(): Gathered {
  return {
    isDeferring: false,
    states: new Map(),
    providers: new Map(),
    subjects: new Map(),
    withoutRelease: new Set(),
    changes: [],
  }
}

/** The request sees its own changes. */
function overlay(gathered: Gathered, change: Change): void {
  const key = `${change.kind} ${change.id}`
  if ('payload' in change)
    gathered.states.set(key, { payload: Object(change.payload), consumedAt: undefined })
  else if (change.act === 'destroy') gathered.states.set(key, undefined)
  else {
    const before = gathered.states.get(key)
    if (before !== undefined) gathered.states.set(key, { ...before, consumedAt: protocolNow() })
  }
}

function note(
  gathered: Gathered,
  key: { readonly kind: string; readonly id: string },
  row: StateRow | undefined,
  providerOf: ReturnType<typeof createProviderRows>,
): void {
  const { states, providers, subjects, withoutRelease } = gathered
  const set = (kind: string, id: string, state: StoredState | undefined): void => {
    const name = `${kind} ${id}`
    if (!states.has(name)) states.set(name, state)
  }
  set(key.kind, key.id, row === undefined ? undefined : stateOf(row))
  if (row === undefined) return
  if (row.provider !== null && row.metadata !== null && row.provider_state !== null)
    providers.set(row.provider, providerOf({ metadata: row.metadata, state: row.provider_state }))
  if (row.person !== null && row.subject !== null && row.provider !== null)
    subjects.set(`${row.provider} ${row.person}`, row.subject)
  if (row.grant_of !== null) {
    set('Grant', stateId(row.grant_of), storedOf(row.grant_payload, row.grant_consumed))
    if (!row.has_release) withoutRelease.add(row.grant_of)
  }
  if (row.pushed !== null)
    set(
      'PushedAuthorizationRequest',
      stateId(row.pushed),
      storedOf(row.pushed_payload, row.pushed_consumed),
    )
}

function stateOf(row: StateRow): StoredState {
  return { payload: row.payload, consumedAt: row.consumed_at ?? undefined }
}

function storedOf(payload: object | null, consumedAt: number | null): StoredState | undefined {
  return payload === null ? undefined : { payload, consumedAt: consumedAt ?? undefined }
}

type StateRow = {
  readonly at: number
  readonly payload: object
  readonly consumed_at: number | null
  readonly provider: string | null
  readonly metadata: string | null
  readonly provider_state: Provider['state'] | null
  readonly person: string | null
  readonly subject: string | null
  readonly grant_of: string | null
  readonly grant_payload: object | null
  readonly grant_consumed: number | null
  readonly has_release: boolean
  readonly pushed: string | null
  readonly pushed_payload: object | null
  readonly pushed_consumed: number | null
}

function createReader(
  store: Store<PlatformTables>,
): (key: StateKey) => Promise<StateRow | undefined> {
  return groupStatements(
    async keys => {
      const { rows } = await store.read(db =>
        db.executeQuery<StateRow>(readStatement(keys, protocolNow())),
      )
      const found = new Map(rows.map(row => [row.at, row]))
      return keys.map((_, at) => found.get(at))
    },
    { itemsMax: keysMax },
  )
}

const keysMax = 64

type StateKey = { readonly kind: string; readonly id: string; readonly client: string }

/**
 * One statement for so many keys that it is always one of a few, filled up with what is not there: the server plans each once. An array in place
 * of the rows would be planned anew every time, for its length is unknown.
 */
function readStatement(keys: readonly StateKey[], now: number): CompiledQuery<StateRow> {
  const size = 2 ** Math.ceil(Math.log2(keys.length))
  const nobody = { kind: '', id: '', client: '' }
  const filled = Array.from({ length: size }, (_, at) => keys[at] ?? nobody)
  const rows = filled.map(
    (_, at) => `(${at}, $${3 * at + 2}::text, $${3 * at + 3}::text, $${3 * at + 4}::text)`,
  )
  const parameters = [now, ...filled.flatMap(({ kind, id, client }) => [kind, id, client])]
  return CompiledQuery.raw(statementOver(rows.join(', ')), parameters)
}

/** How `stateId` is told in SQL. */
const idOf = (id: string): string =>
  `translate(encode(sha256(convert_to(${id}, 'UTF8')), 'base64'), '+/=', '-_')`

const statementOver = (rows: string): string => `
  with found as materialized (
    select given.at, protocol.payload, protocol.consumed_at,
      coalesce(protocol.payload->>'clientId', protocol.payload->'params'->>'client_id', given.client) as provider,
      protocol.payload->>'accountId' as person,
      coalesce(protocol.grant_id, protocol.payload->'result'->'consent'->>'grantId') as grant_of,
      protocol.payload->>'parJti' as pushed
    from (values ${rows}) as given (at, kind, id, client)
    join protocol on protocol.kind = given.kind and protocol.id = given.id and protocol.expires_at > $1::bigint
  )
  select found.at, found.payload, found.consumed_at, found.provider, found.person, found.grant_of, found.pushed,
    provider.metadata::text as metadata, provider.state as provider_state,
    pairwise.subject,
    granted.payload as grant_payload, granted.consumed_at as grant_consumed,
    exists (select from release where release.grant_id = found.grant_of and release.expires_at > $1) as has_release,
    pushed.payload as pushed_payload, pushed.consumed_at as pushed_consumed
  from found
  left join provider on provider.id = found.provider
  left join pairwise on pairwise.provider_id = found.provider and pairwise.person_id = found.person
  left join protocol granted
    on granted.kind = 'Grant' and granted.id = ${idOf('found.grant_of')} and granted.expires_at > $1
  left join protocol pushed
    on pushed.kind = 'PushedAuthorizationRequest' and pushed.id = ${idOf('found.pushed')} and pushed.expires_at > $1`
