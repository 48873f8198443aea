/**
 * Checks the tree as text: the package table, doors, circles, names, dependencies. Prints the largest files and functions.
 * Run: `node tools/tidy.ts`. Exit status 1 when a rule is broken; each finding is one line `path: rule: what`.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { basename, dirname, join, normalize, resolve } from 'node:path'

type Source = { readonly path: string; readonly text: string; readonly isTest: boolean }
type Finding = { readonly path: string; readonly rule: string; readonly what: string }

const root = resolve(import.meta.dirname, '..')

/** Runs every check over a tree; `files` are paths relative to `root`. Pure but for `read`. */
export function tidy(files: readonly string[], read: (path: string) => string): Finding[] {
  const sources = files
    .filter(path => path.endsWith('.ts'))
    .map(path => ({
      path,
      text: read(path),
      isTest: /\.(test|deep)\.ts$|-for-tests\.ts$/.test(path),
    }))
  const table = readTable(read('docs/architecture.md'))
  const doors = new Map(
    files
      .filter(path => /^packages\/[^/]+\/package\.json$/.test(path))
      .map(path => [path.split('/')[1] ?? '', Object.keys(JSON.parse(read(path)).exports ?? {})]),
  )
  return [
    ...checkPackagesListed(table, doors),
    ...sources.flatMap(source => checkImports(source, table, doors)),
    ...checkCircles(sources, doors, files, read),
    ...files.flatMap(checkName),
    ...sources.flatMap(checkWords),
    ...checkDependencies(files, read),
    ...checkStrangers(sources),
    ...checkWorld(sources),
    ...checkBlobs(files, read),
  ]
}

/** `package → what it may import` from the first table of the architecture document. */
function readTable(markdown: string): Map<string, readonly string[]> {
  const rows = new Map<string, readonly string[]>()
  for (const [, name, allowed] of markdown.matchAll(/^\| `([a-z]+)` \| ([^|]+) \|/gm))
    rows.set(
      name ?? '',
      [...(allowed ?? '').matchAll(/`([a-z/]+)`|\ball\b/g)].map(match => match[1] ?? 'all'),
    )
  return rows
}

function checkPackagesListed(
  table: ReadonlyMap<string, readonly string[]>,
  doors: ReadonlyMap<string, readonly string[]>,
): Finding[] {
  return [...doors.keys()]
    .filter(name => !table.has(name))
    .map(name => ({
      path: `packages/${name}`,
      rule: 'table',
      what: 'package is not in docs/architecture.md',
    }))
}

/** Every module name that a text imports from, static or dynamic. */
function importsOf(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '')
  return [
    ...code.matchAll(/^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm),
    ...code.matchAll(/^\s*import\s*['"]([^'"]+)['"]/gm),
    ...code.matchAll(/\bimport\(\s*['"]([^'"]+)['"]\s*\)/g),
  ].map(match => match[1] ?? '')
}

const pure = new Set(['pki', 'contract', 'card'])
const testOnlyAllowed = new Set(['pki/issue', 'card/virtual'])
const never: readonly (readonly [from: RegExp, to: RegExp])[] = [
  [/^(platform|mandates|mailbox|procedures|portal)$/, /^(authority|card|readers)(\/|$)/],
  [/^authority$/, /^platform(\/|$)/],
  [/^services$/, /^(platform|authority|card|readers|pki|ledger|contract)(\/|$)/],
  [/^(?!authority$|readers$|cli$|card$)/, /^card\/virtual$/],
  [/^(?!authority$|pki$|cli$)/, /^pki\/issue$/],
]

