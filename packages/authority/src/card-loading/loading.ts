/**
 * Loading 搭載 (flows.md §21, 1): the application goes into the card's free area through the channel of the terminal, whole or not at all.
 * What was begun is written down before the card hears of it, so that an answer that is lost loads nothing twice and counts nothing
 * twice: the card itself tells what it has.
 */
import {
  type Card,
  type CardReason,
  deleteApplication,
  deriveOwnerKey,
  type FreeType,
  listApplications,
  loadApplication,
  type LoadedApplication,
  type LoadingSession,
  openLoading,
  roomOf,
} from '@sekisho/card'
import { Refusal, type RefusalCode } from '@sekisho/contract'
import { lockInTransaction, type Transaction } from '@sekisho/runtime/store'
import { dayText } from '../pinless-office/day.ts'
import type { LoadingTables } from './database.ts'
import { type Contracted, masterKeyOf, requireAsContracted, requireContracted } from './owner.ts'
import { terminalCredential } from './terminal.ts'
import { type AtTerminal, type LoadingWorld, note } from './world.ts'

/** What an owner's order says. */
export type Order = {
  readonly aid: string
  readonly type: FreeType
  readonly hasPin: boolean
  readonly isEncrypted: boolean
}

/** What was loaded. */
export type Loaded = {
  readonly userNumber: string
  readonly application: Contracted
  /** False when the card had it from an attempt before. */
  readonly isNew: boolean
}

/**
 * Loads an application into the card on the terminal's reader. Done again, it finds what is there and counts nothing. Refusals
 * `loading-not-contracted`, `loading-not-as-contracted`, `loading-terminal-unknown`, `card-terminal-refused`, `card-not-loadable`,
 * `card-area-full`, `card-application-present`; then nothing was written. `card-loading-broken`: it may have been.
 */
export async function loadCard(
  world: LoadingWorld,
  by: AtTerminal,
  order: Order,
  card: Card,
): Promise<Loaded> {
  return noted(world, by, order.aid, async () => {
    const application = await requireContracted(world, order.aid)
    requireAsContracted(application, order)
    const session = await openCard(world, by, card)
    await requireLoadable(world, session.serial)
    const begun = await begin(world, application, session.serial)
    const { loading } = begun
    const found = await applicationOn(session, order.aid)
    if (found !== undefined && (begun.isNew || !isAsPlanned(found, application))) {
      await forget(world, begun)
      throw new Refusal('card-application-present')
    }
    if (found === undefined) await write(world, session, application, begun)
    const isNew = await finish(world, by, loading)
    return { userNumber: loading.user_number, application, isNew }
  })
}

/**
 * Deletes an application with all that it holds, by the order of its owner or the wish of the holder. Done again, it changes nothing.
 * Refusals as for loading, and `not-found` when it is not there and never was.
 */
export async function unloadCard(
  world: LoadingWorld,
  by: AtTerminal,
  aid: string,
  card: Card,
): Promise<void> {
  await noted(world, by, aid, async () => {
    const session = await openCard(world, by, card)
    const deleted = await deleteApplication(session, aid)
    if (deleted.kind === 'refused' && deleted.reason !== 'application-absent')
      throw new Refusal(refusalByReason[deleted.reason] ?? 'card-loading-broken')
    await world.store.transaction(async tx => {
      const found = await tx
        .updateTable('loading')
        .set({ state: 'deleted', deleted_at: world.clock.now() })
        .where('aid', '=', aid)
        .where('card_serial', '=', session.serial)
        .where('state', '<>', 'deleted')
        .returning('id')
        .executeTakeFirst()
      if (found !== undefined)
        await note(tx, world, { kind: 'deleted', by, aid, loading: found.id })
      else if (deleted.kind === 'refused') throw new Refusal('not-found')
    })
  })
}

/** Refusals are noted before they are told. */
async function noted<T>(
  world: LoadingWorld,
  by: AtTerminal,
  aid: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (fault) {
    if (!(fault instanceof Refusal)) throw fault
    const { code } = fault
    await world.store.transaction(tx =>
      note(tx, world, { kind: 'refused', by, aid, refusal: code }),
    )
    throw fault
  }
}

async function openCard(world: LoadingWorld, by: AtTerminal, card: Card): Promise<LoadingSession> {
  const opened = await openLoading(card, await terminalCredential(world, by.terminal), {
    chipAnchors: world.chipAnchors,
    seed: world.random.bytes(32),
    today: dayText(world.clock.now()),
  })
  if (opened.kind === 'refused')
    throw new Refusal(refusalByReason[opened.reason] ?? 'card-loading-broken')
  return opened.value
}

