/**
 * The channel between a terminal and a card (`docs/protocol/free-area.md`): AES-256-GCM over a command's data and over answer and
 * status word, the header of the command bound to both. Class 84 marks a command in it. Commands are counted, so that none
 * can be left out, repeated or put elsewhere; whatever does not open ends the channel.
 */
import type { Command, Response } from './apdu.ts'
import { seal, unseal } from './crypto.ts'

/** One end of a channel. Both count what was sent and answered. */
export type Channel = { readonly key: Uint8Array; count: number }

/** Class byte of commands in the channel. */
export const channelClass = 0x84

/** The command as it goes over the line; `given.cla` is 00. The answer is asked for whole. */
export function sealCommand(channel: Channel, given: Command): Command {
  const header = headerOf(given)
  const data = seal(channel.key, nonceOf(channel, toCard), header, given.data)
  return { ...given, cla: channelClass, data, le: 65536 }
}

/** What the terminal sent, inside the card; `undefined` when it does not open. */
export function openCommand(channel: Channel, given: Command): Command | undefined {
  const data = unseal(channel.key, nonceOf(channel, toCard), headerOf(given), given.data)
  return data === undefined ? undefined : { ...given, cla: 0x00, data }
}

/** The answer's data as they leave the card. The channel has then done one command. */
export function sealAnswer(channel: Channel, given: Command, answer: Response): Uint8Array {
  const { data, status } = answer
  const plain = Uint8Array.from([...data, status >> 8, status & 255])
  const sealed = seal(channel.key, nonceOf(channel, toTerminal), headerOf(given), plain)
  channel.count++
  return sealed
}

/** What the card answered; `undefined` when it does not open. */
export function openAnswer(
  channel: Channel,
  given: Command,
  sealed: Uint8Array,
): Response | undefined {
  const plain = unseal(channel.key, nonceOf(channel, toTerminal), headerOf(given), sealed)
  channel.count++
  if (plain === undefined || plain.length < 2) return undefined
  const status = ((plain.at(-2) ?? 0) << 8) | (plain.at(-1) ?? 0)
  return { data: plain.slice(0, -2), status }
}

const toCard = 0x00
const toTerminal = 0x01

/** 12 bytes that never come twice under one key: direction and count. */
function nonceOf(channel: Channel, direction: number): Uint8Array {
  const nonce = new Uint8Array(12)
  nonce[0] = direction
  new DataView(nonce.buffer).setUint32(8, channel.count)
  return nonce
}

const headerOf = (given: Command): Uint8Array =>
  Uint8Array.of(channelClass, given.ins, given.p1, given.p2)
