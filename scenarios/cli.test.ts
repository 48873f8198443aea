/** The commands as a user runs them, each in a process of its own, on a town in a temporary folder. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type TemporaryFolder, temporaryFolder, listFiles } from '@sekisho/runtime/files'
import { type Caller, createFetch, signRequest } from '@sekisho/runtime/net'
import { startTemporaryPostgres } from '@sekisho/runtime/store'
import { townAnchors } from '@sekisho/authority'
import { freePorts, startTestTown } from '@sekisho/cli/testkit'
import { crlManifest } from '@sekisho/contract/authority'
import { loadOrCreateKey } from '@sekisho/runtime/keys'
import { systemRandom } from '@sekisho/runtime/random'
import { commands, type Staying, startStaying } from './command.ts'

const root = join(import.meta.dirname, '..')
const pin = '2468'
const password = 'SEKISHO1'

let folder: TemporaryFolder
let sekisho: ReturnType<typeof commands>
let caller: Caller
before(async () => {
  folder = await temporaryFolder('cli')
  sekisho = commands(join(folder.path, 'compiled'))
  caller = createFetch()
})
after(async () => {
  await caller.close()
  await folder.remove()
})

/** What `town --json` prints. */
type Ready = {
  readonly ready: boolean
  readonly urls: Readonly<Record<'town' | 'platform' | 'authority' | 'bank' | 'wallet', string>>
}

async function startTown(args: readonly string[]): Promise<Staying & Ready> {
  const town = await sekisho.start(['town', '--json', '--residents', '30', ...args])
  const ready: Ready = JSON.parse(town.line)
  return { ...town, ...ready }
}

