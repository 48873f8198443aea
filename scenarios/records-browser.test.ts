/**
 * The platform's own screens in Chromium. C9: a person looks at their own consents and uses, by keyboard, in both languages, and
 * withdraws one. A login goes on after a change of language and after a refusal.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTestTown } from '@sekisho/cli/testkit'
import type { BrowserContext, Page } from 'playwright-core'
import { assertAccessible, picture, startChromium } from './browser.ts'

for (const database of ['embedded', 'postgres'] as const)
  test(`a person opens their records with the card, reads them and withdraws a consent, on ${database}`, async () => {
    await using town = await startTestTown({ database })
    await using hanako = await town.person('plain-adult')
    const shop = await town.provider({ id: 'shop' })
    await hanako.visit((await shop.sekisho.beginIdentify(['name', 'address'])).url)
    await hanako.card.release()
    await using browser = await startChromium()
    const context = await browser.newContext({
      locale: 'ja-JP',
      viewport: { width: 1100, height: 900 },
    })
    const page = await context.newPage()
    const look = async (name: string): Promise<void> => {
      await picture(page, `records-${name}`)
      await assertAccessible(page)
    }

    await page.goto(`${town.urls.platform}/`)
    await page.getByRole('link', { name: 'あなたの同意と利用記録' }).click()
    await look('entrance')
    await enter(page, context)
    await page.getByRole('heading', { name: '試験 shop' }).waitFor()
    await look('consents')
    assert.equal(await page.getByRole('row', { name: /本人確認に応じ/ }).count(), 1)

    // The other language, and on with it.
    await page.getByRole('link', { name: 'English' }).click()
    await page.getByRole('heading', { name: 'Your consents and records' }).waitFor()
    await look('english')
    const withdraw = page.getByRole('button', { name: 'Withdraw this consent' })
    await withdraw.focus()
    await page.keyboard.press('Enter')
    await page.getByText('The consent was withdrawn').waitFor()
    await look('withdrawn')
    assert.equal(await withdraw.count(), 0)
    await page.getByRole('link', { name: '日本語' }).click()
    await page.getByText('撤回済み').waitFor()

    // A page opened later says who was here, and nobody gets in without the card.
    await page.getByRole('button', { name: 'ログアウト' }).click()
    await page.getByRole('button', { name: 'ウォレットのカードを使う' }).waitFor()
    await page.goBack()
    await page.reload()
    assert.equal(await page.getByText('撤回済み').count(), 0)

    // A login at the shop: with a held card first, then in English with the right one.
    const { url, pending } = await shop.sekisho.beginLogin()
    await page.goto(url)
    await enter(page, context, '小林　愛')
    await page.getByText('certificate-held').waitFor()
    await look('refused')
    await page.getByRole('link', { name: 'もう一度カードを使う' }).click()
    await page.getByRole('link', { name: 'English' }).click()
    await page.getByRole('heading', { name: 'Log in with the card' }).waitFor()
    await look('login-english')
    await enter(page, context, '佐藤　花子', 'Use a card in the wallet')
    await page.waitForURL(address => address.href.startsWith(shop.redirectUri))
    await shop.sekisho.finish(page.url(), pending)

    // On a telephone nothing runs off the side.
    await page.setViewportSize({ width: 360, height: 740 })
    await page.goto(`${town.urls.platform}/me?lang=ja`)
    await enter(page, context)
    await page.getByText('撤回済み').waitFor()
    await look('narrow')
    const width = await page.evaluate('document.documentElement.scrollWidth')
    assert.ok(Number(width) <= 360, `${String(width)} pixels`)
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
