/**
 * A loaded application from the side of its owner's terminal (catalogue A11, B5; `docs/protocol/free-area.md`): personalising and use. Types A
 * and D need the mutual proof with the owner's key; type D speaks through a channel after it; type C gives its identifier to
 * anybody.
 */
import { bytesEqual } from '@sekisho/pki'
import { command, type Command } from './apdu.ts'
import type { Channel } from './channel.ts'
import { type Card, exchange } from './exchange.ts'
import { fromHex } from './free-plan.ts'
import { selectApplication } from './jpki.ts'
import { reasonInArea, throughChannel } from './loading.ts'
import { ownerStatement, terminalRandomBytes } from './owner-proof.ts'
import type { Pin } from './pin.ts'
import { done, type Outcome, refused } from './reason.ts'
import { isBlocked, statusWords, triesOf } from './status.ts'
import { getChallenge } from './terminal.ts'

/** The owner's key for one card and application, wherever it lies: HMAC-SHA-256 with its 32 bytes. */
export type OwnerKey = { hmac(message: Uint8Array): Uint8Array | Promise<Uint8Array> }

/** An application that accepted its owner's terminal, and that the terminal accepted. */
export type OwnerSession = {
  readonly card: Card
  /** Type D: everything goes through it. */
  readonly channel: Channel | undefined
}

/** Selects a loaded application. Refuses with `application-absent`. */
export function selectLoaded(card: Card, aid: string): Promise<Outcome<undefined>> {
  return selectApplication(card, fromHex(aid), 'application-absent')
}

/**
 * The mutual proof. `random` is 16 random bytes; `encrypted` for type D. Refuses with `application-absent`, `owner-refused` when the card does
 * not accept the key, `card-cloned` when the card does not know it.
 *
 * @throws RangeError unless the random number has 16 bytes.
 */
export async function proveOwner(
  card: Card,
  given: {
    readonly aid: string
    readonly key: OwnerKey
    readonly random: Uint8Array
    readonly encrypted: boolean
  },
): Promise<Outcome<OwnerSession>> {
  const { key, random } = given
  if (random.length !== terminalRandomBytes) throw new RangeError('the random number has 16 bytes')
  const selected = await selectLoaded(card, given.aid)
  if (selected.kind === 'refused') return selected
  const challenge = await getChallenge(card)
  if (challenge.kind === 'refused') return challenge
  const put = async (part: 'terminal' | 'card' | 'channel'): Promise<Uint8Array> =>
    key.hmac(ownerStatement(part, fromHex(given.aid), challenge.value, random))
  const proof = Uint8Array.from([...random, ...(await put('terminal'))])
  const answer = await exchange(card, command(0x00, 0x82, 0x00, 0x00, proof, 256))
  if (answer.kind === 'refused') return answer
  const { data, status } = answer.value
  if (status !== statusWords.ok) return refused('owner-refused', status)
  if (!bytesEqual(data, await put('card'))) return refused('card-cloned')
  const channel = given.encrypted ? { key: await put('channel'), count: 0 } : undefined
  return done({ card, channel })
}

/** A record of types A and C, from 1. Refuses with `pin-required` (proof or PIN), `file-absent` when nothing was written yet. */
export function readLoadedRecord(
  session: OwnerSession,
  file: number,
  number: number,
): Promise<Outcome<Uint8Array>> {
  return sent(session, command(0x00, 0xb2, number, (file << 3) | 4, undefined, 256))
}

/** Writes a record of types A and C, after the proof. Refuses with `pin-required`, `file-absent`. */
export async function writeLoadedRecord(
  session: OwnerSession,
  file: number,
  number: number,
  bytes: Uint8Array,
): Promise<Outcome<undefined>> {
  const answer = await sent(session, command(0x00, 0xdc, number, (file << 3) | 4, bytes))
  return answer.kind === 'refused' ? answer : done(undefined)
}

/** The whole of a binary file of type D. Refuses with `pin-required`, `file-absent`, `file-malformed` when nothing was written yet. */
export async function readLoadedFile(
  session: OwnerSession,
  file: number,
): Promise<Outcome<Uint8Array>> {
  const selected = await selectIn(session.card, file)
  if (selected.kind === 'refused') return selected
  const answer = await sent(session, command(0x00, 0xb0, 0x00, 0x00))
  if (answer.kind === 'done') return answer
  return answer.status === statusWords.offsetBeyondEnd
    ? { ...answer, reason: 'file-malformed' }
    : answer
}

/** Writes a binary file of type D from its start; what lies behind stays. Refuses with `area-full` beyond its size. */
export async function writeLoadedFile(
  session: OwnerSession,
  file: number,
  bytes: Uint8Array,
): Promise<Outcome<undefined>> {
  const selected = await selectIn(session.card, file)
  if (selected.kind === 'refused') return selected
  const answer = await sent(session, command(0x00, 0xd6, 0x00, 0x00, bytes))
  return answer.kind === 'refused' ? answer : done(undefined)
}

/** The owner sets the holder's PIN, the first one too, with all tries. Refuses with `pin-required` without the proof. */
export async function setLoadedPin(session: OwnerSession, pin: Pin): Promise<Outcome<undefined>> {
  const answer = await pin.use(bytes => sent(session, command(0x00, 0x2c, 0x02, 0x9f, bytes)))
  return answer.kind === 'refused' ? answer : done(undefined)
}

/** The holder's PIN, after the proof; in the channel of type D. Refuses with `pin-wrong` and the tries left, `pin-locked`. */
export async function verifyLoadedPin(
  session: OwnerSession,
  pin: Pin,
): Promise<Outcome<undefined>> {
  const answer = await pin.use(bytes => sent(session, command(0x00, 0x20, 0x00, 0x9f, bytes)))
  if (answer.kind === 'done') return done(undefined)
  const { status } = answer
  const left = status === undefined ? undefined : triesOf(status)
  if (status !== undefined && (isBlocked(status) || left === 0))
    return { ...refused('pin-locked', status), triesLeft: 0 }
  return left === undefined ? answer : { ...refused('pin-wrong', status), triesLeft: left }
}

/** The identifier of a type C application, for anybody. Refuses with `application-absent`, `file-absent` before it is personalised. */
export async function readCommonId(
  card: Card,
  aid: string,
  file: number,
): Promise<Outcome<Uint8Array>> {
  const selected = await selectLoaded(card, aid)
  return selected.kind === 'refused'
    ? selected
    : readLoadedRecord({ card, channel: undefined }, file, 1)
}

async function selectIn(card: Card, file: number): Promise<Outcome<undefined>> {
  const answer = await exchange(card, command(0x00, 0xa4, 0x02, 0x0c, Uint8Array.of(0x00, file)))
  if (answer.kind === 'refused') return answer
  const { status } = answer.value
  return status === statusWords.ok ? done(undefined) : refused(reasonInArea(status), status)
}

async function sent(session: OwnerSession, given: Command): Promise<Outcome<Uint8Array>> {
  if (session.channel !== undefined) return throughChannel(session.card, session.channel, given)
  const answer = await exchange(session.card, given)
  if (answer.kind === 'refused') return answer
  const { data, status } = answer.value
  return status === statusWords.ok ? done(data) : refused(reasonInArea(status), status)
}
