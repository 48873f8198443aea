import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import {
  type Card,
  CardGone,
  deriveOwnerKey,
  type FreePlan,
  heldOwnerKey,
  type Outcome,
  proveOwner,
  readCommonId,
  readFreeRoom,
  readLoadedFile,
  selectLoaded,
  writeLoadedFile,
  writeLoadedRecord,
} from '@sekisho/card'
import { type CardState, createVirtualCard } from '@sekisho/card/virtual'
import { Refusal } from '@sekisho/contract'
import { createKey, masterKeyOf } from '@sekisho/runtime/keys'
import { systemRandom } from '@sekisho/runtime/random'
import {
  connectPostgres,
  type Engine,
  openEmbedded,
  startTemporaryPostgres,
  type TemporaryPostgres,
} from '@sekisho/runtime/store'
import { useCard } from '../window/card-tray.ts'
import { noon, openTestWorld, type TestWorld } from '../world-for-tests.ts'
import { publishFeedsDue, readFeed, stopUser, userOf } from './feed.ts'
import { loadCard, type Order, unloadCard } from './loading.ts'
import { contractedApplications, type Owner, registerApplication, registerOwner } from './owner.ts'
import { openLoadingWorld } from './program.ts'
import { recordAudit, reportOf, reportPage } from './report.ts'
import { presentLoading } from './rules.ts'
import { enrolTerminal, registerTerminal, requireTerminal, withdrawTerminal } from './terminal.ts'
import type { AtTerminal, LoadingWorld } from './world.ts'

const random = systemRandom()
const dayMs = 86_400_000
const codeOf = async (run: Promise<unknown>): Promise<string> => {
  try {
    await run
    return 'done'
  } catch (fault) {
    if (fault instanceof Refusal) return fault.code
    throw fault
  }
}
function valueOf<T>(outcome: Outcome<T>): T {
  assert.equal(outcome.kind, 'done', JSON.stringify(outcome))
  return outcome.value
}
const masterKey = new Uint8Array(32).fill(0x4d)
const library: FreePlan = {
  aid: 'F05345534B02',
  type: 'C',
  hasPin: false,
  files: [{ id: 1, bytes: 16, count: 1 }],
}
const shelter: FreePlan = {
  aid: 'F05345534B03',
  type: 'D',
  hasPin: true,
  files: [{ id: 1, bytes: 4000, count: 1 }],
}
const orderFor = (plan: FreePlan): Order => ({
  aid: plan.aid,
  type: plan.type,
  hasPin: plan.hasPin,
  isEncrypted: plan.type === 'D',
})
const by: AtTerminal = { terminal: 'T1', operator: 'hana' }

