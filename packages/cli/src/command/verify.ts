/** `verify` and `path`: the trust core offline, on files. */
import { existsSync } from 'node:fs'
import { Refusal } from '@sekisho/contract'
import {
  type Certificate,
  type CertificateKind,
  describeSignedFile,
  describeValidation,
  generalPolicy,
  jpkiReal,
  jpkiTown,
  judgeFileCase,
  judgePathCase,
  KeyCache,
  parseFileCase,
  parsePathCase,
  type PolicyInputs,
  type RevocationEvidence,
  type SignerRules,
  validateSignature,
  validateSignedFile,
  type ValidationDescription,
} from '@sekisho/pki'
import type { Command } from 'commander'
import { runBatch } from './batch.ts'
import { readBytes, readCertificate, readDer } from './file.ts'
import { kindOf, openSource, readContents, reportForPeople, verdictWords } from './signed-file.ts'
import { parseInstant } from './time.ts'

/** Adds the commands. */
export function addVerifyCommands(program: Command): void {
  program
    .command('verify')
    .description(
      'judge a signed file, offline: PDF, CMS, XML, JWS, ASiC-E, time-stamp, OCSP response, bare signature',
    )
    .argument(
      '[file]',
      'the signed file; for a bare signature the document, with <file>.sig beside it',
    )
    .option(
      '--batch <file>',
      'JSON lines instead (docs/protocol/verify-batch.md); - for standard input',
    )
    .option(
      '--kind <name>',
      'pdf, cms, xml, jws, asice, tsr, ocsp or raw; else told by the file itself',
    )
    .option('--content <file...>', 'what was signed or stamped, where it is not in the file')
    .option('--query <file>', 'the request that a time-stamp or OCSP response answers, DER')
    .option('--signature <file>', 'a bare signature; else <file>.sig')
    .option(
      '--certificate <file...>',
      'the signer’s certificate and others, DER or PEM; of a bare signature else <file>.cer',
    )
    .option('--anchors <file...>', 'CA certificates to trust, DER or PEM; else the practice town’s')
    .option(
      '--stamp-anchors <file...>',
      'CA certificates to trust for time-stamps; else as --anchors',
    )
    .option(
      '--profile <name>',
      'town, real or standard (RFC 5280 alone); with --anchors standard, else town',
    )
    .option(
      '--policy <oid...>',
      'certificate policies of which one must hold along the path, mappings followed (profile standard)',
    )
    .option('--purpose <name>', 'signature or authentication', 'signature')
    .option(
      '--part',
      'an XML signature may cover a part of the document; see what it covers',
      false,
    )
    .option('--crl <file...>', 'revocation lists, DER')
    .option('--ocsp <file...>', 'OCSP responses, DER')
    .option(
      '--danger-unchecked-revocation',
      'do not ask whether the certificate was revoked',
      false,
    )
    .option('--at <instant>', 'time of judgement, such as 2026-11-20T00:00:00Z; else now')
    .option('--json', 'print the report as JSON', false)
    .action(verify)

  program
    .command('path')
    .description(
      'judge certification paths: one JSON line in, one out (docs/protocol/path-batch.md)',
    )
    .requiredOption('--batch <file>', 'JSON lines; - for standard input')
    .action(({ batch }: { batch: string }) =>
      runBatch(batch, (line, keys) => judgePathCase(parsePathCase(line), keys)),
    )
}

type VerifyOptions = {
  readonly batch?: string
  readonly kind?: string
  readonly content?: readonly string[]
  readonly query?: string
  readonly signature?: string
  readonly certificate?: readonly string[]
  readonly anchors?: readonly string[]
  readonly stampAnchors?: readonly string[]
  readonly profile?: string
  readonly policy?: readonly string[]
  readonly purpose: string
  readonly part: boolean
  readonly crl?: readonly string[]
  readonly ocsp?: readonly string[]
  readonly dangerUncheckedRevocation: boolean
  readonly at?: string
  readonly json: boolean
}

async function verify(file: string | undefined, given: VerifyOptions): Promise<void> {
  if (given.batch !== undefined) {
    await runBatch(given.batch, (line, keys) => judgeFileCase(parseFileCase(line), keys))
    return
  }
  if (file === undefined) throw new Refusal('request-malformed', { fields: 'file' })
  const isRaw =
    given.kind === 'raw' ||
    (given.kind === undefined && (given.signature !== undefined || existsSync(`${file}.sig`)))
  await (isRaw ? verifyBare(file, given) : verifyContainer(file, given))
}

async function verifyContainer(file: string, given: VerifyOptions): Promise<void> {
  using source = openSource(file)
  const kind = kindOf(source.read(0, Math.min(source.length, 1024)), given.kind)
  const isInPieces = kind === 'pdf' || (kind === 'cms' && source.length > pemBytesMax)
  const bytes = isInPieces ? source : isText.has(kind) ? await readBytes(file) : await readDer(file)
  const anchors = await readAnchors(given)
  const certificates = await Promise.all((given.certificate ?? []).map(readCertificate))
  const revocation = await readRevocation(given)
  const report = describeSignedFile(
    validateSignedFile({
      kind,
      file: bytes,
      ...readContents(given.content ?? []),
      coverage: given.part ? 'part' : 'whole',
      query: given.query === undefined ? undefined : await readDer(given.query),
      algorithm: undefined,
      at: instantOf(given),
      anchors,
      certificates,
      revocation,
      timeStamps: {
        anchors:
          given.stampAnchors === undefined
            ? anchors
            : await Promise.all(given.stampAnchors.map(readCertificate)),
        intermediates: certificates,
        revocation,
        policy: generalPolicy,
      },
      rules: rulesOf(given, given.anchors === undefined ? 'town' : 'standard'),
      policy: generalPolicy,
      keys: new KeyCache(64),
    }),
  )
  print(given, report, () => reportForPeople(report))
  process.exitCode = exitCodes[report.verdict]
}

