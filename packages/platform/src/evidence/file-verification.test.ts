import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Refusal } from '@sekisho/contract'
import { joinSigners, prepareCades } from '@sekisho/pki/assemble'
import { decodeJwt } from 'jose'
import type { CardCertificate } from '../authority-for-tests.ts'
import { verifyFileForProvider } from '../confirm/verify-file.ts'
import { statementOf } from '../fees/statement.ts'
import { startTestWorld, type TestWorld } from '../world-for-tests.ts'

const message = new TextEncoder().encode('文書')

describe('signed files', () => {
  let world: TestWorld
  before(async () => {
    world = await startTestWorld()
  })
  after(() => world.close())

  const contained = (by: CardCertificate): Uint8Array => {
    const prepared = prepareCades({
      content: { kind: 'attached', bytes: message },
      certificate: by.certificate,
      certificates: [],
      algorithm: 'rsa-sha256',
      signingTime: Date.UTC(2030, 3, 1),
    })
    return prepared.finish(by.key.sign('rsa-sha256', prepared.toBeSigned))
  }
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

  it('a container costs a fee for each citizen in it, once a day, and the report says nothing of them', async () => {
    const { authority, clock } = world
    const provider = await world.provider('files')
    const [one, other] = [authority.issue('signature'), authority.issue('signature')]
    const forged = authority.issue('signature', { isForged: true })
    const ask = async (file: Uint8Array) =>
      verifyFileForProvider(world, provider, {
        kind: 'cms',
        file: base64(file),
        purpose: 'signature',
        signers: 'citizen',
      })
    const both = joinSigners(contained(one), contained(other))
    const first = await ask(both)
    assert.equal(first.indication, 'TOTAL-PASSED')
    assert.deepEqual(
      first.signatures.map(each => each.level),
      ['cades-b', 'cades-b'],
    )
    await ask(both)
    assert.equal((await ask(contained(forged))).verdict, 'failed')
    const month = new Date(clock.now()).toISOString().slice(0, 7)
    assert.equal((await statementOf(world, provider.id, month)).totalYen, 40)
    const told = JSON.stringify(first) + JSON.stringify(decodeJwt(first.signedReport))
    assert.equal(told.includes(one.certificate.serialHex), false)
    assert.equal(told.includes('試験'), false)
  })

  it('who asks by OCSP gets each signer asked about, and nobody’s signature passes while that cannot be', async () => {
    const provider = await world.provider('asks', { sekisho_revocation: 'ocsp' })
    const { authority } = world
    const file = base64(contained(authority.issue('signature')))
    const ask = async () =>
      verifyFileForProvider(world, provider, {
        kind: 'cms',
        file,
        purpose: 'signature',
        signers: 'citizen',
      })
    assert.equal((await ask()).verdict, 'passed')
    authority.isDown = true
    await rejects(ask(), 'authority-unreachable')
    authority.isDown = false
  })

  it('content is given as bytes or as its hash, never both', async () => {
    const provider = await world.provider('contents')
    const request = {
      kind: 'cms',
      file: base64(contained(world.authority.issue('signature'))),
      purpose: 'signature',
      signers: 'citizen',
      content: base64(message),
      contentHashes: { sha256: base64(new Uint8Array(32)) },
    } as const
    await rejects(verifyFileForProvider(world, provider, request), 'request-malformed')
    const { contentHashes, ...alone } = request
    assert.equal((await verifyFileForProvider(world, provider, alone)).verdict, 'passed')
    const { content, ...hashed } = { ...request, contentHashes }
    assert.equal(
      (await verifyFileForProvider(world, provider, hashed)).subIndication,
      'HASH_FAILURE',
    )
    assert.ok(content)
  })
})

async function rejects(work: Promise<unknown>, code: string): Promise<void> {
  await assert.rejects(work, error => error instanceof Refusal && error.code === code)
}
