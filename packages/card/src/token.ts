/** What the card says of itself: the JPKI token information (file 0006) and the common application's record. */
import { command } from './apdu.ts'
import { type Card, exchange } from './exchange.ts'
import { applicationIds, jpkiFiles, readSelected, selectApplication, selectFile } from './jpki.ts'
import { done, type Outcome, refused } from './reason.ts'
import { reasonOf, statusWords } from './status.ts'

/** Token information of 160 bytes (jpki.md §1.2). `label` tells a plastic card from a phone: see `tokenLabels`. */
export type TokenInformation = {
  readonly label: string
  readonly manufacturer: string
  readonly model: string
  readonly serial: string
}

/** Labels seen (jpki.md §1.2). */
export const tokenLabels = {
  card: 'JPKIAPICCTOKEN2',
  residentCard: 'JPKIAPICCTOKEN',
  android: 'JPKIAPGPSETOKEN',
  iphone: 'JPKIAPIOSTOKEN',
} as const

/** Size of file 0006. */
const tokenBytes = 160

/** Reads the token information; the JPKI application must be selected. */
export async function readTokenInformation(card: Card): Promise<Outcome<TokenInformation>> {
  const selected = await selectFile(card, jpkiFiles.tokenInformation)
  if (selected.kind === 'refused') return selected
  const read = await readSelected(card, tokenBytes)
  if (read.kind === 'refused') return read
  const text = (from: number, to: number): string =>
    String.fromCharCode(...read.value.subarray(from, to)).trimEnd()
  return done({
    label: text(0, 32),
    manufacturer: text(32, 64),
    model: text(64, 80),
    serial: text(80, 96),
  })
}

/** The bytes of file 0006 for a plastic card: limits and flags as measured (jpki.md §1.2), text padded with spaces. */
export function composeTokenInformation(given: TokenInformation): Uint8Array {
  const text = (value: string, size: number): readonly number[] =>
    Array.from(value.padEnd(size).slice(0, size), character => character.charCodeAt(0))
  const number = (value: number): readonly number[] => [
    value >>> 24,
    (value >>> 16) & 255,
    (value >>> 8) & 255,
    value & 255,
  ]
  const unlimited = 0xffffffff
  const numbers = [0x40d, 0, 0, 0, 0, 16, 6, unlimited, unlimited, unlimited, unlimited]
  return Uint8Array.from([
    ...text(given.label, 32),
    ...text(given.manufacturer, 32),
    ...text(given.model, 16),
    ...text(given.serial, 16),
    ...numbers.flatMap(number),
    ...text('03', 2),
    ...text('01', 2),
    ...text('9'.repeat(16), 16),
  ])
}

/**
 * The record of the common application (jpki.md §1.9): card serial of 15 digits, municipality code of 5, expiry
 * YYYYMMDD. It needs no PIN and is unique to the card, so it can track a person: never store or log it casually.
 */
export type CardRecord = {
  readonly serial: string
  readonly municipality: string
  readonly expires: string
}

/** Reads the common application's record; leaves that application selected, so that any verified PIN is forgotten. */
export async function readCardRecord(card: Card): Promise<Outcome<CardRecord>> {
  const selected = await selectApplication(card, applicationIds.common)
  if (selected.kind === 'refused') return selected
  const answer = await exchange(card, command(0x00, 0xb2, 0x01, 0x0c, undefined, 256))
  if (answer.kind === 'refused') return answer
  const { data, status } = answer.value
  if (status !== statusWords.ok) return refused(reasonOf(status), status)
  const digits = String.fromCharCode(...data.subarray(2))
  if (data[0] !== 0x01 || data[1] !== 0x1c || !/^\d{28}$/.test(digits))
    return refused('file-malformed')
  return done({
    serial: digits.slice(0, 15),
    municipality: digits.slice(15, 20),
    expires: digits.slice(20, 28),
  })
}

/** The bytes of the common application's record. @throws RangeError unless they are 28 digits in all. */
export function composeCardRecord(given: CardRecord): Uint8Array {
  const digits = given.serial + given.municipality + given.expires
  if (!/^\d{28}$/.test(digits)) throw new RangeError('a card record has 28 digits')
  return Uint8Array.from([0x01, 0x1c, ...Array.from(digits, digit => digit.charCodeAt(0))])
}
