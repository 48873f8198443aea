import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startThread } from './thread.ts'
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
