/**
 * The providers' console (C6): a server of its own at an origin of its own. A firm registers by itself, describes services, tries them,
 * and applies for production; it sees its own services and nothing of people.
 */
import { Refusal } from '@sekisho/contract'
import {
  type App,
  contentSecurityPolicy,
  createServer,
  type Reply,
  type Request,
  type Server,
} from '@sekisho/runtime/http'
import type { Fetch } from '@sekisho/runtime/net'
import {
  frameAssets,
  keyMakerAsset,
  type Lang,
  langOf,
  liveAsset,
  type Markup,
  passkeyAsset,
  refusalPage,
} from '@sekisho/web'
import { z } from 'zod'
import { assertOwnPost } from '../login/own-post.ts'
import { browserCookie, ensureBrowser } from '../login/screen.ts'
import { assertionAnswer, createPasskeys, registrationAnswer } from '../passkey/passkey.ts'
import { activeProvider, findProvider } from '../providers/registry.ts'
import type { World } from '../world.ts'
import { type Account, accountRequest, addAccount, createAccountSessions } from './account.ts'
import {
  contractVersion,
  describeService,
  ownApplication,
  servicesOf,
  submitService,
} from './application.ts'
import { checkRegistration } from './check.ts'
import {
  describeBody,
  entranceBody,
  onboardingName,
  onboardingPage,
  replayBody,
  serviceBody,
  servicesBody,
  webhookBody,
} from './page.ts'
import { addPaperRoutes } from './paper-route.ts'
import { replay, type ReplayTickets } from './replay.ts'
import { tracesOf } from './trace.ts'
import { tryWebhook } from './webhook.ts'
import { onboardingWords } from './word.ts'

/** What the console is made of. */
export type OnboardingSettings = {
  readonly world: World
  readonly mode: 'town' | 'production'
  readonly publicOrigin: string
  readonly providerFetch: Fetch
  /** The interface for providers, to put requests to it again. */
  readonly api: App
  readonly tickets: ReplayTickets
}

type Desk = OnboardingSettings & {
  readonly app: App
  readonly sessions: ReturnType<typeof createAccountSessions>
}

/** Makes the console's server, which does not listen yet. */
export async function createOnboarding(given: OnboardingSettings): Promise<Server> {
  const { world, publicOrigin } = given
  const server = await createServer({
    name: 'providers',
    log: world.log,
    publicOrigin,
    renderRefusalPage: (refusal, lang) =>
      refusalPage(refusal, { lang, service: { name: onboardingName[lang], home: '/' } }),
  })
  const { app } = server
  for (const asset of [...frameAssets, passkeyAsset, keyMakerAsset, liveAsset])
    app.get(asset.path, (_request, reply) => reply.type(asset.contentType).send(asset.body))
  const sessions = createAccountSessions(world.store, world.random, publicOrigin)
  const desk: Desk = { ...given, app, sessions }
  addEntrance(desk)
  addServices(desk)
  addPapers(desk)
  addTools(desk)
  return server
}

function addEntrance({ app, world, sessions, publicOrigin }: Desk): void {
  const cookie = browserCookie(publicOrigin, '/')
  const passkeys = createPasskeys({ ...world, publicOrigin, area: 'provider' })
  const browserOf = (request: Request): string => {
    const secret = cookie.read(request)
    if (secret === undefined) throw new Refusal('passkey-unverified')
    return secret
  }
  app.get('/', async (request, reply) => {
    const account = await sessions.find(request)
    const lang = langFor(request)
    const say = onboardingWords[lang]
    if (account === undefined) {
      ensureBrowser(cookie, request, reply, world.random)
      const body = entranceBody(lang)
      const scripts = [passkeyAsset.path]
      return send(
        reply,
        onboardingPage({
          lang,
          title: onboardingName[lang],
          path: '/',
          account: undefined,
          scripts,
          body,
        }),
      )
    }
    const body = servicesBody(await servicesOf(world.store, account.id), lang)
    return send(reply, onboardingPage({ lang, title: say.services, path: '/', account, body }))
  })
  app.post('/passkey/question', async request => {
    assertOwnPost(request, publicOrigin)
    return passkeys.askAssertion(browserOf(request))
  })
  app.post('/passkey/answer', { schema: { body: assertionAnswer } }, async (request, reply) => {
    assertOwnPost(request, publicOrigin)
    const session = await passkeys.takeAssertion(browserOf(request), request.body, (tx, id) =>
      sessions.open(tx, id),
    )
    session.hand(reply)
    return { goTo: '/' }
  })
  app.post('/passkey/registration', { schema: { body: accountRequest } }, async request => {
    assertOwnPost(request, publicOrigin)
    const { name, company } = request.body
    const person = {
      id: world.random.uuidv7(world.clock.now()),
      name: `${company} ${name}`,
    }
    return passkeys.askRegistration(browserOf(request), person, request.body)
  })
  app.post(
    '/passkey/registered',
    { schema: { body: registrationAnswer } },
    async (request, reply) => {
      assertOwnPost(request, publicOrigin)
      const at = world.clock.now()
      const session = await passkeys.takeRegistration(
        browserOf(request),
        request.body,
        at,
        async (tx, id, detail) => {
          await addAccount(tx, { id, ...accountRequest.parse(detail) }, at)
          return sessions.open(tx, id)
        },
      )
      session.hand(reply)
      return { goTo: '/' }
    },
  )
  app.post('/leave', async (request, reply) => {
    assertOwnPost(request, publicOrigin)
    await sessions.end(request, reply)
    return reply.redirect('/', 303)
  })
}

