/**
 * *Sign* (C10): a provider's document, signed by the person it knows. The provider gets a receipt; the container with the
 * citizen's certificate stays here.
 */
import {
  Refusal,
  type RefusalCode,
  type SignedFileAnswer,
  type SigningTransactionCreated,
  type SigningTransactionRequest,
  type SigningTransactionResult,
} from '@sekisho/contract'
import { type SignedAnswer, signRequest } from '@sekisho/contract/reader'
import { type Certificate, MalformedError, parseCertificate } from '@sekisho/pki'
import { type PreparedDocument, prepareDocument, preparePdfTimeStamp } from '@sekisho/pki/assemble'
import { type Instant, protocolNow } from '@sekisho/runtime/clock'
import type { Transaction } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import {
  type ContainerContent,
  type ContainerFormat,
  keepContainer,
  openContainer,
} from '../evidence/container.ts'
import type { Judged } from '../evidence/judge.ts'
import { freshFile } from '../evidence/lasting.ts'
import { entries } from '../entry.ts'
import { charge, chargeQuery } from '../fees/meter.ts'
import { sha256Hex } from '../evidence/hash.ts'
import { findCeremony, useCeremony } from '../login/ceremony.ts'
import { currentPerson, linkCertificates, personOfSubject } from '../people/link.ts'
import { linksOfSigner } from '../people/linkage.ts'
import type { Provider } from '../providers/registry.ts'
import type { World } from '../world.ts'
import { fromBase64Url } from './answer.ts'
import { signReceipt } from './receipt.ts'
import type { Step } from './step.ts'

/** Milliseconds a provider's signing transaction waits for its signature. */
const transactionLifetimeMs = 60 * 60 * 1000

/** A document opens only in its own row. */
function placeOf(id: string): string {
  return `signing.document ${id}`
}

/** Bits of the ids that providers see; random, because an id must not tell when or in which order anything happened. */
const idBits = 128

/** A transaction that waits for its signature. */
export type WaitingTransaction = {
  readonly id: string
  readonly personId: string
  readonly subject: string
  readonly title: string
  readonly mediaType: SigningTransactionRequest['mediaType']
  readonly format: ContainerFormat
  readonly document: Uint8Array
}

/**
 * Takes in a document to be signed. The same idempotency key with the same content answers the same; with another content it
 * is refused (`idempotency-conflict`). Refusals `person-unknown` for a subject this provider does not know, `request-malformed`
 * for a title or document that a reader could not show.
 */
export async function createTransaction(
  world: World,
  provider: Pick<Provider, 'id'>,
  request: SigningTransactionRequest,
  idempotencyKey: string,
): Promise<SigningTransactionCreated> {
  const document = new Uint8Array(Buffer.from(request.document, 'base64'))
  const format = request.format ?? 'raw'
  assertShowable(request, document)
  assertSignable(format, document, request.mediaType)
  const requestSha256 = sha256Hex(new TextEncoder().encode(JSON.stringify(request)))
  const at = protocolNow()
  return world.store.transaction(async tx => {
    const personId = await personOfSubject(tx, provider.id, request.subject)
    if (personId === undefined) throw new Refusal('person-unknown')
    const key = await world.personKeys.ensure(tx, personId, at)
    const id = world.random.token(idBits)
    await tx
      .insertInto('signing')
      .values({
        id,
        provider_id: provider.id,
        person_id: personId,
        subject: request.subject,
        title: request.title,
        media_type: request.mediaType,
        format,
        document: key.seal(placeOf(id), document),
        document_sha256: sha256Hex(document),
        request_key: idempotencyKey,
        request_sha256: requestSha256,
        state: 'waiting',
        refusal: null,
        receipt: null,
        created_at: at,
        expires_at: at + transactionLifetimeMs,
        ended_at: null,
      })
      .onConflict(conflict => conflict.columns(['provider_id', 'request_key']).doNothing())
      .execute()
    const row = await tx
      .selectFrom('signing')
      .select(['id', 'expires_at', 'request_sha256'])
      .where('provider_id', '=', provider.id)
      .where('request_key', '=', idempotencyKey)
      .executeTakeFirstOrThrow()
    if (row.request_sha256 !== requestSha256) throw new Refusal('idempotency-conflict')
    return { id: row.id, expiresAt: new Date(row.expires_at).toISOString() }
  })
}

/** A provider's transaction that can be signed now. Refusals `transaction-unknown`, `…-expired`, `…-finished`. */
export async function waitingTransaction(
  world: World,
  provider: Pick<Provider, 'id'>,
  id: string,
): Promise<WaitingTransaction> {
  return world.store.read(async db => {
    const row = await db
      .selectFrom('signing')
      .selectAll()
      .where('id', '=', id)
      .where('provider_id', '=', provider.id)
      .executeTakeFirst()
    if (row === undefined) throw new Refusal('transaction-unknown')
    if (row.state !== 'waiting') throw new Refusal('transaction-finished')
    if (row.expires_at <= protocolNow()) throw new Refusal('transaction-expired')
    const found = await world.personKeys.find(db, row.person_id)
    if (found.kind !== 'present') throw new Refusal('transaction-unknown')
    return {
      id: row.id,
      personId: await currentPerson(db, row.person_id),
      subject: row.subject,
      title: row.title,
      mediaType: row.media_type,
      format: row.format,
      document: found.key.open(placeOf(row.id), row.document),
    }
  })
}

