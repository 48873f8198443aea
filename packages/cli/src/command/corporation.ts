/** `corporation`, `cross-certificate`: entries in the town's register of companies, and who recognises whom among the other CAs. */
import type { Command } from 'commander'
import { callProgram } from './admin.ts'
import { defaultFolder } from './town.ts'

/** Adds the commands. */
export function addCorporationCommands(program: Command): void {
  const corporation = program
    .command('corporation')
    .description('the town’s register of companies (docs/protocol/other-cas.md)')
  corporation
    .command('show')
    .description('who represents a corporation, and who did')
    .argument('<number>', 'corporate number, 13 digits')
    .option('--data <folder>', '', defaultFolder())
    .action(async (number: string, { data }: { data: string }) =>
      tell(await ask(data, 'corporation-representatives', { corporation: number })),
    )
  corporation
    .command('enter')
    .description('enter something; certificates that it makes untrue end')
    .argument('<number>', 'corporate number, 13 digits')
    .argument(
      '<what>',
      'rename, move, appoint, resign, change-title, close, stop-certificate or key-compromised',
    )
    .option('--name <text>', 'new name, or name of who is appointed')
    .option('--name-romaji <text>', 'the same in Latin letters')
    .option('--head-office <text>', 'where it moves')
    .option('--title <text>', 'capacity, such as 代表取締役')
    .option('--representative <id>', 'as `corporation show` tells')
    .option('--cause <name>', 'liquidated, merged or closed-by-registrar')
    .option('--successor <number>', 'into which corporation it merged')
    .option('--data <folder>', '', defaultFolder())
    .action(async (number: string, what: string, given: EnterOptions) => {
      const { data, ...said } = given
      const event = { what, ...said }
      tell(await ask(data, 'corporation-event', { corporation: number, event }))
    })

  const cross = program
    .command('cross-certificate')
    .description('certificates of the town’s other CAs for each other')
  for (const [name, command, description] of [
    ['revoke', 'cross-certificate-revoke', 'cut a CA off, in one direction'],
    ['issue', 'cross-certificate-issue', 'let a CA in, or in again'],
  ] as const)
    cross
      .command(name)
      .description(description)
      .argument('<issuer>', 'government, bridge, registrar, accredited or health')
      .argument('<subject>', 'the other one; either is the bridge')
      .option('--data <folder>', '', defaultFolder())
      .action(async (issuer: string, subject: string, { data }: { data: string }) =>
        tell(await ask(data, command, { issuer, subject })),
      )
}

type EnterOptions = {
  readonly data: string
  readonly name?: string
  readonly nameRomaji?: string
  readonly headOffice?: string
  readonly title?: string
  readonly representative?: string
  readonly cause?: string
  readonly successor?: string
}

function ask(data: string, command: string, body: unknown): Promise<unknown> {
  return callProgram(data, 'authority', command, body)
}

function tell(answer: unknown): void {
  process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`)
}
