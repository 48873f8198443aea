/** The screens of the mailbox below `/me`: a person's own box, and boxes of organisations for their members. */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { Refusal } from '@sekisho/contract'
import { isCorporateNumber } from '@sekisho/contract/japan'
import { type Ground, knownSubject, selvesOf, type Visit, type World } from '@sekisho/platform/room'
import type { Reply, Request } from '@sekisho/runtime/http'
import type { Store } from '@sekisho/runtime/store'
import { html, linkButton } from '@sekisho/web'
import { z } from 'zod'
import { type Box, boxesOfPeople, findBox, type Owner, ownerKey } from './box.ts'
import { listedBoxes, membershipsOf } from './directory.ts'
import { collect, type Documents } from './document.ts'
import { exportBoxes } from './export.ts'
import { forwardOf } from './forward.ts'
import {
  doneThings,
  folders,
  listBody,
  messageBody,
  personHome,
  type Place,
  verificationPart,
} from './page.ts'
import type { MailTables } from './post.ts'
import { type Poster, withdrawMessage } from './sender.ts'
import {
  countUnread,
  listSent,
  listShelf,
  moveMessage,
  openMessage,
  receivedOf,
  searchShelf,
  type Shelved,
} from './shelf.ts'
import { judgeDocument } from './verdict.ts'
import { words } from './word.ts'

/** What the screens work with. */
export type Screens = {
  readonly world: World
  readonly store: Store<MailTables>
  readonly post: Poster
  readonly documents: Documents
  /** What corporations have entrusted to a person: acts by corporate number. */
  actsOf(personId: string): Promise<ReadonlyMap<string, ReadonlySet<string>>>
  /** Whether people can be told by e-mail. */
  readonly tells: boolean
  carry(): Promise<void>
}

/** Whose box is looked at, by whom. */
type Desk = {
  readonly place: Place
  readonly title: string
  readonly boxes: readonly Box[]
  /** From whom what is forwarded comes. */
  readonly owner: Owner
  readonly visit: Visit
}

/** How many messages wait for a person. */
export async function waitingFor(
  screens: Pick<Screens, 'world' | 'store'>,
  personId: string,
): Promise<number> {
  return screens.store.read(async db => {
    const boxes = await boxesOfPeople(db, await selvesOf(db, personId))
    return countUnread(db, boxes, screens.world.clock.now())
  })
}

/** Adds the routes. */
export function addMailScreens(ground: Ground, screens: Screens): void {
  addPlace(ground, screens, personHome, () => personHome, personDesk)
  addPlace(
    ground,
    screens,
    '/me/organisations/:number/mail',
    request => `/me/organisations/${numberIn(request)}/mail`,
    organisationDesk,
  )
  ground.app.post(`${personHome}/export`, { schema: { hide } }, (request, reply) =>
    ground.visitors.act(request, reply, personHome, async visit => {
      const { boxes } = await personDesk(screens, visit, personHome)
      const archive = await exportBoxes(screens, { boxes, personId: visit.personId })
      return reply
        .type('application/zip')
        .header('content-disposition', 'attachment; filename="mailbox.zip"')
        .header('cache-control', 'no-store')
        .send(Readable.from(archive, { objectMode: false }))
    }),
  )
}

const hide = true
const params = z.object({ number: z.string().max(13).optional(), id: z.string().max(64) })
const documentParams = z.object({
  ...params.shape,
  position: z.coerce.number().int().min(0).max(99),
})

type DeskOf = (screens: Screens, visit: Visit, home: string) => Promise<Desk>

async function personDesk({ store }: Screens, visit: Visit, home: string): Promise<Desk> {
  const boxes = await store.read(async db => boxesOfPeople(db, await selvesOf(db, visit.personId)))
  return {
    place: { lang: visit.lang, home, mayAct: true },
    title: words[visit.lang].title,
    boxes,
    owner: { kind: 'person', personId: visit.personId },
    visit,
  }
}

/** Refusal `mailbox-unknown` also for somebody who has no part in it: that there is a box is nobody else's business. */
async function organisationDesk(screens: Screens, visit: Visit, home: string): Promise<Desk> {
  const { store } = screens
  const number = numberIn(visit.request)
  const owner: Owner = isCorporateNumber(number)
    ? { kind: 'organisation', number }
    : { kind: 'municipality', code: number }
  const parts = await partsOf(screens, visit.personId)
  const part = parts.find(one => ownerKey(one.owner) === ownerKey(owner))
  const box = await store.read(db => findBox(db, owner))
  if (box === undefined || part === undefined) throw new Refusal('mailbox-unknown')
  return {
    place: { lang: visit.lang, home, mayAct: part.role === 'clerk' },
    title: words[visit.lang].of(part.name),
    boxes: [box],
    owner,
    visit,
  }
}

/**
 * The boxes in which a person has a part: as a member, or by a mandate of the corporation (C12): `mail.read` to read, `mail.act` to do what a
 * clerk does.
 */
