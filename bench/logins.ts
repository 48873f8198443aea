/**
 * Card logins a second and core, over HTTP with everything durable: every step is committed and synced to disk before it is answered.
 *
 * The platform is a process of its own, PostgreSQL (with fsync) a server of its own; their CPU time, as the kernel counts it, is what
 * a login costs, and 1,000 ms of it make the logins a second and core. Authority and callers (citizens, cards, browsers, provider: one thread, see
 * `login-caller.ts`) are counted apart. All share the machine, so the platform is busy but seldom alone.
 *
 * Two limits in the same run. The bare cryptography that a login demands of the platform (the card's RSA signature, two assertions of the
 * provider, the ID token), by `node:crypto`; and PostgreSQL's own cost of a durable transaction of one small row, in which its part is told.
 * Then how long logins take when as many arrive as 70 % of what was reached.
 *
 * What a login asks of the database when nothing is shared with others (more when a card is new, less when requests come together):
 *
 * | request | packets | statements | commits |
 * |---|---|---|---|
 * | pushed request: client; note of the assertion with the request | 2 | 2 | 1 |
 * | authorization: pushed request with its client; interaction | 2 | 2 | 1 |
 * | page: interaction with its client; lock, count and challenge | 3 | 6 | 1 |
 * | answer: interaction, challenge; use and link; subject, fee, grant, outcome, session; key; ledger | 7 | 13 | 1 |
 * | back: interaction with client, grant, pushed request; all that it changes | 2 | 2 | 1 |
 * | token: client; code with grant and subject; all that it changes | 3 | 3 | 1 |
 * | userinfo: token with client, grant, subject | 1 | 1 | 0 |
 * | together | 20 | 29 | 6 |
 *
 * Before requests were gathered it was 84 packets with a statement each, and 14 commits.
 *
 * `node bench/logins.ts [logins] [--gate] [--profile] [--readers]`. With `--gate` it exits 1 under the promised logins; with `--profile` it
 * tells where the platform's time went, by function and by library (on the clock: being put aside for the database counts); with `--readers` the
 * callers are whole headless readers with virtual cards and a provider on the SDK, which keep the platform less busy.
 */
import { generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Profiler } from 'node:inspector'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { readAuthenticationCertificate, selectJpki } from '@sekisho/card'
import { startTestTown, type TestTown } from '@sekisho/cli/testkit'
import { parseCertificate } from '@sekisho/pki'
import { poolKey, poolSize } from '@sekisho/pki/issue'
import { temporaryFolder } from '@sekisho/runtime/files'
import { connectPostgres, type Engine, sql, type Store } from '@sekisho/runtime/store'
import { createSekisho, type Pending } from '@sekisho/sdk'
import type { Citizen, LoginLoad, LoginsDone } from './login-caller.ts'
import { cpuSeconds, cpuSecondsOfFamily, parentOf } from './processor-time.ts'

/** Promised logins a second and core. */
const perCoreMin = 150

const windows = 5
const loadShare = 0.7
const loadSeconds = 3
const perWindow = Number(process.argv.find(one => /^\d+$/.test(one)) ?? 1000)
const isProfiled = process.argv.includes('--profile')
const people = [
  'plain-adult',
  'substitute-characters',
  'long-address',
  'former-surname',
  'foreign-resident',
  'fourteen-year-old',
  'pin-always',
  'unknown-birth-day',
  'adult-ward',
  'alias',
  'moved-today',
  'abroad-from-birth',
]

/** Has so many logins done, so many a second if that is said. */
type Drive = (logins: number, perSecond?: number) => Promise<LoginsDone>

await main()

