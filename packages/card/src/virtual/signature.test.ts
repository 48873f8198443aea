import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { constants, createHash, publicDecrypt } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { composeCommand, command } from '../apdu.ts'
import { createVirtualCard, type VirtualCard } from './card.ts'
import { hex, testCard, testKey } from './card-for-tests.ts'

const key = testKey(1)

async function readyCard(): Promise<VirtualCard> {
  const card = createVirtualCard(testCard(key), { onChange: () => undefined })
  await card.transmit(Buffer.from('00A4040C0AD392F000260100000001', 'hex'))
  assert.equal(hex(await card.transmit(Buffer.from('002000980431323334', 'hex'))), '9000')
  return card
}

async function signed(card: VirtualCard, form: number, data: Uint8Array): Promise<Buffer> {
  const answer = await card.transmit(composeCommand(command(0x80, 0x2a, form, 0x97, data, 256)))
  assert.equal(hex(answer.subarray(-2)), '9000')
  return Buffer.from(answer.subarray(0, -2))
}

const document = Buffer.from('申込書 no. 1')
const digest = createHash('sha256').update(document).digest()
const info = Buffer.concat([Buffer.from('3031300D060960864801650304020105000420', 'hex'), digest])

test('the forms 02 and 03 give the signature of a DigestInfo, byte for byte that of form 00', async () => {
  const card = await readyCard()
  const plain = await signed(card, 0x00, info)
  assert.deepEqual(await signed(card, 0x02, digest), plain)
  assert.deepEqual(await signed(card, 0x03, document), plain)
})

test('form 01 signs the bare hash that the card makes', async () => {
  const bare = await signed(await readyCard(), 0x01, document)
  const opened = publicDecrypt({ key: key.publicKey, padding: constants.RSA_PKCS1_PADDING }, bare)
  assert.deepEqual(opened, digest)
})

test('openssl accepts the PSS signatures of 04 and 05 over a document, and not over another', async () => {
  const card = await readyCard()
  const folder = mkdtempSync(join(tmpdir(), 'card-'))
  try {
    writeFileSync(join(folder, 'document'), document)
    writeFileSync(join(folder, 'other'), '申込書 no. 2')
    writeFileSync(join(folder, 'key.pem'), key.publicKey.export({ format: 'pem', type: 'spki' }))
    for (const [form, data] of [
      [0x04, digest],
      [0x05, document],
    ] as const) {
      writeFileSync(join(folder, 'signature'), await signed(card, form, data))
      const judge = (name: string): string =>
        execFileSync(
          'openssl',
          `dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -verify key.pem -signature signature ${name}`.split(
            ' ',
          ),
          { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
        )
      assert.match(judge('document'), /Verified OK/)
      assert.throws(() => judge('other'))
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a hash of another size is refused, a document of one command is not; other forms are unknown', async () => {
  const card = await readyCard()
  const answer = async (form: number, size: number): Promise<string> =>
    hex(
      await card.transmit(
        composeCommand(command(0x80, 0x2a, form, 0x97, new Uint8Array(size), 256)),
      ),
    ).slice(-4)
  assert.equal(await answer(0x02, 31), '6700')
  assert.equal(await answer(0x02, 33), '6700')
  assert.equal(await answer(0x04, 31), '6700')
  assert.equal(await answer(0x03, 65535), '9000')
  assert.equal(await answer(0x05, 0), '6700')
  assert.equal(await answer(0x06, 32), '6A86')
  assert.equal(await answer(0xff, 32), '6A86')
})

test('no form signs without the PIN', async () => {
  const card = createVirtualCard(testCard(key), { onChange: () => undefined })
  await card.transmit(Buffer.from('00A4040C0AD392F000260100000001', 'hex'))
  for (const form of [0, 1, 2, 3, 4, 5])
    assert.equal(
      hex(
        await card.transmit(
          composeCommand(command(0x80, 0x2a, form, 0x97, new Uint8Array(32), 256)),
        ),
      ),
      '6982',
    )
})
