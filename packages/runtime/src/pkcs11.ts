/**
 * Keys in a token: a hardware security module, or SoftHSM in tests, through its PKCS #11 library (OASIS PKCS #11 v2.40). A private
 * key is made in the token, never leaves it, and signs only while the token is open. Calls are synchronous: where a token is
 * slow, call in a thread. On 64-bit Linux and macOS; the structures of Windows are packed otherwise.
 */
import { createHash, createPublicKey } from 'node:crypto'
import { Refusal } from '@sekisho/contract'
import koffi from 'koffi'

/** Kinds of key pairs. */
export type TokenKeyKind = 'rsa-2048' | 'rsa-4096' | 'ec-p256' | 'ec-p384'

/** A key pair in a token. */
export interface TokenKey {
  readonly kind: TokenKeyKind
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array
  /** PKCS #1 v1.5, or ECDSA as a DER Ecdsa-Sig-Value. Refusal `token-locked` while the token is not open. */
  sign(hash: 'sha256' | 'sha384' | 'sha512', message: Uint8Array): Uint8Array
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
  }
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

type Handle = number | bigint

/** One opening of a token. Libraries use numbers again; this is not. */
type Session = { readonly handle: Handle }

const attributeStruct = koffi.struct('CK_ATTRIBUTE', {
  type: 'ulong',
  value: 'void *',
  length: 'ulong',
})
const mechanismStruct = koffi.struct('CK_MECHANISM', {
  mechanism: 'ulong',
  parameter: 'void *',
  length: 'ulong',
})
const initializeStruct = koffi.struct('CK_C_INITIALIZE_ARGS', {
  createMutex: 'void *',
  destroyMutex: 'void *',
  lockMutex: 'void *',
  unlockMutex: 'void *',
  flags: 'ulong',
  reserved: 'void *',
})

type Attribute = { readonly type: number; readonly value: Uint8Array; readonly length: number }

/** The functions of a library that are used here; each throws a fault for what its caller does not expect. */
type Cryptoki = ReturnType<typeof bind>

const loaded = new Map<string, Cryptoki>()

function load(module: string): Cryptoki {
  const known = loaded.get(module)
  if (known !== undefined) return known
  let cryptoki: Cryptoki
  try {
    cryptoki = bind(module)
  } catch {
    throw new Refusal('token-absent', { token: module })
  }
  cryptoki.initialize()
  loaded.set(module, cryptoki)
  return cryptoki
}

