import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { sleep } from '@sekisho/runtime/clock'
import {
  createKey,
  createPersonKeys,
  masterKeyOf,
  personKeyMigrations,
} from '@sekisho/runtime/keys'
import { signingKeyOf } from '@sekisho/runtime/keyring'
import { createLog, raisingSink } from '@sekisho/runtime/log'
import { systemRandom } from '@sekisho/runtime/random'
import {
  connectPostgres,
  type Engine,
  openEmbedded,
  sql,
  type Store,
  startTemporaryPostgres,
  type TemporaryPostgres,
} from '@sekisho/runtime/store'
import {
  createLedger,
  defineEntries,
  type Ledger,
  type LedgerSchema,
  ledgerMigrations,
} from './index.ts'
import { parseLogKey, verifyCheckpoint, verifyConsistency, verifyEntry } from './verify.ts'

const random = systemRandom()
const key = await createKey('ed25519')
const personKeys = createPersonKeys({ master: masterKeyOf(random.bytes(32), random), random })
const sink = raisingSink(() => ['山田花子'])
const migrations = { ...ledgerMigrations, ...personKeyMigrations }
const kinds = defineEntries({
  'test.login-finished': {
    ja: 'ログインしました',
    en: 'a login ended',
    fields: { acr: 'text', count: 'number', claims: 'texts' },
  },
})
const kind = kinds['test.login-finished']
const values = { acr: 'card', count: 1, claims: ['name', 'address'] }

let server: TemporaryPostgres
const engines: { embedded?: Engine; postgres?: Engine } = {}
before(async () => {
  server = await startTemporaryPostgres({ durable: false })
  engines.postgres = connectPostgres(server.url)
  engines.embedded = await openEmbedded('memory')
})
after(async () => {
  await engines.postgres?.close()
  await engines.embedded?.close()
  await server.stop()
})

type Bench = { readonly store: Store<LedgerSchema>; readonly ledger: Ledger }

async function fresh(engine: Engine | undefined, schema: string): Promise<Bench> {
  if (engine === undefined) throw new Error('no engine')
  const store = await engine.store<LedgerSchema>({ schema, migrations })
  return { store, ledger: ledgerOver(store) }
}

function ledgerOver(store: Store<LedgerSchema>): Ledger {
  const log = createLog({ program: 'test', sink })
  return createLedger({
    store,
    personKeys,
    key: signingKeyOf(key),
    origin: 'test.example/ledger',
    random,
    log,
  })
}

async function recordMany(bench: Bench, count: number, personId?: string): Promise<void> {
  await bench.store.transaction(async tx => {
    for (let at = 0; at < count; at += 1) {
      await bench.ledger.record(tx, kind, { at: 1_000 + at, personId, values })
    }
  })
}

async function headOf(ledger: Ledger) {
  const verdict = verifyCheckpoint(
    (await ledger.checkpoint()) ?? '',
    parseLogKey(ledger.verifierKey),
  )
  if (verdict.kind !== 'passed') throw new Error(verdict.reason.code)
  return verdict.value
}

