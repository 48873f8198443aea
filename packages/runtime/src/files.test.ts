import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createEffects } from './effects.ts'
import {
  listFiles,
  lockFile,
  lockFolder,
  openPositionedFile,
  readFileIfPresent,
  readJsonFile,
  readSharedFile,
  removeFiles,
  temporaryFolder,
  withLockedFile,
  writeFileAtomically,
  writeJsonFile,
} from './files.ts'

describe('a file that is read by position', () => {
  it('gives exactly what is asked, also after its name is gone, and nothing beyond its end', async () => {
    await using folder = await temporaryFolder('files')
    const path = join(folder.path, 'cold')
    assert.equal(openPositionedFile(path), undefined)
    await writeFileAtomically(path, Uint8Array.of(1, 2, 3, 4, 5))
    const file = openPositionedFile(path)
    assert.ok(file !== undefined && file.length === 5)
    assert.deepEqual([...file.read(1, 3)], [2, 3, 4])
    assert.throws(() => file.read(3, 3), /shorter/)
    assert.deepEqual(
      [...file.pieces()].map(piece => [...piece]),
      [[1, 2, 3, 4, 5]],
    )
    assert.deepEqual(await listFiles(folder.path), ['cold'])
    await removeFiles(folder.path, ['cold', 'never-there'])
    assert.deepEqual([...file.read(4, 1)], [5])
    const view = file.view(0, 2)
    assert.deepEqual([...view], [1, 2])
    assert.deepEqual([...file.view(3, 2)], [4, 5])
    assert.deepEqual([...view], [4, 5])
    assert.throws(() => file.view(4, 2), /shorter/)
    file[Symbol.dispose]()
    assert.throws(() => file.read(0, 1))
    assert.deepEqual(await listFiles(folder.path), [])
    assert.deepEqual(await listFiles(path), [])
  })

  it('can be read whole into shared memory', async () => {
    await using folder = await temporaryFolder('files')
    const path = join(folder.path, 'hot')
    assert.equal(await readSharedFile(path), undefined)
    await writeFileAtomically(path, Uint8Array.of(1, 2, 3))
    const bytes = await readSharedFile(path)
    assert.ok(bytes?.buffer instanceof SharedArrayBuffer)
    assert.deepEqual([...bytes], [1, 2, 3])
  })
})

describe('an atomic write', () => {
  it('leaves the whole new file, for its owner only, and nothing beside it', async () => {
    await using folder = await temporaryFolder('files')
    const path = join(folder.path, 'a.json')
    const effects = createEffects()
    await writeJsonFile(path, { a: 1 }, { effects })
    await writeJsonFile(path, { a: 2 }, { effects })
    assert.equal(await readFile(path, 'utf8'), '{\n  "a": 2\n}\n')
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    assert.deepEqual(await readdir(folder.path), ['a.json'])
    assert.deepEqual(effects.seen(), ['file-written', 'file-written'])
  })

  it('that cannot be made leaves the old file and nothing beside it', async () => {
    await using folder = await temporaryFolder('files')
    const path = join(folder.path, 'taken')
    await writeFileAtomically(join(path, '..', 'other'), 'old')
    await assert.rejects(writeFileAtomically(join(folder.path, 'no', 'such'), 'x'), {
      code: 'ENOENT',
    })
    assert.deepEqual(await readdir(folder.path), ['other'])
  })

  it('by many at once ends with one of them whole', async () => {
    await using folder = await temporaryFolder('files')
    const path = join(folder.path, 'a')
    const contents = Array.from({ length: 20 }, (_, at) => String(at).repeat(10_000))
    await Promise.all(contents.map(content => writeFileAtomically(path, content)))
    assert.ok(contents.includes(await readFile(path, 'utf8')))
  })
})

