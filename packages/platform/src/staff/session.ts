/** Sessions of the staff: of one browser, short, and asked anew for the person's state and roles at every step (C8). */
import { Refusal } from '@sekisho/contract'
import { protocolNow } from '@sekisho/runtime/clock'
import { createCookie, type Reply, type Request } from '@sekisho/runtime/http'
import type { Random } from '@sekisho/runtime/random'
import type { Store, Transaction } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { sha256Hex } from '../evidence/hash.ts'
import { type Member, memberOf } from './member.ts'
import { mayDo, type Right } from './role.ts'

/** Makes the sessions at the operators' origin. */
export function createStaffSessions(store: Store<PlatformTables>, random: Random, origin: string) {
  const cookie = createCookie({
    name: 'sekisho_staff',
    publicOrigin: origin,
    sameSite: 'strict',
    path: '/',
  })
  const find = async (request: Request): Promise<Member | undefined> => {
    const secret = cookie.read(request)
    if (secret === undefined) return undefined
    const row = await store.read(db =>
      db
        .selectFrom('staff_session')
        .innerJoin('staff_member', 'staff_member.id', 'staff_session.member')
        .selectAll('staff_member')
        .where('staff_session.id', '=', digest(secret))
        .where('expires_at', '>', protocolNow())
        .where('state', '=', 'active')
        .executeTakeFirst(),
    )
    return row === undefined ? undefined : memberOf(row)
  }
  return {
    find,
    /** Who asks, if they may do this. Refusals `staff-unauthenticated`, `staff-right-lacking`. */
    async demand(request: Request, right?: Right): Promise<Member> {
      const member = await find(request)
      if (member === undefined) throw new Refusal('staff-unauthenticated')
      if (right !== undefined && !mayDo(member.roles, right))
        throw new Refusal('staff-right-lacking', { right })
      return member
    },
    /** Opens a session in the transaction that proves the person; `hand` gives it to the browser afterwards. */
    async open(tx: Transaction<PlatformTables>, member: string) {
      const secret = random.token(secretBits)
      await tx
        .insertInto('staff_session')
        .values({ id: digest(secret), member, expires_at: protocolNow() + sessionMs })
        .execute()
      return { hand: (reply: Reply): void => cookie.write(reply, secret) }
    },
    /** Ends the browser's session. */
    async end(request: Request, reply: Reply): Promise<void> {
      const secret = cookie.read(request)
      if (secret !== undefined)
        await store.transaction(tx =>
          tx.deleteFrom('staff_session').where('id', '=', digest(secret)).execute(),
        )
      cookie.clear(reply)
    },
  }
}

/** Removes sessions that have run out. */
export async function sweepStaffSessions(store: Store<PlatformTables>): Promise<void> {
  await store.transaction(tx =>
    tx.deleteFrom('staff_session').where('expires_at', '<=', protocolNow()).execute(),
  )
}

function digest(secret: string): string {
  return sha256Hex(Buffer.from(secret))
}

const secretBits = 256
/** Half an hour; then the passkey is asked for again. */
const sessionMs = 30 * 60_000
