/**
 * Signed files over the API: that judging them does not keep the server from answering, that it uses more than one core, and
 * that a large one does not keep small ones waiting.
 *
 * The platform runs in a town of its own in this process; the callers are a thread beside it. First it judges CMS files of nearly a
 * mebibyte, eight at a time. Then a signature beside a gibibyte of content, which is uploaded in pieces. Told: cores used by the whole process,
 * callers included; the longest stall of the server's event loop and its 99th percentile; how much memory the process took
 * more than before; how long a small file takes alone and while the gibibyte is being judged.
 *
 * `node bench/files.ts [--gate]`. With `--gate` it exits 1 beyond the promised figures.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { startTestTown, type TestTown } from '@sekisho/cli/testkit'
import { importPrivateKey, parseCertificate } from '@sekisho/pki'
import { type CadesContent, prepareCades } from '@sekisho/pki/assemble'

/** Promised: milliseconds of stall, MiB more than before. */
const limits = { stallMs: 50, growthMiB: 200 } as const

const smallBytes = 700 * 1024
const smallFiles = 400
const atATime = 8
const largeBytes = 1024 ** 3
const pieceBytes = 8 * 1024 ** 2

/** What the callers are to do. */
type Work = { readonly base: string; readonly token: string } & (
  | { readonly kind: 'small'; readonly body: string; readonly times: number; readonly at: number }
  | { readonly kind: 'large'; readonly cms: string }
)
/** Milliseconds a call; of a large file those of its upload and of its judgement. */
type Done = { readonly each: readonly number[]; readonly fault: string | undefined }

if (isMainThread) await main()
else parentPort?.on('message', (work: Work) => void serve(work))

async function main(): Promise<void> {
  await using town = await startTestTown({ database: 'postgres' })
  const callers = [new Worker(new URL(import.meta.url)), new Worker(new URL(import.meta.url))]
  const [caller, other] = callers
  if (caller === undefined || other === undefined) throw new Error('nobody calls')
  try {
    const to = { base: town.urls.platform, token: await tokenOf(town) }
    const file = await signed(town, { kind: 'attached', bytes: new Uint8Array(smallBytes) })
    const body = JSON.stringify({ kind: 'cms', file: base64(file) })
    const small = { ...to, kind: 'small', body, times: smallFiles, at: atATime } as const
    await ask(caller, { ...small, times: 100 })
    const many = await watch(() => ask(caller, small))
    tell('small files', many, [`${(many.wallMs / smallFiles).toFixed(1)} ms each`])
    const alone = median(await ask(caller, { ...small, times: 100, at: 1 }))
    const hash = createHash('sha256')
    const zeros = new Uint8Array(pieceBytes)
    for (let at = 0; at < largeBytes; at += pieceBytes) hash.update(zeros)
    const cms = await signed(town, { kind: 'detached-hash', hash: hash.digest() })
    const large = { ...to, kind: 'large', cms: base64(cms) } as const
    let beside = 0
    const one = await watch(async () => {
      const done = ask(caller, large)
      const times: number[] = []
      const ending = new AbortController()
      const asking = (async () => {
        while (!ending.signal.aborted)
          times.push(...(await ask(other, { ...small, times: 4, at: 1 })))
      })()
      await done.finally(() => ending.abort())
      await asking
      beside = median(times)
      return done
    })
    const [uploadMs = 0, judgementMs = 0] = one.each
    tell('a gibibyte', one, [
      `upload ${seconds(uploadMs)}, judgement ${seconds(judgementMs)}`,
      `a small file meanwhile ${beside.toFixed(1)} ms, alone ${alone.toFixed(1)} ms`,
    ])
    const stallMs = Math.max(many.stallMs, one.stallMs)
    const isKept = stallMs <= limits.stallMs && one.growthMiB <= limits.growthMiB
    if (process.argv.includes('--gate') && !isKept) process.exitCode = 1
  } finally {
    for (const each of callers) await each.terminate()
  }
}

type Watched = {
  readonly each: readonly number[]
  readonly wallMs: number
  readonly cores: number
  readonly stallMs: number
  readonly stall99Ms: number
  readonly growthMiB: number
}

