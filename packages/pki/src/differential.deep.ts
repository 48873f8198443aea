/**
 * Certificates and containers bent at random, judged by us, openssl and @peculiar/x509. Every kind of disagreement is named
 * with its reason in `vectors/differential-divergences.json`; another one fails. The seeds are always the same;
 * `SEKISHO_DIFFERENTIAL_SEEDS=100` adds a hundred fresh ones, and fails as well for a named kind that has not occurred.
 */
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { type Disagreement, runDifferential } from './differential-for-tests.ts'

/** Reasons, and the kinds of disagreement that each explains: subject, our code, their word. */
const divergences: Readonly<Record<string, readonly string[]>> = JSON.parse(
  readFileSync(new URL('../vectors/differential-divergences.json', import.meta.url), 'utf8'),
)
const freshSeeds = Number(process.env['SEKISHO_DIFFERENTIAL_SEEDS'] ?? 0)
const isLong = freshSeeds >= 50
/** In these the rarest kinds occur. */
const seeds = [1000, 1017, 1021, 1037]
const counts = { leaves: 400, intermediates: 60, containers: 150 }

// On a slow machine with other work; a specimen takes less than a millisecond and 100 kB.
const msMax = 1000
const bytesMax = 32 * 1024 * 1024

test('we and other judges agree on what is bent, or it is known why not', async t => {
  const named = new Set(Object.values(divergences).flat())
  const unexplained: Disagreement[] = []
  const met = new Set<string>()
  const passed = new Map<string, number>()
  const fresh = Array.from({ length: freshSeeds }, () => randomInt(2 ** 32))
  for (const seed of [...seeds, ...fresh]) {
    t.diagnostic(`seed ${seed}`)
    const run = await runDifferential(seed, counts)
    for (const each of run.disagreements) {
      const kind = kindOf(each)
      met.add(kind)
      if (!named.has(kind)) unexplained.push(each)
    }
    for (const [subject, count] of run.counts)
      passed.set(subject, (passed.get(subject) ?? 0) + count.passed)
    assert.ok(run.msMax < msMax, `seed ${seed}: one judgement took ${run.msMax} ms`)
    assert.ok(run.bytesMax < bytesMax, `seed ${seed}: one judgement took ${run.bytesMax} bytes`)
  }
  assert.deepEqual(unexplained, [])
  // Where all refuse everything, agreement says nothing.
  assert.equal(passed.size, 4)
  for (const [subject, count] of passed) assert.ok(count > 0, `${subject}: nothing passed`)
  if (isLong) assert.deepEqual([...named.difference(met)], [], 'named, but not met')
})

test('every disagreement is named once, with a reason', () => {
  const kinds = Object.values(divergences).flat()
  assert.equal(new Set(kinds).size, kinds.length)
  for (const [reason, explained] of Object.entries(divergences)) {
    assert.match(reason, /RFC|ITU-T|own rule/)
    assert.ok(explained.length > 0)
  }
})

function kindOf({ subject, ours, theirs }: Disagreement): string {
  return `${subject}: ${ours} / ${theirs}`
}
