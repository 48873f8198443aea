/** A log in a database with entries in it, and its files; for the tests of this package. */
import {
  createKey,
  createPersonKeys,
  type KeyPair,
  masterKeyOf,
  personKeyMigrations,
} from '@sekisho/runtime/keys'
import { signingKeyOf } from '@sekisho/runtime/keyring'
import { type Log, silentLog } from '@sekisho/runtime/log'
import { systemRandom } from '@sekisho/runtime/random'
import type { Engine, Store } from '@sekisho/runtime/store'
import {
  createLedger,
  defineEntries,
  type Ledger,
  type LedgerSchema,
  ledgerMigrations,
} from './index.ts'
import { logFilePath, tileWidth, tileWidthIn } from './tile-path.ts'
import { type LogKey, type LogSource, parseLogKey, type Receipt } from './verify.ts'

/** A log, what is recorded into it, and what it publishes. */
export type TestLog = {
  readonly ledger: Ledger
  readonly store: Store<LedgerSchema>
  readonly logKey: LogKey
  /** Records so many entries of the person `p1`, and sequences. */
  grow(count: number): Promise<void>
  /** Every file that the published checkpoint calls for, by its address. */
  files(): Promise<Map<string, Uint8Array>>
  /** The person's entries with their places. */
  receipts(): Promise<readonly Receipt[]>
}

const random = systemRandom()
const personKeys = createPersonKeys({ master: masterKeyOf(random.bytes(32), random), random })
const kinds = defineEntries({
  'test.thing-happened': { ja: '出来事', en: 'something happened', fields: { count: 'number' } },
})

/** Opens a log under a schema of its own. */
export async function openTestLog(
  engine: Engine,
  given: {
    readonly schema: string
    readonly key?: KeyPair
    readonly log?: Log
    readonly witnessed?: Parameters<typeof createLedger>[0]['witnessed']
  },
): Promise<TestLog> {
  const store = await engine.store<LedgerSchema>({
    schema: given.schema,
    migrations: { ...ledgerMigrations, ...personKeyMigrations },
  })
  const ledger = createLedger({
    store,
    personKeys,
    key: signingKeyOf(given.key ?? (await createKey('ed25519'))),
    origin: testOrigin,
    random,
    log: given.log ?? silentLog(),
    witnessed: given.witnessed,
  })
  return {
    ledger,
    store,
    logKey: parseLogKey(ledger.verifierKey),
    async grow(count) {
      await store.transaction(tx =>
        ledger.recordAll(
          tx,
          kinds['test.thing-happened'],
          Array.from({ length: count }, (_, at) => ({ at, personId: 'p1', values: { count: at } })),
        ),
      )
      await ledger.sequence()
    },
    files: () => filesOf(ledger),
    async receipts() {
      const entries = await ledger.entriesOf('p1')
      return entries.flatMap(({ index, content }) =>
        index === undefined || content === undefined ? [] : [{ ...content.disclosed, index }],
      )
    },
  }
}

/** The name of every log here. */
export const testOrigin = 'platform.example/ledger'

/** Files in memory, as a server or a folder would have them. */
export function sourceOf(files: ReadonlyMap<string, Uint8Array>): LogSource {
  return { read: path => Promise.resolve(files.get(path)) }
}

async function filesOf(ledger: Ledger): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>()
  const take = async (path: string): Promise<Uint8Array> => {
    const file = await ledger.published(path)
    if (file === undefined) throw new Error(`the log has no ${path}`)
    files.set(path, file.body)
    return file.body
  }
  const size = Number(new TextDecoder().decode(await take('checkpoint')).split('\n')[1])
  for (let level = 0; tileWidthIn(size, level, 0) > 0; level += 1)
    for (let tile = 0; ; tile += 1) {
      const width = tileWidthIn(size, level, tile)
      if (width === 0) break
      await take(logFilePath({ kind: 'tile', level, tile, width }))
      if (level === 0) await take(logFilePath({ kind: 'entries', tile, width }))
      if (width < tileWidth) break
    }
  return files
}
