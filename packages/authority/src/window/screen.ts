/** The window's screens: find a resident, see card and certificates, perform an event. For the town's people to play with. */
import { Refusal } from '@sekisho/contract'
import {
  type CalendarDate,
  dateInJapan,
  japaneseDate,
  municipalities,
  municipalityOf,
} from '@sekisho/contract/japan'
import {
  type App,
  contentSecurityPolicy,
  type RefusedRequest,
  type Reply,
  type Request,
} from '@sekisho/runtime/http'
import { sql } from '@sekisho/runtime/store'
import {
  button,
  field,
  frameAssets,
  html,
  type Lang,
  langOf,
  type Markup,
  notice,
  page,
  pairs,
  refusalPage,
  table,
} from '@sekisho/web'
import { z } from 'zod'
import { type Resident, residentOf, type ResidentAttributes } from '../registry/resident.ts'
import { applicationWords } from '../card-application/word.ts'
import type { World } from '../world.ts'
import { maySign } from './desk.ts'
import { performEvent } from './event.ts'
import { eventForms, eventOfForm, select } from './form.ts'
import { addRegisterRoutes } from './register-screen.ts'
import { findResident } from './resident-file.ts'
import { eventNames, reasonNames, windowName, windowWords } from './word.ts'

/** Names of the prepared people, by persona. */
export type PersonaLabels = ReadonlyMap<string, Readonly<Record<Lang, string>>>

/** What the screens need. */
type ScreenWorld = {
  readonly world: World
  readonly publicOrigin: string
  readonly labels: PersonaLabels
}

/** The page of a refusal. One that answers a form leads back to the page where the form stands. */
export function windowRefusalPage(refusal: Refusal, lang: Lang, refused: RefusedRequest): string {
  const back = html`<p><a class="button second" href="${refused.path}">${windowWords[lang].back}</a></p>`
  return refusalPage(refusal, {
    lang,
    service: { name: windowName[lang], home: '/' },
    ...(refused.method === 'POST' ? { back } : {}),
  })
}

/** Adds the routes. */
export function addWindowRoutes(app: App, given: ScreenWorld): void {
  const { world } = given
  for (const asset of frameAssets)
    app.get(asset.path, (_request, reply) => reply.type(asset.contentType).send(asset.body))
  const lang = z.string().max(5).optional()
  const querystring = z.object({
    municipality: z.string().max(5).optional(),
    name: z.string().max(50).optional(),
    lang,
  })
  app.get('/', { schema: { querystring } }, async (request, reply) =>
    send(reply, await listPage(given, langFor(request), request.query)),
  )
  addRegisterRoutes(app, given)
  const params = z.object({ id: z.string().max(64) })
  const done = z.object({ done: z.string().max(40).optional(), lang })
  app.get('/residents/:id', { schema: { params, querystring: done } }, async (request, reply) => {
    const { id } = request.params
    return send(reply, await residentPage(world, langFor(request), id, request.query.done))
  })
  const body = z.record(z.string(), z.string().max(300))
  app.post('/residents/:id', { schema: { params, body } }, async (request, reply) => {
    // Browsers say from where a form is sent; only our own pages may perform events.
    const { origin } = request.headers
    if (origin !== undefined && origin !== given.publicOrigin) throw new Refusal('origin-foreign')
    const event = eventOfForm(request.body)
    await performEvent(world, request.params.id, event)
    return reply.redirect(`/residents/${request.params.id}?done=${event.what}`, 303)
  })
}

const shownMax = 50

type Wish = { readonly municipality?: string | undefined; readonly name?: string | undefined }

