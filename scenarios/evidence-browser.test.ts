/**
 * C1 and C9 in Chromium: a person signs a PDF with the card, exports the evidence box from their own records, and opens the
 * verifier inside the box from disk, with no connection, for files of every form; the same page of the platform judges dropped files.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { startTestTown, type TestProvider, type TestTown } from '@sekisho/cli/testkit'
import { importPrivateKey, parseCertificate } from '@sekisho/pki'
import { prepareXades } from '@sekisho/pki/assemble'
import { type TemporaryFolder, temporaryFolder } from '@sekisho/runtime/files'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { assertAccessible, picture, startChromium } from './browser.ts'
import { smallPdf } from './small-pdf.ts'

let town: TestTown
let shop: TestProvider
let browser: Browser | undefined
let folder: TemporaryFolder
const at = (...names: readonly string[]): string => join(folder.path, ...names)

before(async () => {
  folder = await temporaryFolder('evidence')
  town = await startTestTown()
  browser = await startChromium()
  shop = await town.provider({ id: 'shop', isSignatureVerifier: true })
  await sign('pades')
  await addEvidence()
})
after(async () => {
  await browser?.close()
  await town.stop()
  await folder.remove()
})

const formats = {
  pades: 'signed.pdf',
  xades: 'signed.xml',
  jades: 'signed.json',
  asice: 'signed.asice',
}

/** A person signs; gives the transaction's id. */
async function sign(format: keyof typeof formats): Promise<string> {
  await using person = await town.person('plain-adult')
  const identified = await shop.sekisho.beginIdentify([])
  const arrived = await person.visit(identified.url)
  const { subject } = await shop.sekisho.finish(arrived.url, identified.pending)
  const isPdf = format === 'pades'
  const document = isPdf ? smallPdf() : new TextEncoder().encode('建物の売買契約書\n')
  const mediaType = isPdf ? 'application/pdf' : 'text/plain'
  const { id } = await shop.sekisho.createSigning(
    { title: '売買契約書', mediaType, document, subject, format },
    `evidence-${format}`,
  )
  const { url, pending } = await shop.sekisho.beginSigning(id)
  await shop.sekisho.finishSigning((await person.visit(url)).url, pending, document)
  return id
}

/** The lists of the next day bring the evidence into the files. */
async function addEvidence(): Promise<void> {
  await town.clock.advance(25 * 3_600_000)
  await town.settle()
  await town.admin('platform', 'containers-renew')
}

async function open(): Promise<BrowserContext> {
  assert.ok(browser !== undefined)
  return browser.newContext({ locale: 'ja-JP', viewport: { width: 1100, height: 900 } })
}

/** The time of the town as the page's field takes it: the next whole minute in the browser's own zone. */
function townTime(page: Page): Promise<string> {
  return page.evaluate(
    `(() => { const d = new Date(${town.clock.now() + 60_000}); d.setMinutes(d.getMinutes() - d.getTimezoneOffset()); return d.toISOString().slice(0, 16) })()`,
  )
}

async function judge(page: Page, files: readonly string[]): Promise<void> {
  await page.locator('#verifier[data-ready=true]').waitFor()
  await page.locator('#verifier-at').fill(await townTime(page))
  await page.locator('#verifier-file').setInputFiles([...files])
  await page.locator('#verifier-told section, #verifier-told .notice').first().waitFor()
}

