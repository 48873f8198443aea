import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { sbomPath } from './sbom.ts'

test('the bill of materials names every package of the lock file, with its version and integrity', () => {
  const lock = JSON.parse(
    readFileSync(join(import.meta.dirname, '..', 'package-lock.json'), 'utf8'),
  )
  const bill = JSON.parse(readFileSync(sbomPath, 'utf8'))
  const listed = new Set<string>(
    bill.components.map((one: { name: string; version: string }) => `${one.name}@${one.version}`),
  )
  const locked = Object.entries<{ version?: string; link?: boolean; name?: string }>(lock.packages)
    .filter(([path, entry]) => path.includes('node_modules/') && entry.link !== true)
    .map(
      ([path, entry]) =>
        `${entry.name ?? path.slice(path.lastIndexOf('node_modules/') + 13)}@${entry.version}`,
    )
  const missing = locked.filter(one => !listed.has(one))
  assert.deepEqual(missing, [], 'run: node tools/sbom.ts')
})
