/** D16 in Chromium: the portal's choices by keyboard, in both languages, on a telephone and a PC; less than was asked, unticked by hand. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { startTestTown } from '@sekisho/cli/testkit'
import type { BrowserContext, Page } from 'playwright-core'
import { assertAccessible, picture, startChromium } from './browser.ts'

test('a person releases less, narrows a consent, demands the PIN, leaves a television, and takes data and proof along', async () => {
  await using town = await startTestTown()
  const shop = await town.provider({
    id: 'shop',
    metadata: origin => ({ client_uri: origin }),
  })
  await using browser = await startChromium()
  const context = await browser.newContext({
    locale: 'ja-JP',
    viewport: { width: 1100, height: 900 },
  })
  const page = await context.newPage()
  const look = async (name: string): Promise<void> => {
    await picture(page, `portal-${name}`)
    await assertAccessible(page)
  }

  const { url, pending } = await shop.sekisho.beginIdentify(['name', 'address', 'gender'])
  await page.goto(url)
  const address = page.getByRole('checkbox', { name: '住所' })
  await address.focus()
  await page.keyboard.press('Space')
  await look('choice')
  await page.getByRole('button', { name: '選んだ情報で同意書を作り直す' }).press('Enter')
  await page.getByText('提供する情報: 氏名、性別').waitFor()
  assert.equal(await page.getByRole('checkbox', { name: '住所' }).isChecked(), false)
  await enter(page, context, 'signature')
  await page.waitForURL(reached => reached.href.startsWith(shop.redirectUri))
  const { subject, claims } = await shop.sekisho.finish(page.url(), pending)
  assert.equal(claims.address, undefined)
  assert.equal(typeof claims.name, 'string')
  await shop.sekisho.linkTerminal({ kind: 'tv', number: 'TV-1', subject })

  await page.goto(`${town.urls.platform}/me?lang=ja`)
  await enter(page, context, 'authentication')
  await page.getByRole('heading', { name: '利用しているサービス' }).waitFor()
  await look('start')
  // Who looked, at what, for what.
  const released = page.getByRole('row', { name: /本人確認に応じ/ })
  assert.match(await released.innerText(), /情報: 氏名、性別 \/ 利用目的: 試験のため/)
  await page.getByText('同意を狭める').press('Enter')
  await page.getByLabel('対象').selectOption({ label: '登録内容の変更の確認' })
  await page.getByLabel('内容').selectOption({ label: '取り消す' })
  await look('narrow')
  await page.getByRole('button', { name: '狭める' }).press('Enter')
  await page.getByText('取り消し済み').waitFor()
  await assert.rejects(shop.sekisho.confirmChange(subject), { code: 'consent-missing' })
  await page.getByRole('button', { name: 'いつも暗証番号を求める' }).press('Enter')
  await page.getByText('いつも暗証番号を求める設定です').waitFor()
  await page.getByRole('button', { name: '結び付けを終える' }).press('Enter')
  await page.getByText('結び付けたテレビや機器はありません').waitFor()

  const download = async (name: string, at = 0): Promise<Record<string, unknown>> => {
    const coming = page.waitForEvent('download')
    await page.getByRole('link', { name }).nth(at).click()
    return JSON.parse(await readFile(await (await coming).path(), 'utf8'))
  }
  assert.equal((await download('データを取り出す'))['form'], 'sekisho-own-data-1')
  assert.equal(typeof (await download('証明を取り出す', 2))['entry'], 'string')

  await page.getByRole('link', { name: 'English' }).click()
  await page.getByRole('heading', { name: 'Services you use' }).waitFor()
  await look('english')
  await page.setViewportSize({ width: 320, height: 740 })
  await look('telephone')
  const width = await page.evaluate('document.documentElement.scrollWidth')
  assert.ok(Number(width) <= 320, `${String(width)} pixels`)
})

/** The card step by keyboard. */
async function enter(
  page: Page,
  context: BrowserContext,
  kind: 'signature' | 'authentication',
): Promise<void> {
  // The script that reaches the reader runs once the page is loaded.
  await page.waitForLoadState()
  const opened = context.waitForEvent('page')
  await page.getByRole('button', { name: 'ウォレットのカードを使う' }).press('Enter')
  const wallet = await opened
  await wallet.waitForSelector('input[name=persona]')
  await wallet.getByLabel('佐藤　花子').check()
  await wallet.locator('form:has(input[name=persona]) button[type=submit]').first().click()
  await wallet.locator('input[type=password]').fill(kind === 'signature' ? 'SEKISHO1' : '2468')
  const closed = wallet.waitForEvent('close')
  await wallet.keyboard.press('Enter')
  await closed
}
