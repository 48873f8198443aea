/**
 * Signed PDFs: how long the judgement of a contract of 100 pages with ten signatures takes, whether memory stays flat over
 * many of them, and whether a file of a gigabyte is signed and judged in little memory.
 *
 * The contract is at level LTA: each signature has a time-stamp, then come the security store and a document time-stamp. The
 * large file is sparse, lies in a temporary folder and is read in pieces. `pdfsig` over the same contract is told for
 * comparison where it is installed. Run: `node bench/pdf.ts [--gate] [--json]`; with `--gate` it exits 1 beyond the promised figures.
 */
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import {
  type ByteSource,
  type Certificate,
  digest,
  jpkiTown,
  KeyCache,
  parseCertificate,
  type PdfDemands,
  validatePdf,
} from '@sekisho/pki'
import {
  addPdfSignatureTimeStamp,
  addPdfValidationData,
  patched,
  type PdfPatch,
  pdfSignatureToBeStamped,
  preparePades,
  preparePdfTimeStamp,
} from '@sekisho/pki/assemble'
import {
  issueAuthorityCertificate,
  issueCrl,
  issueSignatureCertificate,
  issueTimeStampCertificate,
  issueTimeStampToken,
  keyIdentifier,
  lastInstantOfDay,
  partitionName,
  poolKey,
} from '@sekisho/pki/issue'

/** Promised: milliseconds of one judgement, growth in MB over the repetitions, MB of the process with the large file. */
const limits = { judgementMs: 1000, growthMb: 4, largeMb: 200 } as const

const at = Date.UTC(2026, 10, 2, 3)
const day = 24 * 3_600_000
const pages = 100
const signers = 10
const repetitions = 300
const largeBytes = 1024 ** 3
const partition = partitionName(jpkiTown, 'signature', 'Tokyo-to', 'Chiyoda-ku')

const authority = makeAuthority()
const stamper = makeStamper()
const keys = new KeyCache(256)
const isLarge = process.argv.includes('--large')
if (isLarge) runLarge()
else run()

function run(): void {
  const contract = makeContract()
  const demands = demandsOn(contract)
  const times: number[] = []
  let before = 0
  for (let i = 0; i < repetitions; i++) {
    const begun = performance.now()
    const { verdict, signatures } = validatePdf(demands)
    times.push(performance.now() - begun)
    if (verdict.kind !== 'passed' || signatures.length !== signers + 1) {
      throw new Error(JSON.stringify(verdict))
    }
    // A third of them warms up: caches fill, code is compiled.
    if (i === Math.floor(repetitions / 3)) before = liveMb()
  }
  const growthMb = liveMb() - before
  const judgementMs = times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0
  const pdfsigMs = timePdfsig(contract)
  const child = spawnSync(process.execPath, [import.meta.filename, '--large'], { encoding: 'utf8' })
  if (child.status !== 0) throw new Error(child.stderr)
  const large = JSON.parse(child.stdout)
  report({
    contractBytes: contract.length,
    firstMs: times[0] ?? 0,
    judgementMs,
    pdfsigMs,
    growthMb,
    ...large,
  })
}

