/**
 * The mailbox under fire: senders post and an office fetches while the platform is killed at effects chosen at random and started again. In the end
 * everything is counted from outside, by the interfaces that everybody has: what a sender was told against what lies in the boxes.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { seededRandom, type Random } from '@sekisho/runtime/random'
import { type Mailbox, SekishoError } from '@sekisho/sdk'
import type { PersonAtReader, TestProvider, TestTown } from '../testkit.ts'

/** How long, and by which dice. */
export type ChaosSettings = {
  readonly seconds: number
  /** The same seed kills at the same numbered effects. */
  readonly seed: string
  /** Told now and then how it goes. */
  readonly tell: (line: string) => void
}

/** What was counted. */
export type ChaosResult = {
  /** Messages whose senders were told that they are posted. */
  readonly posted: number
  readonly delivered: number
  readonly read: number
  readonly withdrawn: number
  readonly kills: number
  /** Posted, and in no box. */
  readonly lost: number
  /** In a box more than once, or under two ids. */
  readonly doubled: number
  /** In another box than that of the addressee. */
  readonly misdelivered: number
  /** Receipts that do not tell what happened. */
  readonly unproven: number
}

const officeNumber = '7000012050002'
const people = ['plain-adult', 'former-surname', 'long-address'] as const

/** One message as its sender knows it. */
type Letter = {
  readonly key: string
  readonly subject: string
  readonly to: 'office' | number
  readonly isDouble: boolean
  readonly bytes: Uint8Array | undefined
  ids: Set<string>
  isWithdrawn: boolean
}

/** Runs it over a split town, which it needs for itself. */
export async function runMailboxChaos(
  town: TestTown,
  settings: ChaosSettings,
): Promise<ChaosResult> {
  const sender = await town.provider({ id: 'chaos-sender' })
  const office = await town.provider({ id: 'chaos-office' })
  await town.admin('platform', 'mailbox-register', {
    organisation: officeNumber,
    name: '試験の役所',
    provider: 'chaos-office',
  })
  const subjects: string[] = []
  for (const one of people) subjects.push(await login(town, sender, one))
  const letters: Letter[] = []
  const until = performance.now() + settings.seconds * 1000
  const isOver = (): boolean => performance.now() >= until
  const read = new Set<string>()
  const workers = [
    ...Array.from({ length: senders }, (_, n) =>
      send({ sender, subjects, letters, isOver, random: diceOf(settings, `sender ${n}`), name: n }),
    ),
    fetchAll(office, read, isOver),
  ]
  const kills = await killNowAndThen(town, { ...settings, isOver })
  await Promise.all(workers)
  settings.tell(`${letters.length} letters, ${kills} kills; counting`)
  return { ...(await count(town, { sender, office, subjects, letters, read })), kills }
}

async function login(town: TestTown, provider: TestProvider, persona: string): Promise<string> {
  const { url, pending } = await provider.sekisho.beginLogin()
  await using person = await town.person(persona)
  const { url: back } = await person.visit(url)
  return (await provider.sekisho.finish(back, pending)).subject
}

/** A round each: the platform is told at which of its next effects it dies, and is started again. */
async function killNowAndThen(
  town: TestTown,
  { isOver, tell, ...settings }: ChaosSettings & { readonly isOver: () => boolean },
): Promise<number> {
  const random = diceOf(settings, 'kills')
  let kills = 0
  while (!isOver()) {
    const killAt = 1 + below(random, effectsMax)
    const moment = below(random, 2) === 0 ? 'before' : 'after'
    await town.stopProgram('platform')
    await town.startProgram('platform', {
      SEKISHO_KILL_AT: String(killAt),
      SEKISHO_KILL_MOMENT: moment,
    })
    const pid = town.processId('platform')
    if (pid === undefined) throw new Error('the town is not split')
    // Some letters pass before the count begins.
    await pause(below(random, 500))
    process.kill(pid, 'SIGUSR2')
    const ended = town.ended('platform').then(() => true)
    if (await Promise.race([ended, pause(roundMsMax).then(() => false)])) {
      kills += 1
      tell(`killed ${moment} effect ${killAt}`)
    }
  }
  await town.stopProgram('platform')
  await town.startProgram('platform')
  return kills
}

