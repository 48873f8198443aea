import assert from 'node:assert/strict'
import { it } from 'node:test'
import { identityClaims } from '@sekisho/contract'
import { testAttributes } from '../authority-for-tests.ts'
import { claimsOf } from './claim.ts'

it('only consented scopes become claims, and each claim fits the contract', () => {
  assert.deepEqual(claimsOf(testAttributes, []), {})
  assert.deepEqual(claimsOf(testAttributes, ['gender']), { gender: 'male' })
  const all = claimsOf(testAttributes, ['name', 'address', 'birthdate', 'gender'])
  assert.equal(identityClaims.parse({ sub: 's', ...all }).birthdate, '1991-04-05')
  assert.deepEqual(Object.keys(all).toSorted(), [
    'address',
    'address_substitutes',
    'birthdate',
    'gender',
    'name',
    'name_substitutes',
  ])
})

it('parts of a birth date that the register does not know are zeros', () => {
  const dateOf = (year: number | undefined, month: number | undefined, day: number | undefined) =>
    claimsOf(
      { ...testAttributes, birthDate: { kind: 'partial', era: 'unknown', year, month, day } },
      ['birthdate'],
    ).birthdate
  assert.equal(dateOf(1944, 4, undefined), '1944-04-00')
  assert.equal(dateOf(1944, undefined, undefined), '1944-00-00')
  assert.equal(dateOf(undefined, undefined, undefined), '0000-00-00')
})

it('substitute flags travel with the text, one digit a character, characters beyond the BMP included', () => {
  const claims = claimsOf(
    { ...testAttributes, name: '𠮷〓　翔', nameSubstitutes: [false, true, false, false] },
    ['name'],
  )
  assert.equal(claims.name_substitutes, '0100')
  assert.equal(Array.from(claims.name ?? '').length, 4)
})
