import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { readZip } from '../archive/zip.ts'
import { writeZip } from '../archive/zip-writer.ts'
import { changeAsicFile, prepareAsic } from '../assemble/asic.ts'
import { addSignatureTimeStamp } from '../assemble/cades.ts'
import { addXmlSignatureTimeStamp, xmlSignatureToBeStamped } from '../assemble/xades-unsigned.ts'
import { parseSignedData } from '../cms.ts'
import { cmsAuthority, stampOver } from '../cms-specimen-for-tests.ts'
import { poolKey } from '../issue/pool.ts'
import { codeOf, specimenNow } from '../specimen-for-tests.ts'
import {
  bytesOf,
  freshSigner,
  looseDemands,
  rsaSigner,
  textOfBytes,
  xadesSpecimen,
} from '../xml/xml-specimen-for-tests.ts'
import { asicDemands, asicFiles, asicSpecimen } from './asic-specimen-for-tests.ts'
import { type AsicDemands, type AsicReport, validateAsic } from './validation.ts'

const formats = ['xades', 'cades'] as const
const names = asicFiles.map(each => each.name)

function reported(container: Uint8Array, vary: Partial<AsicDemands> = {}): AsicReport {
  return validateAsic(asicDemands(container, vary))
}

function judged(container: Uint8Array, vary: Partial<AsicDemands> = {}): string {
  return codeOf(reported(container, vary).verdict)
}

/** The container with its files changed: `undefined` takes one away, a new name adds one. */
function rewritten(
  container: Uint8Array,
  change: Readonly<Record<string, Uint8Array | undefined>>,
): Uint8Array {
  const kept = readZip(container).flatMap(({ name, bytes, method }) => {
    const content = name in change ? change[name] : bytes
    return content === undefined ? [] : [{ name, bytes: content, isStored: method === 'stored' }]
  })
  const added = Object.entries(change).flatMap(([name, bytes]) =>
    bytes === undefined || kept.some(each => each.name === name)
      ? []
      : [{ name, bytes, isStored: false }],
  )
  return writeZip([...kept, ...added])
}

function contentOf(container: Uint8Array, name: string): Uint8Array {
  const entry = readZip(container).find(each => each.name === name)
  assert.ok(entry !== undefined, name)
  return entry.bytes
}

