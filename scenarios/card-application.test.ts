/** A15 in Chromium: the clerk prints a form, a phone applies with a photo, the card is made, and the one visit hands it over. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { startTestTown, type TestTown } from '@sekisho/cli/testkit'
import type { Browser, Page } from 'playwright-core'
import { assertAccessible, picture, startChromium } from './browser.ts'

const day = 24 * 3600 * 1000

describe('a card is applied for in Chromium', () => {
  let town: TestTown
  let browser: Browser
  let window: Page
  let phone: Page
  before(async () => {
    town = await startTestTown()
    browser = await startChromium()
    const wide = { locale: 'ja-JP', viewport: { width: 1100, height: 900 } }
    window = await (await browser.newContext(wide)).newPage()
    const narrow = { locale: 'ja-JP', viewport: { width: 360, height: 740 } }
    phone = await (await browser.newContext(narrow)).newPage()
  })
  after(async () => {
    await browser.close()
    await town.stop()
  })

  /** Somebody without a card: who asks for a card gets a form. */
  async function openNewcomer(): Promise<void> {
    const { resident } = (await town.admin('authority', 'resident-register', {
      name: '申請　花子',
      gender: 'female',
      birthDate: { year: 1990, month: 5, day: 5 },
      municipality: '13101',
      address: '東京都千代田区一番町一番',
    })) as { resident: string }
    await window.goto(`${town.urls.authority}/residents/${resident}`)
    await window.getByRole('link', { name: '交付申請と受け渡し' }).click()
  }

  it('from the printed form to the card in the hand', async () => {
    await openNewcomer()
    await assertAccessible(window)
    await window.getByRole('button', { name: '申請書を発行する' }).click()
    await assertAccessible(window)
    await picture(window, 'application-form')
    const form = (await window.locator('dd code').textContent()) ?? ''
    assert.match(form, /^\d{23}$/)
    const code = await window.getByRole('img', { name: '読み取って申請' }).screenshot()
    await writeFile(`${town.layout.folder}/code.png`, code)
    const read = execFileSync('zbarimg', [
      '--quiet',
      '--nodbus',
      '--raw',
      `${town.layout.folder}/code.png`,
    ])
    const address = `${town.urls.authority}/card-application?form=${form}`
    assert.equal(read.toString().trim(), address)

    await phone.goto(address)
    await assertAccessible(phone)
    assert.equal(await phone.getByLabel('申請書の番号').inputValue(), form)
    const portrait = await window.screenshot({ type: 'png' })
    const file = { name: 'portrait.png', mimeType: 'image/png', buffer: portrait }
    await phone.getByLabel('顔写真').setInputFiles(file)
    await phone.getByText('portrait.png').waitFor()
    await picture(phone, 'application-phone')
    await phone.getByRole('button', { name: '申請する' }).click()
    await phone.getByRole('status').filter({ hasText: '受け付けました' }).waitFor()
    await phone.goto(`${town.urls.authority}/card-application?form=${form}`)
    await phone.getByLabel('顔写真').setInputFiles(file)
    await phone.getByText('portrait.png').waitFor()
    await phone.getByRole('button', { name: '申請する' }).click()
    await phone.getByText('form-unknown').waitFor()

    await window.getByRole('link', { name: '住民のページへ' }).click()
    await window.getByText('カードを作っています').waitFor()
    await town.clock.advance(15 * day)
    await town.settle()
    await window.reload()
    await window.getByText('交付通知書を送りました').waitFor()
    await assertAccessible(window)
    await window.getByLabel('交付通知書を持参した').check()
    await window.getByLabel('旅券(写真付き)').check()
    await window.getByLabel('暗証番号(4桁)').fill('2468')
    await window.getByLabel('署名用パスワード').fill('SEKISHO1')
    await window.getByRole('button', { name: 'カードを渡す' }).click()
    await window.getByText('identity-not-proofed').waitFor()
    await window.goBack()
    await window.getByLabel('交付通知書を持参した').check()
    await window.getByLabel('旅券(写真付き)').check()
    await window.getByLabel('顔と写真が一致した').check()
    await window.getByLabel('暗証番号(4桁)').fill('2468')
    await window.getByLabel('署名用パスワード').fill('SEKISHO1')
    await picture(window, 'application-delivery')
    await window.getByRole('button', { name: 'カードを渡す' }).click()
    await window.getByRole('status').filter({ hasText: 'カードを渡しました' }).waitFor()
    await window.getByRole('link', { name: '住民のページへ' }).click()
    assert.deepEqual(await window.locator('tbody tr td:last-child').allTextContents(), [
      '有効',
      '有効',
    ])
  })
})
