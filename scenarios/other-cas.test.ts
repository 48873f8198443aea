/**
 * A13 through a whole town, over HTTP alone: a relying party that trusts the government's root fetches cross-certificates and lists, and judges what the
 * representative of a company, a delegate with a mandate and a doctor have signed; companies change, and a CA is cut off.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { startTestTown, type TestTown } from '@sekisho/cli/testkit'
import {
  corporationHistory,
  corporationList,
  corporationRegister,
  crossCertificateList,
  mandateProofText,
} from '@sekisho/contract/authority'
import {
  generalPolicy,
  KeyCache,
  parseCertificate,
  readHealthcareRoles,
  readMandate,
  readRegisteredCorporation,
  type SignedFileReport,
  validateSignedFile,
} from '@sekisho/pki'
import { patched, preparePades } from '@sekisho/pki/assemble'
import { type TemporaryFolder, temporaryFolder } from '@sekisho/runtime/files'
import { commands } from './command.ts'
import { type Holder, holderOf, signedCms as cmsOf } from './holder.ts'
import { smallPdf } from './small-pdf.ts'

/** The government's names for what it recognises. */
const policies = {
  representative: '2.999.392.13.1.1',
  mandate: '2.999.392.13.1.3',
  doctor: '2.999.392.13.1.4',
} as const
const otherCas = ['government', 'bridge', 'registrar', 'accredited', 'health'] as const

