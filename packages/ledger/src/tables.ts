/** The ledger's tables, part of the schema of the program that records. */
import type { Instant } from '@sekisho/runtime/clock'
import { type Migrations, sql } from '@sekisho/runtime/store'

/** The tables. Nothing but this package touches them. */
export type LedgerTables = {
  ledger_entry: {
    id: string
    /** Whose key the content lies under; null where an entry concerns no person. */
    person_id: string | null
    /** Salt (32 bytes) and entry; sealed under the person's key, if there is a person. */
    content: Uint8Array
    /** SHA-256 of salt and entry: what the leaf is made of. */
    content_hash: Uint8Array
    /** Protocol time, to tell whether sequencing is late. */
    recorded_at: Instant
    /** The place in the log; null until the sequencer has come by. */
    leaf_index: number | null
  }
  /** Hashes in rows of up to 256 (C2SP tlog-tiles); only the last tile of a level grows. */
  ledger_tile: { level: number; tile: number; hashes: Uint8Array }
  ledger_checkpoint: { size: number; note: string; signed_at: Instant }
  /** What witnesses have cosigned; `line` as it stands below the checkpoint. */
  ledger_cosignature: { size: number; witness: string; line: string }
}

/** The steps that make the tables. */
export const ledgerMigrations: Migrations = {
  'ledger-0001': async db => {
    await sql`
      create table ledger_entry (
        id text primary key,
        person_id text,
        content bytea not null,
        content_hash bytea not null check (length(content_hash) = 32),
        recorded_at bigint not null,
        leaf_index bigint unique check (leaf_index >= 0)
      )`.execute(db)
    await sql`
      create index ledger_entry_unsequenced on ledger_entry (recorded_at, id)
        where leaf_index is null`.execute(db)
    await sql`create index ledger_entry_person on ledger_entry (person_id, id)`.execute(db)
    await sql`
      create table ledger_tile (
        level integer not null,
        tile bigint not null,
        hashes bytea not null check (length(hashes) between 32 and 8192),
        primary key (level, tile)
      )`.execute(db)
    await sql`
      create table ledger_checkpoint (
        size bigint primary key,
        note text not null,
        signed_at bigint not null
      )`.execute(db)
  },
  'ledger-0002-cosignature': async db => {
    await sql`
      create table ledger_cosignature (
        size bigint not null references ledger_checkpoint (size),
        witness text not null,
        line text not null,
        primary key (size, witness)
      )`.execute(db)
    await sql`create index ledger_cosignature_witness on ledger_cosignature (witness, size)`.execute(
      db,
    )
  },
}
