/**
 * How the card answers each command (jpki.md §1.2, §1.6, §1.7, §1.9), with its applications: the issuer security domain
 * (selected at power-up), the JPKI application and the common application.
 *
 * Not done: text, face and resident-registry applications, PIN-less release (0016), GET CHALLENGE, signature forms other
 * than P1 = 00. Where the real card's answer is not known, the choice is marked "assumed" and listed in
 * `docs/protocol/card-apdu.md`.
 */
import type { KeyObject } from 'node:crypto'
import type { Command } from '../apdu.ts'
import { applicationIds, jpkiFiles } from '../jpki.ts'
import { parsePin, type SecretKind, triesMax } from '../pin.ts'
import { statusWords } from '../status.ts'
import { composeTlv } from '../tlv.ts'
import { composeCardRecord, composeTokenInformation, tokenLabels } from '../token.ts'
import { isEqual, openKey, signRaw } from './crypto.ts'
import type { CardState, KeySlot } from './state.ts'

type ApplicationName = 'security-domain' | 'jpki' | 'common'

/** What is lost with power or with the selection of an application. */
export type Session = {
  application: ApplicationName
  file: number | undefined
  verified: { authentication: boolean; signature: boolean }
}

/** The inside of the chip: lasting state, session, opened keys. */
export type Inside = {
  state: CardState
  session: Session
  keys: { [kind in SecretKind]?: { readonly from: string; readonly key: KeyObject } }
}

/** An answer; `change` is the new lasting state to be written before it leaves, `settle` what happens once it is. */
export type Reply = {
  readonly status: number
  readonly data?: Uint8Array
  readonly change?: CardState
  readonly settle?: () => void
}

/** The state after power-up. */
export function freshSession(): Session {
  return {
    application: 'security-domain',
    file: undefined,
    verified: { authentication: false, signature: false },
  }
}

/** Answers one command; the order of checks is class, instruction, then whatever the instruction demands. */
export function answerCommand(inside: Inside, session: Session, given: Command): Reply {
  if (given.cla === 0x80) {
    if (given.ins !== 0x2a) return only(statusWords.instructionUnknown)
    return computeSignature(inside, session, given)
  }
  if (given.cla >= 0x01 && given.cla <= 0x03) return only(statusWords.channelUnsupported)
  if (given.cla >= 0x04 && given.cla <= 0x0f) return only(statusWords.secureMessagingUnsupported)
  if (given.cla !== 0x00) return only(statusWords.classUnknown)
  switch (given.ins) {
    case 0xa4:
      return select(inside, session, given)
    case 0xb0:
      return readBinary(inside, session, given)
    case 0xb2:
      return readRecord(inside, session, given)
    case 0x20:
      return verify(inside, session, given)
    case 0x24:
      return changeReference(inside, session, given)
    case 0xca:
      return giveObject(inside, session, given)
    default:
      return only(statusWords.instructionUnknown)
  }
}

function select(inside: Inside, session: Session, given: Command): Reply {
  if (given.p2 !== 0x0c && given.p2 !== 0x00) return only(statusWords.parametersWrong)
  if (given.p1 === 0x04) return selectApplication(session, given.data)
  if (given.p1 !== 0x02) return only(statusWords.parametersWrong)
  const [high, low] = given.data
  if (given.data.length !== 2 || high === undefined || low === undefined) {
    return only(statusWords.lengthWrong)
  }
  const file = (high << 8) | low
  if (!isPresent(inside.state, session.application, file)) return only(statusWords.fileAbsent)
  session.file = file
  return only(statusWords.ok)
}

/** The first application whose identifier begins with what was sent, as the real card does; all security state is lost. */
function selectApplication(session: Session, wanted: Uint8Array): Reply {
  if (wanted.length < applicationIdBytesMin) return only(statusWords.lengthWrong)
  const found = applications.find(({ id }) => isEqual(id.subarray(0, wanted.length), wanted))
  if (found === undefined) return only(statusWords.fileAbsent)
  Object.assign(session, freshSession(), { application: found.name })
  return only(statusWords.ok)
}

