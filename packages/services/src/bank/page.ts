/** The bank's screens, Japanese first. */
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
  refusalPage,
  table,
} from '@sekisho/web'
import type { ChangeMeaning, IdentityClaims, RefusalCode } from '@sekisho/sdk'
import type { AccountView, Application } from './books.ts'

const service = { name: 'せきしょ銀行', home: '/' }

const words = {
  ja: {
    welcome: 'マイナンバーカードで、口座開設もログインもすぐに。',
    open: '口座を開設する',
    openText:
      '署名用電子証明書で本人確認をします。氏名・住所などは自動で入力され、口座はその場で使えます。',
    login: 'カードでログイン',
    loginText: '利用者証明用電子証明書と4桁の暗証番号でログインします。',
    form: '口座開設の申込み',
    formLead: 'カードから読み取った内容です。足りない項目を入力し、最後に署名してください。',
    name: '氏名',
    address: '住所',
    birthdate: '生年月日',
    gender: '性別',
    phone: '電話番号',
    phoneHint: '例: 0312345678(ハイフンなし)',
    phoneError: '電話番号は0から始まる10桁または11桁の数字で入力してください。',
    purpose: '口座の利用目的',
    purposes: ['給与の受取り', '生活費の決済', '貯蓄'],
    sign: '内容を確認して署名へ進む',
    substitutes: '代替文字が含まれています',
    substitutesText: 'カードの証明書で表せない文字があります。正しい表記は後日書面で確認します。',
    account: '口座',
    balance: '残高',
    number: '口座番号',
    registered: 'ご登録内容',
    movements: '入出金の明細',
    date: '日付',
    what: '内容',
    amount: '金額',
    logout: 'ログアウト',
    opened: '口座を開設しました',
    openedText: '署名の受領証を保管しました。今すぐご利用いただけます。',
    changed: 'ご登録の内容が変わったようです',
    changedText:
      '住所や氏名に変更があった可能性があります。新しい署名用電子証明書で更新してください。',
    update: '登録内容を更新する',
    confirm: 'カードの状態を確認してください',
    confirmText: '電子証明書が有効ではありません。窓口または電話で確認させてください。',
    updated: '登録内容を更新しました',
    noAccount: '口座がまだありません',
    noAccountText: 'このカードでの口座はありません。口座を開設してください。',
    male: '男',
    female: '女',
    unknown: '不明',
  },
  en: {
    welcome: 'Open an account and log in with your My Number card.',
    open: 'Open an account',
    openText:
      'We confirm your identity with the signature certificate, fill in your details, and open the account at once.',
    login: 'Log in with the card',
    loginText: 'Log in with the authentication certificate and its 4-digit PIN.',
    form: 'Application for an account',
    formLead: 'These details come from your card. Add what is missing, then sign.',
    name: 'Name',
    address: 'Address',
    birthdate: 'Date of birth',
    gender: 'Sex',
    phone: 'Telephone',
    phoneHint: 'Digits only, for example 0312345678',
    phoneError: 'Enter 10 or 11 digits, beginning with 0.',
    purpose: 'Purpose of the account',
    purposes: ['Salary', 'Daily payments', 'Savings'],
    sign: 'Check and go on to sign',
    substitutes: 'Substitute characters',
    substitutesText:
      'Some characters cannot be shown by the certificate. We will ask for the right spelling on paper.',
    account: 'Account',
    balance: 'Balance',
    number: 'Account number',
    registered: 'Your details',
    movements: 'Movements',
    date: 'Date',
    what: 'Text',
    amount: 'Amount',
    logout: 'Log out',
    opened: 'Your account is open',
    openedText: 'We keep the receipt of your signature. You can use the account now.',
    changed: 'Your details seem to have changed',
    changedText:
      'Your address or name may have changed. Please update them with your new signature certificate.',
    update: 'Update my details',
    confirm: 'Please check your card',
    confirmText: 'Your certificates are not valid. Please contact us at a branch or by telephone.',
    updated: 'Your details are updated',
    noAccount: 'No account yet',
    noAccountText: 'There is no account for this card. Please open one.',
    male: 'male',
    female: 'female',
    unknown: 'unknown',
  },
} as const

/** The front page. */
export function homePage(lang: Lang, told?: 'no-account'): string {
  const say = words[lang]
  return page({
    title: service.name,
    lang,
    service,
    path: '/',
    body: html`<p class="lead">${say.welcome}</p>
${told === 'no-account' ? notice('warning', say.noAccount, say.noAccountText) : null}
<ul class="cards">
<li><h2>${say.open}</h2><p>${say.openText}</p>${linkButton('/open', say.open)}</li>
<li><h2>${say.login}</h2><p>${say.loginText}</p>${linkButton('/login', say.login, 'second')}</li>
</ul>`,
  })
}

