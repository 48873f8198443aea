/**
 * What a synthetic card holds, as JSON: what lies in the chip of a real one. A file with it *is* the card, keys and PIN
 * included, which is why only synthetic people have one.
 */
import { type Pin, parsePin, type SecretKind, triesMax } from '../pin.ts'

/** The name of the file that is a persona's card, in whichever folder; the window and every reader lock that file. */
export function cardFileName(persona: string): string {
  return `${persona}.card.json`
}

/** One key of the card with its certificate and secret. `null` where the card has none. Binary members are base64. */
export type KeySlot = {
  /** PKCS#8 DER. */
  readonly privateKey: string | null
  readonly certificate: string | null
  readonly caCertificate: string | null
  /** PIN or signature password as set; `null` when never set. */
  readonly secret: string | null
  readonly triesLeft: number
}

/** The whole state of a card. */
export type CardState = {
  readonly v: 1
  /** 15 digits, unique to the card. */
  readonly serial: string
  /** Municipality code of 5 digits. */
  readonly municipality: string
  /** YYYYMMDD. */
  readonly expires: string
  /** The holder refuses PIN-less release (B12). Kept for that path; every use of a key needs its PIN anyway. */
  readonly demandsPinAlways: boolean
  readonly authentication: KeySlot
  readonly signature: KeySlot
}

/** What the window writes for one key. */
export type KeyMaterial = {
  readonly privateKey: Uint8Array
  readonly certificate: Uint8Array
  readonly caCertificate: Uint8Array
}

/** What the window knows when it hands out a card. A key that is not issued is left out (a 14-year-old has no signature key). */
export type Personalisation = {
  readonly serial: string
  readonly municipality: string
  readonly expires: string
  readonly demandsPinAlways?: boolean
  readonly authentication?: KeyMaterial & { readonly pin: string }
  readonly signature?: KeyMaterial & { readonly password: string }
}

/**
 * A fresh card with full counters.
 *
 * @throws RangeError for a malformed serial, municipality, expiry, PIN or password: the window checks entries first.
 */
export function personalise(given: Personalisation): CardState {
  requireDigits(given.serial, 15, 'serial')
  requireDigits(given.municipality, 5, 'municipality')
  requireDigits(given.expires, 8, 'expires')
  return {
    v: 1,
    serial: given.serial,
    municipality: given.municipality,
    expires: given.expires,
    demandsPinAlways: given.demandsPinAlways ?? false,
    authentication: slot('authentication', given.authentication, given.authentication?.pin),
    signature: slot('signature', given.signature, given.signature?.password),
  }
}

/** The card with new keys and certificates in one slot (renewal, or a first signature certificate) and the secret named. */
export function renewKeys(
  card: CardState,
  kind: SecretKind,
  material: KeyMaterial,
  secret: string,
): CardState {
  return { ...card, [kind]: slot(kind, material, secret) }
}

/** The window sets a new secret and gives all tries back. @throws RangeError when malformed or when there is no key. */
export function resetPin(card: CardState, kind: SecretKind, secret: string): CardState {
  if (card[kind].privateKey === null) throw new RangeError(`the card has no ${kind} key`)
  return {
    ...card,
    [kind]: { ...card[kind], secret: normalSecret(kind, secret), triesLeft: triesMax[kind] },
  }
}

/** The card with the secret of one kind blocked, as after the last wrong try. */
export function block(card: CardState, kind: SecretKind): CardState {
  return { ...card, [kind]: { ...card[kind], triesLeft: 0 } }
}

/** Reads a card state from parsed JSON. @throws RangeError naming the member that is wrong, never its value. */
export function parseCardState(value: unknown): CardState {
  const card = record(value, 'card')
  if (card['v'] !== 1) throw new RangeError('card state: v')
  const text = (name: string, size: number): string => {
    const found = card[name]
    if (typeof found !== 'string') throw new RangeError(`card state: ${name}`)
    requireDigits(found, size, name)
    return found
  }
  const { demandsPinAlways } = card
  if (typeof demandsPinAlways !== 'boolean') throw new RangeError('card state: demandsPinAlways')
  return {
    v: 1,
    serial: text('serial', 15),
    municipality: text('municipality', 5),
    expires: text('expires', 8),
    demandsPinAlways,
    authentication: parseSlot(card['authentication'], 'authentication'),
    signature: parseSlot(card['signature'], 'signature'),
  }
}

function parseSlot(value: unknown, kind: SecretKind): KeySlot {
  const found = record(value, kind)
  const binary = (name: string): string | null => {
    const text = found[name]
    if (text === null) return null
    if (typeof text !== 'string' || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) {
      throw new RangeError(`card state: ${kind}.${name}`)
    }
    return text
  }
  const { secret, triesLeft } = found
  if (secret !== null && typeof secret !== 'string')
    throw new RangeError(`card state: ${kind}.secret`)
  if (
    typeof triesLeft !== 'number' ||
    !Number.isInteger(triesLeft) ||
    triesLeft < 0 ||
    triesLeft > triesMax[kind]
  ) {
    throw new RangeError(`card state: ${kind}.triesLeft`)
  }
  return {
    privateKey: binary('privateKey'),
    certificate: binary('certificate'),
    caCertificate: binary('caCertificate'),
    secret: secret === null ? null : normalSecret(kind, secret),
    triesLeft,
  }
}

function slot(
  kind: SecretKind,
  material: KeyMaterial | undefined,
  secret: string | undefined,
): KeySlot {
  if (material === undefined || secret === undefined) {
    return { privateKey: null, certificate: null, caCertificate: null, secret: null, triesLeft: 0 }
  }
  return {
    privateKey: base64(material.privateKey),
    certificate: base64(material.certificate),
    caCertificate: base64(material.caCertificate),
    secret: normalSecret(kind, secret),
    triesLeft: triesMax[kind],
  }
}

function normalSecret(kind: SecretKind, secret: string): string {
  const parsed = parsePin(kind, secret)
  if (parsed.kind === 'refused') throw new RangeError(`malformed ${kind} secret`)
  return takeText(parsed.value)
}

function takeText(pin: Pin): string {
  const text = pin.use(bytes => String.fromCharCode(...bytes))
  pin.dispose()
  return text
}

function requireDigits(value: string, size: number, name: string): void {
  if (value.length !== size || !/^\d+$/.test(value)) throw new RangeError(`card state: ${name}`)
}

function record(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new RangeError(`card state: ${name}`)
  }
  return { ...value }
}

function base64(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text)
}
