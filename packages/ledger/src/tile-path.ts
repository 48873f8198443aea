/** Addresses of a log that is published as files (C2SP tlog-tiles). Pure. */

/** Which file of the log is meant. */
export type LogFile =
  | { readonly kind: 'checkpoint' }
  | {
      readonly kind: 'tile'
      readonly level: number
      readonly tile: number
      /** Hashes in it: 256 when it is full. */
      readonly width: number
    }
  | { readonly kind: 'entries'; readonly tile: number; readonly width: number }

/** C2SP tlog-tiles: 2^8 hashes a tile. */
export const tileWidth = 256

/** The address of a file below the log's own. */
export function logFilePath(file: LogFile): string {
  if (file.kind === 'checkpoint') return 'checkpoint'
  const level = file.kind === 'tile' ? String(file.level) : 'entries'
  const partial = file.width === tileWidth ? '' : `.p/${file.width}`
  return `tile/${level}/${indexPath(file.tile)}${partial}`
}

/** Reads such an address; undefined when it is not spelled exactly so. */
export function parseLogFilePath(path: string): LogFile | undefined {
  if (path === 'checkpoint') return { kind: 'checkpoint' }
  const match = addressForm.exec(path)
  const [, level, index, width] = match ?? []
  if (level === undefined || index === undefined) return undefined
  const tile = Number(index.replaceAll(/[x/]/g, ''))
  if (!Number.isSafeInteger(tile) || indexPath(tile) !== index) return undefined
  const file = { tile, width: width === undefined ? tileWidth : Number(width) }
  if (level === 'entries') return { kind: 'entries', ...file }
  return Number(level) > levelMax ? undefined : { kind: 'tile', level: Number(level), ...file }
}

/** Hashes of a tile in a tree of this size; 0: it has none. */
export function tileWidthIn(size: number, level: number, tile: number): number {
  const count = Math.floor(size / tileWidth ** level)
  return Math.max(0, Math.min(tileWidth, count - tile * tileWidth))
}

/** Three digits an element, all but the last behind an `x`: 1234067 is `x001/x234/067`. */
function indexPath(index: number): string {
  const digits = String(index)
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, '0')
  const groups = padded.match(/\d{3}/g) ?? []
  return groups.map((group, at) => (at === groups.length - 1 ? group : `x${group}`)).join('/')
}

const addressForm =
  /^tile\/(0|[1-9]\d?|entries)\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/([1-9]\d?|1\d\d|2[0-4]\d|25[0-5]))?$/
const levelMax = 63
