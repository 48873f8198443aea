/** The frame of the operators' console: who is there, and the pages that their roles open. */
import {
  button,
  html,
  type Lang,
  liveAsset,
  type Markup,
  notice,
  page,
  type Words,
} from '@sekisho/web'
import type { Member } from '../staff/member.ts'
import { mayDo, type Right, roles } from '../staff/role.ts'

/** Name of the console. */
export const consoleName = { ja: '関所 運用卓', en: 'Sekisho operations' } as const

/** Pages with the right that each needs. */
const consolePages = [
  { path: '/', right: 'see-health', ja: '状態', en: 'Health' },
  { path: '/traffic', right: 'see-health', ja: '通信', en: 'Traffic' },
  { path: '/providers', right: 'see-providers', ja: '提供者', en: 'Providers' },
  { path: '/statements', right: 'see-statements', ja: '料金', en: 'Fees' },
  { path: '/keys', right: 'see-health', ja: '鍵', en: 'Keys' },
  { path: '/acts', right: undefined, ja: '二人の操作', en: 'Acts of two' },
  { path: '/controls', right: 'see-controls', ja: '認定基準', en: 'Criteria' },
  { path: '/staff', right: 'see-staff', ja: '担当者', en: 'Staff' },
] as const satisfies readonly (Words & {
  readonly path: string
  readonly right: Right | undefined
})[]

/** A page of the console. */
export function consolePage(given: {
  readonly lang: Lang
  readonly member: Member
  readonly path: string
  readonly title: string
  readonly told?: Markup | undefined
  readonly body: readonly Markup[]
  /** Whether what is marked with `live` is fetched anew while the page is open. */
  readonly isLive?: true
}): string {
  const { lang, member } = given
  const names = member.roles.map(role => roles[role][lang]).join(lang === 'ja' ? '、' : ', ')
  return page({
    title: given.title,
    lang,
    service: { name: consoleName[lang], home: '/' },
    path: given.path,
    nav: consolePages
      .filter(({ right }) => right === undefined || mayDo(member.roles, right))
      .map(one => ({ href: one.path, label: one[lang] })),
    wide: true,
    scripts: given.isLive === true ? [liveAsset.path] : [],
    body: [
      html`<div class="actions"><p>${member.name} (${names})</p><form method="post" action="/leave">${button(lang === 'ja' ? '退出する' : 'Leave', 'second')}</form></div>`,
      ...(given.told === undefined ? [] : [given.told]),
      ...given.body,
    ],
  })
}

/** A part of a page that is fetched anew every few seconds. */
export function live(id: string, body: readonly Markup[]): Markup {
  return html`<section id="${id}" data-live>${body}</section>`
}

/** A form that proposes an act, with why. */
export function proposeForm(given: {
  readonly lang: Lang
  readonly id: string
  readonly kind: string
  readonly label: string
  readonly fields: readonly Markup[]
}): Markup {
  const { lang, id } = given
  return html`<form method="post" action="/acts" id="${id}"><input type="hidden" name="kind" value="${given.kind}">${given.fields}<div class="field"><label for="${id}-reason">${lang === 'ja' ? '理由' : 'Why'}</label><input type="text" id="${id}-reason" name="reason" required maxlength="200"></div>${button(given.label, 'second')}</form>`
}

/** What a step before this page did. */
export function told(url: string, lang: Lang): Markup | undefined {
  const done = new URL(url, 'http://localhost').searchParams.get('done')
  const said =
    done !== null && Object.hasOwn(doneWords, done)
      ? doneWords[done as keyof typeof doneWords]
      : undefined
  return said === undefined ? undefined : notice('success', said[lang])
}

const doneWords = {
  proposed: {
    ja: '提案しました。同じ権限を持つほかの担当者が決めます。',
    en: 'Proposed. Another person with the same right decides.',
  },
  decided: { ja: '決めたことを記録しました。', en: 'The decision is recorded.' },
  recorded: { ja: '記録しました。', en: 'Recorded.' },
} as const

/** Times in Japan. */
export function timeText(at: number, lang: Lang): string {
  return new Intl.DateTimeFormat(lang === 'ja' ? 'ja-JP' : 'en-GB', {
    dateStyle: 'medium',
    timeStyle: 'short',
    timeZone: 'Asia/Tokyo',
  }).format(at)
}
