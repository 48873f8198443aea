/** The `sekisho` command. */
import { Command } from 'commander'
import { addAgentCommand } from './command/agent.ts'
import { addCardCommands } from './command/card.ts'
import { addOperatorCommands } from './command/operator.ts'
import { tell } from './command/outcome.ts'
import { addTownCommands } from './command/town.ts'
import { addVerifyCommands } from './command/verify.ts'

// Whoever reads our output may have read enough (`| head`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})

// Before the commands are added, so that they end the same way.
const program = new Command('sekisho').exitOverride()
program
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
