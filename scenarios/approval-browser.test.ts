/**
 * The screens of approvals in Chromium, by keyboard and without anything against WCAG 2.2 AA: a television's code, what is told before the
 * card, a request by the back channel; in both languages and on a telephone.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTestTown } from '@sekisho/cli/testkit'
import * as oidc from 'openid-client'
import type { BrowserContext, Page } from 'playwright-core'
import { assertAccessible, picture, startChromium } from './browser.ts'
import { relyingParty } from './relying-party.ts'

const grants = [
  'authorization_code',
  'client_credentials',
  'urn:ietf:params:oauth:grant-type:device_code',
  'urn:openid:params:grant-type:ciba',
]

test('a television and a call are approved on screens that say who asks, where it began and what to beware of', async () => {
  await using town = await startTestTown()
  const shop = await town.provider({
    id: 'shop',
    scope: 'openid',
    metadata: () => ({ grant_types: grants, backchannel_token_delivery_mode: 'poll' }),
  })
  const party = await relyingParty(town, shop)
  await using browser = await startChromium()
  const context = await browser.newContext({
    locale: 'ja-JP',
    viewport: { width: 360, height: 740 },
  })
  const page = await context.newPage()
  const look = async (name: string): Promise<void> => {
    await picture(page, `approval-${name}`)
    await assertAccessible(page)
    const width = await page.evaluate('document.documentElement.scrollWidth')
    assert.ok(Number(width) <= 360, `${name}: ${String(width)} pixels`)
  }

  const device = await oidc.initiateDeviceAuthorization(party.config, {
    scope: 'openid',
    device_name: '居間のテレビ',
  })
  await page.goto(device.verification_uri)
  await look('code')
  await page.getByLabel('画面のコード').focus()
  await page.keyboard.type('BBBBBBBB')
  await page.keyboard.press('Enter')
  await page.getByText('user-code-unknown').waitFor()
  await look('unknown')
  await page.getByRole('link', { name: 'コードを入力し直す' }).click()
  await page.getByLabel('画面のコード').focus()
  await page.keyboard.type(device.user_code)
  await page.keyboard.press('Enter')
  await page.getByText('居間のテレビ').waitFor()
  await look('device')
  await page.getByRole('link', { name: 'English' }).click()
  await page.getByText('Is this device in front of you now?').waitFor()
  await look('device-english')
  await enter(page, context, '佐藤　花子', 'Use a card in the wallet')
  await page.getByRole('heading', { name: 'Done' }).waitFor()
  await look('done')
  const tokens = await oidc.genericGrantRequest(
    party.config,
    'urn:ietf:params:oauth:grant-type:device_code',
    { device_code: device.device_code },
  )

  await oidc.initiateBackchannelAuthentication(party.config, {
    scope: 'openid',
    login_hint: tokens.claims()?.sub ?? '',
    binding_message: 'K7M2',
  })
  await page.goto(`${town.urls.platform}/me?lang=ja`)
  await enter(page, context)
  await page.getByRole('link', { name: '確認を求められていること' }).click()
  await page.getByRole('heading', { name: '試験 shop' }).waitFor()
  await look('requests')
  await page.getByRole('link', { name: '次へ' }).click()
  await look('message')
  await page.getByLabel(/合言葉/).focus()
  await page.keyboard.type('XXXX')
  await page.keyboard.press('Enter')
  await page.getByText('合言葉が違います').waitFor()
  await look('missed')
  await page.getByLabel(/合言葉/).focus()
  await page.keyboard.type('k7m2')
  await page.keyboard.press('Enter')
  await page.getByText('あなたが自分で始めた手続ですか').waitFor()
  await look('request')
  await enter(page, context)
  await page.getByRole('heading', { name: '完了しました' }).waitFor()
  await look('request-done')
})

/** The card step by keyboard. */
async function enter(
  page: Page,
  context: BrowserContext,
  name = '佐藤　花子',
  reader = 'ウォレットのカードを使う',
): Promise<void> {
  // The script that reaches the reader runs once the page is loaded.
  await page.waitForLoadState()
  const opened = context.waitForEvent('page')
  const button = page.getByRole('button', { name: reader })
  await button.focus()
  await page.keyboard.press('Enter')
  const wallet = await opened
  await wallet.waitForSelector('input[name=persona]')
  await wallet.getByLabel(name).check()
  await wallet.locator('form:has(input[name=persona]) button[type=submit]').first().click()
  await wallet.locator('input[type=password]').fill('2468')
  const closed = wallet.waitForEvent('close')
  await wallet.keyboard.press('Enter')
  // The next step opens a window of the same name: this one must be gone.
  await closed
}