/** A page of somebody who is known; others are shown the entrance. */
function view(
  desk: Desk,
  path: string,
  titleOf: (say: (typeof onboardingWords)[Lang]) => string,
  body: (
    account: Account,
    given: { readonly id: string; readonly lang: Lang },
  ) => Promise<readonly Markup[] | { readonly title: string; readonly parts: readonly Markup[] }>,
  scripts: readonly string[] = [],
): void {
  desk.app.get(path, async (request, reply) => {
    const account = await desk.sessions.find(request)
    if (account === undefined) return reply.redirect('/', 303)
    const lang = langFor(request)
    const { id = '' } = z.object({ id: z.string().max(63).optional() }).parse(request.params)
    const shown = await body(account, { id, lang })
    const { title, parts } =
      'parts' in shown ? shown : { title: titleOf(onboardingWords[lang]), parts: shown }
    return send(
      reply,
      onboardingPage({ lang, title, path: request.url, account, scripts, body: parts }),
    )
  })
}

/** A form's fields; several of one name are an array. */
const form = z.record(z.string(), z.union([z.string(), z.array(z.string())]))

function addServices(desk: Desk): void {
  const { app, world, sessions, publicOrigin, mode } = desk
  const keyMaker = [keyMakerAsset.path]
  view(
    desk,
    '/services/new',
    say => say.addService,
    async (_account, { lang }) => describeBody(undefined, { lang, mode }),
    keyMaker,
  )
  view(
    desk,
    '/services/:id/edit',
    say => say.change,
    async (account, { id, lang }) =>
      describeBody((await ownApplication(world.store, account.id, id)).metadata, { lang, mode }),
    keyMaker,
  )
  view(
    desk,
    '/services/:id',
    say => say.service,
    async (account, { id, lang }) => {
      const application = await ownApplication(world.store, account.id, id)
      const registered = await findProvider(world.store, id)
      const parts = serviceBody({
        lang,
        mode,
        issuer: world.issuer,
        application,
        findings: checkRegistration(application.metadata),
        isRegistered: registered !== undefined,
        isSandbox: registered?.metadata.sekisho_stage === 'sandbox',
        contractVersion,
        traces: await tracesOf(world.store, id),
      })
      return { title: application.metadata.client_name, parts }
    },
    [liveAsset.path],
  )
  app.post('/services', { schema: { body: form } }, async (request, reply) => {
    assertOwnPost(request, publicOrigin)
    const account = await sessions.demand(request)
    const candidate = metadataOfForm(request.body)
    const { id } = await describeService(world, { account: account.id, candidate, mode })
    return reply.redirect(`/services/${id}`, 303)
  })
  const params = z.object({ id: z.string().max(63) })
  app.get('/services/:id/configuration.json', { schema: { params } }, async (request, reply) => {
    const account = await sessions.demand(request)
    const { metadata } = await ownApplication(world.store, account.id, request.params.id)
    return reply
      .type('application/json')
      .header('content-disposition', `attachment; filename="${request.params.id}.json"`)
      .send(`${JSON.stringify(metadata, null, 2)}\n`)
  })
  app.post(
    '/services/:id/submit',
    { schema: { params, body: z.looseObject({ contract: z.string().max(20) }) } },
    async (request, reply) => {
      assertOwnPost(request, publicOrigin)
      const account = await sessions.demand(request)
      const { contract, ...facts } = request.body
      const { id } = request.params
      await submitService(world, { account: account.id, id, facts, contract })
      return reply.redirect(`/services/${id}`, 303)
    },
  )
}

