/** The register's and the other CAs' operations as commands of the admin socket. */
import { Refusal } from '@sekisho/contract'
import { z } from 'zod'
import { revokeOther } from '../other-ca/issue.ts'
import { otherCaIds } from '../other-ca/kind.ts'
import { publishOthers, recognise } from '../other-ca/publication.ts'
import type { OtherWorld } from '../other-ca/world.ts'
import { readRepresentatives, searchCorporations } from './corporation.ts'
import { corporationEvent, enter } from './event.ts'

/** Commands by name. What they change is on the lists when they are answered. */
export function corporationCommands(world: OtherWorld) {
  return {
    'corporation-event': async (body: unknown) => {
      const wanted = z.strictObject({ corporation: z.string(), event: corporationEvent })
      const { corporation, event } = parsed(wanted, body)
      const entered = await world.store.transaction(tx =>
        enter(tx, world, corporation, event, world.clock.now()),
      )
      await publishOthers(world)
      return entered
    },
    'corporation-list': async () => searchCorporations(world, ''),
    'corporation-representatives': async (body: unknown) => {
      const { corporation } = parsed(z.strictObject({ corporation: z.string() }), body)
      const found = await readRepresentatives(world, corporation)
      return found.map(({ id, name, title, until }) => ({ id, name, title, until }))
    },
    'cross-certificate-revoke': async (body: unknown) => {
      const { issuer, subject } = parsed(pair, body)
      const revoked = await world.store.transaction(async tx => {
        const rows = await tx
          .selectFrom('other_certificate')
          .select('serial')
          .where('ca', '=', issuer)
          .where('crossed', '=', subject)
          .where('state', '=', 'valid')
          .execute()
        const at = world.clock.now()
        for (const { serial } of rows) {
          await revokeOther(tx, { ca: issuer, serial }, 'cessationOfOperation', at)
        }
        return rows.length
      })
      await publishOthers(world)
      return { revoked }
    },
    'cross-certificate-issue': async (body: unknown) => {
      const { issuer, subject } = parsed(pair, body)
      await recognise(world, [issuer, subject])
      return {}
    },
  }
}

const pair = z
  .strictObject({ issuer: z.enum(otherCaIds), subject: z.enum(otherCaIds) })
  .refine(({ issuer, subject }) => (issuer === 'bridge') !== (subject === 'bridge'))

function parsed<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body)
  if (!result.success) throw new Refusal('request-malformed')
  return result.data
}