async function verifyBare(file: string, given: VerifyOptions): Promise<void> {
  const rules = rulesOf(given, 'town')
  if (rules.kind !== 'profile') throw new Refusal('request-malformed', { fields: 'profile' })
  const report = validateSignature({
    content: { kind: 'bytes', bytes: await readBytes(file) },
    form: 'document',
    signature: await readBytes(given.signature ?? `${file}.sig`),
    algorithm: 'rsa-sha256',
    certificate: await readDer(given.certificate?.[0] ?? `${file}.cer`),
    at: instantOf(given),
    anchors: await readAnchors(given),
    revocation: await readRevocation(given),
    purpose: rules.purpose,
    profile: rules.profile,
    poolKeys: rules.poolKeys,
    keys: new KeyCache(64),
  })
  const described = describeValidation(report)
  print(given, described, () => forPeople(described))
  process.exitCode = exitCodes[described.verdict]
}

function print(given: VerifyOptions, plain: unknown, people: () => string): void {
  process.stdout.write(given.json ? `${JSON.stringify(plain, null, 2)}\n` : people())
}

/** Kinds that are never PEM. */
const isText: ReadonlySet<string> = new Set(['xml', 'jws', 'asice'])

/** A larger container is not looked through for PEM. */
const pemBytesMax = 16 * 1024 * 1024

/** Exit status by verdict, so that scripts can tell "bad" from "cannot be told". */
const exitCodes = { passed: 0, failed: 1, indeterminate: 3 } as const

function instantOf(given: VerifyOptions): number {
  return given.at === undefined ? Date.now() : parseInstant(given.at, 'at')
}

function rulesOf(given: VerifyOptions, usual: 'town' | 'standard'): SignerRules {
  const profile = given.profile ?? usual
  if (profile === 'standard') {
    const policies = policiesOf(given)
    return { kind: 'standard', policies, purpose: undefined, policy: generalPolicy }
  }
  // The profile says itself which policies there are.
  if (given.policy !== undefined) throw new Refusal('request-malformed', { fields: 'policy' })
  if (profile !== 'town' && profile !== 'real')
    throw new Refusal('request-malformed', { fields: 'profile' })
  return {
    kind: 'profile',
    profile: profile === 'real' ? jpkiReal : jpkiTown,
    purpose: purposeOf(given),
    poolKeys: profile === 'real' ? 'refused' : 'danger-accepted',
  }
}

function policiesOf({ policy }: VerifyOptions): PolicyInputs {
  if (policy === undefined) return anyPolicies
  if (!policy.every(each => /^[0-2](\.\d{1,20}){1,30}$/.test(each))) {
    throw new Refusal('request-malformed', { fields: 'policy' })
  }
  return { ...anyPolicies, acceptable: policy, isExplicitRequired: true }
}

function purposeOf({ purpose }: VerifyOptions): CertificateKind {
  if (purpose === 'signature' || purpose === 'authentication') return purpose
  throw new Refusal('request-malformed', { fields: 'purpose' })
}

async function readAnchors(given: VerifyOptions): Promise<readonly Certificate[]> {
  if (given.anchors !== undefined) return Promise.all(given.anchors.map(readCertificate))
  if ((given.profile ?? 'town') !== 'town')
    throw new Refusal('configuration-unsafe', { setting: 'anchors' })
  // The town's own program is large, and needed for nothing else here.
  return (await import('@sekisho/authority')).townAnchors()
}

async function readRevocation(given: VerifyOptions): Promise<RevocationEvidence> {
  if (given.dangerUncheckedRevocation) return { kind: 'danger-unchecked' }
  return {
    kind: 'collected',
    lists: await Promise.all((given.crl ?? []).map(readDer)),
    responses: await Promise.all((given.ocsp ?? []).map(readDer)),
    limits: generalPolicy.ocsp,
  }
}

const anyPolicies = {
  acceptable: 'any',
  isExplicitRequired: false,
  isMappingInhibited: false,
  isAnyInhibited: false,
} as const

function forPeople(report: ValidationDescription): string {
  const lines = [
    `結果 verdict      ${verdictWords[report.verdict]}`,
    ...report.reasons.map(one => `理由 reason       ${one.code}: ${one.ja} ${one.en}`),
    `判断時刻 at       ${report.at}`,
    `用途 purpose      ${report.purpose}`,
    `方式 algorithm    ${report.algorithm}`,
    `方針 policy       ${report.policyVersion}`,
    ...report.path
      .slice(1)
      .map(one => `発行者 issuer     ${one.subject} (${one.notBefore} – ${one.notAfter})`),
    `失効確認 revoked? ${describeRevocation(report)}`,
  ]
  return `${lines.join('\n')}\n`
}

function describeRevocation(report: ValidationDescription): string {
  const { revocation } = report
  if (revocation === undefined) return '未確認 not confirmed'
  if (revocation.kind === 'unchecked') return '確認していません not checked'
  return `${revocation.kind} ${revocation.thisUpdate} – ${revocation.nextUpdate}`
}
