/** What the mailbox's screens show, from what is known. */
import type { HolderFacts, MailDocumentReceived, MailParty } from '@sekisho/contract'
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
import type { ListedBox } from './directory.ts'
import { ownerKey } from './box.ts'
import type { OpenedMessage, Sent, Shelved } from './shelf.ts'
import type { Folder } from './table.ts'
import { words } from './word.ts'

/** Where a person looks at a box. */
export type Place = {
  readonly lang: Lang
  /** Address of the list: `/me/mail`, or an organisation's. */
  readonly home: string
  /** Whether this person may move, forward and withdraw here. */
  readonly mayAct: boolean
}

/** The folders of the list. */
export const folders = ['in', 'archive', 'bin', 'sent'] as const
export type ListedFolder = (typeof folders)[number]

/** What can have just been done. */
export const doneThings = ['moved', 'forwarded', 'withdrawn'] as const
export type DoneThing = (typeof doneThings)[number]

/** The list. */
export function listBody(
  place: Place,
  given: {
    readonly folder: ListedFolder
    readonly messages: readonly Shelved[]
    readonly sent: readonly Sent[]
    /** What was searched for; undefined: nothing. */
    readonly words: string | undefined
    readonly older: string | undefined
    readonly boxes: readonly {
      readonly home: string
      readonly name: string
      readonly role: string
    }[]
    readonly told: DoneThing | undefined
    /** Whether people can be told by e-mail. */
    readonly tells: boolean
  },
): readonly Markup[] {
  const { lang, home } = place
  const say = words[lang]
  const { folder, told } = given
  const isPerson = home === personHome
  return [
    html`<p class="lead">${say.lead}</p>`,
    told === undefined ? html`` : notice('success', say[told]),
    html`<nav aria-label="${say.folders}"><ul>${folders.map(
      one =>
        html`<li><a href="${home}?folder=${one}"${
          one === folder && given.words === undefined ? html` aria-current="page"` : null
        }>${say[one]}</a></li>`,
    )}</ul></nav>`,
    html`<form id="search" method="get" action="${home}" role="search">${field({
      name: 'q',
      label: say.search,
      hint: say.searchHint,
      maxlength: 100,
      value: given.words ?? '',
      autocomplete: 'off',
    })}${button(say.searchGo, 'second')}</form>`,
    given.words === undefined
      ? html``
      : html`<p role="status">${say.found(given.messages.length)}</p>`,
    folder === 'sent' && given.words === undefined
      ? sentTable(place, given.sent)
      : messageTable(place, given.messages),
    given.older === undefined
      ? html``
      : html`<p><a href="${home}?folder=${folder}&amp;before=${given.older}">${say.older}</a></p>`,
    isPerson && given.boxes.length > 0
      ? html`<h2>${say.boxes}</h2><ul>${given.boxes.map(
          box => html`<li><a href="${box.home}">${box.name}</a> (${box.role})</li>`,
        )}</ul>`
      : html``,
    isPerson
      ? html`${given.tells ? html`<h2>${say.notices}</h2><p>${say.noticesLead}</p><p>${linkButton(`${home}/notices`, say.noticesGo, 'second')}</p>` : null}<h2>${say.opening}</h2><p>${say.openingLead}</p><p>${linkButton(`${home}/open`, say.openKinds, 'second')}</p><h2>${say.export}</h2><p>${say.exportHint}</p><form id="export" method="post" action="${home}/export">${button(say.export, 'second')}</form>`
      : html``,
  ]
}

/** Address of a person's own list. */
export const personHome = '/me/mail'

function messageTable({ lang, home }: Place, messages: readonly Shelved[]): Markup {
  const say = words[lang]
  if (messages.length === 0) return html`<p>${say.empty}</p>`
  return table(
    say.title,
    [say.subject, say.from, say.kind, say.date, say.documents],
    messages.map(one => [
      html`${one.state === 'delivered' ? html`<strong>${say.new}</strong> ` : null}<a href="${home}/${one.id}">${one.subject}</a>`,
      partyText(one.from, lang),
      say.kinds[one.kind],
      timeText(one.deliveredAt, lang),
      one.documents.length === 0 ? '' : String(one.documents.length),
    ]),
    { caption: 'unseen' },
  )
}

