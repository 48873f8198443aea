/** The scanner against ClamAV's own daemon, with one signature of our own: no download. */
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { Refusal } from '@sekisho/contract'
import { freePort } from '@sekisho/runtime/net'
import { eicar, startTestClamd, type TestClamd } from './clamd-for-tests.ts'
import { assertAcceptable } from './content-type.ts'
import { clamScanner, type Scanned } from './scanner.ts'

async function* pieces(...all: readonly (string | Uint8Array)[]): AsyncIterable<Uint8Array> {
  for (const one of all) yield typeof one === 'string' ? new TextEncoder().encode(one) : one
}

describe('scanning with clamd', () => {
  let clamd: TestClamd
  before(async () => {
    clamd = await startTestClamd()
  })
  after(() => clamd.stop())

  const scans = async (...given: readonly (string | Uint8Array)[]): Promise<Scanned> => {
    const overTcp = await clamScanner(clamd.tcp)(pieces(...given))
    const overSocket = await clamScanner(clamd.socket)(pieces(...given))
    assert.deepEqual(overTcp, overSocket)
    return overTcp
  }

  it('finds what its signatures name, in whatever pieces it comes', async () => {
    const found = { kind: 'found', name: 'Own.Test.EICAR.UNOFFICIAL' }
    assert.deepEqual(await scans(eicar), found)
    assert.deepEqual(await scans(eicar.slice(0, 10), eicar.slice(10)), found)
    assert.deepEqual(await scans(`${eicar}x`), { kind: 'clean' })
    assert.deepEqual(await scans(Buffer.alloc(1024 * 1024, 'a')), { kind: 'clean' })
    assert.deepEqual(await scans(), { kind: 'clean' })
  })

  it('never calls clean what is more than the daemon takes', async () => {
    const parts = Array.from({ length: 6 }, () => Buffer.alloc(1024 * 1024, 'a'))
    // It cuts the connection, and its last word may be lost with it.
    const { kind } = await clamScanner(clamd.tcp)(pieces(...parts))
    assert.ok(kind === 'too-large' || kind === 'unreachable', kind)
  })

  it('nothing but the answer is an answer: no daemon, one that is silent, one that says something else', async () => {
    const nobody = await clamScanner({ host: '127.0.0.1', port: await freePort() })(pieces('a'))
    assert.deepEqual(nobody, { kind: 'unreachable' })
    const noSocket = await clamScanner({ path: '/nonexistent/socket' })(pieces('a'))
    assert.deepEqual(noSocket, { kind: 'unreachable' })
    for (const answer of ['', 'stream: OK', 'stream: OKAY\0', '\0', 'x'.repeat(9000)]) {
      const server = createServer(socket => {
        socket.on('error', () => {})
        socket.once('data', () => socket.end(answer))
      })
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
      const bound = server.address()
      if (bound === null || typeof bound === 'string') throw new Error('no port')
      const said = await clamScanner({ host: '127.0.0.1', port: bound.port })(pieces('a'))
      assert.deepEqual(said, { kind: 'unreachable' }, answer.slice(0, 20))
      server.close()
    }
  })

  it('a fault of what is read is no fault of the scanner', async () => {
    async function* broken(): AsyncIterable<Uint8Array> {
      yield Uint8Array.of(1)
      throw new Error('the file is broken')
    }
    await assert.rejects(clamScanner(clamd.tcp)(broken()), /the file is broken/)
  })
})

describe('the policy for documents', () => {
  const why = (name: string, mediaType: string, head: string | Uint8Array): unknown => {
    try {
      const bytes = typeof head === 'string' ? new TextEncoder().encode(head) : head
      assertAcceptable({ name, mediaType }, bytes, 0)
      return 'accepted'
    } catch (error) {
      if (error instanceof Refusal && error.code === 'document-refused') return error.fields['why']
      throw error
    }
  }

  it('takes what is what it is said to be', () => {
    assert.equal(why('a.pdf', 'application/pdf', '%PDF-1.7\n'), 'accepted')
    assert.equal(why('a.txt', 'text/plain', '申込書\n'), 'accepted')
    assert.equal(why('空.txt', 'text/plain', ''), 'accepted')
    assert.equal(why('a.xml', 'application/xml', '\uFEFF<?xml version="1.0"?>'), 'accepted')
    assert.equal(why('a.p7m', 'application/pkcs7-mime', Uint8Array.of(0x30, 0x80)), 'accepted')
    assert.equal(why('a.docx.zip', 'application/zip', 'PK\u0003\u0004'), 'accepted')
    // A character cut by the end of what is looked at.
    assert.equal(why('a.txt', 'text/plain', new TextEncoder().encode('あ').slice(0, 2)), 'accepted')
  })

  it('refuses what is another thing, a program, or hides its name', () => {
    assert.equal(why('a.pdf', 'application/pdf', '<html>'), 'type-differs')
    assert.equal(why('a.txt', 'text/plain', Uint8Array.of(0, 1, 2)), 'type-differs')
    assert.equal(why('a.png', 'image/png', 'GIF89a'), 'type-differs')
    assert.equal(why('a.html', 'text/html', '<html>'), 'type-unknown')
    assert.equal(why('a.pdf.exe', 'application/octet-stream', 'x'), 'program')
    assert.equal(why('a.JS ', 'application/octet-stream', 'x'), 'program')
    assert.equal(why('a.bin', 'application/octet-stream', 'MZ\u0090'), 'program')
    assert.equal(why('a.bin', 'application/octet-stream', '\u007fELF'), 'program')
    assert.equal(why('a.txt', 'text/plain', '#!/bin/sh\n'), 'program')
    assert.equal(why('receipt\u202Efdp.bin', 'application/octet-stream', 'x'), 'name')
  })
})
