/**
 * Card logins a second over HTTP with everything durable, on the embedded engine and on PostgreSQL, and where the CPU went:
 * Node (platform, provider, reader), database, card. Every step is committed and synced to disk before it is answered.
 *
 * Everything runs in this one process on two cores: citizens at headless readers, virtual cards with their files, a provider on
 * the SDK, the platform, the authority; PostgreSQL is a server of its own. So the figure is what one machine does
 * with all parties on it, not what a platform alone could do. Run: `node bench/logins.ts [seconds]`.
 */
import { generateKeyPairSync } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type Profiler, Session } from 'node:inspector/promises'
import { startTestTown, type TestTown } from '@sekisho/cli/testkit'
import { createSekisho, type Pending } from '@sekisho/sdk'

const seconds = Number(process.argv[2] ?? 10)
const people = [
  'plain-adult',
  'substitute-characters',
  'long-address',
  'former-surname',
  'foreign-resident',
  'fourteen-year-old',
  'pin-always',
  'unknown-birth-day',
]

for (const database of ['embedded', 'postgres'] as const) {
  await using town = await startTestTown({ database })
  await using shop = await startShop(town)
  // The first login of each person makes them known; it is not what is measured.
  await logIn(town, shop.url, () => false)
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.start')
  const cpu = process.cpuUsage()
  const serverCpu = postgresCpuSeconds()
  const begun = performance.now()
  const count = await logIn(town, shop.url, () => performance.now() - begun < seconds * 1000)
  const wall = (performance.now() - begun) / 1000
  const used = process.cpuUsage(cpu)
  const { profile } = await session.post('Profiler.stop')
  session.disconnect()
  report(
    database,
    count,
    wall,
    (used.user + used.system) / 1e6,
    postgresCpuSeconds() - serverCpu,
    sharesOf(profile),
  )
}

/** A provider that does nothing but log people in. */
async function startShop(town: TestTown): Promise<AsyncDisposable & { readonly url: string }> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const url = `http://shop.localhost:${address.port}`
  await town.admin('platform', 'provider-add', {
    client_id: 'shop',
    client_name: '測定商店',
    redirect_uris: [`${url}/callback`],
    jwks: {
      keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'ES256', use: 'sig' }],
    },
    scope: 'openid',
    sekisho_purpose: '測定のため',
  })
  const sekisho = createSekisho({
    issuer: town.urls.platform,
    clientId: 'shop',
    privateKey: { ...privateKey.export({ format: 'jwk' }), kid: 'k', alg: 'ES256' },
    redirectUri: `${url}/callback`,
    fetch: town.fetch,
    dangerAllowHttp: true,
  })
  const pendings = new Map<string, Pending>()
  server.on('request', (request, response) => {
    const answer = async (): Promise<void> => {
      if (request.url === '/login') {
        const begun = await sekisho.beginLogin()
        pendings.set(begun.pending.state, begun.pending)
        response.writeHead(303, { location: begun.url }).end()
        return
      }
      const callback = new URL(request.url ?? '/', url)
      const state = callback.searchParams.get('state') ?? ''
      const pending = pendings.get(state)
      pendings.delete(state)
      if (pending === undefined) throw new Error('an unknown state')
      await sekisho.finish(callback.href, pending)
      response.writeHead(200, { 'content-type': 'text/plain' }).end('in')
    }
    answer().catch((error: unknown) => {
      process.stderr.write(`${String(error)}\n`)
      response.writeHead(500).end()
    })
  })
  return {
    url,
    [Symbol.asyncDispose]: () =>
      new Promise(resolve => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

/** Everybody logs in, again and again while `goesOn`; at least once each. */
async function logIn(town: TestTown, shop: string, goesOn: () => boolean): Promise<number> {
  const counts = await Promise.all(
    people.map(async persona => {
      await using person = await town.person(persona)
      let count = 0
      do {
        const arrival = await person.visit(`${shop}/login`)
        if (arrival.status !== 200 || arrival.body !== 'in')
          throw new Error(`${persona}: ${arrival.status} ${arrival.url}`)
        count += 1
      } while (goesOn())
      return count
    }),
  )
  return counts.reduce((sum, count) => sum + count, 0)
}

type Part = 'database' | 'card' | 'platform' | 'provider and reader' | 'other'

/** Shares of the profile's samples by the nearest ancestor whose file tells the part. */
function sharesOf(profile: Profiler.Profile): Map<Part, number> {
  const nodes = new Map(profile.nodes.map(node => [node.id, node]))
  const parents = new Map(
    profile.nodes.flatMap(node => (node.children ?? []).map(child => [child, node.id] as const)),
  )
  const partOf = (id: number | undefined): Part | 'idle' => {
    if (id === undefined) return 'other'
    const { functionName, url } = nodes.get(id)?.callFrame ?? { functionName: '', url: '' }
    if (functionName === '(idle)') return 'idle'
    if (/^wasm:|pglite|node_modules\/pg/.test(url)) return 'database'
    if (/packages\/card\/|readers\/src\/cards/.test(url)) return 'card'
    if (/packages\/(platform|ledger|pki|authority)\/|oidc-provider/.test(url)) return 'platform'
    if (/packages\/(sdk|readers)\/|openid-client|oauth4webapi|bench\//.test(url))
      return 'provider and reader'
    return partOf(parents.get(id))
  }
  const shares = new Map<Part, number>()
  let total = 0
  for (const [at, sample] of (profile.samples ?? []).entries()) {
    const part = partOf(sample)
    const took = profile.timeDeltas?.[at] ?? 0
    if (part === 'idle') continue
    total += took
    shares.set(part, (shares.get(part) ?? 0) + took)
  }
  return new Map(Array.from(shares, ([part, took]) => [part, took / total]))
}

/** CPU seconds of all PostgreSQL processes of this machine. */
function postgresCpuSeconds(): number {
  let ticks = 0
  for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name)))
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      if (!stat.includes('(postgres)')) continue
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      ticks += Number(fields[11]) + Number(fields[12])
    } catch {
      // It has ended meanwhile.
    }
  return ticks / 100
}

function report(
  database: string,
  count: number,
  wall: number,
  nodeCpu: number,
  serverCpu: number,
  shares: ReadonlyMap<Part, number>,
): void {
  const each = (value: number): string => ((value * 1000) / count).toFixed(1)
  process.stdout.write(
    `${database}: ${count} logins in ${wall.toFixed(1)} s = ${(count / wall).toFixed(1)} a second\n`,
  )
  process.stdout.write(
    `  CPU a login: Node process ${each(nodeCpu)} ms, PostgreSQL ${each(serverCpu)} ms\n`,
  )
  const parts = Array.from(shares).toSorted((a, b) => b[1] - a[1])
  process.stdout.write(
    `  inside the Node process: ${parts.map(([part, share]) => `${part} ${(share * 100).toFixed(0)} %`).join(', ')}\n`,
  )
}
