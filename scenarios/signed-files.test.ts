/**
 * C1 over the API: a citizen's card signs a document as CAdES, the town's time-stamp authority stamps it, a provider has the file
 * judged. What happens to the citizen later is judged for the time that the stamp proves.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startTestTown, type TestProvider, type TestTown } from '@sekisho/cli/testkit'
import {
  digest,
  encodeTimeStampRequest,
  importPrivateKey,
  parseCertificate,
  parseSignedData,
  parseTimeStampResponse,
} from '@sekisho/pki'
import { addSignatureTimeStamp, prepareCades } from '@sekisho/pki/assemble'
import { createRemoteJWKSet, jwtVerify } from 'jose'

for (const database of ['embedded', 'postgres'] as const)
  describe(`signed files, on ${database}`, () => {
    let town: TestTown
    let shop: TestProvider
    const document = new TextEncoder().encode('売買契約書\n')

    before(async () => {
      town = await startTestTown({ database })
      shop = await town.provider({ id: 'shop' })
    })
    after(() => town.stop())

    async function signed(persona: string): Promise<Uint8Array> {
      await using card = await town.takeCard(persona)
      const keys = card.state().signature
      const prepared = prepareCades({
        content: { kind: 'attached', bytes: document },
        certificate: parseCertificate(Buffer.from(keys.certificate ?? '', 'base64')),
        certificates: [],
        algorithm: 'rsa-sha256',
        signingTime: town.clock.now(),
      })
      const key = importPrivateKey(Buffer.from(keys.privateKey ?? '', 'base64'))
      return prepared.finish(key.sign('rsa-sha256', prepared.toBeSigned))
    }

    async function stamped(cms: Uint8Array): Promise<Uint8Array> {
      const [signer] = parseSignedData(cms).signers
      assert.ok(signer !== undefined)
      const value = digest('sha256', signer.signature)
      const nonce = Uint8Array.of(1, 2, 3)
      const query = encodeTimeStampRequest({ hash: 'sha256', value, policy: undefined, nonce })
      const answer = await town.fetch(`${town.urls.authority}/time-stamps`, {
        method: 'POST',
        headers: { 'content-type': 'application/timestamp-query' },
        body: new Uint8Array(query),
      })
      assert.equal(answer.headers.get('content-type'), 'application/timestamp-reply')
      const response = parseTimeStampResponse(new Uint8Array(await answer.arrayBuffer()))
      assert.ok(response.kind === 'granted')
      return addSignatureTimeStamp(cms, 0, response.token)
    }

    it('a stamped signature passes at level T, and the report is signed for this provider', async () => {
      const file = await stamped(await signed('plain-adult'))
      const report = await shop.sekisho.verifyFile({ kind: 'cms', file })
      assert.equal(report.indication, 'TOTAL-PASSED')
      assert.deepEqual(
        report.signatures.map(each => each.level),
        ['cades-t'],
      )
      assert.ok(report.signatures[0]?.provenAt !== undefined)
      const keys = createRemoteJWKSet(new URL(`${town.urls.platform}/oidc/jwks`))
      const { payload } = await jwtVerify(report.signedReport, keys, {
        issuer: town.urls.platform,
        audience: 'shop',
        typ: 'sekisho-verification+jwt',
      })
      const { signedReport, ...plain } = report
      assert.ok(signedReport.length > 0)
      assert.deepEqual(payload.report, plain)
    })

    it('one altered byte, or other content, is told as what it is', async () => {
      const file = await signed('plain-adult')
      const at = Buffer.from(file).indexOf(document)
      const altered = await shop.sekisho.verifyFile({
        kind: 'cms',
        file: file.with(at, (file[at] ?? 0) ^ 1),
      })
      assert.deepEqual([altered.verdict, altered.subIndication], ['failed', 'HASH_FAILURE'])
      const other = await shop.sekisho.verifyFile({ kind: 'cms', file, content: new Uint8Array(3) })
      assert.deepEqual([other.verdict, other.subIndication], ['failed', 'HASH_FAILURE'])
      const broken = await shop.sekisho.verifyFile({ kind: 'xml', file })
      assert.equal(broken.verdict, 'failed')
    })

    it('who moves loses the certificate, and what was not stamped before with it', async () => {
      const bare = await signed('renewed-card')
      const proven = await stamped(bare)
      assert.equal((await shop.sekisho.verifyFile({ kind: 'cms', file: bare })).verdict, 'passed')
      await town.clock.advance(60_000)
      await town.happen('renewed-card', {
        what: 'move',
        municipality: '13101',
        address: '東京都千代田区一番町一番',
      })
      const after = await shop.sekisho.verifyFile({ kind: 'cms', file: bare })
      assert.equal(after.verdict, 'failed')
      const kept = await shop.sekisho.verifyFile({ kind: 'cms', file: proven })
      assert.equal(kept.verdict, 'passed', JSON.stringify(kept.reasons))
    })

    it('who asks by OCSP gets the same answer', async () => {
      const asker = await town.provider({ id: 'asker', revocation: 'ocsp' })
      const file = await signed('plain-adult')
      assert.equal((await asker.sekisho.verifyFile({ kind: 'cms', file })).verdict, 'passed')
    })
  })
