/**
 * The authority is killed with SIGKILL at random moments while notifications arrive from many windows at once. Each is sent
 * again under its name until it is answered. In the end every one that was accepted stands in the register once, in the order in
 * which the resident's window sent it, has had its effect on the certificates once, and the published lists say what the
 * registry says. The seed is printed; `SEKISHO_SEED` repeats the choice of events, not the moments of death.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startTestTown, type TestTown } from '@sekisho/cli/testkit'
import { Refusal } from '@sekisho/contract'
import { parseCrl, toHex } from '@sekisho/pki'

const seed = Number(process.env['SEKISHO_SEED'] ?? randomInt(2 ** 31))
const lives = 24
const eventsEach = 25
const deaths = 14
const secrets = { pin: '2468', password: 'SEKISHO1' }

test('killed again and again, the authority loses no event and doubles none', async t => {
  t.diagnostic(`seed ${seed}`)
  await using town = await startTestTown({ database: 'postgres', isSplit: true, residents: 0 })
  // Only the authority is asked anything.
  for (const name of ['bank', 'wallet', 'platform'] as const) await town.stopProgram(name)
  const random = generator(seed)
  let isOver = false
  const killer = killRepeatedly(town, random, () => isOver)
  const people = await Promise.all(
    Array.from({ length: lives }, (_, index) =>
      liveThrough(town, index, generator(seed + index + 1)),
    ),
  )
  isOver = true
  const killed = await killer
  t.diagnostic(
    `${killed} deaths, ${people.reduce((sum, one) => sum + one.accepted.length, 0)} events accepted, ` +
      `${people.reduce((sum, one) => sum + one.repeated, 0)} found done when sent again`,
  )
  assert.ok(killed >= 3, 'it died often enough to tell something')
  // Whatever was accepted before any of the deaths is known by its name after all of them.
  for (const person of people)
    for (const notice of person.accepted) {
      const body = { resident: person.id, event: { what: 'lost' }, notice }
      const answer = await sendUntilAnswered(town, 'resident-event', body)
      assert.deepEqual(answer, { resident: person.id, isRepeated: true })
    }

  for (const person of people) {
    const noted = query(
      town,
      `select notice from authority.event where resident_id = '${person.id}' order by position`,
    )
    assert.deepEqual(noted, person.accepted, `events of ${person.id}`)
    const issued = (ca: string): number =>
      Number(
        query(
          town,
          `select count(*) from authority.certificate where resident_id = '${person.id}' and ca = '${ca}'`,
        )[0],
      )
    assert.equal(issued('authentication'), person.authentications)
    assert.equal(issued('signature'), person.signatures)
  }
  // The chain of each person is one line.
  assert.deepEqual(
    query(
      town,
      `select resident_id from authority.certificate where ca = 'authentication' and predecessor_serial is null
       group by resident_id having count(*) > 1`,
    ),
    [],
  )
  await compareLists(town)
})

type Person = {
  readonly id: string
  readonly accepted: string[]
  authentications: number
  signatures: number
  repeated: number
}

/** One resident's window: sends one notification after the other, each until it is answered. */
async function liveThrough(town: TestTown, index: number, random: Random): Promise<Person> {
  const notice = `${index}-arrival`
  const person: Person = {
    id: await arrive(town, index, notice),
    accepted: [notice],
    authentications: 0,
    signatures: 0,
    repeated: 0,
  }
  for (let count = 0; count < eventsEach; count++) {
    const event = eventFor(random, count)
    const name = `${index}-${count}`
    const answer = await sendUntilAnswered(town, 'resident-event', {
      resident: person.id,
      event,
      notice: name,
    })
    if (answer === 'refused') continue
    person.accepted.push(name)
    if (isRepeated(answer)) person.repeated++
    const { what } = event
    if (what === 'card' || what === 'reissue' || what === 'renew') person.authentications++
    if (what === 'card' || what === 'reissue' || what === 'renew' || what === 'signature')
      person.signatures++
  }
  return person
}

async function arrive(town: TestTown, index: number, notice: string): Promise<string> {
  const answer = await sendUntilAnswered(town, 'resident-register', {
    name: '関所 花子',
    birthDate: { year: 1985, month: 4, day: 1 },
    gender: 'female',
    municipality: '13101',
    address: `東京都千代田区麹町${index}番`,
    notice,
  })
  const id: unknown = typeof answer === 'object' ? Reflect.get(answer, 'resident') : undefined
  if (typeof id === 'string') return id
  throw new Error('an arrival without a resident')
}

