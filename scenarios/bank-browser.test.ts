/** D1 in Chromium on a narrow screen, in English: every page is judged by axe and none scrolls sideways. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTestTown } from '@sekisho/cli/testkit'
import type { BrowserContext, Page } from 'playwright-core'
import { assertAccessible, picture, startChromium } from './browser.ts'

for (const database of ['embedded', 'postgres'] as const)
  test(`an account is opened in English on a narrow screen, after a wrong number and a change of mind, on ${database}`, async () => {
    await using town = await startTestTown({ database })
    await using browser = await startChromium()
    const context = await browser.newContext({ viewport: { width: 320, height: 640 } })
    const page = await context.newPage()
    const { bank, wallet, town: front } = town.urls

    for (const [name, url] of [
      ['town', front],
      ['wallet-home', wallet],
      ['wallet-card', `${wallet}/cards/plain-adult`],
      ['bank-no-account', `${bank}/?told=no-account`],
    ] as const) {
      await page.goto(`${url}${url.includes('?') ? '&' : '?'}lang=en`)
      await look(page, name)
    }
    await page.getByRole('link', { name: 'Open an account' }).click()
    // The bank hands its language on.
    assert.equal(await page.locator('html').getAttribute('lang'), 'en')
    await look(page, 'platform-identify')
    await useCard(page, context)
    await page.waitForURL(`${bank}/open/form`)
    await page.getByLabel('Telephone').fill('12')
    await page.getByRole('button', { name: 'Check and go on to sign' }).click()
    await page.waitForSelector('[aria-invalid=true]')
    await look(page, 'bank-form-wrong')

    await page.getByLabel('Telephone').fill('03-1234-5678')
    await page.getByRole('button', { name: 'Check and go on to sign' }).click()
    await page.waitForURL(/\/interaction\//)
    await page.locator('#refuse button').click()
    await page.waitForURL(/\/callback/)
    await look(page, 'bank-refused')
    await page.getByRole('link', { name: 'Back to the application' }).click()

    await page.getByLabel('Telephone').fill('03-1234-5678')
    await page.getByRole('button', { name: 'Check and go on to sign' }).click()
    await page.waitForURL(/\/interaction\//)
    await useCard(page, context)
    await page.waitForURL(`${bank}/account?told=opened`)
    await look(page, 'bank-account')
    assert.equal(await page.locator('.amount').textContent(), '1,000 yen')
  })

/** Holds the first card that the wallet offers to the reader, which is the plain adult's. */
async function useCard(page: Page, context: BrowserContext): Promise<void> {
  const opened = context.waitForEvent('page')
  await page.locator('button[data-reader=wallet]').click()
  const wallet = await opened
  await wallet.setViewportSize({ width: 320, height: 640 })
  await wallet.waitForSelector('input[name=persona]:checked')
  await look(wallet, 'wallet-choose')
  await wallet.locator('form[action$="/card"] button').click()
  await wallet.waitForSelector('input[type=password]')
  await look(wallet, 'wallet-password')
  await wallet.locator('input[type=password]').fill('SEKISHO1')
  await wallet.keyboard.press('Enter')
}

/** Reflow at 320 CSS pixels (WCAG 1.4.10), and everything that axe knows. */
async function look(page: Page, name: string): Promise<void> {
  await picture(page, `narrow-${name}`)
  await assertAccessible(page)
  const width = await page.evaluate('document.documentElement.scrollWidth')
  assert.equal(width, 320, `${page.url()} scrolls sideways`)
}
