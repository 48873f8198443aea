/**
 * What may happen to a PDF after it was signed: a closed list, each with its words, and what a signature must permit for
 * it. Changes that alter what is seen or done are permitted by nothing (ISO 32000-2 §12.8.2.2; docs/protocol/pdf-signature.md).
 */
import { type Evidence, type Reason, reason } from '../reason.ts'
import type { PdfPermissions } from './signature-dictionary.ts'

/** What must be permitted for a change: */
type Needs =
  /** nothing: it changes neither what is seen nor what is entered; */
  | 'nothing'
  /** filling forms and signing; */
  | 'filling'
  /** showing something new in a place of its own, which a certified document does not allow; */
  | 'showing'
  /** annotating; */
  | 'annotating'
  /** or it cannot be permitted. */
  | 'impossible'

interface ChangeEntry {
  readonly needs: Needs
  /** Names in braces stand for what is in the evidence. */
  readonly ja: string
  readonly en: string
}

/** Code of a change; see `changeTable`. */
export type PdfChangeCode = keyof typeof changeTable

/** One thing that one revision changed. */
export interface PdfChange {
  readonly code: PdfChangeCode
  readonly ja: string
  readonly en: string
  readonly evidence: Evidence
  /** The revision that brought it, counted from 0. */
  readonly revision: number
}

/** A change, and whether a signature before it permits it. */
export interface JudgedPdfChange extends PdfChange {
  readonly isPermitted: boolean
}

/** Makes a change with its words. */
export function change(code: PdfChangeCode, revision: number, evidence: Evidence = {}): PdfChange {
  const { ja, en } = changeTable[code]
  return { code, ja: filled(ja, evidence), en: filled(en, evidence), evidence, revision }
}

function filled(words: string, evidence: Evidence): string {
  return words.replace(/\{(\w+)\}/g, (_, key: string) => {
    const found = evidence[key]
    return typeof found === 'string' || typeof found === 'number' ? `${found}` : ''
  })
}

/** Every change code there is. */
export function pdfChangeCodes(): readonly PdfChangeCode[] {
  return Object.keys(changeTable).filter(isChangeCode)
}

function isChangeCode(text: string): text is PdfChangeCode {
  return Object.hasOwn(changeTable, text)
}

/** Judges the changes after a signature by what it and those before it permit. */
export function judgeChanges(
  changes: readonly PdfChange[],
  permissions: PdfPermissions,
): readonly JudgedPdfChange[] {
  return changes.map(each => ({ ...each, isPermitted: isPermitted(each, permissions) }))
}

function isPermitted({ code, evidence }: PdfChange, { docMdp, locks }: PdfPermissions): boolean {
  const isMore = docMdp === undefined || docMdp >= 2
  switch (changeTable[code].needs) {
    case 'nothing':
      return true
    case 'filling':
      return isMore && !(evidence['isNewField'] !== true && isLocked(evidence['field'], locks))
    case 'showing':
      return docMdp === undefined || docMdp === 3
    case 'annotating':
      return docMdp === 3
    default:
      return false
  }
}

// A lock on a field locks those below it as well.
function isLocked(field: Evidence[string] | undefined, locks: PdfPermissions['locks']): boolean {
  if (typeof field !== 'string') return false
  return locks.some(({ action, fields }) => {
    const isNamed = fields.some(each => field === each || field.startsWith(`${each}.`))
    return action === 'all' || (action === 'include' ? isNamed : !isNamed)
  })
}

/** Why a signature is not accepted when something changed that it does not permit; undefined: nothing did. */
export function reasonOfChanges(
  judged: readonly JudgedPdfChange[],
  { docMdp, locks }: PdfPermissions,
): Reason | undefined {
  const refused = judged.filter(each => !each.isPermitted)
  if (refused.length === 0) return undefined
  const changes = [...new Set(refused.map(each => each.code))]
  const evidence = { changes, ...(docMdp === undefined ? {} : { docMdp }) }
  const isSaid =
    docMdp !== undefined || refused.some(each => isLocked(each.evidence['field'], locks))
  return reason(isSaid ? 'pdf-change-forbidden' : 'pdf-changed-after-signing', evidence)
}

