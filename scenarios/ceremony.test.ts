/**
 * A2: a new generation of the CAs comes into the town. Its keys are made in a token (SoftHSM) that two operators open with the
 * command line; the platform's operator trusts its certificates; people get cards of it, log in and are identified, while those of
 * the generation before go on.
 */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { startTestTown, type TestProvider, type TestTown } from '@sekisho/cli/testkit'
import { parseCertificate } from '@sekisho/pki'
import { temporaryFolder, type TemporaryFolder } from '@sekisho/runtime/files'
import { makeSoftToken } from '@sekisho/runtime/soft-token'
import { commands } from './command.ts'
import { codeOn } from './hand-reader.ts'

/** A card after a loss, with the secrets that everybody in the town has. */
const reissue = { what: 'reissue', pin: '2468', password: 'SEKISHO1' } as const
const day = 24 * 3600 * 1000
const halves = { first: '0123456789', second: 'abcdefghij' } as const

describe('a new generation of the CAs', () => {
  let folder: TemporaryFolder
  let town: TestTown
  let shop: TestProvider
  let sekisho: ReturnType<typeof commands>
  let data = ''
  before(async () => {
    folder = await temporaryFolder('ceremony')
    const pin = `${halves.first}${halves.second}`
    const place = makeSoftToken({ label: 'sekisho ca', pin })
    sekisho = commands(join(folder.path, 'cache'))
    town = await startTestTown()
    data = town.layout.folder
    shop = await town.provider({ id: 'shop' })
    const { module, label } = place
    await sekisho.done(['ca', 'use-token', '--module', module, '--label', label, '--data', data])
    await town.stopProgram('authority')
    await town.startProgram('authority')
  })
  after(async () => {
    await town.stop()
    await folder.remove()
  })

  const enter = (operator: string, half: 'first' | 'second') =>
    `ca activate --operator ${operator} --half ${half} --data ${data}`.split(' ')
  const ceremony = (ca: string) => {
    const from = new Date(town.clock.now() + day).toISOString()
    const out = join(folder.path, `${ca}.cer`)
    const given = `--ca ${ca} --kind next --operators hana taro --from ${from} --out ${out}`
    return `ca ceremony ${given} --data ${data}`.split(' ')
  }
  const login = async (persona: string) => {
    const { url, pending } = await shop.sekisho.beginLogin()
    await using person = await town.person(persona)
    const page = await person.visit(url)
    if (codeOn(page) !== 'none') return codeOn(page)
    await shop.sekisho.finish(page.url, pending)
    return 'done'
  }

  it('one operator cannot open the token, two can, and before that there is no ceremony', async () => {
    assert.equal(await sekisho.refused(ceremony('authentication')), 'token-locked')
    assert.match(await sekisho.done(enter('hana', 'first'), `${halves.first}\n`), /half-entered/)
    const alone = await sekisho.refused(enter('hana', 'second'), `${halves.second}\n`)
    assert.equal(alone, 'operators-same')
    assert.match(await sekisho.done(enter('taro', 'second'), `${halves.second}\n`), /"open"/)
  })

  it('a card of the new generation is good once the platform’s operator trusts its CA, not before', async () => {
    await sekisho.done(ceremony('authentication'))
    await sekisho.done(ceremony('signature'))
    assert.equal(await login('plain-adult'), 'done')
    await town.clock.advance(2 * day)
    await town.happen('plain-adult', reissue)
    const { notBefore, notAfter } = await authenticationOf('plain-adult')
    assert.ok(notAfter - notBefore > 8 * 365 * day)
    assert.equal(await login('plain-adult'), 'certificate-untrusted')
    for (const ca of ['authentication', 'signature'])
      await sekisho.done(['anchor', 'add', join(folder.path, `${ca}.cer`), '--data', data])
    await town.settle()
    assert.equal(await login('plain-adult'), 'done')
    const { url, pending } = await shop.sekisho.beginIdentify(['name'])
    await using person = await town.person('plain-adult')
    const { claims } = await shop.sekisho.finish((await person.visit(url)).url, pending)
    assert.equal(typeof claims.name, 'string')
    assert.equal(await login('renewed-card'), 'done')
  })

  it('what is no CA of this authority is not trusted, whoever asks', async () => {
    const leaf = await authenticationOf('plain-adult')
    const path = join(folder.path, 'leaf.cer')
    await writeFile(path, leaf.raw)
    const refused = await sekisho.refused(['anchor', 'add', path, '--data', data])
    assert.equal(refused, 'certificate-untrusted')
  })

  it('with the token closed nobody gets a certificate of it, and lists already out go on', async () => {
    await sekisho.done(['ca', 'lock', '--operator', 'hana', '--data', data])
    await assert.rejects(town.happen('renewed-card', reissue), /token-locked/)
    assert.equal(await login('plain-adult'), 'done')
    assert.match(await sekisho.done(['ca', 'state', '--data', data]), /"locked"/)
  })

  async function authenticationOf(persona: string) {
    await using card = await town.takeCard(persona)
    const { certificate } = card.state().authentication
    return parseCertificate(new Uint8Array(Buffer.from(certificate ?? '', 'base64')))
  }
})
