/** The P.O. box (C11): what a provider posts to people and organisations, what it can prove of it, and what comes to its own box. */
import {
  type MailAddress,
  mailBulkResult,
  type MailBulkResult,
  mailBulkState,
  type MailBulkState,
  mailContentText,
  type MailDocument,
  mailInlineBytesMax,
  mailInTray,
  type MailItem,
  type MailKind,
  type mailPosting,
  mailReceipt,
  type MailReceipt,
  mailReceiptList,
  mailReceived,
  type MailReceived,
  mailStanding,
  type MailStanding,
} from '@sekisho/contract'
import type { z } from 'zod'
import { SekishoError } from './failure.ts'
import type { Link } from './link.ts'
import { type FileSource, startUploading } from './upload.ts'

/** A message as it is posted. Documents of any size: large ones go ahead in pieces. */
export type Letter = {
  readonly to: MailAddress
  readonly kind: MailKind
  readonly subject: string
  readonly body: string
  readonly documents?: readonly {
    readonly name: string
    readonly mediaType: string
    readonly content: Uint8Array | FileSource
  }[]
  /** After this it is not delivered, nor opened for the first time. */
  readonly expiresAt?: Date
}

/** A verified receipt and its JWS, to keep. */
export type LetterReceipt = { readonly receipt: MailReceipt; readonly jws: string }

/** The mailbox as a provider sees it (scope `mail`). */
export type Mailbox = {
  /**
   * Posts a message. The same `idempotencyKey` with the same content is the same message, however often it is sent.
   *
   * ```js
   * const { id } = await sekisho.postMail({ to: { subject }, kind: 'notice', subject: '現況届のお願い', body: '…' }, 'genkyo-2030-0815')
   * ```
   */
  postMail(letter: Letter, idempotencyKey: string): Promise<MailStanding>
  /**
   * How a message stands.
   *
   * ```js
   * const { state, readAt } = await sekisho.readMailStanding(id)
   * ```
   */
  readMailStanding(id: string): Promise<MailStanding>
  /**
   * The receipts so far, verified against the platform's keys and this message. With `letter` against its content too; documents are
   * compared by what is said of them. `signature-invalid` where one does not fit.
   *
   * ```js
   * const receipts = await sekisho.readMailReceipts(id, letter)
   * console.log(receipts.map(one => one.receipt.event))
   * ```
   */
  readMailReceipts(
    id: string,
    letter?: Pick<Letter, 'kind' | 'subject' | 'body'>,
  ): Promise<readonly LetterReceipt[]>
  /**
   * Takes a message back that nobody has read. `message-finished` when it is too late.
   *
   * ```js
   * await sekisho.withdrawMail(id)
   * ```
   */
  withdrawMail(id: string): Promise<MailStanding>
  /**
   * Posts a file of messages, one a line (NDJSON, `MailBulkLine`): to people by their id with you, or by name, address and birth date. The same
   * `idempotencyKey` with the same file is the same job.
   *
   * ```js
   * const { id } = await sekisho.postBulkMail(await openAsBlob('notices.ndjson'), 'notices-2030-08')
   * ```
   */
  postBulkMail(file: Uint8Array | FileSource, idempotencyKey: string): Promise<MailBulkState>
  /**
   * How far it is. `postal`: to be posted on paper.
   *
   * ```js
   * const { state, posted, postal } = await sekisho.readBulkMail(id)
   * ```
   */
  readBulkMail(id: string): Promise<MailBulkState>
  /**
   * What became of each line, in the order of the file; so far, while it is running.
   *
   * ```js
   * for await (const { key, outcome } of await sekisho.readBulkMailResults(id)) if (outcome === 'postal') print(key)
   * ```
   */
  readBulkMailResults(id: string): Promise<AsyncIterable<MailBulkResult>>
  /**
   * Messages in your own box after a number, oldest first, a hundred at most. Keep the last number with what you did about it.
   *
   * ```js
   * const { messages, isComplete } = await sekisho.listMail(lastNumber)
   * ```
   */
  listMail(
    after?: number,
  ): Promise<{ readonly messages: readonly MailItem[]; readonly isComplete: boolean }>
  /**
   * A message of your box. It does not count as read by this.
   *
   * ```js
   * const { body, documents } = await sekisho.fetchMail(messages[0].id)
   * ```
   */
  fetchMail(id: string): Promise<MailReceived>
  /**
   * A document's bytes, piece by piece from an offset on, whatever its size; a piece that breaks off is asked for again.
   *
   * ```js
   * for await (const piece of await sekisho.readMailDocument(id, 0)) await file.write(piece)
   * ```
   */
  readMailDocument(
    id: string,
    position: number,
    offset?: number,
  ): Promise<AsyncIterable<Uint8Array>>
  /**
   * Says that a message was taken over: its sender gets the receipt of reading.
   *
   * ```js
   * await sekisho.acknowledgeMail(id)
   * ```
   */
  acknowledgeMail(id: string): Promise<MailReceived>
}