/** The application form, filled in from the card. */
export function formPage(
  lang: Lang,
  given: {
    readonly claims: IdentityClaims
    readonly formToken: string
    readonly phone?: string
    readonly wrong?: boolean
  },
): string {
  const say = words[lang]
  const { claims } = given
  return page({
    title: say.form,
    lang,
    service,
    path: '/open/form',
    body: html`<p class="lead">${say.formLead}</p>
${hasSubstitutes(claims) ? notice('warning', say.substitutes, say.substitutesText) : null}
${pairs(identityRows(lang, attributesOf(claims)))}
<form method="post" action="/open/application" name="application">
<input type="hidden" name="token" value="${given.formToken}">
${field({
  name: 'phone',
  label: say.phone,
  hint: say.phoneHint,
  type: 'tel',
  autocomplete: 'tel-national',
  required: true,
  ...(given.phone === undefined ? {} : { value: given.phone }),
  ...(given.wrong ? { error: say.phoneError } : {}),
})}
<fieldset><legend>${say.purpose}</legend>${words.ja.purposes.map(
      (purpose, at) =>
        html`<p><label><input type="radio" name="purpose" value="${purpose}"${at === 1 ? html` checked` : null}>${say.purposes[at]}</label></p>`,
    )}</fieldset>
<div class="actions">${button(say.sign)}</div>
</form>`,
  })
}

/** The customer's account. */
export function accountPage(
  lang: Lang,
  account: AccountView,
  given: {
    readonly meaning?: ChangeMeaning
    readonly told?: 'opened' | 'updated'
    readonly formToken: string
  },
): string {
  const say = words[lang]
  const day = new Intl.DateTimeFormat(lang === 'ja' ? 'ja-JP' : 'en-GB', {
    dateStyle: 'medium',
    timeZone: 'Asia/Tokyo',
  })
  const yen = (amount: number): string =>
    `${amount.toLocaleString('ja-JP')}${lang === 'ja' ? '円' : ' yen'}`
  return page({
    title: say.account,
    lang,
    service,
    path: '/account',
    body: [
      given.told === 'opened' ? notice('success', say.opened, say.openedText) : html``,
      given.told === 'updated' ? notice('success', say.updated) : html``,
      changeNotice(lang, given.meaning),
      html`<p>${say.balance}</p><p class="amount">${yen(account.balanceYen)}</p>`,
      pairs([[say.number, account.number]]),
      html`<h2>${say.movements}</h2>`,
      table(
        say.movements,
        [say.date, say.what, say.amount],
        account.movements.map(one => [day.format(one.at), one.text, yen(one.amountYen)]),
      ),
      html`<h2>${say.registered}</h2>`,
      pairs([...identityRows(lang, account.customer), [say.phone, account.customer.phone]]),
      html`<form method="post" action="/logout"><input type="hidden" name="token" value="${given.formToken}"><div class="actions">${button(say.logout, 'second')}</div></form>`,
    ],
  })
}

function changeNotice(lang: Lang, meaning: ChangeMeaning | undefined): Markup {
  const say = words[lang]
  if (meaning === 'ask-for-update')
    return notice(
      'warning',
      say.changed,
      html`<p>${say.changedText}</p><p>${linkButton('/update', say.update)}</p>`,
    )
  if (meaning === 'confirm-in-person') return notice('warning', say.confirm, say.confirmText)
  return html``
}

/** A refusal, told in the bank's frame. */
export function bankRefusalPage(code: RefusalCode, lang: Lang): string {
  return refusalPage({ code }, { lang, service })
}

type Attributes = Pick<Application, 'name' | 'address' | 'birthdate' | 'gender'>

function identityRows(lang: Lang, given: Attributes): [string, string][] {
  const say = words[lang]
  const gender = given.gender === 'male' || given.gender === 'female' ? given.gender : 'unknown'
  return [
    [say.name, given.name],
    [say.address, given.address],
    [say.birthdate, given.birthdate],
    [say.gender, say[gender]],
  ]
}

/** The four attributes of the claims; an attribute that was not released stays empty. */
export function attributesOf(claims: IdentityClaims): Attributes {
  return {
    name: claims.name ?? '',
    address: claims.address?.formatted ?? '',
    birthdate: claims.birthdate ?? '',
    gender: claims.gender ?? 'unknown',
  }
}

/** Whether any character of name or address is a substitute. */
export function hasSubstitutes(claims: IdentityClaims): boolean {
  return `${claims.name_substitutes ?? ''}${claims.address_substitutes ?? ''}`.includes('1')
}
