/** Screens of the card application (A15): the citizen's on a phone, the printed form, and the clerk's for delivery. */
import { Refusal } from '@sekisho/contract'
import { dateInJapan, japaneseDate } from '@sekisho/contract/japan'
import type { App, Reply, Request } from '@sekisho/runtime/http'
import { contentSecurityPolicy } from '@sekisho/runtime/http'
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
  trusted,
} from '@sekisho/web'
import { z } from 'zod'
import { select } from '../window/form.ts'
import { findResident } from '../window/resident-file.ts'
import { windowName } from '../window/word.ts'
import type { World } from '../world.ts'
import { applicationUnderWay, needsRepresentative, receiveApplication } from './application.ts'
import { deliverCard, proofDocuments, visit } from './delivery.ts'
import { issueForm, type Form, qrCodeOf } from './form.ts'
import { pictureScript } from './picture-script.ts'
import { applicationWords } from './word.ts'

type ScreenWorld = { readonly world: World; readonly publicOrigin: string }

const lang = z.string().max(5).optional()
const box = z.literal('on').optional()
const text = z.string().max(200).optional()

/** Adds the routes. */
export function addCardApplicationRoutes(app: App, given: ScreenWorld): void {
  app.get(pictureScript.path, { schema: { hide: true } }, (_request, reply) =>
    reply.type(pictureScript.contentType).send(pictureScript.body),
  )
  addCitizenRoutes(app, given)
  addWindowRoutes(app, given)
}

function addCitizenRoutes(app: App, { world, publicOrigin }: ScreenWorld): void {
  const querystring = z.object({
    form: z.string().max(23).optional(),
    done: z.string().max(9).optional(),
    lang,
  })
  app.get('/card-application', { schema: { querystring, hide: true } }, async (request, reply) =>
    send(reply, applyPage(langFor(request), request.query)).header(
      'content-security-policy',
      contentSecurityPolicy({ 'script-src': ["'self'"] }),
    ),
  )
  const body = z.object({
    form: z.string().max(23),
    photo: z.string().max(1_000_000),
    declinesSignature: box,
    declinesAuthentication: box,
    braille: text,
    representative: text,
    relation: text,
  })
  app.post('/card-application', { schema: { body, hide: true } }, async (request, reply) => {
    requireOwnOrigin(request, publicOrigin)
    const { body: sent } = request
    await parsed(() =>
      receiveApplication(world, {
        form: sent.form,
        channel: 'phone',
        photo: sent.photo,
        declinesSignature: sent.declinesSignature === 'on',
        declinesAuthentication: sent.declinesAuthentication === 'on',
        ...(sent.braille === undefined || sent.braille === '' ? {} : { braille: sent.braille }),
        ...representativeIn(sent),
      }),
    )
    return reply.redirect('/card-application?done=received', 303)
  })
}

function representativeIn(sent: {
  readonly representative?: string | undefined
  readonly relation?: string | undefined
}) {
  const { representative: name, relation } = sent
  if (name === undefined || name === '') return {}
  return {
    representative: {
      name,
      relation: relation === 'guardian' ? ('guardian' as const) : ('parent' as const),
    },
  }
}

function addWindowRoutes(app: App, { world, publicOrigin }: ScreenWorld): void {
  const params = z.object({ id: z.string().max(64) })
  const querystring = z.object({ done: z.string().max(40).optional(), lang })
  const path = '/residents/:id/application'
  app.get(path, { schema: { params, querystring, hide: true } }, async (request, reply) =>
    send(reply, await windowPage(world, langFor(request), request.params.id, request.query.done)),
  )
  app.post('/residents/:id/form', { schema: { params, hide: true } }, async (request, reply) => {
    requireOwnOrigin(request, publicOrigin)
    const form = await issueForm(world, request.params.id)
    return send(reply, formPage(langFor(request), publicOrigin, form))
  })
  const body = z.record(z.string(), z.string().max(200))
  app.post(
    '/residents/:id/delivery',
    { schema: { params, body, hide: true } },
    async (request, reply) => {
      requireOwnOrigin(request, publicOrigin)
      const { id } = request.params
      await deliverCard(world, id, visitIn(request.body))
      return reply.redirect(`/residents/${id}/application?done=delivered`, 303)
    },
  )
}