for (const name of ['embedded', 'postgres'] as const) {
  describe(`the ledger on the ${name} engine`, () => {
    it('proves each entry of a person to an outsider', async () => {
      const { store, ledger } = await fresh(engines[name], 'proving')
      await recordMany({ store, ledger }, 3, 'p1')
      await recordMany({ store, ledger }, 2, 'p2')
      await recordMany({ store, ledger }, 1)
      assert.equal(await ledger.checkpoint(), undefined)
      assert.equal(await ledger.sequence(), 6)
      assert.equal(await ledger.sequence(), 0)
      const head = await headOf(ledger)
      assert.equal(head.size, 6)
      const entries = await ledger.entriesOf('p1')
      assert.equal(entries.length, 3)
      for (const { index, content } of entries) {
        assert.ok(index !== undefined && content !== undefined)
        assert.equal(content.entry.kind, 'test.login-finished')
        assert.equal(content.entry.personId, 'p1')
        assert.deepEqual(content.entry.values, values)
        const proof = await ledger.inclusionProof(index)
        assert.ok(proof !== undefined)
        assert.equal(verifyEntry(content.disclosed, proof, head).kind, 'passed')
      }
      assert.equal(await ledger.inclusionProof(6), undefined)
      assert.deepEqual(await ledger.audit(), { kind: 'intact', size: 6 })
    })

    it('exists exactly if the transaction it tells of does', async () => {
      const { store, ledger } = await fresh(engines[name], 'rolled')
      await assert.rejects(
        store.transaction(async tx => {
          await ledger.record(tx, kind, { at: 1, personId: 'p1', values })
          throw new Error('the business failed')
        }),
        /the business failed/,
      )
      assert.equal(await ledger.sequence(), 0)
      assert.deepEqual(await ledger.entriesOf('p1'), [])
    })

    it('grows over tiles of 256, and every head continues the one before', async () => {
      const bench = await fresh(engines[name], 'growing')
      const { ledger } = bench
      let before = undefined
      for (const count of [1, 254, 1, 1, 300, 211]) {
        await recordMany(bench, count)
        await ledger.sequence()
        const head = await headOf(ledger)
        if (before !== undefined) {
          const proof = await ledger.consistencyProof(before.size, head.size)
          assert.equal(verifyConsistency(before, head, proof).kind, 'passed')
        }
        before = head
      }
      assert.deepEqual(await ledger.audit(), { kind: 'intact', size: 768 })
      assert.equal((await ledger.tile(0, 2)).length, 256 * 32)
      assert.equal((await ledger.tile(0, 3)).length, 0)
      assert.equal((await ledger.tile(1, 0)).length, 3 * 32)
      for (const index of [0, 255, 256, 700]) {
        assert.equal((await ledger.inclusionProof(index))?.size, 768)
      }
      await assert.rejects(ledger.consistencyProof(1, 769), /no such sizes/)
    })

    it('keeps its proof when the person is erased, and loses the content', async () => {
      const { store, ledger } = await fresh(engines[name], 'erasing')
      await recordMany({ store, ledger }, 2, 'gone')
      await recordMany({ store, ledger }, 1, 'stays')
      await ledger.sequence()
      const [first] = await ledger.entriesOf('gone')
      assert.ok(first?.content !== undefined && first.index !== undefined)
      await store.transaction(tx => personKeys.erase(tx, 'gone', 5))
      for (const entry of await ledger.entriesOf('gone')) assert.equal(entry.content, undefined)
      assert.equal((await ledger.entriesOf('stays'))[0]?.content?.entry.kind, kind.code)
      assert.deepEqual(await ledger.audit(), { kind: 'intact', size: 3 })
      // Who kept what was disclosed before can still prove it.
      const proof = await ledger.inclusionProof(first.index)
      assert.ok(proof !== undefined)
      const head = await headOf(ledger)
      assert.equal(verifyEntry(first.content.disclosed, proof, head).kind, 'passed')
    })

    const tamperings = {
      'a hash altered': sql`update ledger_entry set content_hash = decode(repeat('00', 32), 'hex')
        where leaf_index = 3`,
      'an entry removed': sql`delete from ledger_entry where leaf_index = 3`,
      'the last entry removed': sql`delete from ledger_entry where leaf_index = 9`,
      'two entries exchanged': sql`update ledger_entry as one
        set content = two.content, content_hash = two.content_hash from ledger_entry as two
        where one.leaf_index in (3, 4) and two.leaf_index = 7 - one.leaf_index`,
      'an entry slipped in': sql`insert into ledger_entry
        select 'forged', null, content, content_hash, 0, 10 from ledger_entry where leaf_index = 1`,
      'an entry slipped in far away': sql`insert into ledger_entry
        select 'forged', null, content, content_hash, 0, 1000 from ledger_entry where leaf_index = 1`,
      'clear content rewritten': sql`update ledger_entry
        set content = content || decode('20', 'hex') where leaf_index = 3`,
      'a tile altered': sql`update ledger_tile set hashes =
        overlay(hashes placing decode(repeat('00', 32), 'hex') from 97) where level = 0`,
      'the checkpoint moved': sql`update ledger_checkpoint set size = 9`,
      'the checkpoint rewritten': sql`update ledger_checkpoint set note = replace(note, '10', '11')`,
    }
    it('finds every way of writing to its tables', async () => {
      const found: string[] = []
      let number = 0
      for (const [what, statement] of Object.entries(tamperings)) {
        number += 1
        const bench = await fresh(engines[name], `tampered_${number}`)
        await recordMany(bench, 10)
        await bench.ledger.sequence()
        assert.deepEqual(await bench.ledger.audit(), { kind: 'intact', size: 10 })
        await bench.store.transaction(tx => statement.execute(tx))
        if ((await bench.ledger.audit()).kind === 'damaged') found.push(what)
      }
      assert.deepEqual(found, Object.keys(tamperings))
    })

    it('does not sign over a tree that was written to', async () => {
      for (const [number, what] of (
        ['a tile altered', 'the checkpoint rewritten'] as const
      ).entries()) {
        const bench = await fresh(engines[name], `refusing_${number}`)
        await recordMany(bench, 10)
        await bench.ledger.sequence()
        await bench.store.transaction(tx => tamperings[what].execute(tx))
        await recordMany(bench, 1)
        await assert.rejects(bench.ledger.sequence(), { name: 'LedgerDamaged' })
      }
    })

    it('shows a person no entry that was altered or moved to them', async () => {
      const { store, ledger } = await fresh(engines[name], 'moved')
      await recordMany({ store, ledger }, 1, 'p1')
      await recordMany({ store, ledger }, 1, 'p2')
      await store.transaction(tx => sql`update ledger_entry set person_id = 'p1'`.execute(tx))
      await assert.rejects(ledger.entriesOf('p1'), { name: 'SealBroken' })
    })

    it('makes one sequence out of two sequencers and many writers', async () => {
      const bench = await fresh(engines[name], 'racing')
      const other: Bench = { store: bench.store, ledger: ledgerOver(bench.store) }
      await Promise.all([
        ...Array.from({ length: 8 }, (_, at) => recordMany(at % 2 === 0 ? bench : other, 5)),
        ...Array.from({ length: 6 }, (_, at) => (at % 2 === 0 ? bench : other).ledger.sequence()),
      ])
      await bench.ledger.sequence()
      assert.deepEqual(await other.ledger.audit(), { kind: 'intact', size: 40 })
    })

    it('beats until it is stopped, and raises an alarm when something waits too long', async () => {
      const { store, ledger } = await fresh(engines[name], 'beating')
      const stop = ledger.start()
      await recordMany({ store, ledger }, 1)
      assert.equal(await ledger.isCurrent(), true)
      await stop()
      assert.equal((await headOf(ledger)).size, 1)
      await recordMany({ store, ledger }, 1)
      await store.transaction(async tx => {
        await sql`update ledger_entry set recorded_at = recorded_at - 10001 where leaf_index is null`.execute(
          tx,
        )
        await sql`update ledger_checkpoint set note = ''`.execute(tx)
      })
      assert.equal(await ledger.isCurrent(), false)
      const lines = sink.lines().length
      const stopLate = ledger.start()
      await sleep(1_200)
      await assert.rejects(stopLate(), { name: 'LedgerDamaged' })
      const codes = sink
        .lines()
        .slice(lines)
        .map(line => line['code'])
      assert.deepEqual(codes, ['ledger.sequencing-late', 'ledger.sequencing-failed'])
    })

    it('takes no values that its kind does not declare', async () => {
      const { store, ledger } = await fresh(engines[name], 'declared')
      const wrong = { ...values, serial: '123' }
      await assert.rejects(
        store.transaction(tx => ledger.record(tx, kind, { at: 1, values: wrong })),
        /does not hold serial/,
      )
    })
  })
}

