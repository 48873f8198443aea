/** `resident`: what happens to people at the municipal windows of the running town, for those whom no screen serves. */
import { Refusal } from '@sekisho/contract'
import type { Command } from 'commander'
import { callProgram } from './admin.ts'
import { defaultFolder } from './town.ts'

/** Adds the commands. */
export function addResidentCommands(program: Command): void {
  const resident = program.command('resident').description('the residents of the town')
  resident
    .command('list')
    .description('the prepared people with their ids')
    .option('--data <folder>', '', defaultFolder())
    .action(async (given: { data: string }) =>
      tell(await callProgram(given.data, 'authority', 'resident-list')),
    )
  resident
    .command('event')
    .description('have something happen to a resident: move, born, begin-guardianship, lost, …')
    .argument('<resident>', 'persona or id of the resident')
    .argument('<what>', 'the event')
    .argument('[details]', 'JSON: what the event needs besides')
    .option('--notice <name>', 'under which it may be sent again and happens once')
    .option('--data <folder>', '', defaultFolder())
    .action(
      async (
        name: string,
        what: string,
        details: string | undefined,
        given: { data: string; notice?: string },
      ) => {
        const event = { ...parseObject(details ?? '{}'), what }
        const body = { resident: name, event, ...noticeOf(given) }
        tell(await callProgram(given.data, 'authority', 'resident-event', body))
      },
    )
  resident
    .command('register')
    .description('enter somebody who arrives from abroad, or lives there ("isAbroad": true)')
    .argument('<person>', 'JSON: name, birthDate, gender, municipality, address, stay, isAbroad')
    .option('--notice <name>', 'under which it may be sent again and happens once')
    .option('--data <folder>', '', defaultFolder())
    .action(async (person: string, given: { data: string; notice?: string }) => {
      const body = { ...parseObject(person), ...noticeOf(given) }
      tell(await callProgram(given.data, 'authority', 'resident-register', body))
    })
}

function noticeOf(given: { readonly notice?: string }): { readonly notice?: string } {
  return given.notice === undefined ? {} : { notice: given.notice }
}

/** Members of a JSON object. Refusal `request-malformed`. */
function parseObject(text: string): object {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // Said below.
  }
  throw new Refusal('request-malformed', { fields: 'details' })
}

function tell(answer: unknown): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
