/**
 * Files on their way in: too large for one call, so they arrive in pieces and can go on where they broke off. Each is one file
 * in a folder of its provider's; its length is how much has arrived, its name whether that is all. Nodes that share the folder
 * share the uploads. What nobody comes back for is removed after an hour.
 */
import { createHash } from 'node:crypto'
import { open, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Refusal, type UploadState, uploadBytesMax } from '@sekisho/contract'
import { hasCode, listFiles, ownerOnlyFolder } from '@sekisho/runtime/files'
import type { Random } from '@sekisho/runtime/random'

/** One piece. */
export type UploadPiece = {
  readonly providerId: string
  readonly id: string
  /** Bytes before it; must be what has arrived. */
  readonly offset: number
  readonly body: AsyncIterable<Uint8Array>
  /** Whether nothing follows. */
  readonly isLast: boolean
}

/** An upload that is complete. */
export type CompleteUpload = { readonly path: string; readonly length: number }

/** The uploads of a node. An id of another provider is as unknown as one that never was. */
export type Uploads = {
  /** Begins one. Refusal `upload-limit`. */
  begin(providerId: string): Promise<UploadState>
  /**
   * Takes a piece. What arrived before a connection broke stays. Refusals `upload-unknown`, `upload-offset-wrong` (also while
   * another piece is arriving), `upload-limit`, `request-too-large`, `storage-full`.
   */
  append(piece: UploadPiece): Promise<UploadState>
  /** Refusal `upload-unknown`. */
  stateOf(providerId: string, id: string): Promise<UploadState>
  /** Works on complete uploads, none of which goes away meanwhile. Refusals `upload-unknown`, `upload-incomplete`. */
  use<T>(
    providerId: string,
    ids: readonly string[],
    work: (found: ReadonlyMap<string, CompleteUpload>) => Promise<T>,
  ): Promise<T>
  /** Refusals `upload-unknown`, `upload-offset-wrong` while it is in use. */
  remove(providerId: string, id: string): Promise<void>
  /** Removes those that nothing was added to for an hour. `at` is real time. */
  sweep(at: number): Promise<void>
}

/** What a provider may have open at the same time: so many, and as much as four of the largest. */
const openMax = 32
const openLargestMax = 4
const lifeMs = 60 * 60 * 1000
/** Bits of an id, which nobody guesses. */
const idBits = 128

