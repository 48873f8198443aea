import { command, type Command, composeCommand, parseResponse, type Response } from './apdu.ts'
import { done, type Outcome, refused } from './reason.ts'

/**
 * A card, wherever it is: virtual, in a PC/SC reader, behind a phone. Sends a command APDU and answers the response
 * APDU with its status word. Throws `CardGone` when the card has left; anything else thrown is a fault.
 */
export interface Card {
  transmit(command: Uint8Array): Promise<Uint8Array>
}

/** Thrown by a transport when the card has left the reader or its field. */
export class CardGone extends Error {
  constructor(options?: ErrorOptions) {
    super('the card left the reader', options)
    this.name = 'CardGone'
  }
}

/** Rounds of GET RESPONSE after 61xx: enough for 65536 bytes in pieces of 256. */
const roundsMax = 256

/**
 * Sends one command and gives the response whatever its status word; `61xx` (more data) is followed by GET RESPONSE and
 * `6Cxx` (wrong Le) by one repetition with the Le named (ISO/IEC 7816-4 §5.3.4). The bytes sent are zeroed afterwards,
 * because they may hold a PIN.
 *
 * Refuses with `card-removed` or `answer-malformed`.
 */
export async function exchange(card: Card, given: Command): Promise<Outcome<Response>> {
  let answer = await once(card, given)
  if (answer.kind === 'refused') return answer
  if (answer.value.status >> 8 === 0x6c) {
    answer = await once(card, { ...given, le: leOf(answer.value.status) })
    if (answer.kind === 'refused') return answer
  }
  const pieces = [answer.value.data]
  let status = answer.value.status
  for (let round = 0; status >> 8 === 0x61; round++) {
    if (round === roundsMax) return refused('answer-malformed', status)
    const more = await once(card, command(0x00, 0xc0, 0, 0, undefined, leOf(status)))
    if (more.kind === 'refused') return more
    pieces.push(more.value.data)
    status = more.value.status
  }
  return done({ data: joined(pieces), status })
}

async function once(card: Card, given: Command): Promise<Outcome<Response>> {
  const bytes = composeCommand(given)
  try {
    const response = parseResponse(await card.transmit(bytes))
    return response === undefined ? refused('answer-malformed') : done(response)
  } catch (fault) {
    if (fault instanceof CardGone) return refused('card-removed')
    throw fault
  } finally {
    bytes.fill(0)
  }
}

const leOf = (status: number): number => status & 255 || 256

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}
