/**
 * A SAML login in Chromium: the answer's form goes on by itself under the page's policy, to the provider's address and nowhere else, and by its button
 * where there is no script.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTestTown } from '@sekisho/cli/testkit'
import { temporaryFolder } from '@sekisho/runtime/files'
import { assertAccessible, picture, startChromium } from './browser.ts'
import { identityProvider, samlParty } from './saml-party.ts'

test('a SAML login goes through a browser: the card, and back to the service with what was signed', async () => {
  await using folder = await temporaryFolder('saml-browser')
  await using town = await startTestTown()
  const shop = await samlParty(town, folder.path, { id: 'shop', scope: 'openid' })
  const platform = await identityProvider(town, folder.path)
  await using browser = await startChromium()
  const context = await browser.newContext({ locale: 'ja-JP' })
  const brought: URLSearchParams[] = []
  await context.route('https://shop.example/**', route => {
    brought.push(new URLSearchParams(route.request().postData() ?? ''))
    return route.fulfill({ contentType: 'text/html', body: '<title>the shop</title>' })
  })
  const page = await context.newPage()
  await page.goto(shop.redirect(shop.request(), { relayState: 'here' }))
  await page.getByRole('heading', { name: 'カードでログイン' }).waitFor()
  await page.waitForLoadState()
  const opened = context.waitForEvent('page')
  await page.getByRole('button', { name: 'ウォレットのカードを使う' }).click()
  const wallet = await opened
  await wallet.waitForSelector('input[name=persona]')
  await wallet.getByLabel('佐藤　花子').check()
  await wallet.locator('form:has(input[name=persona]) button[type=submit]').first().click()
  await wallet.locator('input[type=password]').fill('2468')
  await wallet.keyboard.press('Enter')
  await page.waitForURL(shop.consumer)
  assert.equal(await page.title(), 'the shop')
  assert.equal(brought.length, 1)
  assert.equal(brought[0]?.get('RelayState'), 'here')
  const xml = Buffer.from(brought[0]?.get('SAMLResponse') ?? '', 'base64').toString('utf8')
  assert.ok(platform.hasSigned(xml, 'Assertion'))

  // Without script somebody presses the button; a request that cannot be met needs no card.
  const still = await browser.newContext({ locale: 'ja-JP', javaScriptEnabled: false })
  const plain = await still.newPage()
  await plain.goto(shop.redirect(shop.request({ attributes: 'IsPassive="true"' })))
  await plain.getByRole('button', { name: 'サービスに戻る' }).waitFor()
  const scripted = await browser.newContext({ locale: 'ja-JP' })
  const looked = await scripted.newPage()
  await looked.route('**/form-sender.js', route => route.abort())
  await looked.goto(shop.redirect(shop.request({ attributes: 'IsPassive="true"' })))
  await picture(looked, 'saml-answer')
  await assertAccessible(looked)
})