function checkImports(
  source: Source,
  table: ReadonlyMap<string, readonly string[]>,
  doors: ReadonlyMap<string, readonly string[]>,
): Finding[] {
  const from = packageOf(source.path)
  const found: Finding[] = []
  const say = (rule: string, what: string): unknown => found.push({ path: source.path, rule, what })
  for (const name of importsOf(source.text)) {
    if (name.startsWith('.')) {
      const target = normalize(join(dirname(source.path), name))
      if (from !== undefined && packageOf(target) !== from)
        say('door', `${name} leaves the package by a path`)
      if (!/\.(ts|json|js)$/.test(name)) say('extension', `${name} has no extension`)
      continue
    }
    if (
      name.startsWith('node:') &&
      from !== undefined &&
      pure.has(from) &&
      !source.isTest &&
      name !== 'node:crypto'
    )
      say('pure', `${from} imports ${name}`)
    const target = /^@sekisho\/(.+)$/.exec(name)?.[1]
    if (target === undefined || from === undefined) continue
    const [packageName = '', ...rest] = target.split('/')
    const door = rest.length === 0 ? '.' : `./${rest.join('/')}`
    if (!(doors.get(packageName) ?? []).includes(door)) say('door', `${name} is not a door`)
    if (packageName === from) say('door', `${name} is the package itself`)
    const granted = isGranted(
      table.get(from) ?? [],
      packageName,
      target,
      doors.get(packageName) ?? [],
    )
    if (
      !granted &&
      !(source.isTest && (testOnlyAllowed.has(target) || testsMayImport(from, packageName)))
    )
      say('table', `${from} may not import ${target}`)
    if (!source.isTest && never.some(([a, b]) => a.test(from) && b.test(target)))
      say('never', `${from} must never import ${target}`)
  }
  return found
}

/** Tests of a package may use the parts below that make its material: cards, issuance, the runtime. */
function testsMayImport(from: string, target: string): boolean {
  return (
    ['pki', 'runtime', 'contract', 'card'].includes(target) && from !== 'pki' && from !== 'contract'
  )
}

function isGranted(
  allowed: readonly string[],
  packageName: string,
  target: string,
  doors: readonly string[],
): boolean {
  if (allowed.includes('all') || allowed.includes(target)) return true
  const named = allowed.includes(packageName)
  return named && (!doors.includes('.') || packageName === 'contract')
}

function packageOf(path: string): string | undefined {
  const match = /^packages\/([^/]+)\//.exec(path)
  if (match) return match[1]
  return path.startsWith('scenarios/') ? 'scenarios' : undefined
}

/** Circles between files, types included. */
function checkCircles(
  sources: readonly Source[],
  doors: ReadonlyMap<string, readonly string[]>,
  files: readonly string[],
  read: (path: string) => string,
): Finding[] {
  const doorFile = new Map<string, string>()
  for (const name of doors.keys()) {
    const exported: Record<string, string> = JSON.parse(
      read(`packages/${name}/package.json`),
    ).exports
    for (const [door, file] of Object.entries(exported))
      doorFile.set(
        normalize(`@sekisho/${name}/${door}`).replace(/\/$/, ''),
        normalize(`packages/${name}/${file}`),
      )
  }
  const known = new Set(files)
  const arrows = new Map(
    sources.map(source => [
      source.path,
      importsOf(source.text)
        .map(name =>
          name.startsWith('.') ? normalize(join(dirname(source.path), name)) : doorFile.get(name),
        )
        .filter((path): path is string => path !== undefined && known.has(path)),
    ]),
  )
  const state = new Map<string, 'open' | 'done'>()
  const found: Finding[] = []
  const walk = (path: string, trail: readonly string[]): void => {
    if (state.get(path) === 'done') return
    if (state.get(path) === 'open') {
      found.push({
        path,
        rule: 'circle',
        what: [...trail.slice(trail.indexOf(path)), path].join(' → '),
      })
      return
    }
    state.set(path, 'open')
    for (const next of arrows.get(path) ?? []) walk(next, [...trail, path])
    state.set(path, 'done')
  }
  for (const path of arrows.keys()) walk(path, [])
  return found
}

const bannedFileNames =
  /^(utils?|helpers?|common|shared|misc|types|constants|errors|interfaces)(\.|$)/
