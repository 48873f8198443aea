/** The screens of the providers' console (C6), Japanese first. */
import { refusals, isRefusalCode, providerScopes } from '@sekisho/contract'
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
import type { Account } from './account.ts'
import type { Application } from './application.ts'
import type { CheckFinding } from './check.ts'
import { isReplayable, type Replayed } from './replay.ts'
import type { Trace } from './trace.ts'
import type { WebhookTrial } from './webhook.ts'
import { onboardingWords } from './word.ts'

/** Name of the console. */
export const onboardingName = { ja: '関所 提供者の窓口', en: 'Sekisho for providers' } as const

/** A page of the console. */
export function onboardingPage(given: {
  readonly lang: Lang
  readonly title: string
  readonly path: string
  readonly account: Account | undefined
  readonly scripts?: readonly string[]
  readonly body: readonly Markup[]
}): string {
  const { lang, account } = given
  const say = onboardingWords[lang]
  return page({
    title: given.title,
    lang,
    service: { name: onboardingName[lang], home: '/' },
    path: given.path,
    wide: true,
    scripts: given.scripts ?? [],
    body: [
      ...(account === undefined
        ? []
        : [
            html`<div class="actions"><p>${account.company} ${account.name}</p><form method="post" action="/leave">${button(say.leave, 'second')}</form></div>`,
          ]),
      ...given.body,
    ],
  })
}

/** The entrance: to register a firm, or to come back. */
export function entranceBody(lang: Lang): readonly Markup[] {
  const say = onboardingWords[lang]
  const alert = html`<p role="alert" class="field-error" data-other="${say.passkeyFailed}"></p>`
  return [
    html`<p class="lead">${say.lead}</p>`,
    html`<noscript>${notice('warning', say.script)}</noscript>`,
    html`<form method="post" action="/passkey/answer" data-passkey="prove" data-question="/passkey/question">${alert}${button(say.enter)}</form>`,
    html`<h2>${say.first}</h2><p>${say.firstHint}</p>`,
    html`<form method="post" action="/passkey/registered" data-passkey="register" data-question="/passkey/registration">${alert}${[
      field({
        name: 'company',
        label: say.company,
        required: true,
        maxlength: 100,
        autocomplete: 'organization',
      }),
      field({
        name: 'corporateNumber',
        label: say.corporateNumber,
        hint: say.corporateNumberHint,
        required: true,
        inputmode: 'numeric',
        maxlength: 13,
      }),
      field({ name: 'name', label: say.name, required: true, maxlength: 60, autocomplete: 'name' }),
    ]}${button(say.register, 'second')}</form>`,
  ]
}

/** A firm's services. */
export function servicesBody(services: readonly Application[], lang: Lang): readonly Markup[] {
  const say = onboardingWords[lang]
  return [
    services.length === 0
      ? html`<p>${say.noServices}</p>`
      : table(
          say.services,
          [say.service, say.id, say.stage],
          services.map(one => [
            html`<a href="/services/${one.id}">${one.metadata.client_name}</a>`,
            html`<code>${one.id}</code>`,
            stageText(one, lang),
          ]),
          { caption: 'unseen' },
        ),
    html`<p>${linkButton('/services/new', say.addService)}</p>`,
  ]
}

