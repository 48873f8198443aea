/**
 * The JPKI application 公的個人認証アプリケーション from the reader's side (jpki.md §1.1, §1.2, §1.6), and what all applications
 * share: selection, verification of a secret, reading.
 *
 * Not done: the newer signature forms P1 = 01 to 05, which a card may lack, and the phone applet's extra step.
 */
import { command, type Response } from './apdu.ts'
import { type Card, exchange } from './exchange.ts'
import type { Pin, SecretKind, SecretName } from './pin.ts'
import { type CardReason, done, type Outcome, type Refused, refused } from './reason.ts'
import { isBlocked, reasonOf, statusWords, triesOf } from './status.ts'
import { objectSize, sequenceSize } from './tlv.ts'

/**
 * Application identifiers, always sent in full: the card accepts a truncated one and then selects whichever
 * application matches first (jpki.md §1.1).
 */
export const applicationIds = {
  jpki: Uint8Array.of(0xd3, 0x92, 0xf0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01),
  common: Uint8Array.of(0xd3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x01, 0x00),
  text: Uint8Array.of(0xd3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x04, 0x08),
  face: Uint8Array.of(0xd3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x04, 0x02),
  resident: Uint8Array.of(0xd3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x04, 0x01),
} as const

/** File identifiers of the JPKI application (jpki.md §1.2). */
export const jpkiFiles = {
  signatureCertificate: 0x0001,
  signatureCaCertificate: 0x0002,
  tokenInformation: 0x0006,
  certificatesPresent: 0x0008,
  authenticationCertificate: 0x000a,
  authenticationCaCertificate: 0x000b,
  terminalKey: 0x0016,
  authenticationKey: 0x0017,
  authenticationPin: 0x0018,
  signatureKey: 0x001a,
  signaturePassword: 0x001b,
} as const

/** Bytes asked for at once: some readers carry no more than 231 (jpki.md §1.6). */
const blockBytes = 231
/** A certificate of the profile has some 1,700 bytes; four times that is certainly wrong. */
const certificateBytesMax = 8192

/** Tag of up to two bytes and length of up to three: no file of the card is shorter. */
const objectHeaderBytes = 5
/** What an offset of 15 bits reaches; the largest file, the face, has some 10 kB. */
const objectBytesMax = 32_767

/** Selects the JPKI application, which also forgets any verified PIN. Refuses with `card-foreign`. */
export async function selectJpki(card: Card): Promise<Outcome<undefined>> {
  return selectApplication(card, applicationIds.jpki)
}

/** Ends the verified state by selecting the application anew (jpki.md §1.7); the card stays in the reader. */
export async function logout(card: Card): Promise<Outcome<undefined>> {
  return selectJpki(card)
}

/**
 * Selects an application by its full identifier, which forgets whatever was verified. Refuses with `card-foreign` when the card
 * has none such; `absent` names another reason for that.
 */
export async function selectApplication(
  card: Card,
  applicationId: Uint8Array,
  absent: CardReason = 'card-foreign',
): Promise<Outcome<undefined>> {
  const answer = await exchange(card, command(0x00, 0xa4, 0x04, 0x0c, applicationId))
  if (answer.kind === 'refused') return answer
  const { status } = answer.value
  if (status === statusWords.ok) return done(undefined)
  return refused(reasonOf(status) === 'file-absent' ? absent : reasonOf(status), status)
}

/**
 * The tries left, by an empty VERIFY, which uses none up (jpki.md §1.6); 0 when blocked. A card that says 9000 (verified
 * already) or a bare 6300 states no number: `undefined`.
 */
export async function triesLeft(
  card: Card,
  kind: SecretName,
): Promise<Outcome<number | undefined>> {
  const selected = await selectFile(card, secretFile[kind])
  if (selected.kind === 'refused') return selected
  const answer = await exchange(card, command(0x00, 0x20, 0x00, 0x80))
  if (answer.kind === 'refused') return answer
  const { status } = answer.value
  if (isBlocked(status)) return done(0)
  if (status === statusWords.ok || status === statusWords.verifyFailed) return done(undefined)
  const left = triesOf(status)
  return left === undefined ? refused(reasonOf(status), status) : done(left)
}

