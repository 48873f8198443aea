import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chromium } from 'playwright-core'
import { createVirtualCard } from '@sekisho/card/virtual'
import { parseStatement, type ReaderRequest, readerAnswer } from '@sekisho/contract/reader'
import {
  cardCeremonyAsset,
  cardCeremonyForm,
  cardCeremonyPath,
  page as webPage,
} from '@sekisho/web'
import { adultCard, testPin } from '../citizens-for-tests.ts'
import { startSite } from '../headless/site-for-tests.ts'
import { startTestAgent } from './suite-for-tests.ts'

const challenge = Buffer.alloc(32, 4).toString('base64url')
const login: ReaderRequest = { v: 1, type: 'authenticate', id: 'l1', purpose: 'login', challenge }

test('a page in Chromium reaches the agent on the loopback, and its own origin is what gets signed', async () => {
  const card = createVirtualCard(adultCard(), { onChange: () => undefined })
  const agent = await startTestAgent({ withCard: use => use(card) }, () => ({ types: testPin }))
  let posted = ''
  const site = await startSite(request => {
    if (request.path === cardCeremonyPath) {
      return {
        headers: { 'content-type': cardCeremonyAsset.contentType },
        html: cardCeremonyAsset.body,
      }
    }
    if (request.method === 'POST') posted = request.form.get('answer') ?? ''
    if (request.method === 'POST') return { html: '<p id="received"></p>' }
    const body = cardCeremonyForm({
      action: '/',
      request: login,
      readers: { agent: agent.url },
      lang: 'ja',
    })
    return {
      headers: {
        'content-security-policy': `default-src 'none'; script-src 'self'; form-action 'self'; connect-src ${agent.url}`,
      },
      html: webPage({
        title: 'ログイン',
        lang: 'ja',
        body,
        service: { name: '認証', home: '/' },
        scripts: [cardCeremonyPath],
      }),
    }
  })
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-background-networking'],
  })
  try {
    const page = await browser.newPage()
    page.setDefaultTimeout(15_000)
    await page.goto(`${site.origin('platform.localhost')}/`)
    await page.locator('button[data-reader=agent]').press('Enter')
    await page.waitForSelector('#received', { state: 'attached' })
    const answer = readerAnswer.parse(JSON.parse(posted))
    assert.ok(answer.type === 'authenticated', answer.type)
    const statement = parseStatement(Buffer.from(answer.signed, 'base64url'))
    assert.equal(statement?.origin, site.origin('platform.localhost'))
    assert.deepEqual([...agent.allowed], [site.origin('platform.localhost')])
  } finally {
    await browser.close()
    await site.close()
    await agent.stop()
  }
})
