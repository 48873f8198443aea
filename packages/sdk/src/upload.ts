/** Files on their way to the platform: within the call where they are small, else in pieces that go on where they broke off. */
import { inlineFileBytesMax, type ProviderScope, uploadState } from '@sekisho/contract'
import { toBase64 } from './base64.ts'
import { SekishoError } from './failure.ts'
import type { Link } from './link.ts'

/** Bytes of a piece: one that breaks off costs no more than this. */
const pieceBytes = 4 * 1024 * 1024
/** Times in a row that a piece may break off. */
const breaksMax = 5

/** Milliseconds before the first further attempt. */
const pauseMs = 100
const breakCodes: ReadonlySet<string> = new Set([
  'platform-unreachable',
  'upload-incomplete',
  'upload-offset-wrong',
])

/** What a request says of a file. */
type FileGiven = string | { readonly upload: string }

/**
 * What the SDK asks of a file: a `Blob` is one. Node's `openAsBlob` tells a wrong size from 4 GiB on (Node 24): give such a file by an object of your own
 * over `fs.promises.open`.
 */
export type FileSource = {
  readonly size: number
  slice(start: number, end: number): { arrayBuffer(): Promise<ArrayBuffer> }
}

/** The uploads of one call; what was uploaded is removed when it is disposed of. */
export type Uploading = AsyncDisposable & {
  give(file: Uint8Array | FileSource): Promise<FileGiven>
}

/** Where uploads go, and how much of all files may be within the call itself. */
type UploadPlace = {
  readonly path: string
  readonly scope: ProviderScope
  /** Bytes of each file, or with `isShared` of all together. */
  readonly inlineMax: number
  readonly isShared: boolean
}

const verifying: UploadPlace = {
  path: '/v1/uploads',
  scope: 'verify',
  inlineMax: inlineFileBytesMax,
  isShared: false,
}

/** Begins with nothing uploaded. */
export function startUploading(link: Link, place: UploadPlace = verifying): Uploading {
  const { path, scope } = place
  let inline = 0
  const ids: string[] = []
  return {
    give: async file => {
      const blob = file instanceof Uint8Array ? new Blob([new Uint8Array(file)]) : file
      if (inline + blob.size <= place.inlineMax) {
        if (place.isShared) inline += blob.size
        return toBase64(new Uint8Array(await blob.slice(0, blob.size).arrayBuffer()))
      }
      await removeLeft(link, scope)
      const begun = await link.send(scope, { method: 'POST', path, isSafe: false })
      const { id } = uploadState.parse(await begun.json())
      ids.push(id)
      await sendAll(link, { scope, path: pathOf(path, id) }, blob)
      return { upload: id }
    },
    [Symbol.asyncDispose]: async () => {
      for (const id of ids) await remove(link, scope, pathOf(path, id))
    },
  }
}

/** Uploads that could not be removed, because the platform was away: they count against the limit until they go away by themselves. */
const left = new WeakMap<Link, Set<string>>()

async function remove(link: Link, scope: ProviderScope, path: string): Promise<void> {
  const known = left.get(link) ?? new Set()
  left.set(link, known)
  try {
    await link.send(scope, { method: 'DELETE', path, isSafe: true })
    known.delete(path)
  } catch (thrown) {
    if (thrown instanceof SekishoError && thrown.code === 'upload-unknown') known.delete(path)
    else known.add(path)
  }
}

async function removeLeft(link: Link, scope: ProviderScope): Promise<void> {
  for (const path of left.get(link) ?? []) await remove(link, scope, path)
}

async function sendAll(
  link: Link,
  { scope, path }: Pick<UploadPlace, 'scope' | 'path'>,
  blob: FileSource,
): Promise<void> {
  let breaks = 0
  for (let offset = 0; offset < blob.size; ) {
    const end = Math.min(offset + pieceBytes, blob.size)
    try {
      await link.send(scope, {
        method: 'PATCH',
        path,
        headers: {
          'content-type': 'application/partial-upload',
          'upload-offset': String(offset),
          'upload-complete': end === blob.size ? '?1' : '?0',
        },
        body: await pieceOf(blob, offset, end),
        isSafe: false,
      })
      offset = end
      breaks = 0
    } catch (thrown) {
      if (!isBreak(thrown) || ++breaks > breaksMax) throw thrown
      await pause(breaks * pauseMs)
      const state = await link.send(scope, { method: 'HEAD', path, isSafe: true })
      if (state.headers.get('upload-complete') === '?1') return
      offset = Number(state.headers.get('upload-offset'))
    }
  }
}

async function pieceOf(file: FileSource, start: number, end: number): Promise<Blob> {
  const part = file.slice(start, end)
  return part instanceof Blob ? part : new Blob([await part.arrayBuffer()])
}

// A piece that broke off may still be on its way into the file: then the next one does not follow yet.
function isBreak(thrown: unknown): boolean {
  return thrown instanceof SekishoError && breakCodes.has(thrown.code)
}

/** Wherever the SDK runs there are signals; timers are each world's own. */
function pause(ms: number): Promise<void> {
  return new Promise(resolve =>
    AbortSignal.timeout(ms).addEventListener('abort', () => resolve(), { once: true }),
  )
}

function pathOf(path: string, id: string): string {
  return `${path}/${encodeURIComponent(id)}`
}