async function send(given: {
  readonly sender: TestProvider
  readonly subjects: readonly string[]
  readonly letters: Letter[]
  readonly isOver: () => boolean
  readonly random: Random
  readonly name: number
}): Promise<void> {
  const { sender, subjects, letters, isOver, random } = given
  for (let n = 0; !isOver(); n++) {
    const letter = nextLetter(random, `${given.name}-${n}`, letters, subjects.length)
    letters.push(letter)
    const post = async (): Promise<void> => {
      const { id } = await insist(() =>
        sender.sekisho.postMail(mailOf(letter, subjects), letter.key),
      )
      letter.ids.add(id)
    }
    // A form that was sent twice, on two connections.
    await Promise.all(letter.isDouble ? [post(), post()] : [post()])
    if (below(random, 20) !== 0) continue
    const [id = ''] = letter.ids
    letter.isWithdrawn = await insist(() => withdrawn(sender.sekisho, id))
  }
}

/** Whether it was in time. */
async function withdrawn(sekisho: Mailbox, id: string): Promise<boolean> {
  try {
    return (await sekisho.withdrawMail(id)).state === 'withdrawn'
  } catch (error) {
    if (error instanceof SekishoError && error.code === 'message-finished') return false
    throw error
  }
}

function nextLetter(
  random: Random,
  name: string,
  letters: readonly Letter[],
  peopleCount: number,
): Letter {
  // A person's box holds ten thousand.
  const isForPerson = letters.length < 9000 && below(random, 4) === 0
  const size = below(random, 40)
  return {
    key: `chaos-letter-${name}`,
    subject: `chaos ${name}`,
    to: isForPerson ? below(random, peopleCount) : 'office',
    isDouble: below(random, 5) === 0,
    bytes:
      size === 0
        ? new Uint8Array(1_500_000).fill(65)
        : size < 8
          ? new TextEncoder().encode(`document of ${name}\n`)
          : undefined,
    ids: new Set(),
    isWithdrawn: false,
  }
}

function mailOf(letter: Letter, subjects: readonly string[]) {
  const { to, subject, bytes } = letter
  return {
    to: to === 'office' ? { organisation: officeNumber } : { subject: subjects[to] ?? '' },
    kind: 'notice' as const,
    subject,
    body: `The text of ${subject}.`,
    documents:
      bytes === undefined
        ? []
        : [{ name: 'document.txt', mediaType: 'text/plain', content: bytes }],
  }
}

/** The office takes over what comes, in order, and keeps the last number. */
async function fetchAll(
  office: TestProvider,
  read: Set<string>,
  isOver: () => boolean,
): Promise<void> {
  for (let after = 0; !isOver(); ) {
    const { messages } = await insist(() => office.sekisho.listMail(after))
    for (const { id, number } of messages.slice(0, takenAtOnce)) {
      const isThere = await insist(() => acknowledged(office.sekisho, id))
      if (isThere) read.add(id)
      after = number
    }
    if (messages.length === 0) await pause(100)
  }
}

/** Whether it was still there: its sender may have withdrawn it. */
async function acknowledged(sekisho: Mailbox, id: string): Promise<boolean> {
  try {
    await sekisho.acknowledgeMail(id)
    return true
  } catch (error) {
    if (error instanceof SekishoError && error.code === 'message-unknown') return false
    throw error
  }
}

/** Calls again until there is an answer; a refusal is one. */
async function insist<T>(call: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++)
    try {
      return await call()
    } catch (error) {
      const isPassing = error instanceof SekishoError && passing.has(error.code)
      if (!isPassing || tries > triesMax) throw error
      await pause(100)
    }
}

/** What says nothing about the call itself: the platform is away, or was when it had to answer. */
const passing: ReadonlySet<string> = new Set([
  'platform-unreachable',
  'unexpected',
  'internal-fault',
  'shutting-down',
  'upload-unknown',
  'upload-incomplete',
  'upload-offset-wrong',
])

type Counted = Omit<ChaosResult, 'kills'>

