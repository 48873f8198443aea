/** Documents on their way in and out: those within a call lie sealed in the database, those that were uploaded in the vault; parts of either can be asked for. */
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { type MailDocumentGiven, mailInlineBytesMax, Refusal } from '@sekisho/contract'
import type { Uploads, World } from '@sekisho/platform/room'
import { protocolNow } from '@sekisho/runtime/clock'
import type { Reply, Request } from '@sekisho/runtime/http'
import type { Store } from '@sekisho/runtime/store'
import type { Box } from './box.ts'
import { assertAcceptable, lookedAtBytes } from './content-type.ts'
import type { MailTables, PostedDocument } from './post.ts'
import { messageKeyFor, type OpenedMessage } from './shelf.ts'
import type { Vault, VaultFile } from './vault.ts'
import { withoutSignature } from './withheld.ts'

/** The documents of a node. */
export type Documents = {
  /**
   * Documents as a provider gives them, as they can be posted. Refusals `upload-unknown`, `upload-incomplete`, `storage-full`,
   * `request-too-large` for more within the call than fits there, `document-refused`.
   */
  take(ownerId: string, given: readonly MailDocumentGiven[]): Promise<readonly PostedDocument[]>
  /** Reads a document of a message. Refusal `message-unknown`. */
  read(
    place: DocumentPlace,
    part?: { readonly start: number; readonly end: number },
  ): Promise<AsyncIterable<Uint8Array>>
  /** The same with a citizen's signature, for the platform's own judging. */
  readWhole(place: DocumentPlace): Promise<AsyncIterable<Uint8Array>>
  /** Answers with a document, or the part of it that `Range` asks for (RFC 9110 §14). */
  send(
    request: Request,
    reply: Reply,
    place: DocumentPlace & { readonly isInline?: boolean },
  ): Promise<Reply>
}

/** Where a document is. */
export type DocumentPlace = {
  readonly box: Box
  readonly message: Pick<OpenedMessage, 'id' | 'content'>
  readonly position: number
}

/** Makes them. */
export function createDocuments(given: {
  readonly world: World
  readonly store: Store<MailTables>
  readonly vault: Vault
  readonly uploads: Uploads
}): Documents {
  const { world, store, vault, uploads } = given
  const intoVaultOnce = onceEach(protocolNow)
  const read: Documents['read'] = async (place, part) => {
    const document = place.message.content.documents[place.position]
    if (document === undefined) throw new Refusal('message-unknown')
    if (document.withheld === true) {
      const container = await collect(await readKept(place))
      const bytes = withoutSignature(document.mediaType, container)
      return once(bytes.subarray(part?.start ?? 0, part?.end ?? bytes.length))
    }
    return readKept(place, part)
  }
  const readKept: Documents['read'] = async (place, part) => {
    const { box, message, position } = place
    const document = message.content.documents[position]
    if (document === undefined) throw new Refusal('message-unknown')
    const { start = 0, end = document.length } = part ?? {}
    const row = await store.read(db =>
      db
        .selectFrom('mailbox_document')
        .select(['sealed', 'file'])
        .where('message_id', '=', message.id)
        .where('position', '=', position)
        .executeTakeFirst(),
    )
    if (row === undefined) throw new Refusal('message-unknown')
    if (row.file !== null && document.key !== undefined)
      return vault.read({ file: row.file, key: document.key, length: document.length }, start, end)
    if (row.sealed === null) throw new Refusal('message-unknown')
    const key = await messageKeyFor(world, store, box, message.id)
    return once(key.unseal(`document ${position}`, row.sealed).subarray(start, end))
  }
  return {
    take: async (ownerId, documents) => {
      const taken: PostedDocument[] = []
      let inline = 0
      for (const [position, { name, mediaType, content }] of documents.entries()) {
        if (typeof content !== 'string') {
          const accept = (head: Uint8Array): void =>
            assertAcceptable({ name, mediaType }, head, position)
          const put = await intoVaultOnce(`${ownerId} ${content.upload}`, () =>
            intoVault({ vault, uploads, accept }, ownerId, content.upload),
          )
          taken.push({ name, mediaType, ...put })
          continue
        }
        const bytes = Uint8Array.from(Buffer.from(content, 'base64'))
        inline += bytes.length
        if (inline > mailInlineBytesMax) throw new Refusal('request-too-large')
        assertAcceptable({ name, mediaType }, bytes.subarray(0, lookedAtBytes), position)
        taken.push({ name, mediaType, bytes })
      }
      return taken
    },
    read,
    readWhole: place => readKept(place),
    send: async (request, reply, place) => {
      const document = place.message.content.documents[place.position]
      if (document === undefined) throw new Refusal('message-unknown')
      // Of all types that are taken only PDF is shown, in the browser's own viewer, which runs nothing of ours.
      const isInline = place.isInline === true && document.mediaType === 'application/pdf'
      // Of what is taken out of a container nobody knows the length beforehand: it goes whole.
      const part = document.withheld === true ? undefined : partOf(request, document)
      reply
        .header('cache-control', 'private, no-store')
        .header('x-content-type-options', 'nosniff')
        .header(
          'content-disposition',
          `${isInline ? 'inline' : 'attachment'}; filename*=UTF-8''${encodeURIComponent(document.name)}`,
        )
        .type(isInline ? 'application/pdf' : 'application/octet-stream')
      if (document.withheld === true)
        return reply.send(Readable.from(await read(place), { objectMode: false }))
      reply.header('accept-ranges', 'bytes').header('etag', `"${document.sha256}"`)
      if (part === 'none')
        return reply.code(416).header('content-range', `bytes */${document.length}`).send()
      const { start, end } = part ?? { start: 0, end: document.length }
      if (part !== undefined)
        reply.code(206).header('content-range', `bytes ${start}-${end - 1}/${document.length}`)
      reply.header('content-length', String(end - start))
      return reply.send(Readable.from(await read(place, { start, end }), { objectMode: false }))
    },
  }
}

