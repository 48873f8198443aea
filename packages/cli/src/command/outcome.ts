/** How a command ends: what went wrong, in words, and the exit status that scripts go by. */
import { problemOf, Refusal } from '@sekisho/contract'
import { WalkFault } from '@sekisho/readers'
import { hasCode } from '@sekisho/runtime/files'
import { NetworkFault } from '@sekisho/runtime/net'
import { CommanderError } from 'commander'

/** Refused, or not understood. `verify` uses 1 and 3 for verdicts, so neither stands for anything else. */
const refusedExitCode = 2
/** A fault of ours (EX_SOFTWARE of sysexits(3)). */
export const faultExitCode = 70

/** Says what went wrong on standard error; a refusal with its code, cause and remedy in both languages. Gives the exit status. */
export function tell(error: unknown): number {
  // Commander has told it already; asking for help is no error.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : refusedExitCode
  if (error instanceof Refusal) return say(textOf(error))
  if (hasCode(error, 'ENOENT') || hasCode(error, 'EACCES') || hasCode(error, 'EISDIR'))
    return say(`${textOf(new Refusal('file-unreadable'))}${messageOf(error)}\n`)
  // What a walk met at a provider: its own words, without our stack.
  if (error instanceof WalkFault || error instanceof NetworkFault)
    return say(`${messageOf(error)}\n`)
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  process.stderr.write(`${textOf(new Refusal('internal-fault'))}${text}\n`)
  return faultExitCode
}

function say(text: string): number {
  process.stderr.write(text)
  return refusedExitCode
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function textOf(refusal: Refusal): string {
  const problem = problemOf(refusal)
  const fields = Object.entries(refusal.fields).map(([name, value]) => `${name}=${value}`)
  const lines = [
    `${refusal.code}${fields.length > 0 ? ` (${fields.join(', ')})` : ''}`,
    problem.title_ja,
    problem.remedy_ja,
    problem.title,
    problem.remedy,
  ]
  return `${lines.join('\n')}\n`
}
