/** `sekisho retention`: how long what is personal is kept, who is erased, and what stops it (C8). */
import type { Command } from 'commander'
import { callProgram } from './admin.ts'
import { defaultFolder } from './town.ts'

type Given = {
  readonly data: string
  readonly ground: string
  readonly by: string
}

/** Adds the commands. People are named by the platform's own id, which the console shows. */
export function addRetentionCommands(program: Command): void {
  const retention = program
    .command('retention')
    .description('how long what is personal is kept at the running platform')
  const command = (name: string, description: string): Command =>
    retention.command(name).description(description).option('--data <folder>', '', defaultFolder())
  const call = async (data: string, name: string, body?: object): Promise<void> => {
    const answer = await callProgram(data, 'platform', name, body)
    process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`)
  }

  command('rules', 'the rules in force, each with its ground').action(({ data }: Given) =>
    call(data, 'retention-rules'),
  )
  command('sweep', 'erase who is due, now').action(({ data }: Given) =>
    call(data, 'retention-sweep'),
  )
  command('erase', 'note that a person wants to be erased; when they will be')
    .argument('<person>')
    .action((person: string, { data }: Given) => call(data, 'erasure-ask', { person }))
  command(
    'proof',
    'that a person was erased: the entry of the ledger, for `audit verify --receipt`',
  )
    .argument('<person>')
    .action((person: string, { data }: Given) => call(data, 'erasure-proof', { person }))
  command('hold', 'stop the erasure of a person on legal grounds')
    .argument('<person>')
    .requiredOption('--ground <text>')
    .requiredOption('--by <name>')
    .action((person: string, { data, ground, by }: Given) =>
      call(data, 'hold-place', { person, ground, by }),
    )
  command('release', 'end such a hold')
    .argument('<hold>')
    .requiredOption('--by <name>')
    .action((hold: string, { data, by }: Given) => call(data, 'hold-end', { hold, by }))
}
