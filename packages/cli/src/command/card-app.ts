/**
 * `card-app`: what an owner of card applications does itself: its service terminal personalises and reads what was loaded, and it asks
 * the loading service whom to stop (docs/protocol/card-loading.md). The owner's keys lie in its folder.
 */
import { join, resolve } from 'node:path'
import { townCardAnchors } from '@sekisho/authority'
import {
  type Card,
  deriveOwnerKey,
  type FreeType,
  heldOwnerKey,
  type Outcome,
  type OwnerSession,
  parsePin,
  proveOwner,
  readChipCertificate,
  readFreeRoom,
  readLoadedFile,
  readLoadedRecord,
  setLoadedPin,
  verifyLoadedPin,
  writeLoadedFile,
  writeLoadedRecord,
} from '@sekisho/card'
import { Refusal } from '@sekisho/contract'
import { loadedUser, loadingFeed } from '@sekisho/contract/authority'
import { openCardFolder } from '@sekisho/readers'
import { protocolNow } from '@sekisho/runtime/clock'
import { ownerOnlyFolder, readFileIfPresent, writeFileAtomically } from '@sekisho/runtime/files'
import { type KeyPair, loadOrCreateKey } from '@sekisho/runtime/keys'
import { createFetch, type RequestToSign, signRequest, verifyAnswer } from '@sekisho/runtime/net'
import { systemRandom } from '@sekisho/runtime/random'
import type { Command } from 'commander'
import { z } from 'zod'
import { defaultPortBase, layoutOf } from '../town/layout.ts'
import { authorityKey } from '../town/program.ts'
import { callProgram } from './admin.ts'
import { defaultFolder } from './town.ts'

/** Adds the commands. */
export function addCardAppCommands(program: Command): void {
  const owner = program
    .command('card-app')
    .description('the owner of a card application: personalise, read, stop')
  for (const [name, description, work] of [
    ['personalise', 'write the number of its user into a card', personalise],
    ['read', 'read what was written', read],
  ] as const)
    owner
      .command(name)
      .description(description)
      .argument('<folder>', 'the owner’s folder')
      .requiredOption('--aid <aid>', 'the application')
      .requiredOption('--type <letter>', 'A, C or D')
      .requiredOption('--card <persona>', 'whose card lies on the service terminal')
      .option('--file <id>', 'the file', '1')
      .option(
        '--pin-stdin',
        'the holder’s PIN comes on standard input: set when personalising, else verified',
        false,
      )
      .option('--data <folder>', '', defaultFolder())
      .action((folder: string, given: CardOptions) => withOwner(folder, given, work))
  owner
    .command('stopped')
    .description('the users whose service is to be stopped, refreshed once a day')
    .argument('<folder>', 'the owner’s folder')
    .option('--data <folder>', '', defaultFolder())
    .action(async (folder: string, { data }: { data: string }) =>
      tell(await askLoading(data, folder, loadingFeed, { path: '/v1/card-loading/stopped' })),
    )
  owner
    .command('stop')
    .description('stop a user at once')
    .argument('<folder>', 'the owner’s folder')
    .argument('<user-number>', '12 digits')
    .requiredOption('--aid <aid>', 'the application')
    .option('--data <folder>', '', defaultFolder())
    .action(async (folder: string, userNumber: string, given: { aid: string; data: string }) => {
      const body = { aid: given.aid.toUpperCase(), userNumber }
      const query = { path: '/v1/card-loading/stops', body }
      tell(await askLoading(given.data, folder, loadingFeed, query))
    })
}

type CardOptions = {
  readonly aid: string
  readonly type: string
  readonly card: string
  readonly file: string
  readonly pinStdin: boolean
  readonly data: string
}

/** What the service terminal works with once card and owner have proven themselves to each other. */
type AtService = {
  readonly session: OwnerSession
  readonly type: FreeType
  readonly file: number
  readonly pin: string | undefined
  /** The user that the card's application is for. */
  userNumber(): Promise<string>
}

async function withOwner(
  given: string,
  options: CardOptions,
  work: (at: AtService) => Promise<Outcome<unknown>>,
): Promise<void> {
  const folder = resolve(given)
  const aid = options.aid.toUpperCase()
  const type = z.enum(['A', 'C', 'D']).safeParse(options.type)
  const file = z.coerce.number().int().min(1).max(30).safeParse(options.file)
  if (!type.success || !file.success) throw new Refusal('request-malformed')
  const { cardsFolder } = layoutOf(resolve(options.data), defaultPortBase)
  await using held = await openCardFolder(cardsFolder).take(options.card)
  const opened = await openOwner(held.card, folder, aid, type.data)
  if (opened.kind === 'refused') return refuse(opened)
  const { session, serial } = opened.value
  const done = await work({
    session,
    type: type.data,
    file: file.data,
    pin: options.pinStdin ? await readStandardInput() : undefined,
    userNumber: async () => {
      const body = { aid, cardSerial: serial }
      const query = { path: '/v1/card-loading/user-numbers', body }
      return (await askLoading(options.data, folder, loadedUser, query)).userNumber
    },
  })
  if (done.kind === 'refused') return refuse(done)
  tell(done.value)
}