/** The form that describes a service, filled with what is known. */
export function describeBody(
  metadata: Application['metadata'] | undefined,
  given: { readonly lang: Lang; readonly mode: 'town' | 'production' },
): readonly Markup[] {
  const { lang } = given
  const say = onboardingWords[lang]
  const scopes = new Set(metadata?.scope.split(' ') ?? ['openid'])
  const jwks = metadata === undefined ? '' : JSON.stringify(metadata.jwks, null, 2)
  const { sekisho_saml: known } = metadata ?? {}
  const saml = known === undefined ? '' : JSON.stringify(known, null, 2)
  return [
    html`<form method="post" action="/services">${[
      field({
        name: 'client_id',
        label: say.id,
        hint: say.idHint,
        required: true,
        maxlength: 63,
        value: metadata?.client_id ?? '',
        readonly: metadata !== undefined,
      }),
      field({
        name: 'client_name',
        label: say.service,
        required: true,
        maxlength: 100,
        value: metadata?.client_name ?? '',
      }),
      field({
        name: 'sekisho_purpose',
        label: say.purpose,
        hint: say.purposeHint,
        required: true,
        maxlength: 200,
        value: metadata?.sekisho_purpose ?? '',
      }),
      field({ name: 'client_uri', label: say.home, value: metadata?.client_uri ?? '' }),
      area({
        name: 'redirect_uris',
        label: say.redirects,
        hint: given.mode === 'town' ? say.redirectsHintTown : say.redirectsHint,
        value: metadata?.redirect_uris.join('\n') ?? '',
        rows: 3,
      }),
    ]}<fieldset><legend>${say.scopes}</legend>${providerScopes
      .filter(scope => scope !== 'openid')
      .map(
        scope =>
          html`<div class="choice"><label><input type="checkbox" name="scope" value="${scope}"${scopes.has(scope) ? html` checked` : null}><span>${say.scopeWords[scope]}<span class="hint"><code>${scope}</code></span></span></label></div>`,
      )}</fieldset><fieldset><legend>${say.revocation}</legend>${(['crl', 'ocsp'] as const).map(
      one =>
        html`<div class="choice"><label><input type="radio" name="sekisho_revocation" value="${one}"${(metadata?.sekisho_revocation ?? 'crl') === one ? html` checked` : null}><span>${say.revocationWords[one]}</span></label></div>`,
    )}</fieldset>${field({ name: 'sekisho_freshness_minutes', label: say.freshness, hint: say.freshnessHint, type: 'number', value: String(metadata?.sekisho_freshness_minutes ?? '') })}${area({ name: 'jwks', label: say.jwks, hint: say.jwksHint, value: jwks, rows: 8 })}<div class="actions"><button type="button" class="button second" data-key-maker="jwks" hidden>${say.makeKey}</button><a class="button second" id="jwks-private" download="private-key.json" hidden>${say.savePrivate}</a></div><details${known === undefined ? null : html` open`}><summary>${say.saml}</summary>${area({ name: 'sekisho_saml', label: say.samlPart, hint: say.samlHint, value: saml, rows: 8, isOptional: true })}</details>${button(say.save)}</form>`,
  ]
}

/** A service: where it stands, what is lacking, and its tools. */
export function serviceBody(given: {
  readonly lang: Lang
  readonly mode: 'town' | 'production'
  readonly issuer: string
  readonly application: Application
  readonly findings: readonly CheckFinding[]
  readonly isRegistered: boolean
  readonly isSandbox: boolean
  readonly contractVersion: string
  readonly traces: readonly (Trace & { readonly id: number })[]
}): readonly Markup[] {
  const { lang, application, findings } = given
  const say = onboardingWords[lang]
  const { id, metadata } = application
  return [
    application.remark === undefined ? html`` : notice('warning', say.returned, application.remark),
    pairs([
      [say.stage, stageText(application, lang)],
      [say.id, html`<code>${id}</code>`],
      [say.purpose, metadata.sekisho_purpose],
      [say.scopes, metadata.scope],
      [
        say.works,
        given.isRegistered ? (given.isSandbox ? say.worksSandbox : say.worksLive) : say.worksNot,
      ],
    ]),
    html`<p>${linkButton(`/services/${id}/edit`, say.change, 'second')} ${linkButton(`/services/${id}/configuration.json`, say.configuration, 'second')}</p>`,
    ...(given.isRegistered
      ? [html`<h2>${say.start}</h2><p>${say.startHint}</p>`, example(given.issuer, metadata)]
      : []),
    html`<h2>${say.checklist}</h2>`,
    findings.length === 0
      ? notice('success', say.ready)
      : table(
          say.checklist,
          [say.field, say.level, say.finding],
          findings.map(one => [
            html`<code>${one.field}</code>`,
            one.level === 'error' ? say.error : say.warning,
            one[lang],
          ]),
          { caption: 'unseen' },
        ),
    ...submitPart(given),
    ...(given.isRegistered ? toolsPart(given) : []),
  ]
}

function submitPart(given: Parameters<typeof serviceBody>[0]): readonly Markup[] {
  const { lang, application, findings } = given
  const say = onboardingWords[lang]
  const { id, facts } = application
  const papers = html`<p><a href="/services/${id}/contract.pdf">${say.contract} ${given.contractVersion}</a> · <a href="/services/${id}/notification.pdf">${say.notification}</a></p>`
  if (application.stage === 'submitted')
    return [html`<h2>${say.submit}</h2><p>${say.waiting}</p>`, papers]
  if (application.stage === 'admitted') return [html`<h2>${say.papers}</h2>`, papers]
  if (findings.some(one => one.level === 'error'))
    return [html`<h2>${say.submit}</h2><p>${say.notYet}</p>`, papers]
  return [
    html`<h2>${say.submit}</h2><p>${say.submitHint}</p>`,
    papers,
    html`<form method="post" action="/services/${id}/submit">${[
      field({
        name: 'officer',
        label: say.officer,
        required: true,
        maxlength: 60,
        value: facts?.officer ?? '',
      }),
      field({
        name: 'address',
        label: say.address,
        required: true,
        maxlength: 200,
        value: facts?.address ?? '',
      }),
      field({
        name: 'contact',
        label: say.contact,
        type: 'email',
        required: true,
        maxlength: 120,
        value: facts?.contact ?? '',
      }),
      field({
        name: 'begins',
        label: say.begins,
        type: 'date',
        required: true,
        value: facts?.begins ?? '',
      }),
    ]}<div class="choice"><label><input type="checkbox" name="contract" value="${given.contractVersion}" required><span>${say.accept}</span></label></div>${button(say.submit)}</form>`,
  ]
}

