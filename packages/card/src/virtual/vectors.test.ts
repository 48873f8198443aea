import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { createVirtualCard, type VirtualCard } from './card.ts'
import { hex, testApplications, testCard, testKey } from './card-for-tests.ts'

/** Sends every line `>` of a page's block and compares with the line `<` after it. */
async function replay(page: string, card: VirtualCard, linesMin: number): Promise<void> {
  const url = new URL(`../../../../docs/protocol/${page}`, import.meta.url)
  const block = /```apdu\n([\s\S]*?)```/.exec(readFileSync(url, 'utf8'))?.[1]
  assert.ok(block)
  const lines = block.split('\n').filter(line => /^[<>] /.test(line))
  assert.ok(lines.length > linesMin)
  for (let at = 0; at < lines.length; at += 2) {
    const sent = lines[at]?.slice(2) ?? ''
    const expected = (lines[at + 1]?.slice(2) ?? '').replace(/\((\d+)\)/, '[0-9A-F]{$1}'.repeat(2))
    const answer = hex(await card.transmit(Buffer.from(sent, 'hex')))
    assert.match(answer, new RegExp(`^${expected}$`), `${sent} answered ${answer}`)
  }
}

test('the virtual card answers every exchange of docs/protocol/card-apdu.md', async () => {
  const key = testKey(1)
  const made = { ...testCard(key, key), ...testApplications() }
  const base64 = (bytes: readonly number[]): string => Buffer.from(bytes).toString('base64')
  const counting = Array.from({ length: 256 }, (_, at) => at)
  const card = createVirtualCard(
    {
      ...made,
      authentication: {
        ...made.authentication,
        certificate: base64([0x30, 0x82, 0x01, 0x00, ...counting]),
      },
      signature: { ...made.signature, certificate: base64([0x30, 0x03, 0x02, 0x01, 0x01]) },
    },
    { onChange: () => undefined },
  )
  await replay('card-apdu.md', card, 60)
})

for (const page of ['pinless.md', 'free-area.md'])
  test(`and every exchange of docs/protocol/${page}`, async () => {
    const key = testKey(1)
    const card = createVirtualCard(
      { ...testCard(key, key), ...testApplications() },
      {
        onChange: () => undefined,
        random: size => Uint8Array.from({ length: size }, (_, at) => at),
      },
    )
    await replay(page, card, 20)
  })
