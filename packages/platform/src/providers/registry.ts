/** Registered providers (C6): client metadata, contracted scopes, state. */
import {
  providerMetadata,
  type ProviderMetadata,
  providerScope,
  type ProviderScope,
  Refusal,
} from '@sekisho/contract'
import { groupStatements, jsonb, sql, type Store, UniqueViolation } from '@sekisho/runtime/store'
import type { Instant } from '@sekisho/runtime/clock'
import type { PlatformTables } from '../database.ts'
import { brokenMember, isPageAddress } from './federation-rule.ts'

/** A provider as the doors need it. */
export type Provider = {
  readonly id: string
  readonly name: string
  readonly purpose: string
  readonly scopes: ReadonlySet<ProviderScope>
  readonly revocation: 'crl' | 'ocsp'
  /** Milliseconds a list may be old and still be enough; undefined: until it runs out. */
  readonly freshnessMs: number | undefined
  readonly state: 'active' | 'suspended'
  readonly metadata: ProviderMetadata
}

/**
 * The platform itself as the cause of a use, for what it does for a person without any provider. No provider can be registered
 * under this id.
 */
export const ownProviderId = 'platform'

/**
 * Registers a provider or replaces its registration; a suspended one stays suspended. Refusals `request-malformed` when the
 * metadata is not acceptable, `provider-taken` when its SAML entity id is another's.
 */
export async function addProvider(
  store: Store<PlatformTables>,
  candidate: unknown,
  given: { readonly at: Instant; readonly mode: 'town' | 'production' },
): Promise<Provider> {
  const metadata = parseMetadata(candidate, given.mode)
  const row = await refusingTaken(() =>
    store.transaction(tx =>
      tx
        .insertInto('provider')
        .values({
          id: metadata.client_id,
          metadata: jsonb(metadata),
          state: 'active',
          created_at: given.at,
        })
        .onConflict(conflict => conflict.column('id').doUpdateSet({ metadata: jsonb(metadata) }))
        .returning('state')
        .executeTakeFirstOrThrow(),
    ),
  )
  return providerOf(metadata, row.state)
}

/** Writes registrations. Refusal `provider-taken` where a SAML entity id is another provider's. */
export async function refusingTaken<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    if (error instanceof UniqueViolation) throw new Refusal('provider-taken')
    throw error
  }
}

/** A registered provider, suspended ones included. */
export async function findProvider(
  store: Store<PlatformTables>,
  id: string,
): Promise<Provider | undefined> {
  const row = await store.read(db =>
    db.selectFrom('provider').select(['metadata', 'state']).where('id', '=', id).executeTakeFirst(),
  )
  return row === undefined ? undefined : providerOf(providerMetadata.parse(row.metadata), row.state)
}

/** Reads providers from rows as text, parsing each registration once: one that was changed is another text. */
export function createProviderRows(): (row: {
  readonly metadata: string
  readonly state: Provider['state']
}) => Provider {
  const known = new Map<string, ProviderMetadata>()
  return row => {
    let metadata = known.get(row.metadata)
    if (metadata === undefined) {
      metadata = providerMetadata.parse(JSON.parse(row.metadata))
      if (known.size >= registrationsKept) known.clear()
      known.set(row.metadata, metadata)
    }
    return providerOf(metadata, row.state)
  }
}

/** Reads providers, suspended ones included, for callers that ask at the same time by one statement. Nothing is kept but parsed text. */
export function createProviderReader(
  store: Store<PlatformTables>,
  providerOf: ReturnType<typeof createProviderRows>,
): (id: string) => Promise<Provider | undefined> {
  return groupStatements(
    async ids => {
      // One of few statements, each planned once: filled up with ids that no provider has.
      const size = 2 ** Math.ceil(Math.log2(ids.length))
      const filled = Array.from({ length: size }, (_, at) => ids[at] ?? '')
      const { rows } = await store.read(db =>
        sql<{ id: string; metadata: string; state: Provider['state'] }>`
          select provider.id, metadata::text as metadata, state
          from (values ${sql.join(filled.map(id => sql`(${id}::text)`))}) as given (id)
          join provider on provider.id = given.id`.execute(db),
      )
      const found = new Map(rows.map(row => [row.id, row]))
      return ids.map(id => {
        const row = found.get(id)
        return row === undefined ? undefined : providerOf(row)
      })
    },
    { itemsMax: 64 },
  )
}

