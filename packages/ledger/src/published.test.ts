import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createKey, type KeyPair } from '@sekisho/runtime/keys'
import { type Engine, openEmbedded } from '@sekisho/runtime/store'
import { openTestLog, sourceOf, type TestLog } from './log-for-tests.ts'
import { leafHash } from './merkle.ts'
import { logFilePath, parseLogFilePath, tileWidthIn } from './tile-path.ts'
import { auditPublished, type KeptAudit, type PublishedAudit, type Verdict } from './verify.ts'

let engine: Engine
let key: KeyPair
before(async () => {
  engine = await openEmbedded('memory')
  key = await createKey('ed25519')
})
after(() => engine.close())

type Files = Map<string, Uint8Array>
type Given = Partial<Parameters<typeof auditPublished>[0]>

const audited = (town: TestLog, files: Files, given: Given = {}) =>
  auditPublished({
    source: sourceOf(files),
    logKey: town.logKey,
    witnesses: [],
    needed: 0,
    ...given,
  })
const codeOf = (verdict: Verdict<unknown>): string =>
  verdict.kind === 'passed' ? 'passed' : verdict.reason.code
function passed(verdict: Verdict<PublishedAudit>): PublishedAudit {
  if (verdict.kind === 'failed') throw new Error(verdict.reason.code)
  return verdict.value
}
function flipped(bytes: Uint8Array | undefined, at: number): Uint8Array {
  const copy = Uint8Array.from(bytes ?? assert.fail('no such file'))
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}

describe('addresses of a published log', () => {
  it('are the ones of the specification, and read back', () => {
    const known = [
      ['tile/0/x001/x234/067', { kind: 'tile', level: 0, tile: 1_234_067, width: 256 }],
      ['tile/2/000.p/1', { kind: 'tile', level: 2, tile: 0, width: 1 }],
      ['tile/0/273.p/112', { kind: 'tile', level: 0, tile: 273, width: 112 }],
      ['tile/63/999', { kind: 'tile', level: 63, tile: 999, width: 256 }],
      ['tile/entries/x001/000.p/255', { kind: 'entries', tile: 1_000, width: 255 }],
      ['checkpoint', { kind: 'checkpoint' }],
    ] as const
    for (const [path, file] of known) {
      assert.deepEqual(parseLogFilePath(path), file)
      assert.equal(logFilePath(file), path)
    }
  })

  it('spelled in any other way are none', () => {
    const wrong = ['', 'checkpoint/', 'tile/0/0', 'tile/00/000', 'tile/64/000', 'tile/0/000.p/0']
    wrong.push('tile/0/000.p/256', 'tile/0/000.p/01', 'tile/0/x000/001', 'tile/0/001/002')
    wrong.push('tile/0/x001', 'tile/-1/000', 'tile/0/000/', 'tile/data/000', '../checkpoint')
    wrong.push('tile/0/000.p', 'tile/entries', 'tile/0/x001/x000/x000/x000/x000/x000/000')
    for (const path of wrong) assert.equal(parseLogFilePath(path), undefined, path)
  })

  it('go as far as the tree does', () => {
    const widths = (level: number, tiles: readonly number[]): readonly number[] =>
      tiles.map(tile => tileWidthIn(70_000, level, tile))
    assert.deepEqual(widths(0, [0, 272, 273, 274]), [256, 256, 112, 0])
    assert.deepEqual(widths(1, [0, 1, 2]), [256, 17, 0])
    assert.deepEqual(widths(2, [0, 1]), [1, 0])
    assert.equal(tileWidthIn(256, 1, 0), 1)
  })
})

describe('a published log', () => {
  it('holds hashes and nothing else, and its entries are what its leaves are made of', async () => {
    const town = await openTestLog(engine, { schema: 'published', key })
    assert.equal(await town.ledger.published('checkpoint'), undefined)
    await town.grow(300)
    const files = await town.files()
    assert.deepEqual(
      [...files.keys()].toSorted((one, other) => one.localeCompare(other)),
      ['checkpoint', 'tile/0/000', 'tile/0/001.p/44', 'tile/1/000.p/1']
        .concat('tile/entries/000', 'tile/entries/001.p/44')
        .toSorted((one, other) => one.localeCompare(other)),
    )
    const leaves = files.get('tile/0/000') ?? new Uint8Array()
    const entries = Buffer.from(files.get('tile/entries/000') ?? [])
    assert.equal(leaves.length, 256 * 32)
    assert.equal(entries.length, 256 * 34)
    for (let at = 0; at < 256; at += 1) {
      assert.equal(entries.readUInt16BE(at * 34), 32)
      const hash = leafHash(entries.subarray(at * 34 + 2, (at + 1) * 34))
      assert.deepEqual(hash, leaves.slice(at * 32, (at + 1) * 32))
    }
    for (const path of ['tile/0/001', 'tile/0/001.p/45', 'tile/0/002.p/1', 'tile/2/000.p/1', 'x'])
      assert.equal(await town.ledger.published(path), undefined, path)
    const narrow = await town.ledger.published('tile/0/001.p/7')
    assert.equal(narrow?.body.length, 7 * 32)
    assert.equal(narrow?.isImmutable, true)
    assert.equal((await town.ledger.published('checkpoint'))?.isImmutable, false)
  })

  it('is read whole, and from where the last reading ended, with the entries that somebody holds', async () => {
    const town = await openTestLog(engine, { schema: 'reading', key })
    await town.grow(1)
    let kept: KeptAudit | undefined
    let size = 1
    for (const more of [0, 1, 254, 1, 300, 212, 3_000]) {
      if (more > 0) await town.grow(more)
      size += more
      const files = await town.files()
      const receipts = (await town.receipts()).filter((_, at) => at % 1_000 === size % 7)
      const told = passed(await audited(town, files, { kept, receipts }))
      assert.deepEqual([told.checkpoint.size, told.before], [size, kept && size - more])
      assert.deepEqual(told.kept.edge.length, size.toString(2).replaceAll('0', '').length)
      assert.deepEqual(passed(await audited(town, files, { kept, isWhole: true })).kept, told.kept)
      kept = told.kept
    }
  })
})

