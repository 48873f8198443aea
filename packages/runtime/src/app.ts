/** The Fastify application that routes are added to: typed by zod, and keeping bodies' bytes. */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import formbody from '@fastify/formbody'
import { Refusal } from '@sekisho/contract'
import fastify, { type FastifyInstance } from 'fastify'
import {
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod'
import { answerRefusal } from './refusal-answer.ts'
import type { VerifiedRequest } from './signed-messages.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The bytes of a JSON body as they arrived, beside what they parse to: digests are over bytes. */
    bodyBytes: Uint8Array | undefined
    /** Set on routes under `requireSignedMessages`, before schema and handler see the request. */
    signedRequest: VerifiedRequest | undefined
  }
}

/** Fastify whose routes are typed by their zod schemas. */
export type App = FastifyInstance<
  Server,
  IncomingMessage,
  ServerResponse,
  FastifyInstance['log'],
  ZodTypeProvider
>

/** Makes the application over a server that `serverFor` builds around Fastify's own listener. */
export async function createApp(
  bodyLimit: number,
  serverFor: (inner: RequestListener) => Server,
): Promise<App> {
  const app: App = fastify({
    logger: false,
    bodyLimit,
    forceCloseConnections: 'idle',
    trustProxy: false,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: paramLengthMax },
    serverFactory: serverFor,
    // An address that cannot be decoded; the default answer would repeat it.
    frameworkErrors: (_error, request, reply) => {
      void answerRefusal(request, reply, new Refusal('not-found'), undefined)
    },
  }).withTypeProvider<ZodTypeProvider>()
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  await app.register(formbody, { bodyLimit })
  app.decorateRequest('bodyBytes', undefined)
  app.decorateRequest('signedRequest', undefined)
  // `__proto__` and `constructor.prototype` in a body are refused, not dropped.
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser<Uint8Array & Buffer>(
    'application/json',
    { parseAs: 'buffer' },
    (request, body, done) => {
      request.bodyBytes = Uint8Array.from(body)
      void parse(request, body.toString('utf8'), done)
    },
  )
  return app
}

/** Ids in paths are tokens of some forty characters. */
const paramLengthMax = 200
