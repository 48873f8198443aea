/**
 * The window as a process of its own that is killed with SIGKILL, at random moments and right at random effects, and started again. What
 * is not answered is sent again under its name, as a municipality would. This module is both sides: forked, it is the window.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { cardFileName } from '@sekisho/card/virtual'
import { isRefusalCode, Refusal } from '@sekisho/contract'
import { sleep } from '@sekisho/runtime/clock'
import { connectPostgres, createEffects } from '@sekisho/runtime/store'
import type { Draw } from '../registry/draw.ts'
import { publishDue } from '../revocation/publish.ts'
import { openTestWorld, type TestWorld } from '../world-for-tests.ts'
import { performEvent, performOnce, residentEvent } from './event.ts'
import type { Window } from './lives-for-tests.ts'
import { endStaysDue } from './stay-end.ts'

/** A window that dies, and what it went through. */
export type MortalWindow = Window & {
  deaths(): number
  /** Events that were found done when they were sent again. */
  repeated(): number
  /** Cards that the register knew and nobody had written. */
  lostCards(): number
  /** Names of the events that were answered as done. */
  done(): readonly string[]
  stop(): Promise<void>
}

type Work =
  | {
      readonly kind: 'event'
      readonly id: string
      readonly event: unknown
      readonly notice: string
    }
  | { readonly kind: 'stays' }
  | { readonly kind: 'publish' }
type Asked = { readonly number: number; readonly at: number; readonly work: Work }
type Answered =
  | { readonly number: number; readonly result: number | 'done' | 'repeated' }
  | { readonly number: number; readonly refusal: string }

/** What a forked window is told in its environment. */
type Birth = {
  readonly url: string
  readonly folder: string
  readonly at: number
  /** Number of the effect that it dies at, and when. */
  readonly killAt?: number | undefined
  readonly moment?: 'before' | 'after' | undefined
}

/**
 * A window over the database at `url` and the cards of `town`. `draw` chooses how each of its lives ends: after some of its effects, or
 * from outside, after some milliseconds at work.
 */
export function openMortalWindow(given: {
  readonly url: string
  readonly town: TestWorld
  readonly draw: Draw
  readonly deathsMax: number
}): MortalWindow {
  const { town } = given
  const living = keepAlive(given)
  const done: string[] = []
  let notices = 0
  let repeated = 0
  let lostCards = 0

  const happen: Window['happen'] = async (id, event) => {
    const notice = `notice ${notices++}`
    const work = { kind: 'event', id, event, notice } as const
    for (;;) {
      const answer = await living.ask(work)
      if ('refusal' in answer) {
        // The lock of a window that died holds for a moment.
        if (answer.refusal === 'card-in-use') {
          await sleep(50)
          continue
        }
        if (!isRefusalCode(answer.refusal)) throw new Error(answer.refusal)
        throw new Refusal(answer.refusal)
      }
      if (answer.result === 'repeated') repeated++
      done.push(notice)
      return undefined
    }
  }
  const endedStays = (): Promise<number> =>
    town.world.store.read(async db => {
      const rows = await db
        .selectFrom('event')
        .select('id')
        .where('kind', '=', 'stay-ended')
        .execute()
      return rows.length
    })
  return {
    happen,
    // What a window that died had done is not in its successor's count.
    async endStays() {
      const before = await endedStays()
      for (let last = -1; last !== 0; ) last = resultOf(await living.ask({ kind: 'stays' }))
      return (await endedStays()) - before
    },
    publish: () => living.ask({ kind: 'publish' }).then(resultOf),
    async lacksCard(id) {
      const card = await town.world.store.read(db =>
        db
          .selectFrom('card')
          .select('serial')
          .where('resident_id', '=', id)
          .where('state', '=', 'active')
          .executeTakeFirst(),
      )
      if (card === undefined) return false
      const isLacking = !existsSync(join(town.world.cardsFolder, cardFileName(card.serial)))
      if (isLacking) lostCards++
      return isLacking
    },
    deaths: living.deaths,
    repeated: () => repeated,
    lostCards: () => lostCards,
    done: () => done,
    stop: living.stop,
  }
}

