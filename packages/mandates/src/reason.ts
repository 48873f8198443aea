/** What a judgement of authority finds, as a closed list; a code never changes meaning. */
import type { AuthorityFinding } from '@sekisho/contract'

type Entry = Pick<AuthorityFinding, 'question' | 'answer' | 'ja' | 'en'>

const entry = (
  question: Entry['question'],
  answer: Entry['answer'],
  ja: string,
  en: string,
): Entry => ({ question, answer, ja, en })

/** The findings, by the question of a receiver that they answer (flows.md §17). */
const findings = {
  'author-genuine': entry(
    'author',
    'yes',
    '文書は署名した人のもので、変更されていません。',
    'The document is by who signed it, and unaltered.',
  ),
  'author-unproven': entry(
    'author',
    'no',
    '署名を検証できません。',
    'The signature does not hold.',
  ),
  'author-undetermined': entry(
    'author',
    'unknown',
    '署名が有効かどうかを今は確認できません。',
    'It cannot be told now whether the signature holds.',
  ),
  'corporation-exists': entry(
    'corporation',
    'yes',
    '法人は登記されていて、閉鎖されていません。',
    'The corporation is registered and not closed.',
  ),
  'corporation-unknown': entry(
    'corporation',
    'no',
    'この法人番号の法人は登記されていません。',
    'No corporation is registered under this number.',
  ),
  'corporation-closed': entry(
    'corporation',
    'no',
    '法人の登記は、その時に閉鎖されていたか、まだありませんでした。',
    'At that time the corporation was closed, or not yet registered.',
  ),
  'register-unreachable': entry(
    'corporation',
    'unknown',
    '登記を今は確認できません。',
    'The register cannot be asked now.',
  ),
  'representative-in-office': entry(
    'representative',
    'yes',
    '代表者は、その時に在任していました。',
    'The representative was in office at that time.',
  ),
  'representative-left': entry(
    'representative',
    'no',
    '代表者は、その時に在任していませんでした。',
    'The representative was not in office at that time.',
  ),
  'authority-inherent': entry(
    'authority',
    'yes',
    '代表者本人の署名です。代表者はすべての行為ができます。',
    'The representative signed: they may do every act.',
  ),
  'act-covered': entry(
    'authority',
    'yes',
    '委任の範囲内の行為です。',
    'The act lies within the mandate.',
  ),
  'mandate-missing': entry(
    'authority',
    'no',
    '署名した人に、この法人からの委任はありません。',
    'Who signed has no mandate of this corporation.',
  ),
  'mandate-unproven': entry(
    'authority',
    'no',
    '添えられた委任状は、この法人の代表者が署名したものではありません。',
    'The mandate that came along was not signed by a representative of this corporation.',
  ),
  'delegate-is-another': entry(
    'authority',
    'no',
    '委任状は別の人に宛てたものです。',
    'The mandate is somebody else’s.',
  ),
  'act-not-covered': entry(
    'authority',
    'no',
    'この種類の行為は委任されていません。',
    'This kind of act is not in the mandate.',
  ),
  'amount-exceeded': entry(
    'authority',
    'no',
    '金額が委任の限度を超えています。',
    'The amount exceeds the mandate’s limit.',
  ),
  'amount-untold': entry(
    'authority',
    'no',
    '委任には金額の限度がありますが、金額が示されていません。',
    'The mandate limits the amount, and no amount was told.',
  ),
  'counterparty-not-covered': entry(
    'authority',
    'no',
    '委任は、この相手に対する行為を含みません。',
    'The mandate does not reach to this counterparty.',
  ),
  'mandate-not-begun': entry(
    'authority',
    'no',
    '委任は、その時にまだ始まっていませんでした。',
    'The mandate had not begun at that time.',
  ),
  'mandate-expired': entry(
    'authority',
    'no',
    '委任の期間は、その時に終わっていました。',
    'The mandate had run out at that time.',
  ),
  'mandate-ended': entry(
    'authority',
    'no',
    '委任は、その時に取り消されるなどして終わっていました。',
    'The mandate had been revoked or had ended otherwise at that time.',
  ),
  'mandate-not-accepted': entry(
    'authority',
    'no',
    '委任は、その時にまだ承諾されていませんでした。',
    'The mandate had not been accepted at that time.',
  ),
} as const satisfies Record<string, Entry>

/** A finding's code. */
export type FindingCode = keyof typeof findings

/** A finding with its texts. */
export function findingOf(code: FindingCode): AuthorityFinding {
  return { code, ...findings[code] }
}