function toolsPart(given: Parameters<typeof serviceBody>[0]): readonly Markup[] {
  const { lang, application, traces } = given
  const say = onboardingWords[lang]
  const { id } = application
  const origin = new URL(application.metadata.redirect_uris[0] ?? 'https://service.example').origin
  return [
    html`<h2>${say.webhook}</h2><p>${say.webhookHint}</p>`,
    html`<form method="post" action="/services/${id}/webhook">${field({ name: 'endpoint', label: say.endpoint, required: true, value: `${origin}/events` })}${button(say.send, 'second')}</form>`,
    html`<h2>${say.inspector}</h2><p>${given.isSandbox ? say.inspectorSandbox : say.inspectorLive}</p>`,
    html`<section id="traces" data-live>${
      traces.length === 0
        ? html`<p>${say.noTraces}</p>`
        : table(
            say.inspector,
            [say.when, say.what, say.status, say.refusal, say.took, say.again],
            traces.map(trace => [
              timeText(trace.at, lang),
              html`<code>${trace.what}</code>`,
              trace.status === null ? '' : String(trace.status),
              trace.refusal === null ? '' : refusalText(trace.refusal, lang),
              trace.ms === null ? '' : `${String(trace.ms)} ms`,
              isReplayable(trace)
                ? html`<form method="post" action="/services/${id}/replay/${String(trace.id)}">${button(say.again, 'second')}</form>`
                : '',
            ]),
            { caption: 'unseen' },
          )
    }</section>`,
  ]
}

/** What came of a test delivery. */
export function webhookBody(trial: WebhookTrial, id: string, lang: Lang): readonly Markup[] {
  const say = onboardingWords[lang]
  return [
    trial.isTaken
      ? notice('success', say.taken)
      : notice('error', say.notTaken, trial.status === undefined ? say.noAnswer : say.wrongStatus),
    pairs([
      [say.status, trial.status === undefined ? '–' : String(trial.status)],
      [say.took, `${String(trial.ms)} ms`],
    ]),
    html`<pre>${trial.sent}</pre>`,
    back(id, lang),
  ]
}

/** What came of a request that was put again. */
export function replayBody(replayed: Replayed, id: string, lang: Lang): readonly Markup[] {
  const say = onboardingWords[lang]
  return [
    pairs([[say.status, String(replayed.status)]]),
    html`<pre>${replayed.body}</pre>`,
    back(id, lang),
  ]
}

function back(id: string, lang: Lang): Markup {
  return html`<p>${linkButton(`/services/${id}`, onboardingWords[lang].back, 'second')}</p>`
}

function example(issuer: string, metadata: Application['metadata']): Markup {
  const redirect = metadata.redirect_uris[0] ?? ''
  const insecure = issuer.startsWith('https:') ? '' : ',\n  dangerAllowHttp: true'
  return html`<pre>import { readFile } from 'node:fs/promises'
import { createSekisho } from '@sekisho/sdk'

const sekisho = createSekisho({
  issuer: '${issuer}',
  clientId: '${metadata.client_id}',
  privateKey: JSON.parse(await readFile('private-key.json', 'utf8')),
  redirectUri: '${redirect}'${insecure},
})
const { url, pending } = await sekisho.beginLogin()</pre>`
}

function area(given: {
  readonly name: string
  readonly label: string
  readonly hint: string
  readonly value: string
  readonly rows: number
  readonly isOptional?: true
}): Markup {
  const { name } = given
  return html`<div class="field"><label for="${name}">${given.label}</label><p class="hint" id="${name}-hint">${given.hint}</p><textarea id="${name}" name="${name}" rows="${String(given.rows)}"${given.isOptional === true ? null : html` required`} aria-describedby="${name}-hint">${given.value}</textarea></div>`
}

function stageText({ stage, admittedAt }: Application, lang: Lang): string {
  const say = onboardingWords[lang]
  return stage !== 'admitted' && admittedAt !== undefined
    ? `${say.stages.admitted} (${say.stages[stage]})`
    : say.stages[stage]
}

function refusalText(code: string, lang: Lang): Markup {
  return html`<code>${code}</code> ${isRefusalCode(code) ? refusals[code][lang] : ''}`
}

function timeText(at: number, lang: Lang): string {
  return new Intl.DateTimeFormat(lang === 'ja' ? 'ja-JP' : 'en-GB', {
    dateStyle: 'short',
    timeStyle: 'medium',
    timeZone: 'Asia/Tokyo',
  }).format(at)
}
