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
import type { CmsContent, SignatureOutcome } from '@sekisho/pki'
import type { Transaction } from '@sekisho/runtime/store'
import type { z } from 'zod'
import type { PlatformTables } from '../database.ts'
import { entries } from '../entry.ts'
import { keepContainer, notLasting } from '../evidence/container.ts'
import type { FileJudgement } from '../evidence/file-verification.ts'
import { sha256Hex } from '../evidence/hash.ts'
import { charge } from '../fees/meter.ts'
import { personOf } from '../people/link.ts'
import type { Provider } from '../providers/registry.ts'
import type { World } from '../world.ts'
import { signReport } from './receipt.ts'

type Request = z.output<typeof fileVerificationRequest>

/**
 * Judges, and charges for every citizen's certificate whose validity was looked up, whatever was found. The same file again on
 * the same day is judged anew and charged once. Refusal `request-malformed`: content and its hashes both.
 */
export async function verifyFileForProvider(
  world: World,
  provider: Provider,
  request: Request,
): Promise<FileVerificationReport> {
  if (request.content !== undefined && request.contentHashes !== undefined)
    throw new Refusal('request-malformed', { fields: 'contentHashes' })
  const file = bytesOf(request.file)
  const judgement = await world.fileJudge.report({
    kind: request.kind,
    file,
    content: contentOf(request),
    files: new Map(
      Object.entries(request.files ?? {}).map(([uri, encoded]) => [
        uri,
        { kind: 'bytes', bytes: bytesOf(encoded) },
      ]),
    ),
    query: request.query === undefined ? undefined : bytesOf(request.query),
    purpose: request.purpose,
    revocation: provider.revocation,
  })
  const id = world.random.token(idBits)
  const fileSha256 = sha256Hex(file)
  const plain = describe(judgement, id, fileSha256)
  await world.store.transaction(tx => record(tx, world, provider, request, judgement, plain))
  const signedReport = await signReport(world.receiptKey, {
    iss: world.issuer,
    aud: provider.id,
    iat: Math.floor(judgement.at / 1000),
    jti: id,
    report: plain,
  })
  return { ...plain, signedReport }
}

type Plain = Omit<FileVerificationReport, 'signedReport'>

function describe(judgement: FileJudgement, id: string, fileSha256: string): Plain {
  const { report, at, policy } = judgement
  return {
    id,
    kind: report.kind,
    ...indicated(report),
    judgedAt: iso(at),
    policy,
    fileSha256,
    signatures: report.signatures.map(each => ({
      ...indicated(each),
      level: each.level,
      ...(each.algorithm === undefined ? {} : { algorithm: each.algorithm }),
      ...(each.claimedAt === undefined ? {} : { claimedAt: iso(each.claimedAt) }),
      ...(each.provenAt === undefined ? {} : { provenAt: iso(each.provenAt) }),
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
}: Pick<SignatureOutcome, 'verdict' | 'indication' | 'subIndication' | 'reasons'>) {
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
        policy: judgement.policy,
        lasting: notLasting,
        transactionId: null,
        content: {
          file: request.file,
          content: request.content,
          mediaType: mediaTypes[request.kind],
          evidence: plain,
        },
      },
      { at, random: world.random, key: await world.personKeys.ensure(tx, personId, at) },
    )
  }
}

function contentOf(request: Request): CmsContent | undefined {
  if (request.content !== undefined) return { kind: 'bytes', bytes: bytesOf(request.content) }
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