async function main(): Promise<void> {
  await using town = await startTestTown({ database: 'postgres', isSplit: true })
  await using profiles = await temporaryFolder('profiles')
  if (isProfiled) {
    await town.stopProgram('platform')
    await town.startProgram('platform', {
      NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profiles.path}`,
    })
  }
  await using shop = await startShop(town)
  await using own = await openOwn(town)
  await using callers = process.argv.includes('--readers')
    ? readers(town, shop.url)
    : await startCallers(town, shop)
  // The first logins make people known, plans made and code warm; they are not what is measured.
  await callers.drive(2 * perWindow)
  const measured: Measured[] = []
  for (let window = 0; window < windows; window++)
    measured.push(await measure(town, callers.drive, own))
  const perSecond = median(measured.map(one => one.perSecond)) * loadShare
  const loaded: LoginsDone[] = []
  for (let window = 0; window < windows; window++)
    loaded.push(await callers.drive(Math.ceil(perSecond * loadSeconds), perSecond))
  report(measured, { cryptoMs: bareCryptoMs(), durableMs: await commitMs(own), loaded, perSecond })
  if (!isProfiled) return
  await town.stopProgram('platform')
  for (const name of readdirSync(profiles.path))
    tellProfile(
      join(profiles.path, name),
      (windows + 2) * perWindow + windows * loadSeconds * perSecond,
    )
}

/** The thread of callers, with the personas' cards. */
async function startCallers(
  town: TestTown,
  shop: Shop,
): Promise<AsyncDisposable & { readonly drive: Drive }> {
  const citizens: Citizen[] = []
  for (const persona of people) {
    await using held = await town.takeCard(persona)
    await selectJpki(held.card)
    const read = await readAuthenticationCertificate(held.card)
    if (read.kind === 'refused') throw new Error(`${persona}: the card gave no certificate`)
    citizens.push({
      certificate: Buffer.from(read.value).toString('base64url'),
      key: keyOf(read.value),
    })
  }
  const worker = new Worker(new URL('login-caller.ts', import.meta.url))
  return {
    drive: async (logins, perSecond) => {
      const load: LoginLoad = {
        port: town.layout.ports.platform,
        issuer: town.urls.platform,
        clientId: 'shop',
        redirectUri: `${shop.url}/callback`,
        keyPem: shop.keyPem,
        citizens,
        logins,
        perSecond,
      }
      worker.postMessage(load)
      const [done]: [LoginsDone] = (await once(worker, 'message')) as [LoginsDone]
      if (done.fault !== undefined) throw new Error(done.fault)
      return done
    },
    [Symbol.asyncDispose]: async () => void (await worker.terminate()),
  }
}

function keyOf(certificate: Uint8Array): number {
  const { spki } = parseCertificate(certificate)
  for (let index = 0; index < poolSize; index++)
    if (Buffer.from(poolKey(index).spki).equals(spki)) return index
  throw new Error('a card of the town with a key that is not of the pool')
}

/** Headless readers with virtual cards, each at one login after the other. */
function readers(town: TestTown, shop: string): AsyncDisposable & { readonly drive: Drive } {
  return {
    drive: async (count, perSecond) => {
      const logins: number[] = []
      const began = performance.now()
      let taken = 0
      const run = async (persona: string): Promise<void> => {
        await using person = await town.person(persona)
        while (taken < count) {
          const due = perSecond === undefined ? 0 : began + (taken * 1000) / perSecond
          taken += 1
          const pause = due - performance.now()
          if (pause > 0) await new Promise(resolve => setTimeout(resolve, pause))
          const from = perSecond === undefined ? performance.now() : due
          const arrival = await person.visit(`${shop}/login`)
          if (arrival.status !== 200 || arrival.body !== 'in')
            throw new Error(`${persona}: ${arrival.status} ${arrival.url}`)
          logins.push(performance.now() - from)
        }
      }
      await Promise.all(people.map(run))
      return { msAll: performance.now() - began, logins, answers: [], fault: undefined }
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

/** Milliseconds a login, of each party; and how many durable transactions the database saw. */
type Measured = {
  readonly perSecond: number
  readonly platformMs: number
  readonly databaseMs: number
  readonly authorityMs: number
  readonly othersMs: number
  readonly transactions: number
}

async function measure(town: TestTown, drive: Drive, own: Own): Promise<Measured> {
  const read = async () => ({
    platform: cpuSeconds(town.processId('platform') ?? 0),
    database: cpuSecondsOfFamily(own.server),
    authority: cpuSeconds(town.processId('authority') ?? 0),
    others: cpuSeconds(process.pid),
    transactions: await own.transactions(),
  })
  const before = await read()
  const { msAll, logins } = await drive(perWindow)
  const count = logins.length
  const after = await read()
  const each = (part: 'platform' | 'database' | 'authority' | 'others'): number =>
    ((after[part] - before[part]) * 1000) / count
  return {
    perSecond: (count * 1000) / msAll,
    platformMs: each('platform'),
    databaseMs: each('database'),
    authorityMs: each('authority'),
    othersMs: each('others'),
    transactions: (after.transactions - before.transactions) / count,
  }
}

/** A schema of the bench's own on the same server. */
type Own = AsyncDisposable & {
  /** Process id of the server. */
  readonly server: number
  readonly engine: Engine
  readonly store: Store<{ line: { id: number; text: string } }>
  /** Transactions committed so far, reads outside of transactions among them. */
  transactions(): Promise<number>
}

async function openOwn(town: TestTown): Promise<Own> {
  const engine = connectPostgres(town.database ?? '', { connectionsMax: 1 })
  const store = await engine.store<{ line: { id: number; text: string } }>({
    schema: 'bench',
    migrations: {
      'bench-0001': async db => {
        await sql`create table line (id integer primary key, text text not null)`.execute(db)
      },
    },
  })
  const one = async (asked: ReturnType<typeof sql<{ value: number }>>): Promise<number> =>
    store.transaction(async tx => Number((await asked.execute(tx)).rows[0]?.value))
  const backend = await one(sql`select pg_backend_pid() as value`)
  return {
    server: parentOf(backend) ?? 0,
    engine,
    store,
    transactions: () =>
      one(
        sql`select xact_commit as value from pg_stat_database where datname = current_database()`,
      ),
    [Symbol.asyncDispose]: () => engine.close(),
  }
}

/** PostgreSQL's CPU milliseconds for a durable transaction of one row on one connection. */
async function commitMs({ server, store }: Own): Promise<number> {
  const count = 2000
  const before = cpuSecondsOfFamily(server)
  for (let id = 0; id < count; id++)
    await store.transaction(tx => tx.insertInto('line').values({ id, text: 'x' }).execute())
  return ((cpuSecondsOfFamily(server) - before) * 1000) / count
}

/** Milliseconds of the signatures that the platform must verify or make in one login. */
function bareCryptoMs(): number {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const data = Buffer.alloc(300, 1)
  const signedBy = (key: KeyObject) => sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' })
  const [byCard, byProvider] = [signedBy(rsa.privateKey), signedBy(ec.privateKey)]
  const isSigned = (key: KeyObject, signature: Buffer) =>
    verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature)
  const rounds = 1000
  const began = performance.now()
  for (let round = 0; round < rounds; round++) {
    const isGood =
      isSigned(rsa.publicKey, byCard) &&
      isSigned(ec.publicKey, byProvider) &&
      isSigned(ec.publicKey, byProvider) &&
      signedBy(ec.privateKey).length === 64
    if (!isGood) throw new Error('a bare verification failed')
  }
  return (performance.now() - began) / rounds
}

type Shop = AsyncDisposable & { readonly url: string; readonly keyPem: string }

/** A provider that does nothing but log people in. */
async function startShop(town: TestTown): Promise<Shop> {
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
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    [Symbol.asyncDispose]: () =>
      new Promise(resolve => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

/** Tells where the CPU of a profiled process went. */
function tellProfile(path: string, logins: number): void {
  const profile = JSON.parse(readFileSync(path, 'utf8')) as Profiler.Profile
  const nodes = new Map(profile.nodes.map(node => [node.id, node]))
  const parents = new Map(
    profile.nodes.flatMap(node => (node.children ?? []).map(child => [child, node.id] as const)),
  )
  const own = new Map<string, number>()
  const libraries = new Map<string, number>()
  const add = (to: Map<string, number>, name: string, took: number): void =>
    void to.set(name, (to.get(name) ?? 0) + took)
  for (const [at, sample] of (profile.samples ?? []).entries()) {
    const frame = nodes.get(sample)?.callFrame
    const took = profile.timeDeltas?.[at] ?? 0
    if (frame === undefined || frame.functionName === '(idle)') continue
    add(
      own,
      `${frame.functionName || '(anonymous)'} ${placeOf(frame.url)}:${frame.lineNumber + 1}`,
      took,
    )
    let library = ''
    for (
      let id: number | undefined = sample;
      id !== undefined && library === '';
      id = parents.get(id)
    )
      library = libraryOf(nodes.get(id)?.callFrame.url ?? '')
    add(
      libraries,
      library === '' ? (frame.functionName.startsWith('(') ? frame.functionName : 'node') : library,
      took,
    )
  }
  for (const [title, shares] of [
    ['library', libraries],
    ['function', own],
  ] as const) {
    console.log(`\nms of CPU a login (and of the start), by ${title}:`)
    for (const [name, took] of Array.from(shares)
      .toSorted((a, b) => b[1] - a[1])
      .slice(0, 40))
      console.log(`  ${(took / 1000 / logins).toFixed(3)}  ${name}`)
  }
}

function placeOf(url: string): string {
  return url.replace(/^.*\/node_modules\//, '').replace(/^.*\/packages\//, '')
}

function libraryOf(url: string): string {
  const [, library] = /\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url) ?? []
  const [, own] = /\/packages\/([^/]+\/src\/[^/]+)/.exec(url) ?? []
  return library ?? own ?? ''
}

function report(
  measured: readonly Measured[],
  given: {
    readonly cryptoMs: number
    readonly durableMs: number
    readonly loaded: readonly LoginsDone[]
    readonly perSecond: number
  },
): void {
  const of = (part: keyof Measured): string => median(measured.map(one => one[part])).toFixed(2)
  const { cryptoMs, durableMs, loaded, perSecond } = given
  const all = measured.map(one => one.platformMs + one.databaseMs)
  const eachMs = median(all)
  const commits = median(measured.map(one => one.databaseMs)) / durableMs
  const share = cryptoMs / median(measured.map(one => one.platformMs))
  const at = (values: readonly number[], part: number): number =>
    values.toSorted((a, b) => a - b)[Math.floor(values.length * part)] ?? 0
  const within = (of: (done: LoginsDone) => readonly number[], part: number): string =>
    median(loaded.map(done => at(of(done), part))).toFixed(0)
  console.log(`logins a second and core: ${(1000 / eachMs).toFixed(0)}`)
  console.log(
    `CPU a login: ${eachMs.toFixed(2)} ms (windows ${all.map(ms => ms.toFixed(2)).join(', ')})`,
  )
  console.log(`  platform ${of('platformMs')} ms, PostgreSQL ${of('databaseMs')} ms`)
  console.log(`  beside it: authority ${of('authorityMs')} ms, callers ${of('othersMs')} ms`)
  console.log(`  transactions of the database, reads included: ${of('transactions')}`)
  console.log(
    `bare cryptography, of the platform's: ${share.toFixed(3)} (${cryptoMs.toFixed(2)} ms)`,
  )
  console.log(
    `PostgreSQL's part in durable transactions of one row: ${commits.toFixed(1)} (${durableMs.toFixed(3)} ms each)`,
  )
  console.log(`on the clock, all on one machine: ${of('perSecond')} a second`)
  console.log(
    `at ${perSecond.toFixed(1)} a second (70 %), median of ${windows} windows: a login half within ${within(done => done.logins, 0.5)} ms, 99 of 100 within ${within(done => done.logins, 0.99)} ms; an answer ${within(done => done.answers, 0.5)} and ${within(done => done.answers, 0.99)} ms`,
  )
  const isReached = 1000 / eachMs >= perCoreMin
  console.log(`limit ${perCoreMin} a second and core: ${isReached ? 'reached' : 'UNDER'}`)
  if (process.argv.includes('--gate') && !isReached) process.exitCode = 1
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
