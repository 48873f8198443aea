/**
 * The pages under `/device`: a code is typed, what it is for is shown, the card is used. Nothing is prefilled from an address, so that a
 * link or picture sent by somebody else opens an empty page (RFC 8628 §5.4).
 */
import { problemOf, Refusal } from '@sekisho/contract'
import type { App, Cookie, Reply, Request } from '@sekisho/runtime/http'
import type { CeremonyReaders } from '@sekisho/web'
import { z } from 'zod'
import { answerBytesMax } from '../confirm/answer.ts'
import type { Step } from '../confirm/step.ts'
import { admittedProvider, askCard, finishCard, kindOf } from '../login/card-step.ts'
import { answerDeferred, readWaitingDevice } from '../login/deferred.ts'
import { type Asked, askedOf, cardMethods } from '../login/asked.ts'
import type { OpenId } from '../login/open-id.ts'
import { assertOwnPost } from '../login/own-post.ts'
import { browserCookie, ensureBrowser, langFor, prefersHtml, sendPage } from '../login/screen.ts'
import { messages } from '../message.ts'
import type { World } from '../world.ts'
import { deviceOf, takeUp } from './device.ts'
import { codePage, deviceOrigin, endPage, refusedApprovalPage } from './page.ts'

type DeviceWorld = {
  readonly world: World
  readonly openId: OpenId
  readonly readers: CeremonyReaders
}

/** An approval with the request behind it. */
type Approval = {
  readonly id: string
  readonly deviceId: string
  readonly asked: Asked
  readonly device: { readonly name: string | undefined; readonly begunAt: number }
}

/** Adds the routes. */
export function addDeviceRoutes(app: App, given: DeviceWorld): void {
  const { world } = given
  const cookie = browserCookie(world.issuer, '/device')
  const params = z.object({ id: z.string().max(64) })
  const hide = true
  app.get('/device', { schema: { hide } }, (request, reply) =>
    send(given, reply, codePage(langFor(request))),
  )
  app.post(
    '/device',
    { schema: { body: z.object({ user_code: z.string().max(64) }), hide } },
    (request, reply) => {
      assertOwnPost(request, world.issuer)
      return told(given, request, reply, async () => {
        const browser = ensureBrowser(cookie, request, reply, world.random)
        const id = await takeUp(world, request.body.user_code, browser)
        return reply.redirect(`/device/${id}${langFor(request) === 'en' ? '?lang=en' : ''}`, 303)
      })
    },
  )
  app.get('/device/:id', { schema: { params, hide } }, (request, reply) =>
    told(given, request, reply, () => show(given, cookie, request, reply, request.params.id)),
  )
  app.post(
    '/device/:id',
    { bodyLimit: answerBytesMax, schema: { params, body: z.object({ answer: z.string() }), hide } },
    (request, reply) => {
      assertOwnPost(request, world.issuer)
      const { id } = request.params
      return told(given, request, reply, () =>
        receive(given, cookie, request, reply, { id, answer: request.body.answer }),
      )
    },
  )
  app.post('/device/:id/refuse', { schema: { params, hide } }, (request, reply) => {
    assertOwnPost(request, world.issuer)
    return told(given, request, reply, async () => {
      const { deviceId } = await approvalOf(given, cookie, request, request.params.id)
      await answerDeferred(
        world.store,
        { kind: 'DeviceCode', id: deviceId },
        { error: 'access_denied', errorDescription: 'consent-refused' },
      )
      return send(given, reply, endPage(langFor(request), 'refused', '/device'))
    })
  })
}

/** The approval that this browser took up. Refusal `interaction-unknown` when it is another's, over or answered. */
async function approvalOf(
  { world }: DeviceWorld,
  cookie: Cookie,
  request: Request,
  id: string,
): Promise<Approval> {
  const secret = cookie.read(request)
  const deviceId = await deviceOf(world.store, id, secret === undefined ? undefined : { secret })
  const device = await readWaitingDevice(world.store, deviceId)
  if (device === undefined) throw new Refusal('interaction-unknown')
  const { device_name: name } = device.params
  return {
    id,
    deviceId,
    asked: askedOf(device.params, `device ${id}`),
    device: {
      name: typeof name === 'string' && isReadable(name) ? name : undefined,
      begunAt: device.begunAt * 1000,
    },
  }
}

async function show(
  given: DeviceWorld,
  cookie: Cookie,
  request: Request,
  reply: Reply,
  id: string,
): Promise<Reply> {
  const { world, readers } = given
  const approval = await approvalOf(given, cookie, request, id)
  const { asked, device } = approval
  const provider = await admittedProvider(world, asked)
  if (asked.isAcrUnmet) throw new Refusal('acr-unmet')
  const browser = ensureBrowser(cookie, request, reply, world.random)
  const lang = langFor(request, asked.lang)
  const page = await askCard(world, asked, browser, {
    lang,
    provider,
    path: `/device/${id}`,
    url: request.url,
    isStanding: asked.isStanding,
    readers,
    ...deviceOrigin(lang, device),
  })
  return send(given, reply, page)
}

async function receive(
  given: DeviceWorld,
  cookie: Cookie,
  request: Request,
  reply: Reply,
  { id, answer }: { readonly id: string; readonly answer: string },
): Promise<Reply> {
  const { world } = given
  const { asked, deviceId } = await approvalOf(given, cookie, request, id)
  const provider = await admittedProvider(world, asked)
  const secret = cookie.read(request)
  const step: Step = {
    uid: asked.uid,
    provider,
    browser: secret === undefined ? undefined : { secret },
    origin: world.issuer,
  }
  const outcome = await finishCard(given, step, asked, answer)
  const isAnswered = await answerDeferred(
    world.store,
    { kind: 'DeviceCode', id: deviceId },
    {
      accountId: outcome.personId,
      acr: outcome.acr,
      amr: cardMethods,
      authTime: outcome.authTime,
      grantId: outcome.grantId,
      scope: outcome.scopes.join(' '),
    },
  )
  if (!isAnswered) throw new Refusal('interaction-unknown')
  world.log.write(messages['platform.interaction-finished'], {
    kind: kindOf(asked),
    provider: provider.id,
  })
  return send(given, reply, endPage(langFor(request, asked.lang), 'done', '/device'))
}

/** Runs a step; a refusal is shown with the way to type a code again. */
async function told(
  given: DeviceWorld,
  request: Request,
  reply: Reply,
  step: () => Promise<Reply>,
): Promise<Reply> {
  try {
    return await step()
  } catch (error) {
    if (!(error instanceof Refusal) || !prefersHtml(request)) throw error
    const page = refusedApprovalPage(error, langFor(request), '/device')
    return send(given, reply.code(problemOf(error).status), page)
  }
}

function send({ readers }: DeviceWorld, reply: Reply, page: string): Reply {
  return sendPage(reply, { page, readers, formOrigins: [] })
}

/** Characters of a device's name. */
const nameMax = 40

/** A name on one line, without characters that change the direction of writing. */
function isReadable(name: string): boolean {
  return name.length <= nameMax && /^[\p{L}\p{N}\p{P}\p{Zs}\p{M}\p{S}]+$/u.test(name)
}
