/** Sections of the portal: services, limits of a consent, signed consents, PIN, devices, own data. */
import type { Instant } from '@sekisho/runtime/clock'
import { button, html, type Lang, type Markup, pairs, table } from '@sekisho/web'
import { attributeWords } from '../confirm/statement.ts'
import type { Consent } from '../people/consent.ts'
import { addressOf, dayText, timeText } from './own-text.ts'
import { portalWords } from './portal-word.ts'
import type { Portal } from './portal.ts'

/** What may be limited, as people call it. */
function scopeName(scope: string, lang: Lang): string {
  const known: Readonly<Record<string, Readonly<Record<Lang, string>>>> = {
    ...attributeWords,
    linkage: { ja: '更新後のカードの引き継ぎ', en: 'carrying over to a renewed card' },
    change: { ja: '登録内容の変更の確認', en: 'asking whether facts changed' },
  }
  return known[scope]?.[lang] ?? scope
}

/** The services that the person has used. */
export function serviceSection(services: Portal['services'], lang: Lang): Markup {
  const say = portalWords[lang]
  if (services.length === 0) return html`<h2>${say.services}</h2><p>${say.noServices}</p>`
  const rows = services.map(each => [
    each.home === undefined
      ? each.name
      : html`<a href="${each.home}" rel="noreferrer">${each.name}</a>`,
    each.seenAt === undefined ? '—' : timeText(each.seenAt, lang),
    each.isCustomer ? say.linked : say.notLinked,
    each.entrance === undefined
      ? ''
      : html`<form id="open-${each.providerId}" method="post" action="${addressOf(lang, `/services/${each.providerId}/open`)}"><button type="submit" class="button second" aria-label="${say.opens(each.name)}">${say.open}</button></form>`,
  ])
  const heads = [say.service, say.lastSeen, say.account, say.open]
  return html`<h2>${say.services}</h2><p>${say.servicesText}</p><p>${say.openText}</p>${table(say.services, heads, rows, { caption: 'unseen' })}`
}

/** What the person may narrow in a consent in force. */
export function limitSection(consent: Consent, at: Instant, lang: Lang): Markup {
  const say = portalWords[lang]
  if (consent.state !== 'given' || consent.until <= at) return html``
  const limitOf = (scope: string) => consent.limits.find(limit => limit.scope === scope)
  const open = consent.scopes.filter(scope => limitOf(scope)?.isEnded !== true)
  const told = consent.limits.map(limit => {
    const parts = [
      ...(limit.isEnded ? [say.ended] : []),
      ...(limit.until === null ? [] : [say.untilDay(dayText(limit.until, lang))]),
      ...(limit.usesMax === null ? [] : [say.times(limit.uses, limit.usesMax)]),
    ]
    return [scopeName(limit.scope, lang), parts.join(' · ')] as const
  })
  const scopeId = `scope-${consent.id}`
  const howId = `how-${consent.id}`
  return html`${told.length === 0 ? null : pairs(told)}${
    open.length === 0
      ? null
      : html`<form id="limit-${consent.id}" method="post" action="${addressOf(lang, `/consents/${consent.id}/limit`)}"><details><summary>${say.limits}</summary><p>${say.limitsText}</p><div class="field"><label for="${scopeId}">${say.scope}</label><select id="${scopeId}" name="scope">${open.map(
          scope => html`<option value="${scope}">${scopeName(scope, lang)}</option>`,
        )}</select></div><div class="field"><label for="${howId}">${say.how}</label><select id="${howId}" name="how">${(
          ['end', 'month', 'once', 'twelve'] as const
        ).map(
          how => html`<option value="${how}">${say[how]}</option>`,
        )}</select></div>${button(say.apply, 'second')}</details></form>`
  }`
}

