import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmod, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { temporaryFolder } from './files.ts'
import {
  createKey,
  createPersonKeys,
  loadOrCreateKey,
  loadOrCreateMasterKey,
  masterKeyOf,
  type PersonKeyTables,
  personKeyMigrations,
  privateJwkOf,
  publicJwkOf,
  publicKeyOfJwk,
  SealBroken,
} from './keys.ts'
import { systemRandom } from './random.ts'
import {
  connectPostgres,
  type Engine,
  openEmbedded,
  type Store,
  startTemporaryPostgres,
  type TemporaryPostgres,
} from './store.ts'

const random = systemRandom()
const text = (value: string): Uint8Array => new TextEncoder().encode(value)

describe('a key folder', () => {
  it('makes a key once, for its owner only, and openssl reads it', async () => {
    await using folder = await temporaryFolder('keys')
    const algorithms = { 'ec-p256': /prime256v1/, 'rsa-2048': /2048 bit/, ed25519: /ED25519/ }
    for (const kind of ['ec-p256', 'rsa-2048', 'ed25519'] as const) {
      const [one, two] = await Promise.all([
        loadOrCreateKey(folder.path, kind, kind),
        loadOrCreateKey(folder.path, kind, kind),
      ])
      assert.equal(one.keyId, two.keyId)
      const path = join(folder.path, `${kind}.pem`)
      assert.equal((await stat(path)).mode & 0o777, 0o600)
      const shown = await promisify(execFile)('openssl', ['pkey', '-in', path, '-noout', '-text'])
      assert.match(shown.stdout, algorithms[kind])
      assert.equal(publicKeyOfJwk(publicJwkOf(one)).equals(one.publicKey), true)
      assert.equal('d' in publicJwkOf(one), false)
      assert.equal('d' in privateJwkOf(one), true)
    }
  })

  it('refuses a key file that others may read, and a key of another kind', async () => {
    await using folder = await temporaryFolder('keys')
    await loadOrCreateKey(folder.path, 'login', 'ec-p256')
    await assert.rejects(loadOrCreateKey(folder.path, 'login', 'ed25519'), /does not hold a key/)
    await chmod(join(folder.path, 'login.pem'), 0o640)
    await assert.rejects(loadOrCreateKey(folder.path, 'login', 'ec-p256'), {
      code: 'configuration-unsafe',
    })
    await assert.rejects(loadOrCreateKey(folder.path, '../login', 'ec-p256'), /is not a key name/)
  })

  it('keeps a master key that wraps for one context', async () => {
    await using folder = await temporaryFolder('keys')
    const master = await loadOrCreateMasterKey(folder.path, 'master', { random })
    const wrapped = await master.wrap('bucket 1', text('secret'))
    const again = await loadOrCreateMasterKey(folder.path, 'master', { random })
    assert.equal(again.id, master.id)
    assert.deepEqual(await again.unwrap('bucket 1', wrapped), text('secret'))
    await assert.rejects(again.unwrap('bucket 2', wrapped), SealBroken)
    const other = masterKeyOf(random.bytes(32), random)
    await assert.rejects(other.unwrap('bucket 1', wrapped), SealBroken)
  })

  it('names a key by its thumbprint as RFC 7638 §3.1 computes it', async () => {
    const key = await createKey('ec-p256')
    assert.match(key.keyId, /^[\w-]{43}$/)
    assert.equal(publicJwkOf(key)['kid'], key.keyId)
  })
})

let server: TemporaryPostgres
const engines: { embedded?: Engine; postgres?: Engine } = {}
before(async () => {
  server = await startTemporaryPostgres({ durable: false })
  engines.postgres = connectPostgres(server.url)
  engines.embedded = await openEmbedded('memory')
})
after(async () => {
  await engines.postgres?.close()
  await engines.embedded?.close()
  await server.stop()
})

