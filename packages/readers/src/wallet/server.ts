/**
 * The wallet: a reader as a web page at its own origin, over synthetic cards. The page that asks opens `/reader` as a
 * window of its own; the PIN is typed here and nowhere else.
 */
import { protocolNow } from '@sekisho/runtime/clock'
import {
  contentSecurityPolicy,
  createServer,
  type Reply,
  type Request,
} from '@sekisho/runtime/http'
import { defineMessages, type Log } from '@sekisho/runtime/log'
import type { Random } from '@sekisho/runtime/random'
import { frameAssets, type Lang, langCookie, langOf } from '@sekisho/web'
import { Refusal } from '@sekisho/contract'
import { z } from 'zod'
import { readAsked } from '../asked.ts'
import { type CardFolder, openCardFolder } from '../cards.ts'
import { prepareCeremony } from '../ceremony.ts'
import { walletReaderScript } from './browser/wallet-reader.ts'
import { createDesk } from './desk.ts'
import {
  type CardLabel,
  ceremonyPage,
  finishedPage,
  type KeyState,
  type Screen,
  waitingPage,
  walletCard,
  walletHome,
  walletRefusalPage,
  walletScriptPath,
} from './page.ts'
import { createWalletSessions } from './session.ts'

/** What a wallet needs to run. */
export type WalletSettings = {
  readonly port: number
  /** Scheme, host and port under which browsers reach it, such as `http://wallet.localhost:8083`. */
  readonly publicOrigin: string
  /** Folder of `<persona>.card.json` files. */
  readonly cardsFolder: string
  /** How cards are called, in the order in which they are offered; one without a label comes last under its persona's name. */
  readonly labels: Readonly<Record<string, CardLabel>>
  readonly random: Random
  readonly log: Log
}

/** A running wallet. */
export type Wallet = { readonly url: string; stop(): Promise<void> }

/** Starts the wallet's server. */
export async function startWallet(settings: WalletSettings): Promise<Wallet> {
  const server = await createServer({
    name: 'wallet',
    log: settings.log,
    publicOrigin: settings.publicOrigin,
    bodyBytesMax,
    renderRefusalPage: walletRefusalPage,
  })
  const cards = inOrder(openCardFolder(settings.cardsFolder), Object.keys(settings.labels))
  const common = { ...settings, now: protocolNow, cards }
  const counter: Counter = {
    ...common,
    desk: createDesk(common),
    sessions: createWalletSessions(common),
  }
  addPages(server.app, counter)
  addCeremonies(server.app, counter)
  await server.listen(settings.port)
  return { url: settings.publicOrigin, stop: () => server.stop() }
}

/** Cards with a label come first, in the labels' order; the others follow in their own. */
function inOrder(cards: CardFolder, labelled: readonly string[]): CardFolder {
  return {
    take: persona => cards.take(persona),
    async personas() {
      const present = await cards.personas()
      const known = labelled.filter(persona => present.includes(persona))
      return [...known, ...present.filter(persona => !known.includes(persona))]
    },
  }
}

type App = Awaited<ReturnType<typeof createServer>>['app']

type Counter = WalletSettings & {
  readonly cards: CardFolder
  readonly desk: ReturnType<typeof createDesk>
  readonly sessions: ReturnType<typeof createWalletSessions>
}

function addPages(app: App, wallet: Counter): void {
  for (const { path, contentType, body } of frameAssets) {
    app.get(path, (_request, reply) => reply.type(contentType).send(body))
  }
  app.get(walletScriptPath, (_request, reply) =>
    reply.type('text/javascript; charset=utf-8').send(walletReaderScript),
  )
  app.get('/', async (request, reply) =>
    send(reply, walletHome(screenOf(wallet, request, reply), await wallet.cards.personas())),
  )
  app.get('/cards/:persona', { schema: { params: personaParams } }, async (request, reply) => {
    const { persona } = request.params
    await using held = await wallet.cards.take(persona)
    const stateOf = async (kind: 'authentication' | 'signature'): Promise<KeyState> => {
      const prepared = await prepareCeremony(held.card, kind)
      return prepared.kind === 'done' ? prepared.value : { trouble: prepared.reason }
    }
    const keys = {
      authentication: await stateOf('authentication'),
      signature: await stateOf('signature'),
    }
    return send(reply, walletCard(screenOf(wallet, request, reply), persona, keys))
  })
  app.get('/reader', (request, reply) => {
    const { token } = wallet.sessions.open(request, reply)
    return send(reply, waitingPage(screenOf(wallet, request, reply), token))
  })
}