describe('a town, its cards, providers and clock', () => {
  let town: Staying & Ready
  let data: string
  let ports: readonly string[]
  const at = (...args: readonly string[]): string[] => [...args, '--data', data]
  const log = (url: string, card = 'plain-adult') =>
    at('card', 'authenticate', url, '--card', card, '--pin-stdin')
  const sign = (url: string, card = 'plain-adult', ...more: readonly string[]) =>
    at('card', 'sign', url, '--card', card, '--pin-stdin', ...more)

  const clock = async (...given: readonly string[]): Promise<number> =>
    Date.parse((await sekisho.done(at('clock', ...given))).trim())

  before(async () => {
    data = join(folder.path, 'town')
    ports = ['--port-base', String(await freePorts())]
    town = await startTown(at(...ports))
  })
  after(async () => {
    await town.end()
  })

  it('prints one line when it is ready, and every address in it answers', async () => {
    assert.equal(town.ready, true)
    assert.equal(town.stdout(), `${town.line}\n`)
    for (const [name, url] of Object.entries(town.urls)) {
      const health = await caller.fetch(`${url}/health`)
      assert.deepEqual(await health.json(), { status: 'ok', name })
    }
  })

  it('has twenty-one cards, and the wallet offers the plain adult’s first', async () => {
    const names = (await sekisho.done(at('card', 'list'))).trim().split('\n')
    assert.equal(names.length, 21)
    const wallet = await (await caller.fetch(town.urls.wallet)).text()
    assert.match(/<h3>([^<]*)</.exec(wallet)?.[1] ?? '', /佐藤　花子/)
  })

  it('inspects a card without a PIN and without a secret', async () => {
    const seen = await sekisho.done(at('card', 'inspect', 'locked-pin'))
    assert.equal(JSON.parse(seen).triesLeft.authentication, 0)
    assert.equal(JSON.parse(seen).text.triesLeft['text-pin'], 3)
    assert.deepEqual(JSON.parse(seen).free, { applications: 0, bytes: 8192 })
    assert.ok(!seen.includes(pin) && !seen.includes(password))
    assert.equal(await sekisho.refused(at('card', 'inspect', 'nobody')), 'card-absent')
  })

  it('reads the text application after its PIN and the face by what is printed on it, verified, and prints no my number', async () => {
    const text = await sekisho.done(at('card', 'text', 'plain-adult', '--pin-stdin'), `${pin}\n`)
    const read = JSON.parse(text)
    assert.equal(read.name, '佐藤　花子')
    assert.equal(read.birthDate, '19900304')
    assert.equal(read.myNumber, 'verified, not shown')
    const wrong = await sekisho.run(at('card', 'text', 'plain-adult', '--pin-stdin'), '1357\n')
    assert.equal(wrong.status, 2)
    assert.equal(JSON.parse(wrong.stdout).refused, 'pin-wrong')
    const place = join(folder.path, 'face')
    const face = JSON.parse(await sekisho.done(at('card', 'face', 'plain-adult', '--to', place)))
    assert.match(face.codeB, /^0203042\d{7}$/)
    assert.deepEqual((await listFiles(place)).toSorted(), [
      'address.png',
      'name.png',
      'photo.jp2',
      'security-code.png',
    ])
    assert.doesNotMatch(text, /\d{12}/)
  })

  it('has things happen to residents, once however often they are sent, and enters who arrives', async () => {
    const child = '{"name":"佐藤 一","birthDate":{"year":2026,"month":1,"day":5},"gender":"male"}'
    const birth = at('resident', 'event', 'plain-adult', 'born', child, '--notice', 'birth 1')
    const first = JSON.parse(await sekisho.done(birth))
    assert.equal(typeof first.resident, 'string')
    assert.deepEqual(JSON.parse(await sekisho.done(birth)), {
      resident: first.resident,
      isRepeated: true,
    })
    assert.equal(
      await sekisho.refused(at('resident', 'event', first.resident, 'lost')),
      'event-not-possible',
    )
    const person = {
      name: '関 海',
      birthDate: { year: 1999, month: 9, day: 9 },
      gender: 'female',
      municipality: '01100',
      address: '北海道札幌市中央１',
    }
    const arrived = at('resident', 'register', JSON.stringify(person))
    assert.match(await sekisho.done(arrived), /"resident":"[0-9a-f-]{36}"/)
    for (const bad of ['{', '[]', '{"name":"関"}'])
      assert.match(await sekisho.refused(at('resident', 'register', bad)), /^request-malformed/)
    assert.equal(JSON.parse(await sekisho.done(at('resident', 'list'))).length, 21)
  })

  it('hands out a card to a resident who has none, who then opens an account', async () => {
    const id = await residentWithoutCard(town.urls.authority)
    const issue = at('card', 'issue', id, '--secrets-stdin')
    assert.equal(await sekisho.refused(issue, '2468'), 'pin-malformed')
    await sekisho.done(issue, '4826\nSECRET99\n')
    assert.match(await sekisho.refused(issue, '4826\nSECRET99\n'), /^card-issued-already/)
    const cards = (await sekisho.done(at('card', 'list'))).trim().split('\n')
    assert.equal(cards.length, 22)
    const card = cards.find(name => /^\d/.test(name)) ?? ''
    const filled = ['--submit', 'phone=0312345678', 'purpose=savings']
    const opened = await sekisho.done(sign(`${town.urls.bank}/open`, card, ...filled), 'SECRET99\n')
    assert.equal(opened.split('\n')[0], `${town.urls.bank}/account?told=opened`)
    assert.match(opened, /1,000円/)
    const home = await sekisho.done(log(`${town.urls.bank}/login`, card), '4826')
    assert.equal(home.split('\n')[0], `${town.urls.bank}/account`)
  })

  it('signs an application, and the final address, status and page are printed', async () => {
    const opened = await sekisho.done(
      sign(`${town.urls.bank}/open`, 'plain-adult', '--submit', 'phone=0312345678'),
      `${password}\n`,
    )
    const [url, status, ...body] = opened.split('\n')
    assert.equal(url, `${town.urls.bank}/account?told=opened`)
    assert.equal(status, '200')
    assert.match(body.join('\n'), /^<!doctype html>/)
    assert.ok(!opened.includes(password))
  })

  it('tells a wrong PIN by code and exit status, and uses up one try', async () => {
    const wrong = await sekisho.run(log(`${town.urls.bank}/login`, 'foreign-resident'), '1357')
    assert.equal(wrong.status, 2)
    assert.match(wrong.stderr, /^pin-wrong$/m)
    assert.ok(!`${wrong.stdout}${wrong.stderr}`.includes('1357'))
    const seen = JSON.parse(await sekisho.done(at('card', 'inspect', 'foreign-resident')))
    assert.equal(seen.triesLeft.authentication, 2)
    const short = await sekisho.refused(log(`${town.urls.bank}/login`, 'foreign-resident'), '12')
    assert.equal(short, 'pin-malformed')
    const locked = await sekisho.run(log(`${town.urls.bank}/login`, 'locked-pin'), pin)
    assert.equal(locked.status, 2)
    assert.match(locked.stderr, /^pin-locked$/m)
  })

  it('does not take a PIN as an argument', async () => {
    const inArguments = await sekisho.run([...log(`${town.urls.bank}/login`), '--pin', pin])
    assert.equal(inArguments.status, 2)
    const without = log(`${town.urls.bank}/login`).filter(arg => arg !== '--pin-stdin')
    assert.equal((await sekisho.run(without)).status, 2)
  })

  it('says which address of a walk cannot be reached', async () => {
    const gone = await sekisho.run(log('http://gone.localhost:1/login'), pin)
    assert.equal(gone.status, 2)
    assert.match(gone.stderr, /gone\.localhost:1: unreachable/)
    assert.ok(!gone.stderr.includes('    at '))
  })

  it('judges a signed file offline, and each verdict has its own exit status', async () => {
    const { file, lists, expiredAt } = await signedFile(folder.path, data, town.urls.authority)
    const verify = ['verify', file]
    const crls = ['--crl', ...lists]
    const passed = await sekisho.run([...verify, ...crls])
    assert.equal(passed.status, 0, passed.stdout)
    assert.match(passed.stdout, /合格 PASSED/)
    const report = async (...more: readonly string[]) => {
      const { status, stdout } = await sekisho.run([...verify, ...crls, '--json', ...more])
      const { verdict, reasons } = JSON.parse(stdout)
      return { status, verdict, codes: reasons.map((one: { code: string }) => one.code) }
    }
    const unknown = await sekisho.run([...verify, '--json'])
    assert.equal(unknown.status, 3)
    assert.equal(JSON.parse(unknown.stdout).verdict, 'indeterminate')
    const expired = await report('--at', expiredAt)
    assert.equal(expired.status, 1)
    assert.ok(expired.codes.includes('certificate-expired'), JSON.stringify(expired))
    await writeFile(file, '申込書 2\n')
    const altered = await report()
    assert.deepEqual([altered.status, altered.verdict], [1, 'failed'])
    assert.ok(altered.codes.includes('signature-bad'), JSON.stringify(altered))
    const real = await sekisho.refused([...verify, ...crls, '--profile', 'real'])
    assert.match(real, /^configuration-unsafe/)
    assert.match(await sekisho.refused(['verify', `${file}.none`]), /^file-unreadable/)
    assert.match(await sekisho.refused([...verify, '--anchors', file]), /^file-unreadable/)
    assert.match(await sekisho.refused([...verify, '--at', 'yesterday']), /^request-malformed/)
  })

  it('tells the operator what was known of a certificate at a time', async () => {
    const { file } = await signedFile(folder.path, data, town.urls.authority)
    const ask = (...more: readonly string[]) => at('status', `${file}.cer`, '--at', ...more)
    const now = new Date().toISOString()
    const good = JSON.parse(await sekisho.done(ask(now)))
    assert.equal(good.state, 'good')
    assert.ok(good.by.thisUpdate <= now && now < good.by.nextUpdate)
    const early = await sekisho.done(ask(now, '--known-at', '2020-01-01T00:00:00Z'))
    assert.deepEqual(JSON.parse(early), { state: 'unknown' })
    assert.match(await sekisho.refused(ask('yesterday')), /^request-malformed/)
    const other = join(folder.path, 'other.cer')
    await writeFile(other, selfSigned(folder.path))
    assert.match(await sekisho.refused(at('status', other, '--at', now)), /^certificate-untrusted/)
  })

  it('judges paths line by line, and a broken line costs no other', async () => {
    const { certificate, anchors, at } = await cardCertificate(data)
    const good = { leaf: certificate, anchors, at, revocation: 'off' }
    const lines = [
      JSON.stringify({ id: 'good', ...good }),
      '{"id":',
      JSON.stringify({ id: 'no-leaf', anchors, at }),
      '',
      JSON.stringify({ id: 'unanchored', ...good, anchors: [] }),
    ]
    const printed = await sekisho.done(['path', '--batch', '-'], `${lines.join('\n')}\n`)
    const [first, broken, noLeaf, unanchored] = printed
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    assert.equal(first.verdict, 'passed')
    assert.equal(first.path.length, 2)
    assert.deepEqual(broken, { id: null, verdict: 'error', line: 2, field: 'json' })
    assert.deepEqual(noLeaf, { id: 'no-leaf', verdict: 'error', line: 3, field: 'leaf' })
    assert.deepEqual([unanchored.id, unanchored.verdict], ['unanchored', 'failed'])
    assert.match(await sekisho.refused(['path', '--batch', join(data, 'none')]), /^file-unreadable/)
  })

  it('the provider guide works as it is written', async () => {
    const issuer = new URL(town.urls.platform).port
    const port = String(await freePorts())
    await using shop = await shopOfTheGuide(join(folder.path, 'shop'), { issuer, port })
    const metadata = join(folder.path, 'shop', 'shop.json')
    const added = JSON.parse(await sekisho.done(at('provider', 'add', metadata)))
    assert.deepEqual(added.id, 'shop')
    const url = `http://shop.localhost:${port}`
    const logged = await sekisho.done(log(`${url}/login`, 'overseas'), pin)
    assert.match(logged, /Logged in as [\w-]+/)
    const joined = await sekisho.done(sign(`${url}/join`), password)
    assert.match(joined, /Welcome 佐藤　花子/)
    const other = await sekisho.run(sign(`${url}/join`, 'lost-card'), password)
    assert.equal(other.status, 2)

    const list = async () => JSON.parse(await sekisho.done(at('provider', 'list')))
    await sekisho.done(at('provider', 'suspend', 'shop'))
    assert.equal((await list()).find((one: { id: string }) => one.id === 'shop').state, 'suspended')
    const barred = await sekisho.run(log(`${url}/login`), pin)
    assert.match(barred.stdout, /Refused: provider-[a-z]+/)
    assert.equal(barred.status, 2)
    await sekisho.done(at('provider', 'add', metadata))
    assert.equal((await list()).find((one: { id: string }) => one.id === 'shop').state, 'suspended')
    await sekisho.done(at('provider', 'resume', 'shop'))
    assert.match(await sekisho.done(log(`${url}/login`), pin), /Logged in as/)
    assert.equal(await sekisho.refused(at('provider', 'suspend', 'nobody')), 'provider-unknown')
    const all = join(folder.path, 'providers')
    await sekisho.done(at('provider', 'export', '--out', all))
    const changed = JSON.parse(await readFile(join(all, 'shop.json'), 'utf8'))
    await writeFile(join(all, 'shop.json'), JSON.stringify({ ...changed, client_name: '新商店' }))
    const apply = async (...more: string[]) =>
      JSON.parse(await sekisho.done(at('provider', 'apply', all, ...more))).changed
    assert.deepEqual(await apply('--dry-run'), { shop: ['client_name'] })
    assert.deepEqual(await apply(), { shop: ['client_name'] })
    assert.deepEqual(await apply(), {})
    await shop.end()
  })

  it('writes the statements of a month, rates it under another tariff, and adopts that from the next', async () => {
    const month = new Date((await clock()) + 9 * 3600 * 1000).toISOString().slice(0, 7)
    const out = join(folder.path, 'statements')
    const written = JSON.parse(
      await sekisho.done(at('fees', 'statements', month, '--out', out)),
    ).written
    assert.deepEqual(
      ['json', 'csv', 'pdf'].map(form => written.includes(join(out, `bank-${month}.${form}`))),
      [true, true, true],
    )
    const rate = (tariff: string) => at('fees', 'rate', month, '--tariff', tariff)
    const bank = JSON.parse(await sekisho.done(rate('ministry-waived'))).find(
      (one: { provider: string }) => one.provider === 'bank',
    )
    assert.ok(bank.otherYen < bank.statementYen, JSON.stringify(bank))
    assert.match(await sekisho.refused(rate('none-such')), /^tariff-unknown/)
    await sekisho.done(at('fees', 'tariff', 'adopt', 'ministry-waived', '2099-04'))
    const { adopted } = JSON.parse(await sekisho.done(at('fees', 'tariff', 'list')))
    assert.deepEqual(adopted, [{ month: '2099-04', tariff: 'ministry-waived' }])
    const early = at('fees', 'tariff', 'adopt', 'ministry-waived', '2020-04')
    assert.match(await sekisho.refused(early), /^tariff-not-in-force/)
    const correct = [month, '--tariff', 'ministry-waived', '--reason', '試験']
    assert.match(await sekisho.refused(at('fees', 'correct', ...correct)), /^month-running/)
    const { options } = JSON.parse(await sekisho.done(at('fees', 'forecast', 'bank')))
    assert.equal(options[0].method, 'crl')
  })

  it('refuses metadata that is none, and files that are not there', async () => {
    const bad = join(folder.path, 'bad.json')
    await writeFile(bad, JSON.stringify({ client_id: 'x' }))
    assert.match(await sekisho.refused(at('provider', 'add', bad)), /^request-malformed/)
    await writeFile(bad, '{')
    assert.match(await sekisho.refused(at('provider', 'add', bad)), /^file-unreadable/)
    assert.match(await sekisho.refused(at('provider', 'add', `${bad}x`)), /^file-unreadable/)
  })

  it('a second town is refused on the same folder and on the same ports', async () => {
    assert.match(await sekisho.refused(['town', '--data', data]), /^data-folder-in-use/)
    assert.match(await sekisho.refused(['town', '--data', data, '--fresh']), /^data-folder-in-use/)
    const elsewhere = ['town', '--data', join(folder.path, 'other'), ...ports]
    assert.match(await sekisho.refused(elsewhere), /^port-in-use/)
    assert.match(await sekisho.refused([...elsewhere, '--split']), /^port-in-use/)
  })

  it('commands on a folder without a town or a running program say so', async () => {
    const nowhere = ['--data', join(folder.path, 'nowhere')]
    assert.match(await sekisho.refused(['provider', 'list', ...nowhere]), /^program-absent/)
    assert.match(
      await sekisho.refused(['clock', 'advance', '1d', ...nowhere]),
      /^data-folder-foreign/,
    )
  })

  it('the clock turns forward for all programs, and never back', async () => {
    const shown = await clock()
    const advanced = await clock('advance', '3d')
    assert.ok(advanced - shown >= 3 * 86_400_000 && advanced - shown < 3 * 86_400_000 + 60_000)
    const past = new Date(shown).toISOString()
    assert.equal(await sekisho.refused(at('clock', 'turn-to', past)), 'clock-backward')
    for (const wrong of [
      ['turn-to', '2030-01-01'],
      ['advance', '3 days'],
    ])
      assert.match(await sekisho.refused(at('clock', ...wrong)), /^request-malformed/)
    // The card that expired the day after the town began has expired for everybody.
    await ready(town.urls.platform)
    const expired = await sekisho.run(log(`${town.urls.bank}/login`, 'expiring-tomorrow'), pin)
    assert.equal(expired.status, 2)
    assert.match(expired.stdout, /certificate-expired/)
    const foreign = await caller.fetch(`${town.urls.town}/clock`, {
      method: 'POST',
      headers: { origin: town.urls.bank, 'content-type': 'application/x-www-form-urlencoded' },
      body: 'days=1',
    })
    assert.equal(foreign.status, 403)
  })

  it('after a restart the account is still there and the clock goes on; a fresh town has forgotten', async () => {
    const shown = await clock()
    assert.equal(await town.end('SIGINT'), 0)
    assert.doesNotMatch(town.stderr(), /"level":"error"|^ +at /m)
    town = await startTown(at(...ports))
    assert.ok((await clock()) >= shown)
    const home = await sekisho.done(log(`${town.urls.bank}/login`), pin)
    assert.equal(home.split('\n')[0], `${town.urls.bank}/account`)
    assert.equal(await town.end(), 0)
    assert.match(await sekisho.refused(at('town', '--split')), /^configuration-unsafe/)

    await writeFile(join(data, 'thesis.txt'), 'mine')
    assert.match(await sekisho.refused(at('town', '--fresh')), /^data-folder-foreign/)
    assert.equal(await readFile(join(data, 'thesis.txt'), 'utf8'), 'mine')
    execFileSync('rm', [join(data, 'thesis.txt')])
    town = await startTown(at(...ports, '--fresh'))
    const forgotten = await sekisho.done(log(`${town.urls.bank}/login`), pin)
    assert.equal(forgotten.split('\n')[0], `${town.urls.bank}/?told=no-account`)
  })
})

