/** The verifier page: files are dropped and judged in the browser, and leave it for nowhere. Served, or one file on its own. */
import type { Asset } from './asset.ts'
import { verifierLoader, verifierScript } from './browser/verifier.ts'
import { type Lang, say, type Words } from './lang.ts'
import { html, type Markup, trusted } from './markup.ts'
import { styles } from './style.ts'

/** Whom the page trusts, and where its trust core is. Certificates are DER in base64. */
export type VerifierConfig = {
  /** Address of the core's door, a module. */
  readonly core: string
  readonly anchors: readonly string[]
  readonly stampAnchors: readonly string[]
  readonly profile: 'town' | 'real'
}

const words = {
  lead: {
    ja: '署名付きのPDF、XML、CMS（.p7m、.p7s）、JWS、ASiC-E（.asice）、タイムスタンプを、このブラウザーの中だけで検証します。ファイルはどこにも送られません。',
    en: 'Judges signed PDF, XML, CMS (.p7m, .p7s), JWS, ASiC-E (.asice) and time-stamps inside this browser alone. Files are sent nowhere.',
  },
  drop: {
    ja: 'ファイルをここへ置くか、選んでください。',
    en: 'Drop files here, or choose them.',
  },
  aids: {
    ja: '署名と別になっている文書は、署名と一緒に選んでください。失効リスト（.crl）や、信頼する認証局の証明書（.cer、.crt）も置けます。',
    en: 'A document that lies beside its signature is chosen together with it. Revocation lists (.crl) and certificates of CAs that you trust (.cer, .crt) can be dropped too.',
  },
  file: { ja: 'ファイルを選ぶ', en: 'Choose files' },
  at: { ja: '検証する時点（空なら現在）', en: 'Time of judgement (empty: now)' },
  script: {
    ja: '検証にはブラウザーの JavaScript が必要です。',
    en: 'The verifier needs JavaScript.',
  },
  title: { ja: '署名の検証', en: 'Verify signatures' },
} as const satisfies Record<string, Words>

/** The style sheet, for a page that is one file. */
export function verifierStyles(): Markup {
  return html`<style>${trusted(styles)}</style>`
}

/** Title of the page. */
export function verifierTitle(lang: Lang): string {
  return say(words.title, lang)
}

/** The content of the page. Name `verifierAsset` among the page's scripts. */
export function verifierBody(config: VerifierConfig, lang: Lang): Markup {
  return html`<p class="lead">${say(words.lead, lang)}</p>
<div id="verifier" class="drop" data-config="${JSON.stringify(config)}">
<p>${say(words.drop, lang)}</p>
<div class="field"><label for="verifier-file">${say(words.file, lang)}</label>
<input type="file" id="verifier-file" multiple disabled></div>
<div class="field"><label for="verifier-at">${say(words.at, lang)}</label>
<input type="datetime-local" id="verifier-at"></div>
<p class="hint">${say(words.aids, lang)}</p>
<noscript><p>${say(words.script, lang)}</p></noscript>
</div>
<div id="verifier-told" role="status" aria-live="polite" tabindex="-1"></div>`
}

/** The script as a file to serve. */
export const verifierAsset: Asset = {
  path: '/assets/verifier.js',
  contentType: 'text/javascript; charset=utf-8',
  body: verifierScript,
}

/**
 * The page as one file that works without any server: style, script, trust and the trust core's modules are in it. The first module is
 * the core's door; `@@n@@` in one names the n-th; `gzip` is its code compressed, in base64.
 */
export function verifierDocument(given: {
  readonly config: Omit<VerifierConfig, 'core'>
  readonly modules: readonly {
    readonly name: string
    readonly code: string
    readonly gzip: string | undefined
  }[]
  readonly lang: Lang
}): string {
  const { lang } = given
  const modules = given.modules.map(({ name, code, gzip }) =>
    gzip === undefined ? { name, code } : { name, gzip },
  )
  return html`<!doctype html>
<html lang="${lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${verifierTitle(lang)}</title>
<link rel="icon" href="data:,">
${verifierStyles()}
</head>
<body>
<main id="main" class="main"><h1>${verifierTitle(lang)}</h1>
${verifierBody({ ...given.config, core: '@@0@@' }, lang)}
</main>
<script type="application/json" id="verifier-modules">${dataBlock(modules)}</script>
<script type="application/json" id="verifier-script">${dataBlock(verifierScript)}</script>
<script>${trusted(verifierLoader)}</script>
</body>
</html>`.toString()
}

// Nothing in a data block may end it.
function dataBlock(value: unknown): Markup {
  return trusted(JSON.stringify(value).replaceAll('<', '\\u003c'))
}
