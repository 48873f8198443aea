/**
 * Keys in a token: a hardware security module, or SoftHSM in tests, through its PKCS #11 library (OASIS PKCS #11 v2.40). A private
 * key is made in the token, never leaves it, and signs only while the token is open. Calls are synchronous: where a token is
 * slow, call in a thread. On 64-bit Linux and macOS; the structures of Windows are packed otherwise.
 */
import { createHash, createPublicKey } from 'node:crypto'
import { Refusal } from '@sekisho/contract'
import {
  alreadyLoggedIn,
  type Attribute,
  attribute,
  type Cryptoki,
  type Handle,
  load,
  unload,
  ok,
  pinLocked,
  ulong,
} from './cryptoki.ts'

/** Kinds of key pairs. */
export type TokenKeyKind = 'rsa-2048' | 'rsa-4096' | 'ec-p256' | 'ec-p384' | 'ed25519'

/** A key pair in a token. */
export interface TokenKey {
  readonly kind: TokenKeyKind
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array
  /** PKCS #1 v1.5, ECDSA as a DER Ecdsa-Sig-Value, or Ed25519, which takes no hash. Refusal `token-locked` while the token is not open. */
  sign(hash: 'sha256' | 'sha384' | 'sha512', message: Uint8Array): Uint8Array
  /** The signature as a JWS has it (RFC 7518 §3.4, RFC 8037 §3.1): ES256, ES384 or EdDSA. The same refusal; a fault for an RSA key. */
  signJws(message: Uint8Array): Uint8Array
}

/** A secret in a token. */
export interface TokenSecret {
  /** HMAC-SHA-256 under it. Refusal `token-locked` while the token is not open. */
  hmac(message: Uint8Array): Uint8Array
}

/** One token. */
export interface Token {
  /** Opens it for the whole process. Refusal `token-pin-wrong`, with `why: locked` where the token has locked itself. The PIN's bytes are overwritten. */
  open(pin: Uint8Array): void
  /** Closes it: nothing signs any more. */
  close(): void
  readonly isOpen: boolean
  /** The key pair of a label; undefined: there is none. Refusal `token-locked`. */
  find(label: string): TokenKey | undefined
  /** Makes a key pair that cannot be read out. Refusals `token-locked`, and `token-key-exists` when the label is taken. */
  generate(label: string, kind: TokenKeyKind): TokenKey
  /** The secret of a label; undefined: there is none. Refusal `token-locked`. */
  findSecret(label: string): TokenSecret | undefined
  /** Makes a secret of 32 bytes that cannot be read out. Refusals as of `generate`. */
  generateSecret(label: string): TokenSecret
}

/** Connects to the token of a label. Refusal `token-absent`: no such library, or no token of that label in it. */
export function connectToken(given: { readonly module: string; readonly label: string }): Token {
  const cryptoki = load(given.module)
  const slot = slotOf(cryptoki, given.label)
  if (slot === undefined) throw new Refusal('token-absent', { token: given.label })
  let session: Session | undefined
  const opened = (): Session => {
    if (session === undefined) throw new Refusal('token-locked')
    return session
  }
  return {
    open: pin => {
      try {
        session ??= { handle: login(cryptoki, slot, pin) }
      } finally {
        pin.fill(0)
      }
    },
    close: () => {
      if (session === undefined) return
      cryptoki.closeSession(session.handle)
      session = undefined
    },
    get isOpen() {
      return session !== undefined
    },
    find: label => keyOf(cryptoki, opened, label),
    generate: (label, kind) => {
      if (keyOf(cryptoki, opened, label) !== undefined)
        throw new Refusal('token-key-exists', { key: label })
      generate(cryptoki, opened().handle, label, kind)
      const made = keyOf(cryptoki, opened, label)
      if (made === undefined) throw new Error('the token has lost a key that it has made')
      return made
    },
    findSecret: label => secretOf(cryptoki, opened, label),
    generateSecret: label => {
      if (secretOf(cryptoki, opened, label) !== undefined)
        throw new Refusal('token-key-exists', { key: label })
      generateSecret(cryptoki, opened().handle, label)
      const made = secretOf(cryptoki, opened, label)
      if (made === undefined) throw new Error('the token has lost a secret that it has made')
      return made
    },
  }
}

/** Forgets everything that this process knows of a library; see `unload`. */
export function disconnectTokens(module: string): void {
  unload(module)
}

/**
 * Initialises the free token of a library: what its security officer does once. Everything in it is gone. Refusal `token-absent` when no
 * token is free. The PINs' bytes are overwritten.
 */
export function initialiseToken(given: {
  readonly module: string
  readonly label: string
  readonly securityPin: Uint8Array
  readonly pin: Uint8Array
}): void {
  const cryptoki = load(given.module)
  const slot = cryptoki.slots().find(each => cryptoki.labelOf(each) === '')
  if (slot === undefined) throw new Refusal('token-absent', { token: given.label })
  try {
    cryptoki.initialise(slot, given.securityPin, given.label)
    const session = cryptoki.openSession(slot)
    cryptoki.loginOfficer(session, given.securityPin)
    cryptoki.setPin(session, given.pin)
    cryptoki.closeSession(session)
  } finally {
    given.securityPin.fill(0)
    given.pin.fill(0)
  }
}
/** One opening of a token. Libraries use numbers again; this is not. */
type Session = { readonly handle: Handle }