/** What a card's reason means here; what is not named is a talk that broke off. */
const refusalByReason: Readonly<Partial<Record<CardReason, RefusalCode>>> = {
  'application-absent': 'card-not-loadable',
  'signer-unknown': 'card-not-loadable',
  'record-altered': 'card-not-loadable',
  'card-cloned': 'card-not-loadable',
  'file-malformed': 'card-not-loadable',
  'organisation-unknown': 'card-terminal-refused',
  'terminal-expired': 'card-terminal-refused',
  'terminal-refused': 'card-terminal-refused',
  'terminal-unsupported': 'card-not-loadable',
  'command-refused': 'card-not-loadable',
  'area-full': 'card-area-full',
  'application-present': 'card-application-present',
}

/** Refusal `card-not-loadable` for a card that the window does not know, that has ended, or that was reported lost. */
async function requireLoadable(world: LoadingWorld, serial: string): Promise<void> {
  const found = await world.store.read(db =>
    db
      .selectFrom('card')
      .select('id')
      .where('serial', '=', serial)
      .where('state', '=', 'active')
      .where('expires_at', '>', world.clock.now())
      .where(({ exists, not, selectFrom }) =>
        not(
          exists(
            selectFrom('certificate')
              .select('certificate.serial')
              .whereRef('certificate.card_id', '=', 'card.id')
              .where('certificate.state', '=', 'held'),
          ),
        ),
      )
      .executeTakeFirst(),
  )
  if (found === undefined) throw new Refusal('card-not-loadable')
}

type Begun = {
  readonly loading: { readonly id: string; readonly user_number: string }
  /** Whether no attempt was made before. */
  readonly isNew: boolean
}

async function begin(world: LoadingWorld, { plan }: Contracted, serial: string): Promise<Begun> {
  const at = world.clock.now()
  return world.store.transaction(async tx => {
    await lockInTransaction(tx, `loading ${plan.aid} ${serial}`)
    const found = await tx
      .selectFrom('loading')
      .select(['id', 'user_number'])
      .where('aid', '=', plan.aid)
      .where('card_serial', '=', serial)
      .where('state', '<>', 'deleted')
      .executeTakeFirst()
    if (found !== undefined) return { loading: found, isNew: false }
    const loading = { id: world.random.uuidv7(at), user_number: userNumber(world) }
    await tx
      .insertInto('loading')
      .values({
        ...loading,
        aid: plan.aid,
        card_serial: serial,
        state: 'begun',
        begun_at: at,
        loaded_at: null,
        deleted_at: null,
        stopped_at: null,
      })
      .execute()
    return { loading, isNew: true }
  })
}

/** 12 digits at random: tells nothing, and cannot be guessed from another. */
function userNumber({ random }: LoadingWorld): string {
  const bytes = Buffer.from(random.bytes(6))
  return String(bytes.readUIntBE(0, 6) % 10 ** userNumberDigits).padStart(userNumberDigits, '0')
}

const userNumberDigits = 12

async function applicationOn(
  session: LoadingSession,
  aid: string,
): Promise<LoadedApplication | undefined> {
  const listed = await listApplications(session)
  if (listed.kind === 'refused') throw new Refusal('card-loading-broken')
  return listed.value.find(one => one.aid === aid)
}

function isAsPlanned(found: LoadedApplication, { plan }: Contracted): boolean {
  return found.type === plan.type && found.hasPin === plan.hasPin && found.room === roomOf(plan)
}

async function write(
  world: LoadingWorld,
  session: LoadingSession,
  application: Contracted,
  begun: Begun,
): Promise<void> {
  const { plan } = application
  const master = await masterKeyOf(world, application)
  const key = deriveOwnerKey(master, { aid: plan.aid, serial: session.serial })
  const loaded = await loadApplication(session, plan, key)
  if (loaded.kind === 'done') return
  const refusal = refusalByReason[loaded.reason] ?? 'card-loading-broken'
  // What the card refused by a word of its own is certainly not in it.
  if (refusal !== 'card-loading-broken') await forget(world, begun)
  throw new Refusal(refusal)
}

/** Takes back what was begun just now and certainly did not reach the card. */
async function forget(world: LoadingWorld, { loading, isNew }: Begun): Promise<void> {
  if (!isNew) return
  await world.store.transaction(tx =>
    tx.deleteFrom('loading').where('id', '=', loading.id).where('state', '=', 'begun').execute(),
  )
}

/** Whether it is counted now; not when it was before. */
async function finish(
  world: LoadingWorld,
  by: AtTerminal,
  { id }: Begun['loading'],
): Promise<boolean> {
  return world.store.transaction(async (tx: Transaction<LoadingTables>) => {
    const done = await tx
      .updateTable('loading')
      .set({ state: 'loaded', loaded_at: world.clock.now() })
      .where('id', '=', id)
      .where('state', '=', 'begun')
      .returning('aid')
      .executeTakeFirst()
    if (done !== undefined)
      await note(tx, world, { kind: 'loaded', by, aid: done.aid, loading: id })
    return done !== undefined
  })
}
