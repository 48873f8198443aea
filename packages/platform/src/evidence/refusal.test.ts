import assert from 'node:assert/strict'
import { it } from 'node:test'
import { refusals } from '@sekisho/contract'
import { reasonCodes } from '@sekisho/pki'
import { refusalOf } from './refusal.ts'

const purposes = ['signature', 'authentication'] as const

it('every reason of the trust core has a refusal of the closed list', () => {
  for (const reason of reasonCodes())
    for (const purpose of purposes) assert.ok(refusalOf(reason, purpose) in refusals, reason)
})

it('what only time can mend may be tried again; what a certificate is may not', () => {
  for (const reason of reasonCodes()) {
    const code = refusalOf(reason, 'signature')
    if (code.startsWith('revocation-')) assert.ok(refusals[code].status >= 500, reason)
    else assert.ok(refusals[code].status < 500, reason)
  }
})

it('revoked and held stay apart, and nothing that was not found out is told as either', () => {
  const told = reasonCodes().filter(
    reason => refusalOf(reason, 'signature') === 'certificate-revoked',
  )
  assert.deepEqual(told, ['certificate-revoked'])
  assert.deepEqual(
    reasonCodes().filter(reason => refusalOf(reason, 'signature') === 'certificate-held'),
    ['certificate-held'],
  )
})

it('weak algorithms and keys are told as such, whichever of them it was', () => {
  assert.deepEqual(
    reasonCodes().filter(reason => refusalOf(reason, 'signature') === 'algorithm-weak'),
    ['algorithm-weak', 'algorithm-unsupported', 'algorithm-outdated', 'key-unacceptable'],
  )
})
