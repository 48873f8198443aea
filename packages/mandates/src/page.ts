/** The screens of mandates below `/me/mandates`: what is in a page, from what is known. */
import type { MandateTerms } from '@sekisho/contract'
import type { Instant } from '@sekisho/runtime/clock'
import {
  button,
  field,
  html,
  type Lang,
  linkButton,
  type Markup,
  notice,
  pairs,
  table,
} from '@sekisho/web'
import type { Mandate } from './table.ts'
import { words } from './word.ts'

/** Where these screens lie. */
export const home = '/me/mandates'

/** What can have just been done. */
export const doneThings = ['accepted', 'ended'] as const
type DoneThing = (typeof doneThings)[number]

/** An address of these screens in the language of the page. */
export function at(lang: Lang, rest = ''): string {
  return `${home}${rest}${lang === 'en' ? '?lang=en' : ''}`
}

/** The list. */
export function listBody(given: {
  readonly lang: Lang
  readonly mine: readonly Mandate[]
  readonly given: readonly Mandate[]
  readonly at: Instant
  readonly told: DoneThing | undefined
}): readonly Markup[] {
  const { lang, told } = given
  const say = words[lang]
  const rows = (all: readonly Mandate[], other: (one: Mandate) => string) =>
    all.map(one => [
      other(one),
      actsText(one.row.terms),
      dayText(Date.parse(one.row.terms.until), lang),
      stateText(one, given.at, lang),
      html`<a href="${at(lang, `/${one.row.id}`)}">${say.see}<span class="aside"> ${other(one)}</span></a>`,
    ])
  const heads = [say.whom, say.what, say.until, say.state, say.see]
  return [
    html`<p class="lead">${say.lead}</p>`,
    told === 'accepted'
      ? notice('success', say.accepted)
      : told === 'ended'
        ? notice('success', say.endedNotice)
        : html``,
    html`<h2>${say.mine}</h2>`,
    given.mine.length === 0
      ? html`<p>${say.noneMine}</p>`
      : table(say.mine, heads, rows(given.mine, principalText), { caption: 'unseen' }),
    html`<h2>${say.accept}</h2><p>${say.acceptText}</p><form id="accept" method="post" action="${at(lang, '/offer')}">${field(
      {
        name: 'code',
        label: say.code,
        hint: say.codeHint,
        required: true,
        maxlength: 40,
        autocomplete: 'off',
      },
    )}${button(say.next)}</form>`,
    html`<h2>${say.given}</h2>`,
    given.given.length === 0
      ? html`<p>${say.noneGiven}</p>`
      : table(
          say.given,
          [say.delegate, ...heads.slice(1)],
          rows(given.given, one => one.parties.delegate.name),
          {
            caption: 'unseen',
          },
        ),
    html`<p>${say.helperText}</p><p>${linkButton(at(lang, '/new'), say.helper, 'second')}</p>`,
    html`<h2>${say.standing}</h2><p>${say.standingText}</p><form id="standing" method="post" action="${at(lang, '/standing')}"><div class="field"><label for="document">${say.standingData}</label><p class="hint" id="document-hint">${say.standingHint}</p><textarea id="document" name="document" rows="4" required aria-describedby="document-hint"></textarea></div>${button(say.next, 'second')}</form>`,
  ]
}

/** One mandate. */
export function mandateBody(given: {
  readonly lang: Lang
  readonly mandate: Mandate
  readonly personId: string
  readonly at: Instant
}): readonly Markup[] {
  const { lang, mandate, personId } = given
  const say = words[lang]
  const { row, parties } = mandate
  const isDelegate = row.delegate_id === personId
  const canHandOn = isDelegate && row.state === 'active' && row.terms.subdelegations > 0
  return [
    pairs([
      [say.whom, principalText(mandate)],
      [say.by, [parties.mandator.title, parties.mandator.name].filter(Boolean).join(' ')],
      [say.delegate, parties.delegate.name],
      ...(parties.delegate.unit === undefined ? [] : [[say.unit, parties.delegate.unit] as const]),
      ...(parties.delegate.title === undefined
        ? []
        : [[say.position, parties.delegate.title] as const]),
      [say.from, dayText(Date.parse(row.terms.from), lang)],
      [say.until, dayText(Date.parse(row.terms.until), lang)],
      [say.handingOn, say.handOn(row.terms.subdelegations)],
      [say.state, stateText(mandate, given.at, lang)],
    ]),
    table(
      say.what,
      [say.what, say.limits],
      row.terms.acts.map(act => [
        act.text,
        [
          ...(act.yenMax === undefined ? [] : [say.yenMax(act.yenMax)]),
          ...(act.counterparties === undefined
            ? []
            : [say.counterparties(act.counterparties.join(' '))]),
        ].join('、') || say.none,
      ]),
    ),
    row.record === null
      ? html``
      : html`<p><a href="${at(lang, `/${row.id}/record`)}" download="mandate.jws">${say.record}</a></p>`,
    canHandOn
      ? html`<p>${linkButton(`${home}/new?from=${row.id}${lang === 'en' ? '&lang=en' : ''}`, say.toDelegate, 'second')}</p>`
      : html``,
    row.state === 'ended'
      ? html``
      : html`<form id="end" method="post" action="${at(lang, `/${row.id}/end`)}">${button(isDelegate ? say.renounce : say.revoke, 'second')}</form>`,
    html`<p><a href="${at(lang)}">${say.back}</a></p>`,
  ]
}

