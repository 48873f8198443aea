/** The interface for providers under `/v1/mail` (scope `mail`): to post and to prove, and what comes to the provider's own box. */
import {
  mailBulkRequest,
  mailBulkState,
  type MailItem,
  mailInTray,
  mailPosting,
  mailReceived,
  mailReceiptList,
  mailStanding,
  type MailStanding,
  type MailReceived,
  Refusal,
} from '@sekisho/contract'
import type { Ground, Provider, Uploads, World } from '@sekisho/platform/room'
import type { Reply, Request } from '@sekisho/runtime/http'
import type { Store } from '@sekisho/runtime/store'
import { z } from 'zod'
import { type Box, findBox } from './box.ts'
import { beginBulk, bulkResults, bulkState } from './bulk.ts'
import { contentSha256 } from './content.ts'
import type { Documents } from './document.ts'
import type { MailTables } from './post.ts'
import { receiptsOf } from './receipt.ts'
import { type Poster, postingOf, standingOf, withdrawMessage } from './sender.ts'
import { listShelf, openMessage, type Shelved } from './shelf.ts'
import type { Vault } from './vault.ts'

/** What the interface works with. */
export type MailApi = {
  readonly world: World
  readonly store: Store<MailTables>
  readonly post: Poster
  readonly documents: Documents
  readonly vault: Vault
  readonly uploads: Uploads
  /** Carries what waits for its checks. */
  carry(): Promise<void>
}

/** Bodies of the operations, as they are shown and sent in tests. */
export const mailExamples = {
  'POST /v1/mail/messages': {
    to: { subject: 'h0gVYx4QmZ2mZbC1l5xw3A' },
    kind: 'notice',
    subject: '現況届のお願い',
    body: '現況届の時期になりました。',
    documents: [
      {
        name: '案内.txt',
        mediaType: 'text/plain',
        content: Buffer.from('ご案内\n').toString('base64'),
      },
    ],
  },
  'POST /v1/mail/bulk': { upload: 'u3rJv1d1cQ0s2mFvC9a9Xw' },
} as const

const tags = ['provider']
const params = z.object({ id: z.string().max(64) })

/** Adds the routes. */
export function addMailApi(ground: Ground, api: MailApi): void {
  addSenderRoutes(ground, api)
  addBulkRoutes(ground, api)
  addTrayRoutes(ground, api)
}

function addSenderRoutes({ app, authorise }: Ground, api: MailApi): void {
  const { world, store } = api
  const headers = z.object({ 'idempotency-key': z.string().min(8).max(128) })
  app.post(
    '/v1/mail/messages',
    {
      bodyLimit: postingBytesMax,
      schema: { tags, headers, body: mailPosting, response: { 201: mailStanding } },
    },
    async (request, reply) => {
      const provider = await authorise(request, 'mail')
      const key = request.headers['idempotency-key']
      const documents = await api.documents.take(provider.id, request.body.documents)
      const posting = await postingOf(world, store, provider, {
        request: request.body,
        documents,
        key,
      })
      const { id, state, postedAt, isNew } = await api.post(posting)
      if (isNew && state === 'delivered') return reply.code(201).send(standingOfNew(id, postedAt))
      // What this node can check is delivered when the sender has its answer.
      if (documents.length > 0) await api.carry()
      return reply.code(201).send(await standingOf(store, await ownBox(store, provider), id))
    },
  )
  app.get(
    '/v1/mail/messages/:id',
    { schema: { tags, params, response: { 200: mailStanding } } },
    async request => {
      const own = await ownBox(store, await authorise(request, 'mail'))
      return standingOf(store, own, request.params.id)
    },
  )
  app.get(
    '/v1/mail/messages/:id/receipts',
    { schema: { tags, params, response: { 200: mailReceiptList } } },
    async request => {
      const own = await ownBox(store, await authorise(request, 'mail'))
      if (own === undefined) throw new Refusal('message-unknown')
      return receiptsOf(world, store, own, request.params.id)
    },
  )
  app.post(
    '/v1/mail/messages/:id/withdrawal',
    { schema: { tags, params, response: { 200: mailStanding } } },
    async request => {
      const own = await ownBox(store, await authorise(request, 'mail'))
      return withdrawMessage(world, store, own, request.params.id)
    },
  )
}

/** What needs no checks is delivered in the instant in which it is posted. */
function standingOfNew(id: string, postedAt: number): MailStanding {
  const at = new Date(postedAt).toISOString()
  const later = { readAt: null, endedAt: null, why: null }
  return { id, state: 'delivered', postedAt: at, deliveredAt: at, ...later }
}

