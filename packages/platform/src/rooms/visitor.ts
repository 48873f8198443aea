/**
 * Who is at the pages below `/me`, and what they sign there: a room shows pages to the person whose card opened this browser's session,
 * and has documents signed by the card without any provider.
 */
import { problemOf, Refusal, type SigningTransactionRequest } from '@sekisho/contract'
import type { FourAttributes } from '@sekisho/pki'
import type { Cookie, Reply, Request } from '@sekisho/runtime/http'
import type { Transaction } from '@sekisho/runtime/store'
import {
  cardCeremonyForm,
  cardCeremonyPath,
  type CeremonyReaders,
  html,
  type Lang,
  linkButton,
  type Markup,
  page,
  pairs,
  refusalPage,
} from '@sekisho/web'
import { parseAnswer } from '../confirm/answer.ts'
import { createTransaction, finishSign, waitingTransaction } from '../confirm/sign.ts'
import type { PlatformTables } from '../database.ts'
import { signRequest } from '../login/card-step.ts'
import { beginCeremony, findCeremony } from '../login/ceremony.ts'
import { serviceName } from '../login/interaction-page.ts'
import { assertOwnPost } from '../login/own-post.ts'
import { ensureBrowser, langFor, prefersHtml, sendPage } from '../login/screen.ts'
import { messages } from '../message.ts'
import type { OwnSessions } from '../own-page/own-session.ts'
import { pairwiseSubject } from '../people/link.ts'
import { ownProviderId } from '../providers/registry.ts'
import type { World } from '../world.ts'

/** A person at a page. */
export type Visit = {
  readonly personId: string
  readonly lang: Lang
  readonly request: Request
  readonly reply: Reply
}

/** What a person is to sign here. */
export type ToSign = Pick<SigningTransactionRequest, 'title' | 'mediaType'> & {
  readonly format: NonNullable<SigningTransactionRequest['format']>
  readonly document: Uint8Array
  /** Names this wish: the same one again shows the same document (8 to 128 characters). */
  readonly key: string
  /** Where the answer is sent, below `/me/`. */
  readonly action: string
  /** What signing brings about. */
  readonly lead: string
  /** Where to go instead. */
  readonly back: string
}

/** A document that was signed here, inside the transaction that keeps it. */
export type SignedHere = {
  readonly transactionId: string
  readonly personId: string
  readonly document: Uint8Array
  /** SHA-256 in hex. */
  readonly documentSha256: string
  /** The signed file; undefined for a bare signature. */
  readonly file: Uint8Array | undefined
  readonly receipt: string
  /** The signer's, from the certificate. */
  readonly attributes: FourAttributes
  /** Domain time. */
  readonly at: number
}

/** Those who come to the pages below `/me`. */
export type Visitors = {
  /**
   * Shows a page to the person of this browser; where there is none, the card is asked for, and the browser comes back. A refusal
   * becomes a page with the way back to `home`.
   */
  show(
    request: Request,
    reply: Reply,
    home: string,
    work: (visit: Visit) => Promise<Reply>,
  ): Promise<Reply>
  /** The same for a form: it must have been sent by one of our own pages. */
  act(
    request: Request,
    reply: Reply,
    home: string,
    work: (visit: Visit) => Promise<Reply>,
  ): Promise<Reply>
  /** Sends a page. */
  send(visit: Visit, body: readonly Markup[], given: { readonly title: string }): Reply
  /** Shows a document and asks for the card's signature over it. */
  askToSign(visit: Visit, asked: ToSign): Promise<Reply>
  /**
   * Takes the card's answer; `also` runs in the transaction that keeps the signed document. Refusals as of a signing, `signer-is-another`
   * for another's card.
   */
  signed(
    visit: Visit,
    answer: string,
    also: (tx: Transaction<PlatformTables>, signed: SignedHere) => Promise<void>,
  ): Promise<void>
}

/** The interaction that card steps below `/me` belong to. */
export const ownUid = 'me'

/** How the platform looks up the certificates of those who sign here. */
const own = { id: ownProviderId, revocation: 'crl', freshnessMs: undefined } as const

/** Makes the visitors of the own pages. */
export function createVisitors(given: {
  readonly world: World
  readonly readers: CeremonyReaders
  readonly sessions: OwnSessions
  readonly cookie: Cookie
}): Visitors {
  const { world, sessions } = given
  const show: Visitors['show'] = async (request, reply, home, work) => {
    const personId = await sessions.read(request)
    const lang = langFor(request)
    if (personId === undefined) return reply.redirect(entranceTo(request, home), 303)
    try {
      return await work({ personId, lang, request, reply })
    } catch (error) {
      if (!(error instanceof Refusal) || !prefersHtml(request)) throw error
      world.log.write(messages['platform.interaction-refused'], {
        kind: 'room',
        provider: ownProviderId,
        refusal: error.code,
      })
      const back = html`<p>${linkButton(home, lang === 'ja' ? '戻る' : 'Back')}</p>`
      const service = { name: serviceName[lang], home: '/' }
      return reply
        .code(problemOf(error).status)
        .type('text/html; charset=utf-8')
        .header('cache-control', 'no-store')
        .send(refusalPage(error, { lang, service, back }))
    }
  }
  return {
    show,
    act: (request, reply, home, work) => {
      assertOwnPost(request, world.issuer)
      return show(request, reply, home, work)
    },
    send: ({ lang, request, reply }, body, { title }) =>
      sendPage(reply, {
        page: page({
          title,
          lang,
          service: { name: serviceName[lang], home: '/me' },
          path: request.url.split('?')[0] ?? '/me',
          body,
        }),
        readers: given.readers,
        formOrigins: [],
      }),
    askToSign: (visit, asked) => askToSign(given, visit, asked),
    signed: (visit, answer, also) => takeSigned(given, visit, answer, also),
  }
}