function sentTable({ lang, home, mayAct }: Place, sent: readonly Sent[]): Markup {
  const say = words[lang]
  if (sent.length === 0) return html`<p>${say.empty}</p>`
  return table(
    say.sent,
    [say.subject, say.to, say.kind, say.sentAt, say.state],
    sent.map(one => [
      one.subject,
      recipientText(one, lang),
      say.kinds[one.kind],
      timeText(one.postedAt, lang),
      html`${say.states[one.state]}${
        mayAct && (one.state === 'posted' || one.state === 'delivered')
          ? html` <form method="post" action="${home}/sent/${one.id}/withdraw"><button type="submit" class="button second">${say.withdraw}<span class="aside"> ${one.subject}</span></button></form>`
          : null
      }`,
    ]),
    { caption: 'unseen' },
  )
}

function recipientText(sent: Sent, lang: Lang): string {
  return sent.recipientName ?? (sent.recipient === 'person' ? words[lang].person : sent.recipient)
}

/** One message. */
export function messageBody(
  place: Place,
  given: { readonly message: OpenedMessage; readonly addressees: readonly ListedBox[] },
): readonly Markup[] {
  const { lang, home, mayAct } = place
  const say = words[lang]
  const { message } = given
  const { content } = message
  const move = (folder: Folder, label: string): Markup =>
    message.folder === folder
      ? html``
      : html`<p><button type="submit" name="folder" value="${folder}" class="button second">${label}</button></p>`
  return [
    pairs([
      [say.from, partyText(message.from, lang)],
      [say.kind, say.kinds[message.kind]],
      [say.date, timeText(message.deliveredAt, lang)],
      ...(message.expiresAt === undefined
        ? []
        : [[say.until, timeText(message.expiresAt, lang)] as const]),
      ...(content.forwarded === undefined
        ? []
        : [[say.forwardedFrom, partyText(content.forwarded.from, lang)] as const]),
    ]),
    content.body === ''
      ? html``
      : html`<h2>${say.body}</h2>${content.body.split(/\n{2,}/).map(part => html`<p>${lines(part)}</p>`)}`,
    message.documents.length === 0 ? html`` : html`<h2>${say.documents}</h2>`,
    ...message.documents.map((document, position) =>
      documentSection(place, { id: message.id, document, position }),
    ),
    mayAct
      ? html`<form id="move" method="post" action="${home}/${message.id}/folder">${move('archive', say.toArchive)}${move('bin', say.toBin)}${move('in', say.toIn)}</form>`
      : html``,
    mayAct ? forwardForm(place, given) : html``,
    html`<p>${linkButton(home, say.back, 'second')}</p>`,
  ]
}

function documentSection(
  { lang, home }: Place,
  given: {
    readonly id: string
    readonly document: MailDocumentReceived
    readonly position: number
  },
): Markup {
  const say = words[lang]
  const { id, document, position } = given
  const address = `${home}/${id}/documents/${position}`
  const isPdf = document.mediaType === 'application/pdf'
  return html`<section aria-labelledby="document-${position}"><h3 id="document-${position}">${document.name} <span class="hint">(${say.bytes(document.length)})</span></h3>${verificationPart(document, lang)}<p><a href="${address}" download>${say.download}<span class="aside"> ${document.name}</span></a>${
    isPdf
      ? html` <a href="${address}?view=inline">${say.view}<span class="aside"> ${document.name}</span></a>`
      : null
  }</p>${
    document.verification === undefined
      ? null
      : html`<form method="post" action="${address}/verify"><button type="submit" class="button second">${say.again}<span class="aside"> ${document.name}</span></button></form>`
  }</section>`
}

