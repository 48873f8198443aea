/**
 * The operators' console: a server of its own, on an origin and port of its own, so that it can stand where only the staff reaches it and
 * shares no cookie with what citizens use (C8). Every page and every act asks for the person's right.
 */
import { Refusal } from '@sekisho/contract'
import {
  contentSecurityPolicy,
  createServer,
  type Reply,
  type Request,
  type Server,
} from '@sekisho/runtime/http'
import {
  button,
  frameAssets,
  html,
  type Lang,
  langOf,
  liveAsset,
  type Markup,
  notice,
  page,
  passkeyAsset,
  refusalPage,
} from '@sekisho/web'
import { z } from 'zod'
import { controlsBundle } from '../controls/bundle.ts'
import { readControlFacts } from '../controls/facts.ts'
import { addRecord, endRecord, isRecordKind } from '../controls/record.ts'
import { entries } from '../entry.ts'
import { issuerKeyId } from '../evidence/trust.ts'
import { statementOf, providersBilled } from '../fees/statement.ts'
import { monthOf } from '../fees/meter.ts'
import { listTariffs } from '../fees/tariff-book.ts'
import { findAccount } from '../onboarding/account.ts'
import { applicationById, submittedApplications } from '../onboarding/application.ts'
import { addPaperRoutes } from '../onboarding/paper-route.ts'
import { assertOwnPost } from '../login/own-post.ts'
import { browserCookie, ensureBrowser } from '../login/screen.ts'
import { assertionAnswer, createPasskeys, registrationAnswer } from '../passkey/passkey.ts'
import { findProvider, listProviders, ownProviderId } from '../providers/registry.ts'
import { type ActKind, createActs } from '../staff/act.ts'
import { listMembers, memberOfEnrolment, type Member, useEnrolment } from '../staff/member.ts'
import { mayDo, type Right } from '../staff/role.ts'
import { createStaffSessions } from '../staff/session.ts'
import { lastHour } from '../traffic/traffic.ts'
import type { World } from '../world.ts'
import { actKinds, bodyOfForm, type Reached } from './act-kinds.ts'
import { consoleName, consolePage, told } from './frame.ts'
import { healthBody, type Source, trafficBody } from './health-page.ts'
import { type KeyFact, keysBody } from './keys-page.ts'
import { applicationBody, providerBody, providersBody, statementsBody } from './provider-page.ts'
import { actsBody, controlsBody, staffBody } from './staff-page.ts'

/** What the console is made of. */
export type ConsoleSettings = {
  readonly world: World
  readonly reached: Reached
  readonly mode: 'town' | 'production'
  readonly publicOrigin: string
  /** The platform's keys as they are now, and where they lie. */
  keys(): Promise<readonly KeyFact[]>
  readonly keysPlace: 'file' | 'token'
}

/** Makes the console's server, which does not listen yet. */
export async function createConsole(given: ConsoleSettings): Promise<Server> {
  const { world, publicOrigin } = given
  const server = await createServer({
    name: 'operation',
    log: world.log,
    publicOrigin,
    renderRefusalPage: (refusal, lang) =>
      refusalPage(refusal, { lang, service: { name: consoleName[lang], home: '/' } }),
  })
  for (const asset of [...frameAssets, passkeyAsset, liveAsset])
    server.app.get(asset.path, (_request, reply) => reply.type(asset.contentType).send(asset.body))
  const sessions = createStaffSessions(world.store, world.random, publicOrigin)
  const acts = createActs({ ...world, kinds: actKinds(world, given.reached) })
  const desk: Desk = { ...given, server, sessions, acts }
  addEntrance(desk)
  addViews(desk)
  addPapers(desk)
  addActs(desk)
  addControls(desk)
  return server
}

type Desk = ConsoleSettings & {
  readonly server: Server
  readonly sessions: ReturnType<typeof createStaffSessions>
  readonly acts: ReturnType<typeof createActs>
}

