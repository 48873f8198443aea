/**
 * Signed requests and answers between the platform and the authority: a strict profile of HTTP
 * Message Signatures (RFC 9421) with ECDSA P-256 and Content-Digest (RFC 9530). The profile stands in
 * `docs/protocol/authority-messages-signing.md`, with vectors.
 *
 * Why not a library: the one that was looked at reads the clock itself, accepts any one of several
 * signatures, counts `"content-digest";req` as covering the answer's own digest, lets a component
 * occur twice, and verifies ECDSA in another encoding than it signs. What remains to be done by
 * hand is smaller than what would have to be checked around it. It is the second opinion in the test.
 *
 * Not done: other algorithms, several signatures, trailers, streamed bodies, signatures by
 * intermediaries.
 */
import { createHash, type KeyObject, sign, verify } from 'node:crypto'
import { Refusal } from '@sekisho/contract'
import type { Instant } from './clock.ts'
import {
  type Component,
  parseDictionary,
  parseInput,
  type SignatureInput,
  serializeComponent,
  serializeInput,
} from './structured-fields.ts'

/** Header fields by lower-case name; a field that came twice is joined with `, ` as HTTP says. */
export type SignedHeaders = Readonly<Record<string, string>>

/** A private key and the name under which the other side knows its public half. */
export type MessageKey = { readonly keyId: string; readonly privateKey: KeyObject }

/** A request before it leaves, or as it arrived. `url` is the whole target URI. */
export type RequestToSign = {
  readonly method: string
  readonly url: string
  readonly headers: SignedHeaders
  readonly body: Uint8Array
}

/** An answer before it leaves, or as it arrived. */
export type AnswerToSign = {
  readonly status: number
  readonly headers: SignedHeaders
  readonly body: Uint8Array
}

let accept: (request: RequestToSign, input: SignatureInput) => VerifiedRequest

/** A request whose signature holds. There is no other way to get one. */
export class VerifiedRequest {
  readonly keyId: string
  readonly nonce: string
  readonly created: Instant
  readonly request: RequestToSign

  private constructor(request: RequestToSign, input: SignatureInput) {
    this.request = request
    this.keyId = input.parameters.keyid
    this.nonce = input.parameters.nonce ?? ''
    this.created = input.parameters.created * 1_000
  }
  static {
    accept = (request, input) => new VerifiedRequest(request, input)
  }
}

/** Remembers nonces until their signatures have expired, so that a message counts once. */
export interface NonceMemory {
  /** True the first time this key uses this nonce; the memory must outlive `until`. */
  remember(keyId: string, nonce: string, until: Instant): Promise<boolean>
}

/**
 * A nonce memory of one process. With several nodes, or where a restart within the window matters,
 * the owner of a store keeps it in a table instead.
 */
export function createNonceMemory(now: () => Instant): NonceMemory {
  const known = new Map<string, Instant>()
  return {
    async remember(keyId, nonce, until) {
      const key = `${keyId} ${nonce}`
      if (known.has(key)) return false
      for (const [old, end] of known) {
        if (end >= now()) break
        known.delete(old)
      }
      known.set(key, until)
      return true
    },
  }
}

/**
 * Returns the request's headers with Content-Digest, Signature-Input and Signature added. `nonce` is
 * at least 128 random bits; `at` is protocol time.
 */
export function signRequest(
  request: RequestToSign,
  given: { readonly key: MessageKey; readonly at: Instant; readonly nonce: string },
): SignedHeaders {
  const headers = { ...request.headers, 'content-digest': contentDigest(request.body) }
  const created = Math.floor(given.at / 1_000)
  const input: SignatureInput = {
    components: requestComponents(headers),
    parameters: {
      created,
      expires: created + lifetimeSeconds,
      keyid: given.key.keyId,
      alg: algorithm,
      nonce: given.nonce,
      tag: requestTag,
    },
  }
  const values = valuesOf({ ...request, headers })
  return { ...headers, ...signatureOver(input, values, given.key.privateKey) }
}

/**
 * Checks a request that arrived, in the order of the profile. Refusals: `message-unsigned` (absent,
 * malformed, unknown key, not covering what it must, digest or signature wrong), `message-expired`
 * (outside its window at `at`), `message-replayed` (nonce seen). The nonce is remembered last, so that
 * nobody without the key can use one up.
 */
