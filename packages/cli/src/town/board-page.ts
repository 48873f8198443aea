/** The pages of the event board: choose a person, press what happens, read what followed. */
import { Refusal } from '@sekisho/contract'
import type { Clock } from '@sekisho/runtime/clock'
import type { App, Reply, Request } from '@sekisho/runtime/http'
import { button, html, type Lang, langOf, linkButton, type Markup, page, table } from '@sekisho/web'
import { z } from 'zod'
import {
  type Board,
  companyEvents,
  type Happened,
  personEvents,
  type Seen,
  type Standing,
} from './board.ts'
import { personas } from './personas.ts'

type BoardWorld = {
  readonly board: Board
  readonly clock: Clock
  readonly origin: string
  readonly name: Readonly<Record<Lang, string>>
}

const daysMax = 3660

/** Adds the routes. */
export function addBoardRoutes(app: App, given: BoardWorld): void {
  const { board } = given
  const querystring = z.object({
    person: z.string().max(64).optional(),
    lang: z.string().max(5).optional(),
  })
  app.get('/board', { schema: { querystring } }, async (request, reply) => {
    const lang = langOf({ url: request.url, cookie: request.headers.cookie })
    return send(reply, await boardPage(given, lang, request.query.person))
  })
  const act = async (request: Request, reply: Reply, work: () => Promise<void>, back = '') => {
    // No other page may make things happen: browsers name the origin of every form.
    if (request.headers.origin !== given.origin) throw new Refusal('origin-foreign')
    await work()
    return reply.redirect(`/board${back}`, 303)
  }
  const person = z.object({ person: z.string().max(64), what: z.enum(personEvents) })
  app.post('/board/person', { schema: { body: person } }, (request, reply) =>
    act(
      request,
      reply,
      () => board.happenToPerson(request.body.person, request.body.what),
      `?person=${encodeURIComponent(request.body.person)}`,
    ),
  )
  const company = z.object({ company: z.string().max(13), what: z.enum(companyEvents) })
  app.post('/board/company', { schema: { body: company } }, (request, reply) =>
    act(request, reply, () => board.happenToCompany(request.body.company, request.body.what)),
  )
  app.post('/board/ca', (request, reply) => act(request, reply, () => board.rollOver()))
  const turn = z.object({
    days: z.coerce.number().int().min(0).max(daysMax),
    person: z.string().max(64),
  })
  app.post('/board/clock', { schema: { body: turn } }, (request, reply) =>
    act(
      request,
      reply,
      () => board.turn(request.body.days),
      `?person=${encodeURIComponent(request.body.person)}`,
    ),
  )
}

async function boardPage(
  { board, clock, name }: BoardWorld,
  lang: Lang,
  wanted: string | undefined,
): Promise<string> {
  const say = words[lang]
  const people = personas(clock.now())
  const chosen = people.find(one => one.id === wanted) ?? people[0]
  if (chosen === undefined) throw new Error('a town without people')
  const companies = await board.companies()
  const seen = await board.seen(chosen.id)
  return page({
    title: say.title,
    lang,
    wide: true,
    service: { name: name[lang], home: '/' },
    path: `/board?person=${chosen.id}`,
    nav: [{ href: '/', label: name[lang] }],
    body: [
      html`<p class="lead">${say.lead}</p>`,
      html`<h2>${say.clock}</h2><p><strong>${timeText(clock.now(), lang)}</strong></p>`,
      html`<form method="post" action="/board/clock" class="actions"><input type="hidden" name="person" value="${chosen.id}">${[
        1, 30, 365, 1826,
      ].map(
        days =>
          html`<button type="submit" class="button second" name="days" value="${days}">${say.turn(days)}</button> `,
      )}</form>`,
      html`<h2>${say.person}</h2>`,
      html`<form method="get" action="/board"><div class="field"><label for="person">${say.who}</label><select id="person" name="person">${people.map(
        one =>
          html`<option value="${one.id}"${one.id === chosen.id ? html` selected` : null}>${one.attributes.name} – ${one.label[lang]}</option>`,
      )}</select></div>${button(say.show, 'second')}</form>`,
      html`<h3>${say.happens(chosen.attributes.name)}</h3>`,
      html`<form method="post" action="/board/person" class="actions"><input type="hidden" name="person" value="${chosen.id}">${personEvents.map(
        what =>
          html`<button type="submit" class="button second" name="what" value="${what}">${say.events[what]}</button> `,
      )}</form>`,
      html`<h3>${say.follows}</h3>`,
      seenTable(lang, seen),
      html`<h2>${say.company}</h2>`,
      html`<form method="post" action="/board/company"><div class="field"><label for="company">${say.which}</label><select id="company" name="company">${companies.map(
        one =>
          html`<option value="${one.number}">${one.name}${one.isClosed ? say.closed : ''}</option>`,
      )}</select></div><div class="actions">${companyEvents.map(
        what =>
          html`<button type="submit" class="button second" name="what" value="${what}">${say.events[what]}</button> `,
      )}</div></form>`,
      html`<h2>${say.ca}</h2><p>${say.caText}</p><form method="post" action="/board/ca">${button(say.events['roll-over'], 'second')}</form>`,
      html`<h2>${say.journal}</h2>`,
      journalOf(lang, board.journal),
      linkButton('/', name[lang], 'second'),
    ],
  })
}

function seenTable(lang: Lang, seen: readonly Seen[]): Markup {
  const say = words[lang]
  if (seen.length === 0) return html`<p>${say.none}</p>`
  return table(
    say.follows,
    [say.kind, say.generation, say.validity, say.atAuthority, say.atPlatform],
    seen.map(one => [
      say.kinds[one.ca],
      html`<code>${one.generation}</code>`,
      `${dayText(one.notBefore, lang)} – ${dayText(one.notAfter, lang)}`,
      standingText(lang, one.atAuthority),
      `${standingText(lang, one.atPlatform)}${one.atPlatform.list === undefined ? '' : ` №${one.atPlatform.list}`}`,
    ]),
    { caption: 'unseen' },
  )
}

