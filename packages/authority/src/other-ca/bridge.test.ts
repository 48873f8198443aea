/** Trust over the bridge (A13): every kind of holder judged by us and by openssl, cross-certificates cut and mended, lists and OCSP. */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import {
  encodeOcspRequest,
  ocspCertId,
  parseCertificate,
  parseOcspResponse,
  readHealthcareRoles,
  readMandate,
  readRegisteredCorporation,
} from '@sekisho/pki'
import { corporationCommands } from '../corporation/command.ts'
import { openTestOthers, origin, type TestOthers, today } from '../corporation/others-for-tests.ts'
import { openssl, pemFile } from '../world-for-tests.ts'
import { type LeafKind, leafKinds, leafRules, policyOf } from './kind.ts'
import { answerOtherOcsp } from './ocsp.ts'
import { publishOthers } from './publication.ts'

const files: Readonly<Record<LeafKind, string>> = {
  representative: 'bank-representative',
  person: 'person',
  mandate: 'construction-clerk',
  doctor: 'doctor',
  official: 'official',
}
const day = 24 * 3600 * 1000

describe('the other CAs', () => {
  let town: TestOthers
  before(async () => {
    town = await openTestOthers()
  })
  after(() => town[Symbol.asyncDispose]())

  it('each kind of holder is reached by a government office, and as that kind only', async () => {
    for (const kind of leafKinds) {
      const { certificate } = await town.holder(files[kind])
      for (const asked of leafKinds) {
        const expected = asked === kind ? 'passed' : 'policy-unacceptable'
        assert.equal(await town.outcome(certificate, asked), expected, `${kind} as ${asked}`)
      }
    }
  })

  it('and by every other CA whose relying parties trust it alone', async () => {
    const { certificate } = await town.holder(files.representative)
    for (const trusts of ['accredited', 'health', 'bridge', 'registrar'] as const)
      assert.equal(await town.outcome(certificate, 'representative', { trusts }), 'passed', trusts)
    const { certificate: official } = await town.holder(files.official)
    assert.equal(await town.outcome(official, 'official', { trusts: 'health' }), 'passed')
  })

  it('openssl finds the same paths under the same policies, with the lists', async () => {
    const anchor = await pemFile(town.folder, 'anchor.pem', [town.world.cas.government.certificate])
    // openssl takes the first issuer that fits and looks for no other: it gets the certificates on the way alone.
    const { government, bridge } = town.world.cas
    const way = (await town.cross()).filter(
      ({ issuer, subject }) =>
        issuer.matches(government.certificate.subject) ||
        (issuer.matches(bridge.certificate.subject) &&
          !subject.matches(government.certificate.subject)),
    )
    const bag = await pemFile(town.folder, 'bag.pem', way)
    const lists = await listsAsPem(town)
    let seen = ''
    const judged = async (file: string, kind: LeafKind, among = bag): Promise<boolean> => {
      const leaf = await pemFile(town.folder, 'leaf.pem', [(await town.holder(file)).certificate])
      const policy = ['-policy_check', '-explicit_policy', '-policy', policyOf('government', kind)]
      const trust = ['-CAfile', anchor, '-CRLfile', lists, '-crl_check_all', '-untrusted', among]
      const time = ['-x509_strict', '-attime', String(Math.floor(town.clock.now() / 1000))]
      const said = await openssl('verify', ...time, ...policy, ...trust, leaf)
      seen = said.text
      return said.status === 0
    }
    for (const kind of leafKinds) assert.ok(await judged(files[kind], kind), seen)
    assert.equal(await judged(files.person, 'doctor'), false)
    const little = await pemFile(town.folder, 'little.pem', way.slice(1))
    assert.equal(await judged(files.person, 'person', little), false)
  })

  it('certificates say what their kind is about', async () => {
    const { certificate: bank } = await town.holder(files.representative)
    assert.deepEqual(readRegisteredCorporation(bank), {
      name: '株式会社せきしょ銀行',
      registeredNumber: '999901000001',
      headOffice: '東京都千代田区見本町一丁目１番１号',
      representative: '見本一郎',
      title: '代表取締役',
      registryOffice: '見本法務局',
    })
    const path = await pemFile(town.folder, 'bank.pem', [bank])
    const { text } = await openssl('x509', '-in', path, '-noout', '-text', '-nameopt', 'utf8')
    assert.match(text, /Private Key Usage Period/)
    assert.match(text, /Subject: C=JP, O=Sekisho Bank \(specimen\), CN=Mihon Ichiro/)
    const { certificate: clerk } = await town.holder(files.mandate)
    assert.deepEqual(
      readMandate(clerk)?.scope.map(({ code }) => code),
      ['bid.submit', 'contract.sign'],
    )
    const { certificate: doctor } = await town.holder(files.doctor)
    assert.deepEqual(
      readHealthcareRoles(doctor).map(({ text }) => text),
      ['Medical Doctor'],
    )
  })

  it('lists are full, come daily and on change, are accepted by openssl, and stale ones by nobody', async () => {
    const before = await town.lists()
    assert.equal(await publishOthers(town.world), 0)
    town.clock.turnTo(town.clock.now() + day)
    assert.equal(await publishOthers(town.world), 5)
    assert.notDeepEqual(await town.lists(), before)
    const { certificate } = await town.holder(files.doctor)
    town.clock.turnTo(town.clock.now() + 3 * 3600 * 1000)
    assert.equal(await town.outcome(certificate, 'doctor', { lists: before }), 'crl-stale')
    assert.equal(await town.outcome(certificate, 'doctor'), 'passed')
    for (const [i, list] of (await town.lists()).entries()) {
      const path = join(town.folder.path, `list-${i}`)
      await writeFile(path, list)
      const ca = Object.values(town.world.cas)[i]
      assert.ok(ca !== undefined)
      const anchor = await pemFile(town.folder, `ca-${i}.pem`, [ca.certificate])
      const said = await openssl('crl', '-inform', 'DER', '-in', path, '-CAfile', anchor, '-noout')
      assert.equal(said.status, 0, said.text)
    }
  })
})

