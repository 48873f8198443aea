import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCrl } from './crl.ts'
import { type VerifiedCrl, verifyCrl } from './crl-judgement.ts'
import type { CrlContent } from './issue/crl.ts'
import { partitionName } from './issue/jpki.ts'
import { KeyCache } from './key-cache.ts'
import { jpkiTown } from './profile.ts'
import type { RevocationReason } from './revocation-reason.ts'
import { RevocationIndex } from './revocation-index.ts'
import {
  specimenAuthority,
  specimenCrl,
  specimenEntry,
  specimenLeaf,
  specimenNow,
} from './specimen-for-tests.ts'

const keys = new KeyCache(64)
const authority = specimenAuthority('signature', 0)
const second = specimenAuthority('signature', 4)
const long = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9)

function verified(vary: Partial<CrlContent>, issuer = authority): VerifiedCrl {
  const verdict = verifyCrl(
    parseCrl(specimenCrl('signature', issuer, vary)),
    [issuer.certificate],
    keys,
  )
  assert.ok(verdict.kind === 'passed')
  return verdict.value
}

function state(index: RevocationIndex, serial: Uint8Array, issuer = authority): string {
  const leaf = specimenLeaf('signature', issuer, 1, { serial })
  const answer = index.lookup(leaf, issuer.certificate, specimenNow)
  return 'reason' in answer ? answer.reason : answer.state
}

function entries(
  ...list: readonly (readonly [Uint8Array | number, RevocationReason])[]
): Pick<CrlContent, 'entries'> {
  return {
    entries: list.map(([serial, reason]) =>
      specimenEntry(typeof serial === 'number' ? Uint8Array.of(serial) : serial, reason),
    ),
  }
}

test('what no list covers is not covered, and what a list does not name is good', () => {
  assert.equal(state(RevocationIndex.empty, Uint8Array.of(5)), 'not-covered')
  const { index } = RevocationIndex.empty.withLists([verified(entries([5, 'superseded']))])
  assert.equal(state(index, Uint8Array.of(5)), 'superseded')
  assert.equal(state(index, Uint8Array.of(6)), 'good')
})

test('long serials, serials with the top bit and repeated entries are found', () => {
  const top = Uint8Array.of(0xff, 0xff, 0xff, 0xff)
  const { index } = RevocationIndex.empty.withLists([
    verified(
      entries(
        [long, 'keyCompromise'],
        [top, 'superseded'],
        [5, 'superseded'],
        [5, 'certificateHold'],
      ),
    ),
  ])
  assert.equal(state(index, long), 'keyCompromise')
  assert.equal(state(index, top), 'superseded')
  assert.equal(state(index, Uint8Array.of(5)), 'certificateHold', 'the last entry counts')
  assert.equal(index.count, 3)
})

test('a serial revoked by one generation is not revoked in another of the same name', () => {
  const { index } = RevocationIndex.empty.withLists([
    verified(entries([5, 'superseded'])),
    verified({}, second),
  ])
  assert.equal(state(index, Uint8Array.of(5)), 'superseded')
  assert.equal(state(index, Uint8Array.of(5), second), 'good')
})

test('another municipality’s list does not vouch, and is kept apart', () => {
  const partition = partitionName(jpkiTown, 'signature', 'Tokyo-to', 'Minato-ku')
  const { index } = RevocationIndex.empty.withLists([verified({ partition })])
  assert.equal(state(index, Uint8Array.of(5)), 'not-covered')
  assert.equal(index.partitions.length, 1)
})

test('a snapshot past its next update is stale', () => {
  const { index } = RevocationIndex.empty.withLists([verified({})])
  const leaf = specimenLeaf('signature', authority, 1)
  const late = specimenNow + 25 * 3_600_000
  assert.equal(index.lookup(leaf, authority.certificate, late).state, 'stale')
  const verdict = index.judge(leaf, authority.certificate, late)
  assert.ok(verdict.kind === 'indeterminate' && verdict.reasons[0].code === 'crl-stale')
})

test('an older list cannot roll the index back, and the old snapshot stays as it was', () => {
  const before = RevocationIndex.empty.withLists([verified({ number: 8 })]).index
  const change = before.withLists([verified({ number: 7, ...entries([5, 'superseded']) })])
  assert.deepEqual([change.taken, change.outdated], [0, 1])
  assert.equal(state(change.index, Uint8Array.of(5)), 'good')
  const after = before.withLists([verified({ number: 9, ...entries([5, 'superseded']) })]).index
  assert.equal(state(after, Uint8Array.of(5)), 'superseded')
  assert.equal(state(before, Uint8Array.of(5)), 'good')
})

test('deltas add, change and take away, in any order of arrival', () => {
  const full = verified({
    number: 10,
    ...entries([3, 'certificateHold'], [5, 'superseded'], [long, 'certificateHold']),
  })
  const delta = verified({
    number: 12,
    deltaBase: 10,
    ...entries(
      [3, 'removeFromCRL'],
      [4, 'keyCompromise'],
      [9, 'affiliationChanged'],
      [long, 'removeFromCRL'],
    ),
  })
  const { index, taken } = RevocationIndex.empty.withLists([delta, full])
  assert.equal(taken, 2)
  const states = [3, 4, 5, 9].map(serial => state(index, Uint8Array.of(serial)))
  assert.deepEqual(states, ['good', 'keyCompromise', 'superseded', 'affiliationChanged'])
  assert.equal(state(index, long), 'good')
  assert.equal(RevocationIndex.empty.withLists([delta]).withoutBase, 1)
})

test('a random sequence of lists answers as a plain map does', () => {
  const seed = 20261102
  let x = seed
  const next = (limit: number): number => {
    x = (Math.imul(x, 1103515245) + 12345) >>> 0
    return (x >>> 8) % limit
  }
  const truth = new Map<number, RevocationReason>()
  let index = RevocationIndex.empty.withLists([verified({ number: 1 })]).index
  for (let round = 2; round < 30; round++) {
    const changes = new Map<number, RevocationReason>()
    for (let i = 0; i < 20; i++) {
      const reason =
        next(3) === 0 ? 'removeFromCRL' : next(2) === 0 ? 'superseded' : 'certificateHold'
      changes.set(1 + next(120), reason)
    }
    for (const [serial, reason] of changes) {
      if (reason === 'removeFromCRL') truth.delete(serial)
      else truth.set(serial, reason)
    }
    const list = verified({ number: round, deltaBase: round - 1, ...entries(...changes) })
    index = index.withLists([list]).index
  }
  for (let serial = 1; serial <= 120; serial++) {
    assert.equal(state(index, Uint8Array.of(serial)), truth.get(serial) ?? 'good', `seed ${seed}`)
  }
})

test('lists for some reasons, of other issuers or of attributes are left to the judgement list by list', () => {
  const lists = [
    verified({ scope: { reasons: 0x7e }, ...entries([5, 'superseded']) }),
    verified({ scope: { isIndirect: true }, ...entries([5, 'superseded']) }),
    verified({ scope: { covers: 'attributes' }, ...entries([5, 'superseded']) }),
  ]
  const change = RevocationIndex.empty.withLists(lists)
  assert.deepEqual([change.taken, change.unsupported], [0, 3])
  assert.equal(state(change.index, Uint8Array.of(5)), 'not-covered')
})