export async function verifyRequest(
  request: RequestToSign,
  given: {
    readonly keyOf: (keyId: string) => Promise<KeyObject | undefined>
    readonly at: Instant
    readonly nonces: NonceMemory
  },
): Promise<VerifiedRequest> {
  const { input, signature } = parseSigned(request.headers, requestTag)
  requireExactly(input.components, requestComponents(request.headers))
  requireDigest(request.headers, request.body)
  await requireSignature(input, signature, valuesOf(request), given.keyOf)
  requireWindow(input, given.at)
  const { keyid, nonce, expires } = input.parameters
  if (nonce === undefined || nonce.length < nonceLengthMin) unsigned('nonce')
  const until = (expires + skewSeconds) * 1_000
  if (!(await given.nonces.remember(keyid, nonce, until))) throw new Refusal('message-replayed')
  return accept(request, input)
}

/**
 * Returns the answer's headers with Content-Digest, Signature-Input and Signature added. The
 * signature covers the request's target, digest and signature too, so an answer cannot be given to
 * another question.
 */
export function signAnswer(
  answer: AnswerToSign,
  given: { readonly request: RequestToSign; readonly key: MessageKey; readonly at: Instant },
): SignedHeaders {
  const headers = { ...answer.headers, 'content-digest': contentDigest(answer.body) }
  const created = Math.floor(given.at / 1_000)
  const input: SignatureInput = {
    components: answerComponents(headers),
    parameters: {
      created,
      expires: created + lifetimeSeconds,
      keyid: given.key.keyId,
      alg: algorithm,
      tag: answerTag,
    },
  }
  const values = valuesOf(given.request, { ...answer, headers })
  return { ...headers, ...signatureOver(input, values, given.key.privateKey) }
}

/**
 * Checks an answer against the very request that was sent (with its signed headers). Throws
 * `authority-answer-invalid` with the step that failed, whatever it is: the caller fails closed.
 */
export async function verifyAnswer(
  answer: AnswerToSign,
  given: {
    readonly request: RequestToSign
    readonly keyOf: (keyId: string) => Promise<KeyObject | undefined>
    readonly at: Instant
  },
): Promise<void> {
  try {
    const { input, signature } = parseSigned(answer.headers, answerTag)
    requireExactly(input.components, answerComponents(answer.headers))
    requireDigest(answer.headers, answer.body)
    await requireSignature(input, signature, valuesOf(given.request, answer), given.keyOf)
    requireWindow(input, given.at)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    throw new Refusal('authority-answer-invalid', { step: error.fields['step'] ?? error.code })
  }
}

/** The Content-Digest field of a body (RFC 9530 §2), SHA-256 only. An absent body is an empty one. */
function contentDigest(body: Uint8Array): string {
  return `sha-256=:${createHash('sha256').update(body).digest('base64')}:`
}

/**
 * What a request's signature covers, in the order in which we write it. A content type or an
 * idempotency key that is present must be covered, for both change what the request does.
 */
function requestComponents(headers: SignedHeaders): readonly Component[] {
  return [
    { name: '@method' },
    { name: '@target-uri' },
    { name: 'content-digest' },
    ...['content-type', 'idempotency-key']
      .filter(name => headers[name] !== undefined)
      .map(name => ({ name })),
  ]
}

/** What an answer's signature covers (RFC 9421 §2.4: `req` takes a component from the request). */
function answerComponents(headers: SignedHeaders): readonly Component[] {
  return [
    { name: '@status' },
    { name: 'content-digest' },
    ...(headers['content-type'] === undefined ? [] : [{ name: 'content-type' }]),
    { name: '@method', ofRequest: true },
    { name: '@target-uri', ofRequest: true },
    { name: 'content-digest', ofRequest: true },
    { name: 'signature', ofRequest: true, key: label },
  ]
}

/** Component values by their serialised identifier (RFC 9421 §2). */
export function valuesOf(
  request: RequestToSign,
  answer?: AnswerToSign,
): (component: Component) => string | undefined {
  return component => {
    const message = component.ofRequest === true || answer === undefined ? request : answer
    if (component.key !== undefined) {
      return parseDictionary(message.headers[component.name] ?? '')?.get(component.key)
    }
    switch (component.name) {
      case '@method':
        return 'method' in message ? message.method.toUpperCase() : undefined
      case '@target-uri':
        return 'url' in message ? new URL(message.url).href : undefined
      case '@status':
        return 'status' in message ? String(message.status) : undefined
      default:
        return message.headers[component.name]?.trim()
    }
  }
}

