/** The municipal window in Chromium: find, hand out, lose, find again, move; by mouse, by keyboard, in both languages. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startTestTown, type TestTown } from '@sekisho/cli/testkit'
import type { Browser, Page } from 'playwright-core'
import { assertAccessible, picture, startChromium } from './browser.ts'

for (const database of ['embedded', 'postgres'] as const)
  describe(`the municipal window in Chromium, on ${database}`, () => {
    let town: TestTown
    let browser: Browser
    let page: Page

    before(async () => {
      town = await startTestTown({ database })
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

    /** Opens an event's form, judges the page and sends it. */
    const perform = async (
      event: string,
      fill: (form: ReturnType<Page['locator']>) => Promise<void>,
    ) => {
      const form = page.locator('details', {
        has: page.locator('summary', { hasText: new RegExp(`^${event}`) }),
      })
      await form.locator('summary').click()
      await fill(form)
      await assertAccessible(page)
      await form.getByRole('button').click()
      await page.getByRole('status').filter({ hasText: event }).waitFor()
    }
    const nothing = async (): Promise<void> => {}
    const states = (): Promise<string[]> => page.locator('tbody tr td:last-child').allTextContents()

    it('lists the prepared people first, with what is special about each', async () => {
      await page.goto(town.urls.authority)
      await assertAccessible(page)
      await picture(page, 'window-list')
      assert.equal(await page.locator('tbody tr').count(), 21)
      await page.getByRole('row', { name: '紛失(一時停止中)' }).getByRole('link').click()
      assert.deepEqual(await states(), [
        '一時停止 (紛失の連絡) certificateHold',
        '一時停止 (紛失の連絡) certificateHold',
      ])
    })

    it('hands a card to a resident who has none, and the wallet finds it', async () => {
      await page.goto(town.urls.authority)
      await page.getByLabel('市区町村').selectOption({ label: '神奈川県藤沢市' })
      await page.getByRole('button', { name: 'さがす' }).click()
      await assertAccessible(page)
      await page
        .locator('tbody tr', { hasNot: page.locator('td:last-child:not(:empty)') })
        .first()
        .getByRole('link')
        .click()
      await assertAccessible(page)
      await picture(page, 'window-without-card')
      assert.ok(await page.getByText('交付されていません').isVisible())
      await perform('カードを交付する', async form => {
        await form.getByLabel('暗証番号(利用者証明用').fill('2468')
        const password = form.getByLabel('署名用パスワード')
        if ((await password.count()) > 0) await password.fill('SEKISHO1')
      })
      await picture(page, 'window-with-card')
      assert.ok((await states()).every(state => state === '有効'))
      const name = await page.locator('dd code').textContent()
      await (await town.takeCard(name ?? '')).release()
    })

    it('holds and releases a lost card, and offers only what is possible', async () => {
      await page.goto(town.urls.authority)
      await page.getByRole('link', { name: '佐藤　花子' }).click()
      assert.equal(await page.locator('summary', { hasText: '発見の届出' }).count(), 0)
      await perform('紛失の連絡', nothing)
      assert.equal(await page.locator('summary', { hasText: '紛失の連絡' }).count(), 0)
      assert.equal(
        await page.locator('summary', { hasText: '署名用電子証明書を発行する' }).count(),
        0,
      )
      await perform('発見の届出', nothing)
      assert.deepEqual(await states(), ['有効', '有効'])
    })

    it('a move ends the signature certificate, and a new one goes onto the card', async () => {
      await perform('転居・転入', async form => {
        await form.getByLabel('市区町村').selectOption({ label: '沖縄県那覇市' })
        await form.getByLabel('新しい住所').fill('沖縄県那覇市泊1丁目1番1号')
      })
      assert.ok(await page.getByText('沖縄県那覇市泊１丁目１番１号').isVisible())
      assert.deepEqual((await states()).toSorted(), [
        '失効 (住民票の記載の変更または消除) affiliationChanged',
        '有効',
      ])
      await perform('署名用電子証明書を発行する', form =>
        form.getByLabel('署名用パスワード').fill('SEKISHO1'),
      )
      assert.equal((await states()).filter(state => state === '有効').length, 2)
      await picture(page, 'window-after-move')
    })

    it('registers who arrives from abroad with an end of stay, who then gets a card that ends with it, and a child', async () => {
      await page.goto(town.urls.authority)
      await page.getByRole('link', { name: '転入・国外での登録' }).click()
      await assertAccessible(page)
      await picture(page, 'window-register')
      await page.getByLabel('氏名', { exact: true }).fill('SILVA ANA')
      await page.getByLabel('生年月日').fill('1992-05-05')
      await page.getByLabel('市区町村').selectOption({ label: '愛知県豊田市' })
      await page.getByLabel('住所').fill('愛知県豊田市元城町1丁目1番')
      await page.getByLabel('国籍・地域').fill('BRA')
      await page.getByLabel('在留期間の満了日').fill('2029-03-31')
      await page.getByRole('button', { name: '届出を受け付ける' }).click()
      await page.getByRole('heading', { level: 1, name: 'ＳＩＬＶＡ　ＡＮＡ' }).waitFor()
      await assertAccessible(page)
      await perform('カードを交付する', async form => {
        await form.getByLabel('暗証番号(利用者証明用').fill('2468')
        await form.getByLabel('署名用パスワード').fill('SEKISHO1')
      })
      assert.ok(await page.getByText('令和11年3月31日まで有効').isVisible())
      await perform('成年後見の開始', nothing)
      assert.ok((await states()).some(state => state.includes('cessationOfOperation')))
      await perform('出生', async form => {
        await form.getByLabel('氏名', { exact: true }).fill('SILVA LUCAS')
        await form.getByLabel('生年月日').fill('2025-01-31')
      })
      assert.ok(await page.getByText('世帯主 (2人)').isVisible())
      await picture(page, 'window-foreign-resident')
    })

    it('an unsuitable PIN is refused on a page that says so', async () => {
      await page.goto(town.urls.authority)
      await page.getByRole('link', { name: '佐藤　花子' }).click()
      await page.locator('summary', { hasText: /^暗証番号を初期化する/ }).click()
      await page.locator('#reset-pin-pin').fill('1990')
      await page.locator('#reset-pin-pin').press('Enter')
      await page.getByText('pin-unsuitable').waitFor()
      await assertAccessible(page)
      await picture(page, 'window-refused')
      await page.getByRole('link', { name: '手続の画面に戻る' }).click()
      await page.getByRole('heading', { level: 1, name: '佐藤　花子' }).waitFor()
    })

    it('is used by keyboard in the order in which it reads', async () => {
      await page.goto(town.urls.authority)
      const focused = (): Promise<string> =>
        page.evaluate(`document.activeElement.textContent.trim().slice(0, 12)`)
      const seen: string[] = []
      for (let step = 0; step < 4; step++) {
        await page.keyboard.press('Tab')
        seen.push(await focused())
      }
      assert.deepEqual(seen, ['本文へ移動', 'せきしょ町 住民窓口', '転入・国外での登録', 'English'])
      await page.keyboard.press('Tab')
      await page.keyboard.press('Tab')
      await page.keyboard.type('佐藤 花')
      await page.keyboard.press('Enter')
      await page.getByRole('link', { name: '佐藤　花子' }).focus()
      await page.keyboard.press('Enter')
      await page.getByRole('heading', { level: 1, name: '佐藤　花子' }).waitFor()
      const summary = page.locator('summary').first()
      await summary.focus()
      await page.keyboard.press('Enter')
      assert.equal(await page.locator('details').first().getAttribute('open'), '')
    })

    it('speaks English, and fits a telephone', async () => {
      await page.setViewportSize({ width: 390, height: 800 })
      await page.getByRole('link', { name: 'English' }).click()
      await page.getByRole('heading', { name: 'Certificates', exact: true }).waitFor()
      await assertAccessible(page)
      await picture(page, 'window-small')
      const overflow = await page.evaluate(
        `document.documentElement.scrollWidth - document.documentElement.clientWidth`,
      )
      assert.equal(overflow, 0)
    })
  })
