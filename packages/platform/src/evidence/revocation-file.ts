/**
 * The files in which a node keeps its revocation snapshot for the next start (`docs/protocol/revocation-snapshot.md`). Whole
 * or absent: the cold part is there before the hot one names it. Sealed: a file that this platform did not write is not read.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { join } from 'node:path'
import { bytesEqual, MalformedError, RevocationIndex, type SnapshotBytes } from '@sekisho/pki'
import {
  listFiles,
  openPositionedFile,
  ownerOnlyFolder,
  type PositionedFile,
  readSharedFile,
  removeFiles,
  writeFileAtomically,
} from '@sekisho/runtime/files'

/** Where snapshots are kept. */
export type RevocationFolder = {
  readonly path: string
  /** Secret of the platform, 32 bytes. */
  readonly sealKey: Uint8Array
}

/** Where the parts of a snapshot are, as one thread tells another. */
export type SnapshotPlace = {
  readonly hot: Uint8Array
  readonly cold: { readonly path: string } | { readonly bytes: Uint8Array }
}

const hotName = 'revocation.hot'
const sealBytes = 32

/** Writes a snapshot; when this resolves, the next start will find it. Only one writer at a time. */
export async function writeSnapshotFiles(
  folder: RevocationFolder,
  { hot, cold }: SnapshotBytes,
): Promise<SnapshotPlace> {
  await ownerOnlyFolder(folder.path)
  const coldName = coldNameOf(createHash('sha256').update(cold).digest())
  const path = join(folder.path, coldName)
  await writeFileAtomically(path, cold)
  await writeFileAtomically(join(folder.path, hotName), [hot, sealOf(folder, hot)])
  const old = (await listFiles(folder.path)).filter(
    name => /^revocation-[0-9a-f]{16}\.cold$/.test(name) && name !== coldName,
  )
  await removeFiles(folder.path, old)
  return { hot, cold: { path } }
}

/** The snapshot that was written last, or undefined when there is none, or none that is whole and sealed by this platform. */
export async function openSnapshotFiles(
  folder: RevocationFolder,
): Promise<{ readonly index: RevocationIndex; readonly place: SnapshotPlace } | undefined> {
  const file = await readSharedFile(join(folder.path, hotName))
  if (file === undefined || file.length < 2 * sealBytes) return undefined
  const hot = file.subarray(0, file.length - sealBytes)
  if (!timingSafeEqual(file.subarray(hot.length), sealOf(folder, hot))) return undefined
  let cold: PositionedFile | undefined
  try {
    const index = RevocationIndex.open(hot, (position, length) => {
      if (cold === undefined) throw new Error('the cold part is not open')
      return cold.read(position, length)
    })
    const { coldLength, coldSha256 } = index.snapshot
    const path = join(folder.path, coldNameOf(coldSha256))
    cold = openPositionedFile(path)
    const isRight =
      cold !== undefined && cold.length === coldLength && bytesEqual(digestOf(cold), coldSha256)
    return isRight ? { index, place: { hot, cold: { path } } } : undefined
  } catch (error) {
    if (error instanceof MalformedError) return undefined
    throw error
  }
}

/** Opens a snapshot that a thread has built. Throws a fault when its cold file is gone. */
export function openSnapshotPlace({ hot, cold }: SnapshotPlace): RevocationIndex {
  if ('bytes' in cold) {
    const { bytes } = cold
    return RevocationIndex.open(hot, (position, length) =>
      bytes.subarray(position, position + length),
    )
  }
  const file = openPositionedFile(cold.path)
  if (file === undefined) throw new Error('the cold part of a snapshot is gone')
  // The file stays open for as long as the index can ask it.
  return RevocationIndex.open(hot, (position, length) => file.read(position, length))
}

function sealOf(folder: RevocationFolder, hot: Uint8Array): Uint8Array {
  // The hot part ends with the digest of all of it.
  return createHmac('sha256', folder.sealKey).update(hot.subarray(-sealBytes)).digest()
}

function coldNameOf(sha256: Uint8Array): string {
  return `revocation-${Buffer.from(sha256).toString('hex').slice(0, 16)}.cold`
}

function digestOf(file: PositionedFile): Uint8Array {
  const hash = createHash('sha256')
  for (const piece of file.pieces()) hash.update(piece)
  return hash.digest()
}
