/** The succession of token keys as a command of the admin socket. */
import { Refusal } from '@sekisho/contract'
import { z } from 'zod'
import type { SucceedingOpenId } from './open-id-succession.ts'
import { leadMs, rotateTokenKey } from './token-key.ts'

/** Commands by name. */
export function keyCommands(
  world: Parameters<typeof rotateTokenKey>[0],
  openId: Pick<SucceedingOpenId, 'refresh'>,
) {
  const shape = z.strictObject({
    leadSeconds: z
      .int()
      .min(0)
      .max(90 * 24 * 3600)
      .optional(),
  })
  return {
    'token-key-rotate': async (body: unknown) => {
      const parsed = shape.safeParse(body ?? {})
      if (!parsed.success) throw new Refusal('request-malformed')
      const { leadSeconds } = parsed.data
      const made = await rotateTokenKey(
        world,
        leadSeconds === undefined ? leadMs : leadSeconds * 1000,
      )
      await openId.refresh()
      return { name: made.name, from: new Date(made.from).toISOString() }
    },
  }
}
