/**
 * The CA operator's screen: generations and their keys, what is published, whether anything is overdue. It shows; ceremonies and the
 * opening of the token are done with the command line, where a PIN goes through no browser.
 */
import {
  type CalendarDate,
  dateInJapan,
  japaneseDate,
  municipalityOf,
} from '@sekisho/contract/japan'
import type { App, Request } from '@sekisho/runtime/http'
import { contentSecurityPolicy } from '@sekisho/runtime/http'
import type { Token } from '@sekisho/runtime/pkcs11'
import { html, type Lang, langOf, notice, page, pairs, table } from '@sekisho/web'
import { readManifest } from '../revocation/publish.ts'
import type { World } from '../world.ts'

const name = { ja: '認証局の運用', en: 'CA operation' } as const

/** Adds the route. */
export function addCaRoutes(
  app: App,
  given: { readonly world: World; readonly token: Token | undefined },
): void {
  app.get('/ca', { schema: { hide: true } }, async (request, reply) =>
    reply
      .type('text/html; charset=utf-8')
      .header('cache-control', 'no-store')
      .header('content-security-policy', contentSecurityPolicy())
      .send(await screen(given, langFor(request))),
  )
}

async function screen(
  { world, token }: { readonly world: World; readonly token: Token | undefined },
  lang: Lang,
): Promise<string> {
  const say = words[lang]
  const at = world.clock.now()
  const { partitions } = await readManifest(world)
  const lists = world.hierarchy.inForce(at).map(generation => {
    const own = partitions.filter(each => each.issuerKeyId === generation.keyId)
    const overdue = own.filter(each => Date.parse(each.nextUpdate) <= at)
    const oldest = own.reduce<number | undefined>((least, each) => {
      const until = Date.parse(each.nextUpdate)
      return least === undefined || until < least ? until : least
    }, undefined)
    return { generation, own, overdue, oldest }
  })
  const overdue = lists.flatMap(each => each.overdue)
  return page({
    title: name[lang],
    lang,
    wide: true,
    service: { name: name[lang], home: '/ca' },
    path: '/ca',
    body: [
      overdue.length === 0
        ? notice('success', say.healthy)
        : notice(
            'error',
            say.overdue(overdue.length),
            html`<p>${overdue.slice(0, 5).map(each => `${placeOf(each.municipality)} `)}</p>`,
          ),
      token !== undefined && !token.isOpen
        ? notice('warning', say.locked, html`<p><code>sekisho ca activate</code></p>`)
        : html``,
      html`<h2>${say.generations}</h2>`,
      table(
        say.generations,
        [say.ca, say.generation, say.algorithm, say.validity, say.lists, say.until],
        lists.map(({ generation, own, oldest }) => [
          say.kinds[generation.kind],
          html`${generation.generation} <code>${generation.keyId.slice(0, 8)}</code>`,
          generation.algorithm,
          `${dayText(generation.certificate.notBefore, lang)} – ${dayText(generation.certificate.notAfter, lang)}`,
          String(own.length),
          oldest === undefined ? '–' : timeText(oldest, lang),
        ]),
        { caption: 'unseen' },
      ),
      html`<h2>${say.rules}</h2>`,
      pairs([
        [say.keys, world.caKeys.place === 'token' ? say.inToken : say.inFiles],
        [
          say.publication,
          say.every(world.rules.publication.everyMs / 3_600_000, world.rules.publication.onDemand),
        ],
        [say.ocsp, say.minutes(world.rules.ocsp.lifetimeMs / 60_000)],
        [say.hold, world.rules.holds.areLiftable ? say.liftable : say.final],
      ]),
      html`<h2>${say.newest}</h2>`,
      table(
        say.newest,
        [say.ca, say.place, say.number, say.published, say.bytes],
        partitions
          .toSorted((a, b) => Date.parse(b.thisUpdate) - Date.parse(a.thisUpdate))
          .slice(0, shownMax)
          .map(each => [
            say.kinds[each.ca],
            placeOf(each.municipality),
            String(each.number),
            timeText(Date.parse(each.thisUpdate), lang),
            String(each.bytes),
          ]),
        { caption: 'unseen' },
      ),
    ],
  })
}

const shownMax = 20

function placeOf(code: string): string {
  const found = municipalityOf(code)
  return found === undefined ? code : `${found.prefecture}${found.name}`
}

function dayText(at: number, lang: Lang): string {
  const day: CalendarDate = dateInJapan(at)
  return lang === 'ja' ? japaneseDate(day) : new Date(at).toISOString().slice(0, 10)
}

function timeText(at: number, lang: Lang): string {
  return new Intl.DateTimeFormat(lang === 'ja' ? 'ja-JP' : 'en-GB', {
    dateStyle: 'short',
    timeStyle: 'short',
    timeZone: 'Asia/Tokyo',
  }).format(at)
}

function langFor(request: Request): Lang {
  return langOf({ url: request.url, cookie: request.headers.cookie })
}

const words = {
  ja: {
    healthy: 'すべての失効リストが期限内です。',
    overdue: (count: number) => `期限を過ぎた失効リストが${count}件あります。`,
    locked: '鍵の装置が開かれていません。二人の担当者が暗証番号を半分ずつ入力してください。',
    generations: '認証局の世代',
    ca: '認証局',
    generation: '世代',
    algorithm: '署名方式',
    validity: '有効期間',
    lists: '失効リスト',
    until: '最も早い期限',
    kinds: { signature: '署名用', authentication: '利用者証明用' },
    rules: '運用の規則',
    keys: '新しい世代の鍵',
    inToken: '装置(PKCS #11)',
    inFiles: 'ファイル',
    publication: '失効リストの公開',
    every: (hours: number, onDemand: boolean) =>
      `${hours}時間ごと${onDemand ? '、失効のつど' : ''}`,
    ocsp: 'OCSP応答の有効時間',
    minutes: (minutes: number) => `${minutes}分`,
    hold: '一時停止',
    liftable: '解除できる',
    final: '解除できない',
    newest: '最近の公開',
    place: '市区町村',
    number: '番号',
    published: '公開',
    bytes: 'バイト',
  },
  en: {
    healthy: 'All revocation lists are in time.',
    overdue: (count: number) => `${count} revocation lists are overdue.`,
    locked: 'The token is not open. Two operators each enter half of its PIN.',
    generations: 'Generations of the CAs',
    ca: 'CA',
    generation: 'Generation',
    algorithm: 'Algorithm',
    validity: 'Validity',
    lists: 'Lists',
    until: 'First to end',
    kinds: { signature: 'Signature', authentication: 'Authentication' },
    rules: 'Rules of operation',
    keys: 'Keys of new generations',
    inToken: 'in a token (PKCS #11)',
    inFiles: 'in files',
    publication: 'Lists are published',
    every: (hours: number, onDemand: boolean) =>
      `every ${hours} hours${onDemand ? ' and at every change' : ''}`,
    ocsp: 'OCSP answers speak for',
    minutes: (minutes: number) => `${minutes} minutes`,
    hold: 'A hold',
    liftable: 'can be lifted',
    final: 'cannot be lifted',
    newest: 'Published last',
    place: 'Municipality',
    number: 'Number',
    published: 'Published',
    bytes: 'Bytes',
  },
} as const
