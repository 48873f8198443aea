/**
 * The keys that sign ID tokens, and their succession (C5): which one signs is told by times in a table, so every node changes at the same
 * moment. A new one is published in the JWKS for a while before it signs, and an old one for as long as its tokens are shown.
 */
import { protocolNow } from '@sekisho/runtime/clock'
import type { Keyring, SigningKey } from '@sekisho/runtime/keyring'
import { lockInTransaction, type Store } from '@sekisho/runtime/store'
import { Refusal } from '@sekisho/contract'
import { errors, ExternalSigningKey } from 'oidc-provider'
import type { PlatformTables } from '../database.ts'
import { sessionMs } from '../session/provider-session.ts'

/** Milliseconds for which a new key is published before it signs: providers keep a JWKS for hours. */
export const leadMs = 24 * 3600 * 1000

type KeyWorld = { readonly store: Store<PlatformTables>; readonly keyring: Keyring }

/**
 * Gives the keys of the JWKS: the one that signs now first, then those to come and those whose tokens may still be shown. The keyring is asked
 * for each once, so that looking again needs no token.
 */
export function createTokenKeys({
  store,
  keyring,
}: KeyWorld): () => Promise<readonly SigningKey[]> {
  const known = new Map<string, SigningKey>()
  return async () => {
    const keys: SigningKey[] = []
    for (const name of await publishedNames(store, protocolNow())) {
      const key = known.get(name) ?? (await keyring.signingKey(name, 'ec-p256'))
      known.set(name, key)
      keys.push(key)
    }
    return keys
  }
}

/**
 * Makes the next key and has it sign after `lead` milliseconds, at once with 0, as when the present one has leaked. Its name and when it
 * begins. Refusal `token-absent` while keys cannot be made.
 */
export async function rotateTokenKey(
  { store, keyring }: KeyWorld,
  lead = leadMs,
): Promise<{ readonly name: string; readonly from: number }> {
  await publishedNames(store, protocolNow())
  return store.transaction(async tx => {
    await lockInTransaction(tx, 'token keys')
    const rows = await tx.selectFrom('token_key').select('name').execute()
    const name = `tokens-${rows.length + 1}`
    // Before it is in the table, so that no node finds a key that is not there.
    await keyring.signingKey(name, 'ec-p256')
    const from = protocolNow() + lead
    await tx.insertInto('token_key').values({ name, active_from: from }).execute()
    return { name, from }
  })
}

async function publishedNames(
  store: Store<PlatformTables>,
  now: number,
): Promise<readonly string[]> {
  const read = (): Promise<readonly { readonly name: string; readonly active_from: number }[]> =>
    store.read(db =>
      db
        .selectFrom('token_key')
        .selectAll()
        .orderBy('active_from', 'desc')
        .orderBy('name')
        .execute(),
    )
  let rows = await read()
  if (rows.length === 0) {
    const first = { name: firstName, active_from: 0 }
    await store.transaction(tx =>
      tx
        .insertInto('token_key')
        .values(first)
        .onConflict(on => on.doNothing())
        .execute(),
    )
    rows = await read()
  }
  const active = rows.findIndex(row => row.active_from <= now)
  const names = rows
    .filter((_, at) => {
      const successor = rows[at - 1]
      return at <= active || (successor !== undefined && successor.active_from > now - sessionMs)
    })
    .map(row => row.name)
  const signing = rows[active]?.name ?? firstName
  return [signing, ...names.filter(name => name !== signing)]
}

/** As the library wants a key whose private half is elsewhere. */
export class PublishedKey extends ExternalSigningKey {
  readonly #key: SigningKey

  constructor(key: SigningKey) {
    super()
    this.#key = key
  }

  override get kid() {
    return this.#key.keyId
  }

  override get alg() {
    return this.#key.kind === 'ec-p256' ? 'ES256' : 'EdDSA'
  }

  override keyObject() {
    return this.#key.publicKey
  }

  override async sign(data: Uint8Array): Promise<Uint8Array> {
    try {
      return await this.#key.sign(data)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      // Told with our code (`openid-error.ts`); it may hold a minute later.
      throw Object.assign(new errors.TemporarilyUnavailable(error.code), {
        status: 503,
        statusCode: 503,
      })
    }
  }
}

const firstName = 'tokens'
