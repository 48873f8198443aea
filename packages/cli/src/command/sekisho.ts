import type { Command } from 'commander'
import { addAgentCommand } from './agent.ts'
import { addAuditCommands } from './audit.ts'
import { addCaCommands } from './ca.ts'
import { addCardAppCommands } from './card-app.ts'
import { addCardCommands } from './card.ts'
import { addChaosCommand } from './chaos.ts'
import { addCorporationCommands } from './corporation.ts'
import { emptyCommandLine } from './empty.ts'
import { addFeeCommands } from './fees.ts'
import { addPeopleCommands } from './people.ts'
import { addKeyCommands } from './keys.ts'
import { addLoadingCommands } from './loading.ts'
import { addOperatorCommands } from './operator.ts'
import { addProviderCommands } from './provider.ts'
import { addResidentCommands } from './resident.ts'
import { addPinlessCommands } from './pinless.ts'
import { addRetentionCommands } from './retention.ts'
import { addStaffCommands } from './staff.ts'
import { addTownCommands } from './town.ts'
import { addVerifyCommands } from './verify.ts'

/** The whole command line. */
export function createCommandLine(): Command {
  const program = emptyCommandLine()
  addTownCommands(program)
  addOperatorCommands(program)
  addProviderCommands(program)
  addFeeCommands(program)
  addPeopleCommands(program)
  addRetentionCommands(program)
  addStaffCommands(program)
  addCaCommands(program)
  addCardCommands(program)
  addResidentCommands(program)
  addCorporationCommands(program)
  addChaosCommand(program)
  addPinlessCommands(program)
  addLoadingCommands(program)
  addKeyCommands(program)
  addCardAppCommands(program)
  addVerifyCommands(program)
  addAuditCommands(program)
  addAgentCommand(program)
  return program
}
