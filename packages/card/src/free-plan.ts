/**
 * Applications for the free area 空き領域 as data (catalogue A11, B5): what may be loaded, how much room it takes, how a plan goes over
 * the line. Code cannot be loaded: an application is one of the three published types with files of its own.
 */
import { composeTlv, parseTlvs, type Tlv } from './tlv.ts'

/** Type A record, C common, D binary. */
export type FreeType = 'A' | 'C' | 'D'

/** A file: so many records of so many bytes; a binary file is one. */
export type FreeFile = { readonly id: number; readonly bytes: number; readonly count: number }

/** An application to be loaded. */
export type FreePlan = {
  /** Identifier, 5 to 16 bytes in hexadecimal capitals. */
  readonly aid: string
  readonly type: FreeType
  /** Whether reading needs the holder's PIN; the owner sets it when personalising. */
  readonly hasPin: boolean
  readonly files: readonly FreeFile[]
}

/** What the types are, after the paper's table (flows.md §21), and the sizes that this card takes; those are ours. */
export const freeTypes: Readonly<
  Record<
    FreeType,
    {
      readonly kind: 'record' | 'binary'
      /** Reading needs the mutual proof with the owner's key; writing always does. */
      readonly readsAfterProof: boolean
      readonly isEncrypted: boolean
      readonly mayHavePin: boolean
      readonly filesMax: number
      readonly bytesMax: number
      readonly countMax: number
    }
  >
> = {
  A: {
    kind: 'record',
    readsAfterProof: true,
    isEncrypted: false,
    mayHavePin: true,
    filesMax: 8,
    bytesMax: 255,
    countMax: 32,
  },
  C: {
    kind: 'record',
    readsAfterProof: false,
    isEncrypted: false,
    mayHavePin: false,
    filesMax: 1,
    bytesMax: 64,
    countMax: 1,
  },
  D: {
    kind: 'binary',
    readsAfterProof: true,
    isEncrypted: true,
    mayHavePin: true,
    filesMax: 8,
    bytesMax: 4096,
    countMax: 1,
  },
}

/** Room that an application takes: its files, and what the card keeps about them. */
export function roomOf(plan: Pick<FreePlan, 'files'>): number {
  return plan.files.reduce((sum, file) => sum + fileRoom + file.bytes * file.count, applicationRoom)
}

const applicationRoom = 64
const fileRoom = 16

/** Whether a plan keeps to its type. */
export function isPlan(plan: FreePlan): boolean {
  const type = freeTypes[plan.type]
  const ids = new Set(plan.files.map(file => file.id))
  const within = (value: number, max: number): boolean =>
    Number.isInteger(value) && value >= 1 && value <= max
  return (
    /^(?:[0-9A-F]{2}){5,16}$/.test(plan.aid) &&
    (type.mayHavePin || !plan.hasPin) &&
    within(plan.files.length, type.filesMax) &&
    ids.size === plan.files.length &&
    plan.files.every(
      file =>
        within(file.id, fileIdMax) &&
        within(file.bytes, type.bytesMax) &&
        within(file.count, type.countMax),
    )
  )
}

/** Short identifiers end at 30; 1F is the PIN's. */
const fileIdMax = 30

/** The bytes of a plan with the owner's key of 32 bytes, as they go into a card. @throws RangeError for a plan that is none. */
export function composePlan(plan: FreePlan, ownerKey: Uint8Array): Uint8Array {
  if (!isPlan(plan) || ownerKey.length !== ownerKeyBytes)
    throw new RangeError('no plan of an application')
  return Uint8Array.from([
    ...composeTlv(0x4f, fromHex(plan.aid)),
    ...composeTlv(0x80, Uint8Array.of(plan.type.charCodeAt(0))),
    ...composeTlv(0x81, ownerKey),
    ...composeTlv(0x82, Uint8Array.of(plan.hasPin ? 1 : 0)),
    ...plan.files.flatMap(({ id, bytes, count }) => [
      ...composeTlv(0x83, Uint8Array.of(id, bytes >> 8, bytes & 255, count)),
    ]),
  ])
}

/** Reads a plan inside the card; `undefined` when malformed or not within its type. */
export function parsePlan(
  bytes: Uint8Array,
): { readonly plan: FreePlan; readonly ownerKey: Uint8Array } | undefined {
  const [aid, type, key, pin, ...files] = parseTlvs(bytes) ?? []
  const isInOrder = [aid, type, key, pin].every((part, at) => part?.tag === planTags[at])
  if (!isInOrder || aid === undefined || key?.value.length !== ownerKeyBytes) return undefined
  const name = typeNames.find(one => one.charCodeAt(0) === only(type))
  const flag = only(pin)
  if (name === undefined || flag === undefined || flag > 1) return undefined
  const parsed = files.map(fileOf)
  if (!parsed.every(file => file !== undefined)) return undefined
  const plan = { aid: toHex(aid.value), type: name, hasPin: flag === 1, files: parsed }
  return isPlan(plan) ? { plan, ownerKey: key.value } : undefined
}

/** Hexadecimal capitals. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0'))
    .join('')
    .toUpperCase()
}

/** Bytes of hexadecimal digits. */
export function fromHex(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length / 2 }, (_, at) =>
    Number.parseInt(text.slice(at * 2, at * 2 + 2), 16),
  )
}

/** Bytes of an owner's key. */
export const ownerKeyBytes = 32
const typeNames: readonly FreeType[] = ['A', 'C', 'D']
const planTags = [0x4f, 0x80, 0x81, 0x82]

function fileOf(part: Tlv): FreeFile | undefined {
  const [id, high, low, count] = part.value
  if (part.tag !== 0x83 || part.value.length !== 4) return undefined
  if (id === undefined || high === undefined || low === undefined || count === undefined)
    return undefined
  return { id, bytes: (high << 8) | low, count }
}

const only = (part: Tlv | undefined): number | undefined =>
  part?.value.length === 1 ? part.value[0] : undefined
