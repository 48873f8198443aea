/**
 * A folder of synthetic cards, one file `<persona>.card.json` each (a `CardState` of `@sekisho/card/virtual`). The file *is*
 * the card, keys and PINs included. A card is in one place at a time: who holds it has the lock of its file
 * (`lockFile` of `@sekisho/runtime/files`), the window of the authority included.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import {
  cardFileName,
  type CardState,
  createVirtualCard,
  parseCardState,
  type VirtualCard,
} from '@sekisho/card/virtual'
import { Refusal } from '@sekisho/contract'
import { systemRandom } from '@sekisho/runtime/random'
import { hasCode, lockFile, readJsonFile, writeJsonFile } from '@sekisho/runtime/files'

/** A card taken out of the folder. */
export interface HeldCard extends AsyncDisposable {
  readonly persona: string
  readonly card: VirtualCard
  /** The state as last written. */
  state(): CardState
  /** Puts the card back; it answers no more. */
  release(): Promise<void>
}

/** A folder of cards. */
export interface CardFolder {
  /** Names of the personas that have a card, in order. */
  personas(): Promise<readonly string[]>
  /**
   * Takes a card. Each change is written to its file before the card answers.
   *
   * Throws the refusals `card-absent` (no such card) and `card-in-use` (somewhere else at the moment).
   */
  take(persona: string): Promise<HeldCard>
}

/** Opens a folder of cards; a folder that does not exist yet holds none. */
export function openCardFolder(folder: string): CardFolder {
  return {
    async personas() {
      try {
        const names = await readdir(folder)
        return names.flatMap(name => /^([a-z0-9-]+)\.card\.json$/.exec(name)?.[1] ?? []).toSorted()
      } catch (fault) {
        if (hasCode(fault, 'ENOENT')) return []
        throw fault
      }
    },
    async take(persona) {
      if (!/^[a-z0-9][a-z0-9-]{0,63}$/.test(persona)) throw new Refusal('card-absent')
      return takeCard(persona, cardFile(folder, persona))
    },
  }
}

const random = systemRandom()

/** The file that is a persona's card. */
export function cardFile(folder: string, persona: string): string {
  return join(folder, cardFileName(persona))
}

async function takeCard(persona: string, path: string): Promise<HeldCard> {
  if ((await readJsonFile(path, parseCardState)) === undefined) throw new Refusal('card-absent')
  const lock = await lockFile(path, 'card-in-use')
  try {
    // Read again under the lock: another holder may have used tries up in between.
    const read = await readJsonFile(path, parseCardState)
    if (read === undefined) throw new Refusal('card-absent')
    let state = read
    const virtual = createVirtualCard(read, {
      random: size => random.bytes(size),
      async onChange(changed) {
        await writeJsonFile(path, changed)
        state = changed
      },
    })
    let isHeld = true
    const release = async (): Promise<void> => {
      if (!isHeld) return
      isHeld = false
      await settled(virtual)
      lock.release()
    }
    const card: VirtualCard = {
      reset: () => virtual.reset(),
      transmit: command =>
        isHeld ? virtual.transmit(command) : Promise.reject(new Error('the card was put back')),
    }
    return { persona, card, state: () => state, release, [Symbol.asyncDispose]: release }
  } catch (fault) {
    lock.release()
    throw fault
  }
}

/** Waits for commands in progress by queueing one that changes nothing. */
async function settled(card: VirtualCard): Promise<void> {
  await card.transmit(new Uint8Array(0))
}
