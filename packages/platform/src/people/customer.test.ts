import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { CustomerLinkRequest } from '@sekisho/contract'
import type { FourAttributes } from '@sekisho/pki'
import type { CardCertificate } from '../authority-for-tests.ts'
import { finishIdentify } from '../confirm/identify.ts'
import { attributesShown } from '../confirm/shown-attributes.ts'
import type { AttributeScope } from '../confirm/statement.ts'
import { beginCeremony } from '../login/ceremony.ts'
import type { Provider } from '../providers/registry.ts'
import { answerSign, codeOf, startTestWorld, stepOf, type TestWorld } from '../world-for-tests.ts'
import {
  decideCustomer,
  linkCustomer,
  listCustomers,
  readCustomer,
  unlinkCustomer,
} from './customer.ts'
import { knownSubject } from './link.ts'
import {
  chooseViewer,
  endTerminal,
  linkTerminal,
  readTerminal,
  unlinkTerminal,
} from './terminal.ts'

const attributes: FourAttributes = {
  name: '髙橋　花子',
  nameSubstitutes: [false, false, false, false, false],
  address: '東京都千代田区霞が関二丁目１番２号',
  addressSubstitutes: Array.from('東京都千代田区霞が関二丁目１番２号', () => false),
  birthDate: { kind: 'full', era: 'heisei', year: 1990, month: 3, day: 4 },
  gender: 'female',
}
const minuteMs = 60_000

