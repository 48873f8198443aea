/**
 * A life insurer (D2): the yearly report of annuitants. Who is certainly alive is not asked; the others get a notice in the P.O. box and confirm with the card; a
 * payment is stopped by two. It stands on nothing but the SDK.
 */
import { type Clock, every } from '@sekisho/runtime/clock'
import {
  type App,
  contentSecurityPolicy,
  createServer,
  type Reply,
  type Request,
} from '@sekisho/runtime/http'
import { defineMessages, type Log } from '@sekisho/runtime/log'
import type { Fetch } from '@sekisho/runtime/net'
import type { Random } from '@sekisho/runtime/random'
import type { Engine, Store } from '@sekisho/runtime/store'
import {
  createSekisho,
  createSite,
  type Sekisho,
  SekishoError,
  type SekishoOptions,
  type Site,
} from '@sekisho/sdk'
import { frameAssets, type Lang, langOf } from '@sekisho/web'
import { z } from 'zod'
import {
  beginCampaign,
  type CampaignWorld,
  countsOf,
  listOf,
  lookRound,
  rememberSigning,
  reportsOf,
  reportText,
  signingOf,
  takeReport,
} from './campaign.ts'
import { homePage, listPage, reportPage, staffPage } from './page.ts'
import { decideStop, employeeOf, proposeStop, waitingStops } from './stop.ts'
import { insurerMigrations, type InsurerTables, standings } from './table.ts'

