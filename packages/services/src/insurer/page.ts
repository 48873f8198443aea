/** The insurer's screens, Japanese first. */
import {
  button,
  field,
  html,
  type Lang,
  linkButton,
  type Markup,
  notice,
  page,
  pairs,
  table,
} from '@sekisho/web'
import { type Standing, standings } from './table.ts'

const words = {
  ja: {
    name: '架空生命保険',
    home: '年金受取人の現況届',
    lead: '年金を受け取っている方が、毎年のご確認を、マイナンバーカードで済ませられます。',
    login: 'カードでログイン',
    logout: 'ログアウト',
    join: 'はじめて利用する',
    joinText: 'はじめての方は、署名用電子証明書で本人確認をしてください。',
    reports: 'ご確認のお願い',
    none: 'いま、ご確認いただくことはありません。',
    number: '証券番号',
    yen: '年金額',
    until: '期限',
    state: '状態',
    done: 'ご確認ありがとうございました',
    answered: '確認済み',
    noChange: '変更はありません。内容を確認して署名する',
    change: '氏名または住所が変わりました。内容を確認して署名する',
    needed: 'マイナンバーカードと、6文字から16文字の署名用パスワードをご用意ください。',
    certain: '確認は不要です',
    staff: '現況届の管理',
    begin: '現況届を始める',
    campaign: '回の名前',
    campaignHint: '例: 2026',
    counts: '状況',
    count: '件数',
    list: '一覧',
    stop: '支払いを止める提案をする',
    reason: '理由',
    stops: '支払停止の承認待ち',
    noStops: '承認を待っているものはありません。',
    by: '提案した人',
    approve: '承認する',
    refuse: '認めない',
    two: '提案した人とは別の担当者が決めます。',
    standings: {
      confirmed: '生存確認済み(連絡不要)',
      waiting: '回答待ち',
      unchanged: '変更なし(カードで確認)',
      changed: '変更あり',
      'possibly-deceased': '死亡の可能性(現地確認)',
    },
    unseen: '未確認',
    told: {
      'annuity-not-paid': 'この年金は支払い中ではありません。',
      'stop-proposed-already': 'すでに提案されています。',
      'stop-needs-another': '提案した人は承認できません。',
      'stop-decided': 'すでに決まっています。',
      proposed: '提案しました。',
      decided: '決定しました。',
      begun: '始めました。',
    } as Readonly<Record<string, string>>,
  },
  en: {
    name: 'Kaku Life Insurance',
    home: 'Yearly report of annuitants',
    lead: 'Confirm once a year with your My Number card that your annuity is to be paid on.',
    login: 'Log in with the card',
    logout: 'Log out',
    join: 'First time',
    joinText: 'If you are new, identify yourself with your signature certificate.',
    reports: 'To be confirmed',
    none: 'There is nothing to confirm now.',
    number: 'Policy',
    yen: 'Annuity',
    until: 'Until',
    state: 'State',
    done: 'Thank you for confirming',
    answered: 'confirmed',
    noChange: 'Nothing has changed: read and sign',
    change: 'My name or address has changed: read and sign',
    needed: 'You need your My Number card and its signature password of 6 to 16 characters.',
    certain: 'nothing to do',
    staff: 'Reports: management',
    begin: 'Begin a campaign',
    campaign: 'Its name',
    campaignHint: 'For example 2026',
    counts: 'How it stands',
    count: 'Number',
    list: 'List',
    stop: 'Propose to stop payment',
    reason: 'Reason',
    stops: 'Stops waiting for a second person',
    noStops: 'None waits.',
    by: 'Proposed by',
    approve: 'Approve',
    refuse: 'Refuse',
    two: 'Somebody other than who proposed it decides.',
    standings: {
      confirmed: 'alive by certificate (not asked)',
      waiting: 'waiting for an answer',
      unchanged: 'unchanged (confirmed by card)',
      changed: 'changed',
      'possibly-deceased': 'possibly deceased (field check)',
    },
    unseen: 'not looked at yet',
    told: {
      'annuity-not-paid': 'This annuity is not being paid.',
      'stop-proposed-already': 'It is proposed already.',
      'stop-needs-another': 'Who proposed it cannot approve it.',
      'stop-decided': 'It is decided already.',
      proposed: 'Proposed.',
      decided: 'Decided.',
      begun: 'Begun.',
    } as Readonly<Record<string, string>>,
  },
} as const

/** A page of the insurer's. */
function insurerPage(
  lang: Lang,
  given: { readonly title: string; readonly path: string; readonly body: readonly Markup[] },
): string {
  return page({ ...given, lang, service: { name: words[lang].name, home: '/' } })
}

/** What came of the last step, above a page. */
function toldBlock(lang: Lang, told: string | undefined): Markup {
  const text = told === undefined ? undefined : words[lang].told[told]
  return text === undefined ? html`` : notice('info', text)
}

/** The entrance. */
export function homePage(lang: Lang): string {
  const say = words[lang]
  const body = [
    html`<p class="lead">${say.lead}</p>`,
    html`<p>${linkButton('/login', say.login)}</p><p>${say.joinText}</p><p>${linkButton('/join', say.join, 'second')}</p>`,
  ]
  return insurerPage(lang, { title: say.home, path: '/', body })
}

