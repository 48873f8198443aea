/**
 * What a service provider needs: log a person in with the card, identify, have a document signed, verify, ask for changes.
 * Catalogue C3, C5, C6, C10. Runs wherever `fetch` and WebCrypto are.
 */
import {
  acr,
  changeAnswer,
  type ChangeAnswer,
  feeStatement,
  type FeeStatement,
  fileVerificationReport,
  type FileVerificationReport,
  type FileVerificationRequest,
  pinlessChallenge,
  type PinlessVerificationReport,
  pinlessVerificationReport,
  type PinlessVerificationRequest,
  type Receipt,
  type RefusalCode,
  signedFileAnswer,
  type SignedFileAnswer,
  signingTransactionCreated,
  type SigningTransactionCreated,
  type SigningTransactionRequest,
  signingTransactionResult,
  verificationReport,
  type VerificationReport,
  type VerificationRequest,
} from '@sekisho/contract'
import * as oidc from 'openid-client'
import { type Arrival, arrivalOf, type IdentityScope } from './arrival.ts'
import { type Authorities, authoritiesOf } from './authority.ts'
import { fromBase64, toBase64 } from './base64.ts'
import { type Customers, customersOf } from './customer.ts'
import { failureOf, SekishoError } from './failure.ts'
import { type LatestAttributes, latestAttributesOf } from './latest.ts'
import { createLink, type Link } from './link.ts'
import { type Mailbox, mailboxOf } from './mail.ts'
import type { SekishoOptions } from './options.ts'
import { type Events, eventsOf } from './event.ts'
import { type KeptResults, keptResultsOf } from './result.ts'
import { type Sessions, sessionsOf } from './session.ts'
import { startUploading } from './upload.ts'
import { type WaitingLogins, waitingLoginsOf } from './waiting.ts'

/** What the provider keeps in the browser's session between leaving and coming back. JSON, to be used once. */
export type Pending = {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
  readonly acr: string
  readonly transaction?: string
}

/** Where to send the browser, and what to keep meanwhile. */
export type Begun = { readonly url: string; readonly pending: Pending }

/** A finished signature: the receipt is what a provider keeps and can verify later with the platform's keys. */
export type Signed = { readonly receipt: Receipt; readonly jws: string }

/** How a signing transaction stands. */
export type SigningState =
  | { readonly state: 'waiting' | 'expired' }
  | { readonly state: 'refused'; readonly code: RefusalCode }
  | ({ readonly state: 'signed' } & Signed)

/** How the person is to be spoken to. */
export type Manner = {
  /** Language of the platform's pages; without it the person's own choice there holds. */
  readonly lang?: 'ja' | 'en'
  /** For a login only: `login_hint` as it came to your `initiate_login_uri` from the portal. */
  readonly loginHint?: string
  /** Whether the person may stay logged in without the card, as far as your contract and they allow it. */
  readonly isStanding?: boolean
}

/** What the platform keeps for a provider, and sends it. */
type Books = KeptResults & Customers & LatestAttributes & Events & Authorities & Mailbox

/** With the ways to log people in elsewhere, and to keep them so. */
type Offered = Books & Sessions & WaitingLogins

