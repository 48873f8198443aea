import assert from 'node:assert/strict'
import { mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { Refusal } from '@sekisho/contract'
import { temporaryFolder } from './files.ts'
import { adminSocket, callAdmin } from './http.ts'
import { createLog, raisingSink } from './log.ts'

const sink = raisingSink(() => [])
const log = createLog({ program: 'test', sink })
const handlers = {
  echo: async (body: unknown) => ({ body }),
  refuse: async () => {
    throw new Refusal('clock-backward', { pid: 7 })
  },
  break: async () => {
    throw new Error('inside')
  },
  nothing: async () => undefined,
}

describe('an admin socket', () => {
  it('answers commands, passes refusals on, and hides faults', async () => {
    await using folder = await temporaryFolder('admin')
    const path = join(folder.path, 'admin.sock')
    const socket = await adminSocket(path, handlers, log)
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    assert.deepEqual(await callAdmin(path, 'echo', { a: 'あ' }), { body: { a: 'あ' } })
    assert.equal(await callAdmin(path, 'nothing'), null)
    await assert.rejects(callAdmin(path, 'refuse'), { code: 'clock-backward', fields: { pid: 7 } })
    await assert.rejects(callAdmin(path, 'toString'), { code: 'not-found' })
    await assert.rejects(callAdmin(path, 'break'), { code: 'internal-fault', fields: {} })
    assert.equal(sink.lines().at(-1)?.['code'], 'runtime.command-fault')
    await assert.rejects(callAdmin(path, 'echo', 'x'.repeat(2_000_000)))
    await socket.stop()
    await assert.rejects(callAdmin(path, 'echo'), /nobody answers/)
  })

  it('replaces what a killed process left behind', async () => {
    await using folder = await temporaryFolder('admin')
    const path = join(folder.path, 'admin.sock')
    await writeFile(path, '/nowhere/else/socket\n')
    await assert.rejects(callAdmin(path, 'echo'), /nobody answers/)
    const socket = await adminSocket(path, handlers, log)
    assert.deepEqual(await callAdmin(path, 'echo', 1), { body: 1 })
    await socket.stop()
  })

  it('is found where the path is longer than a socket may have', async () => {
    await using folder = await temporaryFolder('admin')
    const deep = join(folder.path, 'a'.repeat(60), 'b'.repeat(60))
    await mkdir(deep, { recursive: true })
    const path = join(deep, 'admin.sock')
    const socket = await adminSocket(path, handlers, log)
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    assert.deepEqual(await callAdmin(path, 'echo', 1), { body: 1 })
    await socket.stop()
    await assert.rejects(stat(path), { code: 'ENOENT' })
  })
})