/** Consents to the latest attributes. */
export function latestSection(latest: Portal['latest'], lang: Lang): Markup {
  const say = portalWords[lang]
  const comma = lang === 'ja' ? '、' : ', '
  const words = { given: say.given, withdrawn: say.withdrawn, ended: say.over }
  if (latest.length === 0) return html`<h2>${say.latest}</h2><p>${say.noLatest}</p>`
  return html`<h2>${say.latest}</h2><p>${say.latestText}</p>${latest.map(
    each =>
      html`<section aria-label="${each.provider}"><h3>${each.provider}</h3>${pairs([
        [say.attributes, each.attributes.map(name => attributeWords[name][lang]).join(comma)],
        [say.until, each.until],
        [say.used, `${each.uses}${each.usesMax === null ? '' : ` / ${each.usesMax}`}`],
        [say.state, words[each.state]],
      ])}${
        each.state === 'given'
          ? html`<form id="latest-${each.number}" method="post" action="${addressOf(lang, `/latest/${each.number}/withdraw`)}">${button(say.withdraw, 'second')}</form>`
          : null
      }</section>`,
  )}`
}

/** Whether the PIN is always demanded. */
export function pinSection(isDemanded: boolean, lang: Lang): Markup {
  const say = portalWords[lang]
  return html`<h2>${say.pin}</h2><p>${isDemanded ? say.pinOn : say.pinOff}</p><form id="pin" method="post" action="${addressOf(lang, '/pin')}"><input type="hidden" name="always" value="${isDemanded ? 'no' : 'yes'}">${button(isDemanded ? say.pinRelease : say.pinDemand, 'second')}</form>`
}

/** Televisions, devices and households. */
export function gatewaySection(gateways: Portal['gateways'], lang: Lang): Markup {
  const say = portalWords[lang]
  if (gateways.length === 0) return html``
  const rows = gateways.map(each => [each.upstream, timeText(each.linkedAt, lang)])
  return html`<h2>${say.gateways}</h2><p>${say.gatewaysText}</p>${table(say.gateways, [say.service, say.since], rows, { caption: 'unseen' })}<form id="gateways-end" method="post" action="${addressOf(lang, '/gateways/end')}">${button(say.unlink, 'second')}</form>`
}

/** Televisions, devices and households that the person is linked to. */
export function terminalSection(terminals: Portal['terminals'], lang: Lang): Markup {
  const say = portalWords[lang]
  if (terminals.length === 0) return html`<h2>${say.terminals}</h2><p>${say.noTerminals}</p>`
  return html`<h2>${say.terminals}</h2>${terminals.map(
    each =>
      html`<section aria-label="${say[each.kind]} ${each.provider}"><h3>${say[each.kind]} (${each.provider})</h3>${pairs(
        [[say.since, timeText(each.linkedAt, lang)]],
      )}<form id="terminal-${each.id}" method="post" action="${addressOf(lang, `/terminals/${each.id}/unlink`)}">${button(say.unlink, 'second')}</form></section>`,
  )}`
}

/** What was released, and for what the service looked. */
function detailOf(use: Portal['uses'][number], lang: Lang): Markup {
  const say = portalWords[lang]
  const comma = lang === 'ja' ? '、' : ', '
  const parts = [
    ...(use.attributes.length === 0
      ? []
      : [`${say.attributes}: ${use.attributes.map(each => scopeName(each, lang)).join(comma)}`]),
    ...(use.purpose === undefined ? [] : [`${say.purpose}: ${use.purpose}`]),
    ...(use.isCurrentStatus ? [say.currentStatus] : []),
  ]
  return parts.length === 0 ? html`` : html`<br><small>${parts.join(' / ')}</small>`
}

/** Every use with its proof. */
export function useSection(
  uses: Portal['uses'],
  lang: Lang,
  heads: { readonly told: string; readonly columns: readonly string[]; readonly self: string },
): Markup {
  const say = portalWords[lang]
  const rows = uses.map(use => [
    timeText(use.at, lang),
    use.provider ?? heads.self,
    html`${use[lang]}${detailOf(use, lang)}`,
    html`<a href="${addressOf(lang, `/uses/${use.id}/proof`)}" download="proof.json">${say.proof}</a>`,
  ])
  return html`<p>${say.proofText}</p>${table(heads.told, [...heads.columns, say.proof], rows)}`
}

/** Everything of one's own in a file. */
export function dataSection(lang: Lang): Markup {
  const say = portalWords[lang]
  return html`<h2>${say.data}</h2><p>${say.dataText}</p><p><a class="button second" href="${addressOf(lang, '/data')}" download="sekisho.json">${say.export}</a></p>`
}
