/** C1, C3, C4 through the town: kept results, one person with two registrations, customer numbers, a shared television, the command line. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { readFile, writeFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { startTestTown, type TestProvider, type TestTown } from '@sekisho/cli/testkit'
import { temporaryFolder } from '@sekisho/runtime/files'
import { codeOn } from './hand-reader.ts'
import { commands } from './command.ts'

const secrets = { pin: '2468', password: 'SEKISHO1' }

describe('identity links through the town', () => {
  let town: TestTown
  let shop: TestProvider
  const folder = temporaryFolder('people-links')
  const at = async (name: string) => join((await folder).path, name)
  let cli: ReturnType<typeof commands>
  before(async () => {
    cli = commands(await at('cache'))
    town = await startTestTown()
    shop = await town.provider({ id: 'shop' })
  })
  after(async () => {
    await town.stop()
    await (await folder).remove()
  })

  const login = async (persona: string, provider = shop): Promise<string> => {
    const { url, pending } = await provider.sekisho.beginLogin()
    await using person = await town.person(persona)
    const page = await person.visit(url)
    assert.equal(codeOn(page), 'none')
    return (await provider.sekisho.finish(page.url, pending)).subject
  }
  const identify = async (persona: string, provider = shop) => {
    const { url, pending } = await provider.sekisho.beginIdentify(['name', 'birthdate', 'address'])
    await using person = await town.person(persona)
    const page = await person.visit(url)
    assert.equal(codeOn(page), 'none')
    return provider.sekisho.finish(page.url, pending)
  }
  const people = async (...words: readonly string[]) =>
    JSON.parse(await cli.done(['people', ...words, '--data', town.layout.folder]))

  it('two cards used unasked are two registrations until a clerk brings them together, and undoes it', async () => {
    const first = await login('foreign-resident')
    await town.happen('foreign-resident', { what: 'renew', ...secrets })
    const second = await login('foreign-resident')
    assert.notEqual(second, first)
    await town.happen('foreign-resident', { what: 'signature', ...secrets })
    assert.equal((await identify('foreign-resident')).subject, second)
    const [found] = await people('cases')
    const [one, other] = found.people
    const deciding = ['--by', 'clerk-1', '--reason', '窓口で確かめた']
    const shown = await people('show', one)
    assert.deepEqual(shown.providers, ['shop'])
    const { decision } = await people('merge', one, other, ...deciding)
    assert.deepEqual(await people('cases'), [])
    // Both ids name the one person.
    for (const subject of [first, second])
      assert.equal((await shop.sekisho.confirmChange(subject)).meaning, 'no-change')
    assert.ok([first, second].includes(await login('foreign-resident')))
    await people('undo', decision, ...deciding)
    await assert.rejects(shop.sekisho.confirmChange(first), { code: 'consent-missing' })
  })

  it('a customer is linked with certainty or by a clerk, and a television by card', async () => {
    const { subject, claims } = await identify('plain-adult')
    const record = {
      name: claims.name?.replaceAll('　', '') ?? '',
      birthdate: claims.birthdate ?? '',
    }
    const linked = await shop.sekisho.linkCustomer({
      subject,
      customerNumber: 'C-1',
      record,
      accountProof: 'password',
    })
    assert.deepEqual([linked.state, linked.why], ['linked', 'certain'])
    const other = await identify('long-address')
    const doubtful = await shop.sekisho.linkCustomer({
      subject: other.subject,
      customerNumber: 'C-2',
      record,
      accountProof: 'password',
    })
    assert.deepEqual([doubtful.state, doubtful.why], ['waiting', 'attributes-differ'])
    const { links } = await shop.sekisho.listCustomerLinks()
    assert.deepEqual(
      links.map(each => each.id),
      [doubtful.id],
    )
    const decided = await shop.sekisho.decideCustomerLink(doubtful.id, 'refuse', 'clerk-7')
    assert.equal(decided.state, 'refused')
    assert.equal((await shop.sekisho.unlinkCustomer(linked.id)).state, 'ended')

    const tv = { kind: 'tv', number: 'TV-1' } as const
    const { id } = await shop.sekisho.linkTerminal({ ...tv, subject })
    await shop.sekisho.linkTerminal({ ...tv, subject: other.subject })
    assert.equal((await shop.sekisho.chooseViewer(id, subject)).viewer?.subject, subject)
    await town.clock.advance(11 * 60_000)
    await assert.rejects(shop.sekisho.chooseViewer(id, other.subject), { code: 'card-step-needed' })
    const left = await shop.sekisho.unlinkTerminal(id, other.subject)
    assert.equal(left.people.length, 1)
    await assert.rejects(shop.sekisho.readTerminal('nothing'), { code: 'terminal-unknown' })
  })

  it('a result is kept, checked again by the provider’s own id, and deleted with proof', async () => {
    await using person = await town.person('plain-adult')
    const state = person.card.state()
    const document = new TextEncoder().encode('何か')
    const report = await shop.sekisho.verify({
      document,
      signature: new Uint8Array(256),
      certificate: Buffer.from(state.signature.certificate ?? '', 'base64'),
      keepDays: 30,
    })
    assert.notEqual(report.verdict, 'passed')
    assert.equal((await shop.sekisho.readResult(report.id)).verdict, report.verdict)
    assert.equal((await shop.sekisho.listResults()).results.length, 1)
    await shop.sekisho.deleteResult(report.id)
    await assert.rejects(shop.sekisho.readResult(report.id), { code: 'result-unknown' })
    await town.settle()
    assert.equal((await shop.sekisho.readDeletion(report.id)).why, 'asked')
    await assert.rejects(shop.sekisho.checkCertificate('nothing'), {
      code: 'certificate-id-unknown',
    })
  })

  it('the command line hands people over and does not take its own back', async () => {
    const recipient = await people('transfer-key', '--out', await at('key.pem'))
    await writeFile(await at('recipient.json'), JSON.stringify(recipient))
    await writeFile(await at('sender.json'), JSON.stringify(await people('sender-key')))
    const file = await at('people.jwe')
    const there = ['--to', town.urls.platform, '--recipient', await at('recipient.json')]
    const counts = await people('export', '--provider', 'shop', ...there, '--out', file)
    assert.ok(counts.people >= 2)
    assert.equal((await readFile(file, 'utf8')).split('.').length, 5)
    const here = ['--from', town.urls.platform, '--sender', await at('sender.json')]
    const taking = ['people', 'import', file, ...here, '--key', await at('key.pem')]
    const refused = await cli.refused([...taking, '--data', town.layout.folder])
    assert.match(refused, /^transfer-conflict/)
  })
})