/** Any event of an adult who is registered; the first is a card. */
function eventFor(random: Random, count: number): { readonly what: string } {
  if (count === 0) return { what: 'card', ...secrets }
  const address = `東京都千代田区麹町${random(10_000)}番`
  const events = [
    { what: 'move', municipality: '13101', address },
    { what: 'move', municipality: '47201', address },
    { what: 'rename', name: `関所 ${'春夏秋冬'[random(4)] ?? ''}` },
    { what: 'lost' },
    { what: 'found' },
    { what: 'stop' },
    { what: 'renew', ...secrets },
    { what: 'reissue', ...secrets },
    { what: 'signature', ...secrets },
    { what: 'change-number' },
    { what: 'card', ...secrets },
  ]
  return events[random(events.length)] ?? { what: 'lost' }
}

/** Sends until the authority answers or refuses; while it is down it is sent again. */
async function sendUntilAnswered(
  town: TestTown,
  command: string,
  body: unknown,
): Promise<object | 'refused'> {
  for (let attempt = 0; attempt < 600; attempt++)
    try {
      const answer = await town.admin('authority', command, body)
      return typeof answer === 'object' && answer !== null ? answer : {}
    } catch (error) {
      if (error instanceof Refusal) {
        // Cards in work when their window died stay locked for a moment.
        if (error.code !== 'card-in-use') return 'refused'
      }
      await sleep(100)
    }
  throw new Error(`${command} was never answered`)
}

function isRepeated(answer: object): boolean {
  return Reflect.get(answer, 'isRepeated') === true
}

/** Kills the authority at random moments and starts it again, until it is told that all is over. It runs at the end. */
async function killRepeatedly(
  town: TestTown,
  random: Random,
  isOver: () => boolean,
): Promise<number> {
  let killed = 0
  while (killed < deaths && !isOver()) {
    // Every other time it dies by itself right after one of its next effects, such as a commit that nobody heard of.
    const isExact = killed % 2 === 1
    await town.stopProgram('authority')
    await town.startProgram(
      'authority',
      isExact
        ? { SEKISHO_KILL_AT: String(1 + random(60)), SEKISHO_KILL_MOMENT: 'after' }
        : undefined,
    )
    const pid = town.processId('authority')
    if (pid === undefined) throw new Error('the town is not split')
    const ended = town.ended('authority')
    if (isExact) process.kill(pid, 'SIGUSR2')
    await Promise.race([ended, sleep(isExact ? 3000 : 150 + random(900))])
    if (isOver()) break
    kill(pid)
    await ended
    killed++
  }
  await town.stopProgram('authority')
  await town.startProgram('authority')
  return killed
}

/** A process that is gone already is as good as killed. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It died of the effect that it was to die of.
  }
}

/** Every newest list says exactly what the registry says of certificates that have not expired. */
async function compareLists(town: TestTown): Promise<void> {
  await town.admin('authority', 'publish')
  const lists = query(
    town,
    `select distinct on (issuer_key_id, municipality) issuer_key_id || ' ' || encode(der, 'hex') from authority.publication
     order by issuer_key_id, municipality, number desc`,
  )
  const said: string[] = []
  for (const row of lists) {
    const [issuerKeyId, der = ''] = row.split(' ')
    const list = parseCrl(Buffer.from(der, 'hex'))
    for (let at = 0; at < list.count; at++)
      said.push(`${issuerKeyId} ${toHex(list.serialAt(at))} ${list.entryAt(at).reason}`)
  }
  const recorded = query(
    town,
    `select issuer_key_id || ' ' || serial || ' ' || reason from authority.certificate
     where state <> 'valid' and not_after > (extract(epoch from now()) * 1000)::bigint`,
  )
  assert.deepEqual(said.toSorted(), recorded.toSorted())
  assert.ok(said.length > lives)
}

/** Asks PostgreSQL by its own client; one value a line. */
function query(town: TestTown, sql: string): string[] {
  return execFileSync(
    'psql',
    ['-qAt', '-v', 'ON_ERROR_STOP=1', '-d', town.database ?? '', '-c', sql],
    {
      encoding: 'utf8',
    },
  )
    .split('\n')
    .filter(line => line !== '')
}

type Random = (limit: number) => number

/** Numbers below a limit from a seed (a linear congruence; enough for choosing events). */
function generator(from: number): Random {
  let state = from >>> 0
  return limit => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
}