for (const kind of ['embedded', 'postgres'] as const) {
  describe(`people's keys on the ${kind} engine`, () => {
    let store: Store<PersonKeyTables>
    const master = masterKeyOf(random.bytes(32), random)
    const keys = createPersonKeys({ master, random })

    before(async () => {
      const engine = engines[kind]
      if (engine === undefined) throw new Error('no engine')
      store = await engine.store<PersonKeyTables>({
        schema: 'people',
        migrations: personKeyMigrations,
      })
    })
    const seal = (personId: string, place: string, plain: Uint8Array): Promise<Uint8Array> =>
      store.transaction(async tx => (await keys.ensure(tx, personId, 1)).seal(place, plain))
    const open = (personId: string, place: string, sealed: Uint8Array): Promise<Uint8Array> =>
      store.read(async db => {
        const found = await keys.find(db, personId)
        if (found.kind !== 'present') throw new Error(found.kind)
        return found.key.open(place, sealed)
      })

    it('open what they sealed, in this process and in the next', async () => {
      const sealed = await seal('p1', 'consent.attributes', text('住所'))
      assert.deepEqual(await open('p1', 'consent.attributes', sealed), text('住所'))
      const next = createPersonKeys({ master, random })
      const found = await store.read(db => next.find(db, 'p1'))
      assert.equal(found.kind, 'present')
      if (found.kind === 'present') {
        assert.deepEqual(found.key.open('consent.attributes', sealed), text('住所'))
      }
    })

    it('refuse bytes moved to another person, another column, or altered by a bit', async () => {
      const sealed = await seal('p1', 'consent.attributes', text('x'))
      await seal('p2', 'consent.attributes', text('y'))
      await assert.rejects(open('p2', 'consent.attributes', sealed), SealBroken)
      await assert.rejects(open('p1', 'link.serial', sealed), SealBroken)
      for (let at = 0; at < sealed.length; at += 1) {
        const altered = Uint8Array.from(sealed)
        altered[at] = (altered[at] ?? 0) ^ 1
        await assert.rejects(open('p1', 'consent.attributes', altered), SealBroken)
      }
      await assert.rejects(open('p1', 'consent.attributes', sealed.subarray(0, 28)), SealBroken)
    })

    it('refuse a wrapped key that was moved to another person', async () => {
      const sealed = await seal('p3', 'a', text('x'))
      await seal('p4', 'a', text('y'))
      await store.transaction(async tx => {
        const { wrapped } = await tx
          .selectFrom('person_key')
          .select('wrapped')
          .where('person_id', '=', 'p3')
          .executeTakeFirstOrThrow()
        await tx.updateTable('person_key').set({ wrapped }).where('person_id', '=', 'p4').execute()
      })
      await assert.rejects(open('p4', 'a', sealed), SealBroken)
    })

    it('are gone after erasing, content and all, and never come back', async () => {
      const sealed = await seal('p5', 'a', text('x'))
      assert.equal(await store.transaction(tx => keys.erase(tx, 'p5', 77)), true)
      assert.equal(await store.transaction(tx => keys.erase(tx, 'p5', 78)), false)
      assert.deepEqual(await store.read(db => keys.find(db, 'p5')), { kind: 'erased', at: 77 })
      await assert.rejects(open('p5', 'a', sealed), /erased/)
      await assert.rejects(seal('p5', 'a', text('again')), /erased/)
      const found = await store.read(db => keys.findAll(db, ['p1', 'p5', 'nobody']))
      assert.deepEqual([...found.keys()], ['p1'])
    })

    it('of a rolled-back transaction are not mistaken for those that follow', async () => {
      await assert.rejects(
        store.transaction(async tx => {
          await keys.ensure(tx, 'rolled back', 1)
          throw new Error('no')
        }),
        /no/,
      )
      const sealed = await seal('rolled back', 'a', text('x'))
      const next = createPersonKeys({ master, random })
      const found = await store.read(db => next.find(db, 'rolled back'))
      assert.equal(found.kind, 'present')
      if (found.kind === 'present') assert.deepEqual(found.key.open('a', sealed), text('x'))
    })

    it('are wrapped anew under another master while they are used, and the old one is needed no more', async () => {
      const people = Array.from({ length: 40 }, (_, at) => `mover ${at}`)
      const sealed = await Promise.all(people.map(one => seal(one, 'a', text(one))))
      const next = masterKeyOf(random.bytes(32), random)
      const both = createPersonKeys({ master: next, former: [master], random })
      const opens = async (own: typeof both): Promise<void> => {
        const found = await store.read(db => own.findAll(db, people))
        for (const [at, one] of people.entries())
          assert.deepEqual(found.get(one)?.open('a', sealed[at] ?? text('')), text(one))
      }
      const [, wrapped] = await Promise.all([
        opens(both),
        both.rewrap(store),
        opens(both),
        store.transaction(tx => both.ensure(tx, 'born meanwhile', 1)),
      ])
      assert.ok(wrapped > 1)
      assert.equal(await both.rewrap(store), 0)
      await opens(both)
      await opens(createPersonKeys({ master: next, random }))
      await assert.rejects(opens(createPersonKeys({ master, random })), /another master/)
      // The other way round, for the tests that follow.
      const back = createPersonKeys({ master, former: [next], random })
      assert.ok((await back.rewrap(store)) >= wrapped)
    })

    it('once warm are made, opened and erased without the master', async () => {
      let isGone = false
      const asked = <T>(answer: Promise<T>): Promise<T> =>
        isGone ? Promise.reject(new Error('the master was asked')) : answer
      const distant = {
        id: master.id,
        wrap: (context: string, secret: Uint8Array) => asked(master.wrap(context, secret)),
        unwrap: (context: string, wrapped: Uint8Array) => asked(master.unwrap(context, wrapped)),
      }
      const warm = createPersonKeys({ master: distant, random })
      await warm.warm(store)
      const own = await warm.ownMaster(store)
      isGone = true
      const people = Array.from({ length: 60 }, (_, at) => `unmastered ${at}`)
      const made = await store.transaction(tx => warm.ensureAll(tx, people, 1))
      const sealed = people.map(one => made.get(one)?.seal('a', text(one)))
      const found = await store.read(db => warm.findAll(db, people))
      for (const [at, one] of people.entries())
        assert.deepEqual(found.get(one)?.open('a', sealed[at] ?? text('')), text(one))
      assert.equal(await store.transaction(tx => warm.erase(tx, people[0] ?? '', 2)), true)
      assert.deepEqual(await own.unwrap('c', await own.wrap('c', text('x'))), text('x'))
      isGone = false
      const again = await createPersonKeys({ master, random }).ownMaster(store)
      assert.equal(again.id, own.id)
      const cold = createPersonKeys({ master: distant, random })
      isGone = true
      await assert.rejects(
        store.read(db => cold.findAll(db, people)),
        /was asked/,
      )
    })

    it('are one a person when two transactions make them at once', async () => {
      const both = await Promise.all([
        seal('twin', 'a', text('one')),
        seal('twin', 'a', text('two')),
      ])
      assert.deepEqual(await open('twin', 'a', both[0]), text('one'))
      assert.deepEqual(await open('twin', 'a', both[1]), text('two'))
    })
  })
}
