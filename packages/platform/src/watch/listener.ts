/** Who hears of changed people in the sweep's own transaction. */
import type { Transaction } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'

/** Told of people of whose certificates one's entry came, went or changed; what it means they ask themselves. */
export type ChangeListener = (
  tx: Transaction<PlatformTables>,
  people: readonly string[],
) => Promise<void>
