/** The window's screens: find a resident, see card and certificates, perform an event. For the town's people to play with. */
import { dateInJapan, japaneseDate, municipalities, municipalityOf } from '@sekisho/contract/japan'
import { type App, contentSecurityPolicy, type Reply, type Request } from '@sekisho/runtime/http'
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
  table,
} from '@sekisho/web'
import { z } from 'zod'
import { Refusal } from '@sekisho/contract'
import { residentOf } from '../registry/resident.ts'
import type { World } from '../world.ts'
import { findResident } from './desk.ts'
import { performEvent, residentEvent, type ResidentEvent } from './event.ts'
import { windowName } from './word.ts'

/** Adds the routes. */
export function addWindowRoutes(app: App, world: World): void {
  for (const asset of frameAssets)
    app.get(asset.path, (_request, reply) => reply.type(asset.contentType).send(asset.body))
  app.get(
    '/',
    {
      schema: {
        querystring: z.object({
          municipality: z.string().max(5).optional(),
          name: z.string().max(50).optional(),
          lang: z.string().optional(),
        }),
      },
    },
    async (request, reply) => send(reply, await listPage(world, langFor(request), request.query)),
  )
  const params = z.object({ id: z.string().max(64) })
  app.get(
    '/residents/:id',
    {
      schema: {
        params,
        querystring: z.object({ done: z.string().max(40).optional(), lang: z.string().optional() }),
      },
    },
    async (request, reply) =>
      send(
        reply,
        await residentPage(world, langFor(request), request.params.id, request.query.done),
      ),
  )
  app.post(
    '/residents/:id',
    { schema: { params, body: z.record(z.string(), z.string().max(300)) } },
    async (request, reply) => {
      const event = eventOf(request.body)
      await performEvent(world, request.params.id, event)
      return reply.redirect(`/residents/${request.params.id}?done=${event.what}`, 303)
    },
  )
}

function eventOf(form: Readonly<Record<string, string>>): ResidentEvent {
  const { withSignature, demandsPinAlways, ...rest } = form
  const parsed = residentEvent.safeParse(
    rest['what'] === 'card'
      ? {
          ...rest,
          withSignature: withSignature === 'on',
          demandsPinAlways: demandsPinAlways === 'on',
        }
      : rest,
  )
  if (!parsed.success)
    throw new Refusal('request-malformed', { fields: parsed.error.issues[0]?.path.join('.') ?? '' })
  return parsed.data
}

const shown = 50

async function listPage(
  world: World,
  lang: Lang,
  wish: { readonly municipality?: string | undefined; readonly name?: string | undefined },
): Promise<string> {
  const say = words[lang]
  const rows = await world.store.read(db => {
    let query = db.selectFrom('resident').selectAll().orderBy('persona').orderBy('id').limit(shown)
    if (wish.municipality) query = query.where('municipality', '=', wish.municipality)
    if (wish.name)
      query = query.where(eb =>
        eb(eb.cast<string>('attributes', 'text'), 'like', `%${likeText(wish.name ?? '')}%`),
      )
    else query = query.where('persona', 'is not', null)
    return query.execute()
  })
  const residents = rows.map(residentOf)
  return page({
    title: say.find,
    lang,
    wide: true,
    service: { name: windowName[lang], home: '/' },
    path: '/',
    body: [
      html`<p class="lead">${say.lead}</p>`,
      html`<form method="get" action="/">
<div class="field"><label for="municipality">${say.municipality}</label><select id="municipality" name="municipality"><option value="">${say.all}</option>${municipalities.map(
        one =>
          html`<option value="${one.code}"${one.code === wish.municipality ? html` selected` : null}>${one.prefecture}${one.name}</option>`,
      )}</select></div>
${field({ name: 'name', label: say.name, hint: say.nameHint, value: wish.name ?? '' })}
${button(say.search)}</form>`,
      table(
        `${say.residents} (${residents.length})`,
        [say.name, say.municipality, say.state, say.persona],
        residents.map(one => [
          html`<a href="/residents/${one.id}">${one.attributes.name}</a>`,
          municipalityOf(one.municipality)?.name ?? one.municipality,
          say.status[one.status],
          one.persona ?? '',
        ]),
      ),
    ],
  })
}

