/**
 * Packs the SDK for outsiders: JavaScript and types, the contract bundled in, nothing else of the workspace.
 * Run: `node tools/pack-sdk.ts [folder]`; prints the path of the tarball.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { emit, filesOf, rewrite } from './emit.ts'

const root = resolve(import.meta.dirname, '..')

/** Builds the package into `folder` and packs it; returns the tarball's path. */
export function packSdk(folder: string): string {
  const built = mkdtempSync(join(tmpdir(), 'sekisho-sdk-'))
  try {
    emit(built, ['sdk', 'contract'], ['**/*-for-tests.ts'])
    const target = join(folder, 'package')
    rmSync(target, { recursive: true, force: true })
    mkdirSync(target, { recursive: true })
    for (const name of ['sdk', 'contract'])
      cpSync(join(built, name, 'src'), join(target, name), { recursive: true })
    for (const file of filesOf(target)) relink(file)
    writeFileSync(join(target, 'package.json'), `${JSON.stringify(manifest(), null, 2)}\n`)
    cpSync(join(root, 'LICENSE'), join(target, 'LICENSE'))
    cpSync(join(root, 'docs', 'provider-guide.md'), join(target, 'README.md'))
    const packed = execFileSync('npm', ['pack', '--json', '--pack-destination', folder], {
      cwd: target,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const [tarball] = JSON.parse(packed) as { readonly filename: string }[]
    if (tarball === undefined) throw new Error('npm pack made nothing')
    return join(folder, tarball.filename)
  } finally {
    rmSync(built, { recursive: true, force: true })
  }
}

/** Points imports of the contract at its place inside the package, and types at emitted files. */
function relink(file: string): void {
  const fromContract = file.includes('/contract/')
  rewrite(file, text =>
    text
      .replaceAll(
        /(['"])@sekisho\/contract\1/g,
        `$1${fromContract ? './index.js' : '../contract/index.js'}$1`,
      )
      .replaceAll(
        /(['"])@sekisho\/contract\/([a-z]+)\1/g,
        `$1${fromContract ? './$2.js' : '../contract/$2.js'}$1`,
      )
      .replaceAll(/(from\s+['"]\.[^'"]*)\.ts(['"])/g, '$1.js$2'),
  )
}

function manifest(): unknown {
  const read = (name: string): { version: string; dependencies: Record<string, string> } =>
    JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'))
  const { version, dependencies } = read('sdk')
  const { '@sekisho/contract': _bundled, ...own } = dependencies
  return {
    name: '@sekisho/sdk',
    version,
    description:
      'Log in, identify and have documents signed with a My Number card, through a Sekisho platform',
    license: 'Apache-2.0',
    type: 'module',
    exports: { '.': { types: './sdk/index.d.ts', default: './sdk/index.js' } },
    engines: { node: '>=20' },
    dependencies: { ...own, ...read('contract').dependencies },
  }
}

if (import.meta.main) {
  const folder = resolve(process.argv[2] ?? join(root, 'dist'))
  mkdirSync(folder, { recursive: true })
  process.stdout.write(`${packSdk(folder)}\n`)
}
