/**
 * Where the keys of further CA generations are: in a token that two operators open, or in files. The keys of the town's own two
 * generations are those of the pool, and not here.
 */
import { sign as signWith } from 'node:crypto'
import { Refusal } from '@sekisho/contract'
import { type KeyPair, loadOrCreateKey } from '@sekisho/runtime/keys'
import type { Token, TokenKey } from '@sekisho/runtime/pkcs11'
import type { CaKeyKind } from './generation-kind.ts'
import type { CaKey } from './hierarchy.ts'

/** Where one key is; a name is also the label in a token. */
export type CaKeyPlace = { readonly at: 'token' | 'file'; readonly name: string }

/** The keys of an authority's CAs. */
export type CaKeyStore = {
  /** Whether new keys are made in a token. */
  readonly place: CaKeyPlace['at']
  /** Makes a key. Refusals `token-locked`, `token-key-exists`. */
  make(name: string, kind: CaKeyKind): Promise<{ readonly key: CaKey; readonly place: CaKeyPlace }>
  /**
   * The key at a place. A key in a token need not be reachable yet: it signs while the token is open, and until then throws the refusal
   * `token-locked`.
   */
  find(
    place: CaKeyPlace,
    facts: { readonly kind: CaKeyKind; readonly spki: Uint8Array },
  ): Promise<CaKey>
}

/** Makes the store. `token` undefined: new keys are files. */
export function createCaKeyStore(given: {
  readonly folder: string
  readonly token: Token | undefined
}): CaKeyStore {
  const { folder, token } = given
  return {
    place: token === undefined ? 'file' : 'token',
    make: async (name, kind) => {
      if (token === undefined) {
        const pair = await loadOrCreateKey(folder, name, kind)
        return { key: keyOfFile(pair, kind), place: { at: 'file', name } }
      }
      const made = token.generate(name, kind)
      return { key: keyInToken(token, name, kind, made.spki), place: { at: 'token', name } }
    },
    find: async (place, { kind, spki }) => {
      if (place.at === 'file') {
        const key = keyOfFile(await loadOrCreateKey(folder, place.name, kind), kind)
        if (Buffer.from(key.spki).equals(spki)) return key
        throw new Refusal('configuration-unsafe', { setting: place.name, why: 'key-file-replaced' })
      }
      // Without the token's library its keys are as locked as they can be.
      return token === undefined
        ? { spki, algorithm: algorithms[kind], sign: refuseLocked }
        : keyInToken(token, place.name, kind, spki)
    },
  }
}

function refuseLocked(): never {
  throw new Refusal('token-locked')
}

function keyInToken(token: Token, name: string, kind: CaKeyKind, spki: Uint8Array): CaKey {
  let found: TokenKey | undefined
  return {
    spki,
    algorithm: algorithms[kind],
    sign: (_algorithm, tbs) => {
      found ??= token.find(name)
      if (found === undefined || !Buffer.from(found.spki).equals(spki))
        throw new Refusal('token-absent', { token: name })
      return found.sign(hashes[kind], tbs)
    },
  }
}

function keyOfFile({ privateKey, publicKey }: KeyPair, kind: CaKeyKind): CaKey {
  return {
    spki: new Uint8Array(publicKey.export({ type: 'spki', format: 'der' })),
    algorithm: algorithms[kind],
    sign: (_algorithm, tbs) => new Uint8Array(signWith(hashes[kind], tbs, privateKey)),
  }
}

const algorithms = { 'rsa-2048': 'rsa-sha256', 'ec-p384': 'ecdsa-sha384' } as const
const hashes = { 'rsa-2048': 'sha256', 'ec-p384': 'sha384' } as const
