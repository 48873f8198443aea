/**
 * The window's tray: cards as files. Whoever works on a card holds its lock, so a card that lies on a reader cannot be
 * written at the same time (refusal `card-in-use`).
 */
import { join } from 'node:path'
import { type CardState, parseCardState } from '@sekisho/card/virtual'
import { Refusal } from '@sekisho/contract'
import { lockFile, ownerOnlyFolder, readJsonFile, writeJsonFile } from '@sekisho/runtime/files'

/** File of a card: the persona's name, or the card's serial for everybody else. */
export function cardPath(folder: string, name: string): string {
  return join(folder, `${name}.card.json`)
}

/** Hands out a card: the file is new, or takes the place of the old card. */
export async function putCard(folder: string, name: string, state: CardState): Promise<void> {
  await ownerOnlyFolder(folder)
  const path = cardPath(folder, name)
  const lock = await lockFile(path, 'card-in-use')
  try {
    await writeJsonFile(path, state)
  } finally {
    lock.release()
  }
}

/** Changes a card that was brought to the window. Refusals `card-absent`, `card-in-use`. */
export async function changeCard(
  folder: string,
  name: string,
  change: (state: CardState) => Promise<CardState> | CardState,
): Promise<void> {
  const path = cardPath(folder, name)
  const lock = await lockFile(path, 'card-in-use')
  try {
    const state = await readJsonFile(path, parseCardState)
    if (state === undefined) throw new Refusal('card-absent')
    await writeJsonFile(path, await change(state))
  } finally {
    lock.release()
  }
}
