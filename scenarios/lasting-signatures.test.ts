/**
 * C10 and C1 over years: a citizen signs a document with the card as CMS, XML or PDF; the file is stamped, gets its evidence when newer lists
 * are out, and an archive time-stamp before the first authority ages. Only a registered verifier of signatures may have it.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { townAnchors } from '@sekisho/authority'
import { startTestTown, type TestProvider, type TestTown } from '@sekisho/cli/testkit'
import { temporaryFolder } from '@sekisho/runtime/files'
import { SekishoError } from '@sekisho/sdk'
import { codeOn } from './hand-reader.ts'
import { smallPdf } from './small-pdf.ts'

const text = new TextEncoder().encode('建物の売買契約書\n')
const pdf = smallPdf()
const kinds = { cades: 'cms', xades: 'xml', pades: 'pdf', jades: 'jws', asice: 'asice' } as const
const formats = ['cades', 'xades', 'pades', 'jades', 'asice'] as const

for (const database of ['embedded', 'postgres'] as const)
  describe(`signatures that last, on ${database}`, () => {
    let town: TestTown
    let office: TestProvider
    const signed = new Map<string, string>()
    const firstYear = String(new Date().getUTCFullYear())

    before(async () => {
      town = await startTestTown({ database })
      office = await town.provider({ id: 'office', isSignatureVerifier: true })
    })
    after(() => town.stop())

    async function sign(format: 'raw' | keyof typeof kinds, provider = office): Promise<string> {
      const { sekisho } = provider
      await using person = await town.person('plain-adult')
      const identified = await sekisho.beginIdentify([])
      const page = await person.visit(identified.url)
      const { subject } = await sekisho.finish(page.url, identified.pending)
      const document = format === 'pades' ? pdf : text
      const mediaType = format === 'pades' ? 'application/pdf' : 'text/plain'
      const { id } = await sekisho.createSigning(
        { title: '売買契約書', mediaType, document, subject, format },
        `${provider.id}-${format}`,
      )
      const { url, pending } = await sekisho.beginSigning(id)
      const arrived = await person.visit(url)
      assert.equal(codeOn(arrived), 'none')
      const { receipt } = await sekisho.finishSigning(arrived.url, pending, document)
      assert.equal(receipt.sub, subject)
      return id
    }

    for (const format of formats)
      it(`a card signs ${format}, and the platform judges its own file as a stranger's`, async () => {
        const id = await sign(format)
        signed.set(format, id)
        const { file, level } = await office.sekisho.readSignedFile(id)
        assert.equal(level, `${format}-t`)
        const report = await office.sekisho.verifyFile({ kind: kinds[format], file })
        assert.equal(report.indication, 'TOTAL-PASSED', JSON.stringify(report.reasons))
        assert.ok(report.signatures[0]?.provenAt !== undefined)
      })

    it('openssl finds the document in the CMS container, pdfsig the signature in the PDF', async () => {
      await using folder = await temporaryFolder('judged')
      const at = (name: string): string => join(folder.path, name)
      const cms = await office.sekisho.readSignedFile(signed.get('cades') ?? '')
      await writeFile(at('cms'), cms.file)
      const pems = townAnchors().map(each => Buffer.from(each.raw).toString('base64'))
      const blocks = pems.map(
        each => `-----BEGIN CERTIFICATE-----\n${each}\n-----END CERTIFICATE-----\n`,
      )
      await writeFile(at('anchors.pem'), blocks.join(''))
      const openssl = spawnSync('openssl', [
        'cms',
        '-verify',
        '-inform',
        'DER',
        '-in',
        at('cms'),
        '-CAfile',
        at('anchors.pem'),
        '-purpose',
        'any',
        '-attime',
        String(Math.floor(town.clock.now() / 1000)),
        '-binary',
      ])
      assert.equal(openssl.status, 0, openssl.stderr.toString())
      assert.deepEqual(new Uint8Array(openssl.stdout), text)
      const pades = await office.sekisho.readSignedFile(signed.get('pades') ?? '')
      await writeFile(at('pdf'), pades.file)
      const pdfsig = spawnSync('pdfsig', ['-nocert', at('pdf')], { encoding: 'utf8' })
      assert.match(pdfsig.stdout, /Signature is Valid/)
    })

    it('whoever is no registered verifier gets the receipt and never the file', async () => {
      const shop = await town.provider({ id: 'shop' })
      const id = await sign('cades', shop)
      await assert.rejects(
        shop.sekisho.readSignedFile(id),
        error => error instanceof SekishoError && error.code === 'scope-exceeded',
      )
      await assert.rejects(
        office.sekisho.readSignedFile(id),
        error => error instanceof SekishoError && error.code === 'transaction-unknown',
      )
    })

    it('newer lists bring the evidence, so that the file can be judged when its certificate is gone', async () => {
      await town.clock.advance(25 * 3_600_000)
      await town.settle()
      await town.admin('platform', 'containers-renew')
      for (const [format, id] of signed) {
        const { level } = await office.sekisho.readSignedFile(id)
        assert.equal(level, `${format}-lt`)
      }
    })

    it('before the time-stamp authority ages, an archive time-stamp is added', async () => {
      await town.clock.turnTo(Date.UTC(2030, 5, 1))
      await town.settle()
      await town.admin('platform', 'containers-renew')
      // JAdES has no archive time-stamp here: it stays what it was.
      for (const format of formats.filter(each => each !== 'jades')) {
        const { level, file } = await office.sekisho.readSignedFile(signed.get(format) ?? '')
        assert.equal(level, `${format}-lta`)
        const kind = kinds[format]
        const report = await office.sekisho.verifyFile({ kind, file })
        assert.equal(report.verdict, 'passed', JSON.stringify(report.reasons))
        assert.ok(report.signatures.some(each => each.provenAt?.startsWith(firstYear)))
      }
    })

    it('a PDF that is none is refused to the provider at once', async () => {
      const broken = new TextEncoder().encode('%PDF-1.7\nnot a document')
      await assert.rejects(
        office.sekisho.createSigning(
          {
            title: 'x',
            mediaType: 'application/pdf',
            document: broken,
            subject: 'x',
            format: 'pades',
          },
          'broken-pdf',
        ),
        error => error instanceof SekishoError && error.code === 'request-malformed',
      )
    })
  })
