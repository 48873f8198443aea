import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { createVirtualCard, type VirtualCard } from '@sekisho/card/virtual'
import { temporaryFolder } from '@sekisho/runtime/files'
import { adultCard, testPassword, testPin, wholeCard, youngCard } from './citizens-for-tests.ts'
import { type Pcscd, startPcscd } from './pcscd-for-tests.ts'
import { plugCard } from './plug.ts'

const run = promisify(execFile)

/** OpenSC's own tools over a PC/SC service of our own, with this card plugged in. */
async function withTools(
  card: VirtualCard,
  use: (
    tool: (name: string, ...args: readonly string[]) => Promise<string>,
    folder: string,
  ) => Promise<void>,
): Promise<void> {
  const pcscd: Pcscd = await startPcscd()
  await using folder = await temporaryFolder('opensc')
  try {
    const plug = await plugCard(card, { port: pcscd.port })
    const tool = async (name: string, ...args: readonly string[]): Promise<string> => {
      const { stdout, stderr } = await run(name, [...args], {
        cwd: folder.path,
        env: { PATH: '/usr/bin:/bin', HOME: folder.path, ...pcscd.env },
        timeout: 60_000,
      })
      return stdout + stderr
    }
    try {
      // The service looks at its readers only every so often.
      await tool('opensc-tool', '--wait', '--atr')
      await use(tool, folder.path)
    } finally {
      await plug.unplug()
    }
  } finally {
    await pcscd.stop()
  }
}

test('OpenSC recognises the card, reads its certificates and signs with both keys; openssl verifies', async () => {
  const state = adultCard()
  const tries: number[] = []
  const card = createVirtualCard(state, {
    onChange: ({ authentication, signature }) => {
      tries.push(authentication.triesLeft, signature.triesLeft)
    },
  })
  await withTools(card, async (tool, folder) => {
    assert.match(await tool('opensc-tool', '--atr'), /3b:e0:00:ff:81:31:fe:45:14/)
    assert.match(await tool('opensc-tool', '--name'), /jpki/)
    const objects = await tool('pkcs15-tool', '--list-pins', '--list-certificates')
    assert.match(objects, /User Authentication PIN/)
    assert.match(objects, /Digital Signature Certificate/)

    const pem = await tool('pkcs15-tool', '--read-certificate', '1')
    const der = Buffer.from(
      /-----BEGIN CERTIFICATE-----([\s\S]*?)-----END/.exec(pem)?.[1] ?? '',
      'base64',
    )
    assert.equal(der.toString('base64'), state.authentication.certificate)

    await writeFile(join(folder, 'document'), '申込書')
    for (const [id, pin, certificate] of [
      ['01', testPin, state.authentication.certificate],
      ['02', testPassword, state.signature.certificate],
    ] as const) {
      await tool(
        'pkcs11-tool',
        '--slot-index',
        String(Number(id) - 1),
        '--login',
        '--pin',
        pin,
        '--sign',
        '--mechanism',
        'SHA256-RSA-PKCS',
        '--id',
        id,
        '--input-file',
        'document',
        '--output-file',
        'signature',
      )
      await writeFile(join(folder, 'certificate.der'), Buffer.from(certificate ?? '', 'base64'))
      await writeFile(
        join(folder, 'key.pem'),
        await tool(
          'openssl',
          'x509',
          '-inform',
          'DER',
          '-in',
          'certificate.der',
          '-noout',
          '-pubkey',
        ),
      )
      assert.match(
        await tool(
          'openssl',
          'dgst',
          '-sha256',
          '-verify',
          'key.pem',
          '-signature',
          'signature',
          'document',
        ),
        /Verified OK/,
      )
    }
    assert.deepEqual(tries, [])
  })
})

test('a wrong PIN typed into OpenSC costs one try of the card', async () => {
  const tries: number[] = []
  const card = createVirtualCard(adultCard(), {
    onChange: ({ authentication }) => {
      tries.push(authentication.triesLeft)
    },
  })
  await withTools(card, async (tool, folder) => {
    await writeFile(join(folder, 'document'), 'x')
    await assert.rejects(
      tool(
        'pkcs11-tool',
        '--slot-index',
        '0',
        '--login',
        '--pin',
        '0000',
        '--sign',
        '--mechanism',
        'SHA256-RSA-PKCS',
        '--id',
        '01',
        '--input-file',
        'document',
        '--output-file',
        'signature',
      ),
      /CKR_PIN_INCORRECT/,
    )
    assert.deepEqual(tries, [2])
  })
})

test('OpenSC also reads a card without signature certificate', async () => {
  const card = createVirtualCard(youngCard(), { onChange: () => undefined })
  await withTools(card, async tool => {
    assert.match(await tool('pkcs15-tool', '--read-certificate', '1'), /BEGIN CERTIFICATE/)
    await assert.rejects(tool('pkcs15-tool', '--read-certificate', '2'))
  })
})

test('opensc-tool selects the other applications and reads them after their PIN; opensc-explorer sees their files', async () => {
  const card = createVirtualCard(wholeCard(), { onChange: () => undefined })
  await withTools(card, async (tool, folder) => {
    const send = (...commands: readonly string[]): Promise<string> =>
      tool('opensc-tool', ...commands.flatMap(command => ['--send-apdu', command]))
    for (const id of ['D3921000310001010408', 'D3921000310001010402', 'D3921000310001010401'])
      assert.match(await send(`00A4040C0A${id}`), /Received \(SW1=0x90, SW2=0x00\)/)
    assert.match(await send('00A4040C0AD3921000310001010409'), /SW1=0x6A, SW2=0x82/)

    const selectText = '00A4040C0AD3921000310001010408'
    const before = await send(selectText, '00B0820040')
    assert.match(before, /SW1=0x69, SW2=0x82/)
    const after = await send(selectText, '002000910431323334', '00B0820040')
    assert.match(after.replaceAll(/\s/g, ''), /FF20/)

    await writeFile(
      join(folder, 'script'),
      'apdu 00A4040C0AD3921000310001010401\napdu 0020009C\napdu 0020009C0431323334\napdu 00B0810000\nquit\n',
    )
    const explored = await tool('opensc-explorer', 'script')
    assert.match(explored, /SW1=0x63, SW2=0xC3/)
    assert.match(explored.replaceAll(/\s/g, ''), /FF100B3132333435363738393031/i)
  })
})
