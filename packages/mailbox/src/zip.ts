/**
 * A ZIP file (PKWARE APPNOTE 6.3.10) as a stream: whatever its size, no more than a piece of it is held. Entries are stored as they are, with their
 * sums behind them (§4.3.9), in the 64-bit form throughout (§4.5.3).
 */
import { crc32 } from 'node:zlib'

/** A file of the archive. */
export type ZipEntry = {
  /** Path inside, with `/`. */
  readonly name: string
  readonly bytes: AsyncIterable<Uint8Array>
}

/** The archive, piece by piece. `at` is the time that its entries show. */
export async function* zipStream(
  entries: AsyncIterable<ZipEntry>,
  at: Date,
): AsyncIterable<Uint8Array> {
  const time = dosTime(at)
  const directory: Uint8Array[] = []
  let offset = 0n
  for await (const { name, bytes } of entries) {
    const start = offset
    const encoded = new TextEncoder().encode(name)
    const head = localHead(encoded, time)
    yield head
    let sum = 0
    let length = 0n
    for await (const piece of bytes) {
      sum = crc32(piece, sum)
      length += BigInt(piece.length)
      yield Uint8Array.from(piece)
    }
    const tail = descriptor(sum, length)
    yield tail
    offset += BigInt(head.length + tail.length) + length
    directory.push(directoryHead(encoded, time, { sum, length, start }))
  }
  for (const one of directory) yield one
  const size = directory.reduce((all, one) => all + BigInt(one.length), 0n)
  yield endOf(BigInt(directory.length), size, offset)
}

type Stamp = { readonly time: number; readonly date: number }

/** Sums follow the bytes, and names are UTF-8 (§4.4.4). */
const flags = 0x0808
/** 64-bit forms (§4.4.3). */
const version = 45
const inExtra = 0xffff_ffff

function localHead(name: Uint8Array, { time, date }: Stamp): Uint8Array {
  const head = Buffer.alloc(30)
  head.writeUInt32LE(0x0403_4b50, 0)
  head.writeUInt16LE(version, 4)
  head.writeUInt16LE(flags, 6)
  head.writeUInt16LE(time, 10)
  head.writeUInt16LE(date, 12)
  head.writeUInt32LE(inExtra, 18)
  head.writeUInt32LE(inExtra, 22)
  head.writeUInt16LE(name.length, 26)
  const extra = Buffer.alloc(20)
  extra.writeUInt16LE(1, 0)
  extra.writeUInt16LE(16, 2)
  head.writeUInt16LE(extra.length, 28)
  return Buffer.concat([head, name, extra])
}

function descriptor(sum: number, length: bigint): Uint8Array {
  const tail = Buffer.alloc(24)
  tail.writeUInt32LE(0x0807_4b50, 0)
  tail.writeUInt32LE(sum, 4)
  tail.writeBigUInt64LE(length, 8)
  tail.writeBigUInt64LE(length, 16)
  return tail
}

function directoryHead(
  name: Uint8Array,
  { time, date }: Stamp,
  { sum, length, start }: { readonly sum: number; readonly length: bigint; readonly start: bigint },
): Uint8Array {
  const head = Buffer.alloc(46)
  head.writeUInt32LE(0x0201_4b50, 0)
  head.writeUInt16LE(version, 4)
  head.writeUInt16LE(version, 6)
  head.writeUInt16LE(flags, 8)
  head.writeUInt16LE(time, 12)
  head.writeUInt16LE(date, 14)
  head.writeUInt32LE(sum, 16)
  head.writeUInt32LE(inExtra, 20)
  head.writeUInt32LE(inExtra, 24)
  head.writeUInt16LE(name.length, 28)
  head.writeUInt32LE(inExtra, 42)
  const extra = Buffer.alloc(28)
  extra.writeUInt16LE(1, 0)
  extra.writeUInt16LE(24, 2)
  extra.writeBigUInt64LE(length, 4)
  extra.writeBigUInt64LE(length, 12)
  extra.writeBigUInt64LE(start, 20)
  head.writeUInt16LE(extra.length, 30)
  return Buffer.concat([head, name, extra])
}

function endOf(count: bigint, size: bigint, start: bigint): Uint8Array {
  const end = Buffer.alloc(56 + 20 + 22)
  end.writeUInt32LE(0x0606_4b50, 0)
  end.writeBigUInt64LE(44n, 4)
  end.writeUInt16LE(version, 12)
  end.writeUInt16LE(version, 14)
  end.writeBigUInt64LE(count, 24)
  end.writeBigUInt64LE(count, 32)
  end.writeBigUInt64LE(size, 40)
  end.writeBigUInt64LE(start, 48)
  end.writeUInt32LE(0x0706_4b50, 56)
  end.writeBigUInt64LE(start + size, 64)
  end.writeUInt32LE(1, 72)
  end.writeUInt32LE(0x0605_4b50, 76)
  end.writeUInt16LE(0xffff, 84)
  end.writeUInt16LE(0xffff, 86)
  end.writeUInt32LE(inExtra, 88)
  end.writeUInt32LE(inExtra, 92)
  return end
}

/** §4.4.6: two-second steps since 1980. */
function dosTime(at: Date): Stamp {
  return {
    time: (at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1),
    date:
      (Math.max(0, at.getUTCFullYear() - 1980) << 9) |
      ((at.getUTCMonth() + 1) << 5) |
      at.getUTCDate(),
  }
}
