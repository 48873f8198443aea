/** A scanner for malware that speaks the protocol of ClamAV's daemon: `INSTREAM` over TCP or a Unix socket (clamd(8)). */
import { exchangeStream, NetworkFault, type StreamAddress } from '@sekisho/runtime/net'

/** What the scanner says. `unreachable`: nothing that can be relied on. */
export type Scanned =
  | { readonly kind: 'clean' }
  | { readonly kind: 'found'; readonly name: string }
  | { readonly kind: 'unreachable' }
  | { readonly kind: 'too-large' }

/** Scans bytes. */
export type Scanner = (bytes: AsyncIterable<Uint8Array>) => Promise<Scanned>

/** Makes a scanner. Only the answer that says so is clean; silence, errors and a cut connection are not. */
export function clamScanner(address: StreamAddress): Scanner {
  return async bytes => {
    try {
      const answer = await exchangeStream(address, framed(bytes), { idleMs, answerBytesMax })
      return read(new TextDecoder().decode(answer))
    } catch (error) {
      if (error instanceof NetworkFault) return { kind: 'unreachable' }
      throw error
    }
  }
}

function read(answer: string): Scanned {
  // Answers to commands that begin with `z` end with a null; what does not was cut off.
  if (!answer.endsWith('\0')) return { kind: 'unreachable' }
  const line = answer.slice(0, -1)
  if (line === 'stream: OK') return { kind: 'clean' }
  const name = /^stream: (.+) FOUND$/.exec(line)?.[1]
  if (name !== undefined) return { kind: 'found', name }
  if (/size limit exceeded/i.test(line)) return { kind: 'too-large' }
  return { kind: 'unreachable' }
}

/** Chunks with their length before them as four bytes, and an empty one at the end. */
async function* framed(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  yield new TextEncoder().encode('zINSTREAM\0')
  for await (const piece of bytes)
    for (let at = 0; at < piece.length; at += chunkBytes) {
      const chunk = piece.subarray(at, at + chunkBytes)
      const length = Buffer.alloc(4)
      length.writeUInt32BE(chunk.length)
      yield length
      // The piece is its owner's again when the next is asked for, and the connection may still hold it.
      yield Uint8Array.from(chunk)
    }
  yield Buffer.alloc(4)
}

const chunkBytes = 256 * 1024
const answerBytesMax = 4096
/** A large document takes a while after its last byte. */
const idleMs = 60_000