function addPapers({ app, world, sessions }: Desk): void {
  addPaperRoutes(app, {
    world,
    folder: '/services',
    find: async (request, id) => {
      const account = await sessions.demand(request)
      return ownApplication(world.store, account.id, id)
    },
  })
}

function addTools(desk: Desk): void {
  const { app, world, sessions, publicOrigin } = desk
  const own = async (request: Request, id: string) => {
    assertOwnPost(request, publicOrigin)
    const account = await sessions.demand(request)
    await ownApplication(world.store, account.id, id)
    return { account, provider: await activeProvider(world.store, id) }
  }
  const params = z.object({ id: z.string().max(63) })
  const endpoint = z.object({ endpoint: z.string().max(2000) })
  app.post(
    '/services/:id/webhook',
    { schema: { params, body: endpoint } },
    async (request, reply) => {
      const { account, provider } = await own(request, request.params.id)
      const lang = langFor(request)
      const trial = await tryWebhook({ ...world, ...desk }, provider, request.body.endpoint)
      return send(
        reply,
        onboardingPage({
          lang,
          title: onboardingWords[lang].webhook,
          path: `/services/${provider.id}`,
          account,
          body: webhookBody(trial, provider.id, lang),
        }),
      )
    },
  )
  const traced = z.object({ id: z.string().max(63), trace: z.coerce.number().int() })
  app.post(
    '/services/:id/replay/:trace',
    { schema: { params: traced } },
    async (request, reply) => {
      const { account, provider } = await own(request, request.params.id)
      const all = await tracesOf(world.store, provider.id)
      const trace = all.find(one => one.id === request.params.trace)
      if (trace === undefined) throw new Refusal('not-found')
      const lang = langFor(request)
      const replayed = await replay({ ...desk, random: world.random }, provider, trace)
      return send(
        reply,
        onboardingPage({
          lang,
          title: onboardingWords[lang].again,
          path: `/services/${provider.id}`,
          account,
          body: replayBody(replayed, provider.id, lang),
        }),
      )
    },
  )
}

/** The metadata that a form describes. Refusal `request-malformed` for parts that are no JSON. */
function metadataOfForm(fields: z.infer<typeof form>): Record<string, unknown> {
  const text = (name: string): string => {
    const value = fields[name]
    return typeof value === 'string' ? value.trim() : ''
  }
  const scopes = [fields.scope ?? []].flat()
  return {
    client_id: text('client_id'),
    client_name: text('client_name'),
    // Left empty means none, also where there was one.
    client_uri: text('client_uri') === '' ? undefined : text('client_uri'),
    redirect_uris: text('redirect_uris').split(/\s+/),
    jwks: jsonOf(text('jwks'), 'jwks'),
    sekisho_saml:
      text('sekisho_saml') === '' ? undefined : jsonOf(text('sekisho_saml'), 'sekisho_saml'),
    scope: ['openid', ...scopes].join(' '),
    sekisho_purpose: text('sekisho_purpose'),
    sekisho_freshness_minutes:
      text('sekisho_freshness_minutes') === ''
        ? undefined
        : Number(text('sekisho_freshness_minutes')),
    sekisho_revocation: text('sekisho_revocation') === '' ? 'crl' : text('sekisho_revocation'),
  }
}

function jsonOf(text: string, field: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Refusal('request-malformed', { field })
  }
}

function langFor(request: Request): Lang {
  const { cookie } = request.headers
  return langOf({ url: request.url, ...(cookie === undefined ? {} : { cookie }) })
}

function send(reply: Reply, text: string): Reply {
  return reply
    .type('text/html; charset=utf-8')
    .header(
      'content-security-policy',
      contentSecurityPolicy({ 'script-src': ["'self'"], 'connect-src': ["'self'"] }),
    )
    .send(text)
}
