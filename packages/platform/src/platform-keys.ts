/**
 * The platform's keys (docs/keys.md): which lie in files and which may lie in a token, what is unwrapped at the start and kept, and what
 * follows when the token takes over from the files.
 */
import { every } from '@sekisho/runtime/clock'
import { listFiles } from '@sekisho/runtime/files'
import { fileKeyring, type Keyring, type SigningKey } from '@sekisho/runtime/keyring'
import {
  createPersonKeys,
  loadOrCreateKey,
  type MasterKey,
  type PersonKeys,
  privateJwkOf,
  SealBroken,
} from '@sekisho/runtime/keys'
import type { Random } from '@sekisho/runtime/random'
import type { Effects, Store } from '@sekisho/runtime/store'
import type { PlatformTables } from './database.ts'

/** All keys of one node. */
export type PlatformKeys = {
  readonly keyring: Keyring
  readonly receiptKey: SigningKey
  readonly ledgerKey: SigningKey
  /** Keys that signed before there was a token; published on. */
  readonly formerKeys: readonly SigningKey[]
  /** Seals what concerns nobody, or not yet anybody: intents, names of certificates. Never waits for a token. */
  readonly master: MasterKey
  readonly personKeys: PersonKeys
  /** Signs the OpenID protocol's cookies. */
  readonly cookieSecret: string
  readonly questionKey: Uint8Array
  /**
   * Begins what goes on beside: keys of people are wrapped anew where they lie under a former master and unwrapped before somebody waits for
   * them; `refresh` looks for other token keys. Returns a stop.
   */
  startWork(refresh: () => Promise<void>, fault: (error: unknown) => void): () => Promise<void>
}

/** Opens them. Keys that only this node needs, to find and to seal its own things, are always files. */
export async function openPlatformKeys(given: {
  readonly keysFolder: string
  readonly keys: Keyring | undefined
  readonly store: Store<PlatformTables>
  readonly random: Random
  readonly effects?: Effects | undefined
}): Promise<PlatformKeys> {
  const { keysFolder, store, random, effects } = given
  const files = fileKeyring(keysFolder, { random, effects })
  const keyring = given.keys ?? files
  const secretOf = async (name: string): Promise<string> =>
    String(privateJwkOf(await loadOrCreateKey(keysFolder, name, 'ed25519', { effects })).d)
  const above = await keyring.master('master')
  // Whatever was sealed before there was a token lies under the master in the file.
  const there = keyring.place === 'token' ? new Set(await listFiles(keysFolder)) : new Set()
  const former = there.has('master.key') ? [await files.master('master')] : []
  // What they signed is shown for years.
  const formerKeys: SigningKey[] = []
  if (there.has('tokens.pem')) formerKeys.push(await files.signingKey('tokens', 'ec-p256'))
  if (there.has('receipts.pem')) formerKeys.push(await files.signingKey('receipts', 'ed25519'))
  // A log has one key as long as it lasts (docs/keys.md).
  const ledgerPlace = there.has('ledger.pem') ? files : keyring
  const personKeys = createPersonKeys({ master: above, former, random })
  return {
    keyring,
    receiptKey: await keyring.signingKey('receipts', 'ed25519'),
    ledgerKey: await ledgerPlace.signingKey('ledger', 'ed25519'),
    formerKeys,
    master:
      keyring.place === 'file' ? above : withFormer(await personKeys.ownMaster(store), former),
    personKeys,
    cookieSecret: await secretOf('cookies'),
    questionKey: Buffer.from(await secretOf('questions'), 'base64url'),
    startWork(refresh, fault) {
      let isSettled = false
      const work = async (): Promise<void> => {
        await refresh()
        if (isSettled) return
        await personKeys.rewrap(store)
        if (keyring.place === 'token') await personKeys.warm(store)
        isSettled = true
      }
      return every(workMs, work, fault)
    },
  }
}

/** Real milliseconds between two looks. */
const workMs = 2_000

/** Opens also what a former master sealed; seals with the present one. */
function withFormer(present: MasterKey, former: readonly MasterKey[]): MasterKey {
  return {
    ...present,
    async unwrap(context, wrapped) {
      for (const one of [present, ...former])
        try {
          return await one.unwrap(context, wrapped)
        } catch (error) {
          if (!(error instanceof SealBroken)) throw error
        }
      return present.unwrap(context, wrapped)
    },
  }
}
