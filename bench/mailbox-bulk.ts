/**
 * Bulk post: a file of notices to fifty boxes, everything durable on a PostgreSQL server with fsync; lines a second in windows of ten seconds, so that
 * flatness shows, the platform killed by SIGKILL once in the middle with `--kill`. In the end messages and lines are counted in the tables.
 *
 * Run: `node bench/mailbox-bulk.ts [lines] [--kill]`; a million lines unless told otherwise.
 */
import { execFileSync } from 'node:child_process'
import { createWriteStream, openAsBlob } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { startTestTown } from '@sekisho/cli/testkit'
import { corporateNumberOf } from '@sekisho/contract/japan'
import { temporaryFolder } from '@sekisho/runtime/files'

const lines = Number(process.argv.find(one => /^\d+$/.test(one)) ?? 1_000_000)
const windowMs = 10_000

await using town = await startTestTown({ database: 'postgres', isSplit: true })
const sender = await town.provider({ id: 'sender' })
const numbers = Array.from({ length: 50 }, (_, n) => corporateNumberOf(String(n).padStart(12, '0')))
for (const organisation of numbers)
  await town.admin('platform', 'mailbox-register', { organisation, name: `団体 ${organisation}` })
await using folder = await temporaryFolder('bulk')
const path = join(folder.path, 'notices.ndjson')
await fill()

const begun = performance.now()
const { id } = await sender.sekisho.postBulkMail(await openAsBlob(path), 'bench-bulk-1')
say(`uploaded and taken in ${((performance.now() - begun) / 1000).toFixed(1)} s`)
const from = performance.now()
let before = 0
let isKilled = !process.argv.includes('--kill')
for (let since = from; ; ) {
  await new Promise(resolve => setTimeout(resolve, 500))
  const state = await sender.sekisho.readBulkMail(id)
  if (!isKilled && state.lines > lines / 2) {
    isKilled = true
    await kill()
  }
  const now = performance.now()
  if (now - since >= windowMs || state.state === 'done') {
    say(`${(((state.lines - before) * 1000) / (now - since)).toFixed(0)} lines a second`)
    before = state.lines
    since = now
  }
  if (state.state !== 'done') continue
  const seconds = (now - from) / 1000
  say(
    `${state.lines} lines in ${seconds.toFixed(0)} s: ${(state.lines / seconds).toFixed(0)} a second; posted ${state.posted}`,
  )
  break
}
say(
  psql(
    "select count(*) || ' messages, ' || count(distinct request_key) || ' keys' from platform.mailbox_message where state = 'delivered'",
  ),
)

async function fill(): Promise<void> {
  const file = createWriteStream(path)
  for (let n = 0; n < lines; n++) {
    const line = JSON.stringify({
      key: `bench-line-${n}`,
      to: { organisation: numbers[n % numbers.length] },
      kind: 'notice',
      subject: '現況届のお願い',
      body: '現況届の時期になりました。期限までに提出してください。',
    })
    if (!file.write(`${line}\n`)) await once(file, 'drain')
  }
  file.end()
  await once(file, 'close')
}

async function kill(): Promise<void> {
  const pid = town.processId('platform')
  if (pid === undefined) throw new Error('the town is not split')
  process.kill(pid, 'SIGKILL')
  await town.ended('platform')
  await town.startProgram('platform')
  say('killed, and started again')
}

function psql(statement: string): string {
  return execFileSync('psql', ['-qAt', '-d', town.database ?? '', '-c', statement], {
    encoding: 'utf8',
  }).trim()
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
