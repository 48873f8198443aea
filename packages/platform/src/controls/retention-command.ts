/** Retention as commands of the admin socket. */
import { Refusal } from '@sekisho/contract'
import { z } from 'zod'
import {
  askErasure,
  endHold,
  erasureOf,
  placeHold,
  type RetentionWorld,
  sweepRetention,
} from './retention.ts'

const id = z.string().min(1).max(64)
const line = z.string().trim().min(1).max(200)

/** Commands by name. */
export function retentionCommands(world: RetentionWorld) {
  const parsed = <T>(shape: z.ZodType<T>, body: unknown): T => {
    const found = shape.safeParse(body)
    if (!found.success) throw new Refusal('request-malformed')
    return found.data
  }
  return {
    'retention-rules': () => Promise.resolve(world.retention),
    'retention-sweep': async () => ({ erased: await sweepRetention(world) }),
    'erasure-ask': async (body: unknown) => {
      const { person } = parsed(z.strictObject({ person: id }), body)
      const due = await askErasure(world, person)
      return { due: due === undefined ? null : new Date(due).toISOString() }
    },
    'erasure-proof': async (body: unknown) => {
      const { person } = parsed(z.strictObject({ person: id }), body)
      const found = await erasureOf(world, person)
      if (found === undefined) throw new Refusal('not-found')
      const { salt, entry } = found.entry.disclosed
      return {
        at: new Date(found.at).toISOString(),
        index: found.entry.index ?? null,
        salt: Buffer.from(salt).toString('base64'),
        entry: Buffer.from(entry).toString('base64'),
      }
    },
    'hold-place': async (body: unknown) => {
      const shape = z.strictObject({ person: id, ground: line, by: line })
      const { person, ground, by } = parsed(shape, body)
      return { hold: await placeHold(world, { personId: person, ground, by }) }
    },
    'hold-end': async (body: unknown) => {
      const { hold, by } = parsed(z.strictObject({ hold: id, by: line }), body)
      await endHold(world, hold, by)
      return { hold }
    },
  }
}
