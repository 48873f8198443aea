/**
 * A month's statement over ten million usages of one provider, beside a plain scan of the same table (`select count(*), sum(fee_yen)`):
 * ratio = statement / scan, in turn, medians. One usage in a hundred is a current-status check that has to be looked up in the year.
 * The same once more under a tariff that changes within the month. On a PostgreSQL server, through the platform's own command.
 *
 * Run: `node bench/fees.ts [usages] [--gate]`. The gate: at most 4 times the scan, at most 50 MB more memory than before.
 */
import { startTestTown } from '@sekisho/cli/testkit'
import { sql } from '@sekisho/runtime/store'

const usages = Number(process.argv.find(one => /^\d+$/.test(one)) ?? 10_000_000)
const ratioMax = 4
const growthMaxBytes = 50e6
const rounds = 5
const provider = 'busy'

await using town = await startTestTown({ database: 'postgres' })
const now = new Date(town.clock.now() + 9 * 3600 * 1000)
const month = now.toISOString().slice(0, 7)
const begin = Date.parse(`${month}-01T00:00:00+09:00`)
const store = await town.tables('platform')
const written = await timed(fill)
say(`${usages} usages of ${month} written in ${(written / 1000).toFixed(0)} s`)
await town.admin('platform', 'fees-tariff-add', changing())

const scan = () =>
  store.read(db =>
    db
      .selectFrom('usage')
      .select(({ fn }) => [fn.countAll().as('count'), fn.sum('fee_yen').as('yen')])
      .execute(),
  )
const statement = () =>
  town.admin('platform', 'fees-statement', { provider, month, format: 'json' })
const rated = () => town.admin('platform', 'fees-rate', { month, tariff: 'changing' })

// The first scan of rows just written also writes down that they are there.
await scan()
await statement()
const before = process.memoryUsage.rss()
const times = { scan: [] as number[], statement: [] as number[], rated: [] as number[] }
let most = before
for (let round = 0; round < rounds; round++) {
  times.scan.push(await timed(scan))
  times.statement.push(await timed(statement))
  // Two ratings: the statement in force and the other one.
  times.rated.push((await timed(rated)) - (times.statement.at(-1) ?? 0))
  most = Math.max(most, process.memoryUsage.rss())
}
const scanMs = median(times.scan)
const statementMs = median(times.statement)
const ratedMs = median(times.rated)
const ratio = statementMs / scanMs
say(
  `plain scan ${scanMs.toFixed(0)} ms; statement ${statementMs.toFixed(0)} ms: ratio ${ratio.toFixed(2)} (at most ${ratioMax})`,
)
say(
  `under a tariff that changes in the month: ${ratedMs.toFixed(0)} ms: ratio ${(ratedMs / scanMs).toFixed(2)}`,
)
say(`memory of the process: ${mb(before)} MB before, ${mb(most)} MB at most`)
say(JSON.stringify(await statement()))
if (process.argv.includes('--gate') && (ratio > ratioMax || most - before > growthMaxBytes))
  process.exitCode = 1

/** Signature checks, authentication checks and serials by turns, over the whole month so far. */
async function fill(): Promise<void> {
  const step = 500_000
  const span = Math.max(1, town.clock.now() - begin)
  for (let from = 0; from < usages; from += step) {
    const to = Math.min(usages, from + step) - 1
    await store.transaction(tx =>
      sql`
        insert into usage (provider_id, transaction, kind, fee_yen, month, at, method, purpose, subject)
        select ${provider}::text, 'transaction ' || n,
          (array['signature-check', 'authentication-check', 'corresponding-serial'])[1 + n % 3],
          (array[20, 2, 2])[1 + n % 3], ${month}::text,
          ${String(begin)}::bigint + (n::bigint * ${String(span)}::bigint) / ${String(usages)}::bigint,
          case when n % 3 = 2 then 'query' else 'crl' end,
          case when n % 300 = 0 then 'current-status' else 'transaction' end,
          case when n % 300 = 0 then 'subject ' || (n / 300) % 20000 end
        from generate_series(${from}::integer, ${to}::integer) as n`.execute(tx),
    )
  }
}

function changing(): object {
  const kinds = ['signature-check', 'authentication-check', 'corresponding-serial']
  return {
    id: 'changing',
    yearBeginsMonth: 4,
    prices: kinds.flatMap(kind => [
      { kind, from: '2016-01-01', yen: 20 },
      { kind, from: `${month}-02`, yen: 15 },
    ]),
    waivers: [],
    yearly: [{ from: '2016-01-01', until: null }],
    steps: [
      { kind: 'signature-check', from: '2016-01-01', until: null, above: 1_000_000, percent: 10 },
    ],
    reductions: [],
    own: [],
  }
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await run()
  return performance.now() - begun
}

function median(of: readonly number[]): number {
  return of.toSorted((a, b) => a - b)[Math.floor(of.length / 2)] ?? Number.NaN
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(0)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