/**
 * The signed file of a transaction, for a registered verifier of signatures, who may have the citizen's certificate
 * (architecture.md "What a provider keeps"). Refusals `scope-exceeded` for any other provider, `transaction-unknown` also where nothing but
 * a bare signature is kept.
 */
export async function signedFileOf(
  world: World,
  provider: Provider,
  id: string,
): Promise<SignedFileAnswer> {
  if (!provider.metadata.sekisho_signature_verifier)
    throw new Refusal('scope-exceeded', { scope: 'sekisho_signature_verifier' })
  return world.store.read(async db => {
    const row = await db
      .selectFrom('container')
      .selectAll()
      .where('transaction_id', '=', id)
      .where('provider_id', '=', provider.id)
      .executeTakeFirst()
    const found = row === undefined ? undefined : await world.personKeys.find(db, row.person_id)
    if (row === undefined || row.format === 'raw' || found?.kind !== 'present')
      throw new Refusal('transaction-unknown')
    const content = openContainer(found.key, row)
    if (!('file' in content)) throw new Refusal('transaction-unknown')
    return { id, format: row.format, level: row.level ?? `${row.format}-b`, file: content.file }
  })
}

/** What became of a transaction. Refusal `transaction-unknown`. */
export async function transactionResult(
  world: World,
  provider: Provider,
  id: string,
): Promise<SigningTransactionResult> {
  const row = await world.store.read(db =>
    db
      .selectFrom('signing')
      .select(['state', 'receipt', 'refusal', 'expires_at', 'ended_at'])
      .where('id', '=', id)
      .where('provider_id', '=', provider.id)
      .executeTakeFirst(),
  )
  if (row === undefined) throw new Refusal('transaction-unknown')
  if (row.state === 'signed' && row.receipt !== null)
    return {
      id,
      state: 'signed',
      signedAt: new Date(row.ended_at ?? 0).toISOString(),
      receipt: row.receipt,
    }
  if (row.state === 'refused')
    return { id, state: 'refused', code: row.refusal ?? 'consent-refused' }
  return { id, state: row.expires_at <= protocolNow() ? 'expired' : 'waiting' }
}

/** A signing step, at a provider or at the platform itself. */
type SignStep = Omit<Step, 'provider'> & {
  readonly provider: Pick<Provider, 'id' | 'revocation' | 'freshnessMs'>
}

/** What came of a signature. */
export type SignedDocument = {
  readonly personId: string
  /** SHA-256 in hex. */
  readonly documentSha256: string
  /** The signed file; undefined for a bare signature. */
  readonly file: Uint8Array | undefined
  readonly receipt: string
  readonly judged: Judged
}

/**
 * Judges the signature over the provider's document and ends the transaction with a receipt, in one transaction with
 * container, charge and ledger entry; `also` runs in that transaction. Refusal `signer-is-another` when the card belongs to somebody else.
 */
export async function finishSign(
  world: World,
  step: SignStep,
  waiting: WaitingTransaction,
  answer: SignedAnswer,
  also?: (tx: Transaction<PlatformTables>, signed: SignedDocument) => Promise<void>,
): Promise<string> {
  const ceremony = await findCeremony(world.store, { kind: 'sign', id: answer.id }, step)
  if (ceremony.transactionId !== waiting.id) throw new Refusal('challenge-unknown')
  const prepared = prepareSigned(waiting, answer, ceremony.signingTime)
  const judged = await world.judge.demand({
    message: prepared.toBeSigned,
    signature: fromBase64Url(answer.signature),
    certificate: fromBase64Url(answer.certificate),
    purpose: 'signature',
    revocation: step.provider.revocation,
    freshnessMs: step.provider.freshnessMs,
  })
  const kept = await freshFile(
    world.stamps,
    waiting.format,
    prepared.finish(fromBase64Url(answer.signature)),
  )
  const documentSha256 = sha256Hex(waiting.document)
  const { links, query } = await linksOfSigner(world, judged, {
    statementSha256: documentSha256,
    consent: 'needed',
  })
  const at = judged.at
  const receipt = await signReceipt(world.receiptKey, {
    iss: world.issuer,
    aud: step.provider.id,
    sub: waiting.subject,
    iat: Math.floor(at / 1000),
    jti: waiting.id,
    verdict: 'passed',
    policy: judged.policy,
    document: { sha256: documentSha256, mediaType: waiting.mediaType, title: waiting.title },
  })
  return world.store.transaction(async tx => {
    await useCeremony(tx, ceremony)
    const { personId: person } = await linkCertificates(tx, links, { at, random: world.random })
    if (person !== waiting.personId) throw new Refusal('signer-is-another')
    const key = await world.personKeys.ensure(tx, person, at)
    await endSigned(tx, waiting, receipt, at)
    await keepContainer(
      tx,
      {
        personId: person,
        providerId: step.provider.id,
        kind: 'sign',
        policy: judged.policy,
        lasting: kept.lasting,
        transactionId: waiting.id,
        content: contentOf(waiting, answer, kept.file, judged.evidence),
      },
      { at, random: world.random, key },
    )
    const use = { providerId: step.provider.id, transaction: waiting.id, at }
    const { method } = judged
    await charge(tx, { ...use, kind: 'signature-check', method })
    await chargeQuery(tx, use, query)
    await world.ledger.record(tx, entries['platform.document-signed'], {
      at,
      personId: person,
      providerId: step.provider.id,
      values: { transaction: waiting.id, documentSha256 },
    })
    await also?.(tx, { personId: person, documentSha256, file: kept.file, receipt, judged })
    return person
  })
}