it('a town on a PostgreSQL server keeps its data, in one process and split, and its programs end with it', async () => {
  await using postgres = await startTemporaryPostgres({ durable: false })
  const data = join(folder.path, 'on-postgres')
  const base = await freePorts()
  const args = ['--data', data, '--port-base', String(base), '--database', postgres.url]
  const card = ['--card', 'plain-adult', '--pin-stdin', '--data', data]
  await using together = await startTown(args)
  const { bank } = together.urls
  await sekisho.done(
    ['card', 'sign', `${bank}/open`, ...card, '--submit', 'phone=0312345678'],
    password,
  )
  assert.equal(await together.end(), 0)

  await using split = await startTown([...args, '--split'])
  const home = await sekisho.done(['card', 'authenticate', `${bank}/login`, ...card], pin)
  assert.equal(home.split('\n')[0], `${bank}/account`)
  // The launcher hands signals on; the town itself is its child. Killed outright, it takes its programs along.
  const [main = 0] = childrenOf(split.pid)
  const programs = childrenOf(main)
  assert.equal(programs.length, 4)
  process.kill(main, 'SIGKILL')
  assert.equal(await split.end(), 128 + 9)
  for (let waited = 0; programs.some(isAlive); waited += 50) {
    assert.ok(waited < 10_000, 'the programs end with their town')
    await new Promise(resolve => setTimeout(resolve, 50))
  }
})

