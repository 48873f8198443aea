/**
 * C12 and C13 in Chromium: a clerk accepts a mandate, a parent applies for a nursery, the clerk certifies at the screens, the town's clerk decides; each sees
 * how it stands; by keyboard, on a PC and a telephone, in both languages.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTestTown, type TestTown } from '@sekisho/cli/testkit'
import type { Browser, Page } from 'playwright-core'
import { assertAccessible, picture, startChromium, useWallet } from './browser.ts'
import { holderOf, signedCms } from './holder.ts'

const insurer = '4999901000004'
const day = 24 * 3600 * 1000

test('a parent, an employer’s clerk and a town’s clerk get a nursery application done', async () => {
  await using town = await startTestTown()
  const hall = await town.provider({ id: 'hall' })
  await town.admin('platform', 'mailbox-register', {
    municipality: '13101',
    name: '千代田区',
    provider: 'hall',
  })
  await town.admin('platform', 'mailbox-register', {
    organisation: insurer,
    name: '架空生命保険株式会社',
  })
  const parent = await identified(town, hall, 'plain-adult')
  const clerk = await identified(town, hall, 'former-surname')
  const official = await identified(town, hall, 'foreign-resident')
  await town.admin('platform', 'mailbox-member', {
    municipality: '13101',
    provider: 'hall',
    subject: official.subject,
    role: 'clerk',
  })
  await using browser = await startChromium()

  // The clerk accepts what the representative has given.
  const atWork = await seat(browser, town, '高橋　美咲')
  await atWork.page.goto(`${town.urls.platform}/me/mandates`)
  await look(atWork.page, 'mandates-list')
  await atWork.page.getByLabel('承諾コード').fill(await grant(town, clerk))
  await atWork.page.getByLabel('承諾コード').press('Enter')
  await atWork.page.getByRole('heading', { name: '委任の承諾書' }).waitFor()
  await look(atWork.page, 'mandates-accept')
  await atWork.sign()
  await atWork.page.getByText('委任を受けました').waitFor()
  await atWork.page
    .getByRole('link', { name: /詳しく見る/ })
    .first()
    .press('Enter')
  await atWork.page.getByText('就労証明書の発行').first().waitFor()
  await look(atWork.page, 'mandates-one')

  // The parent applies.
  const atHome = await seat(browser, town, '佐藤　花子')
  const { page } = atHome
  await page.goto(`${town.urls.platform}/me/procedures`)
  await look(page, 'procedures-list')
  await page.getByRole('link', { name: '保育所の入所申込み: この手続を始める' }).press('Enter')
  await page.getByLabel('保護者の氏名', { exact: true }).fill(parent.name)
  await page.getByLabel('住所', { exact: true }).fill(parent.address)
  await page.getByLabel('子どもの氏名').fill('佐藤　子')
  await page.getByLabel('子どもの生年月日').fill('2025-06-01')
  await page.getByLabel('希望する保育所').fill('見本保育園')
  await page
    .getByLabel('入所を希望する日')
    .fill(new Date(town.clock.now() + 40 * day).toISOString().slice(0, 10))
  await page.getByLabel('法人番号').first().fill(insurer)
  await page.getByRole('radio', { name: '千代田区' }).check()
  await look(page, 'procedures-form')
  await page.getByRole('button', { name: '内容を確認する' }).press('Enter')
  await page.getByRole('heading', { name: '保育所の入所申込み' }).waitFor()
  const text = await page.locator('main pre').innerText()
  for (const part of [
    '見本保育園',
    '提供先と、提供する項目',
    '架空生命保険株式会社: 保護者の氏名、住所',
    '千代田区',
  ])
    assert.ok(text.includes(part), part)
  await look(page, 'procedures-sign')
  await atHome.sign()
  await page.getByText('申請しました').waitFor()
  await look(page, 'procedures-status')

  // The clerk certifies.
  await atWork.page.goto(`${town.urls.platform}/me/procedures`)
  await atWork.page.getByRole('link', { name: /対応する.*就労証明書の発行/ }).press('Enter')
  await atWork.page.getByLabel('雇用開始日').fill('2020-04-01')
  await atWork.page.getByLabel('1週間の勤務日数').fill('5')
  await atWork.page.getByLabel('1か月の勤務時間').fill('150')
  await atWork.page.getByLabel('勤務地').fill('東京都千代田区')
  await look(atWork.page, 'procedures-certify')
  await atWork.page.getByRole('button', { name: '内容を確認する' }).press('Enter')
  await atWork.page.getByText('発行者: 架空生命保険株式会社 人事部 係長').waitFor()
  await atWork.sign()
  await atWork.page.getByText('申請しました').waitFor()

  // The town's clerk sees who certified with what right, and decides; on a telephone.
  const atHall = await seat(browser, town, 'ＳＡＮＴＯＳ　ＭＡＲＩＡ　ＬＵＩＳＡ', 390)
  await atHall.page.goto(`${town.urls.platform}/me/procedures`)
  await atHall.page.getByRole('link', { name: /対応する.*利用の決定/ }).press('Enter')
  const seen = await atHall.page.locator('main').innerText()
  for (const part of [
    '架空生命保険株式会社',
    '係長',
    '人事部',
    '委任の範囲内の行為です。',
    clerk.name,
    '見本保育園',
  ])
    assert.ok(seen.includes(part), part)
  await look(atHall.page, 'procedures-decide')
  await atHall.page.getByRole('radio', { name: '入所を承諾します' }).check()
  await atHall.page.getByRole('button', { name: '送る' }).press('Enter')
  await atHall.page.getByText('受け付けました').waitFor()

  await page.reload()
  await page.getByText('決定: 入所を承諾します').first().waitFor()
  await look(page, 'procedures-ended')
  await page.goto(`${page.url().split('?')[0]}?lang=en`)
  await page.getByRole('heading', { name: 'How it stands' }).waitFor()
  await look(page, 'procedures-english')
})

async function look(page: Page, name: string): Promise<void> {
  await picture(page, name)
  await assertAccessible(page)
}

async function identified(
  town: TestTown,
  provider: Awaited<ReturnType<TestTown['provider']>>,
  persona: string,
) {
  const { url, pending } = await provider.sekisho.beginIdentify(['name', 'address'])
  await using person = await town.person(persona)
  const { subject, claims } = await provider.sekisho.finish((await person.visit(url)).url, pending)
  return { subject, name: claims.name ?? '', address: claims.address?.formatted ?? '' }
}

/** A mandate of the insurer's representative; the code for its delegate. */
async function grant(
  town: TestTown,
  delegate: { readonly name: string; readonly address: string },
): Promise<string> {
  const iso = (at: number): string => new Date(at).toISOString()
  const now = town.clock.now()
  const content = {
    kind: 'mandate-grant',
    method: 'operator-file',
    at: iso(now),
    corporation: insurer,
    delegate: { name: delegate.name, address: delegate.address, unit: '人事部', title: '係長' },
    acts: [{ code: 'employment.certify', text: '就労証明書の発行' }],
    from: iso(now - day),
    until: iso(now + 100 * day),
    subdelegations: 0,
  }
  const holder = await holderOf(town, 'insurer-representative')
  const answer = await town.fetch(`${town.urls.platform}/mandates`, {
    method: 'POST',
    headers: { 'content-type': 'application/pkcs7-mime' },
    body: Buffer.from(signedCms(town, holder, JSON.stringify(content))),
  })
  const { acceptanceCode } = (await answer.json()) as { acceptanceCode: string }
  return acceptanceCode
}

/** Somebody at a browser of their own who has opened their pages with the card. */
async function seat(browser: Browser, town: TestTown, name: string, width = 1100) {
  const context = await browser.newContext({ locale: 'ja-JP', viewport: { width, height: 900 } })
  const page = await context.newPage()
  await page.goto(`${town.urls.platform}/me?lang=ja`)
  await useWallet(page, context, name, '2468')
  await page.getByRole('heading', { name: '委任と代理' }).waitFor()
  return { page, sign: () => useWallet(page, context, name, 'SEKISHO1') }
}
