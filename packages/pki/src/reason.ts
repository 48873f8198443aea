/**
 * What a judgement says, and why.
 *
 * One closed list of reasons for the whole trust core. A reason that rejects says `failed`; a reason that means
 * "cannot be told with what was given" says `indeterminate`. Neither is ever treated as `passed`.
 */

/** A list that has at least one member. */
export type NonEmpty<T> = readonly [T, ...T[]]

/** Milliseconds since 1970-01-01T00:00:00Z. Always passed in; nothing here reads a clock. */
export type Instant = number

/** What verification can say. `indeterminate` is never treated as `passed`. */
export type Verdict<T> =
  | { readonly kind: 'passed'; readonly value: T }
  | { readonly kind: 'failed'; readonly reasons: NonEmpty<Reason> }
  | { readonly kind: 'indeterminate'; readonly reasons: NonEmpty<Reason> }

/** Facts that support a reason: names, times, numbers. Holds no serial number and no personal attribute. */
export type Evidence = Readonly<Record<string, string | number | boolean | readonly string[]>>

/** Why something was not accepted. `code` is stable; `ja` and `en` are for people. */
export interface Reason {
  readonly code: ReasonCode
  readonly ja: string
  readonly en: string
  readonly evidence: Evidence
}

interface ReasonEntry {
  /** How the verdict reads when this reason leads. */
  readonly says: 'failed' | 'indeterminate'
  /** Of several failed paths the one with the highest rank is reported. */
  readonly rank: number
  readonly ja: string
  readonly en: string
}

/** Code of a reason; see `reasonTable`. */
export type ReasonCode = keyof typeof reasonTable

/** Makes a reason with its texts and evidence. */
export function reason(code: ReasonCode, evidence: Evidence = {}): Reason {
  const entry: ReasonEntry = reasonTable[code]
  return { code, ja: entry.ja, en: entry.en, evidence }
}

/** The position of a reason in the order "how far did the examination get". */
export function rankOf(code: ReasonCode): number {
  return reasonTable[code].rank
}

/** Whether a reason by itself makes a verdict `failed` or `indeterminate`. */
export function sayingOf(code: ReasonCode): 'failed' | 'indeterminate' {
  return reasonTable[code].says
}

/** Every reason code there is, for documentation and for exhaustive tables elsewhere. */
export function reasonCodes(): readonly ReasonCode[] {
  return Object.keys(reasonTable).filter(isReasonCode)
}

/** Whether a string is a reason code. */
export function isReasonCode(text: string): text is ReasonCode {
  return Object.hasOwn(reasonTable, text)
}

/** A passed verdict. */
export function passed<T>(value: T): Verdict<T> {
  return { kind: 'passed', value }
}

/** The reasons, or one where there are none. */
export function nonEmpty(reasons: readonly Reason[], otherwise: Reason): NonEmpty<Reason> {
  const [first, ...rest] = reasons
  return first === undefined ? [otherwise] : [first, ...rest]
}

/**
 * The verdict that a list of reasons amounts to. One definite failure makes the whole `failed`; the highest-ranked
 * reason of that kind comes first.
 */
export function rejected(reasons: NonEmpty<Reason>): Verdict<never> {
  const failures = reasons.filter(each => sayingOf(each.code) === 'failed')
  const kind = failures.length > 0 ? 'failed' : 'indeterminate'
  const ordered = [...reasons].sort((a, b) => {
    const aLeads = sayingOf(a.code) === kind ? 1 : 0
    const bLeads = sayingOf(b.code) === kind ? 1 : 0
    return bLeads - aLeads || rankOf(b.code) - rankOf(a.code)
  })
  const [first, ...rest] = ordered
  if (first === undefined) throw new Error('a rejection needs a reason')
  return { kind, reasons: [first, ...rest] }
}

/** Shorthand for a rejection with a single reason. */
export function rejectedFor(code: ReasonCode, evidence: Evidence = {}): Verdict<never> {
  return rejected([reason(code, evidence)])
}

