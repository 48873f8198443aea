/**
 * C11 in Chromium: what came is read, with who made each document and with what right; searched, put away, forwarded to an office of one's own choice
 * and taken back; by keyboard, in both languages, on a PC and a telephone; an office's in-tray for its clerk and nobody else.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { startTestTown } from '@sekisho/cli/testkit'
import { assertAccessible, picture, startChromium, useWallet } from './browser.ts'
import { holderOf, signedCms } from './holder.ts'
import { smallPdf } from './small-pdf.ts'

const officeNumber = '7000012050002'

test('a person reads, searches, forwards, takes back and exports; a clerk has the office’s tray', async () => {
  await using town = await startTestTown()
  const insurer = await town.provider({ id: 'insurer' })
  const office = await town.provider({ id: 'office' })
  await town.admin('platform', 'mailbox-register', {
    organisation: officeNumber,
    name: '国税庁',
    provider: 'office',
  })
  const { url, pending } = await insurer.sekisho.beginLogin()
  const reader = await town.person('plain-adult')
  const { subject } = await insurer.sekisho.finish((await reader.visit(url)).url, pending)
  await reader[Symbol.asyncDispose]()
  const company = await holderOf(town, 'construction-representative')
  const certificate = signedCms(town, company, '保険料控除証明書\n')
  const altered = Uint8Array.from(certificate)
  altered[Buffer.from(altered).indexOf('証')] = 0xe4
  const post = (
    key: string,
    title: string,
    files: readonly (readonly [string, string, Uint8Array])[],
  ) =>
    insurer.sekisho.postMail(
      {
        to: { subject },
        kind: 'certificate',
        subject: title,
        body: 'いつもご利用ありがとうございます。\n\n年末調整や確定申告に使える証明書をお送りします。',
        documents: files.map(([name, mediaType, content]) => ({ name, mediaType, content })),
      },
      key,
    )
  const { id } = await post('certificate-1', '保険料控除証明書', [
    ['控除証明書.p7m', 'application/pkcs7-mime', certificate],
    ['ご案内.pdf', 'application/pdf', smallPdf()],
  ])
  await post('certificate-2', '書き換えられた証明書', [
    ['控除証明書.p7m', 'application/pkcs7-mime', altered],
  ])

  await using browser = await startChromium()
  const context = await browser.newContext({
    locale: 'ja-JP',
    viewport: { width: 1100, height: 900 },
  })
  const page = await context.newPage()
  const look = async (name: string): Promise<void> => {
    await picture(page, `mailbox-${name}`)
    await assertAccessible(page)
  }
  const platform = town.urls.platform
  await page.goto(`${platform}/me?lang=ja`)
  await useWallet(page, context, '佐藤　花子', '2468')
  await page.getByRole('heading', { name: '利用しているサービス' }).waitFor()
  await page.goto(`${platform}/me/mail`)
  await page.getByRole('heading', { name: '私書箱', exact: true }).waitFor()
  assert.equal(await page.getByText('未読').count(), 2)
  await look('list')

  await page.getByRole('link', { name: '保険料控除証明書' }).press('Enter')
  await page.getByText('署名は正しく、書類は署名の後に変わっていません。').waitFor()
  const text = await page.locator('main').innerText()
  for (const part of ['団体名', '役職', '権限', '代表者(登記による)', '氏名', '署名はありません。'])
    assert.ok(text.includes(part), part)
  await look('message')
  assert.equal((await insurer.sekisho.readMailStanding(id)).state, 'read')
  await page.getByRole('button', { name: '署名をもう一度確かめる' }).press('Enter')
  await page.getByText('署名は正しく').waitFor()
  await page.getByRole('link', { name: 'メッセージへ戻る' }).press('Enter')

  const saved = async (name: string | RegExp): Promise<Uint8Array> => {
    const coming = page.waitForEvent('download')
    await page.getByRole('link', { name }).first().click()
    return readFile(await (await coming).path())
  }
  assert.deepEqual(Uint8Array.from(await saved(/保存する 控除証明書/)), certificate)

  await page.getByText('転送する').first().press('Enter')
  await page.getByLabel('宛先').selectOption({ label: '国税庁' })
  await page.getByRole('checkbox', { name: 'ご案内.pdf' }).uncheck()
  await page.getByLabel('添える文').fill('確定申告に添えます。')
  await look('forward')
  await page.getByRole('button', { name: '転送する' }).press('Enter')
  await page.getByText('転送しました').waitFor()
  const [arrived] = (await office.sekisho.listMail()).messages
  assert.deepEqual(arrived?.from, { kind: 'person' })
  assert.deepEqual(
    arrived?.documents.map(one => [one.name, one.verification?.verdict]),
    [['控除証明書.p7m', 'passed']],
  )
  await look('sent')
  await page.getByRole('button', { name: /取り消す/ }).press('Enter')
  await page.getByText('取り消しました').waitFor()
  assert.deepEqual((await office.sekisho.listMail()).messages, [])

  await page.goto(`${platform}/me/mail`)
  await page.getByLabel('検索').fill('書き換えられた')
  await page.keyboard.press('Enter')
  await page.getByText('1件見つかりました').waitFor()
  await page.getByRole('link', { name: '書き換えられた証明書' }).press('Enter')
  await page.getByText('この書類を信じないでください').waitFor()
  await look('altered')
  await page.getByRole('button', { name: 'ごみ箱に入れる' }).press('Enter')
  await page.getByText('移しました').waitFor()
  assert.equal(await page.getByText('書き換えられた証明書').count(), 0)

  const coming = page.waitForEvent('download')
  await page.getByRole('button', { name: 'すべて書き出す' }).click()
  const archive = await (await coming).path()
  assert.match(execFileSync('unzip', ['-t', archive], { encoding: 'utf8' }), /No errors detected/)
  const listed = execFileSync('unzip', ['-Z1', archive], { encoding: 'utf8' })
  assert.match(listed, /received\/00001\/message\.json/)
  assert.match(listed, /sent\/00001\/receipts\.json/)
  assert.match(listed, /documents\/2-ご案内\.pdf/)

  // Nobody opens an office's tray who has no part in it.
  await page.goto(`${platform}/me/organisations/${officeNumber}/mail`)
  await page.getByText('mailbox-unknown').waitFor()
  await town.admin('platform', 'mailbox-member', {
    organisation: officeNumber,
    provider: 'insurer',
    subject,
    role: 'clerk',
  })
  await insurer.sekisho.postMail(
    { to: { organisation: officeNumber }, kind: 'answer', subject: '照会への回答', body: '回答' },
    'answer-key-1',
  )
  await page.goto(`${platform}/me/mail`)
  await page.getByRole('link', { name: '国税庁' }).press('Enter')
  await page.getByRole('link', { name: '照会への回答' }).press('Enter')
  await page.getByRole('button', { name: '保管する' }).press('Enter')
  await page.getByText('移しました').waitFor()
  await look('office')

  await page.goto(`${platform}/me/mail`)
  await page.getByRole('link', { name: 'English' }).click()
  await page.getByRole('heading', { name: 'Mailbox', exact: true }).waitFor()
  await look('english')
  await page.getByRole('link', { name: '保険料控除証明書' }).press('Enter')
  await page.setViewportSize({ width: 320, height: 740 })
  await look('telephone')
  const width = await page.evaluate('document.documentElement.scrollWidth')
  assert.ok(Number(width) <= 320, `${String(width)} pixels`)
})
