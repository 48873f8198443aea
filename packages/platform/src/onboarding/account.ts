/** People who speak for a firm at the providers' console: known by a passkey, with no more power than over their own services (C6). */
import { Refusal } from '@sekisho/contract'
import { isCorporateNumber } from '@sekisho/contract/japan'
import type { Instant } from '@sekisho/runtime/clock'
import type { Request } from '@sekisho/runtime/http'
import type { Random } from '@sekisho/runtime/random'
import type { Store, Transaction } from '@sekisho/runtime/store'
import { z } from 'zod'
import type { PlatformTables } from '../database.ts'
import { createPasskeySessions } from '../passkey/session.ts'

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
  const sessions = createPasskeySessions({
    store,
    random,
    publicOrigin: origin,
    area: 'provider',
    lifetimeMs: sessionMs,
  })
  const find = async (request: Request): Promise<Account | undefined> => {
    const id = await sessions.holder(request)
    return id === undefined ? undefined : findAccount(store, id)
  }
  return {
    ...sessions,
    find,
    /** Who asks. Refusal `account-unauthenticated`. */
    async demand(request: Request): Promise<Account> {
      const account = await find(request)
      if (account === undefined) throw new Refusal('account-unauthenticated')
      return account
    },
  }
}

function accountOf(row: PlatformTables['provider_account']): Account {
  const { id, name, company, corporate_number: corporateNumber } = row
  return { id, name, company, corporateNumber }
}

/** Eight hours: a working day. */
const sessionMs = 8 * 3600 * 1000
