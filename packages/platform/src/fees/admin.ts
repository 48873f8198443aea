/** What an operator does about fees (C7), as commands of the admin socket (`sekisho fees`). */
import { Refusal } from '@sekisho/contract'
import { z } from 'zod'
import type { AuthorityConnector } from '../evidence/connector.ts'
import { forecastFor } from './forecast.ts'
import { reconcile } from './reconcile.ts'
import {
  correctStatement,
  providersBilled,
  rateAgain,
  statementOf,
  versionsOf,
} from './statement.ts'
import { createStatementFiles } from './statement-file.ts'
import { addTariff, adoptTariff, type FeeWorld, listTariffs } from './tariff-book.ts'

const month = z.string().regex(/^\d{4}-(0[1-9]|1[0-2])$/)
const tariff = z.string().max(63)
const provider = z.string().max(63)

/** The commands. Each takes a JSON body; `request-malformed` for another. */
export function feeCommands(
  world: FeeWorld & { readonly issuer: string; readonly connector: AuthorityConnector },
) {
  const files = createStatementFiles(world)
  return {
    'fees-reconcile': (body: unknown) =>
      reconcile(world, read(z.strictObject({ month }), body).month),
    'fees-providers': async (body: unknown) => ({
      providers: await providersBilled(world.store, read(z.strictObject({ month }), body).month),
    }),
    'fees-statement': async (body: unknown) => {
      const asked = read(
        z.strictObject({ provider, month, format: z.enum(['json', 'csv', 'pdf', 'versions']) }),
        body,
      )
      const of = [asked.provider, asked.month] as const
      if (asked.format === 'json') return statementOf(world, ...of)
      if (asked.format === 'versions') return versionsOf(world.store, ...of)
      return { file: Buffer.from(await files[asked.format](...of)).toString('base64') }
    },
    'fees-tariffs': () => listTariffs(world),
    'fees-tariff-add': async (body: unknown) => ({ added: (await addTariff(world, body)).id }),
    'fees-tariff-adopt': async (body: unknown) => {
      await adoptTariff(world, read(z.strictObject({ tariff, month }), body))
      return {}
    },
    'fees-rate': async (body: unknown) => {
      const asked = read(z.strictObject({ month, tariff }), body)
      return eachBilled(world, asked.month, async id => ({
        statementYen: (await statementOf(world, id, asked.month)).totalYen,
        otherYen: (await rateAgain(world, id, asked)).totalYen,
      }))
    },
    'fees-correct': async (body: unknown) => {
      const shape = z.strictObject({ month, tariff, reason: z.string().min(1).max(200) })
      const asked = read(shape, body)
      return eachBilled(world, asked.month, async id => {
        const { statement, isChanged } = await correctStatement(world, id, asked)
        return { version: statement.version, totalYen: statement.totalYen, isChanged }
      })
    },
    'fees-forecast': (body: unknown) =>
      forecastFor(world, read(z.strictObject({ provider }), body).provider),
  }
}

/** One after the other: a month of everybody is much for a database that has other work. */
async function eachBilled<T extends object>(
  world: FeeWorld,
  of: string,
  work: (id: string) => Promise<T>,
): Promise<readonly (T & { readonly provider: string })[]> {
  const done: (T & { readonly provider: string })[] = []
  for (const id of await providersBilled(world.store, of))
    done.push({ provider: id, ...(await work(id)) })
  return done
}

function read<T>(shape: z.ZodType<T>, body: unknown): T {
  const parsed = shape.safeParse(body)
  if (parsed.success) return parsed.data
  throw new Refusal('request-malformed', { field: parsed.error.issues[0]?.path.join('.') ?? '' })
}