it('an authority and a platform run alone as docs/operation.md says', async () => {
  const data = join(folder.path, 'alone')
  const base = await freePorts()
  await using authority = await sekisho.start([
    'authority',
    '--data',
    data,
    '--port-base',
    String(base),
  ])
  const config: string = JSON.parse(authority.line).platform
  assert.equal(config, join(data, 'configuration', 'platform.json'))
  const start = () => sekisho.start(['platform', '--config', config])
  const platform = await start()
  await ready(`http://localhost:${base}`)
  assert.deepEqual(JSON.parse(await sekisho.done(['provider', 'list', '--data', data])), [])
  const own = ['provider', 'list', '--data', join(data, 'platform')]
  assert.deepEqual(JSON.parse(await sekisho.done(own)), [])
  assert.match(await sekisho.refused(['platform', '--config', config]), /^data-folder-in-use/)
  assert.equal(await platform.end(), 0)
  assert.equal(await authority.end('SIGINT'), 0)

  // The lists it had are in its database: it is ready without the authority.
  await using again = await start()
  await ready(`http://localhost:${base}`)
  assert.equal(await again.end(), 0)
})

it('a platform for production refuses what is only for a town', async () => {
  const data = join(folder.path, 'alone', 'configuration')
  const { timeStamps, ...town } = JSON.parse(await readFile(join(data, 'platform.json'), 'utf8'))
  const elsewhere = 'https://stamps.example'
  const stamped = { timeStamps: { ...timeStamps, url: elsewhere, listUrl: elsewhere } }
  const production = {
    ...town,
    mode: 'production',
    issuer: 'https://auth.example',
    authority: { ...town.authority, url: 'https://authority.example' },
    database: 'postgres://nobody@127.0.0.1:1/none',
    dataFolder: '../production',
  }
  const { database: _server, ...embedded } = production
  for (const [config, told] of [
    [production, 'setting=anchors, why=town-anchor'],
    [{ ...production, anchors: [] }, 'setting=anchors'],
    [{ ...production, ...stamped }, 'setting=timeStamps.anchors, why=town-anchor'],
    [{ ...production, issuer: town.issuer }, 'setting=issuer, why=not-https'],
    [{ ...production, authority: town.authority }, 'setting=authority, why=not-https'],
    [embedded, 'setting=database, why=embedded'],
    [{ ...production, mode: undefined }, 'setting=mode'],
    [{ ...production, trust: 'all' }, 'setting='],
    [{ ...production, messageKeyFile: 'platform.json' }, 'setting=messageKeyFile, why=not-a-key'],
  ] as const) {
    const file = join(data, 'production.json')
    await writeFile(file, JSON.stringify(config))
    const code = await sekisho.refused(['platform', '--config', file])
    assert.equal(code, `configuration-unsafe (${told})`)
  }
  assert.match(
    await sekisho.refused(['platform', '--config', join(data, 'none')]),
    /^file-unreadable/,
  )
})

