import assert from 'node:assert/strict'
import { it } from 'node:test'
import { isVerifiedRequest, verifiedClaims } from './verified-claims.ts'

const now = Date.UTC(2030, 3, 1)
const verification = {
  time: new Date(now - 60_000).toISOString(),
  process: 'ab'.repeat(32),
  organization: 'https://platform.example',
}
const claims = { sub: 's', name: '佐藤　花子', name_substitutes: '0000', gender: 'female' }
const answer = (request: unknown) => verifiedClaims(request, { claims, verification, now })
const plain = { verification: { trust_framework: null }, claims: { name: null } }

it('what is asked is given, and nothing else', () => {
  assert.deepEqual(answer(plain), {
    verification: { trust_framework: 'jp_jpki' },
    claims: { name: claims.name },
  })
  assert.deepEqual(
    answer({
      verification: {
        trust_framework: { value: 'jp_jpki' },
        assurance_level: { values: ['ial2', 'ial3'] },
        time: { max_age: 60 },
        verification_process: null,
        evidence: [
          {
            type: { value: 'electronic_record' },
            check_details: [{ check_method: { value: 'vcrypt' } }],
            record: { type: { value: 'population_register' } },
          },
        ],
      },
      claims: { name: null, birthdate: null, sub: null, name_substitutes: null },
    }),
    {
      verification: {
        trust_framework: 'jp_jpki',
        assurance_level: 'ial3',
        time: verification.time,
        verification_process: verification.process,
        evidence: [
          {
            type: 'electronic_record',
            check_details: [
              {
                check_method: 'vcrypt',
                organization: verification.organization,
                time: verification.time,
              },
            ],
            record: { type: 'population_register', source: { country: 'JPN' } },
          },
        ],
      },
      claims: { name: claims.name },
    },
  )
})

it('a demand that is not met takes the whole set away', () => {
  const record = { type: { value: 'electronic_record' } }
  for (const demand of [
    { trust_framework: { value: 'jp_aml' } },
    { assurance_level: { value: 'ial4' } },
    { assurance_level: { values: [] } },
    { time: { max_age: 59 } },
    { verification_process: { value: 'x' } },
    { evidence: [{ type: { value: 'document' } }] },
    { evidence: [{ ...record, check_details: [{ check_method: { value: 'vpip' } }] }] },
    { evidence: [{ ...record, record: { type: { value: 'birth_certificate' } } }] },
    { evidence: [record, { type: { value: 'vouch' } }] },
  ]) {
    const request = { verification: { trust_framework: null, ...demand }, claims: { name: null } }
    assert.equal(isVerifiedRequest(request), true, JSON.stringify(demand))
    assert.equal(answer(request), undefined, JSON.stringify(demand))
  }
  assert.equal(answer({ ...plain, claims: { birthdate: null, email: null } }), undefined)
  const other = { ...plain, verification: { trust_framework: { value: 'jp_aml' } } }
  assert.deepEqual(answer([other, plain]), [answer(plain)])
  assert.equal(answer([other]), undefined)
})

it('what has not the form is no request', () => {
  for (const request of [
    null,
    'x',
    {},
    [],
    { verification: {} },
    { claims: { name: null } },
    { ...plain, claims: {} },
    { ...plain, claims: { name: 'x' } },
    { verification: { evidence: [] }, claims: { name: null } },
    { verification: { evidence: [{}] }, claims: { name: null } },
    { verification: { trust_framework: 'jp_jpki' }, claims: { name: null } },
    Array.from({ length: 6 }, () => plain),
  ]) {
    assert.equal(isVerifiedRequest(request), false, JSON.stringify(request))
    assert.equal(answer(request), undefined)
  }
})
