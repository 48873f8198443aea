/**
 * Personas: synthetic residents with a life that ended in a certain state of card and certificates. Their lives are lived
 * through the window's own operations, at the times at which they happened.
 */
import { block } from '@sekisho/card/virtual'
import { fixedClock } from '@sekisho/runtime/clock'
import { jsonb } from '@sekisho/runtime/store'
import { changeCard } from '../window/card-tray.ts'
import {
  changeAttributes,
  handOutCard,
  removeFromRegister,
  renewCertificates,
  reportLost,
  reissueSignature,
} from '../window/desk.ts'
import type { World } from '../world.ts'
import type { ResidentAttributes } from './resident.ts'

/** One thing that happened to a persona, so many days before the town began. */
export type PersonaStep = { readonly daysAgo: number } & (
  | {
      readonly what:
        | 'card'
        | 'renew'
        | 'reissue'
        | 'lost'
        | 'deceased'
        | 'overseas'
        | 'lock-pin'
        | 'signature'
    }
  | { readonly what: 'move'; readonly municipality: string; readonly address: string }
  | { readonly what: 'rename'; readonly name: string }
)

/** A persona as data. */
export type Persona = {
  /** Also the name of its card. */
  readonly id: string
  readonly label: { readonly ja: string; readonly en: string }
  readonly municipality: string
  readonly attributes: ResidentAttributes
  readonly isWard: boolean
  readonly demandsPinAlways: boolean
  readonly pin: string
  readonly password: string
  readonly life: readonly PersonaStep[]
}

const dayMs = 24 * 3600 * 1000

/** Registers a persona and lives its life up to now. */
export async function livePersona(world: World, persona: Persona): Promise<void> {
  const now = world.clock.now()
  const oldest = Math.max(...persona.life.map(step => step.daysAgo), 0)
  const id = world.random.uuidv7(now)
  await world.store.transaction(tx =>
    tx
      .insertInto('resident')
      .values({
        id,
        municipality: persona.municipality,
        attributes: jsonb<unknown>(persona.attributes),
        status: 'resident',
        is_ward: persona.isWard,
        persona: persona.id,
        recorded_at: now - oldest * dayMs,
      })
      .execute(),
  )
  for (const step of persona.life)
    await live({ ...world, clock: fixedClock(now - step.daysAgo * dayMs) }, id, persona, step)
}

async function live(world: World, id: string, persona: Persona, step: PersonaStep): Promise<void> {
  const wishes = { withSignature: true, demandsPinAlways: persona.demandsPinAlways }
  switch (step.what) {
    case 'card':
      await handOutCard(world, id, persona, wishes)
      return
    case 'reissue':
      await handOutCard(world, id, persona, wishes, { isReissue: true })
      return
    case 'renew':
      return renewCertificates(world, id, persona)
    case 'signature':
      return reissueSignature(world, id, persona)
    case 'lost':
      return reportLost(world, id)
    case 'deceased':
    case 'overseas':
      return removeFromRegister(world, id, step.what)
    case 'move':
      return changeAttributes(world, id, step)
    case 'rename':
      return changeAttributes(world, id, { name: step.name })
    case 'lock-pin':
      return changeCard(world.cardsFolder, persona.id, state => block(state, 'authentication'))
    default:
      return step satisfies never
  }
}
