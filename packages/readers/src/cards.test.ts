import assert from 'node:assert/strict'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { Refusal, type RefusalCode } from '@sekisho/contract'
import { temporaryFolder, writeJsonFile } from '@sekisho/runtime/files'
import { cardFile, openCardFolder } from './cards.ts'
import { adultCard } from './citizens-for-tests.ts'

const refusedWith = (code: RefusalCode) => (fault: unknown) =>
  fault instanceof Refusal && fault.code === code
const send = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))

test('a card is in one place at a time and comes back by itself', async () => {
  await using folder = await temporaryFolder('cards')
  await writeJsonFile(cardFile(folder.path, 'hanako'), adultCard())
  const cards = openCardFolder(folder.path)
  assert.deepEqual(await cards.personas(), ['hanako'])
  {
    await using held = await cards.take('hanako')
    await assert.rejects(openCardFolder(folder.path).take('hanako'), refusedWith('card-in-use'))
    assert.equal(held.persona, 'hanako')
  }
  await using again = await cards.take('hanako')
  assert.equal(again.state().serial, adultCard().serial)
})

test('a wrong try is in the file before the answer, and still there for the next holder', async () => {
  await using folder = await temporaryFolder('cards')
  const file = cardFile(folder.path, 'hanako')
  await writeJsonFile(file, adultCard())
  const cards = openCardFolder(folder.path)
  const held = await cards.take('hanako')
  await held.card.transmit(send('00A4040C0AD392F000260100000001'))
  await held.card.transmit(send('002000980430303030'))
  assert.equal(JSON.parse(await readFile(file, 'utf8')).authentication.triesLeft, 2)
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  await held.release()
  await assert.rejects(held.card.transmit(send('00200098')))
  await using next = await cards.take('hanako')
  assert.equal(next.state().authentication.triesLeft, 2)
})

test('a persona without card, a name that is a path and a damaged file are not cards', async () => {
  await using folder = await temporaryFolder('cards')
  const cards = openCardFolder(folder.path)
  assert.deepEqual(await openCardFolder(`${folder.path}/none`).personas(), [])
  for (const name of ['nobody', '../hanako', '', 'Hanako', 'a/b', '.x']) {
    await assert.rejects(cards.take(name), refusedWith('card-absent'), name)
  }
  await writeFile(cardFile(folder.path, 'broken'), '{"v":1}')
  await assert.rejects(cards.take('broken'), RangeError)
})