/**
 * Verifies a PIN, password or code of the selected application. Refuses with `pin-wrong` / `password-wrong` / `code-wrong` and the
 * tries left, or `pin-locked` / `password-locked` / `code-locked`, also when this very attempt was the last. The Pin is not
 * disposed of: that is the caller's.
 */
export async function verifyPin(card: Card, pin: Pin): Promise<Outcome<undefined>> {
  const selected = await selectFile(card, secretFile[pin.kind])
  if (selected.kind === 'refused') return selected
  const answer = await pin.use(bytes => exchange(card, command(0x00, 0x20, 0x00, 0x80, bytes)))
  if (answer.kind === 'refused') return answer
  const { status } = answer.value
  if (status === statusWords.ok) return done(undefined)
  const left = triesOf(status)
  if (isBlocked(status) || left === 0)
    return { ...refused(`${wordOf(pin.kind)}-locked`, status), triesLeft: 0 }
  if (left !== undefined)
    return { ...refused(`${wordOf(pin.kind)}-wrong`, status), triesLeft: left }
  if (status === statusWords.verifyFailed) return refused(`${wordOf(pin.kind)}-wrong`, status)
  return refused(reasonOf(status), status)
}

/** Changes a PIN or password after `verifyPin` of the old one of the same kind. Refuses with `pin-required` before it. */
export async function changePin(card: Card, fresh: Pin): Promise<Outcome<undefined>> {
  const selected = await selectFile(card, secretFile[fresh.kind])
  if (selected.kind === 'refused') return selected
  const answer = await fresh.use(bytes => exchange(card, command(0x00, 0x24, 0x01, 0x80, bytes)))
  if (answer.kind === 'refused') return answer
  return settled(answer.value, () => undefined)
}

/** The authentication certificate 利用者証明用電子証明書 as DER; free to read on the plastic card. */
export async function readAuthenticationCertificate(card: Card): Promise<Outcome<Uint8Array>> {
  const read = await readSequence(card, jpkiFiles.authenticationCertificate)
  return absentMeans(read, 'authentication-certificate-absent')
}

/**
 * The signature certificate 署名用電子証明書 as DER. It holds the four attributes, so the card gives it only after the
 * signature password: refuses with `pin-required` before, `signature-certificate-absent` when there is none.
 */
export async function readSignatureCertificate(card: Card): Promise<Outcome<Uint8Array>> {
  const read = await readSequence(card, jpkiFiles.signatureCertificate)
  return absentMeans(read, 'signature-certificate-absent')
}

/** The CA certificate above the named key's certificate, as DER; free to read. */
export async function readCaCertificate(card: Card, key: SecretKind): Promise<Outcome<Uint8Array>> {
  return readSequence(
    card,
    key === 'authentication'
      ? jpkiFiles.authenticationCaCertificate
      : jpkiFiles.signatureCaCertificate,
  )
}

/**
 * Whether the card holds the certificate of the named key, asked without any PIN so that nobody types a password for
 * nothing: done, or refused with the `…-certificate-absent` reason.
 */
export async function checkCertificate(card: Card, key: SecretKind): Promise<Outcome<undefined>> {
  const file =
    key === 'authentication' ? jpkiFiles.authenticationCertificate : jpkiFiles.signatureCertificate
  const selected = await selectFile(card, file)
  return absentMeans(selected, `${key}-certificate-absent`)
}

/**
 * Signs a SHA-256 digest with the named key: the DigestInfo is built here, the card pads (PKCS#1 v1.5, RFC 8017 §9.2) and
 * signs. Needs `verifyPin` of the same kind in this selection of the application, else `pin-required`.
 *
 * @throws RangeError when the digest is not 32 bytes.
 */
export async function sign(
  card: Card,
  key: SecretKind,
  digest: Uint8Array,
): Promise<Outcome<Uint8Array>> {
  const info = digestInfo(digest)
  const file = key === 'authentication' ? jpkiFiles.authenticationKey : jpkiFiles.signatureKey
  const selected = await selectFile(card, file)
  if (selected.kind === 'refused') return absentMeans(selected, `${key}-certificate-absent`)
  const answer = await exchange(card, command(0x80, 0x2a, 0x00, 0x80, info, 256))
  if (answer.kind === 'refused') return answer
  const signature = settled(answer.value, data => data)
  if (signature.kind === 'done' && signature.value.length === 0) return refused('answer-malformed')
  return signature
}