describe('customer numbers and terminals', () => {
  let world: TestWorld
  let bank: Provider
  let shop: Provider
  before(async () => {
    world = await startTestWorld()
    bank = await world.provider('bank')
    shop = await world.provider('shop')
  })
  after(() => world.close())

  const identified = async (
    provider: Provider,
    scopes: readonly AttributeScope[],
    given: { readonly card?: CardCertificate; readonly attributes?: FourAttributes } = {},
  ): Promise<{ subject: string; personId: string; card: CardCertificate }> => {
    const card =
      given.card ??
      world.authority.issue('signature', { attributes: given.attributes ?? attributes })
    const step = stepOf(world, provider)
    const statement = new TextEncoder().encode(`同意書 ${world.random.token(128)}`)
    const { id } = await beginCeremony(world.store, world.random, {
      uid: step.uid,
      providerId: provider.id,
      browser: step.browser,
      kind: 'identify',
      statement,
    })
    const { personId } = await finishIdentify(world, step, answerSign(card, statement, id), scopes)
    const subject = await world.store.read(db =>
      knownSubject(db, { providerId: provider.id, personId }),
    )
    return { subject: subject ?? '', personId, card }
  }
  const all = ['name', 'address', 'birthdate', 'gender'] as const
  const record = {
    name: '髙橋 花子',
    address: '東京都千代田区霞ヶ関2-1-2',
    birthdate: '1990-03-04',
    gender: 'female',
  } as const
  const link = (request: Omit<CustomerLinkRequest, 'accountProof'>, proof = true, to = bank) =>
    linkCustomer(
      world,
      to.id,
      { ...request, accountProof: proof ? 'password' : 'none' },
      (db, of) => attributesShown(db, world, { ...of, at: world.clock.now() }),
    )

  it('another way of writing the same, with proof of the account, is certain; the same again is the same link', async () => {
    const { subject } = await identified(bank, all)
    const request = { subject, customerNumber: 'C-1', record }
    const linked = await link(request)
    assert.equal(linked.state, 'linked')
    assert.equal(linked.why, 'certain')
    assert.deepEqual(
      linked.comparisons.map(each => [each.attribute, each.kind]),
      [
        ['name', 'notation'],
        ['address', 'notation'],
        ['birthdate', 'same'],
        ['gender', 'same'],
      ],
    )
    assert.equal((await link(request)).id, linked.id)
    assert.equal((await readCustomer(world, bank.id, linked.id)).customerNumber, 'C-1')
    const foreign = readCustomer(world, shop.id, linked.id)
    assert.equal(await codeOf(foreign), 'customer-link-unknown')
  })

  it('nothing less than certain is linked: each doubt waits for a clerk with its reason', async () => {
    const cases = [
      [{ record }, false, 'account-unproven'],
      [{ record: { ...record, name: '高橋花子' } }, true, 'attributes-differ'],
      [{ record: { ...record, birthdate: '1990-03-00' } }, true, 'attributes-unclear'],
      [{ record: { ...record, address: '東京都千代田区霞が関2-1-3' } }, true, 'attributes-differ'],
      // It may be the same house, told less exactly.
      [{ record: { ...record, address: '東京都千代田区霞が関2-1' } }, true, 'attributes-unclear'],
      [{ record: { ...record, address: '千代田区霞が関2-1-2' } }, true, 'attributes-unclear'],
      [{ record: { name: record.name, address: record.address } }, true, 'attributes-missing'],
    ] as const
    for (const [at, [given, proof, why]] of cases.entries()) {
      const { subject } = await identified(bank, all)
      const found = await link({ subject, customerNumber: `W-${at}`, ...given }, proof)
      assert.equal(found.state, 'waiting', why)
      assert.equal(found.why, why)
    }
    const { links } = await listCustomers(world, bank.id, { state: 'waiting', after: '' })
    assert.equal(links.length, cases.length)
    // What the person did not consent to show is not compared: no oracle.
    const { subject } = await identified(bank, ['name'])
    const hidden = await link({ subject, customerNumber: 'W-9', record })
    assert.deepEqual(
      hidden.comparisons.map(each => each.attribute),
      ['name'],
    )
    assert.equal(hidden.why, 'attributes-missing')
  })

  it('a clerk links or refuses; a number and a person have one link each', async () => {
    const one = await identified(bank, all)
    const other = await identified(bank, all)
    const linked = await link({ subject: one.subject, customerNumber: 'D-1', record })
    const rival = await link({ subject: other.subject, customerNumber: 'D-1', record })
    assert.equal(rival.why, 'number-taken')
    const second = await link({ subject: one.subject, customerNumber: 'D-2', record })
    assert.equal(second.why, 'person-linked')
    const decide = (id: string, decision: 'link' | 'refuse', at = bank.id) =>
      decideCustomer(world, at, { id, decision, clerk: 'clerk-7' })
    assert.equal(await codeOf(decide(rival.id, 'link')), 'customer-number-taken')
    assert.equal(await codeOf(decide(second.id, 'link')), 'customer-number-taken')
    assert.equal(await codeOf(decide(rival.id, 'link', shop.id)), 'customer-link-unknown')
    assert.equal((await decide(second.id, 'refuse')).state, 'refused')
    assert.equal(await codeOf(decide(second.id, 'link')), 'customer-link-unknown')
    assert.equal((await unlinkCustomer(world, bank.id, linked.id)).state, 'ended')
    assert.equal(await codeOf(unlinkCustomer(world, bank.id, linked.id)), 'customer-link-unknown')
    const decided = await decide(rival.id, 'link')
    assert.deepEqual([decided.state, decided.clerk], ['linked', 'clerk-7'])
    // Two requests at once for one number: one is linked.
    const [left, right] = [await identified(bank, all), await identified(bank, all)]
    const both = await Promise.all(
      [left, right].map(({ subject }) => link({ subject, customerNumber: 'D-3', record })),
    )
    assert.deepEqual(both.map(each => each.state).toSorted(), ['linked', 'waiting'])
  })

  it('numbers are not in the clear, and links need the person’s card of the moment and consent', async () => {
    const { subject } = await identified(bank, all)
    await link({ subject, customerNumber: 'SECRET-NUMBER-77', record })
    const rows = await world.store.read(db => db.selectFrom('customer_link').selectAll().execute())
    for (const row of rows)
      assert.equal(
        Buffer.from(row.sealed).includes('SECRET-NUMBER') || row.number_hash.includes('SECRET'),
        false,
      )
    world.clock.turnTo(world.clock.now() + 10 * minuteMs + 1)
    const late = link({ subject, customerNumber: 'E-1', record })
    assert.equal(await codeOf(late), 'card-step-needed')
    const nobody = link({ subject: 'nobody', customerNumber: 'E-1', record })
    assert.equal(await codeOf(nobody), 'person-unknown')
  })

  it('a television has several people; who is looking is chosen and proven by card', async () => {
    const mother = await identified(bank, ['name'])
    const child = await identified(bank, ['name'])
    const tv = { kind: 'tv', number: 'TV-COMMON-1' } as const
    const made = await linkTerminal(world, bank.id, { ...tv, subject: mother.subject })
    assert.equal(made.viewer, null)
    const both = await linkTerminal(world, bank.id, { ...tv, subject: child.subject })
    assert.equal(both.id, made.id)
    assert.deepEqual(
      both.people.map(each => each.subject).toSorted(),
      [mother.subject, child.subject].toSorted(),
    )
    const choose = (subject: string) => chooseViewer(world, bank.id, { id: made.id, subject })
    assert.equal((await choose(child.subject)).viewer?.subject, child.subject)
    const stranger = await identified(bank, ['name'])
    assert.equal(await codeOf(choose(stranger.subject)), 'person-unknown')
    world.clock.turnTo(world.clock.now() + 10 * minuteMs + 1)
    assert.equal(await codeOf(choose(mother.subject)), 'card-step-needed')
    assert.equal((await readTerminal(world, bank.id, made.id)).viewer?.subject, child.subject)
    await identified(bank, ['name'], { card: mother.card })
    assert.equal((await choose(mother.subject)).viewer?.subject, mother.subject)
    world.clock.turnTo(world.clock.now() + 240 * minuteMs)
    assert.equal((await readTerminal(world, bank.id, made.id)).viewer, null)
    // At another provider the same number is another terminal.
    const there = await identified(shop, ['name'], { card: mother.card })
    const foreign = await linkTerminal(world, shop.id, { ...tv, subject: there.subject })
    assert.notEqual(foreign.id, made.id)
    assert.equal(foreign.people.length, 1)
    assert.equal(await codeOf(readTerminal(world, shop.id, made.id)), 'terminal-unknown')
    // Unlinked by the provider, and by the person.
    const left = await unlinkTerminal(world, bank.id, { id: made.id, subject: child.subject })
    assert.deepEqual(
      left.people.map(each => each.subject),
      [mother.subject],
    )
    const end = () =>
      world.store.transaction(tx =>
        endTerminal(tx, world, { id: made.id, personId: mother.personId, by: 'person' }),
      )
    assert.equal(await end(), true)
    assert.equal(await end(), false)
    assert.deepEqual((await readTerminal(world, bank.id, made.id)).people, [])
  })
})
