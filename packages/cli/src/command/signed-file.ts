/** Signed files on the command line: which kind a file is, and its report for people. */
import { basename } from 'node:path'
import {
  type ByteSource,
  type CmsContent,
  contentOfSource,
  isSignedFileKind,
  type SignedFileDescription,
  type SignedFileKind,
  signedFileKindOf,
} from '@sekisho/pki'
import { Refusal } from '@sekisho/contract'
import { openPositionedFile, type PositionedFile } from '@sekisho/runtime/files'

/** The kind that was asked for, or what the first bytes tell. Refusal `request-malformed` for a kind that is none. */
export function kindOf(file: Uint8Array, asked: string | undefined): SignedFileKind {
  if (asked !== undefined) {
    if (isSignedFileKind(asked)) return asked
    throw new Refusal('request-malformed', { fields: 'kind' })
  }
  // A bare container may be in any armour: its own reader tells.
  return signedFileKindOf(file) ?? 'cms'
}

/** A file of any size, read in pieces. Dispose of it. Refusal `file-unreadable`. */
export function openSource(path: string): ByteSource & Disposable {
  let file: PositionedFile | undefined
  try {
    file = openPositionedFile(path)
  } catch {
    file = undefined
  }
  if (file === undefined) throw new Refusal('file-unreadable', { file: path })
  const opened = file
  return {
    length: opened.length,
    read: (offset, length) => opened.view(offset, length),
    [Symbol.dispose]: () => opened[Symbol.dispose](),
  }
}

/** Content beside a signature, under the names by which a document may refer to it. Refusal `file-unreadable`. */
export function readContents(paths: readonly string[]): {
  readonly content: CmsContent | undefined
  readonly files: ReadonlyMap<string, CmsContent>
} {
  const files = new Map<string, CmsContent>()
  for (const path of paths) {
    using source = openSource(path)
    const content = contentOfSource(source)
    files.set(path, content)
    files.set(basename(path), content)
  }
  return { content: [...files.values()][0], files }
}

/** The report for people, Japanese and English. */
export function reportForPeople(report: SignedFileDescription): string {
  const lines = [
    `結果 verdict      ${verdictWords[report.verdict]} (${indicationText(report)})`,
    `種類 kind         ${report.kind}`,
    ...(report.signatures.length === 0 ? reasonLines(report.reasons) : []),
    ...report.signatures.flatMap(signatureLines),
  ]
  return `${lines.join('\n')}\n`
}

/** Words for verdicts. */
export const verdictWords = {
  passed: '合格 PASSED',
  failed: '不合格 FAILED',
  indeterminate: '判断できません INDETERMINATE',
} as const

function signatureLines(
  signature: SignedFileDescription['signatures'][number],
  position: number,
): readonly string[] {
  return [
    '',
    `署名 signature    ${position + 1}: ${verdictWords[signature.verdict]} (${indicationText(signature)})`,
    ...reasonLines(signature.reasons),
    `水準 level        ${signature.level}`,
    `方式 algorithm    ${signature.algorithm ?? '–'}`,
    `署名者 signer     ${signature.signer === undefined ? '–' : `SHA-256 ${signature.signer}`}`,
    `主張時刻 claimed  ${signature.claimedAt ?? '–'}`,
    `証明時刻 proven   ${signature.provenAt ?? '–'}`,
    ...signature.covers.map(each => `署名対象 covers   ${each}`),
    ...signature.changes.map(
      each =>
        `後の変更 changed  ${each.isPermitted ? '可' : '不可'} ${each.code}: ${each.ja} ${each.en}`,
    ),
  ]
}

function reasonLines(reasons: SignedFileDescription['reasons']): readonly string[] {
  return reasons.map(one => `理由 reason       ${one.code}: ${one.ja} ${one.en}`)
}

function indicationText(
  given: Pick<SignedFileDescription, 'indication' | 'subIndication'>,
): string {
  return [given.indication, given.subIndication].filter(each => each !== undefined).join(', ')
}
