/** D2 in Chromium: an annuitant confirms with the card, an employee sees how the campaign stands. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTestTown } from '@sekisho/cli/testkit'
import { assertAccessible, picture, startChromium, useWallet } from './browser.ts'
import { openInsurer } from './insurer.ts'

test('an annuitant confirms with the card, and an employee sees how it stands', async () => {
  await using town = await startTestTown()
  const company = await openInsurer(town)
  const insurer = await company.start()
  try {
    await using browser = await startChromium()
    const context = await browser.newContext({
      locale: 'ja-JP',
      viewport: { width: 1100, height: 900 },
    })
    const page = await context.newPage()
    const look = async (name: string): Promise<void> => {
      await picture(page, `annuity-${name}`)
      await assertAccessible(page)
    }
    await page.goto(company.origin)
    await look('home')
    await page.getByRole('link', { name: 'はじめて利用する' }).press('Enter')
    await useWallet(page, context, '佐藤　花子', 'SEKISHO1')
    await page.getByText('いま、ご確認いただくことはありません。').waitFor()
    const store = await town.tables('platform')
    const [row] = await store.read(db =>
      db.selectFrom('pairwise').selectAll().where('provider_id', '=', 'insurer').execute(),
    )
    const subject = String(row?.['subject'])
    await insurer.store.transaction(async tx => {
      await tx
        .insertInto('annuity')
        .values({ number: 'A-1', subject, yen_per_year: 600_000, state: 'paid' })
        .execute()
      await tx.insertInto('employee').values({ subject, name: '担当一' }).execute()
    })
    await town.happen('plain-adult', { what: 'lost' })
    // The insurer begins while the card is stopped, and the person has found it again when they confirm.
    await page.goto(`${company.origin}/staff`)
    await page.getByLabel('回の名前').fill('2026')
    await page.getByRole('button', { name: '現況届を始める' }).press('Enter')
    await page.getByText('始めました。').waitFor()
    for (let round = 0; round < 100; round++) {
      await page.goto(`${company.origin}/staff`)
      if ((await page.locator('main').innerText()).includes('回答待ち\t1')) break
      await page.waitForTimeout(100)
    }
    await look('staff')
    await town.happen('plain-adult', { what: 'found' })
    await page.goto(`${company.origin}/report`)
    await look('report')
    await page.getByRole('button', { name: /変更はありません/ }).press('Enter')
    await page.getByText('年金受取人現況届').first().waitFor()
    await useWallet(page, context, '佐藤　花子', 'SEKISHO1')
    await page.getByText('ご確認ありがとうございました').waitFor()
    await look('done')
    await page.goto(`${company.origin}/staff/list/2026/unchanged`)
    assert.ok((await page.locator('main').innerText()).includes('A-1'))
  } finally {
    await insurer.stop()
    await company.close()
  }
})
