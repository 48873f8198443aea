/**
 * C13 under death: the platform is killed at store and network effects while three parties answer the tasks of one case, and starts again; they repeat what
 * they were not answered. In the end every task is done once, every party was told everything once, and the case has ended once.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { startTestTown, type TestProvider, type TestTown } from '@sekisho/cli/testkit'
import { codeOn } from './hand-reader.ts'
import { procedureCaller, type ProcedureCaller } from './procedure-caller.ts'

/** Every how many effects one is tried; `SEKISHO_KILL_EVERY=1` tries all. */
const every = Number(process.env.SEKISHO_KILL_EVERY ?? 8)
const roundsMax = 300
const attemptsMax = 6

for (const moment of ['before', 'after'] as const)
  test(`killed ${moment} effects, a case is answered once by each and told once to each`, async () => {
    await using town = await startTestTown({ database: 'postgres', isSplit: true })
    const { hall, power, gas } = await partiesOf(town)
    let round = Number(process.env.SEKISHO_KILL_FROM ?? 1 + Math.floor(Math.random() * every))
    process.stdout.write(`killed ${moment}: from effect ${round}, every ${every}\n`)
    let deaths = 0
    for (; round <= roundsMax; round += every) {
      const id = await apply(town)
      const fate = await armed(town, round, moment)
      for (const [provider, task, outcome] of [
        [power, 'update:partner-1', 'updated'],
        [hall, 'move-in:municipality', 'accepted'],
        [gas, 'update:partner-2', 'contact'],
      ] as const)
        await answerThroughDeath(town, fate.revive, provider, { case: id, task, outcome })
      const told = `${moment} effect ${round}`
      assert.deepEqual(stateOf(town, id), expected, told)
      if (!fate.hasDied()) break
      deaths++
    }
    assert.ok(deaths > 0 && round < roundsMax, `${deaths} deaths up to effect ${round}`)
    process.stdout.write(`killed ${moment}: ${deaths} deaths, some ${round} effects\n`)
  })

/** begun, opened, done; three opened; three done; ended. Letters: three requests, three answers, the end. */
const expected = { events: 10, numbers: 10, done: 4, ended: 1, open: 0, letters: 7, keys: 7 }

async function partiesOf(town: TestTown) {
  const hall = await town.provider({ id: 'hall' })
  const power = await town.provider({ id: 'power' })
  const gas = await town.provider({ id: 'gas' })
  await town.admin('platform', 'mailbox-register', {
    municipality: '13104',
    name: '新宿区',
    provider: 'hall',
  })
  const { url, pending } = await power.sekisho.beginIdentify(['name'])
  await using person = await town.person('plain-adult')
  await power.sekisho.finish((await person.visit(url)).url, pending)
  for (const partner of ['power', 'gas']) {
    await person.visit(`${town.urls.platform}/me/procedures/partners`)
    assert.equal(codeOn(await person.submit({ form: `partner-${partner}` })), 'none')
  }
  return { hall, power, gas }
}

async function apply(town: TestTown): Promise<string> {
  await using person = await town.person('plain-adult')
  await person.visit(`${town.urls.platform}/me/procedures/start/moving`)
  const page = await person.submit({
    form: 'start',
    fields: {
      name: '佐藤　花子',
      formerAddress: '東京都千代田区',
      newAddress: '東京都新宿区西新宿二丁目８番１号',
      movedOn: new Date(town.clock.now()).toISOString().slice(0, 10),
      members: '1',
      'party-municipality': 'municipality 13104',
      'party-partner': ['provider power', 'provider gas'],
    },
  })
  assert.equal(codeOn(page), 'none')
  return new URL(page.url).pathname.split('/').at(-1) ?? ''
}

/** Has the platform die at an effect from now on; says whether it did, and starts it again if so. */
async function armed(town: TestTown, killAt: number, moment: string) {
  await town.stopProgram('platform')
  await town.startProgram('platform', {
    SEKISHO_KILL_AT: String(killAt),
    SEKISHO_KILL_MOMENT: moment,
  })
  let hasDied = false
  void town.ended('platform').then(() => {
    hasDied = true
  })
  const pid = town.processId('platform')
  assert.ok(pid !== undefined)
  process.kill(pid, 'SIGUSR2')
  let isRevived = false
  return {
    hasDied: () => hasDied,
    revive: async (): Promise<void> => {
      if (!hasDied || isRevived) return
      isRevived = true
      await town.startProgram('platform')
    },
  }
}

/** Answers as a system does that hears nothing: again, until it is told. */
async function answerThroughDeath(
  town: TestTown,
  revive: () => Promise<void>,
  provider: TestProvider,
  task: { readonly case: string; readonly task: string; readonly outcome: string },
): Promise<void> {
  for (let attempt = 0; attempt < attemptsMax; attempt++)
    try {
      const caller: ProcedureCaller = await procedureCaller(town, provider)
      const said = await caller.answer(task, { outcome: task.outcome })
      // Closed: the answer that was not heard had counted. Ended: and it was the last.
      if (['taken', 'task-closed', 'case-ended'].includes(said)) return
    } catch {
      await new Promise(resolve => setTimeout(resolve, 300))
      await revive()
    }
  assert.fail(`${task.task} was not taken`)
}

function stateOf(town: TestTown, id: string) {
  const count = (what: string, from: string): number =>
    Number(query(town, `select count(${what}) from ${from}`))
  const events = `platform.procedure_event where case_id = '${id}'`
  const letters = `platform.mailbox_message where request_key like '${id}/%' and state = 'delivered'`
  return {
    events: count('*', events),
    numbers: count('distinct number', events),
    done: count('*', `${events} and kind = 'done'`),
    ended: count('*', `${events} and kind = 'ended'`),
    open: count('*', `platform.procedure_task where case_id = '${id}'`),
    letters: count('*', letters),
    keys: count('distinct request_key', letters),
  }
}

function query(town: TestTown, statement: string): string {
  return execFileSync('psql', [town.database ?? '', '--no-psqlrc', '-Atc', statement], {
    encoding: 'utf8',
  }).trim()
}
