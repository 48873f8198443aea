import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { CrlManifest } from '@sekisho/contract/authority'
import { jpkiTown, Name, parseCrl } from '@sekisho/pki'
import { issueCrl, poolKey, type RevokedEntry } from '@sekisho/pki/issue'
import { temporaryFolder, type TemporaryFolder } from '@sekisho/runtime/files'
import { silentLog } from '@sekisho/runtime/log'
import { startTestWorld, type TestWorld } from '../world-for-tests.ts'
import { openRevocationKeeper, type RevocationKeeper } from './revocation.ts'
import { createTrust } from './trust.ts'

const sealKey = new Uint8Array(32).fill(5)

describe('the revocation keeper', () => {
  let world: TestWorld
  let folder: TemporaryFolder
  before(async () => {
    world = await startTestWorld()
  })
  after(() => world.close())

  const open = (
    given: { readonly bytesHere?: number; readonly key?: Uint8Array; readonly path?: string } = {},
  ): Promise<RevocationKeeper> =>
    openRevocationKeeper({
      ...world,
      trust: createTrust({ mode: 'town', profile: jpkiTown, anchors: world.authority.anchors }),
      log: silentLog(),
      revocationFolder: { path: given.path ?? folder.path, sealKey: given.key ?? sealKey },
      revocationBytesHere: given.bytesHere ?? 2 ** 20,
    })
  const stateOf = (keeper: RevocationKeeper, one: ReturnType<typeof world.authority.issue>) => {
    const [anchor] = world.authority.anchors
    assert.ok(anchor !== undefined)
    return keeper.index().lookup(one.certificate, anchor, world.clock.now()).state
  }
  const revokedOne = () => {
    const one = world.authority.issue('signature')
    world.authority.end(one, 'cessationOfOperation')
    world.authority.publish()
    return one
  }

  it('begins from the file that it wrote, without reading a list', async () => {
    folder = await temporaryFolder('revocation')
    const one = revokedOne()
    const first = await open()
    await first.refresh()
    assert.equal(stateOf(first, one), 'revoked')
    const names = await readdir(folder.path)
    assert.equal(names.length, 2)
    assert.ok(names.includes('revocation.hot'))
    const lists = await world.store.read(db => db.selectFrom('crl').selectAll().execute())
    await world.store.transaction(tx =>
      tx
        .updateTable('crl')
        .set({ der: Uint8Array.of(0) })
        .execute(),
    )
    const again = await open()
    assert.equal(stateOf(again, one), 'revoked')
    assert.equal(stateOf(again, world.authority.issue('signature')), 'good')
    const [anchor] = world.authority.anchors
    assert.ok(anchor !== undefined)
    const answer = again.index().lookup(one.certificate, anchor, world.clock.now())
    assert.ok('listed' in answer)
    assert.ok(Math.abs(answer.listed().revokedAt - world.clock.now()) <= 1000)
    // And nothing is fetched again.
    const honest = world.connector.crl
    Object.assign(world.connector, { crl: () => Promise.reject(new Error('fetched')) })
    await again.refresh()
    Object.assign(world.connector, { crl: honest })
    await world.store.transaction(async tx => {
      for (const { der, issuer_key_id, number } of lists) {
        await tx
          .updateTable('crl')
          .set({ der })
          .where('issuer_key_id', '=', issuer_key_id)
          .where('number', '=', number)
          .execute()
      }
    })
  })

  it('does not begin from files that are altered, incomplete or another’s, but from the database', async () => {
    const one = revokedOne()
    await (await open()).refresh()
    const hot = join(folder.path, 'revocation.hot')
    const names = (await readdir(folder.path)).filter(name => name.endsWith('.cold'))
    assert.equal(names.length, 1, 'the cold part of before is gone')
    const cold = join(folder.path, names[0] ?? '')
    for (const path of [hot, cold]) {
      const whole = await readFile(path)
      for (const position of [0, 9, whole.length >> 1, whole.length - 1]) {
        const altered = Buffer.from(whole)
        altered[position] = (altered[position] ?? 0) ^ 1
        await writeFile(path, altered)
        assert.equal(stateOf(await open(), one), 'revoked', `${path} ${position}`)
        await writeFile(path, whole)
      }
      for (const content of [whole.subarray(0, -1), whole.subarray(0, 5), Buffer.alloc(0)]) {
        await writeFile(path, content)
        assert.equal(stateOf(await open(), one), 'revoked')
      }
      await rm(path)
      assert.equal(stateOf(await open(), one), 'revoked')
    }
    const other = await open({ key: new Uint8Array(32).fill(6) })
    assert.equal(stateOf(other, one), 'revoked')
  })

  it('believes no file whose lists the database does not have', async () => {
    await (await open()).refresh()
    await world.store.transaction(tx => tx.deleteFrom('crl').execute())
    const bare = await open()
    assert.equal(bare.index().partitions.length, 0)
    assert.equal(stateOf(bare, world.authority.issue('signature')), 'not-covered')
    await bare.refresh()
    assert.equal(bare.index().partitions.length, 2)
  })

  it('builds in what the database has and the file has not', async () => {
    await using older = await temporaryFolder('revocation')
    await (await open({ path: older.path })).refresh()
    const one = revokedOne()
    await (await open()).refresh()
    assert.equal(stateOf(await open({ path: older.path }), one), 'revoked')
  })

  it('works in a thread of its own as it does here', async () => {
    await using other = await temporaryFolder('revocation')
    const one = revokedOne()
    const keeper = await open({ bytesHere: 0, path: other.path })
    await keeper.refresh()
    assert.equal(stateOf(keeper, one), 'revoked')
    assert.ok(keeper.index().snapshot.hot.buffer instanceof SharedArrayBuffer)
    const two = revokedOne()
    await keeper.refresh()
    assert.deepEqual([stateOf(keeper, one), stateOf(keeper, two)], ['revoked', 'revoked'])
    const here = await open()
    await here.refresh()
    assert.deepEqual(here.index().snapshot.coldSha256, keeper.index().snapshot.coldSha256)
  })

  it('answers from the old list until the switch and never after it', async () => {
    const keeper = await open({ bytesHere: 0 })
    await keeper.refresh()
    const old = keeper.index()
    const one = revokedOne()
    const running = keeper.refresh()
    assert.equal(stateOf(keeper, one), 'good')
    await running
    assert.equal(stateOf(keeper, one), 'revoked')
    const [anchor] = world.authority.anchors
    assert.ok(anchor !== undefined && keeper.index() !== old)
    assert.equal(old.lookup(one.certificate, anchor, world.clock.now()).state, 'good')
  })

  it('forgets no list because another one met a fault', async () => {
    const keeper = await open()
    await keeper.refresh()
    const one = revokedOne()
    const honest = world.connector.crl
    Object.assign(world.connector, {
      crl: (path: string) =>
        path.includes('authentication') ? Promise.reject(new Error('a fault')) : honest(path),
    })
    await assert.rejects(keeper.refresh(), /a fault/)
    Object.assign(world.connector, { crl: honest })
    await keeper.refresh()
    assert.equal(stateOf(keeper, one), 'revoked')
  })

  it('fetches the delta where that is less and it has the list before; the full one where the delta is wrong', async () => {
    for (let count = 0; count < 20; count++) revokedOne()
    const honest = { ...world.connector }
    for (const [isWrong, isBehind, paths] of [
      [false, false, ['/crl/delta.crl']],
      [false, true, ['full']],
      [true, false, ['/crl/delta.crl', 'full']],
    ] as const) {
      const keeper = await open()
      await keeper.refresh()
      const before = await honest.crlManifest()
      const one = revokedOne()
      const now = Math.floor(world.clock.now() / 1000) * 1000
      const { serial } = one.certificate
      const delta = deltaOver(world, before, [{ serial, revokedAt: now, reason: 'superseded' }])
      const [{ bytes, sha256 } = { bytes: 0, sha256: '' }] = (await delta.crlManifest()).partitions
      const { partitions, ...manifest } = await honest.crlManifest()
      const [signature, ...others] = partitions
      assert.ok(signature !== undefined && bytes < signature.bytes)
      const base = signature.number - (isBehind ? 0 : 1)
      const announced = { ...signature, delta: { path: '/crl/delta.crl', bytes, sha256, base } }
      const fetched: string[] = []
      Object.assign(world.connector, {
        crlManifest: async () => ({ ...manifest, partitions: [announced, ...others] }),
        crl: async (path: string) => {
          if (!path.includes('authentication')) fetched.push(path.replace(signature.path, 'full'))
          if (path !== announced.delta.path) return honest.crl(path)
          return isWrong ? new Uint8Array(bytes) : delta.crl()
        },
      })
      try {
        await keeper.refresh()
      } finally {
        Object.assign(world.connector, honest)
      }
      assert.deepEqual(fetched, paths)
      assert.equal(stateOf(keeper, one), 'revoked')
    }
  })

  it('lays a delta over the list in force, keeps it, and begins again with both', async () => {
    const keeper = await open()
    const one = revokedOne()
    await keeper.refresh()
    const two = world.authority.issue('signature')
    const full = await world.connector.crlManifest()
    const delta = deltaOver(world, full, [
      {
        serial: two.certificate.serial,
        revokedAt: world.clock.now() - (world.clock.now() % 1000),
        reason: 'keyCompromise',
      },
    ])
    const honest = { ...world.connector }
    Object.assign(world.connector, delta)
    try {
      await keeper.refresh()
      assert.deepEqual([stateOf(keeper, one), stateOf(keeper, two)], ['revoked', 'revoked'])
      await using empty = await temporaryFolder('revocation')
      const again = await open({ path: empty.path })
      assert.deepEqual([stateOf(again, one), stateOf(again, two)], ['revoked', 'revoked'])
      assert.equal(again.index().partitions.length, 2)
    } finally {
      Object.assign(world.connector, honest)
      await folder.remove()
    }
  })
})

/** A connector that publishes a delta to the signature list in the place of it. */
function deltaOver(world: TestWorld, full: CrlManifest, entries: readonly RevokedEntry[]) {
  const [anchor] = world.authority.anchors
  const [base, ...rest] = full.partitions
  assert.ok(anchor !== undefined && base?.ca === 'signature')
  const at = world.clock.now()
  const partition = new Name(new Uint8Array(Buffer.from(base.distributionPoint, 'base64')))
  const der = issueCrl(
    {
      issuer: anchor.subject,
      issuerKeyId: anchor.subjectKeyIdentifier ?? new Uint8Array(),
      thisUpdate: at,
      nextUpdate: at + 3_600_000,
      number: base.number + 1,
      partition,
      deltaBase: base.number,
      entries,
    },
    'rsa-sha256',
    poolKey(90).sign,
  )
  assert.equal(parseCrl(der).deltaBase, base.number)
  const announced = {
    ...base,
    path: '/crl/delta.crl',
    number: base.number + 1,
    bytes: der.length,
    sha256: createHash('sha256').update(der).digest('hex'),
  }
  return {
    crlManifest: async () => ({ ...full, partitions: [announced, ...rest] }),
    crl: async () => der,
  }
}