/** What an insurer needs to run. */
export type InsurerSettings = {
  readonly port: number
  readonly publicOrigin: string
  readonly engine: Engine
  readonly sekisho: Pick<SekishoOptions, 'issuer' | 'clientId' | 'privateKey' | 'dangerAllowHttp'>
  readonly fetch: Fetch
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** A running insurer. */
export type Insurer = {
  readonly url: string
  readonly store: Store<InsurerTables>
  stop(): Promise<void>
}

type Office = CampaignWorld & {
  readonly issuer: string
  readonly site: Site
  readonly random: Random
  readonly log: Log
  /** Comes back from signatures at an address of its own. */
  readonly signing: Sekisho
}

const messages = defineMessages({
  'insurer.step-refused': {
    level: 'info',
    text: 'the platform refused a step',
    fields: { refusal: 'code' },
  },
  'insurer.round-fault': {
    level: 'error',
    text: 'a round of a campaign failed and is repeated',
    fields: { fault: 'fault' },
  },
})

/** Days a campaign runs. */
const campaignMs = 60 * 24 * 3600 * 1000
const roundMs = 500

/** Starts the insurer's server. */
export async function startInsurer(settings: InsurerSettings): Promise<Insurer> {
  const { log, publicOrigin, fetch } = settings
  const store = await settings.engine.store<InsurerTables>({
    schema: 'insurer',
    migrations: insurerMigrations,
  })
  const options = { ...settings.sekisho, fetch }
  const platform = createSekisho({ ...options, redirectUri: `${publicOrigin}/callback` })
  const signing = createSekisho({ ...options, redirectUri: `${publicOrigin}/signed` })
  const site = await createSite(platform, {
    origin: publicOrigin,
    secret: settings.random.token(256),
    home: '/report',
    attributes: ['name'],
  })
  const office: Office = {
    ...settings,
    issuer: settings.sekisho.issuer,
    store,
    platform,
    signing,
    site,
  }
  const server = await createServer({ name: 'insurer', log, publicOrigin })
  addVisitorRoutes(server.app, office)
  addStaffRoutes(server.app, office)
  await server.listen(settings.port)
  const stopRounds = every(
    roundMs,
    async () => {
      for (const id of await openCampaigns(store)) await lookRound(office, id)
    },
    fault => log.write(messages['insurer.round-fault'], { fault }),
  )
  return {
    url: publicOrigin,
    store,
    stop: async () => {
      await server.stop()
      await stopRounds()
    },
  }
}

async function openCampaigns(store: Store<InsurerTables>): Promise<readonly string[]> {
  const rows = await store.read(db =>
    db.selectFrom('campaign').select('id').where('ended_at', 'is', null).execute(),
  )
  return rows.map(row => row.id)
}

function langFor(request: Request): Lang {
  const { cookie } = request.headers
  return langOf({ url: request.url, ...(cookie === undefined ? {} : { cookie }) })
}

function send(reply: Reply, page: string, office: Office): Reply {
  return reply
    .type('text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .header(
      'content-security-policy',
      // A form that begins a signature is answered by the way to the platform.
      contentSecurityPolicy({ 'form-action': ["'self'", new URL(office.issuer).origin] }),
    )
    .send(page)
}

/** Forms count only from our own pages. */
function isOwnPost(request: Request, office: Office): boolean {
  return request.headers.origin === office.publicOrigin
}

function addVisitorRoutes(app: App, office: Office): void {
  for (const asset of frameAssets)
    app.get(asset.path, (_request, reply) => reply.type(asset.contentType).send(asset.body))
  app.addHook('onRequest', async (request, reply) => {
    if (await office.site.node(request.raw, reply.raw)) reply.hijack()
  })
  app.get('/', (request, reply) => send(reply, homePage(langFor(request)), office))
  app.get('/report', async (request, reply) => {
    const visitor = await office.site.visitor(request.headers.cookie)
    if (visitor === undefined) return reply.redirect('/login', 303)
    const reports = await reportsOf(office, visitor.subject)
    const rows = reports.map(one => ({
      ...one,
      yenPerYear: one.yen_per_year,
      isAnswered: one.answered_at !== null,
    }))
    return send(
      reply,
      reportPage(langFor(request), rows, request.url.includes('told=done')),
      office,
    )
  })
  const body = z.object({
    campaign: z.string().max(32),
    annuity: z.string().max(32),
    changed: z.enum(['yes', 'no']),
  })
  app.post('/report', { schema: { body } }, async (request, reply) => {
    const visitor = await office.site.visitor(request.headers.cookie)
    if (visitor === undefined || !isOwnPost(request, office)) return reply.redirect('/login', 303)
    const { campaign, annuity, changed } = request.body
    const own = (await reportsOf(office, visitor.subject)).find(
      one => one.campaign === campaign && one.annuity === annuity && one.answered_at === null,
    )
    if (own === undefined) return reply.redirect('/report', 303)
    const hasChanged = changed === 'yes'
    const text = reportText({
      campaign,
      annuity,
      yenPerYear: own.yen_per_year,
      hasChanged,
      at: office.clock.now(),
    })
    const { id } = await office.signing.createSigning(
      {
        title: '年金受取人現況届',
        mediaType: 'text/plain',
        document: new TextEncoder().encode(text),
        subject: visitor.subject,
        format: 'cades',
      },
      `report-${office.random.token(128)}`,
    )
    const { url, pending } = await office.signing.beginSigning(id)
    await rememberSigning(office, own, {
      signing: id,
      pending: { ...pending, transaction: id, text, hasChanged },
    })
    return reply.redirect(url, 303)
  })
  app.get('/signed', async (request, reply) => {
    const visitor = await office.site.visitor(request.headers.cookie)
    const back = new URL(request.url, office.publicOrigin)
    if (visitor === undefined) return reply.redirect('/login', 303)
    const waiting = await signingOf(office, visitor.subject, back.searchParams.get('state') ?? '')
    if (waiting === undefined) return reply.redirect('/report', 303)
    const { text, hasChanged, ...pending } = waiting
    try {
      const document = new TextEncoder().encode(text)
      const { jws } = await office.signing.finishSigning(back.href, pending, document)
      await takeReport(office, { signing: pending.transaction, receipt: jws, hasChanged })
      return await reply.redirect('/report?told=done', 303)
    } catch (error) {
      if (!(error instanceof SekishoError)) throw error
      office.log.write(messages['insurer.step-refused'], { refusal: error.code })
      return reply.redirect('/report', 303)
    }
  })
}

/** The employee of this browser; undefined: none. */
async function employeeAt(office: Office, request: Request) {
  const visitor = await office.site.visitor(request.headers.cookie)
  if (visitor === undefined) return undefined
  const name = await employeeOf(office, visitor.subject)
  return name === undefined ? undefined : { name, subject: visitor.subject }
}

function addStaffRoutes(app: App, office: Office): void {
  const told = (reply: Reply, what: string): Reply => reply.redirect(`/staff?told=${what}`, 303)
  app.get('/staff', async (request, reply) => {
    const employee = await employeeAt(office, request)
    if (employee === undefined) return reply.redirect('/login', 303)
    const [campaign] = (await openCampaigns(office.store)).toReversed()
    const stops = await waitingStops(office)
    const page = staffPage({
      lang: langFor(request),
      campaign,
      counts: campaign === undefined ? new Map() : await countsOf(office, campaign),
      stops: await Promise.all(
        stops.map(async one => ({
          ...one,
          proposedBy: (await employeeOf(office, one.proposed_by)) ?? '',
          isOwn: one.proposed_by === employee.subject,
        })),
      ),
      told: /[?&]told=([a-z-]+)/.exec(request.url)?.[1],
    })
    return send(reply, page, office)
  })
  const params = z.object({ campaign: z.string().max(32), standing: z.enum(standings) })
  const query = z.object({ after: z.string().max(32).default('') })
  app.get(
    '/staff/list/:campaign/:standing',
    { schema: { params, querystring: query } },
    async (request, reply) => {
      if ((await employeeAt(office, request)) === undefined) return reply.redirect('/login', 303)
      const { campaign, standing } = request.params
      const rows = await listOf(office, campaign, standing, request.query.after)
      return send(reply, listPage(langFor(request), { campaign, standing, rows }), office)
    },
  )
  const name = z.object({ id: z.string().regex(/^[\w-]{1,32}$/) })
  app.post('/staff/campaigns', { schema: { body: name } }, async (request, reply) => {
    const employee = await employeeAt(office, request)
    if (employee === undefined || !isOwnPost(request, office)) return reply.redirect('/login', 303)
    await beginCampaign(office, { id: request.body.id, until: office.clock.now() + campaignMs })
    return told(reply, 'begun')
  })
  const proposal = z.object({
    annuity: z.string().max(32),
    reason: z.string().trim().min(1).max(200),
  })
  app.post('/staff/stops', { schema: { body: proposal } }, async (request, reply) => {
    const employee = await employeeAt(office, request)
    if (employee === undefined || !isOwnPost(request, office)) return reply.redirect('/login', 303)
    const made = await proposeStop(office, { ...request.body, by: employee.subject })
    return told(reply, typeof made === 'string' ? made : 'proposed')
  })
  const decision = z.object({ decision: z.enum(['approve', 'refuse']) })
  app.post(
    '/staff/stops/:id',
    { schema: { params: z.object({ id: z.uuid() }), body: decision } },
    async (request, reply) => {
      const employee = await employeeAt(office, request)
      if (employee === undefined || !isOwnPost(request, office))
        return reply.redirect('/login', 303)
      const isApproved = request.body.decision === 'approve'
      const why = await decideStop(office, {
        id: request.params.id,
        by: employee.subject,
        isApproved,
      })
      return told(reply, why ?? 'decided')
    },
  )
}
