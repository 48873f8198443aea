/** The thread in which a token is asked (`keyring.ts`). */
import { readFileSync, statSync } from 'node:fs'
import { Refusal, type RefusalCode } from '@sekisho/contract'
import {
  connectToken,
  disconnectTokens,
  type Token,
  type TokenKey,
  type TokenSecret,
} from './pkcs11.ts'
import { serveThread } from './thread.ts'

/** Where a token is, and the file (0600) with its PIN, which is read whenever the token must be opened. */
export type TokenPlace = {
  readonly module: string
  readonly label: string
  readonly pinFile: string
}

/** Kinds of keys that sign for a program. */
export type SigningKeyKind = 'ec-p256' | 'ed25519' | 'rsa-2048'

/** What is asked: a key or secret of a name, made when there is none, or something of it. */
export type TokenQuestion = {
  readonly token: TokenPlace
  readonly what: 'key' | 'sign' | 'secret' | 'hmac'
  readonly name: string
  readonly kind: SigningKeyKind | undefined
  readonly message: Uint8Array
}

/** Of a key its SubjectPublicKeyInfo; of a secret nothing. */
export type TokenAnswer = { readonly bytes: Uint8Array } | { readonly refusal: RefusalCode }

type Held = {
  readonly token: Token
  readonly keys: Map<string, TokenKey>
  readonly secrets: Map<string, TokenSecret>
}

let held: Held | undefined
/** Of the last PIN that was wrong: it is not tried again before its file changes. */
let wrongSince = 0

serveThread(import.meta.url, (question: TokenQuestion): TokenAnswer => {
  try {
    return { bytes: answer((held ??= open(question.token)), question) }
  } catch (error) {
    if (error instanceof Refusal && error.code === 'token-pin-wrong')
      return { refusal: 'token-pin-wrong' }
    held = undefined
    disconnectTokens(question.token.module)
    return { refusal: 'token-absent' }
  }
})

function open({ module, label, pinFile }: TokenPlace): Held {
  const { mtimeMs, mode } = statSync(pinFile)
  if (mtimeMs === wrongSince) throw new Refusal('token-pin-wrong')
  if ((mode & 0o077) !== 0) throw new Refusal('token-pin-wrong', { why: 'file-open-to-others' })
  const token = connectToken({ module, label })
  const pin = Uint8Array.from(Buffer.from(readFileSync(pinFile, 'utf8').trim(), 'utf8'))
  try {
    token.open(pin)
  } catch (error) {
    if (error instanceof Refusal) wrongSince = mtimeMs
    throw error
  }
  return { token, keys: new Map(), secrets: new Map() }
}

function answer({ token, keys, secrets }: Held, question: TokenQuestion): Uint8Array {
  const { what, name, kind, message } = question
  if (what === 'secret' || what === 'hmac') {
    const found = secrets.get(name) ?? token.findSecret(name)
    const secret = found ?? (what === 'secret' ? token.generateSecret(name) : undefined)
    if (secret === undefined) throw new Error('the token has lost a secret')
    secrets.set(name, secret)
    return what === 'hmac' ? secret.hmac(message) : new Uint8Array()
  }
  if (kind === undefined) throw new Error('a key has a kind')
  const found = keys.get(name) ?? token.find(name)
  // Whoever signs has met the key: another in its place would be a silent exchange.
  const key = found ?? (what === 'key' ? token.generate(name, kind) : undefined)
  if (key === undefined) throw new Error('the token has lost a key')
  if (key.kind !== kind) throw new Error(`the token has another kind of key as ${name}`)
  keys.set(name, key)
  return what === 'sign' ? key.signJws(message) : key.spki
}
