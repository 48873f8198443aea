/**
 * Refusals: what a caller is told when a request cannot be served, as a closed list.
 *
 * A code is stable for ever: it is never renamed and never used again for another meaning. API answers
 * (`application/problem+json`, RFC 9457), logs and screens use the same code.
 */

/** Who can put the matter right. */
export type Actor = 'citizen' | 'provider' | 'municipality' | 'authority' | 'operator'

/** `never`: the same request will always be refused. `after-remedy`: once the actor has acted. `later`: by itself. */
export type Retry = 'never' | 'after-remedy' | 'later'

type Entry = {
  readonly status: number
  readonly actor: Actor
  readonly retry: Retry
  /** What happened, Japanese and English. */
  readonly ja: string
  readonly en: string
  /** What the actor does now, Japanese and English. */
  readonly remedyJa: string
  readonly remedyEn: string
}

const entry = (
  status: number,
  actor: Actor,
  retry: Retry,
  ja: string,
  remedyJa: string,
  en: string,
  remedyEn: string,
): Entry => ({ status, actor, retry, ja, en, remedyJa, remedyEn })

/** The closed list of refusals with HTTP status, actor, retry and texts. */
export const refusals = {
  // -- requests -------------------------------------------------------------------------------
  'request-malformed': entry(
    400,
    'provider',
    'never',
    '要求の形式が正しくありません。',
    '示された項目を仕様に合わせて送り直してください。',
    'The request does not have the required form.',
    'Correct the named fields and send it again.',
  ),
  'request-too-large': entry(
    413,
    'provider',
    'never',
    '送られたデータが大きすぎます。',
    '上限以下のデータを送ってください。',
    'The request is larger than the limit.',
    'Send no more than the documented limit.',
  ),
  'not-found': entry(
    404,
    'provider',
    'never',
    'お探しのページまたは資源はありません。',
    'アドレスを確かめてください。',
    'There is nothing at this address.',
    'Check the address.',
  ),
  'host-foreign': entry(
    421,
    'provider',
    'never',
    'このホスト名では応答しません。',
    '公開されているアドレスを使ってください。',
    'This server does not answer for that host name.',
    'Use the published address.',
  ),
  'internal-fault': entry(
    500,
    'operator',
    'later',
    'システムの内部で障害が起きました。手続は完了していません。',
    'しばらくしてからやり直してください。続く場合は運用者に連絡してください。',
    'An internal fault occurred. Nothing was completed.',
    'Try again later; if it persists, tell the operator.',
  ),
  'shutting-down': entry(
    503,
    'operator',
    'later',
    'システムを停止しています。',
    'しばらくしてからやり直してください。',
    'The system is shutting down.',
    'Try again in a moment.',
  ),
  'data-folder-in-use': entry(
    409,
    'operator',
    'after-remedy',
    'データフォルダーは別のプロセスが使用中です。',
    '先に動いているプロセスを止めるか、別のフォルダーを指定してください。',
    'Another process is using this data folder.',
    'Stop that process first, or name another folder.',
  ),
  'port-in-use': entry(
    409,
    'operator',
    'after-remedy',
    'このポートは別のプロセスが使用中です。',
    '先に動いているプロセスを止めるか、別のポートを指定してください。',
    'Another process is using this port.',
    'Stop that process first, or name another port.',
  ),
  'data-folder-foreign': entry(
    409,
    'operator',
    'after-remedy',
    'このフォルダーには町のデータ以外のものが入っているか、町がありません。何も変更していません。',
    '空のフォルダーか、町のデータフォルダーを指定してください。',
    'This folder holds something else than a town, or no town at all. Nothing was changed.',
    'Name an empty folder or the data folder of a town.',
  ),
  'program-absent': entry(
    503,
    'operator',
    'after-remedy',
    'このデータフォルダーで動いているプログラムがありません。',
    '先にプログラムを起動するか、動いているプログラムのデータフォルダーを指定してください。',
    'No program is running on this data folder.',
    'Start the program first, or name the data folder of the one that runs.',
  ),
  'file-unreadable': entry(
    400,
    'operator',
    'after-remedy',
    'ファイルを読み取れないか、内容の形式が正しくありません。',
    'ファイルの場所、権限と内容を確かめてください。',
    'The file cannot be read, or its content does not have the required form.',
    'Check where the file is, who may read it and what it holds.',
  ),
  'configuration-unsafe': entry(
    500,
    'operator',
    'after-remedy',
    '設定が安全でないため起動しません。',
    '示された設定を直してください。',
    'The configuration is unsafe; the program does not start.',
    'Correct the named setting.',
  ),
  'idempotency-conflict': entry(
    409,
    'provider',
    'never',
    '同じ冪等キーで内容の異なる要求が送られました。',
    '新しい冪等キーを使ってください。',
    'The idempotency key was used before with another content.',
    'Use a new key for a new request.',
  ),
  // -- card and reader ------------------------------------------------------------------------
  'card-absent': entry(
    409,
    'citizen',
    'after-remedy',
    'カードが読み取れません。',
    'カードをカードリーダーに置き直してください。',
    'No card can be read.',
    'Place the card on the reader again.',
  ),
  'card-in-use': entry(
    409,
    'citizen',
    'after-remedy',
    'カードは別のリーダーで使用中です。',
    '先にそのリーダーからカードを外してください。',
    'The card is in another reader.',
    'Take it out of that reader first.',
  ),
  'card-fault': entry(
    502,
    'municipality',
    'after-remedy',
    'カードが想定外の応答をしました。',
    'やり直しても続く場合は、市区町村の窓口で確認してください。',
    'The card gave an unexpected answer.',
    'If it happens again, have the card checked at the municipal window.',
  ),
  'reader-absent': entry(
    409,
    'citizen',
    'after-remedy',
    'カードリーダーにつながりません。',
    'リーダーのプログラムを起動し、ブラウザーの許可を確かめてください。',
    'No card reader can be reached.',
    'Start the reader program and check the permission in the browser.',
  ),
  'ceremony-cancelled': entry(
    409,
    'citizen',
    'after-remedy',
    'カードの操作が取り消されました。',
    '続けるにはもう一度カードの操作をしてください。',
    'The card step was cancelled.',
    'Start the card step again to continue.',
  ),
  'ceremony-malformed': entry(
    400,
    'provider',
    'never',
    'リーダーからの応答の形式が正しくありません。',
    '対応しているリーダーを使ってください。',
    'The answer of the reader does not have the required form.',
    'Use a reader that speaks this protocol.',
  ),
  'pin-wrong': entry(
    401,
    'citizen',
    'after-remedy',
    '暗証番号が違います。',
    '残り回数を確かめて、正しい暗証番号を入力してください。',
    'The PIN is wrong.',
    'Check the remaining tries and enter the right PIN.',
  ),
  'pin-malformed': entry(
    400,
    'citizen',
    'after-remedy',
    '暗証番号の桁数または文字が正しくありません。回数は減っていません。',
    '利用者証明用は数字4桁、署名用は英数字6〜16文字で入力してください。',
    'The PIN does not have the right length or characters. No try was used.',
    'Enter 4 digits for authentication, 6 to 16 letters and digits for signing.',
  ),
  'pin-locked': entry(
    423,
    'municipality',
    'after-remedy',
    '暗証番号がロックされています。',
    '市区町村の窓口で初期化を受けてください。',
    'The PIN is locked.',
    'Have it reset at the municipal window.',
  ),
  'signature-certificate-absent': entry(
    409,
    'municipality',
    'after-remedy',
    'このカードには署名用電子証明書がありません。',
    '市区町村の窓口で発行を受けるか、別の方法を選んでください。',
    'This card holds no signature certificate.',
    'Have one issued at the municipal window, or choose another way.',
  ),
  // -- ceremony -------------------------------------------------------------------------------
  'challenge-unknown': entry(
    400,
    'citizen',
    'after-remedy',
    '発行した覚えのない認証要求です。',
    '最初の画面からやり直してください。',
    'This challenge was never issued here.',
    'Begin again from the first page.',
  ),
  'challenge-expired': entry(
    400,
    'citizen',
    'after-remedy',
    '操作の制限時間を過ぎました。',
    '最初の画面からやり直してください。',
    'The time for this step has run out.',
    'Begin again from the first page.',
  ),
  'challenge-replayed': entry(
    409,
    'citizen',
    'after-remedy',
    'この認証はすでに使われています。',
    '最初の画面からやり直してください。',
    'This challenge has been used already.',
    'Begin again from the first page.',
  ),
  'challenge-limit': entry(
    429,
    'citizen',
    'after-remedy',
    'カードの操作のやり直しが多すぎます。',
    'サービスの画面に戻り、はじめからやり直してください。',
    'The card step was begun too many times.',
    'Go back to the service and begin again.',
  ),
  'origin-foreign': entry(
    403,
    'citizen',
    'never',
    '別のサイトのために作られた認証です。',
    'アドレスを確かめ、正しいサイトからやり直してください。',
    'This was made for another web site.',
    'Check the address and begin again at the right site.',
  ),
  'session-foreign': entry(
    403,
    'citizen',
    'after-remedy',
    'この手続は別のブラウザーで始められました。',
    '始めたブラウザーで続けるか、最初からやり直してください。',
    'This step was begun in another browser.',
    'Continue in that browser, or begin again.',
  ),
  'interaction-unknown': entry(
    404,
    'citizen',
    'after-remedy',
    'この手続は見つからないか、期限が切れています。',
    'サービスの画面からやり直してください。',
    'This interaction is unknown or has ended.',
    'Begin again at the service.',
  ),
  // -- certificates ---------------------------------------------------------------------------
  'certificate-malformed': entry(
    400,
    'citizen',
    'never',
    '電子証明書の形式が正しくありません。',
    'マイナンバーカードの電子証明書を使ってください。',
    'The certificate does not have the required form.',
    'Use a certificate of a My Number card.',
  ),
  'certificate-not-for-signing': entry(
    403,
    'citizen',
    'after-remedy',
    '利用者証明用電子証明書では、文書に署名できません。',
    '署名用電子証明書で署名してください。',
    'The authentication certificate cannot sign documents.',
    'Sign with the signature certificate.',
  ),
  'certificate-not-for-login': entry(
    403,
    'citizen',
    'after-remedy',
    '署名用電子証明書では、ログインできません。',
    '利用者証明用電子証明書でログインしてください。',
    'The signature certificate cannot log in.',
    'Log in with the authentication certificate.',
  ),
  'certificate-untrusted': entry(
    403,
    'citizen',
    'never',
    '信頼する認証局が発行した電子証明書ではありません。',
    'マイナンバーカードの電子証明書を使ってください。',
    'The certificate was not issued by a trusted authority.',
    'Use a certificate of a My Number card.',
  ),
  'certificate-expired': entry(
    403,
    'municipality',
    'after-remedy',
    '電子証明書の有効期限が切れています。',
    '市区町村の窓口で更新してください。',
    'The certificate has expired.',
    'Have it renewed at the municipal window.',
  ),
  'certificate-not-yet-valid': entry(
    403,
    'citizen',
    'later',
    '電子証明書の有効期間がまだ始まっていません。',
    '有効期間が始まってからやり直してください。',
    'The certificate is not valid yet.',
    'Try again once its validity has begun.',
  ),
  'certificate-revoked': entry(
    403,
    'municipality',
    'after-remedy',
    '電子証明書は失効しています。',
    '市区町村の窓口で新しい電子証明書の発行を受けてください。',
    'The certificate is revoked.',
    'Have a new one issued at the municipal window.',
  ),
  'certificate-held': entry(
    403,
    'municipality',
    'after-remedy',
    '電子証明書は一時停止中です。',
    'カードが見つかったら、市区町村の窓口で一時停止の解除または再発行を受けてください。',
    'The certificate is suspended.',
    'When the card is found, have it released or reissued at the municipal window.',
  ),
  'signature-invalid': entry(
    400,
    'citizen',
    'after-remedy',
    '署名が文書と一致しません。文書または署名が変更されています。',
    '元の文書にもう一度署名してください。',
    'The signature does not match the document: one of them was altered.',
    'Sign the original document again.',
  ),
  'algorithm-weak': entry(
    400,
    'provider',
    'never',
    '受け付けない暗号方式です。',
    '仕様に示された方式を使ってください。',
    'The cryptographic algorithm is not accepted.',
    'Use an algorithm named in the specification.',
  ),
  'revocation-stale': entry(
    503,
    'operator',
    'later',
    '失効情報が古いため、電子証明書の有効性を確認できません。',
    'しばらくしてからやり直してください。',
    'Revocation data is out of date, so validity cannot be confirmed.',
    'Try again later.',
  ),
  'revocation-unavailable': entry(
    503,
    'operator',
    'later',
    'この電子証明書の失効情報がないため、有効性を確認できません。',
    'しばらくしてからやり直してください。',
    'There is no usable revocation data for this certificate.',
    'Try again later.',
  ),
  'revocation-untrusted': entry(
    503,
    'authority',
    'later',
    '失効情報の真正性を確認できません。',
    'しばらくしてからやり直してください。',
    'The revocation data cannot be trusted.',
    'Try again later.',
  ),
  'revocation-wrong-partition': entry(
    503,
    'authority',
    'later',
    '届いた失効情報が、この電子証明書の市区町村のものではありません。',
    'しばらくしてからやり直してください。',
    'The revocation data that arrived is that of another municipality.',
    'Try again later.',
  ),
  // -- people, consent, signing ---------------------------------------------------------------
  'person-unknown': entry(
    403,
    'citizen',
    'after-remedy',
    'このカードの利用登録がありません。',
    'サービスの画面から、署名用電子証明書による登録をしてください。',
    'This card has not been registered here.',
    'Register with the signature certificate at the service.',
  ),
  'identity-conflict': entry(
    409,
    'operator',
    'after-remedy',
    'このカードの電子証明書は、別々の利用者として登録されています。何も変更していません。',
    '運用者に申し出て、登録の統合を受けてください。',
    'The certificates of this card belong to two registrations. Nothing was changed.',
    'Have the operator bring the registrations together.',
  ),
  'signer-is-another': entry(
    403,
    'citizen',
    'never',
    '署名した人が、本人確認を受けた人と違います。',
    '本人のカードで署名してください。',
    'The signer is not the person who was identified.',
    'Sign with the card of the identified person.',
  ),
  'consent-missing': entry(
    403,
    'citizen',
    'after-remedy',
    'この提供に対する本人の同意がありません。',
    '提供の内容を確かめて同意してください。',
    'The person has not consented to this.',
    'Read what would be released and consent.',
  ),
  'consent-refused': entry(
    403,
    'citizen',
    'after-remedy',
    '同意されませんでした。何も提供していません。',
    '続けるにはサービスの画面からやり直してください。',
    'Consent was refused. Nothing was released.',
    'Begin again at the service to continue.',
  ),
  'transaction-unknown': entry(
    404,
    'provider',
    'never',
    '署名の依頼が見つかりません。',
    '依頼の番号を確かめてください。',
    'There is no such signing transaction.',
    'Check its id.',
  ),
  'transaction-expired': entry(
    410,
    'provider',
    'after-remedy',
    '署名の依頼は期限が切れています。',
    '新しく依頼してください。',
    'The signing transaction has expired.',
    'Create a new one.',
  ),
  'transaction-finished': entry(
    409,
    'provider',
    'never',
    '署名の依頼はすでに終わっています。',
    '結果を取得してください。',
    'The signing transaction has ended already.',
    'Fetch its result.',
  ),
  // -- uploads --------------------------------------------------------------------------------
  'upload-unknown': entry(
    404,
    'provider',
    'never',
    'アップロードしたファイルがありません。期限が過ぎたか、削除されています。',
    '初めからアップロードしてください。',
    'There is no such upload: it expired or was removed.',
    'Upload the file again.',
  ),
  'upload-offset-wrong': entry(
    409,
    'provider',
    'after-remedy',
    '続きの位置が、届いているところと合いません。',
    '届いた位置を確かめて、そこから送ってください。',
    'The piece does not follow what has arrived.',
    'Ask how much has arrived and continue there.',
  ),
  'upload-incomplete': entry(
    409,
    'provider',
    'after-remedy',
    'アップロードが終わっていません。',
    '残りを送ってください。',
    'The upload is not complete.',
    'Send the rest.',
  ),
  'upload-limit': entry(
    429,
    'provider',
    'later',
    '同時にアップロードできる数または量を超えました。',
    '終わったものを削除するか、期限を待ってください。',
    'Too many uploads, or too much, at the same time.',
    'Remove finished ones, or wait until they expire.',
  ),
  'storage-full': entry(
    507,
    'operator',
    'later',
    '保存場所に空きがありません。届いた分は残っています。',
    '運用者に連絡してください。',
    'There is no space left. What has arrived is kept.',
    'Tell the operator.',
  ),
  // -- providers ------------------------------------------------------------------------------
  'provider-unknown': entry(
    401,
    'provider',
    'after-remedy',
    '登録されていないサービスです。',
    '運用者に登録を申し込んでください。',
    'This provider is not registered.',
    'Register with the operator.',
  ),
  'provider-suspended': entry(
    403,
    'operator',
    'after-remedy',
    'このサービスの利用は停止されています。',
    '運用者に問い合わせてください。',
    'This provider is suspended.',
    'Contact the operator.',
  ),
  'provider-unauthenticated': entry(
    401,
    'provider',
    'after-remedy',
    'サービスの認証に失敗しました。',
    '登録した鍵で署名したトークンを送ってください。',
    'The provider did not authenticate itself.',
    'Send a token obtained with the registered key.',
  ),
  'scope-exceeded': entry(
    403,
    'provider',
    'after-remedy',
    '契約で認められた範囲を超える要求です。',
    '範囲を減らすか、運用者に範囲の変更を申し込んでください。',
    'The request goes beyond what the contract allows.',
    'Ask for less, or apply to the operator for a wider scope.',
  ),
  'redirect-mismatch': entry(
    400,
    'provider',
    'never',
    '戻り先のアドレスが登録と一致しません。',
    '登録したアドレスを使ってください。',
    'The redirect address is not a registered one.',
    'Use a registered redirect address.',
  ),
  'pkce-missing': entry(
    400,
    'provider',
    'never',
    'PKCE(S256)が必要です。',
    'code_challenge を付けて要求してください。',
    'PKCE with S256 is required.',
    'Send a code_challenge.',
  ),
  'authorization-malformed': entry(
    400,
    'provider',
    'never',
    '認可要求の内容が正しくありません。',
    '仕様に合わせて要求を直してください。',
    'The authorization request is not acceptable.',
    'Correct the request as documented.',
  ),
  // -- platform and authority -----------------------------------------------------------------
  'platform-unreachable': entry(
    503,
    'operator',
    'later',
    '共通認証基盤につながらないため、手続を完了できません。',
    'しばらくしてから同じ手続をやり直してください。',
    'The authentication platform cannot be reached. Nothing was completed.',
    'Try the same step again later.',
  ),
  'authority-unreachable': entry(
    503,
    'operator',
    'later',
    '認証局につながらないため、確認を完了できません。何も登録していません。',
    'しばらくしてから同じ手続をやり直してください。料金は一度だけです。',
    'The authority cannot be reached. Nothing was registered.',
    'Try the same step again later; it is charged once.',
  ),
  'authority-refused': entry(
    502,
    'operator',
    'after-remedy',
    '認証局が照会を受け付けませんでした。',
    '運用者が認定と照会の内容を確かめてください。',
    'The authority refused the query.',
    'The operator checks accreditation and query.',
  ),
  'authority-answer-invalid': entry(
    502,
    'authority',
    'later',
    '認証局の回答の真正性を確認できません。',
    'しばらくしてからやり直してください。',
    'The answer of the authority cannot be trusted.',
    'Try again later.',
  ),
  'verifier-not-accredited': entry(
    403,
    'operator',
    'after-remedy',
    'この照会に必要な認定を受けていません。',
    '署名用と利用者証明用の認定を確かめてください。',
    'The verifier is not accredited for this query.',
    'Check the accreditation for signatures and for authentications.',
  ),
  'message-unsigned': entry(
    401,
    'operator',
    'never',
    '要求に有効な署名がありません。',
    '登録した鍵で RFC 9421 の署名を付けてください。',
    'The message carries no valid signature.',
    'Sign it with the registered key as in RFC 9421.',
  ),
  'message-replayed': entry(
    409,
    'operator',
    'never',
    '同じ要求がすでに受け付けられています。',
    '新しい要求として署名し直してください。',
    'This message was received before.',
    'Sign a new message.',
  ),
  'message-expired': entry(
    401,
    'operator',
    'after-remedy',
    '要求の署名時刻が許容範囲の外です。',
    '時計を合わせて送り直してください。',
    'The time of the message signature is outside the window.',
    'Set the clock and send it again.',
  ),
  'certificate-unknown': entry(
    404,
    'operator',
    'never',
    'この発行番号の電子証明書は発行していません。',
    '発行番号と発行者を確かめてください。',
    'No certificate with this serial was issued.',
    'Check serial and issuer.',
  ),
  // -- municipal window -----------------------------------------------------------------------
  'resident-unknown': entry(
    404,
    'municipality',
    'never',
    '該当する住民がいません。',
    '市区町村と氏名を確かめてください。',
    'There is no such resident.',
    'Check municipality and name.',
  ),
  'event-not-possible': entry(
    409,
    'municipality',
    'never',
    'この住民の現在の状態では、この届出を受け付けられません。',
    '住民の状態を確かめてください。',
    'This event is not possible in the present state of the resident.',
    'Check the state of the resident.',
  ),
  'card-not-issued': entry(
    409,
    'municipality',
    'after-remedy',
    'この住民にはカードが交付されていません。',
    '先にカードを交付してください。',
    'This resident has no card.',
    'Issue a card first.',
  ),
  'card-issued-already': entry(
    409,
    'municipality',
    'never',
    '有効なカードがすでに交付されています。',
    '再発行または更新を選んでください。',
    'A valid card has been issued already.',
    'Choose reissue or renewal.',
  ),
  'signature-certificate-not-allowed': entry(
    403,
    'municipality',
    'never',
    '15歳未満の方と成年被後見人には、原則として署名用電子証明書を発行しません。',
    '法定代理人と共に窓口で相談してください。',
    'Under-15s and adult wards are not issued a signature certificate by default.',
    'Consult the window together with the legal representative.',
  ),
  'pin-unsuitable': entry(
    400,
    'citizen',
    'after-remedy',
    '推測されやすい暗証番号は設定できません。',
    '生年月日やセキュリティコードと異なる番号にしてください。',
    'This PIN is too easy to guess.',
    'Choose one that is not your birth date or security code.',
  ),
  'clock-backward': entry(
    409,
    'operator',
    'never',
    '町の時計は進めることしかできません。',
    '現在より後の時刻を指定してください。',
    'The clock of the town can only be turned forward.',
    'Name a later time.',
  ),
} as const satisfies Record<string, Entry>