function slotOf(cryptoki: Cryptoki, label: string): Handle | undefined {
  return cryptoki.slots().find(slot => cryptoki.labelOf(slot) === label)
}

function login(cryptoki: Cryptoki, slot: Handle, pin: Uint8Array): Handle {
  const session = cryptoki.openSession(slot)
  const code = cryptoki.login(session, pin)
  if (code === ok || code === alreadyLoggedIn) return session
  cryptoki.closeSession(session)
  throw new Refusal('token-pin-wrong', code === pinLocked ? { why: 'locked' } : {})
}

function keyOf(cryptoki: Cryptoki, opened: () => Session, label: string): TokenKey | undefined {
  const objectOf = (kind: number): Handle | undefined =>
    cryptoki.find(opened().handle, [
      attribute(attributeTypes.class, ulong(kind)),
      attribute(attributeTypes.label, utf8.encode(label)),
    ])
  const [open, own] = [objectOf(publicKeyClass), objectOf(privateKeyClass)]
  if (open === undefined || own === undefined) return undefined
  const { kind, spki } = publicKeyOf(type => cryptoki.attribute(opened().handle, open, type))
  let held = { session: opened(), handle: own }
  // What a library calls an object holds for as long as the token is open.
  const handle = (): Handle => {
    const session = opened()
    if (held.session !== session) {
      const found = objectOf(privateKeyClass)
      if (found === undefined) throw new Refusal('token-absent', { key: label })
      held = { session, handle: found }
    }
    return held.handle
  }
  const signRsa = (hash: keyof typeof digestInfos, message: Uint8Array): Uint8Array => {
    const digest = createHash(hash).update(message).digest()
    const info = Buffer.concat([Buffer.from(digestInfos[hash], 'hex'), digest])
    return cryptoki.sign(opened().handle, mechanisms.rsa, handle(), info)
  }
  return {
    kind,
    spki,
    signJws: message => {
      if (kind === 'ed25519')
        return cryptoki.sign(opened().handle, mechanisms.eddsa, handle(), message)
      if (kind === 'rsa-2048') return signRsa('sha256', message)
      const hash = jwsHashes[kind]
      if (hash === undefined) throw new Error(`${kind} signs no JWS here`)
      const digest = createHash(hash).update(message).digest()
      return cryptoki.sign(opened().handle, mechanisms.ecdsa, handle(), digest)
    },
    sign: (hash, message) => {
      if (kind === 'ed25519')
        return cryptoki.sign(opened().handle, mechanisms.eddsa, handle(), message)
      if (kind === 'ec-p256' || kind === 'ec-p384') {
        const digest = createHash(hash).update(message).digest()
        return ecdsaValue(cryptoki.sign(opened().handle, mechanisms.ecdsa, handle(), digest))
      }
      return signRsa(hash, message)
    },
  }
}

function publicKeyOf(read: (type: number) => Uint8Array) {
  const type = read(attributeTypes.keyType)[0]
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')
  const exported = (key: Record<string, string>): Uint8Array =>
    new Uint8Array(createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'der' }))
  if (type === keyTypes.rsa) {
    const modulus = read(attributeTypes.modulus)
    const spki = exported({
      kty: 'RSA',
      n: text(modulus),
      e: text(read(attributeTypes.publicExponent)),
    })
    return { kind: modulus.length > 256 ? 'rsa-4096' : 'rsa-2048', spki } as const
  }
  if (type === keyTypes.edwards) {
    // An OCTET STRING around the 32 bytes of the point (PKCS #11 v3.0 §2.3.10).
    const x = text(read(attributeTypes.ecPoint).slice(2))
    return { kind: 'ed25519', spki: exported({ kty: 'OKP', crv: 'Ed25519', x }) } as const
  }
  // An OCTET STRING around the uncompressed point (PKCS #11 v2.40 §2.3.3).
  const point = read(attributeTypes.ecPoint).slice(2)
  const size = (point.length - 1) / 2
  if (type !== keyTypes.ec || point[0] !== 4 || (size !== 32 && size !== 48))
    throw new Error('the token has a key of a kind that is not used here')
  const spki = exported({
    kty: 'EC',
    crv: size === 32 ? 'P-256' : 'P-384',
    x: text(point.subarray(1, 1 + size)),
    y: text(point.subarray(1 + size)),
  })
  return { kind: size === 32 ? 'ec-p256' : 'ec-p384', spki } as const
}

function generate(cryptoki: Cryptoki, session: Handle, label: string, kind: TokenKeyKind): void {
  const yes = Uint8Array.of(1)
  const named = [
    attribute(attributeTypes.label, utf8.encode(label)),
    attribute(attributeTypes.id, utf8.encode(label)),
    attribute(attributeTypes.token, yes),
  ]
  const { mechanism, parameters } = generation[kind]
  cryptoki.generatePair(
    session,
    mechanism,
    [...named, attribute(attributeTypes.verify, yes), ...parameters],
    [
      ...named,
      attribute(attributeTypes.private, yes),
      attribute(attributeTypes.sensitive, yes),
      attribute(attributeTypes.extractable, Uint8Array.of(0)),
      attribute(attributeTypes.sign, yes),
    ],
  )
}

