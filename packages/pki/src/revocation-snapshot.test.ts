import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parseCrl } from './crl.ts'
import { type VerifiedCrl, verifyCrl } from './crl-judgement.ts'
import { MalformedError, toHex } from './der.ts'
import { fingerprintOf } from './entry-rows.ts'
import type { CrlContent } from './issue/crl.ts'
import { partitionName } from './issue/jpki.ts'
import { KeyCache } from './key-cache.ts'
import { encodeName } from './name.ts'
import { jpkiTown } from './profile.ts'
import { RevocationIndex } from './revocation-index.ts'
import { type RevocationReason, reasonNumber } from './revocation-reason.ts'
import {
  coldInMemory,
  readSnapshot,
  type SnapshotBytes,
  writeSnapshot,
} from './revocation-snapshot.ts'
import {
  specimenAuthority,
  specimenCrl,
  specimenEntry,
  specimenLeaf,
  specimenNow,
} from './specimen-for-tests.ts'

const keys = new KeyCache(64)
const authority = specimenAuthority('signature', 0)
const { spki } = authority.certificate
const chiyoda = partitionName(jpkiTown, 'signature', 'Tokyo-to', 'Chiyoda-ku')
const minato = partitionName(jpkiTown, 'signature', 'Tokyo-to', 'Minato-ku')

function verified(vary: Partial<CrlContent>, issuer = authority): VerifiedCrl {
  const list = parseCrl(specimenCrl('signature', issuer, vary))
  const verdict = verifyCrl(list, [issuer.certificate], keys)
  assert.ok(verdict.kind === 'passed')
  return verdict.value
}

function state(index: RevocationIndex, serial: Uint8Array, at = specimenNow): string {
  const answer = index.lookupSerial(spki, serial, at)
  return 'reason' in answer ? answer.reason : answer.state
}

/** INTEGER content of a number below 2^32. */
function content(value: number): Uint8Array {
  const bytes = [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]
  while (bytes.length > 1 && bytes[0] === 0) bytes.shift()
  return Uint8Array.from((bytes[0] ?? 0) >= 0x80 ? [0, ...bytes] : bytes)
}

/** Whole numbers below a limit, by a seed (mulberry32). */
function numbers(seed: number): (limit: number) => number {
  let x = seed >>> 0
  return limit => {
    x = (x + 0x6d2b79f5) >>> 0
    let y = Math.imul(x ^ (x >>> 15), x | 1)
    y ^= y + Math.imul(y ^ (y >>> 7), y | 61)
    return Math.floor((((y ^ (y >>> 14)) >>> 0) / 2 ** 32) * limit)
  }
}

/** A snapshot of one key whose only list covers everything. */
function snapshotOf(
  serials: Uint32Array,
  reasons: Uint8Array = new Uint8Array(serials.length),
): { readonly index: RevocationIndex; readonly form: string; readonly bytes: SnapshotBytes } {
  const count = serials.length
  const short = {
    count,
    serials,
    reasons,
    seconds: Uint32Array.from(serials, each => each >>> 1),
    partitions: new Uint16Array(count),
  }
  const bytes = writeSnapshot([
    {
      spki,
      partitions: [{ names: undefined, covers: 'all', number: 1, ...fresh, count }],
      rows: { short, long: noLong },
    },
  ])
  const index = RevocationIndex.open(bytes.hot, coldInMemory(bytes.cold))
  return { index, form: index.snapshot.keys[0]?.table.shape.form ?? '', bytes }
}

const fresh = { thisUpdate: specimenNow - 1000, nextUpdate: specimenNow + 1000 }
const noLong = {
  count: 0,
  fingerprints: new Uint32Array(0),
  reasons: new Uint8Array(0),
  seconds: new Uint32Array(0),
  partitions: new Uint16Array(0),
  starts: new Uint32Array(1),
  bytes: new Uint8Array(0),
}
const inForce = [0, 1, 2, 3, 4, 5, 6, 9, 10]

