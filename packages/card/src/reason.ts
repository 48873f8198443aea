/**
 * Why a card did not do what was asked: one closed list, each with its text. `card` throws no refusal; it returns these
 * reasons, and `readers` maps them to refusals in one table.
 */

type Texts = { readonly ja: string; readonly en: string }

/** The closed list of card reasons with Japanese and English text. A code is never renamed nor used again. */
export const cardReasons = {
  'card-removed': {
    ja: 'カードがリーダーから離れました。',
    en: 'The card left the reader.',
  },
  'card-foreign': {
    ja: '公的個人認証のアプリケーションがないカードです。',
    en: 'The card has no JPKI application.',
  },
  'pin-malformed': {
    ja: '暗証番号は数字4桁です。回数は減っていません。',
    en: 'The PIN is 4 digits. No try was used.',
  },
  'password-malformed': {
    ja: '署名用パスワードは半角英数字6〜16文字です。回数は減っていません。',
    en: 'The signature password is 6 to 16 letters and digits. No try was used.',
  },
  'pin-wrong': { ja: '暗証番号が違います。', en: 'The PIN is wrong.' },
  'password-wrong': { ja: '署名用パスワードが違います。', en: 'The signature password is wrong.' },
  'pin-locked': {
    ja: '利用者証明用の暗証番号がロックされています。',
    en: 'The authentication PIN is locked.',
  },
  'password-locked': {
    ja: '署名用パスワードがロックされています。',
    en: 'The signature password is locked.',
  },
  'code-malformed': {
    ja: '照合番号の桁数が正しくありません。回数は減っていません。',
    en: 'The code does not have the right number of digits. No try was used.',
  },
  'code-wrong': { ja: '照合番号が違います。', en: 'The code is wrong.' },
  'code-locked': { ja: '照合番号がロックされています。', en: 'The code is locked.' },
  'application-absent': {
    ja: 'カードに該当するアプリケーションがありません。',
    en: 'The card has no such application.',
  },
  'record-altered': {
    ja: 'カードから読み取った記録が署名と一致しません。',
    en: 'What was read from the card does not match its signature.',
  },
  'signer-unknown': {
    ja: '記録の署名者を確認できません。',
    en: 'The signer of the record is not one that is trusted.',
  },
  'card-cloned': {
    ja: 'カードの応答が証明書と一致しません。複製されたおそれがあります。',
    en: 'The answer of the card does not fit its certificate: it may be a copy.',
  },
  'organisation-unknown': {
    ja: 'カードはこの機関を認めていません。',
    en: 'The card does not know this organisation.',
  },
  'terminal-expired': {
    ja: '端末の証明書の期間が切れているか、カードの日付より古いものです。',
    en: 'The certificate of the terminal is past its days, or older than the date the card knows.',
  },
  'terminal-refused': {
    ja: 'カードは端末を認めませんでした。',
    en: 'The card did not accept the terminal.',
  },
  'terminal-unsupported': {
    ja: 'このカードは端末の証明に対応していません。',
    en: 'This card knows no proof of terminals.',
  },
  'pin-demanded': {
    ja: 'このカードの持ち主は常に暗証番号を求めています。',
    en: 'The holder of this card demands the PIN always.',
  },
  'area-full': {
    ja: 'カードの空き領域が足りません。何も書き込んでいません。',
    en: 'The card has not enough free room. Nothing was written.',
  },
  'application-present': {
    ja: '同じ識別子のアプリケーションが既にカードにあります。',
    en: 'The card already has an application of this identifier.',
  },
  'owner-refused': {
    ja: 'カードはこの事業者の鍵を認めませんでした。',
    en: "The card did not accept the owner's key.",
  },
  'channel-broken': {
    ja: 'カードとの暗号通信が途切れました。',
    en: 'The encrypted channel to the card is broken.',
  },
  'pin-required': {
    ja: '先に暗証番号の照合が必要です。',
    en: 'The PIN must be verified first.',
  },
  'signature-certificate-absent': {
    ja: 'このカードには署名用電子証明書がありません。',
    en: 'The card holds no signature certificate.',
  },
  'authentication-certificate-absent': {
    ja: 'このカードには利用者証明用電子証明書がありません。',
    en: 'The card holds no authentication certificate.',
  },
  'file-absent': { ja: 'カードに該当する情報がありません。', en: 'The card has no such file.' },
  'file-malformed': {
    ja: 'カードから読み取った情報の形式が正しくありません。',
    en: 'What was read from the card does not have the required form.',
  },
  'answer-malformed': {
    ja: 'カードの応答が途中で切れているか、形式が正しくありません。',
    en: 'The answer of the card is cut short or malformed.',
  },
  'card-memory': {
    ja: 'カードが内部に書き込めませんでした。',
    en: 'The card could not write its memory.',
  },
  'command-refused': {
    ja: 'カードが命令を受け付けませんでした。',
    en: 'The card refused the command.',
  },
} as const satisfies Record<string, Texts>

/** A card reason code. */
export type CardReason = keyof typeof cardReasons

/**
 * What came of asking the card. `status` is the status word when the card gave one; `triesLeft` is given with a wrong
 * PIN or password and is for the eyes of the card's holder alone: it never leaves the reader.
 */
export type Outcome<T> =
  | { readonly kind: 'done'; readonly value: T }
  | {
      readonly kind: 'refused'
      readonly reason: CardReason
      readonly status?: number
      readonly triesLeft?: number
    }

/** A refused outcome. */
export type Refused = Extract<Outcome<never>, { kind: 'refused' }>

/** The outcome of a thing done. */
export function done<T>(value: T): Outcome<T> {
  return { kind: 'done', value }
}

/** The outcome of a thing not done, with the status word if the card gave one. */
export function refused(reason: CardReason, status?: number): Refused {
  return status === undefined ? { kind: 'refused', reason } : { kind: 'refused', reason, status }
}
