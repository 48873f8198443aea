import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { packSdk } from './pack-sdk.ts'

test('the packed SDK installs into an empty project, type-checks there and runs as plain JavaScript', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-empty-'))
  try {
    const tarball = packSdk(folder)
    const run = (command: string, args: readonly string[]): string =>
      execFileSync(command, args, {
        cwd: folder,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      })
    writeFileSync(join(folder, 'package.json'), '{"private":true,"type":"module"}')
    run('npm', [
      'install',
      '--prefer-offline',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
      tarball,
    ])

    const use = `import { createSekisho, SekishoError, refusals } from '@sekisho/sdk'
const client = createSekisho({ issuer: 'http://127.0.0.1:9', clientId: 'x', privateKey: { kty: 'EC' }, redirectUri: 'http://x.localhost/callback', dangerAllowHttp: true })
const failure = await client.beginLogin().then(() => undefined, (thrown) => thrown)
console.log(failure instanceof SekishoError, failure.code, refusals['pin-locked'].status)
`
    writeFileSync(join(folder, 'use.mjs'), use)
    assert.equal(run(process.execPath, ['use.mjs']).trim(), 'true unexpected 423')

    writeFileSync(
      join(folder, 'use.ts'),
      `import { createSekisho, type Arrival } from '@sekisho/sdk'
const client = createSekisho({ issuer: 'http://x', clientId: 'x', privateKey: {}, redirectUri: 'http://x' })
const arrival: Promise<Arrival> = client.finish('http://x', { state: '', nonce: '', verifier: '', acr: '' })
// @ts-expect-error a scope that does not exist
void client.beginIdentify(['my-number'])
void arrival
`,
    )
    const tsc = resolve(import.meta.dirname, '..', 'node_modules', 'typescript', 'bin', 'tsc')
    run(process.execPath, [
      tsc,
      '--noEmit',
      '--strict',
      '--target',
      'es2022',
      '--module',
      'nodenext',
      '--types',
      '',
      '--skipLibCheck',
      'use.ts',
    ])

    const manifest = readFileSync(
      join(folder, 'node_modules', '@sekisho', 'sdk', 'package.json'),
      'utf8',
    )
    assert.equal(/@sekisho\/contract/.test(manifest), false)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