function addBulkRoutes({ app, authorise }: Ground, api: MailApi): void {
  const { store } = api
  const headers = z.object({ 'idempotency-key': z.string().min(8).max(128) })
  app.post(
    '/v1/mail/bulk',
    { schema: { tags, headers, body: mailBulkRequest, response: { 201: mailBulkState } } },
    async (request, reply) => {
      const provider = await authorise(request, 'mail')
      const key = request.headers['idempotency-key']
      return reply.code(201).send(await beginBulk(api, provider, request.body.upload, key))
    },
  )
  app.get(
    '/v1/mail/bulk/:id',
    { schema: { tags, params, response: { 200: mailBulkState } } },
    async request => bulkState(store, await authorise(request, 'mail'), request.params.id),
  )
  const querystring = z.object({ after: z.coerce.number().int().nonnegative().default(0) })
  app.get(
    '/v1/mail/bulk/:id/results',
    { schema: { tags, params, querystring } },
    async (request, reply) => {
      const { id } = await bulkState(store, await authorise(request, 'mail'), request.params.id)
      const results = await bulkResults(store, id, request.query.after)
      return reply.type('application/x-ndjson').send(results)
    },
  )
}

function addTrayRoutes({ app, authorise }: Ground, api: MailApi): void {
  const { world, store } = api
  app.get(
    '/v1/mail/in-tray',
    {
      schema: {
        tags,
        querystring: z.object({ after: z.coerce.number().int().nonnegative().default(0) }),
        response: { 200: mailInTray },
      },
    },
    async request => {
      const own = await ownBox(store, await authorise(request, 'mail'))
      const boxes = own === undefined ? [] : [own]
      const after = request.query.after
      const found = await listShelf(world, store, { boxes, after, limit: trayLength + 1 })
      return {
        messages: found.slice(0, trayLength).map(itemOf),
        isComplete: found.length <= trayLength,
      }
    },
  )
  app.get(
    '/v1/mail/in-tray/:id',
    { schema: { tags, params, response: { 200: mailReceived } } },
    async request => {
      const own = await ownBox(store, await authorise(request, 'mail'))
      return receivedOf(world, store, own, { id: request.params.id, asReader: false })
    },
  )
  app.post(
    '/v1/mail/in-tray/:id/acknowledgement',
    { schema: { tags, params, response: { 200: mailReceived } } },
    async request => {
      const own = await ownBox(store, await authorise(request, 'mail'))
      return receivedOf(world, store, own, { id: request.params.id, asReader: true })
    },
  )
  app.get(
    '/v1/mail/in-tray/:id/documents/:position',
    {
      schema: {
        tags,
        params: z.object({
          id: z.string().max(64),
          position: z.coerce.number().int().nonnegative().max(100),
        }),
      },
    },
    async (request, reply) => {
      const provider = await authorise(request, 'mail')
      const own = await ownBox(store, provider)
      const { id, position } = request.params
      return sendTrayDocument(api, { provider, own, id, position }, request, reply)
    },
  )
}

async function sendTrayDocument(
  { world, store, documents }: MailApi,
  given: {
    readonly provider: Provider
    readonly own: Box | undefined
    readonly id: string
    readonly position: number
  },
  request: Request,
  reply: Reply,
): Promise<Reply> {
  const { own, id, position } = given
  if (own === undefined) throw new Refusal('message-unknown')
  const message = await openMessage(world, store, { boxes: [own], id, asReader: false })
  return documents.send(request, reply, { box: own, message, position })
}

/** The box that a provider posts from and fetches for; undefined: it has none yet. */
function ownBox(
  store: Store<MailTables>,
  provider: Pick<Provider, 'id'>,
): Promise<Box | undefined> {
  return store.read(db => findBox(db, { kind: 'provider', providerId: provider.id }))
}

async function receivedOf(
  world: World,
  store: Store<MailTables>,
  own: Box | undefined,
  given: { readonly id: string; readonly asReader: boolean },
): Promise<MailReceived> {
  const boxes = own === undefined ? [] : [own]
  const message = await openMessage(world, store, { boxes, ...given })
  return {
    ...itemOf(message),
    body: message.content.body,
    contentSha256: contentSha256(message.content),
  }
}

function itemOf(message: Shelved): MailItem {
  const { id, number, from, kind, subject, state, documents, deliveredAt } = message
  return {
    id,
    number,
    from,
    kind,
    subject,
    state,
    deliveredAt: new Date(deliveredAt).toISOString(),
    documents: [...documents],
  }
}

const trayLength = 100
/** A megabyte of documents in base64, and the rest of the call. */
const postingBytesMax = 2 * 1024 * 1024