describe('companies and other CAs', () => {
  let town: TestTown
  let folder: TemporaryFolder
  let sekisho: ReturnType<typeof commands>
  const at = (name: string): string => join(folder.path, name)

  before(async () => {
    folder = await temporaryFolder('other-cas')
    sekisho = commands(at('compiled'))
    town = await startTestTown()
  })
  after(async () => {
    await town.stop()
    await folder.remove()
  })

  const get = async (path: string): Promise<Response> => {
    const answer = await town.fetch(`${town.urls.authority}${path}`)
    assert.equal(answer.status, 200, path)
    return answer
  }
  const bytes = async (path: string): Promise<Uint8Array> =>
    new Uint8Array(await (await get(path)).arrayBuffer())

  const holder = (name: string): Promise<Holder> => holderOf(town, name)

  /** What a relying party fetches. */
  async function fetched() {
    const root = parseCertificate(await bytes('/other-ca/government/root.cer'))
    const { certificates } = crossCertificateList.parse(
      await (await get('/other-ca/cross-certificates')).json(),
    )
    return {
      root,
      cross: certificates.map(each => parseCertificate(Buffer.from(each.certificate, 'base64'))),
      lists: await Promise.all(otherCas.map(id => bytes(`/other-ca/${id}/list.crl`))),
    }
  }

  async function judged(
    kind: 'pdf' | 'cms',
    file: Uint8Array,
    acceptable: string,
  ): Promise<SignedFileReport> {
    const { root, cross, lists } = await fetched()
    const revocation = {
      kind: 'collected',
      lists,
      responses: [],
      limits: generalPolicy.ocsp,
    } as const
    return validateSignedFile({
      kind,
      file,
      content: undefined,
      files: new Map(),
      coverage: 'whole',
      query: undefined,
      algorithm: undefined,
      at: town.clock.now(),
      anchors: [root],
      certificates: cross,
      revocation,
      timeStamps: { anchors: [], intermediates: [], revocation, policy: generalPolicy },
      rules: {
        kind: 'standard',
        policies: {
          acceptable: [acceptable],
          isExplicitRequired: true,
          isMappingInhibited: false,
          isAnyInhibited: false,
        },
        purpose: undefined,
        policy: generalPolicy,
      },
      policy: generalPolicy,
      keys: new KeyCache(64),
    })
  }

  function signedPdf({ certificate, key }: Holder): Uint8Array {
    const pdf = smallPdf()
    const prepared = preparePades({
      pdf,
      field: 'Signature1',
      certificate,
      certificates: [],
      algorithm: 'rsa-sha256',
      signingTime: town.clock.now(),
    })
    return patched(pdf, prepared.finish(key.sign('rsa-sha256', prepared.toBeSigned)))
  }

  const signedCms = (by: Holder, content: string): Uint8Array => cmsOf(town, by, content)

  const summary = ({ indication, subIndication, reasons }: SignedFileReport): string =>
    [indication, subIndication, reasons[0]?.code].filter(Boolean).join(' ')

  it('anybody finds a company by name and by number, and who represents it', async () => {
    const found = corporationList.parse(
      await (await get(`/corporations?name=${encodeURIComponent('建設')}`)).json(),
    )
    const [firm] = found.corporations
    assert.equal(firm?.name, '見本建設株式会社')
    const history = corporationHistory.parse(
      await (await get(`/corporations/${firm.number}`)).json(),
    )
    assert.equal(history.closed, null)
    assert.ok(!JSON.stringify(history).includes('見本三郎'))
    const register = corporationRegister.parse(
      await (await get(`/corporations/${firm.number}/register`)).json(),
    )
    assert.deepEqual(
      register.representatives.map(each => each.title),
      ['代表取締役'],
    )
    for (const [path, status] of [
      ['/corporations/1234567890123', 404],
      ['/corporations/123', 400],
      ['/corporations', 400],
      ['/other-ca/nobody/root.cer', 400],
    ] as const)
      assert.equal((await town.fetch(`${town.urls.authority}${path}`)).status, status, path)
  })

  it('a representative signs a PDF; pdfsig finds the signature, the policies decide as whom', async () => {
    const own = await holder('construction-representative')
    const file = signedPdf(own)
    assert.equal(summary(await judged('pdf', file, policies.representative)), 'TOTAL-PASSED')
    assert.equal(
      summary(await judged('pdf', file, policies.doctor)),
      'INDETERMINATE CHAIN_CONSTRAINTS_FAILURE policy-unacceptable',
    )
    assert.equal(readRegisteredCorporation(own.certificate)?.name, '見本建設株式会社')
    await writeFile(at('signed.pdf'), file)
    const said = spawnSync('pdfsig', ['-nocert', at('signed.pdf')], { encoding: 'utf8' })
    assert.match(said.stdout, /Signature is Valid/)
  })

  it('a doctor signs, and the role is in the certificate that was judged', async () => {
    const doctor = await holder('doctor')
    const report = await judged('cms', signedCms(doctor, '処方箋'), policies.doctor)
    assert.equal(summary(report), 'TOTAL-PASSED')
    const [signature] = report.signatures
    assert.ok(signature?.certificate !== undefined)
    assert.equal(readHealthcareRoles(signature.certificate)[0]?.text, 'Medical Doctor')
  })

  it('a provider asks the platform, which says whose company it is and what the mandate allows', async () => {
    const shop = await town.provider({ id: 'shop' })
    const ask = async (
      kind: 'pdf' | 'cms',
      file: Uint8Array,
      signers: 'citizen' | 'representative' | 'mandate' | 'doctor',
    ) => shop.sekisho.verifyFile({ kind, file, signers })
    const pdf = signedPdf(await holder('construction-representative'))
    const report = await ask('pdf', pdf, 'representative')
    assert.equal(report.indication, 'TOTAL-PASSED', JSON.stringify(report.reasons))
    assert.equal(report.signatures[0]?.holder?.corporation?.number, '5999901000003')
    for (const signers of ['citizen', 'doctor', 'mandate'] as const) {
      const other = await ask('pdf', pdf, signers)
      assert.equal(other.verdict === 'passed', false, signers)
      assert.equal(other.signatures[0]?.holder, undefined)
    }
    const bid = signedCms(await holder('construction-clerk'), '入札書')
    const { holder: clerk } = (await ask('cms', bid, 'mandate')).signatures[0] ?? {}
    assert.deepEqual([clerk?.name, clerk?.unit, clerk?.title], ['見本五月', '営業部', '主任'])
    assert.deepEqual(clerk?.mandate?.by, { name: '見本三郎', title: '代表取締役' })
    assert.deepEqual(
      clerk?.mandate?.scope.map(each => each.code),
      ['bid.submit', 'contract.sign'],
    )
    const doctor = await ask('cms', signedCms(await holder('doctor'), '処方箋'), 'doctor')
    assert.deepEqual(doctor.signatures[0]?.holder?.roles, ['Medical Doctor'])
  })

  it('sekisho verify judges the same offline, with the policy demanded', async () => {
    const { root, cross, lists } = await fetched()
    const save = async (name: string, der: Uint8Array): Promise<string> => {
      await writeFile(at(name), der)
      return at(name)
    }
    const file = await save('report.p7m', signedCms(await holder('doctor'), '診断書'))
    const trust = [
      '--anchors',
      await save('root.cer', root.raw),
      '--certificate',
      ...(await Promise.all(cross.map((each, i) => save(`cross-${i}.cer`, each.raw)))),
      '--crl',
      ...(await Promise.all(lists.map((each, i) => save(`list-${i}.crl`, each)))),
      '--at',
      new Date(town.clock.now()).toISOString(),
    ]
    const status = async (...more: readonly string[]): Promise<number | null> =>
      (await sekisho.run(['verify', file, ...trust, ...more])).status
    assert.equal(await status('--policy', policies.doctor), 0)
    assert.equal(await status('--policy', policies.representative), 1)
    assert.equal(await status('--policy', policies.representative, policies.doctor), 0)
    assert.match(
      await sekisho.refused(['verify', file, ...trust, '--policy', 'x']),
      /^request-malformed/,
    )
    const profiled = ['--policy', policies.doctor, '--profile', 'town']
    assert.match(
      await sekisho.refused(['verify', file, ...trust, ...profiled]),
      /^request-malformed/,
    )
  })

  it('a representative empowers a clerk, who signs until the representative resigns', async () => {
    const bank = await holder('bank-representative')
    const clerkKey = (await holder('person')).key
    const publicKey = Buffer.from((await holder('person')).certificate.spki).toString('base64')
    const corporation = '7999901000001'
    const now = new Date(town.clock.now()).toISOString()
    const proof = clerkKey.sign(
      'rsa-sha256',
      new TextEncoder().encode(mandateProofText({ corporation, publicKey, at: now })),
    )
    const application = {
      kind: 'mandate-application',
      at: now,
      corporation,
      delegate: { name: '見本七海', address: '見本町七丁目', unit: '融資部', title: '課長' },
      publicKey,
      proof: Buffer.from(proof).toString('base64'),
      scope: [{ code: 'contract.sign', text: '契約の締結' }],
      isSubdelegable: false,
      months: 12,
    }
    const ask = (by: Holder): Promise<Response> =>
      town.fetch(`${town.urls.authority}/mandates`, {
        method: 'POST',
        headers: { 'content-type': 'application/pkcs7-mime' },
        body: new Uint8Array(signedCms(by, JSON.stringify(application))),
      })
    const refused = await ask(await holder('construction-representative'))
    const { code } = (await refused.json()) as { code: string }
    assert.deepEqual([refused.status, code], [403, 'mandate-unauthorised'])
    const granted = await ask(bank)
    assert.equal(granted.status, 200)
    const certificate = parseCertificate(new Uint8Array(await granted.arrayBuffer()))
    assert.equal(readMandate(certificate)?.corporation, '株式会社せきしょ銀行')
    const file = signedCms({ certificate, key: clerkKey }, '契約書')
    assert.equal(summary(await judged('cms', file, policies.mandate)), 'TOTAL-PASSED')

    await town.clock.advance(60_000)
    const data = ['--data', town.layout.folder]
    const shown = await sekisho.done(['corporation', 'show', corporation, ...data])
    const [representative] = JSON.parse(shown) as readonly { readonly id: string }[]
    const resigned = ['enter', corporation, 'resign', '--representative', representative?.id ?? '']
    const entered = await sekisho.done(['corporation', ...resigned, ...data])
    // Both certificates of this company: the representative's and the clerk's.
    assert.deepEqual(JSON.parse(entered), { ended: 2 })
    assert.match(
      await sekisho.refused(['corporation', ...resigned, ...data]),
      /^corporation-unknown/,
    )
    const nowhere = ['corporation', 'enter', corporation, 'move', ...data]
    assert.match(await sekisho.refused(nowhere), /^request-malformed/)
    for (const [signed, policy] of [
      [file, policies.mandate],
      [signedCms(bank, '契約書'), policies.representative],
    ] as const)
      assert.match(summary(await judged('cms', signed, policy)), /certificate-revoked$/)
  })

  it('a CA that is cut off from the bridge is out of reach, and no other', async () => {
    const health = signedCms(await holder('doctor'), '処方箋')
    const firm = signedCms(await holder('construction-representative'), '入札書')
    const pair = ['bridge', 'health', '--data', town.layout.folder]
    await sekisho.done(['cross-certificate', 'revoke', ...pair])
    assert.match(summary(await judged('cms', health, policies.doctor)), /issuer-unknown$/)
    assert.equal(summary(await judged('cms', firm, policies.representative)), 'TOTAL-PASSED')
    await sekisho.done(['cross-certificate', 'issue', ...pair])
    assert.equal(summary(await judged('cms', health, policies.doctor)), 'TOTAL-PASSED')
  })
})
