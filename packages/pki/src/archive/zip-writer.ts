/** Writes ZIP archives that `readZip` reads: names in UTF-8, no extra fields, no time of day. */
import { deflateSync } from 'fflate'
import { concat } from '../der-writer.ts'
import { crc32 } from './crc32.ts'

/** A file to be written. */
export interface ZipFile {
  readonly name: string
  readonly bytes: Uint8Array
  /** Whether it is never compressed. */
  readonly isStored: boolean
}

/** The archive, with the files in this order. The same files give the same bytes. */
export function writeZip(files: readonly ZipFile[]): Uint8Array {
  const parts: Uint8Array[] = []
  const directory: Uint8Array[] = []
  let offset = 0
  for (const file of files) {
    const name = new TextEncoder().encode(file.name)
    const deflated = file.isStored ? file.bytes : deflateSync(file.bytes)
    const isDeflated = deflated.length < file.bytes.length && !file.isStored
    const data = isDeflated ? deflated : file.bytes
    const common = concat(
      short(20),
      short(utf8Flag),
      short(isDeflated ? 8 : 0),
      // Midnight of the first day that ZIP knows.
      short(0),
      short(firstDay),
      long(crc32(file.bytes)),
      long(data.length),
      long(file.bytes.length),
      short(name.length),
      short(0),
    )
    parts.push(long(0x04034b50), common, name, data)
    const rest = concat(short(0), short(0), short(0), long(0), long(offset))
    directory.push(long(0x02014b50), short(20), common, rest, name)
    offset += 4 + common.length + name.length + data.length
  }
  const listed = concat(...directory)
  const count = short(files.length)
  const end = concat(long(0x06054b50), short(0), short(0), count, count, long(listed.length))
  return concat(...parts, listed, end, long(offset), short(0))
}

function short(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, value >>> 8)
}

function long(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24)
}

const utf8Flag = 1 << 11
/** 1 January 1980. */
const firstDay = (1 << 5) | 1
