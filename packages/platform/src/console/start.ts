/** Starts the operators' console and what keeps its tables small; its commands of the admin socket. */
import { Refusal } from '@sekisho/contract'
import { every } from '@sekisho/runtime/clock'
import { z } from 'zod'
import { entries } from '../entry.ts'
import { messages } from '../message.ts'
import { sweepPasskeys } from '../passkey/session.ts'
import { ownProviderId } from '../providers/registry.ts'
import { inviteMember, invitation, listMembers } from '../staff/member.ts'
import { sweepTraffic, type Traffic } from '../traffic/traffic.ts'
import type { World } from '../world.ts'
import { type ConsoleSettings, createConsole } from './server.ts'

/** Where the operators' console listens, and under which origin the staff's browsers reach it. */
export type OperationSettings = { readonly port: number; readonly publicOrigin: string }

/** Starts counting and, where one is wished for, the console. */
export async function startOperation(
  given: Omit<ConsoleSettings, 'publicOrigin'> & {
    readonly traffic: Traffic
    readonly operation: OperationSettings | undefined
  },
): Promise<{ stop(): Promise<void> }> {
  const { world, operation, traffic } = given
  const server =
    operation === undefined
      ? undefined
      : await createConsole({ ...given, publicOrigin: operation.publicOrigin })
  if (operation !== undefined) await server?.listen(operation.port)
  const fault = (error: unknown): void =>
    world.log.write(messages['platform.background-fault'], { fault: error })
  const stops = [
    every(flushMs, () => traffic.flush(world.store), fault),
    every(
      sweepMs,
      async () => {
        await sweepTraffic(world.store)
        await sweepPasskeys(world.store)
      },
      fault,
    ),
  ]
  return {
    stop: async () => {
      await server?.stop()
      for (const stop of stops) await stop()
      await traffic.flush(world.store)
    },
  }
}

/** Commands of the admin socket: how the first members of the staff come in, and the last way in when passkeys are lost. */
export function staffCommands(world: World) {
  const invited = z.strictObject({
    ...invitation.shape,
    breakGlass: z.string().min(1).max(200).optional(),
  })
  return {
    'staff-list': () => listMembers(world.store),
    'staff-invite': async (body: unknown) => {
      const parsed = invited.safeParse(body)
      if (!parsed.success)
        throw new Refusal('request-malformed', {
          field: parsed.error.issues[0]?.path.join('.') ?? '',
        })
      const { breakGlass, ...member } = parsed.data
      if (breakGlass === undefined && (await securityOfficers(world)) >= 2)
        throw new Refusal('act-needs-two')
      await world.store.transaction(tx =>
        world.ledger.record(tx, entries['platform.staff-invited-by-machine'], {
          at: world.clock.now(),
          providerId: ownProviderId,
          values: { member: member.id, reason: breakGlass ?? '' },
        }),
      )
      return inviteMember(world, member, world.clock.now())
    },
  }
}

/** Active security officers who have a passkey: two of them can do everything at the console. */
async function securityOfficers(world: World): Promise<number> {
  const members = await listMembers(world.store)
  const holders = await world.store.read(db =>
    db.selectFrom('passkey').select('holder').distinct().execute(),
  )
  const proven = new Set(holders.map(row => row.holder))
  return members.filter(
    one =>
      one.state === 'active' && one.roles.includes('security') && proven.has(`staff:${one.id}`),
  ).length
}

/** Real milliseconds between two additions to the table of traffic. */
const flushMs = 3000
const sweepMs = 60_000