/** Some kilobytes each. */
const registrationsKept = 2000

/** An active provider. Refusals `provider-unknown`, `provider-suspended`. */
export async function activeProvider(store: Store<PlatformTables>, id: string): Promise<Provider> {
  const found = await findProvider(store, id)
  if (found === undefined) throw new Refusal('provider-unknown')
  return assertActive(found)
}

/** The provider, if it is active. Refusal `provider-suspended`. */
export function assertActive(found: Provider): Provider {
  if (found.state === 'suspended') throw new Refusal('provider-suspended')
  return found
}

/** Suspends a provider, or lifts that. Refusal `provider-unknown`. */
export async function setProviderState(
  store: Store<PlatformTables>,
  id: string,
  state: Provider['state'],
): Promise<void> {
  const changed = await store.transaction(tx =>
    tx.updateTable('provider').set({ state }).where('id', '=', id).executeTakeFirst(),
  )
  if (changed.numUpdatedRows === 0n) throw new Refusal('provider-unknown')
}

/** Ids and names of all, for the operator. */
export async function listProviders(store: Store<PlatformTables>): Promise<readonly Provider[]> {
  const rows = await store.read(db =>
    db.selectFrom('provider').select(['metadata', 'state']).orderBy('id').execute(),
  )
  return rows.map(row => providerOf(providerMetadata.parse(row.metadata), row.state))
}

function providerOf(metadata: ProviderMetadata, state: Provider['state']): Provider {
  return {
    id: metadata.client_id,
    name: metadata.client_name,
    purpose: metadata.sekisho_purpose,
    scopes: new Set(scopesOf(metadata)),
    revocation: metadata.sekisho_revocation,
    freshnessMs:
      metadata.sekisho_freshness_minutes === undefined
        ? undefined
        : metadata.sekisho_freshness_minutes * 60_000,
    state,
    metadata,
  }
}

function scopesOf(metadata: ProviderMetadata): ProviderScope[] {
  return metadata.scope.split(' ').map(scope => providerScope.parse(scope))
}

/** Metadata that can be registered. Refusal `request-malformed` with the member that is wrong. */
export function parseMetadata(candidate: unknown, mode: 'town' | 'production'): ProviderMetadata {
  const parsed = providerMetadata.safeParse(candidate)
  if (!parsed.success) throw malformed(parsed.error.issues[0]?.path.join('.') ?? '')
  const metadata = parsed.data
  if (metadata.client_id === ownProviderId) throw malformed('client_id')
  const scopes = metadata.scope.split(' ')
  if (scopes.some(scope => !providerScope.safeParse(scope).success)) throw malformed('scope')
  if (!scopes.includes('openid')) throw malformed('scope')
  // Both are written into what people sign, one line each.
  for (const field of ['client_name', 'sekisho_purpose'] as const)
    if (unreadable.test(metadata[field])) throw malformed(field)
  if (metadata.redirect_uris.some(address => !isPageAddress(address, mode)))
    throw malformed('redirect_uris')
  const broken = brokenMember(metadata, mode)
  if (broken !== undefined) throw malformed(broken)
  if (metadata.jwks.keys.some(key => !isPublicKey(key))) throw malformed('jwks')
  return metadata
}

/** Control characters, line separators and characters that change the direction of writing. */
const unreadable = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/u

/** Members of private and of symmetric keys (RFC 7518 §6). */
const secretMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

function isPublicKey(key: Readonly<Record<string, unknown>>): boolean {
  if (!['EC', 'RSA', 'OKP'].includes(String(key.kty))) return false
  return !secretMembers.some(member => member in key)
}

function malformed(field: string): Refusal {
  return new Refusal('request-malformed', { field })
}
