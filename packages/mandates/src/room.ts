/** Mandates as a room of the platform (ADR 0012). */
import { type Ground, type OpenRoom, type Room, roomStore } from '@sekisho/platform/room'
import type { Fetch } from '@sekisho/runtime/net'
import { followRegister } from './cascade.ts'
import { entries } from './entry.ts'
import type { MandateTables } from './table.ts'
import { mandateMigrations } from './table.ts'
import { connectRegister } from './register.ts'
import { addMandateRoutes } from './route.ts'

/** What mandates need. */
export type MandateSettings = {
  /** The register of companies: `GET {registerUrl}/{number}/register` answers. */
  readonly registerUrl: string
  readonly fetch: Fetch
  /** Milliseconds (real time) after which a corporation with mandates is looked up anew. */
  readonly registerAgeMs: number
}

/** Milliseconds between two rounds. */
const roundMs = 2000

/** The room. */
export function mandatesRoom(settings: MandateSettings): Room {
  return {
    migrations: mandateMigrations,
    entries: Object.fromEntries(
      Object.values(entries).map(({ code, ja, en }) => [code, { ja, en }]),
    ),
    examples: {
      'POST /v1/authority-checks': {
        kind: 'cms',
        file: Buffer.from('signed').toString('base64'),
        corporation: '5999901000003',
        act: 'bid.submit',
        yen: 1_000_000,
      },
    },
    open: async (ground: Ground): Promise<OpenRoom> => {
      const store = roomStore<MandateTables>(ground.world)
      const register = connectRegister(settings.registerUrl, settings.fetch)
      const world = { ...ground.world, store, register }
      await addMandateRoutes(ground, world)
      return {
        doorways: [
          {
            path: '/me/mandates',
            title: { ja: '委任と代理', en: 'Mandates' },
            lead: {
              ja: '会社から任された権限、家族などの手続を代わりに行う人。',
              en: 'Powers that a company gave you, and helpers who act for you.',
            },
            waiting: () => Promise.resolve(0),
          },
        ],
        rounds: [
          {
            everyMs: roundMs,
            run: async () => {
              await followRegister(world, settings.registerAgeMs)
            },
          },
        ],
        commands: {},
      }
    },
  }
}
