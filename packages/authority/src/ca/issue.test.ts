import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { classifyLeaf, jpkiReal, jpkiTown, partitionOf, readFourAttributes } from '@sekisho/pki'
import { type Engine, openEmbedded } from '@sekisho/runtime/store'
import {
  type Held,
  noon,
  openssl,
  openTestWorld,
  pemFile,
  type TestWorld,
  type Wanted,
} from '../world-for-tests.ts'

describe('certificates as issued', () => {
  let engine: Engine
  let town: TestWorld

  before(async () => {
    engine = await openEmbedded('memory')
    town = await openTestWorld(engine, { at: noon(2022, 11, 20) })
  })
  after(async () => {
    await town.folder.remove()
    await engine.close()
  })

  const issued = async (wanted: Wanted = {}): Promise<Readonly<Record<Held['ca'], Held>>> => {
    const id = await town.register(wanted)
    await town.happen(id, { what: 'card' })
    const all = await town.certificates(id)
    const of = (ca: Held['ca']): Held => {
      const found = all.find(one => one.ca === ca)
      if (found === undefined) throw new Error(`no ${ca}`)
      return found
    }
    return { signature: of('signature'), authentication: of('authentication') }
  }
  const verified = async (one: Held, at: number, name: string) => {
    const anchors = await pemFile(town.folder, 'anchors.pem', town.world.hierarchy.anchors)
    const leaf = await pemFile(town.folder, `${name}.pem`, [one.certificate])
    const seconds = String(Math.floor(at / 1000))
    return openssl('verify', '-x509_strict', '-attime', seconds, '-CAfile', anchors, leaf)
  }

  it('openssl builds their path to the town’s anchors, and only within their validity', async () => {
    const both = await issued()
    for (const one of [both.signature, both.authentication]) {
      const { notBefore, notAfter } = one.certificate
      assert.match((await verified(one, notBefore, one.ca)).text, /: OK$/m)
      assert.match((await verified(one, notAfter - 1000, one.ca)).text, /: OK$/m)
      assert.match((await verified(one, notBefore - 1000, one.ca)).text, /not yet valid/)
      assert.match((await verified(one, notAfter + 1000, one.ca)).text, /expired/)
    }
  })

  it('the authentication certificate says what jpki.md §2.2 says, as openssl reads it', async () => {
    const { authentication } = await issued()
    const path = await pemFile(town.folder, 'text.pem', [authentication.certificate])
    const { text } = await openssl('x509', '-in', path, '-noout', '-text', '-nameopt', 'RFC2253')
    const inOrder = [
      /Signature Algorithm: sha256WithRSAEncryption/,
      /Issuer: OU=Japan Agency for Local Authority Information Systems,OU=JPKI for user authentication,O=JPKI-TEST,C=JP/,
      /Not After : Apr {2}1 14:59:59 2027 GMT/,
      /Subject: CN=[0-9A-Z]{14}13101003A,C=JP\n/,
      /Public-Key: \(2048 bit\)/,
      /X509v3 Key Usage: critical\s+Digital Signature\n/,
      /X509v3 Extended Key Usage: \s+TLS Web Client Authentication\n/,
      /X509v3 Certificate Policies: critical\s+Policy: 2\.999\.200149\.8\.5\.1\.0\.30\s+CPS: /,
      /X509v3 Issuer Alternative Name/,
      /X509v3 CRL Distribution Points: \s+Full Name:\s+DirName:\s*C ?= ?JP, O ?= ?JPKI-TEST, OU ?= ?JPKI for user authentication, OU ?= ?CRL Distribution Points, OU ?= ?Tokyo-to, CN ?= ?Chiyoda-ku CRLDP/,
      /Authority Information Access: \s+OCSP - URI:http/,
      /X509v3 Authority Key Identifier/,
      /X509v3 Subject Key Identifier/,
    ]
    let from = 0
    for (const pattern of inOrder) {
      const at = text.slice(from).search(pattern)
      assert.notEqual(at, -1, `${pattern} in ${text}`)
      from += at
    }
    assert.doesNotMatch(text, /Basic Constraints|Subject Alternative Name/)
  })

  it('the signature certificate says what jpki.md §2.3 says, as openssl reads it', async () => {
    const { signature } = await issued()
    const path = await pemFile(town.folder, 'text.pem', [signature.certificate])
    const { text } = await openssl('x509', '-in', path, '-noout', '-text', '-nameopt', 'RFC2253')
    for (const pattern of [
      /Subject: CN=[0-9A-Z]{14}13101003A,L=Chiyoda-ku,L=Tokyo-to,C=JP\n/,
      /X509v3 Key Usage: critical\s+Digital Signature, Non Repudiation\n/,
      /X509v3 Certificate Policies: critical\s+Policy: 1\.2\.392\.200149\.8\.5\.1\.0\.20\s+CPS: /,
      /OU ?= ?JPKI for digital signature, OU ?= ?CRL Distribution Points, OU ?= ?Tokyo-to, CN ?= ?Chiyoda-ku CRLDP/,
      /X509v3 Subject Alternative Name/,
    ])
      assert.match(text, pattern)
    assert.doesNotMatch(text, /Extended Key Usage|Basic Constraints/)
  })

  it('are told apart by the profile, and belong to no real one', async () => {
    const both = await issued()
    for (const kind of ['signature', 'authentication'] as const) {
      const { certificate } = both[kind]
      const verdict = classifyLeaf(certificate, jpkiTown)
      assert.equal(verdict.kind === 'passed' ? verdict.value.leaf.kind : verdict.kind, kind)
      assert.notEqual(classifyLeaf(certificate, jpkiReal).kind, 'passed')
      assert.ok(partitionOf(certificate))
    }
  })

  it('the signature certificate carries the four attributes, substitute characters flagged', async () => {
    const { signature, authentication } = await issued({
      name: '𠮷﨑　翔',
      birthDate: { year: 1989, month: 1, day: 7 },
    })
    const read = readFourAttributes(signature.certificate)
    assert.equal(read.kind, 'passed')
    if (read.kind !== 'passed') return
    assert.equal(read.value.name, '〓〓　翔')
    assert.deepEqual(read.value.nameSubstitutes, [true, true, false, false])
    assert.equal(read.value.address, '東京都千代田区神田神保町１丁目１番１号')
    assert.deepEqual(read.value.birthDate, {
      kind: 'full',
      era: 'showa',
      year: 1989,
      month: 1,
      day: 7,
    })
    assert.equal(read.value.gender, 'female')
    assert.notEqual(readFourAttributes(authentication.certificate).kind, 'passed')
  })

  it('an unknown day of birth stays unknown, and 200 characters of address fit', async () => {
    const address = '東京都新宿区西新宿'.padEnd(200, '丁目番号')
    const { signature } = await issued({
      birthDate: { year: 1944, month: 4, day: null },
      municipality: '13104',
      address,
    })
    const read = readFourAttributes(signature.certificate)
    assert.equal(read.kind, 'passed')
    if (read.kind !== 'passed') return
    assert.equal(read.value.address, address)
    assert.deepEqual(read.value.birthDate, {
      kind: 'partial',
      era: 'showa',
      year: 1944,
      month: 4,
      day: undefined,
    })
  })

  it('serials are four octets, positive and their own', async () => {
    const seen = new Set<string>()
    for (let made = 0; made < 5; made++) {
      const both = await issued()
      for (const { certificate } of Object.values(both)) {
        assert.match(certificate.serialHex, /^[0-7][0-9a-f]{7}$/)
        seen.add(`${certificate.issuer.toString()} ${certificate.serialHex}`)
      }
    }
    assert.equal(seen.size, 10)
  })

  it('come from the generation that is newest at issue; both generations bear one name', async () => {
    const later = await openTestWorld(engine, { at: Date.UTC(2023, 6, 16, 15) - 1000 })
    const [first, second] = [await later.register(), await later.register()]
    await later.happen(first, { what: 'card' })
    later.clock.turnTo(Date.UTC(2023, 6, 16, 15))
    await later.happen(second, { what: 'card' })
    const [old] = await later.certificates(first)
    const [young] = (await later.certificates(second)).filter(one => one.ca === old?.ca)
    assert.ok(old && young)
    assert.notEqual(old.reference.issuerKeyId, young.reference.issuerKeyId)
    assert.deepEqual(old.certificate.issuer.raw, young.certificate.issuer.raw)
    for (const one of [old, young])
      assert.match((await verified(one, one.certificate.notBefore, 'generation')).text, /: OK$/m)
    await later.folder.remove()
  })

  it('no certificate outlives its CA', async () => {
    const late = await openTestWorld(engine, { at: noon(2030, 11, 20) })
    const id = await late.register()
    await late.happen(id, { what: 'card' })
    for (const one of await late.certificates(id)) {
      const anchor = late.world.hierarchy.issuing(one.ca, noon(2030, 11, 20)).certificate
      assert.equal(one.certificate.notAfter, anchor.notAfter)
    }
    await late.folder.remove()
  })
})

