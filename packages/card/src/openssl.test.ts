import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { composeTlvs, parseTlvs, type Tlv } from './tlv.ts'
import { testApplications, testKey, testSigner, testTerminal } from './virtual/card-for-tests.ts'

/** What openssl says of the signatures on a card, from the bytes of its files alone. */
const folder = mkdtempSync(join(tmpdir(), 'card-'))
after(() => rmSync(folder, { recursive: true }))

function openssl(...words: readonly string[]): Buffer {
  return execFileSync('openssl', [...words], { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] })
}

function keyFile(index: number): string {
  const { publicKey } = testKey(index)
  writeFileSync(join(folder, 'key.pem'), publicKey.export({ format: 'pem', type: 'spki' }))
  return 'key.pem'
}

function accepts(index: number, message: Uint8Array, signature: Uint8Array): boolean {
  writeFileSync(join(folder, 'message'), message)
  writeFileSync(join(folder, 'signature'), signature)
  try {
    const key = keyFile(index)
    const said = openssl('dgst', '-sha256', '-verify', key, '-signature', 'signature', 'message')
    return said.toString().includes('Verified OK')
  } catch {
    return false
  }
}

const bent = (bytes: Uint8Array): Uint8Array =>
  bytes.map((byte, at) => (at === 20 ? byte ^ 1 : byte))
const inner = (bytes: Uint8Array | undefined): readonly Tlv[] => {
  const [whole] = parseTlvs(bytes ?? new Uint8Array(0)) ?? []
  return parseTlvs(whole?.value ?? new Uint8Array(0)) ?? []
}
const { text, face } = testApplications()
const file = (files: Readonly<Record<string, string>> | undefined, id: string): Uint8Array =>
  new Uint8Array(Buffer.from(files?.[id] ?? '', 'base64'))

test('openssl accepts the CV certificates of signer, organisation and terminal, and none that was bent', () => {
  const { organisationCertificate, terminalCertificate } = testTerminal()
  for (const [certificate, key] of [
    [testSigner().certificate, 11],
    [organisationCertificate, 14],
    [terminalCertificate, 15],
  ] as const) {
    const [body, signature] = inner(certificate)
    assert.ok(body && signature)
    assert.ok(accepts(key, body.value, signature.value))
    assert.ok(!accepts(key, bent(body.value), signature.value))
    assert.ok(!accepts(key + 5, body.value, signature.value))
  }
})

test('openssl accepts the integrity record and its hashes, taken from the file as the standard tells', () => {
  const [number, attributes, signature] = inner(file(text?.files, '0003'))
  assert.ok(number && attributes && signature)
  const signed = composeTlvs([number, attributes])
  assert.ok(accepts(12, signed, signature.value))
  assert.ok(!accepts(12, bent(signed), signature.value))
  const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()
  assert.deepEqual(Buffer.from(number.value), sha256(file(text?.files, '0001')))
  const whole = Buffer.from(file(text?.files, '0002'))
  assert.deepEqual(
    Buffer.from(attributes.value),
    sha256(whole.subarray(whole.indexOf(Buffer.from('DF22', 'hex')))),
  )
})

test('openssl recovers from the signature of the front the three hashes of its entries', () => {
  const bytes = Buffer.from(file(face?.files, '0002'))
  const parts = inner(bytes)
  const signature = parts.find(({ tag }) => tag === 0xdf28)
  assert.ok(signature)
  writeFileSync(join(folder, 'signature'), signature.value)
  keyFile(12)
  const words =
    'pkeyutl -verifyrecover -pubin -inkey key.pem -in signature -pkeyopt rsa_padding_mode:pkcs1'
  const block = openssl(...words.split(' '))
  // By the offsets in the table of the file, not by our reader of entries.
  const table = parts[0]?.value ?? new Uint8Array(0)
  const offset = (at: number): number => ((table[at * 2] ?? 0) << 8) | (table[at * 2 + 1] ?? 0)
  const hash = (from: number, to: number): Buffer =>
    createHash('sha256')
      .update(bytes.subarray(offset(from), offset(to)))
      .digest()
  const expected = Buffer.concat([hash(0, 3), hash(3, 5), hash(5, 6)])
  assert.equal(block.subarray(-96).toString('hex'), expected.toString('hex'))
  assert.equal(block.subarray(0, 19).toString('hex'), '3071300d060960864801650304020105000460')
})
