/**
 * The platform is killed at store and network effects of an account opening (identify and sign), one effect a round. After
 * each death it starts again, the person tries the same step again, and the account is open in the end: nothing half-written,
 * one person, every charge backed by a kept container, the authority paid once.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { startTestTown, type TestTown } from '@sekisho/cli/testkit'

/**
 * Every how many effects one is tried, beginning at a random one of the first: all of them in the long run, and all at once with
 * `SEKISHO_KILL_EVERY=1`, which takes a quarter of an hour. What was printed is tried again by `SEKISHO_KILL_FROM`.
 */
const every = Number(process.env.SEKISHO_KILL_EVERY ?? 4)

/** More effects than an account opening has; the test ends when a round survives. */
const roundsMax = 400
/** A person tries again this often before the test calls it stuck. */
const attemptsMax = 4

for (const moment of ['before', 'after'] as const)
  test(`killed ${moment} each effect, an account opening ends with one person, one account and no double fee`, async () => {
    await using town = await startTestTown({ database: 'postgres', isSplit: true })
    let round = Number(process.env.SEKISHO_KILL_FROM ?? 1 + Math.floor(Math.random() * every))
    process.stdout.write(`killed ${moment}: from effect ${round}, every ${every}\n`)
    for (; round <= roundsMax; round += every) {
      forget(town)
      const died = await openAccountThroughDeath(town, round, moment)
      const state = stateOf(town)
      assert.deepEqual(
        state.once,
        expectedOnce,
        `round ${round} (${moment}): ${JSON.stringify(state)}`,
      )
      // One fee for the identification and one for the signature. A step that was signed twice because its answer was lost
      // keeps two containers and is charged once; only a step begun anew at the bank is a new one.
      const told = `round ${round} (${moment}): ${JSON.stringify(state)}`
      assert.ok(
        state.charges >= 2 && state.charges <= state.containers && state.containers <= 4,
        told,
      )
      assert.ok(state.entries >= state.containers, told)
      if (!died) break
    }
    assert.ok(round > 20 && round < roundsMax, `the flow has ${round} effects`)
    process.stdout.write(`killed ${moment}: some ${round - 1} effects\n`)
  })

/** What must exist exactly once, however often anything was tried. */
const expectedOnce = {
  persons: 1,
  signature: 1,
  authentication: 1,
  pairwise: 1,
  accounts: 1,
  authorityUsage: 1,
}

/** Opens an account while the platform dies at its `killAt`-th effect. Says whether it died. */
async function openAccountThroughDeath(
  town: TestTown,
  killAt: number,
  moment: string,
): Promise<boolean> {
  await town.stopProgram('platform')
  await town.startProgram('platform', {
    SEKISHO_KILL_AT: String(killAt),
    SEKISHO_KILL_MOMENT: moment,
  })
  let hasDied = false
  const death = town.ended('platform').then(() => {
    hasDied = true
  })
  const pid = town.processId('platform')
  if (pid === undefined) throw new Error('the town is not split')
  process.kill(pid, 'SIGUSR2')

  let interaction: string | undefined
  await using person = await town.person('plain-adult', {
    fetch: (input, init) => {
      const url = input instanceof Request ? input.url : input.toString()
      if (/\/interaction\/[\w-]+$/.test(url)) interaction = url
      return town.fetch(input, init)
    },
  })
  let isOpen = false
  for (let attempt = 0; attempt < attemptsMax && !isOpen; attempt++) {
    isOpen = await tryToOpen(town, person, interaction)
    if (isOpen) break
    // A death shows as a failed step a moment before the process is seen to have ended.
    await Promise.race([death, new Promise(resolve => setTimeout(resolve, 300))])
    if (hasDied && attempt === 0) await town.startProgram('platform')
  }
  assert.ok(isOpen, `round ${killAt}: the account could not be opened`)
  const wasKilled = hasDied
  if (wasKilled) return true
  // It may die of a background effect just after the flow; that is a death too.
  await Promise.race([death, new Promise(resolve => setTimeout(resolve, 50))])
  return hasDied
}

/** One try: the step that was interrupted first, the whole way else. */
async function tryToOpen(
  town: TestTown,
  person: Awaited<ReturnType<TestTown['person']>>,
  interaction: string | undefined,
): Promise<boolean> {
  for (const start of [interaction, `${town.urls.bank}/open`].filter(url => url !== undefined))
    try {
      let arrival = await person.visit(start)
      if (arrival.url === `${town.urls.bank}/open/form`)
        arrival = await person.submit({ form: 'application', fields: { phone: '0312345678' } })
      if (arrival.status === 200 && arrival.url.startsWith(`${town.urls.bank}/account`)) return true
    } catch {
      // The platform was gone; the person tries again.
    }
  return false
}

/** Everybody forgets the person, so that each round begins alike. */
function forget(town: TestTown): void {
  query(
    town,
    `truncate platform.ceremony, platform.person, platform.certificate_link, platform.pairwise, platform.consent,
      platform.intent, platform.container, platform.release, platform.signing, platform.usage, platform.ledger_entry,
      platform.ledger_checkpoint, bank.movement, bank.account, bank.customer, bank.session, authority.query cascade`,
  )
}

function stateOf(town: TestTown) {
  const count = (from: string): number => Number(query(town, `select count(*) from ${from}`))
  return {
    once: {
      persons: count('platform.person'),
      signature: count("platform.certificate_link where kind = 'signature'"),
      authentication: count("platform.certificate_link where kind = 'authentication'"),
      pairwise: count('platform.pairwise'),
      accounts: count('bank.account'),
      authorityUsage: count("authority.query where kind = 'corresponding-serial'"),
    },
    containers: count("platform.container where kind in ('identify', 'sign')"),
    charges: count(
      "platform.usage where kind = 'signature-check' and transaction not like 'change %'",
    ),
    entries: count('platform.ledger_entry'),
  }
}

/** Asks PostgreSQL by its own client. */
function query(town: TestTown, sql: string): string {
  return execFileSync(
    'psql',
    ['-qAt', '-v', 'ON_ERROR_STOP=1', '-d', town.database ?? '', '-c', sql],
    {
      encoding: 'utf8',
    },
  ).trim()
}
