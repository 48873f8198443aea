/**
 * The consent that a citizen signs so that a provider may get the latest four attributes later (A14): plain text that is read as it
 * is signed, and that the authority reads too. Whatever is not word for word of this form is no consent.
 */

/** What may be consented to. */
export const consentedAttributes = ['name', 'address', 'birthdate', 'gender'] as const
export type ConsentedAttribute = (typeof consentedAttributes)[number]

/** A consent. Days are `YYYY-MM-DD` in Japan. */
export type AttributeConsent = {
  /** Id under which the authority knows the verifier that will ask. */
  readonly verifier: string
  /** Who will get them. */
  readonly provider: string
  readonly purpose: string
  readonly attributes: readonly ConsentedAttribute[]
  readonly givenOn: string
  /** Last day on which it may be used. */
  readonly until: string
  /** Makes each one of a kind. */
  readonly number: string
}

/** The text. Throws `RangeError` for what cannot be a line of it. */
export function composeAttributeConsent(consent: AttributeConsent): string {
  const { verifier, provider, purpose, attributes, givenOn, until, number } = consent
  for (const line of [verifier, provider, purpose, number])
    if (!/^[^\p{Cc}]{1,200}$/u.test(line)) throw new RangeError('a consent has lines of text')
  for (const day of [givenOn, until])
    if (!/^\d{4}-\d{2}-\d{2}$/.test(day)) throw new RangeError('a consent has days')
  const order = consentedAttributes.filter(each => attributes.includes(each))
  if (order.length === 0) throw new RangeError('a consent is to something')
  return `最新の利用者情報の提供についての同意書

私は、次の提供先が、次の期限まで、私の最新の情報を地方公共団体情報システム機構から受け取ることに同意します。

照会する者: ${verifier}
提供先: ${provider}
利用目的: ${purpose}
情報: ${order.map(each => words[each].ja).join('、')}
同意した日: ${givenOn}
期限: ${until}
番号: ${number}

この同意はいつでも撤回でき、撤回は直ちに効力を持ちます。

--
Consent to the provision of my latest attributes

Asked by: ${verifier}
To: ${provider}
Purpose: ${purpose}
Attributes: ${order.map(each => words[each].en).join(', ')}
Given on: ${givenOn}
Until: ${until}
Number: ${number}
I can withdraw this consent at any time, with effect at once.
`
}

/** Reads a text; undefined: it is no consent of this form. */
export function readAttributeConsent(text: string): AttributeConsent | undefined {
  const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'mu').exec(text)?.[1] ?? ''
  const named = field('情報').split('、')
  const consent: AttributeConsent = {
    verifier: field('照会する者'),
    provider: field('提供先'),
    purpose: field('利用目的'),
    attributes: consentedAttributes.filter(each => named.includes(words[each].ja)),
    givenOn: field('同意した日'),
    until: field('期限'),
    number: field('番号'),
  }
  try {
    return composeAttributeConsent(consent) === text ? consent : undefined
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

const words = {
  name: { ja: '氏名', en: 'name' },
  address: { ja: '住所', en: 'address' },
  birthdate: { ja: '生年月日', en: 'date of birth' },
  gender: { ja: '性別', en: 'sex' },
} as const satisfies Readonly<
  Record<ConsentedAttribute, { readonly ja: string; readonly en: string }>
>