function journalOf(lang: Lang, journal: readonly Happened[]): Markup {
  const say = words[lang]
  if (journal.length === 0) return html`<p>${say.nothing}</p>`
  return table(
    say.journal,
    [say.time, say.subject, say.what, say.changes],
    journal.map(one => [
      timeText(one.at, lang),
      html`<code>${one.who}</code>`,
      say.events[one.what],
      html`${one.changes.map(
        ({ before, after }) =>
          html`<div>${say.kinds[after.ca]}: ${before === undefined ? say.fresh : standingText(lang, before)} → ${standingText(lang, after.atAuthority)} / ${standingText(lang, after.atPlatform)}</div>`,
      )}${one.more.map(each => html`<div>${each}</div>`)}`,
    ]),
    { caption: 'unseen' },
  )
}

function standingText(lang: Lang, { state, reason }: Standing): string {
  const word = words[lang].states[state]
  return reason === undefined ? word : `${word} ${reason}`
}

function timeText(at: number, lang: Lang): string {
  return new Intl.DateTimeFormat(lang === 'ja' ? 'ja-JP-u-ca-japanese' : 'en-GB', {
    dateStyle: 'medium',
    timeStyle: 'short',
    timeZone: 'Asia/Tokyo',
  }).format(at)
}

function dayText(at: number, lang: Lang): string {
  return new Intl.DateTimeFormat(lang === 'ja' ? 'ja-JP-u-ca-japanese' : 'en-GB', {
    dateStyle: 'medium',
    timeZone: 'Asia/Tokyo',
  }).format(at)
}

function send(reply: Reply, text: string): Reply {
  return reply.type('text/html; charset=utf-8').header('cache-control', 'no-store').send(text)
}

const words = {
  ja: {
    title: '出来事の盤',
    lead: '人や会社や認証局に何かを起こし、証明書と失効リストがどう変わり、基盤がどう受け取るかを見ます。',
    clock: '町の時計',
    turn: (days: number) =>
      days >= 365 ? `${Math.round(days / 365.25)}年進める` : `${days}日進める`,
    person: '人',
    who: 'だれに',
    show: '見る',
    happens: (name: string) => `${name}さんに起こす`,
    follows: '証明書の状態',
    none: 'まだ証明書がありません。',
    kind: '種類',
    generation: '発行鍵',
    validity: '有効期間',
    atAuthority: '認証局の記録',
    atPlatform: '基盤の理解(リスト番号)',
    kinds: { signature: '署名用', authentication: '利用者証明用' },
    company: '会社',
    which: 'どの会社に',
    closed: '(閉鎖)',
    ca: '認証局',
    caText: '両方の認証局に新しい世代の鍵を作り、基盤に信頼させます。時計が1時間進みます。',
    journal: '起きたこと',
    states: { valid: '有効', held: '一時停止', revoked: '失効', unknown: '不明' },
    fresh: '発行',
    nothing: 'まだ何も起きていません。',
    time: '日時',
    subject: 'だれに',
    what: '出来事',
    changes: '変わったこと(認証局 / 基盤)',
    events: {
      move: '引っ越す',
      rename: '名前が変わる',
      lost: 'カードをなくす',
      found: 'カードが見つかる',
      reissue: 'カードを再交付',
      renew: '証明書を更新',
      'turn-18': '18歳になる',
      overseas: '海外へ転出',
      deceased: '亡くなる',
      appoint: '代表者が加わる',
      close: '会社を閉じる',
      'roll-over': '認証局の鍵を更新する',
      clock: '時計を進めた(日)',
    },
  },
  en: {
    title: 'Event board',
    lead: 'Make something happen to a person, a company or a CA; watch certificates and lists change, and the platform follow.',
    clock: 'Clock of the town',
    turn: (days: number) =>
      days >= 365
        ? `Forward ${Math.round(days / 365.25)} year(s)`
        : `Forward ${days} day${days === 1 ? '' : 's'}`,
    person: 'Person',
    who: 'To whom',
    show: 'Look',
    happens: (name: string) => `Make it happen to ${name}`,
    follows: 'State of the certificates',
    none: 'No certificates yet.',
    kind: 'Kind',
    generation: 'Issuing key',
    validity: 'Validity',
    atAuthority: 'Authority’s record',
    atPlatform: 'As the platform knows it (list number)',
    kinds: { signature: 'Signature', authentication: 'Authentication' },
    company: 'Company',
    which: 'Which',
    closed: ' (closed)',
    ca: 'CAs',
    caText:
      'Makes a new generation of keys for both CAs and has the platform trust them. The clock goes forward by an hour.',
    journal: 'What happened',
    states: { valid: 'valid', held: 'on hold', revoked: 'revoked', unknown: 'unknown' },
    fresh: 'issued',
    nothing: 'Nothing yet.',
    time: 'When',
    subject: 'To whom',
    what: 'Event',
    changes: 'Changes (authority / platform)',
    events: {
      move: 'Moves house',
      rename: 'Changes name',
      lost: 'Loses the card',
      found: 'Finds the card',
      reissue: 'Gets a new card',
      renew: 'Renews the certificates',
      'turn-18': 'Turns 18',
      overseas: 'Moves abroad',
      deceased: 'Dies',
      appoint: 'Appoints a representative',
      close: 'Closes the company',
      'roll-over': 'Roll over the CAs',
      clock: 'Clock turned (days)',
    },
  },
} as const
