/** `sekisho provider`: the providers registered at the running platform (C6). */
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Refusal } from '@sekisho/contract'
import type { Command } from 'commander'
import { z } from 'zod'
import { callProgram } from './admin.ts'
import { readJson } from './file.ts'
import { defaultFolder } from './town.ts'

type Where = { readonly data: string }

/** Adds the commands. */
export function addProviderCommands(program: Command): void {
  const provider = program
    .command('provider')
    .description('the providers registered at the running platform')
  const add = (name: string, description: string): Command =>
    provider.command(name).description(description).option('--data <folder>', '', defaultFolder())
  add('add', 'register a provider from OpenID client metadata')
    .argument(
      '<file>',
      'JSON: client_id, client_name, redirect_uris, jwks, scope, sekisho_purpose, …',
    )
    .action(async (file: string, given: Where) =>
      tell(await ask(given, 'provider-add', await readJson(file))),
    )
  add('list', 'all of them').action(async (given: Where) => tell(await ask(given, 'provider-list')))
  for (const [name, state] of [
    ['suspend', 'suspended'],
    ['resume', 'active'],
  ] as const)
    add(name, name === 'suspend' ? 'refuse it from the next call on' : 'serve it again')
      .argument('<id>')
      .action(async (id: string, given: Where) =>
        tell(await ask(given, 'provider-state', { id, state })),
      )
  add('export', 'write every registration into a folder, a file each')
    .requiredOption('--out <folder>')
    .action(exportProviders)
  add(
    'apply',
    'register what lies in a folder, all or nothing; tells what it changes, removes nothing',
  )
    .argument('<folder>', 'files as `provider export` writes them')
    .option('--dry-run', 'tell only')
    .action(applyProviders)
}

async function exportProviders(given: Where & { readonly out: string }): Promise<void> {
  const { providers } = z
    .object({ providers: z.array(z.looseObject({ client_id: z.string() })) })
    .parse(await ask(given, 'provider-export'))
  await mkdir(given.out, { recursive: true })
  for (const one of providers)
    await writeFile(join(given.out, `${one.client_id}.json`), `${JSON.stringify(one, null, 2)}\n`)
  tell({ written: providers.map(one => one.client_id) })
}

async function applyProviders(
  folder: string,
  given: Where & { readonly dryRun?: true },
): Promise<void> {
  const names = (await namesIn(folder)).filter(name => name.endsWith('.json')).sort()
  const providers = await Promise.all(names.map(name => readJson(join(folder, name))))
  tell(await ask(given, 'provider-apply', { providers, isDryRun: given.dryRun === true }))
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch {
    throw new Refusal('file-unreadable', { file: folder })
  }
}

function ask({ data }: Where, command: string, body?: unknown): Promise<unknown> {
  return callProgram(data, 'platform', command, body)
}

function tell(answer: unknown): void {
  process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`)
}
