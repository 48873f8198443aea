import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { deriveOwnerKey, heldOwnerKey } from './owner-key.ts'

const master = Uint8Array.from({ length: 32 }, (_, at) => at)
const of = { aid: 'F05345534B02', serial: '123456789012345' } as const
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

test('the owner’s key is the one that openssl derives, and another for every card and application', () => {
  const info = `sekisho-card-owner-key-v1 ${of.aid}`
  const options = [
    'digest:SHA2-256',
    `hexkey:${hex(master)}`,
    `hexsalt:${hex(Buffer.from(of.serial))}`,
    `hexinfo:${hex(Buffer.from(info))}`,
  ].flatMap(option => ['-kdfopt', option])
  const said = execFileSync('openssl', ['kdf', '-keylen', '32', ...options, 'HKDF'], {
    encoding: 'utf8',
  })
  const key = deriveOwnerKey(master, of)
  assert.equal(hex(key), said.trim().replaceAll(':', '').toLowerCase())
  const keys = [
    key,
    deriveOwnerKey(master, { ...of, serial: '123456789012346' }),
    deriveOwnerKey(master, { ...of, aid: 'F05345534B0202' }),
    deriveOwnerKey(master.with(0, 1), of),
  ].map(hex)
  assert.equal(new Set(keys).size, keys.length)
})

test('a held key answers as HMAC-SHA-256', async () => {
  const key = deriveOwnerKey(master, of)
  const message = Uint8Array.of(1, 2, 3)
  const expected = createHmac('sha256', key).update(message).digest('hex')
  assert.equal(hex(await heldOwnerKey(key).hmac(message)), expected)
})
