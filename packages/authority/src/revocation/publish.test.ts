import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { crlManifest, type CrlPartition } from '@sekisho/contract/authority'
import {
  bytesEqual,
  judgeByCrls,
  KeyCache,
  parseCrl,
  partitionOf,
  type RevocationList,
  toHex,
} from '@sekisho/pki'
import {
  connectPostgres,
  type Engine,
  openEmbedded,
  startTemporaryPostgres,
  type TemporaryPostgres,
} from '@sekisho/runtime/store'
import { townMunicipalities } from '../registry/town-place.ts'
import { noon, openssl, openTestWorld, pemFile, type TestWorld } from '../world-for-tests.ts'
import { presentRules } from '../world.ts'
import { dailyPublication, publishDue, readList, readManifest } from './publish.ts'

const today = noon(2026, 11, 20)
const hourMs = 3600 * 1000
const generations = 4

async function listOf(
  town: TestWorld,
  partition: CrlPartition,
  form: 'full' | 'delta' = 'full',
): Promise<RevocationList> {
  const der = await readList(town.world, { ...partition, form })
  if (der === undefined) throw new Error('no such list')
  return parseCrl(der)
}

/** The partition of a certificate in the manifest. */
async function partitionFor(
  town: TestWorld,
  one: { readonly reference: { readonly issuerKeyId: string } },
  municipality: string,
): Promise<CrlPartition> {
  const { partitions } = await readManifest(town.world)
  const found = partitions.find(
    each => each.issuerKeyId === one.reference.issuerKeyId && each.municipality === municipality,
  )
  if (found === undefined) throw new Error('no such partition')
  return found
}

const engines: readonly (readonly [
  name: string,
  open: () => Promise<[Engine, TemporaryPostgres?]>,
])[] = [
  ['embedded', async () => [await openEmbedded('memory')]],
  [
    'postgres',
    async () => {
      const server = await startTemporaryPostgres({ durable: false })
      return [connectPostgres(server.url), server]
    },
  ],
]

