/** Files that are whole or absent, folders and files with one owner, and folders for tests. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import {
  type FileHandle,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  unlink,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Refusal, type RefusalCode } from '@sekisho/contract'
import type { Effects } from './effects.ts'
import { acquireLock, type Lock } from './file-lock.ts'

export type { Lock } from './file-lock.ts'

/**
 * Writes a file so that a reader, or a restart after a crash at any moment, finds either the old
 * bytes or the new ones: a temporary file beside it, fsync, rename, fsync of the folder.
 *
 * Several byte strings are written one after the other. The mode is 0600 unless told otherwise. Two writers do not mix, the later rename wins; use
 * `withLockedFile` where the new bytes depend on the old.
 */
export async function writeFileAtomically(
  path: string,
  content: string | Uint8Array | readonly Uint8Array[],
  given: { readonly mode?: number; readonly effects?: Effects | undefined } = {},
): Promise<void> {
  const write = async (): Promise<void> => {
    const folder = dirname(path)
    const temporary = join(folder, `.${basename(path)}.${process.pid}.${temporaryName()}`)
    const file = await open(temporary, 'wx', given.mode ?? ownerOnly)
    try {
      await file.writeFile(content)
      await file.sync()
      await file.close()
      await rename(temporary, path)
    } catch (error) {
      await file.close().catch(() => {})
      await unlink(temporary).catch(() => {})
      throw error
    }
    await syncFolder(folder)
  }
  await (given.effects === undefined ? write() : given.effects.around('file-written', write))
}

/** The bytes of a file, or undefined when there is none. Other failures are faults. */
export async function readFileIfPresent(path: string): Promise<Uint8Array | undefined> {
  try {
    return Uint8Array.from(await readFile(path))
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/** As `readFileIfPresent`, into memory that threads may share. */
export async function readSharedFile(
  path: string,
): Promise<Uint8Array<SharedArrayBuffer> | undefined> {
  let file: FileHandle
  try {
    file = await open(path, 'r')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
  try {
    const { size } = await file.stat()
    const bytes = new Uint8Array(new SharedArrayBuffer(size))
    for (let position = 0; position < size; ) {
      const { bytesRead } = await file.read(bytes, position, size - position, position)
      if (bytesRead === 0) throw new Error(`${path} became shorter while it was read`)
      position += bytesRead
    }
    return bytes
  } finally {
    await file.close()
  }
}

/**
 * A file that is read here and there. It stays open, also when its name goes, until it is disposed of, or nobody can read it
 * any more.
 */
export interface PositionedFile extends Disposable {
  readonly length: number
  /** Exactly these bytes; asking beyond the end is a fault. Does not wait for anything but the disk. */
  read(position: number, length: number): Uint8Array
  /** As `read`, but good only until the next view: however much is read, no more memory is taken than for the longest. */
  view(position: number, length: number): Uint8Array
  /** All of it, piece by piece; each piece is good until the next is asked for. */
  pieces(): Iterable<Uint8Array>
}

/** Opens a file for reading by position, or undefined when there is none. */
export function openPositionedFile(path: string): PositionedFile | undefined {
  let descriptor: number
  try {
    descriptor = openSync(path, 'r')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
  const { size } = fstatSync(descriptor)
  let held = new Uint8Array(0)
  const file: PositionedFile = {
    length: size,
    read: (position, length) => {
      const bytes = new Uint8Array(length)
      readExactly(descriptor, bytes, position)
      return bytes
    },
    view: (position, length) => {
      if (held.length < length) held = new Uint8Array(length)
      const bytes = held.subarray(0, length)
      readExactly(descriptor, bytes, position)
      return bytes
    },
    *pieces() {
      const bytes = new Uint8Array(Math.min(size, pieceBytes))
      for (let position = 0; position < size; position += bytes.length) {
        const piece = bytes.subarray(0, size - position)
        readExactly(descriptor, piece, position)
        yield piece
      }
    },
    [Symbol.dispose]: () => {
      forgottenFiles.unregister(file)
      closeSync(descriptor)
    },
  }
  forgottenFiles.register(file, descriptor, file)
  return file
}

function readExactly(descriptor: number, into: Uint8Array, position: number): void {
  for (let done = 0; done < into.length; ) {
    const count = readSync(descriptor, into, done, into.length - done, position + done)
    if (count === 0) throw new Error('a file is shorter than what is asked of it')
    done += count
  }
}

/** Removes files of a folder; those that are not there are passed over. */
export async function removeFiles(folder: string, names: readonly string[]): Promise<void> {
  for (const name of names) await rm(join(folder, name), { force: true })
}

/** Names of the files in a folder; none when there is no folder. */
export async function listFiles(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
}

/**
 * Reads a JSON file through a parser that accepts or throws (a zod schema's `parse` will do).
 * Undefined when there is no file; a file that is not JSON is a fault that names it.
 */
export async function readJsonFile<T>(
  path: string,
  parse: (value: unknown) => T,
): Promise<T | undefined> {
  const bytes = await readFileIfPresent(path)
  if (bytes === undefined) return undefined
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new Error(`${path} is not a JSON file`, { cause })
  }
  return parse(value)
}

/** Writes a value as JSON, atomically, for its owner only. */
export function writeJsonFile(
  path: string,
  value: unknown,
  given: { readonly effects?: Effects | undefined } = {},
): Promise<void> {
  return writeFileAtomically(path, `${JSON.stringify(value, null, 2)}\n`, given)
}

/** Makes a folder, and those above it, that only its owner may enter. */
export async function ownerOnlyFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 })
}

