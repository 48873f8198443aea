/**
 * Many small callers served by one piece of work: transactions that commit together, and reads that are shared. A database
 * that is asked once for fifty callers takes little longer than for one.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Transaction } from 'kysely'
import { StoreError } from './store-error.ts'

/**
 * Runs callers' items in shared transactions (group commit). Whoever comes while a transaction runs waits for the next one;
 * the first to come waits for the others of the same turn of the event loop, and no longer. Each caller's promise settles
 * only after the transaction that holds its item has ended.
 *
 * `work` gets the items of one transaction and gives a result for each, in order. An item that cannot be done makes the whole
 * transaction fail: each of its items is then run in a transaction of its own, so that nobody fails for a neighbour. After a
 * commit whose outcome is unknown nothing is run again; every caller gets the fault.
 */
export function groupCommit<Schema, Item, Result>(
  store: Transactor<Schema>,
  work: (tx: Transaction<Schema>, items: readonly Item[]) => Promise<readonly Result[]>,
  given: { readonly itemsMax: number },
): (item: Item) => Promise<Result> {
  return inGroups(
    (items, noteDone) =>
      store.transaction(async tx => {
        const results = await work(tx, items)
        assertOneEach(items, results)
        noteDone()
        return results
      }),
    given,
  )
}

/**
 * The same for work that is one statement, which is read or written whole or not at all: calls that are there at the same time share it. An item
 * with which the statement fails is run again by itself, and so are its neighbours.
 */
export function groupStatements<Item, Result>(
  run: (items: readonly Item[]) => Promise<readonly Result[]>,
  given: { readonly itemsMax: number },
): (item: Item) => Promise<Result> {
  return inGroups(run, given)
}

/** Runs one group; says when nothing but the commit is left, after which nothing may be run again. */
type RunGroup<Item, Result> = (
  items: readonly Item[],
  noteDone: () => void,
) => Promise<readonly Result[]>

function inGroups<Item, Result>(
  run: RunGroup<Item, Result>,
  given: { readonly itemsMax: number },
): (item: Item) => Promise<Result> {
  const inOwnContext = AsyncLocalStorage.snapshot()
  let waiting: Waiting<Item, Result>[] = []
  let isRunning = false

  const runAll = async (): Promise<void> => {
    await nextTurn()
    while (waiting.length > 0) {
      const group = waiting.slice(0, given.itemsMax)
      waiting = waiting.slice(given.itemsMax)
      await runGroup(run, group)
      // Those who were answered may ask again at once: their next items are in before the next group leaves.
      await nextTurn()
    }
    isRunning = false
  }
  return item =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject })
      if (isRunning) return
      isRunning = true
      // Not in the context of whoever came first: a group belongs to nobody.
      inOwnContext(() => void runAll())
    })
}

/** What runs transactions: a store. */
type Transactor<Schema> = {
  transaction<T>(work: (tx: Transaction<Schema>) => Promise<T>): Promise<T>
}

type Waiting<Item, Result> = {
  readonly item: Item
  readonly resolve: (result: Result) => void
  readonly reject: (fault: unknown) => void
}

/** Settles every item of the group; never rejects. */
async function runGroup<Item, Result>(
  run: RunGroup<Item, Result>,
  group: readonly Waiting<Item, Result>[],
): Promise<void> {
  let isWorkDone = false
  try {
    const results = await run(
      group.map(({ item }) => item),
      () => {
        isWorkDone = true
      },
    )
    isWorkDone = true
    assertOneEach(group, results)
    for (const [at, result] of results.entries()) group[at]?.resolve(result)
  } catch (fault) {
    const isUnreachable = fault instanceof StoreError && fault.sqlState === 'unreachable'
    if (isWorkDone || isUnreachable || group.length === 1) {
      for (const { reject } of group) reject(fault)
      return
    }
    for (const each of group) await runGroup(run, [each])
  }
}

/**
 * Lets callers who ask for the same at the same time share one read. A read is only shared by those who asked before it
 * began, so that nobody is answered from a time before the question; nothing is kept.
 */
export function shareReads<T>(read: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const inOwnContext = AsyncLocalStorage.snapshot()
  const running = new Map<string, Promise<unknown>>()
  const waiting = new Map<string, Promise<T>>()

  const begin = async (key: string): Promise<T> => {
    await running.get(key)?.catch(() => {})
    await nextTurn()
    waiting.delete(key)
    const reading = read(key)
    running.set(key, reading)
    try {
      return await reading
    } finally {
      if (running.get(key) === reading) running.delete(key)
    }
  }
  return key => {
    const shared = waiting.get(key)
    if (shared !== undefined) return shared
    const fresh = inOwnContext(() => begin(key))
    waiting.set(key, fresh)
    return fresh
  }
}

function assertOneEach(items: readonly unknown[], results: readonly unknown[]): void {
  if (results.length !== items.length) throw new Error('a group has a result for each item')
}

/** After what has arrived by now was read from the network. */
function nextTurn(): Promise<void> {
  return new Promise(resolve => {
    setImmediate(resolve)
  })
}
