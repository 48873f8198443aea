import assert from 'node:assert/strict'
import { readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Refusal } from '@sekisho/contract'
import { temporaryFolder, type TemporaryFolder } from '@sekisho/runtime/files'
import { systemRandom } from '@sekisho/runtime/random'
import { createUploads, type Uploads } from './upload.ts'

describe('uploads', () => {
  let folder: TemporaryFolder
  let uploads: Uploads
  before(async () => {
    folder = await temporaryFolder('uploads')
    uploads = createUploads({ folder: folder.path, random: systemRandom() })
  })
  after(() => folder.remove())

  const append = (id: string, offset: number, body: AsyncIterable<Uint8Array>, isLast = false) =>
    uploads.append({ providerId: 'shop', id, offset, body, isLast })

  it('pieces follow each other, and only what is complete can be used', async () => {
    const { id } = await uploads.begin('shop')
    assert.equal((await append(id, 0, bytes('ab', 'c'))).offset, 3)
    await refuses(uploads.use('shop', [id], nothing), 'upload-incomplete')
    await refuses(append(id, 2, bytes('x')), 'upload-offset-wrong')
    await refuses(append(id, 4, bytes('x')), 'upload-offset-wrong')
    assert.deepEqual(await append(id, 3, bytes('d'), true), { id, offset: 4, complete: true })
    await refuses(append(id, 4, bytes('x')), 'upload-offset-wrong')
    const length = await uploads.use('shop', [id], async found => found.get(id)?.length)
    assert.equal(length, 4)
    await uploads.remove('shop', id)
    await refuses(uploads.stateOf('shop', id), 'upload-unknown')
  })

  it('what arrived before a connection broke is kept', async () => {
    const { id } = await uploads.begin('shop')
    await refuses(append(id, 0, breaking('abc')), 'upload-incomplete')
    assert.equal((await uploads.stateOf('shop', id)).offset, 3)
    assert.equal((await append(id, 3, bytes('def'), true)).offset, 6)
    await uploads.remove('shop', id)
  })

  it('a disk without space is told, and what fits later goes on', async () => {
    const before = new Set(await readdir(folder.path))
    const { id } = await uploads.begin('full')
    const [name] = (await readdir(folder.path)).filter(each => !before.has(each))
    assert.ok(name !== undefined)
    const path = join(folder.path, name, `${id}.part`)
    await rm(path)
    await symlink('/dev/full', path)
    const piece = { providerId: 'full', id, offset: 0, isLast: false }
    await refuses(uploads.append({ ...piece, body: bytes('abc') }), 'storage-full')
    await rm(path)
    await writeFile(path, '')
    assert.equal((await uploads.append({ ...piece, body: bytes('abc') })).offset, 3)
  })

  it('another provider’s is as unknown as none, and a name is never a path', async () => {
    const { id } = await uploads.begin('shop')
    await refuses(uploads.stateOf('bank', id), 'upload-unknown')
    await refuses(uploads.remove('bank', id), 'upload-unknown')
    for (const bad of ['../../../../etc/passwd', 'a/b', '.', `${id}.part`, '']) {
      await refuses(uploads.stateOf('shop', bad), 'upload-unknown')
    }
    await uploads.remove('shop', id)
  })

  it('two pieces at the same time: one is taken', async () => {
    const { id } = await uploads.begin('shop')
    const gate = Promise.withResolvers<void>()
    const slow = append(id, 0, waiting('abc', gate.promise))
    const outcomes = Promise.allSettled([append(id, 0, bytes('xyz')), append(id, 0, bytes('xyz'))])
    const refused = (await outcomes).map(each => each.status)
    assert.deepEqual(refused, ['rejected', 'rejected'])
    await refuses(uploads.remove('shop', id), 'upload-offset-wrong')
    gate.resolve()
    assert.equal((await slow).offset, 3)
    await uploads.remove('shop', id)
  })

  it('a provider has so many at a time and no more', async () => {
    const begun = []
    for (let i = 0; i < 32; i++) begun.push(await uploads.begin('many'))
    await refuses(uploads.begin('many'), 'upload-limit')
    await uploads.begin('shop')
    for (const { id } of begun) await uploads.remove('many', id)
  })

  it('what nobody comes back for goes after an hour; what is in use stays', async () => {
    const [gone, used, fresh] = [
      await uploads.begin('old'),
      await uploads.begin('old'),
      await uploads.begin('old'),
    ]
    await append2(used.id)
    const before = new Date(Date.now() - 2 * 60 * 60 * 1000)
    for (const name of await readdir(folder.path))
      for (const file of await readdir(join(folder.path, name)))
        if (!file.startsWith(fresh.id)) await utimes(join(folder.path, name, file), before, before)
    await uploads.use('old', [used.id], async () => uploads.sweep(Date.now()))
    await refuses(uploads.stateOf('old', gone.id), 'upload-unknown')
    assert.equal((await uploads.stateOf('old', used.id)).complete, true)
    assert.equal((await uploads.stateOf('old', fresh.id)).complete, false)
    await uploads.sweep(Date.now())
    await refuses(uploads.stateOf('old', used.id), 'upload-unknown')
  })

  const append2 = (id: string) =>
    uploads.append({ providerId: 'old', id, offset: 0, body: bytes('a'), isLast: true })
})

async function* bytes(...pieces: string[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield new TextEncoder().encode(piece)
}

async function* breaking(piece: string): AsyncGenerator<Uint8Array> {
  yield* bytes(piece)
  throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' })
}

async function* waiting(piece: string, gate: Promise<void>): AsyncGenerator<Uint8Array> {
  await gate
  yield* bytes(piece)
}

async function nothing(): Promise<void> {}

async function refuses(work: Promise<unknown>, code: string): Promise<void> {
  await assert.rejects(work, error => error instanceof Refusal && error.code === code)
}
