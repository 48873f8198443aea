/** The free area inside the card (`docs/protocol/free-area.md`): loading, and the loaded applications' own commands. */
import type { Command } from '../apdu.ts'
import { decryptOaep, deriveKey, hmac, isEqual, sha256 } from '../crypto.ts'
import { fromHex, freeTypes, parsePlan, roomOf } from '../free-plan.ts'
import { applicationIds } from '../jpki.ts'
import { ownerStatement, terminalRandomBytes } from '../owner-proof.ts'
import { parsePin } from '../pin.ts'
import { statusWords } from '../status.ts'
import { composeTlv, parseTlvs } from '../tlv.ts'
import { base64, bytesOf } from './base64.ts'
import { type FreeApplication, type FreeArea, loadedAs, usedRoom } from './free-state.ts'
import { secretSlot } from './secret-slot.ts'
import { type Inside, keyOf, only, type Reply, type Session } from './session.ts'
import { changeApplication } from './state.ts'

/**
 * SET SESSION KEY under the issuer security domain: a seed for the channel, encrypted to the chip's key (jpki.md §1.6 knows the
 * command from the text application). The channel opens when the terminal has proven itself over the hash of it.
 */
export function setSessionKey(inside: Inside, session: Session, given: Command): Reply {
  const { chip } = inside.state
  if (session.application !== 'security-domain' || chip === undefined)
    return only(statusWords.functionUnsupported)
  if (given.p1 !== 0x00 || given.p2 !== 0x00) return only(statusWords.parametersWrong)
  const [outer, ...more] = parseTlvs(given.data) ?? []
  const [part, ...parts] = outer?.tag === 0xa0 ? (parseTlvs(outer.value) ?? []) : []
  if (part?.tag !== 0x80 || more.length + parts.length > 0) return only(statusWords.dataWrong)
  let seed: Uint8Array | undefined
  try {
    seed = decryptOaep(keyOf(inside, chip.privateKey), part.value)
  } catch {
    return only(statusWords.faultUnnamed)
  }
  // A wrong one is told from a right one by the channel alone: the card is no oracle.
  session.seed = seed?.length === seedBytes ? seed : sha256(part.value, bytesOf(chip.privateKey))
  session.terminal.sessionKeyHash = sha256(part.value)
  return only(statusWords.ok)
}

const seedBytes = 32

/** Once a loading terminal is proven, the seed and the challenge it answered make the channel. */
export function openLoadingChannel(session: Session): void {
  const { seed } = session
  const { proven } = session.terminal
  delete session.seed
  if (seed === undefined || proven === undefined) return
  session.channel = { key: deriveKey(seed, proven, 'sekisho-card-loading-v1'), count: 0 }
}

/** INSTALL: the whole application in one command, or nothing of it. */
export function install(inside: Inside, given: Command): Reply {
  const { free } = inside.state
  if (free === undefined) return only(statusWords.functionUnsupported)
  const parsed = parsePlan(given.data)
  if (parsed === undefined) return only(statusWords.dataWrong)
  const { plan, ownerKey } = parsed
  const taken = [
    ...Object.values(applicationIds),
    Uint8Array.of(0xa0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00),
    ...free.applications.map(one => fromHex(one.aid)),
  ]
  // A truncated identifier selects, so that none may begin another.
  const aid = fromHex(plan.aid)
  const collides = taken.some(one => {
    const size = Math.min(one.length, aid.length)
    return isEqual(one.subarray(0, size), aid.subarray(0, size))
  })
  if (collides) return only(statusWords.applicationExists)
  if (usedRoom(free) + roomOf(plan) > free.capacity) return only(statusWords.memoryFull)
  const applications = [...free.applications, loadedAs(plan, ownerKey)]
  return {
    status: statusWords.ok,
    change: { ...inside.state, free: { ...free, applications } },
  }
}

/** DELETE of a loaded application, with all that it holds. */
export function remove(inside: Inside, given: Command): Reply {
  const { free } = inside.state
  const [part, ...more] = parseTlvs(given.data) ?? []
  if (part?.tag !== 0x4f || more.length > 0) return only(statusWords.dataWrong)
  const found = free?.applications.find(one => isEqual(fromHex(one.aid), part.value))
  if (free === undefined || found === undefined) return only(statusWords.referenceAbsent)
  const applications = free.applications.filter(one => one !== found)
  return {
    status: statusWords.ok,
    change: { ...inside.state, free: { ...free, applications } },
  }
}

/** GET STATUS: what is loaded, by identifier, type, PIN and room. */
export function listLoaded(inside: Inside): Reply {
  const parts = (inside.state.free?.applications ?? []).flatMap(one => {
    const room = roomOf(one)
    const inner = [
      ...composeTlv(0x4f, fromHex(one.aid)),
      ...composeTlv(0x80, Uint8Array.of(one.type.charCodeAt(0))),
      ...composeTlv(0x82, Uint8Array.of(one.hasPin ? 1 : 0)),
      ...composeTlv(0x84, Uint8Array.of(room >> 8, room & 255)),
    ]
    return [...composeTlv(0xe3, Uint8Array.from(inner))]
  })
  return { status: statusWords.ok, data: Uint8Array.from(parts) }
}

/** What GET DATA FF21 tells: number of loaded applications and room that is free. */
export function freeRoom(free: FreeArea): Uint8Array {
  const room = free.capacity - usedRoom(free)
  return Uint8Array.from([
    ...composeTlv(0x81, Uint8Array.of(free.applications.length)),
    ...composeTlv(0x82, Uint8Array.of(room >> 8, room & 255)),
  ])
}

