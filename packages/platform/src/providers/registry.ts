/** Registered providers (C6): client metadata, contracted scopes, state. */
import {
  providerMetadata,
  type ProviderMetadata,
  providerScope,
  type ProviderScope,
  Refusal,
} from '@sekisho/contract'
import { jsonb, type Store } from '@sekisho/runtime/store'
import type { Instant } from '@sekisho/runtime/clock'
import type { PlatformTables } from '../database.ts'

/** A provider as the doors need it. */
export type Provider = {
  readonly id: string
  readonly name: string
  readonly purpose: string
  readonly scopes: ReadonlySet<ProviderScope>
  readonly revocation: 'crl' | 'ocsp'
  readonly state: 'active' | 'suspended'
  readonly metadata: ProviderMetadata
}

/** Registers a provider or replaces its registration. Throws `request-malformed` when the metadata is not acceptable. */
export async function addProvider(
  store: Store<PlatformTables>,
  candidate: unknown,
  at: Instant,
): Promise<Provider> {
  const metadata = parseMetadata(candidate)
  await store.transaction(tx =>
    tx
      .insertInto('provider')
      .values({
        id: metadata.client_id,
        metadata: jsonb(metadata),
        state: 'active',
        created_at: at,
      })
      .onConflict(conflict => conflict.column('id').doUpdateSet({ metadata: jsonb(metadata) }))
      .execute(),
  )
  return providerOf(metadata, 'active')
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

/** An active provider. Refusals `provider-unknown`, `provider-suspended`. */
export async function activeProvider(store: Store<PlatformTables>, id: string): Promise<Provider> {
  const found = await findProvider(store, id)
  if (found === undefined) throw new Refusal('provider-unknown')
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
    state,
    metadata,
  }
}

function scopesOf(metadata: ProviderMetadata): ProviderScope[] {
  return metadata.scope.split(' ').map(scope => providerScope.parse(scope))
}

function parseMetadata(candidate: unknown): ProviderMetadata {
  const parsed = providerMetadata.safeParse(candidate)
  if (!parsed.success)
    throw new Refusal('request-malformed', { field: parsed.error.issues[0]?.path.join('.') ?? '' })
  const wrong = parsed.data.scope.split(' ').find(scope => !providerScope.safeParse(scope).success)
  if (wrong !== undefined) throw new Refusal('request-malformed', { field: 'scope' })
  if (parsed.data.jwks.keys.some(key => 'd' in key))
    throw new Refusal('request-malformed', { field: 'jwks' })
  return parsed.data
}
