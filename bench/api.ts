/**
 * What an API verification costs over HTTP, with fee and ledger entry durable before the answer, against an echo on the same
 * server stack plus the bare cryptography: share = (echo + crypto) / verification, in time a request at saturation.
 *
 * The platform runs in a town of its own in this process, on a PostgreSQL server with fsync; the callers are a thread beside
 * it with a bounded number of kept connections. Every request is another document with another signature. The echo stands
 * behind the same guards of body and answer, takes the same bytes and answers as many. The share is told twice: in time on the
 * clock, where callers and database have their part of the machine, and in CPU time of the platform's thread alone.
 *
 * `node bench/api.ts [--gate] [--profile]`. With `--gate` it exits 1 under the promised share; with `--profile` it tells
 * where the platform's thread spent its time.
 */
import { createPublicKey, verify } from 'node:crypto'
import { once } from 'node:events'
import { type Profiler, Session } from 'node:inspector/promises'
import { connect, type Socket } from 'node:net'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { readSignatureCertificate, selectJpki, verifyPin, parsePin } from '@sekisho/card'
import { startTestTown, type TestTown } from '@sekisho/cli/testkit'
import { type VerificationReport, verificationReport, verificationRequest } from '@sekisho/contract'
import { parseCertificate } from '@sekisho/pki'
import { poolKey, type PoolKey, poolSize } from '@sekisho/pki/issue'
import { createServer } from '@sekisho/runtime/http'
import { freePort } from '@sekisho/runtime/net'
import { silentLog } from '@sekisho/runtime/log'

/** Promised share of a verification whose signer the platform does not know. */
const shareMin = 0.6

const connections = 256
// Short windows in turn, because the machine may have other work that comes and goes; of the shares the median counts.
const requestsPerWindow = 2000
const windows = 7
const warmUp = 2000
const documentBytes = 1500
const password = 'SEKISHO1'
const people = ['plain-adult', 'substitute-characters', 'long-address', 'former-surname']

/** What the thread of callers is to do: one request after the other on every connection until all were answered. */
type Load = {
  readonly port: number
  readonly host: string
  readonly path: string
  readonly token: string
  readonly bodies: readonly string[]
}

/** Milliseconds a request at saturation. */
type Loaded = { readonly msEach: number; readonly fault: string | undefined }

if (isMainThread) await main()
else parentPort?.on('message', (load: Load) => void callAll(load))

async function main(): Promise<void> {
  await using town = await startTestTown({ database: 'postgres' })
  const caller = new Worker(new URL(import.meta.url))
  try {
    const { token, citizens } = await prepare(town)
    const sign = signatures(citizens)
    const strangers = await measure(town, caller, token, sign)
    report('signers unknown to the platform', strangers)
    await makeKnown(town)
    report('signers known, evidence kept', await measure(town, caller, token, sign))
    if (process.argv.includes('--gate') && strangers.share < shareMin) process.exitCode = 1
  } finally {
    await caller.terminate()
  }
}

type Citizen = { readonly certificate: Uint8Array; readonly key: PoolKey }
type Signed = {
  readonly document: Uint8Array
  readonly signature: Uint8Array
  readonly of: Citizen
}

type Measured = {
  readonly echoMs: number
  readonly cryptoMs: number
  readonly verificationMs: number
  readonly share: number
  readonly echoCpuMs: number
  readonly verificationCpuMs: number
  readonly cpuShare: number
}

/** A registered provider's access token, and citizens with their keys, which are those of the pool. */
async function prepare(town: TestTown): Promise<{ token: string; citizens: readonly Citizen[] }> {
  let token = ''
  const provider = await town.provider({
    id: 'meter',
    scope: 'openid name verify',
    fetch: fetch => async (input, init) => {
      const given = new Headers(init?.headers).get('authorization')
      if (given?.startsWith('Bearer ') === true) token = given
      return fetch(input, init)
    },
  })
  const empty = { document: new Uint8Array(1), signature: new Uint8Array(1) }
  await provider.sekisho.verify({ ...empty, certificate: new Uint8Array(1) })
  const citizens: Citizen[] = []
  for (const persona of people) {
    await using held = await town.takeCard(persona)
    await selectJpki(held.card)
    const pin = parsePin('signature', password)
    if (pin.kind === 'done') await verifyPin(held.card, pin.value)
    const read = await readSignatureCertificate(held.card)
    if (read.kind === 'refused') throw new Error(`${persona}: the card gave no certificate`)
    citizens.push({ certificate: read.value, key: keyOf(read.value) })
  }
  return { token, citizens }
}

function keyOf(certificate: Uint8Array): PoolKey {
  const { spki } = parseCertificate(certificate)
  for (let index = 0; index < poolSize; index++) {
    const key = poolKey(index)
    if (Buffer.from(key.spki).equals(spki)) return key
  }
  throw new Error('a card of the town with a key that is not of the pool')
}