/** Transition waiting → signed. Refusal `transaction-finished` for the loser of a race. */
async function endSigned(
  tx: Transaction<PlatformTables>,
  waiting: WaitingTransaction,
  receipt: string,
  at: Instant,
): Promise<void> {
  const ended = await tx
    .updateTable('signing')
    .set({ state: 'signed', receipt, ended_at: at })
    .where('id', '=', waiting.id)
    .where('state', '=', 'waiting')
    .where('expires_at', '>', protocolNow())
    .executeTakeFirst()
  if (ended.numUpdatedRows !== 1n) throw new Refusal('transaction-finished')
}

function contentOf(
  waiting: WaitingTransaction,
  answer: SignedAnswer,
  file: Uint8Array | undefined,
  evidence: unknown,
): ContainerContent {
  const { mediaType } = waiting
  if (file !== undefined) {
    return { file: Buffer.from(file).toString('base64'), mediaType, evidence }
  }
  const document = Buffer.from(waiting.document).toString('base64')
  const { signature, certificate } = answer
  return { document, signature, certificate, mediaType, evidence }
}

/** The document as the card has signed it. Refusal `certificate-malformed`. */
function prepareSigned(
  waiting: WaitingTransaction,
  answer: SignedAnswer,
  signingTime: number | null,
): PreparedDocument {
  const { format, document, mediaType } = waiting
  const certificate = readCertificate(fromBase64Url(answer.certificate))
  const algorithm = 'rsa-sha256'
  return prepareDocument({
    format,
    document,
    mediaType,
    certificate,
    algorithm,
    signingTime: signingTime ?? 0,
  })
}

function readCertificate(der: Uint8Array): Certificate {
  try {
    return parseCertificate(der)
  } catch (error) {
    if (error instanceof MalformedError) throw new Refusal('certificate-malformed')
    throw error
  }
}

/** A PDF that cannot be signed is refused to the provider at once, who can mend it. */
function assertSignable(
  format: ContainerFormat,
  document: Uint8Array,
  mediaType: SigningTransactionRequest['mediaType'],
): void {
  if (format !== 'pades') return
  const malformed = new Refusal('request-malformed', { fields: 'body.document' })
  if (mediaType !== 'application/pdf') throw malformed
  try {
    preparePdfTimeStamp({ pdf: document, field: 'probe', hash: 'sha256' })
  } catch (error) {
    if (error instanceof MalformedError || error instanceof RangeError) throw malformed
    throw error
  }
}

/** Ends a provider's own transaction that the person refused; nothing happens to one that is another's or has ended. */
export async function refuseTransaction(
  world: World,
  key: { readonly id: string; readonly providerId: string },
  code: RefusalCode,
): Promise<void> {
  await world.store.transaction(tx =>
    tx
      .updateTable('signing')
      .set({ state: 'refused', refusal: code, ended_at: protocolNow() })
      .where('id', '=', key.id)
      .where('provider_id', '=', key.providerId)
      .where('state', '=', 'waiting')
      .execute(),
  )
}

/** What no reader would show is refused to the provider, who can mend it, and not to the person. */
function assertShowable(request: SigningTransactionRequest, document: Uint8Array): void {
  const asked = signRequest.safeParse({
    v: 1,
    type: 'sign',
    id: 'x',
    purpose: 'sign',
    title: request.title,
    mediaType: request.mediaType,
    document: request.document,
  })
  if (!asked.success) {
    const fields = new Set(asked.error.issues.map(issue => `body.${String(issue.path[0])}`))
    throw new Refusal('request-malformed', { fields: [...fields].join(' ') })
  }
  if (request.mediaType === 'application/pdf') return
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(document)
    if (request.mediaType === 'application/json') JSON.parse(text)
  } catch {
    throw new Refusal('request-malformed', { fields: 'body.document' })
  }
}
