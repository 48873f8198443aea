import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { temporaryFolder, type TemporaryFolder } from '@sekisho/runtime/files'
import { createKey, type KeyPair } from '@sekisho/runtime/keys'
import { createLog } from '@sekisho/runtime/log'
import { type Engine, openEmbedded } from '@sekisho/runtime/store'
import { openTestLog, sourceOf, testOrigin, type TestLog } from './log-for-tests.ts'
import { auditPublished, parseWitnessKey, verifyCosignatures } from './verify.ts'
import { createWitness, type Witness, type WitnessAnswer } from './cosigner.ts'
import { splitNote } from './note.ts'

let engine: Engine
let folder: TemporaryFolder
let key: KeyPair
before(async () => {
  engine = await openEmbedded('memory')
  folder = await temporaryFolder('witness')
  key = await createKey('ed25519')
})
after(async () => {
  await engine.close()
  await folder.remove()
})

const now = 1_700_000_000
let made = 0
async function witnessOf(
  town: TestLog,
  given: { readonly folder?: string; readonly name?: string; readonly key?: KeyPair } = {},
): Promise<Witness> {
  return createWitness({
    name: given.name ?? 'witness.example/w1',
    key: given.key ?? (await createKey('ed25519')),
    logs: [town.logKey],
    folder: given.folder ?? join(folder.path, `w${made++}`),
    now: () => now,
  })
}

/** A log of this size, with what it sends to a witness that knows a smaller one. */
async function logOf(schema: string, ...sizes: readonly number[]): Promise<Sent> {
  const town = await openTestLog(engine, { schema, key })
  const notes: string[] = []
  let size = 0
  for (const next of sizes) {
    await town.grow(next - size)
    size = next
    notes.push((await town.ledger.checkpoint()) ?? '')
  }
  const body = async (from: number, to: number): Promise<string> => {
    const proof = from === 0 ? [] : await town.ledger.consistencyProof(from, to)
    const hashes = proof.map(hash => `${Buffer.from(hash).toString('base64')}\n`).join('')
    return `old ${from}\n${hashes}\n${notes[sizes.indexOf(to)] ?? assert.fail('no such size')}`
  }
  return { town, body }
}
type Sent = { readonly town: TestLog; body(from: number, to: number): Promise<string> }

const refused = ({ status, contentType, body }: WitnessAnswer): string =>
  contentType === 'text/x.tlog.size' ? `${status} ${body}` : String(status)

