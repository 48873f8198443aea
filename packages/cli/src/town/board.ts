/**
 * The event board of the town: something happens to a person, a company or a CA, and one watches what follows at the authority, in its
 * lists and at the platform. It works through the programs' own doors and is no part of the product.
 */
import { Refusal } from '@sekisho/contract'
import { callAdmin } from '@sekisho/runtime/http'
import type { TownClock } from '@sekisho/runtime/clock'
import { z } from 'zod'
import type { Layout } from './layout.ts'
import { personaPassword, personaPin } from './personas.ts'

/** What can happen to a person. */
export const personEvents = [
  'move',
  'rename',
  'lost',
  'found',
  'reissue',
  'renew',
  'turn-18',
  'overseas',
  'deceased',
] as const
export type PersonEvent = (typeof personEvents)[number]

/** What can happen to a company. */
export const companyEvents = ['appoint', 'close'] as const
export type CompanyEvent = (typeof companyEvents)[number]

/** One certificate as both sides see it. */
export type Seen = {
  readonly ca: 'signature' | 'authentication'
  readonly generation: string
  readonly notBefore: number
  readonly notAfter: number
  readonly atAuthority: Standing
  readonly atPlatform: Standing & { readonly list: number | undefined }
}

/** The state of a certificate as one side knows it. */
export type Standing = {
  readonly state: 'valid' | 'held' | 'revoked' | 'unknown'
  readonly reason: string | undefined
}

/** What became of a certificate; `before` undefined: it is new. */
export type Change = { readonly before: Standing | undefined; readonly after: Seen }

/** A line of the journal: what happened, and what it changed. */
export type Happened = {
  readonly at: number
  readonly who: string
  readonly what: PersonEvent | CompanyEvent | 'roll-over' | 'clock'
  readonly changes: readonly Change[]
  /** What else there is to say, such as names of keys. */
  readonly more: readonly string[]
}

/** A company to choose. */
export type Company = { readonly number: string; readonly name: string; readonly isClosed: boolean }

/** The board. */
export type Board = {
  readonly journal: readonly Happened[]
  seen(person: string): Promise<readonly Seen[]>
  companies(): Promise<readonly Company[]>
  happenToPerson(person: string, what: PersonEvent): Promise<void>
  happenToCompany(number: string, what: CompanyEvent): Promise<void>
  /** New keys for both CAs, trusted by the platform; they issue from the next hour on, and the clock is turned there. */
  rollOver(): Promise<void>
  turn(days: number): Promise<void>
}

const journalMax = 50
const hourMs = 3600 * 1000
const dayMs = 24 * hourMs
/** Every program looks at the town's clock again within 50 ms of a turn. */
const clockSeenMs = 60

