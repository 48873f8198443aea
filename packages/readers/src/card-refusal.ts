import type { CardReason, Outcome } from '@sekisho/card'
import {
  type ReaderAnswer,
  type ReaderRefusalCode,
  type RefusedAnswer,
  readerProtocolVersion,
} from '@sekisho/contract/reader'

/** The one table from what a card says to what a page is told. */
export const refusalOfReason: Readonly<Record<CardReason, ReaderRefusalCode>> = {
  'card-removed': 'card-absent',
  'card-foreign': 'card-absent',
  'pin-malformed': 'pin-malformed',
  'password-malformed': 'pin-malformed',
  'pin-wrong': 'pin-wrong',
  'password-wrong': 'pin-wrong',
  'pin-locked': 'pin-locked',
  'password-locked': 'pin-locked',
  'code-malformed': 'card-fault',
  'code-wrong': 'card-fault',
  'code-locked': 'card-fault',
  'application-absent': 'card-fault',
  'record-altered': 'card-fault',
  'signer-unknown': 'card-fault',
  'card-cloned': 'card-fault',
  'organisation-unknown': 'card-fault',
  'terminal-expired': 'card-fault',
  'terminal-refused': 'card-fault',
  'terminal-unsupported': 'card-fault',
  'pin-demanded': 'card-fault',
  'area-full': 'card-fault',
  'application-present': 'card-fault',
  'owner-refused': 'card-fault',
  'channel-broken': 'card-fault',
  'pin-required': 'card-fault',
  'signature-certificate-absent': 'signature-certificate-absent',
  'authentication-certificate-absent': 'card-fault',
  'file-absent': 'card-fault',
  'file-malformed': 'card-fault',
  'answer-malformed': 'card-fault',
  'card-memory': 'card-fault',
  'command-refused': 'card-fault',
}

/** The answer that refuses; nothing of the card but the code. */
export function refusedAnswer(id: string, code: ReaderRefusalCode): RefusedAnswer {
  return { v: readerProtocolVersion, type: 'refused', id, code }
}

/** What the page gets of an outcome: the answer itself, or the refusal its reason maps to. */
export function answerOf(id: string, outcome: Outcome<ReaderAnswer>): ReaderAnswer {
  return outcome.kind === 'done'
    ? outcome.value
    : refusedAnswer(id, refusalOfReason[outcome.reason])
}