/** The client of one provider. Every method rejects with {@link SekishoError} and nothing else. */
export type Sekisho = Offered & {
  /**
   * Begins a login with the authentication certificate. Send the browser to `url`, keep `pending` in its session.
   *
   * ```js
   * const { url, pending } = await sekisho.beginLogin({ lang: 'en' })
   * session.pending = pending
   * response.writeHead(303, { location: url }).end()
   * ```
   */
  beginLogin(manner?: Manner): Promise<Begun>
  /**
   * Begins an identity confirmation with the signature certificate, for these attributes.
   *
   * ```js
   * const { url, pending } = await sekisho.beginIdentify(['name', 'address'])
   * ```
   */
  beginIdentify(scopes: readonly IdentityScope[], manner?: Manner): Promise<Begun>
  /**
   * Ends either, with the whole address the browser came back to. The answer must belong to `pending` (state, nonce, PKCE, issuer,
   * and no weaker authentication than asked for); `session-foreign` when it belongs to another.
   *
   * ```js
   * const { subject, claims } = await sekisho.finish(`https://shop.example${request.url}`, session.pending)
   * console.log(subject, claims.name)
   * ```
   */
  finish(callback: string, pending: Pending): Promise<Arrival>
  /**
   * Submits a document to be signed by one person. The same `idempotencyKey` with the same content answers the same transaction,
   * so that a form sent twice is one document.
   *
   * ```js
   * const document = new TextEncoder().encode('申込書 …')
   * const { id } = await sekisho.createSigning({ title: '申込書', mediaType: 'text/plain', document, subject }, orderId)
   * ```
   */
  createSigning(
    request: Omit<SigningTransactionRequest, 'document'> & { readonly document: Uint8Array },
    idempotencyKey: string,
  ): Promise<SigningTransactionCreated>
  /**
   * Sends that person to sign.
   *
   * ```js
   * const { url, pending } = await sekisho.beginSigning(id)
   * ```
   */
  beginSigning(transaction: string, manner?: Manner): Promise<Begun>
  /**
   * Ends it: the receipt is verified against the platform's keys, this transaction, this person and this document.
   *
   * ```js
   * const { receipt, jws } = await sekisho.finishSigning(callbackAddress, session.pending, document)
   * ```
   */
  finishSigning(callback: string, pending: Pending, document: Uint8Array): Promise<Signed>
  /**
   * How a transaction stands, for a provider that lost the way back to {@link Sekisho.finishSigning}.
   *
   * ```js
   * const standing = await sekisho.readSigning(id, document)
   * if (standing.state === 'signed') console.log(standing.receipt.sub)
   * ```
   */
  readSigning(transaction: string, document: Uint8Array): Promise<SigningState>
  /**
   * The signed file of a transaction with `format`, for registered verifiers of signatures only (`scope-exceeded` for others): a
   * CMS container, XML, or the PDF, with time-stamp and evidence as far as they are there by now.
   *
   * ```js
   * const { file, level } = await sekisho.readSignedFile(id)
   * ```
   */
  readSignedFile(
    transaction: string,
  ): Promise<Omit<SignedFileAnswer, 'file'> & { readonly file: Uint8Array }>
  /**
   * Verifies a kept receipt against the platform's keys and the document. `signature-invalid` when the document is another.
   *
   * ```js
   * const receipt = await sekisho.verifyReceipt(jws, document)
   * ```
   */
  verifyReceipt(jws: string, document: Uint8Array): Promise<Receipt>
  /**
   * Has a raw signature judged. The verdict is a value: `failed` and `indeterminate` do not reject. With `keepDays` the result is
   * kept for you, and one that passed has your own id of the certificate, for later checks.
   *
   * ```js
   * const { verdict, reasons } = await sekisho.verify({ document, signature, certificate })
   * ```
   */
  verify(request: {
    readonly document: Uint8Array
    readonly signature: Uint8Array
    readonly certificate: Uint8Array
    /** By which certificate it is to have been made; signatures of login are of the other kind. */
    readonly purpose?: 'signature' | 'authentication'
    /** Days for which the platform keeps the result for you. */
    readonly keepDays?: number
  }): Promise<VerificationReport>
  /**
   * Has a signed file of any size judged: PDF, CMS, XML, JWS, ASiC-E, a time-stamp. `content` is what was signed, where it is
   * not in the file. A large one is uploaded in pieces; `openAsBlob` of Node and a browser's file are read as they are sent.
   * The verdict is a value, and `signedReport` a JWS to keep.
   *
   * ```js
   * const { verdict, signatures } = await sekisho.verifyFile({ kind: 'cms', file })
   * ```
   */
  verifyFile(request: {
    readonly kind: FileVerificationRequest['kind']
    readonly file: Uint8Array | Blob
    readonly content?: Uint8Array | Blob
    /** As whom all signers are to be recognised; else as citizens. */
    readonly signers?: FileVerificationRequest['signers']
  }): Promise<FileVerificationReport>
  /**
   * A challenge of 32 bytes for a card's answer without PIN; it serves once, within minutes.
   *
   * ```js
   * const challenge = await sekisho.pinlessChallenge()
   * ```
   */
  pinlessChallenge(): Promise<Uint8Array>
  /**
   * Has a card's answer without PIN judged: by which terminal it was asked, who answered if they are known here. No PIN was typed:
   * never take it for a login.
   *
   * ```js
   * const { verdict, subject } = await sekisho.verifyPinless({ challenge, organisation, terminal, signature, certificate })
   * ```
   */
  verifyPinless(request: {
    readonly challenge: Uint8Array
    /** Code of 7 digits. */
    readonly organisation: string
    /** The terminal's number under it. */
    readonly terminal: string
    readonly signature: Uint8Array
    readonly certificate: Uint8Array
  }): Promise<PinlessVerificationReport>
  /**
   * Asks whether the person's attributes may have changed since (変更確認). Charged once a day for a person. Providers to whom
   * current-status checks (現況確認) are granted say so by the purpose; of those a person counts once a year.
   *
   * ```js
   * const { meaning, next } = await sekisho.confirmChange(subject)
   * if (meaning === 'ask-for-update') showNotice(next[0].ja)
   * ```
   */
  confirmChange(subject: string, purpose?: 'transaction' | 'current-status'): Promise<ChangeAnswer>
  /**
   * The fees of a month, `YYYY-MM`.
   *
   * ```js
   * const { totalYen } = await sekisho.statement('2026-11')
   * ```
   */
  statement(month: string): Promise<FeeStatement>
}

