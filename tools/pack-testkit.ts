/**
 * Packs the test kit for outsiders (D25): the whole town as JavaScript, so that a provider's own tests start it, log synthetic people in with
 * synthetic cards and turn its clock. Run: `node tools/pack-testkit.ts [folder]`; prints the path of the tarball.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { emit, filesOf, rewrite } from './emit.ts'

const root = resolve(import.meta.dirname, '..')
const scope = '@sekisho/'

type Manifest = {
  readonly version: string
  readonly exports: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
}

/** Builds the package into `folder` and packs it; returns the tarball's path. */
function packTestkit(folder: string): string {
  const built = mkdtempSync(join(tmpdir(), 'sekisho-testkit-'))
  try {
    const names = packagesBehind('cli')
    emit(built, names, [])
    const target = join(folder, 'testkit')
    rmSync(target, { recursive: true, force: true })
    for (const name of names) place(name, built, join(target, 'node_modules', scope, name))
    writeFileSync(
      join(target, 'package.json'),
      `${JSON.stringify(wholeManifest(names), null, 2)}\n`,
    )
    writeFileSync(join(target, 'index.js'), `export * from '${scope}cli/testkit'\n`)
    writeFileSync(join(target, 'index.d.ts'), `export * from '${scope}cli/testkit'\n`)
    cpSync(join(root, 'LICENSE'), join(target, 'LICENSE'))
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

/** A package and all of the workspace that it stands on. */
function packagesBehind(name: string, known = new Set<string>()): readonly string[] {
  known.add(name)
  for (const other of Object.keys(manifestOf(name).dependencies ?? {}))
    if (other.startsWith(scope) && !known.has(other.slice(scope.length)))
      packagesBehind(other.slice(scope.length), known)
  return [...known].sort()
}

function manifestOf(name: string): Manifest {
  return JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8')) as Manifest
}

/** One package as JavaScript, its doors leading there. */
function place(name: string, built: string, target: string): void {
  mkdirSync(target, { recursive: true })
  cpSync(join(built, name, 'src'), join(target, 'src'), { recursive: true })
  for (const file of filesOf(join(root, 'packages', name, 'src')))
    if (file.endsWith('.json'))
      cpSync(file, join(target, file.slice(join(root, 'packages', name).length)))
  // Modules are also named where threads and processes are started.
  for (const file of filesOf(target))
    if (/\.(js|d\.ts)$/.test(file))
      rewrite(file, text => text.replaceAll(/(['"])((?:\.{1,2}\/)?[\w./-]+)\.ts\1/g, '$1$2.js$1'))
  const { version, exports } = manifestOf(name)
  const doors = Object.entries(exports).map(([door, path]) => [
    door,
    { types: path.replace(/\.ts$/, '.d.ts'), default: path.replace(/\.ts$/, '.js') },
  ])
  const manifest = {
    name: scope + name,
    version,
    type: 'module',
    exports: Object.fromEntries(doors),
  }
  writeFileSync(join(target, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
}

function wholeManifest(names: readonly string[]): unknown {
  const foreign = names.flatMap(name =>
    Object.entries(manifestOf(name).dependencies ?? {}).filter(
      ([other]) => !other.startsWith(scope),
    ),
  )
  const own = names.map(name => [scope + name, manifestOf(name).version])
  return {
    name: '@sekisho/testkit',
    version: manifestOf('cli').version,
    description:
      'A town with a Sekisho platform, an authority and synthetic cards, for the tests of a provider',
    license: 'Apache-2.0',
    type: 'module',
    exports: { '.': { types: './index.d.ts', default: './index.js' } },
    engines: { node: '>=24' },
    dependencies: Object.fromEntries(
      [...foreign, ...own].sort(([a = ''], [b = '']) => (a < b ? -1 : 1)),
    ),
    bundleDependencies: names.map(name => scope + name),
  }
}

if (import.meta.main) {
  const folder = resolve(process.argv[2] ?? join(root, 'dist'))
  mkdirSync(folder, { recursive: true })
  process.stdout.write(`${packTestkit(folder)}\n`)
}
