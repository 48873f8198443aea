import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Script } from 'node:vm'
import type { ReaderRequest } from '@sekisho/contract/reader'
import { cardCeremonyScript } from './browser/card-ceremony.ts'
import { cardCeremonyForm } from './card-ceremony.ts'

const request: ReaderRequest = {
  v: 1,
  type: 'sign',
  id: 'a',
  purpose: 'sign',
  title: '申込書 "<x>" & \'y\'',
  mediaType: 'text/plain',
  document: 'YQ==',
}
const whole = {
  action: '/interaction/1?a=b&c=d',
  request,
  readers: { wallet: 'http://wallet.localhost:8083', agent: 'ws://127.0.0.1:35970' },
  lang: 'ja',
} as const

test('the form carries the request and the readers, escaped', () => {
  const markup = String(cardCeremonyForm({ ...whole, hidden: { csrf: 'a"b' } }))
  const attribute = /data-request="([^"]*)"/.exec(markup)?.[1] ?? ''
  const read = attribute
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
  assert.deepEqual(JSON.parse(read), request)
  assert.match(
    markup,
    /data-readers="wallet=http:\/\/wallet\.localhost:8083;agent=ws:\/\/127\.0\.0\.1:35970"/,
  )
  assert.match(markup, /name="csrf" value="a&quot;b"/)
  assert.match(markup, /<input type="hidden" name="answer" value="">/)
  assert.ok(!markup.includes('<x>'))
})

test('a page cannot offer a reader elsewhere than at an origin or the loopback, nor none', () => {
  for (const readers of [
    {},
    { wallet: 'http://wallet.localhost:8083/' },
    { wallet: 'http://wallet.localhost:8083/reader' },
    { agent: 'ws://192.168.0.1:35970' },
    { agent: 'ws://127.0.0.1:35970/x' },
    { agent: 'wss://127.0.0.1.example:35970' },
  ]) {
    assert.throws(() => cardCeremonyForm({ ...whole, readers }), JSON.stringify(readers))
  }
})

test('a request that carries a digest or a PIN is not put into a form', () => {
  const wrong = { ...request, pin: '1234' }
  assert.throws(() => cardCeremonyForm({ ...whole, request: wrong }))
})

test('the script is a script, needs no evaluation and names no other place', () => {
  assert.doesNotThrow(() => new Script(cardCeremonyScript))
  assert.ok(!/\beval\b|new Function|innerHTML|document\.write|https?:\/\//.test(cardCeremonyScript))
})
