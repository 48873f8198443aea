/**
 * Authentication without PIN (catalogue A10, B12; `docs/protocol/pinless.md`) from the terminal's side. The card itself hashes a
 * label, the organisation, the terminal and the challenge, so that the answer can never pass for a login with PIN.
 */
import { MalformedError, parseCertificate } from '@sekisho/pki'
import { importPublicKey } from '@sekisho/pki'
import { command } from './apdu.ts'
import { idBytes } from './cv-certificate.ts'
import { type Card, exchange } from './exchange.ts'
import { readAuthenticationCertificate, selectJpki } from './jpki.ts'
import { done, type Outcome, refused } from './reason.ts'
import { reasonOf, statusWords } from './status.ts'
import {
  answerChallenge,
  checkCredential,
  getChallenge,
  presentCertificate,
  type TerminalCredential,
  terminalStatement,
} from './terminal.ts'

/** Bytes of the challenge that the terminal, or the centre behind it, has chosen at random. */
const challengeBytes = 32

/** What the card signs without PIN: label, a zero byte, organisation, terminal, challenge. */
export function pinlessStatement(
  organisation: string,
  terminal: string,
  challenge: Uint8Array,
): Uint8Array {
  return Uint8Array.from([
    ...label,
    0x00,
    ...idBytes(organisation),
    ...idBytes(terminal),
    ...challenge,
  ])
}

const label = Array.from('sekisho-card-pinless-v1', character => character.charCodeAt(0))

/** What a terminal has afterwards, and what it gives to the centre that judges certificate and revocation. */
export type PinlessAnswer = {
  readonly organisation: string
  readonly terminal: string
  readonly statement: Uint8Array
  readonly signature: Uint8Array
  /** Authentication certificate, DER; path and revocation are not judged here. */
  readonly certificate: Uint8Array
}

/**
 * Asks a card for an answer without PIN, offline as well. `today` is the terminal's date, YYYYMMDD. A refusal that needs no card comes
 * before any command. Refuses with `terminal-refused`, `terminal-expired`, `organisation-unknown`, `terminal-unsupported`,
 * `pin-demanded`, `authentication-certificate-absent`, and `card-cloned` when the answer does not fit the certificate.
 *
 * @throws RangeError unless the challenge has 32 bytes.
 */
export async function authenticatePinless(
  card: Card,
  credential: TerminalCredential,
  given: { readonly challenge: Uint8Array; readonly today: string },
): Promise<Outcome<PinlessAnswer>> {
  if (given.challenge.length !== challengeBytes) throw new RangeError('a challenge has 32 bytes')
  const checked = checkCredential(credential, given.today)
  if (checked.kind === 'refused') return checked
  const { organisation, terminal } = checked.value
  const selected = await selectJpki(card)
  if (selected.kind === 'refused') return selected
  const certificate = await readAuthenticationCertificate(card)
  if (certificate.kind === 'refused') return certificate
  for (const one of [organisation, terminal]) {
    const presented = await presentCertificate(card, one)
    if (presented.kind === 'refused') return presented
  }
  const challenge = await getChallenge(card)
  if (challenge.kind === 'refused') return challenge
  const proof = await credential.sign(
    terminalStatement('pinless', terminal.subject, challenge.value),
  )
  const proven = await answerChallenge(card, proof)
  if (proven.kind === 'refused') return proven
  const signature = await askAnswer(card, given.challenge)
  if (signature.kind === 'refused') return signature
  return judgePinless({
    organisation: organisation.subject,
    terminal: terminal.subject,
    statement: pinlessStatement(organisation.subject, terminal.subject, given.challenge),
    signature: signature.value,
    certificate: certificate.value,
  })
}

/** The answer if its signature fits its certificate. Refuses with `card-cloned`, `file-malformed`. */
function judgePinless(answer: PinlessAnswer): Outcome<PinlessAnswer> {
  try {
    const key = importPublicKey(parseCertificate(answer.certificate).spki)
    return key.verify('rsa-sha256', answer.statement, answer.signature)
      ? done(answer)
      : refused('card-cloned')
  } catch (fault) {
    if (fault instanceof MalformedError) return refused('file-malformed')
    throw fault
  }
}

async function askAnswer(card: Card, challenge: Uint8Array): Promise<Outcome<Uint8Array>> {
  const answer = await exchange(card, command(0x00, 0x88, 0x00, 0x97, challenge, 256))
  if (answer.kind === 'refused') return answer
  const { data, status } = answer.value
  if (status === statusWords.ok) return done(data)
  if (status === statusWords.securityUnsatisfied) return refused('pin-demanded', status)
  if (status === statusWords.conditionsUnsatisfied) return refused('terminal-refused', status)
  return refused(reasonOf(status), status)
}
