/**
 * Registrations as files (C6): all of them taken out, and a set of them put in at once. Putting in tells what it changes; nothing is
 * removed, and where one of them cannot be registered, none is.
 */
import { isDeepStrictEqual } from 'node:util'
import { type ProviderMetadata, Refusal } from '@sekisho/contract'
import type { Instant } from '@sekisho/runtime/clock'
import { jsonb, type Store } from '@sekisho/runtime/store'
import { z } from 'zod'
import type { PlatformTables } from '../database.ts'
import { listProviders, parseMetadata, refusingTaken } from './registry.ts'

/** What putting in does, by id. */
export type ProviderChanges = {
  readonly added: readonly string[]
  /** With the members that differ. */
  readonly changed: Readonly<Record<string, readonly string[]>>
  readonly unchanged: readonly string[]
  /** Registered, and not among those put in; they stay. */
  readonly others: readonly string[]
}

const filed = z.strictObject({
  providers: z.array(z.unknown()).max(10_000),
  isDryRun: z.boolean(),
})

/** Every registration as it would be put in. */
export async function exportProviders(
  store: Store<PlatformTables>,
): Promise<{ readonly providers: readonly ProviderMetadata[] }> {
  return { providers: (await listProviders(store)).map(({ metadata }) => metadata) }
}

/** Puts registrations in. Refusals `request-malformed` with number and member of the first that cannot be registered, or stands there twice; `provider-taken`. */
export async function applyProviders(
  store: Store<PlatformTables>,
  body: unknown,
  given: { readonly at: Instant; readonly mode: 'town' | 'production' },
): Promise<ProviderChanges> {
  const parsed = filed.safeParse(body)
  if (!parsed.success) throw new Refusal('request-malformed', { field: 'providers' })
  const wanted = parsed.data.providers.map((one, at) =>
    numbered(at, () => parseMetadata(one, given.mode)),
  )
  const ids = new Set(wanted.map(one => one.client_id))
  if (ids.size < wanted.length) throw new Refusal('request-malformed', { field: 'client_id' })
  const known = new Map((await listProviders(store)).map(({ id, metadata }) => [id, metadata]))
  const differing = wanted.flatMap(one => {
    const kept = known.get(one.client_id)
    return kept === undefined || isDeepStrictEqual(kept, one)
      ? []
      : [[one.client_id, membersOf(kept, one)] as const]
  })
  const changes: ProviderChanges = {
    added: [...ids].filter(id => !known.has(id)),
    changed: Object.fromEntries(differing),
    unchanged: [...ids].filter(id => known.has(id) && !differing.some(([other]) => other === id)),
    others: [...known.keys()].filter(id => !ids.has(id)),
  }
  if (!parsed.data.isDryRun)
    await refusingTaken(() =>
      store.transaction(async tx => {
        for (const metadata of wanted)
          await tx
            .insertInto('provider')
            .values({
              id: metadata.client_id,
              metadata: jsonb(metadata),
              state: 'active',
              created_at: given.at,
            })
            .onConflict(conflict =>
              conflict.column('id').doUpdateSet({ metadata: jsonb(metadata) }),
            )
            .execute()
      }),
    )
  return changes
}

function membersOf(kept: ProviderMetadata, wanted: ProviderMetadata): readonly string[] {
  const names = new Set([...Object.keys(kept), ...Object.keys(wanted)])
  return [...names].filter(name => !isDeepStrictEqual(kept[name], wanted[name])).sort()
}

/** Says in a refusal which of several it was. */
function numbered<T>(at: number, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    throw new Refusal(error.code, { ...error.fields, number: at + 1 })
  }
}
