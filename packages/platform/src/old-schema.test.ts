import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connectPostgres, startTemporaryPostgres } from '@sekisho/runtime/store'
import { platformMigrations, type PlatformTables } from './database.ts'

test('a database from before people decided about registrations opens with all that is in it', async () => {
  const server = await startTemporaryPostgres({ durable: false })
  const engine = connectPostgres(server.url)
  try {
    const early = Object.fromEntries(
      Object.entries(platformMigrations).filter(([name]) => !/^platform-00[1-9]/.test(name)),
    )
    const before = await engine.store<PlatformTables>({ schema: 'platform', migrations: early })
    await before.transaction(async tx => {
      await tx.insertInto('person').values({ id: 'p', created_at: 1 }).execute()
      const known = { provider_id: 'shop', person_id: 'p', subject: 's', created_at: 1 }
      await tx.insertInto('pairwise').values(known).execute()
      await tx
        .insertInto('consent')
        .values({
          id: 'c',
          person_id: 'p',
          provider_id: 'shop',
          scopes: 'name change',
          statement_sha256: 'h',
          certificate_id: 'l',
          state: 'given',
          given_at: 1,
          until: 2,
          ended_at: null,
        })
        .execute()
    })
    const now = await engine.store<PlatformTables>({
      schema: 'platform',
      migrations: platformMigrations,
    })
    const [person, pairwise, consent] = await now.read(async db => [
      await db.selectFrom('person').selectAll().executeTakeFirst(),
      await db.selectFrom('pairwise').selectAll().executeTakeFirst(),
      await db.selectFrom('consent').selectAll().executeTakeFirst(),
    ])
    assert.deepEqual(person, { id: 'p', created_at: 1, merged_into: null })
    assert.equal(pairwise?.seen_at, null)
    assert.equal(consent?.purpose, null)
  } finally {
    await engine.close()
    await server.stop()
  }
})
