/**
 * The evidence box: one ZIP with the signed file, the certificates and lists by which it was judged, the policy, the report for machines
 * and for people, and a verifier that runs in any browser without a connection. For those who are entitled to the citizen's
 * certificate: the person, and registered verifiers of signatures.
 */
import {
  describeSignedFile,
  generalPolicy,
  MalformedError,
  parseSignedData,
  type SignedFileReport,
} from '@sekisho/pki'
import { type LastingFormat, writeZip, type ZipFile } from '@sekisho/pki/assemble'
import { verifierDocument } from '@sekisho/web'
import { sha256Hex } from './hash.ts'
import { reportPage, type ReportPageFacts } from './report-page.ts'
import type { Trust } from './trust.ts'

/** Modules of the trust core as browsers take them (`packTrustCore` of the composition root). */
export type VerifierModules = readonly {
  readonly name: string
  readonly code: string
  readonly gzip: string | undefined
}[]

/** What goes into a box. */
export type BoxContent = {
  readonly format: LastingFormat
  readonly file: Uint8Array
  readonly report: SignedFileReport
  readonly at: number
  readonly facts: Pick<ReportPageFacts, 'title' | 'provider'>
  /** The report as a JWS of the platform's. */
  readonly signedReport: string
  readonly trust: Trust
  readonly stampAnchors: readonly Uint8Array[]
  readonly modules: VerifierModules
}

/** The archive. The same content gives the same bytes. */
export function evidenceBox(given: BoxContent): Uint8Array {
  const { file, report, trust } = given
  const description = describeSignedFile(report)
  const judgedAt = new Date(given.at).toISOString()
  const sha256 = sha256Hex(file)
  const anchors = trust.anchors.map(each => each.raw)
  const config = {
    anchors: anchors.map(base64),
    stampAnchors: given.stampAnchors.map(base64),
    profile: trust.mode === 'town' ? ('town' as const) : ('real' as const),
  }
  const facts = { ...given.facts, judgedAt, sha256 }
  return writeZip([
    { name: 'README.txt', bytes: text(readme), isStored: false },
    { name: fileNames[given.format], bytes: file, isStored: false },
    ...partsOf(given),
    ...named('certificates/anchor', 'cer', anchors),
    ...named('certificates/time-stamp-anchor', 'cer', given.stampAnchors),
    { name: 'policy.json', bytes: json(policyOf(report)), isStored: false },
    { name: 'report.json', bytes: json({ judgedAt, sha256, ...description }), isStored: false },
    { name: 'report.jws', bytes: text(given.signedReport), isStored: false },
    { name: 'report.html', bytes: text(reportPage(description, facts)), isStored: false },
    {
      name: 'verifier.html',
      bytes: text(verifierDocument({ config, modules: given.modules, lang: 'ja' })),
      isStored: false,
    },
  ])
}

const fileNames: Readonly<Record<LastingFormat, string>> = {
  cades: 'signed.p7m',
  xades: 'signed.xml',
  pades: 'signed.pdf',
  jades: 'signed.json',
  asice: 'signed.asice',
}

// What stands inside a container, beside it as well, for programs that take it from files.
function partsOf({ format, file, report }: BoxContent): readonly ZipFile[] {
  const signers = report.signatures.flatMap(each =>
    each.certificate === undefined ? [] : [each.certificate.raw],
  )
  const common = named('certificates/signer', 'cer', signers)
  if (format !== 'cades') return common
  try {
    const data = parseSignedData(file)
    return [
      ...common,
      ...(data.content === undefined
        ? []
        : [{ name: 'document', bytes: data.content, isStored: false }]),
      ...named('certificates/chain', 'cer', data.certificates),
      ...named('revocation/list', 'crl', data.crls),
      ...named('revocation/response', 'ocsp', data.ocspResponses),
    ]
  } catch (error) {
    if (error instanceof MalformedError) return common
    throw error
  }
}

function policyOf(report: SignedFileReport): unknown {
  return {
    name: report.policy,
    source: generalPolicy.source,
    keys: generalPolicy.keys.map(each => ({ ...each, until: new Date(each.until).toISOString() })),
    ocsp: generalPolicy.ocsp,
  }
}

function named(name: string, ending: string, all: readonly Uint8Array[]): readonly ZipFile[] {
  return all.map((bytes, i) => ({ name: `${name}-${i + 1}.${ending}`, bytes, isStored: false }))
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

function json(value: unknown): Uint8Array {
  return text(`${JSON.stringify(value, null, 2)}\n`)
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value)
}

const readme = `証拠一式 / Evidence box

signed.*        署名付きの文書 / the signed file
document        署名の対象(CMSの場合) / what was signed (of CMS)
certificates/   電子証明書 / certificates
revocation/     失効情報 / revocation lists and responses (of CMS; PDF and XML hold theirs inside)
policy.json     検証方針 / validation policy
report.html     人が読む結果 / the result for people
report.json     機械が読む結果 / the result for machines
report.jws      プラットフォームが署名した結果 / the result signed by the platform
verifier.html   ブラウザーで開き、signed.* を置くと、接続なしで検証できます。
                Open it in a browser and drop signed.* there; no connection is needed.

この箱には署名者の電子証明書(氏名、住所、生年月日、性別、発行番号)が入っています。取扱いに注意してください。
The box holds the signer's certificate with name, address, birth date, gender and serial number. Handle with care.
`
