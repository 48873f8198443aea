/**
 * `loading`: who runs the town's loading service: owners, their applications, terminals, operators, the log and the yearly report
 * (docs/protocol/card-loading.md). What an owner does itself is `card-app`.
 */
import { resolve } from 'node:path'
import { freeTypes, type FreeType } from '@sekisho/card'
import { Refusal } from '@sekisho/contract'
import { writeFileAtomically } from '@sekisho/runtime/files'
import { publicJwkOf } from '@sekisho/runtime/keys'
import type { Command } from 'commander'
import { z } from 'zod'
import { callProgram } from './admin.ts'
import { masterKeyIn, ownerKey, tell } from './card-app.ts'
import { defaultFolder } from './town.ts'

/** Adds the commands. */
export function addLoadingCommands(program: Command): void {
  const loading = program
    .command('loading')
    .description('the service that loads applications into cards')
  addContractCommands(loading)
  addPeopleCommands(loading)
  loading
    .command('log')
    .description('what happened: who proved themself where, what was loaded, what was refused')
    .option('--data <folder>', '', defaultFolder())
    .action(async ({ data }: { data: string }) => tell(await ask(data, 'loading-log')))
  loading
    .command('audit')
    .description('take down the result of an owner’s audit, for the yearly report')
    .argument('<owner>')
    .requiredOption('--year <year>', 'year of account, from April')
    .requiredOption('--result <name>', 'satisfied or findings')
    .option('--text <text>', '', '')
    .option('--data <folder>', '', defaultFolder())
    .action(
      async (
        owner: string,
        given: { year: string; result: string; text: string; data: string },
      ) => {
        const { year, result, text, data } = given
        tell(await ask(data, 'loading-audit', { owner, year: Number(year), result, text }))
      },
    )
  loading
    .command('report')
    .description('the yearly report to the minister')
    .requiredOption('--year <year>', 'year of account, from April')
    .option('--html <file>', 'write it as a page too')
    .option('--lang <lang>', 'ja or en', 'ja')
    .option('--data <folder>', '', defaultFolder())
    .action(report)
}

function addContractCommands(loading: Command): void {
  loading
    .command('owner')
    .description('register an owner of applications, or change its contract')
    .argument('<id>', 'lower-case letters, digits and hyphens')
    .requiredOption('--name <text>')
    .requiredOption('--kind <name>', 'ordinance or private')
    .requiredOption('--basis <text>', 'the ordinance, or the minister’s confirmation')
    .requiredOption('--types <letters>', 'types that it may have loaded, such as AC')
    .requiredOption('--until <day>', 'last day of the contract, YYYY-MM-DD')
    .requiredOption('--key-in <folder>', 'the owner’s folder, where its key is made')
    .option('--data <folder>', '', defaultFolder())
    .action(async (id: string, given: OwnerOptions) => {
      const { name, kind, basis, types, until, keyIn, data } = given
      const key = await ownerKey(resolve(keyIn))
      const rest = { types: types.split(''), until: until.replaceAll('-', '') }
      const publicKey = publicJwkOf(key)
      const body = { id, name, kind, basis, ...rest, keyId: key.keyId, publicKey }
      tell(await ask(data, 'loading-owner', body))
    })
  loading
    .command('application')
    .description(
      'register an application of an owner; its master key is made in the owner’s folder',
    )
    .argument('<aid>', '5 to 16 bytes in hexadecimal')
    .requiredOption('--owner <id>')
    .requiredOption('--name <text>')
    .requiredOption('--type <letter>', 'A, C or D')
    .requiredOption('--file <id:bytes:count...>', 'such as 1:16:1')
    .requiredOption('--key-in <folder>', 'the owner’s folder')
    .option('--with-pin', 'reading needs the holder’s PIN', false)
    .option('--data <folder>', '', defaultFolder())
    .action(async (aid: string, given: ApplicationOptions) => {
      const { owner, name, type, withPin: hasPin, data } = given
      const files = given.file.map(text => {
        const [id, bytes, count] = text.split(':').map(Number)
        return { id, bytes, count }
      })
      const key = aid.toUpperCase()
      const master = await masterKeyIn(resolve(given.keyIn), key)
      const masterKey = Buffer.from(master).toString('base64')
      const body = { aid: key, owner, name, type: typeOf(type), hasPin, files, masterKey }
      tell(await ask(data, 'loading-application', body))
    })
  loading
    .command('applications')
    .description('what may be loaded today')
    .option('--data <folder>', '', defaultFolder())
    .action(async ({ data }: { data: string }) => tell(await ask(data, 'loading-applications')))
}

function addPeopleCommands(loading: Command): void {
  loading
    .command('terminal')
    .description('register a loading terminal; the code is typed once at its screen, /loading')
    .argument('<number>', '1 to 8 letters and digits')
    .requiredOption('--place <text>')
    .requiredOption('--administrator <text>', 'who is responsible for it')
    .option('--data <folder>', '', defaultFolder())
    .action(
      async (number: string, given: { place: string; administrator: string; data: string }) => {
        const { place, administrator, data } = given
        tell(await ask(data, 'loading-terminal', { number, place, administrator }))
      },
    )
  loading
    .command('operator')
    .description(
      'register an operator; with the code they register their authenticator at a terminal',
    )
    .argument('<id>', 'lower-case letters, digits and hyphens')
    .requiredOption('--name <text>')
    .option('--data <folder>', '', defaultFolder())
    .action(async (id: string, { name, data }: { name: string; data: string }) =>
      tell(await ask(data, 'loading-operator', { id, name })),
    )
  for (const [name, command, member] of [
    ['terminal-withdraw', 'loading-terminal-withdraw', 'number'],
    ['operator-withdraw', 'loading-operator-withdraw', 'id'],
  ] as const)
    loading
      .command(name)
      .description('from now on it is one no more')
      .argument(`<${member}>`)
      .option('--data <folder>', '', defaultFolder())
      .action(async (value: string, { data }: { data: string }) =>
        tell(await ask(data, command, { [member]: value })),
      )
}

type OwnerOptions = {
  readonly name: string
  readonly kind: string
  readonly basis: string
  readonly types: string
  readonly until: string
  readonly keyIn: string
  readonly data: string
}

type ApplicationOptions = {
  readonly owner: string
  readonly name: string
  readonly type: string
  readonly file: readonly string[]
  readonly keyIn: string
  readonly withPin: boolean
  readonly data: string
}

async function report(given: {
  year: string
  html?: string
  lang: string
  data: string
}): Promise<void> {
  const body = { year: Number(given.year), lang: given.lang }
  tell(await ask(given.data, 'loading-report', body))
  if (given.html === undefined) return
  const { html } = z
    .object({ html: z.string() })
    .parse(await ask(given.data, 'loading-report-page', body))
  await writeFileAtomically(resolve(given.html), html)
}

function typeOf(text: string): FreeType {
  if (text !== 'A' && text !== 'C' && text !== 'D')
    throw new Refusal('request-malformed', { fields: `type: ${Object.keys(freeTypes).join(', ')}` })
  return text
}

function ask(data: string, command: string, body?: unknown): Promise<unknown> {
  return callProgram(data, 'authority', command, body)
}