it('a process killed at any begin or commit loses and doubles nothing', async () => {
  const program = `
    import { createEffects, connectPostgres } from '@sekisho/runtime/store'
    import { createKey, createPersonKeys, masterKeyOf, personKeyMigrations } from '@sekisho/runtime/keys'
    import { signingKeyOf } from '@sekisho/runtime/keyring'
    import { silentLog } from '@sekisho/runtime/log'
    import { systemRandom } from '@sekisho/runtime/random'
    import { createLedger, defineEntries, ledgerMigrations } from './index.ts'
    import { createPrivateKey, createPublicKey } from 'node:crypto'
    const given = JSON.parse(process.argv[1])
    const random = systemRandom()
    const effects = createEffects({ killAt: given.killAt, moment: given.moment })
    const engine = connectPostgres(given.url, { effects })
    const store = await engine.store({ schema: given.schema,
      migrations: { ...ledgerMigrations, ...personKeyMigrations } })
    const privateKey = createPrivateKey({ key: given.key, format: 'jwk' })
    const key = { kind: 'ed25519', keyId: '', privateKey, publicKey: createPublicKey(privateKey) }
    const personKeys = createPersonKeys({ master: masterKeyOf(new Uint8Array(32), random), random })
    const ledger = createLedger({ store, personKeys, key: signingKeyOf(key), origin: 'test.example/ledger', random, log: silentLog() })
    const { 'test.x': kind } = defineEntries({ 'test.x': { ja: '', en: '', fields: {} } })
    for (let at = 0; at < 2; at += 1) {
      await store.transaction(tx => ledger.record(tx, kind, { at, values: {} }))
      console.log('recorded')
    }
    await ledger.sequence()
    await engine.close()
    console.log('effects ' + effects.count())`
  const run = async (schema: string, killAt: number, moment: string) => {
    const key_ = key.privateKey.export({ format: 'jwk' })
    const given = JSON.stringify({ url: server.url, schema, killAt, moment, key: key_ })
    const child = spawn(process.execPath, ['--input-type=module', '-e', program, given], {
      cwd: new URL('.', import.meta.url),
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk
    })
    await once(child, 'close')
    const told = said.split('recorded').length - 1
    const { ledger } = await fresh(engines.postgres, schema)
    await ledger.sequence()
    const audit = await ledger.audit()
    assert.equal(audit.kind, 'intact')
    return { told, audit, signal: child.signalCode, said }
  }
  const whole = await run('killed_never', 0, 'before')
  assert.match(whole.said, /effects 8/)
  const moments = ['before', 'after'].flatMap(moment =>
    [2, 3, 4, 6, 7].map(killAt => ({ killAt, moment })),
  )
  for (let at = 0; at < moments.length; at += 2) {
    await Promise.all(
      moments.slice(at, at + 2).map(async ({ killAt, moment }) => {
        const end = await run(`killed_${killAt}_${moment}`, killAt, moment)
        assert.equal(end.signal, 'SIGKILL')
        // What was acknowledged is there; beyond it at most the one in flight.
        assert.ok(end.audit.kind === 'intact')
        assert.ok(end.audit.size >= end.told && end.audit.size <= Math.min(2, end.told + 1))
      }),
    )
  }
})
