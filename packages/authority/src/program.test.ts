import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { correspondingSerialAnswer, crlManifest, usageStatement } from '@sekisho/contract/authority'
import { isMyNumber, isResidentCode } from '@sekisho/contract/japan'
import {
  encodeOcspRequest,
  ocspCertId,
  parseCertificate,
  parseCrl,
  parseOcspResponse,
  toHex,
} from '@sekisho/pki'
import { fixedClock, type FixedClock, protocolNow } from '@sekisho/runtime/clock'
import { type TemporaryFolder, temporaryFolder } from '@sekisho/runtime/files'
import { callAdmin } from '@sekisho/runtime/http'
import { createKey, type KeyPair, masterKeyOf } from '@sekisho/runtime/keys'
import { createLog, type LogSink } from '@sekisho/runtime/log'
import {
  type Caller,
  createFetch,
  freePort,
  receivedAnswer,
  type RequestToSign,
  signRequest,
  verifyAnswer,
} from '@sekisho/runtime/net'
import { seededRandom, systemRandom } from '@sekisho/runtime/random'
import { type Engine, openEmbedded, type Store } from '@sekisho/runtime/store'
import { authorityMigrations, type AuthorityTables } from './database.ts'
import { type Authority, type AuthoritySettings, startAuthority } from './program.ts'
import type { Persona } from './window/persona.ts'
import { noon, openssl, pemFile } from './world-for-tests.ts'

const today = noon(2026, 11, 20)

function persona(id: string, life: Persona['life']): Persona {
  const [name, address] = ['関所　花子', '東京都千代田区神田神保町１丁目１番１号']
  return {
    id,
    label: { ja: '見本', en: 'Specimen' },
    municipality: '13101',
    attributes: {
      name,
      nameSubstitutes: '0'.repeat(name.length),
      formerSurname: null,
      address,
      addressSubstitutes: '0'.repeat(address.length),
      birthDate: { year: 1985, month: 4, day: 1 },
      gender: 'female',
    },
    isWard: false,
    demandsPinAlways: false,
    pin: '2468',
    password: 'SEKISHO1',
    life,
  }
}

const people = [
  persona('plain', [{ daysAgo: 100, what: 'card' }]),
  persona('held', [
    { daysAgo: 100, what: 'card' },
    { daysAgo: 1, what: 'lost' },
  ]),
  persona('moved', [
    { daysAgo: 100, what: 'card' },
    { daysAgo: 2, what: 'rename', name: '田中　花子' },
  ]),
  persona('locked', [
    { daysAgo: 100, what: 'card' },
    { daysAgo: 2, what: 'lock-pin' },
  ]),
]

type Row = { readonly der: Uint8Array; readonly issuer_key_id: string; readonly serial: string }

