import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import * as fc from 'fast-check'
import { temporaryFolder } from '@sekisho/runtime/files'
import { signingKeyOf } from '@sekisho/runtime/keyring'
import { createKey } from '@sekisho/runtime/keys'
import { signCheckpoint } from './checkpoint.ts'
import {
  consistencyPath,
  inclusionPath,
  leafHash,
  nodeHash,
  rootOf,
  type SubtreeReader,
} from './merkle.ts'
import {
  type Checkpoint,
  contentHashOf,
  formatLogKey,
  parseLogKey,
  verifyCheckpoint,
  verifyConsistency,
  verifyEntry,
  verifyInclusion,
} from './verify.ts'

const origin = 'platform.example/ledger'
const key = await createKey('ed25519')
const logKey = { origin, publicKey: key.publicKey }
const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** The definition of RFC 6962 §2.1 word by word, as a second opinion. */
function naiveRoot(leaves: readonly Uint8Array[]): Uint8Array {
  const [first] = leaves
  if (first === undefined) throw new Error('empty')
  if (leaves.length === 1) return leafHash(first)
  let k = 1
  while (k * 2 < leaves.length) k *= 2
  return nodeHash(naiveRoot(leaves.slice(0, k)), naiveRoot(leaves.slice(k)))
}
const readerOf =
  (leaves: readonly Uint8Array[]): SubtreeReader =>
  async (level, index) =>
    naiveRoot(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level))

async function checkpointOf(size: number, root: Uint8Array): Promise<Checkpoint> {
  const verdict = verifyCheckpoint(
    await signCheckpoint({ origin, size, root }, signingKeyOf(key)),
    logKey,
  )
  if (verdict.kind !== 'passed') throw new Error(verdict.reason.code)
  return verdict.value
}

describe('the tree', () => {
  it('has the roots that Certificate Transparency publishes for its eight test leaves', async () => {
    const inputs = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657']
    inputs.push('606162636465666768696a6b6c6d6e6f')
    const leaves = inputs.map(input => Uint8Array.from(Buffer.from(input, 'hex')))
    const roots = [
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
      'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
      'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
      '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
      '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
      'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
      '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
    ]
    for (const [at, root] of roots.entries()) {
      assert.equal(hex(await rootOf(at + 1, readerOf(leaves.slice(0, at + 1)))), root)
    }
    const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    assert.equal(hex(await rootOf(0, readerOf([]))), empty)
  })

  it('proves every leaf of every size, and nothing with a changed, missing or added hash', async () => {
    const leaves = Array.from({ length: 20 }, (_, at) => text(`leaf ${at}`))
    for (let size = 1; size <= leaves.length; size += 1) {
      const some = leaves.slice(0, size)
      const checkpoint = await checkpointOf(size, naiveRoot(some))
      for (const [index, leaf] of some.entries()) {
        const path = await inclusionPath(index, size, readerOf(some))
        const proof = { index, size, path }
        assert.equal(verifyInclusion(leaf, proof, checkpoint).kind, 'passed')
        const wrongs = [
          { ...proof, index: (index + 1) % (size + 1) },
          { ...proof, index: -1 },
          { ...proof, size: size + 1 },
          { ...proof, path: path.slice(1) },
          { ...proof, path: [...path, leafHash(leaf)] },
        ]
        for (const wrong of wrongs) {
          if (size === 1 && wrong.path.length === 0 && wrong.index === 0 && wrong.size === 1)
            continue
          assert.equal(verifyInclusion(leaf, wrong, checkpoint).kind, 'failed')
        }
        assert.equal(verifyInclusion(text('another'), proof, checkpoint).kind, 'failed')
      }
    }
  })

  it('proves that every size continues every smaller one, and no other history', async () => {
    const leaves = Array.from({ length: 20 }, (_, at) => text(`leaf ${at}`))
    const forged = [...leaves]
    forged[0] = text('another beginning')
    for (let to = 0; to <= leaves.length; to += 1) {
      for (let from = 0; from <= to; from += 1) {
        const path = await consistencyPath(from, to, readerOf(leaves))
        const earlier = await checkpointOf(from, await rootOf(from, readerOf(leaves)))
        const later = await checkpointOf(to, await rootOf(to, readerOf(leaves)))
        assert.equal(verifyConsistency(earlier, later, path).kind, 'passed', `${from} ${to}`)
        assert.equal(
          verifyConsistency(earlier, later, [...path, leafHash(text('x'))]).kind,
          'failed',
        )
        if (path.length > 0) {
          assert.equal(verifyConsistency(earlier, later, path.slice(1)).kind, 'failed')
        }
        if (from === 0) continue
        const other = await checkpointOf(to, await rootOf(to, readerOf(forged)))
        const otherPath = await consistencyPath(from, to, readerOf(forged))
        assert.equal(verifyConsistency(earlier, other, path).kind, 'failed')
        assert.equal(verifyConsistency(earlier, other, otherPath).kind, 'failed')
        if (from < to) assert.equal(verifyConsistency(later, earlier, path).kind, 'failed')
      }
    }
  })
})

