/**
 * What a synthetic card holds, as JSON: what lies in the chip of a real one. A file with it *is* the card, keys and PIN
 * included, which is why only synthetic people have one.
 */
import { type SecretKind, type SecretName, triesMax } from '../pin.ts'
import { parseCvCertificate } from '../cv-certificate.ts'
import { base64, base64Text, bytesOf, record } from './base64.ts'
import {
  type DataApplication,
  type DataApplicationName,
  layouts,
  parseDataApplication,
} from './data-application.ts'
import { type FreeApplication, type FreeArea, parseFreeArea } from './free-state.ts'
import { normalSecret, parseSecretSlot, type SecretSlot } from './secret-slot.ts'

/** The name of the file that is a persona's card, in whichever folder; the window and every reader lock that file. */
export function cardFileName(persona: string): string {
  return `${persona}.card.json`
}

/** One key of the card with its certificate and secret. `null` where the card has none. Binary members are base64. */
export type KeySlot = SecretSlot & {
  /** PKCS#8 DER. */
  readonly privateKey: string | null
  readonly certificate: string | null
  readonly caCertificate: string | null
}

/** The keys of the chip itself, by which it shows that it is no copy. Binary members are base64. */
export type Chip = {
  /** PKCS#8 DER; answers challenges. */
  readonly privateKey: string
  /** CV certificate of that key (jpki.md §1.4). */
  readonly certificate: string
}

/** Whom the card believes when a terminal proves itself (A10): the authority's key, and the latest day it has heard of from it. */
export type TerminalTrust = {
  readonly id: string
  /** RSA key as two data objects, base64. */
  readonly key: string
  /** YYYYMMDD; moves forward only. */
  readonly date: string
}

/**
 * The whole state of a card. What stands with a question mark is absent on cards of before; such a card answers that it has
 * no such application.
 */
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
  readonly chip?: Chip
  readonly trust?: TerminalTrust
  readonly text?: DataApplication
  readonly face?: DataApplication
  readonly resident?: DataApplication
  readonly free?: FreeArea
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
  /** Without PIN for a card that its holder wanted without: the key then answers certified terminals alone (B12). */
  readonly authentication?: KeyMaterial & { readonly pin: string | undefined }
  readonly signature?: KeyMaterial & { readonly password: string }
  readonly more?: MoreApplications
}

/** What a card holds besides the JPKI application; made by door `card/issue`. */
export type MoreApplications = Pick<CardState, 'chip' | 'trust' | 'free' | DataApplicationName>

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
    ...given.more,
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

/**
 * The window sets a new secret and gives all tries back. @throws RangeError when malformed, or when there is nothing for it to
 * guard.
 */
export function resetPin(card: CardState, name: SecretName, secret: string): CardState {
  if ((name === 'authentication' || name === 'signature') && card[name].privateKey === null) {
    throw new RangeError(`the card has no ${name} key`)
  }
  return withSecret(card, name, { secret: normalSecret(name, secret), triesLeft: triesMax[name] })
}

/** The card with the secret of one kind blocked, as after the last wrong try. */
export function block(card: CardState, name: SecretName): CardState {
  return withSecret(card, name, { triesLeft: 0 })
}

/** A secret of the card, of the loaded application `aid` for `free-pin`; `undefined` when the card has none of that name. */
export function secretIn(card: CardState, name: SecretName, aid?: string): SecretSlot | undefined {
  if (name === 'authentication' || name === 'signature') return card[name]
  if (name === 'free-pin') {
    const found = card.free?.applications.find(one => one.aid === aid)
    return found?.hasPin === true ? found.pin : undefined
  }
  return card[applicationOf(name)]?.secrets[name]
}

/** The card with a secret or its counter changed. @throws RangeError when the card has none of that name. */
export function withSecret(
  card: CardState,
  name: SecretName,
  change: Partial<SecretSlot>,
  aid?: string,
): CardState {
  if (name === 'authentication' || name === 'signature') {
    return { ...card, [name]: { ...card[name], ...change } }
  }
  const slot = secretIn(card, name, aid)
  if (slot === undefined) throw new RangeError(`the card has no ${name}`)
  const pin = { ...slot, ...change }
  if (name === 'free-pin') return changeApplication(card, aid ?? '', { pin })
  const application = applicationOf(name)
  const found = card[application]
  return { ...card, [application]: { ...found, secrets: { ...found?.secrets, [name]: pin } } }
}

