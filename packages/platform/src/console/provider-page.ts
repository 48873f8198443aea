/** Providers and their fees on the console. */
import type { FeeStatement } from '@sekisho/contract'
import { html, type Lang, type Markup, pairs, table } from '@sekisho/web'
import type { Provider } from '../providers/registry.ts'
import type { Member } from '../staff/member.ts'
import { mayDo } from '../staff/role.ts'
import type { Account } from '../onboarding/account.ts'
import type { Application } from '../onboarding/application.ts'
import { checkRegistration } from '../onboarding/check.ts'
import { proposeForm, timeText } from './frame.ts'

/** All providers. */
export function providersBody(
  providers: readonly Provider[],
  submitted: readonly Application[],
  lang: Lang,
): readonly Markup[] {
  const say = words[lang]
  return [
    ...(submitted.length === 0
      ? []
      : [
          html`<h2>${say.applications}</h2>`,
          table(
            say.applications,
            [say.name, say.id, say.scopes, say.since],
            submitted.map(one => [
              html`<a href="/providers/${one.id}">${one.metadata.client_name}</a>`,
              html`<code>${one.id}</code>`,
              one.metadata.scope,
              timeText(one.submittedAt ?? 0, lang),
            ]),
            { caption: 'unseen' },
          ),
          html`<h2>${say.providers}</h2>`,
        ]),
    table(
      say.providers,
      [say.name, say.id, say.scopes, say.state],
      providers.map(one => [
        html`<a href="/providers/${one.id}">${one.name}</a>`,
        html`<code>${one.id}</code>`,
        [...one.scopes].join(' '),
        say[one.state],
      ]),
      { caption: 'unseen' },
    ),
  ]
}

/** One provider, and what may be proposed about it. */
export function providerBody(
  provider: Provider,
  given: { readonly lang: Lang; readonly member: Member },
): readonly Markup[] {
  const { lang, member } = given
  const say = words[lang]
  const { metadata } = provider
  const isActive = provider.state === 'active'
  return [
    pairs([
      [say.id, html`<code>${provider.id}</code>`],
      [say.state, say[provider.state]],
      [say.purpose, provider.purpose],
      [say.scopes, [...provider.scopes].join(' ')],
      [say.method, provider.revocation === 'crl' ? 'CRL' : 'OCSP'],
      [say.redirects, html`${metadata.redirect_uris.map(one => html`<code>${one}</code> `)}`],
      [
        say.keys,
        html`${metadata.jwks.keys.map(key => html`<code>${typeof key.kid === 'string' ? key.kid : key.kty}</code> `)}`,
      ],
      [say.verifier, metadata.sekisho_signature_verifier ? say.yes : say.no],
      [say.reduction, metadata.sekisho_public_interest ? say.yes : say.no],
    ]),
    ...(mayDo(member.roles, 'manage-providers')
      ? [
          html`<h2>${isActive ? say.suspend : say.resume}</h2><p>${isActive ? say.suspendHint : say.resumeHint}</p>`,
          proposeForm({
            lang,
            id: 'provider-act',
            kind: isActive ? 'provider-suspend' : 'provider-resume',
            label: say.propose,
            fields: [html`<input type="hidden" name="id" value="${provider.id}">`],
          }),
        ]
      : []),
  ]
}

/** An application that waits: what was described, by whom, what is lacking, and what may be proposed. */
export function applicationBody(
  application: Application,
  account: Account,
  given: { readonly lang: Lang; readonly member: Member },
): readonly Markup[] {
  const { lang, member } = given
  const say = words[lang]
  const { metadata, facts } = application
  const findings = checkRegistration(metadata)
  const id = html`<input type="hidden" name="id" value="${application.id}">`
  return [
    html`<h2>${say.application}</h2>`,
    pairs([
      [say.firm, `${account.company} (${account.corporateNumber})`],
      [say.officer, `${facts?.officer ?? ''} ${facts?.contact ?? ''}`],
      [say.address, facts?.address ?? ''],
      [say.begins, facts?.begins ?? ''],
      [say.purpose, metadata.sekisho_purpose],
      [say.scopes, metadata.scope],
      [say.redirects, html`${metadata.redirect_uris.map(one => html`<code>${one}</code> `)}`],
    ]),
    html`<p><a href="/providers/${application.id}/contract.pdf">${say.contract}</a> · <a href="/providers/${application.id}/notification.pdf">${say.notification}</a></p>`,
    ...(findings.length === 0
      ? []
      : [
          table(
            say.findings,
            [say.field, say.finding],
            findings.map(one => [html`<code>${one.field}</code>`, one[lang]]),
          ),
        ]),
    ...(mayDo(member.roles, 'manage-providers') && application.stage === 'submitted'
      ? [
          html`<h3>${say.admit}</h3>`,
          proposeForm({
            lang,
            id: 'admit',
            kind: 'provider-admit',
            label: say.propose,
            fields: [id],
          }),
          html`<h3>${say.giveBack}</h3>`,
          proposeForm({
            lang,
            id: 'return',
            kind: 'provider-return',
            label: say.propose,
            fields: [
              id,
              html`<div class="field"><label for="remark">${say.remark}</label><input type="text" id="remark" name="remark" required maxlength="500"></div>`,
            ],
          }),
        ]
      : []),
  ]
}

