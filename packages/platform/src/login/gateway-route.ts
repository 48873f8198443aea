/**
 * The way of a login through another OpenID Provider and back: offered on the page of a card step where the request asked for it and the provider's
 * registration allows it, taken up again under the interaction, whose cookie says that it is the same browser.
 */
import { acr, problemOf, Refusal } from '@sekisho/contract'
import { parseCertificate } from '@sekisho/pki'
import type { App, Reply, Request } from '@sekisho/runtime/http'
import { createCookie } from '@sekisho/runtime/http'
import { html, type Lang, linkButton, type Markup, refusalPage } from '@sekisho/web'
import { z } from 'zod'
import { fromBase64Url, parseAnswer } from '../confirm/answer.ts'
import {
  beginUpstreamLogin,
  enterByUpstream,
  linkProven,
  provenUpstream,
  takeUpstreamAnswer,
} from '../gateway/login.ts'
import type { Upstreams, UpstreamSettings } from '../gateway/upstream.ts'
import type { Provider } from '../providers/registry.ts'
import type { World } from '../world.ts'
import { kindOf, outcomeOf } from './card-step.ts'
import { serviceName } from './interaction-page.ts'
import type { Interaction, OpenId } from './open-id.ts'
import { langFor, prefersHtml } from './screen.ts'

type GatewayWorld = {
  readonly world: World
  readonly openId: OpenId
  readonly upstreams: Upstreams
}

/** Runs a step of the browser's interaction, as all pages below `/interaction/` do. */
type Told = (
  request: Request & { readonly params: { readonly uid: string } },
  reply: Reply,
  step: (interaction: Interaction) => Promise<Reply>,
) => Promise<Reply>

const words = {
  ja: {
    others: 'ほかのログインを使う',
    text: '一度カードと結び付けたログインは、次からカードなしで使えます。カードより弱い方法として、サービスに伝えられます。',
    go: (name: string) => `${name}でログイン`,
    link: 'カードと結び付けます',
    linkText: (name: string) =>
      `${name}でのログインが、これから使うカードの持ち主のものになります。ご自身で${name}にログインした場合だけ、カードを使ってください。`,
    card: 'カードを使う',
  },
  en: {
    others: 'Use another login',
    text: 'A login that was linked to your card once serves without it. The service is told that it is weaker than the card.',
    go: (name: string) => `Log in with ${name}`,
    link: 'It will be linked to your card',
    linkText: (name: string) =>
      `The login at ${name} will be that of the holder of the card that is used now. Use your card only if it was you who logged in at ${name}.`,
    card: 'Use the card',
  },
} as const

/** Where a request may be met by another login: those that the provider takes, where it asked for nothing stronger. */
function offeredTo(
  { upstreams }: GatewayWorld,
  provider: Provider,
  interaction: Interaction,
): readonly UpstreamSettings[] {
  if (!interaction.isGatewayFit || kindOf(interaction) !== 'login') return []
  return upstreams.among(provider.metadata.sekisho_gateways ?? [])
}

/** What the page of the card step shows of it: the ways there, or what using the card now will link. */
export async function gatewayParts(
  given: GatewayWorld,
  provider: Provider,
  interaction: Interaction,
  lang: Lang,
): Promise<{
  readonly others?: Markup
  readonly caution?: { readonly title: string; readonly text: string }
}> {
  const offered = offeredTo(given, provider, interaction)
  if (offered.length === 0) return {}
  const say = words[lang]
  const proven = await provenUpstream(given.world.store, interaction.uid)
  const known = offered.find(each => each.id === proven)
  if (known !== undefined)
    return { caution: { title: say.link, text: say.linkText(known.name[lang]) } }
  const links = offered.map(({ id, name }) =>
    linkButton(`/interaction/${interaction.uid}/gateway/${id}`, say.go(name[lang]), 'second'),
  )
  return {
    others: html`<h2>${say.others}</h2><p>${say.text}</p><div class="actions">${links}</div>`,
  }
}