async function watch(work: () => Promise<readonly number[]>): Promise<Watched> {
  const before = process.memoryUsage.rss()
  let most = before
  const looking = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 20)
  const delay = monitorEventLoopDelay({ resolution: 1 })
  const cpu = process.cpuUsage()
  const began = performance.now()
  delay.enable()
  const each = await work()
  delay.disable()
  const wallMs = performance.now() - began
  const used = process.cpuUsage(cpu)
  clearInterval(looking)
  return {
    each,
    wallMs,
    cores: (used.user + used.system) / 1000 / wallMs,
    stallMs: delay.max / 1e6,
    stall99Ms: delay.percentile(99) / 1e6,
    growthMiB: (most - before) / 1024 ** 2,
  }
}

function tell(name: string, found: Watched, more: readonly string[]): void {
  const lines = [
    `longest stall ${found.stallMs.toFixed(1)} ms, 99 of 100 under ${found.stall99Ms.toFixed(1)} ms`,
    `${found.cores.toFixed(2)} cores, ${found.growthMiB.toFixed(0)} MiB more than before`,
    ...more,
  ]
  for (const line of lines) console.log(`${name.padEnd(12)} ${line}`)
}

async function tokenOf(town: TestTown): Promise<string> {
  let token = ''
  const { sekisho } = await town.provider({
    id: 'files',
    fetch: fetch => async (input, init) => {
      token = new Headers(init?.headers).get('authorization') ?? token
      return fetch(input, init)
    },
  })
  const empty = new Uint8Array(1)
  await sekisho.verify({ document: empty, signature: empty, certificate: empty })
  return token
}

async function signed(town: TestTown, content: CadesContent): Promise<Uint8Array> {
  await using card = await town.takeCard('plain-adult')
  const keys = card.state().signature
  const prepared = prepareCades({
    content,
    certificate: parseCertificate(Buffer.from(keys.certificate ?? '', 'base64')),
    certificates: [],
    algorithm: 'rsa-sha256',
    signingTime: town.clock.now(),
  })
  const key = importPrivateKey(Buffer.from(keys.privateKey ?? '', 'base64'))
  return prepared.finish(key.sign('rsa-sha256', prepared.toBeSigned))
}

async function ask(caller: Worker, work: Work): Promise<readonly number[]> {
  caller.postMessage(work)
  const [{ each, fault }]: [Done] = (await once(caller, 'message')) as [Done]
  if (fault !== undefined) throw new Error(fault)
  return each
}

/** Runs in a thread of the callers. */
async function serve(work: Work): Promise<void> {
  try {
    const each = work.kind === 'small' ? await callSmall(work) : await callLarge(work)
    parentPort?.postMessage({ each, fault: undefined } satisfies Done)
  } catch (error) {
    parentPort?.postMessage({ each: [], fault: String(error) } satisfies Done)
  }
}

async function callSmall(work: Extract<Work, { kind: 'small' }>): Promise<readonly number[]> {
  const each: number[] = []
  let left = work.times
  const one = async (): Promise<void> => {
    while (left-- > 0) {
      const began = performance.now()
      await judge(work, work.body)
      each.push(performance.now() - began)
    }
  }
  await Promise.all(Array.from({ length: work.at }, one))
  return each
}

async function callLarge(work: Extract<Work, { kind: 'large' }>): Promise<readonly number[]> {
  const began = performance.now()
  const path = new URL(
    (await send(work, 'POST', '/v1/uploads')).headers.get('location') ?? '',
    work.base,
  ).pathname
  const zeros = new Uint8Array(pieceBytes)
  for (let at = 0; at < largeBytes; at += pieceBytes) {
    const headers = {
      'content-type': 'application/partial-upload',
      'upload-offset': String(at),
      'upload-complete': at + pieceBytes === largeBytes ? '?1' : '?0',
    }
    await send(work, 'PATCH', path, headers, zeros)
  }
  const uploaded = performance.now()
  const content = { upload: path.slice(path.lastIndexOf('/') + 1) }
  await judge(work, JSON.stringify({ kind: 'cms', file: work.cms, content }))
  const judged = performance.now()
  await send(work, 'DELETE', path)
  return [uploaded - began, judged - uploaded]
}

async function judge(work: Work, body: string): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const answer = await send(work, 'POST', '/v1/file-verifications', headers, body)
  const text = await answer.text()
  if (!text.includes('"verdict":"passed"')) throw new Error(text)
}

async function send(
  { base, token }: Work,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body?: string | Uint8Array<ArrayBuffer>,
): Promise<Response> {
  const answer = await fetch(new URL(path, base), {
    method,
    headers: { authorization: token, ...headers },
    ...(body === undefined ? {} : { body }),
  })
  if (!answer.ok) throw new Error(await answer.text())
  return answer
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
