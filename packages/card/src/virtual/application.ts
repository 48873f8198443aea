/**
 * How the card answers each command (jpki.md §1.2–1.9). Where the real card's answer is not known, the choice is marked
 * "assumed" and listed in `docs/protocol/card-apdu.md`.
 */
import type { Command } from '../apdu.ts'
import { channelClass, openCommand, sealAnswer } from '../channel.ts'
import { fromHex } from '../free-plan.ts'
import { applicationIds } from '../jpki.ts'
import { parsePin, type SecretName, triesMax } from '../pin.ts'
import { statusWords } from '../status.ts'
import { composeTlv } from '../tlv.ts'
import { composeCardRecord } from '../token.ts'
import { bytesOf, textOf } from './base64.ts'
import { isEqual } from '../crypto.ts'
import { layouts } from './data-application.ts'
import {
  binary,
  freeRoom,
  install,
  listLoaded,
  proveOwner,
  record,
  remove,
  resetByOwner,
  setSessionKey,
} from './free-area.ts'
import { changeable } from './secret-slot.ts'
import {
  type ApplicationName,
  freshSession,
  type Inside,
  only,
  type Reply,
  type Session,
} from './session.ts'
import { computeSignature, internalAuthenticate } from './signature.ts'
import { type CardState, secretIn, withSecret } from './state.ts'
import { answerPinless, giveChallenge, proveTerminal, setPublicKey } from './terminal-proof.ts'
import { viewOf } from './view.ts'

/** Answers one command; the order of checks is class, instruction, then whatever the instruction demands. */
export function answerCommand(inside: Inside, session: Session, given: Command): Reply {
  if (given.cla === 0x80) return answerOwn(inside, session, given)
  if (given.cla === channelClass) return answerInChannel(inside, session, given)
  if (given.cla >= 0x01 && given.cla <= 0x03) return only(statusWords.channelUnsupported)
  if (given.cla >= 0x04 && given.cla <= 0x0f) return only(statusWords.secureMessagingUnsupported)
  if (given.cla !== 0x00) return only(statusWords.classUnknown)
  switch (given.ins) {
    case 0xa4:
      return select(inside, session, given)
    case 0xb0:
      return session.application === 'free'
        ? binary(inside, session, given, false)
        : readBinary(inside, session, given)
    case 0xb2:
      return session.application === 'free'
        ? record(inside, session, given)
        : readRecord(inside, session, given)
    case 0xdc:
    case 0xd6:
    case 0x2c:
      return answerLoaded(inside, session, given, false)
    case 0x20:
      return verify(inside, session, given)
    case 0x24:
      return changeReference(inside, session, given)
    case 0x82:
      return externalAuthenticate(inside, session, given)
    case 0x84:
      return giveChallenge(inside, session, given)
    case 0x88:
      return session.application === 'jpki' && given.p1 === 0x00 && given.p2 === 0x97
        ? answerPinless(inside, session, given)
        : internalAuthenticate(inside, session, given)
    case 0xca:
      return giveObject(inside, session, given)
    default:
      return only(statusWords.instructionUnknown)
  }
}

/** Commands of the card's own class. */
function answerOwn(inside: Inside, session: Session, given: Command): Reply {
  switch (given.ins) {
    case 0x2a:
      return computeSignature(inside, session, given)
    case 0xa2:
      return setPublicKey(inside, session, given)
    case 0xae:
      return setSessionKey(inside, session, given)
    case 0x32:
      return changeKey(inside, session, given)
    default:
      return only(statusWords.instructionUnknown)
  }
}

/** Commands that only loaded applications know. */
function answerLoaded(inside: Inside, session: Session, given: Command, isSecured: boolean): Reply {
  if (session.application !== 'free') return only(statusWords.instructionUnknown)
  if (given.ins === 0xdc) return record(inside, session, given)
  if (given.ins === 0x2c) return resetByOwner(inside, session, given, isSecured)
  return binary(inside, session, given, isSecured)
}

/** A command in the channel: its answer, whatever it is, goes back in the channel too. One that does not open ends it. */
function answerInChannel(inside: Inside, session: Session, given: Command): Reply {
  const { channel } = session
  if (channel === undefined) return only(statusWords.secureMessagingUnsupported)
  const opened = openCommand(channel, given)
  if (opened === undefined) {
    delete session.channel
    session.isOwner = false
    return only(statusWords.channelBroken)
  }
  const { change, settle, status, data } = answerSecured(inside, session, opened)
  const sealed = sealAnswer(channel, given, { status, data: data ?? new Uint8Array(0) })
  return {
    status: statusWords.ok,
    data: sealed,
    ...(change === undefined ? {} : { change }),
    ...(settle === undefined ? {} : { settle }),
  }
}