describe('reading', () => {
  it('tells an absent file from a broken one', async () => {
    await using folder = await temporaryFolder('files')
    const path = join(folder.path, 'a.json')
    assert.equal(await readFileIfPresent(path), undefined)
    assert.equal(await readJsonFile(path, value => value), undefined)
    await writeFile(path, '{')
    await assert.rejects(
      readJsonFile(path, value => value),
      /is not a JSON file/,
    )
    await writeFile(path, Uint8Array.of(0x22, 0xff, 0x22))
    await assert.rejects(
      readJsonFile(path, value => value),
      /is not a JSON file/,
    )
  })
})

/** A process that takes the lock, says so, and waits. */
function holder(folder: string): ChildProcess {
  return spawn(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { lockFolder } from './files.ts'
       try { await lockFolder(process.argv[1]); console.log('taken'); setInterval(() => {}, 1000) }
       catch (error) { console.log(error.code) }`,
      folder,
    ],
    { cwd: new URL('.', import.meta.url), stdio: ['ignore', 'pipe', 'inherit'] },
  )
}

async function word(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('no output')
  const [chunk] = await once(child.stdout, 'data')
  return String(chunk).trim()
}

describe('a locked folder', () => {
  it('has one holder, and says who', async () => {
    await using folder = await temporaryFolder('lock')
    const lock = await lockFolder(folder.path)
    await assert.rejects(lockFolder(folder.path), {
      code: 'data-folder-in-use',
      fields: { pid: process.pid },
    })
    lock.release()
    lock.release()
    const again = await lockFolder(folder.path)
    await assert.rejects(lockFolder(folder.path), { code: 'data-folder-in-use' })
    again.release()
  })

  it('is taken over from a process that was killed, by exactly one of many', async () => {
    await using folder = await temporaryFolder('lock')
    const first = holder(folder.path)
    assert.equal(await word(first), 'taken')
    await assert.rejects(lockFolder(folder.path), { code: 'data-folder-in-use' })
    first.kill('SIGKILL')
    await once(first, 'exit')
    const many = Array.from({ length: 4 }, () => holder(folder.path))
    const words = await Promise.all(many.map(word))
    for (const child of many) child.kill('SIGKILL')
    await Promise.all(
      many.map(child =>
        child.exitCode === null && child.signalCode === null ? once(child, 'exit') : null,
      ),
    )
    assert.deepEqual(words.toSorted(), [
      'data-folder-in-use',
      'data-folder-in-use',
      'data-folder-in-use',
      'taken',
    ])
  })

  it('is free when its holder’s number belongs to another process by now', async () => {
    await using folder = await temporaryFolder('lock')
    const lock = await lockFolder(folder.path)
    const path = join(folder.path, '.lock', '1')
    const written: { started: string } = JSON.parse(await readFile(path, 'utf8'))
    await writeFile(path, JSON.stringify({ pid: process.pid, started: `${written.started}0` }))
    const next = await lockFolder(folder.path)
    next.release()
    lock.release()
  })
})

describe('a locked file', () => {
  it('is refused with the code that its user names', async () => {
    await using folder = await temporaryFolder('lock')
    const path = join(folder.path, 'card.json')
    const lock = await lockFile(path, 'card-in-use')
    await assert.rejects(lockFile(path, 'card-in-use'), { code: 'card-in-use' })
    lock.release()
    ;(await lockFile(path, 'card-in-use')).release()
  })

  it('lets one work at a time, and frees itself when the work throws', async () => {
    await using folder = await temporaryFolder('lock')
    const path = join(folder.path, 'counter')
    await writeFile(path, '0')
    const increment = (): Promise<void> =>
      withLockedFile(path, async () => {
        const before = Number(await readFile(path, 'utf8'))
        await new Promise(resolve => {
          setImmediate(resolve)
        })
        await writeFile(path, String(before + 1))
      })
    await Promise.all(Array.from({ length: 10 }, increment))
    assert.equal(await readFile(path, 'utf8'), '10')
    await assert.rejects(
      withLockedFile(path, async () => Promise.reject(new Error('no'))),
      /no/,
    )
    await increment()
    assert.ok((await readdir(`${path}.lock`)).length <= 6)
  })
})