function readBinary(inside: Inside, session: Session, given: Command): Reply {
  if (given.data.length > 0 || given.le === undefined) return only(statusWords.lengthWrong)
  let offset = ((given.p1 & 0x7f) << 8) | given.p2
  let { file } = session
  if (given.p1 >= 0x80) {
    if ((given.p1 & 0x60) !== 0) return only(statusWords.parametersWrong)
    file = given.p1 & 0x1f
    offset = given.p2
    if (!isPresent(inside.state, session.application, file)) return only(statusWords.fileAbsent)
    session.file = file
  }
  if (file === undefined) return only(statusWords.noCurrentFile)
  if (session.application !== 'jpki') return only(statusWords.fileTypeWrong)
  const content = contentOf(inside.state, file)
  if (content === undefined) return only(statusWords.fileTypeWrong)
  if (file === jpkiFiles.signatureCertificate && !session.verified.signature) {
    return only(statusWords.securityUnsatisfied)
  }
  if (offset >= content.length) return only(statusWords.offsetBeyondEnd)
  const data = content.slice(offset, offset + given.le)
  const cut = data.length < given.le && given.le !== 256 && given.le !== 65536
  return { status: cut ? statusWords.endOfFile : statusWords.ok, data }
}

function readRecord(inside: Inside, session: Session, given: Command): Reply {
  if (session.application !== 'common') return only(statusWords.fileTypeWrong)
  const byShortId = given.p2 === 0x0c
  if (!byShortId && given.p2 !== 0x04) return only(statusWords.parametersWrong)
  if (!byShortId && session.file === undefined) return only(statusWords.noCurrentFile)
  session.file = 0x0001
  if (given.p1 !== 1) return only(statusWords.recordAbsent)
  return { status: statusWords.ok, data: composeCardRecord(inside.state) }
}

/** Without data: the tries left, always as 63Cx, using none up, verified or not (OpenSC relies on it). */
function verify(inside: Inside, session: Session, given: Command): Reply {
  if (given.p1 !== 0x00) return only(statusWords.parametersWrong)
  const target = referenced(session, given.p2, secretOfFile)
  if (typeof target === 'number') return only(target)
  const slot = inside.state[target]
  if (given.data.length === 0) return only(0x63c0 | slot.triesLeft)
  if (given.data.length > secretBytesMax) return only(statusWords.lengthWrong)
  if (slot.triesLeft === 0 || slot.secret === null) {
    session.verified[target] = false
    return only(statusWords.blocked)
  }
  if (isEqual(asciiBytes(slot.secret), given.data)) {
    const settle = (): void => {
      session.verified[target] = true
    }
    if (slot.triesLeft === triesMax[target]) return { status: statusWords.ok, settle }
    const change = withSlot(inside.state, target, { triesLeft: triesMax[target] })
    return { status: statusWords.ok, change, settle }
  }
  session.verified[target] = false
  const left = slot.triesLeft - 1
  return { status: 0x63c0 | left, change: withSlot(inside.state, target, { triesLeft: left }) }
}

function changeReference(inside: Inside, session: Session, given: Command): Reply {
  if (given.p1 !== 0x01) return only(statusWords.parametersWrong)
  const target = referenced(session, given.p2, secretOfFile)
  if (typeof target === 'number') return only(target)
  if (!session.verified[target]) return only(statusWords.securityUnsatisfied)
  const text = String.fromCharCode(...given.data)
  if (given.data.length === 0 || given.data.length > secretBytesMax)
    return only(statusWords.lengthWrong)
  const lowered = target === 'signature' && text !== text.toUpperCase()
  if (lowered || parsePin(target, given.data).kind === 'refused') return only(statusWords.dataWrong)
  return { status: statusWords.ok, change: withSlot(inside.state, target, { secret: text }) }
}

/** Signs 1 to 245 bytes as given: the card does not look whether they are a DigestInfo (jpki.md §1.6). */
function computeSignature(inside: Inside, session: Session, given: Command): Reply {
  if (given.p1 !== 0x00) return only(statusWords.parametersWrong)
  const target = referenced(session, given.p2, keyOfFile)
  if (typeof target === 'number') return only(target)
  const { privateKey } = inside.state[target]
  if (privateKey === null) return only(statusWords.referenceAbsent)
  if (!session.verified[target]) return only(statusWords.securityUnsatisfied)
  if (given.data.length === 0 || given.data.length > signedBytesMax)
    return only(statusWords.lengthWrong)
  try {
    const kept = inside.keys[target]
    const key = kept?.from === privateKey ? kept.key : openKey(fromBase64(privateKey))
    inside.keys[target] = { from: privateKey, key }
    return { status: statusWords.ok, data: signRaw(key, given.data) }
  } catch {
    // A card has no other way to say that its key is damaged.
    return only(statusWords.faultUnnamed)
  }
}

