import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { createVirtualCard } from './card.ts'
import { hex, testCard, testKey } from './card-for-tests.ts'

const document = readFileSync(
  new URL('../../../../docs/protocol/card-apdu.md', import.meta.url),
  'utf8',
)

test('the virtual card answers every exchange of docs/protocol/card-apdu.md', async () => {
  const key = testKey(1)
  const made = testCard(key, key)
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
  const block = /```apdu\n([\s\S]*?)```/.exec(document)?.[1]
  assert.ok(block)
  const lines = block.split('\n').filter(line => /^[<>] /.test(line))
  assert.ok(lines.length > 60)
  for (let at = 0; at < lines.length; at += 2) {
    const sent = lines[at]?.slice(2) ?? ''
    const expected = (lines[at + 1]?.slice(2) ?? '').replace(/\((\d+)\)/, '[0-9A-F]{$1}'.repeat(2))
    const answer = hex(await card.transmit(Buffer.from(sent, 'hex')))
    assert.match(answer, new RegExp(`^${expected}$`), `${sent} answered ${answer}`)
  }
})
