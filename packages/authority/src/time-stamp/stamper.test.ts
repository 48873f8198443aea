import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  encodeTimeStampRequest,
  judgeTimeStamp,
  KeyCache,
  parseTimeStampResponse,
  digest,
} from '@sekisho/pki'
import { fixedClock } from '@sekisho/runtime/clock'
import { temporaryFolder } from '@sekisho/runtime/files'
import { systemRandom } from '@sekisho/runtime/random'
import { townTimeStampAnchors } from '../program.ts'
import { townStamps } from '../town-keys.ts'
import { createStamper } from './stamper.ts'

const clock = fixedClock(Date.UTC(2030, 3, 1, 3, 0, 0))
const stamper = createStamper(townStamps(), { clock, random: systemRandom() })
const document = new TextEncoder().encode('契約書')
const nonce = Uint8Array.of(9, 8, 7)
const value = digest('sha384', document)

const statusOf = (request: Uint8Array): number => {
  const response = parseTimeStampResponse(stamper.answer(request))
  return response.kind === 'refused' ? response.status : 0
}

test('a stamp is what the platform demands: nonce, certificate bound, not revoked by the root’s list', () => {
  const request = encodeTimeStampRequest({ hash: 'sha384', value, policy: undefined, nonce })
  const response = parseTimeStampResponse(stamper.answer(request))
  assert.ok(response.kind === 'granted')
  const judged = judgeTimeStamp({
    token: response.token,
    stamped: { kind: 'bytes', bytes: document },
    nonce,
    at: clock.now(),
    trust: {
      anchors: townTimeStampAnchors(),
      intermediates: [],
      revocation: { kind: 'crls', lists: [stamper.list()] },
    },
    keys: new KeyCache(8),
  })
  assert.ok(judged.kind === 'passed', JSON.stringify(judged))
  assert.equal(judged.value.info.at, clock.now())
})

test('what is malformed, weak or of another policy is refused', () => {
  assert.equal(statusOf(Uint8Array.of(1, 2, 3)), 2)
  const asking = { hash: 'sha256', value: digest('sha256', document), nonce: undefined } as const
  assert.equal(statusOf(encodeTimeStampRequest({ ...asking, policy: '2.999.392.1' })), 0)
  assert.equal(statusOf(encodeTimeStampRequest({ ...asking, policy: '1.2.3' })), 2)
  assert.equal(statusOf(encodeTimeStampRequest({ ...asking, value, policy: undefined })), 2)
})

test('openssl asks and accepts', async () => {
  await using folder = await temporaryFolder('stamp')
  const at = (name: string): string => join(folder.path, name)
  const openssl = (...args: readonly string[]): string => {
    const { status, stdout, stderr } = spawnSync('openssl', args, { encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    return stdout
  }
  await writeFile(at('document'), document)
  openssl('ts', '-query', '-data', at('document'), '-sha512', '-cert', '-out', at('query'))
  await writeFile(at('reply'), stamper.answer(new Uint8Array(await readFile(at('query')))))
  await writeFile(at('root.der'), stamper.root.raw)
  openssl('x509', '-inform', 'DER', '-in', at('root.der'), '-out', at('root.pem'))
  const seconds = String(clock.now() / 1000)
  const trust = ['-CAfile', at('root.pem'), '-attime', seconds]
  openssl('ts', '-verify', '-queryfile', at('query'), '-in', at('reply'), ...trust)
  await writeFile(at('list'), stamper.list())
  openssl('crl', '-inform', 'DER', '-in', at('list'), '-CAfile', at('root.pem'), '-noout')
})