/** The persons become known by being identified once at another provider. */
async function makeKnown(town: TestTown): Promise<void> {
  const { sekisho } = await town.provider({ id: 'introducer', scope: 'openid name' })
  for (const persona of people) {
    await using person = await town.person(persona)
    const { url, pending } = await sekisho.beginIdentify(['name'])
    const arrival = await person.visit(url)
    await sekisho.finish(arrival.url, pending)
  }
}

/** Signatures over documents that have not been there before. */
function signatures(citizens: readonly Citizen[]): (count: number) => Signed[] {
  let next = 0
  return count =>
    Array.from({ length: count }, () => {
      const document = new Uint8Array(documentBytes).fill(0x20)
      document.set(new TextEncoder().encode(`document ${next}`))
      const of = citizens[next++ % citizens.length]
      if (of === undefined) throw new Error('nobody signs')
      return { document, signature: of.key.sign('rsa-sha256', document), of }
    })
}

async function measure(
  town: TestTown,
  caller: Worker,
  token: string,
  sign: (count: number) => Signed[],
): Promise<Measured> {
  await using echo = await startEcho()
  const { host } = new URL(town.urls.platform)
  const real = { port: town.layout.ports.platform, host, path: '/v1/verifications', token }
  const empty = { port: echo.port, host: `localhost:${echo.port}`, path: '/echo', token }
  for (const load of [real, empty]) await ask(caller, { ...load, bodies: sign(warmUp).map(bodyOf) })
  const profiler = await startProfiler()
  const found: Measured[] = []
  for (let window = 0; window < windows; window++) {
    const signed = sign(requestsPerWindow)
    const bodies = signed.map(bodyOf)
    const [echoMs, echoCpuMs] = await ask(caller, { ...empty, bodies })
    const [cryptoMs, cryptoCpuMs] = bareCrypto(signed)
    await profiler.start()
    const [verificationMs, verificationCpuMs] = await ask(caller, { ...real, bodies })
    await profiler.stop()
    const share = (echoMs + cryptoMs) / verificationMs
    const cpuShare = (echoCpuMs + cryptoCpuMs) / verificationCpuMs
    found.push({
      echoMs,
      cryptoMs,
      verificationMs,
      share,
      echoCpuMs,
      verificationCpuMs,
      cpuShare,
    })
  }
  profiler.tell()
  const medianOf = (name: keyof Measured): number => median(found.map(each => each[name]))
  return {
    echoMs: medianOf('echoMs'),
    cryptoMs: medianOf('cryptoMs'),
    verificationMs: medianOf('verificationMs'),
    share: medianOf('share'),
    echoCpuMs: medianOf('echoCpuMs'),
    verificationCpuMs: medianOf('verificationCpuMs'),
    cpuShare: medianOf('cpuShare'),
  }
}

/** The same server with the same guards, and nothing behind them. */
async function startEcho(): Promise<AsyncDisposable & { readonly port: number }> {
  const port = await freePort()
  const server = await createServer({
    name: 'echo',
    log: silentLog(),
    publicOrigin: `http://localhost:${port}`,
    bodyBytesMax: 2 * 1024 * 1024,
  })
  const answer: VerificationReport = {
    id: 'A'.repeat(22),
    verdict: 'passed',
    judgedAt: new Date(0).toISOString(),
    policy: 'jpki-town-2026-11',
    reasons: [],
  }
  server.app.post(
    '/echo',
    { schema: { body: verificationRequest, response: { 200: verificationReport } } },
    async () => answer,
  )
  await server.listen(port)
  return { port, [Symbol.asyncDispose]: () => server.stop() }
}

function bodyOf({ document, signature, of }: Signed): string {
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
  return JSON.stringify({
    document: base64(document),
    signature: base64(signature),
    certificate: base64(of.certificate),
    purpose: 'signature',
  })
}

/** Two RSA verifications through node:crypto with loaded keys: milliseconds, and of them those computed. */
function bareCrypto(signed: readonly Signed[]): readonly [number, number] {
  const loaded = new Map(
    signed.map(({ of }) => {
      const spki = { key: Buffer.from(of.key.spki), format: 'der', type: 'spki' } as const
      return [of, createPublicKey(spki)] as const
    }),
  )
  const cpu = process.threadCpuUsage()
  const began = performance.now()
  for (const { document, signature, of } of signed) {
    const key = loaded.get(of)
    // The certificate's own signature takes as long as the document's: the same kind of key over as many bytes.
    for (let time = 0; time < 2; time++)
      if (key === undefined || !verify('sha256', document, key, signature))
        throw new Error('a bare verification failed')
  }
  const tookMs = performance.now() - began
  const used = process.threadCpuUsage(cpu)
  return [tookMs / signed.length, (used.user + used.system) / 1000 / signed.length]
}

