/** Batches: one JSON line in, one out, in the same order. */
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { Refusal } from '@sekisho/contract'
import { BatchLineError, KeyCache } from '@sekisho/pki'

/** Answers each line of a file, or of standard input for `-`. Refusal `file-unreadable`. */
export async function runBatch(
  path: string,
  judge: (line: unknown, keys: KeyCache) => unknown,
): Promise<void> {
  const keys = new KeyCache(1024)
  let number = 0
  for await (const line of createInterface({
    input: await openInput(path),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    number++
    if (line.trim() === '') continue
    const answer = answerLine(line, number, parsed => judge(parsed, keys))
    const hasRoom = process.stdout.write(`${JSON.stringify(answer)}\n`)
    if (!hasRoom) await once(process.stdout, 'drain')
  }
}

async function openInput(path: string): Promise<NodeJS.ReadableStream> {
  if (path === '-') return process.stdin
  try {
    return (await open(path)).createReadStream()
  } catch {
    throw new Refusal('file-unreadable', { file: path })
  }
}

/** A line that is not a case gets an answer too, so that a suite of thousands is not lost to one typing error. */
function answerLine(line: string, number: number, judge: (parsed: unknown) => unknown): unknown {
  let parsed: unknown
  try {
    parsed = JSON.parse(line)
    return judge(parsed)
  } catch (error) {
    const wrong = { verdict: 'error', line: number }
    if (error instanceof SyntaxError) return { id: null, ...wrong, field: 'json' }
    if (error instanceof BatchLineError) return { id: idOf(parsed), ...wrong, field: error.field }
    throw error
  }
}

function idOf(parsed: unknown): unknown {
  return typeof parsed === 'object' && parsed !== null && 'id' in parsed ? parsed.id : null
}
