/**
 * C11: not one message lost, doubled or misdelivered, whatever is killed. `sekisho chaos mailbox` as its users run it, on both engines: its last line
 * is read, and nothing else is believed. `SEKISHO_CHAOS_SECONDS` makes it longer.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { z } from 'zod'

const counted = z.object({
  posted: z.int(),
  delivered: z.int(),
  read: z.int(),
  withdrawn: z.int(),
  kills: z.int(),
  lost: z.literal(0),
  doubled: z.literal(0),
  misdelivered: z.literal(0),
  unproven: z.literal(0),
})

const seconds = process.env.SEKISHO_CHAOS_SECONDS ?? '60'
const main = join(import.meta.dirname, '..', 'packages', 'cli', 'src', 'main.ts')

for (const database of ['postgres', 'embedded'] as const)
  test(`killed again and again on ${database}, the mailbox loses, doubles and misdelivers nothing`, async t => {
    const given = ['chaos', 'mailbox', '--seconds', seconds, '--database', database, '--json']
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [main, ...given])
    t.diagnostic(`${stderr.split('\n')[0] ?? ''}: ${stdout.trim()}`)
    const result = counted.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''))
    assert.ok(result.kills >= 3, `${result.kills} kills`)
    assert.ok(result.posted >= 20 && result.read > 0, JSON.stringify(result))
    assert.equal(result.delivered + result.withdrawn, result.posted)
  })
