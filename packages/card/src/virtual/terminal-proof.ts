/**
 * A terminal proves itself to the inside of the card (`docs/protocol/pinless.md`): SET PUBLIC IC KEY with its organisation's and its
 * own certificate, GET CHALLENGE, EXTERNAL AUTHENTICATE. Under the JPKI application this opens the authentication key
 * for one answer without PIN; under the issuer security domain it opens the free area for loading.
 */
import type { Command } from '../apdu.ts'
import { certificateOf, type CvCertificate, type CvRole, parseCvKey } from '../cv-certificate.ts'
import { digestInfo } from '../jpki.ts'
import { pinlessStatement } from '../pinless.ts'
import { statusWords } from '../status.ts'
import { belongsTo, cardChallengeBytes, terminalStatement } from '../terminal.ts'
import { parseTlvs } from '../tlv.ts'
import { bytesOf } from './base64.ts'
import { sha256, signRaw } from '../crypto.ts'
import { openLoadingChannel } from './free-area.ts'
import { type Inside, keyOf, only, type Reply, type Session } from './session.ts'
import type { TerminalTrust } from './state.ts'

/** Which roles an application takes. */
const families: Readonly<Record<string, { readonly above: CvRole; readonly below: CvRole }>> = {
  jpki: { above: 'pinless-organisation', below: 'pinless-terminal' },
  'security-domain': { above: 'loading-operator', below: 'loading-terminal' },
}

/** SET PUBLIC IC KEY: a certificate in two parts, its body and then its signature (jpki.md §1.6). */
export function setPublicKey(inside: Inside, session: Session, given: Command): Reply {
  const { trust } = inside.state
  const family = families[session.application]
  if (trust === undefined || family === undefined) return only(statusWords.functionUnsupported)
  const [part, ...more] = parseTlvs(given.data) ?? []
  if (given.p2 !== 0xc1) return only(statusWords.parametersWrong)
  if (given.p1 === 0x06) {
    if (part?.tag !== 0x5f4e || more.length > 0) return only(statusWords.dataWrong)
    session.terminal.body = part.value
    return only(statusWords.ok)
  }
  if (given.p1 !== 0x00) return only(statusWords.parametersWrong)
  const { body } = session.terminal
  delete session.terminal.body
  if (body === undefined) return only(statusWords.conditionsUnsatisfied)
  if (part?.tag !== 0x5f37 || more.length > 0) return only(statusWords.dataWrong)
  const certificate = certificateOf(body, part.value)
  if (certificate?.term === undefined) return only(statusWords.dataWrong)
  return certificate.issuer === trust.id
    ? acceptOrganisation(inside, session, certificate, family.above)
    : acceptTerminal(trust, session, certificate, family.below)
}

/** The authority's signature moves the card's date forward, the only clock it has, and never back. */
function acceptOrganisation(
  inside: Inside,
  session: Session,
  certificate: CvCertificate,
  role: CvRole,
): Reply {
  const { trust } = inside.state
  const { term } = certificate
  const key = trust === undefined ? undefined : parseCvKey(bytesOf(trust.key))
  if (trust === undefined || key === undefined) return only(statusWords.faultUnnamed)
  if (term?.role !== role) return only(statusWords.dataWrong)
  if (!key.verify('rsa-sha256', certificate.body, certificate.signature))
    return only(statusWords.verifyFailed)
  if (term.until < trust.date) return only(statusWords.conditionsUnsatisfied)
  const settle = (): void => {
    session.terminal = { organisation: certificate }
  }
  if (term.from <= trust.date) return { status: statusWords.ok, settle }
  const change = { ...inside.state, trust: { ...trust, date: term.from } }
  return { status: statusWords.ok, change, settle }
}

/** An organisation's signature moves no date: else one organisation could make the card refuse all others. */
function acceptTerminal(
  trust: TerminalTrust,
  session: Session,
  certificate: CvCertificate,
  role: CvRole,
): Reply {
  const { organisation } = session.terminal
  if (organisation?.term === undefined || certificate.issuer !== organisation.subject)
    return only(statusWords.referenceAbsent)
  const { term } = certificate
  if (term?.role !== role || !belongsTo(certificate.subject, organisation.subject))
    return only(statusWords.dataWrong)
  if (!organisation.key.verify('rsa-sha256', certificate.body, certificate.signature))
    return only(statusWords.verifyFailed)
  const isWithin = organisation.term.from <= term.from && term.until <= organisation.term.until
  if (!isWithin || term.until < trust.date) return only(statusWords.conditionsUnsatisfied)
  session.terminal = { organisation, certificate }
  return only(statusWords.ok)
}

/** GET CHALLENGE: 32 random bytes, good for one answer under this selection. */
export function giveChallenge(inside: Inside, session: Session, given: Command): Reply {
  if (given.p1 !== 0x00 || given.p2 !== 0x00) return only(statusWords.parametersWrong)
  if (inside.random === undefined) return only(statusWords.functionUnsupported)
  if (given.data.length > 0 || given.le !== cardChallengeBytes) return only(statusWords.lengthWrong)
  const challenge = inside.random(cardChallengeBytes)
  session.challenge = challenge
  return { status: statusWords.ok, data: challenge.slice() }
}

/** EXTERNAL AUTHENTICATE by a terminal's signature; whatever comes of it, the challenge is used up. */
export function proveTerminal(session: Session, given: Command): Reply {
  const { challenge } = session
  const { certificate, organisation, sessionKeyHash } = session.terminal
  delete session.challenge
  delete session.terminal.proven
  delete session.channel
  const isPinless = session.application === 'jpki'
  if (challenge === undefined || certificate === undefined || organisation === undefined)
    return only(statusWords.conditionsUnsatisfied)
  if (!isPinless && sessionKeyHash === undefined) return only(statusWords.conditionsUnsatisfied)
  const statement = isPinless
    ? terminalStatement('pinless', certificate.subject, challenge)
    : terminalStatement('loading', certificate.subject, challenge, sessionKeyHash)
  if (!certificate.key.verify('rsa-sha256', statement, given.data))
    return only(statusWords.verifyFailed)
  session.terminal.proven = challenge
  if (!isPinless) openLoadingChannel(session)
  return only(statusWords.ok)
}

/**
 * INTERNAL AUTHENTICATE with the authentication key, without PIN: one answer for one proof, unless the holder demands the PIN always
 * or the card has ended by the date it knows. The card hashes; no caller chooses what is signed but the challenge.
 */
export function answerPinless(inside: Inside, session: Session, given: Command): Reply {
  const { trust, authentication, demandsPinAlways, expires } = inside.state
  const { certificate, organisation, proven } = session.terminal
  if (trust === undefined) return only(statusWords.functionUnsupported)
  if (authentication.privateKey === null) return only(statusWords.referenceAbsent)
  if (given.data.length !== cardChallengeBytes) return only(statusWords.lengthWrong)
  const isOpen = certificate !== undefined && organisation !== undefined && proven !== undefined
  if (!isOpen || trust.date > expires) return only(statusWords.conditionsUnsatisfied)
  if (demandsPinAlways) return only(statusWords.securityUnsatisfied)
  delete session.terminal.proven
  const statement = pinlessStatement(organisation.subject, certificate.subject, given.data)
  try {
    const key = keyOf(inside, authentication.privateKey)
    return { status: statusWords.ok, data: signRaw(key, digestInfo(sha256(statement))) }
  } catch {
    return only(statusWords.faultUnnamed)
  }
}