describe('a witness', () => {
  it('cosigns what it meets first and what continues it, with its time', async () => {
    const { town, body } = await logOf('continued', 3, 300, 301)
    const witness = await witnessOf(town)
    for (const [from, to] of [
      [0, 3],
      [3, 300],
      [300, 300],
      [300, 301],
    ] as const) {
      const request = await body(from, to)
      const answer = await witness.addCheckpoint(request)
      assert.equal(answer.status, 200)
      const note = request.slice(request.indexOf('\n\n') + 2) + answer.body
      const verdict = verifyCosignatures(splitNote(note) ?? assert.fail(), [
        parseWitnessKey(witness.verifierKey),
      ])
      assert.ok(verdict.kind === 'passed')
      const [one] = verdict.value
      assert.deepEqual(
        [one?.witness, one?.seconds, one?.line],
        ['witness.example/w1', now, answer.body],
      )
    }
  })

  it('refuses whatever else it is sent, each with its status', async () => {
    const { town, body } = await logOf('refused', 3, 10, 300)
    const fork = await openTestLog(engine, { schema: 'refused_fork', key })
    await fork.grow(10)
    const stranger = await openTestLog(engine, { schema: 'refused_stranger' })
    await stranger.grow(12)
    const witness = await witnessOf(town)
    const told = async (request: string): Promise<string> =>
      refused(await witness.addCheckpoint(request))
    assert.equal(await told(await body(3, 10)), '409 0\n')
    assert.equal(await told(await body(0, 10)), '200')
    assert.equal(await told(await body(0, 300)), '409 10\n')
    assert.equal(await told(await body(3, 300)), '409 10\n')
    assert.equal(await told(await body(3, 3)), '409 10\n')
    assert.equal(await told((await body(3, 3)).replace('old 3', 'old 10')), '400')
    const forked = (await fork.ledger.checkpoint()) ?? ''
    assert.equal(await told(`old 10\n\n${forked}`), '409 10\n')
    await fork.grow(290)
    const longer = (await fork.ledger.checkpoint()) ?? ''
    const proof = (await fork.ledger.consistencyProof(10, 300))
      .map(hash => `${Buffer.from(hash).toString('base64')}\n`)
      .join('')
    assert.equal(await told(`old 10\n${proof}\n${longer}`), '422')
    assert.equal(await told(`old 10\n\n${longer}`), '422')
    const right = await body(10, 300)
    const lines = right.split('\n')
    assert.equal(await told([...lines.slice(0, 1), ...lines.slice(2)].join('\n')), '422')
    const foreign = ((await stranger.ledger.checkpoint()) ?? '').replaceAll('\n', '\n')
    assert.equal(await told(`old 10\n\n${foreign}`), '403')
    assert.equal(
      await told(`old 10\n\n${foreign.replaceAll(testOrigin, 'other.example/log')}`),
      '404',
    )
    assert.equal(await told(right), '200')
  })

  it('refuses what is not a request', async () => {
    const { town, body } = await logOf('malformed', 3, 10)
    const witness = await witnessOf(town)
    assert.equal((await witness.addCheckpoint(await body(0, 3))).status, 200)
    const right = await body(3, 10)
    const hash = right.split('\n')[1] ?? ''
    const wrong = [
      '',
      'old 3',
      right.replace('old 3', 'old 03'),
      right.replace('old 3', 'old -3'),
      right.replace('old 3', 'old  3'),
      right.replace('old 3', 'old 99999999999999999'),
      right.replace('old', 'size'),
      right.replace('\n', '\r\n'),
      right.replace(hash, hash.slice(1)),
      right.replace(hash, `${hash} `),
      right.replace(hash, hash.replace('=', '')),
      right.replace('\n\n', '\n'),
      right.slice(0, -1),
      `${right}x`,
      right.replace(`${hash}\n`, `${hash}\n`.repeat(64)),
      right.replace(`${hash}\n`, `${hash}\n`.repeat(1_000)),
    ]
    for (const request of wrong)
      assert.equal((await witness.addCheckpoint(request)).status, 400, JSON.stringify(request))
    assert.equal((await witness.addCheckpoint(right)).status, 200)
  })

  it('remembers across a restart, and cosigns nothing over a memory that was altered', async () => {
    const { town, body } = await logOf('restarted', 3, 10, 20)
    const own = join(folder.path, 'restarted')
    assert.equal(
      (await (await witnessOf(town, { folder: own })).addCheckpoint(await body(0, 10))).status,
      200,
    )
    const again = await witnessOf(town, { folder: own })
    assert.equal(refused(await again.addCheckpoint(await body(0, 20))), '409 10\n')
    const [file = ''] = await readdir(own)
    const earlier = (await body(0, 3)).slice('old 0\n\n'.length)
    await writeFile(
      join(own, file),
      JSON.stringify({ checkpoint: earlier.replace('\n3\n', '\n4\n') }),
    )
    await assert.rejects(again.addCheckpoint(await body(10, 20)))
    await writeFile(join(own, file), '{}')
    await assert.rejects(again.addCheckpoint(await body(0, 20)))
  })

  it('asked twice at the same time goes forward, never back', async () => {
    const { town, body } = await logOf('raced', 3, 10, 20)
    const witness = await witnessOf(town)
    await witness.addCheckpoint(await body(0, 3))
    const both = await Promise.all([
      witness.addCheckpoint(await body(3, 20)),
      witness.addCheckpoint(await body(3, 10)),
    ])
    assert.deepEqual(both.map(refused), ['200', '409 20\n'])
  })
})