/** Statements of a month, and forms to adopt a tariff and to correct. */
export function statementsBody(given: {
  readonly lang: Lang
  readonly member: Member
  readonly month: string
  readonly statements: readonly FeeStatement[]
  readonly tariffs: readonly string[]
}): readonly Markup[] {
  const { lang, member, month } = given
  const say = words[lang]
  const yen = (amount: number): string => `${amount.toLocaleString('en-US')} 円`
  const total = given.statements.reduce((sum, one) => sum + one.totalYen, 0)
  const choice = (id: string): Markup =>
    html`<div class="field"><label for="${id}">${say.tariff}</label><select id="${id}" name="tariff">${given.tariffs.map(
      one => html`<option value="${one}">${one}</option>`,
    )}</select></div>`
  const monthField = (id: string): Markup =>
    html`<div class="field"><label for="${id}">${say.month}</label><input type="text" id="${id}" name="month" value="${month}" required pattern="[0-9]{4}-(0[1-9]|1[0-2])" maxlength="7"></div>`
  return [
    html`<form method="get" action="/statements">${monthField('month')}<button type="submit" class="button second">${say.show}</button></form>`,
    given.statements.length === 0
      ? html`<p>${say.none}</p>`
      : table(
          `${say.statements} ${month}`,
          [say.name, say.tariff, say.state, say.fees, say.own, say.total],
          given.statements.map(one => [
            html`<a href="/providers/${one.provider}">${one.provider}</a>`,
            one.tariff,
            `${one.state === 'final' ? say.final : say.running} ${String(one.version)}`,
            yen(one.feesYen),
            yen(one.ownYen),
            yen(one.totalYen),
          ]),
        ),
    html`<p class="amount">${yen(total)}</p>`,
    ...(mayDo(member.roles, 'manage-fees')
      ? [
          html`<h2>${say.adopt}</h2>`,
          proposeForm({
            lang,
            id: 'adopt',
            kind: 'tariff-adopt',
            label: say.propose,
            fields: [monthField('adopt-month'), choice('adopt-tariff')],
          }),
          html`<h2>${say.correct}</h2>`,
          html`<form method="post" action="/acts" id="correct"><input type="hidden" name="kind" value="statements-correct">${monthField('correct-month')}${choice('correct-tariff')}<div class="field"><label for="correct-reason">${say.why}</label><input type="text" id="correct-reason" name="reason" required maxlength="200"></div><button type="submit" class="button second">${say.propose}</button></form>`,
        ]
      : []),
  ]
}

const words = {
  ja: {
    providers: '提供者',
    name: '名称',
    id: '識別子',
    scopes: '契約の範囲',
    state: '状態',
    active: '利用中',
    suspended: '停止中',
    purpose: '利用目的',
    method: '失効確認の方法',
    redirects: '戻り先',
    keys: '公開鍵',
    verifier: '署名検証者',
    reduction: '公益性による減免',
    yes: 'はい',
    no: 'いいえ',
    suspend: '停止する',
    suspendHint:
      '停止すると、次の要求から断られます。利用者の画面には、提供者が停止中であることが示されます。',
    resume: '停止を解く',
    resumeHint: '停止を解くと、次の要求から受け付けます。',
    propose: '提案する',
    applications: '申込み',
    application: '申込み',
    since: '申込みの日時',
    firm: '事業者',
    officer: '責任者と連絡先',
    address: '所在地',
    begins: '開始予定日',
    contract: '契約書',
    notification: '届出書',
    findings: '点検の結果',
    field: '項目',
    finding: '内容',
    admit: '本番の利用を認める',
    giveBack: '差し戻す',
    remark: '直してほしいこと(提供者に示されます)',
    statements: '利用料金',
    month: '月(YYYY-MM)',
    show: '表示',
    none: 'この月の利用はありません。',
    tariff: '料金表',
    fees: '認証局手数料',
    own: '基盤利用料',
    total: '合計',
    final: '確定',
    running: '進行中',
    adopt: '料金表を適用する',
    correct: '確定した明細を訂正する',
    why: '理由(明細にも記載されます)',
  },
  en: {
    providers: 'Providers',
    name: 'Name',
    id: 'Identifier',
    scopes: 'Contracted scopes',
    state: 'State',
    active: 'active',
    suspended: 'suspended',
    purpose: 'Purpose',
    method: 'Revocation by',
    redirects: 'Redirects',
    keys: 'Public keys',
    verifier: 'Registered verifier of signatures',
    reduction: 'Reduction for public interest',
    yes: 'yes',
    no: 'no',
    suspend: 'Suspend',
    suspendHint:
      'From the next request on it is refused, and people are told that the provider is suspended.',
    resume: 'Lift the suspension',
    resumeHint: 'From the next request on it is served again.',
    propose: 'Propose',
    applications: 'Applications',
    application: 'Application',
    since: 'Since',
    firm: 'Firm',
    officer: 'Who answers for it',
    address: 'Address',
    begins: 'Begins on',
    contract: 'Contract',
    notification: 'Notification',
    findings: 'Checklist',
    field: 'Field',
    finding: 'Finding',
    admit: 'Admit to production',
    giveBack: 'Return it',
    remark: 'What is to be put right (shown to the provider)',
    statements: 'Fees',
    month: 'Month (YYYY-MM)',
    show: 'Show',
    none: 'There was no use in this month.',
    tariff: 'Tariff',
    fees: "Authority's fees",
    own: 'Platform charge',
    total: 'Total',
    final: 'final',
    running: 'running',
    adopt: 'Adopt a tariff',
    correct: 'Correct final statements',
    why: 'Why (also told on the statement)',
  },
} as const