/** The clerk's check-list as it is sent: a name for each box that is ticked. */
function visitIn(sent: Readonly<Record<string, string>>) {
  const ticked = (prefix: string): string[] =>
    proofDocuments.filter(each => sent[`${prefix}${each}`] === 'on')
  const isRepresented = sent['represented'] === 'on'
  const result = visit.safeParse({
    hasNotice: sent['hasNotice'] === 'on',
    documents: ticked('document-'),
    faceMatches: sent['faceMatches'] === 'on',
    notificationCard: sent['notificationCard'],
    ...(isRepresented
      ? {
          representative: {
            documents: ticked('representative-'),
            provesRepresentation: sent['provesRepresentation'] === 'on',
          },
        }
      : {}),
    ...(sent['pin'] === undefined || sent['pin'] === '' ? {} : { pin: sent['pin'] }),
    ...(sent['password'] === undefined || sent['password'] === ''
      ? {}
      : { password: sent['password'] }),
  })
  if (!result.success) throw new Refusal('request-malformed')
  return result.data
}

function applyPage(
  chosen: Lang,
  query: { readonly form?: string | undefined; readonly done?: string | undefined },
): string {
  const say = applicationWords[chosen]
  return page({
    title: say.apply,
    lang: chosen,
    service: { name: windowName[chosen], home: '/card-application' },
    path: `/card-application?form=${encodeURIComponent(query.form ?? '')}`,
    scripts: [pictureScript.path],
    body:
      query.done === 'received'
        ? notice('success', say.received)
        : [
            html`<p class="lead">${say.applyLead}</p>`,
            html`<form method="post" action="/card-application">
${field({ name: 'form', label: say.form, hint: say.formHint, value: query.form ?? '', required: true, inputmode: 'numeric', maxlength: 23, autocomplete: 'off' })}
<div class="field"><label for="picture">${say.photo}</label><p class="hint" id="picture-hint">${say.photoHint}</p><input id="picture" type="file" accept="image/png,image/jpeg" aria-describedby="picture-hint"><p id="photo-shown" role="status"></p><input type="hidden" name="photo"></div>
<fieldset><legend>${say.declines}</legend>${tick('declinesSignature', say.declinesSignature)}${tick('declinesAuthentication', say.declinesAuthentication)}</fieldset>
${field({ name: 'braille', label: say.braille, maxlength: 11, autocomplete: 'off' })}
<fieldset><legend>${say.representative}</legend>
${field({ name: 'representative', label: say.representativeName, autocomplete: 'off' })}
${select(
  'relation',
  'relation',
  say.relation,
  [
    ['', say.none],
    ['parent', say.relations.parent],
    ['guardian', say.relations.guardian],
  ],
  '',
)}</fieldset>
${button(say.send)}
</form>`,
          ],
  })
}

function formPage(chosen: Lang, origin: string, form: Form): string {
  const say = applicationWords[chosen]
  const { printed } = form
  const { year, month, day } = printed.birthDate
  return page({
    title: say.print,
    lang: chosen,
    service: { name: windowName[chosen], home: '/' },
    body: [
      pairs([
        [say.form, html`<code>${form.id}</code>`],
        [say.name, printed.name],
        [say.address, printed.address],
        [say.birthDate, [year, month ?? '–', day ?? '–'].join('. ')],
      ]),
      html`<figure class="qr"><div role="img" aria-label="${say.scan}">${trusted(qrCodeOf(origin, form.id))}</div><figcaption>${say.scan}: <a href="/card-application?form=${form.id}">${origin}/card-application</a></figcaption></figure>`,
      linkButton(`/residents/${form.residentId}/application`, say.back, 'second'),
    ],
  })
}

