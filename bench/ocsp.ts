/**
 * OCSP answers a second over HTTP: the authority's kept ones, with a nonce (each signed), and the `openssl ocsp` responder's
 * in the same run, for the same certificates, with the same CA and responder keys.
 *
 * The authority runs in this process on the embedded engine; its log lines are made and dropped. It is asked by `wrk` (Debian
 * package of that name), which takes little of the second core: 32 connections, one question at a time on each. `openssl ocsp`
 * answers one connection at a time and one request on each, so it is asked that way, by a thread with raw sockets that keeps it
 * busy. Run: `node bench/ocsp.ts [seconds] [--gate] [--json]`; with `--gate` it exits 1 under the promised figures.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createPrivateKey, randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { type Persona, startAuthority, townAnchors } from '@sekisho/authority'
import {
  type Certificate,
  encodeOcspRequest,
  ocspCertId,
  parseCertificate,
  parseOcspResponse,
} from '@sekisho/pki'
import { poolKey } from '@sekisho/pki/issue'
import { systemClock } from '@sekisho/runtime/clock'
import { createKey, masterKeyOf } from '@sekisho/runtime/keys'
import { createLog } from '@sekisho/runtime/log'
import { seededRandom, systemRandom } from '@sekisho/runtime/random'
import { openEmbedded } from '@sekisho/runtime/store'

/** Promised: answers a second, and how many times those of openssl. */
const limits = { kept: 15_000, timesOpenssl: 20 } as const

/** The whole bench, openssl's start included; whatever hangs then is ended. */
const wholeMsMax = 120_000
setTimeout(() => {
  process.stderr.write('the bench did not end in time\n')
  process.exit(1)
}, wholeMsMax).unref()

const connections = 32
const holders = 8
const warmSeconds = 2
/** Both are measured in turn, so that whatever else the machine does falls on both. */
const windows = 5
/** Octets of the head of an answer. */
const [headLeast, headMost] = [60, 200]

/** What a client thread is told. */
type Load = {
  readonly port: number
  readonly seconds: number
  /** Whole HTTP requests, asked in turn. */
  readonly requests: readonly Uint8Array[]
  readonly connections: number
}

if (isMainThread) await main()
else await runClient()

