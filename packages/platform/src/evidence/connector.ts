/**
 * The connection to the authority (A4–A6): CRL publication, OCSP, signed queries. It knows the authority only by its
 * addresses and keys; whatever does not come back whole, signed and in time is a refusal, never an answer.
 */
import { type KeyObject } from 'node:crypto'
import { Refusal } from '@sekisho/contract'
import {
  type CertificateReference,
  correspondingSerialAnswer,
  type CorrespondingSerialAnswer,
  type CorrespondingSerialQuery,
  crlManifest,
  type CrlManifest,
  predecessorAnswer,
  type PredecessorAnswer,
  type UsageStatement,
  usageStatement,
} from '@sekisho/contract/authority'
import { type Clock, protocolNow } from '@sekisho/runtime/clock'
import {
  type Fetch,
  type MessageKey,
  NetworkFault,
  type RequestToSign,
  signRequest,
  verifyAnswer,
} from '@sekisho/runtime/net'
import type { Random } from '@sekisho/runtime/random'
import type { z } from 'zod'

/** What the platform asks of the authority. Refusals: `authority-unreachable`, `authority-refused`, `authority-answer-invalid`. */
export type AuthorityConnector = {
  /** Everything that is published now. */
  crlManifest(): Promise<CrlManifest>
  /** One published list, DER, by the path in the manifest. */
  crl(path: string): Promise<Uint8Array>
  /** An OCSP answer, DER, to a DER request (RFC 6960 appendix A). */
  ocsp(ca: 'signature' | 'authentication', request: Uint8Array): Promise<Uint8Array>
  /** 対応証明書の発行番号. `key` makes the query idempotent. */
  correspondingSerial(
    query: CorrespondingSerialQuery,
    key: string,
  ): Promise<CorrespondingSerialAnswer>
  /** 新旧シリアル番号の紐付け, one step back. */
  predecessor(authentication: CertificateReference, key: string): Promise<PredecessorAnswer>
  /** What the authority counted in a month. */
  usageStatement(month: string): Promise<UsageStatement>
}

/** Where the authority is and how both sides are known to each other. */
export type AuthoritySettings = {
  readonly url: string
  /** Public key that signs its answers. */
  readonly answerKey: { readonly keyId: string; readonly publicKey: KeyObject }
}

/** A connector over HTTP with signed messages (`docs/protocol/authority-messages-signing.md`). */
export function connectAuthority(
  settings: AuthoritySettings,
  world: {
    readonly fetch: Fetch
    readonly random: Random
    readonly clock: Clock
    readonly key: MessageKey
  },
): AuthorityConnector {
  const signed = async <T>(
    schema: z.ZodType<T>,
    method: 'GET' | 'POST',
    path: string,
    given: { readonly body?: unknown; readonly key?: string } = {},
  ): Promise<T> => {
    const request: RequestToSign = {
      method,
      url: new URL(path, settings.url).href,
      headers: {
        accept: 'application/json',
        ...(given.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(given.key === undefined ? {} : { 'idempotency-key': given.key }),
      },
      body:
        given.body === undefined
          ? new Uint8Array()
          : new TextEncoder().encode(JSON.stringify(given.body)),
    }
    const headers = signRequest(request, {
      key: world.key,
      at: protocolNow(),
      nonce: world.random.token(nonceBits),
    })
    const sent = { ...request, headers }
    const response = await reach(() =>
      world.fetch(request.url, {
        method,
        headers,
        ...(method === 'GET' ? {} : { body: new Uint8Array(request.body) }),
      }),
    )
    const body = await reach(async () => new Uint8Array(await response.arrayBuffer()))
    if (response.status >= 500) throw new Refusal('authority-unreachable')
    if (response.status !== 200) throw new Refusal('authority-refused', { status: response.status })
    await verifyAnswer(
      { status: response.status, headers: Object.fromEntries(response.headers), body },
      {
        request: sent,
        at: protocolNow(),
        keyOf: keyId =>
          Promise.resolve(
            keyId === settings.answerKey.keyId ? settings.answerKey.publicKey : undefined,
          ),
      },
    )
    return parse(schema, body)
  }

  const bytes = async (
    path: string,
    init: RequestInit,
    contentType: string,
  ): Promise<Uint8Array> => {
    const url = new URL(path, settings.url)
    // A path of the manifest must not lead anywhere else.
    if (url.origin !== new URL(settings.url).origin)
      throw new Refusal('authority-answer-invalid', { step: 'path' })
    const response = await reach(() => world.fetch(url, init))
    const body = await reach(async () => new Uint8Array(await response.arrayBuffer()))
    if (response.status >= 500) throw new Refusal('authority-unreachable')
    if (response.status !== 200) throw new Refusal('authority-refused', { status: response.status })
    if (!(response.headers.get('content-type') ?? '').startsWith(contentType))
      throw new Refusal('authority-answer-invalid', { step: 'content-type' })
    return body
  }

  return {
    crlManifest: () => signed(crlManifest, 'GET', '/crl/manifest'),
    crl: path => bytes(path, {}, 'application/pkix-crl'),
    ocsp: (ca, request) =>
      bytes(
        `/ocsp/${ca}`,
        {
          method: 'POST',
          headers: { 'content-type': 'application/ocsp-request' },
          body: new Uint8Array(request),
        },
        'application/ocsp-response',
      ),
    correspondingSerial: (query, key) =>
      signed(correspondingSerialAnswer, 'POST', '/v1/corresponding-serial', { body: query, key }),
    predecessor: (authentication, key) =>
      signed(predecessorAnswer, 'POST', '/v1/predecessor', {
        // The platform verifies signatures too: of the two consents the first is the condition (flows.md §4, case 1).
        body: { authentication, consents: ['authority-use'] },
        key,
      }),
    usageStatement: month => signed(usageStatement, 'GET', `/v1/usage/${month}`),
  }
}

/** Bits of the nonce in each signed query, as the profile asks. */
const nonceBits = 128

async function reach<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (error instanceof NetworkFault || error instanceof TypeError)
      throw new Refusal('authority-unreachable')
    throw error
  }
}

function parse<T>(schema: z.ZodType<T>, body: Uint8Array): T {
  try {
    return schema.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)))
  } catch {
    throw new Refusal('authority-answer-invalid', { step: 'content' })
  }
}