async function partsOf({ store, actsOf }: Screens, personId: string) {
  const acts = await actsOf(personId)
  return store.read(async db => {
    const parts = [...(await membershipsOf(db, personId))]
    for (const [number, entrusted] of acts) {
      const owner = { kind: 'organisation', number } as const
      const isClerk = entrusted.has('mail.act') || entrusted.has('*')
      if (!isClerk && !entrusted.has('mail.read')) continue
      const box = await findBox(db, owner)
      if (box === undefined || parts.some(one => ownerKey(one.owner) === ownerKey(owner))) continue
      parts.push({ owner, name: box.name ?? number, role: isClerk ? 'clerk' : 'reader' })
    }
    return parts
  })
}

function numberIn(request: Request): string {
  const given = request.params
  const number = typeof given === 'object' && given !== null ? Reflect.get(given, 'number') : ''
  return typeof number === 'string' && /^\d{5}(\d{8})?$/.test(number) ? number : ''
}

function addPlace(
  { app, visitors }: Ground,
  screens: Screens,
  path: string,
  homeOf: (request: Request) => string,
  deskOf: DeskOf,
): void {
  const show = (request: Request, reply: Reply, work: (desk: Desk) => Promise<Reply>) =>
    visitors.show(request, reply, homeOf(request), async visit =>
      work(await deskOf(screens, visit, homeOf(request))),
    )
  const act = (request: Request, reply: Reply, work: (desk: Desk) => Promise<Reply>) =>
    visitors.act(request, reply, homeOf(request), async visit => {
      const desk = await deskOf(screens, visit, homeOf(request))
      if (!desk.place.mayAct) throw new Refusal('mailbox-unknown')
      return work(desk)
    })
  app.get(path, { schema: { hide } }, (request, reply) =>
    show(request, reply, async desk => {
      const body = await listOf(screens, desk)
      return visitors.send(desk.visit, body, { title: desk.title })
    }),
  )
  app.get(`${path}/:id`, { schema: { hide, params } }, (request, reply) =>
    show(request, reply, async desk => {
      const { world, store } = screens
      const { id } = request.params
      const message = await openMessage(world, store, { boxes: desk.boxes, id, asReader: true })
      const addressees = await addresseesOf(screens, desk)
      const body = messageBody(desk.place, { message, addressees })
      return visitors.send(desk.visit, body, { title: message.subject })
    }),
  )
  app.get(
    `${path}/:id/documents/:position`,
    { schema: { hide, params: documentParams } },
    (request, reply) =>
      show(request, reply, async desk => {
        const { world, store, documents } = screens
        const { id, position } = request.params
        const message = await openMessage(world, store, { boxes: desk.boxes, id, asReader: true })
        const isInline = request.url.includes('view=inline')
        return documents.send(request, reply, {
          box: boxOf(desk, message),
          message,
          position,
          isInline,
        })
      }),
  )
  app.post(
    `${path}/:id/documents/:position/verify`,
    { schema: { hide, params: documentParams } },
    (request, reply) =>
      visitors.act(request, reply, homeOf(request), async visit => {
        const desk = await deskOf(screens, visit, homeOf(request))
        const body = await judgedAgain(screens, desk, request.params)
        return visitors.send(visit, body, { title: words[visit.lang].again })
      }),
  )
  addActs(app, screens, path, act)
}

function addActs(
  app: Ground['app'],
  screens: Screens,
  path: string,
  act: (request: Request, reply: Reply, work: (desk: Desk) => Promise<Reply>) => Promise<Reply>,
): void {
  const { world, store } = screens
  const folder = z.object({ folder: z.enum(['in', 'archive', 'bin']) })
  app.post(`${path}/:id/folder`, { schema: { hide, params, body: folder } }, (request, reply) =>
    act(request, reply, async ({ place, boxes }) => {
      const { id } = request.params
      await moveMessage(world, store, { boxes, id, folder: request.body.folder })
      return reply.redirect(`${place.home}?told=moved`, 303)
    }),
  )
  const forwarding = z.object({
    to: z.string().max(80),
    note: z.string().max(2000).default(''),
    document: z
      .union([z.coerce.number().int().min(0), z.array(z.coerce.number().int().min(0)).max(100)])
      .optional(),
  })
  app.post(
    `${path}/:id/forward`,
    { schema: { hide, params, body: forwarding } },
    (request, reply) =>
      act(request, reply, async desk => {
        await forward(screens, desk, { id: request.params.id, ...request.body })
        return reply.redirect(`${desk.place.home}?folder=sent&told=forwarded`, 303)
      }),
  )
  app.post(`${path}/sent/:id/withdraw`, { schema: { hide, params } }, (request, reply) =>
    act(request, reply, async desk => {
      const own = await store.read(db => findBox(db, desk.owner))
      await withdrawMessage(world, store, own, request.params.id)
      return reply.redirect(`${desk.place.home}?folder=sent&told=withdrawn`, 303)
    }),
  )
}

