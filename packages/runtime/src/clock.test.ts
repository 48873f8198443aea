import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { every, fixedClock, sleep, townClock } from './clock.ts'
import { temporaryFolder } from './files.ts'

describe('a fixed clock', () => {
  it('stands until it is turned, and turns forward only', () => {
    const clock = fixedClock(1_000)
    assert.equal(clock.now(), 1_000)
    clock.turnTo(1_000)
    clock.turnTo(5_000)
    assert.equal(clock.now(), 5_000)
    assert.throws(() => clock.turnTo(4_999), { code: 'clock-backward' })
    assert.throws(() => clock.turnTo(Number.NaN), /whole number/)
  })
})

describe('the clock of a town', () => {
  const day = 86_400_000

  it('is turned for all processes, and stays turned after a restart', async () => {
    await using folder = await temporaryFolder('clock')
    const file = join(folder.path, 'clock.json')
    const one = townClock(file)
    const two = townClock(file)
    assert.ok(Math.abs(two.now() - one.now()) < 50)
    await one.advance(day)
    assert.ok(one.now() - Date.now() >= day - 50)
    await sleep(60)
    assert.equal(two.offsetMs(), day)
    await two.turnTo(two.now() + day)
    assert.ok(townClock(file).offsetMs() > 2 * day - 5_000)
    const other = spawn(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import { townClock } from './clock.ts'; await townClock(process.argv[1]).advance(${day})`,
        file,
      ],
      { cwd: new URL('.', import.meta.url), stdio: 'inherit' },
    )
    await once(other, 'exit')
    await sleep(60)
    assert.ok(one.offsetMs() > 3 * day - 5_000)
  })

  it('refuses to be turned back', async () => {
    await using folder = await temporaryFolder('clock')
    const clock = townClock(join(folder.path, 'clock.json'))
    await clock.advance(day)
    await assert.rejects(clock.advance(-1), { code: 'clock-backward' })
    await assert.rejects(clock.turnTo(Date.now()), { code: 'clock-backward' })
    assert.equal(clock.offsetMs(), day)
  })

  it('adds up turns that are made at once', async () => {
    await using folder = await temporaryFolder('clock')
    const file = join(folder.path, 'clock.json')
    await Promise.all(Array.from({ length: 5 }, () => townClock(file).advance(1_000)))
    assert.equal(townClock(file).offsetMs(), 5_000)
  })

  it('would rather stop than guess from a file that is no offset', async () => {
    await using folder = await temporaryFolder('clock')
    const file = join(folder.path, 'clock.json')
    for (const content of ['{}', '{"offsetMs":-1}', '{"offsetMs":"1"}', '']) {
      await writeFile(file, content)
      assert.throws(() => townClock(file).now())
    }
  })
})

describe('waiting', () => {
  it('ends with the reason when it is aborted, before or during', async () => {
    const abort = new AbortController()
    const waiting = sleep(10_000, abort.signal)
    abort.abort(new Error('enough'))
    await assert.rejects(waiting, /enough/)
    await assert.rejects(sleep(10_000, abort.signal), /enough/)
    await sleep(1)
  })

  it('a beat never overlaps itself, goes on after an error, and stops when told', async () => {
    let running = 0
    let runs = 0
    let enough = (): void => {}
    const four = new Promise<void>(resolve => {
      enough = resolve
    })
    const errors: unknown[] = []
    const stop = every(
      1,
      async () => {
        running += 1
        runs += 1
        if (runs === 4) enough()
        assert.equal(running, 1)
        await sleep(5)
        running -= 1
        if (runs === 2) throw new Error('once')
      },
      error => errors.push(error),
    )
    await four
    await stop()
    assert.equal(running, 0)
    const atStop = runs
    await sleep(20)
    assert.equal(runs, atStop)
    assert.equal(errors.length, 1)
  })
})