function addEntrance({ server, world, sessions, publicOrigin }: Desk): void {
  const { app } = server
  const cookie = browserCookie(publicOrigin, '/')
  const passkeys = createPasskeys({ ...world, publicOrigin, area: 'staff' })
  const browserOf = (request: Request): string => {
    const secret = cookie.read(request)
    if (secret === undefined) throw new Refusal('passkey-unverified')
    return secret
  }
  app.get('/enter', (request, reply) => {
    ensureBrowser(cookie, request, reply, world.random)
    return send(reply, entrancePage(langOfRequest(request), isInvited(request)))
  })
  app.post('/passkey/question', async request => {
    assertOwnPost(request, publicOrigin)
    return passkeys.askAssertion(browserOf(request))
  })
  app.post('/passkey/answer', { schema: { body: assertionAnswer } }, async (request, reply) => {
    assertOwnPost(request, publicOrigin)
    const session = await passkeys.takeAssertion(
      browserOf(request),
      request.body,
      async (tx, member) => {
        await world.ledger.record(tx, entries['platform.staff-entered'], {
          at: world.clock.now(),
          providerId: ownProviderId,
          values: { member },
        })
        return sessions.open(tx, member)
      },
    )
    session.hand(reply)
    return { goTo: '/' }
  })
  app.post(
    '/passkey/registration',
    { schema: { body: z.object({ enrolment: z.string().max(64) }) } },
    async request => {
      assertOwnPost(request, publicOrigin)
      const member = await memberOfEnrolment(world, request.body.enrolment.trim())
      return passkeys.askRegistration(browserOf(request), member)
    },
  )
  app.post('/passkey/registered', { schema: { body: registrationAnswer } }, async request => {
    assertOwnPost(request, publicOrigin)
    await passkeys.takeRegistration(
      browserOf(request),
      request.body,
      world.clock.now(),
      useEnrolment,
    )
    return { goTo: '/enter?done=registered' }
  })
  app.post('/leave', async (request, reply) => {
    assertOwnPost(request, publicOrigin)
    await sessions.end(request, reply)
    return reply.redirect('/enter', 303)
  })
}

/** A page for whoever has the right; somebody unknown is shown the entrance. */
function view(
  desk: Desk,
  path: string,
  right: Right | undefined,
  title: { readonly ja: string; readonly en: string },
  body: (
    request: Request,
    given: { readonly lang: Lang; readonly member: Member },
  ) => Promise<readonly Markup[]>,
  isLive?: true,
): void {
  desk.server.app.get(path, async (request, reply) => {
    const member = await desk.sessions.find(request)
    if (member === undefined) return reply.redirect('/enter', 303)
    // Where everybody arrives: whoever may not see it goes on to what is everybody's.
    if (path === '/' && right !== undefined && !mayDo(member.roles, right))
      return reply.redirect('/acts', 303)
    await desk.sessions.demand(request, right)
    const lang = langOfRequest(request)
    return send(
      reply,
      consolePage({
        lang,
        member,
        path: request.url,
        title: title[lang],
        told: told(request.url, lang),
        body: await body(request, { lang, member }),
        ...(isLive === undefined ? {} : { isLive }),
      }),
    )
  })
}

function addViews(desk: Desk): void {
  const { world } = desk
  view(desk, '/keys', 'see-health', { ja: '鍵', en: 'Keys' }, async (_request, given) =>
    keysBody({
      ...given,
      place: desk.keysPlace,
      keys: await desk.keys(),
      anchors: desk.reached.trust.anchors,
    }),
  )
  view(
    desk,
    '/',
    'see-health',
    { ja: '状態', en: 'Health' },
    async (_request, { lang }) => healthBody(await healthOf(desk), lang),
    true,
  )
  view(
    desk,
    '/traffic',
    'see-health',
    { ja: '通信', en: 'Traffic' },
    async (_request, { lang }) => trafficBody(await lastHour(world.store), lang),
    true,
  )
  view(
    desk,
    '/providers',
    'see-providers',
    { ja: '提供者', en: 'Providers' },
    async (_request, { lang }) =>
      providersBody(
        await listProviders(world.store),
        await submittedApplications(world.store),
        lang,
      ),
  )
  view(
    desk,
    '/providers/:id',
    'see-providers',
    { ja: '提供者', en: 'Provider' },
    async (request, given) => {
      const { id } = z.object({ id: z.string() }).parse(request.params)
      const found = await findProvider(world.store, id)
      const application = await applicationById(world.store, id)
      const account =
        application === undefined ? undefined : await findAccount(world.store, application.account)
      if (found === undefined && application === undefined) throw new Refusal('not-found')
      const name = found?.name ?? application?.metadata.client_name ?? id
      return [
        html`<p class="lead">${name}</p>`,
        ...(found === undefined ? [] : providerBody(found, given)),
        ...(application === undefined || account === undefined
          ? []
          : applicationBody(application, account, given)),
      ]
    },
  )
  view(
    desk,
    '/statements',
    'see-statements',
    { ja: '料金', en: 'Fees' },
    async (request, given) => {
      const asked = z
        .object({ month: z.string().regex(/^\d{4}-(0[1-9]|1[0-2])$/) })
        .safeParse(request.query)
      const month = asked.success ? asked.data.month : monthOf(world.clock.now())
      const { tariffs } = await listTariffs(world)
      const billed = await providersBilled(world.store, month)
      const statements = await Promise.all(billed.map(id => statementOf(world, id, month)))
      return statementsBody({ ...given, month, statements, tariffs: tariffs.map(one => one.id) })
    },
  )
  view(desk, '/staff', 'see-staff', { ja: '担当者', en: 'Staff' }, async (_request, given) =>
    staffBody(await listMembers(world.store), given),
  )
}