for (const [name, open] of engines)
  describe(`publication on the ${name} engine`, () => {
    let engine: Engine
    let server: TemporaryPostgres | undefined
    let town: TestWorld

    before(async () => {
      ;[engine, server] = await open()
      town = await openTestWorld(engine, { at: today })
    })
    after(async () => {
      await town.folder.remove()
      await engine.close()
      await server?.stop()
    })

    it('begins with a list for each CA key and municipality, and has nothing to do after that', async () => {
      assert.equal(await publishDue(town.world), generations * townMunicipalities.length)
      assert.equal(await publishDue(town.world), 0)
      const manifest = crlManifest.parse(await readManifest(town.world))
      assert.equal(manifest.partitions.length, generations * townMunicipalities.length)
      assert.ok(manifest.partitions.every(one => one.number === 1))
    })

    it('the manifest names each file with its size, digest, number and times', async () => {
      for (const partition of (await readManifest(town.world)).partitions.slice(0, 3)) {
        const der = await readList(town.world, { ...partition, form: 'full' })
        assert.ok(der)
        assert.equal(der.length, partition.bytes)
        assert.equal(createHash('sha256').update(der).digest('hex'), partition.sha256)
        const list = parseCrl(der)
        assert.equal(list.number, partition.number)
        assert.equal(new Date(list.thisUpdate).toISOString(), partition.thisUpdate)
        assert.equal(new Date(list.nextUpdate).toISOString(), partition.nextUpdate)
        const [name] = list.scope.partition ?? []
        const point = Buffer.from(partition.distributionPoint, 'base64')
        assert.ok(name?.kind === 'directory' && bytesEqual(name.name.raw, point))
      }
    })

    it('a change brings out the one list it is on, with a higher number, its code and instant', async () => {
      const id = await town.register({ municipality: '14205' })
      await town.happen(id, { what: 'card' })
      assert.equal(await publishDue(town.world), 0, 'issue alone changes no list')
      await town.happen(id, { what: 'rename', name: '田中　花子' })
      assert.equal(await publishDue(town.world), 1)
      const [signature, authentication] = (await town.certificates(id)).toSorted((a, b) =>
        b.ca.localeCompare(a.ca),
      )
      assert.ok(signature && authentication)
      const partition = await partitionFor(town, signature, '14205')
      const list = await listOf(town, partition)
      assert.equal(partition.number, 2)
      const entry = list.find(signature.certificate.serial)
      assert.equal(entry?.reason, 'affiliationChanged')
      assert.equal(entry?.revokedAt, today)
      const [point] = list.scope.partition ?? []
      const own = partitionOf(signature.certificate)
      assert.ok(point?.kind === 'directory' && own && bytesEqual(point.name.raw, own.raw))
      const other = await listOf(town, await partitionFor(town, authentication, '14205'))
      assert.equal(other.find(authentication.certificate.serial), undefined)
      const elsewhere = await listOf(town, await partitionFor(town, signature, '13104'))
      assert.equal(elsewhere.find(signature.certificate.serial), undefined)
    })

    it('a hold is on the list as certificateHold and leaves it when lifted', async () => {
      const id = await town.register({ municipality: '23211' })
      await town.happen(id, { what: 'card' })
      await town.happen(id, { what: 'lost' })
      assert.equal(await publishDue(town.world), 2)
      const held = await town.certificates(id)
      for (const one of held) {
        const list = await listOf(town, await partitionFor(town, one, '23211'))
        assert.equal(list.find(one.certificate.serial)?.reason, 'certificateHold')
      }
      await town.happen(id, { what: 'found' })
      assert.equal(await publishDue(town.world), 2)
      for (const one of held) {
        const list = await listOf(town, await partitionFor(town, one, '23211'))
        assert.equal(list.find(one.certificate.serial), undefined)
      }
    })

    it('several changes before a round are one list', async () => {
      const ids = [
        await town.register({ municipality: '47201' }),
        await town.register({ municipality: '47201' }),
      ]
      for (const id of ids) await town.happen(id, { what: 'card' })
      for (const id of ids) await town.happen(id, { what: 'deceased' })
      assert.equal(await publishDue(town.world), 2)
      const [first] = await town.certificates(ids[0] ?? '')
      assert.ok(first)
      const list = await listOf(town, await partitionFor(town, first, '47201'))
      assert.equal(list.count, 2)
    })

    it('the last few lists can still be fetched, older ones cannot', async () => {
      const id = await town.register({ municipality: '01202' })
      await town.happen(id, { what: 'card' })
      for (let round = 0; round < 3; round++)
        for (const what of ['lost', 'found'] as const) {
          await town.happen(id, { what })
          await publishDue(town.world)
        }
      const [one] = await town.certificates(id)
      assert.ok(one)
      const partition = await partitionFor(town, one, '01202')
      assert.equal(partition.number, 7)
      const isThere = async (number: number): Promise<boolean> =>
        (await readList(town.world, { ...partition, number, form: 'full' })) !== undefined
      // The first is that of the day, from which deltas are made.
      for (const number of [7, 6, 5, 4, 1]) assert.ok(await isThere(number), String(number))
      for (const number of [2, 3, 8]) assert.ok(!(await isThere(number)), String(number))
    })

    it('every list comes again after a day, not a second before', async () => {
      const rested = await openTestWorld(engine, { at: today })
      rested.clock.turnTo(today + dailyPublication.everyMs - 1000)
      assert.equal(await publishDue(rested.world), 0)
      rested.clock.turnTo(today + dailyPublication.everyMs)
      assert.equal(await publishDue(rested.world), generations * townMunicipalities.length)
      const { partitions } = await readManifest(rested.world)
      assert.ok(
        partitions.every(
          one => Date.parse(one.nextUpdate) - Date.parse(one.thisUpdate) === 26 * hourMs,
        ),
      )
      await rested.folder.remove()
    })

    it('openssl accepts the lists with the CA’s key and with no other', async () => {
      const [partition] = (await readManifest(town.world)).partitions
      assert.ok(partition)
      const der = await readList(town.world, { ...partition, form: 'full' })
      const path = join(town.folder.path, 'list.crl')
      await writeFile(path, der ?? '')
      const { anchors } = town.world.hierarchy
      const isOwn = (anchor: (typeof anchors)[number]): boolean =>
        Buffer.from(anchor.subjectKeyIdentifier ?? '').toString('hex') === partition.issuerKeyId
      const read = ['crl', '-inform', 'DER', '-in', path, '-noout', '-text', '-CAfile']
      const own = await pemFile(town.folder, 'own.pem', anchors.filter(isOwn))
      const said = await openssl(...read, own)
      assert.match(said.text, /verify OK/)
      assert.match(said.text, /X509v3 CRL Number:/)
      assert.match(said.text, /X509v3 Issuing Distribution Point: critical/)
      const others = await pemFile(
        town.folder,
        'others.pem',
        anchors.filter(anchor => !isOwn(anchor)),
      )
      assert.doesNotMatch((await openssl(...read, others)).text, /verify OK/)
    })
  })

