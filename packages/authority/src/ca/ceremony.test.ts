import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Refusal, type RefusalCode } from '@sekisho/contract'
import { parseCertificate, parseOcspResponse, ocspCertId, encodeOcspRequest } from '@sekisho/pki'
import { connectToken, type Token } from '@sekisho/runtime/pkcs11'
import { makeSoftToken } from '@sekisho/runtime/soft-token'
import { type Engine, openEmbedded } from '@sekisho/runtime/store'
import { temporaryFolder, type TemporaryFolder } from '@sekisho/runtime/files'
import { answerOcsp } from '../revocation/ocsp.ts'
import { publishDue, readManifest } from '../revocation/publish.ts'
import { noon, openssl, openTestWorld, pemFile, type TestWorld } from '../world-for-tests.ts'
import { caCommands } from './command.ts'

const day = 24 * 3600 * 1000
const [first, second] = ['0123456789', 'abcdefghij']

describe('a key ceremony', () => {
  let folder: TemporaryFolder
  let engine: Engine
  let token: Token
  let town: TestWorld
  let commands: ReturnType<typeof caCommands>

  before(async () => {
    folder = await temporaryFolder('ceremony')
    const place = makeSoftToken({ label: 'ca', pin: `${first}${second}` })
    token = connectToken(place)
    engine = await openEmbedded('memory')
    await open(noon(2026, 11, 20))
  })
  after(async () => {
    await town.folder.remove()
    await folder.remove()
    await engine.close()
  })

  async function open(at: number): Promise<void> {
    town = await openTestWorld(engine, { at, token })
    commands = caCommands(town.world, token)
  }
  const enter = (operator: string, which: string, half: string | undefined) =>
    commands['ca-activate']({ operator, which, half })
  const request = (given: object = {}) => ({
    ca: 'authentication',
    kind: 'next',
    notBefore: new Date(town.clock.now() + day).toISOString(),
    operators: ['one', 'two'],
    ...given,
  })

  it('the token opens to two people with both halves, and to nothing less', async () => {
    await refuses(commands['ca-ceremony'](request()), 'token-locked')
    assert.deepEqual(await enter('one', 'first', first), { state: 'half-entered' })
    await refuses(enter('one', 'second', second), 'operators-same')
    await refuses(enter('two', 'first', first), 'request-malformed')
    await refuses(enter('two', 'second', 'not the half'), 'token-pin-wrong')
    assert.equal((await commands['ca-state']()).token, 'locked')
    assert.deepEqual(await enter('two', 'second', second), { state: 'half-entered' })
    assert.deepEqual(await enter('one', 'first', first), { state: 'open' })
  })

  it('asks for two people and a beginning to come', async () => {
    await refuses(commands['ca-ceremony'](request({ operators: ['one', 'one'] })), 'operators-same')
    const past = new Date(town.clock.now() - 1).toISOString()
    await refuses(commands['ca-ceremony'](request({ notBefore: past })), 'request-malformed')
    await refuses(commands['ca-ceremony'](request({ kind: 'old' })), 'request-malformed')
  })

  it('makes a generation on P-384 that issues from its first day on; the older ones go on answering', async () => {
    const before = await town.register()
    await town.happen(before, { what: 'card' })
    const record = await commands['ca-ceremony'](request())
    assert.deepEqual([record.generation, record.keysIn], [3, 'token'])
    const ca = parseCertificate(new Uint8Array(Buffer.from(record.certificate, 'base64')))
    const path = await pemFile(town.folder, 'ca.pem', [ca])
    const { text } = await openssl('x509', '-in', path, '-noout', '-text')
    assert.match(text, /ecdsa-with-SHA384[^]*secp384r1/)
    assert.match((await verifies(path, path, ca.notBefore)).text, /: OK$/m)

    town.clock.turnTo(town.clock.now() + 2 * day)
    const after = await town.register()
    await town.happen(after, { what: 'card' })
    const own = (await town.certificates(after)).find(each => each.ca === 'authentication')
    assert.equal(own?.reference.issuerKeyId, record.keyId)
    assert.ok(own !== undefined)
    const leaf = await pemFile(town.folder, 'leaf.pem', [own.certificate])
    assert.match((await verifies(path, leaf, town.clock.now())).text, /: OK$/m)
    const years = new Date(own.certificate.notAfter).getUTCFullYear() - 2026
    assert.ok(years >= 9, `${years} years`)

    await publishDue(town.world)
    const { partitions } = await readManifest(town.world)
    const issuers = new Set(partitions.map(each => each.issuerKeyId))
    for (const one of await town.certificates(before))
      assert.ok(issuers.has(one.reference.issuerKeyId))
    assert.ok(issuers.has(record.keyId))
    assert.equal(await ocspOf(own.certificate, ca), 'basic')
  })

  it('while the token is closed nothing of it is signed, the rest is, and what was due comes later', async () => {
    await commands['ca-lock']({ operator: 'one' })
    assert.equal((await commands['ca-state']()).token, 'locked')
    town.clock.turnTo(town.clock.now() + 2 * day)
    const [newest] = town.world.hierarchy
      .inForce(town.clock.now())
      .filter(each => each.generation === 3)
    assert.ok(newest !== undefined)
    const numberOf = async (mine: boolean): Promise<number> => {
      const { partitions } = await readManifest(town.world)
      const some = partitions.filter(each => (each.issuerKeyId === newest.keyId) === mine)
      return Math.min(...some.map(each => Date.parse(each.thisUpdate)))
    }
    const [mineBefore, othersBefore] = [await numberOf(true), await numberOf(false)]
    await publishDue(town.world)
    assert.equal(await numberOf(true), mineBefore)
    assert.ok((await numberOf(false)) > othersBefore)
    const someone = await town.register()
    await refuses(town.happen(someone, { what: 'card' }), 'token-locked')
    assert.equal((await town.certificates(someone)).length, 0)

    await enter('two', 'first', first)
    await enter('three', 'second', second)
    await publishDue(town.world)
    assert.ok((await numberOf(true)) > mineBefore)
    await town.happen(someone, { what: 'card' })
    assert.equal((await town.certificates(someone)).length, 2)
  })

  it('is remembered: another start has the generation, and signs once the token is open', async () => {
    await commands['ca-lock']({ operator: 'one' })
    const at = town.clock.now() + day
    await town.folder.remove()
    await open(at)
    const { generations } = await commands['ca-state']()
    assert.deepEqual(
      generations.filter(each => each.generation === 3).map(each => each.algorithm),
      ['ecdsa-sha384'],
    )
    await enter('one', 'first', first)
    await enter('two', 'second', second)
    const id = await town.register()
    await town.happen(id, { what: 'card' })
    assert.equal((await town.certificates(id)).length, 2)
  })

  async function ocspOf(
    certificate: ReturnType<typeof parseCertificate>,
    ca: ReturnType<typeof parseCertificate>,
  ): Promise<string> {
    const asked = encodeOcspRequest([ocspCertId(certificate, ca, 'sha256')], undefined)
    const der = await answerOcsp(town.world, 'authentication', asked)
    return parseOcspResponse(der).kind
  }
  const verifies = (anchor: string, leaf: string, at: number) =>
    openssl(
      'verify',
      '-x509_strict',
      '-attime',
      String(Math.floor(at / 1000)),
      '-CAfile',
      anchor,
      leaf,
    )
})

async function refuses(work: Promise<unknown>, code: RefusalCode): Promise<void> {
  await assert.rejects(work, error => error instanceof Refusal && error.code === code)
}
