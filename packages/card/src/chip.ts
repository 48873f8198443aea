/**
 * The chip's own key: shows that a card is no copy (INTERNAL AUTHENTICATE, jpki.md §1.6) and carries session keys to it. Its CV
 * certificate is a data object of the issuer security domain.
 */
import {
  type CvAnchor,
  type CvCertificate,
  parseCvCertificate,
  verifiedBy,
} from './cv-certificate.ts'
import type { PublicKey } from '@sekisho/pki'
import { command } from './apdu.ts'
import { type Card, exchange } from './exchange.ts'
import { done, type Outcome, refused } from './reason.ts'
import { reasonOf, statusWords } from './status.ts'

/** What the chip signs for a challenge of 32 bytes: label, a zero byte, challenge. The label is used for nothing else. */
export function chipStatement(challenge: Uint8Array): Uint8Array {
  return Uint8Array.from([...label, 0x00, ...challenge])
}

const label = Array.from('sekisho-card-chip-v1', character => character.charCodeAt(0))

/**
 * The chip's CV certificate, by one of the anchors. The issuer security domain must be selected, as after power-up. Refuses with
 * `file-absent` on a card of before, `file-malformed`, `signer-unknown`, `record-altered`.
 */
export async function readChipCertificate(
  card: Card,
  anchors: readonly CvAnchor[],
): Promise<Outcome<CvCertificate>> {
  const answer = await exchange(card, command(0x00, 0xca, 0x7f, 0x21, undefined, 65536))
  if (answer.kind === 'refused') return answer
  const { data, status } = answer.value
  if (status !== statusWords.ok) return refused(reasonOf(status), status)
  const certificate = parseCvCertificate(data)
  return certificate === undefined ? refused('file-malformed') : verifiedBy(certificate, anchors)
}

/**
 * Asks the card to answer a fresh random challenge of 32 bytes with this key, under any application but JPKI.
 * Refuses with `card-cloned` when the answer does not fit.
 */
export async function proveChip(
  card: Card,
  key: PublicKey,
  challenge: Uint8Array,
): Promise<Outcome<undefined>> {
  const answer = await exchange(card, command(0x00, 0x88, 0x00, 0x00, challenge, 256))
  if (answer.kind === 'refused') return answer
  const { data, status } = answer.value
  if (status !== statusWords.ok) return refused(reasonOf(status), status)
  return key.verify('rsa-sha256', chipStatement(challenge), data)
    ? done(undefined)
    : refused('card-cloned')
}