/** The form for a helper, or for who is to get a part of a mandate. */
export function newBody(given: {
  readonly lang: Lang
  readonly from: Mandate | undefined
  readonly wanting: boolean
}): readonly Markup[] {
  const { lang, from } = given
  const say = words[lang]
  const acts =
    from === undefined
      ? Object.entries(say.helperActs)
      : from.row.terms.acts.map(act => [act.code, act.text] as const)
  return [
    html`<p class="lead">${from === undefined ? say.helperText : principalText(from)}</p>`,
    given.wanting ? notice('error', say.wanting) : html``,
    html`<form id="new" method="post" action="${at(lang, '/new')}">${
      from === undefined ? null : html`<input type="hidden" name="from" value="${from.row.id}">`
    }${field({ name: 'name', label: say.name, hint: say.nameHint, required: true, maxlength: 64 })}${field(
      {
        name: 'address',
        label: say.address,
        required: true,
        maxlength: 256,
      },
    )}<fieldset class="field"><legend>${say.acts}</legend>${acts.map(
      ([code, text]) =>
        html`<label class="check"><input type="checkbox" name="act" value="${code}"> ${text}</label>`,
    )}</fieldset>${field({ name: 'until', label: say.untilDay, type: 'date', required: true })}${button(say.write)}</form>`,
    html`<p><a href="${at(lang)}">${say.back}</a></p>`,
  ]
}

/** The code that is handed to the delegate. */
export function codeBody(lang: Lang, code: string): readonly Markup[] {
  const say = words[lang]
  return [
    notice(
      'success',
      say.codeTitle,
      html`<p><strong class="code">${code}</strong></p><p>${say.codeText}</p>`,
    ),
    html`<p><a href="${at(lang)}">${say.back}</a></p>`,
  ]
}

/** What a delegate signs to accept. */
export function acceptanceText({ row, parties }: Mandate, lang: Lang): string {
  const say = words.ja
  const lines = [
    '委任の承諾書',
    '',
    `委任者: ${principalText({ row, parties })}${parties.mandator.title === undefined ? '' : `(${parties.mandator.title} ${parties.mandator.name})`}`,
    `受任者: ${parties.delegate.name}`,
    `住所: ${parties.delegate.address}`,
    ...(parties.delegate.unit === undefined ? [] : [`部署: ${parties.delegate.unit}`]),
    ...(parties.delegate.title === undefined ? [] : [`役職: ${parties.delegate.title}`]),
    `期間: ${row.terms.from} から ${row.terms.until} まで`,
    `さらに任せること: ${say.handOn(row.terms.subdelegations)}`,
    '任されること:',
    ...row.terms.acts.map(
      act =>
        `  ${act.text}(${act.code})${act.yenMax === undefined ? '' : ` ${say.yenMax(act.yenMax)}`}${act.counterparties === undefined ? '' : ` ${say.counterparties(act.counterparties.join(' '))}`}`,
    ),
    `委任の番号: ${row.id}`,
    '',
    '私は、以上の委任を承諾します。',
  ]
  return `${lines.join('\n')}\n${lang === 'en' ? '\n(I accept this mandate.)\n' : ''}`
}

/** For whom is acted, as people read it. */
export function principalText({ parties }: Mandate): string {
  return parties.mandator.corporation?.name ?? parties.mandator.name
}

/** Acts as a line. */
export function actsText(terms: MandateTerms): string {
  return terms.acts.map(act => act.text).join('、')
}

/** A day in Japan. */
export function dayText(instant: Instant, lang: Lang): string {
  return new Intl.DateTimeFormat(lang === 'ja' ? 'ja-JP-u-ca-japanese' : 'en-GB', {
    dateStyle: 'long',
    timeZone: 'Asia/Tokyo',
  }).format(instant)
}

function stateText({ row }: Mandate, now: Instant, lang: Lang): string {
  const say = words[lang]
  if (row.state === 'ended')
    return row.ended_cause === null ? say.ended : `${say.ended}: ${say.causes[row.ended_cause]}`
  if (now >= Date.parse(row.terms.until)) return say.over
  return say[row.state]
}