/** Links what another provider has proven in this interaction to whom the card step was done by. */
export async function linkAfterCard(
  world: World,
  interaction: Interaction,
  given: { readonly personId: string; readonly answer: string },
): Promise<void> {
  if (!interaction.isGatewayFit || kindOf(interaction) !== 'login') return
  const answer = parseAnswer(given.answer)
  if (answer.type !== 'authenticated') return
  const serial = parseCertificate(fromBase64Url(answer.certificate)).serialHex
  await linkProven(world, { uid: interaction.uid, personId: given.personId, serial })
}

/** Adds the routes below an interaction: going there, and coming back from the answer. */
export function addGatewaySteps(
  app: App,
  given: GatewayWorld & { readonly admitted: (asked: Interaction) => Promise<Provider> },
  told: Told,
): void {
  const { world, openId } = given
  const hide = true
  const uid = z.string().max(64)
  app.get(
    '/interaction/:uid/gateway/:id',
    { schema: { params: z.object({ uid, id: z.string().max(32) }), hide } },
    (request, reply) =>
      told(request, reply, async interaction => {
        const provider = await given.admitted(interaction)
        const { id } = request.params
        if (!offeredTo(given, provider, interaction).some(each => each.id === id))
          throw new Refusal('not-found')
        const asked = { uid: interaction.uid, upstream: id }
        const begun = await beginUpstreamLogin(world, given.upstreams, asked)
        gatewayCookie(world.issuer).write(reply, begun.secret)
        return reply.redirect(begun.address, 303)
      }),
  )
  app.get(
    '/interaction/:uid/gateway',
    { schema: { params: z.object({ uid }), hide } },
    (request, reply) =>
      told(request, reply, async interaction => {
        const provider = await given.admitted(interaction)
        const upstreams = offeredTo(given, provider, interaction).map(each => each.id)
        const asked = { uid: interaction.uid, providerId: provider.id, upstreams }
        const entered = await enterByUpstream(world, asked)
        if (entered === undefined) return reply.redirect(`/interaction/${interaction.uid}`, 303)
        const { personId, serial } = entered
        const done = { personId, acr: acr.gateway, scopes: ['openid'] }
        const outcome = await outcomeOf(given, interaction, serial, done)
        return reply.redirect(await openId.finish(request, reply, outcome), 303)
      }),
  )
}

/** Adds the routes that other providers know: where they send people back, and the key that they register. */
export function addGatewayRoutes(app: App, given: Omit<GatewayWorld, 'openId'>): void {
  const { world, upstreams } = given
  const hide = true
  app.get('/gateway/jwks', { schema: { hide } }, async (_request, reply) =>
    reply.type('application/json').send(await upstreams.keys()),
  )
  app.get(
    '/gateway/:id/callback',
    { schema: { params: z.object({ id: z.string().max(32) }), hide } },
    async (request, reply) => {
      const secret = gatewayCookie(world.issuer).read(request)
      const query = request.url.slice(request.url.indexOf('?') + 1)
      try {
        const answer = { upstream: request.params.id, query, secret }
        const uid = await takeUpstreamAnswer(world, upstreams, answer)
        return reply.redirect(`/interaction/${uid}/gateway`, 303)
      } catch (error) {
        if (!(error instanceof Refusal) || !prefersHtml(request)) throw error
        const lang = langFor(request)
        const service = { name: serviceName[lang], home: '/' }
        return reply
          .code(problemOf(error).status)
          .type('text/html; charset=utf-8')
          .header('cache-control', 'no-store')
          .send(refusalPage(error, { lang, service }))
      }
    },
  )
}

/** Binds the answer to the browser that went; it comes along when that browser is sent back. */
function gatewayCookie(publicOrigin: string) {
  return createCookie({ name: 'sekisho_gateway', publicOrigin, sameSite: 'lax', path: '/gateway' })
}
