/** `audit verify` and `witness`: the platform's ledger in the hands of somebody else. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Refusal } from '@sekisho/contract'
import {
  auditPublished,
  type KeptAudit,
  type LogSource,
  parseLogKey,
  parseWitnessKey,
  type PublishedAudit,
  type Receipt,
  type Verdict,
} from '@sekisho/ledger/verify'
import { startWitness } from '@sekisho/ledger/witness'
import { hasCode, readFileIfPresent, writeJsonFile } from '@sekisho/runtime/files'
import { createLog, streamSink } from '@sekisho/runtime/log'
import { createFetch } from '@sekisho/runtime/net'
import type { Command } from 'commander'
import { z } from 'zod'
import { readJson } from './file.ts'
import { untilSignal } from './signal.ts'

/** Adds the commands. They need no town. */
export function addAuditCommands(program: Command): void {
  const audit = program.command('audit').description('the ledger of a platform, checked by anybody')
  audit
    .command('key')
    .description(
      'the verifier key of the ledger of the platform that runs here, for its operator to publish',
    )
    .requiredOption('--data <folder>')
    .action(async (given: { readonly data: string }) => {
      // Only this one needs to know where programs listen.
      const { callProgram } = await import('./admin.ts')
      const answer = await callProgram(given.data, 'platform', 'ledger-key')
      process.stdout.write(`${z.object({ key: z.string() }).parse(answer).key}\n`)
    })
  audit
    .command('verify')
    .description(
      'read a published log, as an address or a folder of its files: signature, cosignatures, every hash since the last time, entries that you hold',
    )
    .argument('<log>', 'address (https://platform.example/ledger) or folder')
    .requiredOption(
      '--key <verifier key>',
      'the key of the log, from elsewhere than the log itself',
    )
    .option('--witness <verifier key...>', 'keys of witnesses that you trust')
    .option('--needed <count>', 'how many of them must have cosigned; else all')
    .option('--state <file>', 'where the outcome is kept for the next time')
    .option(
      '--receipt <file...>',
      'entries to look for: proofs as the platform gives them out, or JSON with index, salt and entry (base64)',
    )
    .option('--whole', 'read everything again, also what was read before')
    .action(runAudit)
  program
    .command('witness')
    .description('cosign the checkpoints of logs that somebody else runs (C2SP tlog-witness)')
    .requiredOption('--name <name>', 'its name: its address without the scheme')
    .requiredOption('--log <verifier key...>', 'keys of the logs')
    .requiredOption('--folder <folder>', 'for its key and what it remembers')
    .option('--port <port>', '', '4090')
    .option('--origin <origin>', 'under which logs reach it; else http://127.0.0.1:<port>')
    .action(runWitness)
}

type AuditOptions = {
  readonly key: string
  readonly witness?: readonly string[]
  readonly needed?: string
  readonly state?: string
  readonly receipt?: readonly string[]
  readonly whole?: true
}

async function runAudit(log: string, given: AuditOptions): Promise<void> {
  const witnesses = (given.witness ?? []).map(text => keyOf(parseWitnessKey, text, 'witness'))
  const needed = given.needed === undefined ? witnesses.length : Number(given.needed)
  if (!Number.isInteger(needed) || needed < 0 || needed > witnesses.length)
    throw new Refusal('request-malformed', { fields: 'needed' })
  const caller = createFetch({ answerBytesMax: fileBytesMax })
  try {
    const verdict = await auditPublished({
      source: /^https?:/.test(log) ? sourceAt(log, caller.fetch) : sourceIn(log),
      logKey: keyOf(parseLogKey, given.key, 'key'),
      witnesses,
      needed,
      kept: given.state === undefined ? undefined : await readState(given.state),
      receipts: await Promise.all((given.receipt ?? []).map(readReceipt)),
      isWhole: given.whole === true,
    })
    if (verdict.kind === 'passed' && given.state !== undefined)
      await writeJsonFile(given.state, verdict.value.kept)
    process.stdout.write(`${JSON.stringify(reportOf(verdict, given), undefined, 2)}\n`)
    process.exitCode = verdict.kind === 'passed' ? 0 : failedExitCode
  } finally {
    await caller.close()
  }
}

