/**
 * A login by way of another OpenID Provider in Chromium: offered on the page of the card step, warned of before it is linked; nothing against WCAG 2.2 AA, in
 * both languages and on a telephone.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTestTown } from '@sekisho/cli/testkit'
import { freePort } from '@sekisho/runtime/net'
import { assertAccessible, picture, startChromium } from './browser.ts'
import { relyingParty } from './relying-party.ts'
import { startUpstream } from './upstream.ts'

test('a person goes to another provider and back, reads what the card will link, and uses it', async () => {
  const port = await freePort()
  const gov = {
    id: 'gov',
    name: { ja: '行政ログイン', en: 'Government login' },
    issuer: `http://gov.localhost:${port}`,
    clientId: 'sekisho',
  }
  await using town = await startTestTown({ gateways: [gov] })
  const platform = { url: town.urls.platform, fetch: town.fetch }
  await using _upstream = await startUpstream({ id: 'gov', port }, platform)
  const shop = await town.provider({ id: 'shop', metadata: () => ({ sekisho_gateways: ['gov'] }) })
  const party = await relyingParty(town, shop)
  await using browser = await startChromium()
  const context = await browser.newContext({
    locale: 'ja-JP',
    viewport: { width: 360, height: 740 },
  })
  const page = await context.newPage()
  const look = async (name: string): Promise<void> => {
    await picture(page, `gateway-${name}`)
    await assertAccessible(page)
    const width = await page.evaluate('document.documentElement.scrollWidth')
    assert.ok(Number(width) <= 360, `${name}: ${String(width)} pixels`)
  }
  const begun = await party.begin({ scope: 'openid', acr_values: 'urn:sekisho:acr:gateway' })
  await page.goto(begun.url)
  await look('offered')
  await page.getByRole('link', { name: 'English' }).click()
  await page.getByRole('link', { name: 'Log in with Government login' }).waitFor()
  await look('offered-english')
  await page.getByRole('link', { name: '日本語' }).click()
  await page.getByRole('link', { name: '行政ログインでログイン' }).click()
  await page.locator('input[name=login]').fill('hanako')
  await page.locator('input[name=password]').fill('x')
  await page.locator('button[type=submit]').click()
  await page.locator('button[type=submit]').click()
  await page.getByText('カードと結び付けます').waitFor()
  await look('linking')
  await page.waitForLoadState()
  const opened = context.waitForEvent('page')
  await page.getByRole('button', { name: 'ウォレットのカードを使う' }).click()
  const wallet = await opened
  await wallet.waitForSelector('input[name=persona]')
  await wallet.getByLabel('佐藤　花子').check()
  await wallet.locator('form:has(input[name=persona]) button[type=submit]').first().click()
  await wallet.locator('input[type=password]').fill('2468')
  await wallet.keyboard.press('Enter')
  await page.waitForURL(`${shop.redirectUri}*`)
  const tokens = await party.finish(page.url(), begun)
  assert.equal(tokens.claims()?.['acr'], 'urn:sekisho:acr:card')
  // Linked now: the other provider still knows this browser, and nobody is asked for anything.
  const again = await party.begin({ scope: 'openid', acr_values: 'urn:sekisho:acr:gateway' })
  await page.goto(again.url)
  await page.getByRole('link', { name: '行政ログインでログイン' }).click()
  await page.waitForURL(`${shop.redirectUri}*`)
  const later = (await party.finish(page.url(), again)).claims()
  assert.equal(later?.['acr'], 'urn:sekisho:acr:gateway')
  assert.equal(later.sub, tokens.claims()?.sub)
})
