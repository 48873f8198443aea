/** Key ceremonies and the opening of the token as commands of the admin socket. */
import { Refusal } from '@sekisho/contract'
import { caKind } from '@sekisho/contract/authority'
import { protocolNow } from '@sekisho/runtime/clock'
import type { Token } from '@sekisho/runtime/pkcs11'
import { z } from 'zod'
import type { World } from '../world.ts'
import { createActivation } from './activation.ts'
import { holdCeremony } from './ceremony.ts'

/** The name of someone who operates the CA; for the record. */
const operator = z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/)

const ceremony = z.strictObject({
  ca: caKind,
  kind: z.enum(['present', 'next']),
  notBefore: z.iso.datetime(),
  operators: z.array(operator).min(2).max(8),
})

const half = z.strictObject({
  operator,
  which: z.enum(['first', 'second']),
  half: z.string().min(1).max(64),
})

/** Commands by name. */
export function caCommands(world: World, token: Token | undefined) {
  const activation =
    token === undefined ? undefined : createActivation({ token, log: world.log, now: protocolNow })
  const opening = () => {
    if (activation === undefined) throw new Refusal('token-absent')
    return activation
  }
  return {
    'ca-state': async () => ({
      keysIn: world.caKeys.place,
      token: activation?.state ?? null,
      generations: world.hierarchy.inForce(world.clock.now()).map(one => ({
        ca: one.kind,
        generation: one.generation,
        keyId: one.keyId,
        algorithm: one.algorithm,
        notBefore: new Date(one.certificate.notBefore).toISOString(),
        notAfter: new Date(one.certificate.notAfter).toISOString(),
      })),
    }),
    'ca-ceremony': async (body: unknown) => {
      const { notBefore, ...rest } = parse(ceremony, body)
      return holdCeremony(world, { ...rest, notBefore: Date.parse(notBefore) })
    },
    'ca-activate': async (body: unknown) => {
      const { half: text, ...rest } = parse(half, body)
      return { state: opening().enter({ ...rest, half: new TextEncoder().encode(text) }) }
    },
    'ca-lock': async (body: unknown) => {
      opening().lock(parse(z.strictObject({ operator }), body).operator)
      return { state: opening().state }
    },
  }
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body)
  if (!parsed.success) throw new Refusal('request-malformed')
  return parsed.data
}
