import assert from 'node:assert/strict'
import { readFile, rm } from 'node:fs/promises'
import { test } from 'node:test'
import axe from 'axe-core'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import type { ReaderRequest } from '@sekisho/contract/reader'
import { temporaryFolder, writeJsonFile } from '@sekisho/runtime/files'
import { silentLog } from '@sekisho/runtime/log'
import { freePort } from '@sekisho/runtime/net'
import { systemRandom } from '@sekisho/runtime/random'
import {
  cardCeremonyAsset,
  cardCeremonyForm,
  cardCeremonyPath,
  frameAssets,
  page as webPage,
} from '@sekisho/web'
import { parseCardState } from '@sekisho/card/virtual'
import { cardFile } from '../cards.ts'
import { adultCard, testPassword, testPin } from '../citizens-for-tests.ts'
import { type Site, startSite } from '../headless/site-for-tests.ts'
import { testProtocol } from '../protocol-suite-for-tests.ts'
import { startWallet } from './server.ts'

const challenge = Buffer.alloc(32, 5).toString('base64url')
const login: ReaderRequest = { v: 1, type: 'authenticate', id: 'l1', purpose: 'login', challenge }
const sign: ReaderRequest = {
  v: 1,
  type: 'sign',
  id: 's1',
  purpose: 'sign',
  title: '口座開設の申込み',
  mediaType: 'text/plain',
  document: Buffer.from('普通預金の口座を開設します。\n').toString('base64'),
}

/** A page at its own origin that asks, a wallet at another, and a real browser between them. */
async function openTown() {
  const folder = await temporaryFolder('wallet')
  const port = await freePort()
  const walletOrigin = `http://wallet.localhost:${port}`
  const wallet = await startWallet({
    port,
    publicOrigin: walletOrigin,
    cardsFolder: folder.path,
    labels: { hanako: { name: { ja: '関所 花子', en: 'Hanako Sekisho' } } },
    random: systemRandom(),
    log: silentLog(),
  })
  let asked: ReaderRequest = login
  const answers: unknown[] = []
  const site = await startSite(request => {
    const asset = [...frameAssets, cardCeremonyAsset].find(({ path }) => path === request.path)
    if (asset !== undefined) {
      return { headers: { 'content-type': asset.contentType }, html: asset.body }
    }
    if (request.method === 'POST') {
      answers.push(JSON.parse(request.form.get('answer') ?? 'null'))
      return { html: '<h1 id="received">received</h1>' }
    }
    const form = cardCeremonyForm({
      action: '/answer',
      request: asked,
      readers: { wallet: walletOrigin, agent: 'ws://127.0.0.1:9' },
      lang: 'ja',
    })
    return {
      headers: {
        'content-security-policy':
          "default-src 'none'; script-src 'self'; style-src 'self'; form-action 'self'; connect-src ws://127.0.0.1:9",
      },
      html: webPage({
        title: 'ログイン',
        lang: 'ja',
        body: form,
        service: { name: '認証プラットフォーム', home: '/' },
        scripts: [cardCeremonyPath],
      }),
    }
  })
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-background-networking'],
  })
  return {
    folder: folder.path,
    site,
    browser,
    answers,
    walletOrigin,
    ask(request: ReaderRequest) {
      asked = request
    },
    async close() {
      await browser.close()
      await site.close()
      await wallet.stop()
      await folder.remove()
    },
  }
}

const platform = (site: Site): string => site.origin('platform.localhost')