async function main(): Promise<void> {
  const seconds = Number(process.argv.find(one => /^\d+$/.test(one)) ?? 2)
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-bench-'))
  try {
    const engine = await openEmbedded('memory')
    const port = await freePort()
    const authority = await startAuthority({
      port,
      publicOrigin: `http://127.0.0.1:${port}`,
      adminPath: join(folder, 'admin.sock'),
      engine,
      cardsFolder: join(folder, 'cards'),
      caKeysFolder: join(folder, 'ca'),
      personas: Array.from({ length: holders }, (_, at) => persona(at)),
      residents: 0,
      verifiers: [],
      answerKey: await createKey('ec-p256'),
      numbersKey: masterKeyOf(new Uint8Array(32), systemRandom()),
      clock: systemClock(),
      random: systemRandom(),
      seed: seededRandom('bench'),
      log: createLog({ program: 'authority', sink: { write: () => undefined }, level: 'info' }),
    })
    const leaves = signatureLeaves(join(folder, 'cards'))
    const issuer = issuerOf(leaves)
    const path = '/ocsp/signature'
    const asked = (nonce?: () => Uint8Array): Asked => ({
      folder,
      url: `http://127.0.0.1:${port}${path}`,
      questions: leaves.map(leaf => questionFor(leaf, issuer, nonce?.())),
    })
    const openssl = await startOpenssl(folder, leaves, issuer)
    await measureByWrk(asked(), warmSeconds)
    await openssl.measure(1)
    const rounds: Round[] = []
    for (let round = 0; round < windows; round++)
      rounds.push({
        kept: await measureByWrk(asked(), seconds),
        openssl: await openssl.measure(seconds),
      })
    const signed = await measureByWrk(
      asked(() => randomBytes(32)),
      seconds,
    )
    openssl.stop()
    await authority.stop()
    await engine.close()
    report(rounds, signed)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function persona(at: number): Persona {
  const [name, address] = ['測定　太郎', '東京都千代田区神田神保町１丁目１番１号']
  return {
    id: `measured-${at}`,
    label: { ja: '測定', en: 'Measured' },
    municipality: '13101',
    attributes: {
      name,
      nameSubstitutes: '0'.repeat(name.length),
      formerSurname: null,
      address,
      addressSubstitutes: '0'.repeat(address.length),
      birthDate: { year: 1985, month: 4, day: 1 },
      gender: 'male',
    },
    isWard: false,
    demandsPinAlways: false,
    pin: '2468',
    password: 'SEKISHO1',
    life: [{ daysAgo: 100, what: 'card' }],
  }
}

/** Signature certificates as they lie in the files of the cards. */
function signatureLeaves(cards: string): readonly Certificate[] {
  return readdirSync(cards)
    .filter(name => name.endsWith('.card.json'))
    .map(name => {
      const texts = readFileSync(join(cards, name), 'utf8').match(/"[A-Za-z0-9+/=]{800,}"/g) ?? []
      const found = texts
        .map(text => Buffer.from(text.slice(1, -1), 'base64'))
        .flatMap(der => certificatesIn(der))
        .find(one => one.subjectAltName !== undefined && one.basicConstraints === undefined)
      if (found === undefined) throw new Error(`${name} holds no signature certificate`)
      return found
    })
}

function certificatesIn(der: Uint8Array): readonly Certificate[] {
  try {
    return [parseCertificate(der)]
  } catch {
    return []
  }
}

function issuerOf([leaf]: readonly Certificate[]): Certificate {
  const keyId = leaf?.authorityKeyIdentifier?.keyId
  const found = townAnchors().find(
    one =>
      keyId !== undefined &&
      Buffer.compare(one.subjectKeyIdentifier ?? new Uint8Array(), keyId) === 0,
  )
  if (found === undefined) throw new Error('no issuer')
  return found
}

function questionFor(leaf: Certificate, issuer: Certificate, nonce?: Uint8Array): Uint8Array {
  return encodeOcspRequest([ocspCertId(leaf, issuer, 'sha1')], nonce)
}

/** What `wrk` asks, in turn. */
type Asked = {
  readonly folder: string
  readonly url: string
  readonly questions: readonly Uint8Array[]
}

/** Answers a second. Every status is looked at by `wrk`, the octets of all answers by their sum; before and after, what they say. */
async function measureByWrk(asked: Asked, seconds: number): Promise<number> {
  const lengths = await checkedLengths(asked)
  const script = join(asked.folder, 'ocsp.lua')
  const bodies = asked.questions.map(one =>
    [...one].map(octet => `\\${String(octet).padStart(3, '0')}`).join(''),
  )
  writeFileSync(
    script,
    `local bodies = {${bodies.map(one => `"${one}"`).join(',')}}
local headers = { ["content-type"] = "application/ocsp-request" }
local requests, at = {}, 0
init = function()
  for i, body in ipairs(bodies) do requests[i] = wrk.format("POST", nil, headers, body) end
end
request = function()
  at = at % #requests + 1
  return requests[at]
end
done = function(summary)
  local e = summary.errors
  print("counted", summary.requests, summary.bytes, summary.duration, e.connect + e.read + e.write + e.status + e.timeout)
end
`,
  )
  const [requests, octets, micros, errors] = await runWrk(script, asked.url, seconds)
  const [least, most] = [Math.min(...lengths), Math.max(...lengths)]
  const each = octets / requests
  if (errors !== 0 || !(least + headLeast <= each && each <= most + headMost))
    throw new Error(`not all were answers: ${errors} errors, ${each} octets each`)
  await checkedLengths(asked)
  return requests / (micros / 1e6)
}

async function runWrk(
  script: string,
  url: string,
  seconds: number,
): Promise<readonly [requests: number, octets: number, micros: number, errors: number]> {
  const wrk = spawn('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, '-s', script, url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const pieces: Buffer[] = []
  wrk.stdout.on('data', (piece: Buffer) => void pieces.push(piece))
  await new Promise<void>((resolve, reject) => {
    wrk.once('error', cause =>
      reject(new Error('this bench needs the Debian package wrk', { cause })),
    )
    wrk.once('close', () => resolve())
  })
  const line = /^counted\s+(.*)$/m.exec(Buffer.concat(pieces).toString())?.[1] ?? ''
  const [requests, octets, micros, errors] = line.split(/\s+/).map(Number)
  if (
    requests === undefined ||
    octets === undefined ||
    micros === undefined ||
    errors === undefined
  )
    throw new Error('wrk did not tell what it counted')
  return [requests, octets, micros, errors]
}

/** Asks each question once; octets of the answers, which are all `good`. */
async function checkedLengths({ url, questions }: Asked): Promise<readonly number[]> {
  return Promise.all(
    questions.map(async body => {
      const headers = { 'content-type': 'application/ocsp-request' }
      const answer = await fetch(url, { method: 'POST', headers, body: Uint8Array.from(body) })
      const der = new Uint8Array(await answer.arrayBuffer())
      checkGood(der)
      return der.length
    }),
  )
}

function httpRequest(port: number, path: string, body: Uint8Array): Uint8Array {
  const head = [
    `POST ${path} HTTP/1.1`,
    `host: 127.0.0.1:${port}`,
    'connection: close',
    'content-type: application/ocsp-request',
    `content-length: ${body.length}`,
  ]
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body])
}

/** `openssl ocsp` over the same certificates, signed with the same responder key. */
async function startOpenssl(
  folder: string,
  leaves: readonly Certificate[],
  issuer: Certificate,
): Promise<{ measure(seconds: number): Promise<number>; stop(): void }> {
  const keyOf = (spki: Uint8Array): string => {
    const key = Array.from({ length: 16 }, (_, at) => poolKey(at)).find(
      one => Buffer.compare(one.spki, spki) === 0,
    )
    if (key === undefined) throw new Error('not a key of the pool')
    const pkcs8 = Buffer.from(key.pkcs8)
    return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
      .export({ type: 'pkcs8', format: 'pem' })
      .toString()
  }
  const [ca, key, index] = ['ca.pem', 'ca-key.pem', 'index.txt'].map(name => join(folder, name))
  if (ca === undefined || key === undefined || index === undefined) throw new Error('no paths')
  const lines =
    Buffer.from(issuer.raw)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  writeFileSync(
    ca,
    ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----\n'].join('\n'),
  )
  writeFileSync(key, keyOf(issuer.spki))
  writeFileSync(
    index,
    leaves
      .map(
        one =>
          `V\t330101000000Z\t\t${one.serialHex.toUpperCase()}\tunknown\t/CN=${one.serialHex}\n`,
      )
      .join(''),
  )
  const port = await freePort()
  const responder = spawn(
    'openssl',
    [
      'ocsp',
      '-port',
      String(port),
      '-index',
      index,
      '-CA',
      ca,
      '-rsigner',
      ca,
      '-rkey',
      key,
    ].concat(['-nmin', '15']),
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  process.once('exit', () => responder.kill())
  await untilOpen(responder)
  const requests = leaves.map(one => httpRequest(port, '/', questionFor(one, issuer)))
  return {
    // As many clients as keep it busy; more only wait.
    measure: seconds => measure({ port, requests, connections: 4, seconds }),
    stop: () => void responder.kill(),
  }
}

/** It says so when it listens; a mere connection without a request would disturb it. */
async function untilOpen(of: ChildProcess): Promise<void> {
  await new Promise((resolve, reject) => {
    of.stderr?.once('data', resolve)
    of.once('exit', () => reject(new Error('openssl ocsp ended')))
  })
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** Answers a second under a load, from a thread of its own. */
function measure(load: Load): Promise<number> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: load })
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

async function runClient(): Promise<void> {
  // What `measure` gave.
  const load = workerData as Load
  const begun = performance.now()
  const isOver = (): boolean => performance.now() - begun > load.seconds * 1000
  const each = Array.from({ length: load.connections }, (_, at) => askOnEach(load, at, isOver))
  const counts = await Promise.all(each)
  const answers = counts.reduce((sum, one) => sum + one, 0)
  parentPort?.postMessage(answers / ((performance.now() - begun) / 1000))
}

function opened(port: number): Socket {
  const socket = connect(port, '127.0.0.1')
  return socket.setNoDelay(true)
}

/** A connection for each question. */
async function askOnEach(load: Load, first: number, isOver: () => boolean): Promise<number> {
  let count = 0
  for (; !isOver(); count++) {
    const answer = await new Promise<Buffer>((resolve, reject) => {
      const socket = opened(load.port)
      const chunks: Buffer[] = []
      socket.once('error', reject).once('close', () => resolve(Buffer.concat(chunks)))
      socket.on('data', chunk => void chunks.push(chunk))
      socket.write(load.requests[(first + count) % load.requests.length] ?? new Uint8Array())
    })
    checkGood(answer.subarray(answer.indexOf('\r\n\r\n') + 4))
  }
  return count
}

function checkGood(body: Uint8Array): void {
  const answer = parseOcspResponse(body)
  const isGood = answer.kind === 'basic' && answer.answers[0]?.status === 'good'
  if (!isGood) throw new Error(`not good: ${Buffer.from(body).toString('latin1', 0, 200)}`)
}

type Round = { readonly kept: number; readonly openssl: number }

/** The median of the windows counts; the ratio is that of windows that follow each other. */
function report(rounds: readonly Round[], signed: number): void {
  const kept = median(rounds.map(one => one.kept))
  const openssl = median(rounds.map(one => one.openssl))
  const times = rounds.map(one => one.kept / one.openssl)
  const timesOpenssl = median(times)
  const isReached = kept >= limits.kept && timesOpenssl >= limits.timesOpenssl
  if (process.argv.includes('--json'))
    console.log(JSON.stringify({ kept, signed, openssl, timesOpenssl, times, limits, isReached }))
  else {
    const row = (name: string, value: string): void =>
      console.log(`${name.padEnd(36)}${value.padStart(10)}`)
    row('kept answers, per second', kept.toFixed(0))
    row('signed answers (nonce), per second', signed.toFixed(0))
    row('openssl ocsp, per second', openssl.toFixed(0))
    row('kept, times openssl', timesOpenssl.toFixed(1))
    console.log(`  of the windows: ${times.map(one => one.toFixed(1)).join(' ')}`)
    row(`promised: ${limits.kept}, ${limits.timesOpenssl} times`, isReached ? 'reached' : 'UNDER')
  }
  if (process.argv.includes('--gate') && !isReached) process.exitCode = 1
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
