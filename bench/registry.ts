/**
 * A registry of a million residents: how long it takes to register them with households, sealed numbers, and cards as registered
 * numbers, beside what the database itself needs to write the same rows into tables of the same form (`insert … select`), and
 * what one life event and one round of lists cost in it. PostgreSQL with fsync, in this run, on this machine.
 *
 * Run: `node bench/registry.ts [residents] [--gate]`. The gate: at least 0.25 of the database's own rate, at most 200 MB more memory
 * at the end than after the first hundredth.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startAuthority } from '@sekisho/authority'
import { systemClock } from '@sekisho/runtime/clock'
import { callAdmin } from '@sekisho/runtime/http'
import { createKey, masterKeyOf } from '@sekisho/runtime/keys'
import { createLog } from '@sekisho/runtime/log'
import { freePort } from '@sekisho/runtime/net'
import { seededRandom, systemRandom } from '@sekisho/runtime/random'
import { connectPostgres, sql, startTemporaryPostgres, type Store } from '@sekisho/runtime/store'

const residents = Number(process.argv.find(one => /^\d+$/.test(one)) ?? 1_000_000)
const ratioMin = 0.25
const growthMaxBytes = 200e6
/** Residents whose move is timed. */
const moves = 200
const tables = ['resident', 'personal_number', 'card', 'certificate'] as const

type Tables = Store<Record<string, Record<string, unknown>>>

const folder = mkdtempSync(join(tmpdir(), 'sekisho-bench-'))
const postgres = await startTemporaryPostgres()
const engine = connectPostgres(postgres.url, { statementTimeoutMs: 0 })
try {
  const memory = watchMemory()
  const seeding = await seed()
  const { early, last, most } = memory.end()
  const store: Tables = await engine.store({ schema: 'authority', migrations: {} })
  const counts = await countRows(store)
  const rows = [...counts.values()].reduce((sum, count) => sum + count, 0)
  say(
    `${residents} residents: ${[...counts].map(([name, count]) => `${count} ${name}`).join(', ')}`,
  )
  say(
    `registered in ${seeding.registeredMs.toFixed(0)} ms: ${perSecond(residents, seeding.registeredMs)} residents, ` +
      `${perSecond(rows, seeding.registeredMs)} rows a second`,
  )
  say(`first lists of all partitions: ${seeding.lists} in ${seeding.listsMs.toFixed(0)} ms`)
  say(
    `memory of the process: ${mb(early)} MB early, ${mb(last)} MB at the end, ${mb(most)} MB at most`,
  )
  say(`on disk with indexes: ${((await diskBytes(store)) / residents).toFixed(0)} bytes a resident`)
  const ownMs = await copyInside(store)
  const ratio = ownMs / seeding.registeredMs
  say(
    `the database's own writing of the same rows: ${ownMs.toFixed(0)} ms; ratio ${ratio.toFixed(2)} (at least ${ratioMin})`,
  )
  say(
    `a move with its effect at the window: ${(await moveSome(store, seeding.adminPath)).toFixed(1)} ms`,
  )
  await seeding.stop()
  if (process.argv.includes('--gate') && (ratio < ratioMin || last - early > growthMaxBytes))
    process.exitCode = 1
} finally {
  await engine.close()
  await postgres.stop()
  rmSync(folder, { recursive: true, force: true })
}

/** Starts an authority on the empty database; it registers everybody and publishes. */
async function seed() {
  const port = await freePort()
  const adminPath = join(folder, 'admin.sock')
  const begun = performance.now()
  let registeredMs = 0
  const sink = {
    write: (line: string): void => {
      if (line.includes('town-seeded')) registeredMs = performance.now() - begun
    },
  }
  const authority = await startAuthority({
    port,
    publicOrigin: `http://127.0.0.1:${port}`,
    adminPath,
    engine,
    cardsFolder: join(folder, 'cards'),
    caKeysFolder: join(folder, 'ca'),
    personas: [],
    residents,
    isCountry: true,
    verifiers: [],
    answerKey: await createKey('ec-p256'),
    numbersKey: masterKeyOf(systemRandom().bytes(32), systemRandom()),
    clock: systemClock(),
    random: systemRandom(),
    seed: seededRandom('bench'),
    log: createLog({ program: 'authority', sink, level: 'debug' }),
  })
  const listsMs = performance.now() - begun - registeredMs
  const store: Tables = await engine.store({ schema: 'authority', migrations: {} })
  const { rows } = await store.transaction(tx =>
    sql<{ count: number }>`select count(*) as count from publication`.execute(tx),
  )
  return {
    adminPath,
    registeredMs,
    listsMs,
    lists: rows[0]?.count ?? 0,
    stop: () => authority.stop(),
  }
}

async function countRows(store: Tables): Promise<ReadonlyMap<string, number>> {
  return store.transaction(async tx => {
    const counts = new Map<string, number>()
    for (const name of tables) {
      const { rows } = await sql<{
        count: number
      }>`select count(*) as count from ${sql.table(name)}`.execute(tx)
      counts.set(name, rows[0]?.count ?? 0)
    }
    return counts
  })
}

async function diskBytes(store: Tables): Promise<number> {
  return store.transaction(async tx => {
    let bytes = 0
    for (const name of tables) {
      const { rows } = await sql<{
        bytes: number
      }>`select pg_total_relation_size(${name}::text::regclass) as bytes`.execute(tx)
      bytes += rows[0]?.bytes ?? 0
    }
    return bytes
  })
}

/** Writes all rows into tables of the same form, with the same indexes and constraints but references; milliseconds. */
async function copyInside(store: Tables): Promise<number> {
  let ms = 0
  for (const name of tables) {
    const copy = sql.table(`${name}_copy`)
    await store.transaction(tx =>
      sql`create table ${copy} (like ${sql.table(name)} including all)`.execute(tx),
    )
    const begun = performance.now()
    await store.transaction(tx =>
      sql`insert into ${copy} select * from ${sql.table(name)}`.execute(tx),
    )
    ms += performance.now() - begun
    await store.transaction(tx => sql`drop table ${copy}`.execute(tx))
  }
  return ms
}

/** Moves some residents one after the other; milliseconds each. */
async function moveSome(store: Tables, adminPath: string): Promise<number> {
  const { rows } = await store.transaction(tx =>
    sql<{ id: string }>`select id from resident order by id limit ${moves}`.execute(tx),
  )
  const begun = performance.now()
  for (const { id } of rows)
    await callAdmin(adminPath, 'resident-event', {
      resident: id,
      event: { what: 'move', municipality: '47201', address: '沖縄県那覇市泊１丁目１番１号' },
    })
  return (performance.now() - begun) / rows.length
}

/** Resident memory of this process: after the first two seconds, at the end, and at most. */
function watchMemory() {
  const seen: number[] = []
  const timer = setInterval(() => seen.push(process.memoryUsage.rss()), 200)
  return {
    end: () => {
      clearInterval(timer)
      return { early: seen[10] ?? 0, last: seen.at(-1) ?? 0, most: Math.max(...seen) }
    },
  }
}

function perSecond(count: number, ms: number): string {
  return Math.round((count * 1000) / ms).toLocaleString('en')
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(0)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
