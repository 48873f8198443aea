import type { Command } from 'commander'
import { addAgentCommand } from './agent.ts'
import { addCaCommands } from './ca.ts'
import { addCardCommands } from './card.ts'
import { addCorporationCommands } from './corporation.ts'
import { emptyCommandLine } from './empty.ts'
import { addOperatorCommands } from './operator.ts'
import { addResidentCommands } from './resident.ts'
import { addPinlessCommands } from './pinless.ts'
import { addTownCommands } from './town.ts'
import { addVerifyCommands } from './verify.ts'

/** The whole command line. */
export function createCommandLine(): Command {
  const program = emptyCommandLine()
  addTownCommands(program)
  addOperatorCommands(program)
  addCaCommands(program)
  addCardCommands(program)
  addResidentCommands(program)
  addCorporationCommands(program)
  addPinlessCommands(program)
  addVerifyCommands(program)
  addAgentCommand(program)
  return program
}
