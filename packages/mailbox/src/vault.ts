/**
 * Large documents at rest: files of a folder that nodes share, each encrypted in pieces under a key of its own, so that any part can be read by
 * itself and no more than a piece is ever held. The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015): the nonce is the number of
 * the piece and whether it is the last, so that pieces cannot be exchanged, left out or cut off.
 */
import { createCipheriv, createDecipheriv, createHash } from 'node:crypto'
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Refusal } from '@sekisho/contract'
import { hasCode, listFiles, ownerOnlyFolder } from '@sekisho/runtime/files'
import { SealBroken } from '@sekisho/runtime/keys'
import type { Random } from '@sekisho/runtime/random'

/** A file that was put into the vault. */
export type VaultFile = {
  readonly file: string
  /** Base64. */
  readonly key: string
  readonly length: number
  /** Hex, of the plain bytes. */
  readonly sha256: string
}

/** The vault of a folder. */
export type Vault = {
  /** Takes bytes in; durable when it resolves. Refusal `storage-full`. */
  put(bytes: AsyncIterable<Uint8Array>): Promise<VaultFile>
  /** Reads from `start` up to and without `end`. Throws `SealBroken` for what was altered. */
  read(
    found: Pick<VaultFile, 'file' | 'key' | 'length'>,
    start?: number,
    end?: number,
  ): AsyncIterable<Uint8Array>
  remove(file: string): Promise<void>
  /** Files that were put in before this real time. */
  before(at: number): Promise<readonly string[]>
}

/** Makes the vault. */
export function createVault(given: { readonly folder: string; readonly random: Random }): Vault {
  const { folder, random } = given
  const pathOf = (file: string): string => {
    if (!/^[\w-]{16,64}(\.part)?$/.test(file)) throw new Error('no name of a file')
    return join(folder, file)
  }
  return {
    put: async bytes => {
      await ownerOnlyFolder(folder)
      const file = random.token(nameBits)
      const key = random.bytes(keyBytes)
      const path = pathOf(file)
      const { length, sha256 } = await write(path + partial, key, bytes)
      await rename(path + partial, path)
      await syncFolder(folder)
      return { file, key: Buffer.from(key).toString('base64'), length, sha256 }
    },
    read: (found, start = 0, end = found.length) =>
      readPieces(pathOf(found.file), found, { start, end: Math.min(end, found.length) }),
    remove: file => rm(pathOf(file), { force: true }),
    before: async at => {
      const names: string[] = []
      for (const name of await listFiles(folder)) {
        const found = await statIfPresent(join(folder, name))
        if (found !== undefined && found.mtimeMs < at) names.push(name)
      }
      return names
    },
  }
}

async function write(
  path: string,
  key: Uint8Array,
  bytes: AsyncIterable<Uint8Array>,
): Promise<{ readonly length: number; readonly sha256: string }> {
  const handle = await open(path, 'wx', 0o600)
  const hash = createHash('sha256')
  try {
    let length = 0
    let index = 0
    const put = async (piece: Uint8Array, isLast: boolean): Promise<void> => {
      hash.update(piece)
      length += piece.length
      await writeAll(handle, sealPiece(key, index, isLast, piece))
      index += 1
    }
    for await (const { piece, isLast } of cut(bytes)) await put(piece, isLast)
    await handle.sync()
    return { length, sha256: hash.digest('hex') }
  } catch (error) {
    await rm(path, { force: true })
    if (hasCode(error, 'ENOSPC') || hasCode(error, 'EDQUOT')) throw new Refusal('storage-full')
    throw error
  } finally {
    await handle.close()
  }
}

/** Pieces of one length, the last of which may be shorter; of nothing one empty piece. */
async function* cut(
  bytes: AsyncIterable<Uint8Array>,
): AsyncIterable<{ readonly piece: Uint8Array; readonly isLast: boolean }> {
  const held = Buffer.allocUnsafe(pieceBytes)
  let filled = 0
  for await (const given of bytes) {
    for (let from = 0; from < given.length; ) {
      // A full piece goes out only when something follows: else it is the last.
      if (filled === pieceBytes) {
        yield { piece: held, isLast: false }
        filled = 0
      }
      const part = given.subarray(from, from + pieceBytes - filled)
      held.set(part, filled)
      filled += part.length
      from += part.length
    }
  }
  yield { piece: held.subarray(0, filled), isLast: true }
}

async function* readPieces(
  path: string,
  found: Pick<VaultFile, 'key' | 'length'>,
  { start, end }: { readonly start: number; readonly end: number },
): AsyncIterable<Uint8Array> {
  const key = Buffer.from(found.key, 'base64')
  const last = Math.max(0, Math.ceil(found.length / pieceBytes) - 1)
  const handle = await open(path, 'r')
  try {
    const sealed = Buffer.allocUnsafe(pieceBytes + tagBytes)
    for (let index = Math.floor(start / pieceBytes); index * pieceBytes < end; index++) {
      const length = Math.min(pieceBytes, found.length - index * pieceBytes) + tagBytes
      await readAll(handle, sealed.subarray(0, length), index * (pieceBytes + tagBytes))
      const plain = openPiece(key, index, index === last, sealed.subarray(0, length))
      const from = Math.max(0, start - index * pieceBytes)
      yield plain.subarray(from, Math.min(plain.length, end - index * pieceBytes))
    }
  } finally {
    await handle.close()
  }
}

function sealPiece(key: Uint8Array, index: number, isLast: boolean, piece: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-256-gcm', key, nonceOf(index, isLast), {
    authTagLength: tagBytes,
  })
  const sealed = cipher.update(piece)
  cipher.final()
  return Buffer.concat([sealed, cipher.getAuthTag()])
}

function openPiece(
  key: Uint8Array,
  index: number,
  isLast: boolean,
  sealed: Uint8Array,
): Uint8Array {
  const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(index, isLast), {
    authTagLength: tagBytes,
  })
  decipher.setAuthTag(sealed.subarray(-tagBytes))
  const plain = decipher.update(sealed.subarray(0, -tagBytes))
  try {
    decipher.final()
  } catch {
    throw new SealBroken('a piece of a document')
  }
  return plain
}

/** One file has one key, so that numbers serve as nonces. */
function nonceOf(index: number, isLast: boolean): Uint8Array {
  const nonce = Buffer.alloc(12)
  nonce.writeUIntBE(index, 5, 6)
  nonce[11] = isLast ? 1 : 0
  return nonce
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done)
    done += bytesWritten
  }
}

async function readAll(handle: FileHandle, into: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < into.length; ) {
    const { bytesRead } = await handle.read(into, done, into.length - done, position + done)
    if (bytesRead === 0) throw new SealBroken('a file of the vault that was cut off')
    done += bytesRead
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
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

const partial = '.part'
const pieceBytes = 1024 * 1024
const tagBytes = 16
const keyBytes = 32
const nameBits = 128
