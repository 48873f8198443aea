/** The town's front page: addresses, first steps, people, the time dial. It is no part of the product. */
import { Refusal } from '@sekisho/contract'
import { townClock } from '@sekisho/runtime/clock'
import { createServer } from '@sekisho/runtime/http'
import type { Log } from '@sekisho/runtime/log'
import {
  button,
  frameAssets,
  html,
  type Lang,
  langOf,
  page,
  pairs,
  refusalPage,
  table,
} from '@sekisho/web'
import { z } from 'zod'
import { createBoard } from './board.ts'
import { addBoardRoutes } from './board-page.ts'
import type { Layout } from './layout.ts'
import { personaPassword, personaPin, personas } from './personas.ts'
import type { Running } from './program.ts'

/** Ten years: further on every certificate of the town is long over. */
const daysMax = 3660

const townName = { ja: 'せきしょ町', en: 'The town of Sekisho' } as const

/** Starts the front page. */
export async function startFront(layout: Layout, log: Log): Promise<Running> {
  const clock = townClock(layout.clockFile)
  const server = await createServer({
    name: 'town',
    log,
    publicOrigin: layout.urls.town,
    renderRefusalPage: (refusal, lang) =>
      refusalPage(refusal, { lang, service: { name: townName[lang], home: '/' } }),
  })
  for (const asset of frameAssets)
    server.app.get(asset.path, (_request, reply) => reply.type(asset.contentType).send(asset.body))
  server.app.get('/', (request, reply) => {
    const lang = langOf({ url: request.url, cookie: request.headers.cookie })
    return reply.type('text/html; charset=utf-8').send(frontPage(layout, lang, clock.now()))
  })
  server.app.post(
    '/clock',
    { schema: { body: z.object({ days: z.coerce.number().int().min(0).max(daysMax) }) } },
    async (request, reply) => {
      // No other page may turn the clock: browsers name the origin of every form.
      if (request.headers.origin !== layout.urls.town) throw new Refusal('origin-foreign')
      await clock.advance(request.body.days * 24 * 3600 * 1000)
      return reply.redirect('/', 303)
    },
  )
  addBoardRoutes(server.app, {
    board: createBoard(layout, clock),
    clock,
    origin: layout.urls.town,
    name: townName,
  })
  await server.listen(layout.ports.town)
  return { stop: () => server.stop() }
}

const words = {
  ja: {
    lead: '架空の住民と本物の部品(カードの APDU、X.509、OpenID Connect)でできた町です。',
    steps: 'はじめの一歩',
    one: 'で「口座を開設する」を選びます。',
    two: '「ウォレットのカードを使う」を押し、住民のカード(たとえば「成人」)を選びます。',
    three: '署名用パスワード',
    four: ' を入れると口座が開きます。次からは4桁の暗証番号',
    five: ' でログインできます。',
    places: '町の施設',
    bank: 'せきしょ銀行',
    platform: '共通認証基盤',
    authority: '住民窓口(認証局)',
    wallet: 'ウォレット(カードとリーダー)',
    portal: 'あなたのページ(誰が見たか、同意、サービス)',
    providers: '提供者の窓口(サービスを登録し、すぐに試す)',
    operation: '運用卓(はじめの担当者は次のコマンドで招く)',
    people: '町の人々',
    persona: 'コマンドで使う名',
    name: '氏名',
    who: 'どんな人か',
    clock: '町の時計',
    advance: '時計を進める',
    days: '進める日数',
    board: '出来事の盤(引っ越し、紛失、死亡、認証局の鍵の更新などを起こして見る)',
  },
  en: {
    lead: 'A town of synthetic people and real parts: card APDUs, X.509, OpenID Connect.',
    steps: 'First steps',
    one: ': choose to open an account.',
    two: 'Press "Use a card in the wallet" and pick a card, for example "Plain adult".',
    three: 'Type the signature password',
    four: ' and the account is open. From then on log in with the 4-digit PIN',
    five: '.',
    places: 'Places',
    bank: 'Bank',
    platform: 'Authentication platform',
    authority: 'Municipal window (authority)',
    wallet: 'Wallet (cards and reader)',
    portal: 'Your own page (who looked, consents, services)',
    providers: "Providers' console (register a service, try it at once)",
    operation: "Operators' console (the first member is invited by this command)",
    people: 'People',
    persona: 'As commands call them',
    name: 'Name',
    who: 'Who they are',
    clock: 'Clock of the town',
    advance: 'Turn the clock forward',
    days: 'Days',
    board: 'Event board: make people move, lose cards, die, roll over the CA, and watch',
  },
} as const

function frontPage(layout: Layout, lang: Lang, now: number): string {
  const say = words[lang]
  const link = (url: string): ReturnType<typeof html> => html`<a href="${url}">${url}</a>`
  const time = new Intl.DateTimeFormat(lang === 'ja' ? 'ja-JP-u-ca-japanese' : 'en-GB', {
    dateStyle: 'full',
    timeStyle: 'short',
    timeZone: 'Asia/Tokyo',
  }).format(now)
  return page({
    title: townName[lang],
    lang,
    service: { name: townName[lang], home: '/' },
    path: '/',
    body: [
      html`<p class="lead">${say.lead}</p>`,
      html`<h2>${say.steps}</h2><ol class="steps"><li><a href="${layout.urls.bank}">${say.bank}</a>${say.one}</li><li>${say.two}</li><li>${say.three} <code>${personaPassword}</code>${say.four} <code>${personaPin}</code>${say.five}</li></ol>`,
      html`<h2>${say.places}</h2>`,
      pairs([
        [say.bank, link(layout.urls.bank)],
        [say.platform, link(layout.urls.platform)],
        [say.authority, link(layout.urls.authority)],
        [say.wallet, link(layout.urls.wallet)],
        [say.portal, link(`${layout.urls.platform}/me`)],
        [say.providers, link(layout.urls.providers)],
        [
          say.operation,
          html`${link(layout.urls.operation)}<br><code>sekisho staff invite hana --name 花 --role security</code>`,
        ],
      ]),
      html`<h2>${say.people}</h2>`,
      table(
        say.people,
        [say.persona, say.name, say.who],
        personas(now).map(one => [
          html`<code>${one.id}</code>`,
          html`<span lang="ja">${one.attributes.name}</span>`,
          one.label[lang],
        ]),
        { caption: 'unseen' },
      ),
      html`<h2>${say.clock}</h2><p class="lead">${time}</p><form method="post" action="/clock"><div class="field"><label for="days">${say.days}</label><input id="days" name="days" type="number" min="0" max="${daysMax}" value="1" required></div>${button(say.advance, 'second')}</form><p><a href="/board">${say.board}</a></p>`,
    ],
  })
}
