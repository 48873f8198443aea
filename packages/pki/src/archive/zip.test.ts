import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { crc32 as nodeCrc32 } from 'node:zlib'
import { MalformedError } from '../der.ts'
import { crc32 } from './crc32.ts'
import { readZip } from './zip.ts'
import { writeZip, type ZipFile } from './zip-writer.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const long = text('繰り返し '.repeat(500))

function file(name: string, bytes: Uint8Array = text(name), isStored = false): ZipFile {
  return { name, bytes, isStored }
}

const files = [
  file('mimetype', text('type'), true),
  file('フォルダ/文書.txt', long),
  file('b', text('')),
]

/** A folder with the commands zip and unzip in it. */
class ZipJudge implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'sekisho-zip-'))

  run(command: 'zip' | 'unzip', ...args: readonly string[]): { status: number; text: string } {
    const { status, stdout, stderr } = spawnSync(command, args, {
      cwd: this.folder,
      timeout: 30_000,
    })
    return { status: status ?? -1, text: Buffer.concat([stdout, stderr]).toString('utf8') }
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

function refuses(bytes: Uint8Array, what?: RegExp): void {
  assert.throws(
    () => readZip(bytes),
    (error: unknown) =>
      error instanceof MalformedError && (what === undefined || what.test(error.message)),
  )
}

/** The archive with a number of two or four bytes changed. */
function changed(bytes: Uint8Array, at: number, value: number, size: 2 | 4 = 2): Uint8Array {
  const copy = Uint8Array.from(bytes)
  const view = new DataView(copy.buffer)
  if (size === 2) view.setUint16(at, value, true)
  else view.setUint32(at, value, true)
  return copy
}

/** Where the directory's entry of a position begins. */
function directoryAt(bytes: Uint8Array, position: number): number {
  const view = new DataView(bytes.buffer)
  let at = view.getUint32(bytes.length - 6, true)
  for (let each = 0; each < position; each++) {
    at += 46 + view.getUint16(at + 28, true) + view.getUint16(at + 30, true)
  }
  return at
}

test('what is written is read again, and unzip finds no fault in it', () => {
  using judge = new ZipJudge()
  const bytes = writeZip(files)
  assert.ok(bytes.length < long.length)
  const read = readZip(bytes)
  assert.deepEqual(
    read.map(({ name, bytes: each }) => ({ name, bytes: Uint8Array.from(each) })),
    files.map(({ name, bytes: each }) => ({ name, bytes: each })),
  )
  assert.deepEqual(
    read.map(each => each.method),
    ['stored', 'deflated', 'stored'],
  )
  writeFileSync(join(judge.folder, 'a.zip'), bytes)
  const said = judge.run('unzip', '-t', 'a.zip')
  assert.equal(said.status, 0, said.text)
  assert.deepEqual(writeZip(files), bytes)
})

test('what zip makes is read: stored, deflated, folders, sizes behind the data', () => {
  using judge = new ZipJudge()
  mkdirSync(join(judge.folder, 'sub'))
  writeFileSync(join(judge.folder, 'sub', 'a.txt'), long)
  writeFileSync(join(judge.folder, 'b.txt'), 'b')
  assert.equal(judge.run('zip', '-r', '-X', 'plain.zip', 'sub', 'b.txt').status, 0)
  const plain = readZip(new Uint8Array(readFileSync(join(judge.folder, 'plain.zip'))))
  assert.deepEqual(
    plain.map(each => each.name),
    ['sub/a.txt', 'b.txt'],
  )
  assert.deepEqual(Uint8Array.from(plain[0]?.bytes ?? []), long)
  const { stdout } = spawnSync('zip', ['-r', '-X', '-', 'sub'], { cwd: judge.folder, input: '' })
  const streamed = readZip(new Uint8Array(stdout))
  assert.deepEqual(Uint8Array.from(streamed[0]?.bytes ?? []), long)
})

test('links, encrypted files and archives with something before them are refused', () => {
  using judge = new ZipJudge()
  writeFileSync(join(judge.folder, 'a'), 'a')
  symlinkSync('a', join(judge.folder, 'link'))
  judge.run('zip', '-y', '-X', 'link.zip', 'link')
  refuses(new Uint8Array(readFileSync(join(judge.folder, 'link.zip'))), /kind of entry/)
  judge.run('zip', '-P', 'x', '-X', 'secret.zip', 'a')
  refuses(new Uint8Array(readFileSync(join(judge.folder, 'secret.zip'))), /method/)
  const bytes = writeZip(files)
  refuses(Uint8Array.from([0x4d, 0x5a, ...bytes]))
  refuses(Uint8Array.from([...bytes, 0]))
})

test('names that leave the folder, or that mean the same to somebody, are refused', () => {
  for (const name of [
    '../a',
    'a/../b',
    '/a',
    'a//b',
    './a',
    'a/.',
    'a\\b',
    'C:a',
    'a\u0000',
    'a\nb',
    '\u0085',
    '',
    '/',
    'x'.repeat(1025),
  ]) {
    refuses(writeZip([file(name, text('x'))]), /name/)
  }
  for (const [one, two] of [
    ['a', 'a'],
    ['a', 'A'],
    ['が', 'か\u3099'],
    ['ＡＢ', 'AB'],
    ['a', 'a/b'],
    ['a/b', 'A/B/c'],
    ['a', 'a/'],
  ] as const) {
    refuses(writeZip([file(one, text('')), file(two, text(''))]), /name twice|file and folder/)
  }
  assert.equal(readZip(writeZip([file('a..b/...c'), file('a/', text('')), file('a/b')])).length, 2)
  refuses(writeZip([file('a/', text('x'))]), /folder/)
})

test('what is said twice must be said alike', () => {
  const bytes = writeZip(files)
  const second = directoryAt(bytes, 1)
  const local = new DataView(bytes.buffer).getUint32(second + 42, true)
  for (const [at, size] of [
    [local + 6, 2],
    [local + 8, 2],
    [local + 14, 4],
    [local + 18, 4],
    [local + 22, 4],
    [local + 26, 2],
    [second + 8, 2],
    [second + 10, 2],
    [second + 16, 4],
    [second + 20, 4],
    [second + 24, 4],
    [second + 28, 2],
    [second + 34, 2],
    [second + 42, 4],
  ] as const) {
    const view = new DataView(bytes.buffer)
    const value = size === 2 ? view.getUint16(at, true) : view.getUint32(at, true)
    refuses(changed(bytes, at, value ^ 1, size))
  }
  // A name that differs between header and directory.
  refuses(changed(bytes, local + 30, 0x4141))
})

test('nothing lies between files, over one another, or behind the data of one', () => {
  const one = writeZip([file('a', text('aaaa'), true)])
  const two = writeZip([file('a', text('aaaa'), true), file('b', text('bbbb'), true)])
  const view = new DataView(two.buffer)
  const offset = view.getUint32(directoryAt(two, 1) + 42, true)
  // Both entries of the directory are the first file, under the second's name: overlap.
  refuses(changed(two, directoryAt(two, 1) + 42, 0, 4))
  // A byte more between the first and the second, with all offsets right.
  const gap = Uint8Array.from([...two.subarray(0, offset), 0, ...two.subarray(offset)])
  const directory = directoryAt(two, 0) + 1
  const shifted = changed(
    changed(gap, gap.length - 6, directory, 4),
    directory + 46 + 1 + 42,
    offset + 1,
    4,
  )
  refuses(shifted, /gap/)
  // An entry that the directory leaves out.
  refuses(changed(changed(two, two.length - 14, 1), two.length - 12, 1))
  // Two ends, one in the comment of the other.
  const end = one.subarray(-22)
  const nested = Uint8Array.from([...changed(one, one.length - 2, 22), ...end])
  refuses(nested)
  assert.equal(readZip(Uint8Array.from([...changed(one, one.length - 2, 3), 1, 2, 3])).length, 1)
})

test('compressed data ends where it is said to end', () => {
  const bytes = writeZip([file('a', long)])
  const view = new DataView(bytes.buffer)
  const packed = view.getUint32(18, true)
  const data = 30 + 1
  const behind = Uint8Array.from([
    ...bytes.subarray(0, data + packed),
    0,
    ...bytes.subarray(data + packed),
  ])
  const directory = directoryAt(bytes, 0) + 1
  let longer = changed(behind, behind.length - 6, directory, 4)
  longer = changed(longer, 18, packed + 1, 4)
  longer = changed(longer, directory + 20, packed + 1, 4)
  refuses(longer, /behind the data/)
})

test('a small archive does not fill the memory', () => {
  const zeros = new Uint8Array(40 * 1024 * 1024)
  const bomb = writeZip(Array.from({ length: 7 }, (_, at) => file(`${at}`, zeros)))
  assert.ok(bomb.length < 400_000)
  refuses(bomb, /unpacked/)
  // Told to be small: it stops where that is passed.
  const one = writeZip([file('a', zeros)])
  const directory = directoryAt(one, 0)
  const lying = changed(changed(one, 22, 1000, 4), directory + 24, 1000, 4)
  const begun = process.memoryUsage().rss
  refuses(lying, /too-large/)
  assert.ok(process.memoryUsage().rss - begun < 64 * 1024 * 1024)
  const many = writeZip(Array.from({ length: 1001 }, (_, at) => file(`${at}`, text(''))))
  refuses(many, /entries/)
})

test('checksums are those of Node', () => {
  for (const bytes of [text(''), text('a'), long]) assert.equal(crc32(bytes), nodeCrc32(bytes))
})

test('whatever the bytes, a reader refuses in one way, and what it reads has the checksums told', context => {
  const seed = randomInt(2 ** 31)
  context.diagnostic(`seed ${seed}`)
  let state = seed
  const next = (limit: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 8) % limit
  }
  const original = writeZip(files)
  let read = 0
  for (let round = 0; round < 5000; round++) {
    let bytes = Uint8Array.from(original)
    for (let count = 1 + next(3); count > 0; count--) {
      const at = next(bytes.length)
      bytes =
        next(4) === 0
          ? Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + next(5))])
          : bytes.with(at, next(256))
    }
    try {
      const entries = readZip(bytes)
      read++
      assert.ok(
        entries.every(({ bytes: each }) => files.some(one => crc32(one.bytes) === crc32(each))),
      )
    } catch (error) {
      assert.ok(error instanceof MalformedError, `seed ${seed}, round ${round}: ${error}`)
    }
  }
  context.diagnostic(`${read} alterations changed nothing that is read`)
})
