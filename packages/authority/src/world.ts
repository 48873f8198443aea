/** What the authority's parts are made of; composed once in `program.ts`. */
import type { Clock } from '@sekisho/runtime/clock'
import type { Log } from '@sekisho/runtime/log'
import type { Random } from '@sekisho/runtime/random'
import type { Store } from '@sekisho/runtime/store'
import type { Hierarchy } from './ca/hierarchy.ts'
import type { ValidityRules } from './ca/validity.ts'
import type { AuthorityTables } from './database.ts'

/** A key pair for a card. */
export type CardKey = { readonly pkcs8: Uint8Array; readonly spki: Uint8Array }

export type World = {
  readonly store: Store<AuthorityTables>
  readonly hierarchy: Hierarchy
  readonly rules: ValidityRules
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Folder of the card files: the window's tray. */
  readonly cardsFolder: string
  /** Makes a key pair for a card. */
  cardKey(): Promise<CardKey>
}
