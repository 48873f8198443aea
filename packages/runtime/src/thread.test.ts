import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startThread, startThreadPool, ThreadEnded } from './thread.ts'
import type { Question } from './thread-for-tests.ts'

const module = new URL('./thread-for-tests.ts', import.meta.url)

test('a thread answers in order, shares memory, and survives a request that throws', async () => {
  const thread = startThread<Question, unknown>(module)
  try {
    const asked = [1, 2, 3].map(value => thread.ask({ kind: 'double', value }))
    assert.deepEqual(await Promise.all(asked), [2, 4, 6])
    await assert.rejects(thread.ask({ kind: 'throw', value: 'no' }), (fault: unknown) => {
      assert.ok(fault instanceof Error && fault.cause instanceof TypeError)
      return fault.cause.message === 'no'
    })
    const shared = new SharedArrayBuffer(4)
    await thread.ask({ kind: 'share', value: shared })
    assert.deepEqual([...new Uint8Array(shared)], [7, 7, 7, 7])
  } finally {
    await thread.stop()
  }
})

test('what an ended thread is asked is rejected, before and after its end', async () => {
  const thread = startThread<Question, unknown>(module)
  await assert.rejects(thread.ask({ kind: 'end', value: 0 }), /ended/)
  await assert.rejects(thread.ask({ kind: 'double', value: 1 }), /ended/)
})

test('a pool spreads requests, and replaces a thread that ended', async () => {
  const pool = startThreadPool<Question, unknown>(module, { threads: 2, heapMiBMax: 64 })
  try {
    const values = Array.from({ length: 8 }, (_, value) => value)
    const answers = await Promise.all(values.map(value => pool.ask({ kind: 'double', value })))
    assert.deepEqual(
      answers,
      values.map(value => value * 2),
    )
    for (let times = 0; times < 3; times++) {
      await assert.rejects(pool.ask({ kind: 'end', value: 0 }), ThreadEnded)
      assert.equal(await pool.ask({ kind: 'double', value: 4 }), 8)
    }
    await assert.rejects(pool.ask({ kind: 'hoard', value: 0 }), ThreadEnded)
    assert.equal(await pool.ask({ kind: 'double', value: 4 }), 8)
  } finally {
    await pool.stop()
  }
  await assert.rejects(pool.ask({ kind: 'double', value: 1 }), /stopped/)
})
