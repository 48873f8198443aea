/**
 * Checks the tree as text: the package table, doors, circles, names, dependencies, dead code, links of the documents. Prints
 * the largest files and functions. Run: `node tools/tidy.ts`. Exit status 1 when a rule is broken; each finding is one line
 * `path: rule: what`.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, normalize, relative, resolve, sep } from 'node:path'
import { deadCode, type Doors, type Reading, targetOf } from './dead-code.ts'
import { importsOf } from './source-text.ts'

type Finding = { readonly path: string; readonly rule: string; readonly what: string }

const root = resolve(import.meta.dirname, '..')

/** Runs every check over a tree; `files` are paths relative to `root`. Pure but for `read`. */
export function tidy(files: readonly string[], read: (path: string) => string): Finding[] {
  const sources = files.filter(isSource).map(path => readSource(path, read(path)))
  const table = readTable(read('docs/architecture.md'))
  const manifests = new Map(
    files
      .filter(path => /^packages\/[^/]+\/package\.json$/.test(path))
      .map(path => [path.split('/')[1] ?? '', JSON.parse(read(path))]),
  )
  const doors = doorsOf(manifests)
  return [
    ...checkPackagesListed(table, files),
    ...sources.flatMap(source => checkImports(source, table, doors)),
    ...checkCircles(sources, doors),
    ...files.flatMap(checkName),
    ...sources.flatMap(checkWords),
    ...checkDependencies(files, read),
    ...checkDeclared(sources, manifests, read),
    ...checkStrangers(sources),
    ...checkWorld(sources),
    ...deadCode(sources, doors).map(found => ({ ...found, rule: 'dead' })),
    ...checkBlobs(files, read),
    ...checkPages(files, read),
  ]
}

function isSource(path: string): boolean {
  return /\.[cm]?[jt]sx?$/.test(path) && /^(packages|scenarios|bench|tools|bin)\//.test(path)
}

function readSource(path: string, text: string): Reading {
  const isTest = /\.(test|deep)\.ts$|-for-tests\.ts$/.test(path)
  return { path, text, imports: importsOf(text), isTest }
}

/** What a manifest must have to be read here. */
type Manifest = { readonly exports?: Readonly<Record<string, string>> } & Readonly<
  Record<string, Readonly<Record<string, string>> | undefined>
>

