/** One-stop procedures of several parties (C13). */
export { type ProcedureSettings, proceduresRoom } from './room.ts'
