/**
 * The functions of a PKCS #11 library (OASIS PKCS #11 v2.40) that are used here, and its numbers. On 64-bit Linux and macOS; the structures
 * of Windows are packed otherwise.
 */
import { Refusal } from '@sekisho/contract'
import koffi from 'koffi'

/** What a library calls a session or an object. */
export type Handle = number | bigint

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

/** An attribute of an object. */
export type Attribute = {
  readonly type: number
  readonly value: Uint8Array
  readonly length: number
}

/** The functions of a library that are used here; each throws a fault for what its caller does not expect. */
export type Cryptoki = ReturnType<typeof bind>

const loaded = new Map<string, Cryptoki>()

/** The functions of the library at this path, initialised. Refusal `token-absent`. */
export function load(module: string): Cryptoki {
  const known = loaded.get(module)
  if (known !== undefined) {
    // Another thread of this process may have ended its work.
    known.initialize()
    return known
  }
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
  const generateOne = define('C_GenerateKey', 'ulong', mechanism, attributes, 'ulong', handleOut)
  const finalize = define('C_Finalize', 'void *')
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
    generateOne: (session: Handle, code: number, wanted: readonly Attribute[]): void => {
      generateOne([], session, mechanismOf(code), wanted, wanted.length, [0])
    },
    /** Ends the library's work for the whole process, whatever state it is in. */
    finalize: () => finalize([notInitialized], null),
    sign: (session: Handle, code: number, key: Handle, data: Uint8Array): Uint8Array => {
      signInit([], session, mechanismOf(code), key)
      const signature = new Uint8Array(signatureBytesMax)
      const length: Handle[] = [signature.length]
      sign([], session, data, data.length, signature, length)
      return signature.subarray(0, Number(length[0]))
    },
  }
}

/**
 * Forgets a library, so that the next `load` begins anew: after the module behind it was gone, what it believes of sessions and objects is
 * not true any more. Whoever else in this process uses the same library must open it again.
 */
export function unload(module: string): void {
  const cryptoki = loaded.get(module)
  loaded.delete(module)
  try {
    cryptoki?.finalize()
  } catch (error) {
    // A module that is gone cannot say good-bye.
    if (!(error instanceof TokenFault)) throw error
  }
}

/** An attribute with its value. */
export function attribute(type: number, value: Uint8Array): Attribute {
  return { type, value, length: value.length }
}

/** A number as libraries keep it in attributes. */
export function ulong(value: number): Uint8Array {
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
export const ok = 0
const alreadyInitialized = 0x191
const notInitialized = 0x190
export const alreadyLoggedIn = 0x100
export const pinLocked = 0xa4
/** Incorrect, invalid, of a wrong length, locked. */
const pinFaults = [0xa0, 0xa1, 0xa2, pinLocked]
const tokenNotPresent = 0xe0
const tokenNotRecognized = 0xe1
const osLocking = 2
const serialSession = 4
const readWriteSession = 2
const officerRole = 0
const userRole = 1
