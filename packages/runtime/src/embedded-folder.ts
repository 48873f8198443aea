/** The folder of the embedded engine, kept so that what was committed survives the loss of power as well. */
import { closeSync, existsSync, fsyncSync, openSync } from 'node:fs'
import { open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { NodeFS } from '@electric-sql/pglite/nodefs'

/** What the engine needs to run over a folder. */
export interface EmbeddedFolder {
  readonly fs: NodeFS
  readonly startParams: string[]
}

/**
 * Makes the folder ready and gives what the engine starts with. A folder that is new is first filled under another name and
 * renamed when all of it lies on the disk, so that a process killed meanwhile leaves nothing half-made: what it
 * left is removed. Only the holder of the folder's lock may call this.
 */
export async function prepareEmbeddedFolder(path: string): Promise<EmbeddedFolder> {
  if (!existsSync(path)) {
    const unfinished = `${path}.unfinished`
    await rm(unfinished, { recursive: true, force: true })
    const database = await PGlite.create(settings(unfinished))
    await database.close()
    await syncTree(unfinished)
    await rename(unfinished, path)
    await syncOne(dirname(path))
  }
  return settings(path)
}

function settings(path: string): EmbeddedFolder {
  // "-F" is how the engine switches fsync off. Its build knows no fdatasync that does anything.
  const startParams = PGlite.defaultStartParams.filter(each => each !== '-F')
  return {
    fs: new SyncedFolder(path),
    startParams: [...startParams, '-c', 'wal_sync_method=fsync'],
  }
}

/** A folder of the machine whose files obey fsync; the engine's own forgets to pass it on. */
class SyncedFolder extends NodeFS {
  override async init(...given: Parameters<NodeFS['init']>): ReturnType<NodeFS['init']> {
    const { emscriptenOpts } = await super.init(...given)
    const preRun = emscriptenOpts.preRun ?? []
    return { emscriptenOpts: { ...emscriptenOpts, preRun: [...preRun, passFsyncOn] } }
  }
}

function passFsyncOn(engine: object): void {
  if (!('NODEFS' in engine) || !isFolderDriver(engine.NODEFS)) {
    throw new Error('the embedded engine has no folder driver of the form known')
  }
  const driver = engine.NODEFS
  driver.stream_ops.fsync = ({ nfd, node }) => {
    // A folder is opened without a descriptor of the machine.
    const descriptor = nfd ?? openSync(driver.realPath(node), 'r')
    try {
      fsyncSync(descriptor)
    } finally {
      if (nfd === undefined) closeSync(descriptor)
    }
    return 0
  }
}

interface FolderDriver {
  readonly stream_ops: {
    fsync?: (stream: { readonly nfd?: number; readonly node: unknown }) => number
  }
  readonly realPath: (node: unknown) => string
}

function isFolderDriver(value: unknown): value is FolderDriver {
  return (
    typeof value === 'object' &&
    value !== null &&
    'stream_ops' in value &&
    typeof value.stream_ops === 'object' &&
    'realPath' in value &&
    typeof value.realPath === 'function'
  )
}

async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    await syncOne(join(entry.parentPath, entry.name))
  }
  await syncOne(folder)
}

async function syncOne(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
