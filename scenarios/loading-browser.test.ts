/**
 * A11 through the real town, in Chromium: an administrator registers the terminal's browser, an operator their authenticator, proves
 * themself with user verification and loads applications into cards; the owner's service terminal personalises them and reads them;
 * the owner learns whom to stop. What must be refused is, with its code.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { startTestTown, type TestTown } from '@sekisho/cli/testkit'
import { temporaryFolder, type TemporaryFolder } from '@sekisho/runtime/files'
import type { Browser, BrowserContext, CDPSession, Page } from 'playwright-core'
import { z } from 'zod'
import { assertAccessible, picture, startChromium } from './browser.ts'
import { commands } from './command.ts'

const libraryAid = 'F05345534B02'
const shelterAid = 'F05345534B03'
const dayMs = 24 * 3600 * 1000

describe('a loading terminal in Chromium', () => {
  let folder: TemporaryFolder
  let town: TestTown
  let browser: Browser
  let context: BrowserContext
  let page: Page
  let devices: CDPSession
  let sekisho: ReturnType<typeof commands>
  let place = ''
  let enrolment: { readonly terminal: string; readonly operator: string }

  before(async () => {
    folder = await temporaryFolder('loading')
    sekisho = commands(join(folder.path, 'cache'))
    place = join(folder.path, 'city')
    town = await startTestTown()
    await loading('owner', 'city', '--name', '関所市', '--kind', 'ordinance', ...contract())
    await loading('application', libraryAid, '--type', 'C', '--file', '1:16:1', ...of('図書館'))
    await loading(
      'application',
      shelterAid,
      '--type',
      'D',
      '--file',
      '1:64:1',
      '--with-pin',
      ...of('避難所'),
    )
    const form = z.object({ enrolment: z.string() })
    const [terminal, operator] = [
      await loading('terminal', 'T1', '--place', '関所市役所', '--administrator', '管理 太郎'),
      await loading('operator', 'hana', '--name', '操作 花'),
    ].map(said => form.parse(JSON.parse(said)).enrolment)
    enrolment = { terminal: terminal ?? '', operator: operator ?? '' }
    browser = await startChromium()
    context = await browser.newContext({ locale: 'ja-JP', viewport: { width: 1100, height: 900 } })
    context.setDefaultTimeout(10_000)
    page = await context.newPage()
    devices = await context.newCDPSession(page)
    await devices.send('WebAuthn.enable')
  })
  after(async () => {
    await browser.close()
    await town.stop()
    await folder.remove()
  })

  const contract = (): readonly string[] =>
    words(`--basis 条例 --types ACD --until 2099-03-31 --key-in ${place}`)
  const words = (text: string): readonly string[] => text.split(' ')
  const of = (name: string): readonly string[] =>
    words(`--owner city --name ${name} --key-in ${place}`)
  const loading = (...args: readonly string[]): Promise<string> =>
    sekisho.done(['loading', ...args, '--data', town.layout.folder])
  const owner = async (...args: readonly string[]): Promise<unknown> =>
    JSON.parse(await sekisho.done(['card-app', ...args, '--data', town.layout.folder]))
  /** An authenticator at the terminal: whether it verifies its user. */
  const plugAuthenticator = async (isUserVerified: boolean): Promise<string> => {
    const { authenticatorId } = await devices.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified,
        automaticPresenceSimulation: true,
      },
    })
    return authenticatorId
  }
  const open = (): Promise<unknown> => page.goto(`${town.urls.authority}/loading`)
  const load = async (card: string, aid: string, type: string, pin = false): Promise<void> => {
    await open()
    await page.locator('#load-card').fill(card)
    await page.locator('#load-aid').selectOption(aid)
    await page.locator(`input[name=type][value=${type}]`).check()
    if (pin) await page.getByLabel('暗証番号を使う').check()
    await page.getByRole('button', { name: '搭載する' }).click()
  }
  /** Posts from the page as a script in it could; the code of the refusal. */
  const post = async (path: string, form = ''): Promise<string> => {
    const headers = {
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
    }
    const call = `fetch(${JSON.stringify(path)}, { method: 'POST', headers: ${JSON.stringify(headers)}, body: ${JSON.stringify(form)} }).then(answer => answer.text())`
    const said = z.string().parse(await page.evaluate(call))
    return z.object({ code: z.string() }).parse(JSON.parse(said)).code
  }
  const prove = async (): Promise<void> => {
    await open()
    await page.getByRole('button', { name: '生体認証で確認する' }).click()
  }
  const log = async (): Promise<readonly string[]> => {
    const form = z.object({
      events: z.array(z.object({ kind: z.string(), refusal: z.string().nullable() })),
    })
    const { events } = form.parse(await town.admin('authority', 'loading-log'))
    return events.map(one => one.refusal ?? one.kind).toReversed()
  }
  let userNumber = ''
  let authenticatorId = ''

  it('a browser that is no terminal’s gets the form of its registration and nothing else', async () => {
    await open()
    await assertAccessible(page)
    await picture(page, 'loading-unknown')
    assert.equal(await page.getByRole('button').count(), 1)
    await page.getByLabel('端末番号').fill('T1')
    await page.getByLabel('登録コード').fill('wrong')
    await page.getByRole('button', { name: 'この端末を登録する' }).click()
    await page.getByText('loading-enrolment-unknown').waitFor()
    await open()
    assert.equal(await post('/loading/operator/question'), 'loading-terminal-unknown')
    await page.getByLabel('端末番号').fill('T1')
    await page.getByLabel('登録コード').fill(enrolment.terminal)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: '操作者の確認' }).waitFor()
  })

  it('who has no registered authenticator, or one that does not verify its user, is no operator', async () => {
    await assertAccessible(page)
    await picture(page, 'loading-prove')
    const id = await plugAuthenticator(false)
    await page.getByLabel('操作者ID').fill('hana')
    await page.getByLabel('登録コード').fill('wrong')
    await page.getByRole('button', { name: '認証器を登録する' }).click()
    await page.getByText('この登録コードは使えません').waitFor()
    await page.getByLabel('登録コード').fill(enrolment.operator)
    await page.getByRole('button', { name: '認証器を登録する' }).click()
    await page.getByText('生体認証で確認できませんでした').waitFor()
    await assertAccessible(page)
    await devices.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId: id })
    for (const path of ['load', 'delete']) {
      const code = await post(`/loading/${path}`, `card=plain-adult&aid=${libraryAid}&type=C`)
      assert.equal(code, 'loading-operator-unverified')
    }
  })

  it('an operator registers an authenticator and proves themself, for this session', async () => {
    authenticatorId = await plugAuthenticator(true)
    await open()
    await page.getByLabel('操作者ID').fill('hana')
    await page.getByLabel('登録コード').fill(enrolment.operator)
    await page.getByLabel('登録コード').press('Enter')
    await page.getByText('認証器を登録しました').waitFor()
    await page.getByRole('button', { name: '生体認証で確認する' }).click()
    await page.getByText('端末 T1 操作者 操作 花').waitFor()
    await assertAccessible(page)
    await picture(page, 'loading-work')
    assert.deepEqual((await log()).slice(-1), ['verified'])
  })

  it('an assertion without user verification is refused by the service, whatever the browser lets pass', async () => {
    await devices.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false })
    // What an altered script would send: an answer whose flags say that nobody was verified; it again; and one with the flag set.
    const said = await page.evaluate(`(async () => {
      const send = (path, body) => fetch(path, { method: 'POST', headers: { 'content-type': 'application/json', accept: 'application/json' }, body: JSON.stringify(body) })
      const ask = async verification => {
        const options = await (await send('/loading/operator/question', {})).json()
        const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON({ ...options, userVerification: verification })
        return (await navigator.credentials.get({ publicKey })).toJSON()
      }
      const codes = []
      const first = await ask('discouraged')
      const bytes = Uint8Array.fromBase64(first.response.authenticatorData, { alphabet: 'base64url' })
      const flags = bytes[32]
      codes.push(((await (await send('/loading/operator/answer', first)).json()).code) ?? 'taken')
      codes.push((await (await send('/loading/operator/answer', first)).json()).code ?? 'taken')
      const altered = await ask('discouraged')
      const data = Uint8Array.fromBase64(altered.response.authenticatorData, { alphabet: 'base64url' })
      data[32] |= 4
      altered.response.authenticatorData = data.toBase64({ alphabet: 'base64url', omitPadding: true })
      codes.push((await (await send('/loading/operator/answer', altered)).json()).code ?? 'taken')
      return { flags, codes }
    })()`)
    const { flags, codes } = z.object({ flags: z.number(), codes: z.array(z.string()) }).parse(said)
    assert.equal(flags & 4, 0, 'the authenticator says that it verified nobody')
    assert.deepEqual(codes, Array(3).fill('loading-operator-unverified'))
    await devices.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true })
  })

  it('an application goes into a card, once; the owner’s terminal personalises it and anybody reads its number', async () => {
    await load('plain-adult', libraryAid, 'C')
    await page.getByText('アプリケーションを搭載しました').waitFor()
    userNumber = (await page.locator('dd code').textContent()) ?? ''
    assert.match(userNumber, /^\d{12}$/)
    await assertAccessible(page)
    await picture(page, 'loading-done')
    await load('plain-adult', libraryAid, 'C')
    await page.getByText('搭載済みです').waitFor()
    assert.equal(await page.locator('dd code').textContent(), userNumber)
    const card = ['--aid', libraryAid, '--type', 'C', '--card', 'plain-adult']
    assert.deepEqual(await owner('personalise', place, ...card), { userNumber })
    assert.deepEqual(await owner('read', place, ...card), { text: userNumber })
    assert.equal((await log()).filter(one => one === 'loaded').length, 1)
  })

  it('type D is written and read behind its owner’s key and the holder’s PIN', async () => {
    await load('plain-adult', shelterAid, 'D', true)
    await page.getByText('アプリケーションを搭載しました').waitFor()
    const card = words(
      `--aid ${shelterAid} --type D --card plain-adult --data ${town.layout.folder}`,
    )
    await sekisho.done(['card-app', 'personalise', place, ...card, '--pin-stdin'], '8642\n')
    const { status, stdout } = await sekisho.run(['card-app', 'read', place, ...card])
    assert.deepEqual([status, JSON.parse(stdout)], [2, { refused: 'pin-required' }])
    const text = await sekisho.done(['card-app', 'read', place, ...card, '--pin-stdin'], '8642\n')
    assert.match(text, /\d{12}/)
    const elsewhere = await sekisho.run([
      'card-app',
      'read',
      join(folder.path, 'somebody'),
      ...card,
    ])
    assert.deepEqual(JSON.parse(elsewhere.stdout), { refused: 'owner-refused' })
  })

  it('what an order says is compared with the contract, and a lost card gets nothing', async () => {
    await load('former-surname', libraryAid, 'A')
    await page.getByText('loading-not-as-contracted').waitFor()
    await assertAccessible(page)
    await picture(page, 'loading-refused')
    await town.happen('former-surname', { what: 'lost' })
    await load('former-surname', libraryAid, 'C')
    await page.getByText('card-not-loadable').waitFor()
    await town.happen('former-surname', { what: 'found' })
    await using held = await town.takeCard('former-surname')
    assert.deepEqual(held.state().free?.applications, [])
    await load('former-surname', libraryAid, 'C')
    await page.getByText('card-in-use').waitFor()
  })

  it('the owner learns once a day whose card was lost, and stops its own user at once', async () => {
    const form = z.object({
      stopped: z.array(z.object({ userNumber: z.string(), why: z.string() })),
    })
    const stopped = async () => form.parse(await owner('stopped', place)).stopped
    assert.deepEqual(await stopped(), [])
    await town.happen('plain-adult', { what: 'lost' })
    assert.deepEqual(await stopped(), [])
    await town.clock.advance(dayMs)
    const told = await stopped()
    assert.ok(told.some(one => one.userNumber === userNumber && one.why === 'lost'))
    await town.happen('plain-adult', { what: 'found' })
    const own = form.parse(await owner('stop', place, userNumber, '--aid', libraryAid)).stopped
    assert.deepEqual(own, [{ userNumber, why: 'owner' }])
    const data = ['--data', town.layout.folder]
    const foreign = await sekisho.refused([
      'card-app',
      'stop',
      place,
      '000000000000',
      '--aid',
      libraryAid,
      ...data,
    ])
    assert.match(foreign, /^authority-refused/)
  })

  it('an application is deleted with all that it holds, in English too', async () => {
    await open()
    await page.getByRole('link', { name: 'English' }).click()
    await page.getByRole('heading', { name: 'Load', exact: true }).waitFor()
    await assertAccessible(page)
    await picture(page, 'loading-english')
    await page.locator('#delete-card').fill('plain-adult')
    await page.locator('#delete-aid').selectOption(shelterAid)
    await page.getByRole('button', { name: 'Delete' }).click()
    await page.getByText('The application is deleted.').waitFor()
    await using held = await town.takeCard('plain-adult')
    assert.deepEqual(
      held.state().free?.applications.map(one => one.aid),
      [libraryAid],
    )
  })

  it('the yearly report tells loadings and audit, as JSON and as a page', async () => {
    const year = String(new Date(town.clock.now() - 90 * dayMs).getUTCFullYear())
    await loading('audit', 'city', '--year', year, '--result', 'satisfied')
    const file = join(folder.path, 'report.html')
    const said = await loading('report', '--year', year, '--html', file)
    const { owners } = z
      .object({ owners: z.array(z.object({ id: z.string(), loadings: z.number() })) })
      .parse(JSON.parse(said))
    assert.deepEqual(owners, [{ id: 'city', loadings: 2 }])
    await page.setContent(await readFile(file, 'utf8'))
    await assertAccessible(page)
  })

  it('a session ends by its button, with the operator’s withdrawal and with the terminal’s', async () => {
    await open()
    await page.getByRole('button', { name: 'End the session' }).click()
    await page.getByRole('heading', { name: 'Who works here' }).waitFor()
    await page.goto(`${town.urls.authority}/loading?lang=ja`)
    await page.getByRole('button', { name: '生体認証で確認する' }).click()
    await page.getByText('端末 T1 操作者 操作 花').waitFor()
    await loading('operator-withdraw', 'hana')
    await prove()
    await page.getByText('生体認証で確認できませんでした').waitFor()
    await loading('terminal-withdraw', 'T1')
    await open()
    await page.getByText('この端末は登録されていません').waitFor()
  })
})