/** The calls. */
export function mailboxOf(link: Link): Mailbox {
  const messagePath = (id: string): string => `/v1/mail/messages/${encodeURIComponent(id)}`
  const trayPath = (id: string): string => `/v1/mail/in-tray/${encodeURIComponent(id)}`
  return {
    postMail: async (letter, idempotencyKey) => {
      await using given = startUploading(link, {
        path: '/v1/mail/uploads',
        scope: 'mail',
        inlineMax: mailInlineBytesMax,
        isShared: true,
      })
      const documents: z.input<typeof mailPosting>['documents'] = []
      for (const { name, mediaType, content } of letter.documents ?? [])
        documents.push({ name, mediaType, content: await given.give(content) })
      const { to, kind, subject, body, expiresAt } = letter
      const posting: z.input<typeof mailPosting> = {
        to,
        kind,
        subject,
        body,
        documents,
        ...(expiresAt === undefined ? {} : { expiresAt: expiresAt.toISOString() }),
      }
      const call = { body: posting, idempotencyKey, isSafe: true }
      const isLarge = documents.some(one => typeof one.content !== 'string')
      for (let tries = 1; ; tries++)
        try {
          return mailStanding.parse(await link.call('POST', '/v1/mail/messages', 'mail', call))
        } catch (thrown) {
          // A large document takes longer to be put away than a call waits; asked again, the platform goes on with it.
          const isBusy = thrown instanceof SekishoError && thrown.code === 'platform-unreachable'
          if (!isLarge || !isBusy || tries === largeTriesMax) throw thrown
        }
    },
    readMailStanding: async id =>
      mailStanding.parse(await link.call('GET', messagePath(id), 'mail', { isSafe: true })),
    readMailReceipts: async (id, letter) => {
      const found = mailReceiptList.parse(
        await link.call('GET', `${messagePath(id)}/receipts`, 'mail', { isSafe: true }),
      )
      const receipts: LetterReceipt[] = []
      for (const { receipt: jws } of found.receipts) {
        const receipt = mailReceipt.parse(await link.verify(jws, 'sekisho-mail-receipt+jwt'))
        const { evidence } = receipt
        const isThis =
          evidence.message === id &&
          (letter === undefined ||
            evidence.contentSha256 === (await contentSha256(letter, evidence.documents)))
        if (!isThis) throw new SekishoError('signature-invalid')
        receipts.push({ receipt, jws })
      }
      return receipts
    },
    withdrawMail: async id =>
      mailStanding.parse(
        await link.call('POST', `${messagePath(id)}/withdrawal`, 'mail', { isSafe: true }),
      ),
    postBulkMail: async (file, idempotencyKey) => {
      await using given = startUploading(link, {
        path: '/v1/mail/uploads',
        scope: 'mail',
        inlineMax: -1,
        isShared: true,
      })
      return mailBulkState.parse(
        await link.call('POST', '/v1/mail/bulk', 'mail', {
          body: await given.give(file),
          idempotencyKey,
          isSafe: true,
        }),
      )
    },
    readBulkMail: async id =>
      mailBulkState.parse(
        await link.call('GET', `/v1/mail/bulk/${encodeURIComponent(id)}`, 'mail', { isSafe: true }),
      ),
    readBulkMailResults: async id =>
      resultsOf(link, `/v1/mail/bulk/${encodeURIComponent(id)}/results`),
    listMail: async (after = 0) =>
      mailInTray.parse(
        await link.call('GET', `/v1/mail/in-tray?after=${after}`, 'mail', { isSafe: true }),
      ),
    fetchMail: async id =>
      mailReceived.parse(await link.call('GET', trayPath(id), 'mail', { isSafe: true })),
    readMailDocument: async (id, position, offset = 0) =>
      piecesOf(link, `${trayPath(id)}/documents/${position}`, offset),
    acknowledgeMail: async id =>
      mailReceived.parse(
        await link.call('POST', `${trayPath(id)}/acknowledgement`, 'mail', { isSafe: true }),
      ),
  }
}

/** One range a call, so that no call takes long and what breaks off costs no more than a piece. */
async function* piecesOf(link: Link, path: string, from: number): AsyncIterable<Uint8Array> {
  for (let offset = from, total = Number.POSITIVE_INFINITY; offset < total; ) {
    const range = `bytes=${offset}-${offset + pieceBytes - 1}`
    const answer = await link
      .send('mail', { method: 'GET', path, headers: { range }, isSafe: true })
      .catch((thrown: unknown) => {
        // Nothing is left beyond the end (RFC 9110 §15.5.17).
        if (thrown instanceof SekishoError && thrown.status === 416) return undefined
        throw thrown
      })
    if (answer === undefined) return
    const piece = new Uint8Array(await answer.arrayBuffer())
    if (answer.status !== 206) {
      // What is taken out of a container comes whole.
      yield piece.subarray(offset)
      return
    }
    total = Number(/\/(\d+)$/.exec(answer.headers.get('content-range') ?? '')?.[1])
    if (piece.length === 0 || !Number.isSafeInteger(total)) throw new SekishoError('unexpected')
    yield piece
    offset += piece.length
  }
}

async function* resultsOf(link: Link, path: string): AsyncIterable<MailBulkResult> {
  for (let after = 0; ; ) {
    const answer = await link.send('mail', {
      method: 'GET',
      path: `${path}?after=${after}`,
      isSafe: true,
    })
    const lines = (await answer.text()).split('\n').filter(line => line !== '')
    if (lines.length === 0) return
    for (const line of lines) {
      const result = mailBulkResult.parse(JSON.parse(line))
      after = result.line
      yield result
    }
  }
}

const pieceBytes = 4 * 1024 * 1024
/** Calls that wait for a large document: some minutes. */
const largeTriesMax = 20

async function contentSha256(
  letter: Pick<Letter, 'kind' | 'subject' | 'body'>,
  documents: readonly MailDocument[],
): Promise<string> {
  const { kind, subject, body } = letter
  const text = new TextEncoder().encode(mailContentText({ kind, subject, body, documents }))
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', text))
  return Array.from(digest, byte => byte.toString(16).padStart(2, '0')).join('')
}