/** Opens the asking page and presses the wallet button by keyboard. */
async function openWindow(
  context: BrowserContext,
  site: Site,
): Promise<{ page: Page; window: Page }> {
  const page = await context.newPage()
  await page.goto(`${platform(site)}/`)
  const [window] = await Promise.all([
    context.waitForEvent('page'),
    page.locator('button[data-reader=wallet]').press('Enter'),
  ])
  await window.waitForURL(/\/ceremonies\//)
  return { page, window }
}

async function inContext<T>(
  browser: Browser,
  run: (context: BrowserContext) => Promise<T>,
): Promise<T> {
  const context = await browser.newContext({
    locale: 'ja-JP',
    viewport: { width: 700, height: 900 },
  })
  context.setDefaultTimeout(15_000)
  try {
    return await run(context)
  } finally {
    await context.close()
  }
}

testProtocol('the wallet in Chromium', async () => {
  const town = await openTown()
  return {
    name: 'wallet in Chromium',
    origin: platform(town.site),
    async ask({ request, card, person }) {
      const path = cardFile(town.folder, 'hanako')
      town.ask(request)
      if (card === undefined) await rm(path, { force: true })
      else await writeJsonFile(path, card)
      return inContext(town.browser, async context => {
        const { page, window } = await openWindow(context, town.site)
        const received = page.waitForSelector('#received')
        if (card !== undefined && person !== 'cancels') {
          await window.locator('form[action$="/card"] button').press('Enter')
          await window.waitForLoadState()
          const field = window.locator('input[name=pin]')
          if ((await field.count()) > 0) {
            await field.fill(person.types)
            await field.press('Enter')
            await window.waitForLoadState()
          }
        }
        await stopUnlessFinished(window)
        await received
        const answer = town.answers.at(-1)
        const after =
          card === undefined ? undefined : parseCardState(JSON.parse(await readFile(path, 'utf8')))
        return { answer, card: after }
      })
    },
    close: () => town.close(),
  }
})

/** A finished window closes by itself; one that is not has its cancel button. */
async function stopUnlessFinished(window: Page): Promise<void> {
  const stop = window.locator('form[action$="/stop"] button')
  const finished = window.locator('#wallet-finished')
  await stop.or(finished).first().waitFor({ state: 'attached' })
  if ((await stop.count()) > 0) await stop.press('Enter')
}

test('the window closes by itself and the page goes on; no axe rule is broken on any step', async () => {
  const town = await openTown()
  try {
    await writeJsonFile(cardFile(town.folder, 'hanako'), adultCard())
    town.ask(sign)
    await inContext(town.browser, async context => {
      const { page, window } = await openWindow(context, town.site)
      await assertAccessible(page)
      await assertAccessible(window)
      assert.equal(
        await window.locator('#document').textContent(),
        '普通預金の口座を開設します。\n',
      )
      await window.locator('form[action$="/card"] button').press('Enter')
      await window.locator('input[name=pin]').waitFor()
      await assertAccessible(window)
      assert.equal(await window.evaluate('document.activeElement.name'), 'pin')
      const closed = window.waitForEvent('close')
      await window.keyboard.type(testPassword)
      await window.keyboard.press('Enter')
      await page.waitForSelector('#received')
      await closed
    })
  } finally {
    await town.close()
  }
})

test('a blocked pop-up, a closed window and an absent agent are told on the page', async () => {
  const town = await openTown()
  try {
    await writeJsonFile(cardFile(town.folder, 'hanako'), adultCard())
    town.ask(login)
    await inContext(town.browser, async context => {
      const { page, window } = await openWindow(context, town.site)
      await window.close()
      await page.waitForSelector('#card-ceremony-news[data-news=closed]')
      assert.equal(await page.evaluate('document.activeElement.dataset.reader'), 'wallet')
      await page.locator('button[data-reader=agent]').click()
      await page.waitForSelector('#card-ceremony-news[data-news=absent]')
      await page.evaluate('window.open = () => null')
      await page.locator('button[data-reader=wallet]').click()
      await page.waitForSelector('#card-ceremony-news[data-news=blocked]')
      assert.equal(town.answers.length, 0)
    })
  } finally {
    await town.close()
  }
})

test('a page cannot take the answer meant for another origin, nor feed the asking page a forged one', async () => {
  const town = await openTown()
  try {
    await writeJsonFile(cardFile(town.folder, 'hanako'), adultCard())
    town.ask(login)
    await inContext(town.browser, async context => {
      const { page, window } = await openWindow(context, town.site)
      await page.evaluate(
        "window.postMessage({ v: 1, type: 'refused', id: 'l1', code: 'pin-wrong' }, location.origin)",
      )
      // The asking page moves on to another origin before the answer comes.
      await window.locator('form[action$="/card"] button').press('Enter')
      await window.locator('input[name=pin]').waitFor()
      await page.goto(`${town.site.origin('evil.localhost')}/`)
      await page.evaluate(
        "window.heard = []; window.addEventListener('message', event => window.heard.push(event.data))",
      )
      await window.locator('input[name=pin]').fill(testPin)
      await window.keyboard.press('Enter')
      await window.waitForEvent('close')
      assert.deepEqual(await page.evaluate('window.heard'), [])
      assert.deepEqual(town.answers, [])
    })
  } finally {
    await town.close()
  }
})

test('the wallet opened by hand says where to come from', async () => {
  const town = await openTown()
  try {
    await inContext(town.browser, async context => {
      const page = await context.newPage()
      await page.goto(`${town.walletOrigin}/reader`)
      await page.locator('[data-line=alone]').waitFor({ state: 'visible' })
      await page.goto(`${town.walletOrigin}/`)
      await assertAccessible(page)
    })
  } finally {
    await town.close()
  }
})

/** axe's WCAG 2.2 A and AA rules, run past the page's own policy by the debugger. */
async function assertAccessible(page: Page): Promise<void> {
  await page.evaluate(axe.source)
  const found: { violations: { id: string; nodes: { html: string }[] }[] } = await page.evaluate(
    "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })",
  )
  const told = found.violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`,
  )
  assert.deepEqual(told, [])
}
