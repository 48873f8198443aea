/**
 * The statement that a person signs to be identified (C3, C9): who asks, for what purpose, which attributes, until when.
 * What is signed is what is read: plain text, Japanese first, then English.
 */
import type { Lang } from '@sekisho/web'
import { japaneseDate, dateInJapan } from '@sekisho/contract/japan'
import type { Instant } from '@sekisho/runtime/clock'
import { consentYears } from '../people/consent.ts'
import type { Provider } from '../providers/registry.ts'
import { sessionDays } from '../session/provider-session.ts'

/** Attribute scopes in the order in which statements and screens list them. */
export const attributeScopes = ['name', 'address', 'birthdate', 'gender'] as const
export type AttributeScope = (typeof attributeScopes)[number]

/** What people call the attributes. */
export const attributeWords: Readonly<Record<AttributeScope, Readonly<Record<Lang, string>>>> = {
  name: { ja: '氏名', en: 'name' },
  address: { ja: '住所', en: 'address' },
  birthdate: { ja: '生年月日', en: 'date of birth' },
  gender: { ja: '性別', en: 'sex' },
}

/** Composes the statement's bytes. `number` is the challenge: it makes each statement one of a kind. */
export function composeStatement(given: {
  readonly provider: Provider
  readonly issuer: string
  readonly attributes: readonly AttributeScope[]
  readonly at: Instant
  readonly number: string
  /** Whether the service may stay logged in and read the information again without the card. */
  readonly isStanding: boolean
}): Uint8Array {
  const day = dateInJapan(given.at)
  const ja = given.attributes.map(scope => attributeWords[scope].ja).join('、')
  const en = given.attributes.map(scope => attributeWords[scope].en).join(', ')
  const text = `本人確認と情報提供の同意書

私は、署名用電子証明書により本人であることを示し、次の内容に同意します。

提供先: ${given.provider.name}
利用目的: ${given.provider.purpose}
提供する情報: ${ja || 'なし(本人であることの確認のみ)'}
確認する者: ${given.issuer}
確認の方法: 電子証明書の有効性の確認と、対応する利用者証明用電子証明書の確認
あわせて同意すること: 電子証明書の更新後も同じ利用者として扱うこと、登録内容の変更の有無を提供先が確認すること
${
  given.isStanding
    ? `ログインの維持: 提供先は、カードを使わずに最長${sessionDays}日間、ログインを維持し、提供した情報を読み直すことができます
`
    : ''
}日付: ${japaneseDate(day)}
期間: この日から${consentYears}年間
番号: ${given.number}

この同意はいつでも撤回できます。

--
Statement of identity and consent

I show with my signature certificate who I am, and consent to this.
To: ${given.provider.name}
Purpose: ${given.provider.purpose}
Released: ${en || 'nothing (identity is confirmed only)'}
Confirmed by: ${given.issuer}
Also: I remain the same customer after my certificates are renewed, and the recipient may ask whether registered facts changed.
${
  given.isStanding
    ? `The recipient may stay logged in and read the released information again for up to ${sessionDays} days without my card.
`
    : ''
}Date: ${day.year}-${pad(day.month)}-${pad(day.day)}, for ${consentYears} years
Number: ${given.number}
I can withdraw this consent at any time.
`
  return new TextEncoder().encode(text)
}

function pad(value: number): string {
  return String(value).padStart(2, '0')
}