/** The DER of DigestInfo for a SHA-256 digest (RFC 8017 §9.2 note 1). @throws RangeError when it is not 32 bytes. */
export function digestInfo(digest: Uint8Array): Uint8Array {
  if (digest.length !== 32) throw new RangeError('a SHA-256 digest has 32 bytes')
  return Uint8Array.from([...sha256Prefix, ...digest])
}

/** Selects a file under the current application. Refuses with `file-absent`. */
export async function selectFile(card: Card, file: number): Promise<Outcome<undefined>> {
  const id = Uint8Array.of(file >> 8, file & 255)
  const answer = await exchange(card, command(0x00, 0xa4, 0x02, 0x0c, id))
  if (answer.kind === 'refused') return answer
  return settled(answer.value, () => undefined)
}

/** Reads `size` bytes from the start of the selected file. Refuses with `file-malformed` when the file is shorter. */
export async function readSelected(card: Card, size: number): Promise<Outcome<Uint8Array>> {
  const whole = new Uint8Array(size)
  for (let at = 0; at < size; ) {
    const wanted = Math.min(blockBytes, size - at)
    const answer = await exchange(card, command(0x00, 0xb0, at >> 8, at & 255, undefined, wanted))
    if (answer.kind === 'refused') return answer
    const { data, status } = answer.value
    if (status === statusWords.offsetBeyondEnd) return refused('file-malformed', status)
    if (status !== statusWords.ok && status !== statusWords.endOfFile) {
      return refused(reasonOf(status), status)
    }
    if (data.length === 0 || data.length > wanted) return refused('file-malformed', status)
    whole.set(data, at)
    at += data.length
  }
  return done(whole)
}

/**
 * Reads a file that is one TLV object, without the fillers after it; with `size` exactly so many bytes. Refuses with
 * `pin-required`, `file-absent`, `file-malformed`.
 */
export async function readObject(
  card: Card,
  file: number,
  size?: number,
): Promise<Outcome<Uint8Array>> {
  const selected = await selectFile(card, file)
  if (selected.kind === 'refused') return selected
  if (size !== undefined) return readSelected(card, size)
  const header = await readSelected(card, objectHeaderBytes)
  if (header.kind === 'refused') return header
  const whole = objectSize(header.value)
  if (whole === undefined || whole > objectBytesMax) return refused('file-malformed')
  return readSelected(card, whole)
}

async function readSequence(card: Card, file: number): Promise<Outcome<Uint8Array>> {
  const selected = await selectFile(card, file)
  if (selected.kind === 'refused') return selected
  const header = await readSelected(card, 4)
  if (header.kind === 'refused') return header
  const size = sequenceSize(header.value)
  if (size === undefined || size > certificateBytesMax) return refused('file-malformed')
  return readSelected(card, size)
}

function settled<T>(response: Response, value: (data: Uint8Array) => T): Outcome<T> {
  return response.status === statusWords.ok
    ? done(value(response.data))
    : refused(reasonOf(response.status), response.status)
}

function absentMeans<T>(outcome: Outcome<T>, reason: CardReason): Outcome<T> | Refused {
  if (outcome.kind === 'done' || outcome.reason !== 'file-absent') return outcome
  return { ...outcome, reason }
}

/** Where a secret lies, in the application that it guards (jpki.md §1.2–1.5). That of a loaded application's PIN is ours. */
export const secretFile: Readonly<Record<SecretName, number>> = {
  authentication: jpkiFiles.authenticationPin,
  signature: jpkiFiles.signaturePassword,
  'text-pin': 0x0011,
  'text-code-a': 0x0014,
  'text-code-b': 0x0015,
  'face-birth': 0x0011,
  'face-code-a': 0x0013,
  'face-code-b': 0x0012,
  'resident-pin': 0x001c,
  'free-pin': 0x001f,
}

const wordOf = (kind: SecretName): 'pin' | 'password' | 'code' =>
  kind === 'signature' ? 'password' : /code|birth/.test(kind) ? 'code' : 'pin'

const sha256Prefix = [
  0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
  0x00, 0x04, 0x20,
]