/** A stable refusal code. */
export type RefusalCode = keyof typeof refusals

/** Narrows a string to a known refusal code. */
export function isRefusalCode(value: string): value is RefusalCode {
  return Object.hasOwn(refusals, value)
}

/**
 * The caller asked for something that cannot be done. Thrown, and rendered in one place
 * (`runtime/http`); `fields` name what was wrong and never hold personal data.
 */
export class Refusal extends Error {
  readonly code: RefusalCode
  readonly fields: Readonly<Record<string, string | number>>

  constructor(code: RefusalCode, fields: Readonly<Record<string, string | number>> = {}) {
    super(`${code}: ${refusals[code].en}`)
    this.name = 'Refusal'
    this.code = code
    this.fields = fields
  }
}

/** `application/problem+json` (RFC 9457) with the members Sekisho adds. */
export type Problem = {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: RefusalCode
  readonly actor: Actor
  readonly retry: Retry
  readonly remedy: string
  readonly title_ja: string
  readonly remedy_ja: string
  readonly fields?: Readonly<Record<string, string | number>>
}

/** Renders a refusal as a problem document. */
export function problemOf(refusal: Refusal): Problem {
  const found = refusals[refusal.code]
  return {
    type: `urn:sekisho:refusal:${refusal.code}`,
    title: found.en,
    status: found.status,
    code: refusal.code,
    actor: found.actor,
    retry: found.retry,
    remedy: found.remedyEn,
    title_ja: found.ja,
    remedy_ja: found.remedyJa,
    ...(Object.keys(refusal.fields).length > 0 ? { fields: refusal.fields } : {}),
  }
}