async function residentPage(
  world: World,
  lang: Lang,
  id: string,
  done: string | undefined,
): Promise<string> {
  const say = words[lang]
  const resident = await findResident(world, id)
  const certificates = await world.store.read(db =>
    db
      .selectFrom('certificate')
      .select(['ca', 'not_before', 'not_after', 'state', 'reason'])
      .where('resident_id', '=', id)
      .orderBy('not_before', 'desc')
      .orderBy('ca')
      .execute(),
  )
  const card = await world.store.read(db =>
    db
      .selectFrom('card')
      .select('expires_at')
      .where('resident_id', '=', id)
      .where('state', '=', 'active')
      .executeTakeFirst(),
  )
  const { attributes } = resident
  const { year, month, day } = attributes.birthDate
  const born =
    month === null || day === null ? `${year}${say.dayUnknown}` : japaneseDate({ year, month, day })
  return page({
    title: attributes.name,
    lang,
    wide: true,
    service: { name: windowName[lang], home: '/' },
    path: `/residents/${id}`,
    body: [
      done === undefined ? html`` : notice('success', say.done),
      pairs([
        [say.address, attributes.address],
        [say.born, born],
        [say.gender, say.genders[attributes.gender]],
        [say.state, say.status[resident.status]],
        [say.card, card === undefined ? say.noCard : `${say.until} ${dayOf(card.expires_at)}`],
      ]),
      html`<h2>${say.certificates}</h2>`,
      table(
        say.certificates,
        [say.kind, say.begins, say.ends, say.state],
        certificates.map(one => [
          say.kinds[one.ca],
          dayOf(one.not_before),
          dayOf(one.not_after),
          html`${say.states[one.state]}${one.reason === null ? null : html` <code>${one.reason}</code>`}`,
        ]),
      ),
      html`<h2>${say.events}</h2>`,
      card === undefined ? cardForm(lang, id) : eventForms(lang, id, resident.municipality),
    ],
  })
}

function cardForm(lang: Lang, id: string): Markup {
  const say = words[lang]
  return html`<form method="post" action="/residents/${id}"><fieldset><legend>${say.handOut}</legend>
<input type="hidden" name="what" value="card">
${secretFields(lang, 'card')}
<p><label><input type="checkbox" name="withSignature" checked>${say.withSignature}</label></p>
<p><label><input type="checkbox" name="demandsPinAlways">${say.pinAlways}</label></p>
${button(say.handOut)}</fieldset></form>`
}

function secretFields(lang: Lang, prefix: string): Markup {
  const say = words[lang]
  return html`<div class="field"><label for="${prefix}-pin">${say.pin}</label><input id="${prefix}-pin" name="pin" type="text" inputmode="numeric" maxlength="4" autocomplete="off" required></div>
<div class="field"><label for="${prefix}-password">${say.password}</label><input id="${prefix}-password" name="password" type="text" maxlength="16" autocomplete="off" required></div>`
}

function eventForms(lang: Lang, id: string, municipality: string): Markup {
  const say = words[lang]
  const form = (what: string, label: string, inner: Markup): Markup =>
    html`<form method="post" action="/residents/${id}"><fieldset><legend>${label}</legend><input type="hidden" name="what" value="${what}">${inner}${button(label, 'second')}</fieldset></form>`
  return html`<ul class="cards">
<li>${form(
    'move',
    say.move,
    html`<div class="field"><label for="to">${say.municipality}</label><select id="to" name="municipality">${municipalities.map(
      one =>
        html`<option value="${one.code}"${one.code === municipality ? html` selected` : null}>${one.prefecture}${one.name}</option>`,
    )}</select></div><div class="field"><label for="address">${say.address}</label><input type="text" id="address" name="address" required maxlength="200"></div>`,
  )}</li>
<li>${form('rename', say.rename, html`<div class="field"><label for="new-name">${say.newName}</label><input type="text" id="new-name" name="name" required maxlength="100"></div>`)}</li>
<li>${form('signature', say.signature, secretFields(lang, 'signature'))}</li>
<li>${form('renew', say.renew, secretFields(lang, 'renew'))}</li>
<li>${form('reissue', say.reissue, secretFields(lang, 'reissue'))}</li>
<li>${form('reset-pin', say.resetPin, html`<div class="field"><label for="new-pin">${say.pin}</label><input id="new-pin" name="pin" type="text" inputmode="numeric" maxlength="4" autocomplete="off" required></div>`)}</li>
<li>${form('reset-password', say.resetPassword, html`<div class="field"><label for="new-password">${say.password}</label><input id="new-password" name="password" type="text" maxlength="16" autocomplete="off" required></div>`)}</li>
<li>${form('lost', say.lost, html``)}${form('found', say.found, html``)}</li>
<li>${form('overseas', say.overseas, html``)}${form('deceased', say.deceased, html``)}</li>
<li>${form('stop', say.stop, html``)}${form('key-compromised', say.compromised, html``)}</li>
</ul>`
}