async function listPage(given: ScreenWorld, lang: Lang, wish: Wish): Promise<string> {
  const say = windowWords[lang]
  const { municipality = '', name = '' } = wish
  const isSearch = municipality !== '' || name !== ''
  const residents = await findResidents(given.world, wish)
  const shown = residents.slice(0, shownMax)
  return page({
    title: say.find,
    lang,
    wide: true,
    service: { name: windowName[lang], home: '/' },
    path: `/?${new URLSearchParams({ municipality, name }).toString()}`,
    nav: [{ href: '/register', label: say.register }],
    body: [
      html`<p class="lead">${say.lead}</p>`,
      html`<form method="get" action="/">
${select('municipality', 'municipality', say.municipality, [['', say.all], ...municipalities.map(one => [one.code, `${one.prefecture}${one.name}`] as const)], municipality)}
${field({ name: 'name', label: say.name, hint: say.nameHint, value: name, autocomplete: 'off' })}
${button(say.search)}</form>`,
      shown.length === 0
        ? html`<p>${say.none}</p>`
        : table(
            isSearch ? say.found : say.people,
            [say.name, say.municipality, say.state, say.persona],
            shown.map(one => [
              html`<a href="/residents/${one.id}">${one.attributes.name}</a>`,
              municipalityOf(one.municipality)?.name ?? one.municipality,
              say.status[one.status],
              one.persona === null ? '' : (given.labels.get(one.persona)?.[lang] ?? one.persona),
            ]),
          ),
      residents.length > shownMax ? html`<p>${say.more}</p>` : html``,
    ],
  })
}

/** At most one more than is shown, the prepared people first; without a wish only those. */
async function findResidents(world: World, { municipality = '', name = '' }: Wish) {
  const rows = await world.store.read(db => {
    let query = db.selectFrom('resident').selectAll().orderBy('persona').orderBy('id')
    if (municipality !== '') query = query.where('municipality', '=', municipality)
    if (name !== '')
      query = query.where(
        sql<string>`replace(attributes->>'name', '　', '')`,
        'like',
        `%${likeText(name.replace(/\s/gu, ''))}%`,
      )
    if (municipality === '' && name === '') query = query.where('persona', 'is not', null)
    return query.limit(shownMax + 1).execute()
  })
  return rows.map(residentOf)
}

async function residentPage(
  world: World,
  lang: Lang,
  id: string,
  done: string | undefined,
): Promise<string> {
  const say = windowWords[lang]
  const resident = await findResident(world, id)
  const { card, certificates } = await readHoldings(world, id)
  const numbers = await world.store.read(db => world.numbers.read(db, id))
  const members = await countMembers(world, resident)
  const { attributes } = resident
  const at = world.clock.now()
  const present = certificates.filter(one => one.stateNow === 'valid' || one.stateNow === 'held')
  const rows: [string, Markup | string][] = [
    [say.address, attributes.address],
    [say.born, bornText(attributes, lang)],
    [say.gender, say.genders[attributes.gender]],
    ...(attributes.formerSurname === null
      ? []
      : [[say.formerSurname, attributes.formerSurname] as [string, string]]),
    ...(resident.reading === null ? [] : [pair(say.reading, resident.reading)]),
    ...(members === 0
      ? []
      : [pair(say.household, `${say.relation[resident.relation]} (${members}${say.members})`)]),
    ...stayRows(resident, lang),
    [say.state, `${say.status[resident.status]}${resident.isWard ? ` / ${say.ward}` : ''}`],
    [say.card, cardText(card, at, lang)],
    ...(card === undefined
      ? []
      : [
          [say.cardName, html`<code>${resident.persona ?? card.serial}</code>`] as [string, Markup],
        ]),
  ]
  return page({
    title: attributes.name,
    lang,
    wide: true,
    service: { name: windowName[lang], home: '/' },
    path: `/residents/${id}`,
    nav: [{ href: '/', label: say.find }],
    body: [
      doneNotice(lang, done),
      pairs(rows),
      numbers === undefined
        ? html``
        : html`<details><summary>${say.numbers}</summary>${pairs([
            [say.myNumber, numbers.myNumber],
            [say.residentCode, numbers.residentCode],
          ])}</details>`,
      html`<p><a href="/residents/${id}/application">${applicationWords[lang].window}</a></p>`,
      html`<h2>${say.certificates}</h2>`,
      certificateTable(lang, certificates),
      html`<h2>${say.events}</h2>`,
      eventForms(lang, {
        resident,
        hasCard: card !== undefined,
        maySign: maySign(world, resident, at),
        hasSignature: present.some(one => one.ca === 'signature'),
        hasAuthentication: present.some(one => one.ca === 'authentication'),
        hasValid: present.some(one => one.stateNow === 'valid'),
        hasHeld: present.some(one => one.stateNow === 'held'),
        holdsAreLiftable: world.rules.holds.areLiftable,
      }),
    ],
  })
}

function pair(label: string, value: string): [string, Markup | string] {
  return [label, value]
}