const changeTable = {
  'validation-data-added': {
    needs: 'nothing',
    ja: '検証に用いる証明書または失効情報が追加されました。',
    en: 'Certificates or revocation evidence for validation were added.',
  },
  'validation-data-removed': {
    needs: 'nothing',
    ja: '検証に用いる証明書または失効情報の一部が取り除かれました。',
    en: 'Certificates or revocation evidence for validation were taken away.',
  },
  'document-time-stamp-added': {
    needs: 'nothing',
    ja: '文書タイムスタンプ（欄「{field}」）が追加されました。',
    en: 'A document time-stamp was added (field "{field}").',
  },
  'metadata-changed': {
    needs: 'nothing',
    ja: '文書の属性情報（{part}）が変更されました。',
    en: 'Information about the document ({part}) was changed.',
  },
  'extensions-changed': {
    needs: 'nothing',
    ja: '版または拡張機能の表示（{key}）が変更されました。',
    en: 'The version or extensions that the file names ({key}) were changed.',
  },
  'object-unreferenced': {
    needs: 'nothing',
    ja: 'どこからも使われていないオブジェクトが{count}個追加または変更されました。',
    en: '{count} objects that nothing uses were added or changed.',
  },
  'signature-added': {
    needs: 'filling',
    ja: '欄「{field}」に別の署名が追加されました。',
    en: 'Another signature was made in the field "{field}".',
  },
  'signature-field-added': {
    needs: 'filling',
    ja: '表示されない署名欄「{field}」が追加されました。',
    en: 'A signature field that is not shown was added ("{field}").',
  },
  'signature-field-shown': {
    needs: 'showing',
    ja: '表示される署名欄「{field}」が追加されました。内容が隠れていないか確認してください。',
    en: 'A signature field that is shown was added ("{field}"): it may cover what was there.',
  },
  'structure-extended': {
    needs: 'filling',
    ja: '入力欄のための文書構造が追加されました。',
    en: 'Structure for form fields was added.',
  },
  'form-filled': {
    needs: 'filling',
    ja: '入力欄「{field}」の値が変更されました。',
    en: 'The form field "{field}" was filled in or changed.',
  },
  'annotation-added': {
    needs: 'annotating',
    ja: '{page}ページに注釈（{subtype}）が追加されました。',
    en: 'An annotation ({subtype}) was added to page {page}.',
  },
  'annotation-changed': {
    needs: 'annotating',
    ja: '{page}ページの注釈（{subtype}）が変更されました。',
    en: 'An annotation ({subtype}) of page {page} was changed.',
  },
  'annotation-removed': {
    needs: 'annotating',
    ja: '{page}ページの注釈（{subtype}）が取り除かれました。',
    en: 'An annotation ({subtype}) of page {page} was taken away.',
  },
  'page-content-changed': {
    needs: 'impossible',
    ja: '{page}ページの本文が変更されました。',
    en: 'The content of page {page} was changed.',
  },
  'page-resources-changed': {
    needs: 'impossible',
    ja: '{page}ページで使われる画像などの部品（{key}）が変更されました。',
    en: 'Images or other parts that page {page} uses ({key}) were changed.',
  },
  'fonts-changed': {
    needs: 'impossible',
    ja: '{page}ページで使われる字体が変更されました。文字が別の文字に見えるおそれがあります。',
    en: 'Fonts that page {page} uses were changed: letters may look like others.',
  },
  'page-changed': {
    needs: 'impossible',
    ja: '{page}ページの設定（{key}）が変更されました。',
    en: 'A setting of page {page} ({key}) was changed.',
  },
  'pages-changed': {
    needs: 'impossible',
    ja: 'ページが追加、削除、または入れ替えられました（{before}ページから{after}ページへ）。',
    en: 'Pages were added, removed or exchanged (from {before} to {after}).',
  },
  'form-field-added': {
    needs: 'impossible',
    ja: '入力欄「{field}」が追加されました。',
    en: 'The form field "{field}" was added.',
  },
  'form-field-changed': {
    needs: 'impossible',
    ja: '入力欄「{field}」の設定（{key}）が変更されました。',
    en: 'A setting of the form field "{field}" ({key}) was changed.',
  },
  'form-field-removed': {
    needs: 'impossible',
    ja: '入力欄「{field}」が取り除かれました。',
    en: 'The form field "{field}" was taken away.',
  },
  'form-appearance-changed': {
    needs: 'impossible',
    ja: '入力欄「{field}」の見た目が、値の変更なしに変更されました。',
    en: 'What the form field "{field}" shows was changed, but not its value.',
  },
  'form-changed': {
    needs: 'impossible',
    ja: '入力様式全体の設定（{key}）が変更されました。',
    en: 'A setting of the whole form ({key}) was changed.',
  },
  'signature-altered': {
    needs: 'impossible',
    ja: '欄「{field}」の署名が書き換えられました。',
    en: 'The signature in the field "{field}" was altered.',
  },
  'signature-removed': {
    needs: 'impossible',
    ja: '欄「{field}」の署名が取り除かれました。',
    en: 'The signature in the field "{field}" was taken away.',
  },
  'signature-incomplete': {
    needs: 'impossible',
    ja: '欄「{field}」に、署名の形をしていないものが署名として置かれました。',
    en: 'Something that is no proper signature was put into the signature field "{field}".',
  },
  'permissions-changed': {
    needs: 'impossible',
    ja: '文書に許される変更の範囲が書き換えられました。',
    en: 'What may be changed in the document was itself changed.',
  },
  'actions-changed': {
    needs: 'impossible',
    ja: '開いたときや操作したときに行われる動作（{key}）が変更されました。',
    en: 'Actions that run when the document is opened or used ({key}) were changed.',
  },
  'javascript-changed': {
    needs: 'impossible',
    ja: '文書に組み込まれたスクリプトが変更されました。',
    en: 'Scripts in the document were changed.',
  },
  'attachments-changed': {
    needs: 'impossible',
    ja: '添付ファイルが変更されました。',
    en: 'Attached files were changed.',
  },
  'names-changed': {
    needs: 'impossible',
    ja: '文書内の名前の一覧（{key}）が変更されました。',
    en: 'A list of names in the document ({key}) was changed.',
  },
  'layers-changed': {
    needs: 'impossible',
    ja: '表示・非表示を切り替える層が変更されました。',
    en: 'Layers that can be shown or hidden were changed.',
  },
  'structure-changed': {
    needs: 'impossible',
    ja: '読み上げなどに使われる文書構造が変更されました。',
    en: 'The structure that is read aloud or copied was changed.',
  },
  'catalogue-changed': {
    needs: 'impossible',
    ja: '文書全体の設定（{key}）が変更されました。',
    en: 'A setting of the whole document ({key}) was changed.',
  },
  'object-revealed': {
    needs: 'impossible',
    ja: '署名の時点で隠されていた内容（{count}個）が使われるようになりました。',
    en: 'Content that was hidden in the signed document ({count} objects) came into use.',
  },
} as const satisfies Record<string, ChangeEntry>
