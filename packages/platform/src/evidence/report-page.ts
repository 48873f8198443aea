/** The report on a signed file as one page for people who are no experts, Japanese and English side by side. */
import type { SignedFileDescription } from '@sekisho/pki'
import { html, type Markup, verifierStyles } from '@sekisho/web'

/** What the page tells besides the report. */
export type ReportPageFacts = {
  readonly title: string
  readonly provider: string
  /** When it was judged, ISO 8601. */
  readonly judgedAt: string
  /** SHA-256 of the file in hexadecimal. */
  readonly sha256: string
}

/** The page: one file, no script. */
export function reportPage(report: SignedFileDescription, facts: ReportPageFacts): string {
  return html`<!doctype html>
<html lang="ja">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>署名の検証結果 / Result of verification</title>
<link rel="icon" href="data:,">
${verifierStyles()}
</head>
<body>
<main class="main">
<h1>署名の検証結果 <span lang="en">Result of verification</span></h1>
${sentence(report)}
${rows([
  ['文書 Document', facts.title],
  ['依頼したサービス Service', facts.provider],
  ['検証した日時 Judged at', japanTime(facts.judgedAt)],
  ['検証方針 Policy', report.policy],
  ['ファイルの SHA-256', facts.sha256],
])}
${report.signatures.map((each, i) => signature(each, i + 1))}
<p>この結果は、同じ箱に入っている verifier.html をブラウザーで開き、ファイルを置けば、インターネットにつながずに確かめられます。</p>
<p lang="en">Open verifier.html from the same box in a browser and drop the file there to check this without any connection.</p>
</main>
</body>
</html>`.toString()
}

const sentences = {
  passed: {
    kind: 'success',
    ja: '署名は有効です。署名の後に文書は変えられておらず、署名した時点で電子証明書は有効でした。',
    en: 'The signature is valid. The document has not been changed since, and the certificate was valid when it was made.',
  },
  failed: {
    kind: 'error',
    ja: '署名は有効ではありません。この文書を根拠にしないでください。',
    en: 'The signature is not valid. Do not rely on this document.',
  },
  indeterminate: {
    kind: 'warning',
    ja: '署名が有効かどうか、いまある資料では判断できません。',
    en: 'With what is at hand it cannot be told whether the signature is valid.',
  },
} as const

const verdicts = {
  passed: '有効 valid',
  failed: '無効 not valid',
  indeterminate: '判断できません undetermined',
} as const

function sentence({ verdict, reasons }: SignedFileDescription): Markup {
  const { kind, ja, en } = sentences[verdict]
  return html`<div class="notice ${kind}"><p class="notice-title">${ja}</p><p lang="en">${en}</p>
${reasons.map(each => html`<p>${each.ja} <span lang="en">${each.en}</span> <code>${each.code}</code></p>`)}</div>`
}

function signature(each: SignedFileDescription['signatures'][number], number: number): Markup {
  const isStamp = each.level.endsWith('time-stamp')
  return html`<h2>${number}. ${isStamp ? 'タイムスタンプ Time-stamp' : '署名 Signature'} (${each.level})</h2>
${rows([
  ['判定 Verdict', verdicts[each.verdict]],
  [
    '署名者が示す日時 Claimed time',
    each.claimedAt === undefined ? 'なし none' : japanTime(each.claimedAt),
  ],
  [
    '証明された日時 Proven time',
    each.provenAt === undefined ? 'なし none' : japanTime(each.provenAt),
  ],
  [
    '後の変更 Changes since',
    each.changes.map(one => `${one.ja} ${one.en}`).join(' / ') || 'なし none',
  ],
])}`
}

function rows(all: readonly (readonly [string, string])[]): Markup {
  return html`<dl class="pairs">${all.map(([term, value]) => html`<dt>${term}</dt><dd>${value}</dd>`)}</dl>`
}

// Japan has one time and no summer time.
function japanTime(text: string): string {
  const at = new Date(Date.parse(text) + 9 * 3_600_000).toISOString()
  return `${at.slice(0, 10)} ${at.slice(11, 19)} 日本時間 JST`
}
