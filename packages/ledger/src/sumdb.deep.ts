/** The published log judged by the libraries of the Go project's sum database, and one that they make judged by us. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { readFileIfPresent, temporaryFolder, type TemporaryFolder } from '@sekisho/runtime/files'
import { createKey } from '@sekisho/runtime/keys'
import { type Engine, openEmbedded } from '@sekisho/runtime/store'
import { openTestLog, type TestLog } from './log-for-tests.ts'
import { auditPublished, parseLogKey, parseWitnessKey } from './verify.ts'
import { createWitness } from './cosigner.ts'

let engine: Engine
let folder: TemporaryFolder
let program: string
before(async () => {
  engine = await openEmbedded('memory')
  folder = await temporaryFolder('sumdb')
  program = join(folder.path, 'sumdb')
  const source = fileURLToPath(new URL('./sumdb-for-tests.go', import.meta.url))
  // Debian's packages of Go libraries lie in one folder.
  const told = await run('go', ['build', '-o', program, source], {
    GO111MODULE: 'off',
    GOPATH: '/usr/share/gocode',
    GOCACHE: join(folder.path, 'cache'),
  })
  assert.equal(told.status, 0, told.text)
})
after(async () => {
  await engine.close()
  await folder.remove()
})

function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise(resolve => {
    const given = { env: { PATH: process.env['PATH'] ?? '', ...env }, maxBuffer: 2 ** 24 }
    execFile(command, args, given, (error, stdout, stderr) => {
      const status = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      resolve({ status, text: `${stdout}${stderr}`.trim() })
    })
  })
}

async function write(town: TestLog, at: string): Promise<string> {
  for (const [path, body] of await town.files()) {
    const file = join(folder.path, at, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, body)
  }
  return join(folder.path, at)
}

describe('a log of seventy thousand entries with a witness', () => {
  let town: TestLog
  let place: string
  let witnessKey: string
  let small: { readonly size: string; readonly root: string }
  before(async () => {
    const key = await createKey('ed25519')
    const plain = await openTestLog(engine, { schema: 'sumdb', key })
    const witness = createWitness({
      name: 'witness.example/w1',
      key: await createKey('ed25519'),
      logs: [plain.logKey],
      folder: join(folder.path, 'witness'),
      now: () => 1_700_000_000,
    })
    witnessKey = witness.verifierKey
    const fetch: typeof globalThis.fetch = async (_, init) => {
      const { body } = init ?? {}
      const answer = await witness.addCheckpoint(typeof body === 'string' ? body : '')
      const headers = { 'content-type': answer.contentType }
      return new Response(answer.body, { status: answer.status, headers })
    }
    const witnesses = [{ key: parseWitnessKey(witnessKey), url: 'https://witness.example/w1' }]
    const witnessed = { policy: { needed: 1, witnesses }, fetch }
    town = await openTestLog(engine, { schema: 'sumdb', key, witnessed })
    await town.grow(1_000)
    const [, size = '', root = ''] = ((await town.ledger.checkpoint()) ?? '').split('\n')
    small = { size, root }
    await town.grow(69_000)
    await town.ledger.askWitnesses()
    place = await write(town, 'log')
  })
  const read = (at: string, ...places: readonly number[]) =>
    run(program, ['read', at, town.ledger.verifierKey, witnessKey, ...places.map(String)])

  it('is read whole by them: signature, cosignature, every tile, every entry, places', async () => {
    assert.deepEqual(await read(place, 0, 1, 255, 256, 65_535, 65_536, 69_998, 69_999), {
      status: 0,
      text: 'passed 70000',
    })
  })

  it('continues its smaller self for them, and no other', async () => {
    const { size, root } = small
    const told = await run(program, ['continue', place, size, root])
    assert.deepEqual(told, { status: 0, text: 'passed 70000' })
    const other = Buffer.from(root, 'base64').fill(1, 0, 1).toString('base64')
    assert.equal((await run(program, ['continue', place, size, other])).status, 1)
    assert.equal((await run(program, ['continue', place, '1001', root])).status, 1)
  })

  it('that was tampered with is refused by both', async () => {
    const source = {
      read: (path: string) => readFileIfPresent(join(place, path)),
    }
    const audit = () =>
      auditPublished({
        source,
        logKey: town.logKey,
        witnesses: [parseWitnessKey(witnessKey)],
        needed: 1,
      })
    assert.equal((await audit()).kind, 'passed')
    // They read of the upper tiles only what the root needs.
    const isReadByThem = new Map([
      ['checkpoint', true],
      ['tile/0/100', true],
      ['tile/1/000', false],
      ['tile/1/001.p/17', true],
      ['tile/2/000.p/1', true],
    ])
    for (const [path, isRead] of isReadByThem) {
      const file = join(place, path)
      const bytes = await readFile(file)
      const bent = Buffer.from(bytes)
      bent[40 % bent.length] = (bent[40 % bent.length] ?? 0) ^ 1
      await writeFile(file, bent)
      assert.equal((await read(place)).status, isRead ? 1 : 0, path)
      assert.equal((await audit()).kind, 'failed', path)
      await writeFile(file, bytes)
    }
    assert.equal((await read(place)).status, 0)
  })
})

describe('a log that they make', () => {
  for (const size of [1, 255, 256, 257, 1_000, 66_000])
    it(`of ${size} entries is read by us`, async () => {
      const place = join(folder.path, `go-${size}`)
      await mkdir(place)
      const made = await run(program, ['write', place, String(size)])
      assert.equal(made.status, 0, made.text)
      const told = await auditPublished({
        source: { read: path => readFileIfPresent(join(place, path)) },
        logKey: parseLogKey(made.text),
        witnesses: [],
        needed: 0,
      })
      assert.ok(told.kind === 'passed', told.kind === 'failed' ? told.reason.code : '')
      assert.equal(told.value.checkpoint.size, size)
    })
})
