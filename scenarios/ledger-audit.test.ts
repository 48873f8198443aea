/**
 * The ledger in the hands of others: a witness and an auditor, each a process of its own, at a platform that runs by its
 * configuration. What is shown is what the witness cosigned, and whatever the operator changes behind it is found out.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { freePorts } from '@sekisho/cli/testkit'
import { sleep } from '@sekisho/runtime/clock'
import { type TemporaryFolder, temporaryFolder } from '@sekisho/runtime/files'
import { type Caller, createFetch, freePort } from '@sekisho/runtime/net'
import { startTemporaryPostgres, type TemporaryPostgres } from '@sekisho/runtime/store'
import { commands, type Staying } from './command.ts'

let folder: TemporaryFolder
let sekisho: ReturnType<typeof commands>
let server: TemporaryPostgres
let caller: Caller
before(async () => {
  folder = await temporaryFolder('ledger-audit')
  sekisho = commands(join(folder.path, 'compiled'))
  server = await startTemporaryPostgres()
  caller = createFetch()
})
after(async () => {
  await caller.close()
  await server.stop()
  await folder.remove()
})

type Report = {
  readonly verdict: string
  readonly code?: string
  readonly size: number
  readonly before: number | null
  readonly cosignedBy: readonly { readonly witness: string }[]
}

describe('a platform whose ledger has a witness', () => {
  let authority: Staying
  let platform: Staying
  let witness: Staying
  let log: string
  let key: string
  let data: string
  let config: string
  let witnessArgs: readonly string[]
  const state = (): string => join(folder.path, 'state.json')
  let invited = 0

  before(async () => {
    const base = await freePorts()
    const root = join(folder.path, 'alone')
    authority = await sekisho.start(['authority', '--data', root, '--port-base', String(base)])
    config = JSON.parse(authority.line).platform
    data = join(root, 'platform')
    log = `http://localhost:${base}/ledger`
    const given = { ...JSON.parse(await readFile(config, 'utf8')), database: server.url }
    await writeFile(config, JSON.stringify(given))
    platform = await sekisho.start(['platform', '--config', config])
    key = (await sekisho.done(['audit', 'key', '--data', data])).trim()
    const port = await freePort()
    witnessArgs = ['witness', '--name', 'witness.example/w1', '--log', key]
    witnessArgs = [...witnessArgs, '--folder', join(folder.path, 'w1'), '--port', String(port)]
    witness = await sekisho.start(witnessArgs)
    await platform.end()
    const keys = [{ key: witness.line, url: `http://127.0.0.1:${port}` }]
    await writeFile(config, JSON.stringify({ ...given, witnesses: { needed: 1, keys } }))
    platform = await sekisho.start(['platform', '--config', config])
  })
  after(async () => {
    for (const one of [platform, witness, authority]) await one.end()
  })

  /** Something that the ledger tells of; an entry, by the operator's command. */
  const happens = async (): Promise<void> => {
    const id = `member-${invited++}`
    const args = ['staff', 'invite', id, '--name', 'Sato', '--role', 'auditor']
    await sekisho.done([...args, '--break-glass', 'for the scenario', '--data', data])
  }
  const shownSize = async (): Promise<number> => {
    const answer = await caller.fetch(`${log}/checkpoint`)
    return answer.status === 200 ? Number((await answer.text()).split('\n')[1]) : 0
  }
  const untilShown = async (size: number): Promise<void> => {
    for (let attempt = 0; (await shownSize()) < size; attempt++) {
      assert.ok(attempt < 100, `a checkpoint over ${size} entries was never shown`)
      await sleep(100)
    }
  }
  const audit = async (place: string, ...more: readonly string[]): Promise<Report> => {
    const args = ['audit', 'verify', place, '--key', key, '--witness', witness.line, ...more]
    const { status, stdout, stderr } = await sekisho.run(args)
    assert.equal(stderr, '')
    const report: Report = JSON.parse(stdout)
    assert.equal(status, report.verdict === 'passed' ? 0 : 1)
    return report
  }

  it('is read with its cosignature, again from where the last reading ended', async () => {
    await happens()
    await happens()
    await untilShown(2)
    const first = await audit(log, '--state', state())
    assert.deepEqual([first.verdict, first.before], ['passed', null])
    assert.deepEqual(
      first.cosignedBy.map(one => one.witness),
      ['witness.example/w1'],
    )
    await happens()
    await untilShown(first.size + 1)
    const second = await audit(log, '--state', state())
    assert.deepEqual([second.before, second.size], [first.size, first.size + 1])
    assert.equal((await audit(log, '--state', state(), '--whole')).verdict, 'passed')
  })

  it('is served with headers by which caches keep tiles and not checkpoints', async () => {
    const headers = async (path: string) => {
      const answer = await caller.fetch(`${log}/${path}`)
      await answer.arrayBuffer()
      return ['content-type', 'cache-control'].map(name => answer.headers.get(name))
    }
    const size = await shownSize()
    assert.deepEqual(await headers(`tile/0/000.p/${size}`), [
      'application/octet-stream',
      'public, max-age=31536000, immutable',
    ])
    assert.deepEqual(await headers('checkpoint'), [
      'text/plain; charset=utf-8',
      'public, max-age=1',
    ])
    for (const path of [`tile/0/000.p/${size + 200}`, 'tile/0/0', 'tile/0/..%2F000', '', 'x'])
      assert.equal((await caller.fetch(`${log}/${path}`)).status, 404, path)
  })

  it('is read as a copy in a folder, where an entry that was changed is found', async () => {
    const copy = join(folder.path, 'copy')
    const size = await shownSize()
    for (const path of ['checkpoint', `tile/0/000.p/${size}`]) {
      const answer = await caller.fetch(`${log}/${path}`)
      await mkdir(dirname(join(copy, path)), { recursive: true })
      await writeFile(join(copy, path), Buffer.from(await answer.arrayBuffer()))
    }
    assert.equal((await audit(copy)).size, size)
    const tile = join(copy, `tile/0/000.p/${size}`)
    const bytes = await readFile(tile)
    bytes[0] = (bytes[0] ?? 0) ^ 1
    await writeFile(tile, bytes)
    assert.equal((await audit(copy)).code, 'tiles-wrong')
    await rm(tile)
    assert.equal((await audit(copy)).code, 'tile-missing')
  })

  it('grows without its witness, and shows no more until it is back', async () => {
    const size = await shownSize()
    await witness.end()
    await happens()
    await sleep(1_500)
    assert.equal(await shownSize(), size)
    witness = await sekisho.start(witnessArgs)
    await untilShown(size + 1)
    assert.equal((await audit(log, '--state', state())).size, size + 1)
  })

  it('brought back to an older state by its operator is cosigned no more, and the auditor says so', async () => {
    const size = await shownSize()
    await platform.end()
    query(`
      delete from platform.ledger_cosignature;
      delete from platform.ledger_checkpoint where size > 1;
      delete from platform.ledger_entry where leaf_index >= 1;
      update platform.ledger_tile set hashes = substring(hashes from 1 for 32)`)
    const left = query('select size from platform.ledger_checkpoint').trim()
    assert.equal(left, '1')
    platform = await sekisho.start(['platform', '--config', config])
    await happens()
    await sleep(2_500)
    // The witness knows more entries than there are: it cosigns nothing, so nothing is shown.
    assert.equal(await shownSize(), 0)
    assert.match(`${platform.stdout()}${platform.stderr()}`, /witness-refused/)
    assert.equal((await audit(log, '--state', state())).code, 'checkpoint-missing')
    for (let more = 0; more <= size; more++) await happens()
    await sleep(2_500)
    assert.equal(await shownSize(), 0)
    // Without asking the witness the operator may show it, and is found out all the same.
    await platform.end()
    const { witnesses: _none, ...plain } = JSON.parse(await readFile(config, 'utf8'))
    await writeFile(config, JSON.stringify(plain))
    platform = await sekisho.start(['platform', '--config', config])
    await untilShown(size)
    assert.equal((await audit(log)).code, 'cosignatures-missing')
    assert.equal((await audit(log, '--needed', '0', '--state', state())).code, 'consistency-wrong')
    assert.equal((await audit(log, '--needed', '0')).verdict, 'passed')
  })

  function query(sql: string): string {
    return execFileSync('psql', ['-qAt', '-v', 'ON_ERROR_STOP=1', '-d', server.url, '-c', sql], {
      encoding: 'utf8',
    })
  }
})

it('the commands refuse what they cannot read', async () => {
  const key = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'
  const audit = (...args: readonly string[]) => sekisho.refused(['audit', 'verify', ...args])
  assert.match(await audit(folder.path, '--key', 'x'), /^request-malformed \(fields=key/)
  const own = [folder.path, '--key', key]
  assert.match(await audit(...own, '--witness', key), /^request-malformed \(fields=witness/)
  assert.match(await audit(...own, '--needed', '1'), /^request-malformed \(fields=needed/)
  const file = join(folder.path, 'wrong.json')
  await writeFile(file, '{}')
  assert.match(await audit(...own, '--state', file), /^file-unreadable/)
  assert.match(await audit(...own, '--receipt', file), /^file-unreadable/)
  const witness = ['witness', '--name', 'w', '--folder', join(folder.path, 'w')]
  assert.match(await sekisho.refused([...witness, '--log', 'x']), /^configuration-unsafe/)
  assert.match(
    await sekisho.refused([...witness, '--log', key, '--port', '0']),
    /^request-malformed/,
  )
  const none = ['audit', 'key', '--data', join(folder.path, 'none')]
  assert.match(await sekisho.refused(none), /^program-absent/)
})
