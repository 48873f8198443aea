/** Health and traffic on the console: each source of revocation data, the ledger, what is refused and why. */
import { isRefusalCode, refusals } from '@sekisho/contract'
import { html, type Lang, type Markup, notice, pairs, table } from '@sekisho/web'
import type { lastHour } from '../traffic/traffic.ts'
import { live, timeText } from './frame.ts'

/** Lists of one issuing key. */
export type Source = {
  readonly issuerKeyId: string
  readonly partitions: number
  readonly entries: number
  readonly stale: number
  /** When the oldest of them runs out. */
  readonly nextUpdate: number
  /** Of the newest list. */
  readonly thisUpdate: number
}

/** What the page of health shows. */
export type Health = {
  readonly at: number
  readonly sources: readonly Source[]
  readonly ledger: { readonly isCurrent: boolean; readonly size: number; readonly origin: string }
  readonly openActs: number
}

/** The page's parts. */
export function healthBody(health: Health, lang: Lang): readonly Markup[] {
  const say = words[lang]
  const stale = health.sources.filter(one => one.stale > 0)
  return [
    live('sources', [
      stale.length === 0 && health.sources.length > 0
        ? notice('success', say.fresh)
        : notice('error', say.stale, say.staleHint),
      html`<h2>${say.sources}</h2>`,
      table(
        say.sources,
        [say.key, say.lists, say.entries, say.old, say.newest, say.until],
        health.sources.map(one => [
          html`<code>${one.issuerKeyId.slice(0, 16)}</code>`,
          String(one.partitions),
          one.entries.toLocaleString('en-US'),
          String(one.stale),
          timeText(one.thisUpdate, lang),
          timeText(one.nextUpdate, lang),
        ]),
        { caption: 'unseen' },
      ),
    ]),
    live('ledger', [
      html`<h2>${say.ledger}</h2>`,
      pairs([
        [say.log, html`<code>${health.ledger.origin}</code>`],
        [say.size, health.ledger.size.toLocaleString('en-US')],
        [say.state, health.ledger.isCurrent ? say.current : say.late],
        [say.acts, html`<a href="/acts">${String(health.openActs)}</a>`],
        [say.time, timeText(health.at, lang)],
      ]),
    ]),
  ]
}

/** The parts of the page of traffic. */
export function trafficBody(
  traffic: Awaited<ReturnType<typeof lastHour>>,
  lang: Lang,
): readonly Markup[] {
  const say = words[lang]
  const of = (kind: 'answered' | 'refused') => traffic.sums.filter(one => one.kind === kind)
  const total = (kind: 'answered' | 'refused'): string =>
    of(kind)
      .reduce((sum, one) => sum + one.count, 0)
      .toLocaleString('en-US')
  return [
    live('traffic', [
      html`<p class="lead">${say.hour}</p>`,
      pairs([
        [say.answered, total('answered')],
        [say.refused, total('refused')],
      ]),
      html`<h2>${say.refusals}</h2>`,
      of('refused').length === 0
        ? html`<p>${say.none}</p>`
        : table(
            say.refusals,
            [say.code, say.what, say.count],
            of('refused').map(one => [
              html`<code>${one.name}</code>`,
              isRefusalCode(one.name) ? refusals[one.name][lang] : '',
              one.count.toLocaleString('en-US'),
            ]),
            { caption: 'unseen' },
          ),
      html`<h2>${say.routes}</h2>`,
      table(
        say.routes,
        [say.route, say.count, say.mean, say.longest],
        of('answered').map(one => [
          html`<code>${one.name}</code>`,
          one.count.toLocaleString('en-US'),
          `${one.meanMs.toFixed(1)} ms`,
          `${String(one.longestMs)} ms`,
        ]),
        { caption: 'unseen' },
      ),
    ]),
  ]
}

const words = {
  ja: {
    fresh: '失効情報はすべて新しいものです',
    stale: '期限の切れた失効情報があります',
    staleHint:
      '期限の切れた区分の人は、誰も「有効」とは判定されません。認証局の公開と、このサーバーからの通信を確かめてください。',
    sources: '失効情報の入手元',
    key: '発行者の鍵',
    lists: 'リスト数',
    entries: '失効の件数',
    old: '期限切れ',
    newest: '最新の発行',
    until: '最も早い期限',
    ledger: '台帳',
    log: '名前',
    size: '記録の数',
    state: '状態',
    current: '遅れなし',
    late: '記録が待たされています',
    acts: '決定を待つ操作',
    time: '現在',
    hour: 'この一時間の、すべてのノードの合計です。',
    answered: '応答',
    refused: '拒否',
    refusals: '拒否の理由',
    none: 'この一時間に拒否はありません。',
    code: '識別コード',
    what: '内容',
    count: '件数',
    routes: '経路',
    route: '経路と状態',
    mean: '平均',
    longest: '最長',
  },
  en: {
    fresh: 'All revocation data is fresh',
    stale: 'Some revocation data has run out',
    staleHint:
      'Nobody of a partition that has run out is judged valid. Look at what the authority publishes and at the way to it.',
    sources: 'Sources of revocation data',
    key: 'Issuing key',
    lists: 'Lists',
    entries: 'Entries',
    old: 'Run out',
    newest: 'Newest list of',
    until: 'First runs out',
    ledger: 'Ledger',
    log: 'Name',
    size: 'Entries',
    state: 'State',
    current: 'current',
    late: 'entries are waiting',
    acts: 'Acts that wait for a decision',
    time: 'Now',
    hour: 'Of the last hour, all nodes together.',
    answered: 'Answers',
    refused: 'Refusals',
    refusals: 'Refusals by code',
    none: 'Nothing was refused within the hour.',
    code: 'Code',
    what: 'What happened',
    count: 'Count',
    routes: 'Routes',
    route: 'Route and status',
    mean: 'Mean',
    longest: 'Longest',
  },
} as const
