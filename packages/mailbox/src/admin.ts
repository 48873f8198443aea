/** What the operator does about boxes, as commands of the admin socket. */
import { Refusal } from '@sekisho/contract'
import { isCorporateNumber, municipalityOf } from '@sekisho/contract/japan'
import { findProvider, personOfSubject, type World } from '@sekisho/platform/room'
import type { AdminHandlers } from '@sekisho/runtime/http'
import type { Store } from '@sekisho/runtime/store'
import { z } from 'zod'
import { boxesOf, type Owner, registerBox } from './box.ts'
import type { MailTables } from './post.ts'

const organisation = z.string().refine(isCorporateNumber)
const municipality = z.string().refine(code => municipalityOf(code) !== undefined)
const whose = { organisation: organisation.optional(), municipality: municipality.optional() }
const provider = z.string().min(1).max(63)

const registration = z.strictObject({
  ...whose,
  name: z.string().min(1).max(100),
  provider: provider.optional(),
})
const membership = z.strictObject({
  ...whose,
  /** The provider that knows the person, and by which id. */
  provider,
  subject: z.string().min(1).max(64),
  role: z.enum(['reader', 'clerk', 'none']),
})

/** The commands. Each takes a JSON body; `request-malformed` for another. */
export function mailCommands(world: World, store: Store<MailTables>): AdminHandlers {
  return {
    'mailbox-register': async body => {
      const given = parse(registration, body)
      const owner = ownerOf(given)
      if (
        given.provider !== undefined &&
        (await findProvider(world.store, given.provider)) === undefined
      )
        throw new Refusal('provider-unknown')
      await store.transaction(tx =>
        registerBox(
          tx,
          world.random,
          { owner, name: given.name, providerId: given.provider },
          world.clock.now(),
        ),
      )
      return { registered: true }
    },
    'mailbox-member': async body => {
      const given = parse(membership, body)
      const owner = ownerOf(given)
      const at = world.clock.now()
      await store.transaction(async tx => {
        const personId = await personOfSubject(tx, given.provider, given.subject)
        if (personId === undefined) throw new Refusal('person-unknown')
        const { id } = (await boxesOf(tx, world.random, [owner], at))(owner)
        await tx
          .deleteFrom('mailbox_member')
          .where('box_id', '=', id)
          .where('person_id', '=', personId)
          .execute()
        if (given.role !== 'none')
          await tx
            .insertInto('mailbox_member')
            .values({ box_id: id, person_id: personId, role: given.role, since: at })
            .execute()
      })
      return { role: given.role }
    },
  }
}

function ownerOf(given: {
  readonly organisation?: string | undefined
  readonly municipality?: string | undefined
}): Extract<Owner, { kind: 'organisation' | 'municipality' }> {
  const { organisation: number, municipality: code } = given
  if (number !== undefined && code === undefined) return { kind: 'organisation', number }
  if (code !== undefined && number === undefined) return { kind: 'municipality', code }
  throw new Refusal('request-malformed', { fields: 'organisation, municipality' })
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body)
  if (!parsed.success)
    throw new Refusal('request-malformed', {
      fields: parsed.error.issues[0]?.path.join('.') ?? '',
    })
  return parsed.data
}
