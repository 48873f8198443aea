/** Forms, applications that came on paper, and employers' collections as commands of the admin socket. */
import { Refusal } from '@sekisho/contract'
import { z } from 'zod'
import type { World } from '../world.ts'
import { applicationWish, receiveApplication, receiveCollection } from './application.ts'
import { issueForm } from './form.ts'

/** Applications that an employer hands in at once. */
const collectionMax = 1000

const collection = z.strictObject({
  employer: z.string().min(1).max(100),
  applications: z
    .array(z.looseObject({ form: z.string(), photo: z.string() }))
    .min(1)
    .max(collectionMax),
})

/** Commands by name. */
export function cardApplicationCommands(world: World) {
  return {
    'card-form': async (body: unknown) => {
      const { resident } = parsed(z.strictObject({ resident: z.string() }), body)
      const { id } = await issueForm(world, resident)
      return { form: id }
    },
    'card-application': async (body: unknown) => ({
      application: await receiveApplication(world, parsed(applicationWish, body)),
    }),
    'card-collection': async (body: unknown) => {
      const { employer, applications } = parsed(collection, body)
      const wishes = applications.map(each =>
        parsed(applicationWish, { ...each, channel: 'employer', employer }),
      )
      return receiveCollection(world, wishes)
    },
  }
}

function parsed<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body)
  if (!result.success)
    throw new Refusal('request-malformed', { fields: result.error.issues[0]?.path.join('.') ?? '' })
  return result.data
}