it('a platform that starts while the authority is away judges by the lists it kept', async () => {
  await using town = await startTestTown()
  const visit = async (persona: string, path: string) => {
    await using person = await town.person(persona)
    const page = await person.visit(`${town.urls.bank}${path}`)
    return page.url.endsWith('/open/form')
      ? await person.submit({ form: 'application', fields: { phone: '0312345678' } })
      : page
  }
  await visit('plain-adult', '/open')
  await visit('foreign-resident', '/open')
  await town.happen('foreign-resident', { what: 'lost' })
  await town.stopProgram('platform')
  await town.stopProgram('authority')
  await town.startProgram('platform')
  assert.equal((await visit('plain-adult', '/login')).url, `${town.urls.bank}/account`)
  assert.match((await visit('foreign-resident', '/login')).body, /certificate-held/)
})

/** Waits until a program can serve people. */
async function ready(url: string): Promise<void> {
  for (let waited = 0; ; waited += 100) {
    const answer = await caller.fetch(`${url}/ready`).catch(() => undefined)
    if (answer?.ok) return
    assert.ok(waited < 20_000, `${url} is not ready: ${await answer?.text()}`)
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}

/** Processes whose parent this is (proc(5), fields 4). */
function childrenOf(parent: number): readonly number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(pid => parentOf(pid) === parent)
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    return undefined // it has just ended
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** The programs of docs/provider-guide.md in a project of their own, at this town's ports. */
async function shopOfTheGuide(
  project: string,
  given: { readonly issuer: string; readonly port: string },
): Promise<Staying> {
  const guide = await readFile(join(root, 'docs', 'provider-guide.md'), 'utf8')
  const [register, shop] = [...guide.matchAll(/```js\n([\s\S]*?)```/g)].map(([, text]) =>
    (text ?? '')
      .replaceAll('localhost:4300', `localhost:${given.issuer}`)
      .replaceAll('5000', given.port),
  )
  await mkdir(join(project, 'node_modules', '@sekisho'), { recursive: true })
  await symlink(join(root, 'packages', 'sdk'), join(project, 'node_modules', '@sekisho', 'sdk'))
  await writeFile(join(project, 'package.json'), '{"private":true}')
  await writeFile(join(project, 'register.mjs'), register ?? '')
  await writeFile(join(project, 'shop.mjs'), `${shop}\nconsole.log('started')\n`)
  execFileSync(process.execPath, ['register.mjs'], { cwd: project })
  return startStaying(['shop.mjs'], process.env, project)
}

/** A grown-up of the registry for whom the window has handed out no card yet. */
async function residentWithoutCard(authority: string): Promise<string> {
  const page = async (query: string) => (await caller.fetch(`${authority}/?${query}`)).text()
  for (const [, municipality] of (await page('')).matchAll(/<option value="(\d{5})"/g))
    for (const [, id, cells] of (await page(`municipality=${municipality}`)).matchAll(
      /<tr><td><a href="\/residents\/([\w-]+)">(.*?)<\/tr>/g,
    ))
      if (id !== undefined && cells?.endsWith('<td></td>')) return id
  throw new Error('everybody has a card')
}

/** The signature certificate on the plain adult's card, and the town's anchors. */
async function cardCertificate(data: string) {
  const card = JSON.parse(await readFile(join(data, 'cards', 'plain-adult.card.json'), 'utf8'))
  const certificate: string = card.signature.certificate
  const privateKey: string = card.signature.privateKey
  const anchors = townAnchors().map(anchor => Buffer.from(anchor.raw).toString('base64'))
  return { certificate, privateKey, anchors, at: new Date().toISOString() }
}

/** A certificate that nobody else vouches for, made by openssl. */
function selfSigned(folder: string): Uint8Array {
  const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=nobody']
  const key = join(folder, 'nobody.key')
  return execFileSync('openssl', [...made, '-keyout', key, '-outform', 'DER'], { stdio: 'pipe' })
}

/** A file that openssl signed with the key of a card, the certificate beside it, and the lists that the authority publishes. */
async function signedFile(folder: string, data: string, authority: string) {
  const { certificate, privateKey } = await cardCertificate(data)
  const file = join(folder, 'application.txt')
  const key = join(folder, 'card.key')
  await writeFile(file, '申込書\n')
  await writeFile(`${file}.cer`, Buffer.from(certificate, 'base64'))
  await writeFile(key, Buffer.from(privateKey, 'base64'))
  execFileSync('openssl', [
    'dgst',
    '-sha256',
    '-sign',
    key,
    '-keyform',
    'DER',
    '-out',
    `${file}.sig`,
    file,
  ])
  const asked = {
    method: 'GET',
    url: `${authority}/crl/manifest`,
    headers: {},
    body: new Uint8Array(),
  }
  const messageKey = await loadOrCreateKey(join(data, 'platform', 'keys'), 'messages', 'ec-p256')
  const nonce = systemRandom().token(128)
  const headers = signRequest(asked, { key: messageKey, at: Date.now(), nonce })
  const manifest = await caller.fetch(asked.url, { headers: { ...headers } })
  const { partitions } = crlManifest.parse(await manifest.json())
  const lists = await Promise.all(
    partitions.map(async ({ path }, index) => {
      const list = await caller.fetch(`${authority}${path}`)
      const name = join(folder, `${index}.crl`)
      await writeFile(name, new Uint8Array(await list.arrayBuffer()))
      return name
    }),
  )
  return { file, lists, expiredAt: `${new Date().getUTCFullYear() + 12}-01-01T00:00:00Z` }
}