/** Milliseconds a request, and of them those that the platform's thread computed. */
async function ask(caller: Worker, load: Load): Promise<readonly [number, number]> {
  const cpu = process.threadCpuUsage()
  caller.postMessage(load)
  const [{ msEach, fault }]: [Loaded] = (await once(caller, 'message')) as [Loaded]
  if (fault !== undefined) throw new Error(fault)
  const used = process.threadCpuUsage(cpu)
  return [msEach, (used.user + used.system) / 1000 / load.bodies.length]
}

/** Runs in the thread of the callers. */
async function callAll(load: Load): Promise<void> {
  const bodies = [...load.bodies]
  const sockets = await Promise.all(
    Array.from({ length: connections }, async () => {
      const socket = connect(load.port, '127.0.0.1')
      await once(socket, 'connect')
      return socket.setNoDelay(true)
    }),
  )
  const began = performance.now()
  const results = await Promise.allSettled(sockets.map(socket => callOn(socket, load, bodies)))
  const msEach = (performance.now() - began) / load.bodies.length
  for (const socket of sockets) socket.destroy()
  const failed = results.find(each => each.status === 'rejected')
  const fault = failed === undefined ? undefined : String(failed.reason)
  parentPort?.postMessage({ msEach, fault } satisfies Loaded)
}

function callOn(socket: Socket, load: Load, bodies: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    let received = ''
    const next = (): void => {
      const body = bodies.pop()
      if (body === undefined) {
        resolve()
        return
      }
      received = ''
      socket.write(
        `POST ${load.path} HTTP/1.1\r\nhost: ${load.host}\r\nauthorization: ${load.token}\r\n` +
          `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      )
    }
    socket.setEncoding('latin1')
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the server hung up')))
    socket.on('data', (text: string) => {
      received += text
      const end = received.indexOf('\r\n\r\n')
      const length = Number(/content-length: (\d+)/i.exec(received)?.[1])
      if (end < 0 || received.length < end + 4 + length) return
      const isGood = received.startsWith('HTTP/1.1 200') && received.includes('"verdict":"passed"')
      if (isGood) next()
      else reject(new Error(received))
    })
    next()
  })
}

/** With `--profile`: functions of the platform's thread by the time that they and what Node does for them take. */
async function startProfiler(): Promise<{
  start(): Promise<void>
  stop(): Promise<void>
  tell(): void
}> {
  if (!process.argv.includes('--profile'))
    return { start: async () => {}, stop: async () => {}, tell: () => {} }
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  const spent = new Map<string, number>()
  return {
    start: async () => {
      await session.post('Profiler.start')
    },
    stop: async () => addTo(spent, (await session.post('Profiler.stop')).profile),
    tell: () => {
      const total = [...spent.values()].reduce((sum, each) => sum + each, 0)
      for (const [name, took] of [...spent].toSorted((a, b) => b[1] - a[1]).slice(0, 50))
        console.log(`${((100 * took) / total).toFixed(1).padStart(6)} %  ${name}`)
      session.disconnect()
    },
  }
}

/** Each sample counts for the nearest function that lies in a file of ours or of a library. */
function addTo(spent: Map<string, number>, profile: Profiler.Profile): void {
  const nodes = new Map(profile.nodes.map(node => [node.id, node.callFrame]))
  const parents = new Map(
    profile.nodes.flatMap(({ id, children }) => (children ?? []).map(child => [child, id])),
  )
  const nameOf = (id: number | undefined): string => {
    const frame = id === undefined ? undefined : nodes.get(id)
    if (frame === undefined) return 'Node itself'
    if (frame.functionName === '(idle)') return '(idle)'
    const place = /(?:packages|node_modules)\/((?:@[^/]+\/)?[^/]+)\/(?:.*\/)?([^/]+)$/.exec(
      frame.url,
    )
    if (place === null) return nameOf(parents.get(id ?? 0))
    return `${place[1]} ${place[2]} ${frame.functionName}`
  }
  for (const [at, sample] of (profile.samples ?? []).entries()) {
    const name = nameOf(sample)
    spent.set(name, (spent.get(name) ?? 0) + (profile.timeDeltas?.[at] ?? 0))
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

function report(what: string, found: Measured): void {
  const { echoMs, cryptoMs, verificationMs, share, echoCpuMs, verificationCpuMs, cpuShare } = found
  const row = (name: string, value: string): void => console.log(`  ${name.padEnd(46)}${value}`)
  console.log(what)
  row('echo on the same stack, a request', `${(echoMs * 1000).toFixed(0)} µs`)
  row('bare crypto of a complete verification', `${(cryptoMs * 1000).toFixed(0)} µs`)
  row('verification over HTTP, all durable', `${(verificationMs * 1000).toFixed(0)} µs`)
  row('verifications a second', (1000 / verificationMs).toFixed(0))
  row('share', `${share.toFixed(3)}  (>= ${shareMin} for unknown signers)`)
  const cpu = (ms: number): string => `${(ms * 1000).toFixed(0)} µs`
  row('CPU of the thread: echo, verification', `${cpu(echoCpuMs)}, ${cpu(verificationCpuMs)}`)
  row('share in CPU of the thread', cpuShare.toFixed(3))
}
