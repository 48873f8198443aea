import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Refusal, type RefusalCode } from '@sekisho/contract'
import {
  type AttributeConsent,
  type CertificateReference,
  composeAttributeConsent,
  readAttributeConsent,
} from '@sekisho/contract/authority'
import { poolKey, poolSize } from '@sekisho/pki/issue'
import { createKey } from '@sekisho/runtime/keys'
import { type Engine, openEmbedded } from '@sekisho/runtime/store'
import { noon, openTestWorld, type TestWorld } from '../world-for-tests.ts'
import { answerAge } from './age.ts'
import { answerLatestAttributes, withdrawConsent } from './latest-attributes.ts'
import { usageOf } from './query.ts'
import type { Verifier } from './verifier.ts'

const today = noon(2026, 11, 20)
const hour = 3600 * 1000
const { publicKey } = await createKey('ec-p256')
const who: Verifier = {
  id: 'platform',
  keyId: 'k',
  publicKey,
  accreditedFor: ['signatures', 'authentications'],
}
let asked = 0
const key = (): string => `key-${++asked}-padded`

describe('age and latest attributes', () => {
  let engine: Engine
  let town: TestWorld
  before(async () => {
    engine = await openEmbedded('memory')
    town = await openTestWorld(engine, { at: today })
  })
  after(async () => {
    await town.folder.remove()
    await engine.close()
  })

  const person = async (given: Parameters<TestWorld['register']>[0] = {}) => {
    const id = await town.register(given)
    await town.happen(id, { what: 'card' })
    const all = await town.certificates(id)
    const of = (ca: string) => {
      const found = all.find(each => each.ca === ca)
      if (found === undefined) throw new Error(`no ${ca}`)
      return found
    }
    return { id, of }
  }
  const ageOf = (authentication: CertificateReference, age: number) =>
    answerAge(town.world, who, key(), { authentication, age, purpose: 'age-determination' })

  it('a year of age is reached at the end of the day before the birthday, in Japan', async () => {
    const { of } = await person({ birthDate: { year: 2006, month: 11, day: 22 } })
    const { reference } = of('authentication')
    const yes = async () => (await ageOf(reference, 20)).isReached
    assert.equal(await yes(), false)
    town.clock.turnTo(noon(2026, 11, 22) - 12 * hour - 1000)
    assert.equal(await yes(), false)
    town.clock.turnTo(noon(2026, 11, 22) - 12 * hour)
    assert.equal(await yes(), true)
    assert.equal((await ageOf(reference, 25)).isReached, false)
  })

  it('a birth date that is known in part counts as the latest that it can be', async () => {
    const { of } = await person({ birthDate: { year: 2006, month: 11, day: null } })
    const { reference } = of('authentication')
    assert.equal((await ageOf(reference, 20)).isReached, false)
    assert.equal((await ageOf(reference, 18)).isReached, true)
  })

  it('tells nothing of certificates that are not valid or not known, and nothing but yes or no of others', async () => {
    const { id, of } = await person()
    const { reference } = of('authentication')
    const answer = await ageOf(reference, 20)
    assert.deepEqual(Object.keys(answer).toSorted(), [
      'answeredAt',
      'certificate',
      'feeYen',
      'isReached',
      'usage',
    ])
    assert.deepEqual([answer.certificate, answer.isReached, answer.feeYen], ['valid', true, 2])
    await town.happen(id, { what: 'lost' })
    const held = await ageOf(reference, 20)
    assert.deepEqual([held.certificate, held.isReached], ['invalid', null])
    const unknown = await ageOf({ ...reference, serial: '01' }, 20)
    assert.deepEqual([unknown.certificate, unknown.isReached], ['unknown', null])
    // The signature certificate's serial is none of the other CA's.
    assert.equal((await ageOf(of('signature').reference, 20)).certificate, 'unknown')
  })

  it('only lawful ages, purposes and verifiers', async () => {
    const { of } = await person()
    const { reference: authentication } = of('authentication')
    await refuses(ageOf(authentication, 47), 'request-malformed')
    const query = { authentication, age: 20, purpose: 'login' } as const
    await refuses(answerAge(town.world, who, key(), query), 'purpose-unlawful')
    const other: Verifier = { ...who, id: 'other', accreditedFor: ['signatures'] }
    const lawful = { ...query, purpose: 'age-determination' } as const
    await refuses(answerAge(town.world, other, key(), lawful), 'verifier-not-accredited')
  })

  const consentOf = (given: Partial<AttributeConsent> = {}): AttributeConsent => ({
    verifier: 'platform',
    provider: '試験銀行',
    purpose: '住所変更の届出',
    attributes: ['name', 'address', 'birthdate', 'gender'],
    givenOn: '2026-11-22',
    until: '2027-11-21',
    number: `n${++asked}`,
    ...given,
  })
  const signedBy = (one: Awaited<ReturnType<typeof person>>, text: string) => {
    const { certificate, reference } = one.of('signature')
    const spki = Buffer.from(certificate.spki)
    const found = Array.from({ length: poolSize }, (_, index) => poolKey(index)).find(each =>
      spki.equals(each.spki),
    )
    if (found === undefined) throw new Error('not a key of the pool')
    const bytes = new TextEncoder().encode(text)
    const base64 = (all: Uint8Array): string => Buffer.from(all).toString('base64')
    return {
      text: base64(bytes),
      signature: base64(found.sign('rsa-sha256', bytes)),
      signedWith: reference,
    }
  }
  const latest = (
    one: Awaited<ReturnType<typeof person>>,
    consent: ReturnType<typeof signedBy>,
    attributes: AttributeConsent['attributes'] = ['name', 'address'],
  ) =>
    answerLatestAttributes(town.world, who, key(), {
      signature: one.of('signature').reference,
      purpose: 'attribute-update',
      attributes: [...attributes],
      consent,
    })

  it('after a move the new address, by a consent that was signed before it', async () => {
    const one = await person()
    const consent = signedBy(one, composeAttributeConsent(consentOf()))
    const address = '東京都新宿区西新宿一丁目一番一号'
    await town.happen(one.id, { what: 'move', municipality: '13104', address })
    const answer = await latest(one, consent)
    assert.equal(answer.attributes?.address, address)
    assert.deepEqual(Object.keys(answer.attributes ?? {}).toSorted(), ['address', 'name'])
    await town.happen(one.id, { what: 'deceased' })
    assert.equal((await latest(one, consent)).attributes, null)
  })

  it('no consent but the person’s own, as signed, for this verifier, these attributes and this day', async () => {
    const [one, other] = [await person(), await person()]
    const text = composeAttributeConsent(consentOf())
    await refuses(latest(one, signedBy(other, text)), 'consent-missing')
    const own = signedBy(one, text)
    await refuses(
      latest(one, { ...own, signedWith: other.of('signature').reference }),
      'consent-missing',
    )
    const altered = Buffer.from(text.replace('試験銀行', '他の銀行')).toString('base64')
    await refuses(latest(one, { ...own, text: altered }), 'consent-missing')
    for (const wish of [
      { verifier: 'another' },
      { attributes: ['name'] },
      { givenOn: '2026-11-23' },
      { givenOn: '2026-11-01' },
      { until: '2026-11-21' },
    ] as const)
      await refuses(
        latest(one, signedBy(one, composeAttributeConsent(consentOf(wish)))),
        'consent-missing',
      )
    for (const bad of ['私は同意します。', `${text}\n`, text.replace('情報:', '情報: 住所 ')])
      await refuses(latest(one, signedBy(one, bad)), 'consent-missing')
    assert.ok((await latest(one, own)).attributes)
  })

  it('a withdrawal has effect at once, and towards this verifier alone', async () => {
    const one = await person()
    const consent = consentOf()
    const signed = signedBy(one, composeAttributeConsent(consent))
    await withdrawConsent(town.world, { ...who, id: 'another' }, consent.number)
    assert.ok((await latest(one, signed)).attributes)
    await withdrawConsent(town.world, who, consent.number)
    await withdrawConsent(town.world, who, consent.number)
    await refuses(latest(one, signed), 'consent-missing')
  })

  it('each answer is counted once under its key, each refusal never', async () => {
    const one = await person()
    const { reference: authentication } = one.of('authentication')
    const counter: Verifier = { ...who, id: 'counter' }
    const query = { authentication, age: 20, purpose: 'age-determination' } as const
    const first = await answerAge(town.world, counter, 'key-of-one', query)
    assert.deepEqual(await answerAge(town.world, counter, 'key-of-one', query), first)
    await refuses(
      answerAge(town.world, counter, 'key-of-one', { ...query, age: 18 }),
      'idempotency-conflict',
    )
    assert.equal((await usageOf(town.world, counter, '2026-11')).totalYen, 2)
  })
})

it('a consent is read as it was composed, whatever stands in its lines', () => {
  const consent: AttributeConsent = {
    verifier: 'platform',
    provider: '情報: 住所',
    purpose: 'Asked by: somebody',
    attributes: ['address'],
    givenOn: '2026-11-22',
    until: '2027-11-21',
    number: 'n1',
  }
  assert.deepEqual(readAttributeConsent(composeAttributeConsent(consent)), consent)
  assert.throws(
    () => composeAttributeConsent({ ...consent, provider: 'a\n情報: 氏名' }),
    RangeError,
  )
  assert.throws(() => composeAttributeConsent({ ...consent, attributes: [] }), RangeError)
})

async function refuses(work: Promise<unknown>, code: RefusalCode): Promise<void> {
  await assert.rejects(work, error => error instanceof Refusal && error.code === code)
}
