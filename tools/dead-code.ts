/** Finds what nobody uses: files that nobody imports, exports that nobody takes. Types among themselves are let be. */
import { dirname, join, normalize } from 'node:path'
import { exportsOf, type Import } from './source-text.ts'

/** A source file with what it imports. */
export type Reading = {
  readonly path: string
  readonly text: string
  readonly imports: readonly Import[]
  readonly isTest: boolean
}

/** File of a door: `@sekisho/pki/issue` → `packages/pki/src/issue.ts`. */
export type Doors = ReadonlyMap<string, string>

/** Doors that people outside use, or will: what they export is a promise, used here or not. */
const forOutsiders =
  /^packages\/(sdk|contract|pki)\/|^packages\/(ledger\/src\/verify|cli\/src\/testkit)\.ts$/

/** Files that no one imports because they are begun with: programs, tests, benches, tools. */
function isBeginning(reading: Reading, doorFiles: ReadonlySet<string>): boolean {
  return (
    (reading.isTest && !reading.path.endsWith('-for-tests.ts')) ||
    doorFiles.has(reading.path) ||
    /^bench\/|\/bin\/|^bin\/|\/browser\//.test(reading.path) ||
    /\bimport\.meta\.main\b/.test(reading.text)
  )
}

/** `path: what` of every dead file and dead export. */
export function deadCode(
  readings: readonly Reading[],
  doors: Doors,
): readonly { path: string; what: string }[] {
  const known = new Set(readings.map(one => one.path))
  const doorFiles = new Set(doors.values())
  const taken = new Map<string, Set<string>>()
  for (const reading of readings)
    for (const { from, names } of reading.imports) {
      const target = targetOf(reading.path, from ?? '', doors)
      if (target === undefined || !known.has(target)) continue
      const before = taken.get(target) ?? new Set()
      taken.set(target, new Set([...before, ...names]))
    }
  return readings.flatMap(reading => {
    // Types of libraries that have none: the compiler finds them.
    if (reading.path.endsWith('.d.ts')) return []
    const names = taken.get(reading.path)
    if (names === undefined && !isBeginning(reading, doorFiles))
      return [{ path: reading.path, what: 'no file imports this one' }]
    if (reading.isTest && !reading.path.endsWith('-for-tests.ts')) return []
    const isDoor = doorFiles.has(reading.path)
    if (names?.has('*') || (isDoor && forOutsiders.test(reading.path))) return []
    return exportsOf(reading.text)
      .filter(one => !names?.has(one.name) && !(one.isType && (isDoor || one.isUsedHere)))
      .map(one => ({ path: reading.path, what: `no file takes the export ${one.name}` }))
  })
}

/** The file that an import names, when it is one of ours. */
export function targetOf(path: string, from: string, doors: Doors): string | undefined {
  return from.startsWith('.') ? normalize(join(dirname(path), from)) : doors.get(from)
}
