/** `ca`, `anchor`: the keys of the authority's CAs, and what the platform trusts. */
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { Refusal } from '@sekisho/contract'
import { ownerOnlyFolder, writeFileAtomically, writeJsonFile } from '@sekisho/runtime/files'
import type { Command } from 'commander'
import { z } from 'zod'
import { assertTown } from '../town/folder.ts'
import { defaultPortBase, layoutOf } from '../town/layout.ts'
import { callProgram } from './admin.ts'
import { readCertificate } from './file.ts'
import { parseInstant } from './time.ts'
import { defaultFolder } from './town.ts'

/** Adds the commands. */
export function addCaCommands(program: Command): void {
  const ca = program.command('ca').description('the keys of the authority’s CAs')
  ca.command('use-token')
    .description('make further CA keys in a token, from the authority’s next start on')
    .requiredOption('--module <path>', 'its PKCS #11 library')
    .requiredOption('--label <label>', 'the token’s label')
    .option('--data <folder>', '', defaultFolder())
    .action(useToken)
  ca.command('state', { isDefault: true })
    .description('generations in force, and whether the token is open')
    .option('--data <folder>', '', defaultFolder())
    .action(async (given: { data: string }) => tell(await ask(given.data, 'ca-state')))
  ca.command('activate')
    .description('enter one half of the token’s PIN: two operators do, within ten minutes')
    .requiredOption('--operator <name>', 'who enters it')
    .requiredOption('--half <which>', 'first or second')
    .option('--data <folder>', '', defaultFolder())
    .action(async (given: { operator: string; half: string; data: string }) => {
      const half = await readSecret(`${given.half} half of the PIN: `)
      const { operator, data } = given
      tell(await ask(data, 'ca-activate', { operator, which: given.half, half }))
    })
  ca.command('lock')
    .description('close the token: nothing is signed until it is opened again')
    .requiredOption('--operator <name>', 'who closes it')
    .option('--data <folder>', '', defaultFolder())
    .action(async ({ operator, data }: { operator: string; data: string }) =>
      tell(await ask(data, 'ca-lock', { operator })),
    )
  ca.command('ceremony')
    .description('make a new generation of a CA')
    .requiredOption('--ca <name>', 'signature or authentication')
    .requiredOption('--from <instant>', 'from when on it issues')
    .requiredOption('--operators <names...>', 'the two or more who are there')
    .option('--kind <name>', 'present (RSA, five years) or next (P-384, ten years)', 'present')
    .option('--out <file>', 'where its certificate is written, DER')
    .option('--data <folder>', '', defaultFolder())
    .action(holdCeremony)

  program
    .command('anchor')
    .description('what the running platform trusts')
    .command('add')
    .description('trust a new generation of the authority’s CA; check its fingerprint before')
    .argument('<file>', 'the CA certificate, DER or PEM')
    .option('--data <folder>', '', defaultFolder())
    .action(async (file: string, given: { data: string }) => {
      const { raw } = await readCertificate(file)
      const certificate = Buffer.from(raw).toString('base64')
      tell(await callProgram(given.data, 'platform', 'anchor-add', { certificate }))
    })
}

async function useToken(given: { module: string; label: string; data: string }): Promise<void> {
  const folder = resolve(given.data)
  await assertTown(folder)
  // A name that leads nowhere is told now, not at the next start.
  const { connectToken } = await import('@sekisho/runtime/pkcs11')
  const place = { module: resolve(given.module), label: given.label }
  connectToken(place)
  const { tokenFile } = layoutOf(folder, defaultPortBase)
  await ownerOnlyFolder(join(tokenFile, '..'))
  await writeJsonFile(tokenFile, place)
  tell({ ...place, from: 'next start of the authority' })
}

async function holdCeremony(given: {
  ca: string
  from: string
  operators: readonly string[]
  kind: string
  out?: string
  data: string
}): Promise<void> {
  const record = await ask(given.data, 'ca-ceremony', {
    ca: given.ca,
    kind: given.kind,
    notBefore: new Date(parseInstant(given.from, 'from')).toISOString(),
    operators: given.operators,
  })
  const { certificate } = z.looseObject({ certificate: z.base64() }).parse(record)
  if (given.out !== undefined)
    await writeFileAtomically(resolve(given.out), Buffer.from(certificate, 'base64'))
  tell(record)
}

/** A line that nobody sees: without echo at a terminal, else from standard input. */
async function readSecret(prompt: string): Promise<string> {
  const { stdin, stderr } = process
  const lines = createInterface({
    input: stdin,
    terminal: stdin.isTTY,
    ...(stdin.isTTY ? { output: mute } : {}),
  })
  try {
    if (stdin.isTTY) stderr.write(prompt)
    for await (const line of lines) return line
    throw new Refusal('request-malformed', { fields: 'half' })
  } finally {
    lines.close()
    if (stdin.isTTY) stderr.write('\n')
  }
}

const mute = new Writable({ write: (_piece, _encoding, done) => done() })

function ask(data: string, command: string, body?: unknown): Promise<unknown> {
  return callProgram(data, 'authority', command, body)
}

function tell(answer: unknown): void {
  process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`)
}
