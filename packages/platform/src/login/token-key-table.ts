/** The table of the keys that sign ID tokens. */
import type { Instant } from '@sekisho/runtime/clock'
import { type Migrations, sql } from '@sekisho/runtime/store'

export type TokenKeyTables = {
  token_key: {
    /** Its name in the keyring. */
    name: string
    /** Real time from which it signs, until the next one does. */
    active_from: Instant
  }
}

export const tokenKeyMigrations: Migrations = {
  'platform-0011-token-keys': async db => {
    await sql`
      create table token_key (
        name text primary key,
        active_from bigint not null
      )`.execute(db)
  },
}
