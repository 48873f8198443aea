import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { ageOn, dateInJapan, municipalities } from '@sekisho/contract/japan'
import { encodeOcspRequest, ocspCertId, parseCrl, parseOcspResponse, toHex } from '@sekisho/pki'
import { seededRandom } from '@sekisho/runtime/random'
import {
  connectPostgres,
  type Engine,
  openEmbedded,
  startTemporaryPostgres,
  type TemporaryPostgres,
} from '@sekisho/runtime/store'
import { answerOcsp } from '../revocation/ocsp.ts'
import { publishDue, readList, readManifest } from '../revocation/publish.ts'
import { findResident } from '../window/resident-file.ts'
import { noon, openTestWorld, type TestWorld } from '../world-for-tests.ts'
import { registerMany } from './bulk.ts'

const today = noon(2026, 11, 20)
const count = 9000
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
  describe(`residents registered in bulk on the ${name} engine`, () => {
    let engine: Engine
    let server: TemporaryPostgres | undefined
    let town: TestWorld

    before(async () => {
      ;[engine, server] = await open()
      town = await openTestWorld(engine, { at: today })
      await registerMany(town.world, {
        count,
        places: municipalities.map(one => one.code),
        withCards: true,
        seed: seededRandom('bulk'),
      })
    })
    after(async () => {
      await town.folder.remove()
      await engine.close()
      await server?.stop()
    })

    const certificates = () =>
      town.world.store.read(db => db.selectFrom('certificate').selectAll().execute())
    /** Somebody with a valid registered signature certificate. */
    const holder = async (): Promise<string> => {
      const row = await town.world.store.read(db =>
        db
          .selectFrom('certificate')
          .select('resident_id')
          .where('ca', '=', 'signature')
          .where('state', '=', 'valid')
          .where('der', 'is', null)
          // One that has expired is on no list, whatever befalls its holder.
          .where('not_after', '>', today)
          .orderBy('serial')
          .executeTakeFirstOrThrow(),
      )
      return row.resident_id
    }
    /** Serials and reasons of all lists, by CA key. */
    const published = async (): Promise<ReadonlyMap<string, string>> => {
      const said = new Map<string, string>()
      for (const partition of (await readManifest(town.world)).partitions) {
        const der = await readList(town.world, { ...partition, form: 'full' })
        const list = parseCrl(der ?? new Uint8Array())
        for (let at = 0; at < list.count; at++)
          said.set(
            `${partition.issuerKeyId} ${toHex(list.serialAt(at))} ${partition.municipality}`,
            list.entryAt(at).reason,
          )
      }
      return said
    }

    it('are all there, each a resident like any other with numbers and a household', async () => {
      const rows = await town.world.store.read(db =>
        db
          .selectFrom('resident')
          .innerJoin('personal_number', 'personal_number.resident_id', 'resident.id')
          .select(['resident.id', 'household_id', 'relation'])
          .execute(),
      )
      assert.equal(rows.length, count)
      const heads = new Map(
        rows.filter(one => one.relation === 'head').map(one => [one.household_id, one.id]),
      )
      for (const row of rows) assert.ok(heads.get(row.household_id) !== undefined)
      for (const { id } of rows.slice(0, 50)) {
        const one = await findResident(town.world, id)
        assert.equal(one.status, 'resident')
        const numbers = await town.world.store.read(db => town.world.numbers.read(db, id))
        assert.match(numbers?.myNumber ?? '', /^00\d{10}$/)
      }
    })

    it('have certificates within the rules of those that are issued', async () => {
      const rows = await certificates()
      const cards = await town.world.store.read(db => db.selectFrom('card').selectAll().execute())
      const cardOf = new Map(cards.map(one => [one.id, one]))
      assert.ok(cards.length > count * 0.75 && cards.length < count * 0.85, `${cards.length} cards`)
      assert.ok(rows.length > cards.length * 1.6)
      assert.equal(new Set(rows.map(row => `${row.issuer_key_id} ${row.serial}`)).size, rows.length)
      const births = new Map<string, number>()
      for (const row of rows) {
        const card = cardOf.get(row.card_id)
        assert.ok(card && row.not_after <= card.expires_at && row.not_before === card.issued_at)
        assert.ok(row.not_before < row.not_after)
        assert.match(row.serial, /^[0-7][0-9a-f]{7}$/)
        if (row.ca !== 'signature') continue
        assert.ok(row.state === 'revoked' || card.state === 'active')
        const beside = rows.find(
          one => one.serial === row.authentication_serial && one.ca === 'authentication',
        )
        assert.ok(beside === undefined || beside.not_after >= row.not_after)
        births.set(row.resident_id, row.not_before)
      }
      for (const [id, at] of [...births].slice(0, 300)) {
        const { birthDate } = (await findResident(town.world, id)).attributes
        const birth = { year: birthDate.year, month: birthDate.month ?? 1, day: birthDate.day ?? 1 }
        assert.ok(ageOn(birth, dateInJapan(at)) >= 15)
      }
    })

    it('every list says of them what the registry says', async () => {
      await publishDue(town.world)
      const said = await published()
      const expected = (await certificates())
        .filter(row => row.state !== 'valid' && row.not_after >= today)
        .map(row => `${row.issuer_key_id} ${row.serial} ${row.municipality} ${row.reason}`)
      assert.ok(expected.length > count * 0.05)
      assert.deepEqual(
        Array.from(said, ([key, reason]) => `${key} ${reason}`).toSorted(),
        expected.toSorted(),
      )
    })

    it('OCSP answers for them by serial: valid ones good, revoked and held ones with their code', async () => {
      const asked = new Set<string>()
      for (const row of await certificates()) {
        const kind = `${row.ca} ${row.state} ${row.reason}`
        if (asked.has(kind) || row.not_after < today) continue
        asked.add(kind)
        const issuer = town.world.hierarchy
          .inForce(today)
          .find(one => one.keyId === row.issuer_key_id)?.certificate
        assert.ok(issuer)
        const certId = ocspCertId({ serial: Buffer.from(row.serial, 'hex') }, issuer, 'sha256')
        const request = encodeOcspRequest([certId], undefined)
        const answer = parseOcspResponse(await answerOcsp(town.world, row.ca, request))
        assert.ok(answer.kind === 'basic')
        const [said] = answer.answers
        assert.equal(said?.status, row.state === 'valid' ? 'good' : 'revoked', kind)
        assert.equal(said?.reason ?? null, row.reason, kind)
      }
      assert.ok(asked.size >= 5, [...asked].join(', '))
    })

    it('a move ends the registered signature certificate, and the list of its partition tells', async () => {
      const id = await holder()
      await town.happen(id, { what: 'move', municipality: '01202', address: '北海道函館市元町１' })
      assert.equal(await publishDue(town.world), 1)
      const rows = (await certificates()).filter(row => row.resident_id === id)
      // Somebody may have had another before, which ended otherwise.
      const ended = rows.filter(
        row => row.ca === 'signature' && row.reason === 'affiliationChanged',
      )
      const said = await published()
      assert.ok(ended.length > 0)
      for (const row of ended)
        assert.equal(
          said.get(`${row.issuer_key_id} ${row.serial} ${row.municipality}`),
          'affiliationChanged',
        )
    })

    it('there is no card to renew; a reissued one has real certificates that follow the registered ones', async () => {
      const id = await holder()
      await assert.rejects(town.happen(id, { what: 'renew' }), /card-absent/)
      const before = (await certificates()).filter(row => row.resident_id === id)
      await town.happen(id, { what: 'reissue' })
      const rows = (await certificates()).filter(row => row.resident_id === id)
      for (const old of before)
        assert.equal(rows.find(row => row.serial === old.serial)?.reason, 'superseded')
      const real = rows.filter(row => row.der !== null)
      assert.deepEqual(real.map(row => row.ca).toSorted(), ['authentication', 'signature'])
      assert.equal(
        real.find(row => row.ca === 'authentication')?.predecessor_serial,
        before.find(row => row.ca === 'authentication')?.serial,
      )
    })
  })
