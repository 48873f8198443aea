/** `card`: the people's cards: list, issue, inspect; and walking a provider's login or signature without a browser. */
import {
  type Outcome,
  parsePin,
  readCardRecord,
  selectJpki,
  triesLeft,
  type SecretKind,
  readTokenInformation,
} from '@sekisho/card'
import { Refusal } from '@sekisho/contract'
import { createHeadlessReader, openCardFolder, plugCard } from '@sekisho/readers'
import { createFetch } from '@sekisho/runtime/net'
import type { Command } from 'commander'
import { resolve } from 'node:path'
import { defaultPortBase, layoutOf } from '../town/layout.ts'
import { personaPassword, personaPin } from '../town/personas.ts'
import { callProgram } from './admin.ts'
import { readJson } from './file.ts'
import { inspectMore, readFace, readText } from './card-content.ts'
import { untilSignal } from './signal.ts'
import { defaultFolder } from './town.ts'

/** Adds the commands. */
export function addCardCommands(program: Command): void {
  const card = program.command('card').description('the cards of the town')
  card
    .command('list')
    .description('which cards there are')
    .option('--data <folder>', '', defaultFolder())
    .action(async (given: { data: string }) => {
      for (const persona of await folderOf(given.data).personas())
        process.stdout.write(`${persona}\n`)
    })
  card
    .command('issue')
    .description('hand out a card to a resident at the window of the running town')
    .argument('<resident>', 'persona or id of the resident')
    .option(
      '--secrets-stdin',
      'PIN and signature password come on standard input, a line each; else they are those that everybody in the town has',
      false,
    )
    .option('--data <folder>', '', defaultFolder())
    .action(async (resident: string, given: { secretsStdin: boolean; data: string }) => {
      const [pin, password] = given.secretsStdin
        ? (await readStandardInput()).split(/\r?\n/)
        : [personaPin, personaPassword]
      if (pin === undefined || password === undefined) throw new Refusal('pin-malformed')
      const event = { what: 'card', pin, password }
      const answer = await callProgram(given.data, 'authority', 'resident-event', {
        resident,
        event,
      })
      process.stdout.write(`${JSON.stringify(answer)}\n`)
    })
  card
    .command('form')
    .description('print a new application form for a resident: its 23-digit number')
    .argument('<resident>', 'id of the resident')
    .option('--data <folder>', '', defaultFolder())
    .action(async (resident: string, given: { data: string }) => {
      const answer = await callProgram(given.data, 'authority', 'card-form', { resident })
      process.stdout.write(`${JSON.stringify(answer)}\n`)
    })
  card
    .command('collect')
    .description('hand in application forms that an employer collected')
    .argument('<file>', 'JSON: [{"form": 23 digits, "photo": base64 of PNG or JPEG, …}]')
    .requiredOption('--employer <name>')
    .option('--data <folder>', '', defaultFolder())
    .action(async (file: string, given: { employer: string; data: string }) => {
      const { employer, data } = given
      const body = { employer, applications: await readJson(file) }
      const answer = await callProgram(data, 'authority', 'card-collection', body)
      process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`)
    })
  card
    .command('inspect')
    .description('what can be read of a card without a PIN')
    .argument('<persona>')
    .option('--data <folder>', '', defaultFolder())
    .action(inspect)
  card
    .command('text')
    .description('the four attributes from the text application, verified')
    .argument('<persona>')
    .requiredOption('--pin-stdin', 'the PIN comes on standard input, never as an argument')
    .option('--data <folder>', '', defaultFolder())
    .action(async (persona: string, given: { data: string }) =>
      readText(layoutIn(given.data).cardsFolder, persona, await readStandardInput()),
    )
  card
    .command('face')
    .description('the face of a card as who holds it sees it: verified, its pictures into a folder')
    .argument('<persona>')
    .requiredOption('--to <folder>', 'where the pictures go')
    .option('--data <folder>', '', defaultFolder())
    .action((persona: string, given: { to: string; data: string }) =>
      readFace(layoutIn(given.data).cardsFolder, persona, given.to),
    )
  card
    .command('plug')
    .description('put a card into this machine’s PC/SC by vpcd, for OpenSC and other programs')
    .argument('<persona>')
    .option('--vpcd-port <port>', 'where vpcd listens', '35963')
    .option('--data <folder>', '', defaultFolder())
    .action(plug)
  for (const [name, kind] of [
    ['authenticate', 'authentication'],
    ['sign', 'signature'],
  ] as const)
    card
      .command(name)
      .description(
        kind === 'authentication'
          ? 'log in at a provider: walk from its start page, print the final address and page'
          : 'be identified or sign at a provider: walk from its start page, print the final address and page',
      )
      .argument('<start-url>')
      .requiredOption('--card <persona>', 'whose card lies on the reader')
      .requiredOption(
        '--pin-stdin',
        'the PIN or password comes on standard input, never as an argument',
      )
      .option(
        '--submit <field=value...>',
        'fill and send the form of the page where the walk ends, and walk on',
      )
      .option('--last-try', 'use up the last try of the PIN', false)
      .option('--data <folder>', '', defaultFolder())
      .action((startUrl: string, given: WalkOptions) => walk(startUrl, kind, given))
}

type WalkOptions = {
  readonly card: string
  readonly submit?: readonly string[]
  readonly lastTry: boolean
  readonly data: string
}

async function walk(startUrl: string, kind: SecretKind, given: WalkOptions): Promise<void> {
  const parsed = parsePin(kind, await readStandardInput())
  if (parsed.kind === 'refused') throw new Refusal('pin-malformed')
  using pin = parsed.value
  await using held = await folderOf(given.data).take(given.card)
  const caller = createFetch()
  try {
    const reader = createHeadlessReader({
      fetch: caller.fetch,
      card: held.card,
      pins: { [kind]: pin },
      expects: kind === 'authentication' ? ['login'] : ['identify', 'sign'],
      confirmLastTry: given.lastTry,
    })
    let arrival = await reader.visit(startUrl)
    if (given.submit !== undefined)
      arrival = await reader.submit({ fields: fieldsOf(given.submit) })
    process.stdout.write(`${arrival.url}\n${arrival.status}\n${arrival.body}\n`)
    const refused = arrival.ceremonies.find(
      one => one.answered !== 'authenticated' && one.answered !== 'signed',
    )
    if (refused !== undefined) process.stderr.write(`${refused.answered}\n`)
    if (refused !== undefined || arrival.status >= 400) process.exitCode = 2
  } finally {
    await caller.close()
  }
}

async function plug(persona: string, given: { vpcdPort: string; data: string }): Promise<void> {
  await using held = await folderOf(given.data).take(persona)
  const plugged = await plugCard(held.card, { port: Number(given.vpcdPort) })
  process.stdout.write(
    `${persona} はリーダーに入っています。Ctrl+C で抜きます。 The card is in the reader; Ctrl+C takes it out.\n`,
  )
  const how = await Promise.race([plugged.ended, untilSignal()])
  if (how === 'reader-gone') throw new Refusal('reader-absent')
  await plugged.unplug()
}

async function inspect(persona: string, given: { data: string }): Promise<void> {
  await using held = await folderOf(given.data).take(persona)
  const seen = {
    persona,
    record: told(await readCardRecord(held.card)),
    selected: told(await selectJpki(held.card)),
    token: told(await readTokenInformation(held.card)),
    triesLeft: {
      authentication: told(await triesLeft(held.card, 'authentication')),
      signature: told(await triesLeft(held.card, 'signature')),
    },
    ...(await inspectMore(held.card)),
  }
  process.stdout.write(`${JSON.stringify(seen, null, 2)}\n`)
}

/** What a card answered, or why it did not. */
function told(outcome: Outcome<unknown>): unknown {
  if (outcome.kind === 'refused') return { refused: outcome.reason }
  return outcome.value ?? true
}

function fieldsOf(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map(pair => {
      const at = pair.indexOf('=')
      if (at < 1) throw new Refusal('request-malformed', { fields: 'submit' })
      return [pair.slice(0, at), pair.slice(at + 1)]
    }),
  )
}

/** Standard input to its end, without the end of the last line. */
async function readStandardInput(): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of process.stdin) chunks.push(chunk)
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '')
}

function folderOf(data: string) {
  return openCardFolder(layoutIn(data).cardsFolder)
}

function layoutIn(data: string) {
  return layoutOf(resolve(data), defaultPortBase)
}