function secretOf(
  cryptoki: Cryptoki,
  opened: () => Session,
  label: string,
): TokenSecret | undefined {
  const find = (): Handle | undefined =>
    cryptoki.find(opened().handle, [
      attribute(attributeTypes.class, ulong(secretKeyClass)),
      attribute(attributeTypes.label, utf8.encode(label)),
    ])
  const first = find()
  if (first === undefined) return undefined
  let held = { session: opened(), handle: first }
  return {
    hmac: message => {
      const session = opened()
      if (held.session !== session) {
        const found = find()
        if (found === undefined) throw new Refusal('token-absent', { key: label })
        held = { session, handle: found }
      }
      return cryptoki.sign(session.handle, mechanisms.hmac, held.handle, message)
    },
  }
}

function generateSecret(cryptoki: Cryptoki, session: Handle, label: string): void {
  const yes = Uint8Array.of(1)
  cryptoki.generateOne(session, mechanisms.generateSecret, [
    attribute(attributeTypes.class, ulong(secretKeyClass)),
    attribute(attributeTypes.keyType, ulong(keyTypes.secret)),
    attribute(attributeTypes.valueLength, ulong(32)),
    attribute(attributeTypes.label, utf8.encode(label)),
    attribute(attributeTypes.id, utf8.encode(label)),
    attribute(attributeTypes.token, yes),
    attribute(attributeTypes.private, yes),
    attribute(attributeTypes.sensitive, yes),
    attribute(attributeTypes.extractable, Uint8Array.of(0)),
    attribute(attributeTypes.sign, yes),
    attribute(attributeTypes.verify, yes),
  ])
}

/** `r ‖ s` as an Ecdsa-Sig-Value (RFC 3279 §2.2.3). */
function ecdsaValue(raw: Uint8Array): Uint8Array {
  const integer = (part: Uint8Array): Uint8Array => {
    const from = part.findIndex(byte => byte !== 0)
    const bare = from < 0 ? Uint8Array.of(0) : part.subarray(from)
    const padded = (bare[0] ?? 0) >= 0x80 ? [0, ...bare] : [...bare]
    return Uint8Array.of(2, padded.length, ...padded)
  }
  const half = raw.length / 2
  const both = [...integer(raw.subarray(0, half)), ...integer(raw.subarray(half))]
  return Uint8Array.of(0x30, both.length, ...both)
}

const utf8 = new TextEncoder()
const publicKeyClass = 2
const privateKeyClass = 3
const secretKeyClass = 4
const keyTypes = { rsa: 0, ec: 3, secret: 0x10, edwards: 0x40 } as const
const mechanisms = {
  rsa: 0x1,
  ecdsa: 0x1041,
  eddsa: 0x1057,
  hmac: 0x251,
  generateSecret: 0x350,
} as const
/** Hashes of the algorithms of RFC 7518 §3.4. */
const jwsHashes: Readonly<Partial<Record<TokenKeyKind, string>>> = {
  'ec-p256': 'sha256',
  'ec-p384': 'sha384',
}
const attributeTypes = {
  class: 0x0,
  token: 0x1,
  private: 0x2,
  label: 0x3,
  keyType: 0x100,
  id: 0x102,
  sensitive: 0x103,
  sign: 0x108,
  verify: 0x10a,
  modulus: 0x120,
  modulusBits: 0x121,
  publicExponent: 0x122,
  valueLength: 0x161,
  extractable: 0x162,
  ecParameters: 0x180,
  ecPoint: 0x181,
} as const
/** DigestInfo up to the digest (RFC 8017 §9.2). */
const digestInfos = {
  sha256: '3031300d060960864801650304020105000420',
  sha384: '3041300d060960864801650304020205000430',
  sha512: '3051300d060960864801650304020305000440',
} as const
const rsaParameters = (bits: number): readonly Attribute[] => [
  attribute(attributeTypes.modulusBits, ulong(bits)),
  attribute(attributeTypes.publicExponent, Uint8Array.of(1, 0, 1)),
]
const curve = (objectIdentifier: string): readonly Attribute[] => [
  attribute(attributeTypes.ecParameters, new Uint8Array(Buffer.from(objectIdentifier, 'hex'))),
]
const generation: Readonly<
  Record<TokenKeyKind, { readonly mechanism: number; readonly parameters: readonly Attribute[] }>
> = {
  'rsa-2048': { mechanism: 0x0, parameters: rsaParameters(2048) },
  'rsa-4096': { mechanism: 0x0, parameters: rsaParameters(4096) },
  'ec-p256': { mechanism: 0x1040, parameters: curve('06082a8648ce3d030107') },
  'ec-p384': { mechanism: 0x1040, parameters: curve('06052b81040022') },
  ed25519: { mechanism: 0x1055, parameters: curve('06032b6570') },
}
