/**
 * How the command line talks to a running program: HTTP over a Unix socket in its data folder that
 * only its owner may open. The socket is the permission; there is no other.
 */
import { chmodSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { problemOf, Refusal, type RefusalCode, isRefusalCode } from '@sekisho/contract'
import { hasCode, writeFileAtomically } from './files.ts'
import { defineMessages, type Log } from './log.ts'

/** Commands by name. Each parses its own body, and answers with something that JSON can say. */
export type AdminHandlers = Readonly<Record<string, (body: unknown) => Promise<unknown>>>

/** A listening socket. */
export interface AdminSocket {
  /** Ends commands in progress and removes the socket. */
  stop(): Promise<void>
}

/**
 * Listens at `path`. A socket left behind by a process that died is replaced, so the caller must
 * hold the lock of the folder. Where the path is longer than the system allows for sockets (some
 * hundred bytes), the socket lies in a private temporary folder and a file at `path` names it.
 */
export async function adminSocket(
  path: string,
  handlers: AdminHandlers,
  log: Log,
): Promise<AdminSocket> {
  await removePlace(path)
  const tooLong = Buffer.byteLength(path) > socketPathBytesMax
  const folder = tooLong ? await mkdtemp(join(tmpdir(), folderPrefix)) : undefined
  const socket = folder === undefined ? path : join(folder, 'socket')
  const server = createServer((incoming, response) => {
    void answer(incoming, response, handlers, log)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(socket, resolve)
    // Bound by now, and not yet accepting: nobody slips in before the mode is right.
    if (server.listening) chmodSync(socket, 0o600)
  })
  await chmod(socket, 0o600)
  if (folder !== undefined) await writeFileAtomically(path, `${socket}\n`)
  return {
    async stop() {
      await new Promise(resolve => {
        server.close(resolve)
        server.closeIdleConnections()
      })
      await rm(path, { force: true })
      if (folder !== undefined) await rm(folder, { recursive: true, force: true })
    },
  }
}

/**
 * Gives a command to the program that listens at `path` and returns its answer. Throws the program's
 * own `Refusal` again; a fault when nobody listens.
 */
export async function callAdmin(
  path: string,
  command: string,
  body: unknown = null,
): Promise<unknown> {
  const socketPath = await socketOf(path)
  const { status, text } = await new Promise<{ status: number; text: string }>(
    (resolve, reject) => {
      const outgoing = request(
        { socketPath, method: 'POST', path: `/${encodeURIComponent(command)}`, agent: false },
        response => {
          let text = ''
          response.setEncoding('utf8')
          response.on('data', (chunk: string) => {
            text += chunk
          })
          response.on('error', reject)
          response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
        },
      )
      outgoing.on('error', cause => reject(new Error(`nobody answers at ${path}`, { cause })))
      outgoing.end(JSON.stringify(body))
    },
  )
  const parsed: unknown = JSON.parse(text)
  if (status === 200) return parsed
  throw refusalFrom(parsed)
}

async function answer(
  incoming: IncomingMessage,
  response: ServerResponse,
  handlers: AdminHandlers,
  log: Log,
): Promise<void> {
  const send = (status: number, value: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(value ?? null))
  }
  try {
    const command = decodeURIComponent((incoming.url ?? '/').slice(1))
    const handler = Object.hasOwn(handlers, command) ? handlers[command] : undefined
    if (handler === undefined || incoming.method !== 'POST') throw new Refusal('not-found')
    send(200, await handler(await readBody(incoming)))
  } catch (error) {
    if (!(error instanceof Refusal)) log.write(messages['runtime.command-fault'], { fault: error })
    const problem = problemOf(error instanceof Refusal ? error : new Refusal('internal-fault'))
    send(problem.status, problem)
  }
}

async function readBody(incoming: IncomingMessage): Promise<unknown> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of incoming) {
    if (!(chunk instanceof Uint8Array)) throw new Error('the body comes as bytes')
    bytes += chunk.length
    if (bytes > bodyBytesMax) throw new Refusal('request-too-large')
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    throw new Refusal('request-malformed', { fields: 'body' })
  }
}

function refusalFrom(problem: unknown): Error {
  if (typeof problem === 'object' && problem !== null && 'code' in problem) {
    const { code } = problem
    if (typeof code === 'string' && isRefusalCode(code)) return rebuilt(code, problem)
  }
  return new Error('the program answered neither a result nor a refusal')
}

function rebuilt(code: RefusalCode, problem: object): Refusal {
  const fields: Record<string, string | number> = {}
  const found: unknown = Reflect.get(problem, 'fields')
  if (typeof found === 'object' && found !== null) {
    for (const [name, value] of Object.entries(found)) {
      if (typeof value === 'string' || typeof value === 'number') fields[name] = value
    }
  }
  return new Refusal(code, fields)
}

async function socketOf(path: string): Promise<string> {
  try {
    const found = await stat(path)
    if (!found.isFile()) return path
    return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    if (hasCode(error, 'ENOENT')) throw new Error(`nobody answers at ${path}`, { cause: error })
    throw error
  }
}

async function removePlace(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isFile() === true) {
    const folder = dirname((await readFile(path, 'utf8')).trim())
    if (basename(folder).startsWith(folderPrefix))
      await rm(folder, { recursive: true, force: true })
  }
  await rm(path, { force: true })
}

const messages = defineMessages({
  'runtime.command-fault': {
    level: 'error',
    text: 'an administration command ended in a fault of ours',
    fields: { fault: 'fault' },
  },
})

const folderPrefix = 'sekisho-admin-'
/** sockaddr_un holds 108 bytes on Linux and 104 on macOS, with a closing zero. */
const socketPathBytesMax = 100
const bodyBytesMax = 1024 * 1024
