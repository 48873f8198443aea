/**
 * A document of ten gigabytes through the mailbox: uploaded in pieces, encrypted into the vault, delivered, and fetched again whole and in part. Told are the
 * most memory that the platform's process had beside what it had idle, and the times. The caller is another process, as in life.
 *
 * Run: `node bench/mailbox-large.ts [gibibytes] [--gate]`. The gate: less than 250 MB more than idle.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { startTestTown } from '@sekisho/cli/testkit'
import { temporaryFolder } from '@sekisho/runtime/files'

const gibibytes = Number(process.argv.find(one => /^\d+$/.test(one)) ?? 10)
const growthMaxBytes = 250e6

await using town = await startTestTown({ database: 'postgres', isSplit: true })
const sender = await town.provider({ id: 'sender' })
const office = await town.provider({ id: 'office' })
const organisation = '7000012050002'
await town.admin('platform', 'mailbox-register', { organisation, name: '役所', provider: 'office' })

await using folder = await temporaryFolder('large')
const path = join(folder.path, 'large.bin')
const sha256 = await fill(path)
const letter = {
  to: { organisation },
  kind: 'certificate',
  subject: '大きな書類',
  body: '',
} as const
// What is loaded at the first use is none of the document's.
await sender.sekisho.postMail({ ...letter, documents: [] }, 'warm-key-1')
await using file = await open(path)
const size = (await file.stat()).size
const content = {
  size,
  slice: (start: number, end: number) => ({
    arrayBuffer: async () => {
      const part = new Uint8Array(end - start)
      await file.read(part, 0, part.length, start)
      return part.buffer
    },
  }),
}
const idle = memory('VmRSS')
const begun = performance.now()
const { id } = await sender.sekisho.postMail(
  {
    ...letter,
    documents: [{ name: 'large.bin', mediaType: 'application/octet-stream', content }],
  },
  'large-key-1',
)
while ((await sender.sekisho.readMailStanding(id)).state === 'posted')
  await new Promise(resolve => setTimeout(resolve, 200))
const postedMs = performance.now() - begun
const fetchedFrom = performance.now()
const hash = createHash('sha256')
let length = 0
for await (const piece of await office.sekisho.readMailDocument(id, 0)) {
  hash.update(piece)
  length += piece.length
}
const fetchedMs = performance.now() - fetchedFrom
let tail = 0
for await (const piece of await office.sekisho.readMailDocument(id, 0, length - 1000))
  tail += piece.length
const most = memory('VmHWM')
const isSame = hash.digest('hex') === sha256 && length === size && tail === 1000
say(
  `${gibibytes} GiB posted and delivered in ${(postedMs / 1000).toFixed(0)} s, fetched in ${(fetchedMs / 1000).toFixed(0)} s`,
)
say(`the same bytes came back: ${isSame}`)
say(
  `memory of the platform: ${mb(idle)} MB idle, ${mb(most)} MB at most: ${mb(most - idle)} MB more`,
)
if (!isSame || (process.argv.includes('--gate') && most - idle > growthMaxBytes))
  process.exitCode = 1

/** Bytes of which no two pieces are alike. */
async function fill(target: string): Promise<string> {
  const file = await open(target, 'w')
  const sum = createHash('sha256')
  const piece = Buffer.alloc(4 * 1024 * 1024, 7)
  for (let n = 0; n < gibibytes * 256; n++) {
    piece.writeUInt32LE(n, 0)
    sum.update(piece)
    await file.write(piece)
  }
  await file.close()
  return sum.digest('hex')
}

/** Bytes, as Linux tells of the process. */
function memory(what: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${town.processId('platform')}/status`, 'utf8')
  return Number(new RegExp(`${what}:\\s+(\\d+) kB`).exec(status)?.[1] ?? Number.NaN) * 1024
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(0)
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
