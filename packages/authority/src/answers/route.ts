/** The authority's interface to verifiers over HTTP: signed queries, publication, OCSP. */
import { problemOf, Refusal } from '@sekisho/contract'
import { correspondingSerialQuery, predecessorQuery } from '@sekisho/contract/authority'
import { protocolNow } from '@sekisho/runtime/clock'
import type { App, Reply, Request } from '@sekisho/runtime/http'
import {
  type MessageKey,
  type NonceMemory,
  type RequestToSign,
  signAnswer,
  verifyRequest,
} from '@sekisho/runtime/net'
import { z } from 'zod'
import { answerOcsp } from '../revocation/ocsp.ts'
import { readList, readManifest } from '../revocation/publish.ts'
import type { World } from '../world.ts'
import { answerCorrespondingSerial, answerPredecessor, usageOf } from './query.ts'
import type { Verifier } from './verifier.ts'

/** What these routes need. */
export type AnswerWorld = {
  readonly world: World
  readonly publicOrigin: string
  readonly verifiers: readonly Verifier[]
  readonly answerKey: MessageKey
  readonly nonces: NonceMemory
}

/** Adds the routes. Bodies are taken as bytes, because what is signed is bytes. */
export async function addAnswerRoutes(app: App, given: AnswerWorld): Promise<void> {
  await app.register(async inner => {
    // The scope's type forgets that schemas are zod's; it is the same application.
    const scope = inner as App
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) =>
      done(null, body),
    )
    const { world } = given

    scope.get('/crl/manifest', (request, reply) =>
      signed(given, request, reply, () => readManifest(world)),
    )
    scope.get(
      '/crl/:key/:municipality/:file',
      {
        schema: {
          params: z.object({
            key: z.string().regex(/^[0-9a-f]{1,64}$/),
            municipality: z.string().regex(/^\d{5}$/),
            file: z.string().regex(/^\d{1,9}\.crl$/),
          }),
        },
      },
      async (request, reply) => {
        const { key, municipality, file } = request.params
        const der = await readList(world, {
          issuerKeyId: key,
          municipality,
          number: Number.parseInt(file, 10),
        })
        if (der === undefined) throw new Refusal('not-found')
        return reply.type('application/pkix-crl').send(Buffer.from(der))
      },
    )
    for (const kind of ['signature', 'authentication'] as const)
      scope.post(`/ocsp/${kind}`, async (request, reply) => {
        const answer = await answerOcsp(world, kind, bodyOf(request))
        return reply.type('application/ocsp-response').send(Buffer.from(answer))
      })
    scope.post('/v1/corresponding-serial', (request, reply) =>
      signed(given, request, reply, verifier =>
        answerCorrespondingSerial(
          world,
          verifier,
          keyOf(request),
          parse(correspondingSerialQuery, request),
        ),
      ),
    )
    scope.post('/v1/predecessor', (request, reply) =>
      signed(given, request, reply, verifier =>
        answerPredecessor(world, verifier, keyOf(request), parse(predecessorQuery, request)),
      ),
    )
    scope.get(
      '/v1/usage/:month',
      { schema: { params: z.object({ month: z.string().regex(/^\d{4}-(0[1-9]|1[0-2])$/) }) } },
      (request, reply) =>
        signed(given, request, reply, verifier => usageOf(world, verifier, request.params.month)),
    )
  })
}

/** Verifies the request's signature, answers, and signs the answer. A refusal is signed too: it is an answer. */
async function signed(
  given: AnswerWorld,
  request: Request,
  reply: Reply,
  answer: (verifier: Verifier) => Promise<unknown>,
): Promise<Reply> {
  const message = messageOf(given, request)
  const verified = await verifyRequest(message, {
    keyOf: keyId => Promise.resolve(given.verifiers.find(one => one.keyId === keyId)?.publicKey),
    at: protocolNow(),
    nonces: given.nonces,
  })
  const verifier = given.verifiers.find(one => one.keyId === verified.keyId)
  if (verifier === undefined) throw new Refusal('verifier-unknown')
  const { status, type, content } = await answered(() => answer(verifier))
  const body = new TextEncoder().encode(JSON.stringify(content))
  const headers = signAnswer(
    { status, headers: { 'content-type': type }, body },
    { request: message, key: given.answerKey, at: protocolNow() },
  )
  return reply.code(status).headers(headers).send(Buffer.from(body))
}

async function answered(
  answer: () => Promise<unknown>,
): Promise<{ readonly status: number; readonly type: string; readonly content: unknown }> {
  try {
    return { status: 200, type: 'application/json', content: await answer() }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const problem = problemOf(error)
    return { status: problem.status, type: 'application/problem+json', content: problem }
  }
}

function messageOf(given: AnswerWorld, request: Request): RequestToSign {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(request.headers))
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value
  return {
    method: request.method,
    url: new URL(request.url, given.publicOrigin).href,
    headers,
    body: bodyOf(request),
  }
}

function bodyOf(request: Request): Uint8Array {
  return request.body instanceof Uint8Array ? request.body : new Uint8Array()
}

function keyOf(request: Request): string {
  const key = request.headers['idempotency-key']
  if (typeof key !== 'string' || !/^[\w-]{8,128}$/.test(key))
    throw new Refusal('request-malformed', { fields: 'idempotency-key' })
  return key
}

function parse<T>(schema: z.ZodType<T>, request: Request): T {
  try {
    return schema.parse(
      JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bodyOf(request))),
    )
  } catch {
    throw new Refusal('request-malformed', { fields: 'body' })
  }
}
