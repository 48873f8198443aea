/**
 * Verification of signed files for providers (C1): a container → one outcome a signature, also as a JWS that an auditor can
 * verify later. The report says nothing of the signers; container and evidence stay here, sealed, for each signer whom
 * the platform knows.
 */
import {
  type FileVerificationReport,
  type fileVerificationRequest,
  Refusal,
} from '@sekisho/contract'
import { dateInJapan } from '@sekisho/contract/japan'
import type { SignedFileDescription } from '@sekisho/pki'
import type { Transaction } from '@sekisho/runtime/store'
import type { z } from 'zod'
import type { PlatformTables } from '../database.ts'
import { entries } from '../entry.ts'
import { keepContainer, notLasting } from '../evidence/container.ts'
import type { GivenFile } from '../evidence/file-judgement.ts'
import type { FileJudgement, FileToJudge } from '../evidence/file-verification.ts'
import type { CompleteUpload } from '../evidence/upload.ts'
import { sha256Hex } from '../evidence/hash.ts'
import { charge } from '../fees/meter.ts'
import { personOf } from '../people/link.ts'
import type { Provider } from '../providers/registry.ts'
import type { World } from '../world.ts'
import { signReport } from './receipt.ts'

type Request = z.output<typeof fileVerificationRequest>

/**
 * Judges, and charges for every citizen's certificate whose validity was looked up, whatever was found. The same file again on
 * the same day is judged anew and charged once. Refusals: `request-malformed` for content and its hashes both, for signers whom the
 * platform does not recognise, or who are no citizens and should have logged in; `upload-unknown`,
 * `upload-incomplete`; `request-too-large`; `authority-unreachable` where its OCSP cannot be asked.
 */
export async function verifyFileForProvider(
  world: World,
  provider: Provider,
  request: Request,
): Promise<FileVerificationReport> {
  const { plain, judgement } = await judgeFileForProvider(world, provider, request)
  const signedReport = await signReport(world.receiptKey, {
    iss: world.issuer,
    aud: provider.id,
    iat: Math.floor(judgement.at / 1000),
    jti: plain.id,
    report: plain,
  })
  return { ...plain, signedReport }
}

/** The same, for what goes on from the judgement: it tells of the signers what no provider hears. */
export async function judgeFileForProvider(
  world: World,
  provider: Provider,
  request: Request,
): Promise<{ readonly plain: Plain; readonly judgement: FileJudgement }> {
  if (request.content !== undefined && request.contentHashes !== undefined)
    throw new Refusal('request-malformed', { fields: 'contentHashes' })
  if (request.signers !== 'citizen' && request.purpose !== 'signature')
    throw new Refusal('request-malformed', { fields: 'purpose' })
  const judgement = await world.uploads.use(provider.id, uploadsIn(request), uploads =>
    world.fileJudge.report(fileToJudge(provider, request, uploads)),
  )
  const id = world.random.token(idBits)
  const plain = describe(judgement, id)
  await world.store.transaction(tx => record(tx, world, provider, request, judgement, plain))
  return { plain, judgement }
}

type Given = Request['file']

function uploadsIn({ file, content, files }: Request): readonly string[] {
  return [file, content, ...Object.values(files ?? {})].flatMap(each =>
    each === undefined || typeof each === 'string' ? [] : [each.upload],
  )
}

function fileToJudge(
  provider: Provider,
  request: Request,
  uploads: ReadonlyMap<string, CompleteUpload>,
): FileToJudge {
  const uploaded = (id: string): CompleteUpload => {
    const found = uploads.get(id)
    if (found === undefined) throw new Refusal('upload-unknown')
    return found
  }
  const given = (each: Given): GivenFile =>
    typeof each === 'string'
      ? { kind: 'bytes', bytes: bytesOf(each) }
      : { kind: 'file', path: uploaded(each.upload).path }
  const lengths = [request.file, request.content].map(each =>
    each === undefined || typeof each === 'string' ? 0 : uploaded(each.upload).length,
  )
  return {
    kind: request.kind,
    file: given(request.file),
    content: request.content === undefined ? hashesOf(request) : given(request.content),
    files: Object.entries(request.files ?? {}).map(([uri, each]) => [uri, given(each)]),
    query: request.query === undefined ? undefined : bytesOf(request.query),
    purpose: request.purpose,
    length: Math.max(...lengths),
    signers: request.signers,
    revocation: provider.revocation,
  }
}