/** The contract and the notification of an application, to be filed. */
function addPapers({ server, sessions, world }: Desk): void {
  addPaperRoutes(server.app, {
    world,
    folder: '/providers',
    find: async (request, id) => {
      await sessions.demand(request, 'see-providers')
      return applicationById(world.store, id)
    },
  })
}

async function healthOf({ world, reached, acts }: Desk) {
  const at = world.clock.now()
  const { anchors } = reached.trust
  const { partitions } = reached.keeper.index()
  const sources = new Map<string, Source>()
  for (const one of partitions) {
    const anchor = anchors.find(each => Buffer.compare(each.spki, one.issuerKey) === 0)
    const name = anchor === undefined ? '?' : issuerKeyId(anchor)
    const kept = sources.get(name)
    const isStale = one.nextUpdate <= at ? 1 : 0
    sources.set(name, {
      issuerKeyId: name,
      partitions: (kept?.partitions ?? 0) + 1,
      entries: (kept?.entries ?? 0) + one.count,
      stale: (kept?.stale ?? 0) + isStale,
      nextUpdate: Math.min(kept?.nextUpdate ?? one.nextUpdate, one.nextUpdate),
      thisUpdate: Math.max(kept?.thisUpdate ?? one.thisUpdate, one.thisUpdate),
    })
  }
  const [origin = '', size = '0'] = (await world.ledger.checkpoint())?.split('\n') ?? []
  return {
    at,
    sources: [...sources.values()],
    ledger: { isCurrent: await world.ledger.isCurrent(), size: Number(size), origin },
    openActs: (await acts.list('open')).length,
  }
}

function addActs(desk: Desk): void {
  const { server, sessions, acts, publicOrigin } = desk
  const { app } = server
  view(
    desk,
    '/acts',
    undefined,
    { ja: '二人の操作', en: 'Acts of two' },
    async (_request, given) =>
      actsBody({
        ...given,
        acts: (await acts.list('all')).filter(act => maySee(given.member, acts.kinds[act.kind])),
        kinds: acts.kinds,
      }),
    true,
  )
  const form = z.looseObject({ kind: z.string().max(40), reason: z.string().min(1).max(200) })
  app.post('/acts', { schema: { body: form } }, async (request, reply) => {
    assertOwnPost(request, publicOrigin)
    const member = await sessions.demand(request)
    const { kind, reason } = request.body
    const body = bodyOfForm(request.body)
    const needsReason = kind === 'statements-correct'
    await acts.propose(member, { kind, reason, body: needsReason ? { ...body, reason } : body })
    return reply.redirect('/acts?done=proposed', 303)
  })
  const params = z.object({ id: z.uuid(), verdict: z.enum(['carry-out', 'decline']) })
  app.post('/acts/:id/:verdict', { schema: { params } }, async (request, reply) => {
    assertOwnPost(request, publicOrigin)
    const member = await sessions.demand(request)
    const said = await acts.decide(member, request.params.id, request.params.verdict)
    if (said === undefined) return reply.redirect('/acts?done=decided', 303)
    const lang = langOfRequest(request)
    return send(reply, saidPage(said, lang, member))
  })
}

