/** A statement in the forms in which it is handed out (C7). */
import type { Clock } from '@sekisho/runtime/clock'
import type { Store } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { findProvider } from '../providers/registry.ts'
import { statementOf } from './statement.ts'
import { statementCsv } from './statement-csv.ts'
import { statementPdf } from './statement-pdf.ts'
import { openTypeface, type Typeface } from '../paper/typeface.ts'

/** Hands out statements as files. */
export type StatementFiles = {
  /** Refusal `tariff-not-in-force`. */
  csv(providerId: string, month: string): Promise<Uint8Array>
  /** Refusal `tariff-not-in-force`. */
  pdf(providerId: string, month: string): Promise<Uint8Array>
}

/** The typeface is read when the first statement is printed. */
export function createStatementFiles(world: {
  readonly store: Store<PlatformTables>
  readonly clock: Clock
  readonly issuer: string
}): StatementFiles {
  let typeface: Promise<Typeface> | undefined
  const nameOf = async (id: string): Promise<string> =>
    (await findProvider(world.store, id))?.name ?? id
  return {
    csv: async (id, month) => statementCsv(await statementOf(world, id, month), await nameOf(id)),
    pdf: async (id, month) => {
      const statement = await statementOf(world, id, month)
      const given = {
        providerName: await nameOf(id),
        issuer: world.issuer,
        at: world.clock.now(),
      }
      typeface ??= openTypeface()
      return statementPdf(await typeface, statement, given)
    },
  }
}
