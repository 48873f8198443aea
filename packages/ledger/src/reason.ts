/** Why a check of the log failed: the closed list, with its texts. */

/** What a check says. A reason carries its text beside the code. */
export type Verdict<T> =
  | { readonly kind: 'passed'; readonly value: T }
  | { readonly kind: 'failed'; readonly reason: Reason }

/** Why a check failed. */
export type Reason = { readonly code: ReasonCode; readonly ja: string; readonly en: string }

/** The closed list of reasons. */
export type ReasonCode = keyof typeof reasons

/** A failed check. */
export function failed(code: ReasonCode): { readonly kind: 'failed'; readonly reason: Reason } {
  return { kind: 'failed', reason: { code, ...reasons[code] } }
}

const reasons = {
  'checkpoint-malformed': {
    ja: 'チェックポイントの形式が正しくありません。',
    en: 'The checkpoint does not have the required form.',
  },
  'checkpoint-of-another-log': {
    ja: '別の台帳のチェックポイントです。',
    en: 'The checkpoint belongs to another log.',
  },
  'checkpoint-unsigned': {
    ja: 'チェックポイントにこの台帳の鍵による署名がありません。',
    en: 'The checkpoint carries no signature by the key of this log.',
  },
  'checkpoint-signature-invalid': {
    ja: 'チェックポイントの署名が正しくありません。',
    en: 'The signature on the checkpoint does not hold.',
  },
  'inclusion-wrong': {
    ja: 'この記録が台帳に含まれることを確認できません。',
    en: 'The proof does not show that the entry stands in the log.',
  },
  'consistency-wrong': {
    ja: '台帳の過去の記録が変更されていないことを確認できません。',
    en: 'The proof does not show that the later log continues the earlier one.',
  },
  'cosignature-invalid': {
    ja: '立会者の連署が正しくありません。',
    en: 'The cosignature of a witness does not hold.',
  },
  'cosignatures-missing': {
    ja: '必要な数の立会者の連署がありません。',
    en: 'The checkpoint does not carry the cosignatures of enough witnesses.',
  },
  'checkpoint-missing': {
    ja: 'チェックポイントがありません。',
    en: 'There is no checkpoint.',
  },
  'tile-missing': {
    ja: 'チェックポイントが示す大きさの台帳のタイルが欠けています。',
    en: 'A tile is missing that a log of the size in the checkpoint has.',
  },
  'tiles-wrong': {
    ja: '公開されたハッシュから、署名されたルートが得られません。',
    en: 'The published hashes do not give the root that was signed.',
  },
  'log-shortened': {
    ja: '台帳が以前に確認した大きさより短くなっています。',
    en: 'The log is shorter than it was when it was checked before.',
  },
  'kept-state-wrong': {
    ja: '保存してある前回の確認結果が、この台帳のものではないか、改変されています。',
    en: 'The result kept of the last check is not of this log, or was altered.',
  },
} as const
