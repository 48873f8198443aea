// `npm test` and `npm run test:deep`: says first what is missing on the machine, then installs, then runs every step.
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join, sep } from 'node:path'
import { ensureInstalled, inForeground, pinnedNode, root } from './pinned.js'

/** Debian packages that the tests judge by: browser and fonts, smart-card stack, database, PDF programs, openssl, git. */
const debianPackages = [
  'chromium',
  'clamav-daemon',
  'fonts-noto-cjk',
  'git',
  'libnss3-tools',
  'libopenjp2-tools',
  'libxml2-utils',
  'opensc',
  'openssl',
  'pcscd',
  'pngcheck',
  'poppler-utils',
  'postgresql',
  'qpdf',
  'unzip',
  'softhsm2',
  'vsmartcard-vpcd',
  'xmlsec1',
  'zbar-tools',
  'zip',
]

/** What the deep tests want besides: the Go project's sum database reads published logs; Apache is a relying party and a TLS proxy. */
const debianPackagesOfDeep = [
  'apache2-bin',
  'golang-go',
  'golang-golang-x-mod-dev',
  'libapache2-mod-auth-mellon',
  'libapache2-mod-auth-openidc',
]

/** Packages with about half of the time of all unit tests. */
const farSide = ['authority', 'card', 'pki', 'readers']

const mode = process.argv.includes('--deep')
  ? 'deep'
  : process.argv.includes('--check')
    ? 'check'
    : 'test'

/** No step takes half of this on two ordinary cores. */
const limitMs = (mode === 'deep' ? 45 : 30) * 60_000

if (mode !== 'check') ensureDebianPackages()
ensureInstalled()
const node = pinnedNode()
const bin = name => join(root, 'node_modules', '.bin', name)

const checks = [
  ['tidy', node, ['tools/tidy.ts']],
  ['format', bin('biome'), ['format', '.']],
  ['lint', bin('oxlint'), ['--type-aware', 'packages', 'scenarios', 'tools', 'bench']],
  ['types', bin('tsc'), ['-p', 'tsconfig.json']],
]
const tests = [
  ['unit tests', [...filesUnder('packages', '.test.ts'), ...filesUnder('tools', '.test.ts')]],
  ['scenarios', filesUnder('scenarios', '.test.ts')],
]
const deep = [
  ['deep tests', [...filesUnder('packages', '.deep.ts'), ...filesUnder('scenarios', '.deep.ts')]],
]

if (mode !== 'deep')
  for (const [name, command, args] of checks) must(await pass(name, command, args))
if (mode !== 'check') {
  for (const [name, files] of mode === 'deep' ? deep : tests) must(await passTests(name, files))
}

/** Ends the process after a step that failed. */
function must(isPassed) {
  if (!isPassed) process.exit(1)
}

/** Runs one step; whether it passed. */
async function pass(name, command, args, judge = () => undefined) {
  process.stdout.write(`\n== ${name}\n`)
  const begun = performance.now()
  const stdio = ['ignore', 'inherit', 'inherit']
  const { code, isLate } = await inForeground(command, args, { cwd: root, stdio, limitMs })
  const wrong = isLate
    ? 'it did not end: something hangs, or a handle was left open'
    : code !== 0
      ? `exit status ${code}`
      : judge()
  const seconds = ((performance.now() - begun) / 1000).toFixed(1)
  if (wrong !== undefined) {
    process.stdout.write(`\n${name} failed after ${seconds} s: ${wrong}\n`)
    return false
  }
  process.stdout.write(`${name}: passed in ${seconds} s\n`)
  return true
}

/**
 * Small files in two processes side by side, each with all of its half, which is much quicker than a process a file; towns, which scenarios and
 * deep tests start, two at a time in processes of their own. A file that ends its process would silence the others with status 0, so the
 * runner's closing count is read as well: it must be there, and nothing may be skipped.
 */
async function passTests(name, files) {
  const folder = fs.mkdtempSync(join(tmpdir(), 'sekisho-test-'))
  // What one process has compiled is there for the next.
  process.env.NODE_COMPILE_CACHE ??= join(folder, 'compiled')
  const apart = ['--test-isolation=process', '--test-concurrency=2']
  const run = (part, these, how) => {
    const count = join(folder, `${part}.tap`)
    const reporters = ['spec', 'stdout', 'tap', count].map(
      (value, at) => `--test-reporter${at % 2 === 0 ? '' : '-destination'}=${value}`,
    )
    return pass(part, node, ['--test', ...how, ...reporters, ...these], () => uncounted(count))
  }
  try {
    if (name !== 'unit tests') return await run(name, files, apart)
    const isFar = path => farSide.some(each => path.startsWith(join('packages', each)))
    // Each goes on to its end, also when the other fails.
    const halves = await Promise.all([
      run(`${name} of ${farSide.join(', ')}`, files.filter(isFar), ['--test-isolation=none']),
      run(
        name,
        files.filter(path => !isFar(path)),
        ['--test-isolation=none'],
      ),
    ])
    return halves.every(Boolean)
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

/** What is wrong with a finished run's count, if anything. */
function uncounted(path) {
  const tap = fs.existsSync(path) ? fs.readFileSync(path, 'utf8') : ''
  const counted = key => Number(tap.match(new RegExp(`^# ${key} (\\d+)$`, 'm'))?.[1] ?? Number.NaN)
  if (!(counted('tests') > 0)) return 'it ended before all tests had run'
  const rest = ['fail', 'cancelled', 'skipped', 'todo'].filter(key => counted(key) !== 0)
  return rest.length === 0 ? undefined : `tests were ${rest.join(', ')}`
}

/** Files below a folder with this ending. There is at least one, as without any the runner would look for its own. */
function filesUnder(folder, ending) {
  const found = fs
    .readdirSync(join(root, folder), { recursive: true })
    .filter(path => path.endsWith(ending) && !path.split(sep).includes('node_modules'))
    .map(path => join(folder, path))
    .toSorted()
  if (found.length > 0) return found
  process.stderr.write(`No file below ${folder} ends in ${ending}.\n`)
  process.exit(1)
}

function ensureDebianPackages() {
  const wanted = mode === 'deep' ? [...debianPackages, ...debianPackagesOfDeep] : debianPackages
  const asked = spawnSync(
    'dpkg-query',
    ['-W', '-f', '${Package} ${db:Status-Status}\n', ...wanted],
    {
      encoding: 'utf8',
    },
  )
  const present = new Set(
    (asked.stdout ?? '')
      .split('\n')
      .filter(line => line.endsWith(' installed'))
      .map(line => line.split(' ')[0]),
  )
  const missing = wanted.filter(name => !present.has(name))
  if (missing.length === 0) return
  const line = `apt-get install -y --no-install-recommends ${missing.join(' ')}`
  if (process.getuid?.() !== 0) {
    process.stderr.write(
      `The tests need Debian packages that are not installed. Run:\n\n  sudo ${line}\n\n`,
    )
    process.exit(1)
  }
  process.stderr.write(`Installing the Debian packages that the tests need: ${missing.join(' ')}\n`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const run = args => spawnSync('apt-get', args, { stdio: ['ignore', 2, 2], env }).status === 0
  if (!run(['update', '-qq']) || !run(line.split(' ').slice(1))) {
    process.stderr.write(`Could not install them. Run by hand:\n\n  ${line}\n\n`)
    process.exit(1)
  }
}