describe('the authority as a program', () => {
  let engine: Engine
  let folder: TemporaryFolder
  let caller: Caller
  let clock: FixedClock
  let settings: AuthoritySettings
  let authority: Authority
  let tables: Store<AuthorityTables>
  let [platform, stranger, single]: KeyPair[] = []
  const lines: string[] = []
  const sink: LogSink = { write: line => void lines.push(line) }

  before(async () => {
    engine = await openEmbedded('memory')
    folder = await temporaryFolder('authority-program')
    caller = createFetch()
    clock = fixedClock(today)
    ;[platform, stranger, single] = await Promise.all([
      createKey('ec-p256'),
      createKey('ec-p256'),
      createKey('ec-p256'),
    ])
    const port = await freePort()
    settings = {
      port,
      publicOrigin: `http://authority.localhost:${port}`,
      adminPath: join(folder.path, 'admin.sock'),
      engine,
      cardsFolder: join(folder.path, 'cards'),
      caKeysFolder: join(folder.path, 'ca'),
      personas: people,
      residents: 60,
      verifiers: [
        { id: 'platform', ...key(platform), accreditedFor: ['signatures', 'authentications'] },
        { id: 'single', ...key(single), accreditedFor: ['authentications'] },
      ],
      answerKey: await createKey('ec-p256'),
      numbersKey: masterKeyOf(new Uint8Array(32), systemRandom()),
      clock,
      random: systemRandom(),
      seed: seededRandom('town'),
      log: createLog({ program: 'authority', sink, level: 'debug' }),
    }
    authority = await startAuthority(settings)
    tables = await engine.store<AuthorityTables>({
      schema: 'authority',
      migrations: authorityMigrations,
    })
  })
  after(async () => {
    await authority.stop()
    await caller.close()
    await engine.close()
    await folder.remove()
  })

  function key(pair: KeyPair | undefined): KeyPair {
    if (pair === undefined) throw new Error('no key')
    return pair
  }
  const certificate = (of: string, ca: 'signature' | 'authentication'): Promise<Row> =>
    tables.read(db =>
      db
        .selectFrom('certificate')
        .innerJoin('resident', 'resident.id', 'certificate.resident_id')
        .select(['der', 'issuer_key_id', 'serial'])
        .where('resident.persona', '=', of)
        .where('ca', '=', ca)
        .where('der', 'is not', null)
        .$narrowType<{ der: Uint8Array }>()
        .orderBy('not_before', 'desc')
        .executeTakeFirstOrThrow(),
    )
  const query = async (of: string): Promise<RequestToSign> => {
    const { issuer_key_id: issuerKeyId, serial } = await certificate(of, 'signature')
    const asked = {
      signature: { issuerKeyId, serial },
      purpose: 'identification',
      consent: { statementSha256: 'ab'.repeat(32), givenAt: '2026-11-20T03:00:00Z' },
    }
    return post('/v1/corresponding-serial', asked)
  }
  let asked = 0
  const post = (path: string, body: unknown): RequestToSign => ({
    method: 'POST',
    url: `${settings.publicOrigin}${path}`,
    headers: { 'content-type': 'application/json', 'idempotency-key': `key-${1000 + asked++}` },
    body: new TextEncoder().encode(JSON.stringify(body)),
  })
  const get = (path: string): RequestToSign => ({
    method: 'GET',
    url: `${settings.publicOrigin}${path}`,
    headers: {},
    body: new Uint8Array(),
  })
  const signed = (
    request: RequestToSign,
    by = key(platform),
    at = protocolNow(),
  ): RequestToSign => ({
    ...request,
    headers: signRequest(request, { key: by, at, nonce: systemRandom().token(128) }),
  })
  const sendRequest = async (request: RequestToSign) => {
    const response = await caller.fetch(request.url, {
      method: request.method,
      headers: { ...request.headers },
      ...(request.method === 'GET' ? {} : { body: new Uint8Array(request.body) }),
    })
    const answer = await receivedAnswer(response)
    const text = new TextDecoder().decode(answer.body)
    const json: unknown = text === '' ? undefined : JSON.parse(text)
    const isSigned = await verifyAnswer(answer, {
      request,
      at: protocolNow(),
      keyOf: () => Promise.resolve(key(settings.answerKey as KeyPair).publicKey),
    }).then(
      () => true,
      () => false,
    )
    return { status: answer.status, json, isSigned, code: codeOf(json) }
  }
  const codeOf = (json: unknown): unknown =>
    typeof json === 'object' && json !== null ? Reflect.get(json, 'code') : undefined

  describe('signed queries', () => {
    it('resident code and my number are on the window’s page of a resident, in no list, address or log line', async () => {
      const { id } = await tables.read(db =>
        db
          .selectFrom('resident')
          .select('id')
          .where('persona', '=', 'plain')
          .executeTakeFirstOrThrow(),
      )
      const read = async (path: string): Promise<Response> =>
        caller.fetch(`${settings.publicOrigin}${path}`)
      const page = await read(`/residents/${id}`)
      assert.equal(page.headers.get('cache-control'), 'no-store')
      const text = await page.text()
      const [, myNumber = ''] = /<dd>(\d{12})<\/dd>/.exec(text) ?? []
      const [, code = ''] = /<dd>(\d{11})<\/dd>/.exec(text) ?? []
      assert.ok(isMyNumber(myNumber) && isResidentCode(code))
      await callAdmin(settings.adminPath, 'resident-event', {
        resident: 'plain',
        event: { what: 'correct-trivially', address: '東京都千代田区神田神保町１－１－１' },
      })
      const elsewhere = [
        await (await read('/')).text(),
        JSON.stringify(await callAdmin(settings.adminPath, 'resident-list')),
        ...lines,
      ].join('\n')
      assert.ok(lines.length > 0)
      assert.ok(!elsewhere.includes(myNumber) && !elsewhere.includes(code))
    })

    it('a signed question gets a signed answer', async () => {
      const got = await sendRequest(signed(await query('plain')))
      assert.equal(got.status, 200)
      assert.ok(got.isSigned)
      const { serial } = await certificate('plain', 'authentication')
      assert.equal(correspondingSerialAnswer.parse(got.json).authentication?.serial, serial)
    })

    it('a refusal is a signed answer too', async () => {
      const asking = await query('plain')
      const got = await sendRequest(signed(asking, key(single)))
      assert.deepEqual([got.status, got.code, got.isSigned], [403, 'verifier-not-accredited', true])
      const malformed = await sendRequest(signed(post('/v1/corresponding-serial', { x: 1 })))
      assert.deepEqual([malformed.code, malformed.isSigned], ['request-malformed', true])
    })

    it('a query without idempotency key is malformed', async () => {
      const asking = await query('plain')
      const got = await sendRequest(
        signed({ ...asking, headers: { 'content-type': 'application/json' } }),
      )
      assert.deepEqual([got.status, got.code], [400, 'request-malformed'])
    })

    it('unsigned, altered, unknown verifier: refused as unsigned, and the answer is not signed', async () => {
      const asking = await query('plain')
      const good = signed(asking)
      const other = new TextEncoder().encode(
        new TextDecoder().decode(asking.body).replace('ab', 'cd'),
      )
      for (const request of [
        asking,
        { ...good, body: other },
        { ...good, headers: { ...good.headers, 'idempotency-key': 'key-9999' } },
        { ...good, url: `${settings.publicOrigin}/v1/predecessor` },
        signed(asking, key(stranger)),
        { ...get('/crl/manifest') },
        { ...get('/v1/usage/2026-11') },
      ]) {
        const got = await sendRequest(request)
        assert.deepEqual([got.status, got.code, got.isSigned], [401, 'message-unsigned', false])
      }
    })

    it('expired and replayed messages are refused, also after a restart', async () => {
      const asking = await query('plain')
      const old = await sendRequest(signed(asking, key(platform), protocolNow() - 120_000))
      assert.deepEqual([old.status, old.code], [401, 'message-expired'])
      const once = signed(asking)
      assert.equal((await sendRequest(once)).status, 200)
      assert.equal((await sendRequest(once)).code, 'message-replayed')
      await authority.stop()
      authority = await startAuthority(settings)
      assert.equal((await sendRequest(once)).code, 'message-replayed')
    })

    it('what was asked stands in the statement, once for each key', async () => {
      const asking = await query('moved')
      const first = await sendRequest(signed(asking))
      const again = await sendRequest(signed(asking))
      assert.deepEqual(first.json, again.json)
      const got = await sendRequest(signed(get('/v1/usage/2026-11')))
      const statement = usageStatement.parse(got.json)
      const { usage } = correspondingSerialAnswer.parse(first.json)
      assert.equal(statement.lines.filter(line => line.usage === usage).length, 1)
      assert.equal(
        statement.totalYen,
        statement.lines.reduce((sum, line) => sum + line.feeYen, 0),
      )
      const others = await sendRequest(signed(get('/v1/usage/2026-11'), key(single)))
      assert.deepEqual(usageStatement.parse(others.json).lines, [])
      assert.equal((await sendRequest(signed(get('/v1/usage/2026-13')))).code, 'request-malformed')
    })
  })

  describe('publication over HTTP', () => {
    it('the signed manifest leads to every list', async () => {
      const got = await sendRequest(signed(get('/crl/manifest')))
      assert.ok(got.isSigned)
      const { partitions } = crlManifest.parse(got.json)
      for (const partition of partitions) {
        const response = await caller.fetch(`${settings.publicOrigin}${partition.path}`)
        assert.equal(response.headers.get('content-type'), 'application/pkix-crl')
        const der = new Uint8Array(await response.arrayBuffer())
        assert.equal(der.length, partition.bytes)
        assert.equal(parseCrl(der).number, partition.number)
      }
      const [first] = partitions
      const missing = await caller.fetch(
        `${settings.publicOrigin}${first?.path.replace(/\d+\.crl/, '999.crl')}`,
      )
      assert.equal(missing.status, 404)
    })

    it('an event is on the lists within a second, without anybody asking', async () => {
      const { serial, issuer_key_id: keyId } = await certificate('locked', 'signature')
      await callAdmin(settings.adminPath, 'resident-event', {
        resident: 'locked',
        event: { what: 'stop' },
      })
      const isListed = async (): Promise<boolean> => {
        const got = await sendRequest(signed(get('/crl/manifest')))
        const own = crlManifest
          .parse(got.json)
          .partitions.find(one => one.issuerKeyId === keyId && one.municipality === '13101')
        const response = await caller.fetch(`${settings.publicOrigin}${own?.path}`)
        const list = parseCrl(new Uint8Array(await response.arrayBuffer()))
        return list.find(Buffer.from(serial, 'hex')) !== undefined
      }
      const until = performance.now() + 5000
      while (!(await isListed())) assert.ok(performance.now() < until, 'not listed in time')
    })
  })

  describe('OCSP, as the openssl command sees it', () => {
    const ocsp = async (
      of: string,
      ca: 'signature' | 'authentication',
      ...more: readonly string[]
    ): Promise<string> => {
      const row = await certificate(of, ca)
      const { hierarchy, leaf } = await files(row)
      const said = await openssl(
        'ocsp',
        '-url',
        `${settings.publicOrigin.replace('authority.localhost', '127.0.0.1')}/ocsp/${ca}`,
        '-header',
        `Host=${new URL(settings.publicOrigin).host}`,
        '-CAfile',
        hierarchy.all,
        '-issuer',
        hierarchy.own,
        ...more,
        '-cert',
        leaf,
        // The town's clock stands still; the tool's does not.
        '-validity_period',
        String(Math.ceil(Math.abs(protocolNow() - today) / 1000) + 3600),
      )
      return said.text
    }
    const files = async (row: Row) => {
      const anchors = authority.anchors
      const own = anchors.filter(
        one => Buffer.from(one.subjectKeyIdentifier ?? '').toString('hex') === row.issuer_key_id,
      )
      const leaf = join(folder.path, 'leaf.pem')
      const body =
        Buffer.from(row.der)
          .toString('base64')
          .match(/.{1,64}/g) ?? []
      await writeFile(
        leaf,
        ['-----BEGIN CERTIFICATE-----', ...body, '-----END CERTIFICATE-----', ''].join('\n'),
      )
      return {
        leaf,
        hierarchy: {
          all: await pemFile(folder, 'all.pem', anchors),
          own: await pemFile(folder, 'own.pem', own),
        },
      }
    }

    it('good, with and without nonce, by SHA-1 and SHA-256 identifiers', async () => {
      for (const ca of ['signature', 'authentication'] as const)
        for (const more of [[], ['-no_nonce'], ['-sha256'], ['-sha256', '-no_nonce']]) {
          const text = await ocsp('plain', ca, ...more)
          assert.match(text, /Response verify OK/)
          assert.match(text, /leaf\.pem: good/)
          assert.doesNotMatch(text, /WARNING: no nonce/)
        }
    })

    it('revoked with its code, and held as certificateHold', async () => {
      const moved = await ocsp('moved', 'signature')
      assert.match(moved, /Response verify OK/)
      assert.match(moved, /leaf\.pem: revoked[^]*Reason: affiliationChanged/)
      assert.match(await ocsp('moved', 'authentication'), /leaf\.pem: good/)
      for (const ca of ['signature', 'authentication'] as const) {
        const held = await ocsp('held', ca)
        assert.match(held, /Response verify OK/)
        assert.match(held, /leaf\.pem: revoked[^]*Reason: certificateHold/)
      }
    })

    it('unknown for a serial that was never issued', async () => {
      const row = await certificate('plain', 'signature')
      const { hierarchy } = await files(row)
      const request = join(folder.path, 'unknown.req')
      await openssl(
        'ocsp',
        '-issuer',
        hierarchy.own,
        '-serial',
        '0x01020304',
        '-no_nonce',
        '-reqout',
        request,
      )
      const answer = await asks('signature', await readFile(request))
      assert.equal(answer.kind === 'basic' ? answer.answers[0]?.status : answer.status, 'unknown')
    })

    it('a certificate of the other CA is unauthorized (6), a request that is none malformed (1)', async () => {
      const row = await certificate('plain', 'authentication')
      const { hierarchy, leaf } = await files(row)
      const request = join(folder.path, 'other.req')
      await openssl('ocsp', '-issuer', hierarchy.own, '-cert', leaf, '-reqout', request)
      const der = await readFile(request)
      assert.deepEqual(await asks('signature', der), { kind: 'unsuccessful', status: 6 })
      assert.equal((await asks('authentication', der)).kind, 'basic')
      for (const broken of [der.subarray(0, -1), Buffer.from('x'), Buffer.alloc(0)])
        assert.deepEqual(await asks('authentication', broken), { kind: 'unsuccessful', status: 1 })
    })

    it('another content type, or more than a request can hold, is a problem document', async () => {
      const url = `${settings.publicOrigin}/ocsp/signature`
      const headers = { 'content-type': 'application/ocsp-request' }
      const wrong = await caller.fetch(url, { method: 'POST', body: 'x' })
      assert.equal(codeOf(await wrong.json()), 'request-malformed')
      const large = await caller.fetch(url, {
        method: 'POST',
        headers,
        body: new Uint8Array(20_000),
      })
      assert.equal(codeOf(await large.json()), 'request-too-large')
    })

    it('a request may come by GET, base64 behind the path, and nonsense there is a refusal of OCSP’s own', async () => {
      const url = `${settings.publicOrigin}/ocsp/signature`
      const row = await certificate('plain', 'signature')
      const leaf = parseCertificate(row.der)
      const issuer = authority.anchors.find(
        each => toHex(each.subjectKeyIdentifier ?? new Uint8Array()) === row.issuer_key_id,
      )
      assert.ok(issuer !== undefined)
      const asked = encodeOcspRequest([ocspCertId(leaf, issuer, 'sha1')], undefined)
      const text = encodeURIComponent(Buffer.from(asked).toString('base64'))
      const got = await caller.fetch(`${url}/${text}`)
      assert.equal(got.headers.get('content-type'), 'application/ocsp-response')
      const answer = parseOcspResponse(new Uint8Array(await got.arrayBuffer()))
      assert.deepEqual(answer.kind === 'basic' && answer.answers[0]?.status, 'good')
      const nonsense = await caller.fetch(`${url}/%41%41`)
      const said = parseOcspResponse(new Uint8Array(await nonsense.arrayBuffer()))
      assert.deepEqual(said, { kind: 'unsuccessful', status: 1 })
      assert.equal((await caller.fetch(url)).status, 404)
      assert.equal((await caller.fetch(`${url}/%zz`)).status, 404)
      assert.equal((await caller.fetch(url, { method: 'DELETE' })).status, 404)
    })

    const asks = async (ca: 'signature' | 'authentication', der: Uint8Array) => {
      const response = await caller.fetch(`${settings.publicOrigin}/ocsp/${ca}`, {
        method: 'POST',
        headers: { 'content-type': 'application/ocsp-request' },
        body: new Uint8Array(der),
      })
      assert.equal(response.headers.get('content-type'), 'application/ocsp-response')
      return parseOcspResponse(new Uint8Array(await response.arrayBuffer()))
    }
  })

  describe('seeding', () => {
    const counts = async (): Promise<readonly number[]> => {
      const found: number[] = []
      for (const table of ['resident', 'card', 'certificate', 'event'] as const) {
        const rows = await tables.read(db => db.selectFrom(table).selectAll().execute())
        found.push(rows.length)
      }
      return found
    }

    it('registers personas and residents once, also over a restart', async () => {
      const before = await counts()
      assert.deepEqual(before.slice(0, 3), [people.length + 60, people.length, people.length * 2])
      await authority.stop()
      authority = await startAuthority(settings)
      assert.deepEqual(await counts(), before)
    })

    it('what a process left half seeded is thrown away and done anew', async () => {
      await authority.stop()
      await tables.transaction(async tx => {
        await tx.deleteFrom('seeding').execute()
        const [one] = await tx.selectFrom('card').select('id').execute()
        await tx
          .deleteFrom('certificate')
          .where('card_id', '=', one?.id ?? '')
          .execute()
        await tx
          .deleteFrom('card')
          .where('id', '=', one?.id ?? '')
          .execute()
      })
      authority = await startAuthority(settings)
      assert.deepEqual((await counts()).slice(0, 3), [
        people.length + 60,
        people.length,
        people.length * 2,
      ])
      const state: unknown = JSON.parse(
        await readFile(join(settings.cardsFolder, 'locked.card.json'), 'utf8'),
      )
      const slot: unknown = Reflect.get(Object(state), 'authentication')
      assert.equal(Reflect.get(Object(slot), 'triesLeft'), 0)
    })
  })

  describe('the window over HTTP', () => {
    const idOf = async (name: string): Promise<string> =>
      (
        await tables.read(db =>
          db
            .selectFrom('resident')
            .select('id')
            .where('persona', '=', name)
            .executeTakeFirstOrThrow(),
        )
      ).id
    const submit = async (id: string, form: Record<string, string>, origin?: string) =>
      caller.fetch(`${settings.publicOrigin}/residents/${id}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          ...(origin === undefined ? {} : { origin }),
        },
        body: new URLSearchParams(form).toString(),
      })

    it('takes an event from its own page and from no other', async () => {
      const id = await idOf('plain')
      const foreign = await submit(id, { what: 'lost' }, 'http://evil.localhost:1')
      assert.equal(codeOf(await foreign.json()), 'origin-foreign')
      const own = await submit(id, { what: 'lost' }, settings.publicOrigin)
      assert.deepEqual(
        [own.status, own.headers.get('location')],
        [303, `/residents/${id}?done=lost`],
      )
      await submit(id, { what: 'found' }, settings.publicOrigin)
    })

    it('reads an unchecked box as no, an empty field as left out', async () => {
      const resident = await tables.read(db =>
        db
          .selectFrom('resident')
          .select('id')
          .where('persona', 'is', null)
          .executeTakeFirstOrThrow(),
      )
      const got = await submit(resident.id, {
        what: 'card',
        withAuthentication: 'on',
        pin: '2468',
        password: '',
      })
      assert.equal(got.status, 303)
      const kinds = await tables.read(db =>
        db.selectFrom('certificate').select('ca').where('resident_id', '=', resident.id).execute(),
      )
      assert.deepEqual(kinds, [{ ca: 'authentication' }])
      assert.equal(
        codeOf(await (await submit(resident.id, { what: 'correct', birthDate: 'x' })).json()),
        'request-malformed',
      )
      assert.equal(
        codeOf(await (await submit(resident.id, { what: 'dance' })).json()),
        'request-malformed',
      )
    })

    it('finds by a part of the name, whatever the space, and takes signs for themselves', async () => {
      const page = async (name: string): Promise<string> => {
        const response = await caller.fetch(
          `${settings.publicOrigin}/?name=${encodeURIComponent(name)}`,
        )
        return response.text()
      }
      assert.match(await page('関所 花'), /関所　花子/)
      assert.match(await page('%'), /該当する住民はいません/)
      assert.match(await page('神田神保町'), /該当する住民はいません/)
    })

    it('the page of somebody who is not there is refused', async () => {
      const got = await caller.fetch(`${settings.publicOrigin}/residents/nobody`)
      assert.equal(codeOf(await got.json()), 'resident-unknown')
    })
  })

  it('neither serials nor names nor secrets were logged', async () => {
    const text = lines.join('')
    const rows = await tables.read(db => db.selectFrom('certificate').select('serial').execute())
    assert.ok(lines.length > 50)
    for (const { serial } of rows) assert.ok(!text.includes(serial))
    for (const word of ['関所', '2468', 'SEKISHO1', '千代田']) assert.ok(!text.includes(word), word)
  })
})