function addControls(desk: Desk): void {
  const { server, sessions, acts, world, publicOrigin, mode } = desk
  const { app } = server
  const facts = () => readControlFacts(world, { acts, mode })
  view(
    desk,
    '/controls',
    'see-controls',
    { ja: '認定基準', en: 'Criteria of accreditation' },
    async (_request, given) => controlsBody(await facts(), given),
  )
  app.get('/controls/bundle', async (request, reply) => {
    await sessions.demand(request, 'see-controls')
    const file = await controlsBundle(await facts(), world.receiptKey)
    const day = new Date(world.clock.now()).toISOString().slice(0, 10)
    return reply
      .type('application/zip')
      .header('content-disposition', `attachment; filename="controls-${day}.zip"`)
      .send(Buffer.from(file))
  })
  const params = z.object({ kind: z.string().refine(isRecordKind) })
  app.post(
    '/controls/:kind',
    { schema: { params, body: z.looseObject({}) } },
    async (request, reply) => {
      assertOwnPost(request, publicOrigin)
      const member = await sessions.demand(request, 'manage-controls')
      await addRecord(world, request.params.kind, request.body, member.id)
      return reply.redirect('/controls?done=recorded', 303)
    },
  )
  app.post(
    '/controls/:kind/:id/end',
    { schema: { params: z.object({ kind: z.string(), id: z.uuid() }) } },
    async (request, reply) => {
      assertOwnPost(request, publicOrigin)
      const member = await sessions.demand(request, 'manage-controls')
      await endRecord(world, request.params.id, member.id)
      return reply.redirect('/controls?done=recorded', 303)
    },
  )
}

/** Acts of one's own right; of all, whoever sees the controls. */
function maySee(member: Member, kind: ActKind | undefined): boolean {
  return (
    mayDo(member.roles, 'see-controls') || (kind !== undefined && mayDo(member.roles, kind.right))
  )
}

/** Shown once: the answer of an act that was carried out. */
function saidPage(said: string, lang: Lang, member: Member): string {
  const title = lang === 'ja' ? '実行しました' : 'Carried out'
  const hint =
    lang === 'ja'
      ? 'この結果は一度だけ示されます。必要なら書き留めてください。'
      : 'This result is shown once. Note it down if it is needed.'
  return consolePage({
    lang,
    member,
    path: '/acts',
    title,
    body: [notice('success', title, hint), html`<p><code id="said">${said}</code></p>`],
  })
}

function entrancePage(lang: Lang, isRegistered: boolean): string {
  const say = words[lang]
  const other = say.refused
  const alert = html`<p role="alert" class="field-error" data-other="${other}"></p>`
  return page({
    title: say.enter,
    lang,
    service: { name: consoleName[lang], home: '/' },
    path: '/enter',
    scripts: [passkeyAsset.path],
    body: [
      isRegistered ? notice('success', say.registered) : html``,
      html`<p class="lead">${say.lead}</p>`,
      html`<noscript>${notice('warning', say.script)}</noscript>`,
      html`<form method="post" action="/passkey/answer" data-passkey="prove" data-question="/passkey/question">${alert}${button(say.prove)}</form>`,
      html`<h2>${say.first}</h2><p>${say.firstHint}</p>`,
      html`<form method="post" action="/passkey/registered" data-passkey="register" data-question="/passkey/registration">${alert}<div class="field"><label for="enrolment">${say.code}</label><input type="text" id="enrolment" name="enrolment" required autocomplete="off" maxlength="64"></div>${button(say.register, 'second')}</form>`,
    ],
  })
}

function isInvited(request: Request): boolean {
  return /[?&]done=registered\b/.test(request.url)
}

function langOfRequest(request: Request): Lang {
  const { cookie } = request.headers
  return langOf({ url: request.url, ...(cookie === undefined ? {} : { cookie }) })
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

const words = {
  ja: {
    enter: '運用卓に入る',
    lead: '担当者は、登録したパスキーで確認します。生体認証または端末の暗証番号が必要です。',
    script: 'パスキーの確認には JavaScript が必要です。',
    prove: 'パスキーで入る',
    first: 'はじめての方',
    firstHint: '受け取った招待の符号で、この端末のパスキーを登録します。符号は一度だけ使えます。',
    code: '招待の符号',
    register: 'パスキーを登録する',
    registered: 'パスキーを登録しました。続けて入ってください。',
    refused: 'パスキーを使えませんでした。もう一度試すか、別の端末を使ってください。',
  },
  en: {
    enter: 'Enter the console',
    lead: 'Staff prove who they are with a registered passkey that verifies them by body or device PIN.',
    script: 'Passkeys need JavaScript.',
    prove: 'Enter with a passkey',
    first: 'For the first time',
    firstHint: 'Register the passkey of this device with your invitation code, which serves once.',
    code: 'Invitation code',
    register: 'Register a passkey',
    registered: 'The passkey is registered. Enter with it now.',
    refused: 'The passkey could not be used. Try again, or use another device.',
  },
} as const