/** Data objects of the chip itself, seen before an application is selected. Their inner form is assumed: TLV with digits. */
function giveObject(inside: Inside, session: Session, given: Command): Reply {
  if (session.application !== 'security-domain') return only(statusWords.referenceAbsent)
  const tag = (given.p1 << 8) | given.p2
  const value = {
    0x45: asciiBytes(inside.state.serial),
    0xf0: asciiBytes(inside.state.municipality),
    0xf2: asciiBytes(inside.state.expires),
    0x5f51: contactAtrTail,
  }[tag]
  if (value === undefined) return only(statusWords.referenceAbsent)
  return { status: statusWords.ok, data: composeTlv(tag, value) }
}

/** The key or secret that P2 names: 80 = the current file, 80 + short identifier = that one; else the status word to answer. */
function referenced(
  session: Session,
  p2: number,
  kinds: Readonly<Record<number, SecretKind>>,
): SecretKind | number {
  if (session.application !== 'jpki') return statusWords.referenceAbsent
  if (p2 < 0x80 || (p2 & 0x60) !== 0) return statusWords.parametersWrong
  const shortId = p2 & 0x1f
  if (shortId !== 0) return kinds[shortId] ?? statusWords.referenceAbsent
  if (session.file === undefined) return statusWords.noCurrentFile
  return kinds[session.file] ?? statusWords.fileTypeWrong
}

function isPresent(state: CardState, application: ApplicationName, file: number): boolean {
  if (application === 'common') return file === 0x0001
  if (application !== 'jpki') return false
  if (file in secretOfFile) return true
  const kind = keyOfFile[file]
  if (kind !== undefined) return state[kind].privateKey !== null
  return contentOf(state, file) !== undefined
}

/** What READ BINARY can see. Keys and secrets have no content: there is no read path to them. */
function contentOf(state: CardState, file: number): Uint8Array | undefined {
  const der = (text: string | null): Uint8Array | undefined =>
    text === null ? undefined : fromBase64(text)
  switch (file) {
    case jpkiFiles.signatureCertificate:
      return der(state.signature.certificate)
    case jpkiFiles.signatureCaCertificate:
      return der(state.signature.caCertificate)
    case jpkiFiles.authenticationCertificate:
      return der(state.authentication.certificate)
    case jpkiFiles.authenticationCaCertificate:
      return der(state.authentication.caCertificate)
    case jpkiFiles.tokenInformation:
      return composeTokenInformation({
        label: tokenLabels.card,
        manufacturer: 'JPKI',
        model: 'SEKISHO VIRTUAL',
        serial: '0'.repeat(16),
      })
    case jpkiFiles.certificatesPresent:
      return Uint8Array.of(present(state.signature), present(state.authentication), 0x00)
    default:
      return undefined
  }
}

/** 8F for a certificate that is there (jpki.md §1.2); 00 otherwise and the order signature, authentication are assumed. */
const present = (slot: KeySlot): number => (slot.certificate === null ? 0x00 : 0x8f)

function withSlot(state: CardState, kind: SecretKind, change: Partial<KeySlot>): CardState {
  return { ...state, [kind]: { ...state[kind], ...change } }
}

const only = (status: number): Reply => ({ status })
const asciiBytes = (text: string): Uint8Array => Uint8Array.from(text, c => c.charCodeAt(0))
const fromBase64 = (text: string): Uint8Array => asciiBytes(atob(text))

const secretOfFile: Readonly<Record<number, SecretKind>> = {
  [jpkiFiles.authenticationPin]: 'authentication',
  [jpkiFiles.signaturePassword]: 'signature',
}

const keyOfFile: Readonly<Record<number, SecretKind>> = {
  [jpkiFiles.authenticationKey]: 'authentication',
  [jpkiFiles.signatureKey]: 'signature',
}

/** In the order in which a truncated identifier is matched. */
const applications: readonly { readonly name: ApplicationName; readonly id: Uint8Array }[] = [
  { name: 'jpki', id: applicationIds.jpki },
  { name: 'common', id: applicationIds.common },
  { name: 'security-domain', id: Uint8Array.of(0xa0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00) },
]

/** An identifier has at least the five bytes of a registered provider (ISO/IEC 7816-4 §12.2.3). */
const applicationIdBytesMin = 5
/** The signature password has at most 16 characters (jpki.md §1.5). */
const secretBytesMax = 16
/** 256 bytes of RSA-2048 less 11 of padding (RFC 8017 §9.2; jpki.md §1.6). */
const signedBytesMax = 245
/** ATR on contacts without its first byte (jpki.md §1.1). */
const contactAtrTail = Uint8Array.of(0xe0, 0x00, 0xff, 0x81, 0x31, 0xfe, 0x45, 0x14)