function answerSecured(inside: Inside, session: Session, given: Command): Reply {
  const isLoading = session.application === 'security-domain'
  switch (given.ins) {
    case 0xe6:
      return isLoading ? install(inside, given) : only(statusWords.instructionUnknown)
    case 0xe4:
      return isLoading ? remove(inside, given) : only(statusWords.instructionUnknown)
    case 0xf2:
      return isLoading ? listLoaded(inside) : only(statusWords.instructionUnknown)
    case 0x20:
      return verify(inside, session, given)
    case 0x24:
      return changeReference(inside, session, given)
    case 0xb0:
    case 0xd6:
    case 0x2c:
      return answerLoaded(inside, session, given, true)
    default:
      return only(statusWords.instructionUnknown)
  }
}

function externalAuthenticate(inside: Inside, session: Session, given: Command): Reply {
  if (given.p1 !== 0x00 || given.p2 !== 0x00) return only(statusWords.parametersWrong)
  return session.application === 'free'
    ? proveOwner(inside, session, given)
    : proveTerminal(session, given)
}

function select(inside: Inside, session: Session, given: Command): Reply {
  if (given.p2 !== 0x0c && given.p2 !== 0x00) return only(statusWords.parametersWrong)
  if (given.p1 === 0x04) return selectApplication(inside, given.data)
  if (given.p1 !== 0x02) return only(statusWords.parametersWrong)
  const [high, low] = given.data
  if (given.data.length !== 2 || high === undefined || low === undefined) {
    return only(statusWords.lengthWrong)
  }
  const file = (high << 8) | low
  if (!isPresent(inside.state, session, file)) return only(statusWords.fileAbsent)
  session.file = file
  return only(statusWords.ok)
}

/** The first application whose identifier begins with what was sent, as the real card does; all security state is lost. */
function selectApplication(inside: Inside, wanted: Uint8Array): Reply {
  if (wanted.length < applicationIdBytesMin) return only(statusWords.lengthWrong)
  const begins = (id: Uint8Array): boolean => isEqual(id.subarray(0, wanted.length), wanted)
  const found = applications.find(({ id, name }) => begins(id) && isInstalled(inside.state, name))
  const loaded = inside.state.free?.applications.find(one => begins(fromHex(one.aid)))
  if (found === undefined && loaded === undefined) return only(statusWords.fileAbsent)
  inside.session =
    found === undefined ? freshSession('free', loaded?.aid) : freshSession(found.name)
  return only(statusWords.ok)
}

function isInstalled(state: CardState, name: ApplicationName): boolean {
  return name === 'text' || name === 'face' || name === 'resident'
    ? state[name] !== undefined
    : true
}

