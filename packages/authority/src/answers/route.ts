/**
 * The authority's interface to verifiers over HTTP. Queries, statement and manifest are signed messages
 * (`docs/protocol/authority-messages-signing.md`); lists and OCSP answers are signed objects themselves and go as they are.
 */
import type { KeyObject } from 'node:crypto'
import { Refusal } from '@sekisho/contract'
import {
  ageAnswer,
  ageQuery,
  consentWithdrawal,
  crlManifest,
  correspondingSerialAnswer,
  correspondingSerialQuery,
  latestAttributesAnswer,
  latestAttributesQuery,
  predecessorAnswer,
  predecessorQuery,
  usageStatement,
} from '@sekisho/contract/authority'
import { type App, type Request, requireSignedMessages } from '@sekisho/runtime/http'
import type { MessageKey } from '@sekisho/runtime/net'
import { z } from 'zod'
import { readList, readManifest } from '../revocation/publish.ts'
import type { World } from '../world.ts'
import { answerAge } from './age.ts'
import { answerLatestAttributes, withdrawConsent } from './latest-attributes.ts'
import { createNonceTable } from './nonce.ts'
import { answerCorrespondingSerial, answerPredecessor, usageOf } from './query.ts'
import type { Verifier } from './verifier.ts'

/** What these routes need. */
export type AnswerWorld = {
  readonly world: World
  readonly publicOrigin: string
  readonly verifiers: readonly Verifier[]
  readonly answerKey: MessageKey
}

/** Adds the routes. */
export async function addAnswerRoutes(app: App, given: AnswerWorld): Promise<void> {
  addListRoute(app, given.world)
  await app.register(async scope => addSignedRoutes(scope as App, given))
}

function addListRoute(app: App, world: World): void {
  const params = z.object({
    key: z.string().regex(/^[0-9a-f]{1,64}$/),
    municipality: z.string().regex(/^\d{5}$/),
    file: z.string().regex(/^\d{1,9}(-delta)?\.crl$/),
  })
  app.get('/crl/:key/:municipality/:file', { schema: { params } }, async (request, reply) => {
    const { key, municipality, file } = request.params
    const partition = { issuerKeyId: key, municipality }
    const number = Number.parseInt(file, 10)
    const form = file.includes('delta') ? 'delta' : 'full'
    const der = await readList(world, { ...partition, number, form })
    if (der === undefined) throw new Refusal('not-found')
    return reply.type('application/pkix-crl').send(Buffer.from(der))
  })
}

function addSignedRoutes(scope: App, given: AnswerWorld): void {
  const { world } = given
  const keys = new Map(
    given.verifiers.map((one): [string, KeyObject] => [one.keyId, one.publicKey]),
  )
  requireSignedMessages(scope, {
    publicOrigin: given.publicOrigin,
    key: given.answerKey,
    keyOf: keyId => Promise.resolve(keys.get(keyId)),
    nonces: createNonceTable(world.store),
  })
  const verifierOf = (request: Request): Verifier => {
    const found = given.verifiers.find(one => one.keyId === request.signedRequest?.keyId)
    // Its signature held: only a key of this list can have made it.
    if (found === undefined) throw new Error('a signed request has no verifier')
    return found
  }

  scope.get('/crl/manifest', { schema: { response: { 200: crlManifest } } }, () =>
    readManifest(world),
  )
  scope.post(
    '/v1/corresponding-serial',
    {
      schema: {
        headers: idempotent,
        body: correspondingSerialQuery,
        response: { 200: correspondingSerialAnswer },
      },
    },
    request => {
      const key = request.headers['idempotency-key']
      return answerCorrespondingSerial(world, verifierOf(request), key, request.body)
    },
  )
  scope.post(
    '/v1/predecessor',
    {
      schema: { headers: idempotent, body: predecessorQuery, response: { 200: predecessorAnswer } },
    },
    request => {
      const key = request.headers['idempotency-key']
      return answerPredecessor(world, verifierOf(request), key, request.body)
    },
  )
  scope.post(
    '/v1/age',
    { schema: { headers: idempotent, body: ageQuery, response: { 200: ageAnswer } } },
    request => {
      const key = request.headers['idempotency-key']
      return answerAge(world, verifierOf(request), key, request.body)
    },
  )
  scope.post(
    '/v1/latest-attributes',
    {
      schema: {
        headers: idempotent,
        body: latestAttributesQuery,
        response: { 200: latestAttributesAnswer },
      },
    },
    request => {
      const key = request.headers['idempotency-key']
      return answerLatestAttributes(world, verifierOf(request), key, request.body)
    },
  )
  scope.post(
    '/v1/consent-withdrawals',
    { schema: { body: consentWithdrawal, response: { 200: consentWithdrawal } } },
    async request => {
      await withdrawConsent(world, verifierOf(request), request.body.number)
      return request.body
    },
  )
  const month = z.object({ month: z.string().regex(/^\d{4}-(0[1-9]|1[0-2])$/) })
  scope.get(
    '/v1/usage/:month',
    { schema: { params: month, response: { 200: usageStatement } } },
    request => usageOf(world, verifierOf(request), request.params.month),
  )
}

const idempotent = z.looseObject({ 'idempotency-key': z.string().regex(/^[\w-]{8,128}$/) })