describe('a checkpoint', async () => {
  const root = leafHash(text('x'))
  const note = await signCheckpoint({ origin, size: 1, root }, signingKeyOf(key))
  const code = (changed: string): string => {
    const verdict = verifyCheckpoint(changed, logKey)
    return verdict.kind === 'passed' ? 'passed' : verdict.reason.code
  }

  it('holds for its log and shows what was signed', () => {
    const verdict = verifyCheckpoint(note, logKey)
    assert.equal(verdict.kind, 'passed')
    if (verdict.kind === 'passed') {
      assert.equal(verdict.value.size, 1)
      assert.deepEqual(verdict.value.root, root)
    }
  })

  it('fails when a character is changed, for another log, without our signature', async () => {
    assert.equal(code(note.replace('\n1\n', '\n2\n')), 'checkpoint-signature-invalid')
    assert.equal(code(note.replace('\n1\n', '\n01\n')), 'checkpoint-malformed')
    assert.equal(code(note.replace('\n1\n', '\n-1\n')), 'checkpoint-malformed')
    assert.equal(code(note.replace(origin, 'other.example/ledger')), 'checkpoint-of-another-log')
    assert.equal(code(note.replace('\n\n', '\n')), 'checkpoint-malformed')
    assert.equal(code(note.slice(0, -1)), 'checkpoint-malformed')
    assert.equal(code(''), 'checkpoint-malformed')
    assert.equal(code(note.replace('\n\n', '\nextension\n\n')), 'checkpoint-signature-invalid')
    const stranger = await createKey('ed25519')
    const theirs = await signCheckpoint({ origin, size: 1, root }, signingKeyOf(stranger))
    assert.equal(code(theirs), 'checkpoint-unsigned')
  })

  it('that is damaged anywhere never passes and never crashes the reader', () => {
    const bytes = [...note]
    const change = fc.tuple(
      fc.nat(bytes.length - 1),
      fc.constantFrom('', '\n', 'A', '— ', '0', '+'),
    )
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), changes => {
        const damaged = [...bytes]
        for (const [at, put] of changes) damaged[at] = put
        const text = damaged.join('')
        if (text !== note) assert.notEqual(code(text), 'passed')
      }),
    )
    fc.assert(fc.property(fc.string(), text => assert.notEqual(code(text), 'passed')))
  })

  it('may carry signatures of witnesses beside ours', async () => {
    const witness = await createKey('ed25519')
    const line = await signCheckpoint(
      { origin: 'witness.example', size: 1, root },
      signingKeyOf(witness),
    )
    const signature = line.split('\n').at(-2) ?? ''
    assert.equal(code(`${note}${signature}\n`), 'passed')
    assert.equal(code(note.replace('\n\n', `\n\n${signature}\n`)), 'passed')
    assert.equal(code(`${note}not a signature\n`), 'checkpoint-malformed')
  })

  it('is verified by openssl over the bytes of the note alone', async () => {
    await using folder = await temporaryFolder('checkpoint')
    const [body = '', signatureLine = ''] = note.split('\n\n')
    const signature = Buffer.from(signatureLine.trim().split(' ')[2] ?? '', 'base64').subarray(4)
    const path = (name: string): string => join(folder.path, name)
    await writeFile(path('text'), `${body}\n`)
    await writeFile(path('signature'), signature)
    await writeFile(path('key'), key.publicKey.export({ format: 'pem', type: 'spki' }))
    const args = ['pkeyutl', '-verify', '-pubin', '-inkey', path('key'), '-rawin']
    const { stdout } = await promisify(execFile)('openssl', [
      ...args,
      '-in',
      path('text'),
      '-sigfile',
      path('signature'),
    ])
    assert.match(stdout, /Verified Successfully/)
  })
})

describe('a verifier key', () => {
  it('survives being written and read', () => {
    const written = formatLogKey(logKey)
    const read = parseLogKey(written)
    assert.equal(read.origin, origin)
    assert.equal(read.publicKey.equals(key.publicKey), true)
  })

  it('is the one that the sum database of the Go project publishes, read by the same rule', () => {
    const go = 'sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8'
    assert.equal(parseLogKey(go).origin, 'sum.golang.org')
    assert.equal(formatLogKey(parseLogKey(go)), go)
  })

  it('that does not fit its own id, or is none, is refused', () => {
    const written = formatLogKey(logKey)
    assert.throws(() => parseLogKey(written.replace('platform', 'another')), /its own id/)
    assert.throws(() => parseLogKey('a+b'), /not a verifier key/)
  })
})

it('a disclosed entry is bound to its salt and bytes', async () => {
  const disclosed = { salt: new Uint8Array(32), entry: text('{"v":1}') }
  const leaf = contentHashOf(disclosed)
  const checkpoint = await checkpointOf(1, leafHash(leaf))
  const proof = { index: 0, size: 1, path: [] }
  assert.equal(verifyEntry(disclosed, proof, checkpoint).kind, 'passed')
  const altered = { ...disclosed, entry: text('{"v":2}') }
  assert.equal(verifyEntry(altered, proof, checkpoint).kind, 'failed')
  // The border between salt and entry cannot be shifted.
  const shifted = { salt: new Uint8Array(31), entry: Uint8Array.from([0, ...disclosed.entry]) }
  assert.equal(verifyEntry(shifted, proof, checkpoint).kind, 'failed')
})
