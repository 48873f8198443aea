/** What the loading service stands on, and how it notes what happens. */
import type { CvAnchor } from '@sekisho/card'
import type { CvSigner } from '@sekisho/card/issue'
import type { RefusalCode } from '@sekisho/contract'
import type { Clock } from '@sekisho/runtime/clock'
import type { MasterKey } from '@sekisho/runtime/keys'
import type { Random } from '@sekisho/runtime/random'
import type { Store, Transaction } from '@sekisho/runtime/store'
import type { LoadingTables } from './database.ts'
import type { LoadingRules } from './rules.ts'

/** Everything that the parts need. */
export type LoadingWorld = {
  readonly store: Store<LoadingTables>
  readonly rules: LoadingRules
  readonly clock: Clock
  readonly random: Random
  /** Seals the master keys of owners. */
  readonly master: MasterKey
  /** Certifies the designated cloud operator. */
  readonly authority: CvSigner
  /** Who signs the chips' certificates. */
  readonly chipAnchors: readonly CvAnchor[]
  /** Folder of the cloud operator's key and, as the terminals of the town have no other place, of theirs. */
  readonly keysFolder: string
  /** Origin of the screens, to which authenticators are bound. */
  readonly publicOrigin: string
}

/** An operator who proved themself at a terminal. */
export type AtTerminal = { readonly terminal: string; readonly operator: string }

/** Something to be noted. */
export type Noted = {
  readonly kind: LoadingTables['loading_event']['kind']
  readonly by?: Partial<AtTerminal>
  readonly aid?: string
  readonly loading?: string
  readonly refusal?: RefusalCode
}

/** Notes in the caller's transaction. */
export async function note(
  tx: Transaction<LoadingTables>,
  world: Pick<LoadingWorld, 'clock'>,
  noted: Noted,
): Promise<void> {
  await tx
    .insertInto('loading_event')
    .values({
      kind: noted.kind,
      at: world.clock.now(),
      terminal: noted.by?.terminal ?? null,
      operator: noted.by?.operator ?? null,
      aid: noted.aid ?? null,
      loading_id: noted.loading ?? null,
      refusal: noted.refusal ?? null,
    })
    .execute()
}
