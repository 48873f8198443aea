/** `sekisho verify` on files that openssl made, offline: one by one and in a batch, with no town running. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type TemporaryFolder, temporaryFolder } from '@sekisho/runtime/files'
import { commands } from './command.ts'

let folder: TemporaryFolder
let sekisho: ReturnType<typeof commands>
const at = (name: string): string => join(folder.path, name)
const openssl = (...args: readonly string[]): void => {
  execFileSync('openssl', args, { cwd: folder.path, stdio: 'ignore' })
}

before(async () => {
  folder = await temporaryFolder('verify')
  sekisho = commands(at('compiled'))
  const request = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const usage = ['-addext', 'keyUsage=critical,keyCertSign,cRLSign', '-days', '30']
  openssl(
    'req',
    '-x509',
    ...request,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-subj',
    '/CN=CA',
    ...usage,
  )
  openssl('req', ...request, '-keyout', 'leaf.key', '-out', 'leaf.csr', '-subj', '/CN=Leaf')
  const issue = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-days', '10', '-out', 'leaf.pem']
  openssl('x509', '-req', '-in', 'leaf.csr', ...issue)
  await writeFile(at('index'), '')
  await writeFile(at('number'), '01\n')
  const settings = [
    'database = index',
    'crlnumber = number',
    'default_md = sha256',
    'default_crl_days = 5',
  ]
  await writeFile(at('ca.cnf'), ['[ca]', 'default_ca = one', '[one]', ...settings, ''].join('\n'))
  openssl(
    'ca',
    '-config',
    'ca.cnf',
    '-gencrl',
    '-cert',
    'ca.pem',
    '-keyfile',
    'ca.key',
    '-out',
    'crl.pem',
  )
  await writeFile(at('document'), '見積書\n')
  const signing = ['-in', 'document', '-signer', 'leaf.pem', '-inkey', 'leaf.key', '-binary']
  openssl('cms', '-sign', ...signing, '-outform', 'PEM', '-out', 'document.p7s')
  openssl(
    'cms',
    '-sign',
    ...signing,
    '-nodetach',
    '-stream',
    '-outform',
    'DER',
    '-out',
    'document.p7m',
  )
})
after(() => folder.remove())

const trust = (): readonly string[] => ['--anchors', at('ca.pem'), '--crl', at('crl.pem')]

describe('a file signed elsewhere', () => {
  it('passes when everything is there, as a container and beside its content', async () => {
    const whole = await sekisho.run(['verify', at('document.p7m'), ...trust()])
    assert.equal(whole.status, 0, whole.stdout)
    assert.match(whole.stdout, /合格 PASSED \(TOTAL-PASSED\)/)
    const detached = ['verify', at('document.p7s'), '--content', at('document'), ...trust()]
    assert.equal((await sekisho.run(detached)).status, 0)
  })

  it('is not passed while revocation, content or trust is missing, and says which', async () => {
    const judged = async (...args: readonly string[]) => {
      const { status, stdout } = await sekisho.run(['verify', ...args, '--json'])
      const { subIndication, reasons } = JSON.parse(stdout)
      return [status, subIndication, reasons[0].code]
    }
    const file = at('document.p7m')
    assert.deepEqual(await judged(file, '--anchors', at('ca.pem')), [
      3,
      'TRY_LATER',
      'revocation-missing',
    ])
    assert.deepEqual(await judged(at('document.p7s'), ...trust()), [
      3,
      'SIGNED_DATA_NOT_FOUND',
      'cms-content-missing',
    ])
    // Without anchors of one's own the town's are trusted, and its rules hold.
    const [status, indication] = await judged(file, '--crl', at('crl.pem'))
    assert.deepEqual([status, indication], [1, 'CHAIN_CONSTRAINTS_FAILURE'])
    await writeFile(at('other'), '見積書')
    const other = ['--content', at('other'), ...trust()]
    assert.deepEqual(await judged(at('document.p7s'), ...other), [
      1,
      'HASH_FAILURE',
      'content-altered',
    ])
    const none = await sekisho.refused(['verify', at('none'), ...trust()])
    assert.match(none, /^file-unreadable/)
    assert.match(await sekisho.refused(['verify', ...trust()]), /^request-malformed/)
    assert.match(await sekisho.refused(['verify', file, '--kind', 'zip']), /^request-malformed/)
  })

  it('is judged in a batch, a broken line costing no other', async () => {
    const base64 = (name: string): string => readFileSync(at(name)).toString('base64')
    const der = (name: string): string =>
      readFileSync(at(name), 'utf8').replace(/-----[^-]+-----|\s/g, '')
    const given = { kind: 'cms', anchors: [der('ca.pem')], crls: [der('crl.pem')], at: Date.now() }
    const lines = [
      JSON.stringify({ id: 'whole', file: base64('document.p7m'), ...given }),
      '{"id":',
      JSON.stringify({
        id: 'bare',
        file: der('document.p7s'),
        content: base64('document'),
        ...given,
      }),
      JSON.stringify({ id: 'kind', file: '', ...given, kind: 'zip' }),
      JSON.stringify({
        id: 'late',
        file: base64('document.p7m'),
        ...given,
        at: '2040-01-01T00:00:00Z',
      }),
    ]
    const printed = await sekisho.done(['verify', '--batch', '-'], `${lines.join('\n')}\n`)
    const [whole, broken, bare, kind, late] = printed
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    assert.deepEqual(
      [whole.id, whole.verdict, whole.indication],
      ['whole', 'passed', 'TOTAL-PASSED'],
    )
    assert.equal(whole.signatures.length, 1)
    assert.deepEqual(broken, { id: null, verdict: 'error', line: 2, field: 'json' })
    assert.equal(bare.verdict, 'passed')
    assert.deepEqual(kind, { id: 'kind', verdict: 'error', line: 4, field: 'kind' })
    assert.deepEqual([late.verdict, late.subIndication], ['failed', 'OUT_OF_BOUNDS_NO_POE'])
    assert.match(await sekisho.refused(['verify', '--batch', at('none')]), /^file-unreadable/)
  })
})
