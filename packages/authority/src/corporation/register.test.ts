/** The register of companies: who is in it, what each entry does to certificates, and mandates that representatives give. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Refusal } from '@sekisho/contract'
import { isCorporateNumber } from '@sekisho/contract/japan'
import { LintFault } from '../lint/lint.ts'
import { certifyRepresentative } from './certificate.ts'
import { corporationCommands } from './command.ts'
import { readHistory, readRepresentatives, searchCorporations } from './corporation.ts'
import { type CorporationEvent, enter, register } from './event.ts'
import { found, numbers, openTestOthers, type TestOthers } from './others-for-tests.ts'
import { seedCorporations } from './town.ts'

const refuses =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof Refusal && error.code === code

for (const database of ['embedded', 'postgres'] as const)
  describe(`the register, on ${database}`, () => {
    let town: TestOthers
    before(async () => {
      town = await openTestOthers(database)
    })
    after(() => town[Symbol.asyncDispose]())

    it('has the town’s companies under corporate numbers with their check digits, once', async () => {
      const all = await searchCorporations(town.world, '式')
      assert.deepEqual(
        all.corporations.map(each => each.name),
        ['架空生命保険株式会社', '見本建設株式会社', '株式会社せきしょ銀行'],
      )
      assert.ok(all.corporations.every(each => isCorporateNumber(each.number)))
      await seedCorporations(town.world)
      assert.equal((await searchCorporations(town.world, '式')).corporations.length, 3)
      const hospital = await searchCorporations(town.world, '見本会')
      assert.deepEqual(
        hospital.corporations.map(each => each.number),
        [numbers.hospital],
      )
      // A pattern is a text like any other.
      assert.deepEqual((await searchCorporations(town.world, '%')).corporations, [])
      assert.equal(hospital.isComplete, true)
    })

    it('tells who is asked for, and nothing of who is not there', async () => {
      const history = await readHistory(town.world, numbers.bank)
      assert.deepEqual(
        history.changes.map(each => each.kind),
        ['register', 'appoint'],
      )
      assert.equal(history.closed, null)
      const [one, ...more] = await readRepresentatives(town.world, numbers.bank)
      assert.deepEqual([one?.name, one?.title, more.length], ['見本一郎', '代表取締役', 0])
      await assert.rejects(readHistory(town.world, '1234567890123'), refuses('corporation-unknown'))
    })

    it('a list of more than a hundred says that it is not all', async () => {
      await town.world.store.transaction(async tx => {
        for (let i = 0; i < 101; i++) {
          const registeredNumber = `9999020${String(i).padStart(5, '0')}`
          const founding = { name: `架空商事${i}`, nameRomaji: `Kaku ${i}`, headOffice: '架空町' }
          await register(tx, town.world, { ...founding, registeredNumber }, town.clock.now())
        }
      })
      const found = await searchCorporations(town.world, '架空商事')
      assert.deepEqual([found.corporations.length, found.isComplete], [100, false])
    })

    it('certifies a representative in office for 3 to 27 months in steps of three', async () => {
      const { spki } = await town.world.holderKey()
      const [one] = await readRepresentatives(town.world, numbers.hospital)
      const certify = (
        months: number,
        representative = one?.id ?? '',
        corporation = numbers.hospital,
      ) =>
        town.world.store.transaction(tx =>
          certifyRepresentative(
            tx,
            town.world,
            { corporation, representative, spki, months },
            town.clock.now(),
          ),
        )
      for (const months of [3, 27]) assert.ok((await certify(months)).notAfter > town.clock.now())
      for (const months of [2, 4, 28, 30, 0]) await assert.rejects(certify(months), LintFault)
      await assert.rejects(certify(3, 'nobody'), refuses('corporation-unknown'))
      const [bank] = await readRepresentatives(town.world, numbers.bank)
      await assert.rejects(certify(3, bank?.id), refuses('corporation-unknown'))
    })
  })

for (const database of ['embedded', 'postgres'] as const)
  describe(`an entry ends what it made untrue, on ${database}`, () => {
    let town: TestOthers
    before(async () => {
      town = await openTestOthers(database)
    })
    after(() => town[Symbol.asyncDispose]())
    let firms = 0

    /** What becomes of a firm's representative and of the clerk whom he empowered. */
    async function outcomes(
      what: (representative: string) => CorporationEvent,
    ): Promise<readonly string[]> {
      const firm = await found(town, `9999030${String(++firms).padStart(5, '0')}`)
      town.clock.turnTo(town.clock.now() + 60_000)
      const { corporation, representative } = firm
      const event = what(representative)
      await corporationCommands(town.world)['corporation-event']({ corporation, event })
      const bank = await town.holder('bank-representative')
      assert.equal(await town.outcome(bank.certificate, 'representative'), 'passed')
      return [
        await town.outcome(firm.own, 'representative'),
        await town.outcome(firm.clerk, 'mandate'),
      ]
    }
    const gone = 'certificate-revoked'

    it('another name or head office: all that says the old one', async () => {
      const renamed = { what: 'rename', name: '見本組', nameRomaji: 'Mihongumi' } as const
      assert.deepEqual(await outcomes(() => renamed), [gone, gone])
      assert.deepEqual(await outcomes(() => ({ what: 'move', headOffice: '鎌倉市' })), [gone, gone])
    })

    it('a representative who goes or acts in another capacity: theirs, and what they gave', async () => {
      assert.deepEqual(await outcomes(id => ({ what: 'resign', representative: id })), [gone, gone])
      const change = { what: 'change-title', title: '取締役' } as const
      assert.deepEqual(await outcomes(id => ({ ...change, representative: id })), [gone, gone])
    })

    it('a key that leaked or is not wanted: the representative’s alone', async () => {
      for (const what of ['key-compromised', 'stop-certificate'] as const)
        assert.deepEqual(await outcomes(id => ({ what, representative: id })), [gone, 'passed'])
    })

    it('a corporation that ends: everything', async () => {
      assert.deepEqual(await outcomes(() => ({ what: 'close', cause: 'liquidated' })), [gone, gone])
    })

    it('two entries at the same time come one after the other', async () => {
      const firm = await found(town, '999905000099')
      const event = { what: 'resign', representative: firm.representative } as const
      const entering = () =>
        town.world.store.transaction(tx =>
          enter(tx, town.world, firm.corporation, event, town.clock.now()),
        )
      const both = await Promise.allSettled([entering(), entering()])
      assert.deepEqual(both.map(each => each.status).toSorted(), ['fulfilled', 'rejected'])
    })

    it('a representative more: nothing', async () => {
      const second = {
        what: 'appoint',
        name: '見本九',
        nameRomaji: 'Q',
        title: '代表取締役',
      } as const
      assert.deepEqual(await outcomes(() => second), ['passed', 'passed'])
    })
  })

