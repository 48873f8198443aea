import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSignedData } from './cms.ts'
import { cadesSpecimen, cmsDemands, cmsDocument } from './cms-specimen-for-tests.ts'
import { detachContent } from './cms-stream.ts'
import { validateCms } from './cms-validation.ts'
import { MalformedError } from './der.ts'
import { OpensslJudge } from './openssl-for-tests.ts'
import { cmsLeaf } from './cms-specimen-for-tests.ts'
import { poolKey } from './issue/pool.ts'
import type { ByteSource } from './pdf/byte-source.ts'
import { sourceOf } from './pdf/byte-source.ts'
import { codeOf } from './specimen-for-tests.ts'

const judged = (cms: Uint8Array): string => {
  const { cms: rest, content } = detachContent(sourceOf(cms))
  return codeOf(validateCms(cmsDemands(rest, { content, level: 'cms' })).verdict)
}

function opensslSigns(document: Uint8Array, ...how: readonly string[]): Uint8Array {
  using judge = new OpensslJudge()
  const said = judge.run(
    'cms',
    '-sign',
    '-binary',
    '-nodetach',
    '-outform',
    'DER',
    ...how,
    '-in',
    judge.file('document', document),
    '-signer',
    judge.pem('leaf.pem', 'CERTIFICATE', cmsLeaf.raw),
    '-inkey',
    judge.pem('key.pem', 'PRIVATE KEY', poolKey(1).pkcs8),
    '-out',
    judge.path('out'),
  )
  assert.equal(said.status, 0, said.text)
  return judge.read(judge.path('out'))
}

test('a container is judged without its content in memory as it is with it, DER and BER', () => {
  const document = new Uint8Array(300_000).map((_, i) => i * 7)
  for (const cms of [
    cadesSpecimen(),
    opensslSigns(document),
    opensslSigns(document, '-stream'),
    opensslSigns(document, '-stream', '-md', 'sha512'),
  ]) {
    assert.equal(judged(cms), 'passed')
    assert.ok(detachContent(sourceOf(cms)).cms.length < 10_000)
    const at = Math.floor(cms.length / 2)
    if (cms.length > 10_000)
      assert.equal(judged(cms.with(at, (cms[at] ?? 0) ^ 1)), 'content-altered')
  }
})

test('a container beside its content stays what it was', () => {
  const cms = cadesSpecimen({ isDetached: true })
  const found = detachContent(sourceOf(cms))
  assert.equal(found.content, undefined)
  assert.deepEqual(found.cms, parseSignedData(cms).raw)
})

test('what is cut off anywhere is malformed and never read beyond its end', () => {
  for (const cms of [cadesSpecimen(), opensslSigns(cmsDocument, '-stream')]) {
    for (let end = 0; end < cms.length; end++) {
      assert.throws(() => detachContent(sourceOf(cms.subarray(0, end))), MalformedError, `${end}`)
    }
  }
})

test('content of gigabytes is hashed in pieces', () => {
  // The content is zeros that nobody holds: header, a gigabyte of nothing, tail.
  const size = 2 ** 30
  const whole = opensslSigns(new Uint8Array(70_000))
  const start = Buffer.from(whole).indexOf(new Uint8Array(70_000))
  const tail = whole.subarray(start + 70_000)
  const head = whole.subarray(0, start)
  // Grow every length that encloses the content: all of them have three octets here, so five are put instead.
  let grown = Buffer.alloc(0)
  let at = 0
  for (;;) {
    const next = Buffer.from(head).indexOf(Uint8Array.of(0x83), at)
    if (next < 0) break
    const length =
      (head[next + 1] ?? 0) * 65536 + (head[next + 2] ?? 0) * 256 + (head[next + 3] ?? 0)
    const rest = Buffer.from(head)
      .subarray(next + 4)
      .filter(byte => byte === 0x83).length
    const longer = Buffer.alloc(9)
    longer[0] = 0x88
    longer.writeBigUInt64BE(BigInt(length - 70_000 + size + rest * 5), 1)
    grown = Buffer.concat([grown, head.subarray(at, next), longer])
    at = next + 4
  }
  grown = Buffer.concat([grown, head.subarray(at)])
  const zeros = new Uint8Array(1024 * 1024)
  const source: ByteSource = {
    length: grown.length + size + tail.length,
    read(offset, length) {
      const out: Uint8Array[] = []
      let left = length
      let position = offset
      while (left > 0) {
        const piece =
          position < grown.length
            ? grown.subarray(position, position + left)
            : position < grown.length + size
              ? zeros.subarray(0, Math.min(left, grown.length + size - position, zeros.length))
              : tail.subarray(position - grown.length - size).subarray(0, left)
        out.push(piece)
        left -= piece.length
        position += piece.length
      }
      return out.length === 1 && out[0] !== undefined ? out[0] : Buffer.concat(out)
    },
  }
  const before = process.memoryUsage().rss
  const { content } = detachContent(source)
  assert.ok(content?.kind === 'hashes' && content.hashes.sha256 !== undefined)
  assert.ok(process.memoryUsage().rss - before < 100 * 1024 * 1024)
})
