/**
 * The bill of materials, `docs/sbom.cdx.json` (CycloneDX), from the lock file. Run: `node tools/sbom.ts`. What differs from run to
 * run or from machine to machine is left out, so that a test can compare.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..')

/** Where the bill of materials lies. */
export const sbomPath = join(root, 'docs', 'sbom.cdx.json')

/** The bill of materials as text. */
function composeSbom(): string {
  const made = JSON.parse(
    execFileSync('npm', ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'], {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  )
  const { serialNumber: _serial, metadata, ...rest } = made
  const component = { ...metadata.component, name: 'sekisho' }
  return `${JSON.stringify({ ...rest, metadata: { component } }, null, 1)}\n`
}

if (import.meta.main) writeFileSync(sbomPath, composeSbom())