/** The card with a loaded application changed. */
export function changeApplication(
  card: CardState,
  aid: string,
  change: Partial<Pick<FreeApplication, 'pin' | 'files'>>,
): CardState {
  const { free } = card
  if (free === undefined) return card
  const applications = free.applications.map(one => (one.aid === aid ? { ...one, ...change } : one))
  return { ...card, free: { ...free, applications } }
}

/** The state before with the lower of each counter: a try that could not be written down still counts. */
export function withFewerTries(before: CardState, after: CardState): CardState {
  const places = [
    ...secretNames.map(name => ({ name, aid: undefined })),
    ...(before.free?.applications ?? []).map(({ aid }) => ({ name: 'free-pin' as const, aid })),
  ]
  let card = before
  for (const { name, aid } of places) {
    const kept = secretIn(before, name, aid)
    const used = secretIn(after, name, aid)
    if (kept !== undefined && used !== undefined && used.triesLeft < kept.triesLeft) {
      card = withSecret(card, name, { triesLeft: used.triesLeft }, aid)
    }
  }
  return card
}

function applicationOf(name: Exclude<SecretName, SecretKind | 'free-pin'>): DataApplicationName {
  return name.startsWith('text') ? 'text' : name.startsWith('face') ? 'face' : 'resident'
}

/** What the card holds besides the JPKI application. */
export function moreOf(card: CardState): MoreApplications {
  const { chip, trust, text, face, resident, free } = card
  return {
    ...(chip === undefined ? {} : { chip }),
    ...(trust === undefined ? {} : { trust }),
    ...(text === undefined ? {} : { text }),
    ...(face === undefined ? {} : { face }),
    ...(resident === undefined ? {} : { resident }),
    ...(free === undefined ? {} : { free }),
  }
}

/** The chip's key as SubjectPublicKeyInfo, from its certificate; `undefined` on cards of before. */
export function chipKeyOf(card: CardState): Uint8Array | undefined {
  return card.chip === undefined
    ? undefined
    : parseCvCertificate(bytesOf(card.chip.certificate))?.spki
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
    ...parseMore(card),
  }
}

function parseMore(card: Readonly<Record<string, unknown>>): MoreApplications {
  const { chip, trust, text, face, resident, free } = card
  return {
    ...(chip === undefined ? {} : { chip: parseChip(chip) }),
    ...(trust === undefined ? {} : { trust: parseTrust(trust) }),
    ...(text === undefined ? {} : { text: parseDataApplication(text, 'text') }),
    ...(face === undefined ? {} : { face: parseDataApplication(face, 'face') }),
    ...(free === undefined ? {} : { free: parseFreeArea(free) }),
    ...(resident === undefined ? {} : { resident: parseDataApplication(resident, 'resident') }),
  }
}

function parseChip(value: unknown): Chip {
  const found = record(value, 'chip')
  return {
    privateKey: base64Text(found['privateKey'], 'chip.privateKey'),
    certificate: base64Text(found['certificate'], 'chip.certificate'),
  }
}

function parseTrust(value: unknown): TerminalTrust {
  const { id, key, date } = record(value, 'trust')
  if (typeof id !== 'string' || !/^[A-Za-z0-9-]{1,16}$/.test(id))
    throw new RangeError('card state: trust.id')
  if (typeof date !== 'string') throw new RangeError('card state: trust.date')
  requireDigits(date, 8, 'trust.date')
  return { id, key: base64Text(key, 'trust.key'), date }
}

function parseSlot(value: unknown, kind: SecretKind): KeySlot {
  const found = record(value, kind)
  const binary = (name: string): string | null =>
    found[name] === null ? null : base64Text(found[name], `${kind}.${name}`)
  return {
    privateKey: binary('privateKey'),
    certificate: binary('certificate'),
    caCertificate: binary('caCertificate'),
    ...parseSecretSlot(found, kind),
  }
}

function slot(
  kind: SecretKind,
  material: KeyMaterial | undefined,
  secret: string | undefined,
): KeySlot {
  if (material === undefined) {
    return { privateKey: null, certificate: null, caCertificate: null, secret: null, triesLeft: 0 }
  }
  return {
    privateKey: base64(material.privateKey),
    certificate: base64(material.certificate),
    caCertificate: base64(material.caCertificate),
    secret: secret === undefined ? null : normalSecret(kind, secret),
    triesLeft: secret === undefined ? 0 : triesMax[kind],
  }
}

function requireDigits(value: string, size: number, name: string): void {
  if (value.length !== size || !/^\d+$/.test(value)) throw new RangeError(`card state: ${name}`)
}

const secretNames: readonly SecretName[] = [
  'authentication',
  'signature',
  ...Object.values(layouts).flatMap(layout => Object.values(layout.secrets)),
]