function doorsOf(manifests: ReadonlyMap<string, Manifest>): Doors {
  return new Map(
    [...manifests].flatMap(([name, manifest]) =>
      Object.entries(manifest.exports ?? {}).map(([door, file]): [string, string] => [
        `@sekisho/${name}${door.slice(1)}`,
        normalize(`packages/${name}/${file}`),
      ]),
    ),
  )
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

/** Folders and rows of the table are the same, both ways. */
function checkPackagesListed(
  table: ReadonlyMap<string, readonly string[]>,
  files: readonly string[],
): Finding[] {
  const folders = new Set(files.map(packageOf).filter(name => name !== undefined))
  const page = 'docs/architecture.md'
  return [
    ...[...folders]
      .filter(name => !table.has(name))
      .map(name => ({
        path: `packages/${name}`,
        rule: 'table',
        what: `package is not in ${page}`,
      })),
    ...[...table.keys()]
      .filter(name => !folders.has(name))
      .map(name => ({ path: page, rule: 'table', what: `there is no package ${name}` })),
  ]
}

const pure = new Set(['pki', 'contract', 'card'])
const testOnlyAllowed = new Set(['pki/issue', 'card/virtual', 'card/issue'])
const never: readonly (readonly [from: RegExp, to: RegExp])[] = [
  [/^(platform|mandates|mailbox|procedures|portal)$/, /^(authority|card|readers)(\/|$)/],
  [/^authority$/, /^platform(\/|$)/],
  [/^services$/, /^(platform|authority|card|readers|pki|ledger|contract)(\/|$)/],
  [/^(?!authority$|readers$|cli$|card$)/, /^card\/virtual$/],
  [/^(?!authority$|pki$|cli$)/, /^pki\/issue$/],
  [/^(?!authority$|card$|cli$)/, /^card\/issue$/],
]

function checkImports(
  source: Reading,
  table: ReadonlyMap<string, readonly string[]>,
  doors: Doors,
): Finding[] {
  const from = packageOf(source.path)
  const found: Finding[] = []
  const say = (rule: string, what: string): unknown => found.push({ path: source.path, rule, what })
  if (/^\/\/\/\s*<reference/m.test(source.text)) say('door', 'a reference comment is no import')
  for (const { from: name } of source.imports) {
    if (name === undefined) {
      say('door', 'an import is computed, so that nobody can say what it names')
      continue
    }
    if (name.startsWith('.') || name.startsWith('/')) {
      const target = normalize(join(dirname(source.path), name))
      const isLauncher = source.path.includes('/bin/') && target.startsWith('bin/')
      if ((packageOf(target) !== from && !isLauncher) || name.startsWith('/'))
        say('door', `${name} leaves the package by a path`)
      if (!/\.(ts|json|js)$/.test(name)) say('extension', `${name} has no extension`)
    }
    if (name.startsWith('node:') && from !== undefined && pure.has(from) && !source.isTest)
      if (name !== 'node:crypto') say('pure', `${from} imports ${name}`)
    const file = targetOf(source.path, name, doors)
    if (!source.isTest && file?.endsWith('-for-tests.ts') && !mayCarryTests(source.path))
      say('test', `${name} is for tests`)
    const target = /^@sekisho\/(.+)$/.exec(name)?.[1]
    if (target !== undefined && from !== undefined)
      checkDoor(source, from, target, table, doors, say)
  }
  return found
}

/** The database and town that tests of other packages start are made from these. */
function mayCarryTests(path: string): boolean {
  return path === 'packages/runtime/src/store.ts' || path === 'packages/cli/src/testkit.ts'
}

function checkDoor(
  source: Reading,
  from: string,
  target: string,
  table: ReadonlyMap<string, readonly string[]>,
  doors: Doors,
  say: (rule: string, what: string) => unknown,
): void {
  const packageName = target.split('/')[0] ?? ''
  if (!doors.has(`@sekisho/${target}`)) say('door', `@sekisho/${target} is not a door`)
  if (packageName === from) say('door', `@sekisho/${target} is the package itself`)
  const hasMainDoor = doors.has(`@sekisho/${packageName}`)
  const granted = isGranted(table.get(from) ?? [], packageName, target, hasMainDoor)
  const grantedToTests = testOnlyAllowed.has(target) || testsMayImport(from, packageName)
  if (!granted && !(source.isTest && grantedToTests))
    say('table', `${from} may not import ${target}`)
  if (!source.isTest && never.some(([a, b]) => a.test(from) && b.test(target)))
    say('never', `${from} must never import ${target}`)
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
  hasMainDoor: boolean,
): boolean {
  if (allowed.includes('all') || allowed.includes(target)) return true
  const named = allowed.includes(packageName)
  return named && (target === packageName || !hasMainDoor || packageName === 'contract')
}

function packageOf(path: string): string | undefined {
  const match = /^packages\/([^/]+)\//.exec(path)
  if (match) return match[1]
  return path.startsWith('scenarios/') ? 'scenarios' : undefined
}

/** Circles between files, types included. */
function checkCircles(sources: readonly Reading[], doors: Doors): Finding[] {
  const known = new Set(sources.map(source => source.path))
  const arrows = new Map(
    sources.map(source => [
      source.path,
      source.imports
        .map(one => targetOf(source.path, one.from ?? '', doors))
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
  if (name.endsWith('.ts') && !/^[a-z0-9]+(-[a-z0-9]+)*(\.(test|deep|d))?\.ts$/.test(name))
    found.push({ path, rule: 'name', what: 'file names are kebab-case' })
  if (name === 'index.ts' && !/^packages\/[^/]+\/src\/index\.ts$/.test(path))
    found.push({ path, rule: 'barrel', what: 'index.ts only as the door of a package' })
  return found
}

function checkWords(source: Reading): Finding[] {
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

/** What a package imports its manifest declares, and the other way round; what only tests need the root may declare. */
function checkDeclared(
  sources: readonly Reading[],
  manifests: ReadonlyMap<string, Manifest>,
  read: (path: string) => string,
): Finding[] {
  const rootManifest: Manifest = JSON.parse(read('package.json') || '{}')
  const found: Finding[] = []
  for (const [name, manifest] of manifests) {
    const path = `packages/${name}/package.json`
    const own = sources.filter(source => packageOf(source.path) === name)
    const wanted = (one: Reading): string[] =>
      one.imports.map(each => libraryOf(each.from ?? '')).filter(each => each !== undefined)
    const product = new Set(own.filter(one => !one.isTest).flatMap(wanted))
    const tests = new Set(own.filter(one => one.isTest).flatMap(wanted))
    const declared = Object.keys(manifest['dependencies'] ?? {})
    const declaredForTests = Object.keys({
      ...manifest['dependencies'],
      ...manifest['devDependencies'],
      ...rootManifest['devDependencies'],
    })
    const say = (what: string): unknown => found.push({ path, rule: 'manifest', what })
    for (const one of product) if (!declared.includes(one)) say(`${one} is imported, not declared`)
    for (const one of tests)
      if (!declaredForTests.includes(one) && !one.startsWith('@sekisho/'))
        say(`${one} is imported by a test, not declared`)
    for (const one of declared)
      if (!product.has(one) && !tests.has(one)) say(`${one} is declared, not imported`)
  }
  return found
}

/** `zod`, `@scope/name`, `@sekisho/package`; undefined for files and Node's own modules. */
function libraryOf(from: string): string | undefined {
  if (from === '' || /^[./]|^node:/.test(from)) return undefined
  return from
    .split('/')
    .slice(0, from.startsWith('@') ? 2 : 1)
    .join('/')
}

/** A library of a package is imported from one folder and nowhere else. */
function checkStrangers(sources: readonly Reading[]): Finding[] {
  const homes = new Map<string, Set<string>>()
  for (const source of sources.filter(one => !one.isTest && one.path.startsWith('packages/')))
    for (const { from } of source.imports) {
      const library = libraryOf(from ?? '')
      if (library === undefined || library.startsWith('@sekisho/') || everywhere.has(library))
        continue
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
function checkWorld(sources: readonly Reading[]): Finding[] {
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

/** Links and file names in the documents lead somewhere, and no file tells where somebody keeps their own. */
function checkPages(files: readonly string[], read: (path: string) => string): Finding[] {
  const known = new Set(files.flatMap(path => [path, `${dirname(path)}/`, dirname(path)]))
  const links = files
    .filter(path => path.endsWith('.md'))
    .flatMap(path =>
      [...read(path).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
        .map(match => match[1] ?? '')
        .filter(link => !/^[a-z]+:/.test(link) && !known.has(normalize(join(dirname(path), link))))
        .map(link => ({ path, rule: 'link', what: `${link} leads nowhere` })),
    )
  const names = new Set(files.map(path => path.replace(/(\.(test|deep))?\.ts$/, '')))
  const told = files
    .filter(path => path.endsWith('.md'))
    .flatMap(path =>
      [
        ...read(path).matchAll(
          /`((?:packages|scenarios|tools|bench|bin|docs)\/[\w./-]+|[a-z]+\/src\/[\w./-]+)`/g,
        ),
      ]
        .map(match => (match[1] ?? '').replace(/^(?=[a-z]+\/src\/)(?!packages\/)/, 'packages/'))
        .filter(name => !known.has(name) && !names.has(name))
        .map(name => ({ path, rule: 'link', what: `${name} is not there` })),
    )
  const homes = files
    .filter(path => /\.([cm]?[jt]sx?|md|json|yml)$/.test(path) && !path.startsWith('tools/'))
    .flatMap(path => {
      const home = /(?<![\w.}])\/(?:home|Users|root|work)\/[\w-]+/.exec(read(path))
      return home === null ? [] : [{ path, rule: 'machine', what: `${home[0]} is somebody's own` }]
    })
  return [...links, ...told, ...homes]
}

/** The longest source files and functions, for a reader's eye; nothing fails on them. */
function largest(sources: readonly Reading[]): { files: string[]; functions: string[] } {
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
function functionsOf(source: Reading): { path: string; lines: number }[] {
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

/** All files of the tree but what is installed, made or kept by git: also where git is not. */
function filesOf(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    if (leftOut.has(entry.name) || entry.name.endsWith('.log')) return []
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return filesOf(path)
    return entry.isFile() ? [relative(root, path).split(sep).join('/')] : []
  })
}

/** As in `.gitignore`. */
const leftOut = new Set(['.git', 'node_modules', 'dist', '.sekisho', 'test-output'])

function main(): void {
  const present = filesOf(root).toSorted()
  const cache = new Map<string, string>()
  const read = (path: string): string => {
    const known = cache.get(path) ?? readFileSync(join(root, path), 'utf8')
    cache.set(path, known)
    return known
  }
  const findings = tidy(present, read)
  const sizes = largest(present.filter(isSource).map(path => readSource(path, read(path))))
  process.stdout.write(
    `largest files\n  ${sizes.files.join('\n  ')}\nlongest functions\n  ${sizes.functions.join('\n  ')}\n`,
  )
  for (const finding of findings)
    process.stdout.write(`${finding.path}: ${finding.rule}: ${finding.what}\n`)
  process.stdout.write(`tidy: ${present.length} files, ${findings.length} findings\n`)
  process.exitCode = findings.length === 0 ? 0 : 1
}

if (import.meta.main) main()
