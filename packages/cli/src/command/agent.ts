/** `agent`: the PC/SC reader agent of this machine, for pages that ask for a card (B6). */
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import {
  agentPort,
  openAllowedOrigins,
  openPcsc,
  startAgent,
  terminalPerson,
} from '@sekisho/readers'
import { createLog, streamSink } from '@sekisho/runtime/log'
import type { Command } from 'commander'
import { untilSignal } from './signal.ts'
import { defaultFolder, parsePort } from './town.ts'

/** Adds the command. */
export function addAgentCommand(program: Command): void {
  program
    .command('agent')
    .description(
      'let web pages use the card reader of this machine; asks here before anything is signed',
    )
    .option('--port <port>', 'on 127.0.0.1', parsePort, agentPort)
    .option('--lang <lang>', 'ja or en', 'ja')
    .option('--data <folder>', 'where allowed sites are remembered', defaultFolder())
    .action(runAgent)
}

async function runAgent(given: { port: number; lang: string; data: string }): Promise<void> {
  const cards = await openPcsc()
  const agent = await startAgent({
    port: given.port,
    cards,
    person: terminalPerson({
      input: process.stdin,
      output: process.stdout,
      lang: given.lang === 'en' ? 'en' : 'ja',
      showPdf,
    }),
    origins: openAllowedOrigins(join(resolve(given.data), 'agent-origins.json')),
    log: createLog({ program: 'agent', sink: streamSink(process.stderr), level: 'warn' }),
  })
  process.stdout.write(`${agent.url}\n`)
  await untilSignal()
  await agent.stop()
  cards.stop()
}

/** A PDF goes into a private file that the person opens with a viewer of their own. */
async function showPdf(document: Uint8Array): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), 'sekisho-')), 'document.pdf')
  await writeFile(path, document, { mode: 0o600 })
  return path
}
