/** Nonces of signed requests in a table, so that a message counts once also across a restart and on several nodes. */
import { protocolNow } from '@sekisho/runtime/clock'
import type { NonceMemory } from '@sekisho/runtime/net'
import type { Store } from '@sekisho/runtime/store'
import type { AuthorityTables } from '../database.ts'

/** A memory over the table; what has expired is swept with each call. */
export function createNonceTable(store: Store<AuthorityTables>): NonceMemory {
  return {
    remember: (keyId, nonce, until) =>
      store.transaction(async tx => {
        await tx.deleteFrom('nonce').where('until', '<', protocolNow()).execute()
        const added = await tx
          .insertInto('nonce')
          .values({ key_id: keyId, nonce, until })
          .onConflict(conflict => conflict.doNothing())
          .returning('nonce')
          .executeTakeFirst()
        return added !== undefined
      }),
  }
}
