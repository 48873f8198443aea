/**
 * A provider live in ten minutes, in Chromium (C6): a firm registers with a passkey, makes a key in its browser, describes a service and
 * uses it at once in the sandbox; sees its requests, sends one again, tries the delivery of events; applies for production, which two
 * people of the operator's staff admit. What must be refused is, with its code.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { corporateNumberOf } from '@sekisho/contract/japan'
import { startTestTown, type TestTown } from '@sekisho/cli/testkit'
import { temporaryFolder, type TemporaryFolder } from '@sekisho/runtime/files'
import { createSekisho, SekishoError } from '@sekisho/sdk'
import type { Browser, Page } from 'playwright-core'
import { z } from 'zod'
import { assertAccessible, picture, startChromium } from './browser.ts'
import { commands } from './command.ts'

describe('the providers’ console in Chromium', () => {
  let folder: TemporaryFolder
  let town: TestTown
  let browser: Browser
  let firm: Page
  let hook: Server
  let hookOrigin = ''
  let answersWith = 202
  const events: string[] = []

  before(async () => {
    folder = await temporaryFolder('onboarding')
    town = await startTestTown()
    browser = await startChromium()
    hook = createServer((request, response) => {
      let body = ''
      request.on('data', piece => (body += String(piece)))
      request.on('end', () => {
        events.push(body)
        response.writeHead(answersWith).end()
      })
    })
    await new Promise<void>(resolve => hook.listen(0, '127.0.0.1', resolve))
    const address = hook.address()
    hookOrigin = `http://shop.localhost:${typeof address === 'object' ? address?.port : ''}`
  })
  after(async () => {
    await browser.close()
    hook.closeAllConnections()
    await new Promise(resolve => hook.close(resolve))
    await town.stop()
    await folder.remove()
  })

  const at = (path: string): string => `${town.urls.providers}${path}`
  const sit = async (): Promise<Page> => {
    const context = await browser.newContext({ viewport: { width: 1100, height: 900 } })
    context.setDefaultTimeout(10_000)
    const page = await context.newPage()
    const devices = await context.newCDPSession(page)
    await devices.send('WebAuthn.enable')
    await devices.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    })
    return page
  }
  const register = async (page: Page, twelve: string): Promise<void> => {
    await page.goto(at('/'))
    await page.getByLabel('事業者の名称').fill('試験商店株式会社')
    await page.getByLabel('法人番号').fill(corporateNumberOf(twelve))
    await page.getByLabel('担当者の氏名').fill('試験 花子')
    await page.getByRole('button', { name: '登録してパスキーを作る' }).click()
    await page.getByRole('heading', { name: 'サービス' }).waitFor()
  }
  /** Sends a form from a page as a script in it could; the refusal's code, or `passed`. */
  const post = async (page: Page, path: string, form: Readonly<Record<string, string>>) => {
    const headers = {
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
    }
    const body = new URLSearchParams(form).toString()
    const call = `fetch(${JSON.stringify(path)}, { method: 'POST', redirect: 'manual', headers: ${JSON.stringify(headers)}, body: ${JSON.stringify(body)} }).then(async answer => answer.type === 'opaqueredirect' ? 'passed' : (await answer.json()).code)`
    return z.string().parse(await page.evaluate(call))
  }
  const sekisho = async () =>
    createSekisho({
      issuer: town.urls.platform,
      clientId: 'shop',
      privateKey: JSON.parse(await readFile(join(folder.path, 'private-key.json'), 'utf8')),
      redirectUri: `${hookOrigin}/callback`,
      dangerAllowHttp: true,
    })

  it('registers a firm, and a service whose private key stays in the browser', async () => {
    firm = await sit()
    await firm.goto(at('/'))
    await assertAccessible(firm)
    await picture(firm, 'providers-enter')
    await firm.getByLabel('法人番号').fill('1234567890123')
    await firm.getByLabel('事業者の名称').fill('x')
    await firm.getByLabel('担当者の氏名').fill('x')
    await firm.getByRole('button', { name: '登録してパスキーを作る' }).click()
    await firm.getByText('要求の形式が正しくありません').waitFor()
    await register(firm, '000012345678')
    await firm.getByRole('link', { name: 'サービスを加える' }).click()
    await firm.getByLabel('識別子(client_id)').fill('shop')
    await firm.getByLabel('サービスの名称').fill('試験商店')
    await firm.getByLabel('利用目的').fill('会員の確認と注文の受付のため')
    await firm.getByLabel('戻り先(redirect_uri)').fill(`${hookOrigin}/callback`)
    await firm.getByLabel('署名の検証').check()
    await firm.getByLabel('登録内容の変更の確認と通知').check()
    await firm.getByRole('button', { name: 'このブラウザーで鍵を作る' }).click()
    const link = firm.getByRole('link', { name: '秘密鍵を保存する' })
    const [download] = await Promise.all([firm.waitForEvent('download'), link.click()])
    await download.saveAs(join(folder.path, 'private-key.json'))
    assert.doesNotMatch(await firm.getByLabel('公開鍵(JWK Set)').inputValue(), /"d":/)
    await assertAccessible(firm)
    await picture(firm, 'providers-describe')
    await firm.getByRole('button', { name: '登録する' }).click()
    await firm.getByText('試験用として、いま使えます').waitFor()
    await assertAccessible(firm)
    await picture(firm, 'providers-service')
  })

  it('serves the sandbox at once, shows its requests, and sends one again', async () => {
    const shop = await sekisho()
    const { url } = await shop.beginLogin()
    assert.match(url, /^http:\/\/localhost:\d+\/oidc\//)
    const document = new TextEncoder().encode('注文書')
    const wrong = { document, signature: new Uint8Array(256), certificate: new Uint8Array(8) }
    const code = await shop.verify(wrong).then(
      report => report.reasons[0]?.code ?? report.verdict,
      (error: unknown) => (error instanceof SekishoError ? error.code : String(error)),
    )
    await new Promise(resolve => setTimeout(resolve, 1500))
    await firm.goto(at('/services/shop'))
    const row = firm.getByRole('row').filter({ hasText: 'POST /v1/verifications' })
    assert.equal(await row.count(), 1)
    await row.getByRole('button', { name: 'もう一度' }).click()
    const answer = z
      .object({
        code: z.string().optional(),
        reasons: z.array(z.object({ code: z.string() })).optional(),
      })
      .parse(JSON.parse(await firm.locator('pre').innerText()))
    assert.equal(answer.code ?? answer.reasons?.[0]?.code, code)
    await assertAccessible(firm)
    await picture(firm, 'providers-replay')
  })

  it('tries the delivery of events, to the service’s own addresses only', async () => {
    await firm.goto(at('/services/shop'))
    await firm.getByRole('button', { name: '送る', exact: true }).click()
    await firm.locator('pre').waitFor()
    assert.match(await firm.locator('main').innerText(), /受け取られました/)
    assert.match(events.at(-1) ?? '', /^[\w-]+\.[\w-]+\.[\w-]+$/)
    answersWith = 500
    await firm.goto(at('/services/shop'))
    await firm.getByRole('button', { name: '送る', exact: true }).click()
    await firm.getByText('受け取られませんでした').waitFor()
    for (const endpoint of ['http://127.0.0.1:1/events', 'file:///etc/passwd', 'nothing'])
      assert.equal(await post(firm, '/services/shop/webhook', { endpoint }), 'redirect-mismatch')
  })

  /** Of a key that signs SAML requests, by openssl: DER in base64. */
  const certificate = async (): Promise<string> => {
    const args =
      'req -x509 -newkey rsa:2048 -noenc -keyout saml.key -out saml.pem -days 30 -subj /CN=x'
    execFileSync('openssl', args.split(' '), { cwd: folder.path, stdio: 'pipe' })
    const pem = await readFile(join(folder.path, 'saml.pem'), 'utf8')
    return pem.replaceAll(/-----[^-]+-----|\s/g, '')
  }

  it('keeps firms apart, and what is not theirs to grant out of their hands', async () => {
    const other = await sit()
    await register(other, '000012345679')
    assert.equal((await other.goto(at('/services/shop')))?.status(), 404)
    assert.equal((await other.goto(at('/services/shop/contract.pdf')))?.status(), 404)
    await other.goto(at('/'))
    const shop = {
      client_id: 'shop',
      client_name: '偽の商店',
      sekisho_purpose: '会員の確認と注文の受付のため',
      redirect_uris: 'https://attacker.example/callback',
      jwks: '{"keys":[{"kty":"EC","crv":"P-256","x":"x","y":"y","kid":"a"}]}',
      sekisho_signature_verifier: 'true',
    }
    assert.equal(await post(other, '/services', shop), 'provider-taken')
    assert.equal(await post(other, '/services', { ...shop, client_id: 'bank' }), 'provider-taken')
    assert.equal(await post(other, '/services/shop/webhook', { endpoint: hookOrigin }), 'not-found')
    assert.equal(await post(other, '/services', { ...shop, jwks: 'x' }), 'request-malformed')
    assert.equal(await post(other, '/services', { ...shop, client_id: 'other' }), 'passed')
    const [mine] = z
      .array(z.object({ id: z.string() }))
      .parse(await town.admin('platform', 'provider-list'))
      .filter(one => one.id === 'other')
    assert.ok(mine)
    // A part for SAML is kept as it was described, and gone when it is emptied.
    const saml = {
      entity_id: 'https://other.example/saml',
      assertion_consumer_services: ['https://other.example/consume'],
      signing_certificates: [await certificate()],
      scope: 'openid',
    }
    const described = { ...shop, client_id: 'other' }
    const withSaml = (part: string): Promise<string> =>
      post(other, '/services', { ...described, sekisho_saml: part })
    assert.equal(await withSaml('x'), 'request-malformed')
    assert.equal(
      await withSaml(JSON.stringify({ ...saml, scope: 'openid name' })),
      'request-malformed',
    )
    assert.equal(await withSaml(JSON.stringify(saml)), 'passed')
    const kept = async (): Promise<unknown> => {
      const { providers } = z
        .object({ providers: z.array(z.looseObject({ client_id: z.string() })) })
        .parse(await town.admin('platform', 'provider-export'))
      return providers.find(one => one.client_id === 'other')?.['sekisho_saml']
    }
    assert.deepEqual(await kept(), saml)
    await other.goto(at('/'))
    assert.equal(await withSaml(''), 'passed')
    assert.equal(await kept(), undefined)
    await other.goto(at('/services/other/configuration.json')).catch(() => undefined)
    const stranger = await sit()
    await stranger.goto(at('/'))
    assert.equal(await post(stranger, '/services', shop), 'account-unauthenticated')
  })

  it('goes into production by checklist, contract, notification and two people', async () => {
    const facts = {
      officer: '代表取締役 試験花子',
      address: '東京都千代田区架空町1-1',
      contact: 'office@shop.example',
      begins: '2027-01-01',
    }
    await firm.goto(at('/services/shop'))
    assert.match(await firm.locator('main').innerText(), /本番では https の戻り先だけを使えます/)
    assert.equal(
      await post(firm, '/services/shop/submit', { ...facts, contract: '2026-10' }),
      'application-incomplete',
    )
    // What the form does not ask about was registered by the operator, and stays.
    const registered = async () =>
      z
        .object({ providers: z.array(z.looseObject({ client_id: z.string() })) })
        .parse(await town.admin('platform', 'provider-export'))
        .providers.find(one => one.client_id === 'shop')
    const backchannel_logout_uri = `${hookOrigin}/logout`
    await town.admin('platform', 'provider-add', {
      ...(await registered()),
      backchannel_logout_uri,
    })
    await firm.goto(at('/services/shop/edit'))
    await firm.getByLabel('戻り先(redirect_uri)').fill('https://shop.example/callback')
    await firm.getByRole('button', { name: '登録する' }).click()
    await firm.getByLabel('責任者の役職と氏名').fill(facts.officer)
    await firm.getByLabel('所在地').fill(facts.address)
    await firm.getByLabel('連絡先のメールアドレス').fill(facts.contact)
    await firm.getByLabel('開始予定日').fill(facts.begins)
    assert.equal(
      await post(firm, '/services/shop/submit', { ...facts, contract: '2020-01' }),
      'contract-outdated',
    )
    await firm.getByLabel('契約書を読み、受け入れます').check()
    await picture(firm, 'providers-submit')
    await firm.getByRole('button', { name: '本番を申し込む' }).click()
    await firm.getByText('審査しています').waitFor()
    const path = join(folder.path, 'notification.pdf')
    const [download] = await Promise.all([
      firm.waitForEvent('download'),
      firm.evaluate(
        `(() => { const link = document.createElement('a'); link.href = '/services/shop/notification.pdf'; link.download = 'n.pdf'; document.body.append(link); link.click() })()`,
      ),
    ])
    await download.saveAs(path)
    assert.match(
      execFileSync('pdftotext', [path, '-'], { encoding: 'utf8' }),
      /届出書[\s\S]*試験商店株式会社[\s\S]*架空町/,
    )
    execFileSync('qpdf', ['--check', path])

    const staffCommand = commands(join(folder.path, 'cache'))
    const enter = async (id: string): Promise<Page> => {
      const said = await staffCommand.done([
        'staff',
        'invite',
        id,
        '--name',
        `試験 ${id}`,
        '--role',
        'providers',
        '--data',
        town.layout.folder,
      ])
      const page = await sit()
      await page.goto(`${town.urls.operation}/enter`)
      await page
        .getByLabel('招待の符号')
        .fill(z.object({ enrolment: z.string() }).parse(JSON.parse(said)).enrolment)
      await page.getByRole('button', { name: 'パスキーを登録する' }).click()
      await page.getByText('パスキーを登録しました').waitFor()
      await page.getByRole('button', { name: 'パスキーで入る' }).click()
      await page.waitForURL(`${town.urls.operation}/`)
      return page
    }
    const [hana, taro] = [await enter('hana'), await enter('taro')]
    await hana.goto(`${town.urls.operation}/providers`)
    await assertAccessible(hana)
    await hana.getByRole('link', { name: '試験商店' }).first().click()
    await assertAccessible(hana)
    await picture(hana, 'operation-application')
    const admit = hana.locator('#admit')
    await admit.getByLabel('理由').fill('審査済み')
    await admit.getByRole('button', { name: '提案する' }).click()
    await hana.getByText('提案しました').waitFor()
    await taro.goto(`${town.urls.operation}/acts`)
    await taro.getByRole('button', { name: '実行する' }).click()
    await taro.getByText('決めたことを記録しました').waitFor()
    await firm.goto(at('/services/shop'))
    assert.match(await firm.locator('main').innerText(), /本番として使えます/)
    assert.equal(
      await post(firm, '/services/shop/submit', { ...facts, contract: '2026-10' }),
      'application-not-open',
    )
    assert.equal((await registered())?.backchannel_logout_uri, backchannel_logout_uri)
    // The registration is the one that was examined: the sandbox's address is one no more.
    await assert.rejects((await sekisho()).beginLogin())
  })
})
