/**
 * The screen of a loading terminal (A11): registered by its administrator, opened by an operator who proves themself, then loading and
 * deleting. A browser that is no terminal's gets nothing but the form of its registration.
 */
import { freeTypes, type FreeType } from '@sekisho/card'
import { Refusal } from '@sekisho/contract'
import {
  type App,
  type Cookie,
  createCookie,
  type Reply,
  type Request,
} from '@sekisho/runtime/http'
import { contentSecurityPolicy, type RefusalPage } from '@sekisho/runtime/http'
import {
  button,
  field,
  html,
  type Lang,
  langOf,
  linkButton,
  type Markup,
  notice,
  page,
  pairs,
  refusalPage,
} from '@sekisho/web'
import { z } from 'zod'
import { placeOf, useCard } from '../window/card-tray.ts'
import { select } from '../window/form.ts'
import type { World } from '../world.ts'
import { authenticatorScript } from './authenticator-script.ts'
import { type Loaded, loadCard, unloadCard } from './loading.ts'
import {
  askAssertion,
  askRegistration,
  assertionAnswer,
  endSession,
  registrationAnswer,
  requireOperator,
  takeAssertion,
  takeRegistration,
} from './operator.ts'
import { type Contracted, contractedApplications } from './owner.ts'
import { enrolTerminal, requireTerminal } from './terminal.ts'
import { loadingName, loadingWords } from './word.ts'
import type { AtTerminal, LoadingWorld } from './world.ts'

type ScreenWorld = { readonly world: World; readonly loading: LoadingWorld }
type Cookies = { readonly terminal: Cookie; readonly session: Cookie }

/** The page of a refusal at a loading terminal; the others are told by `otherwise`. */
export function loadingRefusalPage(otherwise: RefusalPage): RefusalPage {
  return (refusal, lang, refused) =>
    /^\/loading(?:[/?]|$)/.test(refused.path)
      ? refusalPage(refusal, {
          lang,
          service: { name: loadingName[lang], home: '/loading' },
          back: linkButton('/loading', loadingWords[lang].back, 'second'),
        })
      : otherwise(refusal, lang, refused)
}

/** Adds the routes under `/loading`. */
export function addLoadingRoutes(app: App, given: ScreenWorld): void {
  const { publicOrigin } = given.loading
  const common = { publicOrigin, sameSite: 'strict', path: '/loading' } as const
  const cookies: Cookies = {
    terminal: createCookie({ ...common, name: 'loading-terminal', maxAgeSeconds: yearSeconds }),
    session: createCookie({ ...common, name: 'loading-session' }),
  }
  app.get(authenticatorScript.path, { schema: { hide: true } }, (_request, reply) =>
    reply.type(authenticatorScript.contentType).send(authenticatorScript.body),
  )
  addTerminalRoutes(app, given, cookies)
  addOperatorRoutes(app, given, cookies)
  addCardRoutes(app, given, cookies)
}

const yearSeconds = 365 * 24 * 3600

function addTerminalRoutes(app: App, { loading }: ScreenWorld, cookies: Cookies): void {
  const querystring = z.object({
    done: z.string().max(20).optional(),
    lang: z.string().max(5).optional(),
  })
  app.get('/loading', { schema: { querystring, hide: true } }, async (request, reply) => {
    const lang = langFor(request)
    const terminal = await unless('loading-terminal-unknown', () =>
      requireTerminal(loading, cookies.terminal.read(request)),
    )
    if (terminal === undefined) return send(reply, unknownPage(lang))
    const by = await unless('loading-operator-unverified', () =>
      requireOperator(loading, terminal, cookies.session.read(request)),
    )
    if (by === undefined) return send(reply, provePage(lang, request.query.done))
    const applications = await contractedApplications(loading)
    return send(reply, workPage(lang, by, applications, request.query.done))
  })
  const body = z.object({ number: z.string().trim().max(8), enrolment: z.string().trim().max(64) })
  app.post('/loading/terminal', { schema: { body, hide: true } }, async (request, reply) => {
    requireOwnOrigin(request, loading)
    cookies.terminal.write(reply, await enrolTerminal(loading, request.body))
    return reply.redirect('/loading', 303)
  })
}

