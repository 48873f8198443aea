/** What a powered card holds in memory, and how a command is answered. */
import type { KeyObject } from 'node:crypto'
import type { Channel } from '../channel.ts'
import type { CvCertificate } from '../cv-certificate.ts'
import type { SecretName } from '../pin.ts'
import { bytesOf } from './base64.ts'
import { openKey } from '../crypto.ts'
import type { CardState } from './state.ts'

/** The applications that every card may have, by the part of its state that holds them. */
export type ApplicationName =
  | 'security-domain'
  | 'jpki'
  | 'common'
  | 'text'
  | 'face'
  | 'resident'
  | 'free'

/** What is lost with power or with the selection of an application. */
export type Session = {
  application: ApplicationName
  file: number | undefined
  /** Which loaded application, under `free`. */
  readonly aid: string | undefined
  readonly verified: Set<SecretName>
  /** The owner's terminal has proven itself to a loaded application. */
  isOwner: boolean
  /** For the channel of a loading terminal that has not proven itself yet. */
  seed?: Uint8Array
  channel?: Channel
  /** Given out and not answered yet. */
  challenge?: Uint8Array
  terminal: TerminalSession
}

/** How far a terminal has proven itself. */
export type TerminalSession = {
  /** Body of a certificate whose signature is still to come. */
  body?: Uint8Array
  organisation?: CvCertificate
  certificate?: CvCertificate
  /** Of the session key as it was sent, for loading. */
  sessionKeyHash?: Uint8Array
  /** The challenge that the terminal has answered. */
  proven?: Uint8Array
}

/** The inside of the chip: lasting state, session, opened keys by their PKCS#8 text. */
export type Inside = {
  state: CardState
  session: Session
  readonly keys: Map<string, KeyObject>
  /** Random bytes; without, the card gives no challenges. */
  readonly random: ((size: number) => Uint8Array) | undefined
}

/** An answer; `change` is the new lasting state to be written before it leaves, `settle` what happens once it is. */
export type Reply = {
  readonly status: number
  readonly data?: Uint8Array
  readonly change?: CardState
  readonly settle?: () => void
}

/** The state after power-up, or after the selection of an application. */
export function freshSession(
  application: ApplicationName = 'security-domain',
  aid?: string,
): Session {
  return { application, aid, file: undefined, verified: new Set(), isOwner: false, terminal: {} }
}

/** An answer without data. */
export function only(status: number): Reply {
  return { status }
}

/** A private key of the card, opened once. @throws Error when it is damaged. */
export function keyOf(inside: Inside, pkcs8: string): KeyObject {
  const kept = inside.keys.get(pkcs8)
  if (kept !== undefined) return kept
  const key = openKey(bytesOf(pkcs8))
  inside.keys.set(pkcs8, key)
  return key
}
