/**
 * The face application 券面事項確認AP from the reader's side (jpki.md §1.4). Code A opens front and back, code B the front, the birth
 * date a record of the birth date alone: verify one of them with `verifyPin` after `selectFace`.
 */
import type { PublicKey } from '@sekisho/pki'
import type { CvAnchor, CvCertificate } from './cv-certificate.ts'
import type { Card } from './exchange.ts'
import {
  faceFiles,
  type FaceRecord,
  judgeBirth,
  judgeFront,
  judgeMyNumberImage,
} from './face-record.ts'
import { applicationIds, readObject, selectApplication } from './jpki.ts'
import type { Outcome } from './reason.ts'
import { parseSigner } from './text-record.ts'

/** Selects the face application, which forgets whatever was verified. Refuses with `application-absent`. */
export function selectFace(card: Card): Promise<Outcome<undefined>> {
  return selectApplication(card, applicationIds.face, 'application-absent')
}

/**
 * The front, after code A or B, verified. `anchors` are the keys that sign the certificates of record signers. Whoever must know
 * that the card is no copy asks `proveChip` with `chipKey` besides. Refuses with `pin-required`, `file-malformed`,
 * `signer-unknown`, `record-altered`.
 */
export function readFront(card: Card, anchors: readonly CvAnchor[]): Promise<Outcome<FaceRecord>> {
  return readJudged(card, faceFiles.front, anchors, judgeFront)
}

/** The image of the my number, after code A. For those alone to whom the law gives the number. Refusals as for the front. */
export function readMyNumberImage(
  card: Card,
  anchors: readonly CvAnchor[],
): Promise<Outcome<{ readonly image: Uint8Array; readonly chipKey: PublicKey }>> {
  return readJudged(card, faceFiles.myNumberImage, anchors, judgeMyNumberImage)
}

/** The birth date, after the birth date as code: whether a date that was told is the card's. Refusals as for the front. */
export function readBirthDate(
  card: Card,
  anchors: readonly CvAnchor[],
): Promise<Outcome<{ readonly birthDate: string; readonly chipKey: PublicKey }>> {
  return readJudged(card, faceFiles.birth, anchors, judgeBirth)
}

async function readJudged<T>(
  card: Card,
  file: number,
  anchors: readonly CvAnchor[],
  judge: (bytes: Uint8Array, signer: CvCertificate) => Outcome<T>,
): Promise<Outcome<T>> {
  const content = await readObject(card, file)
  if (content.kind === 'refused') return content
  const certificate = await readObject(card, faceFiles.certificate)
  if (certificate.kind === 'refused') return certificate
  const signer = parseSigner(certificate.value, anchors)
  return signer.kind === 'refused' ? signer : judge(content.value, signer.value)
}