describe('a cross-certificate that is revoked', () => {
  it('cuts off that CA alone, in one direction, until it is let in again', async () => {
    await using town = await openTestOthers()
    const commands = corporationCommands(town.world)
    const representative = (await town.holder(files.representative)).certificate
    const doctor = (await town.holder(files.doctor)).certificate
    const kept = await town.cross()
    town.clock.turnTo(town.clock.now() + 60_000)
    const pair = { issuer: 'bridge', subject: 'registrar' }
    assert.deepEqual(await commands['cross-certificate-revoke'](pair), { revoked: 1 })
    const trustingKept = { intermediates: kept }
    assert.equal(
      await town.outcome(representative, 'representative', trustingKept),
      'certificate-revoked',
    )
    // Who fetches finds it withdrawn.
    assert.equal(await town.outcome(representative, 'representative'), 'issuer-unknown')
    assert.equal(await town.outcome(doctor, 'doctor'), 'passed')
    // The registrar's own relying parties still reach the others.
    assert.equal(await town.outcome(doctor, 'doctor', { trusts: 'registrar' }), 'passed')
    town.clock.turnTo(town.clock.now() + 2 * day)
    await publishOthers(town.world)
    assert.equal(await town.outcome(representative, 'representative'), 'issuer-unknown')
    await commands['cross-certificate-issue'](pair)
    assert.equal(await town.outcome(representative, 'representative'), 'passed')
    await assert.rejects(
      commands['cross-certificate-issue']({ issuer: 'health', subject: 'registrar' }),
    )
  })

  it('is followed by a new one before it ends, and not beyond its CA’s own end', async () => {
    await using town = await openTestOthers()
    const first = await town.cross()
    town.clock.turnTo(Math.min(...first.map(each => each.notAfter)) - 30 * day)
    await publishOthers(town.world)
    const then = await town.cross()
    assert.equal(then.length, 2 * first.length)
    const ends = Object.values(town.world.cas).map(each => each.certificate.notAfter)
    assert.ok(then.every(({ notAfter }) => notAfter <= Math.min(...ends)))
    town.clock.turnTo(Math.min(...ends) + day)
    assert.equal(await publishOthers(town.world), 0)
  })
})

