/** What follows from a life event, by the table of `registry/life-event.ts`: certificates and card, and the note that it happened. */
import { Refusal } from '@sekisho/contract'
import type { Instant } from '@sekisho/runtime/clock'
import type { Transaction } from '@sekisho/runtime/store'
import type { AuthorityTables } from '../database.ts'
import { type LifeEvent, type LifeEventKind, lifeEvents } from '../registry/life-event.ts'
import type { Resident } from '../registry/resident.ts'
import { hold, release, revoke } from '../revocation/revoke.ts'
import type { World } from '../world.ts'
import { lockResident, record } from './resident-file.ts'

/** Changes the record in the event's transaction. */
type Change = (
  tx: Transaction<AuthorityTables>,
  resident: Resident,
  at: Instant,
) => Promise<unknown>

/**
 * Runs an event: the change of the record, its effect and its note in one transaction over the resident's file. Refusals
 * `resident-unknown`; `event-not-possible` for who stands otherwise in the register, and where there is nothing to end.
 */
export async function notify(
  world: World,
  residentId: string,
  kind: LifeEventKind,
  change: Change = async () => {},
): Promise<void> {
  const at = world.clock.now()
  await world.store.transaction(async tx => {
    const resident = await lockResident(tx, residentId)
    requirePossible(resident, kind)
    await change(tx, resident, at)
    await takeEffect(tx, world, { residentId, kind, at })
  })
}

/** Refusal `event-not-possible` unless the event can happen to somebody who stands so in the register. */
export function requirePossible(resident: Pick<Resident, 'status'>, kind: LifeEventKind): void {
  const { among }: LifeEvent = lifeEvents[kind]
  if (!among.includes(resident.status)) throw new Refusal('event-not-possible')
}

/**
 * Has an event's effect and notes it. Refusals `card-not-issued` and `event-not-possible` when what it needs is not there.
 */
export async function takeEffect(
  tx: Transaction<AuthorityTables>,
  world: Pick<World, 'rules' | 'random' | 'notice'>,
  event: { readonly residentId: string; readonly kind: LifeEventKind; readonly at: Instant },
): Promise<void> {
  const { residentId, kind, at } = event
  const { endsCard, needs }: LifeEvent = lifeEvents[kind]
  const cards = endsCard ? await endActiveCard(tx, residentId) : 0
  if (needs === 'card' && cards === 0) throw new Refusal('card-not-issued')
  const certificates = await changeCertificates(tx, world, event)
  if (needs === 'certificate' && certificates === 0) throw new Refusal('event-not-possible')
  await record(tx, world, residentId, kind, at)
}

async function changeCertificates(
  tx: Transaction<AuthorityTables>,
  world: Pick<World, 'rules'>,
  { residentId, kind, at }: Parameters<typeof takeEffect>[2],
): Promise<number> {
  const { certificates }: LifeEvent = lifeEvents[kind]
  if (certificates === null) return 0
  if (certificates === 'hold') return hold(tx, residentId, at)
  if (certificates === 'release') return release(tx, residentId)
  if (certificates === 'guardianship-begun' && !world.rules.guardianship.endsSignature) return 0
  return revoke(tx, residentId, certificates, at)
}

async function endActiveCard(
  tx: Transaction<AuthorityTables>,
  residentId: string,
): Promise<number> {
  const ended = await tx
    .updateTable('card')
    .set({ state: 'ended' })
    .where('resident_id', '=', residentId)
    .where('state', '=', 'active')
    .returning('id')
    .execute()
  return ended.length
}
