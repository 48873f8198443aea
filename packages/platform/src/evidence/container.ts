/**
 * What the platform keeps so that a judgement can be shown later: document, signature, certificate and what was judged,
 * sealed under the person's key. A provider never gets it (architecture.md "What a provider keeps").
 */
import type { Instant } from '@sekisho/runtime/clock'
import type { PersonKey } from '@sekisho/runtime/keys'
import type { Random } from '@sekisho/runtime/random'
import type { Transaction } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'

/** The content of a container; bytes are base64. */
export type ContainerContent = {
  readonly document: string
  readonly signature: string
  readonly certificate: string
  readonly mediaType: string
  /** The judgement's evidence: path, revocation source and its window. */
  readonly evidence: unknown
}

/** A sealed container opens only in its own row. */
function containerPlace(id: string): string {
  return `container.content ${id}`
}

/** Keeps a container inside the caller's transaction and returns its id. */
export async function keepContainer(
  tx: Transaction<PlatformTables>,
  given: {
    readonly personId: string
    readonly providerId: string
    readonly kind: 'identify' | 'sign' | 'login' | 'verification'
    readonly content: ContainerContent
    readonly policy: string
  },
  world: { readonly at: Instant; readonly random: Random; readonly key: PersonKey },
): Promise<string> {
  const id = world.random.uuidv7(world.at)
  await tx
    .insertInto('container')
    .values({
      id,
      person_id: given.personId,
      provider_id: given.providerId,
      kind: given.kind,
      sealed: world.key.seal(
        containerPlace(id),
        new TextEncoder().encode(JSON.stringify(given.content)),
      ),
      judged_at: world.at,
      policy: given.policy,
    })
    .execute()
  return id
}