/** Makes the board of a town. Refusals are those of the programs. */
export function createBoard(layout: Layout, clock: TownClock): Board {
  const journal: Happened[] = []
  const authority = (command: string, body?: unknown) =>
    callAdmin(layout.adminPath('authority'), command, body)
  const platform = (command: string, body?: unknown) =>
    callAdmin(layout.adminPath('platform'), command, body)
  const settle = async (): Promise<void> => {
    await authority('publish')
    await platform('revocation-refresh')
  }
  const note = (
    who: string,
    what: Happened['what'],
    changes: readonly Change[],
    more: readonly string[] = [],
  ): void => {
    journal.unshift({ at: clock.now(), who, what, changes, more })
    journal.splice(journalMax)
  }
  const turnBy = async (ms: number): Promise<void> => {
    await clock.advance(ms)
    await new Promise(resolve => setTimeout(resolve, clockSeenMs))
  }
  const seen: Board['seen'] = async person => {
    const own = z
      .array(certificate)
      .parse(await authority('resident-certificates', { resident: person }))
    const at = new Date(clock.now()).toISOString()
    return Promise.all(
      own.map(async ({ der, state, reason, issuerKeyId, ...rest }) => {
        const told = status.parse(
          await platform('status-as-known', { certificate: der, at, knownAt: at }),
        )
        return {
          ...rest,
          generation: issuerKeyId.slice(0, 8),
          atAuthority: { state, reason: reason ?? undefined },
          atPlatform: {
            state: told.state === 'good' ? 'valid' : told.state,
            reason: told.reason,
            list: told.by?.number,
          },
        }
      }),
    )
  }
  /** Until the person's 18th birthday in Japan. Refusal `event-not-possible` when it was. */
  const untilEighteen = async (person: string): Promise<number> => {
    const people = residents.parse(await authority('resident-list'))
    const born = people.find(one => one.persona === person)?.birthDate
    if (born === undefined || born.month === null || born.day === null)
      throw new Refusal('event-not-possible')
    const left = Date.UTC(born.year + 18, born.month - 1, born.day) - 9 * hourMs - clock.now()
    if (left <= 0) throw new Refusal('event-not-possible')
    return left
  }
  return {
    journal,
    seen,
    companies: async () => {
      const { corporations } = companyList.parse(await authority('corporation-list'))
      return corporations.map(({ number, name, closed }) => ({
        number,
        name,
        isClosed: closed !== null,
      }))
    },
    happenToPerson: async (person, what) => {
      const before = await seen(person)
      if (what === 'turn-18') await turnBy(await untilEighteen(person))
      else
        await authority('resident-event', {
          resident: person,
          event: wishOf(what, journal.length),
        })
      await settle()
      note(person, what, differences(before, await seen(person)))
    },
    happenToCompany: async (number, what) => {
      const event =
        what === 'close'
          ? { what, cause: 'liquidated' }
          : { what, name: '見本新任', nameRomaji: 'Mihon Shinnin', title: '代表取締役' }
      const done = entered.parse(
        await authority('corporation-event', { corporation: number, event }),
      )
      note(number, what, [], [`−${done.ended}`])
    },
    rollOver: async () => {
      const notBefore = new Date(clock.now() + hourMs).toISOString()
      const made: string[] = []
      for (const ca of ['signature', 'authentication']) {
        const held = ceremony.parse(
          await authority('ca-ceremony', {
            ca,
            kind: 'present',
            notBefore,
            operators: ['board-one', 'board-two'],
          }),
        )
        await platform('anchor-add', { certificate: held.certificate })
        made.push(`${ca} ${held.generation} ${held.keyId.slice(0, 8)}`)
      }
      await turnBy(hourMs)
      await settle()
      note('CA', 'roll-over', [], made)
    },
    turn: async days => {
      await turnBy(days * dayMs)
      await settle()
      note(String(days), 'clock', [])
    },
  }
}

const residents = z.array(
  z.looseObject({
    persona: z.string().nullable(),
    birthDate: z.object({
      year: z.number(),
      month: z.number().nullable(),
      day: z.number().nullable(),
    }),
  }),
)
const certificate = z.strictObject({
  ca: z.enum(['signature', 'authentication']),
  issuerKeyId: z.string(),
  notBefore: z.number(),
  notAfter: z.number(),
  state: z.enum(['valid', 'held', 'revoked']),
  reason: z.string().nullable(),
  der: z.string(),
})
const status = z.looseObject({
  state: z.enum(['good', 'held', 'revoked', 'unknown']),
  reason: z.string().optional(),
  by: z.looseObject({ number: z.number() }).optional(),
})
const companyList = z.looseObject({
  corporations: z.array(
    z.looseObject({ number: z.string(), name: z.string(), closed: z.unknown().nullable() }),
  ),
})
const entered = z.looseObject({ ended: z.number() })
const ceremony = z.looseObject({
  generation: z.number(),
  keyId: z.string(),
  certificate: z.string(),
})

const secrets = { pin: personaPin, password: personaPassword } as const

function wishOf(what: Exclude<PersonEvent, 'turn-18'>, count: number): object {
  switch (what) {
    case 'move': {
      const address = `東京都新宿区西新宿二丁目８番${1 + (count % 99)}号`
      return { what, municipality: '13104', address }
    }
    case 'rename':
      return { what, name: '見本　改名' }
    case 'reissue':
    case 'renew':
      return { what, ...secrets }
    case 'lost':
    case 'found':
    case 'overseas':
    case 'deceased':
      return { what }
    default:
      return what satisfies never
  }
}

/** What became another, newest certificates first. */
function differences(before: readonly Seen[], after: readonly Seen[]): readonly Change[] {
  const key = (one: Seen): string => `${one.ca} ${one.notBefore}`
  const known = new Map(before.map(one => [key(one), one.atAuthority]))
  return after
    .map(one => ({ before: known.get(key(one)), after: one }))
    .filter(change => change.before?.state !== change.after.atAuthority.state)
}
