/**
 * The text application 券面事項入力補助AP from the reader's side (jpki.md §1.3). Code A opens the my number, code B the attributes,
 * the PIN both: verify one of them with `verifyPin` after `selectText`.
 *
 * Not done: session keys for reading under encryption (SET SESSION KEY), which the card offers on a path that is not published
 * in full.
 */
import type { CvAnchor } from './cv-certificate.ts'
import type { Card } from './exchange.ts'
import type { GuardedNumber } from './guarded.ts'
import { applicationIds, readObject, selectApplication } from './jpki.ts'
import { done, type Outcome } from './reason.ts'
import {
  judgeIntegrity,
  myNumberFileBytes,
  parseAttributes,
  parseIntegrity,
  parseMyNumber,
  parseSigner,
  type TextAttributes,
  textFiles,
} from './text-record.ts'

/** Selects the text application, which forgets whatever was verified. Refuses with `application-absent`. */
export function selectText(card: Card): Promise<Outcome<undefined>> {
  return selectApplication(card, applicationIds.text, 'application-absent')
}

/**
 * The my number, after the PIN or code A. For those alone to whom the law gives it. `anchors` are the keys that sign the
 * certificates of record signers. Refuses with `pin-required`, `file-malformed`, `signer-unknown`, `record-altered`.
 */
export async function readMyNumber(
  card: Card,
  anchors: readonly CvAnchor[],
): Promise<Outcome<GuardedNumber>> {
  const file = await readObject(card, textFiles.myNumber, myNumberFileBytes)
  if (file.kind === 'refused') return file
  try {
    const judged = await judgeWith(card, anchors, { myNumberFile: file.value })
    return judged.kind === 'refused' ? judged : parseMyNumber(file.value)
  } finally {
    file.value.fill(0)
  }
}

/** The four attributes, after the PIN or code B. `anchors` and refusals as for the my number. */
export async function readTextAttributes(
  card: Card,
  anchors: readonly CvAnchor[],
): Promise<Outcome<TextAttributes>> {
  const file = await readObject(card, textFiles.attributes)
  if (file.kind === 'refused') return file
  const parsed = parseAttributes(file.value)
  if (parsed.kind === 'refused') return parsed
  const { attributes, hashed } = parsed.value
  const judged = await judgeWith(card, anchors, { attributesHashed: hashed })
  return judged.kind === 'refused' ? judged : done(attributes)
}

async function judgeWith(
  card: Card,
  anchors: readonly CvAnchor[],
  read: Parameters<typeof judgeIntegrity>[2],
): Promise<Outcome<undefined>> {
  const integrity = await readObject(card, textFiles.integrity)
  if (integrity.kind === 'refused') return integrity
  const certificate = await readObject(card, textFiles.certificate)
  if (certificate.kind === 'refused') return certificate
  const record = parseIntegrity(integrity.value)
  if (record.kind === 'refused') return record
  const signer = parseSigner(certificate.value, anchors)
  return signer.kind === 'refused' ? signer : judgeIntegrity(record.value, signer.value, read)
}
