/**
 * A bank (D1): opens accounts with a signed application, logs customers in with the card, keeps addresses fresh. It stands
 * on nothing but the SDK.
 */
import { createSekisho, type Sekisho, SekishoError, type SekishoOptions } from '@sekisho/sdk'
import type { Clock } from '@sekisho/runtime/clock'
import {
  contentSecurityPolicy,
  createServer,
  type Reply,
  type Request,
} from '@sekisho/runtime/http'
import { defineMessages, type Log } from '@sekisho/runtime/log'
import type { Fetch } from '@sekisho/runtime/net'
import type { Random } from '@sekisho/runtime/random'
import type { Engine, Store } from '@sekisho/runtime/store'
import { frameAssets, type Lang, langOf } from '@sekisho/web'
import { z } from 'zod'
import {
  accountOf,
  type Application,
  bankMigrations,
  type BankTables,
  openAccount,
  updateCustomer,
} from './books.ts'
import {
  accountPage,
  attributesOf,
  bankRefusalPage,
  formPage,
  hasSubstitutes,
  homePage,
} from './page.ts'
import { type Content, createSessions, type Sessions } from './session.ts'

/** What a bank needs to run. */
export type BankSettings = {
  readonly port: number
  readonly publicOrigin: string
  readonly engine: Engine
  readonly sekisho: Pick<SekishoOptions, 'issuer' | 'clientId' | 'privateKey' | 'dangerAllowHttp'>
  readonly fetch: Fetch
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** A running bank. */
export type Bank = {
  readonly url: string
  readonly store: Store<BankTables>
  stop(): Promise<void>
}

/** Starts the bank's server. */
export async function startBank(settings: BankSettings): Promise<Bank> {
  const store = await settings.engine.store<BankTables>({
    schema: 'bank',
    migrations: bankMigrations,
  })
  const sekisho = createSekisho({
    ...settings.sekisho,
    redirectUri: `${settings.publicOrigin}/callback`,
    fetch: settings.fetch,
  })
  const sessions = createSessions(store, settings.random, settings.publicOrigin)
  const server = await createServer({
    name: 'bank',
    log: settings.log,
    publicOrigin: settings.publicOrigin,
    renderRefusalPage: (refusal, locale) => bankRefusalPage(refusal.code, locale),
  })
  addRoutes(server.app, { ...settings, store, platform: sekisho, sessions })
  await server.listen(settings.port)
  return { url: settings.publicOrigin, store, stop: () => server.stop() }
}

type Counter = BankSettings & {
  readonly store: Store<BankTables>
  readonly platform: Sekisho
  readonly sessions: Sessions
}

type App = Awaited<ReturnType<typeof createServer>>['app']

function addRoutes(app: App, bank: Counter): void {
  for (const asset of frameAssets)
    app.get(asset.path, (_request, reply) => reply.type(asset.contentType).send(asset.body))

  app.get('/', async (request, reply) => {
    const session = await bank.sessions.read(request)
    if (session.customer !== undefined) return reply.redirect('/account', 303)
    return send(bank, reply, homePage(langFor(request)))
  })
  app.get('/login', (request, reply) =>
    begin(bank, request, reply, 'login', () => bank.platform.beginLogin()),
  )
  for (const why of ['open', 'update'] as const)
    app.get(`/${why}`, (request, reply) =>
      begin(bank, request, reply, why, () =>
        bank.platform.beginIdentify(['name', 'address', 'birthdate', 'gender']),
      ),
    )
  app.get('/callback', (request, reply) => callback(bank, request, reply))
  app.get('/open/form', async (request, reply) => {
    const { identity, formToken } = await bank.sessions.read(request)
    if (identity === undefined) return reply.redirect('/open', 303)
    return send(bank, reply, formPage(langFor(request), { claims: identity.claims, formToken }))
  })
  app.post('/open/application', { schema: { body: applicationForm } }, (request, reply) =>
    apply(bank, request, reply, request.body),
  )
  app.get('/account', (request, reply) => account(bank, request, reply))
  app.post(
    '/logout',
    { schema: { body: z.object({ token: z.string() }) } },
    async (request, reply) => {
      const session = await bank.sessions.read(request)
      if (request.body.token === session.formToken) await bank.sessions.end(request, reply)
      return reply.redirect('/', 303)
    },
  )
}

/** Sends the browser to the platform and remembers why. */
async function begin(
  bank: Counter,
  request: Request,
  reply: Reply,
  why: NonNullable<Content['pending']>['why'],
  start: () => ReturnType<Sekisho['beginLogin']>,
): Promise<Reply> {
  return told(bank, request, reply, async () => {
    const { url, pending } = await start()
    const session = await bank.sessions.read(request)
    await bank.sessions.write(request, reply, { ...session, pending: { ...pending, why } })
    return reply.redirect(url, 303)
  })
}

/** The browser comes back from the platform. */
async function callback(bank: Counter, request: Request, reply: Reply): Promise<Reply> {
  return told(bank, request, reply, async () => {
    const session = await bank.sessions.read(request)
    const { pending, ...rest } = session
    if (pending === undefined) return reply.redirect('/', 303)
    const address = `${bank.publicOrigin}${request.url}`
    if (pending.why === 'sign') return opened(bank, request, reply, session, address)
    const arrival = await bank.platform.finish(address, pending)
    if (pending.why === 'login') {
      await bank.sessions.write(request, reply, fresh(bank, arrival.subject))
      const has = (await accountOf(bank.store, arrival.subject)) !== undefined
      return has
        ? reply.redirect('/account', 303)
        : send(bank, reply, homePage(langFor(request), 'no-account'))
    }
    const known = await accountOf(bank.store, arrival.subject)
    if (known !== undefined) {
      const renewed: Application = {
        ...attributesOf(arrival.claims),
        hasSubstitutes: hasSubstitutes(arrival.claims),
        phone: known.customer.phone,
        purpose: '',
      }
      await updateCustomer(bank.store, arrival.subject, renewed, bank.clock.now())
      await bank.sessions.write(request, reply, fresh(bank, arrival.subject))
      return reply.redirect('/account?told=updated', 303)
    }
    await bank.sessions.write(request, reply, {
      ...rest,
      identity: { subject: arrival.subject, claims: arrival.claims },
    })
    return reply.redirect('/open/form', 303)
  })
}

const applicationForm = z.object({
  token: z.string(),
  phone: z.string(),
  purpose: z.string().max(40),
})

/** Takes the filled form, composes the application and sends the person to sign it. */
async function apply(
  bank: Counter,
  request: Request,
  reply: Reply,
  form: z.infer<typeof applicationForm>,
): Promise<Reply> {
  return told(bank, request, reply, async () => {
    const session = await bank.sessions.read(request)
    const { identity } = session
    if (identity === undefined || form.token !== session.formToken)
      return reply.redirect('/open', 303)
    const phone = form.phone.normalize('NFKC').replace(/[-\s]/g, '')
    if (!/^0\d{9,10}$/.test(phone)) {
      const page = formPage(langFor(request), {
        claims: identity.claims,
        formToken: session.formToken,
        phone: form.phone,
        wrong: true,
      })
      return send(bank, reply.code(400), page)
    }
    const application: Application = {
      ...attributesOf(identity.claims),
      hasSubstitutes: hasSubstitutes(identity.claims),
      phone,
      purpose: form.purpose,
    }
    const text = applicationText(application)
    const created = await bank.platform.createSigning(
      {
        title: '口座開設申込書',
        mediaType: 'text/plain',
        document: new TextEncoder().encode(text),
        subject: identity.subject,
      },
      bank.random.token(128),
    )
    const { url, pending } = await bank.platform.beginSigning(created.id)
    await bank.sessions.write(request, reply, {
      ...session,
      application: { ...application, text },
      pending: { ...pending, why: 'sign' },
    })
    return reply.redirect(url, 303)
  })
}

/** The application came back signed: the account is open at once. */
async function opened(
  bank: Counter,
  request: Request,
  reply: Reply,
  session: Content,
  address: string,
): Promise<Reply> {
  const { pending, application, identity } = session
  if (pending === undefined || application === undefined || identity === undefined)
    return reply.redirect('/', 303)
  const signed = await bank.platform.finishSigning(
    address,
    pending,
    new TextEncoder().encode(application.text),
  )
  await openAccount(
    bank.store,
    {
      subject: identity.subject,
      application,
      transaction: pending.transaction ?? '',
      receipt: signed.jws,
    },
    { at: bank.clock.now(), random: bank.random },
  )
  await bank.sessions.write(request, reply, fresh(bank, identity.subject))
  return reply.redirect('/account?told=opened', 303)
}

async function account(bank: Counter, request: Request, reply: Reply): Promise<Reply> {
  return told(bank, request, reply, async () => {
    const session = await bank.sessions.read(request)
    if (session.customer === undefined) return reply.redirect('/login', 303)
    const found = await accountOf(bank.store, session.customer)
    if (found === undefined) return reply.redirect('/', 303)
    const { meaning } = await bank.platform.confirmChange(session.customer)
    const wish = new URL(request.url, bank.publicOrigin).searchParams.get('told')
    const page = accountPage(langFor(request), found, {
      meaning,
      formToken: session.formToken,
      ...(wish === 'opened' || wish === 'updated' ? { told: wish } : {}),
    })
    return send(bank, reply, page)
  })
}

/** What is signed: exactly what the customer read. */
function applicationText(application: Application): string {
  return `口座開設申込書

せきしょ銀行 御中

次のとおり普通預金口座の開設を申し込みます。

氏名: ${application.name}
住所: ${application.address}
生年月日: ${application.birthdate}
性別: ${application.gender}
電話番号: ${application.phone}
口座の利用目的: ${application.purpose}
`
}

function fresh(bank: Counter, customer: string): Content {
  return { customer, formToken: bank.random.token(256) }
}

/** Runs a step; what the platform refused is shown in the bank's frame with its code. */
async function told(
  bank: Counter,
  request: Request,
  reply: Reply,
  step: () => Promise<Reply>,
): Promise<Reply> {
  try {
    return await step()
  } catch (error) {
    if (!(error instanceof SekishoError) || error.code === 'unexpected') throw error
    bank.log.write(messages['bank.platform-refused'], { refusal: error.code })
    return send(bank, reply.code(403), bankRefusalPage(error.code, langFor(request)))
  }
}

function langFor(request: Request): Lang {
  return langOf({ url: request.url, cookie: request.headers.cookie })
}

function send(bank: Counter, reply: Reply, page: string): Reply {
  return reply
    .type('text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .header(
      'content-security-policy',
      contentSecurityPolicy({ 'form-action': ["'self'", bank.sekisho.issuer] }),
    )
    .send(page)
}

const messages = defineMessages({
  'bank.platform-refused': {
    level: 'info',
    text: 'the platform refused a step',
    fields: { refusal: 'code' },
  },
})
