/**
 * The operators' console in Chromium (C8): staff come in by invitation and passkey, see what their roles permit and nothing else, and do
 * dangerous acts in pairs: a bank is suspended by two people and refused from the next step on. What must be refused is, with its code.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { startTestTown, type TestTown } from '@sekisho/cli/testkit'
import { temporaryFolder, type TemporaryFolder } from '@sekisho/runtime/files'
import type { Browser, Page } from 'playwright-core'
import { z } from 'zod'
import { assertAccessible, picture, startChromium } from './browser.ts'
import { commands } from './command.ts'

describe("the operators' console in Chromium", () => {
  let folder: TemporaryFolder
  let town: TestTown
  let browser: Browser
  let sekisho: ReturnType<typeof commands>
  const people = new Map<string, Page>()

  before(async () => {
    folder = await temporaryFolder('operation')
    sekisho = commands(join(folder.path, 'cache'))
    town = await startTestTown()
    browser = await startChromium()
  })
  after(async () => {
    await browser.close()
    await town.stop()
    await folder.remove()
  })

  const staff = (...args: readonly string[]): Promise<string> =>
    sekisho.done(['staff', ...args, '--data', town.layout.folder])
  const invite = async (id: string, ...roles: readonly string[]): Promise<string> => {
    // Once there are two security officers the machine invites with a reason only.
    const reason = people.has('taro') ? ['--break-glass', '試験のため'] : []
    const said = await staff('invite', id, '--name', `試験 ${id}`, '--role', ...roles, ...reason)
    return z.object({ enrolment: z.string() }).parse(JSON.parse(said)).enrolment
  }
  /** A person at a browser of their own with an authenticator. */
  const sit = async (id: string, isUserVerified = true): Promise<Page> => {
    const context = await browser.newContext({ viewport: { width: 1200, height: 900 } })
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
        isUserVerified,
        automaticPresenceSimulation: true,
      },
    })
    people.set(id, page)
    return page
  }
  const at = (path: string): string => `${town.urls.operation}${path}`
  const register = async (page: Page, code: string): Promise<void> => {
    await page.goto(at('/enter'))
    await page.getByLabel('招待の符号').fill(code)
    await page.getByRole('button', { name: 'パスキーを登録する' }).click()
  }
  const enter = async (page: Page): Promise<void> => {
    await page.goto(at('/enter'))
    await page.getByRole('button', { name: 'パスキーで入る' }).click()
    await page.waitForURL(at('/'))
  }
  const admit = async (id: string, ...roles: readonly string[]): Promise<Page> => {
    const page = await sit(id)
    await register(page, await invite(id, ...roles))
    await page.getByText('パスキーを登録しました').waitFor()
    await enter(page)
    return page
  }
  const person = (id: string): Page => {
    const found = people.get(id)
    assert.ok(found)
    return found
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

  it('lets staff in by invitation and passkey, once a code, and only with a verified user', async () => {
    const hana = await admit('hana', 'security', 'providers')
    assert.match(await hana.locator('main').innerText(), /失効情報はすべて新しいものです/)
    await assertAccessible(hana)
    await picture(hana, 'operation-health')

    const code = await invite('taro', 'security', 'providers')
    const unverified = await sit('unverified', false)
    await register(unverified, code)
    await unverified.locator('[role=alert]').filter({ hasText: /./ }).first().waitFor()
    const taro = await sit('taro')
    await register(taro, code)
    await taro.getByText('パスキーを登録しました').waitFor()
    await enter(taro)
    const again = await sit('again')
    await register(again, code)
    await again.getByText('招待が使われたか').waitFor()
    const ask = async (path: string, body: unknown) => {
      const headers = { accept: 'application/json', 'content-type': 'application/json' }
      const call = `fetch(${JSON.stringify(path)}, { method: 'POST', headers: ${JSON.stringify(headers)}, body: ${JSON.stringify(JSON.stringify(body))} }).then(async answer => (await answer.json()).code ?? 'passed')`
      return z.string().parse(await again.evaluate(call))
    }
    assert.equal(await ask('/passkey/registration', { enrolment: code }), 'staff-unknown')
    // An answer to no question, and one of a credential that is nobody's.
    const response = { clientDataJSON: 'e30', authenticatorData: 'AA', signature: 'AA' }
    const answer = { id: 'AA', rawId: 'AA', type: 'public-key', response }
    assert.equal(await ask('/passkey/answer', answer), 'passkey-unverified')
    assert.equal(await ask('/passkey/question', {}), 'passed')
    assert.equal(await ask('/passkey/answer', answer), 'passkey-unverified')
    await picture(again, 'operation-enter')
    await assertAccessible(again)
  })

  it('has two security officers invite the rest, and not the machine any more', async () => {
    const jiroInvited = ['invite', 'jiro', '--name', '試験 jiro', '--role', 'auditor']
    assert.equal(
      await sekisho.refused(['staff', ...jiroInvited, '--data', town.layout.folder]),
      'act-needs-two',
    )
    const [hana, taro] = [person('hana'), person('taro')]
    await hana.goto(at('/staff'))
    const form = hana.locator('#invite')
    await form.getByLabel('識別子').fill('jiro')
    await form.getByLabel('氏名').fill('試験 次郎')
    await form.getByLabel('監査人').check()
    await form.getByLabel('理由').fill('定期監査のため')
    await form.getByRole('button', { name: '提案する' }).click()
    await hana.getByText('提案しました').waitFor()
    assert.equal(await hana.getByRole('button', { name: '実行する' }).count(), 0)
    const id = await hana.locator('form[action$="/decline"]').first().getAttribute('action')
    assert.equal(await post(hana, String(id).replace('decline', 'carry-out'), {}), 'act-own')
    await taro.goto(at('/acts'))
    await assertAccessible(taro)
    await picture(taro, 'operation-acts')
    await taro.getByRole('button', { name: '実行する' }).click()
    const code = await taro.locator('#said').innerText()
    assert.equal(await post(taro, String(id).replace('decline', 'carry-out'), {}), 'act-closed')
    const jiro = await sit('jiro')
    await register(jiro, code)
    await jiro.getByText('パスキーを登録しました').waitFor()
    await enter(jiro)
  })

  it('suspends a bank by two people, and nobody else', async () => {
    const [hana, taro, jiro] = [person('hana'), person('taro'), person('jiro')]
    await hana.goto(at('/providers/bank'))
    await assertAccessible(hana)
    await hana.getByLabel('理由').fill('契約違反の調査')
    await hana.getByRole('button', { name: '提案する' }).click()
    await hana.getByText('提案しました').waitFor()
    const login = async (): Promise<number> =>
      (await town.fetch(`${town.urls.bank}/login`, { redirect: 'manual' })).status
    assert.equal(await login(), 303)
    // An auditor sees it and can do nothing.
    await jiro.goto(at('/acts'))
    assert.equal(await jiro.getByRole('button', { name: '実行する' }).count(), 0)
    const act = await taro
      .goto(at('/acts'))
      .then(() => taro.locator('form[action$="/carry-out"]').first().getAttribute('action'))
    assert.equal(await post(jiro, String(act), {}), 'staff-right-lacking')
    assert.equal(
      await post(jiro, '/acts', { kind: 'provider-suspend', id: 'bank', reason: 'x' }),
      'staff-right-lacking',
    )
    await taro.getByRole('button', { name: '実行する' }).click()
    await taro.getByText('決めたことを記録しました').waitFor()
    const providers = z
      .array(z.object({ id: z.string(), state: z.string() }))
      .parse(await town.admin('platform', 'provider-list'))
    assert.equal(providers.find(one => one.id === 'bank')?.state, 'suspended')
    assert.equal(await login(), 401)
  })

  it('changes the key of ID tokens by two custodians, who see the new one sign', async () => {
    const one = await admit('kagi', 'keys')
    const other = await admit('jou', 'keys')
    await one.goto(at('/keys'))
    await assertAccessible(one)
    const signing = (page: Page) =>
      page
        .getByRole('row')
        .filter({ hasText: 'IDトークンに署名している鍵' })
        .locator('code')
        .innerText()
    const before = await signing(one)
    const form = one.locator('#rotate')
    await form.getByLabel('公開してから使うまで(時間)').fill('0')
    await form.getByLabel('理由').fill('定期の交換')
    await form.getByRole('button', { name: '提案する' }).click()
    await one.getByText('提案しました').waitFor()
    await other.goto(at('/acts'))
    await other.getByRole('button', { name: '実行する' }).click()
    await other.locator('#said').waitFor()
    await other.goto(at('/keys'))
    assert.notEqual(await signing(other), before)
    assert.match(await other.locator('main').innerText(), new RegExp(before))
    const jwks = await (await town.fetch(`${town.urls.platform}/oidc/jwks`)).text()
    for (const keyId of [before, await signing(other)]) assert.ok(jwks.includes(keyId))
  })

  it('keeps with an act what it met, and takes back what its proposer no longer wants', async () => {
    const [hana, taro] = [person('hana'), person('taro')]
    const decision = async (page: Page, verdict: string) => {
      await page.goto(at('/acts'))
      const action = await page
        .locator(`form[action$="/${verdict}"]`)
        .first()
        .getAttribute('action')
      return post(page, String(action), {})
    }
    const hold = '01890000-0000-7000-8000-000000000000'
    const asked = { kind: 'hold-end', hold, reason: '訴訟の終了' }
    await hana.goto(at('/acts'))
    assert.equal(await post(hana, '/acts', { ...asked, hold: 'x' }), 'request-malformed')
    assert.equal(await post(hana, '/acts', asked), 'passed')
    assert.equal(await decision(taro, 'carry-out'), 'not-found')
    await taro.goto(at('/acts'))
    assert.match(await taro.locator('table').innerText(), /実行できず: not-found/)
    assert.equal(await post(hana, '/acts', asked), 'passed')
    assert.equal(await decision(hana, 'decline'), 'passed')
    await hana.goto(at('/acts'))
    assert.match(await hana.locator('main').innerText(), /決定を待つ操作はありません/)
  })

  it('shows each role what it may see, and an unknown browser the entrance', async () => {
    const jiro = person('jiro')
    for (const path of [
      '/traffic',
      '/providers',
      '/statements',
      '/keys',
      '/acts',
      '/controls',
      '/staff',
    ]) {
      await jiro.goto(at(path))
      await assertAccessible(jiro)
      await picture(jiro, `operation-${path.slice(1)}`)
    }
    const code = await invite('mika', 'monitor')
    const mika = await sit('mika')
    await register(mika, code)
    await mika.getByText('パスキーを登録しました').waitFor()
    await enter(mika)
    assert.equal((await mika.goto(at('/staff')))?.status(), 403)
    assert.equal((await mika.goto(at('/controls/bundle')))?.status(), 403)
    // Of what others do in pairs it sees nothing, and a clerk nothing of the system's health.
    await mika.goto(at('/acts'))
    assert.doesNotMatch(await mika.locator('main').innerText(), /提供者を停止する|契約違反の調査/)
    const clerk = await sit('clerk')
    await register(clerk, await invite('clerk', 'clerk'))
    await clerk.getByText('パスキーを登録しました').waitFor()
    await clerk.getByRole('button', { name: 'パスキーで入る' }).click()
    await clerk.waitForURL(at('/acts'))
    assert.equal((await clerk.goto(at('/traffic')))?.status(), 403)
    assert.doesNotMatch(await clerk.locator('body').innerText(), /失効情報/)
    const stranger = await sit('stranger')
    await stranger.goto(at('/controls'))
    assert.equal(new URL(stranger.url()).pathname, '/enter')
    assert.equal(
      await post(stranger, '/acts', { kind: 'provider-resume', id: 'bank', reason: 'x' }),
      'staff-unauthenticated',
    )
    const foreign = await town.fetch(at('/acts'), {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: 'kind=provider-resume&id=bank&reason=x',
    })
    assert.match(await foreign.text(), /origin-foreign/)
  })

  it('judges the criteria by what it finds, and hands an auditor the evidence', async () => {
    const [hana, jiro] = [person('hana'), person('jiro')]
    await hana.goto(at('/controls'))
    const lacking = async (): Promise<number> => {
      const text = await hana.locator('table').first().innerText()
      return text.match(/足りない/g)?.length ?? 0
    }
    const before = await lacking()
    assert.ok(before >= 5, String(before))
    const day = new Date(town.clock.now()).toISOString().slice(0, 10)
    const sha256 = '0'.repeat(64)
    for (const [kind, form] of [
      ['rule', { title: '業務手順書', version: '1.0', sha256, since: day }],
      ['entry', { person: '点検 一郎', room: '機械室', purpose: '点検', admittedBy: 'hana' }],
      [
        'outside-party',
        { name: '架空回線', service: '回線', data: 'なし', secrecySince: day, until: '2099-03-31' },
      ],
      ['duty', { duty: '責任者', person: '試験 hana', deputy: '試験 taro' }],
      ['duty', { duty: '実務', person: '試験 taro', deputy: '試験 hana' }],
      ['officer', { title: '代表取締役', declaredOn: day, sha256 }],
    ] as const)
      assert.equal(await post(hana, `/controls/${kind}`, form), 'passed', kind)
    assert.equal(await post(hana, '/controls/rule', { title: 'x' }), 'request-malformed')
    await hana.goto(at('/controls'))
    assert.equal(await lacking(), 0)
    await picture(hana, 'operation-controls-met')
    // Who stays in the room for more than a day is a finding again.
    await town.clock.advance(2 * 24 * 3600 * 1000)
    await hana.goto(at('/controls'))
    assert.equal(await lacking(), 1)

    await jiro.goto(at('/controls'))
    const [download] = await Promise.all([
      jiro.waitForEvent('download'),
      jiro.getByRole('link', { name: '監査用の一式を取り出す' }).click(),
    ])
    const path = join(folder.path, 'controls.zip')
    await download.saveAs(path)
    const read = (name: string): string =>
      execFileSync('unzip', ['-p', path, name], { encoding: 'utf8' })
    const manifest = z
      .object({ files: z.record(z.string(), z.string()) })
      .parse(
        JSON.parse(
          Buffer.from(read('manifest.jws').split('.')[1] ?? '', 'base64url').toString('utf8'),
        ),
      )
    for (const [name, expected] of Object.entries(manifest.files)) {
      await writeFile(join(folder.path, 'piece'), read(name))
      const [sum] = execFileSync('sha256sum', [join(folder.path, 'piece')], {
        encoding: 'utf8',
      }).split(' ')
      assert.equal(sum, expected, name)
    }
    assert.match(read('evidence/acts.json'), /provider-suspend/)
  })
})