/**
 * A large document takes longer than a caller waits, who then asks again: it is put into the vault once, and all who ask meanwhile or a little later
 * get the same file.
 */
function onceEach(now: () => number) {
  const known = new Map<string, { readonly put: Promise<VaultFile>; until: number }>()
  return async (name: string, put: () => Promise<VaultFile>): Promise<VaultFile> => {
    for (const [other, { until }] of known) if (until < now()) known.delete(other)
    const before = known.get(name)
    if (before !== undefined) return before.put
    const entry = { put: put(), until: Number.POSITIVE_INFINITY }
    known.set(name, entry)
    try {
      return await entry.put
    } catch (error) {
      known.delete(name)
      throw error
    } finally {
      entry.until = now() + rememberedMs
    }
  }
}

/** While the upload itself is still there; it is the same bytes. */
const rememberedMs = 10 * 60 * 1000

async function intoVault(
  given: {
    readonly vault: Vault
    readonly uploads: Uploads
    readonly accept: (head: Uint8Array) => void
  },
  ownerId: string,
  id: string,
): Promise<VaultFile> {
  return given.uploads.use(ownerId, [id], async found => {
    const upload = found.get(id)
    if (upload === undefined) throw new Refusal('upload-unknown')
    given.accept(await headOf(upload.path))
    return given.vault.put(createReadStream(upload.path, { highWaterMark: readBytes }))
  })
}

async function headOf(path: string): Promise<Uint8Array> {
  const file = await open(path, 'r')
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(lookedAtBytes), 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

/** The bytes of pieces together, for what is known to be small. */
export async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const piece of pieces) parts.push(Uint8Array.from(piece))
  return Uint8Array.from(Buffer.concat(parts))
}

/** Bytes as one piece. */
export async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes
}

/** One part; what asks for several, or for what the document no longer is, gets the whole (RFC 9110 §14.2). */
function partOf(
  request: Request,
  { length, sha256 }: { readonly length: number; readonly sha256: string },
): { readonly start: number; readonly end: number } | 'none' | undefined {
  const condition = request.headers['if-range']
  if (condition !== undefined && condition !== `"${sha256}"`) return undefined
  const [, first, last] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(request.headers.range ?? '') ?? []
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined
  if (first === '') {
    const count = Math.min(Number(last), length)
    return count === 0 ? 'none' : { start: length - count, end: length }
  }
  const start = Number(first)
  const end = last === '' ? length : Math.min(Number(last) + 1, length)
  if (start >= length || end <= start) return 'none'
  return { start, end }
}

const readBytes = 1024 * 1024
