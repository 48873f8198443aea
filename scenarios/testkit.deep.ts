/** D25: the packed test kit installs into an empty project and starts a town there, as plain JavaScript, in which a person logs in. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'

const use = `import { startTestTown } from '@sekisho/testkit'
await using town = await startTestTown()
const shop = await town.provider({ id: 'shop' })
const { url, pending } = await shop.sekisho.beginIdentify(['name'])
await using person = await town.person('plain-adult')
const { subject, claims } = await shop.sekisho.finish((await person.visit(url)).url, pending)
await town.clock.advance(60_000)
await town.happen('plain-adult', { what: 'deceased' })
const { meaning } = await shop.sekisho.confirmChange(subject)
await shop.stop()
console.log(JSON.stringify({ name: claims.name, meaning }))
`

it('the packed test kit starts a town in a project of its own', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-kit-'))
  try {
    const run = (command: string, args: readonly string[], cwd = folder): string =>
      execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
    const root = join(import.meta.dirname, '..')
    const tarball = run(process.execPath, ['tools/pack-testkit.ts', folder], root).trim()
    writeFileSync(join(folder, 'package.json'), '{"private":true,"type":"module"}')
    const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error']
    run('npm', ['install', ...quiet, tarball])
    writeFileSync(join(folder, 'use.mjs'), use)
    assert.deepEqual(JSON.parse(run(process.execPath, ['use.mjs'])), {
      name: '佐藤　花子',
      meaning: 'confirm-in-person',
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
