/**
 * The window's tray: cards as files. Whoever works on a card holds its lock, so a card that lies on a reader cannot be
 * written at the same time (refusal `card-in-use`).
 */
import { join } from 'node:path'
import {
  cardFileName,
  type CardState,
  createVirtualCard,
  parseCardState,
  type VirtualCard,
} from '@sekisho/card/virtual'
import { Refusal } from '@sekisho/contract'
import { lockFile, ownerOnlyFolder, readJsonFile, writeJsonFile } from '@sekisho/runtime/files'
import type { Random } from '@sekisho/runtime/random'
import type { Effects } from '@sekisho/runtime/store'

/** A place in the tray: the folder, and the persona's name or the card's serial for everybody else. */
export type CardPlace = {
  readonly folder: string
  readonly name: string
  readonly effects?: Effects | undefined
}

/** The place of a card in the tray of a world. */
export function placeOf(
  world: { readonly cardsFolder: string; readonly effects: Effects | undefined },
  name: string,
): CardPlace {
  return { folder: world.cardsFolder, name, effects: world.effects }
}

/**
 * Makes a card under the lock of its place; it takes the place of the one that lies there. When `make` throws, that one stays
 * as it is. Refusal `card-in-use`.
 */
export async function putCard(place: CardPlace, make: () => Promise<CardState>): Promise<void> {
  await ownerOnlyFolder(place.folder)
  await underLock(place, async path => writeJsonFile(path, await make(), place))
}

/**
 * Changes a card that was brought to the window. When `change` throws, the card stays as it is. Refusals `card-in-use`;
 * `card-absent` when there is none, or another than the one with this serial.
 */
export async function changeCard(
  place: CardPlace,
  serial: string,
  change: (state: CardState) => Promise<CardState> | CardState,
): Promise<void> {
  await ownerOnlyFolder(place.folder)
  await underLock(place, async path => {
    const state = await readJsonFile(path, parseCardState)
    if (state?.serial !== serial) throw new Refusal('card-absent')
    await writeJsonFile(path, await change(state), place)
  })
}

/**
 * Puts a card of the tray onto a reader: whatever it changes in itself is in its file before it answers. Refusals `card-in-use`,
 * `card-absent`.
 */
export async function useCard<T>(
  place: CardPlace,
  random: Random,
  work: (card: VirtualCard) => Promise<T>,
): Promise<T> {
  if (!/^[a-z0-9][a-z0-9-]{0,63}$/.test(place.name)) throw new Refusal('card-absent')
  await ownerOnlyFolder(place.folder)
  return underLock(place, async path => {
    const state = await readJsonFile(path, parseCardState)
    if (state === undefined) throw new Refusal('card-absent')
    const card = createVirtualCard(state, {
      random: size => random.bytes(size),
      onChange: changed => writeJsonFile(path, changed, place),
    })
    return work(card)
  })
}

async function underLock<T>(place: CardPlace, work: (path: string) => Promise<T>): Promise<T> {
  const path = join(place.folder, cardFileName(place.name))
  const lock = await lockFile(path, 'card-in-use')
  try {
    return await work(path)
  } finally {
    lock.release()
  }
}