test('the bytes of the specification are what is written, and read back as what they say', () => {
  const page = readFileSync(
    new URL('../../../docs/protocol/revocation-snapshot.md', import.meta.url),
    'utf8',
  )
  const [hot, cold] = [...page.matchAll(/```hex\n([0-9a-f\s]+)```/g)].map(
    ([, hex]) => new Uint8Array(Buffer.from((hex ?? '').replaceAll(/\s/g, ''), 'hex')),
  )
  assert.ok(hot !== undefined && cold !== undefined)
  const serial = Uint8Array.of(1, 2, 3, 4, 5, 6)
  const entries = {
    short: {
      count: 2,
      serials: Uint32Array.of(5, 0x81020304),
      reasons: Uint8Array.of(reasonNumber('certificateHold'), reasonNumber('superseded')),
      seconds: Uint32Array.of(1_793_491_200, 1_793_577_600),
      partitions: Uint16Array.of(0, 1),
    },
    long: {
      count: 1,
      fingerprints: Uint32Array.of(fingerprintOf(serial)),
      reasons: Uint8Array.of(reasonNumber('keyCompromise')),
      seconds: Uint32Array.of(1_793_577_600),
      partitions: Uint16Array.of(0),
      starts: Uint32Array.of(0, serial.length),
      bytes: serial,
    },
  }
  const name = (place: string) => [
    {
      kind: 'directory',
      name: encodeName([
        ['2.5.4.6', 'JP'],
        ['2.5.4.3', place],
      ]),
    } as const,
  ]
  const times = { thisUpdate: Date.UTC(2026, 10, 2), nextUpdate: Date.UTC(2026, 10, 3, 2) }
  const partitions = [
    { names: name('Chiyoda'), covers: 'all', number: 7, ...times, count: 2 },
    { names: name('Chuo'), covers: 'users', number: 300, ...times, count: 1 },
  ] as const
  const key = Uint8Array.of(0x30, 3, 2, 1, 5)
  const written = writeSnapshot([{ spki: key, partitions, rows: entries }])
  assert.equal(toHex(written.hot), toHex(hot))
  assert.equal(toHex(written.cold), toHex(cold))

  const index = RevocationIndex.open(hot, coldInMemory(cold))
  assert.deepEqual(
    index.partitions.map(each => [each.partition, each.number, each.nextUpdate, each.count]),
    [
      ['C=JP, CN=Chiyoda', 7, times.nextUpdate, 2],
      ['C=JP, CN=Chuo', 300, times.nextUpdate, 1],
    ],
  )
  const at = Date.UTC(2026, 10, 2, 12)
  const held = index.lookupSerial(key, Uint8Array.of(5), at)
  assert.ok(held.state === 'held' && held.listed().revokedAt === 1_793_491_200_000)
  const revoked = index.lookupSerial(key, Uint8Array.of(0, 0x81, 2, 3, 4), at)
  assert.ok(revoked.state === 'revoked' && revoked.reason === 'superseded')
  assert.equal(revoked.listed().source.number, 300)
  assert.equal(index.lookupSerial(key, serial, at).state, 'revoked')
  assert.equal(index.lookupSerial(key, Uint8Array.of(1, 2, 3, 4, 5, 7), at).state, 'good')
})

test('tables of every form answer as a map does, for what is in them and for what is beside it', () => {
  const seed = 20261103
  const next = numbers(seed)
  const shapes: readonly (readonly [string, Uint32Array])[] = [
    ['sorted', Uint32Array.from({ length: 3000 }, () => next(2 ** 32))],
    ['even', Uint32Array.from({ length: 150_000 }, () => next(2 ** 32))],
    // One after the other: groups are full, and the rest empty.
    ['uneven', Uint32Array.from({ length: 250_000 }, (_, i) => 0xfffe0000 - i)],
    ['uneven', Uint32Array.from({ length: 200_000 }, (_, i) => 0x7fff0000 + i * 3)],
    // Crowded at one end of every group, where evenly spread ones are not.
    ['even', Uint32Array.from({ length: 200_000 }, () => next(2 ** 16) * 65536 + next(200))],
  ]
  for (const [wanted, drawn] of shapes) {
    const serials = Uint32Array.from(new Set(drawn)).sort()
    const reasons = Uint8Array.from(serials, () => inForce[next(inForce.length)] ?? 0)
    const truth = new Map([...serials].map((serial, i) => [serial, reasons[i] ?? 0]))
    const { index, form } = snapshotOf(serials, reasons)
    assert.equal(form, wanted)
    const ask = (serial: number): void => {
      const answer = index.lookupSerial(spki, content(serial), specimenNow)
      const found = 'reason' in answer ? reasonNumber(answer.reason) : undefined
      assert.equal(found, truth.get(serial), `${form} ${serial}, seed ${seed}`)
    }
    for (const serial of serials) ask(serial)
    for (let i = 0; i < 20_000; i++) {
      const near = serials[next(serials.length)] ?? 0
      for (const serial of [near - 1, near + 1, near ^ 0x10000, next(2 ** 32)]) {
        if (serial >= 0 && serial < 2 ** 32) ask(serial)
      }
    }
  }
})

