/** The `sekisho` command. */
import { problemOf, Refusal } from '@sekisho/contract'
import { createCommandLine } from './command/sekisho.ts'

try {
  await createCommandLine().parseAsync()
} catch (error) {
  process.exitCode = tell(error)
}

/** Says what went wrong on standard error; a refusal with its code, cause and remedy in both languages. */
function tell(error: unknown): number {
  if (error instanceof Refusal) {
    const problem = problemOf(error)
    const fields = Object.entries(error.fields).map(([name, value]) => `${name}=${value}`)
    process.stderr.write(
      `${error.code}${fields.length > 0 ? ` (${fields.join(', ')})` : ''}\n${problem.title_ja}\n${problem.remedy_ja}\n${problem.title}\n${problem.remedy}\n`,
    )
    return 2
  }
  process.stderr.write(
    `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  )
  return 1
}