function bind(module: string) {
  const library = koffi.load(module)
  const define = (name: string, ...parameters: Parameters<typeof koffi.out>[0][]) => {
    const call = library.func(name, 'ulong', parameters)
    // The list of tolerated codes is the caller's; success is always one of them.
    return (tolerated: readonly number[], ...given: unknown[]): number => {
      const code = Number(call(...given))
      if (code !== ok && !tolerated.includes(code)) throw new TokenFault(name, code)
      return code
    }
  }
  const attributes = koffi.pointer(attributeStruct)
  const mechanism = koffi.pointer(mechanismStruct)
  const handleOut = koffi.out(koffi.pointer('ulong'))
  const initialize = define('C_Initialize', koffi.pointer(initializeStruct))
  const getSlotList = define(
    'C_GetSlotList',
    'uint8',
    koffi.out(koffi.pointer('ulong')),
    koffi.inout(koffi.pointer('ulong')),
  )
  const getTokenInfo = define('C_GetTokenInfo', 'ulong', koffi.out(koffi.pointer('uint8')))
  const openSession = define('C_OpenSession', 'ulong', 'ulong', 'void *', 'void *', handleOut)
  const closeSession = define('C_CloseSession', 'ulong')
  const login = define('C_Login', 'ulong', 'ulong', koffi.pointer('uint8'), 'ulong')
  const initToken = define(
    'C_InitToken',
    'ulong',
    koffi.pointer('uint8'),
    'ulong',
    koffi.pointer('uint8'),
  )
  const initPin = define('C_InitPIN', 'ulong', koffi.pointer('uint8'), 'ulong')
  const findInit = define('C_FindObjectsInit', 'ulong', attributes, 'ulong')
  const find = define(
    'C_FindObjects',
    'ulong',
    koffi.out(koffi.pointer('ulong')),
    'ulong',
    handleOut,
  )
  const findFinal = define('C_FindObjectsFinal', 'ulong')
  const getAttributes = define(
    'C_GetAttributeValue',
    'ulong',
    'ulong',
    koffi.inout(attributes),
    'ulong',
  )
  const generatePair = define(
    'C_GenerateKeyPair',
    'ulong',
    mechanism,
    attributes,
    'ulong',
    attributes,
    'ulong',
    handleOut,
    handleOut,
  )
  const signInit = define('C_SignInit', 'ulong', mechanism, 'ulong')
  const sign = define(
    'C_Sign',
    'ulong',
    koffi.pointer('uint8'),
    'ulong',
    koffi.out(koffi.pointer('uint8')),
    koffi.inout(koffi.pointer('ulong')),
  )
  const mechanismOf = (code: number) => ({ mechanism: code, parameter: null, length: 0 })

  return {
    initialize: () => {
      const none = { createMutex: null, destroyMutex: null, lockMutex: null, unlockMutex: null }
      initialize([alreadyInitialized], { ...none, flags: osLocking, reserved: null })
    },
    slots: (): readonly Handle[] => {
      // Asked for the count first, a library looks again which tokens there are (PKCS #11 v2.40 §5.5).
      const count: Handle[] = [0]
      getSlotList([], 1, null, count)
      const list = new BigUint64Array(Number(count[0]))
      getSlotList([], 1, list, count)
      return [...list.subarray(0, Number(count[0]))]
    },
    /** Undefined: the slot is empty, or what is in it cannot be read. */
    labelOf: (slot: Handle): string | undefined => {
      const info = new Uint8Array(tokenInfoBytes)
      if (getTokenInfo([tokenNotPresent, tokenNotRecognized], slot, info) !== ok) return undefined
      return new TextDecoder().decode(info.subarray(0, labelBytes)).trimEnd()
    },
    openSession: (slot: Handle): Handle => {
      const session: Handle[] = [0]
      openSession([], slot, serialSession | readWriteSession, null, null, session)
      return session[0] ?? 0
    },
    closeSession: (session: Handle) => closeSession([], session),
    login: (session: Handle, pin: Uint8Array) =>
      login([alreadyLoggedIn, ...pinFaults], session, userRole, pin, pin.length),
    initialise: (slot: Handle, securityPin: Uint8Array, label: string) => {
      const padded = utf8.encode(label.padEnd(labelBytes))
      initToken([], slot, securityPin, securityPin.length, padded)
    },
    loginOfficer: (session: Handle, pin: Uint8Array) =>
      login([], session, officerRole, pin, pin.length),
    setPin: (session: Handle, pin: Uint8Array) => initPin([], session, pin, pin.length),
    find: (session: Handle, wanted: readonly Attribute[]): Handle | undefined => {
      findInit([], session, wanted, wanted.length)
      const found = new BigUint64Array(1)
      const count: Handle[] = [0]
      find([], session, found, 1, count)
      findFinal([], session)
      return Number(count[0]) === 0 ? undefined : found[0]
    },
    attribute: (session: Handle, object: Handle, type: number): Uint8Array => {
      const value = new Uint8Array(attributeBytesMax)
      const asked: Attribute[] = [{ type, value, length: value.length }]
      getAttributes([], session, object, asked, 1)
      return value.subarray(0, Number(asked[0]?.length))
    },
    generatePair: (
      session: Handle,
      code: number,
      publicPart: readonly Attribute[],
      privatePart: readonly Attribute[],
    ): void => {
      generatePair(
        [],
        session,
        mechanismOf(code),
        publicPart,
        publicPart.length,
        privatePart,
        privatePart.length,
        [0],
        [0],
      )
    },
    sign: (session: Handle, code: number, key: Handle, data: Uint8Array): Uint8Array => {
      signInit([], session, mechanismOf(code), key)
      const signature = new Uint8Array(signatureBytesMax)
      const length: Handle[] = [signature.length]
      sign([], session, data, data.length, signature, length)
      return signature.subarray(0, Number(length[0]))
    },
  }
}

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
  return {
    kind,
    spki,
    sign: (hash, message) => {
      const digest = createHash(hash).update(message).digest()
      if (kind === 'ec-p256' || kind === 'ec-p384')
        return ecdsaValue(cryptoki.sign(opened().handle, mechanisms.ecdsa, handle(), digest))
      const info = Buffer.concat([Buffer.from(digestInfos[hash], 'hex'), digest])
      return cryptoki.sign(opened().handle, mechanisms.rsa, handle(), info)
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

function attribute(type: number, value: Uint8Array): Attribute {
  return { type, value, length: value.length }
}

function ulong(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true)
  return bytes
}

/** The library answered something that nobody expected. */
class TokenFault extends Error {
  constructor(call: string, code: number) {
    super(`${call} answered 0x${code.toString(16)}`)
  }
}

const utf8 = new TextEncoder()
const tokenInfoBytes = 512
const labelBytes = 32
const attributeBytesMax = 1024
const signatureBytesMax = 1024

// Return codes (PKCS #11 v2.40, pkcs11t.h).
const ok = 0
const alreadyInitialized = 0x191
const alreadyLoggedIn = 0x100
const pinLocked = 0xa4
/** Incorrect, invalid, of a wrong length, locked. */
const pinFaults = [0xa0, 0xa1, 0xa2, pinLocked]
const tokenNotPresent = 0xe0
const tokenNotRecognized = 0xe1

const osLocking = 2
const serialSession = 4
const readWriteSession = 2
const officerRole = 0
const userRole = 1
const publicKeyClass = 2
const privateKeyClass = 3
const keyTypes = { rsa: 0, ec: 3 } as const
const mechanisms = { rsa: 0x1, ecdsa: 0x1041 } as const
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
}