function addOperatorRoutes(app: App, { loading }: ScreenWorld, cookies: Cookies): void {
  const terminalOf = (request: Request): Promise<string> => {
    requireOwnOrigin(request, loading)
    return requireTerminal(loading, cookies.terminal.read(request))
  }
  const enrolment = z.object({
    operator: z.string().trim().max(32),
    enrolment: z.string().trim().max(64),
  })
  app.post(
    '/loading/operator/registration',
    { schema: { body: enrolment, hide: true } },
    async request => askRegistration(loading, await terminalOf(request), request.body),
  )
  app.post(
    '/loading/operator/registered',
    { schema: { body: registrationAnswer, hide: true } },
    async request => {
      await takeRegistration(loading, await terminalOf(request), request.body)
      return {}
    },
  )
  app.post('/loading/operator/question', { schema: { hide: true } }, async request =>
    askAssertion(loading, await terminalOf(request)),
  )
  app.post(
    '/loading/operator/answer',
    { schema: { body: assertionAnswer, hide: true } },
    async (request, reply) => {
      const session = await takeAssertion(loading, await terminalOf(request), request.body)
      cookies.session.write(reply, session)
      return {}
    },
  )
  app.post('/loading/operator/end', { schema: { hide: true } }, async (request, reply) => {
    requireOwnOrigin(request, loading)
    const session = cookies.session.read(request)
    if (session !== undefined) await endSession(loading, session)
    cookies.session.clear(reply)
    return reply.redirect('/loading', 303)
  })
}

function addCardRoutes(app: App, given: ScreenWorld, cookies: Cookies): void {
  const { world, loading } = given
  const operatorOf = async (request: Request): Promise<AtTerminal> => {
    requireOwnOrigin(request, loading)
    const terminal = await requireTerminal(loading, cookies.terminal.read(request))
    return requireOperator(loading, terminal, cookies.session.read(request))
  }
  const card = z.string().trim().max(64)
  const aid = z.string().max(32)
  const order = z.object({
    card,
    aid,
    type: z.enum(['A', 'C', 'D']),
    pin: z.literal('on').optional(),
  })
  app.post('/loading/load', { schema: { body: order, hide: true } }, async (request, reply) => {
    const by = await operatorOf(request)
    const { card: name, type, pin, aid: wanted } = request.body
    const loaded = await useCard(placeOf(world, name), world.random, on =>
      loadCard(
        loading,
        by,
        { aid: wanted, type, hasPin: pin === 'on', isEncrypted: isEncrypted(type) },
        on,
      ),
    )
    return send(reply, loadedPage(langFor(request), loaded))
  })
  app.post(
    '/loading/delete',
    { schema: { body: z.object({ card, aid }), hide: true } },
    async (request, reply) => {
      const by = await operatorOf(request)
      const { card: name, aid: wanted } = request.body
      await useCard(placeOf(world, name), world.random, on => unloadCard(loading, by, wanted, on))
      return reply.redirect('/loading?done=deleted', 303)
    },
  )
}

/** In the paper's types the type says it; an order that says otherwise is malformed by itself. */
function isEncrypted(type: FreeType): boolean {
  return freeTypes[type].isEncrypted
}

function unknownPage(lang: Lang): string {
  const say = loadingWords[lang]
  return frame(lang, [
    notice('warning', say.unknown, html`<p>${say.unknownText}</p>`),
    html`<form method="post" action="/loading/terminal">
${field({ name: 'number', label: say.number, required: true, maxlength: 8, autocomplete: 'off' })}
${field({ name: 'enrolment', label: say.code, hint: say.codeHint, required: true, autocomplete: 'off' })}
${button(say.enrol)}
</form>`,
  ])
}

