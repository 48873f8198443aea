import assert from 'node:assert/strict'
import { it } from 'node:test'
import { nextSteps } from '@sekisho/contract'
import { bestOf, type CertificateState, certificateStates, situationOf } from './meaning.ts'

const meaningOf = (signature: CertificateState, authentication: CertificateState) =>
  situationOf(signature, authentication).meaning

it('every pair of states has a meaning, and only a valid signature certificate means no change', () => {
  for (const signature of certificateStates)
    for (const authentication of certificateStates) {
      const { meaning, next } = situationOf(signature, authentication)
      if (meaning === 'no-change') assert.equal(signature, 'valid')
      assert.equal(next.length === 0, meaning === 'no-change')
      for (const step of next) assert.ok(step in nextSteps)
    }
})

it('the rows of flows.md §3 are told as the ministry’s paper tells them', () => {
  const rows = [
    ['valid', 'valid', 'no-change', undefined],
    ['changed', 'valid', 'ask-for-update', 'latest-attributes'],
    // No source names the code of a lone change of attributes.
    ['revoked', 'valid', 'ask-for-update', 'latest-attributes'],
    // affiliationChanged twice: death or move overseas; the insurer checks in the field.
    ['changed', 'changed', 'confirm-in-person', 'field-check'],
    // cessationOfOperation twice: card lost or move overseas; ask the person.
    ['ceased', 'ceased', 'confirm-in-person', 'ask-person'],
    ['superseded', 'superseded', 'ask-for-update', 'login-with-new-card'],
    ['held', 'held', 'confirm-in-person', 'refuse-for-now'],
    ['none', 'valid', 'ask-for-update', 'new-signature'],
    // Never had one, and the other has gone: nobody vouches for the person by certificate.
    ['none', 'changed', 'confirm-in-person', 'field-check'],
    ['none', 'none', 'confirm-in-person', 'ask-person'],
    ['expired', 'valid', 'ask-for-update', 'new-signature'],
    ['expired', 'expired', 'confirm-in-person', 'ask-person'],
  ] as const
  for (const [signature, authentication, meaning, first] of rows) {
    const found = situationOf(signature, authentication)
    assert.equal(found.meaning, meaning, `${signature} ${authentication}`)
    assert.equal(found.next[0], first, `${signature} ${authentication}`)
  }
})

it('moved overseas: with continuation alive and changed, without it as a removal', () => {
  assert.equal(meaningOf('changed', 'valid'), 'ask-for-update')
  assert.deepEqual(situationOf('changed', 'changed').next, ['field-check', 'ask-person'])
})

it('a hold on either side is never answered by an online step', () => {
  for (const other of certificateStates) {
    assert.equal(meaningOf('held', other), 'confirm-in-person')
    assert.equal(meaningOf(other, 'held'), 'confirm-in-person')
    assert.equal(situationOf(other, 'held').next[0], 'refuse-for-now')
  }
})

it('an online step is asked for only of a person who is known to live', () => {
  const online = ['latest-attributes', 'new-signature', 'card-text', 'login-with-new-card']
  for (const signature of certificateStates)
    for (const authentication of certificateStates) {
      const { meaning, next } = situationOf(signature, authentication)
      if (meaning === 'ask-for-update')
        assert.ok(
          ['valid', 'superseded'].includes(authentication),
          `${signature} ${authentication}`,
        )
      else assert.ok(next.every(step => !online.includes(step)))
    }
})

it('one valid certificate is enough; an ended one outweighs those that were replaced', () => {
  assert.equal(bestOf(['superseded', 'valid', 'revoked']), 'valid')
  assert.equal(bestOf(['superseded', 'revoked']), 'revoked')
  assert.equal(bestOf(['superseded', 'changed', 'ceased']), 'changed')
  assert.equal(bestOf(['revoked', 'held']), 'held')
  assert.equal(bestOf(['unlisted', 'expired']), 'expired')
  assert.equal(bestOf(['unlisted']), 'unlisted')
  assert.equal(bestOf([]), 'none')
})
