/** The reader's answer as it arrives in the form, and the refusals it can bring. */
import { Refusal } from '@sekisho/contract'
import {
  authenticationMessage,
  type AuthenticatedAnswer,
  messageCharactersMax,
  parseStatement,
  readerAnswer,
  type SignedAnswer,
} from '@sekisho/contract/reader'

/** Bytes of a posted answer: statement, signature and certificate (20 kB at most, reader.ts) as an encoded form, thrice over. */
export const answerBytesMax = 64 * 1024

/** Parses the form's `answer`. A reader's own refusal is thrown as what it is. */
export function parseAnswer(text: string): AuthenticatedAnswer | SignedAnswer {
  if (text.length > messageCharactersMax) throw new Refusal('request-too-large')
  const parsed = readerAnswer.safeParse(readJson(text))
  if (!parsed.success) throw new Refusal('ceremony-malformed')
  if (parsed.data.type === 'refused') throw new Refusal(parsed.data.code)
  return parsed.data
}

/** What the authentication key signed, taken from the bytes as received. */
export type SignedStatement = {
  readonly challenge: string
  /** Message whose signature is to be verified. */
  readonly message: Uint8Array
}

/** Reads a login's statement. Refusals `ceremony-malformed`, `origin-foreign`. */
export function readStatement(answer: AuthenticatedAnswer, ownOrigin: string): SignedStatement {
  const bytes = fromBase64Url(answer.signed)
  const statement = parseStatement(bytes)
  if (statement === undefined) throw new Refusal('ceremony-malformed')
  if (statement.origin !== ownOrigin) throw new Refusal('origin-foreign')
  return { challenge: statement.challenge, message: authenticationMessage(bytes) }
}

/** Decodes base64url. */
export function fromBase64Url(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64url'))
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Refusal('ceremony-malformed')
  }
}