/** As `verify` has it: 1 for what failed. */
const failedExitCode = 1

function reportOf(verdict: Verdict<PublishedAudit>, given: AuditOptions): object {
  if (verdict.kind === 'failed') return { verdict: 'failed', ...verdict.reason }
  const { checkpoint, cosignatures, before } = verdict.value
  return {
    verdict: 'passed',
    log: checkpoint.origin,
    size: checkpoint.size,
    root: Buffer.from(checkpoint.root).toString('base64'),
    before: before ?? null,
    cosignedBy: cosignatures.map(({ witness, seconds }) => ({
      witness,
      at: new Date(seconds * 1000).toISOString(),
    })),
    receipts: given.receipt?.length ?? 0,
  }
}

function keyOf<T>(parse: (text: string) => T, text: string, field: string): T {
  try {
    return parse(text)
  } catch {
    throw new Refusal('request-malformed', { fields: field })
  }
}

function sourceAt(address: string, fetch: typeof globalThis.fetch): LogSource {
  const base = address.replace(/\/$/, '')
  return {
    async read(path) {
      const answer = await fetch(`${base}/${path}`)
      const body = new Uint8Array(await answer.arrayBuffer())
      if (answer.status === 200) return body
      if (answer.status === 404 || answer.status === 410) return undefined
      throw new Refusal('file-unreadable', { file: path })
    },
  }
}

function sourceIn(folder: string): LogSource {
  return {
    async read(path) {
      try {
        return await readFileIfPresent(join(folder, path))
      } catch (error) {
        // A file where the address has a folder.
        if (hasCode(error, 'ENOTDIR')) return undefined
        throw error
      }
    },
  }
}

const keptAudit = z.strictObject({ checkpoint: z.string(), edge: z.array(z.string()) })

/** What was kept; nothing the first time. A file that holds something else is refused: it may be another one. */
async function readState(path: string): Promise<KeptAudit | undefined> {
  try {
    await readFile(path)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
  const parsed = keptAudit.safeParse(await readJson(path))
  if (!parsed.success) throw new Refusal('file-unreadable', { file: path })
  return parsed.data
}

/** As the platform gives them out, where the place stands in the proof; or with the place alone. */
const place = z.int().min(0)
const disclosed = { salt: z.base64(), entry: z.base64() }
const receipt = z.union([
  z.object({ ...disclosed, index: place }),
  z
    .object({ ...disclosed, inclusion: z.object({ index: place }) })
    .transform(({ inclusion, ...one }) => ({ ...one, index: inclusion.index })),
])

async function readReceipt(path: string): Promise<Receipt> {
  const parsed = receipt.safeParse(await readJson(path))
  if (!parsed.success) throw new Refusal('file-unreadable', { file: path })
  const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'base64'))
  const { index, salt, entry } = parsed.data
  return { index, salt: bytes(salt), entry: bytes(entry) }
}

async function runWitness(given: {
  readonly name: string
  readonly log: readonly string[]
  readonly folder: string
  readonly port: string
  readonly origin?: string
}): Promise<void> {
  const port = Number(given.port)
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new Refusal('request-malformed', { fields: 'port' })
  const witness = await startWitness({
    name: given.name,
    logs: given.log,
    folder: given.folder,
    port,
    publicOrigin: given.origin ?? `http://127.0.0.1:${port}`,
    log: createLog({ program: 'witness', sink: streamSink(process.stderr) }),
  })
  process.stdout.write(`${witness.verifierKey}\n`)
  await untilSignal()
  await witness.stop()
}

/** A tile or a bundle of entries has less than nine kilobytes. */
const fileBytesMax = 64 * 1024
