import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createSecretKey } from 'node:crypto'
import { isMyNumber, isResidentCode } from '@sekisho/contract/japan'
import { masterKeyOf, SealBroken } from '@sekisho/runtime/keys'
import { systemRandom } from '@sekisho/runtime/random'
import { type Engine, openEmbedded, sql } from '@sekisho/runtime/store'
import { noon, openTestWorld, type TestWorld } from '../world-for-tests.ts'
import { permute, permutedNumbers } from './digit-permutation.ts'
import { openPersonalNumbers } from './personal-number.ts'

describe('the permutation behind the numbers', () => {
  const key = createSecretKey(new Uint8Array(32).fill(7))

  it('gives every number another image below the limit, and the same one alone as in a list', () => {
    const numbers = [
      0,
      1,
      2,
      permutedNumbers - 1,
      ...Array.from({ length: 20_000 }, (_, at) => at * 31 + 3),
    ]
    const images = permute(key, 0, numbers)
    assert.equal(new Set(images).size, new Set(numbers).size)
    assert.ok(
      images.every(image => Number.isInteger(image) && image >= 0 && image < permutedNumbers),
    )
    assert.deepEqual(permute(key, 0, [numbers[3] ?? 0]), [images[3]])
  })

  it('is another one under another tweak and another key, and looks like chance', () => {
    const numbers = Array.from({ length: 10_000 }, (_, at) => at)
    const images = permute(key, 0, numbers)
    const others = [
      permute(key, 1, numbers),
      permute(createSecretKey(new Uint8Array(32)), 0, numbers),
    ]
    for (const other of others)
      assert.ok(other.filter((image, at) => image === images[at]).length < 3)
    const firsts = Array.from({ length: 10 }, () => 0)
    for (const image of images) {
      const digit = Math.floor(image / (permutedNumbers / 10))
      firsts[digit] = (firsts[digit] ?? 0) + 1
    }
    // Ten thousand numbers in ten drawers: a thousand each, give or take five deviations.
    for (const count of firsts) assert.ok(Math.abs(count - 1000) < 150, `${count}`)
  })
})

describe('resident code and my number', () => {
  let engine: Engine
  let town: TestWorld
  const numbersOf = (id: string) => town.world.store.read(db => town.world.numbers.read(db, id))

  before(async () => {
    engine = await openEmbedded('memory')
    town = await openTestWorld(engine, { at: noon(2026, 11, 20) })
  })
  after(async () => {
    await town.folder.remove()
    await engine.close()
  })

  it('are valid, in the range of a town, and nobody’s twice', async () => {
    const seen = new Set<string>()
    for (let count = 0; count < 50; count++) {
      const numbers = await numbersOf(await town.register())
      assert.ok(numbers && isResidentCode(numbers.residentCode) && isMyNumber(numbers.myNumber))
      assert.match(numbers.residentCode, /^0/)
      assert.match(numbers.myNumber, /^00/)
      seen.add(numbers.residentCode).add(numbers.myNumber)
    }
    assert.equal(seen.size, 100)
  })

  it('a my number changes nine times at most, each time to another; the resident code stays', async () => {
    const id = await town.register()
    const first = await numbersOf(id)
    const seen = new Set([first?.myNumber])
    for (let change = 1; change <= 9; change++) {
      await town.happen(id, { what: 'change-number' })
      const numbers = await numbersOf(id)
      assert.ok(numbers && isMyNumber(numbers.myNumber))
      assert.equal(numbers.myNumber.slice(0, 2), `0${change}`)
      assert.equal(numbers.residentCode, first?.residentCode)
      seen.add(numbers.myNumber)
    }
    assert.equal(seen.size, 10)
    await assert.rejects(town.happen(id, { what: 'change-number' }))
  })

  it('stand in the clear in no table', async () => {
    const id = await town.register()
    await town.happen(id, { what: 'card' })
    const numbers = await numbersOf(id)
    assert.ok(numbers)
    const found: string[] = []
    await town.world.store.transaction(async tx => {
      const tables = await sql<{ name: string }>`
        select table_name as name from information_schema.tables where table_schema = current_schema()`.execute(
        tx,
      )
      assert.ok(tables.rows.length > 10)
      for (const { name } of tables.rows) {
        const { rows } = await sql<{
          text: string
        }>`select one::text as text from ${sql.table(name)} as one`.execute(tx)
        for (const { text } of rows)
          for (const number of [numbers.myNumber, numbers.residentCode]) {
            const hex = Buffer.from(number).toString('hex')
            if (text.includes(number) || text.includes(hex)) found.push(`${name}: ${text}`)
          }
      }
    })
    assert.deepEqual(found, [])
  })

  it('sealed for one resident they do not open as another’s, nor under another master key', async () => {
    const [one, other] = [await town.register(), await town.register()]
    await town.world.store.transaction(async tx => {
      const { sealed } = await tx
        .selectFrom('personal_number')
        .select('sealed')
        .where('resident_id', '=', one)
        .executeTakeFirstOrThrow()
      await tx
        .updateTable('personal_number')
        .set({ sealed })
        .where('resident_id', '=', other)
        .execute()
    })
    await assert.rejects(numbersOf(other), SealBroken)
    const stranger = masterKeyOf(new Uint8Array(32).fill(1), systemRandom())
    await assert.rejects(
      openPersonalNumbers(town.world.store, stranger, systemRandom()),
      SealBroken,
    )
  })
})
