import assert from 'node:assert/strict'
import fs from 'node:fs'
import { cp, mkdir, readdir, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { join, relative } from 'node:path'
import { describe, it, mock } from 'node:test'
import { temporaryFolder } from './files.ts'
import { type Engine, type Migrations, openEmbedded, sql } from './store.ts'

type Tables = { entry: { id: number; text: string } }

const migrations: Migrations = {
  'loss-0001': async db => {
    await sql`create table entry (id bigint primary key, text text not null)`.execute(db)
  },
}

const openStore = (engine: Engine) => engine.store<Tables>({ schema: 'loss', migrations })

describe('the folder of the embedded engine', () => {
  it('keeps what was committed when power is lost and only what was synced is on the disk', async () => {
    await using folder = await temporaryFolder('power')
    const live = join(folder.path, 'live')
    const survivor = join(folder.path, 'survivor')
    const first = await openEmbedded(live)
    await openStore(first)
    await first.close()
    await cp(live, survivor, { recursive: true })
    const disk = keepOnlySynced(live, survivor)
    const engine = await openEmbedded(live)
    try {
      const store = await openStore(engine)
      for (let id = 1; id <= 40; id++) {
        const text = 'x'.repeat(id % 10 === 0 ? 200_000 : 10)
        await store.transaction(tx => tx.insertInto('entry').values({ id, text }).execute())
      }
      assert.ok(disk.syncs() >= 40, `${disk.syncs()} syncs for 40 commits`)
      disk.losePower()
      const after = await openEmbedded(survivor)
      try {
        const kept = await openStore(after)
        const rows = await kept.read(db =>
          db.selectFrom('entry').select('id').orderBy('id').execute(),
        )
        assert.deepEqual(
          rows.map(each => each.id),
          Array.from({ length: 40 }, (_, i) => i + 1),
        )
      } finally {
        await after.close()
      }
    } finally {
      disk.losePower()
      await engine.close()
    }
  })

  it('begins anew when a first start was cut off', async () => {
    await using folder = await temporaryFolder('unfinished')
    const unfinished = join(folder.path, 'pgdata.unfinished')
    await mkdir(unfinished)
    await writeFile(join(unfinished, 'PG_VERSION'), '18\n')
    const engine = await openEmbedded(folder.path)
    await openStore(engine)
    await engine.close()
    assert.ok(!(await readdir(folder.path)).includes('pgdata.unfinished'))
  })
})

/**
 * A disk that keeps nothing but what was synced: every synced file is copied as it was then; a synced folder takes over
 * which names are there, with no content for those never synced themselves.
 */
function keepOnlySynced(live: string, survivor: string): { syncs(): number; losePower(): void } {
  let count = 0
  const real = fs.fsyncSync
  const spy = mock.method(fs, 'fsyncSync', (descriptor: number) => {
    real(descriptor)
    const path = fs.readlinkSync(`/proc/self/fd/${descriptor}`)
    const copy = join(survivor, relative(live, path))
    count += 1
    if (!fs.statSync(path).isDirectory()) {
      fs.copyFileSync(path, copy)
      return
    }
    const names = new Set(fs.readdirSync(path))
    for (const name of fs.readdirSync(copy)) {
      if (!names.has(name)) fs.rmSync(join(copy, name), { recursive: true })
    }
    for (const name of names) {
      if (fs.existsSync(join(copy, name))) continue
      if (fs.statSync(join(path, name)).isDirectory()) fs.mkdirSync(join(copy, name))
      else fs.writeFileSync(join(copy, name), '')
    }
  })
  syncBuiltinESMExports()
  return {
    syncs: () => count,
    losePower() {
      spy.mock.restore()
      syncBuiltinESMExports()
    },
  }
}
