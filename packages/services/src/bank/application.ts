/** The application for an account: what the customer fills in, and the text that is signed. Pure. */
import type { IdentityClaims } from '@sekisho/sdk'

/** What an account may be opened for. */
export const purposes = ['salary', 'daily', 'savings'] as const
export type Purpose = (typeof purposes)[number]

/** As the bank writes them into the application, which is a Japanese document. */
export const purposeNames = {
  salary: { ja: '給与の受取り', en: 'Salary' },
  daily: { ja: '生活費の決済', en: 'Daily payments' },
  savings: { ja: '貯蓄', en: 'Savings' },
} as const satisfies Record<Purpose, { readonly ja: string; readonly en: string }>

/** What the bank knows of a person from the card. */
export type Attributes = {
  readonly name: string
  readonly address: string
  /** `YYYY-MM-DD`; zeros stand for parts that the register does not know. */
  readonly birthdate: string
  readonly gender: string
  /** Whether a character of name or address is a substitute (代替文字), to be asked for on paper. */
  readonly hasSubstitutes: boolean
}

/** What the customer applies with. */
export type Application = Attributes & { readonly phone: string; readonly purpose: Purpose }

/** The attributes in the claims; one that was not released stays empty. */
export function attributesOf(claims: IdentityClaims): Attributes {
  return {
    name: claims.name ?? '',
    address: claims.address?.formatted ?? '',
    birthdate: claims.birthdate ?? '',
    gender: claims.gender ?? 'unknown',
    hasSubstitutes: `${claims.name_substitutes ?? ''}${claims.address_substitutes ?? ''}`.includes(
      '1',
    ),
  }
}

/** A Japanese telephone number in digits, however it was typed; undefined when it is none. */
export function parsePhone(typed: string): string | undefined {
  const digits = typed.normalize('NFKC').replace(/[-‐-―−ー()\s]/g, '')
  return /^0\d{9,10}$/.test(digits) ? digits : undefined
}

const months = [
  ['January', 'February', 'March', 'April', 'May', 'June'],
  ['July', 'August', 'September', 'October', 'November', 'December'],
].flat()

/** A date of birth in words; it says which parts are unknown (jpki.md §2.3). */
export function birthdateText(birthdate: string, lang: 'ja' | 'en'): string {
  const [year = 0, month = 0, day = 0] = birthdate.split('-').map(Number)
  const parts = [
    { value: year, ja: `${year}年`, en: String(year), unknown: { ja: '年', en: 'year' } },
    { value: month, ja: `${month}月`, en: months[month - 1], unknown: { ja: '月', en: 'month' } },
    { value: day, ja: `${day}日`, en: String(day), unknown: { ja: '日', en: 'day' } },
  ]
  const known = parts.filter(part => part.value > 0)
  const unknown = parts.filter(part => !(part.value > 0)).map(part => part.unknown[lang])
  if (known.length === 0) return lang === 'ja' ? '不詳' : 'unknown'
  const text =
    lang === 'ja'
      ? known.map(part => part.ja).join('')
      : known
          .map(part => part.en)
          .toReversed()
          .join(' ')
  if (unknown.length === 0) return text
  return lang === 'ja'
    ? `${text}(${unknown.join('')}は不詳)`
    : `${text} (${unknown.join(' and ')} unknown)`
}

const genderNames: Readonly<Record<string, string>> = { male: '男', female: '女' }

/**
 * What is signed: exactly what the customer read, one line for each item. A value cannot begin a line of its own, whatever it
 * holds.
 */
export function applicationText(application: Application): string {
  return `口座開設申込書

せきしょ銀行 御中

次のとおり普通預金口座の開設を申し込みます。

氏名: ${oneLine(application.name)}
住所: ${oneLine(application.address)}
生年月日: ${oneLine(birthdateText(application.birthdate, 'ja'))}
性別: ${genderNames[application.gender] ?? '不明'}
電話番号: ${oneLine(application.phone)}
口座の利用目的: ${purposeNames[application.purpose].ja}
`
}

/** Controls, line separators and characters that turn the direction of writing become a space. */
function oneLine(value: string): string {
  return value.replace(/[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, ' ')
}