/**
 * Takes a data folder for this process, making it if needed. A second live process gets the refusal
 * `data-folder-in-use` with the holder's pid; the lock of a process that died is taken over.
 */
export async function lockFolder(folder: string): Promise<Lock> {
  await ownerOnlyFolder(folder)
  return acquireOrRefuse(join(folder, '.lock'), 'data-folder-in-use')
}

/** Takes a file (a card) for this process; the refusal `code` when another has it. */
export async function lockFile(path: string, code: RefusalCode): Promise<Lock> {
  return acquireOrRefuse(`${path}.lock`, code)
}

/**
 * Runs `work` while no other process, and no other call of this one, runs under the same path.
 * Waits up to five seconds for the holder, then throws a fault.
 */
export async function withLockedFile<T>(path: string, work: () => Promise<T>): Promise<T> {
  const until = performance.now() + lockWaitMs
  for (;;) {
    const taken = acquireLock(`${path}.lock`)
    if (taken.kind === 'held') {
      if (performance.now() > until) throw new Error(`${path} stays locked by ${taken.pid}`)
      await pause(lockRetryMs)
      continue
    }
    try {
      return await work()
    } finally {
      taken.lock.release()
    }
  }
}

/** A folder that goes away: `await using folder = await temporaryFolder('store')`. For tests and tools. */
export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string
  remove(): Promise<void>
}

/** Makes a fresh folder under the system's temporary folder, open to its owner only. */
export async function temporaryFolder(name: string): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), `sekisho-${name}-`))
  const remove = (): Promise<void> => rm(path, { recursive: true, force: true, maxRetries: 3 })
  return { path, remove, [Symbol.asyncDispose]: remove }
}

/** True when an error of the operating system carries this code, such as `ENOENT`. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

function acquireOrRefuse(folder: string, code: RefusalCode): Lock {
  const taken = acquireLock(folder)
  if (taken.kind === 'held') throw new Refusal(code, { pid: taken.pid })
  return taken.lock
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

let temporaryCount = 0

/** Unique within the process; the pid beside it makes it unique on the machine. */
function temporaryName(): string {
  temporaryCount += 1
  return `${temporaryCount}.tmp`
}

const forgottenFiles = new FinalizationRegistry<number>(descriptor => closeSync(descriptor))
const pieceBytes = 1024 * 1024
const ownerOnly = 0o600
const lockWaitMs = 5_000
const lockRetryMs = 20