/** A person's reports. */
export function reportPage(
  lang: Lang,
  reports: readonly {
    readonly campaign: string
    readonly annuity: string
    readonly standing: Standing | null
    readonly yenPerYear: number
    readonly until: number
    readonly isAnswered: boolean
  }[],
  isDone: boolean,
): string {
  const say = words[lang]
  const body = [
    isDone ? notice('success', say.done) : html``,
    html`<h2>${say.reports}</h2>`,
    ...(reports.length === 0 ? [html`<p>${say.none}</p>`] : []),
    ...reports.map(
      one =>
        html`<section aria-label="${one.annuity}">${pairs([
          [say.number, one.annuity],
          [say.yen, `${one.yenPerYear.toLocaleString('ja-JP')}円`],
          [say.until, dayText(one.until, lang)],
          [
            say.state,
            one.isAnswered
              ? say.answered
              : one.standing === null || one.standing === 'confirmed'
                ? say.certain
                : say.standings[one.standing],
          ],
        ])}${
          one.isAnswered || one.standing === null || one.standing === 'confirmed'
            ? null
            : html`<p>${say.needed}</p><form id="report-${one.annuity}" method="post" action="/report"><input type="hidden" name="campaign" value="${one.campaign}"><input type="hidden" name="annuity" value="${one.annuity}"><div class="actions"><button type="submit" class="button first" name="changed" value="no">${say.noChange}</button><button type="submit" class="button second" name="changed" value="yes">${say.change}</button></div></form>`
        }</section>`,
    ),
    html`<form id="logout" method="post" action="/logout">${button(say.logout, 'second')}</form>`,
  ]
  return insurerPage(lang, { title: say.home, path: '/report', body })
}

/** The employees' page. */
export function staffPage(given: {
  readonly lang: Lang
  readonly campaign: string | undefined
  readonly counts: ReadonlyMap<Standing | 'unseen', number>
  readonly stops: readonly {
    readonly id: string
    readonly annuity: string
    readonly reason: string
    readonly proposedBy: string
    readonly isOwn: boolean
  }[]
  readonly told: string | undefined
}): string {
  const { lang, counts, campaign } = given
  const say = words[lang]
  const body = [
    toldBlock(lang, given.told),
    html`<h2>${say.begin}</h2><form id="campaign" method="post" action="/staff/campaigns">${field({ name: 'id', label: say.campaign, hint: say.campaignHint, required: true, maxlength: 32 })}${button(say.begin)}</form>`,
    campaign === undefined
      ? html``
      : html`<h2>${say.counts}: ${campaign}</h2>${table(
          say.counts,
          [say.state, say.count, say.list],
          [
            ...standings.map(one => [
              say.standings[one],
              String(counts.get(one) ?? 0),
              html`<a href="/staff/list/${campaign}/${one}">${say.list}<span class="aside"> ${say.standings[one]}</span></a>`,
            ]),
            [say.unseen, String(counts.get('unseen') ?? 0), ''],
          ],
          { caption: 'unseen' },
        )}`,
    html`<h2>${say.stop}</h2><form id="stop" method="post" action="/staff/stops">${field({ name: 'annuity', label: say.number, required: true, maxlength: 32 })}${field({ name: 'reason', label: say.reason, required: true, maxlength: 200 })}${button(say.stop, 'second')}</form>`,
    html`<h2>${say.stops}</h2><p>${say.two}</p>`,
    given.stops.length === 0
      ? html`<p>${say.noStops}</p>`
      : table(
          say.stops,
          [say.number, say.reason, say.by, say.approve],
          given.stops.map(one => [
            one.annuity,
            one.reason,
            one.proposedBy,
            one.isOwn
              ? ''
              : html`<form id="decide-${one.id}" method="post" action="/staff/stops/${one.id}"><div class="actions"><button type="submit" class="button second" name="decision" value="approve" aria-label="${one.annuity} ${say.approve}">${say.approve}</button><button type="submit" class="button second" name="decision" value="refuse" aria-label="${one.annuity} ${say.refuse}">${say.refuse}</button></div></form>`,
          ]),
          { caption: 'unseen' },
        ),
  ]
  return insurerPage(lang, { title: say.staff, path: '/staff', body })
}

/** Annuities of one standing. */
export function listPage(
  lang: Lang,
  given: {
    readonly campaign: string
    readonly standing: Standing
    readonly rows: readonly { readonly annuity: string; readonly answeredAt: number | null }[]
  },
): string {
  const say = words[lang]
  const title = `${given.campaign} ${say.standings[given.standing]}`
  const last = given.rows.at(-1)?.annuity
  const body = [
    table(
      title,
      [say.number, say.until],
      given.rows.map(row => [
        row.annuity,
        row.answeredAt === null ? '' : dayText(row.answeredAt, lang),
      ]),
      { caption: 'unseen' },
    ),
    given.rows.length < 100 || last === undefined
      ? html``
      : html`<p>${linkButton(`?after=${encodeURIComponent(last)}`, '→', 'second')}</p>`,
    html`<p><a href="/staff">${say.staff}</a></p>`,
  ]
  return insurerPage(lang, { title, path: `/staff/list/${given.campaign}/${given.standing}`, body })
}

function dayText(at: number, lang: Lang): string {
  return new Intl.DateTimeFormat(lang === 'ja' ? 'ja-JP-u-ca-japanese' : 'en-GB', {
    dateStyle: 'long',
    timeZone: 'Asia/Tokyo',
  }).format(at)
}
