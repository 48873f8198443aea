/** Compiles packages of the workspace to JavaScript with types, for those who do not run TypeScript. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..')

/** Compiles the sources of these packages, tests and `without` excepted, into `outDir/NAME/src`. */
export function emit(outDir: string, names: readonly string[], without: readonly string[]): void {
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
      include: names.map(name => join(root, 'packages', name, 'src', '**', '*.ts')),
      exclude: ['**/*.test.ts', '**/*.deep.ts', ...without].map(pattern =>
        join(root, 'packages', pattern),
      ),
    }),
  )
  execFileSync(
    process.execPath,
    [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', config],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  )
}

/** Every file under a folder. */
export function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
}

/** Rewrites a file of text in place. */
export function rewrite(file: string, change: (text: string) => string): void {
  writeFileSync(file, change(readFileSync(file, 'utf8')))
}
