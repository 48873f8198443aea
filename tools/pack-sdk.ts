/**
 * Packs the SDK for outsiders: JavaScript and types, the contract bundled in, nothing else of the workspace.
 * Run: `node tools/pack-sdk.ts [folder]`; prints the path of the tarball.
 */
import { execFileSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..')

/** Builds the package into `folder` and packs it; returns the tarball's path. */
export function packSdk(folder: string): string {
  const built = mkdtempSync(join(tmpdir(), 'sekisho-sdk-'))
  try {
    emit(built)
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

function emit(outDir: string): void {
  const config = join(outDir, 'tsconfig.json')
  writeFileSync(
    config,
    JSON.stringify({
      extends: join(root, 'tsconfig.json'),
      compilerOptions: {
        noEmit: false,
        declaration: true,
        rewriteRelativeImportExtensions: true,
        rootDir: join(root, 'packages'),
        outDir,
        typeRoots: [join(root, 'node_modules', '@types')],
      },
      // Every file by name: one that the compiler meets first behind a package's door counts as foreign and is not emitted.
      include: ['sdk', 'contract'].map(name => join(root, 'packages', name, 'src', '*.ts')),
      exclude: ['**/*.test.ts', '**/*-for-tests.ts'].map(pattern =>
        join(root, 'packages', pattern),
      ),
    }),
  )
  execFileSync(
    process.execPath,
    [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', config],
    {
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  )
}

/** Points imports of the contract at its place inside the package, and types at emitted files. */
function relink(file: string): void {
  const text = readFileSync(file, 'utf8')
  const fromContract = file.includes('/contract/')
  const linked = text
    .replaceAll(
      /(['"])@sekisho\/contract\1/g,
      `$1${fromContract ? './index.js' : '../contract/index.js'}$1`,
    )
    .replaceAll(/(from\s+['"]\.[^'"]*)\.ts(['"])/g, '$1.js$2')
  writeFileSync(file, linked)
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
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