type Plain = Omit<FileVerificationReport, 'signedReport'>

function describe({ report, at, fileSha256, holders }: FileJudgement, id: string): Plain {
  return {
    id,
    kind: report.kind,
    ...indicated(report),
    judgedAt: iso(at),
    policy: report.policy,
    fileSha256,
    signatures: report.signatures.map((each, i) => ({
      ...indicated(each),
      level: each.level,
      ...(each.algorithm === undefined ? {} : { algorithm: each.algorithm }),
      ...(each.claimedAt === undefined ? {} : { claimedAt: each.claimedAt }),
      ...(each.provenAt === undefined ? {} : { provenAt: each.provenAt }),
      ...(holders[i] === undefined ? {} : { holder: holders[i] }),
      covers: [...each.covers],
      changes: [...each.changes],
    })),
  }
}

// The evidence of a reason may tell of a certificate: it stays here.
function indicated({
  verdict,
  indication,
  subIndication,
  reasons,
}: Pick<SignedFileDescription, 'verdict' | 'indication' | 'subIndication' | 'reasons'>) {
  return {
    verdict,
    indication,
    ...(subIndication === undefined ? {} : { subIndication }),
    reasons: reasons.map(({ code, ja, en }) => ({ code, ja, en })),
  }
}

async function record(
  tx: Transaction<PlatformTables>,
  world: World,
  provider: Provider,
  request: Request,
  judgement: FileJudgement,
  plain: Plain,
): Promise<void> {
  const { at } = judgement
  const day = dateInJapan(at)
  for (const reference of judgement.checked) {
    const serial = sha256Hex(
      new TextEncoder().encode(`${reference.issuerKeyId} ${reference.serial}`),
    )
    await charge(tx, {
      providerId: provider.id,
      transaction: `verify-file ${plain.fileSha256} ${serial} ${day.year}-${day.month}-${day.day}`,
      kind: request.purpose === 'signature' ? 'signature-check' : 'authentication-check',
      method: provider.revocation,
      at,
    })
  }
  const people = new Set<string>()
  for (const reference of judgement.checked) {
    const person = await personOf(tx, reference)
    if (person !== undefined) people.add(person)
  }
  const values = { report: plain.id, verdict: plain.verdict }
  const common = { at, providerId: provider.id, values }
  if (people.size === 0) {
    await world.ledger.record(tx, entries['platform.signature-verified'], {
      ...common,
      personId: undefined,
    })
  }
  for (const personId of people) {
    await world.ledger.record(tx, entries['platform.signature-verified'], { ...common, personId })
    await keepContainer(
      tx,
      {
        personId,
        providerId: provider.id,
        kind: 'verification',
        policy: plain.policy,
        lasting: notLasting,
        transactionId: null,
        content: {
          ...keptOf(request, plain.fileSha256),
          mediaType: mediaTypes[request.kind],
          evidence: plain,
        },
      },
      { at, random: world.random, key: await world.personKeys.ensure(tx, personId, at) },
    )
  }
}

function keptOf({ file, content }: Request, fileSha256: string) {
  if (typeof file !== 'string') return { fileSha256 }
  return { file, ...(typeof content === 'string' ? { content } : {}) }
}

function hashesOf(request: Request): FileToJudge['content'] {
  if (request.contentHashes === undefined) return undefined
  const hashes = Object.entries(request.contentHashes).flatMap(([name, hash]) =>
    hash === undefined ? [] : [[name, bytesOf(hash)]],
  )
  return { kind: 'hashes', hashes: Object.fromEntries(hashes) }
}

function bytesOf(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, 'base64'))
}

function iso(at: number): string {
  return new Date(at).toISOString()
}

const mediaTypes = {
  cms: 'application/pkcs7-mime',
  pdf: 'application/pdf',
  jws: 'application/jose',
  asice: 'application/vnd.etsi.asic-e+zip',
  xml: 'application/xml',
  tsr: 'application/timestamp-reply',
} as const satisfies Record<Request['kind'], string>

/** Bits of a report's id: random, because it must not tell when or in which order anything happened. */
const idBits = 128
