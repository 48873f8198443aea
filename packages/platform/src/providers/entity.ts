/** Providers by their SAML entity id, which is one provider's alone. */
import { Refusal, type SamlMetadata } from '@sekisho/contract'
import { sql, type Store } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { activeProvider, type Provider } from './registry.ts'

/** A provider that is registered for SAML. */
export type SamlProvider = { readonly provider: Provider; readonly saml: SamlMetadata }

/** The active provider of an entity id. Refusals `provider-unknown`, `provider-suspended`. */
export async function activeEntity(
  store: Store<PlatformTables>,
  entityId: string,
): Promise<SamlProvider> {
  const row = await store.read(db =>
    db
      .selectFrom('provider')
      .select('id')
      .where(sql<boolean>`metadata->'sekisho_saml' is not null`)
      .where(sql<boolean>`metadata->'sekisho_saml'->>'entity_id' = ${entityId}`)
      .executeTakeFirst(),
  )
  if (row === undefined) throw new Refusal('provider-unknown')
  const provider = await activeProvider(store, row.id)
  const { sekisho_saml: saml } = provider.metadata
  if (saml === undefined) throw new Refusal('provider-unknown')
  return { provider, saml }
}