test('the hot part takes at most 2.5 bytes an entry, and a long serial eight', () => {
  const next = numbers(4)
  const drawn = Uint32Array.from({ length: 1_500_000 }, () => next(2 ** 32))
  const serials = Uint32Array.from(new Set(drawn)).sort()
  const { bytes } = snapshotOf(serials)
  assert.ok(bytes.hot.length / serials.length <= 2.5, `${bytes.hot.length / serials.length}`)
  const long = Array.from({ length: 2000 }, (_, i) =>
    specimenEntry(Uint8Array.of(0x40, 1, 2, 3, 4, 5, i >> 8, i & 255), 'superseded'),
  )
  const without = RevocationIndex.empty.withLists([verified({})]).index.snapshot.hot.length
  const { hot } = RevocationIndex.empty.withLists([verified({ entries: long })]).index.snapshot
  // The directory may need a byte or two more for its counts.
  assert.ok(hot.length - without <= long.length * 8 + 16, `${hot.length - without}`)
})

test('serials of any length are told apart exactly, also where their fingerprints are the same', () => {
  const next = numbers(17)
  const met = new Map<number, Uint8Array>()
  let twins: readonly [Uint8Array, Uint8Array] | undefined
  while (twins === undefined) {
    const serial = Uint8Array.from({ length: 20 }, (_, i) => (i === 0 ? 0x11 : next(256)))
    const other = met.get(fingerprintOf(serial))
    if (other !== undefined) twins = [other, serial]
    met.set(fingerprintOf(serial), serial)
  }
  const [one, two] = twins
  const lengths = [6, 9, 20, 33].map(length => new Uint8Array(length).fill(0x21))
  const entries = [one, ...lengths].map(each => specimenEntry(each, 'superseded'))
  const { index } = RevocationIndex.empty.withLists([verified({ entries })])
  assert.equal(state(index, one), 'superseded')
  assert.equal(state(index, two), 'good')
  for (const each of lengths) {
    assert.equal(state(index, each), 'superseded')
    assert.equal(state(index, each.subarray(1)), 'good')
    assert.equal(state(index, Uint8Array.of(...each, 0x21)), 'good')
  }
  const both = [specimenEntry(one, 'certificateHold'), specimenEntry(two, 'keyCompromise')]
  const after = index.withLists([verified({ number: 8, entries: both })]).index
  assert.equal(state(after, one), 'certificateHold')
  assert.equal(state(after, two), 'keyCompromise')
})

test('the cold part is read only when somebody asks since when, and what it lost is noticed', () => {
  const long = Uint8Array.of(9, 8, 7, 6, 5, 4, 3)
  const entries = [specimenEntry(Uint8Array.of(5), 'superseded'), specimenEntry(long, 'superseded')]
  const { snapshot } = RevocationIndex.empty.withLists([verified({ entries })]).index
  const cold = Uint8Array.from(snapshot.cold(0, snapshot.coldLength))
  let reads = 0
  const index = RevocationIndex.open(snapshot.hot, (position, bytes) => {
    reads++
    return cold.subarray(position, position + bytes)
  })
  const answer = index.lookupSerial(spki, Uint8Array.of(5), specimenNow)
  assert.equal(state(index, Uint8Array.of(6)), 'good')
  assert.equal(reads, 0)
  assert.ok('listed' in answer)
  assert.deepEqual(answer.listed(), {
    revokedAt: Date.UTC(2026, 10, 1),
    source: {
      kind: 'index',
      thisUpdate: specimenNow - 3_600_000,
      nextUpdate: specimenNow + 24 * 3_600_000,
      number: 7,
    },
  })
  assert.equal(reads, 1)
  assert.equal(state(index, long), 'superseded')
  cold.fill(0)
  assert.throws(() => state(index, long), /has changed/)
})

test('a snapshot of which a byte was altered or is missing is not opened', () => {
  const entries = [specimenEntry(Uint8Array.of(5), 'superseded')]
  const { snapshot } = RevocationIndex.empty.withLists([verified({ entries })]).index
  const opened = (hot: Uint8Array) => RevocationIndex.open(hot, snapshot.cold)
  assert.equal(opened(snapshot.hot.slice()).count, 1)
  for (let position = 0; position < snapshot.hot.length; position++) {
    const altered = snapshot.hot.slice()
    altered[position] = (altered[position] ?? 0) ^ 1
    assert.throws(() => opened(altered), MalformedError, `byte ${position}`)
  }
  for (const length of [0, 7, 20, snapshot.hot.length - 8]) {
    assert.throws(() => opened(snapshot.hot.slice(0, length)), MalformedError)
  }
  assert.throws(() => opened(new Uint8Array([...snapshot.hot, 0])), MalformedError)
})

