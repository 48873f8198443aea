/** What the card signs: documents and logins by the keys of the JPKI application, challenges by the chip's own key. */
import { chipStatement } from '../chip.ts'
import { digestInfo } from '../jpki.ts'
import type { Command } from '../apdu.ts'
import { statusWords } from '../status.ts'
import { sha256, signPss, signRaw } from '../crypto.ts'
import { type Inside, keyOf, only, type Reply, type Session } from './session.ts'
import { keyOfFile } from './view.ts'

/**
 * COMPUTE DIGITAL SIGNATURE in the forms of jpki.md §1.6. P1 = 00 signs 1 to 245 bytes as given: the card does not look whether
 * they are a DigestInfo. 01 to 05 hash, wrap or use PSS.
 */
export function computeSignature(inside: Inside, session: Session, given: Command): Reply {
  const form = forms[given.p1]
  if (form === undefined) return only(statusWords.parametersWrong)
  const target = keyReferenced(session, given.p2)
  if (typeof target === 'number') return only(target)
  const { privateKey } = inside.state[target]
  if (privateKey === null) return only(statusWords.referenceAbsent)
  if (!session.verified.has(target)) return only(statusWords.securityUnsatisfied)
  if (given.data.length < form.bytesMin || given.data.length > form.bytesMax)
    return only(statusWords.lengthWrong)
  try {
    const key = keyOf(inside, privateKey)
    if (form.isPss) {
      const hashed = form.hashes ? sha256(given.data) : given.data
      return { status: statusWords.ok, data: signPss(key, hashed) }
    }
    return { status: statusWords.ok, data: signRaw(key, form.block(given.data)) }
  } catch {
    // A card has no other way to say that its key is damaged.
    return only(statusWords.faultUnnamed)
  }
}

/**
 * INTERNAL AUTHENTICATE with the chip's key: shows without any PIN that the card is no copy (jpki.md §1.6). What is signed is
 * ours (`chipStatement`); the real form is not published.
 */
export function internalAuthenticate(inside: Inside, session: Session, given: Command): Reply {
  const { chip } = inside.state
  const isChipKey = given.p2 === 0x00 || (session.application === 'text' && given.p2 === 0x93)
  if (given.p1 !== 0x00 || !isChipKey) return only(statusWords.parametersWrong)
  if (chip === undefined || session.application === 'jpki') return only(statusWords.referenceAbsent)
  if (given.data.length !== challengeBytes) return only(statusWords.lengthWrong)
  try {
    const block = digestInfo(sha256(chipStatement(given.data)))
    return { status: statusWords.ok, data: signRaw(keyOf(inside, chip.privateKey), block) }
  } catch {
    return only(statusWords.faultUnnamed)
  }
}

/** Bytes of a challenge to the chip. */
const challengeBytes = 32

type Form = { readonly bytesMin: number; readonly bytesMax: number } & (
  | { readonly isPss: false; block(data: Uint8Array): Uint8Array }
  | { readonly isPss: true; readonly hashes: boolean }
)

/** 256 bytes of RSA-2048 less 11 of padding (RFC 8017 §9.2; jpki.md §1.6). */
const rawBytesMax = 245
/** Whatever one command carries. */
const hashedBytesMax = 65535

const forms: Readonly<Record<number, Form>> = {
  0x00: { bytesMin: 1, bytesMax: rawBytesMax, isPss: false, block: data => data },
  0x01: { bytesMin: 1, bytesMax: hashedBytesMax, isPss: false, block: data => sha256(data) },
  0x02: { bytesMin: 32, bytesMax: 32, isPss: false, block: data => digestInfo(data) },
  0x03: {
    bytesMin: 1,
    bytesMax: hashedBytesMax,
    isPss: false,
    block: data => digestInfo(sha256(data)),
  },
  0x04: { bytesMin: 32, bytesMax: 32, isPss: true, hashes: false },
  0x05: { bytesMin: 1, bytesMax: hashedBytesMax, isPss: true, hashes: true },
}

/** The key that P2 names: 80 = the current file, 80 + short identifier = that one; else the status word to answer. */
function keyReferenced(session: Session, p2: number): 'authentication' | 'signature' | number {
  if (session.application !== 'jpki') return statusWords.referenceAbsent
  if (p2 < 0x80 || (p2 & 0x60) !== 0) return statusWords.parametersWrong
  const shortId = p2 & 0x1f
  if (shortId !== 0) return keyOfFile[shortId] ?? statusWords.referenceAbsent
  if (session.file === undefined) return statusWords.noCurrentFile
  return keyOfFile[session.file] ?? statusWords.fileTypeWrong
}
