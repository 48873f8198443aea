/** D1 in Chromium: a newcomer opens an account and logs in, in a one-process town and in a split one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTestTown } from '@sekisho/cli/testkit'
import type { BrowserContext, Page } from 'playwright-core'
import { assertAccessible, picture, startChromium } from './browser.ts'

for (const [isSplit, database] of [
  [false, 'embedded'],
  [false, 'postgres'],
  [true, 'embedded'],
  [true, 'postgres'],
] as const)
  test(`a newcomer opens an account and logs in, ${isSplit ? 'in a split town' : 'in one process'}, ${database}`, async () => {
    await using town = await startTestTown({ isSplit, database })
    await using browser = await startChromium()
    const context = await browser.newContext({
      locale: 'ja-JP',
      viewport: { width: 1100, height: 900 },
    })
    const page = await context.newPage()
    const look = isSplit ? async () => {} : (name: string) => inspect(page, name)

    await page.goto(town.urls.town)
    await look('town')
    await page.goto(town.urls.bank)
    await look('bank-home')
    await page.getByRole('link', { name: '口座を開設する' }).click()
    await look('platform-identify')
    await useCard(page, context, '佐藤　花子', 'SEKISHO1', isSplit ? undefined : 'identify')
    await page.waitForURL(`${town.urls.bank}/open/form`)
    await look('bank-form')
    await page.getByLabel('電話番号').fill('0312345678')
    await page.getByRole('button', { name: '内容を確認して署名へ進む' }).click()
    await page.waitForURL(/\/interaction\//)
    await look('platform-sign')
    await useCard(page, context, '佐藤　花子', 'SEKISHO1', isSplit ? undefined : 'sign')
    await page.waitForURL(`${town.urls.bank}/account?told=opened`)
    await look('bank-account')
    assert.equal(await page.locator('.amount').textContent(), '1,000円')

    await page.getByRole('button', { name: 'ログアウト' }).click()
    await page.waitForURL(`${town.urls.bank}/`)
    await page.getByRole('link', { name: 'カードでログイン' }).click()
    await look('platform-login')
    await useCard(page, context, '佐藤　花子', '2468', isSplit ? undefined : 'login')
    await page.waitForURL(`${town.urls.bank}/account`)
    assert.equal(await page.locator('.amount').textContent(), '1,000円')
  })

/** Opens the wallet from the platform's page, picks a card and types the secret there, and nowhere else. */
async function useCard(
  page: Page,
  context: BrowserContext,
  name: string,
  secret: string,
  pictureName: string | undefined,
): Promise<void> {
  const opened = context.waitForEvent('page')
  await page.getByRole('button', { name: 'ウォレットのカードを使う' }).click()
  const wallet = await opened
  await wallet.waitForSelector('input[name=persona]')
  if (pictureName !== undefined) await inspect(wallet, `wallet-${pictureName}-1`)
  await pickCard(wallet, name)
  if (pictureName !== undefined) await inspect(wallet, `wallet-${pictureName}-2`)
  await typeSecret(wallet, secret)
}

async function pickCard(wallet: Page, name: string): Promise<void> {
  await wallet.getByLabel(name).check()
  await wallet.getByRole('button', { name: 'カードをリーダーにかざす' }).click()
  await wallet.waitForSelector('input[type=password]')
}

async function typeSecret(wallet: Page, secret: string): Promise<void> {
  await wallet.locator('input[type=password]').fill(secret)
  await wallet.keyboard.press('Enter')
}

async function inspect(page: Page, name: string): Promise<void> {
  await picture(page, name)
  await assertAccessible(page)
}
