import { type RefusalCode, refusals } from '@sekisho/contract'
import { say, switchAddress, type Lang, type Words } from './lang.ts'
import { html, type Markup } from './markup.ts'

/** What a page needs besides its content. */
export type Page = {
  /** Title of this page; also its only `h1` unless `heading` is `'none'`. */
  readonly title: string
  readonly lang: Lang
  readonly body: Markup | readonly Markup[]
  /** Who speaks: name of the service and where its name leads. */
  readonly service: { readonly name: string; readonly home: string }
  /** Path and query of this page, for the language switch. Leave out where switching would lose input. */
  readonly path?: string
  /** Scripts of the same origin. */
  readonly scripts?: readonly string[]
  readonly nav?: readonly { readonly href: string; readonly label: string }[]
  readonly heading?: 'none'
  /** A wider main column, for boards and tables. */
  readonly wide?: boolean
}

const words = {
  skip: { ja: '本文へ移動', en: 'Skip to content' },
  nav: { ja: 'メニュー', en: 'Menu' },
  town: {
    ja: '体験用の町です。人もカードも架空で、本物のマイナンバーカードは使いません。',
    en: 'A practice town: people and cards are synthetic, no real My Number card is used.',
  },
  code: { ja: '識別コード', en: 'Code' },
  happened: { ja: '起きたこと', en: 'What happened' },
  remedy: { ja: '次にすること', en: 'What to do' },
  actor: { ja: '対応する人', en: 'Who must act' },
  refused: { ja: '手続を進められません', en: 'This cannot go on' },
  language: { ja: 'English', en: '日本語' },
} as const satisfies Record<string, Words>

/** The address of the style sheet that {@link frameAssets} holds. */
export const stylePath = '/assets/sekisho.css'

/** A whole HTML document. It works without script; scripts named only enhance it. */
export function page(given: Page): string {
  const { lang, title } = given
  const document = html`<!doctype html>
<html lang="${lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title === given.service.name ? title : `${title} | ${given.service.name}`}</title>
<link rel="stylesheet" href="${stylePath}">
<link rel="icon" href="data:,">
${(given.scripts ?? []).map(source => html`<script type="module" src="${source}"></script>`)}
</head>
<body>
<a class="skip" href="#main">${say(words.skip, lang)}</a>
<header class="head">
<div class="head-in">
<a class="brand" href="${given.service.home}">${given.service.name}</a>
${given.nav ? navigation(given.nav, lang) : null}
${given.path === undefined ? null : languageSwitch(given.path, lang)}
</div>
</header>
<main id="main" class="${given.wide ? 'main wide' : 'main'}" tabindex="-1">
${given.heading === 'none' ? null : html`<h1>${title}</h1>`}
${given.body}
</main>
<footer class="foot"><p>${say(words.town, lang)}</p></footer>
</body>
</html>`
  return document.toString()
}

function navigation(links: NonNullable<Page['nav']>, lang: Lang): Markup {
  return html`<nav aria-label="${say(words.nav, lang)}"><ul>${links.map(
    link => html`<li><a href="${link.href}">${link.label}</a></li>`,
  )}</ul></nav>`
}

function languageSwitch(path: string, lang: Lang): Markup {
  const other = lang === 'ja' ? 'en' : 'ja'
  return html`<a class="lang" href="${switchAddress(path, lang)}" hreflang="${other}" lang="${other}">${say(words.language, lang)}</a>`
}

const actors = {
  citizen: { ja: 'ご本人', en: 'You' },
  provider: { ja: 'サービス提供者', en: 'The service provider' },
  municipality: { ja: '市区町村の窓口', en: 'The municipal window' },
  authority: { ja: '認証局', en: 'The authority' },
  operator: { ja: '運用者', en: 'The operator' },
} as const satisfies Record<string, Words>

/** The page that tells a person of a refusal: what happened, who must act and how, and the code. */
export function refusalPage(
  refusal: { readonly code: RefusalCode },
  given: { readonly lang: Lang; readonly service: Page['service']; readonly back?: Markup },
): string {
  const { lang } = given
  const found = refusals[refusal.code]
  const body = html`<div class="notice error" role="alert"><p class="notice-title">${
    lang === 'ja' ? found.ja : found.en
  }</p></div>
<dl class="pairs">
<dt>${say(words.remedy, lang)}</dt><dd>${lang === 'ja' ? found.remedyJa : found.remedyEn}</dd>
<dt>${say(words.actor, lang)}</dt><dd>${say(actors[found.actor], lang)}</dd>
<dt>${say(words.code, lang)}</dt><dd><code>${refusal.code}</code></dd>
</dl>
${given.back ?? html`<p><a class="button second" href="${given.service.home}">${given.service.name}</a></p>`}`
  return page({ title: say(words.refused, lang), lang, body, service: given.service })
}