function readBinary(inside: Inside, session: Session, given: Command): Reply {
  if (given.data.length > 0 || given.le === undefined) return only(statusWords.lengthWrong)
  let offset = ((given.p1 & 0x7f) << 8) | given.p2
  let { file } = session
  if (given.p1 >= 0x80) {
    if ((given.p1 & 0x60) !== 0) return only(statusWords.parametersWrong)
    file = given.p1 & 0x1f
    offset = given.p2
    if (!isPresent(inside.state, session, file)) return only(statusWords.fileAbsent)
    session.file = file
  }
  if (file === undefined) return only(statusWords.noCurrentFile)
  const view = viewOf(inside.state, session)
  const content = view?.contentOf(file)
  if (view === undefined || content === undefined) return only(statusWords.fileTypeWrong)
  const opens = view.opensTo(file)
  if (opens.length > 0 && !opens.some(name => session.verified.has(name))) {
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
  const target = referenced(inside.state, session, given.p2)
  if (typeof target === 'number') return only(target)
  const slot = target === 'blocked' ? undefined : secretIn(inside.state, target, session.aid)
  if (given.data.length === 0) return only(0x63c0 | (slot?.triesLeft ?? 0))
  if (given.data.length > secretBytesMax) return only(statusWords.lengthWrong)
  if (target === 'blocked') return only(statusWords.blocked)
  if (slot === undefined || slot.triesLeft === 0 || slot.secret === null) {
    session.verified.delete(target)
    return only(statusWords.blocked)
  }
  if (isEqual(asciiBytes(slot.secret), given.data)) {
    const settle = (): void => {
      session.verified.add(target)
    }
    if (slot.triesLeft === triesMax[target]) return { status: statusWords.ok, settle }
    const change = withSecret(inside.state, target, { triesLeft: triesMax[target] }, session.aid)
    return { status: statusWords.ok, change, settle }
  }
  session.verified.delete(target)
  const left = slot.triesLeft - 1
  const change = withSecret(inside.state, target, { triesLeft: left }, session.aid)
  return { status: 0x63c0 | left, change }
}

function changeReference(inside: Inside, session: Session, given: Command): Reply {
  if (given.p1 !== 0x01) return only(statusWords.parametersWrong)
  if (session.application === 'resident') return only(statusWords.instructionUnknown)
  return setSecret(inside, session, given)
}

/** The resident-registry application's own way to a new PIN (jpki.md §1.6). */
function changeKey(inside: Inside, session: Session, given: Command): Reply {
  const { application } = session
  const isOwn = application === 'resident' && layouts[application].hasOwnChange
  if (!isOwn) return only(statusWords.instructionUnknown)
  if (given.p1 !== 0x00) return only(statusWords.parametersWrong)
  return setSecret(inside, session, given)
}

function setSecret(inside: Inside, session: Session, given: Command): Reply {
  const target = referenced(inside.state, session, given.p2)
  if (typeof target === 'number') return only(target)
  if (target === 'blocked' || !changeable.has(target))
    return only(statusWords.conditionsUnsatisfied)
  if (!session.verified.has(target)) return only(statusWords.securityUnsatisfied)
  if (given.data.length === 0 || given.data.length > secretBytesMax)
    return only(statusWords.lengthWrong)
  const text = textOf(given.data)
  const lowered = target === 'signature' && text !== text.toUpperCase()
  if (lowered || parsePin(target, given.data).kind === 'refused') return only(statusWords.dataWrong)
  const change = withSecret(inside.state, target, { secret: text }, session.aid)
  return { status: statusWords.ok, change }
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
  const { chip, free } = inside.state
  if (tag === 0xff21 && free !== undefined)
    return { status: statusWords.ok, data: composeTlv(tag, freeRoom(free)) }
  if (tag === 0x7f21 && chip !== undefined)
    return { status: statusWords.ok, data: bytesOf(chip.certificate) }
  if (value === undefined) return only(statusWords.referenceAbsent)
  return { status: statusWords.ok, data: composeTlv(tag, value) }
}

/** The secret that P2 names: 80 = the current file, 80 + short identifier = that one; else the status word to answer. */
function referenced(
  state: CardState,
  session: Session,
  p2: number,
): SecretName | 'blocked' | number {
  const view = viewOf(state, session)
  if (view === undefined) return statusWords.referenceAbsent
  if (p2 < 0x80 || (p2 & 0x60) !== 0) return statusWords.parametersWrong
  const shortId = p2 & 0x1f
  if (shortId === 0 && session.file === undefined) return statusWords.noCurrentFile
  const file = shortId === 0 ? (session.file ?? 0) : shortId
  if (view.blocked.includes(file)) return 'blocked'
  const absent = shortId === 0 ? statusWords.fileTypeWrong : statusWords.referenceAbsent
  return view.secrets[file] ?? absent
}

function isPresent(state: CardState, session: Session, file: number): boolean {
  if (session.application === 'common') return file === 0x0001
  return viewOf(state, session)?.isPresent(file) ?? false
}

const asciiBytes = (text: string): Uint8Array => Uint8Array.from(text, c => c.charCodeAt(0))

/** In the order in which a truncated identifier is matched. */
const applications: readonly { readonly name: ApplicationName; readonly id: Uint8Array }[] = [
  { name: 'jpki', id: applicationIds.jpki },
  { name: 'common', id: applicationIds.common },
  { name: 'resident', id: applicationIds.resident },
  { name: 'face', id: applicationIds.face },
  { name: 'text', id: applicationIds.text },
  { name: 'security-domain', id: Uint8Array.of(0xa0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00) },
]

/** An identifier has at least the five bytes of a registered provider (ISO/IEC 7816-4 §12.2.3). */
const applicationIdBytesMin = 5
/** The signature password has at most 16 characters (jpki.md §1.5). */
const secretBytesMax = 16
/** ATR on contacts without its first byte (jpki.md §1.1). */
const contactAtrTail = Uint8Array.of(0xe0, 0x00, 0xff, 0x81, 0x31, 0xfe, 0x45, 0x14)
