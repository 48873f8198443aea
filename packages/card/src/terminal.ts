/**
 * How a terminal proves itself to a card (catalogue A10, A11, B12; `docs/protocol/pinless.md`): it shows the certificate of its
 * organisation, which the authority signed, and its own, which the organisation signed; then it signs the card's challenge. The
 * exchange of the real card is not public; ours has the same parts.
 */
import { command } from './apdu.ts'
import { type CvCertificate, idBytes, parseCvCertificate } from './cv-certificate.ts'
import { type Card, exchange } from './exchange.ts'
import { type CardReason, done, type Outcome, refused } from './reason.ts'
import { statusWords } from './status.ts'
import { composeTlv } from './tlv.ts'

/** What a terminal holds: two CV certificates, and the key of its own, which may lie in a hardware module. */
export type TerminalCredential = {
  readonly organisationCertificate: Uint8Array
  readonly terminalCertificate: Uint8Array
  /** RSA, PKCS#1 v1.5, SHA-256 with the key of the terminal's certificate. */
  sign(message: Uint8Array): Uint8Array | Promise<Uint8Array>
}

/** What a terminal's proof is for; a proof for one is none for the other. */
export type TerminalPurpose = 'pinless' | 'loading'

/** Bytes of the card's challenge. */
export const cardChallengeBytes = 32

/**
 * What a terminal signs: label, a zero byte, its identifier, the card's challenge; for loading also the hash of the session key
 * as it was sent, so that nobody can put another in its place.
 */
export function terminalStatement(
  purpose: TerminalPurpose,
  terminal: string,
  challenge: Uint8Array,
  sessionKeyHash: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const label = Array.from(`sekisho-card-${purpose}-terminal-v1`, one => one.charCodeAt(0))
  return Uint8Array.from([...label, 0x00, ...idBytes(terminal), ...challenge, ...sessionKeyHash])
}

/** A terminal's identifier begins with the code of its organisation and a hyphen. */
export function belongsTo(terminal: string, organisation: string): boolean {
  return terminal.length > organisation.length + 1 && terminal.startsWith(`${organisation}-`)
}

/**
 * The two certificates of a credential, if they may be used today (YYYYMMDD), asked before the card hears of them. Refuses with
 * `terminal-refused` when they do not fit each other, `terminal-expired` outside their days.
 */
export function checkCredential(
  credential: Omit<TerminalCredential, 'sign'>,
  today: string,
): Outcome<{ readonly organisation: CvCertificate; readonly terminal: CvCertificate }> {
  const organisation = parseCvCertificate(credential.organisationCertificate)
  const terminal = parseCvCertificate(credential.terminalCertificate)
  if (organisation?.term === undefined || terminal?.term === undefined)
    return refused('terminal-refused')
  const fits =
    terminal.issuer === organisation.subject &&
    organisation.key.verify('rsa-sha256', terminal.body, terminal.signature)
  if (!fits) return refused('terminal-refused')
  const isIn = [organisation.term, terminal.term].every(
    term => term.from <= today && today <= term.until,
  )
  return isIn ? done({ organisation, terminal }) : refused('terminal-expired')
}

/**
 * Shows one certificate to the card under the selected application: body first, then signature. Refuses with
 * `organisation-unknown`, `terminal-expired` (as the card's own date has it), `terminal-refused`, `terminal-unsupported`.
 */
export async function presentCertificate(
  card: Card,
  certificate: CvCertificate,
): Promise<Outcome<undefined>> {
  for (const [p1, part] of [
    [0x06, composeTlv(0x5f4e, certificate.body)],
    [0x00, composeTlv(0x5f37, certificate.signature)],
  ] as const) {
    const answer = await exchange(card, command(0x80, 0xa2, p1, 0xc1, part))
    if (answer.kind === 'refused') return answer
    const { status } = answer.value
    if (status !== statusWords.ok) return refused(reasonOfTerminal(status), status)
  }
  return done(undefined)
}

/** A fresh challenge of the card. Refuses with `terminal-unsupported`. */
export async function getChallenge(card: Card): Promise<Outcome<Uint8Array>> {
  const answer = await exchange(
    card,
    command(0x00, 0x84, 0x00, 0x00, undefined, cardChallengeBytes),
  )
  if (answer.kind === 'refused') return answer
  const { data, status } = answer.value
  if (status !== statusWords.ok) return refused(reasonOfTerminal(status), status)
  return data.length === cardChallengeBytes ? done(data) : refused('answer-malformed')
}

/** Answers the card's challenge with the terminal's signature. Refuses with `terminal-refused`. */
export async function answerChallenge(
  card: Card,
  signature: Uint8Array,
): Promise<Outcome<undefined>> {
  const answer = await exchange(card, command(0x00, 0x82, 0x00, 0x00, signature))
  if (answer.kind === 'refused') return answer
  const { status } = answer.value
  return status === statusWords.ok ? done(undefined) : refused('terminal-refused', status)
}

function reasonOfTerminal(status: number): CardReason {
  switch (status) {
    case statusWords.referenceAbsent:
      return 'organisation-unknown'
    case statusWords.conditionsUnsatisfied:
      return 'terminal-expired'
    case statusWords.instructionUnknown:
    case statusWords.functionUnsupported:
      return 'terminal-unsupported'
    default:
      return 'terminal-refused'
  }
}
