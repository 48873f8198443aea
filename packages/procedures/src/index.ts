/** One-stop procedures of several parties (C13). */
export { type Definition, defineProcedure } from './definition.ts'
export { type ProcedureSettings, proceduresRoom } from './room.ts'
