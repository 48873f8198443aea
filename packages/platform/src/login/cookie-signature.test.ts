import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { createCookieSignatures } from './cookie-signature.ts'

const cookie = 'sekisho_interaction=abc'

test('a cookie is signed by the newest secret, as openssl computes it', () => {
  const signed = createCookieSignatures(['newest', 'former']).sign(cookie)
  const args = ['dgst', '-sha256', '-mac', 'HMAC', '-macopt', 'key:newest', '-binary']
  const judged = execFileSync('openssl', args, { input: cookie })
  assert.equal(signed, judged.toString('base64url'))
})

test('a former secret is believed and told apart; another one, another cookie, a part of a signature are not', () => {
  const signatures = createCookieSignatures(['newest', 'former'])
  const former = createCookieSignatures(['former']).sign(cookie)
  assert.equal(signatures.index(cookie, signatures.sign(cookie)), 0)
  assert.equal(signatures.index(cookie, former), 1)
  assert.equal(signatures.verify(cookie, former), true)
  const hostile = [
    createCookieSignatures(['stranger']).sign(cookie),
    signatures.sign('sekisho_resume=abc'),
    signatures.sign(cookie).slice(0, -1),
    `${signatures.sign(cookie)}A`,
    `${signatures.sign(cookie).slice(0, -1)}é`,
    '',
  ]
  for (const each of hostile) assert.equal(signatures.index(cookie, each), -1)
  assert.throws(() => createCookieSignatures([]))
})