describe('OCSP of the other CAs', () => {
  it('tells good, revoked and unknown, with the nonce, and openssl accepts the answer', async () => {
    await using town = await openTestOthers()
    const { registrar, health } = town.world.cas
    const { certificate } = await town.holder(files.representative)
    const ask = async (serial: Uint8Array, nonce?: Uint8Array) => {
      const certId = ocspCertId({ serial }, registrar.certificate, 'sha256')
      const request = encodeOcspRequest([certId], nonce)
      const answer = parseOcspResponse(await answerOtherOcsp(town.world, 'registrar', request))
      assert.ok(answer.kind === 'basic')
      return answer
    }
    const nonce = new Uint8Array(32).fill(5)
    const good = await ask(certificate.serial, nonce)
    assert.equal(good.answers[0]?.status, 'good')
    assert.deepEqual(good.nonce, nonce)
    assert.equal((await ask(Uint8Array.of(1, 2, 3))).answers[0]?.status, 'unknown')
    town.clock.turnTo(town.clock.now() + 60_000)
    const commands = corporationCommands(town.world)
    const corporation = '7999901000001'
    const [one] = await commands['corporation-representatives']({ corporation })
    const event = { what: 'key-compromised', representative: one?.id }
    await commands['corporation-event']({ corporation, event })
    const [answer] = (await ask(certificate.serial)).answers
    assert.deepEqual([answer?.status, answer?.reason], ['revoked', 'keyCompromise'])

    const certId = ocspCertId(certificate, health.certificate, 'sha256')
    const foreign = encodeOcspRequest([certId], undefined)
    const refused = parseOcspResponse(await answerOtherOcsp(town.world, 'registrar', foreign))
    assert.deepEqual([refused.kind, 'status' in refused && refused.status], ['unsuccessful', 6])
    const broken = parseOcspResponse(
      await answerOtherOcsp(town.world, 'registrar', Uint8Array.of(1)),
    )
    assert.deepEqual([broken.kind, 'status' in broken && broken.status], ['unsuccessful', 1])

    const issuer = await pemFile(town.folder, 'issuer.pem', [registrar.certificate])
    const leaf = await pemFile(town.folder, 'leaf.pem', [certificate])
    const [query, reply] = ['query', 'reply'].map(name => join(town.folder.path, name))
    assert.ok(query !== undefined && reply !== undefined)
    const about = ['-no_nonce', '-issuer', issuer, '-cert', leaf]
    assert.equal((await openssl('ocsp', ...about, '-reqout', query)).status, 0)
    const asked = new Uint8Array(await readFile(query))
    await writeFile(reply, await answerOtherOcsp(town.world, 'registrar', asked))
    const time = ['-attime', String(Math.floor(town.clock.now() / 1000))]
    const said = await openssl('ocsp', ...about, '-respin', reply, '-CAfile', issuer, ...time)
    assert.match(said.text, /Response verify OK/)
    assert.match(said.text, /revoked/)
  })
})

describe('addresses', () => {
  it('in certificates are those under which the town publishes', async () => {
    await using town = await openTestOthers()
    for (const kind of leafKinds) {
      const { certificate } = await town.holder(files[kind])
      const id = leafRules[kind].ca
      const [point] = certificate.crlDistributionPoints ?? []
      assert.deepEqual(point?.fullName, [{ kind: 'uri', uri: `${origin}/other-ca/${id}/list.crl` }])
      assert.ok(certificate.notBefore <= today)
      assert.deepEqual(parseCertificate(certificate.raw).raw, certificate.raw)
    }
  })
})

async function listsAsPem(town: TestOthers): Promise<string> {
  const path = join(town.folder.path, 'lists.pem')
  const blocks = (await town.lists()).map(list => {
    const lines =
      Buffer.from(list)
        .toString('base64')
        .match(/.{1,64}/g) ?? []
    return ['-----BEGIN X509 CRL-----', ...lines, '-----END X509 CRL-----', ''].join('\n')
  })
  await writeFile(path, blocks.join(''))
  return path
}
