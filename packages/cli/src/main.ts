/** The `sekisho` command. */
import { problemOf, Refusal } from '@sekisho/contract'
import { Command } from 'commander'
import { addAgentCommand } from './command/agent.ts'
import { addCardCommands } from './command/card.ts'
import { addOperatorCommands } from './command/operator.ts'
import { addTownCommands } from './command/town.ts'
import { addVerifyCommands } from './command/verify.ts'

const program = new Command('sekisho')
  .description(
    'Open common authentication platform for JPKI, with a practice town / 公的個人認証の共通認証基盤',
  )
  .version('0.1.0')
addTownCommands(program)
addOperatorCommands(program)
addCardCommands(program)
addVerifyCommands(program)
addAgentCommand(program)

try {
  await program.parseAsync()
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