async function windowPage(
  world: World,
  chosen: Lang,
  id: string,
  done: string | undefined,
): Promise<string> {
  const say = applicationWords[chosen]
  const resident = await findResident(world, id)
  const application = await world.store.read(db => applicationUnderWay(db, id))
  const isRepresented = needsRepresentative(resident, world.clock.now())
  return page({
    title: `${say.window}: ${resident.attributes.name}`,
    lang: chosen,
    service: { name: windowName[chosen], home: '/' },
    path: `/residents/${id}/application`,
    nav: [{ href: `/residents/${id}`, label: say.back }],
    body: [
      done === 'delivered' ? notice('success', say.delivered) : html``,
      application === undefined
        ? html`<p>${say.noApplication}</p>`
        : pairs([
            [say.state, application.state === 'ready' ? say.states.ready : say.states.received],
            [say.channel, say.channels[application.channel]],
            [say.receivedOn, dayText(application.received_at, chosen)],
            ...(application.ready_at === null
              ? []
              : [[say.readyOn, dayText(application.ready_at, chosen)] as const]),
          ]),
      application?.state === 'ready'
        ? deliveryForm(chosen, id, isRepresented, !application.declines_signature)
        : html`<h2>${say.issue}</h2><p>${say.issueText}</p><form method="post" action="/residents/${id}/form">${button(say.issue, 'second')}</form>`,
    ],
  })
}

function deliveryForm(chosen: Lang, id: string, isRepresented: boolean, signs: boolean): Markup {
  const say = applicationWords[chosen]
  const documents = (prefix: string, legend: string): Markup =>
    html`<fieldset><legend>${legend}</legend>${proofDocuments.map(each => tick(`${prefix}${each}`, say.document[each]))}</fieldset>`
  return html`<h2>${say.deliver}</h2><form method="post" action="/residents/${id}/delivery">
<fieldset><legend>${say.checks}</legend>${tick('hasNotice', say.hasNotice)}${tick('faceMatches', say.faceMatches)}</fieldset>
${documents('document-', say.documents)}
${select(
  'notificationCard',
  'notificationCard',
  say.notificationCard,
  [
    ['returned', say.notificationCards.returned],
    ['lost', say.notificationCards.lost],
  ],
  'returned',
)}
${isRepresented ? html`<input type="hidden" name="represented" value="on">${documents('representative-', say.ofRepresentative)}${tick('provesRepresentation', say.provesRepresentation)}` : null}
${field({ name: 'pin', label: say.pin, type: 'password', inputmode: 'numeric', maxlength: 4, autocomplete: 'off' })}
${signs && !isRepresented ? field({ name: 'password', label: say.password, type: 'password', maxlength: 16, autocomplete: 'off' }) : null}
${button(say.deliver)}
</form>`
}

function tick(name: string, label: string): Markup {
  return html`<p><label for="${name}"><input type="checkbox" id="${name}" name="${name}">${label}</label></p>`
}

/** What does not have the form of an application is a malformed request. */
async function parsed<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof z.ZodError)
      throw new Refusal('request-malformed', { fields: error.issues[0]?.path.join('.') ?? '' })
    throw error
  }
}

/** Browsers say from where a form is sent; only our own pages may send these. */
function requireOwnOrigin(request: Request, publicOrigin: string): void {
  const { origin } = request.headers
  if (origin !== undefined && origin !== publicOrigin) throw new Refusal('origin-foreign')
}

function dayText(at: number, chosen: Lang): string {
  const day = dateInJapan(at)
  return chosen === 'ja' ? japaneseDate(day) : [day.year, day.month, day.day].join('-')
}

function langFor(request: Request): Lang {
  return langOf({ url: request.url, cookie: request.headers.cookie })
}

function send(reply: Reply, body: string): Reply {
  return reply
    .type('text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .header('content-security-policy', contentSecurityPolicy())
    .send(body)
}