for (const kind of ['embedded', 'postgres'] as const)
  describe(`loading into cards on the ${kind} engine`, () => {
    let engine: Engine
    let server: TemporaryPostgres | undefined
    let town: TestWorld
    let loading: LoadingWorld
    let city: Owner
    let shop: Owner

    before(async () => {
      server = kind === 'postgres' ? await startTemporaryPostgres({ durable: false }) : undefined
      engine = server === undefined ? await openEmbedded('memory') : connectPostgres(server.url)
      town = await openTestWorld(engine, { at: noon(2026, 11, 20) })
      loading = await openLoadingWorld({
        engine,
        clock: town.clock,
        random,
        rules: presentLoading,
        numbersKey: masterKeyOf(new Uint8Array(32), random),
        caKeysFolder: `${town.folder.path}/keys`,
        publicOrigin: 'http://authority.example',
      })
      await registerTerminal(loading, { number: 'T1', place: '窓口', administrator: '管理者' })
      const owner = async (id: string, given: Partial<Owner> = {}): Promise<Owner> => {
        const { keyId, publicKey } = await createKey('ec-p256')
        return {
          id,
          name: id,
          kind: 'ordinance',
          basis: '条例',
          types: ['A', 'C', 'D'],
          until: '20270331',
          keyId,
          publicKey,
          ...given,
        }
      }
      city = await owner('city')
      shop = await owner('shop', { kind: 'private', types: ['C'] })
      for (const one of [city, shop]) await registerOwner(loading, one)
      for (const plan of [library, shelter])
        await registerApplication(loading, { owner: 'city', name: plan.aid, plan, masterKey })
    })
    after(async () => {
      await town.folder.remove()
      await engine.close()
      await server?.stop()
    })

    const newCard = async () => {
      const id = await town.register()
      const name = (await town.happen(id, { what: 'card' })) ?? ''
      return { id, name, serial: (await town.card(name)).serial }
    }
    const place = (name: string) => ({ folder: town.world.cardsFolder, name })
    const load = (name: string, order: Order = orderFor(library), who = by) =>
      useCard(place(name), random, card => loadCard(loading, who, order, card))
    const powered = (state: CardState): Card =>
      createVirtualCard(state, { onChange: () => undefined, random: size => random.bytes(size) })
    const rows = (serial: string) =>
      loading.store.read(db =>
        db.selectFrom('loading').selectAll().where('card_serial', '=', serial).execute(),
      )
    const events = async (): Promise<readonly string[]> =>
      (
        await loading.store.read(db =>
          db.selectFrom('loading_event').selectAll().orderBy('position').execute(),
        )
      ).map(one => one.refusal ?? one.kind)

    it('types C and D are loaded; the owner’s terminal, which knows the master key alone, personalises them', async () => {
      const { name, serial } = await newCard()
      const { userNumber, isNew } = await load(name)
      assert.match(userNumber, /^\d{12}$/)
      assert.ok(isNew)
      await load(name, orderFor(shelter))
      await useCard(place(name), random, async card => {
        const key = heldOwnerKey(deriveOwnerKey(masterKey, { aid: library.aid, serial }))
        const owner = valueOf(
          await proveOwner(card, {
            aid: library.aid,
            key,
            random: random.bytes(16),
            encrypted: false,
          }),
        )
        const record = new TextEncoder().encode(userNumber)
        valueOf(await writeLoadedRecord(owner, 1, 1, record))
        assert.deepEqual(valueOf(await readCommonId(card, library.aid, 1)), record)
        const sealed = valueOf(
          await proveOwner(card, {
            aid: shelter.aid,
            key: heldOwnerKey(deriveOwnerKey(masterKey, { aid: shelter.aid, serial })),
            random: random.bytes(16),
            encrypted: true,
          }),
        )
        valueOf(await writeLoadedFile(sealed, 1, record))
        const without = await readLoadedFile(sealed, 1)
        assert.equal(without.kind === 'refused' && without.reason, 'pin-required')
        // The key of another card, and of the other application, opens nothing.
        for (const of of [
          { aid: shelter.aid, serial: '000000000000000' },
          { aid: library.aid, serial },
        ]) {
          const wrong = await proveOwner(card, {
            aid: shelter.aid,
            key: heldOwnerKey(deriveOwnerKey(masterKey, of)),
            random: random.bytes(16),
            encrypted: true,
          })
          assert.equal(wrong.kind === 'refused' && wrong.reason, 'owner-refused')
        }
      })
      assert.deepEqual(await userOf(loading, 'city', { aid: library.aid, cardSerial: serial }), {
        aid: library.aid,
        userNumber,
      })
    })

    it('loaded again it is found, under the same number, and counted once', async () => {
      const { name, serial } = await newCard()
      const first = await load(name)
      const second = await load(name)
      assert.deepEqual([second.userNumber, second.isNew], [first.userNumber, false])
      assert.equal((await rows(serial)).length, 1)
    })

    it('two attempts at the same time count once', async () => {
      const { name, serial } = await newCard()
      const state = await town.card(name)
      const both = await Promise.all(
        [powered(state), powered(state)].map(card =>
          loadCard(loading, by, orderFor(library), card),
        ),
      )
      assert.equal(both.filter(one => one.isNew).length, 1)
      assert.equal(new Set(both.map(one => one.userNumber)).size, 1)
      assert.equal((await rows(serial)).length, 1)
    })

    it('whenever the card is taken away, nothing is half written, and the next try ends with one of each', async () => {
      for (let last = 0; ; last++) {
        const { name, serial } = await newCard()
        let sent = 0
        const attempt = useCard(place(name), random, card =>
          loadCard(loading, by, orderFor(library), {
            // The answer is lost, not the command.
            transmit: async bytes => {
              const answer = await card.transmit(bytes)
              if (sent++ === last) throw new CardGone()
              return answer
            },
          }),
        )
        const code = await codeOf(attempt)
        if (code === 'done') {
          assert.ok(last > 10, 'it was taken away at every command')
          break
        }
        assert.equal(code, 'card-loading-broken')
        const free = (await town.card(name)).free?.applications ?? []
        assert.ok(free.length <= 1)
        const { isNew } = await load(name)
        assert.ok(isNew, 'what was begun is finished and counted then')
        assert.equal((await town.card(name)).free?.applications.length, 1)
        assert.deepEqual(
          (await rows(serial)).map(one => one.state),
          ['loaded'],
        )
      }
    })

    it('what is not contracted, or not as contracted, never reaches the card', async () => {
      const { name, serial } = await newCard()
      const before = await town.card(name)
      const wrong: readonly (readonly [Order, string])[] = [
        [{ ...orderFor(library), aid: 'F05345534B99' }, 'loading-not-contracted'],
        [{ ...orderFor(library), type: 'A' }, 'loading-not-as-contracted'],
        [{ ...orderFor(library), hasPin: true }, 'loading-not-as-contracted'],
        [{ ...orderFor(shelter), isEncrypted: false }, 'loading-not-as-contracted'],
      ]
      for (const [order, code] of wrong) assert.equal(await codeOf(load(name, order)), code)
      // A contract that was narrowed, and one that is over.
      await registerOwner(loading, { ...city, types: ['A', 'C'] })
      assert.equal(await codeOf(load(name, orderFor(shelter))), 'loading-not-contracted')
      await registerOwner(loading, { ...city, until: '20261119' })
      assert.equal(await codeOf(load(name)), 'loading-not-contracted')
      assert.deepEqual(await contractedApplications(loading), [])
      await registerOwner(loading, { ...city, until: '20261120' })
      assert.equal(await codeOf(load(name)), 'done')
      await registerOwner(loading, city)
      assert.deepEqual(before.free?.applications, [])
      assert.equal((await rows(serial)).length, 1)
      const said = (await events()).slice(-7)
      assert.deepEqual(said, [
        'loading-not-contracted',
        'loading-not-as-contracted',
        'loading-not-as-contracted',
        'loading-not-as-contracted',
        'loading-not-contracted',
        'loading-not-contracted',
        'loaded',
      ])
    })

    it('registration of an application keeps to contract and type, and is the same for ever', async () => {
      const register = (owner: string, plan: FreePlan, key = masterKey) =>
        codeOf(registerApplication(loading, { owner, name: 'x', plan, masterKey: key }))
      const mine = { ...library, aid: 'F05345534B10' }
      assert.equal(await register('nobody', mine), 'loading-owner-unknown')
      assert.equal(
        await register('shop', { ...shelter, aid: 'F05345534B11' }),
        'loading-not-as-contracted',
      )
      assert.equal(await register('shop', { ...mine, hasPin: true }), 'request-malformed')
      assert.equal(await register('shop', mine, new Uint8Array(31)), 'request-malformed')
      assert.equal(await register('shop', mine), 'done')
      assert.equal(await register('shop', mine), 'done')
      assert.equal(await register('city', mine), 'idempotency-conflict')
      assert.equal(await register('shop', mine, new Uint8Array(32)), 'idempotency-conflict')
    })

    it('a key is one owner’s alone', async () => {
      const taken = registerOwner(loading, { ...city, id: 'thief' })
      assert.equal(await codeOf(taken), 'idempotency-conflict')
    })

    it('a card without room is refused, and nothing of the application is on it or in the books', async () => {
      const { name, serial } = await newCard()
      const big = { ...shelter, aid: 'F05345534B20', hasPin: false }
      await registerApplication(loading, { owner: 'city', name: '大', plan: big, masterKey })
      await load(name, orderFor(shelter))
      await load(name, orderFor(big))
      const before = await town.card(name)
      assert.equal(await codeOf(load(name, orderFor(library))), 'card-area-full')
      assert.deepEqual((await town.card(name)).free, before.free)
      assert.equal((await rows(serial)).length, 2)
      // What is deleted makes room.
      await useCard(place(name), random, card => unloadCard(loading, by, big.aid, card))
      assert.equal(await codeOf(load(name, orderFor(library))), 'done')
      await useCard(place(name), random, async card => {
        assert.equal(valueOf(await readFreeRoom(card)).applications, 2)
        assert.equal((await selectLoaded(card, big.aid)).kind, 'refused')
        assert.equal(await codeOf(unloadCard(loading, by, big.aid, card)), 'not-found')
      })
    })

    it('an application that somebody else put there is left as it is', async () => {
      const { name, serial } = await newCard()
      await load(name)
      await loading.store.transaction(tx =>
        tx.deleteFrom('loading').where('card_serial', '=', serial).execute(),
      )
      const before = await town.card(name)
      assert.equal(await codeOf(load(name)), 'card-application-present')
      assert.deepEqual(await town.card(name), before)
      assert.deepEqual(await rows(serial), [])
    })

    it('lost, ended, expired and foreign cards get nothing; a found one does', async () => {
      const lost = await newCard()
      await town.happen(lost.id, { what: 'lost' })
      assert.equal(await codeOf(load(lost.name)), 'card-not-loadable')
      await town.happen(lost.id, { what: 'found' })
      assert.equal(await codeOf(load(lost.name)), 'done')
      const dead = await newCard()
      const state = await town.card(dead.name)
      await town.happen(dead.id, { what: 'deceased' })
      const into = (card: CardState) =>
        codeOf(loadCard(loading, by, orderFor(library), powered(card)))
      assert.equal(await into(state), 'card-not-loadable')
      const { free: _free, ...without } = await town.card(lost.name)
      assert.equal(await into(without), 'card-not-loadable')
      const { chip: _chip, ...old } = await town.card(lost.name)
      assert.equal(await into(old), 'card-not-loadable')
      const expired = await newCard()
      await loading.store.transaction(tx =>
        tx
          .updateTable('card')
          .set({ expires_at: town.clock.now() })
          .where('serial', '=', expired.serial)
          .execute(),
      )
      assert.equal(await codeOf(load(expired.name)), 'card-not-loadable')
      const strange = { ...loading, chipAnchors: [] }
      assert.equal(
        await codeOf(loadCard(strange, by, orderFor(library), powered(await town.card(lost.name)))),
        'card-not-loadable',
      )
    })

    it('a terminal is used by its browser and with its key alone, until it is withdrawn', async () => {
      const { name } = await newCard()
      const terminal = { number: 'T2', place: '支所', administrator: '管理者' }
      const { enrolment } = await registerTerminal(loading, terminal)
      const wrong = enrolTerminal(loading, { number: 'T2', enrolment: `${enrolment}x` })
      assert.equal(await codeOf(wrong), 'loading-enrolment-unknown')
      const browser = await enrolTerminal(loading, { number: 'T2', enrolment })
      const again = enrolTerminal(loading, { number: 'T2', enrolment })
      assert.equal(await codeOf(again), 'loading-enrolment-unknown')
      assert.equal(await requireTerminal(loading, browser), 'T2')
      assert.equal(await codeOf(requireTerminal(loading, undefined)), 'loading-terminal-unknown')
      assert.equal(await codeOf(requireTerminal(loading, 'x')), 'loading-terminal-unknown')
      const at = { ...by, terminal: 'T2' }
      assert.equal(await codeOf(load(name, orderFor(library), at)), 'done')
      const copied = { ...loading, keysFolder: `${town.folder.path}/elsewhere` }
      const elsewhere = useCard(place(name), random, card =>
        loadCard(copied, at, orderFor(library), card),
      )
      assert.equal(await codeOf(elsewhere), 'loading-terminal-unknown')
      await withdrawTerminal(loading, 'T2')
      assert.equal(await codeOf(requireTerminal(loading, browser)), 'loading-terminal-unknown')
      assert.equal(await codeOf(load(name, orderFor(library), at)), 'loading-terminal-unknown')
      assert.equal(await codeOf(registerTerminal(loading, terminal)), 'loading-terminal-unknown')
    })

    it('a card that knows a later day refuses the terminal', async () => {
      const { name } = await newCard()
      const state = await town.card(name)
      assert.ok(state.trust)
      const later = powered({ ...state, trust: { ...state.trust, date: '20991231' } })
      assert.equal(
        await codeOf(loadCard(loading, by, orderFor(library), later)),
        'card-terminal-refused',
      )
    })

    it('owners learn once a day what to stop, and of their own stop at once; others’ users are nothing to them', async () => {
      const own = { ...library, aid: 'F05345534B30' }
      const { keyId, publicKey } = await createKey('ec-p256')
      await registerOwner(loading, { ...city, id: 'feed', keyId, publicKey })
      await registerApplication(loading, { owner: 'feed', name: '図書館', plan: own, masterKey })
      const [lost, dead, kept] = [await newCard(), await newCard(), await newCard()]
      const numbers: string[] = []
      for (const { name } of [lost, dead, kept])
        numbers.push((await load(name, orderFor(own))).userNumber)
      const [lostNumber = '', deadNumber = '', keptNumber = ''] = numbers
      await publishFeedsDue(loading)
      assert.equal(await publishFeedsDue(loading), 0, 'once a day')
      const first = await readFeed(loading, 'feed')
      assert.deepEqual(first.stopped, [])
      await town.happen(lost.id, { what: 'lost' })
      await town.happen(dead.id, { what: 'deceased' })
      assert.deepEqual(await readFeed(loading, 'feed'), first, 'not before the next day')
      town.clock.turnTo(town.clock.now() + dayMs)
      assert.ok((await publishFeedsDue(loading)) > 0)
      const second = await readFeed(loading, 'feed')
      assert.equal(second.number, first.number + 1)
      const told = (feed: typeof second) =>
        feed.stopped.map(one => `${one.userNumber} ${one.why}`).toSorted()
      const stopped = [`${lostNumber} lost`, `${deadNumber} ended`]
      assert.deepEqual(told(second), stopped.toSorted())
      // The owner does not wait for the day.
      const stop = { aid: own.aid, userNumber: keptNumber }
      const foreign = stopUser(loading, 'shop', stop)
      assert.equal(await codeOf(foreign), 'loading-number-unknown')
      const third = await stopUser(loading, 'feed', stop)
      assert.deepEqual(told(third), [...stopped, `${keptNumber} owner`].toSorted())
      assert.equal(third.nextUpdate, second.nextUpdate, 'the daily round stays')
      assert.deepEqual(await stopUser(loading, 'feed', stop), third)
      await town.happen(lost.id, { what: 'found' })
      town.clock.turnTo(town.clock.now() + dayMs)
      const fourth = await readFeed(loading, 'feed')
      assert.ok(!fourth.stopped.some(one => one.userNumber === lostNumber))
      const asked = userOf(loading, 'shop', { aid: own.aid, cardSerial: kept.serial })
      assert.equal(await codeOf(asked), 'loading-number-unknown')
    })

    it('the yearly report counts every loading of the year once, with each audit, and is a page too', async () => {
      const plan = { ...library, aid: 'F05345534B40' }
      const { keyId, publicKey } = await createKey('ec-p256')
      await registerOwner(loading, {
        ...city,
        id: 'report',
        name: '報告市',
        keyId,
        publicKey,
        until: '20281231',
      })
      await registerApplication(loading, { owner: 'report', name: '印鑑証明', plan, masterKey })
      const first = await newCard()
      await load(first.name, orderFor(plan))
      await load(first.name, orderFor(plan))
      await useCard(place(first.name), random, card => unloadCard(loading, by, plan.aid, card))
      await recordAudit(loading, { owner: 'report', year: 2026, result: 'findings', text: '記録' })
      await recordAudit(loading, { owner: 'report', year: 2026, result: 'satisfied', text: '' })
      const nobody = recordAudit(loading, {
        owner: 'nobody',
        year: 2026,
        result: 'satisfied',
        text: '',
      })
      assert.equal(await codeOf(nobody), 'loading-owner-unknown')
      town.clock.turnTo(noon(2027, 4, 1))
      const later = await newCard()
      await load(later.name, orderFor(plan))
      const of = async (year: number) => {
        const report = await reportOf(loading, year)
        const one = report.owners.find(each => each.id === 'report')
        return { isComplete: report.isComplete, loadings: one?.loadings, audit: one?.audit?.result }
      }
      assert.deepEqual(await of(2026), { isComplete: true, loadings: 1, audit: 'satisfied' })
      assert.deepEqual(await of(2027), { isComplete: false, loadings: 1, audit: undefined })
      const page = reportPage(await reportOf(loading, 2026), 'ja')
      assert.match(page, /報告市/)
      assert.match(page, /2026年度/)
    })
  })
