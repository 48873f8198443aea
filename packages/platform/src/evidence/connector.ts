/**
 * The connection to the authority (A4–A6): CRL publication, OCSP, signed queries. It knows the authority only by its
 * addresses and keys; whatever does not come back whole, signed and in time is a refusal, never an answer.
 */
import { type KeyObject } from 'node:crypto'
import { Refusal } from '@sekisho/contract'
import {
  ageAnswer,
  type AgeAnswer,
  type AgeQuery,
  type CertificateReference,
  consentWithdrawal,
  correspondingSerialAnswer,
  type CorrespondingSerialAnswer,
  type CorrespondingSerialQuery,
  crlManifest,
  type CrlManifest,
  latestAttributesAnswer,
  type LatestAttributesAnswer,
  type LatestAttributesQuery,
  pinlessStanding,
  type PinlessStanding,
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
  /** Id under which the authority knows this verifier; consents to the latest attributes name it. */
  readonly verifierId: string
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
  /** 年齢判定: a charged validity check, and yes or no. */
  age(query: AgeQuery, key: string): Promise<AgeAnswer>
  /** 最新の利用者情報, by a consent that the person signed. */
  latestAttributes(query: LatestAttributesQuery, key: string): Promise<LatestAttributesAnswer>
  /** Tells that a consent to the latest attributes was withdrawn. */
  withdrawConsent(number: string): Promise<void>
  /** 新旧シリアル番号の紐付け, one step back. */
  predecessor(authentication: CertificateReference, key: string): Promise<PredecessorAnswer>
  /** Organisations and terminals that may ask cards without PIN, and those that were withdrawn. */
  pinlessStanding(): Promise<PinlessStanding>
  /** What the authority counted in a month. */
  usageStatement(month: string): Promise<UsageStatement>
}

/** Where the authority is and how both sides are known to each other. */
export type AuthoritySettings = {
  readonly url: string
  /** Id under which it knows this verifier. */
  readonly verifierId: string
  /** Public key that signs its answers. */
  readonly answerKey: { readonly keyId: string; readonly publicKey: KeyObject }
}

type World = {
  readonly fetch: Fetch
  readonly random: Random
  readonly clock: Clock
  readonly key: MessageKey
}

/** A connector over HTTP with signed messages (`docs/protocol/authority-messages-signing.md`). */
export function connectAuthority(settings: AuthoritySettings, world: World): AuthorityConnector {
  const ask = <T>(schema: z.ZodType<T>, query: Query): Promise<T> =>
    askSigned(settings, world, schema, query)
  return {
    verifierId: settings.verifierId,
    crlManifest: () => ask(crlManifest, { method: 'GET', path: '/crl/manifest' }),
    crl: path => fetchBytes(settings, world, path, {}, 'application/pkix-crl'),
    ocsp: (ca, request) =>
      fetchBytes(
        settings,
        world,
        `/ocsp/${ca}`,
        {
          method: 'POST',
          headers: { 'content-type': 'application/ocsp-request' },
          body: new Uint8Array(request),
        },
        'application/ocsp-response',
      ),
    correspondingSerial: (query, key) =>
      ask(correspondingSerialAnswer, {
        method: 'POST',
        path: '/v1/corresponding-serial',
        body: query,
        key,
      }),
    age: (query, key) => ask(ageAnswer, { method: 'POST', path: '/v1/age', body: query, key }),
    latestAttributes: (query, key) =>
      ask(latestAttributesAnswer, {
        method: 'POST',
        path: '/v1/latest-attributes',
        body: query,
        key,
      }),
    withdrawConsent: async number => {
      await ask(consentWithdrawal, {
        method: 'POST',
        path: '/v1/consent-withdrawals',
        body: { number },
      })
    },
    predecessor: (authentication, key) =>
      ask(predecessorAnswer, {
        method: 'POST',
        path: '/v1/predecessor',
        // The platform verifies signatures too: of the two consents the first is the condition (flows.md §4, case 1).
        body: { authentication, purpose: 'login', consents: ['authority-use'] },
        key,
      }),
    pinlessStanding: () => ask(pinlessStanding, { method: 'GET', path: '/v1/pinless-standing' }),
    usageStatement: month => ask(usageStatement, { method: 'GET', path: `/v1/usage/${month}` }),
  }
}

type Query = {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: unknown
  /** Idempotency key. */
  readonly key?: string
}

/** Sends a signed query and takes only an answer signed for it. */
async function askSigned<T>(
  settings: AuthoritySettings,
  world: World,
  schema: z.ZodType<T>,
  query: Query,
): Promise<T> {
  const { method } = query
  const request: RequestToSign = {
    method,
    url: new URL(query.path, settings.url).href,
    headers: {
      accept: 'application/json',
      ...(query.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(query.key === undefined ? {} : { 'idempotency-key': query.key }),
    },
    body:
      query.body === undefined
        ? new Uint8Array()
        : new TextEncoder().encode(JSON.stringify(query.body)),
  }
  const headers = signRequest(request, {
    key: world.key,
    at: protocolNow(),
    nonce: world.random.token(nonceBits),
  })
  const response = await reach(() =>
    world.fetch(request.url, {
      method,
      headers,
      ...(method === 'GET' ? {} : { body: new Uint8Array(request.body) }),
    }),
  )
  const body = await bodyOf(response)
  await verifyAnswer(
    { status: response.status, headers: Object.fromEntries(response.headers), body },
    {
      request: { ...request, headers },
      at: protocolNow(),
      keyOf: keyId =>
        Promise.resolve(
          keyId === settings.answerKey.keyId ? settings.answerKey.publicKey : undefined,
        ),
    },
  )
  return parse(schema, body)
}

/** Fetches something that carries its own signature. */
async function fetchBytes(
  settings: AuthoritySettings,
  world: World,
  path: string,
  init: RequestInit,
  contentType: string,
): Promise<Uint8Array> {
  const url = new URL(path, settings.url)
  // A path of the manifest must not lead anywhere else.
  if (url.origin !== new URL(settings.url).origin)
    throw new Refusal('authority-answer-invalid', { step: 'path' })
  const response = await reach(() => world.fetch(url, init))
  const body = await bodyOf(response)
  if (!(response.headers.get('content-type') ?? '').startsWith(contentType))
    throw new Refusal('authority-answer-invalid', { step: 'content-type' })
  return body
}

/** The body of a 200. Refusals for everything else, and for a body that breaks off. */
async function bodyOf(response: Response): Promise<Uint8Array> {
  const body = await reach(async () => new Uint8Array(await response.arrayBuffer()))
  if (response.status >= 500) throw new Refusal('authority-unreachable')
  if (response.status !== 200) throw new Refusal('authority-refused', { status: response.status })
  return body
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
