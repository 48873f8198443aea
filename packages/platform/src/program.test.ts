import assert from 'node:assert/strict'
import { it } from 'node:test'
import { jpkiReal, jpkiTown, parseCertificate } from '@sekisho/pki'
import { issueAuthorityCertificate, poolKey } from '@sekisho/pki/issue'
import { Refusal } from '@sekisho/contract'
import { fixedClock } from '@sekisho/runtime/clock'
import { createKey } from '@sekisho/runtime/keys'
import { silentLog } from '@sekisho/runtime/log'
import { systemRandom } from '@sekisho/runtime/random'
import { connectPostgres, openEmbedded } from '@sekisho/runtime/store'
import { createTestAuthority } from './authority-for-tests.ts'
import { type PlatformSettings, startPlatform } from './program.ts'

/** Settings of a production platform in which nothing is unsafe but what a test changes. They stop before any connection. */
async function settings(change: Partial<PlatformSettings>): Promise<PlatformSettings> {
  const key = await createKey('ec-p256')
  return {
    mode: 'production',
    port: 0,
    issuer: 'https://platform.example',
    keysFolder: '/nonexistent',
    adminPath: '/nonexistent',
    engine: connectPostgres('postgres://nobody@127.0.0.1:1/none'),
    profile: jpkiReal,
    anchors: [],
    timeStamps: undefined,
    recognised: undefined,
    verifier: () => Promise.resolve([]),
    authority: { url: 'https://authority.example', verifierId: 'platform', answerKey: key },
    messageKey: key,
    readers: {},
    revocationFolder: '/nonexistent',
    uploadsFolder: '/nonexistent',
    revocationRefreshMs: 60_000,
    operation: undefined,
    providers: undefined,
    fetch: () => Promise.reject(new Error('nothing is fetched')),
    tlsProxy: undefined,
    providerFetch: () => Promise.reject(new Error('nothing is fetched')),
    clock: fixedClock(Date.UTC(2030, 0, 1)),
    random: systemRandom(),
    log: silentLog(),
    ...change,
  }
}

async function refusalOf(change: Partial<PlatformSettings>): Promise<unknown> {
  try {
    await startPlatform(await settings(change))
  } catch (error) {
    if (error instanceof Refusal && error.code === 'configuration-unsafe') return error.fields
    throw error
  }
  throw new Error('the platform started')
}

/** A CA certificate under the real names, on a key of the pool. */
function poolAnchor() {
  const key = poolKey(3)
  return parseCertificate(
    issueAuthorityCertificate({
      profile: jpkiReal,
      kind: 'signature',
      serial: Uint8Array.of(1),
      notBefore: Date.UTC(2020, 0, 1),
      notAfter: Date.UTC(2040, 0, 1),
      spki: key.spki,
      algorithm: 'rsa-sha256',
      sign: key.sign,
    }),
  )
}

it('production refuses the anchors of a town', async () => {
  const { anchors } = createTestAuthority(fixedClock(Date.UTC(2030, 0, 1)))
  assert.deepEqual(await refusalOf({ anchors, profile: jpkiTown }), {
    setting: 'anchors',
    why: 'town-anchor',
  })
})

it('production refuses a key of the pool, whatever name it is under', async () => {
  assert.deepEqual(await refusalOf({ anchors: [poolAnchor()] }), {
    setting: 'anchors',
    why: 'town-anchor',
  })
})

it('no platform starts without an anchor', async () => {
  assert.deepEqual(await refusalOf({ anchors: [] }), { setting: 'anchors' })
})

it('production refuses plain http, a wallet page over it, and an embedded database', async () => {
  const anchors = [poolAnchor()]
  assert.deepEqual(await refusalOf({ anchors, issuer: 'http://platform.example' }), {
    setting: 'issuer',
    why: 'not-https',
  })
  const { authority } = await settings({})
  const plain = { ...authority, url: 'http://authority.example' }
  assert.deepEqual(await refusalOf({ anchors, authority: plain }), {
    setting: 'authority',
    why: 'not-https',
  })
  assert.deepEqual(await refusalOf({ anchors, readers: { wallet: 'http://wallet.localhost:1' } }), {
    setting: 'wallet',
    why: 'not-https',
  })
  const engine = await openEmbedded('memory')
  try {
    assert.deepEqual(await refusalOf({ anchors, engine }), { setting: 'database', why: 'embedded' })
  } finally {
    await engine.close()
  }
})

it('production refuses a secret of the TLS proxy that could be guessed', async () => {
  const tlsProxy = { secret: 'x'.repeat(21), clientAuthorities: [] }
  assert.deepEqual(await refusalOf({ anchors: [poolAnchor()], tlsProxy }), {
    setting: 'tlsProxy.secret',
    why: 'too-short',
  })
})
