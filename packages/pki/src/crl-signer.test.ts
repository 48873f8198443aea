import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCrl } from './crl.ts'
import { crlSigners, judgeByCrls } from './crl-judgement.ts'
import { MalformedError } from './der.ts'
import { keyUsages } from './extension.ts'
import { generalName } from './issue/certificate.ts'
import type { RevokedEntry } from './issue/crl.ts'
import { KeyCache } from './key-cache.ts'
import {
  authority,
  type Entity,
  list,
  nameOf,
  person,
  relativeNameOf,
  revoked,
  worldNow,
} from './pki-world-for-tests.ts'
import { codeOf } from './specimen-for-tests.ts'

const keys = new KeyCache(256)
const root = authority(nameOf('Root'), 60)
const usage = keyUsages.crlSign
const scope = { isIndirect: true }

/** Where the lists of a lister for a certificate are. */
function pointOf(lister: string) {
  const names = [generalName.directory(nameOf('Points', lister))]
  return { names, issuers: [nameOf(lister)] }
}

/** A lister that another one lists, or the root itself in a partition of its own. */
function lister(name: string, key: number, listedBy: string | undefined): Entity {
  const points = [listedBy === undefined ? ownPoint : pointOf(listedBy)]
  return authority(nameOf(name), key, root, { usage, points })
}

const ownPartition = nameOf('Points', 'root')
const ownPoint = { names: [generalName.directory(ownPartition)] }

function listBy(one: Entity, name: string, entries: readonly RevokedEntry[] = []): Uint8Array {
  return list(one, { partition: nameOf('Points', name), scope, entries })
}

function judge(
  leaf: Entity,
  certificates: readonly Entity[],
  lists: readonly Uint8Array[],
): string {
  const given = { lists, at: worldNow, keys }
  const signers = crlSigners({
    ...given,
    anchor: root.certificate,
    certificates: certificates.map(each => each.certificate),
  })
  return codeOf(judgeByCrls(leaf.certificate, root.certificate, { ...given, signers }))
}

test('two listers who list each other are believed until one names the other', () => {
  const a = lister('A', 61, 'B')
  const b = lister('B', 62, 'A')
  const byRoot = (one: Entity) => revoked(one, 'keyCompromise', { issuer: root.name })
  for (const by of ['A', 'B']) {
    const leaf = person(nameOf('Person'), root, { points: [pointOf(by)] })
    const ask = (ofA: readonly RevokedEntry[], ofB: readonly RevokedEntry[]): string =>
      judge(leaf, [a, b], [listBy(a, 'A', ofA), listBy(b, 'B', ofB)])
    assert.equal(ask([], []), 'passed')
    assert.equal(ask([byRoot(b)], []), 'crl-signer-untrusted', by)
    assert.equal(ask([], [byRoot(a)]), 'crl-signer-untrusted', by)
  }
})

test('what was found on an assumption that proved wrong is not kept', () => {
  // A is listed by B and B by A; the person by both, for different reasons. A's list names B.
  const a = lister('A', 61, 'B')
  const b = lister('B', 62, 'A')
  const points = [
    { ...pointOf('A'), reasons: 0x6 },
    { ...pointOf('B'), reasons: 0x1f8 },
  ]
  const leaf = person(nameOf('Person'), root, { points })
  const named = [revoked(b, 'keyCompromise', { issuer: root.name })]
  for (const lists of [
    [listBy(a, 'A', named), listBy(b, 'B')],
    [listBy(b, 'B'), listBy(a, 'A', named)],
  ]) {
    assert.equal(judge(leaf, [a, b], lists), 'crl-signer-untrusted')
  }
})

test('a long row of listers, each listed by the next, ends in time and is not believed', () => {
  const names = Array.from({ length: 60 }, (_, i) => `Lister ${i}`)
  const listers = names.map((name, i) => lister(name, 10 + i, names[i + 1]))
  const lists = listers.map((each, i) => listBy(each, names[i] ?? ''))
  const byRoot = list(root, { partition: ownPartition })
  const leaf = person(nameOf('Person'), root, { points: [pointOf('Lister 0')] })
  const began = performance.now()
  assert.equal(judge(leaf, listers, [...lists, byRoot]), 'crl-signer-untrusted')
  // The same row is believed when it is short.
  const short = [...listers.slice(0, 4), lister('Lister 4', 14, undefined)]
  const shortLists = short.map((each, i) => listBy(each, names[i] ?? ''))
  assert.equal(judge(leaf, short, [...shortLists, byRoot]), 'passed')
  assert.ok(performance.now() - began < 3000)
})

test('hundreds of lists and certificates of one name cost no more than a second', () => {
  const leaf = person(nameOf('Person'), root, { points: [pointOf('A')] })
  const same = Array.from({ length: 90 }, (_, i) => lister('A', i, undefined))
  // Signed by keys that none of the certificates has.
  const forged = lister('A', 95, undefined)
  const lists = Array.from({ length: 500 }, (_, i) => list(forged, { number: i + 1, scope }))
  const began = performance.now()
  assert.equal(judge(leaf, same, lists), 'crl-other-issuer')
  assert.ok(performance.now() - began < 3000, `${performance.now() - began}`)
})

test('more lists than can be looked at are refused, as the one left out might matter', () => {
  const leaf = person(nameOf('Person'), root)
  const good = list(root)
  const times = (count: number) => Array.from({ length: count }, () => good)
  assert.equal(judge(leaf, [], times(1024)), 'passed')
  assert.equal(judge(leaf, [], times(1025)), 'search-budget-exhausted')
})

test('altered bytes of lists of every kind throw nothing but the parser’s error, and pass nothing', () => {
  const seed = 20261105
  let x = seed
  const next = (limit: number): number => {
    x = (Math.imul(x, 1103515245) + 12345) >>> 0
    return (x >>> 8) % limit
  }
  const a = lister('A', 61, undefined)
  const leaf = person(nameOf('Person'), root, { points: [pointOf('A')] })
  const other = revoked(leaf, 'superseded', { issuer: nameOf('Other') })
  const kinds = [
    listBy(a, 'A', [other, revoked(leaf, 'keyCompromise', { issuer: root.name })]),
    list(root, { scope: { reasons: 0x6, relativeName: relativeNameOf('x') } }),
    list(root, { number: 9, deltaBase: 7, entries: [revoked(leaf, 'removeFromCRL')] }),
  ]
  const top = list(root, { partition: ownPartition })
  for (const kind of kinds) {
    for (let i = 0; i < 1500; i++) {
      const altered = Uint8Array.from(kind)
      for (let j = 0; j <= next(3); j++) altered[next(altered.length)] = next(256)
      try {
        parseCrl(altered)
      } catch (error) {
        assert.ok(error instanceof MalformedError, `seed ${seed} ${i}`)
      }
      assert.notEqual(judge(leaf, [a], [altered, top]), 'passed', `seed ${seed} ${i}`)
    }
  }
})
