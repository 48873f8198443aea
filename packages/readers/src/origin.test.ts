import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSecureOrigin } from './origin.ts'

test('a reader answers HTTPS origins and the loopback', () => {
  for (const origin of [
    'https://login.example',
    'https://login.example:8443',
    'http://localhost:8080',
    'http://bank.localhost:1',
    'http://127.0.0.1:5',
    'http://[::1]:9',
  ]) {
    assert.ok(isSecureOrigin(origin), origin)
  }
})

test('a reader answers nothing else', () => {
  for (const origin of [
    'null',
    '',
    'http://login.example',
    'https://login.example/',
    'https://login.example:443',
    'https://LOGIN.example',
    'https://a@login.example',
    'file://',
    'data:,x',
    'ws://localhost',
    'http://localhost.example',
    'http://127.0.0.1.example',
    'http://0.0.0.0:1',
    'chrome-extension://abc',
  ]) {
    assert.ok(!isSecureOrigin(origin), origin)
  }
})
