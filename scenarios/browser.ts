/** Debian's Chromium for scenarios: one browser, loopback only, and accessibility judged by axe. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'

/** Starts Chromium as scenarios use it. */
export function startChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  })
}

const axeSource = readFileSync(
  createRequire(import.meta.url).resolve('axe-core/axe.min.js'),
  'utf8',
)

/** Asserts that axe finds nothing against WCAG 2.2 AA on a page. */
export async function assertAccessible(page: Page): Promise<void> {
  // The pages forbid foreign scripts, so the judge comes in beside their policy.
  const found = await page.evaluate(
    `(() => { const module = undefined; ${axeSource}; return axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }) })()`,
  )
  const { violations } = found as {
    violations: readonly { id: string; nodes: readonly { html: string }[] }[]
  }
  assert.deepEqual(
    violations.map(one => `${one.id}: ${one.nodes[0]?.html.slice(0, 200)}`),
    [],
    page.url(),
  )
}

/** Saves a picture for people to look at, under `test-output/` (not kept in the repository). */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = join(import.meta.dirname, '..', 'test-output')
  await mkdir(folder, { recursive: true })
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true })
}

/** Opens the wallet from the platform's page by keyboard, picks a card by its holder's name and types the secret there, and nowhere else. */
export async function useWallet(
  page: Page,
  context: BrowserContext,
  name: string,
  secret: string,
): Promise<void> {
  await page.waitForLoadState()
  const opened = context.waitForEvent('page')
  await page.getByRole('button', { name: 'ウォレットのカードを使う' }).press('Enter')
  const wallet = await opened
  await wallet.waitForSelector('input[name=persona]')
  await wallet.getByLabel(name).check()
  await wallet.locator('form:has(input[name=persona]) button[type=submit]').first().click()
  await wallet.locator('input[type=password]').fill(secret)
  const closed = wallet.waitForEvent('close')
  await wallet.keyboard.press('Enter')
  await closed
}
