import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import type { CardCertificate } from '../authority-for-tests.ts'
import { beginCeremony } from '../login/ceremony.ts'
import { withdrawConsent } from '../people/consent.ts'
import { knownSubject } from '../people/link.ts'
import type { Provider } from '../providers/registry.ts'
import { peopleCommands } from '../api/people-admin.ts'
import {
  answerLogin,
  answerSign,
  codeOf,
  countRows,
  loginAlone,
  startTestWorld,
  stepOf,
  type TestWorld,
} from '../world-for-tests.ts'
import { confirmChange } from './change.ts'
import { finishIdentify } from './identify.ts'
import { finishLogin } from './login.ts'

describe('registrations handed to another operator', () => {
  let from: TestWorld
  let to: TestWorld
  let bank: Provider
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const recipient = keys.publicKey.export({ format: 'jwk' })
  const key = keys.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
  before(async () => {
    from = await startTestWorld()
    to = { ...(await startTestWorld()), issuer: 'https://other.example' }
    bank = await from.provider('bank')
    await from.provider('shop')
    await to.provider('bank')
  })
  after(async () => {
    await from.close()
    await to.close()
  })

  const identify = async (card: CardCertificate, provider = bank) => {
    const step = stepOf(from, provider)
    const statement = new TextEncoder().encode(`同意書 ${from.random.token(128)}`)
    const { id } = await beginCeremony(from.store, from.random, {
      uid: step.uid,
      providerId: provider.id,
      browser: step.browser,
      kind: 'identify',
      statement,
    })
    const { personId } = await finishIdentify(from, step, answerSign(card, statement, id), ['name'])
    const subject = await from.store.read(db =>
      knownSubject(db, { providerId: provider.id, personId }),
    )
    return { personId, subject: subject ?? '' }
  }
  const login = async (world: TestWorld, card: CardCertificate) => {
    const provider = { ...bank }
    const step = stepOf(world, provider)
    const { challenge } = await beginCeremony(world.store, world.random, {
      uid: step.uid,
      providerId: provider.id,
      browser: step.browser,
      kind: 'login',
    })
    const personId = await finishLogin(
      world,
      step,
      answerLogin(card, challenge, world.issuer),
      loginAlone,
    )
    return world.store.read(db => knownSubject(db, { providerId: provider.id, personId }))
  }
  const cardOf = () => {
    const signature = from.authority.issue('signature')
    const authentication = from.authority.issue('authentication')
    from.authority.correspond(signature, authentication)
    return { signature, authentication }
  }
  const exported = (provider = 'bank') =>
    peopleCommands(from)['people-export']({ provider, to: to.issuer, recipient })
  const importing = async (file: string, given: Record<string, unknown> = {}) =>
    peopleCommands(to)['people-import']({
      file,
      from: from.issuer,
      sender: await peopleCommands(from)['people-sender-key'](),
      key,
      ...given,
    })

  it('who consents goes along with ids kept; who does not stays; nothing of another provider is in it', async () => {
    const card = cardOf()
    const { subject } = await identify(card.signature)
    const withdrawn = cardOf()
    const gone = await identify(withdrawn.signature)
    await from.store.transaction(async tx => {
      const { id } = await tx
        .selectFrom('consent')
        .select('id')
        .where('person_id', '=', gone.personId)
        .executeTakeFirstOrThrow()
      await withdrawConsent(tx, { id, personId: gone.personId }, from.clock.now())
    })
    const stranger = from.authority.issue('authentication')
    await login(from, stranger)
    const { file, people, without } = await exported()
    assert.deepEqual([people, without], [1, 2])
    // Nothing readable, for a serial is as good as a name.
    assert.equal(file.includes(card.signature.reference.serial), false)
    assert.equal(file.split('.').length, 5)
    assert.deepEqual(await importing(file), { provider: 'bank', people: 1 })
    // The other operator knows the person by the card at once, under the same id.
    const rows = await to.store.read(db => db.selectFrom('certificate_link').selectAll().execute())
    assert.deepEqual(
      rows.map(row => row.serial).toSorted(),
      [card.signature, card.authentication].map(one => one.reference.serial).toSorted(),
    )
    const kept = await to.store.read(db => db.selectFrom('pairwise').selectAll().execute())
    assert.deepEqual(
      kept.map(row => [row.provider_id, row.subject]),
      [['bank', subject]],
    )
    assert.equal(await login(to, card.authentication), subject)
    assert.equal((await confirmChange(to, bank, { subject })).meaning, 'no-change')
  })

  it('a second import, a copy among the people, or one known here already is refused whole', async () => {
    const { file } = await exported()
    const before = await countRows(to, 'person')
    assert.equal(await codeOf(importing(file)), 'transfer-conflict')
    await identify(cardOf().signature)
    const more = await exported()
    assert.equal(more.people, 2)
    assert.equal(await codeOf(importing(more.file)), 'transfer-conflict')
    assert.equal(await countRows(to, 'person'), before)
  })

  it('a file of somebody else, for somebody else, altered or too old is no file', async () => {
    const { file } = await exported()
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    const stranger = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
    const parts = file.split('.')
    const bent = [...parts.slice(0, 3), `A${parts[3]?.slice(1)}`, parts[4]].join('.')
    const bad = [
      [file, { key: other.export({ format: 'pem', type: 'pkcs8' }).toString() }],
      [file, { sender: stranger }],
      [file, { from: 'https://elsewhere.example' }],
      [file, { key: 'no key' }],
      [bent === file ? `${file}A` : bent, {}],
      ['', {}],
      ['a.b.c.d.e', {}],
    ] as const
    for (const [text, given] of bad)
      assert.equal(await codeOf(importing(text, given)), 'transfer-malformed')
    const elsewhere = await peopleCommands(from)['people-export']({
      provider: 'bank',
      to: 'https://third.example',
      recipient,
    })
    assert.equal(await codeOf(importing(elsewhere.file)), 'transfer-malformed')
    to.clock.turnTo(to.clock.now() + 8 * 24 * 3600 * 1000)
    assert.equal(await codeOf(importing(file)), 'transfer-malformed')
    const shop = await exported('shop')
    assert.equal(shop.people, 0)
    assert.equal(await codeOf(exported('nobody')), 'provider-unknown')
  })
})
