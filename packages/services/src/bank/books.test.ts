import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { systemRandom } from '@sekisho/runtime/random'
import { type Engine, openEmbedded, type Store } from '@sekisho/runtime/store'
import type { Application } from './application.ts'
import { accountOf, bankMigrations, type BankTables, openAccount } from './books.ts'

const application: Application = {
  name: '佐藤　花子',
  address: '東京都千代田区神田神保町１丁目１番１号',
  birthdate: '1990-03-04',
  gender: 'female',
  hasSubstitutes: false,
  phone: '0312345678',
  purpose: 'savings',
}
const at = Date.UTC(2026, 10, 20)

let engine: Engine
let store: Store<BankTables>
before(async () => {
  engine = await openEmbedded('memory')
  store = await engine.store<BankTables>({ schema: 'bank', migrations: bankMigrations })
})
after(() => engine.close())

/** Randomness that makes these account numbers, one after the other. */
function drawing(...numbers: readonly number[]) {
  const left = [...numbers]
  return {
    uuidv7: systemRandom().uuidv7,
    bytes: () => {
      const bytes = new Uint8Array(4)
      new DataView(bytes.buffer).setUint32(0, left.shift() ?? 0)
      return bytes
    },
  }
}

const opening = (subject: string, transaction = `t-${subject}`) => ({
  subject,
  application,
  transaction,
  receipt: 'r',
})

test('a number that another customer has is not given again: the next one is drawn', async () => {
  await openAccount(store, opening('a'), { at, random: drawing(1234567) })
  await openAccount(store, opening('b'), { at, random: drawing(1234567, 1234567, 7654321) })
  assert.equal((await accountOf(store, 'a'))?.number, '1234567')
  assert.equal((await accountOf(store, 'b'))?.number, '7654321')
  assert.equal((await accountOf(store, 'b'))?.movements.length, 1)
})

test('when no number is free nothing is written at all', async () => {
  const taken = drawing(...Array.from({ length: 100 }, () => 1234567))
  await assert.rejects(openAccount(store, opening('c'), { at, random: taken }))
  const customers = await store.read(db =>
    db.selectFrom('customer').select('subject').where('subject', '=', 'c').execute(),
  )
  assert.deepEqual(customers, [])
})

test('a customer has one account, however often and with whatever application it is asked for', async () => {
  await Promise.all(
    [1, 2, 3].map(number =>
      openAccount(store, opening('d', `t-d-${number}`), { at, random: drawing(number) }),
    ),
  )
  await openAccount(store, opening('d', 't-d-1'), { at, random: drawing(9) })
  const found = await accountOf(store, 'd')
  assert.equal(found?.balanceYen, 1000)
  assert.equal(found?.movements.length, 1)
})
