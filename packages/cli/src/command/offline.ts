import type { Command } from 'commander'
import { addAuditCommands } from './audit.ts'
import { emptyCommandLine } from './empty.ts'
import { addVerifyCommands } from './verify.ts'

/** Commands that need the trust core and no town, so that they start fast and leave memory for files. */
export const offlineCommands: ReadonlySet<string> = new Set(['verify', 'path', 'audit', 'witness'])

/** The command line of those commands alone. */
export function createOfflineCommandLine(): Command {
  const program = emptyCommandLine()
  addVerifyCommands(program)
  addAuditCommands(program)
  return program
}
