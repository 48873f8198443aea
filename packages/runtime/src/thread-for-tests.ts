/** The module that the tests of `thread.ts` start as a thread. */
import { serveThread } from './thread.ts'

/** What it can be asked. */
export type Question = {
  readonly kind: 'double' | 'share' | 'throw' | 'end' | 'hoard'
  readonly value: unknown
}

serveThread(import.meta.url, async ({ kind, value }: Question): Promise<unknown> => {
  if (kind === 'throw') throw new TypeError(String(value))
  if (kind === 'end') process.exit(0)
  if (kind === 'hoard') hoard()
  if (kind === 'share' && value instanceof SharedArrayBuffer) new Uint8Array(value).fill(7)
  return typeof value === 'number' ? value * 2 : value
})

/** Takes more heap than it may have. */
function hoard(): never {
  const held: unknown[] = []
  for (;;) held.push(Array.from({ length: 1024 }, () => ({ held: held.length })))
}