const words = {
  ja: {
    find: '住民をさがす',
    lead: '体験用の町の窓口です。架空の住民にカードを交付したり、届出を受け付けたりできます。氏名を入れずにさがすと、用意された住民(ペルソナ)を表示します。',
    municipality: '市区町村',
    all: 'すべて',
    name: '氏名',
    nameHint: '一部でもさがせます。例: 佐藤',
    search: 'さがす',
    residents: '住民',
    state: '状態',
    persona: 'ペルソナ',
    status: { resident: '住民', overseas: '国外転出', deceased: '死亡' },
    done: '受け付けました。',
    address: '住所',
    born: '生年月日',
    dayUnknown: '年(月日不詳)',
    gender: '性別',
    genders: { male: '男', female: '女', unknown: '不明' },
    card: 'カード',
    noCard: '未交付',
    until: '有効期限',
    certificates: '電子証明書',
    kind: '種類',
    kinds: { signature: '署名用', authentication: '利用者証明用' },
    begins: '発行日',
    ends: '有効期限',
    states: { valid: '有効', held: '一時停止', revoked: '失効' },
    events: '届出',
    handOut: 'カードを交付する',
    withSignature: '署名用電子証明書も発行する',
    pinAlways: 'いつも暗証番号を求める',
    pin: '利用者証明用の暗証番号(数字4桁)',
    password: '署名用パスワード(英数字6〜16文字)',
    move: '転居・転入',
    rename: '氏名の変更',
    newName: '新しい氏名(姓と名の間に全角空白)',
    signature: '署名用電子証明書の再発行',
    renew: '電子証明書の更新',
    reissue: 'カードの再発行',
    resetPin: '暗証番号の初期化',
    resetPassword: '署名用パスワードの初期化',
    lost: '紛失(一時停止)',
    found: '発見(一時停止の解除)',
    overseas: '国外転出',
    deceased: '死亡',
    stop: '利用をやめる',
    compromised: '秘密鍵の漏えい',
  },
  en: {
    find: 'Find a resident',
    lead: 'The window of the practice town. Hand out cards to synthetic residents and take their notifications. Without a name the prepared people (personas) are listed.',
    municipality: 'Municipality',
    all: 'all',
    name: 'Name',
    nameHint: 'A part is enough, for example 佐藤',
    search: 'Find',
    residents: 'Residents',
    state: 'State',
    persona: 'Persona',
    status: { resident: 'resident', overseas: 'moved overseas', deceased: 'deceased' },
    done: 'Done.',
    address: 'Address',
    born: 'Born',
    dayUnknown: ' (day unknown)',
    gender: 'Sex',
    genders: { male: 'male', female: 'female', unknown: 'unknown' },
    card: 'Card',
    noCard: 'none',
    until: 'valid until',
    certificates: 'Certificates',
    kind: 'Kind',
    kinds: { signature: 'signature', authentication: 'authentication' },
    begins: 'Issued',
    ends: 'Valid until',
    states: { valid: 'valid', held: 'held', revoked: 'revoked' },
    events: 'Notifications',
    handOut: 'Hand out a card',
    withSignature: 'Issue a signature certificate too',
    pinAlways: 'Always ask for the PIN',
    pin: 'Authentication PIN (4 digits)',
    password: 'Signature password (6 to 16 letters and digits)',
    move: 'Move',
    rename: 'Change of name',
    newName: 'New name (full-width space between family and given name)',
    signature: 'New signature certificate',
    renew: 'Renew certificates',
    reissue: 'Reissue the card',
    resetPin: 'Reset the PIN',
    resetPassword: 'Reset the signature password',
    lost: 'Lost (hold)',
    found: 'Found (release)',
    overseas: 'Move overseas',
    deceased: 'Death',
    stop: 'Stop using certificates',
    compromised: 'Private key leaked',
  },
} as const

/** The wish as part of a LIKE pattern that means itself. */
function likeText(text: string): string {
  return text.replace(/[\\%_]/g, found => `\\${found}`)
}

function dayOf(at: number): string {
  const { year, month, day } = dateInJapan(at)
  return `${year}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`
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
