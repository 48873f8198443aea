/** The tamper-evident log. Outsiders use `@sekisho/ledger/verify`. */
export type { AuditResult } from './audit.ts'
export { defineEntries, type Entry, type EntryKind, type EntryValues } from './entry.ts'
export {
  createLedger,
  type Ledger,
  type LedgerSchema,
  type OpenEntry,
  type RecordedEntry,
} from './ledger.ts'
export type { Proofs, ProvenInclusion } from './proof.ts'
export { ledgerMigrations, type LedgerTables } from './tables.ts'
export type { WitnessAt, WitnessPolicy } from './witnessing.ts'