function provePage(lang: Lang, done: string | undefined): string {
  const say = loadingWords[lang]
  const told = html`<p role="alert" class="field-error" data-loadingenrolmentunknown="${say.wrongCode}" data-other="${say.unverified}"></p>`
  return frame(
    lang,
    [
      done === 'registered' ? notice('success', say.registered) : html``,
      html`<noscript>${notice('warning', say.script)}</noscript>`,
      html`<h2>${say.prove}</h2><p>${say.proveText}</p>
<form data-way="prove" method="post" action="/loading/operator/question">${told}${button(say.proveButton)}</form>`,
      html`<h2>${say.registerHead}</h2><p>${say.registerText}</p>
<form data-way="register" method="post" action="/loading/operator/registration">
${field({ name: 'operator', label: say.operator, required: true, maxlength: 32, autocomplete: 'off' })}
${field({ name: 'enrolment', label: say.code, hint: say.codeHint, required: true, autocomplete: 'off' })}
${told}${button(say.registerButton, 'second')}
</form>`,
    ],
    [authenticatorScript.path],
  )
}

function workPage(
  lang: Lang,
  by: AtTerminal & { readonly name: string },
  applications: readonly Contracted[],
  done: string | undefined,
): string {
  const say = loadingWords[lang]
  const options = applications.map(({ plan, name, ownerName }): readonly [string, string] => [
    plan.aid,
    `${name} (${ownerName}) ${plan.aid}`,
  ])
  const choose = (id: string): Markup => select(id, 'aid', say.application, options, '')
  const card = (hint: string): Markup =>
    html`<div class="field"><label for="${hint}">${say.card}</label><p class="hint" id="${hint}-hint">${say.cardHint}</p><input id="${hint}" name="card" type="text" required autocomplete="off" aria-describedby="${hint}-hint"></div>`
  const types = Object.entries(say.types)
  return frame(lang, [
    done === 'deleted' ? notice('success', say.deleted) : html``,
    html`<p class="lead">${say.at(by.terminal, by.name)}</p>`,
    options.length === 0
      ? notice('info', say.none)
      : html`<h2>${say.load}</h2>
<form method="post" action="/loading/load">
${card('load-card')}
${choose('load-aid')}
<fieldset><legend>${say.order}</legend><p class="hint">${say.orderHint}</p>
${types.map(([type, label]) => html`<p><label class="check"><input type="radio" name="type" value="${type}" required> ${label}</label></p>`)}
<p><label class="check"><input type="checkbox" name="pin"> ${say.pin}</label></p></fieldset>
${button(say.loadButton)}
</form>
<h2>${say.remove}</h2><p>${say.removeText}</p>
<form method="post" action="/loading/delete">
${card('delete-card')}
${choose('delete-aid')}
${button(say.removeButton, 'second')}
</form>`,
    html`<h2>${say.endHead}</h2><form method="post" action="/loading/operator/end">${button(say.end, 'second')}</form>`,
  ])
}

function loadedPage(lang: Lang, { application, userNumber, isNew }: Loaded): string {
  const say = loadingWords[lang]
  return frame(lang, [
    isNew ? notice('success', say.loaded) : notice('info', say.loadedBefore),
    pairs([
      [say.owner, application.ownerName],
      [say.application, application.name],
      [say.userNumber, html`<code>${userNumber}</code>`],
    ]),
    html`<p>${say.next}</p>`,
    linkButton('/loading', say.back),
  ])
}

function frame(lang: Lang, body: readonly Markup[], scripts: readonly string[] = []): string {
  return page({
    title: loadingName[lang],
    lang,
    service: { name: loadingName[lang], home: '/loading' },
    path: '/loading',
    scripts,
    body,
  })
}

/** What came of it, or undefined when it was refused with this code. */
async function unless<T>(code: Refusal['code'], work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (fault) {
    if (fault instanceof Refusal && fault.code === code) return undefined
    throw fault
  }
}

function requireOwnOrigin(request: Request, { publicOrigin }: LoadingWorld): void {
  const { origin } = request.headers
  if (origin !== undefined && origin !== publicOrigin) throw new Refusal('origin-foreign')
}

function langFor(request: Request): Lang {
  return langOf({ url: request.url, cookie: request.headers.cookie })
}

function send(reply: Reply, text: string): Reply {
  return reply
    .type('text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .header(
      'content-security-policy',
      contentSecurityPolicy({ 'script-src': ["'self'"], 'connect-src': ["'self'"] }),
    )
    .send(text)
}
