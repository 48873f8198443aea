/** A server that ends a connection in the middle of a transaction: the transaction fails, the process goes on. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Client } from 'pg'
import { sleep } from './clock.ts'
import { connectPostgres, sql, startTemporaryPostgres, StoreError } from './store.ts'

test('a connection that is cut between two statements fails its transaction, and the next one has another', async () => {
  await using server = await startTemporaryPostgres({ durable: false })
  const engine = connectPostgres(server.url)
  const store = await engine.store<Record<string, never>>({ schema: 'cut', migrations: {} })
  const admin = new Client({ connectionString: server.url })
  await admin.connect()
  const pidOf = sql<{ pid: number }>`select pg_backend_pid() as pid`
  try {
    const cut = store.transaction(async tx => {
      const { rows } = await pidOf.execute(tx)
      await admin.query('select pg_terminate_backend($1)', [rows[0]?.pid])
      // Long enough for the end of the connection to arrive while nothing is asked.
      await sleep(100)
      await pidOf.execute(tx)
    })
    await assert.rejects(cut, StoreError)
    const { rows } = await store.transaction(tx => pidOf.execute(tx))
    assert.equal(typeof rows[0]?.pid, 'number')
  } finally {
    await admin.end()
    await engine.close()
  }
})
