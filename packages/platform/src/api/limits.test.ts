/** Limits: a rate with a burst for each provider; when a node is full, who asks for little still gets in. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Refusal } from '@sekisho/contract'
import type { Provider } from '../providers/registry.ts'
import { metadataOf } from '../world-for-tests.ts'
import { createLimits } from './limits.ts'

function providerOf(id: string, perSecond: number): Provider {
  const metadata = { ...metadataOf(id), sekisho_rate_per_second: perSecond }
  const scopes = new Set<never>()
  return {
    id,
    name: id,
    purpose: '',
    scopes,
    revocation: 'crl',
    freshnessMs: undefined,
    state: 'active',
    metadata,
  }
}

function outcome(run: () => unknown): string {
  try {
    run()
    return 'in'
  } catch (error) {
    assert.ok(error instanceof Refusal)
    return error.code
  }
}

describe('limits', () => {
  it('lets the rate through, with a burst of two seconds, and refuses what is beyond', () => {
    let now = 1000
    const limits = createLimits(() => now)
    const shop = providerOf('shop', 10)
    const many = (count: number) =>
      Array.from({ length: count }, () => outcome(() => limits.enter(shop)()))
    assert.deepEqual([...new Set(many(20))], ['in'])
    assert.deepEqual(many(1), ['rate-exceeded'])
    now += 99
    assert.deepEqual(many(1), ['rate-exceeded'])
    now += 1
    assert.deepEqual(many(2), ['in', 'rate-exceeded'])
    now += 3600_000
    assert.equal(many(30).filter(one => one === 'in').length, 20)
    assert.equal(
      outcome(() => limits.enter(providerOf('other', 10))),
      'in',
    )
  })

  it('a provider that fills a node keeps nobody else out, and everything has an end', () => {
    const limits = createLimits(() => 1000)
    const greedy = providerOf('greedy', 100_000)
    const ends = Array.from({ length: 512 }, () => limits.enter(greedy))
    assert.equal(
      outcome(() => limits.enter(greedy)),
      'node-overloaded',
    )
    const modest = providerOf('modest', 100_000)
    const own = Array.from({ length: 256 }, () => limits.enter(modest))
    assert.equal(
      outcome(() => limits.enter(modest)),
      'node-overloaded',
    )
    for (const end of ends) end()
    assert.equal(
      outcome(() => limits.enter(greedy)),
      'in',
    )
    for (const end of own) end()
  })
})
