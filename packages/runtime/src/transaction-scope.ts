/**
 * Knows, along asynchronous calls, whether a database transaction is open.
 *
 * A network call inside a transaction would hold a connection and its locks for as long as another
 * party pleases, so `createFetch` refuses to make one (architecture, "Transactions"). The embedded
 * engine has a single connection, where a second transaction inside the first would wait for ever.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

type Scope = { open: boolean }

const scopes = new AsyncLocalStorage<Scope>()

/** Runs `work` marked as being inside a transaction; the mark ends with `work`, also for what it left running. */
export async function insideTransaction<T>(work: () => Promise<T>): Promise<T> {
  const scope: Scope = { open: true }
  try {
    return await scopes.run(scope, work)
  } finally {
    scope.open = false
  }
}

/** Throws a fault when the caller stands inside an open transaction. */
export function assertOutsideTransaction(deed: string): void {
  if (scopes.getStore()?.open === true) {
    throw new Error(`${deed} inside a database transaction is a programming error`)
  }
}