/** A form that was sent too late cannot be sent again by itself: the person comes back to where it stands. */
function entranceTo(request: Request, home: string): string {
  const next = request.method === 'GET' ? request.url : home
  return `/me?${new URLSearchParams({ next }).toString()}`
}

/** Where a browser may go after the card: a page below `/me/`, written plainly. */
export function nextOf(url: string): string | undefined {
  const next = new URL(url, 'http://own').searchParams.get('next')
  return next !== null && /^\/me\/[\w/?=&.:-]{1,300}$/.test(next) ? next : undefined
}

type Parts = Parameters<typeof createVisitors>[0]

async function askToSign(
  { world, readers, cookie }: Parts,
  { personId, lang, request, reply }: Visit,
  asked: ToSign,
): Promise<Reply> {
  const at = world.clock.now()
  const subject = await world.store.transaction(tx =>
    pairwiseSubject(tx, { providerId: ownProviderId, personId }, { at, random: world.random }),
  )
  const { title, mediaType, format, document } = asked
  const { id: transactionId } = await createTransaction(
    world,
    own,
    { subject, title, mediaType, format, document: Buffer.from(document).toString('base64') },
    `${personId} ${asked.key}`,
  )
  const browser = ensureBrowser(cookie, request, reply, world.random)
  const signingTime = format === 'raw' ? null : Math.floor(at / 1000) * 1000
  const { id } = await beginCeremony(world.store, world.random, {
    uid: ownUid,
    providerId: ownProviderId,
    browser,
    kind: 'sign',
    document,
    transactionId,
    signingTime,
  })
  const container =
    format === 'raw' || signingTime === null
      ? undefined
      : { format, signingTime: new Date(signingTime).toISOString().replace('.000Z', 'Z') }
  const ceremony = signRequest(id, 'sign', { title, mediaType, document, container })
  const say = words[lang]
  const body = [
    html`<p class="lead">${asked.lead}</p>`,
    pairs([
      [say.document, title],
      [say.need, say.needText],
    ]),
    mediaType === 'application/pdf'
      ? html`<p>${say.binary}</p>`
      : html`<h2>${title}</h2><pre tabindex="0" role="region" aria-label="${title}">${new TextDecoder().decode(document)}</pre>`,
    cardCeremonyForm({ action: asked.action, request: ceremony, readers, lang }),
    html`<p>${linkButton(asked.back, say.back)}</p>`,
  ]
  return sendPage(reply, {
    page: page({
      title: say.sign,
      lang,
      service: { name: serviceName[lang], home: '/me' },
      path: request.url.split('?')[0] ?? '/me',
      scripts: [cardCeremonyPath],
      body,
    }),
    readers,
    formOrigins: [],
  })
}

async function takeSigned(
  { world, cookie }: Parts,
  visit: Visit,
  text: string,
  also: Parameters<Visitors['signed']>[2],
): Promise<void> {
  const answer = parseAnswer(text)
  if (answer.type !== 'signed') throw new Refusal('ceremony-malformed')
  const secret = cookie.read(visit.request)
  const by = { uid: ownUid, browser: secret === undefined ? undefined : { secret } }
  const ceremony = await findCeremony(world.store, { kind: 'sign', id: answer.id }, by)
  const waiting = await waitingTransaction(world, own, ceremony.transactionId ?? '')
  if (waiting.personId !== visit.personId) throw new Refusal('session-foreign')
  const step = { ...by, provider: own, origin: world.issuer }
  await finishSign(world, step, waiting, answer, async (tx, signed) => {
    const { attributes, at } = signed.judged
    // Only signature certificates pass here, and these carry them.
    if (attributes === undefined) throw new Refusal('certificate-malformed')
    await also(tx, {
      transactionId: waiting.id,
      personId: signed.personId,
      document: waiting.document,
      documentSha256: signed.documentSha256,
      file: signed.file,
      receipt: signed.receipt,
      attributes,
      at,
    })
  })
}

const words = {
  ja: {
    sign: '署名する',
    document: '署名する文書',
    need: '必要なもの',
    needText: 'マイナンバーカードと、6文字から16文字の署名用パスワード',
    binary: '文書の内容は、カードリーダーの画面に表示されます。',
    back: '署名しないで戻る',
  },
  en: {
    sign: 'Sign',
    document: 'Document to sign',
    need: 'You need',
    needText: 'your My Number card and its signature password of 6 to 16 characters',
    binary: 'The document is shown on the reader’s screen.',
    back: 'Go back without signing',
  },
} as const