/** The container unpacked by unzip, and a command run where its files lie. */
class AsicJudge implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'sekisho-asic-'))

  constructor(container: Uint8Array) {
    writeFileSync(join(this.folder, 'container.asice'), container)
    // unzip knows other names only by the locale.
    const said = this.run('unzip', '-q', '-O', 'UTF-8', 'container.asice', '-d', 'out')
    if (said.status !== 0) {
      for (const { name, bytes } of readZip(container)) {
        const path = join(this.folder, 'out', name)
        mkdirSync(dirname(path), { recursive: true })
        writeFileSync(path, bytes)
      }
    }
  }

  run(command: string, ...args: readonly string[]): { status: number; text: string } {
    const cwd = command === 'unzip' ? this.folder : join(this.folder, 'out')
    const { status, stdout, stderr } = spawnSync(command, args, { cwd, timeout: 30_000 })
    return { status: status ?? -1, text: Buffer.concat([stdout, stderr]).toString('utf8') }
  }

  pem(): string {
    const path = join(this.folder, 'anchor.pem')
    const text = Buffer.from(cmsAuthority.certificate.raw)
      .toString('base64')
      .replace(/.{64}/g, '$&\n')
    writeFileSync(path, `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`)
    return path
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

test('a container signed with a card passes in both formats, and each file is told to be covered', () => {
  for (const format of formats) {
    const container = asicSpecimen({ format })
    const report = reported(container)
    assert.ok(report.verdict.kind === 'passed', format)
    assert.deepEqual(report.uncovered, [])
    assert.deepEqual(report.others, [])
    const [signature] = report.signatures
    assert.equal(signature?.kind, format)
    assert.deepEqual(signature?.covers, names)
    // The type stands where `file` looks for it.
    assert.equal(textOfBytes(container.subarray(30, 69)), 'mimetypeapplication/vnd.etsi.asic-e+zip')
  }
})

test('xmlsec1 verifies the signature inside, over the files that unzip unpacks', () => {
  const plain = asicFiles.filter(each => /^[ -~]*$/.test(each.name) && !each.name.includes('%'))
  const files = [...plain, { name: 'sub/b.txt', bytes: bytesOf('b'), mimeType: 'text/plain' }]
  const container = asicSpecimen({ content: { kind: 'new', files } })
  using judge = new AsicJudge(container)
  const time = new Date(specimenNow).toISOString().slice(0, 19).replace('T', ' ')
  const verify = (): string =>
    judge.run(
      'xmlsec1',
      '--verify',
      '--trusted-pem',
      judge.pem(),
      '--verification-time',
      time,
      '--id-attr:Id',
      'SignedProperties',
      'META-INF/signatures001.xml',
    ).text
  assert.match(verify(), /References \(ok\/all\): 3\/3/)
  writeFileSync(join(judge.folder, 'out', 'sub', 'b.txt'), 'c')
  assert.doesNotMatch(verify(), /^OK/m)
})

test('openssl verifies the signature over the manifest', () => {
  using judge = new AsicJudge(asicSpecimen({ format: 'cades' }))
  const said = judge.run(
    'openssl',
    'cms',
    '-verify',
    '-binary',
    '-cades',
    '-inform',
    'DER',
    '-in',
    'META-INF/signature001.p7s',
    '-content',
    'META-INF/ASiCManifest001.xml',
    '-CAfile',
    judge.pem(),
    '-purpose',
    'any',
    '-attime',
    String(Math.floor(specimenNow / 1000)),
    '-out',
    join(judge.folder, 'content'),
  )
  assert.match(said.text, /verification successful/i)
  assert.ok(readFileSync(join(judge.folder, 'content')).length > 0)
})

test('several signatures of several persons stand beside one another', () => {
  const p256 = freshSigner('P-256')
  const first = asicSpecimen()
  const second = asicSpecimen({ content: { kind: 'existing', container: first }, format: 'cades' })
  const third = asicSpecimen(
    { content: { kind: 'existing', container: second }, algorithm: 'ecdsa-sha256' },
    p256,
  )
  const { rules, revocation } = looseDemands(first)
  const report = reported(third, { rules, revocation })
  assert.equal(report.verdict.kind, 'passed')
  assert.deepEqual(
    report.signatures.map(each => [each.kind, each.covers.length]),
    [
      ['xades', 3],
      ['xades', 3],
      ['cades', 3],
    ],
  )
})

test('an altered, added, removed or renamed file does not go unseen', () => {
  for (const format of formats) {
    const container = asicSpecimen({ format })
    const changes: readonly (readonly [
      Readonly<Record<string, Uint8Array | undefined>>,
      string,
    ])[] = [
      [{ '申請書.txt': bytesOf('other') }, 'content-altered'],
      [{ empty: bytesOf(' ') }, 'content-altered'],
      [{ more: bytesOf('x') }, 'asic-file-uncovered'],
      [{ empty: undefined }, 'xml-content-missing'],
      [{ empty: undefined, Empty: new Uint8Array() }, 'xml-content-missing'],
    ]
    for (const [change, code] of changes) {
      assert.equal(judged(rewritten(container, change)), code, `${format} ${Object.keys(change)}`)
    }
    const more = rewritten(container, { more: bytesOf('x'), 'META-INF/more.bin': bytesOf('y') })
    const report = reported(more, { coverage: 'part' })
    assert.equal(report.verdict.kind, 'passed')
    assert.deepEqual(report.uncovered, ['more'])
    assert.deepEqual(report.others, ['META-INF/more.bin'])
  }
})

test('a file that only a failed signature covers is covered by none', () => {
  const container = asicSpecimen()
  const signature = textOfBytes(contentOf(container, 'META-INF/signatures001.xml'))
  const broken = signature.replace(/(?<=<ds:SignatureValue[^>]*>)./, '9')
  const report = reported(rewritten(container, { 'META-INF/signatures001.xml': bytesOf(broken) }))
  assert.equal(report.verdict.kind, 'failed')
  assert.deepEqual(report.uncovered, names)
})

test('a signature over nothing in the container, without its manifest, or a manifest without it is refused', () => {
  const container = asicSpecimen({ format: 'cades' })
  assert.equal(
    judged(rewritten(container, { 'META-INF/ASiCManifest001.xml': undefined })),
    'asic-malformed',
  )
  assert.equal(
    judged(rewritten(container, { 'META-INF/signature001.p7s': undefined })),
    'asic-malformed',
  )
  const manifest = contentOf(container, 'META-INF/ASiCManifest001.xml')
  assert.equal(
    judged(rewritten(container, { 'META-INF/ASiCManifest002.xml': manifest })),
    'asic-malformed',
  )
  for (const odd of ['<a/>', '<!DOCTYPE a><a/>', 'x']) {
    assert.equal(
      judged(rewritten(container, { 'META-INF/ASiCManifest001.xml': bytesOf(odd) })),
      'asic-malformed',
    )
  }
  const altered = textOfBytes(manifest).replace('text/plain', 'text/html')
  assert.equal(
    judged(rewritten(container, { 'META-INF/ASiCManifest001.xml': bytesOf(altered) })),
    'content-altered',
  )
  // A signature that is good, over the document that it stands in.
  const own = { 'META-INF/ASiCManifest001.xml': undefined, 'META-INF/signature001.p7s': undefined }
  const inside = rewritten(container, { ...own, 'META-INF/signatures.xml': xadesSpecimen() })
  assert.equal(judged(inside, { coverage: 'part' }), 'asic-file-uncovered')
  // One that is called otherwise.
  const moved = contentOf(asicSpecimen(), 'META-INF/signatures001.xml')
  assert.equal(
    judged(rewritten(container, { ...own, 'META-INF/signatures-x.xml': moved })),
    'passed',
  )
})

test('a container says at its beginning that it is one', () => {
  const container = asicSpecimen()
  const entries = readZip(container).map(({ name, bytes, method }) => ({
    name,
    bytes,
    isStored: method === 'stored',
  }))
  const [type, ...rest] = entries
  assert.ok(type !== undefined)
  assert.equal(judged(writeZip([...rest, type])), 'asic-malformed')
  assert.equal(judged(writeZip(rest)), 'asic-malformed')
  const other = { ...type, bytes: bytesOf('application/vnd.etsi.asic-s+zip') }
  assert.equal(judged(writeZip([other, ...rest])), 'asic-kind-unsupported')
  assert.equal(
    judged(writeZip([{ ...type, bytes: bytesOf(`${textOfBytes(type.bytes)}\n`) }, ...rest])),
    'asic-kind-unsupported',
  )
  assert.equal(judged(bytesOf('PK')), 'asic-malformed')
  const unsigned = rest.filter(each => !each.name.startsWith('META-INF/'))
  assert.equal(judged(writeZip([type, ...unsigned])), 'asic-unsigned')
})

test('a name may be written as a URI in more than one way, and never stands for two files', () => {
  const name = 'a b+(c).txt'
  const files = [{ name, bytes: bytesOf('x'), mimeType: 'text/plain' }]
  const container = asicSpecimen({ content: { kind: 'new', files } })
  assert.equal(judged(container), 'passed')
  // A file whose name is the other's URI.
  const twin = rewritten(container, { 'a%20b%2B(c).txt': bytesOf('y') })
  assert.equal(judged(twin, { coverage: 'part' }), 'passed')
  assert.deepEqual(reported(twin, { coverage: 'part' }).signatures[0]?.covers, [name])
})

test('level T is made inside the container, and told to be missing before', () => {
  for (const format of formats) {
    const container = asicSpecimen({ format })
    assert.equal(judged(container, { level: 't' }), 'time-stamp-missing')
    const stamped =
      format === 'xades'
        ? changeAsicFile(container, 'META-INF/signatures001.xml', xml =>
            addXmlSignatureTimeStamp(xml, 0, stampOver(xmlSignatureToBeStamped(xml, 0))),
          )
        : changeAsicFile(container, 'META-INF/signature001.p7s', cms =>
            addSignatureTimeStamp(
              cms,
              0,
              stampOver(parseSignedData(cms).signers[0]?.signature ?? cms),
            ),
          )
    assert.equal(judged(stamped, { level: 't' }), 'passed', format)
    assert.equal(judged(stamped, { level: 'lt' }), 'validation-data-missing', format)
  }
  assert.throws(() => changeAsicFile(asicSpecimen(), 'empty', bytes => bytes), RangeError)
})

test('a time-stamp alone says when, and not who', () => {
  const container = asicSpecimen({ format: 'cades' })
  const manifest = bytesOf(
    textOfBytes(contentOf(container, 'META-INF/ASiCManifest001.xml')).replace(
      'signature001.p7s',
      'timestamp001.tst',
    ),
  )
  const alone = rewritten(container, {
    'META-INF/ASiCManifest001.xml': manifest,
    'META-INF/signature001.p7s': undefined,
    'META-INF/timestamp001.tst': stampOver(manifest),
  })
  const report = reported(alone)
  assert.equal(codeOf(report.verdict), 'asic-unsigned')
  assert.equal(report.signatures[0]?.verdict.kind, 'passed')
  const beside = rewritten(container, {
    'META-INF/ASiCManifest002.xml': manifest,
    'META-INF/timestamp001.tst': stampOver(manifest),
  })
  assert.equal(judged(beside), 'passed')
  assert.equal(judged(beside, { timeStamps: undefined }), 'time-stamp-missing')
})

test('what cannot be a container is not prepared', () => {
  const refuse = (content: Parameters<typeof prepareAsic>[0]['content']): void => {
    assert.throws(() => asicSpecimen({ content }), RangeError)
    assert.throws(() => asicSpecimen({ content, format: 'cades' }), RangeError)
  }
  const file = (name: string) => ({ name, bytes: bytesOf('x'), mimeType: 'text/plain' })
  refuse({ kind: 'new', files: [] })
  refuse({ kind: 'existing', container: bytesOf('x') })
  for (const name of ['mimetype', 'META-INF/x', 'meta-inf/x', '../x', '/x', 'a\\b']) {
    refuse({ kind: 'new', files: [file(name)] })
  }
  refuse({ kind: 'new', files: [file('a'), file('A')] })
  const prepared = prepareAsic({
    content: { kind: 'new', files: asicFiles },
    format: 'xades',
    certificate: rsaSigner.certificate,
    certificates: [],
    algorithm: 'rsa-sha256',
    signingTime: specimenNow,
  })
  assert.throws(
    () => prepared.finish(poolKey(2).sign('rsa-sha256', prepared.toBeSigned)),
    RangeError,
  )
})
