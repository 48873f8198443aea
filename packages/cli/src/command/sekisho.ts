import { Command } from 'commander'
import { addAgentCommand } from './agent.ts'
import { addCardCommands } from './card.ts'
import { addOperatorCommands } from './operator.ts'
import { addTownCommands } from './town.ts'
import { addVerifyCommands } from './verify.ts'

/** The whole command line. It throws where commander would end the process. */
export function createCommandLine(): Command {
  // Before the commands are added, so that they end the same way.
  const program = new Command('sekisho')
    .exitOverride()
    .description(
      'Open common authentication platform for JPKI, with a practice town / 公的個人認証の共通認証基盤',
    )
    .version('0.1.0')
  addTownCommands(program)
  addOperatorCommands(program)
  addCardCommands(program)
  addVerifyCommands(program)
  addAgentCommand(program)
  return program
}
