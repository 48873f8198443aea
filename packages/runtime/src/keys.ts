/**
 * Keys of programs: a folder with one file a key, readable by its owner only.
 * Keys that may lie in a hardware module instead are asked of a `Keyring` (`keyring.ts`).
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto'
import { promisify } from 'node:util'
import type { Effects } from './effects.ts'
import { withLockedFile, writeFileAtomically } from './files.ts'
import { keyPath, readSecretFile } from './key-file.ts'

export { loadOrCreateMasterKey, type MasterKey, masterKeyOf } from './master-key.ts'
export {
  createPersonKeys,
  type FoundPersonKey,
  type PersonKey,
  type PersonKeys,
  type PersonKeyTables,
  personKeyMigrations,
} from './person-keys.ts'
export { openBox, sealBox, SealBroken } from './sealed-box.ts'

/** What kind of key pair. `rsa-2048` only where the other side speaks nothing newer. */
export type KeyKind = 'ec-p256' | 'ec-p384' | 'rsa-2048' | 'ed25519'

/** A key pair and its name. */
export type KeyPair = {
  readonly kind: KeyKind
  /** The JWK thumbprint with SHA-256 (RFC 7638), base64url. */
  readonly keyId: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

/**
 * Reads the key `<folder>/<name>.pem` (PKCS #8), or makes it when it is not there. Several processes
 * that begin at once get the same key.
 *
 * Throws the refusal `configuration-unsafe` when others may read the file, and a fault when it holds
 * another kind of key: a key is never replaced silently.
 */
export async function loadOrCreateKey(
  folder: string,
  name: string,
  kind: KeyKind,
  given: { readonly effects?: Effects | undefined } = {},
): Promise<KeyPair> {
  const path = await keyPath(folder, name, 'pem')
  return withLockedFile(path, async () => {
    const found = await readSecretFile(path, name)
    if (found !== undefined) return keyPairOf(createPrivateKey(Buffer.from(found)), kind, path)
    const privateKey = await generate(kind)
    await writeFileAtomically(path, privateKey.export({ format: 'pem', type: 'pkcs8' }), given)
    return keyPairOf(privateKey, kind, path)
  })
}

/** Makes a key pair that is kept nowhere; for tests and for one-time use. */
export async function createKey(kind: KeyKind): Promise<KeyPair> {
  return keyPairOf(await generate(kind), kind, 'a new key')
}

/** The public half as a JWK with its `kid`, `alg` and `use`, for a JWK Set. */
export function publicJwkOf(key: KeyPair): JsonWebKey {
  return { ...key.publicKey.export({ format: 'jwk' }), ...jwkNames(key) }
}

/** Both halves as a JWK, for a library that signs by itself. Must not leave the process. */
export function privateJwkOf(key: KeyPair): JsonWebKey {
  return { ...key.privateKey.export({ format: 'jwk' }), ...jwkNames(key) }
}

/** Reads a public key from a JWK; throws on anything that is not one. */
export function publicKeyOfJwk(jwk: JsonWebKey): KeyObject {
  return createPublicKey({ key: jwk, format: 'jwk' })
}

const generateKeys = promisify(generateKeyPair)

async function generate(kind: KeyKind): Promise<KeyObject> {
  switch (kind) {
    case 'ec-p256':
      return (await generateKeys('ec', { namedCurve: 'prime256v1' })).privateKey
    case 'ec-p384':
      return (await generateKeys('ec', { namedCurve: 'secp384r1' })).privateKey
    case 'rsa-2048':
      return (await generateKeys('rsa', { modulusLength: 2048 })).privateKey
    case 'ed25519':
      return (await generateKeys('ed25519')).privateKey
  }
}

function keyPairOf(privateKey: KeyObject, kind: KeyKind, where: string): KeyPair {
  if (kindOf(privateKey) !== kind) throw new Error(`${where} does not hold a key of kind ${kind}`)
  const publicKey = createPublicKey(privateKey)
  return { kind, keyId: keyIdOf(publicKey), privateKey, publicKey }
}

const curves: Readonly<Record<string, KeyKind>> = { prime256v1: 'ec-p256', secp384r1: 'ec-p384' }

function kindOf(key: KeyObject): KeyKind | undefined {
  const details = key.asymmetricKeyDetails
  switch (key.asymmetricKeyType) {
    case 'ec':
      return curves[details?.namedCurve ?? '']
    case 'rsa':
      return details?.modulusLength === 2048 ? 'rsa-2048' : undefined
    case 'ed25519':
      return 'ed25519'
    default:
      return undefined
  }
}

/** The name of a public key: RFC 7638 §3, the required members in lexicographic order, no white space. */
export function keyIdOf(publicKey: KeyObject): string {
  const jwk = publicKey.export({ format: 'jwk' })
  const required = ['crv', 'e', 'kty', 'n', 'x', 'y'].filter(name => jwk[name] !== undefined)
  const text = JSON.stringify(Object.fromEntries(required.map(name => [name, jwk[name]])))
  return createHash('sha256').update(text).digest('base64url')
}

function jwkNames(key: KeyPair): { kid: string; alg: string; use: string } {
  const alg = { 'ec-p256': 'ES256', 'ec-p384': 'ES384', 'rsa-2048': 'RS256', ed25519: 'EdDSA' }[
    key.kind
  ]
  return { kid: key.keyId, alg, use: 'sig' }
}
