/** `sekisho fees`: statements, tariffs, corrections and forecasts at the running platform (C7). */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { z } from 'zod'
import { defaultFolder } from './town.ts'
import { callProgram } from './admin.ts'
import { readJson } from './file.ts'

type Where = { readonly data: string }

/** Adds the commands. */
export function addFeeCommands(program: Command): void {
  const fees = program.command('fees').description('fees of the providers at the running platform')
  const add = (name: string, description: string): Command =>
    fees.command(name).description(description).option('--data <folder>', '', defaultFolder())
  add('statements', 'write the statements of a month of all providers into a folder')
    .argument('<month>', 'YYYY-MM in Japan')
    .requiredOption('--out <folder>')
    .action(writeStatements)
  add('versions', 'the statement of a provider and what it was before corrections')
    .argument('<provider>')
    .argument('<month>')
    .action(async (provider: string, month: string, given: Where) =>
      tell(await ask(given, 'fees-statement', { provider, month, format: 'versions' })),
    )
  add('reconcile', 'what the authority counted in a month, beside what was billed')
    .argument('<month>')
    .action(async (month: string, given: Where) =>
      tell(await ask(given, 'fees-reconcile', { month })),
    )
  add('forecast', 'what the running month will cost a provider, and the cheapest way open to it')
    .argument('<provider>')
    .action(async (provider: string, given: Where) =>
      tell(await ask(given, 'fees-forecast', { provider })),
    )
  add('rate', 'what a month would cost under another tariff; nothing is changed')
    .argument('<month>')
    .requiredOption('--tariff <id>')
    .action(async (month: string, { data, tariff }: Where & { tariff: string }) =>
      tell(await ask({ data }, 'fees-rate', { month, tariff })),
    )
  add('correct', 'correct the statements of a month that has ended; the earlier ones are kept')
    .argument('<month>')
    .requiredOption('--tariff <id>')
    .requiredOption('--reason <text>', 'for the ledger; no names')
    .action(async (month: string, given: Where & { tariff: string; reason: string }) =>
      tell(await ask(given, 'fees-correct', { month, tariff: given.tariff, reason: given.reason })),
    )
  addTariffCommands(fees)
}

function addTariffCommands(fees: Command): void {
  const tariff = fees.command('tariff').description('tariffs, and from when which is in force')
  const add = (name: string, description: string): Command =>
    tariff.command(name).description(description).option('--data <folder>', '', defaultFolder())
  add('list', 'all tariffs').action(async (given: Where) => tell(await ask(given, 'fees-tariffs')))
  add('add', 'add a tariff (docs/protocol/fees.md)')
    .argument('<file>', 'JSON')
    .action(async (file: string, given: Where) =>
      tell(await ask(given, 'fees-tariff-add', await readJson(file))),
    )
  add('adopt', 'put a tariff in force from a month that has not begun')
    .argument('<id>')
    .argument('<month>')
    .action(async (id: string, month: string, given: Where) =>
      tell(await ask(given, 'fees-tariff-adopt', { tariff: id, month })),
    )
}

async function writeStatements(month: string, given: Where & { out: string }): Promise<void> {
  const { providers } = z
    .object({ providers: z.array(z.string().regex(/^[0-9a-z][0-9a-z.-]{0,62}$/)) })
    .parse(await ask(given, 'fees-providers', { month }))
  await mkdir(given.out, { recursive: true })
  const written: string[] = []
  for (const provider of providers)
    for (const format of ['json', 'csv', 'pdf'] as const) {
      const answer = await ask(given, 'fees-statement', { provider, month, format })
      const bytes =
        format === 'json'
          ? `${JSON.stringify(answer, null, 2)}\n`
          : Buffer.from(z.object({ file: z.base64() }).parse(answer).file, 'base64')
      const path = join(given.out, `${provider}-${month}.${format}`)
      await writeFile(path, bytes)
      written.push(path)
    }
  tell({ written })
}

function ask({ data }: Where, command: string, body?: unknown): Promise<unknown> {
  return callProgram(data, 'platform', command, body)
}

function tell(answer: unknown): void {
  process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`)
}
