/**
 * The wallet's ceremonies in progress, in memory: each belongs to one browser session, takes one request and gives one
 * answer. A card is held only while it is asked something, so that a closed window leaves no card behind.
 */
import type { CardReason } from '@sekisho/card'
import { Refusal } from '@sekisho/contract'
import type { ReaderAnswer, ReaderRefusalCode } from '@sekisho/contract/reader'
import type { Instant } from '@sekisho/runtime/clock'
import type { Random } from '@sekisho/runtime/random'
import type { Asked, Reading } from '../asked.ts'
import { refusalOfReason, refusedAnswer } from '../card-refusal.ts'
import type { CardFolder } from '../cards.ts'
import { prepareCeremony, presentPin, secretOf } from '../ceremony.ts'
import { isSecureOrigin } from '../origin.ts'

/** What the window shows next. */
export type Standing =
  | { readonly kind: 'choose-card'; readonly trouble?: CardTrouble }
  | {
      readonly kind: 'enter-pin'
      readonly persona: string
      readonly triesLeft: number | undefined
      readonly trouble?: CardReason | 'last-try-unconfirmed'
    }
  | { readonly kind: 'finished'; readonly answer: ReaderAnswer }

/** Why a card cannot be used for this: its own reason, or the reader's. */
export type CardTrouble = CardReason | 'card-in-use' | 'card-absent'

/** One ceremony. `origin` is what the browser attested. */
export type DeskCeremony = {
  readonly token: string
  readonly session: string
  readonly origin: string
  readonly asked: Asked
  readonly standing: Standing
}

/** The desk. All methods but `begin` throw the refusal `interaction-unknown` for a token of no or another session. */
export interface Desk {
  /** Takes a request in; `undefined` when it cannot even be refused. Gives the token of the ceremony. */
  begin(session: string, origin: string, reading: Reading): string | undefined
  find(session: string, token: string): DeskCeremony | FinishedUnread
  chooseCard(session: string, token: string, persona: string): Promise<void>
  enterPin(session: string, token: string, typed: string, isLastConfirmed: boolean): Promise<void>
  /** The person wants no more: the page gets the last trouble, else `ceremony-cancelled`. */
  stop(session: string, token: string): Promise<void>
}

/** A ceremony that was refused before anything could be shown of it. */
export type FinishedUnread = {
  readonly token: string
  readonly session: string
  readonly origin: string
  readonly asked: undefined
  readonly standing: Extract<Standing, { kind: 'finished' }>
}

type Entry = (DeskCeremony | FinishedUnread) & {
  readonly until: Instant
  readonly lastRefusal?: ReaderRefusalCode
}

/** Long enough to read a document; the page's own challenge lives shorter. */
const ceremonyLifeMs = 15 * 60 * 1000
/** Ceremonies kept at once; the oldest goes first. */
const ceremoniesMax = 500

