// `npm test` and `npm run test:deep`: says first what is missing on the machine, then installs, then runs every step.
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { ensureInstalled, pinnedNode, root } from './pinned.js'

/** Debian packages that the tests judge by: browser and fonts, smart-card stack, database, openssl, git. */
const debianPackages = [
  'chromium',
  'fonts-noto-cjk',
  'git',
  'opensc',
  'openssl',
  'pcscd',
  'postgresql',
  'vsmartcard-vpcd',
]

const mode = process.argv.includes('--deep')
  ? 'deep'
  : process.argv.includes('--check')
    ? 'check'
    : 'test'

if (mode !== 'check') ensureDebianPackages()
ensureInstalled()
const node = pinnedNode()
const bin = name => join(root, 'node_modules', '.bin', name)
const files = pattern => glob(pattern).toSorted()

const checks = [
  ['tidy', node, ['tools/tidy.ts']],
  ['format', bin('biome'), ['format', '.']],
  ['lint', bin('oxlint'), ['--type-aware', 'packages', 'scenarios', 'tools', 'bench']],
  ['types', bin('tsc'), ['-p', 'tsconfig.json']],
]
const tests = [
  ['unit tests', ['packages/*/src/**/*.test.ts', 'tools/*.test.ts']],
  ['scenarios', ['scenarios/*.test.ts']],
]
const deep = [['deep tests', ['packages/*/src/**/*.deep.ts', 'scenarios/*.deep.ts']]]

const steps = [
  ...(mode === 'deep' ? [] : checks),
  ...(mode === 'test' ? tests : mode === 'deep' ? deep : []).map(([name, patterns]) => [
    name,
    node,
    ['--test', '--test-isolation=none', '--test-reporter=spec', ...patterns.flatMap(files)],
  ]),
]

for (const [name, command, args] of steps) {
  process.stdout.write(`\n== ${name}\n`)
  const begun = performance.now()
  const done = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
  const seconds = ((performance.now() - begun) / 1000).toFixed(1)
  if (done.status !== 0) {
    process.stdout.write(`\n${name} failed after ${seconds} s\n`)
    process.exit(1)
  }
  process.stdout.write(`${name}: passed in ${seconds} s\n`)
}

/** Node 20 has no `fs.globSync`; the patterns are few and simple, so git answers. */
function glob(pattern) {
  if (fs.globSync) return fs.globSync(pattern, { cwd: root })
  const listed = spawnSync(
    'git',
    ['ls-files', '--cached', '--others', '--exclude-standard', `:(glob)${pattern}`],
    {
      cwd: root,
      encoding: 'utf8',
    },
  )
  return listed.stdout.split('\n').filter(Boolean)
}

function ensureDebianPackages() {
  const asked = spawnSync(
    'dpkg-query',
    ['-W', '-f', '${Package} ${db:Status-Status}\n', ...debianPackages],
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
  const missing = debianPackages.filter(name => !present.has(name))
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