describe('a responder’s certificate', () => {
  it('is short-lived, follows the clock, and openssl accepts it for OCSP', async () => {
    const engine = await openEmbedded('memory')
    const town = await openTestWorld(engine, { at: noon(2026, 11, 20) })
    const at = town.clock.now()
    const anchors = await pemFile(town.folder, 'anchors.pem', town.world.hierarchy.anchors)
    for (const generation of town.world.hierarchy.inForce(at)) {
      const { certificate } = generation.responderAt(at)
      assert.ok(certificate.notBefore <= at && at < certificate.notAfter)
      assert.ok(certificate.notAfter - certificate.notBefore < 61 * 24 * 3600 * 1000)
      assert.equal(generation.responderAt(at + 1000).certificate, certificate)
      const next = generation.responderAt(at + 31 * 24 * 3600 * 1000).certificate
      assert.ok(next.notAfter > certificate.notAfter)
      const path = await pemFile(town.folder, 'responder.pem', [certificate])
      const seconds = String(at / 1000)
      const said = await openssl(
        'verify',
        '-purpose',
        'ocsphelper',
        '-attime',
        seconds,
        '-CAfile',
        anchors,
        path,
      )
      assert.match(said.text, /: OK$/m)
    }
    await town.folder.remove()
    await engine.close()
  })
})
