import assert from 'node:assert/strict'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { Refusal, type RefusalCode } from '@sekisho/contract'
import { temporaryFolder } from '@sekisho/runtime/files'
import { assertTown, forgetTown, settleIn } from './folder.ts'

const refusedAs = (code: RefusalCode) => (error: unknown) =>
  error instanceof Refusal && error.code === code

test('a town begins in an empty folder, is found again, and is forgotten without a trace', async () => {
  await using folder = await temporaryFolder('folder')
  await assert.rejects(assertTown(folder.path), refusedAs('data-folder-foreign'))
  await settleIn(folder.path, 'together')
  await mkdir(join(folder.path, 'cards'))
  await writeFile(join(folder.path, 'clock.json'), '{}')
  await settleIn(folder.path, 'together')
  await assertTown(folder.path)
  await forgetTown(folder.path)
  assert.deepEqual(await readdir(folder.path), [])
})

test('a folder with anything else in it becomes no town', async () => {
  for (const name of ['photo.jpg', 'cards', '.profile']) {
    await using folder = await temporaryFolder('folder')
    await mkdir(join(folder.path, name))
    await assert.rejects(settleIn(folder.path, 'together'), refusedAs('data-folder-foreign'))
    await assert.rejects(forgetTown(folder.path), refusedAs('data-folder-foreign'))
    assert.deepEqual(await readdir(folder.path), [name])
  }
})

test('with one strange file in a town’s folder nothing of it is deleted', async () => {
  await using folder = await temporaryFolder('folder')
  await settleIn(folder.path, 'split')
  await mkdir(join(folder.path, 'cards'))
  await writeFile(join(folder.path, 'thesis.txt'), 'x')
  await assert.rejects(forgetTown(folder.path), refusedAs('data-folder-foreign'))
  assert.deepEqual((await readdir(folder.path)).toSorted(), ['cards', 'thesis.txt', 'town.json'])
})

test('a note of another kind does not make a town', async () => {
  await using folder = await temporaryFolder('folder')
  await writeFile(join(folder.path, 'town.json'), '{"what":"another program"}')
  await assert.rejects(settleIn(folder.path, 'together'), refusedAs('data-folder-foreign'))
  await assert.rejects(forgetTown(folder.path), refusedAs('data-folder-foreign'))
  assert.deepEqual(await readdir(folder.path), ['town.json'])
})

test('the agent of the machine may have come first, and its memory outlives the town', async () => {
  await using folder = await temporaryFolder('folder')
  await writeFile(join(folder.path, 'agent-origins.json'), '[]')
  await settleIn(folder.path, 'together')
  await forgetTown(folder.path)
  assert.deepEqual(await readdir(folder.path), ['agent-origins.json'])
})

test('a town whose tables lie elsewhere than asked for is not begun beside them', async () => {
  await using folder = await temporaryFolder('folder')
  await settleIn(folder.path, 'together')
  await assert.rejects(settleIn(folder.path, 'postgres'), refusedAs('configuration-unsafe'))
  await assert.rejects(settleIn(folder.path, 'split'), refusedAs('configuration-unsafe'))
})

test('a folder that does not exist holds nothing to forget', async () => {
  await using folder = await temporaryFolder('folder')
  await forgetTown(join(folder.path, 'nowhere'))
})