// Ranks: 10.. bytes, 20.. no path, 30.. wrong path, 40.. path found but a certificate of it does not serve,
// 50.. time, 60.. policy and purpose, 70.. revocation evidence, 80.. revoked, 85.. time-stamps, 89.. the
// container and the signature itself.
const reasonTable = {
  'certificate-malformed': {
    says: 'failed',
    rank: 10,
    ja: '電子証明書の形式が正しくありません。',
    en: 'The certificate is not well-formed.',
  },
  'search-budget-exhausted': {
    says: 'indeterminate',
    rank: 95,
    ja: '認証パスの探索が上限に達したため、判定できません。',
    en: 'The search for a certification path reached its limit.',
  },
  'issuer-unknown': {
    says: 'failed',
    rank: 20,
    ja: '信頼する認証局まで証明書をたどれません。',
    en: 'No certification path leads to a trust anchor.',
  },
  'certificate-signature-bad': {
    says: 'failed',
    rank: 30,
    ja: '電子証明書の署名が発行者の鍵と一致しません。',
    en: 'The certificate was not signed by the key of the issuer that it names.',
  },
  'algorithm-weak': {
    says: 'failed',
    rank: 31,
    ja: '安全性が不足する暗号方式が使われています。',
    en: 'An algorithm that is no longer safe was used.',
  },
  'algorithm-unsupported': {
    says: 'failed',
    rank: 31,
    ja: '対応していない暗号方式です。',
    en: 'The algorithm is not supported.',
  },
  'algorithm-outdated': {
    says: 'indeterminate',
    rank: 86,
    ja: '署名に使われた鍵の強度では、この時点の署名として認められません。',
    en: 'The key is too weak for a signature of that time.',
  },
  'key-unacceptable': {
    says: 'failed',
    rank: 32,
    ja: '公開鍵の種類または長さを受け入れられません。',
    en: 'The kind or length of the public key is not acceptable.',
  },
  'extension-critical-unknown': {
    says: 'failed',
    rank: 40,
    ja: '処理できない重要な拡張が含まれています。',
    en: 'A critical extension cannot be processed.',
  },
  'extension-misplaced': {
    says: 'failed',
    rank: 40,
    ja: '拡張の付け方が規格に反しています。',
    en: 'An extension breaks a rule about where or how it may stand.',
  },
  'serial-unacceptable': {
    says: 'failed',
    rank: 41,
    ja: '証明書のシリアル番号が規格に反しています。',
    en: 'The serial number breaks the rules of the profile.',
  },
  'issuer-not-authority': {
    says: 'failed',
    rank: 41,
    ja: '発行者の証明書は認証局のものではありません。',
    en: 'The certificate of an issuer is not that of a certification authority.',
  },
  'issuer-key-usage': {
    says: 'failed',
    rank: 42,
    ja: '発行者の鍵は証明書への署名に使えません。',
    en: 'The key of an issuer may not sign certificates.',
  },
  'path-too-long': {
    says: 'failed',
    rank: 43,
    ja: '認証パスが許された長さを超えています。',
    en: 'The certification path is longer than an authority in it allows.',
  },
  'name-not-permitted': {
    says: 'failed',
    rank: 44,
    ja: '名前が上位の認証局の許す範囲にありません。',
    en: 'A name lies outside what an authority above may issue.',
  },
  'name-excluded': {
    says: 'failed',
    rank: 44,
    ja: '名前が上位の認証局により除外されています。',
    en: 'A name is excluded by an authority above.',
  },
  'name-constraint-unsupported': {
    says: 'failed',
    rank: 44,
    ja: '処理できない名前制約があります。',
    en: 'A name constraint cannot be processed.',
  },
  'certificate-expired': {
    says: 'failed',
    rank: 50,
    ja: '電子証明書の有効期間が過ぎています。',
    en: 'The certificate has expired.',
  },
  'certificate-not-yet-valid': {
    says: 'failed',
    rank: 50,
    ja: '電子証明書の有効期間がまだ始まっていません。',
    en: 'The certificate is not valid yet.',
  },
  'policy-unacceptable': {
    says: 'failed',
    rank: 60,
    ja: '証明書ポリシーが受け入れ条件に合いません。',
    en: 'The certificate policies do not meet what is required.',
  },
  'key-usage-unacceptable': {
    says: 'failed',
    rank: 61,
    ja: '鍵の用途がこの利用に合いません。',
    en: 'The key usage does not allow this use.',
  },
  'extended-key-usage-unacceptable': {
    says: 'failed',
    rank: 61,
    ja: '拡張鍵用途がこの利用に合いません。',
    en: 'The extended key usage does not allow this use.',
  },
  'profile-unknown': {
    says: 'failed',
    rank: 62,
    ja: '公的個人認証サービスの電子証明書ではありません。',
    en: 'The certificate is not of the expected certificate profile.',
  },
  'wrong-purpose': {
    says: 'failed',
    rank: 63,
    ja: 'この用途には使えない種類の電子証明書です。',
    en: 'A certificate of this kind does not serve this purpose.',
  },
  'attributes-malformed': {
    says: 'failed',
    rank: 64,
    ja: '電子証明書の基本4情報を読み取れません。',
    en: 'The four attributes in the certificate cannot be read.',
  },
  'key-test-only': {
    says: 'failed',
    rank: 65,
    ja: '試験専用の鍵は本番では使えません。',
    en: 'A key of the public test pool is refused in production.',
  },
  'revocation-missing': {
    says: 'indeterminate',
    rank: 70,
    ja: '失効情報がないため、有効性を確認できません。',
    en: 'There is no revocation evidence that covers the certificate.',
  },
  'crl-malformed': {
    says: 'indeterminate',
    rank: 71,
    ja: '失効リストの形式が正しくありません。',
    en: 'The revocation list is not well-formed.',
  },
  'crl-other-issuer': {
    says: 'indeterminate',
    rank: 71,
    ja: '失効リストの発行者が証明書の発行者と異なります。',
    en: 'The revocation list is from another issuer.',
  },
  'crl-other-partition': {
    says: 'indeterminate',
    rank: 72,
    ja: '別の市区町村などの失効リストであり、この証明書を対象としません。',
    en: 'The revocation list covers another partition than that of the certificate.',
  },
  'crl-signature-bad': {
    says: 'indeterminate',
    rank: 73,
    ja: '失効リストの署名が正しくありません。',
    en: 'The signature of the revocation list is not that of the issuer.',
  },
  'crl-issuer-key-usage': {
    says: 'indeterminate',
    rank: 73,
    ja: '発行者の鍵は失効リストへの署名に使えません。',
    en: 'The key of the issuer may not sign revocation lists.',
  },
  'crl-extension-unknown': {
    says: 'indeterminate',
    rank: 74,
    ja: '失効リストに処理できない重要な拡張があります。',
    en: 'The revocation list holds a critical extension that cannot be processed.',
  },
  'crl-base-missing': {
    says: 'indeterminate',
    rank: 74,
    ja: '差分失効リストの基になる失効リストがありません。',
    en: 'The base list that a delta revocation list needs is missing.',
  },
  'crl-signer-untrusted': {
    says: 'indeterminate',
    rank: 73,
    ja: '失効リストに署名した者の電子証明書を信頼できません。',
    en: 'The certificate of the signer of the revocation list is not to be trusted.',
  },
  'crl-reasons-missing': {
    says: 'indeterminate',
    rank: 74,
    ja: '失効リストが一部の失効理由しか対象としていません。',
    en: 'The revocation lists do not cover all reasons together.',
  },
  'crl-not-yet-valid': {
    says: 'indeterminate',
    rank: 75,
    ja: '失効リストの発行時刻が判定時刻より後です。',
    en: 'The revocation list was issued after the time of judgement.',
  },
  'crl-stale': {
    says: 'indeterminate',
    rank: 76,
    ja: '失効リストの更新期限が過ぎています。',
    en: 'The revocation list is past its next update.',
  },
  'ocsp-malformed': {
    says: 'indeterminate',
    rank: 71,
    ja: 'OCSP応答の形式が正しくありません。',
    en: 'The OCSP response is not well-formed.',
  },
  'ocsp-unsuccessful': {
    says: 'indeterminate',
    rank: 71,
    ja: 'OCSPレスポンダが回答しませんでした。',
    en: 'The OCSP responder declined to answer.',
  },
  'ocsp-other-certificate': {
    says: 'indeterminate',
    rank: 72,
    ja: 'OCSP応答は別の証明書についてのものです。',
    en: 'The OCSP response is about another certificate.',
  },
  'ocsp-signature-bad': {
    says: 'indeterminate',
    rank: 73,
    ja: 'OCSP応答の署名が正しくありません。',
    en: 'The signature of the OCSP response is not that of the responder.',
  },
  'ocsp-responder-unauthorised': {
    says: 'indeterminate',
    rank: 74,
    ja: 'OCSPレスポンダはこの認証局から権限を与えられていません。',
    en: 'The OCSP responder is not authorised by the issuer.',
  },
  'ocsp-nonce-mismatch': {
    says: 'indeterminate',
    rank: 75,
    ja: 'OCSP応答のノンスが要求と一致しません。',
    en: 'The nonce of the OCSP response is not that of the request.',
  },
  'ocsp-extension-unknown': {
    says: 'indeterminate',
    rank: 75,
    ja: 'OCSP応答に処理できない重要な拡張があります。',
    en: 'The OCSP response holds a critical extension that cannot be processed.',
  },
  'ocsp-not-yet-valid': {
    says: 'indeterminate',
    rank: 76,
    ja: 'OCSP応答の時刻が判定時刻より後です。',
    en: 'The OCSP response speaks of a time after the time of judgement.',
  },
  'ocsp-stale': {
    says: 'indeterminate',
    rank: 76,
    ja: 'OCSP応答の有効期限が過ぎています。',
    en: 'The OCSP response is too old.',
  },
  'ocsp-unknown': {
    says: 'indeterminate',
    rank: 77,
    ja: 'OCSPレスポンダはこの証明書を知りません。',
    en: 'The OCSP responder does not know the certificate.',
  },
  'certificate-held': {
    says: 'failed',
    rank: 80,
    ja: '電子証明書は一時停止されています。',
    en: 'The certificate is on hold: not valid now.',
  },
  'certificate-revoked': {
    says: 'failed',
    rank: 81,
    ja: '電子証明書は失効しています。',
    en: 'The certificate is revoked.',
  },
  'signature-malformed': {
    says: 'failed',
    rank: 90,
    ja: '電子署名の形式が正しくありません。',
    en: 'The signature is not well-formed.',
  },
  'signature-bad': {
    says: 'failed',
    rank: 91,
    ja: '電子署名が文書と一致しません。文書が改変されたおそれがあります。',
    en: 'The signature does not fit the document: the document may have been altered.',
  },
  'pdf-malformed': {
    says: 'failed',
    rank: 90,
    ja: 'PDF文書の構造が正しくないか、読み手によって解釈が分かれます。',
    en: 'The structure of the PDF is not well-formed, or programs would read it differently.',
  },
  'pdf-encrypted': {
    says: 'indeterminate',
    rank: 90,
    ja: '暗号化されたPDF文書には対応していません。',
    en: 'Encrypted PDF documents are not supported.',
  },
  'pdf-unsigned': {
    says: 'failed',
    rank: 90,
    ja: 'PDF文書に署名が含まれていません。',
    en: 'The PDF holds no signature.',
  },
  'pdf-signature-incomplete': {
    says: 'failed',
    rank: 90,
    ja: 'PDF署名に必要な項目が欠けているか、正しくありません。',
    en: 'The signature in the PDF lacks an entry that it needs.',
  },
  'pdf-budget-exhausted': {
    says: 'indeterminate',
    rank: 95,
    ja: 'PDF文書の検証に要する処理が上限に達したため、判定できません。',
    en: 'The work that the PDF asks for reached its limit.',
  },
  'pdf-byte-range-invalid': {
    says: 'failed',
    rank: 92,
    ja: 'PDF署名の対象範囲が、署名値を除く文書全体になっていません。',
    en: 'The bytes that the signature covers are not the whole revision but for the signature itself.',
  },
  'pades-form-missing': {
    says: 'indeterminate',
    rank: 89,
    ja: 'PDF署名の形式がPAdESではありません。',
    en: 'The signature in the PDF is not of the PAdES form.',
  },
  'pdf-changed-after-signing': {
    says: 'failed',
    rank: 93,
    ja: '署名の後に文書の内容が変更されています。署名は現在表示される内容に対するものではありません。',
    en: 'The document was changed after it was signed: what is shown now is not what was signed.',
  },
  'pdf-change-forbidden': {
    says: 'failed',
    rank: 93,
    ja: '署名の後に、署名が禁じている変更が加えられています。',
    en: 'The document was changed after it was signed in a way that the signature forbids.',
  },
  'signer-certificate-missing': {
    says: 'indeterminate',
    rank: 15,
    ja: '署名者の電子証明書が見つかりません。',
    en: 'The certificate of the signer is not at hand.',
  },
  'time-stamp-missing': {
    says: 'indeterminate',
    rank: 85,
    ja: '署名に有効なタイムスタンプがありません。',
    en: 'The signature has no valid time-stamp.',
  },
  'time-stamp-in-future': {
    says: 'indeterminate',
    rank: 85,
    ja: 'タイムスタンプの時刻が判定時刻より後です。',
    en: 'The time-stamp tells a time after the time of judgement.',
  },
  'time-stamp-authority-unfit': {
    says: 'failed',
    rank: 86,
    ja: 'タイムスタンプの発行者の証明書は時刻証明専用のものではありません。',
    en: 'The certificate of the time-stamp authority is not one for time-stamping alone.',
  },
  'time-stamp-nonce-mismatch': {
    says: 'failed',
    rank: 86,
    ja: 'タイムスタンプのノンスが要求と一致しません。',
    en: 'The nonce of the time-stamp is not that of the request.',
  },
  'time-stamp-imprint-mismatch': {
    says: 'failed',
    rank: 87,
    ja: 'タイムスタンプは別のデータに対するものです。',
    en: 'The time-stamp is about other data.',
  },
  'time-stamp-malformed': {
    says: 'failed',
    rank: 88,
    ja: 'タイムスタンプの形式が正しくありません。',
    en: 'The time-stamp is not well-formed.',
  },
  'cades-certificate-unprotected': {
    says: 'indeterminate',
    rank: 89,
    ja: '署名者の電子証明書が署名によって特定されていません。',
    en: 'The signature does not bind the certificate of the signer.',
  },
  'cms-malformed': {
    says: 'failed',
    rank: 90,
    ja: '署名データの形式が正しくありません。',
    en: 'The container of the signature is not well-formed.',
  },
  'archive-index-mismatch': {
    says: 'failed',
    rank: 90,
    ja: '長期保管用タイムスタンプの対象の一覧が署名データの中身と一致しません。',
    en: 'The archive time-stamp covers parts that the container does not hold.',
  },
  'archive-time-stamp-missing': {
    says: 'indeterminate',
    rank: 85,
    ja: '長期保管用の有効なタイムスタンプがありません。',
    en: 'There is no valid archive time-stamp.',
  },
  'validation-data-missing': {
    says: 'indeterminate',
    rank: 85,
    ja: '長期検証に必要な証明書または失効情報が署名データに含まれていません。',
    en: 'The container lacks certificates or revocation evidence that later validation needs.',
  },
  'cms-unsigned': {
    says: 'failed',
    rank: 90,
    ja: '署名データに署名が含まれていません。',
    en: 'The container holds no signature.',
  },
  'cms-content-missing': {
    says: 'indeterminate',
    rank: 90,
    ja: '署名された文書がないため、判定できません。',
    en: 'The signed document is not at hand.',
  },
  'signed-attributes-invalid': {
    says: 'failed',
    rank: 92,
    ja: '署名属性が規格に反しています。',
    en: 'The signed attributes break the rules of the format.',
  },
  'content-type-mismatch': {
    says: 'failed',
    rank: 92,
    ja: '署名属性の内容の種類が文書の種類と異なります。',
    en: 'The signed attributes name another type of content.',
  },
  'digest-algorithm-mismatch': {
    says: 'failed',
    rank: 92,
    ja: 'ハッシュ方式と署名方式が一致しません。',
    en: 'The digest algorithm is not that of the signature.',
  },
  'content-altered': {
    says: 'failed',
    rank: 93,
    ja: '文書が署名されたものと異なります。改変されたおそれがあります。',
    en: 'The document is not the one that was signed: it may have been altered.',
  },
  'signer-certificate-mismatch': {
    says: 'failed',
    rank: 94,
    ja: '署名が特定する電子証明書と異なる電子証明書です。',
    en: 'The certificate is not the one that the signature binds.',
  },
  'xml-malformed': {
    says: 'failed',
    rank: 90,
    ja: 'XML文書の形式が正しくありません。',
    en: 'The XML document is not well-formed.',
  },
  'xml-document-type-refused': {
    says: 'failed',
    rank: 90,
    ja: '文書型宣言（DOCTYPE）を含むXML文書は受け付けません。',
    en: 'An XML document with a document type declaration is refused.',
  },
  'xml-encoding-unsupported': {
    says: 'indeterminate',
    rank: 90,
    ja: 'XML文書の文字符号化方式または版に対応していません。',
    en: 'The encoding or version of the XML document is not supported.',
  },
  'xml-budget-exhausted': {
    says: 'indeterminate',
    rank: 95,
    ja: 'XML文書の検証に要する処理が上限に達したため、判定できません。',
    en: 'The work that the XML document asks for reached its limit.',
  },
  'xml-unsigned': {
    says: 'failed',
    rank: 90,
    ja: 'XML文書に署名が含まれていません。',
    en: 'The XML document holds no signature.',
  },
  'xml-signature-malformed': {
    says: 'failed',
    rank: 90,
    ja: 'XML署名の形式が正しくありません。',
    en: 'The XML signature is not well-formed.',
  },
  'xml-reference-refused': {
    says: 'indeterminate',
    rank: 91,
    ja: 'XML署名の参照の形式に対応していません。',
    en: 'A reference of the XML signature has a form that is not supported.',
  },
  'xml-reference-unresolved': {
    says: 'failed',
    rank: 91,
    ja: 'XML署名が参照する要素が文書にありません。',
    en: 'An element that the XML signature refers to is not in the document.',
  },
  'xml-reference-ambiguous': {
    says: 'failed',
    rank: 92,
    ja: 'XML署名が参照する識別子が文書に複数あり、署名対象を特定できません。',
    en: 'An identifier that the XML signature refers to occurs more than once.',
  },
  'xml-transform-refused': {
    says: 'indeterminate',
    rank: 91,
    ja: 'XML署名の変換方式を受け付けません。',
    en: 'A transform of the XML signature is not accepted.',
  },
  'xml-content-missing': {
    says: 'indeterminate',
    rank: 90,
    ja: 'XML署名が参照するファイルがないため、判定できません。',
    en: 'A file that the XML signature refers to is not at hand.',
  },
  'xml-nothing-covered': {
    says: 'failed',
    rank: 92,
    ja: 'XML署名は文書の内容を何も対象としていません。',
    en: 'The XML signature covers no content.',
  },
  'xml-partly-covered': {
    says: 'failed',
    rank: 92,
    ja: 'XML署名は文書の一部だけを対象としています。',
    en: 'The XML signature covers only a part of the document.',
  },
  'xades-certificate-unprotected': {
    says: 'indeterminate',
    rank: 89,
    ja: '署名者の電子証明書がXML署名の署名対象に含まれていません。',
    en: 'The XML signature does not bind the certificate of the signer.',
  },
  'jws-malformed': {
    says: 'failed',
    rank: 90,
    ja: 'JSON署名（JWS）の形式が正しくありません。',
    en: 'The JSON Web Signature is not well-formed.',
  },
  'jws-header-invalid': {
    says: 'failed',
    rank: 92,
    ja: 'JSON署名のヘッダーが規格に反しています。',
    en: 'The header of the JSON Web Signature breaks the rules of the format.',
  },
  'jws-critical-unknown': {
    says: 'failed',
    rank: 92,
    ja: 'JSON署名のヘッダーに処理できない重要な項目があります。',
    en: 'The header of the JSON Web Signature names something critical that cannot be processed.',
  },
  'jws-mechanism-refused': {
    says: 'indeterminate',
    rank: 91,
    ja: 'JSON署名が署名対象を参照する方式に対応していません。',
    en: 'The way in which the JSON Web Signature refers to what it signs is not supported.',
  },
  'jws-content-missing': {
    says: 'indeterminate',
    rank: 90,
    ja: 'JSON署名の対象がないため、判定できません。',
    en: 'What the JSON Web Signature signs is not at hand.',
  },
  'jws-partly-covered': {
    says: 'failed',
    rank: 92,
    ja: 'JSON署名の対象でないファイルがあります。',
    en: 'A file is not covered by the JSON Web Signature.',
  },
  'jades-certificate-unprotected': {
    says: 'indeterminate',
    rank: 89,
    ja: '署名者の電子証明書がJSON署名の署名対象に含まれていません。',
    en: 'The JSON Web Signature does not bind the certificate of the signer.',
  },
  'asic-malformed': {
    says: 'failed',
    rank: 90,
    ja: '署名コンテナ（ASiC）の形式が正しくありません。',
    en: 'The signature container (ASiC) is not well-formed.',
  },
  'asic-kind-unsupported': {
    says: 'indeterminate',
    rank: 90,
    ja: '署名コンテナの種類に対応していません。',
    en: 'The kind of signature container is not supported.',
  },
  'asic-unsigned': {
    says: 'failed',
    rank: 90,
    ja: '署名コンテナに署名が含まれていません。',
    en: 'The signature container holds no signature.',
  },
  'asic-file-uncovered': {
    says: 'failed',
    rank: 92,
    ja: '署名コンテナに、どの署名の対象でもないファイルがあります。',
    en: 'The signature container holds a file that no signature covers.',
  },
} as const satisfies Record<string, ReasonEntry>
