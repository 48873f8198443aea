/** What the other CAs and the companies' register stand on. */
import type { Clock } from '@sekisho/runtime/clock'
import type { Random } from '@sekisho/runtime/random'
import type { Store } from '@sekisho/runtime/store'
import type { CardKey } from '../world.ts'
import type { OtherCas } from './authority.ts'
import type { OtherTables } from './database.ts'

/** Everything that the parts need. */
export type OtherWorld = {
  readonly store: Store<OtherTables>
  readonly cas: OtherCas
  readonly clock: Clock
  readonly random: Random
  /** Folder of the holders' key files. */
  readonly holdersFolder: string
  /** Makes a key pair for a holder. */
  holderKey(): Promise<CardKey>
}