const bannedSuffix =
  /^export (?:abstract )?(?:class|interface|type|function|const) (I[A-Z]\w+|\w+(?:Impl|Service|Manager|Handler|Helper|Utils?))\b/gm

function checkName(path: string): Finding[] {
  if (!/^(packages|scenarios|bench|tools)\//.test(path)) return []
  const name = basename(path)
  const found: Finding[] = []
  for (const part of path.split('/'))
    if (bannedFileNames.test(part)) found.push({ path, rule: 'name', what: `${part} says nothing` })
  if (name.endsWith('.ts') && !/^[a-z0-9]+(-[a-z0-9]+)*(\.(test|deep))?\.ts$/.test(name))
    found.push({ path, rule: 'name', what: 'file names are kebab-case' })
  if (name === 'index.ts' && !/^packages\/[^/]+\/src\/index\.ts$/.test(path))
    found.push({ path, rule: 'barrel', what: 'index.ts only as the door of a package' })
  return found
}

function checkWords(source: Source): Finding[] {
  const found: Finding[] = []
  const say = (rule: string, what: string): unknown => found.push({ path: source.path, rule, what })
  for (const [, name] of source.text.matchAll(bannedSuffix))
    say('name', `${name} has a banned form`)
  if (source.path.startsWith('tools/')) return found
  for (const [word] of source.text.matchAll(/\b(?:TODO(?!\([A-D]\d+\))|FIXME|XXX)\b/g))
    say('todo', word)
  if (/\b(?:test|it|describe)\.(?:only|skip|todo)\b/.test(source.text))
    say('test', 'a test is skipped or alone')
  return found
}

/** Every npm dependency of every package is listed with a reason and has an exact version. */
function checkDependencies(files: readonly string[], read: (path: string) => string): Finding[] {
  const listed = new Set(
    [...read('docs/dependencies.md').matchAll(/^\| `([^`]+)`/gm)].map(match => match[1]),
  )
  const found: Finding[] = []
  const used = new Set<string>()
  for (const path of files.filter(file => /(^|\/)package\.json$/.test(file))) {
    const manifest = JSON.parse(read(path))
    const all = {
      ...manifest.dependencies,
      ...manifest.devDependencies,
      ...manifest.optionalDependencies,
      ...manifest.peerDependencies,
    }
    for (const [name, version] of Object.entries(all)) {
      if (name.startsWith('@sekisho/')) continue
      used.add(name)
      if (!listed.has(name))
        found.push({ path, rule: 'dependency', what: `${name} is not in docs/dependencies.md` })
      if (!/^\d+\.\d+\.\d+/.test(String(version)))
        found.push({ path, rule: 'dependency', what: `${name} has no exact version` })
    }
  }
  for (const name of listed)
    if (name !== undefined && !used.has(name))
      found.push({
        path: 'docs/dependencies.md',
        rule: 'dependency',
        what: `${name} is listed but not used`,
      })
  return found
}

/** A library of a package is imported from one folder, declared there, and nowhere else. */
function checkStrangers(sources: readonly Source[]): Finding[] {
  const homes = new Map<string, Set<string>>()
  for (const source of sources.filter(one => !one.isTest && one.path.startsWith('packages/')))
    for (const name of importsOf(source.text)) {
      if (name.startsWith('.') || name.startsWith('node:') || name.startsWith('@sekisho/')) continue
      const library = name
        .split('/')
        .slice(0, name.startsWith('@') ? 2 : 1)
        .join('/')
      if (everywhere.has(library)) continue
      const key = `${packageOf(source.path)}: ${library}`
      homes.set(key, (homes.get(key) ?? new Set()).add(dirname(source.path)))
    }
  return [...homes]
    .filter(([, folders]) => folders.size > 1)
    .map(([key, folders]) => ({
      path: key.split(':')[0] ?? '',
      rule: 'stranger',
      what: `${key} is imported from ${[...folders].join(', ')}`,
    }))
}

/** Languages rather than libraries: schemas and queries are written in them wherever a message or a table is. */
const everywhere = new Set(['zod', 'kysely'])

const worldReach =
  /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bprocess\.(?:env|exit|argv|cwd)\b|\bsetTimeout\(|\bsetInterval\(|\bcrypto\.random|\brandomBytes\(|\brandomUUID\(/

/** Clock, randomness, environment and timers are reached in `runtime` and `cli` only; browser scripts are text. */
function checkWorld(sources: readonly Source[]): Finding[] {
  return sources
    .filter(
      source =>
        !source.isTest &&
        /^packages\/(?!runtime\/|cli\/)/.test(source.path) &&
        !/\/browser\//.test(source.path),
    )
    .flatMap(source =>
      source.text.split('\n').flatMap((line, at) => {
        const code = line.replace(/\/\/.*$|^\s*\*.*$/g, '')
        const match = worldReach.exec(code)
        return match === null
          ? []
          : [
              {
                path: `${source.path}:${at + 1}`,
                rule: 'world',
                what: `${match[0]} outside runtime and cli`,
              },
            ]
      }),
    )
}

const blobBytesMax = 400_000

function checkBlobs(files: readonly string[], read: (path: string) => string): Finding[] {
  return files
    .filter(
      path => !/package-lock\.json$|\/vectors\//.test(path) && /\.(ts|js|json|md|css)$/.test(path),
    )
    .filter(path => read(path).length > blobBytesMax)
    .map(path => ({ path, rule: 'blob', what: `larger than ${blobBytesMax} characters` }))
}

/** The longest source files and functions, for a reader's eye; nothing fails on them. */
export function largest(sources: readonly Source[]): { files: string[]; functions: string[] } {
  const own = sources.filter(source => !source.isTest)
  const files = own
    .map(source => ({ path: source.path, lines: source.text.split('\n').length }))
    .toSorted((a, b) => b.lines - a.lines)
    .slice(0, 8)
    .map(one => `${one.lines} ${one.path}`)
  const functions = own
    .flatMap(source => functionsOf(source))
    .toSorted((a, b) => b.lines - a.lines)
    .slice(0, 8)
    .map(one => `${one.lines} ${one.path}`)
  return { files, functions }
}

/** Top-level functions by indentation: the formatter guarantees that the closing brace stands in the first column. */
function functionsOf(source: Source): { path: string; lines: number }[] {
  const lines = source.text.split('\n')
  const found: { path: string; lines: number }[] = []
  let start: { name: string; at: number } | undefined
  for (const [at, line] of lines.entries()) {
    const name = /^(?:export )?(?:async )?function\*? (\w+)/.exec(line)?.[1]
    if (name !== undefined) start = { name, at }
    if (line === '}' && start) {
      found.push({ path: `${source.path} ${start.name}`, lines: at - start.at + 1 })
      start = undefined
    }
  }
  return found
}

function main(): void {
  const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  })
    .split('\n')
    .filter(path => path !== '' && !path.includes('node_modules/'))
  const cache = new Map<string, string>()
  const read = (path: string): string => {
    const known = cache.get(path) ?? readFileSync(join(root, path), 'utf8')
    cache.set(path, known)
    return known
  }
  const present = files.filter(path => {
    try {
      read(path)
      return true
    } catch {
      return false
    }
  })
  const findings = tidy(present, read)
  const sizes = largest(
    present
      .filter(path => path.endsWith('.ts'))
      .map(path => ({ path, text: read(path), isTest: /\.(test|deep)\.ts$/.test(path) })),
  )
  process.stdout.write(
    `largest files\n  ${sizes.files.join('\n  ')}\nlongest functions\n  ${sizes.functions.join('\n  ')}\n`,
  )
  for (const finding of findings)
    process.stdout.write(`${finding.path}: ${finding.rule}: ${finding.what}\n`)
  process.stdout.write(`tidy: ${present.length} files, ${findings.length} findings\n`)
  process.exitCode = findings.length === 0 ? 0 : 1
}

if (import.meta.main) main()
