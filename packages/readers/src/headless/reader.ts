/** The headless reader: walks through a provider's login from its start page, and is the card reader on the way. */
import type { Card, Pin, SecretKind } from '@sekisho/card'
import type { ReaderAnswer, ReaderRefusalCode, ReaderRequest } from '@sekisho/contract/reader'
import { type Asked, readAskedText } from '../asked.ts'
import { answerOf, refusalOfReason, refusedAnswer } from '../card-refusal.ts'
import { performCeremony, prepareCeremony, secretOf } from '../ceremony.ts'
import { isSecureOrigin } from '../origin.ts'
import { createBrowser, type Navigate, type Page, WalkFault } from './browser.ts'
import { ceremonyForm, fillForm } from './form.ts'

/** What a ceremony is for. */
export type CeremonyPurpose = ReaderRequest['purpose']

/** A ceremony met on the way, and what the reader answered to it. */
export type MetCeremony = {
  readonly purpose: CeremonyPurpose
  readonly origin: string
  readonly answered: 'authenticated' | 'signed' | ReaderRefusalCode
}

/** Where a walk ended, and the ceremonies on its way. */
export type Arrival = Page & { readonly ceremonies: readonly MetCeremony[] }

/** A user agent with its own cookies and, perhaps, a card in its reader. */
export interface HeadlessReader {
  /** Goes to a typed address. Follows redirects and answers ceremonies until a page asks for something else. */
  visit(url: string): Promise<Arrival>
  /** Fills and sends a form of the page it is on: by id or name, or the only one. */
  submit(given: {
    readonly form?: string
    /** By name; several values where several boxes are ticked. */
    readonly fields?: Readonly<Record<string, string | readonly string[]>>
  }): Promise<Arrival>
}

/** What a headless reader is made of. */
export type HeadlessSettings = {
  /** Follows no redirects by itself and knows names under `.localhost` (`createFetch` of `@sekisho/runtime/net`). */
  readonly fetch: typeof globalThis.fetch
  /** The card in the reader; none answers `card-absent`. */
  readonly card?: Card
  /** What the person would type. A missing one answers `ceremony-cancelled`. Disposed of by the caller. */
  readonly pins: { readonly [kind in SecretKind]?: Pin }
  /** The purposes it answers to; any other ends the walk with `ceremony-unexpected` and sends nothing. */
  readonly expects: readonly CeremonyPurpose[]
  /** Whether the last try may be used up; otherwise it answers `ceremony-cancelled`. */
  readonly confirmLastTry?: boolean
}

/** Ceremonies of one walk: identification, consent and a signature are three; more is a circle. */
const ceremoniesMax = 5

/**
 * Makes a headless reader. After a ceremony that was refused it answers no other in the same walk, so that a server
 * that asks again cannot use up the tries of the card.
 */
export function createHeadlessReader(given: HeadlessSettings): HeadlessReader {
  const navigate = createBrowser(given.fetch)
  let current: Page | undefined
  const arrive = async (page: Page): Promise<Arrival> => {
    const arrival = await answerCeremonies(given, navigate, page)
    current = arrival
    return arrival
  }
  return {
    async visit(url) {
      return arrive(await navigate({ url, initiator: undefined }))
    },
    async submit({ form, fields }) {
      if (current === undefined) throw new WalkFault('page-absent', 'nothing was visited')
      const filled = fillForm(current, form, fields ?? {})
      return arrive(await navigate({ ...filled, initiator: current }))
    },
  }
}

async function answerCeremonies(
  given: HeadlessSettings,
  navigate: Navigate,
  first: Page,
): Promise<Arrival> {
  const ceremonies: MetCeremony[] = []
  let page = first
  for (;;) {
    const form = ceremonyForm(page)
    const last = ceremonies.at(-1)
    const isOver =
      last !== undefined && last.answered !== 'authenticated' && last.answered !== 'signed'
    if (form === undefined || isOver) return { ...page, ceremonies }
    if (ceremonies.length === ceremoniesMax) {
      throw new WalkFault('ceremony-limit', `more than ${ceremoniesMax}`)
    }
    const reading = readAskedText(form.request)
    if (reading.kind === 'unreadable') throw new WalkFault('ceremony-malformed', 'request')
    if (reading.kind === 'refused') {
      throw new WalkFault('ceremony-malformed', reading.answer.code)
    }
    const { asked } = reading
    const { purpose } = asked.request
    if (!given.expects.includes(purpose)) throw new WalkFault('ceremony-unexpected', purpose)
    const { origin } = new URL(page.url)
    const answer = await answerAsked(given, asked, origin)
    ceremonies.push({
      purpose,
      origin,
      answered: answer.type === 'refused' ? answer.code : answer.type,
    })
    page = await navigate({ ...form.fill(JSON.stringify(answer)), initiator: page })
  }
}

async function answerAsked(
  given: HeadlessSettings,
  asked: Asked,
  origin: string,
): Promise<ReaderAnswer> {
  const { id } = asked.request
  if (!isSecureOrigin(origin)) return refusedAnswer(id, 'origin-foreign')
  if (given.card === undefined) return refusedAnswer(id, 'card-absent')
  const prepared = await prepareCeremony(given.card, secretOf(asked))
  if (prepared.kind === 'refused') return refusedAnswer(id, refusalOfReason[prepared.reason])
  const pin = given.pins[secretOf(asked)]
  const isLast = prepared.value.triesLeft === 1
  if (pin === undefined || (isLast && given.confirmLastTry !== true)) {
    return refusedAnswer(id, 'ceremony-cancelled')
  }
  return answerOf(id, await performCeremony(given.card, { asked, origin, pin }))
}
