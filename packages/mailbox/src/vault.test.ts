import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { temporaryFolder, type TemporaryFolder } from '@sekisho/runtime/files'
import { SealBroken } from '@sekisho/runtime/keys'
import { seededRandom, systemRandom } from '@sekisho/runtime/random'
import { createVault, type Vault } from './vault.ts'

const mebibyte = 1024 * 1024

describe('the vault', () => {
  let folder: TemporaryFolder
  let vault: Vault
  before(async () => {
    folder = await temporaryFolder('vault')
    vault = createVault({ folder: folder.path, random: systemRandom() })
  })
  after(() => folder.remove())

  const read = async (...given: Parameters<Vault['read']>) => {
    const parts: Uint8Array[] = []
    for await (const part of vault.read(...given)) parts.push(Uint8Array.from(part))
    return Buffer.concat(parts)
  }
  async function* pieces(bytes: Uint8Array, length: number) {
    for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
  }

  it('gives back what it took, at every length around a piece, and none of it lies in the clear', async () => {
    for (const length of [0, 1, mebibyte - 1, mebibyte, mebibyte + 1, 3 * mebibyte]) {
      const bytes = Buffer.alloc(length, '秘密の文書')
      const found = await vault.put(pieces(bytes, 70_001))
      assert.equal(found.length, length)
      assert.equal(found.sha256, createHash('sha256').update(bytes).digest('hex'))
      assert.ok((await read(found)).equals(bytes), String(length))
      const raw = await readFile(join(folder.path, found.file))
      assert.ok(length < 20 || !raw.includes('秘密'))
    }
  })

  it('any part can be read by itself', async t => {
    const seed = String(process.env.SEED ?? Math.random())
    t.diagnostic(`seed ${seed}`)
    const random = seededRandom(seed)
    const bytes = Buffer.from(random.bytes(2 * mebibyte + 1234))
    const found = await vault.put(pieces(bytes, 65_536))
    for (let round = 0; round < 40; round++) {
      const [a, b] = [0, 1].map(() => Buffer.from(random.bytes(4)).readUInt32BE() % bytes.length)
      const [start, end] = [Math.min(a ?? 0, b ?? 0), Math.max(a ?? 0, b ?? 0)]
      assert.ok((await read(found, start, end)).equals(bytes.subarray(start, end)))
    }
  })

  it('nothing altered, exchanged, cut off or added is given out', async () => {
    const bytes = Buffer.alloc(2 * mebibyte + 5, 7)
    const attack = async (change: (raw: Buffer) => Buffer) => {
      const found = await vault.put(pieces(bytes, mebibyte))
      const path = join(folder.path, found.file)
      await writeFile(path, change(await readFile(path)))
      await assert.rejects(read(found), SealBroken)
    }
    const piece = mebibyte + 16
    await attack(raw => {
      raw[5] = (raw[5] ?? 0) ^ 1
      return raw
    })
    await attack(raw =>
      Buffer.concat([
        raw.subarray(piece, 2 * piece),
        raw.subarray(0, piece),
        raw.subarray(2 * piece),
      ]),
    )
    await attack(raw => raw.subarray(0, -3))
    const found = await vault.put(pieces(bytes, mebibyte))
    await truncate(join(folder.path, found.file), 2 * piece)
    await assert.rejects(read(found), SealBroken)
    // A whole number of pieces cannot pass for a shorter document either.
    await assert.rejects(read({ ...found, length: 2 * mebibyte }), SealBroken)
    const other = await vault.put(pieces(bytes, mebibyte))
    await assert.rejects(read({ ...found, key: other.key }), SealBroken)
  })

  it('of an upload that breaks off nothing stays', async () => {
    async function* broken() {
      yield Buffer.alloc(3 * mebibyte)
      throw new Error('broken off')
    }
    const before = (await vault.before(Number.MAX_SAFE_INTEGER)).length
    await assert.rejects(vault.put(broken()), /broken off/)
    assert.equal((await vault.before(Number.MAX_SAFE_INTEGER)).length, before)
  })
})