/** What was found of a document's signatures, in plain words, with the five things that receivers want to see. */
export function verificationPart(document: MailDocumentReceived, lang: Lang): Markup {
  const say = words[lang]
  const { verification } = document
  if (verification === undefined) return html`<p>${say.none}</p>`
  const kind = { passed: 'success', failed: 'error', indeterminate: 'warning' } as const
  return html`${verification.signatures.map(
    (one, at) =>
      html`${notice(
        kind[one.verdict],
        say.signature(at + 1),
        html`<p>${say[one.verdict]}</p>${
          one.verdict === 'passed'
            ? null
            : html`<ul>${one.reasons.map(reason => html`<li>${lang === 'ja' ? reason.ja : reason.en}</li>`)}</ul>`
        }${one.verdict === 'passed' && one.isCitizen ? html`<p>${say.citizen}</p>` : null}`,
      )}${one.verdict === 'passed' && one.holder !== undefined ? pairs(holderRows(one.holder, lang)) : null}${
        one.provenAt === undefined
          ? null
          : pairs([[say.provenAt, timeText(Date.parse(one.provenAt), lang)]])
      }`,
  )}${document.isWithheld ? html`<p>${say.withheld}</p>` : null}<p class="hint">${say.judgedAt}: ${timeText(Date.parse(verification.judgedAt), lang)}</p>`
}

function holderRows(holder: HolderFacts, lang: Lang): readonly (readonly [string, string])[] {
  const say = words[lang]
  const authority =
    holder.mandate?.scope.map(one => one.text).join('、') ??
    (holder.kind === 'representative'
      ? say.representative
      : holder.kind === 'official'
        ? say.official
        : holder.roles?.join('、'))
  const rows: readonly (readonly [string, string | undefined])[] = [
    [say.company, holder.corporation?.name],
    [say.position, holder.title],
    [say.department, holder.unit],
    [say.authority, authority],
    [say.name, holder.name],
  ]
  return rows.flatMap(([term, value]) =>
    value === undefined || value === '' ? [] : [[term, value] as const],
  )
}

function forwardForm(
  { lang, home }: Place,
  {
    message,
    addressees,
  }: { readonly message: OpenedMessage; readonly addressees: readonly ListedBox[] },
): Markup {
  const say = words[lang]
  if (addressees.length === 0) return html``
  return html`<details><summary>${say.forward}</summary><p>${say.forwardLead}</p><form id="forward" method="post" action="${home}/${message.id}/forward"><div class="field"><label for="to">${say.forwardTo}</label><select id="to" name="to" required>${addressees.map(
    one => html`<option value="${ownerKey(one.owner)}">${one.name}</option>`,
  )}</select></div>${
    message.documents.length === 0
      ? null
      : html`<fieldset><legend>${say.forwardDocuments}</legend>${message.documents.map(
          (document, position) =>
            html`<div class="choice"><label><input type="checkbox" name="document" value="${position}" checked>${document.name}</label></div>`,
        )}</fieldset>`
  }<div class="field"><label for="note">${say.forwardNote}</label><textarea id="note" name="note" rows="3" maxlength="2000"></textarea></div>${button(say.forward)}</form></details>`
}

/** Who wrote, for people. */
function partyText(party: MailParty, lang: Lang): string {
  if (party.kind === 'person')
    return party.id === undefined ? words[lang].person : `${words[lang].person} (${party.id})`
  return party.name ?? party.id ?? party.kind
}

function lines(text: string): readonly Markup[] {
  return text.split('\n').map((line, at) => (at === 0 ? html`${line}` : html`<br>${line}`))
}

/** A time in Japan. */
function timeText(at: Instant, lang: Lang): string {
  return new Intl.DateTimeFormat(lang === 'ja' ? 'ja-JP-u-ca-japanese' : 'en-GB', {
    dateStyle: 'long',
    timeStyle: 'short',
    timeZone: 'Asia/Tokyo',
  }).format(at)
}
