/** `verify` and `path`: the trust core offline, on files. */
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { townAnchors } from '@sekisho/authority'
import { Refusal } from '@sekisho/contract'
import {
  type Certificate,
  describeValidation,
  jpkiReal,
  jpkiTown,
  judgePathCase,
  KeyCache,
  ocspLimits,
  parsePathCase,
  BatchLineError,
  type RevocationEvidence,
  validateSignature,
  type ValidationDescription,
} from '@sekisho/pki'
import type { Command } from 'commander'
import { readBytes, readCertificate, readDer } from './file.ts'
import { parseInstant } from './time.ts'

/** Adds the commands. */
export function addVerifyCommands(program: Command): void {
  program
    .command('verify')
    .description('judge a raw signature over a file, offline')
    .argument('<file>', 'the signed document')
    .option('--signature <file>', 'the signature; else <file>.sig')
    .option('--certificate <file>', 'the signer’s certificate, DER or PEM; else <file>.cer')
    .option('--anchors <file...>', 'CA certificates to trust, DER or PEM; else the practice town’s')
    .option('--profile <name>', 'town or real', 'town')
    .option('--purpose <name>', 'signature or authentication', 'signature')
    .option('--crl <file...>', 'revocation lists, DER')
    .option('--ocsp <file>', 'an OCSP response, DER')
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
    .action(batch)
}

type VerifyOptions = {
  readonly signature?: string
  readonly certificate?: string
  readonly anchors?: readonly string[]
  readonly profile: string
  readonly purpose: string
  readonly crl?: readonly string[]
  readonly ocsp?: string
  readonly dangerUncheckedRevocation: boolean
  readonly at?: string
  readonly json: boolean
}

async function verify(file: string, given: VerifyOptions): Promise<void> {
  if (given.purpose !== 'signature' && given.purpose !== 'authentication')
    throw new Refusal('request-malformed', { fields: 'purpose' })
  if (given.profile !== 'town' && given.profile !== 'real')
    throw new Refusal('request-malformed', { fields: 'profile' })
  const at = given.at === undefined ? Date.now() : parseInstant(given.at, 'at')
  const report = validateSignature({
    content: { kind: 'bytes', bytes: await readBytes(file) },
    form: 'document',
    signature: await readBytes(given.signature ?? `${file}.sig`),
    algorithm: 'rsa-sha256',
    certificate: await readDer(given.certificate ?? `${file}.cer`),
    at,
    anchors: await readAnchors(given),
    revocation: await readRevocation(given),
    purpose: given.purpose,
    profile: given.profile === 'real' ? jpkiReal : jpkiTown,
    poolKeys: given.profile === 'real' ? 'refused' : 'danger-accepted',
    keys: new KeyCache(64),
  })
  const described = describeValidation(report)
  process.stdout.write(
    given.json ? `${JSON.stringify(described, null, 2)}\n` : forPeople(described),
  )
  process.exitCode = exitCodes[described.verdict]
}

/** Exit status by verdict, so that scripts can tell "bad" from "cannot be told". */
const exitCodes = { passed: 0, failed: 1, indeterminate: 3 } as const

async function readAnchors(given: VerifyOptions): Promise<readonly Certificate[]> {
  if (given.anchors !== undefined) return Promise.all(given.anchors.map(readCertificate))
  if (given.profile === 'real') throw new Refusal('configuration-unsafe', { setting: 'anchors' })
  return townAnchors()
}

async function readRevocation(given: VerifyOptions): Promise<RevocationEvidence> {
  if (given.dangerUncheckedRevocation) return { kind: 'danger-unchecked' }
  if (given.ocsp !== undefined)
    return {
      kind: 'ocsp',
      response: await readBytes(given.ocsp),
      nonce: undefined,
      limits: ocspLimits,
    }
  return { kind: 'crls', lists: await Promise.all((given.crl ?? []).map(readBytes)) }
}

const verdictWords = {
  passed: '合格 PASSED',
  failed: '不合格 FAILED',
  indeterminate: '判断できません INDETERMINATE',
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

async function batch(given: { batch: string }): Promise<void> {
  const keys = new KeyCache(1024)
  const input = given.batch === '-' ? process.stdin : (await open(given.batch)).createReadStream()
  let number = 0
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    number++
    if (line.trim() === '') continue
    const hasRoom = process.stdout.write(`${JSON.stringify(judgeLine(line, number, keys))}\n`)
    if (!hasRoom) await once(process.stdout, 'drain')
  }
}

/** A line that is not a case gets an answer too, so that a suite of thousands is not lost to one typing error. */
function judgeLine(line: string, number: number, keys: KeyCache): unknown {
  let parsed: unknown
  try {
    parsed = JSON.parse(line)
    return judgePathCase(parsePathCase(parsed), keys)
  } catch (error) {
    const wrong = { verdict: 'error', line: number }
    if (error instanceof SyntaxError) return { id: null, ...wrong, field: 'json' }
    if (error instanceof BatchLineError) return { id: idOf(parsed), ...wrong, field: error.field }
    throw error
  }
}

function idOf(parsed: unknown): unknown {
  return typeof parsed === 'object' && parsed !== null && 'id' in parsed ? parsed.id : null
}