/** The card's serial from its verified chip, then the mutual proof with the key for that card. */
async function openOwner(
  card: Card,
  folder: string,
  aid: string,
  type: FreeType,
): Promise<Outcome<{ readonly session: OwnerSession; readonly serial: string }>> {
  const room = await readFreeRoom(card)
  if (room.kind === 'refused') return room
  const chip = await readChipCertificate(card, townCardAnchors().chips)
  if (chip.kind === 'refused') return chip
  const serial = chip.value.subject
  const key = heldOwnerKey(deriveOwnerKey(await masterKeyIn(folder, aid), { aid, serial }))
  const random = systemRandom().bytes(16)
  const session = await proveOwner(card, { aid, key, random, encrypted: type === 'D' })
  return session.kind === 'refused'
    ? session
    : { kind: 'done', value: { session: session.value, serial } }
}

async function personalise(at: AtService): Promise<Outcome<unknown>> {
  const { session, file } = at
  if (at.pin !== undefined) {
    const parsed = parsePin('free-pin', at.pin)
    if (parsed.kind === 'refused') return parsed
    using pin = parsed.value
    const set = await setLoadedPin(session, pin)
    if (set.kind === 'refused') return set
  }
  const userNumber = await at.userNumber()
  const bytes = new TextEncoder().encode(userNumber)
  const written =
    at.type === 'D'
      ? await writeLoadedFile(session, file, bytes)
      : await writeLoadedRecord(session, file, 1, bytes)
  return written.kind === 'refused' ? written : { kind: 'done', value: { userNumber } }
}

async function read(at: AtService): Promise<Outcome<unknown>> {
  const { session, file } = at
  if (at.pin !== undefined) {
    const parsed = parsePin('free-pin', at.pin)
    if (parsed.kind === 'refused') return parsed
    using pin = parsed.value
    const verified = await verifyLoadedPin(session, pin)
    if (verified.kind === 'refused') return verified
  }
  const found =
    at.type === 'D' ? await readLoadedFile(session, file) : await readLoadedRecord(session, file, 1)
  if (found.kind === 'refused') return found
  const text = new TextDecoder().decode(found.value).replace(/\0+$/, '')
  return { kind: 'done', value: { text } }
}

/** Asks the loading service as the owner, and takes only an answer that it signed. */
async function askLoading<T>(
  data: string,
  folder: string,
  form: z.ZodType<T>,
  query: { readonly path: string; readonly body?: unknown },
): Promise<T> {
  const layout = layoutOf(resolve(data), defaultPortBase)
  const [mine, theirs] = [await ownerKey(resolve(folder)), await authorityKey(layout)]
  const { url } = z.object({ url: z.url() }).parse(await callProgram(data, 'authority', 'address'))
  const isQuestion = query.body === undefined
  const request: RequestToSign = {
    method: isQuestion ? 'GET' : 'POST',
    url: new URL(query.path, url).href,
    headers: {
      accept: 'application/json',
      ...(isQuestion ? {} : { 'content-type': 'application/json' }),
    },
    body: new TextEncoder().encode(isQuestion ? '' : JSON.stringify(query.body)),
  }
  const nonce = systemRandom().token(128)
  const headers = signRequest(request, { key: mine, at: protocolNow(), nonce })
  const caller = createFetch()
  try {
    const answer = await caller.fetch(request.url, {
      method: request.method,
      headers,
      ...(isQuestion ? {} : { body: new Uint8Array(request.body) }),
    })
    const body = new Uint8Array(await answer.arrayBuffer())
    await verifyAnswer(
      { status: answer.status, headers: Object.fromEntries(answer.headers), body },
      {
        request: { ...request, headers },
        at: protocolNow(),
        keyOf: id => Promise.resolve(id === theirs.keyId ? theirs.publicKey : undefined),
      },
    )
    const said: unknown = JSON.parse(new TextDecoder().decode(body))
    if (answer.status === 200) return form.parse(said)
    throw new Refusal('authority-refused', { status: answer.status })
  } finally {
    await caller.close()
  }
}

/** The key with which an owner signs its questions; made when it is not there. */
export function ownerKey(folder: string): Promise<KeyPair> {
  return loadOrCreateKey(folder, 'owner', 'ec-p256')
}

/** The master key of an application, 32 bytes; made when it is not there. */
export async function masterKeyIn(folder: string, aid: string): Promise<Uint8Array> {
  if (!/^(?:[0-9A-F]{2}){5,16}$/.test(aid))
    throw new Refusal('request-malformed', { fields: 'aid' })
  const path = join(folder, `application-${aid.toLowerCase()}.key`)
  const found = await readFileIfPresent(path)
  if (found !== undefined) return found
  await ownerOnlyFolder(folder)
  const made = systemRandom().bytes(32)
  await writeFileAtomically(path, made)
  return made
}

async function readStandardInput(): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of process.stdin) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8').trim()
}

/** Prints an answer. */
export function tell(answer: unknown): void {
  process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`)
}

function refuse(outcome: Extract<Outcome<unknown>, { kind: 'refused' }>): void {
  tell({ refused: outcome.reason })
  process.exitCode = 2
}