describe('what cannot be entered', () => {
  it('nothing after the end, nobody who is not in office, no successor that is none', async () => {
    await using town = await openTestOthers()
    const { world, clock } = town
    const at = (number: string, event: CorporationEvent) =>
      world.store.transaction(tx => enter(tx, world, number, event, clock.now()))
    const [one] = await readRepresentatives(world, numbers.bank)
    const representative = one?.id ?? ''
    await at(numbers.bank, { what: 'resign', representative })
    await assert.rejects(
      at(numbers.bank, { what: 'resign', representative }),
      refuses('corporation-unknown'),
    )
    const merged = { what: 'close', cause: 'merged' } as const
    await assert.rejects(at(numbers.bank, merged), refuses('request-malformed'))
    const itself = { ...merged, successor: numbers.bank }
    await assert.rejects(at(numbers.bank, itself), refuses('request-malformed'))
    const nobody = { ...merged, successor: '1234567890123' }
    await assert.rejects(at(numbers.bank, nobody), refuses('corporation-unknown'))
    await at(numbers.bank, { ...merged, successor: numbers.construction })
    assert.equal((await readHistory(world, numbers.bank)).closed?.successor, numbers.construction)
    await assert.rejects(
      at(numbers.bank, { what: 'move', headOffice: 'x' }),
      refuses('corporation-closed'),
    )
    const into = { ...merged, successor: numbers.bank }
    await assert.rejects(at(numbers.construction, into), refuses('corporation-closed'))
    assert.equal((await readHistory(world, numbers.construction)).closed, null)
    await assert.rejects(
      corporationCommands(world)['corporation-event']({
        corporation: numbers.bank,
        event: { what: 'x' },
      }),
      refuses('request-malformed'),
    )
  })
})