/** The loaded application that is selected. */
function loadedIn(inside: Inside, session: Session): FreeApplication | undefined {
  return inside.state.free?.applications.find(one => one.aid === session.aid)
}

/** EXTERNAL AUTHENTICATE with the owner's key; the card's answer proves itself in turn, and opens the channel of type D. */
export function proveOwner(inside: Inside, session: Session, given: Command): Reply {
  const { challenge } = session
  delete session.challenge
  delete session.channel
  session.isOwner = false
  const found = loadedIn(inside, session)
  if (challenge === undefined || found === undefined) return only(statusWords.conditionsUnsatisfied)
  const random = given.data.subarray(0, terminalRandomBytes)
  const proof = given.data.subarray(terminalRandomBytes)
  if (proof.length !== 32) return only(statusWords.lengthWrong)
  const key = bytesOf(found.ownerKey)
  const aid = fromHex(found.aid)
  const put = (part: 'terminal' | 'card' | 'channel'): Uint8Array =>
    hmac(key, ownerStatement(part, aid, challenge, random))
  if (!isEqual(proof, put('terminal'))) return only(statusWords.verifyFailed)
  session.isOwner = true
  if (freeTypes[found.type].isEncrypted) session.channel = { key: put('channel'), count: 0 }
  return { status: statusWords.ok, data: put('card') }
}

/** READ and UPDATE RECORD of types A and C: P1 the record, P2 the file's short identifier and 100 (ISO/IEC 7816-4 §7.3). */
export function record(inside: Inside, session: Session, given: Command): Reply {
  const found = loadedIn(inside, session)
  if (found === undefined || freeTypes[found.type].kind !== 'record')
    return only(statusWords.fileTypeWrong)
  const file = found.files.find(one => one.id === given.p2 >> 3)
  if ((given.p2 & 7) !== 4) return only(statusWords.parametersWrong)
  if (file === undefined) return only(statusWords.fileAbsent)
  if (given.p1 < 1 || given.p1 > file.count) return only(statusWords.recordAbsent)
  if (given.ins === 0xb2) {
    if (!mayRead(session, found)) return only(statusWords.securityUnsatisfied)
    const content = file.contents[given.p1 - 1]
    if (content === undefined || content === null) return only(statusWords.recordAbsent)
    return { status: statusWords.ok, data: bytesOf(content) }
  }
  if (!session.isOwner) return only(statusWords.securityUnsatisfied)
  if (given.data.length === 0 || given.data.length > file.bytes)
    return only(statusWords.lengthWrong)
  return written(inside, found, file.id, given.p1 - 1, given.data)
}

/** READ and UPDATE BINARY of type D, in the channel only, on the file that is selected. */
export function binary(
  inside: Inside,
  session: Session,
  given: Command,
  isSecured: boolean,
): Reply {
  const found = loadedIn(inside, session)
  if (found === undefined || freeTypes[found.type].kind !== 'binary')
    return only(statusWords.fileTypeWrong)
  const file = found.files.find(one => one.id === session.file)
  if (file === undefined) return only(statusWords.noCurrentFile)
  if (given.p1 >= 0x80) return only(statusWords.parametersWrong)
  if (!isSecured || !session.isOwner) return only(statusWords.securityUnsatisfied)
  const offset = (given.p1 << 8) | given.p2
  const content = bytesOf(file.contents[0] ?? '')
  if (given.ins === 0xb0) {
    if (!mayRead(session, found)) return only(statusWords.securityUnsatisfied)
    if (offset >= content.length) return only(statusWords.offsetBeyondEnd)
    return { status: statusWords.ok, data: content.subarray(offset) }
  }
  if (given.data.length === 0) return only(statusWords.lengthWrong)
  // Written from the start or onwards from what is there: a file has no holes.
  if (offset > content.length) return only(statusWords.offsetBeyondEnd)
  const end = offset + given.data.length
  if (end > file.bytes) return only(statusWords.memoryFull)
  const whole = new Uint8Array(Math.max(end, content.length))
  whole.set(content)
  whole.set(given.data, offset)
  return written(inside, found, file.id, 0, whole)
}

/** RESET RETRY COUNTER by the owner: sets the holder's PIN, the first one too, with all tries. */
export function resetByOwner(
  inside: Inside,
  session: Session,
  given: Command,
  isSecured: boolean,
): Reply {
  const found = loadedIn(inside, session)
  if (found === undefined || !found.hasPin) return only(statusWords.referenceAbsent)
  if (given.p1 !== 0x02 || given.p2 !== 0x9f) return only(statusWords.parametersWrong)
  const isOpen = session.isOwner && (isSecured || !freeTypes[found.type].isEncrypted)
  if (!isOpen) return only(statusWords.securityUnsatisfied)
  const parsed = parsePin('free-pin', given.data)
  if (parsed.kind === 'refused') return only(statusWords.dataWrong)
  const pin = parsed.value.use(bytes => secretSlot('free-pin', String.fromCharCode(...bytes)))
  parsed.value.dispose()
  return { status: statusWords.ok, change: changeApplication(inside.state, found.aid, { pin }) }
}

function mayRead(session: Session, found: FreeApplication): boolean {
  const isProven = session.isOwner || !freeTypes[found.type].readsAfterProof
  return isProven && (!found.hasPin || session.verified.has('free-pin'))
}

function written(
  inside: Inside,
  found: FreeApplication,
  id: number,
  at: number,
  bytes: Uint8Array,
): Reply {
  const files = found.files.map(file =>
    file.id === id
      ? {
          ...file,
          contents: file.contents.map((one, place) => (place === at ? base64(bytes) : one)),
        }
      : file,
  )
  return { status: statusWords.ok, change: changeApplication(inside.state, found.aid, { files }) }
}
