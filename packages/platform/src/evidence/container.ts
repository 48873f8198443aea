/**
 * What the platform keeps so that a judgement can be shown later: document, signature, certificate and what was judged,
 * sealed under the person's key. A provider never gets it (architecture.md "What a provider keeps"), but for registered verifiers of
 * signatures.
 */
import type { Instant } from '@sekisho/runtime/clock'
import type { PersonKey } from '@sekisho/runtime/keys'
import type { Random } from '@sekisho/runtime/random'
import type { Transaction } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'

/** Forms of what is kept. */
export type ContainerFormat = PlatformTables['container']['format']

/** The content of a container; bytes are base64. */
export type ContainerContent = {
  readonly mediaType: string
  /** The judgement's evidence: path, revocation source and its window. */
  readonly evidence: unknown
} & (
  | { readonly document: string; readonly signature: string; readonly certificate: string }
  | {
      /** The signed file. */
      readonly file: string
      /** What was signed, where it is not in the file and was at hand. */
      readonly content?: string | undefined
    }
  /** A file that was uploaded: whoever sent it has it. SHA-256 in hex. */
  | { readonly fileSha256: string }
)

/** How a container is made to last. */
export type Lasting = {
  readonly format: ContainerFormat
  /** Level reached, such as `cades-t`; null for a bare signature. */
  readonly level: string | null
  /** When something is to be added; null: nothing can be. */
  readonly dueAt: Instant | null
  /** Until when the newest time-stamp is believed; null: there is none. */
  readonly stampedUntil: Instant | null
}

/** A bare signature lasts as long as its certificate. */
export const notLasting: Lasting = { format: 'raw', level: null, dueAt: null, stampedUntil: null }

/** A sealed container opens only in its own row. */
function containerPlace(id: string): string {
  return `container.content ${id}`
}

/** What is kept of one judgement. */
export type ContainerToKeep = {
  readonly personId: string
  readonly providerId: string
  readonly kind: 'identify' | 'sign' | 'login' | 'verification'
  readonly content: ContainerContent
  readonly policy: string
  readonly lasting: Lasting
  /** The signing transaction that it came of; null: none. */
  readonly transactionId: string | null
}

/** With what it is kept: the time of the judgement, the person's key. */
export type KeepingContainer = {
  readonly at: Instant
  readonly random: Random
  readonly key: PersonKey
}

/** Keeps a container inside the caller's transaction and returns its id. */
export async function keepContainer(
  tx: Transaction<PlatformTables>,
  given: ContainerToKeep,
  world: KeepingContainer,
): Promise<string> {
  const row = containerRow(given, world)
  await tx.insertInto('container').values(row).execute()
  return row.id
}

/** Keeps several in one statement. */
export async function keepContainers(
  tx: Transaction<PlatformTables>,
  all: readonly (readonly [ContainerToKeep, KeepingContainer])[],
): Promise<void> {
  if (all.length === 0) return
  await tx
    .insertInto('container')
    .values(all.map(([given, world]) => containerRow(given, world)))
    .execute()
}

function containerRow(given: ContainerToKeep, world: KeepingContainer) {
  const id = world.random.uuidv7(world.at)
  return {
    id,
    person_id: given.personId,
    provider_id: given.providerId,
    kind: given.kind,
    sealed: sealContainer(world.key, id, given.content),
    judged_at: world.at,
    policy: given.policy,
    format: given.lasting.format,
    level: given.lasting.level,
    due_at: given.lasting.dueAt,
    stamped_until: given.lasting.stampedUntil,
    transaction_id: given.transactionId,
  }
}

/** Seals content for its row. */
export function sealContainer(key: PersonKey, id: string, content: ContainerContent): Uint8Array {
  return key.seal(containerPlace(id), new TextEncoder().encode(JSON.stringify(content)))
}

/** Opens what a row holds. */
export function openContainer(
  key: PersonKey,
  row: { readonly id: string; readonly sealed: Uint8Array },
): ContainerContent {
  const opened: ContainerContent = JSON.parse(
    new TextDecoder().decode(key.open(containerPlace(row.id), row.sealed)),
  )
  return opened
}
