/** Other PKIs at the platform: what is fetched, kept, missing or nonsense, and what a report says of holders who are no citizens. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Refusal } from '@sekisho/contract'
import { encodeName, keyUsages, parseCertificate } from '@sekisho/pki'
import { prepareCades } from '@sekisho/pki/assemble'
import {
  type EncodedExtension,
  extension,
  issueCertificate,
  issueCrl,
  keyIdentifier,
  poolKey,
  registeredCorporationExtension,
} from '@sekisho/pki/issue'
import { sleep } from '@sekisho/runtime/clock'
import type { Fetch } from '@sekisho/runtime/net'
import { verifyFileForProvider } from '../confirm/verify-file.ts'
import { startTestWorld, type TestWorld } from '../world-for-tests.ts'
import { createFileJudge } from './file-verification.ts'
import { createRecognised, type RecognisedSettings } from './recognised.ts'

const day = 24 * 3600 * 1000
const policy = '2.999.1.1'
const [rootKey, leafKey] = [poolKey(60), poolKey(61)]
const rootName = encodeName([['2.5.4.3', 'Root']])
const corporation = {
  name: '見本建設株式会社',
  registeredNumber: '999901000003',
  headOffice: '見本町',
  representative: '見本三郎',
  title: '代表取締役',
  registryOffice: '見本法務局',
}

function certificate(
  serial: number,
  at: number,
  given: {
    readonly name: string
    readonly spki: Uint8Array
    readonly extensions: readonly EncodedExtension[]
  },
) {
  const { name, spki, extensions } = given
  const content = {
    serial: Uint8Array.of(serial),
    issuer: rootName,
    subject: encodeName([['2.5.4.3', name]]),
    notBefore: at - day,
    notAfter: at + 100 * day,
    spki,
    extensions: [...extensions, extension.subjectKeyIdentifier(keyIdentifier(spki))],
  }
  return parseCertificate(issueCertificate(content, 'rsa-sha256', rootKey.sign))
}

describe('other PKIs at the platform', () => {
  let world: TestWorld
  let now = 0
  let settings: RecognisedSettings
  let lists: readonly Uint8Array[] = []
  let asked = 0
  let askers = 0
  let cross = '{"certificates":[]}'

  before(async () => {
    world = await startTestWorld()
    now = world.clock.now()
    const anchor = certificate(1, now, {
      name: 'Root',
      spki: rootKey.spki,
      extensions: [
        extension.keyUsage(keyUsages.keyCertSign | keyUsages.crlSign),
        extension.basicConstraints(true),
      ],
    })
    settings = {
      anchor,
      crossUrl: 'https://ca.example/cross',
      listUrls: ['https://ca.example/list'],
      policies: { representative: policy },
    }
    lists = [listOf([])]
  })
  after(() => world.close())

  const listOf = (serials: readonly number[]): Uint8Array =>
    issueCrl(
      {
        issuer: rootName,
        issuerKeyId: keyIdentifier(rootKey.spki),
        thisUpdate: now - 1000,
        nextUpdate: now + day,
        number: 1,
        partition: undefined,
        deltaBase: undefined,
        entries: serials.map(serial => ({
          serial: Uint8Array.of(serial),
          revokedAt: now - 2000,
          reason: 'cessationOfOperation',
        })),
      },
      'rsa-sha256',
      rootKey.sign,
    )
  const answering: Fetch = async url => {
    asked++
    if (typeof url === 'string' && url.endsWith('/cross')) return new Response(cross)
    const [list] = lists
    return list === undefined
      ? new Response('', { status: 503 })
      : new Response(new Uint8Array(list))
  }
  const signed = (extensions: readonly EncodedExtension[], serial = 2): string => {
    const leaf = certificate(serial, now, {
      name: 'Mihon',
      spki: leafKey.spki,
      extensions: [
        extension.keyUsage(keyUsages.digitalSignature),
        extension.policies([{ id: policy }], true),
        ...extensions,
      ],
    })
    const prepared = prepareCades({
      content: { kind: 'attached', bytes: new TextEncoder().encode('契約書') },
      certificate: leaf,
      certificates: [],
      algorithm: 'rsa-sha256',
      signingTime: now,
    })
    const cms = prepared.finish(leafKey.sign('rsa-sha256', prepared.toBeSigned))
    return Buffer.from(cms).toString('base64')
  }

  /** A judgement by a platform that looks anew each time. */
  async function judged(
    file: string,
    vary: {
      readonly signers?: 'representative' | 'doctor' | 'citizen'
      readonly fetch?: Fetch
    } = {},
  ) {
    const recognised = createRecognised(settings, {
      mode: 'town',
      fetch: vary.fetch ?? answering,
      revocationRefreshMs: 0,
    })
    const fileJudge = createFileJudge({
      ...world,
      ...world.keeping,
      recognised,
      keeper: world.keeper,
    })
    try {
      const provider = await world.provider(`asker-${++askers}`)
      return await verifyFileForProvider({ ...world, fileJudge }, provider, {
        kind: 'cms',
        file,
        purpose: 'signature',
        signers: vary.signers ?? 'representative',
      })
    } finally {
      await fileJudge.stop()
    }
  }
  const representative = registeredCorporationExtension(corporation)

  it('a representative is recognised, and the report says for whom they act', async () => {
    const report = await judged(signed([representative]))
    assert.equal(report.verdict, 'passed', JSON.stringify(report.reasons))
    assert.deepEqual(report.signatures[0]?.holder, {
      kind: 'representative',
      name: '見本三郎',
      title: '代表取締役',
      corporation: { number: '5999901000003', name: '見本建設株式会社', headOffice: '見本町' },
    })
    assert.ok(!JSON.stringify(report).includes('Mihon'))
  })

  it('nothing is said of who did not pass, and nothing that the certificate does not say', async () => {
    lists = [listOf([3])]
    const revoked = await judged(signed([representative], 3))
    assert.equal(revoked.reasons[0]?.code, 'certificate-revoked')
    assert.equal(revoked.signatures[0]?.holder, undefined)
    const silent = await judged(signed([]))
    assert.deepEqual([silent.verdict, silent.signatures[0]?.holder], ['passed', undefined])
    const number = registeredCorporationExtension({ ...corporation, registeredNumber: undefined })
    assert.equal((await judged(signed([number]))).signatures[0]?.holder, undefined)
  })

  it('nobody is a citizen by this, nor of a kind that is not recognised', async () => {
    const citizen = await judged(signed([representative]), { signers: 'citizen' })
    assert.equal(citizen.verdict, 'failed')
    await assert.rejects(
      judged(signed([representative]), { signers: 'doctor' }),
      error => error instanceof Refusal && error.code === 'request-malformed',
    )
    const provider = await world.provider('auth')
    const request = { kind: 'cms', file: signed([]), purpose: 'authentication' } as const
    await assert.rejects(
      verifyFileForProvider(world, provider, { ...request, signers: 'representative' }),
      error => error instanceof Refusal && error.code === 'request-malformed',
    )
  })

  it('without a list, with nonsense or nobody there, nothing is relied on', async () => {
    const file = signed([representative])
    const outcome = async (fetch?: Fetch) =>
      (await judged(file, fetch === undefined ? {} : { fetch })).verdict
    lists = []
    assert.equal(await outcome(), 'indeterminate')
    assert.equal(await outcome(() => Promise.resolve(new Response('nonsense'))), 'indeterminate')
    assert.equal(await outcome(() => Promise.reject(new TypeError('away'))), 'indeterminate')
    lists = [listOf([])]
    for (const text of [
      '[',
      '{}',
      '{"certificates":[{"issuer":"a","subject":"b","certificate":"AAAA"}]}',
    ]) {
      cross = text
      assert.equal(await outcome(), 'passed', text)
    }
  })

  it('what was fetched serves until it is time to look again, however many ask', async () => {
    const recognised = createRecognised(settings, {
      mode: 'town',
      fetch: answering,
      revocationRefreshMs: 200,
    })
    asked = 0
    const [one, other] = await Promise.all([
      recognised.material('representative'),
      recognised.material('representative'),
    ])
    assert.deepEqual(one, other)
    assert.equal(asked, 2)
    await sleep(250)
    await recognised.material('representative')
    assert.equal(asked, 4)
  })

  it('a key that everybody has is refused in production', () => {
    assert.throws(
      () =>
        createRecognised(settings, {
          mode: 'production',
          fetch: answering,
          revocationRefreshMs: 1,
        }),
      error => error instanceof Refusal && error.code === 'configuration-unsafe',
    )
  })
})