/**
 * Creates the client. Nothing is fetched before the first call.
 *
 * ```js
 * const sekisho = createSekisho({
 *   issuer: 'http://localhost:4300',
 *   clientId: 'shop',
 *   privateKey: JSON.parse(readFileSync('key.json', 'utf8')),
 *   redirectUri: 'http://shop.localhost:5000/callback',
 *   dangerAllowHttp: true, // a town on this machine only
 * })
 * ```
 */
export function createSekisho(options: SekishoOptions): Sekisho {
  const link = createLink(options)
  const begin = beginningOf(link, options)
  const finish = finishingOf(link)
  const readSigning = readingOf(link)

  return guarded({
    beginLogin: manner => begin('openid', acr.card, { manner }),
    beginIdentify: (scopes, manner) =>
      begin(['openid', ...scopes].join(' '), acr.cardSigned, { manner }),
    finish,
    createSigning: async (request, idempotencyKey) =>
      signingTransactionCreated.parse(
        await link.call('POST', '/v1/signing-transactions', 'sign', {
          body: { ...request, document: toBase64(request.document) },
          idempotencyKey,
          isSafe: true,
        }),
      ),
    beginSigning: (transaction, manner) =>
      begin('openid sign', acr.cardSigned, { manner, transaction }),
    finishSigning: async (callback, pending, document) => {
      if (pending.transaction === undefined) throw new SekishoError('transaction-unknown')
      const { subject } = await finish(callback, pending)
      const standing = await readSigning(pending.transaction, document)
      if (standing.state === 'refused') throw new SekishoError(standing.code)
      if (standing.state === 'expired') throw new SekishoError('transaction-expired')
      if (standing.state !== 'signed') throw new SekishoError('unexpected')
      const { receipt, jws } = standing
      if (receipt.sub !== subject) throw new SekishoError('signer-is-another')
      return { receipt, jws }
    },
    readSigning,
    verifyReceipt: link.verifyReceipt,
    readSignedFile: async transaction => {
      const path = `/v1/signing-transactions/${encodeURIComponent(transaction)}/file`
      const answer = signedFileAnswer.parse(await link.call('GET', path, 'sign', { isSafe: true }))
      return { ...answer, file: fromBase64(answer.file) }
    },
    verifyFile: async ({ kind, file, content, signers = 'citizen' }) => {
      await using given = startUploading(link)
      return fileVerificationReport.parse(
        await link.call('POST', '/v1/file-verifications', 'verify', {
          body: {
            kind,
            file: await given.give(file),
            ...(content === undefined ? {} : { content: await given.give(content) }),
            purpose: 'signature',
            signers,
          } satisfies FileVerificationRequest,
          isSafe: false,
        }),
      )
    },
    verify: async request =>
      verificationReport.parse(
        await link.call('POST', '/v1/verifications', 'verify', {
          body: {
            document: toBase64(request.document),
            signature: toBase64(request.signature),
            certificate: toBase64(request.certificate),
            purpose: request.purpose ?? 'signature',
            ...(request.keepDays === undefined ? {} : { keepDays: request.keepDays }),
          } satisfies VerificationRequest,
          // Each is a use of its own.
          isSafe: false,
        }),
      ),
    pinlessChallenge: async () => {
      const path = '/v1/pinless-challenges'
      const made = await link.call('POST', path, 'verify', { isSafe: true })
      return fromBase64(pinlessChallenge.parse(made).challenge)
    },
    verifyPinless: async request =>
      pinlessVerificationReport.parse(
        await link.call('POST', '/v1/pinless-verifications', 'verify', {
          body: {
            challenge: toBase64(request.challenge),
            organisation: request.organisation,
            terminal: request.terminal,
            signature: toBase64(request.signature),
            certificate: toBase64(request.certificate),
          } satisfies PinlessVerificationRequest,
          // A challenge serves once.
          isSafe: false,
        }),
      ),
    confirmChange: async (subject, purpose = 'transaction') =>
      changeAnswer.parse(
        await link.call('POST', '/v1/changes', 'change', {
          body: { subject, purpose },
          isSafe: true,
        }),
      ),
    ...keptResultsOf(link),
    ...authoritiesOf(link),
    ...customersOf(link),
    ...latestAttributesOf(link),
    ...mailboxOf(link),
    ...sessionsOf(link),
    ...waitingLoginsOf(link),
    ...eventsOf(link),
    statement: async month =>
      feeStatement.parse(
        await link.call('GET', `/v1/statements/${encodeURIComponent(month)}`, 'statement', {
          isSafe: true,
        }),
      ),
  })
}

