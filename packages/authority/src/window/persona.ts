/**
 * Personas: synthetic residents with a life that ended in a certain state of card and certificates. Their lives are lived
 * through the window's own events, at the times at which they happened.
 */
import { block } from '@sekisho/card/virtual'
import { fixedClock } from '@sekisho/runtime/clock'
import { enterResident } from '../registry/enter.ts'
import type { ForeignStay } from '../registry/foreign-stay.ts'
import type { ResidentAttributes } from '../registry/resident.ts'
import type { World } from '../world.ts'
import { changeCard, placeOf } from './card-tray.ts'
import { performEvent, type ResidentEvent, residentEvent } from './event.ts'

/** One thing that happened to a persona, so many days before the town began. Secrets are the persona's own. */
export type PersonaStep = { readonly daysAgo: number } & (
  | {
      readonly what:
        | 'card'
        | 'renew'
        | 'reissue'
        | 'signature'
        | 'lost'
        | 'deceased'
        | 'overseas'
        | 'lock-pin'
    }
  | { readonly what: 'move'; readonly municipality: string; readonly address: string }
  | { readonly what: 'rename'; readonly name: string }
  /** Anything else that can be performed at the window. */
  | { readonly what: 'event'; readonly event: ResidentEvent }
)

/** A persona as data. */
export type Persona = {
  /** Also the name of its card. */
  readonly id: string
  readonly label: { readonly ja: string; readonly en: string }
  readonly municipality: string
  readonly attributes: ResidentAttributes
  readonly isWard: boolean
  /** Of a foreign resident. */
  readonly stay?: ForeignStay | undefined
  /** Never had a resident record: registered while living abroad (A9). */
  readonly isAbroad?: boolean | undefined
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
  const entered = Math.floor(now - oldest * dayMs)
  const id = await world.store.transaction(tx =>
    enterResident(
      tx,
      world,
      {
        ...persona,
        persona: persona.id,
        status: persona.isAbroad === true ? 'overseas' : 'resident',
      },
      entered,
    ),
  )
  for (const step of persona.life) {
    const then = { ...world, clock: fixedClock(Math.floor(now - step.daysAgo * dayMs)) }
    if (step.what === 'lock-pin') await lockPin(then, id, persona)
    else await performEvent(then, id, residentEvent.parse(eventOf(persona, step)))
  }
}

function eventOf(persona: Persona, step: PersonaStep): ResidentEvent {
  const { pin, password, demandsPinAlways } = persona
  switch (step.what) {
    case 'card':
    case 'reissue':
      return { what: step.what, pin, password, demandsPinAlways }
    case 'renew':
    case 'signature':
      return { what: step.what, pin, password }
    case 'move':
      return { what: 'move', municipality: step.municipality, address: step.address }
    case 'rename':
      return { what: 'rename', name: step.name }
    case 'lost':
    case 'deceased':
    case 'overseas':
      return { what: step.what }
    case 'event':
      return step.event
    case 'lock-pin':
      throw new RangeError('not an event at the window')
    default:
      return step satisfies never
  }
}

/** The holder enters wrong PINs until the card locks. */
async function lockPin(world: World, residentId: string, persona: Persona): Promise<void> {
  const card = await world.store.read(db =>
    db
      .selectFrom('card')
      .select('serial')
      .where('resident_id', '=', residentId)
      .where('state', '=', 'active')
      .executeTakeFirstOrThrow(),
  )
  await changeCard(placeOf(world, persona.id), card.serial, state => block(state, 'authentication'))
}
