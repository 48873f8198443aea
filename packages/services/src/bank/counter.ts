/** The bank's counter: its routes, and the steps that lead over the platform and back. */
import { createHash } from 'node:crypto'
import { type Begun, type RefusalCode, refusals, type Sekisho, SekishoError } from '@sekisho/sdk'
import type { Clock } from '@sekisho/runtime/clock'
import { type App, contentSecurityPolicy, type Reply, type Request } from '@sekisho/runtime/http'
import type { Log } from '@sekisho/runtime/log'
import type { Random } from '@sekisho/runtime/random'
import type { Store } from '@sekisho/runtime/store'
import { frameAssets, type Lang, langOf } from '@sekisho/web'
import { z } from 'zod'
import {
  type Application,
  applicationText,
  attributesOf,
  parsePhone,
  purposes,
} from './application.ts'
import { accountOf, type BankTables, openAccount, updateCustomer } from './books.ts'
import { messages } from './message.ts'
import { accountPage, bankRefusalPage, formPage, homePage } from './page.ts'
import type { Content, Sessions, Waiting } from './session.ts'

/** What the counter works with. */
export type Counter = {
  readonly publicOrigin: string
  readonly issuer: string
  readonly store: Store<BankTables>
  readonly platform: Sekisho
  readonly sessions: Sessions
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

const attributeScopes = ['name', 'address', 'birthdate', 'gender'] as const
const tokenBits = 256

const tokenForm = z.object({ token: z.string().max(64) })
const applicationForm = tokenForm.extend({
  phone: z.string().max(40),
  purpose: z.enum(purposes),
})

/** Adds the routes. */
export function addRoutes(app: App, bank: Counter): void {
  for (const asset of frameAssets)
    app.get(asset.path, (_request, reply) => reply.type(asset.contentType).send(asset.body))

  app.get('/', async (request, reply) => {
    const session = await bank.sessions.read(request)
    if (session.customer !== undefined) return reply.redirect('/account', 303)
    const told = toldIn(request) === 'no-account' ? 'no-account' : undefined
    return send(bank, reply, homePage(langFor(request), told))
  })
  app.get('/login', (request, reply) =>
    begin(bank, request, reply, lang => bank.platform.beginLogin({ lang }), { why: 'login' }),
  )
  app.get('/open', (request, reply) =>
    begin(bank, request, reply, lang => bank.platform.beginIdentify(attributeScopes, { lang }), {
      why: 'open',
    }),
  )
  app.get('/update', async (request, reply) => {
    // Who comes from elsewhere need not log in first: the identification says who it is.
    const { customer } = await bank.sessions.read(request)
    const start = (lang: Lang) => bank.platform.beginIdentify(attributeScopes, { lang })
    return begin(bank, request, reply, start, { why: 'update', customer: customer ?? null })
  })
  app.get('/callback', (request, reply) => callback(bank, request, reply))
  app.get('/open/form', async (request, reply) => {
    const { identity, formToken } = await bank.sessions.read(request)
    if (identity === undefined) return reply.redirect('/open', 303)
    return send(bank, reply, formPage(langFor(request), { claims: identity.claims, formToken }))
  })
  app.post('/open/application', { schema: { body: applicationForm } }, (request, reply) =>
    told(bank, request, reply, () => apply(bank, request, reply, request.body)),
  )
  app.get('/account', (request, reply) => account(bank, request, reply))
  app.post('/logout', { schema: { body: tokenForm } }, async (request, reply) => {
    const session = await bank.sessions.read(request)
    if (request.body.token === session.formToken) await bank.sessions.end(request, reply)
    return reply.redirect('/', 303)
  })
}

/** A step is remembered as what the SDK keeps of it, and what it is for. */
type Why =
  | { readonly why: 'login' | 'open' }
  | { readonly why: 'update'; readonly customer: string | null }

/** Sends the browser to the platform and remembers why. */
function begin(
  bank: Counter,
  request: Request,
  reply: Reply,
  start: (lang: Lang) => Promise<Begun>,
  why: Why,
): Promise<Reply> {
  return told(bank, request, reply, async () => {
    const { url, pending } = await start(langFor(request))
    await bank.sessions.wait(request, reply, { ...pending, ...why })
    return reply.redirect(url, 303)
  })
}

/** The browser comes back from the platform with a step that it began. */
async function callback(bank: Counter, request: Request, reply: Reply): Promise<Reply> {
  const address = new URL(request.url, bank.publicOrigin)
  const waiting = await bank.sessions.take(request, address.searchParams.get('state') ?? '')
  if (waiting === undefined) {
    // The same address once more, after all was done: there is nothing left to do.
    const { customer } = await bank.sessions.read(request)
    if (customer !== undefined) return reply.redirect('/account', 303)
    return refuse(bank, request, reply, 'session-foreign')
  }
  return told(
    bank,
    request,
    reply,
    () => (waiting.why === 'sign' ? opened : arrived)(bank, request, reply, waiting, address.href),
    code => comeBackLater(bank, request, reply, waiting, code),
  )
}

/** A step that found nobody at the platform may be finished by the same address later; one that was refused is over. */
async function comeBackLater(
  bank: Counter,
  request: Request,
  reply: Reply,
  waiting: Waiting,
  code: RefusalCode,
): Promise<void> {
  if (code === 'platform-unreachable' || code === 'shutting-down')
    await bank.sessions.wait(request, reply, waiting)
  else if (waiting.why === 'sign') await renewApplicationKey(bank, request, reply)
}

/** The person was identified or logged in. */
async function arrived(
  bank: Counter,
  request: Request,
  reply: Reply,
  waiting: Waiting,
  address: string,
): Promise<Reply> {
  const { subject, claims } = await bank.platform.finish(address, waiting)
  const known = await accountOf(bank.store, subject)
  const isUpdate = waiting.why === 'update'
  if (isUpdate && waiting.customer !== null && waiting.customer !== subject)
    throw new SekishoError('signer-is-another')
  if (waiting.why === 'login') {
    if (known === undefined) return reply.redirect('/?told=no-account', 303)
    await logIn(bank, request, reply, subject)
    return reply.redirect('/account', 303)
  }
  if (known !== undefined) {
    const renewed = { ...attributesOf(claims), phone: known.customer.phone }
    await updateCustomer(bank.store, subject, renewed, bank.clock.now())
    await logIn(bank, request, reply, subject)
    return reply.redirect(`/account?told=${isUpdate ? 'updated' : 'exists'}`, 303)
  }
  const identity = { subject, claims, applicationKey: bank.random.token(tokenBits) }
  await bank.sessions.renew(request, reply, ({ waiting: others }) => ({
    waiting: others,
    identity,
    formToken: bank.random.token(tokenBits),
  }))
  return reply.redirect('/open/form', 303)
}

/** Takes the filled form, composes the application and sends the person to sign it. */
async function apply(
  bank: Counter,
  request: Request,
  reply: Reply,
  form: z.infer<typeof applicationForm>,
): Promise<Reply> {
  const session = await bank.sessions.read(request)
  const { identity, formToken } = session
  if (identity === undefined || form.token !== formToken) {
    return reply.redirect(session.customer === undefined ? '/open' : '/account', 303)
  }
  const phone = parsePhone(form.phone)
  if (phone === undefined) {
    const { claims } = identity
    return send(
      bank,
      reply.code(400),
      formPage(langFor(request), { claims, formToken, sent: form }),
    )
  }
  const application = { ...attributesOf(identity.claims), phone, purpose: form.purpose }
  const text = applicationText(application)
  const transaction = await submit(bank, request, reply, identity, text)
  if (transaction.state === 'signed') {
    const { id, jws } = transaction
    await open(bank, request, reply, { subject: identity.subject, application, id, jws })
    return reply.redirect('/account?told=opened', 303)
  }
  const lang = langFor(request)
  const { url, pending } = await bank.platform.beginSigning(transaction.id, { lang })
  const { subject } = identity
  await bank.sessions.wait(request, reply, { ...pending, why: 'sign', subject, application, text })
  return reply.redirect(url, 303)
}

/**
 * Submits the document for signature. The same form sent again is the same transaction, so what became of it is asked first; one
 * that ended without a signature is replaced.
 */
async function submit(
  bank: Counter,
  request: Request,
  reply: Reply,
  identity: NonNullable<Content['identity']>,
  text: string,
): Promise<{ id: string; state: 'waiting' } | { id: string; state: 'signed'; jws: string }> {
  const document = new TextEncoder().encode(text)
  const create = (applicationKey: string) =>
    bank.platform.createSigning(
      {
        title: '口座開設申込書',
        mediaType: 'text/plain',
        document,
        subject: identity.subject,
      },
      createHash('sha256').update(`${applicationKey}\n${text}`).digest('base64url'),
    )
  const { id } = await create(identity.applicationKey)
  const standing = await bank.platform.readSigning(id, document)
  if (standing.state === 'signed') return { id, state: 'signed', jws: standing.jws }
  if (standing.state === 'waiting') return { id, state: 'waiting' }
  const replaced = await create(await renewApplicationKey(bank, request, reply))
  return { id: replaced.id, state: 'waiting' }
}

/** What is applied for from now on is another document, even with the same text. */
async function renewApplicationKey(bank: Counter, request: Request, reply: Reply): Promise<string> {
  const applicationKey = bank.random.token(tokenBits)
  await bank.sessions.change(request, reply, content =>
    content.identity === undefined
      ? content
      : { ...content, identity: { ...content.identity, applicationKey } },
  )
  return applicationKey
}

/** The application came back signed: the account is open at once. */
async function opened(
  bank: Counter,
  request: Request,
  reply: Reply,
  waiting: Waiting,
  address: string,
): Promise<Reply> {
  if (waiting.why !== 'sign') throw new Error('no application was sent to be signed')
  const { subject, application, text, transaction: id } = waiting
  if (id === undefined) throw new Error('a signature without a transaction')
  const document = new TextEncoder().encode(text)
  const { jws } = await bank.platform.finishSigning(address, waiting, document)
  await open(bank, request, reply, { subject, application, id, jws })
  return reply.redirect('/account?told=opened', 303)
}

/** Opens the account for a signed application and lets its holder in. */
async function open(
  bank: Counter,
  request: Request,
  reply: Reply,
  signed: {
    readonly subject: string
    readonly application: Application
    readonly id: string
    readonly jws: string
  },
): Promise<void> {
  const { subject, application, id: transaction, jws: receipt } = signed
  const world = { at: bank.clock.now(), random: bank.random }
  await openAccount(bank.store, { subject, application, transaction, receipt }, world)
  await logIn(bank, request, reply, subject)
}

/** Whatever this browser had begun before, as somebody else perhaps, is forgotten. */
async function logIn(
  bank: Counter,
  request: Request,
  reply: Reply,
  customer: string,
): Promise<void> {
  await bank.sessions.renew(request, reply, () => ({
    waiting: [],
    customer,
    formToken: bank.random.token(tokenBits),
  }))
}

async function account(bank: Counter, request: Request, reply: Reply): Promise<Reply> {
  const session = await bank.sessions.read(request)
  if (session.customer === undefined) return reply.redirect('/login', 303)
  const found = await accountOf(bank.store, session.customer)
  if (found === undefined) {
    await bank.sessions.end(request, reply)
    return reply.redirect('/?told=no-account', 303)
  }
  const wish = toldIn(request)
  const page = accountPage(langFor(request), found, {
    meaning: await changeOf(bank, session.customer),
    formToken: session.formToken,
    ...(wish === 'opened' || wish === 'exists' || wish === 'updated' ? { told: wish } : {}),
  })
  return send(bank, reply, page)
}

/**
 * What may have changed. The platform charges the question once a day, however often the page is looked at; an account is shown
 * without an answer too, and says so.
 */
async function changeOf(bank: Counter, customer: string) {
  try {
    return (await bank.platform.confirmChange(customer)).meaning
  } catch (error) {
    if (!(error instanceof SekishoError) || error.code === 'unexpected') throw error
    bank.log.write(messages['bank.platform-refused'], { refusal: error.code })
    return 'unchecked'
  }
}

/** Runs a step; what the platform refused is shown in the bank's frame with its code. */
async function told(
  bank: Counter,
  request: Request,
  reply: Reply,
  step: () => Promise<Reply>,
  onRefusal?: (code: RefusalCode) => Promise<void>,
): Promise<Reply> {
  try {
    return await step()
  } catch (error) {
    if (!(error instanceof SekishoError) || error.code === 'unexpected') throw error
    await onRefusal?.(error.code)
    return refuse(bank, request, reply, error.code)
  }
}

async function refuse(
  bank: Counter,
  request: Request,
  reply: Reply,
  code: RefusalCode,
): Promise<Reply> {
  bank.log.write(messages['bank.platform-refused'], { refusal: code })
  const { identity } = await bank.sessions.read(request)
  const page = bankRefusalPage(code, langFor(request), identity !== undefined)
  return send(bank, reply.code(refusals[code].status), page)
}

function langFor(request: Request): Lang {
  return langOf({ url: request.url, cookie: request.headers.cookie })
}

/** What an address of our own asks the page to tell. */
function toldIn(request: Request): string | null {
  return new URL(request.url, 'http://localhost').searchParams.get('told')
}

function send(bank: Counter, reply: Reply, page: string): Reply {
  return reply
    .type('text/html; charset=utf-8')
    .header(
      'content-security-policy',
      contentSecurityPolicy({ 'form-action': ["'self'", bank.issuer] }),
    )
    .send(page)
}