describe('publication over time', () => {
  let engine: Engine
  before(async () => {
    engine = await openEmbedded('memory')
  })
  after(() => engine.close())

  it('an expired certificate is on the first list after its end and leaves the next', async () => {
    const town = await openTestWorld(engine, { at: noon(2025, 11, 20) })
    const id = await town.register({
      municipality: '13421',
      birthDate: { year: 2010, month: 11, day: 21 },
    })
    await town.happen(id, { what: 'card' })
    await town.happen(id, { what: 'lost' })
    const [one] = await town.certificates(id)
    assert.ok(one)
    const isListed = async (at: number): Promise<boolean> => {
      town.clock.turnTo(at)
      await publishDue(town.world)
      const list = await listOf(town, await partitionFor(town, one, '13421'))
      return list.find(one.certificate.serial) !== undefined
    }
    const end = one.certificate.notAfter
    assert.equal(await isListed(end - 2 * hourMs), true)
    assert.equal(await isListed(end + 22 * hourMs), true)
    assert.equal(await isListed(end + 46 * hourMs), false)
    await town.folder.remove()
  })

  it('a delta tells what changed since the list of the last daily round, removals too', async () => {
    const town = await openTestWorld(engine, { at: noon(2031, 3, 20) })
    const ids = [
      await town.register({ municipality: '01202' }),
      await town.register({ municipality: '01202' }),
    ]
    for (const id of ids) await town.happen(id, { what: 'card' })
    const [one, two] = await Promise.all(
      ids.map(async id => (await town.certificates(id)).find(each => each.ca === 'signature')),
    )
    assert.ok(one && two)
    await town.happen(ids[0] ?? '', { what: 'lost' })
    await publishDue(town.world)
    town.clock.turnTo(noon(2031, 3, 21))
    await publishDue(town.world)
    const day = await partitionFor(town, one, '01202')
    const base = await listOf(town, day)
    assert.equal(
      (await listOf(town, day, 'delta')).count,
      0,
      'nothing happened since the day before',
    )
    await town.happen(ids[0] ?? '', { what: 'found' })
    await town.happen(ids[1] ?? '', { what: 'deceased' })
    await publishDue(town.world)

    const now = await partitionFor(town, one, '01202')
    assert.deepEqual([now.delta?.base, now.number], [day.number, day.number + 1])
    const [full, delta] = [await listOf(town, now), await listOf(town, now, 'delta')]
    assert.equal(createHash('sha256').update(delta.raw).digest('hex'), now.delta?.sha256)
    assert.deepEqual([delta.raw.length, delta.number], [now.delta?.bytes, full.number])
    assert.equal(delta.deltaBase, base.number)
    assert.equal(delta.find(one.certificate.serial)?.reason, 'removeFromCRL')
    assert.ok(delta.find(two.certificate.serial))
    assert.deepEqual(
      [full.find(one.certificate.serial), full.count],
      [undefined, 1],
      'the full list of the same number says the same',
    )

    const issuer = town.world.hierarchy.anchors.find(
      anchor => toHex(anchor.subjectKeyIdentifier ?? new Uint8Array()) === now.issuerKeyId,
    )
    assert.ok(issuer)
    const path = join(town.folder.path, 'delta.crl')
    await writeFile(path, delta.raw)
    const own = await pemFile(town.folder, 'issuer.pem', [issuer])
    const read = ['crl', '-inform', 'DER', '-in', path, '-noout', '-text', '-CAfile', own]
    const said = await openssl(...read)
    assert.match(said.text, /verify OK/)
    assert.match(said.text, /X509v3 Delta CRL Indicator: critical/)
    assert.equal(said.text.match(/Serial Number: /g)?.length, 2)
    assert.equal(said.text.match(/Remove From CRL/g)?.length, 1)

    // What a verifier knows from the day's list alone, and with the delta over it.
    const says = (certificate: typeof one, ...lists: readonly RevocationList[]): string => {
      const found = judgeByCrls(certificate.certificate, issuer, {
        lists,
        at: town.clock.now(),
        keys: new KeyCache(4),
      })
      return found.kind === 'passed' ? 'good' : found.reasons[0].code
    }
    assert.deepEqual([says(one, base), says(two, base)], ['certificate-held', 'good'])
    assert.deepEqual(
      [says(one, base, delta), says(two, base, delta)],
      ['good', 'certificate-revoked'],
    )
    await town.folder.remove()
  })

  it('where lists come daily only, a change waits for its day', async () => {
    const town = await openTestWorld(engine, {
      at: noon(2031, 11, 20),
      rules: { ...presentRules, publication: { ...dailyPublication, onDemand: false } },
    })
    await publishDue(town.world)
    const id = await town.register()
    await town.happen(id, { what: 'card' })
    await town.happen(id, { what: 'lost' })
    assert.equal(await publishDue(town.world), 0)
    town.clock.turnTo(noon(2031, 11, 21))
    assert.ok((await publishDue(town.world)) > 0)
    const [one] = await town.certificates(id)
    assert.ok(one)
    const list = await listOf(town, await partitionFor(town, one, '13101'))
    assert.ok(list.find(one.certificate.serial))
    await town.folder.remove()
  })

  it('a CA that has ended publishes no more and is not in the manifest', async () => {
    const town = await openTestWorld(engine, { at: noon(2031, 11, 22) })
    await publishDue(town.world)
    const { partitions } = await readManifest(town.world)
    assert.equal(new Set(partitions.map(one => one.issuerKeyId)).size, 2)
    await town.folder.remove()
  })
})
