/**
 * The town's event board, the loss line and the CA operator's screen in Chromium: things happen to people, companies and CAs, and what
 * follows is seen at the authority and at the platform.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startTestTown, type TestTown } from '@sekisho/cli/testkit'
import type { Browser, Page } from 'playwright-core'
import { assertAccessible, picture, startChromium } from './browser.ts'

describe('the board of the town in Chromium', () => {
  let town: TestTown
  let browser: Browser
  let page: Page
  before(async () => {
    town = await startTestTown()
    browser = await startChromium()
    const context = await browser.newContext({
      locale: 'ja-JP',
      viewport: { width: 1100, height: 900 },
    })
    page = await context.newPage()
  })
  after(async () => {
    await browser.close()
    await town.stop()
  })

  const look = async (person: string): Promise<void> => {
    await page.goto(`${town.urls.town}/board?person=${person}`)
  }
  const press = async (name: string): Promise<void> => {
    await page.getByRole('button', { name, exact: true }).click()
    await page.waitForLoadState()
  }
  /** Rows of the chosen person's certificates: kind, authority, platform. */
  const rows = async (): Promise<readonly string[]> => {
    const region = page.getByRole('region', { name: '証明書の状態' })
    const all = await region.locator('tbody tr').all()
    return Promise.all(
      all.map(async row => {
        const cells = await row.locator('td').allTextContents()
        return [cells[0], cells[3], cells[4]?.replace(/ №\d+$/, '')].join(' | ')
      }),
    )
  }

  it('a move ends the signature certificate alone, at the authority and at the platform', async () => {
    await look('plain-adult')
    await assertAccessible(page)
    assert.deepEqual(await rows(), ['利用者証明用 | 有効 | 有効', '署名用 | 有効 | 有効'])
    await press('引っ越す')
    assert.deepEqual(await rows(), [
      '利用者証明用 | 有効 | 有効',
      '署名用 | 失効 affiliationChanged | 失効 affiliationChanged',
    ])
    await assertAccessible(page)
    await picture(page, 'board')
  })

  it('a lost card is held and found again, and death ends everything', async () => {
    await look('renewed-card')
    await press('カードをなくす')
    assert.ok(
      (await rows()).some(row =>
        row.endsWith('一時停止 certificateHold | 一時停止 certificateHold'),
      ),
    )
    await press('カードが見つかる')
    assert.ok((await rows()).includes('利用者証明用 | 有効 | 有効'))
    await press('亡くなる')
    assert.ok((await rows()).every(row => !row.includes('有効')))
  })

  it('what cannot happen is refused in words', async () => {
    await look('plain-adult')
    await press('18歳になる')
    await page.getByText('event-not-possible').waitFor()
    await assertAccessible(page)
  })

  it('a company closes, and the CAs roll over: the next card is of the new generation', async () => {
    await look('plain-adult')
    await press('会社を閉じる')
    assert.ok((await page.locator('option', { hasText: '(閉鎖)' }).count()) === 1)
    await press('認証局の鍵を更新する')
    await look('plain-adult')
    await press('カードを再交付')
    const region = page.getByRole('region', { name: '証明書の状態' })
    const keys = await region.locator('tbody code').allTextContents()
    assert.notEqual(keys[0], keys.at(-1))
    assert.deepEqual((await rows()).slice(0, 2), [
      '利用者証明用 | 有効 | 有効',
      '署名用 | 有効 | 有効',
    ])
    await page.goto(`${town.urls.authority}/ca`)
    await assertAccessible(page)
    await picture(page, 'ca')
    assert.equal(await page.getByRole('row', { name: '署名用 3' }).count(), 1)
    assert.ok(await page.getByText('すべての失効リストが期限内です。').isVisible())
  })

  it('the loss line stops the cards of who is identified, and of nobody else', async () => {
    await page.goto(`${town.urls.authority}/loss-line`)
    await assertAccessible(page)
    const fill = async (birthDate: string): Promise<void> => {
      await page.getByLabel('氏名').fill('鈴木一郎')
      await page.getByLabel('生年月日').fill(birthDate)
      await page.getByLabel('住所').fill(await addressOf('long-address'))
      await page.getByRole('button', { name: '照合して一時停止する' }).click()
    }
    await fill('19790716')
    await page.getByText('caller-not-identified').waitFor()
    await page.goto(`${town.urls.authority}/loss-line`)
    await fill('19790715')
    await page.getByRole('status').filter({ hasText: '一時停止しました' }).waitFor()
    await picture(page, 'loss-line')
    await look('long-address')
    assert.ok((await rows()).some(row => row.includes('一時停止 certificateHold')))
  })

  it('the clock turns by years, and certificates end', async () => {
    await look('plain-adult')
    await press('5年進める')
    await page.goto(`${town.urls.town}/board?person=plain-adult&lang=en`)
    await assertAccessible(page)
    assert.ok(await page.getByRole('heading', { name: 'Event board' }).isVisible())
    await page.goto(`${town.urls.town}/board?lang=ja`)
  })

  async function addressOf(persona: string): Promise<string> {
    const tables = await town.tables('authority')
    const row = await tables.read(db =>
      db
        .selectFrom('resident')
        .select('attributes')
        .where('persona', '=', persona)
        .executeTakeFirst(),
    )
    const attributes = row?.['attributes'] as { address: string } | undefined
    return attributes?.address ?? ''
  }
})
