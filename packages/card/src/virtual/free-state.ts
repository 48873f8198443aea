/** The free area as the card file holds it. */
import { type FreeFile, type FreePlan, isPlan, ownerKeyBytes, roomOf } from '../free-plan.ts'
import { base64, base64Text, bytesOf, record } from './base64.ts'
import { parseSecretSlot, type SecretSlot } from './secret-slot.ts'

/** A loaded application: its plan, the owner's key, the holder's PIN, and what was written; `null`: nothing yet. */
export type FreeApplication = Omit<FreePlan, 'files'> & {
  /** Base64. */
  readonly ownerKey: string
  readonly pin: SecretSlot
  readonly files: readonly (FreeFile & { readonly contents: readonly (string | null)[] })[]
}

/** The area: its room in bytes, and what is loaded. */
export type FreeArea = {
  readonly capacity: number
  readonly applications: readonly FreeApplication[]
}

/** An application as it is right after loading. */
export function loadedAs(plan: FreePlan, ownerKey: Uint8Array): FreeApplication {
  return {
    ...plan,
    ownerKey: base64(ownerKey),
    pin: { secret: null, triesLeft: 0 },
    files: plan.files.map(file => ({ ...file, contents: Array<null>(file.count).fill(null) })),
  }
}

/** Room that is taken. */
export function usedRoom(area: FreeArea): number {
  return area.applications.reduce((sum, one) => sum + roomOf(one), 0)
}

/** Reads the area from parsed JSON. @throws RangeError naming the member that is wrong, never its value. */
export function parseFreeArea(value: unknown): FreeArea {
  const { capacity, applications } = record(value, 'free')
  if (typeof capacity !== 'number' || !Number.isInteger(capacity) || capacity < 0)
    throw new RangeError('card state: free.capacity')
  if (capacity > capacityMax || !Array.isArray(applications))
    throw new RangeError('card state: free')
  const area = { capacity, applications: applications.map(parseFreeApplication) }
  const names = new Set(area.applications.map(one => one.aid))
  if (names.size !== applications.length || usedRoom(area) > capacity)
    throw new RangeError('card state: free.applications')
  return area
}

/** What 16 bits can tell of free room. */
const capacityMax = 65535

function parseFreeApplication(value: unknown): FreeApplication {
  const found = record(value, 'free.applications')
  const { aid, type, hasPin, files } = found
  const isKnown = type === 'A' || type === 'C' || type === 'D'
  if (typeof aid !== 'string' || !isKnown || typeof hasPin !== 'boolean' || !Array.isArray(files))
    throw new RangeError('card state: free.applications')
  const ownerKey = base64Text(found['ownerKey'], 'free.ownerKey')
  const read = { aid, type, hasPin, files: files.map(parseFile) } as const
  if (!isPlan(read) || bytesOf(ownerKey).length !== ownerKeyBytes)
    throw new RangeError('card state: free.applications')
  return { ...read, ownerKey, pin: parseSecretSlot(found['pin'], 'free-pin') }
}

function parseFile(value: unknown): FreeApplication['files'][number] {
  const { id, bytes, count, contents } = record(value, 'free.files')
  if (typeof id !== 'number' || typeof bytes !== 'number' || typeof count !== 'number')
    throw new RangeError('card state: free.files')
  if (!Array.isArray(contents) || contents.length !== count)
    throw new RangeError('card state: free.files')
  const kept = contents.map((one: unknown) => {
    if (one === null) return null
    const text = base64Text(one, 'free.files')
    if (bytesOf(text).length > bytes) throw new RangeError('card state: free.files')
    return text
  })
  return { id, bytes, count, contents: kept }
}