/** Pushes an authorization request (RFC 9126) with PKCE, state and nonce of its own. */
function beginningOf(link: Link, options: SekishoOptions) {
  return async (
    scope: string,
    acrValue: string,
    given: { readonly manner: Manner | undefined; readonly transaction?: string },
  ): Promise<Begun> => {
    const config = await link.config()
    const { transaction, manner } = given
    const verifier = oidc.randomPKCECodeVerifier()
    const pending: Pending = {
      state: oidc.randomState(),
      nonce: oidc.randomNonce(),
      verifier,
      acr: acrValue,
      ...(transaction === undefined ? {} : { transaction }),
    }
    const asked = {
      redirect_uri: options.redirectUri,
      scope: manner?.isStanding === true ? `${scope} offline_access` : scope,
      // OpenID Connect Core §11 wants the person asked.
      ...(manner?.isStanding === true ? { prompt: 'consent' } : {}),
      acr_values: acrValue,
      state: pending.state,
      nonce: pending.nonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...(manner?.lang === undefined ? {} : { ui_locales: manner.lang }),
      ...(manner?.loginHint === undefined ? {} : { login_hint: manner.loginHint }),
      ...(transaction === undefined ? {} : { signing_transaction: transaction }),
    }
    const url = await oidc.buildAuthorizationUrlWithPAR(config, asked, await link.proof())
    return { url: url.href, pending }
  }
}

function finishingOf(link: Link): Sekisho['finish'] {
  return async (callback, pending) => {
    const address = new URL(callback)
    if (address.searchParams.get('state') !== pending.state)
      throw new SekishoError('session-foreign')
    const config = await link.config()
    const checks = {
      pkceCodeVerifier: pending.verifier,
      expectedState: pending.state,
      expectedNonce: pending.nonce,
      idTokenExpected: true,
    }
    const proof = await link.proof()
    const tokens = await oidc.authorizationCodeGrant(config, address, checks, undefined, proof)
    return arrivalOf(link, tokens, pending.acr)
  }
}

function readingOf(link: Link): Sekisho['readSigning'] {
  return async (transaction, document) => {
    const path = `/v1/signing-transactions/${encodeURIComponent(transaction)}`
    const found = signingTransactionResult.parse(
      await link.call('GET', path, 'sign', { isSafe: true }),
    )
    if (found.state === 'refused') return { state: 'refused', code: found.code }
    if (found.state !== 'signed') return { state: found.state }
    const receipt = await link.verifyReceipt(found.receipt, document)
    if (receipt.jti !== transaction) throw new SekishoError('unexpected')
    return { state: 'signed', receipt, jws: found.receipt }
  }
}

/** Every method's rejection as a {@link SekishoError}. */
function guarded(client: Sekisho): Sekisho {
  const entries = Object.entries(client) as [string, (...given: unknown[]) => Promise<unknown>][]
  return Object.fromEntries(
    entries.map(([name, method]) => [
      name,
      async (...given: unknown[]) => {
        try {
          return await method(...given)
        } catch (thrown) {
          throw failureOf(thrown)
        }
      },
    ]),
  ) as Sekisho
}
