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
import {
  type Attributes,
  attributesOf,
  birthdateText,
  type Purpose,
  purposeNames,
  purposes,
} from './application.ts'
import { type AccountView, welcomeText } from './books.ts'

const serviceName = { ja: 'せきしょ銀行', en: 'Sekisho Bank' } as const

function serviceOf(lang: Lang): { readonly name: string; readonly home: string } {
  return { name: serviceName[lang], home: '/' }
}

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
    exists: '口座はすでにあります',
    existsText: '登録内容を、今回確認した内容に更新しました。',
    changed: 'ご登録の内容が変わったようです',
    changedText:
      '住所や氏名に変更があった可能性があります。新しい署名用電子証明書で更新してください。',
    update: '登録内容を更新する',
    confirm: 'カードの状態を確認してください',
    confirmText: '電子証明書が有効ではありません。窓口または電話で確認させてください。',
    unchecked: '登録内容の変更を確認できません',
    uncheckedText: '今は変更の有無を確認できませんでした。口座はそのままご利用いただけます。',
    updated: '登録内容を更新しました',
    backToForm: '申込みに戻る',
    home: 'トップページへ',
    noAccount: '口座がまだありません',
    noAccountText:
      'このカードの方の口座はありません。開設には署名用電子証明書が必要です。15歳未満の方など、お持ちでない方は店頭でご相談ください。',
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
    exists: 'You have an account already',
    existsText: 'Your details are updated to those confirmed just now.',
    changed: 'Your details seem to have changed',
    changedText:
      'Your address or name may have changed. Please update them with your new signature certificate.',
    update: 'Update my details',
    confirm: 'Please check your card',
    confirmText: 'Your certificates are not valid. Please contact us at a branch or by telephone.',
    unchecked: 'Changes could not be checked',
    uncheckedText:
      'We cannot tell just now whether your details have changed. You can go on using your account.',
    updated: 'Your details are updated',
    backToForm: 'Back to the application',
    home: 'Front page',
    noAccount: 'No account yet',
    noAccountText:
      'There is no account for the holder of this card. Opening one needs a signature certificate; without one, for example under 15, please ask at a branch.',
    male: 'male',
    female: 'female',
    unknown: 'unknown',
  },
} as const

/** The front page. */
export function homePage(lang: Lang, told?: 'no-account'): string {
  const say = words[lang]
  return page({
    title: serviceName[lang],
    lang,
    service: serviceOf(lang),
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
    /** What was sent before and could not be taken. */
    readonly sent?: { readonly phone: string; readonly purpose: Purpose }
  },
): string {
  const say = words[lang]
  const { claims, sent } = given
  const attributes = attributesOf(claims)
  const chosen = sent?.purpose ?? 'daily'
  return page({
    title: say.form,
    lang,
    service: serviceOf(lang),
    path: '/open/form',
    body: html`<p class="lead">${say.formLead}</p>
${attributes.hasSubstitutes ? notice('warning', say.substitutes, say.substitutesText) : null}
${pairs(identityRows(lang, attributes))}
<form method="post" action="/open/application" name="application">
<input type="hidden" name="token" value="${given.formToken}">
${field({
  name: 'phone',
  label: say.phone,
  hint: say.phoneHint,
  type: 'tel',
  autocomplete: 'tel-national',
  required: true,
  ...(sent === undefined ? {} : { value: sent.phone, error: say.phoneError }),
})}
<fieldset><legend>${say.purpose}</legend>${purposes.map(
      purpose =>
        html`<p><label><input type="radio" name="purpose" value="${purpose}"${purpose === chosen ? html` checked` : null}>${purposeNames[purpose][lang]}</label></p>`,
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
    /** What the platform answered to the question for changes; `unchecked` when it could not. */
    readonly meaning: ChangeMeaning | 'unchecked'
    readonly told?: 'opened' | 'exists' | 'updated'
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
    service: serviceOf(lang),
    path: '/account',
    body: [
      given.told === 'opened' ? notice('success', say.opened, say.openedText) : html``,
      given.told === 'exists' ? notice('info', say.exists, say.existsText) : html``,
      given.told === 'updated' ? notice('success', say.updated) : html``,
      changeNotice(lang, given.meaning),
      html`<p>${say.balance}</p><p class="amount">${yen(account.balanceYen)}</p>`,
      pairs([[say.number, account.number]]),
      html`<h2>${say.movements}</h2>`,
      table(
        say.movements,
        [say.date, say.what, say.amount],
        account.movements.map(one => [
          day.format(one.at),
          lang === 'en' && one.text === welcomeText ? 'Welcome gift' : japanese(lang, one.text),
          html`<span class="number">${yen(one.amountYen)}</span>`,
        ]),
        { caption: 'unseen' },
      ),
      html`<h2>${say.registered}</h2>`,
      account.customer.hasSubstitutes
        ? notice('info', say.substitutes, say.substitutesText)
        : html``,
      pairs([...identityRows(lang, account.customer), [say.phone, account.customer.phone]]),
      html`<form method="post" action="/logout"><input type="hidden" name="token" value="${given.formToken}"><div class="actions">${button(say.logout, 'second')}</div></form>`,
    ],
  })
}

function changeNotice(lang: Lang, meaning: ChangeMeaning | 'unchecked'): Markup {
  const say = words[lang]
  if (meaning === 'ask-for-update')
    return notice(
      'warning',
      say.changed,
      html`<p>${say.changedText}</p><p>${linkButton('/update', say.update)}</p>`,
    )
  if (meaning === 'confirm-in-person') return notice('warning', say.confirm, say.confirmText)
  if (meaning === 'unchecked') return notice('info', say.unchecked, say.uncheckedText)
  return html``
}

/** A refusal, told in the bank's frame; `isApplying` shows the way back to the form. */
export function bankRefusalPage(code: RefusalCode, lang: Lang, isApplying = false): string {
  const say = words[lang]
  return refusalPage(
    { code },
    {
      lang,
      service: serviceOf(lang),
      back: html`<div class="actions">${isApplying ? linkButton('/open/form', say.backToForm) : null}${linkButton('/', say.home, 'second')}</div>`,
    },
  )
}

/** What the register writes is Japanese on every page (WCAG 3.1.2). */
function japanese(lang: Lang, text: string): Markup {
  return lang === 'ja' ? html`${text}` : html`<span lang="ja">${text}</span>`
}

function identityRows(lang: Lang, given: Attributes): [string, Markup | string][] {
  const say = words[lang]
  const gender = given.gender === 'male' || given.gender === 'female' ? given.gender : 'unknown'
  return [
    [say.name, japanese(lang, given.name)],
    [say.address, japanese(lang, given.address)],
    [say.birthdate, birthdateText(given.birthdate, lang)],
    [say.gender, say[gender]],
  ]
}