function resultOf(answer: Answered): number {
  if ('refusal' in answer) throw new Error(answer.refusal)
  return Number(answer.result)
}

/** Keeps one window alive and kills it again and again; whatever it leaves unanswered its successor is asked. */
function keepAlive(given: Parameters<typeof openMortalWindow>[0]) {
  const { draw, town } = given
  const waiting = new Map<number, { readonly asked: Asked; answer(answered: Answered): void }>()
  let window: ChildProcess | undefined
  let numbers = 0
  let deaths = 0
  let isStopped = false

  const bear = (): void => {
    const isLast = deaths >= given.deathsMax
    const isExact = deaths % 2 === 1
    const birth: Birth = {
      url: given.url,
      folder: town.folder.path,
      at: town.clock.now(),
      ...(isExact && !isLast
        ? { killAt: 1 + draw.below(250), moment: draw.happens(50) ? 'after' : 'before' }
        : {}),
    }
    const born = fork(new URL(import.meta.url), {
      execArgv: [],
      env: { PATH: process.env['PATH'], [marker]: JSON.stringify(birth) },
    })
    window = born
    born.once('message', () => {
      for (const { asked } of waiting.values()) born.send(asked)
      born.on('message', (answered: Answered) => {
        waiting.get(answered.number)?.answer(answered)
        waiting.delete(answered.number)
      })
      if (!isExact && !isLast)
        setTimeout(() => born.kill('SIGKILL'), 20 + draw.below(1_500)).unref()
    })
    born.once('exit', () => {
      window = undefined
      if (isStopped) return
      deaths++
      bear()
    })
  }
  bear()
  return {
    deaths: () => deaths,
    ask: (work: Work): Promise<Answered> =>
      new Promise(resolve => {
        const asked = { number: numbers++, at: town.clock.now(), work }
        waiting.set(asked.number, { asked, answer: resolve })
        if (window?.connected === true) window.send(asked, () => undefined)
      }),
    stop: async () => {
      isStopped = true
      const last = window
      if (last === undefined) return
      const ended = new Promise(resolve => void last.once('exit', resolve))
      last.kill('SIGKILL')
      await ended
    },
  }
}

/** The forked side. */
async function serve(birth: Birth): Promise<void> {
  const effects = createEffects(birth)
  const engine = connectPostgres(birth.url, { effects })
  const { at, folder } = birth
  // The one who forked this process removes it.
  const leave = (): Promise<void> => Promise.resolve()
  const town = await openTestWorld(engine, {
    at,
    effects,
    folder: { path: folder, remove: leave, [Symbol.asyncDispose]: leave },
  })
  process.on('message', (asked: Asked) => void answer(town, asked))
  // Without the one who asks there is nothing to do.
  process.on('disconnect', () => process.exit())
  process.send?.('ready')
}

async function answer(town: TestWorld, { number, at, work }: Asked): Promise<void> {
  if (at > town.clock.now()) town.clock.turnTo(at)
  try {
    process.send?.({ number, result: await perform(town, work) })
  } catch (error) {
    process.send?.({ number, refusal: error instanceof Refusal ? error.code : String(error) })
  }
}

async function perform({ world }: TestWorld, work: Work): Promise<number | 'done' | 'repeated'> {
  if (work.kind === 'stays') return endStaysDue(world)
  if (work.kind === 'publish') return publishDue(world)
  const event = residentEvent.parse(work.event)
  const outcome = await performOnce(world, work.notice, named =>
    performEvent(named, work.id, event),
  )
  return outcome.isRepeated === true ? 'repeated' : 'done'
}

const marker = 'SEKISHO_MORTAL_WINDOW'
const born = process.env[marker]
if (born !== undefined) await serve(JSON.parse(born))
