/** Sessions of the staff: half an hour, and the person's state and roles asked anew at every step (C8). */
import { Refusal } from '@sekisho/contract'
import type { Request } from '@sekisho/runtime/http'
import type { Random } from '@sekisho/runtime/random'
import type { Store } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { createPasskeySessions } from '../passkey/session.ts'
import { activeMember, type Member } from './member.ts'
import { mayDo, type Right } from './role.ts'

/** Makes the sessions at the operators' origin. */
export function createStaffSessions(store: Store<PlatformTables>, random: Random, origin: string) {
  const sessions = createPasskeySessions({
    store,
    random,
    publicOrigin: origin,
    area: 'staff',
    lifetimeMs: sessionMs,
  })
  const find = async (request: Request): Promise<Member | undefined> => {
    const id = await sessions.holder(request)
    return id === undefined ? undefined : activeMember(store, id)
  }
  return {
    ...sessions,
    find,
    /** Who asks, if they may do this. Refusals `staff-unauthenticated`, `staff-right-lacking`. */
    async demand(request: Request, right?: Right): Promise<Member> {
      const member = await find(request)
      if (member === undefined) throw new Refusal('staff-unauthenticated')
      if (right !== undefined && !mayDo(member.roles, right))
        throw new Refusal('staff-right-lacking', { right })
      return member
    },
  }
}

/** Half an hour; then the passkey is asked for again. */
const sessionMs = 30 * 60_000
