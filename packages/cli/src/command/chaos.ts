/** `chaos`: a town of its own, in a temporary folder, that is killed again and again while it works; what is left is counted from outside. */
import { randomBytes } from 'node:crypto'
import { Refusal } from '@sekisho/contract'
import { type Command, Option } from 'commander'
import { type ChaosResult, runMailboxChaos } from '../chaos/mailbox.ts'
import { startTestTown } from '../testkit.ts'

/** Adds the command. */
export function addChaosCommand(program: Command): void {
  program
    .command('chaos')
    .description('kill a town of its own at work, and count what is lost, doubled or misdelivered')
    .argument('<what>', 'mailbox')
    .option('--seconds <n>', 'how long it works', parseSeconds, 60)
    .option('--seed <text>', 'the dice of an earlier run')
    .addOption(
      new Option('--database <kind>', 'what it works on: PostgreSQL where there is one').choices([
        'postgres',
        'embedded',
      ]),
    )
    .option('--json', 'only the result, as JSON in the last line')
    .action(run)
}

type Given = {
  readonly seconds: number
  readonly seed?: string
  readonly database?: 'postgres' | 'embedded'
  readonly json?: boolean
}

async function run(what: string, given: Given): Promise<void> {
  if (what !== 'mailbox') throw new Refusal('request-malformed', { fields: 'what' })
  const seed = given.seed ?? randomBytes(6).toString('hex')
  const tell = (line: string): void => void (given.json || process.stderr.write(`${line}\n`))
  process.stderr.write(`seed ${seed}\n`)
  await using town = await townOn(given.database)
  const result = await runMailboxChaos(town, { seconds: given.seconds, seed, tell })
  process.stdout.write(`${JSON.stringify(result)}\n`)
  if (!isSound(result)) process.exitCode = 1
}

async function townOn(database: Given['database']) {
  if (database !== undefined) return startTestTown({ database, isSplit: true })
  try {
    return await startTestTown({ database: 'postgres', isSplit: true })
  } catch (error) {
    if (!(error instanceof Error) || !/postgresql/i.test(error.message)) throw error
    return startTestTown({ database: 'embedded', isSplit: true })
  }
}

function isSound({ lost, doubled, misdelivered, unproven }: ChaosResult): boolean {
  return lost + doubled + misdelivered + unproven === 0
}

function parseSeconds(text: string): number {
  const seconds = Number(text)
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > 86_400)
    throw new Refusal('request-malformed', { fields: 'seconds' })
  return seconds
}
