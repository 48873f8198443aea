/** People who speak for a firm at the providers' console: known by a passkey, with no more power than over their own services (C6). */
import { Refusal } from '@sekisho/contract'
import { isCorporateNumber } from '@sekisho/contract/japan'
import { type Instant, protocolNow } from '@sekisho/runtime/clock'
import { createCookie, type Reply, type Request } from '@sekisho/runtime/http'
import type { Random } from '@sekisho/runtime/random'
import type { Store, Transaction } from '@sekisho/runtime/store'
import { z } from 'zod'
import type { PlatformTables } from '../database.ts'
import { sha256Hex } from '../evidence/hash.ts'

/** Who registers: the firm by its corporate number. */
export const accountRequest = z.object({
  name: z.string().trim().min(1).max(60),
  company: z.string().trim().min(1).max(100),
  corporateNumber: z.string().trim().refine(isCorporateNumber),
})

/** A registered person. */
export type Account = {
  readonly id: string
  readonly name: string
  readonly company: string
  readonly corporateNumber: string
}

/** Keeps an account, in the transaction that keeps its first passkey. */
export async function addAccount(
  tx: Transaction<PlatformTables>,
  account: Account,
  at: Instant,
): Promise<void> {
  await tx
    .insertInto('provider_account')
    .values({
      id: account.id,
      name: account.name,
      company: account.company,
      corporate_number: account.corporateNumber,
      created_at: at,
    })
    .execute()
}

/** An account by its id; undefined: there is none. */
export async function findAccount(
  store: Store<PlatformTables>,
  id: string,
): Promise<Account | undefined> {
  const row = await store.read(db =>
    db.selectFrom('provider_account').selectAll().where('id', '=', id).executeTakeFirst(),
  )
  return row === undefined ? undefined : accountOf(row)
}

/** Makes the sessions of the providers' console. */
export function createAccountSessions(
  store: Store<PlatformTables>,
  random: Random,
  origin: string,
) {
  const cookie = createCookie({
    name: 'sekisho_provider',
    publicOrigin: origin,
    sameSite: 'strict',
    path: '/',
  })
  const find = async (request: Request): Promise<Account | undefined> => {
    const secret = cookie.read(request)
    if (secret === undefined) return undefined
    const row = await store.read(db =>
      db
        .selectFrom('account_session')
        .innerJoin('provider_account', 'provider_account.id', 'account_session.account')
        .selectAll('provider_account')
        .where('account_session.id', '=', digest(secret))
        .where('expires_at', '>', protocolNow())
        .executeTakeFirst(),
    )
    return row === undefined ? undefined : accountOf(row)
  }
  return {
    find,
    /** Who asks. Refusal `account-unauthenticated`. */
    async demand(request: Request): Promise<Account> {
      const account = await find(request)
      if (account === undefined) throw new Refusal('account-unauthenticated')
      return account
    },
    /** Opens a session in the transaction that proves the person. */
    async open(tx: Transaction<PlatformTables>, account: string) {
      const secret = random.token(secretBits)
      await tx
        .insertInto('account_session')
        .values({ id: digest(secret), account, expires_at: protocolNow() + sessionMs })
        .execute()
      return { hand: (reply: Reply): void => cookie.write(reply, secret) }
    },
    /** Ends the browser's session. */
    async end(request: Request, reply: Reply): Promise<void> {
      const secret = cookie.read(request)
      if (secret !== undefined)
        await store.transaction(tx =>
          tx.deleteFrom('account_session').where('id', '=', digest(secret)).execute(),
        )
      cookie.clear(reply)
    },
  }
}

/** Removes sessions that have run out. */
export async function sweepAccountSessions(store: Store<PlatformTables>): Promise<void> {
  await store.transaction(tx =>
    tx.deleteFrom('account_session').where('expires_at', '<=', protocolNow()).execute(),
  )
}

function accountOf(row: PlatformTables['provider_account']): Account {
  const { id, name, company, corporate_number: corporateNumber } = row
  return { id, name, company, corporateNumber }
}

function digest(secret: string): string {
  return sha256Hex(Buffer.from(secret))
}

const secretBits = 256
/** Eight hours: a working day. */
const sessionMs = 8 * 3600 * 1000
