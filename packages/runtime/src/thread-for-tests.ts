/** The module that the tests of `thread.ts` start as a thread. */
import { serveThread } from './thread.ts'

/** What it can be asked. */
export type Question = {
  readonly kind: 'double' | 'share' | 'throw' | 'end'
  readonly value: unknown
}

serveThread(import.meta.url, async ({ kind, value }: Question): Promise<unknown> => {
  if (kind === 'throw') throw new TypeError(String(value))
  if (kind === 'end') process.exit(0)
  if (kind === 'share' && value instanceof SharedArrayBuffer) new Uint8Array(value).fill(7)
  return typeof value === 'number' ? value * 2 : value
})
