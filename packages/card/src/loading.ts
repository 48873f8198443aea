/**
 * Loading applications into the free area (catalogue A11; `docs/protocol/free-area.md`) from the loading terminal's side. The
 * terminal proves itself as in authentication without PIN, with a certificate for loading; everything after goes through a
 * channel. One command loads an application whole: the card has all of it or nothing.
 */
import { command, type Command } from './apdu.ts'
import { type Channel, openAnswer, sealCommand } from './channel.ts'
import { readChipCertificate } from './chip.ts'
import { deriveKey, encryptOaep } from './crypto.ts'
import type { CvAnchor } from './cv-certificate.ts'
import { type Card, exchange } from './exchange.ts'
import {
  composePlan,
  fromHex,
  type FreePlan,
  type FreeType,
  freeTypes,
  toHex,
} from './free-plan.ts'
import { selectApplication } from './jpki.ts'
import { type CardReason, done, type Outcome, refused } from './reason.ts'
import { reasonOf, statusWords } from './status.ts'
import {
  answerChallenge,
  checkCredential,
  getChallenge,
  presentCertificate,
  type TerminalCredential,
  terminalStatement,
} from './terminal.ts'
import { composeTlv, parseTlvs } from './tlv.ts'
import { digest } from '@sekisho/pki'

/** A card that accepted the loading terminal, until it leaves or another application is selected. */
export type LoadingSession = {
  /** Serial of the card, from its chip's certificate. */
  readonly serial: string
  readonly card: Card
  readonly channel: Channel
}

/** What is loaded, without what it holds. */
export type LoadedApplication = {
  readonly aid: string
  readonly type: FreeType
  readonly hasPin: boolean
  /** Bytes that it takes. */
  readonly room: number
}

const securityDomain = Uint8Array.of(0xa0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00)

/**
 * Opens a card for loading. `seed` is 32 random bytes, used once; `chipAnchors` sign the chips' certificates: what comes after is
 * readable for the genuine chip alone. Refuses as a terminal's proof does, and with `signer-unknown`, `record-altered`,
 * `application-absent` for a card without chip key.
 *
 * @throws RangeError unless the seed has 32 bytes.
 */
export async function openLoading(
  card: Card,
  credential: TerminalCredential,
  given: {
    readonly chipAnchors: readonly CvAnchor[]
    readonly seed: Uint8Array
    readonly today: string
  },
): Promise<Outcome<LoadingSession>> {
  if (given.seed.length !== 32) throw new RangeError('a seed has 32 bytes')
  const checked = checkCredential(credential, given.today)
  if (checked.kind === 'refused') return checked
  const { organisation, terminal } = checked.value
  const selected = await selectApplication(card, securityDomain, 'application-absent')
  if (selected.kind === 'refused') return selected
  const chip = await readChipCertificate(card, given.chipAnchors)
  if (chip.kind === 'refused')
    return chip.reason === 'file-absent' ? { ...chip, reason: 'application-absent' } : chip
  for (const one of [organisation, terminal]) {
    const presented = await presentCertificate(card, one)
    if (presented.kind === 'refused') return presented
  }
  const cryptogram = encryptOaep(chip.value.spki, given.seed)
  const sent = await exchange(
    card,
    command(0x80, 0xae, 0x00, 0x00, composeTlv(0xa0, composeTlv(0x80, cryptogram))),
  )
  if (sent.kind === 'refused') return sent
  if (sent.value.status !== statusWords.ok) return refused('terminal-refused', sent.value.status)
  const challenge = await getChallenge(card)
  if (challenge.kind === 'refused') return challenge
  const proof = await credential.sign(
    terminalStatement('loading', terminal.subject, challenge.value, digest('sha256', cryptogram)),
  )
  const proven = await answerChallenge(card, proof)
  if (proven.kind === 'refused') return proven
  const key = deriveKey(given.seed, challenge.value, 'sekisho-card-loading-v1')
  return done({ serial: chip.value.subject, card, channel: { key, count: 0 } })
}

/**
 * Loads an application; the owner's key of 32 bytes is for this card and this application alone. Refuses with `area-full`,
 * `application-present` (also when one identifier begins the other), `channel-broken`, `card-memory`; then nothing was written.
 *
 * @throws RangeError for a plan that its type does not allow.
 */