async function count(
  town: TestTown,
  given: {
    readonly sender: TestProvider
    readonly office: TestProvider
    readonly subjects: readonly string[]
    readonly letters: readonly Letter[]
    readonly read: ReadonlySet<string>
  },
): Promise<Counted> {
  const { sender, office, letters, read } = given
  await settled(sender, letters)
  const boxes: { readonly name: Letter['to']; readonly found: readonly Found[] }[] = [
    { name: 'office', found: await trayOf(office) },
  ]
  for (const [index, persona] of people.entries())
    boxes.push({ name: index, found: await boxOf(town, persona) })
  const where = new Map<string, { readonly box: Letter['to']; readonly id: string }[]>()
  for (const { name, found } of boxes)
    for (const { subject, id } of found) {
      const all = where.get(subject) ?? []
      all.push({ box: name, id })
      where.set(subject, all)
    }
  const counted = { lost: 0, doubled: 0, misdelivered: 0, delivered: 0, withdrawn: 0, unproven: 0 }
  for (const letter of letters) {
    const places = where.get(letter.subject) ?? []
    counted.delivered += places.length > 0 ? 1 : 0
    counted.withdrawn += letter.isWithdrawn ? 1 : 0
    if (letter.isWithdrawn ? places.length > 0 : places.length === 0) counted.lost += 1
    if (places.length > 1 || letter.ids.size !== 1) counted.doubled += 1
    if (places.some(({ box, id }) => box !== letter.to || !letter.ids.has(id)))
      counted.misdelivered += 1
  }
  const known = new Set(letters.map(one => one.subject))
  counted.misdelivered += [...where.keys()].filter(subject => !known.has(subject)).length
  for (let at = 0; at < letters.length; at += Math.ceil(letters.length / receiptsMax)) {
    const letter = letters[at]
    if (letter !== undefined && !(await isProven(sender.sekisho, letter, read)))
      counted.unproven += 1
  }
  return { posted: letters.length, read: read.size, ...counted }
}

type Found = { readonly subject: string; readonly id: string }

/** Waits for what is still being checked: nothing may wait for ever. */
async function settled(sender: TestProvider, letters: readonly Letter[]): Promise<void> {
  const waiting = letters.filter(one => one.bytes !== undefined)
  const patience = performance.now() + settleMsMax
  for (const { ids } of waiting)
    for (const id of ids)
      while (
        (await insist(() => sender.sekisho.readMailStanding(id))).state === 'posted' &&
        performance.now() < patience
      )
        await pause(200)
}

async function trayOf(office: TestProvider): Promise<readonly Found[]> {
  const all: Found[] = []
  for (let after = 0; ; ) {
    const { messages, isComplete } = await office.sekisho.listMail(after)
    all.push(...messages)
    after = messages.at(-1)?.number ?? after
    if (isComplete) return all
  }
}

/** A person's box as the person's own screen shows it. */
async function boxOf(town: TestTown, persona: string): Promise<readonly Found[]> {
  await using person = await town.person(persona)
  const home = `${town.urls.platform}/me/mail`
  await person.visit(home)
  const all: Found[] = []
  for (let next: string | undefined = home; next !== undefined; ) {
    const body: string = await bodyOf(person, next)
    for (const [, id = '', subject = ''] of body.matchAll(
      /<a href="\/me\/mail\/([\w-]{16,64})">([^<]+)<\/a>/g,
    ))
      all.push({ id, subject })
    const older = /href="(\/me\/mail\?folder=in&amp;before=[^"]+)"/.exec(body)?.[1]
    next =
      older === undefined ? undefined : `${town.urls.platform}${older.replaceAll('&amp;', '&')}`
  }
  return all
}

async function bodyOf(person: PersonAtReader, url: string): Promise<string> {
  return (await person.visit(url)).body
}

async function isProven(
  sekisho: Mailbox,
  letter: Letter,
  read: ReadonlySet<string>,
): Promise<boolean> {
  const [id = ''] = letter.ids
  const { to: _to, ...content } = mailOf(letter, [])
  const events = (await sekisho.readMailReceipts(id, content)).map(one => one.receipt.event)
  const expected = letter.isWithdrawn
    ? [
        ['posting', 'delivery', 'withdrawal'],
        ['posting', 'withdrawal'],
      ]
    : [['posting', 'delivery', ...(read.has(id) ? ['reading'] : [])], ...lastRead(read.has(id))]
  return expected.some(one => JSON.stringify(one) === JSON.stringify(events))
}

/** The office may have died with an acknowledgement that counted: then nobody knows but the receipt. */
function lastRead(isKnown: boolean): readonly (readonly string[])[] {
  return isKnown ? [] : [['posting', 'delivery', 'reading']]
}

function diceOf({ seed }: Pick<ChaosSettings, 'seed'>, name: string): Random {
  return seededRandom(`${seed} ${name}`)
}

function below(random: Random, end: number): number {
  return Buffer.from(random.bytes(4)).readUInt32BE() % end
}

const senders = 6
const takenAtOnce = 20
/** Some letters' worth. */
const effectsMax = 120
const roundMsMax = 5000
const triesMax = 600
const settleMsMax = 60_000
/** Receipts that are looked at. */
const receiptsMax = 200
