/**
 * The data folder of a town: what may lie in it, whose it is, and how it is emptied. A town begins only in an empty folder and
 * leaves a note there; without that note nothing is ever deleted.
 */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Refusal } from '@sekisho/contract'
import { hasCode, readJsonFile, writeJsonFile } from '@sekisho/runtime/files'
import { z } from 'zod'
import { programNames } from './layout.ts'

/** Where a town keeps its tables: cards in the folder and certificates in the tables belong together. */
export type Keeping = 'together' | 'split' | 'postgres'

const noteName = 'town.json'
const note = z.object({
  what: z.literal('sekisho town'),
  keeping: z.enum(['together', 'split', 'postgres']),
})
type Note = z.infer<typeof note>

/** What a town makes in its folder. */
const ownNames: ReadonlySet<string> = new Set([
  ...programNames,
  'town',
  'cards',
  'configuration',
  'clock.json',
  'clock.json.lock',
  noteName,
])
/** What may lie there before a town: the lock of the folder, and what the agent of this machine remembers. */
const neutralNames: ReadonlySet<string> = new Set([
  '.lock',
  'agent-origins.json',
  'agent-origins.json.lock',
])
/** A file that a killed process was about to put in place. */
const leftover = /^\.(clock|town|agent-origins)\.json\.\d+\./

/**
 * Makes the folder a town's, or finds that it is one. The caller holds the folder's lock. Refusals: `data-folder-foreign` when
 * something else lies there; `configuration-unsafe` when the town there keeps its tables otherwise.
 */
export async function settleIn(folder: string, keeping: Keeping): Promise<void> {
  const found = await readNote(folder)
  if (found === undefined) {
    await assertNoStranger(folder)
    await writeJsonFile(join(folder, noteName), { what: 'sekisho town', keeping } satisfies Note)
  } else if (found.keeping !== keeping) {
    throw new Refusal('configuration-unsafe', {
      setting: 'split or database',
      now: keeping,
      before: found.keeping,
    })
  }
}

/** Refusal `data-folder-foreign` for a folder in which no town has lived and something lies; touches nothing. */
export async function assertNoStranger(folder: string): Promise<void> {
  if ((await readNote(folder)) !== undefined) return
  const foreign = (await namesIn(folder)).find(name => !isNeutral(name))
  if (foreign !== undefined) throw new Refusal('data-folder-foreign', { found: foreign })
}

/**
 * Deletes the town in a folder. The caller holds the folder's lock. Refusal `data-folder-foreign`, and nothing is deleted, when
 * anything lies there that no town makes.
 */
export async function forgetTown(folder: string): Promise<void> {
  const names = await namesIn(folder)
  const isTown = (await readNote(folder)) !== undefined
  const foreign = names.find(name => !(isNeutral(name) || (isTown && ownNames.has(name))))
  if (foreign !== undefined) throw new Refusal('data-folder-foreign', { found: foreign })
  const own = names.filter(name => ownNames.has(name) && name !== noteName)
  await Promise.all(own.map(name => rm(join(folder, name), { recursive: true, force: true })))
  // Last, so that a town half deleted can be deleted again.
  await rm(join(folder, noteName), { force: true })
}

/** Refusal `data-folder-foreign` when no town has lived in the folder. */
export async function assertTown(folder: string): Promise<void> {
  if ((await readNote(folder)) === undefined) throw new Refusal('data-folder-foreign')
}

function isNeutral(name: string): boolean {
  return neutralNames.has(name) || leftover.test(name)
}

async function readNote(folder: string): Promise<Note | undefined> {
  try {
    return await readJsonFile(join(folder, noteName), value => note.parse(value))
  } catch {
    // A file of that name that is not ours: the folder is not a town's.
    return undefined
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
}