test('what one list of a key revokes is revoked under that key, unless that list is not fresh', () => {
  const serial = Uint8Array.of(0x12, 0x34, 0x56, 1)
  const leaf = specimenLeaf('signature', authority, 1, { serial })
  const held = [specimenEntry(serial, 'certificateHold')]
  const revoked = [specimenEntry(serial, 'keyCompromise')]
  const ask = (lists: readonly Partial<CrlContent>[], at = specimenNow): string => {
    const { index } = RevocationIndex.empty.withLists(lists.map(each => verified(each)))
    const answer = index.lookup(leaf, authority.certificate, at)
    assert.equal(index.lookupSerial(spki, serial, at).state, answer.state)
    return 'reason' in answer ? answer.reason : answer.state
  }
  const own = { partition: chiyoda }
  const other = { partition: minato, entries: held }
  assert.equal(ask([own, other]), 'certificateHold')
  assert.equal(ask([{ ...own, entries: revoked }, other]), 'keyCompromise')
  assert.equal(ask([other, { ...own, entries: revoked }]), 'keyCompromise')
  const { index } = RevocationIndex.empty.withLists([
    verified(own),
    verified({ ...other, nextUpdate: specimenNow - 1 }),
  ])
  assert.equal(index.lookup(leaf, authority.certificate, specimenNow).state, 'good')
  assert.equal(index.lookupSerial(spki, serial, specimenNow).state, 'stale')
  // Its own list is asked for first: without it, or when it is stale, nothing vouches.
  const none = RevocationIndex.empty.withLists([verified(other)]).index
  assert.equal(none.lookup(leaf, authority.certificate, specimenNow).state, 'not-covered')
})

test('a partition’s new list takes back its own entries and nobody else’s', () => {
  const serial = Uint8Array.of(7)
  const entries = [specimenEntry(serial, 'superseded')]
  const before = RevocationIndex.empty.withLists([
    verified({ partition: chiyoda, entries }),
    verified({ partition: minato, entries }),
  ]).index
  assert.equal(before.count, 2)
  const once = before.withLists([verified({ partition: chiyoda, number: 8 })]).index
  assert.equal(state(once, serial), 'superseded')
  assert.deepEqual(
    once.partitions.map(each => each.count),
    [0, 1],
  )
  const lifted = [specimenEntry(serial, 'removeFromCRL')]
  const delta = verified({ partition: minato, number: 9, deltaBase: 7, entries: lifted })
  assert.equal(state(once.withLists([delta]).index, serial), 'good')
  assert.equal(state(once, serial), 'superseded')
})

test('a serial that a list repeats two hundred thousand times is held once, and soon', () => {
  const entry = specimenEntry(Uint8Array.of(5), 'superseded')
  const entries = Array.from({ length: 200_000 }, () => entry)
  const list = verified({ entries })
  const began = performance.now()
  const { index } = RevocationIndex.empty.withLists([list])
  assert.equal(index.count, 1)
  assert.ok(performance.now() - began < 1500)
})

test('a snapshot of lists added one by one is that of all at once', () => {
  const seed = 99
  const next = numbers(seed)
  const lists = Array.from({ length: 12 }, (_, i) => {
    const reasons: readonly RevocationReason[] = ['superseded', 'certificateHold', 'removeFromCRL']
    const entries = Array.from({ length: 40 }, () =>
      specimenEntry(
        next(4) === 0 ? Uint8Array.of(1, 2, 3, 4, 5, next(20)) : content(1 + next(60)),
        reasons[i < 2 ? next(2) : next(3)] ?? 'superseded',
      ),
    )
    const partition = i % 2 === 0 ? chiyoda : minato
    return verified({
      partition,
      number: 10 + i,
      deltaBase: i < 2 ? undefined : 10 + (i % 2),
      entries,
    })
  })
  let index = RevocationIndex.empty
  for (const list of lists) index = index.withLists([list]).index
  const atOnce = RevocationIndex.empty.withLists(lists).index
  assert.equal(toHex(index.snapshot.hot), toHex(atOnce.snapshot.hot), `seed ${seed}`)
  assert.equal(readSnapshot(index.snapshot.hot, index.snapshot.cold).keys.length, 1)
})