function stayRows({ stay }: Resident, lang: Lang): [string, Markup | string][] {
  if (stay === null) return []
  const say = windowWords[lang]
  const { until } = stay
  const end = until === null ? say.noEnd : lang === 'ja' ? japaneseDate(until) : isoDay(until)
  return [
    pair(say.category, say.categories[stay.category]),
    pair(say.nationality, stay.nationality),
    pair(say.endOfStay, end),
  ]
}

/** How many live in somebody's household; 0 for who lives in none. */
async function countMembers(world: World, { householdId }: Resident): Promise<number> {
  if (householdId === null) return 0
  const { count } = await world.store.read(db =>
    db
      .selectFrom('resident')
      .select(eb => eb.fn.countAll<number>().as('count'))
      .where('household_id', '=', householdId)
      .where('status', '=', 'resident')
      .executeTakeFirstOrThrow(),
  )
  return count
}

/** The card in use, and every certificate ever issued, newest first. */
async function readHoldings(world: World, residentId: string) {
  const at = world.clock.now()
  const card = await world.store.read(db =>
    db
      .selectFrom('card')
      .select(['serial', 'expires_at'])
      .where('resident_id', '=', residentId)
      .where('state', '=', 'active')
      .executeTakeFirst(),
  )
  const rows = await world.store.read(db =>
    db
      .selectFrom('certificate')
      .select(['ca', 'not_before', 'not_after', 'state', 'reason'])
      .where('resident_id', '=', residentId)
      .orderBy('not_before', 'desc')
      .orderBy('ca', 'desc')
      .execute(),
  )
  const certificates = rows.map(row => ({
    ...row,
    stateNow: row.state === 'valid' && row.not_after < at ? ('expired' as const) : row.state,
  }))
  return { card, certificates }
}

type Holdings = Awaited<ReturnType<typeof readHoldings>>

function certificateTable(lang: Lang, certificates: Holdings['certificates']): Markup {
  const say = windowWords[lang]
  if (certificates.length === 0) return html`<p>${say.noCertificates}</p>`
  return table(
    say.newestFirst,
    [say.kind, say.begins, say.ends, say.state],
    certificates.map(one => [
      say.kinds[one.ca],
      dayText(one.not_before, lang),
      dayText(one.not_after, lang),
      one.reason === null
        ? say.states[one.stateNow]
        : html`${say.states[one.stateNow]} (${reasonNames[lang][one.reason] ?? one.reason}) <code>${one.reason}</code>`,
    ]),
  )
}

function doneNotice(lang: Lang, done: string | undefined): Markup {
  const names = new Map<string, string>(Object.entries(eventNames[lang]))
  const name = done === 'registered' ? windowWords[lang].register : names.get(done ?? '')
  return name === undefined ? html`` : notice('success', `${windowWords[lang].done}: ${name}`)
}

function cardText(card: Holdings['card'], at: number, lang: Lang): string {
  const say = windowWords[lang]
  if (card === undefined) return say.noCard
  const day = dayText(card.expires_at, lang)
  if (card.expires_at < at) return `${day} ${say.cardExpired}`
  return lang === 'ja' ? `${day}${say.until}` : `${say.until} ${day}`
}

function bornText({ birthDate }: ResidentAttributes, lang: Lang): string {
  const { year, month, day } = birthDate
  if (month !== null && day !== null)
    return lang === 'ja' ? japaneseDate({ year, month, day }) : isoDay({ year, month, day })
  const say = windowWords[lang]
  if (lang === 'en')
    return `${year}${month === null ? '' : `-${String(month).padStart(2, '0')}`} (${say.unknownDay})`
  const eraYear = japaneseDate({ year, month: month ?? 12, day: day ?? 28 }).split('年')[0]
  return `${eraYear}年${month === null ? '' : `${month}月`}${say.unknownDay}`
}

function dayText(at: number, lang: Lang): string {
  const day = dateInJapan(at)
  return lang === 'ja' ? japaneseDate(day) : isoDay(day)
}

function isoDay({ year, month, day }: CalendarDate): string {
  return `${year}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`
}

/** The wish as part of a LIKE pattern that means itself. */
function likeText(text: string): string {
  return text.replace(/[\\%_]/g, found => `\\${found}`)
}

function langFor(request: Request): Lang {
  return langOf({ url: request.url, cookie: request.headers.cookie })
}

function send(reply: Reply, text: string): Reply {
  return reply
    .type('text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .header('content-security-policy', contentSecurityPolicy())
    .send(text)
}
