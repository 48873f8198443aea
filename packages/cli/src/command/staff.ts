/** `sekisho staff`: how the first members of the operator's staff come in (C8); the rest is done at the console, by two people. */
import type { Command } from 'commander'
import { callProgram } from './admin.ts'
import { defaultFolder } from './town.ts'

/** Adds the commands. */
export function addStaffCommands(program: Command): void {
  const staff = program.command('staff').description("the operator's staff at the running platform")
  staff
    .command('list')
    .description('everybody with their roles')
    .option('--data <folder>', '', defaultFolder())
    .action(async (given: { readonly data: string }) =>
      tell(await callProgram(given.data, 'platform', 'staff-list')),
    )
  staff
    .command('invite')
    .description(
      'a code by which somebody registers a passkey at the console; once two security officers have theirs, they invite',
    )
    .argument('<id>', 'short name, a-z, 0-9 and -')
    .requiredOption('--name <text>')
    .requiredOption('--role <role...>', 'monitor, providers, fees, clerk, keys, security, auditor')
    .option('--break-glass <reason>', 'invite all the same; the reason goes into the ledger')
    .option('--data <folder>', '', defaultFolder())
    .action(
      async (
        id: string,
        given: {
          readonly data: string
          readonly name: string
          readonly role: readonly string[]
          readonly breakGlass?: string
        },
      ) => {
        const { name, role: roles, breakGlass } = given
        const reason = breakGlass === undefined ? {} : { breakGlass }
        tell(
          await callProgram(given.data, 'platform', 'staff-invite', { id, name, roles, ...reason }),
        )
      },
    )
}

function tell(answer: unknown): void {
  process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`)
}