/** Makes a desk over a folder of cards. */
export function createDesk(given: {
  readonly cards: CardFolder
  readonly random: Random
  readonly now: () => Instant
}): Desk {
  const entries = new Map<string, Entry>()

  const find = (session: string, token: string): Entry => {
    const entry = entries.get(token)
    if (entry === undefined || entry.session !== session || entry.until < given.now()) {
      throw new Refusal('interaction-unknown')
    }
    return entry
  }
  const open = (session: string, token: string): (Entry & DeskCeremony) | undefined => {
    const entry = find(session, token)
    return entry.asked === undefined || entry.standing.kind === 'finished' ? undefined : entry
  }
  /** A ceremony that was finished meanwhile stays as it is. */
  const stand = (
    entry: Entry & DeskCeremony,
    standing: Standing,
    code?: ReaderRefusalCode,
  ): void => {
    if (entries.get(entry.token)?.standing.kind === 'finished') return
    const { lastRefusal: _past, ...rest } = entry
    entries.set(entry.token, { ...rest, standing, ...(code && { lastRefusal: code }) })
  }

  return {
    begin(session, origin, reading) {
      if (reading.kind === 'unreadable') return undefined
      for (const [token, entry] of entries) {
        if (entries.size >= ceremoniesMax || entry.until < given.now()) entries.delete(token)
      }
      const token = given.random.token(128)
      const own = { token, session, origin, until: given.now() + ceremonyLifeMs }
      const answer = firstRefusal(origin, reading)
      if (answer !== undefined) {
        entries.set(token, { ...own, asked: undefined, standing: { kind: 'finished', answer } })
      } else if (reading.kind === 'asked') {
        entries.set(token, { ...own, asked: reading.asked, standing: { kind: 'choose-card' } })
      }
      return token
    },
    find,
    async chooseCard(session, token, persona) {
      const entry = open(session, token)
      if (entry === undefined) return
      const { standing, code } = await insert(given.cards, entry.asked, persona)
      stand(entry, standing, code)
    },
    async enterPin(session, token, typed, isLastConfirmed) {
      const entry = open(session, token)
      if (entry?.standing.kind !== 'enter-pin') return
      const { persona } = entry.standing
      const { standing, code } = await present(given.cards, entry, {
        persona,
        typed,
        isLastConfirmed,
      })
      stand(entry, standing, code)
    },
    async stop(session, token) {
      const entry = open(session, token)
      if (entry === undefined) return
      const isEmpty = (await given.cards.personas()).length === 0
      const code = entry.lastRefusal ?? (isEmpty ? 'card-absent' : 'ceremony-cancelled')
      stand(entry, { kind: 'finished', answer: refusedAnswer(entry.asked.request.id, code) })
    },
  }
}

function firstRefusal(origin: string, reading: Reading): ReaderAnswer | undefined {
  if (reading.kind === 'refused') return reading.answer
  if (reading.kind !== 'asked' || isSecureOrigin(origin)) return undefined
  return refusedAnswer(reading.asked.request.id, 'origin-foreign')
}

type Step = { readonly standing: Standing; readonly code?: ReaderRefusalCode }

/** The card is held to the reader: can it do this at all, and how many tries are left? */
async function insert(cards: CardFolder, asked: Asked, persona: string): Promise<Step> {
  const held = await takeOrRefuse(cards, persona)
  if (typeof held === 'string') {
    return { standing: { kind: 'choose-card', trouble: held }, code: held }
  }
  await using card = held
  const prepared = await prepareCeremony(card.card, secretOf(asked))
  if (prepared.kind === 'refused') return unusable(prepared.reason)
  return { standing: { kind: 'enter-pin', persona, triesLeft: prepared.value.triesLeft } }
}

/** The PIN was typed, and the card is held to the reader again. */
async function present(
  cards: CardFolder,
  ceremony: DeskCeremony,
  entered: {
    readonly persona: string
    readonly typed: string
    readonly isLastConfirmed: boolean
  },
): Promise<Step> {
  const { asked, origin } = ceremony
  const { persona } = entered
  const held = await takeOrRefuse(cards, persona)
  if (typeof held === 'string') {
    return { standing: { kind: 'choose-card', trouble: held }, code: held }
  }
  await using card = held
  // Japanese keyboards produce full-width digits and letters; the card knows ASCII only.
  const typed = entered.typed.normalize('NFKC')
  const { isLastConfirmed } = entered
  const presented = await presentPin(card.card, { asked, origin, typed, isLastConfirmed })
  if (presented.kind === 'done') return { standing: { kind: 'finished', answer: presented.answer } }
  if (presented.kind === 'unusable') return unusable(presented.reason)
  const { trouble, triesLeft } = presented
  const standing = { kind: 'enter-pin', persona, triesLeft, trouble } as const
  return trouble === 'last-try-unconfirmed'
    ? { standing }
    : { standing, code: refusalOfReason[trouble] }
}

function unusable(reason: CardReason): Step {
  return { standing: { kind: 'choose-card', trouble: reason }, code: refusalOfReason[reason] }
}

async function takeOrRefuse(
  cards: CardFolder,
  persona: string,
): Promise<Awaited<ReturnType<CardFolder['take']>> | 'card-in-use' | 'card-absent'> {
  try {
    return await cards.take(persona)
  } catch (fault) {
    if (
      fault instanceof Refusal &&
      (fault.code === 'card-in-use' || fault.code === 'card-absent')
    ) {
      return fault.code
    }
    throw fault
  }
}