describe('whoever tampers with a published log is found out', () => {
  let town: TestLog
  let files: Files
  let kept: KeptAudit
  before(async () => {
    town = await openTestLog(engine, { schema: 'tampered', key })
    await town.grow(700)
    kept = passed(await audited(town, await town.files())).kept
    await town.grow(90)
    files = await town.files()
  })
  const bent = (path: string, at = 0): Files =>
    new Map(files).set(path, flipped(files.get(path), at))

  it('an entry that was changed, by every reading that comes upon it', async () => {
    assert.equal(codeOf(await audited(town, bent('tile/0/001', 40))), 'tiles-wrong')
    const late = bent('tile/0/003.p/22', 21 * 32)
    assert.equal(codeOf(await audited(town, late, { kept })), 'consistency-wrong')
    const early = bent('tile/0/000')
    assert.equal(codeOf(await audited(town, early, { kept, isWhole: true })), 'consistency-wrong')
    // Not read again without being asked to, unless somebody holds an entry beside it.
    assert.equal(codeOf(await audited(town, early, { kept })), 'passed')
    const receipts = (await town.receipts()).slice(1, 2)
    assert.equal(codeOf(await audited(town, early, { kept, receipts })), 'inclusion-wrong')
  })

  it('an upper tile that does not follow from the lower ones', async () => {
    assert.equal(codeOf(await audited(town, bent('tile/1/000.p/3', 33))), 'tiles-wrong')
  })

  it('an entry that the log does not hold, or not there', async () => {
    const [one, other] = await town.receipts()
    assert.ok(one !== undefined && other !== undefined)
    const entry = flipped(one.entry, 3)
    for (const wrong of [
      { ...one, entry },
      { ...one, salt: flipped(one.salt, 0) },
      { ...one, salt: one.salt.slice(1) },
      { ...one, index: other.index },
      { ...one, index: 790 },
      { ...one, index: -1 },
      { ...one, index: 0.5 },
    ])
      assert.equal(
        codeOf(await audited(town, files, { receipts: [one, wrong] })),
        'inclusion-wrong',
      )
  })

  it('an end that was cut off', async () => {
    const old = await openTestLog(engine, { schema: 'cut', key })
    await old.grow(600)
    assert.equal(codeOf(await audited(old, await old.files(), { kept })), 'log-shortened')
    const missing = new Map(files)
    missing.delete('tile/0/003.p/22')
    assert.equal(codeOf(await audited(town, missing)), 'tile-missing')
    const short = new Map(files).set('tile/0/003.p/22', new Uint8Array(21 * 32))
    assert.equal(codeOf(await audited(town, short)), 'tile-missing')
    assert.equal(codeOf(await audited(town, new Map())), 'checkpoint-missing')
  })

  it('another history under the same key, of the same size or longer', async () => {
    const fork = await openTestLog(engine, { schema: 'fork', key })
    await fork.grow(700)
    for (const more of [0, 500]) {
      if (more > 0) await fork.grow(more)
      const told = await fork.files()
      assert.equal(codeOf(await audited(fork, told)), 'passed')
      assert.equal(codeOf(await audited(fork, told, { kept })), 'consistency-wrong')
      assert.equal(codeOf(await audited(fork, told, { kept, isWhole: true })), 'consistency-wrong')
    }
  })

  it('another key, and a checkpoint that was altered', async () => {
    const other = await openTestLog(engine, { schema: 'stranger' })
    await other.grow(3)
    const told = await other.files()
    assert.equal(codeOf(await audited(town, told)), 'checkpoint-unsigned')
    const altered = bent('checkpoint', 30)
    assert.notEqual(codeOf(await audited(town, altered)), 'passed')
  })

  it('what was kept of the last reading, if it was altered', async () => {
    const { checkpoint, edge } = kept
    const wrong: readonly KeptAudit[] = [
      { checkpoint, edge: edge.slice(1) },
      { checkpoint, edge: [...edge].toReversed() },
      { checkpoint, edge: edge.map((hash, at) => (at === 0 ? hash.replace(/^./, 'A') : hash)) },
      { checkpoint: checkpoint.replace('700', '701'), edge },
      { checkpoint: 'x', edge },
    ]
    for (const one of wrong)
      assert.equal(codeOf(await audited(town, files, { kept: one })), 'kept-state-wrong')
  })
})
