/**
 * Where a program's keys are and who signs with them: files on a laptop, a hardware module in production. What is above says which key
 * it wants by name and never meets a private key.
 */
import { createPublicKey, createSecretKey, type KeyObject, sign } from 'node:crypto'
import { Refusal } from '@sekisho/contract'
import type { Effects } from './effects.ts'
import { type KeyPair, keyIdOf, loadOrCreateKey } from './keys.ts'
import { loadOrCreateMasterKey, type MasterKey } from './master-key.ts'
import type { Random } from './random.ts'
import { openBox, sealBox } from './sealed-box.ts'
import { startThread, type Thread } from './thread.ts'
import type { SigningKeyKind, TokenAnswer, TokenQuestion, TokenPlace } from './token-thread.ts'

export type { SigningKeyKind, TokenPlace } from './token-thread.ts'

/** A key that signs, as a JWS has signatures: ES256 as `r ‖ s`, EdDSA with Ed25519, or RS256, only where others speak nothing newer. */
export interface SigningKey {
  readonly kind: SigningKeyKind
  /** The JWK thumbprint with SHA-256 (RFC 7638), base64url. */
  readonly keyId: string
  readonly publicKey: KeyObject
  /** Refusals `token-absent`, `token-pin-wrong` while a module cannot be used. */
  sign(message: Uint8Array): Promise<Uint8Array>
}

/** The keys of one program. */
export interface Keyring {
  readonly place: 'file' | 'token'
  /** The key of a name, made when there is none. Refusals as of signing. */
  signingKey(name: string, kind: SigningKeyKind): Promise<SigningKey>
  /** The secret of a name that wraps others, made when there is none. Its wrapping and unwrapping are refused as signing is. */
  master(name: string): Promise<MasterKey>
  stop(): Promise<void>
}

/** Keys in files of a folder (0700), as `loadOrCreateKey` and `loadOrCreateMasterKey` have them. */
export function fileKeyring(
  folder: string,
  given: { readonly random: Random; readonly effects?: Effects | undefined },
): Keyring {
  return {
    place: 'file',
    signingKey: async (name, kind) =>
      signingKeyOf(await loadOrCreateKey(folder, name, kind, given)),
    master: name => loadOrCreateMasterKey(folder, name, given),
    stop: () => Promise.resolve(),
  }
}

/** A key pair in this process as a key that signs. */
export function signingKeyOf({ kind, keyId, privateKey, publicKey }: KeyPair): SigningKey {
  if (kind === 'ec-p384') throw new Error(`${kind} signs no JWS here`)
  return {
    kind,
    keyId,
    publicKey,
    sign: message =>
      Promise.resolve(
        kind === 'ed25519'
          ? new Uint8Array(sign(null, message, privateKey))
          : new Uint8Array(sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' })),
      ),
  }
}

/**
 * Keys in a PKCS #11 token. Its calls are synchronous and may be slow, so they are made in a thread. A module that does not answer, or
 * answers nonsense, is forgotten, and tried again at the next call: what needs it meanwhile is refused with `token-absent`. A PIN that
 * was wrong is not tried again, or the token would lock itself.
 */
export function tokenKeyring(
  token: TokenPlace,
  given: { readonly random: Random; readonly timeoutMs?: number },
): Keyring {
  let thread: Thread<TokenQuestion, TokenAnswer> | undefined
  const ask = async (question: Omit<TokenQuestion, 'token'>): Promise<Uint8Array> => {
    thread ??= startThread(threadModule)
    const own = thread
    const answer = await within(own.ask({ ...question, token }), given.timeoutMs ?? answerMsMax)
    if (answer === 'late') {
      // It hangs in the library's call; nothing else ends that.
      if (thread === own) thread = undefined
      void own.stop()
      throw new Refusal('token-absent', { token: token.label })
    }
    if ('refusal' in answer) throw new Refusal(answer.refusal, { token: token.label })
    return answer.bytes
  }
  return {
    place: 'token',
    async signingKey(name, kind) {
      const spki = await ask({ what: 'key', name, kind, message: nothing })
      const publicKey = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
      return {
        kind,
        keyId: keyIdOf(publicKey),
        publicKey,
        sign: message => ask({ what: 'sign', name, kind, message }),
      }
    },
    async master(name) {
      await ask({ what: 'secret', name, kind: undefined, message: nothing })
      return masterInToken(name, given.random, message =>
        ask({ what: 'hmac', name, kind: undefined, message }),
      )
    },
    stop: async () => {
      const last = thread
      thread = undefined
      await last?.stop()
    },
  }
}

/**
 * A master whose secret never leaves the token: for each thing that is wrapped the token makes a key of its own, HMAC-SHA-256 over context
 * and a fresh nonce, under which it is sealed here. So one plain mechanism is enough, which every module has.
 */
function masterInToken(
  name: string,
  random: Random,
  hmac: (message: Uint8Array) => Promise<Uint8Array>,
): MasterKey {
  const keyFor = async (context: string, nonce: Uint8Array): Promise<KeyObject> => {
    const head = new TextEncoder().encode(`sekisho wrapping key\n${context}\n`)
    const secret = await hmac(Uint8Array.from(Buffer.concat([head, nonce])))
    const key = createSecretKey(secret)
    secret.fill(0)
    return key
  }
  return {
    id: `token ${name}`,
    async wrap(context, secret) {
      const nonce = random.bytes(nonceBytes)
      const box = sealBox(await keyFor(context, nonce), `token\n${context}`, secret, random)
      return Uint8Array.from(Buffer.concat([nonce, box]))
    },
    async unwrap(context, wrapped) {
      const key = await keyFor(context, wrapped.slice(0, nonceBytes))
      return openBox(key, `token\n${context}`, wrapped.slice(nonceBytes))
    },
  }
}

async function within<T>(asked: Promise<T>, ms: number): Promise<T | 'late'> {
  const late = Promise.withResolvers<'late'>()
  const timer = setTimeout(() => late.resolve('late'), ms)
  try {
    return await Promise.race([asked, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

const threadModule = new URL('./token-thread.ts', import.meta.url)
const nothing = new Uint8Array()
const nonceBytes = 16
/** Modules sign in milliseconds, those across a network in tens of them. */
const answerMsMax = 5_000
