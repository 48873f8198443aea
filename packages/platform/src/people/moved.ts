/** What a decision moved between two registrations, kept so that it can be undone to the row. */
import { z } from 'zod'

const ids = z.array(z.string())

/** Rows by their ids. Pairwise ids are named by their provider. */
export const moved = z.strictObject({
  certificates: ids,
  /** Providers whose id of the person went along. */
  pairwise: ids,
  consents: ids,
  /** Consents that were in force and gave way to one of the other registration. */
  replaced: ids,
  customers: ids,
  terminals: ids,
  /** Registrations that had been merged into the one that is now merged itself. */
  merged: ids,
  /** Providers that knew both. */
  doubles: ids,
})
export type Moved = z.output<typeof moved>