/** Makes the uploads of a folder. */
export function createUploads(world: {
  readonly folder: string
  readonly random: Random
  /** Largest upload; undefined: `uploadBytesMax`. */
  readonly bytesMax?: number | undefined
}): Uploads {
  const bytesMax = world.bytesMax ?? uploadBytesMax
  const openBytesMax = openLargestMax * bytesMax
  const busy = new Map<string, number>()
  const hold = (path: string): Disposable => {
    busy.set(path, (busy.get(path) ?? 0) + 1)
    return {
      [Symbol.dispose]: () => {
        const left = (busy.get(path) ?? 1) - 1
        if (left === 0) busy.delete(path)
        else busy.set(path, left)
      },
    }
  }
  const folderOf = (providerId: string): string =>
    join(world.folder, createHash('sha256').update(providerId).digest('hex').slice(0, 32))
  const placeOf = (providerId: string, id: string): string => {
    if (!idForm.test(id)) throw new Refusal('upload-unknown')
    return join(folderOf(providerId), id)
  }
  return {
    begin: async providerId => {
      const folder = folderOf(providerId)
      await ownerOnlyFolder(folder)
      const { count, bytes } = await openOf(folder)
      if (count >= openMax || bytes >= openBytesMax) throw new Refusal('upload-limit')
      const id = world.random.token(idBits)
      const file = await open(join(folder, id) + partial, 'wx', ownerOnly)
      await file.close()
      return { id, offset: 0, complete: false }
    },
    append: async ({ providerId, id, offset, body, isLast }) => {
      const place = placeOf(providerId, id)
      if (busy.has(place)) throw new Refusal('upload-offset-wrong')
      using _held = hold(place)
      const found = await find(place)
      if (found.isComplete || found.length !== offset)
        throw new Refusal('upload-offset-wrong', { offset: found.length })
      const { bytes } = await openOf(folderOf(providerId))
      const lengthMax = Math.min(bytesMax, offset + openBytesMax - bytes)
      const tooLong = lengthMax === bytesMax ? 'request-too-large' : 'upload-limit'
      const length = await write(found.path, body, { offset, lengthMax, tooLong })
      if (isLast) await rename(found.path, place + complete)
      return { id, offset: length, complete: isLast }
    },
    stateOf: async (providerId, id) => {
      const { length, isComplete } = await find(placeOf(providerId, id))
      return { id, offset: length, complete: isComplete }
    },
    use: async (providerId, ids, work) => {
      using holds = new DisposableStack()
      const found = new Map<string, CompleteUpload>()
      for (const id of ids) {
        const place = placeOf(providerId, id)
        holds.use(hold(place))
        const { isComplete, path, length } = await find(place)
        if (!isComplete) throw new Refusal('upload-incomplete')
        found.set(id, { path, length })
      }
      return await work(found)
    },
    remove: async (providerId, id) => {
      const place = placeOf(providerId, id)
      if (busy.has(place)) throw new Refusal('upload-offset-wrong')
      using _held = hold(place)
      await rm((await find(place)).path, { force: true })
    },
    sweep: async at => {
      for (const provider of await listFiles(world.folder)) {
        const folder = join(world.folder, provider)
        for (const name of await listFiles(folder)) {
          const path = join(folder, name)
          if (busy.has(join(folder, name.replace(/\.\w+$/, '')))) continue
          const found = await statIfPresent(path)
          if (found !== undefined && found.mtimeMs + lifeMs < at) await rm(path, { force: true })
        }
      }
    },
  }
}

const idForm = /^[\w-]{16,64}$/
const partial = '.part'
const complete = '.whole'
const ownerOnly = 0o600

async function find(place: string) {
  for (const ending of [partial, complete]) {
    const found = await statIfPresent(place + ending)
    if (found === undefined) continue
    return { path: place + ending, length: found.size, isComplete: ending === complete }
  }
  throw new Refusal('upload-unknown')
}

async function openOf(folder: string): Promise<{ readonly count: number; readonly bytes: number }> {
  const names = await listFiles(folder)
  const sizes = await Promise.all(names.map(name => statIfPresent(join(folder, name))))
  return { count: names.length, bytes: sizes.reduce((sum, each) => sum + (each?.size ?? 0), 0) }
}

/** How long the file is afterwards. What does not fit is not written: the length never passes the limit. */
async function write(
  path: string,
  body: AsyncIterable<Uint8Array>,
  {
    offset,
    lengthMax,
    tooLong,
  }: {
    readonly offset: number
    readonly lengthMax: number
    readonly tooLong: 'request-too-large' | 'upload-limit'
  },
): Promise<number> {
  const file = await open(path, 'r+')
  let length = offset
  try {
    for await (const piece of body) {
      if (length + piece.length > lengthMax) throw new Refusal(tooLong)
      for (let done = 0; done < piece.length; ) {
        const { bytesWritten } = await file.write(piece, done, piece.length - done, length)
        done += bytesWritten
        length += bytesWritten
      }
    }
    return length
  } catch (error) {
    if (hasCode(error, 'ENOSPC') || hasCode(error, 'EDQUOT')) throw new Refusal('storage-full')
    // The sender is gone; it will ask how much has arrived.
    if (hasCode(error, 'ECONNRESET')) throw new Refusal('upload-incomplete')
    throw error
  } finally {
    await file.close()
  }
}

async function statIfPresent(path: string) {
  try {
    return await stat(path)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}
