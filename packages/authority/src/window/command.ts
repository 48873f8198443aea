/** The window's operations as commands of the admin socket, for the command line. */
import { Refusal } from '@sekisho/contract'
import { z } from 'zod'
import { publishDue } from '../revocation/publish.ts'
import { residentOf } from '../registry/resident.ts'
import type { World } from '../world.ts'
import { registerArrival } from './entry.ts'
import { arrival, performEvent, performOnce, residentEvent } from './event.ts'

/** By which a sender knows its notification again. */
const notice = z.string().min(1).max(64).optional()

/** The newest of a resident's certificates, for who watches what an event does. */
const certificatesMax = 8

/** Commands by name. */
export function windowCommands(world: World) {
  return {
    'resident-list': async () => {
      const rows = await world.store.read(db =>
        db
          .selectFrom('resident')
          .selectAll()
          .where('persona', 'is not', null)
          .orderBy('persona')
          .execute(),
      )
      return rows.map(row => {
        const { id, municipality, status, persona, attributes } = residentOf(row)
        return { id, municipality, status, persona, birthDate: attributes.birthDate }
      })
    },
    'resident-event': async (body: unknown) => {
      const parsed = z
        .strictObject({ resident: z.string(), event: residentEvent, notice })
        .safeParse(body)
      if (!parsed.success) throw new Refusal('request-malformed')
      const { event, notice: name, resident } = parsed.data
      const id = await residentId(world, resident)
      return name === undefined
        ? performEvent(world, id, event)
        : performOnce(world, name, named => performEvent(named, id, event))
    },
    'resident-register': async (body: unknown) => {
      const parsed = arrival.extend({ notice }).safeParse(body)
      if (!parsed.success) throw new Refusal('request-malformed')
      const { notice: name, ...person } = parsed.data
      const register = async (inside: World) => ({
        resident: await registerArrival(inside, person),
      })
      return name === undefined ? register(world) : performOnce(world, name, register)
    },
    'resident-certificates': async (body: unknown) => {
      const parsed = z.strictObject({ resident: z.string() }).safeParse(body)
      if (!parsed.success) throw new Refusal('request-malformed')
      const id = await residentId(world, parsed.data.resident)
      const rows = await world.store.read(db =>
        db
          .selectFrom('certificate')
          .select(['ca', 'issuer_key_id', 'der', 'not_before', 'not_after', 'state', 'reason'])
          .where('resident_id', '=', id)
          .where('der', 'is not', null)
          .orderBy('not_before', 'desc')
          .orderBy('ca')
          .limit(certificatesMax)
          .execute(),
      )
      return rows.map(row => ({
        ca: row.ca,
        issuerKeyId: row.issuer_key_id,
        notBefore: row.not_before,
        notAfter: row.not_after,
        state: row.state,
        reason: row.reason,
        der: Buffer.from(row.der ?? []).toString('base64'),
      }))
    },
    publish: async () => ({ lists: await publishDue(world) }),
  }
}

/** A resident's id by itself or by the name of the persona. */
async function residentId(world: World, name: string): Promise<string> {
  const row = await world.store.read(db =>
    db
      .selectFrom('resident')
      .select('id')
      .where(eb => eb.or([eb('id', '=', name), eb('persona', '=', name)]))
      .executeTakeFirst(),
  )
  if (row === undefined) throw new Refusal('resident-unknown')
  return row.id
}
