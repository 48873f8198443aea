import assert from 'node:assert/strict'
import { it } from 'node:test'
import { bestOf, certificateStates, meaningOf } from './meaning.ts'

it('every pair of states has a meaning, and only a valid signature certificate means no change', () => {
  for (const signature of certificateStates)
    for (const authentication of certificateStates) {
      const meaning = meaningOf(signature, authentication)
      assert.ok(['no-change', 'ask-for-update', 'confirm-in-person'].includes(meaning))
      if (meaning === 'no-change') assert.equal(signature, 'valid')
    }
})

it('the rows of flows.md §3 are told as the ministry’s paper tells them', () => {
  const rows = [
    ['valid', 'valid', 'no-change'],
    ['revoked', 'valid', 'ask-for-update'],
    // affiliationChanged, cessationOfOperation: death, move overseas, card lost.
    ['revoked', 'revoked', 'confirm-in-person'],
    ['superseded', 'superseded', 'ask-for-update'],
    ['held', 'held', 'confirm-in-person'],
    ['none', 'valid', 'ask-for-update'],
  ] as const
  for (const [signature, authentication, meaning] of rows)
    assert.equal(meaningOf(signature, authentication), meaning, `${signature} ${authentication}`)
})

it('a hold on either side is never answered by an online step', () => {
  for (const other of certificateStates) {
    assert.equal(meaningOf('held', other), 'confirm-in-person')
    assert.equal(meaningOf(other, 'held'), 'confirm-in-person')
  }
})

it('an online step is asked for only of a person who is known to live', () => {
  for (const signature of certificateStates)
    for (const authentication of certificateStates)
      if (meaningOf(signature, authentication) === 'ask-for-update')
        assert.ok(
          ['valid', 'superseded'].includes(authentication),
          `${signature} ${authentication}`,
        )
})

it('one valid certificate is enough; a revoked one outweighs those that were replaced', () => {
  assert.equal(bestOf(['superseded', 'valid', 'revoked']), 'valid')
  assert.equal(bestOf(['superseded', 'revoked']), 'revoked')
  assert.equal(bestOf(['revoked', 'held']), 'held')
  assert.equal(bestOf(['unlisted', 'expired']), 'expired')
  assert.equal(bestOf(['unlisted']), 'unlisted')
  assert.equal(bestOf([]), 'none')
})
