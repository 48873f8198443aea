/** Procedures as a room of the platform (ADR 0012). */
import { type Authority, createAuthority } from '@sekisho/mandates'
import { type Ground, type OpenRoom, type Room, roomStore } from '@sekisho/platform/room'
import { Refusal } from '@sekisho/contract'
import { protocolNow } from '@sekisho/runtime/clock'
import type { Fetch } from '@sekisho/runtime/net'
import { z } from 'zod'
import { addProcedureApi, procedureExamples } from './api.ts'
import {
  type CaseWorld,
  casesDue,
  moveCase,
  passDeadlines,
  resolveTask,
  type Tables,
  tasksOf,
} from './case.ts'
import type { Definition } from './definition.ts'
import { sweepDrafts } from './draft.ts'
import { entries } from './entry.ts'
import { inviteChanged } from './invitation.ts'
import { createRegistry, ownDefinitions } from './registry.ts'
import { addScreenRoutes } from './route.ts'
import { procedureMigrations } from './table.ts'

/** What procedures need. */
export type ProcedureSettings = {
  /** As for mandates. */
  readonly registerUrl: string
  readonly fetch: Fetch
  /** Beside those that Sekisho brings; later versions of them too. */
  readonly definitions?: readonly Definition[] | undefined
}

/** The room. */
export function proceduresRoom(settings: ProcedureSettings): Room {
  return {
    migrations: procedureMigrations,
    entries,
    examples: procedureExamples,
    open: ground => openProcedures(ground, settings),
  }
}

function openProcedures(ground: Ground, settings: ProcedureSettings): OpenRoom {
  const registry = createRegistry([...ownDefinitions, ...(settings.definitions ?? [])])
  const world: CaseWorld = {
    ...ground.world,
    tables: roomStore<Tables>(ground.world),
    definitionOf: (id, version) => registry.find(id, version),
  }
  const authority: Authority = createAuthority(ground.world, settings)
  addProcedureApi(ground, { world, authority })
  addScreenRoutes(ground, { world, authority, registry })
  ground.world.changeListeners.push((tx, people) => inviteChanged(tx, world, people))
  return {
    doorways: [
      {
        path: '/me/procedures',
        title: { ja: '手続', en: 'Procedures' },
        lead: {
          ja: '引越しや保育所の申込みなどを、一度の申請でまとめて進めます。',
          en: 'Moving, nursery and more: one application, and you see how far it has come.',
        },
        waiting: async personId =>
          (await world.tables.read(db => tasksOf(db, [`person ${personId}`]))).length,
      },
    ],
    rounds: [
      { everyMs: 1000, run: () => passDue(world) },
      { everyMs: 60_000, run: () => sweepDrafts(world.tables, protocolNow()) },
    ],
    commands: commandsOf(world),
  }
}

/** Cases whose deadline has passed, one transaction each: one that fails keeps no other waiting. */
async function passDue(world: CaseWorld): Promise<void> {
  const due = await world.tables.read(db => casesDue(db, world.clock.now()))
  for (const id of due) await world.tables.transaction(tx => passDeadlines(tx, world, id))
}

/** Commands of the machine's admin socket. */
function commandsOf(world: CaseWorld) {
  const parse = <S extends z.ZodType>(schema: S, body: unknown): z.output<S> => {
    const parsed = schema.safeParse(body)
    if (!parsed.success) throw new Refusal('request-malformed')
    return parsed.data
  }
  const resolution = z.strictObject({
    case: z.string(),
    task: z.string(),
    how: z.enum(['fall-away', 'hand-over']),
    reason: z.string().min(1).max(500),
  })
  const move = z.strictObject({ case: z.string(), version: z.int().positive() })
  return {
    'procedure-handed-over': async () =>
      world.tables.read(async db => ({
        tasks: await db
          .selectFrom('procedure_task')
          .select(['case_id as case', 'task', 'opened_at as openedAt'])
          .where('is_handed_over', '=', true)
          .orderBy('opened_at')
          .limit(200)
          .execute(),
      })),
    'procedure-resolve': async (body: unknown) => {
      const { case: id, ...given } = parse(resolution, body)
      await world.tables.transaction(tx => resolveTask(tx, world, id, given))
      return {}
    },
    'procedure-move': async (body: unknown) => {
      const { case: id, version } = parse(move, body)
      await world.tables.transaction(tx => moveCase(tx, world, id, version))
      return {}
    },
  }
}
