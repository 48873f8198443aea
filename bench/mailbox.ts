/**
 * Deliveries of the mailbox a second over HTTP, everything durable: platform, callers and a PostgreSQL server with fsync on one machine, fifty
 * organisations' boxes, a rate for each window so that flatness shows, the platform killed by SIGKILL between windows where `--kills` says so. Beside
 * it in the same run the database's own single inserts of rows of that size over as many connections.
 *
 * Run: `node bench/mailbox.ts [windows] [--kills] [--gate]`. The gate: 400 deliveries a second in the median window, nothing lost, nothing doubled.
 */
import { execFileSync } from 'node:child_process'
import { startTestTown, type TestProvider } from '@sekisho/cli/testkit'
import { corporateNumberOf } from '@sekisho/contract/japan'
import * as oidc from 'openid-client'
import { Pool } from 'pg'

const windows = Number(process.argv.find(one => /^\d+$/.test(one)) ?? 4)
const isKilling = process.argv.includes('--kills')
const windowMs = 30_000
const callers = 96
const boxes = 50
const rateMin = 400

await using town = await startTestTown({ database: 'postgres', isSplit: true })
const sender = await town.provider({ id: 'sender' })
const numbers = Array.from({ length: boxes }, (_, n) =>
  corporateNumberOf(String(n).padStart(12, '0')),
)
for (const organisation of numbers)
  await town.admin('platform', 'mailbox-register', { organisation, name: `団体 ${organisation}` })

const token = await tokenOf(sender)
const body = '現況届の時期になりました。期限までに提出してください。'.repeat(10)
let posted = 0
const end = { isOver: false }
const rates: number[] = []

async function call(n: number): Promise<void> {
  for (let round = 0; !end.isOver; round++) {
    const key = `bench-${n}-${round}`
    const request = JSON.stringify({
      to: { organisation: numbers[(n + round) % boxes] },
      kind: 'notice',
      subject: '現況届のお願い',
      body,
    })
    // Until it is answered: what was cut off is sent again under its key.
    for (;;) {
      const status = await send(key, request)
      if (status === 201) break
      if (status !== 0 && status < 500) throw new Error(`status ${status}`)
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    posted += 1
  }
}

async function send(key: string, request: string): Promise<number> {
  try {
    const response = await fetch(`${town.urls.platform}/v1/mail/messages`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'idempotency-key': key,
      },
      body: request,
    })
    await response.arrayBuffer()
    return response.status
  } catch {
    return 0
  }
}

const running = Array.from({ length: callers }, (_, n) => call(n))
for (let window = 0; window < windows; window++) {
  if (isKilling && window > 0) await kill()
  const before = posted
  const begun = performance.now()
  await new Promise(resolve => setTimeout(resolve, windowMs))
  const rate = ((posted - before) * 1000) / (performance.now() - begun)
  rates.push(rate)
  say(`window ${window + 1}: ${rate.toFixed(0)} deliveries a second`)
}
end.isOver = true
await Promise.all(running)

const [kept, keys] = psql(
  "select count(*), count(distinct request_key) from platform.mailbox_message where state = 'delivered' and request_key like 'bench-%'",
)
  .split('|')
  .map(Number)
const lost = posted - (keys ?? 0)
const doubled = (kept ?? 0) - (keys ?? 0)
const inserts = await insertRate()
const rate = median(rates)
say(`posted ${posted}; lost ${lost}, doubled ${doubled}`)
say(
  `median ${rate.toFixed(0)} a second (wanted ${rateMin}); the database's own single inserts ${inserts.toFixed(0)} a second: ratio ${(rate / inserts).toFixed(2)}`,
)
if (process.argv.includes('--gate') && (rate < rateMin || lost !== 0 || doubled !== 0))
  process.exitCode = 1

async function kill(): Promise<void> {
  const pid = town.processId('platform')
  if (pid === undefined) throw new Error('the town is not split')
  process.kill(pid, 'SIGKILL')
  await town.ended('platform')
  await town.startProgram('platform')
  say('killed, and started again')
}

/** One row a transaction, as many at a time as the platform has connections. */
async function insertRate(): Promise<number> {
  const pool = new Pool({ connectionString: town.database, max: 10 })
  await pool.query('create table bench_insert (id bigint generated always as identity, row bytea)')
  const row = Buffer.alloc(2500, 1)
  const until = performance.now() + 10_000
  let done = 0
  await Promise.all(
    Array.from({ length: 10 }, async () => {
      for (; performance.now() < until; done++)
        await pool.query('insert into bench_insert (row) values ($1)', [row])
    }),
  )
  await pool.end()
  return done / 10
}

async function tokenOf(provider: TestProvider): Promise<string> {
  const key = await crypto.subtle.importKey(
    'jwk',
    provider.key,
    { name: 'ECDSA', namedCurve: 'P-256' },
    false,
    ['sign'],
  )
  const config = await oidc.discovery(
    new URL(town.urls.platform),
    provider.id,
    {},
    oidc.PrivateKeyJwt({ key, kid: String(provider.key.kid) }),
    { execute: [oidc.allowInsecureRequests] },
  )
  return (await oidc.clientCredentialsGrant(config, { scope: 'mail' })).access_token
}

function psql(statement: string): string {
  return execFileSync('psql', ['-qAt', '-d', town.database ?? '', '-c', statement], {
    encoding: 'utf8',
  }).trim()
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
