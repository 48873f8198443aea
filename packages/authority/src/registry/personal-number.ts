/**
 * Resident code 住民票コード and my number 個人番号 (A1): how they are made, and the one table that holds them, sealed.
 *
 * Both are valid by their check digits and lie in a range of our own, so that a number of a town can be told at sight: resident
 * codes begin with 0, my numbers with 0 and the count of changes. Real numbers may begin so too; nobody can know a range that
 * is free. A my number is derived from the resident code by a keyed permutation, from which the code cannot be told back (My
 * Number Act art. 8). The two never leave this file but to the window; rows, logs and addresses know residents by their ids.
 */
import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import { myNumberCheckDigit, residentCodeCheckDigit } from '@sekisho/contract/japan'
import { type MasterKey, openBox, sealBox } from '@sekisho/runtime/keys'
import type { Random } from '@sekisho/runtime/random'
import { type Reader, sql, type Store, type Transaction } from '@sekisho/runtime/store'
import type { AuthorityTables } from '../database.ts'
import { permute } from './digit-permutation.ts'

/** A person's numbers in the clear: for the window's screen, for nothing else. */
export type Numbers = {
  /** 11 digits. */
  readonly residentCode: string
  /** 12 digits. */
  readonly myNumber: string
}

/** Gives numbers, and reads them again. */
export type PersonalNumbers = {
  /** Gives residents who have none their numbers, in the caller's transaction. */
  assign(tx: Transaction<AuthorityTables>, residentIds: readonly string[]): Promise<void>
  /** The same for thousands: their sealed numbers, for the caller to insert. */
  sealNext(
    tx: Transaction<AuthorityTables>,
    residentIds: readonly string[],
  ): Promise<readonly Uint8Array[]>
  /** The numbers of a resident; undefined for somebody who never had a resident record. */
  read(db: Reader<AuthorityTables>, residentId: string): Promise<Numbers | undefined>
  /**
   * Another my number in place of the present one (My Number Act art. 7-2). False when there is none to change, or when it was
   * changed nine times, which is all that the range has room for.
   */
  change(tx: Transaction<AuthorityTables>, residentId: string): Promise<boolean>
}

/** Opens the numbers of a store. At the first time their secret is made and kept there, wrapped under the master key. */
export async function openPersonalNumbers(
  store: Store<AuthorityTables>,
  master: MasterKey,
  random: Random,
): Promise<PersonalNumbers> {
  const secret = await loadSecret(store, master, random)
  const keyFor = (use: string): KeyObject =>
    createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', `sekisho ${use}`, 32)))
  const keys = { codes: keyFor('codes'), numbers: keyFor('numbers'), seal: keyFor('seal') }
  const box = (residentId: string, numbers: Numbers): Uint8Array => {
    const plain = Buffer.from(`${numbers.residentCode}${numbers.myNumber}`, 'latin1')
    return sealBox(keys.seal, contextOf(residentId), plain, random)
  }
  const sealNext: PersonalNumbers['sealNext'] = async (tx, residentIds) => {
    const places = await takePlaces(tx, residentIds.length)
    const codes = permute(keys.codes, 0, places)
    const numbers = permute(keys.numbers, 0, codes)
    return residentIds.map((id, at) =>
      box(id, { residentCode: codeOf(codes[at] ?? 0), myNumber: numberOf(0, numbers[at] ?? 0) }),
    )
  }
  const open = (residentId: string, sealed: Uint8Array): Numbers => {
    const text = Buffer.from(openBox(keys.seal, contextOf(residentId), sealed)).toString('latin1')
    return { residentCode: text.slice(0, 11), myNumber: text.slice(11) }
  }
  return {
    sealNext,
    assign: async (tx, residentIds) => {
      const boxes = await sealNext(tx, residentIds)
      for (const [at, id] of residentIds.entries())
        await tx
          .insertInto('personal_number')
          .values({ resident_id: id, sealed: boxes[at] ?? new Uint8Array(), changes: 0 })
          .execute()
    },
    read: async (db, residentId) => {
      const row = await readRow(db, residentId)
      return row === undefined ? undefined : open(residentId, row.sealed)
    },
    change: async (tx, residentId) => {
      const row = await readRow(tx, residentId)
      if (row === undefined || row.changes >= changesMax) return false
      const changes = row.changes + 1
      const { residentCode } = open(residentId, row.sealed)
      const [number = 0] = permute(keys.numbers, changes, [Number(residentCode.slice(1, 10))])
      const sealed = box(residentId, { residentCode, myNumber: numberOf(changes, number) })
      await tx
        .updateTable('personal_number')
        .set({ sealed, changes })
        .where('resident_id', '=', residentId)
        .execute()
      return true
    },
  }
}

/** The next places in the sequence of all who ever got numbers. A place is never given twice. */
async function takePlaces(
  tx: Transaction<AuthorityTables>,
  count: number,
): Promise<readonly number[]> {
  const { rows } = await sql<{
    place: number
  }>`select nextval('personal_number_place') as place from generate_series(1, ${count}::integer)`.execute(
    tx,
  )
  return rows.map(row => row.place)
}

const changesMax = 9

async function loadSecret(
  store: Store<AuthorityTables>,
  master: MasterKey,
  random: Random,
): Promise<Uint8Array> {
  const fresh = await master.wrap(secretContext, random.bytes(32))
  const wrapped = await store.transaction(async tx => {
    await tx
      .insertInto('number_key')
      .values({ id: 1, wrapped: fresh })
      .onConflict(conflict => conflict.doNothing())
      .execute()
    const row = await tx.selectFrom('number_key').select('wrapped').executeTakeFirstOrThrow()
    return row.wrapped
  })
  return master.unwrap(secretContext, wrapped)
}

const secretContext = 'personal numbers'

function contextOf(residentId: string): string {
  return `personal number\n${residentId}`
}

function readRow(db: Reader<AuthorityTables>, residentId: string) {
  return db
    .selectFrom('personal_number')
    .select(['sealed', 'changes'])
    .where('resident_id', '=', residentId)
    .executeTakeFirst()
}

function codeOf(permuted: number): string {
  const ten = `0${String(permuted).padStart(9, '0')}`
  return `${ten}${residentCodeCheckDigit(ten)}`
}

function numberOf(changes: number, permuted: number): string {
  const eleven = `0${changes}${String(permuted).padStart(9, '0')}`
  return `${eleven}${myNumberCheckDigit(eleven)}`
}