async function listOf(screens: Screens, desk: Desk) {
  const { world, store } = screens
  const { place, boxes, owner, visit } = desk
  const asked = new URL(visit.request.url, 'http://own').searchParams
  const folder = folders.find(one => one === asked.get('folder')) ?? 'in'
  const typed = asked.get('q')?.trim().slice(0, 100)
  const search = typed === undefined || typed === '' ? undefined : typed
  const before = beforeOf(asked.get('before'))
  const messages =
    search !== undefined
      ? await searchShelf(world, store, { boxes, words: search, limit: pageLength })
      : folder === 'sent'
        ? []
        : await listShelf(world, store, { boxes, folder, limit: pageLength, before })
  const own = await store.read(db => findBox(db, owner))
  const sent =
    folder === 'sent' && own !== undefined
      ? await listSent(world, store, { box: own, limit: pageLength })
      : []
  const parts = await partsOf(screens, visit.personId)
  return listBody(place, {
    folder,
    messages,
    sent,
    words: search,
    older: search === undefined && messages.length === pageLength ? olderOf(messages) : undefined,
    boxes: parts.map(part => ({
      home: `/me/organisations/${ownerKey(part.owner).split(':')[1] ?? ''}/mail`,
      name: part.name,
      role: words[visit.lang].role[part.role],
    })),
    tells: screens.tells,
    told: doneThings.find(one => one === asked.get('told')),
  })
}

function olderOf(messages: readonly Shelved[]): string | undefined {
  const last = messages.at(-1)
  return last === undefined ? undefined : `${last.deliveredAt}.${last.id}`
}

function beforeOf(text: string | null) {
  const [, at, id] = /^(\d{1,15})\.([\w-]{1,64})$/.exec(text ?? '') ?? []
  return at === undefined || id === undefined ? undefined : { at: Number(at), id }
}

function boxOf(desk: Desk, message: Pick<Shelved, 'boxId'>): Box {
  const box = desk.boxes.find(one => one.id === message.boxId)
  if (box === undefined) throw new Refusal('message-unknown')
  return box
}

/** To whom can be forwarded: every box with a name but this one. */
async function addresseesOf({ store }: Screens, { owner }: Desk) {
  const all = await store.read(db => listedBoxes(db, ['organisation', 'municipality', 'provider']))
  return all.filter(one => ownerKey(one.owner) !== ownerKey(owner))
}

async function forward(
  screens: Screens,
  desk: Desk,
  given: {
    readonly id: string
    readonly to: string
    readonly note: string
    readonly document?: number | readonly number[] | undefined
  },
): Promise<void> {
  const { world, store } = screens
  const addressees = await addresseesOf(screens, desk)
  const to = addressees.find(one => ownerKey(one.owner) === given.to)?.owner
  if (to === undefined) throw new Refusal('mailbox-unknown')
  const { owner, boxes, visit } = desk
  const posting = await forwardOf(world, store, {
    boxes,
    id: given.id,
    from: owner,
    to,
    documents: [given.document ?? []].flat(),
    note: given.note,
    // Sent twice by a form it is the same.
    key: `forward ${given.id} ${choiceOf(given)}`,
    shownFrom:
      owner.kind === 'person' ? await personSeenBy(screens, visit.personId, to) : undefined,
  })
  await screens.post(posting)
  await screens.carry()
}

function choiceOf({ to, note, document }: Parameters<typeof forward>[2]): string {
  return createHash('sha256')
    .update(JSON.stringify([to, note, document]))
    .digest('hex')
}

/** By the id that the receiving provider has of this person already, if any; never by a new one. */
async function personSeenBy({ store }: Screens, personId: string, to: Owner) {
  return store.read(async db => {
    const providerId = (await findBox(db, to))?.providerId ?? null
    const known = providerId === null ? undefined : await knownSubject(db, { providerId, personId })
    return { kind: 'person' as const, ...(known === undefined ? {} : { id: known }) }
  })
}

async function judgedAgain(
  { world, store, documents }: Screens,
  desk: Desk,
  { id, position }: { readonly id: string; readonly position: number },
) {
  const { lang, home } = desk.place
  const message = await openMessage(world, store, { boxes: desk.boxes, id, asReader: true })
  const document = message.content.documents[position]
  if (document === undefined) throw new Refusal('message-unknown')
  const box = boxOf(desk, message)
  const verdict = await judgeDocument(world, document, async () =>
    collect(await documents.readWhole({ box, message, position })),
  )
  if (verdict === 'waits') throw new Refusal('authority-unreachable')
  const { verdict: _before, ...plain } = document
  const seen = receivedOf(verdict === undefined ? plain : { ...plain, verdict })
  return [
    html`<h2>${document.name}</h2>`,
    verificationPart(seen, lang),
    html`<p>${linkButton(`${home}/${id}`, words[lang].backToMessage, 'second')}</p>`,
  ]
}

const pageLength = 50
