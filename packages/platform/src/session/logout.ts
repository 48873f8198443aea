/**
 * Logging out from one provider (OpenID Connect RP-Initiated Logout 1.0): the provider sends the browser here with the ID token it was
 * given; the sessions of that person at that provider end. Others are ended by the person, on the page of one's own records.
 */
import { Refusal } from '@sekisho/contract'
import type { App, Reply, Request } from '@sekisho/runtime/http'
import { html, page } from '@sekisho/web'
import { z } from 'zod'
import { serviceName } from '../login/interaction-page.ts'
import type { OpenId } from '../login/open-id.ts'
import { langFor } from '../login/screen.ts'
import { personOfSubject } from '../people/link.ts'
import { findProvider } from '../providers/registry.ts'
import type { World } from '../world.ts'
import { endSessions } from './provider-session.ts'

/** Where it lies; discovery names it. */
const logoutPath = '/logout'

/** Bytes of an ID token, with room: ours have some 700. */
const idTokenMax = 4096

const asked = z.object({
  id_token_hint: z.string().max(idTokenMax).optional(),
  client_id: z.string().max(64).optional(),
  post_logout_redirect_uri: z.string().max(2048).optional(),
  state: z.string().max(2048).optional(),
})
type Asked = z.infer<typeof asked>

const words = {
  ja: {
    title: 'ログアウト',
    done: 'サービスからログアウトしました。',
    none: 'ここにはログインの状態がありません。どのサービスから来たか分からないため、何も変えていません。',
    all: 'ほかのサービスからもログアウトするには',
    own: 'あなたの同意と利用記録',
  },
  en: {
    title: 'Log out',
    done: 'You are logged out of the service.',
    none: 'Nobody is logged in here. Nothing was changed, for it is not known from which service you came.',
    all: 'To log out of other services as well:',
    own: 'Your consents and records',
  },
} as const

/** Adds the route, for addresses and for forms. */
export function addLogoutRoute(
  app: App,
  given: { readonly world: World; readonly openId: OpenId },
): void {
  const hide = true
  app.get(logoutPath, { schema: { querystring: asked, hide } }, (request, reply) =>
    logOut(given, request, reply, request.query),
  )
  app.post(logoutPath, { schema: { body: asked, hide } }, (request, reply) =>
    logOut(given, request, reply, request.body),
  )
}

/**
 * Ends the sessions that the ID token names. Refusals `request-malformed` for a token that this platform did not issue to that
 * client, `redirect-mismatch` for an address that is not registered: nothing is ended then, and the browser goes nowhere.
 */
async function logOut(
  { world, openId }: { readonly world: World; readonly openId: OpenId },
  request: Request,
  reply: Reply,
  given: Asked,
): Promise<Reply> {
  if (given.id_token_hint === undefined) return tell(request, reply, 'none')
  const named = await openId.readIdToken(given.id_token_hint)
  if (named === undefined || (given.client_id ?? named.providerId) !== named.providerId)
    throw new Refusal('request-malformed', { field: 'id_token_hint' })
  const provider = await findProvider(world.store, named.providerId)
  const address = given.post_logout_redirect_uri
  const registered = provider?.metadata.post_logout_redirect_uris ?? []
  if (address !== undefined && !registered.includes(address)) throw new Refusal('redirect-mismatch')
  await world.store.transaction(async tx => {
    const personId = await personOfSubject(tx, named.providerId, named.subject)
    if (personId === undefined) return
    await endSessions(tx, { personId, providerId: named.providerId }, named.providerId)
  })
  if (address === undefined) return tell(request, reply, 'done')
  const back = new URL(address)
  if (given.state !== undefined) back.searchParams.set('state', given.state)
  return reply.redirect(back.href, 303)
}

function tell(request: Request, reply: Reply, what: 'done' | 'none'): Reply {
  const lang = langFor(request)
  const say = words[lang]
  return reply
    .type('text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .send(
      page({
        title: say.title,
        lang,
        service: { name: serviceName[lang], home: '/' },
        path: logoutPath,
        body: html`<p class="lead">${say[what]}</p><p>${say.all} <a href="/me">${say.own}</a></p>`,
      }),
    )
}
