/**
 * The bank's books: customers known by their pairwise id, accounts, movements, browser sessions. What a bank keeps is its
 * own form and the platform's receipt; it never sees a certificate or a serial (D1, C4).
 */
import type { Instant } from '@sekisho/runtime/clock'
import type { Random } from '@sekisho/runtime/random'
import {
  type Kysely,
  type Migrations,
  type Store,
  sql,
  type Transaction,
} from '@sekisho/runtime/store'
import type { Application, Attributes } from './application.ts'

type CustomerTable = {
  subject: string
  name: string
  address: string
  birthdate: string
  gender: string
  phone: string
  /** True when a character of name or address is a substitute and must be asked for on paper. */
  has_substitutes: boolean
  recorded_at: number
}
type AccountTable = {
  number: string
  subject: string
  balance_yen: number
  /** The signing transaction that opened it: one account per signature, whatever is repeated. */
  opened_by: string
  receipt: string
  opened_at: number
}
type MovementTable = { id: string; account: string; amount_yen: number; text: string; at: number }
type SessionTable = { id: string; content: string; expires_at: number }

/** The bank's tables. */
export type BankTables = {
  customer: CustomerTable
  account: AccountTable
  movement: MovementTable
  session: SessionTable
}

export const bankMigrations: Migrations = {
  'bank-0001-foundation': async (db: Kysely<unknown>) => {
    for (const statement of [
      `create table customer (subject text primary key, name text not null, address text not null, birthdate text not null,
        gender text not null, phone text not null, has_substitutes boolean not null, recorded_at bigint not null)`,
      `create table account (number text primary key, subject text not null references customer, balance_yen bigint not null,
        opened_by text not null unique, receipt text not null, opened_at bigint not null)`,
      'create unique index account_subject on account (subject)',
      `create table movement (id text primary key, account text not null references account, amount_yen bigint not null,
        text text not null, at bigint not null)`,
      'create table session (id text primary key, content text not null, expires_at bigint not null)',
    ])
      await sql.raw(statement).execute(db)
  },
}

/** An account as its holder sees it. */
export type AccountView = {
  readonly number: string
  readonly balanceYen: number
  readonly openedAt: Instant
  readonly customer: Attributes & { readonly phone: string }
  readonly movements: readonly {
    readonly at: Instant
    readonly text: string
    readonly amountYen: number
  }[]
}

/** Yen that the bank gives to each new account, so that there is something to see. */
const welcomeYen = 1000
/** Text of that movement, as on a passbook. */
export const welcomeText = '口座開設のお礼'

/**
 * Opens the account that a signed application asks for, at once. A customer has one account: the same signing transaction again,
 * or a second application, leaves the account as it is and only takes over the details of the application.
 */
export async function openAccount(
  store: Store<BankTables>,
  given: {
    readonly subject: string
    readonly application: Application
    readonly transaction: string
    readonly receipt: string
  },
  world: { readonly at: Instant; readonly random: Pick<Random, 'bytes' | 'uuidv7'> },
): Promise<void> {
  await store.transaction(async tx => {
    // Its row orders those who apply for the same customer at the same time.
    await recordCustomer(tx, given.subject, given.application, world.at)
    const existing = await tx
      .selectFrom('account')
      .select('number')
      .where(eb =>
        eb.or([eb('subject', '=', given.subject), eb('opened_by', '=', given.transaction)]),
      )
      .executeTakeFirst()
    if (existing !== undefined) return
    const account = await addAccount(tx, given, world)
    await tx
      .insertInto('movement')
      .values({
        id: world.random.uuidv7(world.at),
        account,
        amount_yen: welcomeYen,
        text: welcomeText,
        at: world.at,
      })
      .execute()
  })
}

/** Numbers tried before the bank gives up: with a million accounts the tenth is needed once in 10^10. */
const numbersTriedMax = 20

/** Adds the account under a number that nobody has; its number. */
async function addAccount(
  tx: Transaction<BankTables>,
  given: { readonly subject: string; readonly transaction: string; readonly receipt: string },
  world: { readonly at: Instant; readonly random: Pick<Random, 'bytes'> },
): Promise<string> {
  for (let tried = 0; tried < numbersTriedMax; tried++) {
    const number = accountNumber(world.random)
    const opened = await tx
      .insertInto('account')
      .values({
        number,
        subject: given.subject,
        balance_yen: welcomeYen,
        opened_by: given.transaction,
        receipt: given.receipt,
        opened_at: world.at,
      })
      .onConflict(conflict => conflict.column('number').doNothing())
      .executeTakeFirst()
    if ((opened.numInsertedOrUpdatedRows ?? 0n) > 0n) return number
  }
  throw new Error('no free account number was found')
}

/** Takes over attributes proven anew. */
export async function updateCustomer(
  store: Store<BankTables>,
  subject: string,
  customer: Attributes & { readonly phone: string },
  at: Instant,
): Promise<void> {
  await store.transaction(tx => recordCustomer(tx, subject, customer, at))
}

async function recordCustomer(
  tx: Transaction<BankTables>,
  subject: string,
  customer: Attributes & { readonly phone: string },
  at: Instant,
): Promise<void> {
  const row = {
    name: customer.name,
    address: customer.address,
    birthdate: customer.birthdate,
    gender: customer.gender,
    phone: customer.phone,
    has_substitutes: customer.hasSubstitutes,
    recorded_at: at,
  }
  await tx
    .insertInto('customer')
    .values({ subject, ...row })
    .onConflict(conflict => conflict.column('subject').doUpdateSet(row))
    .execute()
}

/** The account of a customer, or undefined. */
export async function accountOf(
  store: Store<BankTables>,
  subject: string,
): Promise<AccountView | undefined> {
  return store.transaction(async tx => {
    const account = await tx
      .selectFrom('account')
      .selectAll()
      .where('subject', '=', subject)
      .executeTakeFirst()
    if (account === undefined) return undefined
    const customer = await tx
      .selectFrom('customer')
      .selectAll()
      .where('subject', '=', subject)
      .executeTakeFirstOrThrow()
    const movements = await tx
      .selectFrom('movement')
      .select(['at', 'text', 'amount_yen'])
      .where('account', '=', account.number)
      .orderBy('at', 'desc')
      .orderBy('id', 'desc')
      .limit(movementsShown)
      .execute()
    return {
      number: account.number,
      balanceYen: account.balance_yen,
      openedAt: account.opened_at,
      customer: { ...customer, hasSubstitutes: customer.has_substitutes },
      movements: movements.map(one => ({ at: one.at, text: one.text, amountYen: one.amount_yen })),
    }
  })
}

const movementsShown = 50

/** Seven random digits. */
function accountNumber(random: Pick<Random, 'bytes'>): string {
  const bytes = random.bytes(4)
  const value = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0)
  return String(value % 10_000_000).padStart(7, '0')
}