describe('evidence', () => {
  it('the box comes out of one’s own records, and its verifier needs no connection', async () => {
    await using context = await open()
    const page = await context.newPage()
    await page.goto(`${town.urls.platform}/me`)
    await enter(page, context)
    await page.getByRole('heading', { name: '売買契約書' }).waitFor()
    await assertAccessible(page)
    await picture(page, 'evidence-records')
    const downloading = page.waitForEvent('download')
    await page.getByRole('button', { name: '証拠一式を取り出す' }).click()
    await (await downloading).saveAs(at('evidence.zip'))
    await unzip()
    const names = await readdir(at('box'))
    for (const name of ['signed.pdf', 'verifier.html', 'report.html', 'report.json', 'policy.json'])
      assert.ok(names.includes(name), name)
    const report = JSON.parse(await readFile(at('box', 'report.json'), 'utf8'))
    assert.equal(report.indication, 'TOTAL-PASSED')
    assert.equal(report.signatures[0]?.level, 'pades-lt')

    const alone = await context.newPage()
    await context.setOffline(true)
    const faults: string[] = []
    alone.on('pageerror', error => faults.push(String(error)))
    await alone.goto(pathToFileURL(at('box', 'report.html')).href)
    await assertAccessible(alone)
    await picture(alone, 'evidence-report')
    await alone.goto(pathToFileURL(at('box', 'verifier.html')).href)
    await judge(alone, [at('box', 'signed.pdf')])
    await alone.locator('.notice.success', { hasText: 'TOTAL-PASSED' }).waitFor()
    await assertAccessible(alone)
    await picture(alone, 'evidence-verifier')
    const signed = await readFile(at('box', 'signed.pdf'))
    const broken = Buffer.from(signed)
    broken[20] = (broken[20] ?? 0) ^ 1
    await writeFile(at('broken.pdf'), broken)
    await judge(alone, [at('broken.pdf')])
    await alone.locator('.notice.error', { hasText: 'HASH_FAILURE' }).waitFor()
    assert.deepEqual(faults, [])
  })

  it('the platform’s page judges in the browser too, in both languages and by keyboard, and takes in what the person trusts', async () => {
    await using context = await open()
    const page = await context.newPage()
    const posted: string[] = []
    page.on('request', request => {
      if (request.method() !== 'GET') posted.push(request.url())
    })
    await page.goto(`${town.urls.platform}/`)
    await page.getByRole('link', { name: '署名付きファイルの検証' }).click()
    await judge(page, [at('box', 'signed.pdf')])
    await page.locator('.notice.success', { hasText: 'TOTAL-PASSED' }).waitFor()
    await assertAccessible(page)
    await picture(page, 'verify-page')
    await writeFile(at('unsigned.xml'), '<contract/>')
    await judge(page, [at('unsigned.xml')])
    await page.locator('.notice.error, .notice.warning', { hasText: 'xml-unsigned' }).waitFor()
    await page.getByRole('link', { name: 'English' }).click()
    const foreign = await foreignContainer()
    await judge(page, [foreign.cms])
    await page.locator('.notice.error, .notice.warning', { hasText: 'INDETERMINATE' }).waitFor()
    await judge(page, [foreign.cms, foreign.anchor, foreign.list])
    await page.locator('.notice.success', { hasText: 'TOTAL-PASSED' }).waitFor()
    await page.setViewportSize({ width: 360, height: 740 })
    await picture(page, 'verify-narrow')
    assert.ok(Number(await page.evaluate('document.documentElement.scrollWidth')) <= 360)
    assert.deepEqual(posted, [])
  })

  it('XML, JWS and containers of files are judged as well: signed, altered, wrapped', async () => {
    const { xades, jades, asice } = formats
    const ids = {
      xades: await sign('xades'),
      jades: await sign('jades'),
      asice: await sign('asice'),
    }
    await addEvidence()
    for (const format of ['xades', 'jades', 'asice'] as const) {
      const { file } = await shop.sekisho.readSignedFile(ids[format])
      await writeFile(at(formats[format]), file)
    }
    await alterXml(at(xades))
    await alterContainer(at(asice))
    await using context = await open()
    await context.setOffline(true)
    const page = await context.newPage()
    const faults: string[] = []
    page.on('pageerror', error => faults.push(String(error)))
    page.on('console', message => {
      if (message.type() === 'error') faults.push(message.text())
    })
    await page.goto(pathToFileURL(at('box', 'verifier.html')).href)
    await writeFile(at('entities.xml'), '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
    await writeFile(at('deep.xml'), `${'<a>'.repeat(300)}${'</a>'.repeat(300)}`)
    await writeFile(at('beside.xml'), await signedBeside('契約書 1.txt', '売買契約書\n'))
    await writeFile(at('契約書 1.txt'), '売買契約書\n')
    await writeFile(at('other.txt'), '別の文書\n')
    const outcomes: string[] = []
    for (const [name, ...beside] of [
      [xades],
      ['altered.xml'],
      ['wrapped.xml'],
      ['entities.xml'],
      ['deep.xml'],
      [jades],
      [asice],
      ['altered.asice'],
      ['more.asice'],
      ['beside.xml'],
      ['beside.xml', '契約書 1.txt'],
      ['beside.xml', '契約書 1.txt', 'other.txt'],
    ] as const) {
      await judge(
        page,
        [name, ...beside].map(each => at(each)),
      )
      const report = JSON.parse((await page.locator('#verifier-told pre').textContent()) ?? '')
      outcomes.push(
        [
          name,
          report.kind,
          report.signatures[0]?.level,
          report.subIndication ?? report.indication,
          ...report.reasons.map((one: { code: string }) => one.code),
        ].join(' '),
      )
      if (name === 'wrapped.xml' || name === asice) {
        await assertAccessible(page)
        await picture(page, `evidence-verifier-${name}`)
      }
    }
    assert.deepEqual(outcomes, [
      'signed.xml xml xades-lt TOTAL-PASSED',
      'altered.xml xml xades-lt HASH_FAILURE content-altered',
      'wrapped.xml xml xades-lt SIG_CONSTRAINTS_FAILURE xml-partly-covered',
      'entities.xml xml  FORMAT_FAILURE xml-document-type-refused',
      'deep.xml xml  FORMAT_FAILURE xml-malformed',
      'signed.json jws jades-lt TOTAL-PASSED',
      'signed.asice asice xades-lt TOTAL-PASSED',
      'altered.asice asice xades-lt HASH_FAILURE content-altered',
      'more.asice asice xades-lt SIG_CONSTRAINTS_FAILURE asic-file-uncovered',
      // Nothing tells of revocation here; what is signed is found by its name, and a file more is not signed.
      'beside.xml xml xades-b SIGNED_DATA_NOT_FOUND xml-content-missing revocation-missing',
      'beside.xml xml xades-b TRY_LATER revocation-missing',
      'beside.xml xml xades-b SIG_CONSTRAINTS_FAILURE xml-partly-covered revocation-missing',
    ])
    assert.deepEqual(faults, [])
  })
})

/** A signature of the person's card over a file beside it, without evidence. */
async function signedBeside(name: string, text: string): Promise<Uint8Array> {
  await using card = await town.takeCard('plain-adult')
  const { certificate, privateKey } = card.state().signature
  const bytes = new TextEncoder().encode(text)
  const file = { uri: encodeURIComponent(name), content: { kind: 'bytes', bytes } } as const
  const prepared = prepareXades({
    content: { kind: 'detached', files: [{ ...file, mimeType: 'text/plain' }] },
    certificate: parseCertificate(Buffer.from(certificate ?? '', 'base64')),
    certificates: [],
    algorithm: 'rsa-sha256',
    signingTime: town.clock.now(),
    canonicalForm: 'exclusive',
  })
  const key = importPrivateKey(Buffer.from(privateKey ?? '', 'base64'))
  return prepared.finish(key.sign('rsa-sha256', prepared.toBeSigned))
}

/** The same document with one letter of its text changed, and whole inside another that nobody signed. */
async function alterXml(path: string): Promise<void> {
  const xml = await readFile(path, 'utf8')
  const altered = xml.replace(/(<ds:Object\b[^>]*>)5/, '$16')
  assert.notEqual(altered, xml)
  await writeFile(at('altered.xml'), altered)
  const inner = xml.replace(/^<\?xml[^>]*>/, '')
  await writeFile(at('wrapped.xml'), `<contract><price>1</price>${inner}</contract>`)
}

/** The same container with its document changed, and with a file more, by a program that is not ours. */
async function alterContainer(path: string): Promise<void> {
  const run = (command: string, ...args: readonly string[]): string => {
    const { status, stdout, stderr } = spawnSync(command, args, { cwd: at('.'), encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    return stdout
  }
  const names = run('unzip', '-Z1', path).trim().split('\n')
  const document = names.find(each => !/^(mimetype|META-INF\/.*)$/.test(each))
  assert.ok(document !== undefined)
  await writeFile(at(document), '土地の売買契約書\n')
  await writeFile(at('annex.txt'), '別紙\n')
  for (const [name, file] of [
    ['altered.asice', document],
    ['more.asice', 'annex.txt'],
  ] as const) {
    await writeFile(at(name), await readFile(path))
    if (file === document) run('zip', '-q', '-d', name, file)
    run('zip', '-q', '-X', name, file)
  }
}

/** A CMS container of an ECDSA key under a CA of its own, made by openssl. */
async function foreignContainer(): Promise<Record<'cms' | 'anchor' | 'list', string>> {
  await mkdir(at('foreign'))
  const cwd = at('foreign')
  const openssl = (...args: readonly string[]): void => {
    const { status, stderr } = spawnSync('openssl', args, { cwd, encoding: 'utf8' })
    assert.equal(status, 0, stderr)
  }
  const request = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384', '-nodes', '-subj']
  const usage = ['-addext', 'keyUsage=critical,keyCertSign,cRLSign', '-days', '30']
  openssl('req', '-x509', ...request, '/CN=CA', '-keyout', 'ca.key', '-out', 'ca.pem', ...usage)
  openssl('req', ...request, '/CN=Leaf', '-keyout', 'leaf.key', '-out', 'leaf.csr')
  const issue = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-days', '10', '-out', 'leaf.pem']
  openssl('x509', '-req', '-in', 'leaf.csr', ...issue)
  await writeFile(at('foreign', 'index'), '')
  await writeFile(at('foreign', 'number'), '01\n')
  const settings = ['database = index', 'crlnumber = number', 'default_md = sha256']
  const lines = ['[ca]', 'default_ca = one', '[one]', ...settings, 'default_crl_days = 5', '']
  await writeFile(at('foreign', 'ca.cnf'), lines.join('\n'))
  const listing = ['-config', 'ca.cnf', '-gencrl', '-cert', 'ca.pem', '-keyfile', 'ca.key']
  openssl('ca', ...listing, '-out', 'list.crl')
  await writeFile(at('foreign', 'document'), '見積書\n')
  const signing = ['-signer', 'leaf.pem', '-inkey', 'leaf.key', '-binary', '-nodetach']
  openssl('cms', '-sign', '-in', 'document', ...signing, '-outform', 'DER', '-out', 'signed.p7m')
  openssl('x509', '-in', 'ca.pem', '-out', 'ca.crt')
  return {
    cms: at('foreign', 'signed.p7m'),
    anchor: at('foreign', 'ca.crt'),
    list: at('foreign', 'list.crl'),
  }
}

/** Opens the archive with a program that is not ours. */
async function unzip(): Promise<void> {
  await mkdir(at('box'))
  const { status, stderr } = spawnSync('unzip', ['-q', at('evidence.zip'), '-d', at('box')], {
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
}

/** The card step. */
async function enter(page: Page, context: BrowserContext): Promise<void> {
  await page.waitForLoadState()
  const opened = context.waitForEvent('page')
  await page.getByRole('button', { name: 'ウォレットのカードを使う' }).click()
  const wallet = await opened
  await wallet.waitForSelector('input[name=persona]')
  await wallet.getByLabel('佐藤　花子').check()
  await wallet.locator('form:has(input[name=persona]) button[type=submit]').first().click()
  await wallet.locator('input[type=password]').fill('2468')
  const closed = wallet.waitForEvent('close')
  await wallet.keyboard.press('Enter')
  await closed
}
