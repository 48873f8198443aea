/** x509-limbo: the public suite of certification paths, against `judgePathCase`. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { KeyCache } from './key-cache.ts'
import { judgePathCase, type PathOutcome } from './path-batch.ts'

interface LimboCase {
  readonly id: string
  readonly expected_result: 'SUCCESS' | 'FAILURE'
  readonly validation_time: string | null
  readonly validation_kind: 'SERVER' | 'CLIENT'
  readonly peer_certificate: string
  readonly untrusted_intermediates: readonly string[]
  readonly trusted_certs: readonly string[]
  readonly crls: readonly string[]
  readonly extended_key_usage: readonly string[]
}

type Tier = 'core' | 'dos' | 'profile' | 'name' | 'pedantic' | 'webpki'

const folder = new URL('../vectors/', import.meta.url)
const cases: readonly LimboCase[] = JSON.parse(
  gunzipSync(readFileSync(new URL('limbo/limbo.json.gz', folder))).toString('utf8'),
).testcases
const tiers: Readonly<Record<string, Tier>> = JSON.parse(
  readFileSync(new URL('limbo/tiers.json', folder), 'utf8'),
).tiers
const divergences: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(new URL('limbo-divergences.json', folder), 'utf8'),
)

// The suite leaves the time open where it does not matter; its certificates are valid from 1970 to 2969.
const someTime = Date.UTC(2026, 0, 1)
// Longest time one hostile case may take, on a slow machine with other work.
const hostileMsMax = 5000

test('x509-limbo: every core and hostile case agrees, and the list of divergences is exact', () => {
  const keys = new KeyCache(1000)
  const wrong: string[] = []
  for (const given of cases) {
    const began = performance.now()
    const outcome = judgeCase(given, keys)
    const took = performance.now() - began
    const tier = tiers[given.id]
    const agrees = (outcome.verdict === 'passed') === (given.expected_result === 'SUCCESS')
    const isListed = given.id in divergences
    const says = `${given.id} [${tier}]: ${outcome.verdict} ${outcome.reasons[0]?.code ?? ''}`
    if (!agrees && !isListed) wrong.push(`not listed: ${says}`)
    if (agrees && isListed) wrong.push(`listed, but agrees: ${says}`)
    if (!agrees && (tier === 'core' || tier === 'dos')) wrong.push(`must agree: ${says}`)
    if (tier === 'dos' && took > hostileMsMax) wrong.push(`too slow: ${says} ${took} ms`)
  }
  assert.deepEqual(wrong, [])
  assert.equal(cases.length, 208)
})

function judgeCase(given: LimboCase, keys: KeyCache): PathOutcome {
  const isServer = given.validation_kind === 'SERVER'
  return judgePathCase(
    {
      id: given.id,
      leaf: decodePem(given.peer_certificate),
      bag: given.untrusted_intermediates.map(decodePem),
      anchors: given.trusted_certs.map(decodePem),
      crls: given.crls.map(decodePem),
      ocsp: [],
      at: given.validation_time === null ? someTime : Date.parse(given.validation_time),
      policies: { acceptable: 'any', explicit: false, inhibitMapping: false, inhibitAny: false },
      purpose: isServer ? '1.3.6.1.5.5.7.3.1' : '1.3.6.1.5.5.7.3.2',
      keyUsage: 0,
      revocation: given.crls.length > 0 ? 'leaf' : 'off',
    },
    keys,
  )
}

function decodePem(pem: string): Uint8Array {
  const encoded = pem.replace(/-----[^-]+-----/g, '').replace(/\s/g, '')
  return Uint8Array.from(Buffer.from(encoded, 'base64'))
}