function report(found: Readonly<Record<string, number>>): void {
  if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify(found)}\n`)
  else {
    for (const [name, value] of Object.entries(found)) {
      process.stdout.write(
        `${name.padEnd(16)} ${value < 1000 ? value.toFixed(1) : value.toFixed(0)}\n`,
      )
    }
  }
  const { judgementMs = 0, growthMb = 0, largeMb = 0 } = found
  const isKept =
    judgementMs <= limits.judgementMs && growthMb <= limits.growthMb && largeMb <= limits.largeMb
  if (process.argv.includes('--gate') && !isKept) process.exit(1)
}

/** What is still held after all that can be let go was. */
function liveMb(): number {
  // What one collection finds unused the next one gives back.
  for (let i = 0; i < 4; i++) collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return (heapUsed + arrayBuffers) / 1024 / 1024
}

function collect(): void {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
}

function timePdfsig(contract: Uint8Array): number {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-bench-'))
  try {
    const path = join(folder, 'contract.pdf')
    writeFileSync(path, contract)
    const begun = performance.now()
    const { status } = spawnSync('pdfsig', ['-nocert', path])
    return status === 0 ? performance.now() - begun : Number.NaN
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Signs and judges a file of a gigabyte, and prints what it took. */
function runLarge(): void {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-bench-'))
  const file = openSync(join(folder, 'large.pdf'), 'w+')
  try {
    writeLarge(file)
    const begun = performance.now()
    const prepared = preparePades(requestOn(sourceOfFile(file), 0))
    write(file, prepared.finish(poolKey(1).sign('rsa-sha256', prepared.toBeSigned)))
    const signed = performance.now()
    const { verdict } = validatePdf(demandsOn(sourceOfFile(file), 'pades-b'))
    if (verdict.kind !== 'passed') throw new Error(JSON.stringify(verdict))
    const done = performance.now()
    const found = {
      largeBytes: fstatSync(file).size,
      largeSigningMs: signed - begun,
      largeJudgementMs: done - signed,
      largeMb: process.resourceUsage().maxRSS / 1024,
    }
    process.stdout.write(JSON.stringify(found))
  } finally {
    closeSync(file)
    rmSync(folder, { recursive: true })
  }
}

/** A page, and a stream of a gigabyte that the file system need not store. */
function writeLarge(file: number): void {
  const offsets: number[] = []
  let size = writeSync(file, '%PDF-1.7\n', 0)
  const add = (text: string): void => {
    size += writeSync(file, text, size)
  }
  const bodies = [
    '<</Type/Catalog/Pages 2 0 R>>',
    '<</Type/Pages/Count 1/Kids[3 0 R]>>',
    '<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R>>',
  ]
  for (const [i, body] of bodies.entries()) {
    offsets.push(size)
    add(`${i + 1} 0 obj\n${body}\nendobj\n`)
  }
  offsets.push(size)
  add(`4 0 obj\n<</Length ${largeBytes}>>\nstream\n`)
  size += largeBytes
  ftruncateSync(file, size)
  add('\nendstream\nendobj\n')
  const start = size
  const rows = offsets.map(offset => `${String(offset).padStart(10, '0')} 00000 n \n`)
  add(`xref\n0 5\n0000000000 65535 f \n${rows.join('')}`)
  add(`trailer\n<</Size 5/Root 1 0 R>>\nstartxref\n${start}\n%%EOF\n`)
}

function sourceOfFile(file: number): ByteSource {
  let buffer = new Uint8Array(256 * 1024)
  return {
    length: fstatSync(file).size,
    read: (offset, length) => {
      if (buffer.length < length) buffer = new Uint8Array(length)
      readSync(file, buffer, 0, length, offset)
      return buffer.subarray(0, length)
    },
  }
}

function write(file: number, patch: PdfPatch): void {
  writeSync(file, patch.bytes, 0, patch.bytes.length, patch.offset)
}

function makeContract(): Uint8Array {
  let pdf = makePages()
  for (let i = 0; i < signers; i++) {
    const request = requestOn(pdf, i)
    const prepared = preparePades(request)
    pdf = patched(pdf, prepared.finish(poolKey(1 + i).sign('rsa-sha256', prepared.toBeSigned)))
    const value = pdfSignatureToBeStamped(pdf, request.field)
    pdf = patched(pdf, addPdfSignatureTimeStamp(pdf, request.field, tokenOver(value)))
  }
  const lists = [listOf(authority, partition), listOf(stamper.issuer, undefined)]
  const certificates = [authority.certificate]
  pdf = patched(pdf, addPdfValidationData(pdf, { certificates, lists, responses: [] }))
  const stamp = preparePdfTimeStamp({ pdf, field: 'archive', hash: 'sha256' })
  return patched(pdf, stamp.finish(tokenAbout(stamp.value)))
}

function makePages(): Uint8Array {
  let text = '%PDF-1.7\n'
  const offsets: number[] = []
  const add = (body: string): void => {
    offsets.push(text.length)
    text += `${offsets.length} 0 obj\n${body}\nendobj\n`
  }
  const kids = Array.from({ length: pages }, (_, i) => `${4 + 2 * i} 0 R`).join(' ')
  add('<</Type/Catalog/Pages 2 0 R>>')
  add(
    `<</Type/Pages/Count ${pages}/Kids[${kids}]/Resources<</Font<</F1 3 0 R>>>>/MediaBox[0 0 595 842]>>`,
  )
  add('<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>')
  for (let i = 0; i < pages; i++) {
    // As much as a full page of text.
    const line = `(Clause ${i} of the contract between the parties, as agreed) Tj T*\n`
    const content = `BT /F1 9 Tf 12 TL 50 800 Td\n${line.repeat(60)}ET`
    add(`<</Type/Page/Parent 2 0 R/Contents ${5 + 2 * i} 0 R>>`)
    add(`<</Length ${content.length}>>\nstream\n${content}\nendstream`)
  }
  const rows = offsets.map(offset => `${String(offset).padStart(10, '0')} 00000 n \n`).join('')
  const table = `xref\n0 ${offsets.length + 1}\n0000000000 65535 f \n${rows}`
  const trailer = `trailer\n<</Size ${offsets.length + 1}/Root 1 0 R>>\nstartxref\n${text.length}\n%%EOF\n`
  return new TextEncoder().encode(`${text}${table}${trailer}`)
}

function requestOn(
  pdf: ByteSource | Uint8Array,
  signer: number,
): Parameters<typeof preparePades>[0] {
  return {
    pdf,
    field: `signer-${signer}`,
    certificate: makeLeaf(signer),
    certificates: [],
    algorithm: 'rsa-sha256',
    signingTime: at - 3000,
  }
}

function demandsOn(
  pdf: ByteSource | Uint8Array,
  level: PdfDemands['level'] = 'pades-lta',
): PdfDemands {
  return {
    pdf,
    level,
    at,
    anchors: [authority.certificate],
    certificates: [],
    revocation: { kind: 'crls', lists: [listOf(authority, partition)] },
    rules: {
      kind: 'profile',
      profile: jpkiTown,
      purpose: 'signature',
      poolKeys: 'danger-accepted',
    },
    timeStamps: {
      anchors: [stamper.issuer.certificate],
      intermediates: [],
      revocation: { kind: 'crls', lists: [listOf(stamper.issuer, undefined)] },
    },
    keys,
  }
}

function makeAuthority(): Issuer {
  const key = poolKey(0)
  const der = issueAuthorityCertificate({
    profile: jpkiTown,
    kind: 'signature',
    serial: Uint8Array.of(1),
    notBefore: at - 1000 * day,
    notAfter: at + 2000 * day,
    spki: key.spki,
    algorithm: 'rsa-sha256',
    sign: key.sign,
  })
  return { certificate: parseCertificate(der), algorithm: 'rsa-sha256', sign: key.sign }
}

type Issuer = Parameters<typeof issueTimeStampCertificate>[0]['issuer']

function makeStamper(): { readonly issuer: Issuer; readonly own: Issuer } {
  // Any authority will do as the root of time-stamps.
  const root = poolKey(20)
  const der = issueAuthorityCertificate({
    profile: jpkiTown,
    kind: 'authentication',
    serial: Uint8Array.of(2),
    notBefore: at - 1000 * day,
    notAfter: at + 2000 * day,
    spki: root.spki,
    algorithm: 'rsa-sha256',
    sign: root.sign,
  })
  const issuer = {
    certificate: parseCertificate(der),
    algorithm: 'rsa-sha256',
    sign: root.sign,
  } as const
  const key = poolKey(21)
  const certificate = parseCertificate(
    issueTimeStampCertificate({
      issuer,
      serial: Uint8Array.of(3),
      spki: key.spki,
      notBefore: at - 900 * day,
      notAfter: at + 1900 * day,
      commonName: 'Stamp',
    }),
  )
  return { issuer, own: { certificate, algorithm: 'rsa-sha256', sign: key.sign } }
}

function makeLeaf(signer: number): Certificate {
  return parseCertificate(
    issueSignatureCertificate({
      profile: jpkiTown,
      issuer: authority,
      serial: Uint8Array.of(0x10, signer),
      spki: poolKey(1 + signer).spki,
      notBefore: at - 100 * day,
      notAfter: lastInstantOfDay(2030, 2, 3),
      commonName: '20250401ABCDEF13101003A',
      partition,
      attributes: {
        name: '測定　太郎',
        nameSubstitutes: [false, false, false, false, false],
        address: '東京都千代田区霞が関一丁目',
        addressSubstitutes: Array.from({ length: 13 }, () => false),
        birthDate: { kind: 'full', era: 'heisei', year: 1990, month: 2, day: 3 },
        gender: 'male',
      },
      prefecture: 'Tokyo-to',
      municipality: 'Chiyoda-ku',
    }),
  )
}

function listOf(issuer: Issuer, part: typeof partition | undefined): Uint8Array {
  return issueCrl(
    {
      issuer: issuer.certificate.subject,
      issuerKeyId: keyIdentifier(issuer.certificate.spki),
      thisUpdate: at - 1500,
      nextUpdate: at + day,
      number: 1,
      partition: part,
      deltaBase: undefined,
      entries: [],
    },
    issuer.algorithm,
    issuer.sign,
  )
}

function tokenOver(bytes: Uint8Array): Uint8Array {
  return tokenAbout(digest('sha256', bytes), at - 2000)
}

function tokenAbout(value: Uint8Array, told = at - 1000): Uint8Array {
  return issueTimeStampToken(
    {
      policy: '2.999.1',
      hash: 'sha256',
      value,
      serial: Uint8Array.of(9),
      at: told,
      accuracyMs: undefined,
      nonce: undefined,
    },
    stamper.own,
  )
}