/** RFC 9421 §2.5: one line a component, and the parameters last. */
export function signatureBase(
  input: SignatureInput,
  values: (component: Component) => string | undefined,
): Uint8Array {
  const lines = input.components.map(component => {
    const value = values(component)
    if (value === undefined || /[\r\n]/.test(value)) return unsigned(component.name)
    return `${serializeComponent(component)}: ${value}`
  })
  lines.push(`"@signature-params": ${input.received ?? serializeInput(input)}`)
  return new TextEncoder().encode(lines.join('\n'))
}

function signatureOver(
  input: SignatureInput,
  values: (component: Component) => string | undefined,
  privateKey: KeyObject,
): SignedHeaders {
  const signature = sign('sha256', signatureBase(input, values), {
    key: privateKey,
    dsaEncoding: 'ieee-p1363',
  })
  return {
    'signature-input': `${label}=${serializeInput(input)}`,
    signature: `${label}=:${signature.toString('base64')}:`,
  }
}

type Signed = { readonly input: SignatureInput; readonly signature: Uint8Array }

function parseSigned(headers: SignedHeaders, tag: string): Signed {
  const inputs = parseDictionary(headers['signature-input'] ?? '')
  const signatures = parseDictionary(headers['signature'] ?? '')
  if (inputs?.size !== 1 || signatures?.size !== 1) return unsigned('signature-input')
  const signature = signatureBytes(signatures.get(label))
  const input = parseInput(inputs.get(label))
  if (signature === undefined || input === undefined) return unsigned('signature')
  if (input.parameters.alg !== algorithm) return unsigned('alg')
  if (input.parameters.tag !== tag) return unsigned('tag')
  return { input, signature }
}

/** RFC 9421 §3.3.4: r ‖ s, 32 bytes each; in a byte sequence of RFC 8941 in its one canonical form. */
function signatureBytes(value: string | undefined): Uint8Array | undefined {
  const found = /^:([A-Za-z0-9+/]{86}==):$/.exec(value ?? '')?.[1]
  if (found === undefined) return undefined
  const bytes = Buffer.from(found, 'base64')
  return bytes.toString('base64') === found ? Uint8Array.from(bytes) : undefined
}

function requireExactly(found: readonly Component[], wanted: readonly Component[]): void {
  const names = found.map(serializeComponent)
  const missing = wanted.map(serializeComponent).filter(name => !names.includes(name))
  if (missing.length > 0 || names.length !== wanted.length) unsigned('components')
}

function requireDigest(headers: SignedHeaders, body: Uint8Array): void {
  if (headers['content-digest'] !== contentDigest(body)) unsigned('content-digest')
}

async function requireSignature(
  input: SignatureInput,
  signature: Uint8Array,
  values: (component: Component) => string | undefined,
  keyOf: (keyId: string) => Promise<KeyObject | undefined>,
): Promise<void> {
  const key = await keyOf(input.parameters.keyid)
  if (key === undefined) return unsigned('keyid')
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new Error('a message key must be an ECDSA P-256 key')
  }
  const base = signatureBase(input, values)
  if (!verify('sha256', base, { key, dsaEncoding: 'ieee-p1363' }, signature)) unsigned('signature')
}

function requireWindow(input: SignatureInput, at: Instant): void {
  const { created, expires } = input.parameters
  const now = at / 1_000
  if (expires - created > lifetimeSeconds || expires <= created) unsigned('expires')
  if (created > now + skewSeconds || expires < now - skewSeconds) {
    throw new Refusal('message-expired')
  }
}

function unsigned(step: string): never {
  throw new Refusal('message-unsigned', { step })
}

/** The one signature a message carries is called this. */
const label = 'sekisho'
const algorithm = 'ecdsa-p256-sha256'
const requestTag = 'sekisho-request'
const answerTag = 'sekisho-answer'
/** A message is used at once; the window only has to cover transport. */
const lifetimeSeconds = 60
/** Clocks of two operators that both keep NTP. */
const skewSeconds = 30
/** 128 bits in base64url. */
const nonceLengthMin = 22