function addCeremonies(app: App, wallet: Counter): void {
  const { desk, sessions } = wallet
  app.post('/ceremonies', { schema: { body: ceremonyBody } }, async (request, reply) => {
    const { token, origin, request: asked } = request.body
    const session = sessions.demand(request, token)
    const begun = desk.begin(session.id, origin, readAsked(asked))
    if (begun === undefined) throw new Refusal('request-malformed', { fields: 'request' })
    return reply.code(201).send({ location: `/ceremonies/${begun}` })
  })
  app.get(
    '/ceremonies/:ceremony',
    { schema: { params: ceremonyParams } },
    async (request, reply) => {
      const session = sessions.open(request, reply)
      const ceremony = desk.find(session.id, request.params.ceremony)
      const screen = screenOf(wallet, request, reply)
      if (ceremony.asked === undefined || ceremony.standing.kind === 'finished') {
        return send(reply, finishedPage(screen, ceremony.standing, ceremony.origin))
      }
      const { token, persona } = session
      const personas = await wallet.cards.personas()
      return send(reply, ceremonyPage(screen, ceremony, { token, persona, personas }))
    },
  )
  app.get(
    '/ceremonies/:ceremony/document',
    { schema: { params: ceremonyParams } },
    async (request, reply) => {
      const session = sessions.open(request, reply)
      const { asked } = desk.find(session.id, request.params.ceremony)
      if (asked?.kind !== 'sign' || asked.shown.kind !== 'pdf') throw new Refusal('not-found')
      return reply
        .type('application/pdf')
        .header('content-security-policy', contentSecurityPolicy({ 'frame-ancestors': ["'self'"] }))
        .header('content-disposition', 'inline; filename="document.pdf"')
        .send(Buffer.from(asked.document))
    },
  )
  const onward = (reply: Reply, ceremony: string): Reply =>
    reply.redirect(`/ceremonies/${ceremony}`, 303)
  app.post(
    '/ceremonies/:ceremony/card',
    { schema: { params: ceremonyParams, body: cardBody } },
    async (request, reply) => {
      const session = sessions.demand(request, request.body.token)
      session.persona = request.body.persona
      await desk.chooseCard(session.id, request.params.ceremony, request.body.persona)
      return onward(reply, request.params.ceremony)
    },
  )
  app.post(
    '/ceremonies/:ceremony/pin',
    { schema: { params: ceremonyParams, body: pinBody } },
    async (request, reply) => {
      const { token, pin, confirm } = request.body
      const session = sessions.demand(request, token)
      await desk.enterPin(session.id, request.params.ceremony, pin, confirm === 'yes')
      tell(wallet, session.id, request.params.ceremony)
      return onward(reply, request.params.ceremony)
    },
  )
  app.post(
    '/ceremonies/:ceremony/stop',
    { schema: { params: ceremonyParams, body: tokenBody } },
    async (request, reply) => {
      const session = sessions.demand(request, request.body.token)
      await desk.stop(session.id, request.params.ceremony)
      tell(wallet, session.id, request.params.ceremony)
      return onward(reply, request.params.ceremony)
    },
  )
}

function tell(wallet: Counter, session: string, ceremony: string): void {
  const { standing, asked } = wallet.desk.find(session, ceremony)
  if (standing.kind !== 'finished' || asked === undefined) return
  wallet.log.write(messages['readers.ceremony-finished'], {
    purpose: asked.request.purpose,
    result: standing.answer.type === 'refused' ? standing.answer.code : standing.answer.type,
  })
}

/** `referrer-policy: same-origin`, because under `no-referrer` browsers send `Origin: null` with our own forms. */
function send(reply: Reply, document: string): Reply {
  return reply
    .type('text/html; charset=utf-8')
    .header('content-security-policy', policy)
    .header('referrer-policy', 'same-origin')
    .send(document)
}

function screenOf(wallet: Counter, request: Request, reply: Reply): Screen {
  const lang: Lang = langOf({ url: request.url, cookie: request.headers.cookie })
  if (new URL(request.url, wallet.publicOrigin).searchParams.has('lang')) {
    reply.header('set-cookie', `${langCookie}=${lang}; Path=/; SameSite=Lax`)
  }
  return { lang, labels: wallet.labels }
}

const policy = contentSecurityPolicy({
  'script-src': ["'self'"],
  'connect-src': ["'self'"],
  'frame-src': ["'self'"],
})

const personaParams = z.object({ persona: z.string().max(64) })
const ceremonyParams = z.object({ ceremony: z.string().max(64) })
const token = z.string().max(64)
const ceremonyBody = z.strictObject({ token, origin: z.string().max(512), request: z.unknown() })
const tokenBody = z.object({ token })
const cardBody = z.object({ token, persona: z.string().max(64) })
const pinBody = z.object({ token, pin: z.string().max(64), confirm: z.string().max(8).optional() })

/** A document of 1 MiB in base64 and what surrounds it. */
const bodyBytesMax = 2 * 1024 * 1024

const messages = defineMessages({
  'readers.ceremony-finished': {
    level: 'info',
    text: 'a card ceremony ended',
    fields: { purpose: 'code', result: 'code' },
  },
})
