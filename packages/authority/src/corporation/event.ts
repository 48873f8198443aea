/**
 * Entries in the register of corporations, each with its effect on certificates in the same transaction. A representative's certificate says name,
 * head office, representative and title as registered: when one of them is changed by an entry, it has lost its force (商業登記 電子認証, Ministry of
 * Justice, guide 3), and so has what an accredited CA certified on the strength of it (C12).
 */
import { Refusal } from '@sekisho/contract'
import { corporateNumberOf } from '@sekisho/contract/japan'
import type { RevocationReason } from '@sekisho/pki'
import type { Instant } from '@sekisho/runtime/clock'
import type { Transaction } from '@sekisho/runtime/store'
import { z } from 'zod'
import type { OtherTables } from '../other-ca/database.ts'
import { type Ending, revokeOther } from '../other-ca/issue.ts'
import type { OtherWorld } from '../other-ca/world.ts'
import { type Corporation, lockOpenCorporation, representativeOf } from './corporation.ts'

/** As long as a name in a certificate may be (RFC 5280); the real register has longer ones. */
const name = z.string().min(1).max(64)
/** Names in Latin letters, as certificates carry them. */
const romaji = z.string().regex(/^[A-Za-z0-9 .,&'()-]{1,64}$/)
const office = { name, nameRomaji: romaji, title: z.string().min(1).max(64) }

/** What is entered. Representatives are named by their id in the register. */
export const corporationEvent = z.discriminatedUnion('what', [
  z.strictObject({ what: z.literal('rename'), name, nameRomaji: romaji }),
  z.strictObject({ what: z.literal('move'), headOffice: z.string().min(1).max(128) }),
  z.strictObject({ what: z.literal('appoint'), ...office }),
  z.strictObject({ what: z.literal('resign'), representative: z.string() }),
  z.strictObject({
    what: z.literal('change-title'),
    representative: z.string(),
    title: z.string().min(1).max(64),
  }),
  // The causes of the corporate-number register.
  z.strictObject({
    what: z.literal('close'),
    cause: z.enum(['liquidated', 'merged', 'closed-by-registrar']),
    successor: z.string().optional(),
  }),
  // Not entries of the register: the holder tells the registry.
  z.strictObject({
    what: z.enum(['stop-certificate', 'key-compromised']),
    representative: z.string(),
  }),
])
/** An entry as it is asked for. */
export type CorporationEvent = z.output<typeof corporationEvent>

/** What is registered when a corporation begins. */
export type Founding = {
  /** 会社法人等番号, 12 digits. */
  readonly registeredNumber: string
  readonly name: string
  readonly nameRomaji: string
  readonly headOffice: string
}

/** Registers a corporation. Returns its corporate number. */
export async function register(
  tx: Transaction<OtherTables>,
  world: Pick<OtherWorld, 'random'>,
  founding: Founding,
  at: Instant,
): Promise<string> {
  const number = corporateNumberOf(founding.registeredNumber)
  await tx
    .insertInto('corporation')
    .values({
      number,
      name: founding.name,
      name_romaji: romaji.parse(founding.nameRomaji),
      head_office: founding.headOffice,
      registered_at: at,
      closed_at: null,
      close_cause: null,
      successor: null,
    })
    .execute()
  await note(tx, world, { corporation: number, kind: 'register', before: null, at })
  return number
}

/**
 * Enters an event; returns how many certificates it ended, and of an appointment the representative's id. Refusals `corporation-unknown`,
 * `corporation-closed`; `request-malformed` for a successor that is none.
 */
export function enter(
  tx: Transaction<OtherTables>,
  world: Pick<OtherWorld, 'random'>,
  number: string,
  event: CorporationEvent,
  at: Instant,
): Promise<{ readonly ended: number; readonly representative?: string }> {
  return lockOpenCorporation(tx, number).then(async corporation => {
    const { before, representative } = await change(tx, world, corporation, event, at)
    await note(tx, world, { corporation: number, kind: event.what, before, at })
    const effect = effects[event.what]
    if (effect === undefined) return { ended: 0, ...(representative && { representative }) }
    const ending = effect.endingOf(number, 'representative' in event ? event.representative : '')
    return { ended: await revokeOther(tx, ending, effect.reason, at) }
  })
}

/** Changes the register; tells what it was before. */
async function change(
  tx: Transaction<OtherTables>,
  world: Pick<OtherWorld, 'random'>,
  corporation: Corporation,
  event: CorporationEvent,
  at: Instant,
): Promise<{ readonly before: string | null; readonly representative?: string }> {
  const { number } = corporation
  const update = tx.updateTable('corporation').where('number', '=', number)
  switch (event.what) {
    case 'rename':
      await update.set({ name: event.name, name_romaji: event.nameRomaji }).execute()
      return { before: corporation.name }
    case 'move':
      await update.set({ head_office: event.headOffice }).execute()
      return { before: corporation.head_office }
    case 'appoint':
      return { before: null, representative: await appoint(tx, world, number, event, at) }
    case 'close':
      await close(tx, number, event, at)
      return { before: null }
    case 'resign':
    case 'change-title':
    case 'stop-certificate':
    case 'key-compromised':
      return { before: await changeOffice(tx, number, event, at) }
    default:
      return event satisfies never
  }
}

async function appoint(
  tx: Transaction<OtherTables>,
  world: Pick<OtherWorld, 'random'>,
  corporation: string,
  given: { readonly name: string; readonly nameRomaji: string; readonly title: string },
  at: Instant,
): Promise<string> {
  const id = world.random.uuidv7(at)
  const { name: own, nameRomaji, title } = given
  await tx
    .insertInto('representative')
    .values({ id, corporation, name: own, name_romaji: nameRomaji, title, since: at, until: null })
    .execute()
  return id
}

async function close(
  tx: Transaction<OtherTables>,
  number: string,
  event: Extract<CorporationEvent, { what: 'close' }>,
  at: Instant,
): Promise<void> {
  const { cause, successor } = event
  if ((cause === 'merged') !== (successor !== undefined) || successor === number) {
    throw new Refusal('request-malformed', { fields: 'successor' })
  }
  if (successor !== undefined) await lockOpenCorporation(tx, successor)
  await tx
    .updateTable('corporation')
    .set({ closed_at: at, close_cause: cause, successor: successor ?? null })
    .where('number', '=', number)
    .execute()
  await tx
    .updateTable('representative')
    .set({ until: at })
    .where('corporation', '=', number)
    .where('until', 'is', null)
    .execute()
}

async function changeOffice(
  tx: Transaction<OtherTables>,
  number: string,
  event: Extract<CorporationEvent, { representative: string }>,
  at: Instant,
): Promise<string | null> {
  const before = await representativeOf(tx, number, event.representative)
  const update = tx.updateTable('representative').where('id', '=', event.representative)
  if (event.what === 'resign') await update.set({ until: at }).execute()
  if (event.what !== 'change-title') return null
  await update.set({ title: event.title }).execute()
  return before.title
}

async function note(
  tx: Transaction<OtherTables>,
  world: Pick<OtherWorld, 'random'>,
  entry: Omit<OtherTables['corporation_event'], 'id' | 'position'>,
): Promise<void> {
  await tx
    .insertInto('corporation_event')
    .values({ id: world.random.uuidv7(entry.at), ...entry })
    .execute()
}

type Effect = {
  readonly reason: RevocationReason
  readonly endingOf: (corporation: string, representativeId: string) => Ending
}

const ofCorporation: Effect['endingOf'] = corporation => ({ corporation })
const ofRepresentative: Effect['endingOf'] = (_corporation, representativeId) => ({
  representativeId,
})
// Mandates given before keep their force: the key is the representative's own matter.
const ownOnly: Effect['endingOf'] = (_corporation, representativeId) => ({
  representativeId,
  kinds: ['representative'],
})

/** What an entry ends, and with which code. The codes are ours: no source names them. */
const effects: Readonly<Partial<Record<CorporationEvent['what'], Effect>>> = {
  rename: { reason: 'affiliationChanged', endingOf: ofCorporation },
  move: { reason: 'affiliationChanged', endingOf: ofCorporation },
  resign: { reason: 'affiliationChanged', endingOf: ofRepresentative },
  'change-title': { reason: 'affiliationChanged', endingOf: ofRepresentative },
  close: { reason: 'cessationOfOperation', endingOf: ofCorporation },
  'stop-certificate': { reason: 'cessationOfOperation', endingOf: ownOnly },
  'key-compromised': { reason: 'keyCompromise', endingOf: ownOnly },
}