export async function loadApplication(
  session: LoadingSession,
  plan: FreePlan,
  ownerKey: Uint8Array,
): Promise<Outcome<undefined>> {
  const answer = await within(session, command(0x00, 0xe6, 0, 0, composePlan(plan, ownerKey)))
  return answer.kind === 'refused' ? answer : done(undefined)
}

/** Deletes an application with all that it holds. Refuses with `application-absent`, `channel-broken`. */
export async function deleteApplication(
  session: LoadingSession,
  aid: string,
): Promise<Outcome<undefined>> {
  const answer = await within(session, command(0x00, 0xe4, 0, 0, composeTlv(0x4f, fromHex(aid))))
  if (answer.kind === 'done') return done(undefined)
  return answer.reason === 'file-absent' ? { ...answer, reason: 'application-absent' } : answer
}

/** What is loaded on the card. Refuses with `channel-broken`, `file-malformed`. */
export async function listApplications(
  session: LoadingSession,
): Promise<Outcome<readonly LoadedApplication[]>> {
  const answer = await within(session, command(0x00, 0xf2, 0, 0))
  if (answer.kind === 'refused') return answer
  const found: LoadedApplication[] = []
  for (const { tag, value } of parseTlvs(answer.value) ?? [{ tag: 0, value: answer.value }]) {
    const one = tag === 0xe3 ? loadedOf(value) : undefined
    if (one === undefined) return refused('file-malformed')
    found.push(one)
  }
  return done(found)
}

/**
 * Number of loaded applications and bytes that are free, told to anybody under the issuer security domain. Refuses with
 * `application-absent` for a card without free area.
 */
export async function readFreeRoom(
  card: Card,
): Promise<Outcome<{ readonly applications: number; readonly bytes: number }>> {
  const selected = await selectApplication(card, securityDomain, 'application-absent')
  if (selected.kind === 'refused') return selected
  const answer = await exchange(card, command(0x00, 0xca, 0xff, 0x21, undefined, 256))
  if (answer.kind === 'refused') return answer
  const { data, status } = answer.value
  if (status === statusWords.referenceAbsent) return refused('application-absent', status)
  if (status !== statusWords.ok) return refused(reasonOf(status), status)
  const [count, room] = parseTlvs(parseTlvs(data)?.[0]?.value ?? data) ?? []
  const [high, low] = room?.value ?? []
  const applications = count?.value[0]
  if (applications === undefined || high === undefined || low === undefined)
    return refused('file-malformed')
  return done({ applications, bytes: (high << 8) | low })
}

async function within(session: LoadingSession, given: Command): Promise<Outcome<Uint8Array>> {
  return throughChannel(session.card, session.channel, given)
}

/** One command through a channel. Refuses with `channel-broken` when the answer does not open, else by the status in it. */
export async function throughChannel(
  card: Card,
  channel: Channel,
  given: Command,
): Promise<Outcome<Uint8Array>> {
  const sealed = sealCommand(channel, given)
  const answer = await exchange(card, sealed)
  if (answer.kind === 'refused') return answer
  const { data, status } = answer.value
  if (status === statusWords.memoryFault) return refused('card-memory', status)
  if (status !== statusWords.ok) return refused('channel-broken', status)
  const opened = openAnswer(channel, sealed, data)
  if (opened === undefined) return refused('channel-broken')
  if (opened.status === statusWords.ok) return done(opened.data)
  return refused(reasonInArea(opened.status), opened.status)
}

/** Reasons of the free area for a status word. */
export function reasonInArea(status: number): CardReason {
  if (status === statusWords.memoryFull) return 'area-full'
  if (status === statusWords.applicationExists) return 'application-present'
  return reasonOf(status)
}

function loadedOf(value: Uint8Array): LoadedApplication | undefined {
  const [aid, type, pin, room] = parseTlvs(value) ?? []
  const name = String.fromCharCode(type?.value[0] ?? 0)
  const [high, low] = room?.value ?? []
  if (aid === undefined || pin === undefined || high === undefined || low === undefined)
    return undefined
  if (!isType(name)) return undefined
  return { aid: toHex(aid.value), type: name, hasPin: pin.value[0] === 1, room: (high << 8) | low }
}

function isType(name: string): name is FreeType {
  return Object.hasOwn(freeTypes, name)
}