describe('a log with witnesses', () => {
  const told: string[] = []
  const log = createLog({
    program: 'test',
    sink: { write: line => void told.push(line) },
  })
  /** Two witnesses behind addresses; either can be made to fail. */
  async function witnessed(schema: string, needed: number) {
    const plain = await openTestLog(engine, { schema, key })
    const names = ['one', 'two'] as const
    const witnesses = await Promise.all(
      names.map(name => witnessOf(plain, { name: `${name}.example` })),
    )
    const broken = new Map<string, (body: string) => Promise<Response>>()
    const fetch: typeof globalThis.fetch = async (input, init) => {
      const { hostname } = new URL(typeof input === 'string' ? input : '')
      const body = typeof init?.body === 'string' ? init.body : ''
      const instead = broken.get(hostname)
      if (instead !== undefined) return instead(body)
      const at = names.findIndex(name => hostname === `${name}.example`)
      const answer = await witnesses[at]?.addCheckpoint(body)
      return new Response(answer?.body, {
        status: answer?.status ?? 500,
        headers: { 'content-type': answer?.contentType ?? '' },
      })
    }
    const keys = witnesses.map(one => parseWitnessKey(one.verifierKey))
    const policy = {
      needed,
      witnesses: keys.map(one => ({ key: one, url: `https://${one.name}` })),
    }
    const town = await openTestLog(engine, { schema, key, log, witnessed: { policy, fetch } })
    return { town, keys, broken, witnesses }
  }

  it('shows the newest checkpoint that enough have cosigned', async () => {
    const { town, keys, broken } = await witnessed('shown', 2)
    await town.grow(5)
    assert.equal(await town.ledger.published('checkpoint'), undefined)
    await town.ledger.askWitnesses()
    const sizeShown = async (): Promise<number> => {
      const file = await town.ledger.published('checkpoint')
      return Number(new TextDecoder().decode(file?.body).split('\n')[1])
    }
    assert.equal(await sizeShown(), 5)
    const read = await auditPublished({
      source: sourceOf(await town.files()),
      logKey: town.logKey,
      witnesses: keys,
      needed: 2,
    })
    assert.ok(read.kind === 'passed')
    assert.deepEqual(
      read.value.cosignatures.map(one => [one.witness, one.seconds]),
      [
        ['one.example', now],
        ['two.example', now],
      ],
    )
    broken.set('two.example', () => Promise.reject(new Error('unplugged')))
    await town.grow(5)
    await town.ledger.askWitnesses()
    assert.equal(await sizeShown(), 5)
    assert.ok(told.some(line => line.includes('witness-unreachable')))
    broken.clear()
    await town.grow(1)
    await town.ledger.askWitnesses()
    assert.equal(await sizeShown(), 11)
    assert.deepEqual(await town.ledger.audit(), { kind: 'intact', size: 11 })
  })

  it('finds out what a witness knows when it has forgotten it, and tells of one that knows more', async () => {
    const { town, witnesses } = await witnessed('forgotten', 1)
    await town.grow(5)
    await town.ledger.askWitnesses()
    await town.store.transaction(tx => tx.deleteFrom('ledger_cosignature').execute())
    await town.grow(5)
    await town.ledger.askWitnesses()
    assert.equal(
      (await town.store.read(db => db.selectFrom('ledger_cosignature').selectAll().execute()))
        .length,
      2,
    )
    // A longer history of the same log: this one is an old copy.
    const fork = await openTestLog(engine, { schema: 'forgotten_fork', key })
    await fork.grow(4)
    const stale = await openTestLog(engine, { schema: 'forgotten', key })
    const proof = (await stale.ledger.consistencyProof(10, 10)).length
    assert.equal(proof, 0)
    for (const witness of witnesses)
      assert.equal(
        refused(await witness.addCheckpoint(`old 0\n\n${(await fork.ledger.checkpoint()) ?? ''}`)),
        '409 10\n',
      )
  })

  it('keeps no line that does not hold', async () => {
    const { town, keys, broken } = await witnessed('lied', 1)
    await town.grow(5)
    const other = await witnessOf(town, { name: 'one.example' })
    const respond = (body: string) => () => Promise.resolve(new Response(body))
    broken.set('one.example', async body => new Response((await other.addCheckpoint(body)).body))
    broken.set('two.example', respond('— two.example AAAA\n'))
    await town.ledger.askWitnesses()
    broken.set('one.example', respond(''))
    broken.set('two.example', respond('not a line'))
    await town.ledger.askWitnesses()
    assert.equal(await town.ledger.published('checkpoint'), undefined)
    assert.ok(told.some(line => line.includes('wrong-signature')))
    assert.equal(keys.length, 2)
  })
})

describe('cosignatures below a checkpoint', () => {
  it('that are too few, or were altered, fail the reading', async () => {
    const town = await openTestLog(engine, { schema: 'counted', key })
    await town.grow(4)
    const files = await town.files()
    const note = (await town.ledger.checkpoint()) ?? ''
    const [first, second] = [
      await witnessOf(town, { name: 'a' }),
      await witnessOf(town, { name: 'b' }),
    ]
    const line = (await first.addCheckpoint(`old 0\n\n${note}`)).body
    const keys = [first, second].map(one => parseWitnessKey(one.verifierKey))
    const told = async (text: string, needed: number): Promise<string> => {
      const shown = new Map(files).set('checkpoint', new TextEncoder().encode(text))
      const source = sourceOf(shown)
      const verdict = await auditPublished({ source, logKey: town.logKey, witnesses: keys, needed })
      return verdict.kind === 'passed' ? 'passed' : verdict.reason.code
    }
    assert.equal(await told(note + line, 1), 'passed')
    assert.equal(await told(note + line, 2), 'cosignatures-missing')
    assert.equal(await told(note + line + line, 2), 'cosignatures-missing')
    assert.equal(await told(note + line.replace('— a', '— b'), 1), 'cosignatures-missing')
    const bytes = Buffer.from(line.split(' ')[2] ?? '', 'base64')
    for (const at of [4, 11, 12, 75]) {
      const altered = Buffer.from(bytes)
      altered[at] = (altered[at] ?? 0) ^ 1
      assert.equal(
        await told(`${note}— a ${altered.toString('base64')}\n`, 0),
        'cosignature-invalid',
        `octet ${at}`,
      )
    }
    const short = bytes.subarray(0, -1).toString('base64')
    assert.equal(await told(`${note}— a ${short}\n`, 0), 'cosignature-invalid')
  })
})
