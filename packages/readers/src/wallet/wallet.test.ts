import assert from 'node:assert/strict'
import { readFile, rm } from 'node:fs/promises'
import { test } from 'node:test'
import { block, type CardState, parseCardState } from '@sekisho/card/virtual'
import type { ReaderRequest } from '@sekisho/contract/reader'
import { temporaryFolder, writeJsonFile } from '@sekisho/runtime/files'
import { createLog, type RaisingSink, raisingSink } from '@sekisho/runtime/log'
import { type Caller, createFetch, freePort } from '@sekisho/runtime/net'
import { systemRandom } from '@sekisho/runtime/random'
import { cardFile, openCardFolder } from '../cards.ts'
import { adultCard, testPassword, testPin } from '../citizens-for-tests.ts'
import { testProtocol } from '../protocol-suite-for-tests.ts'
import { finishedAnswer, type WalletWindow, walletWindow } from './client-for-tests.ts'
import { startWallet, type Wallet } from './server.ts'

const pageOrigin = 'https://platform.example'
const challenge = Buffer.alloc(32, 3).toString('base64url')
const login: ReaderRequest = { v: 1, type: 'authenticate', id: 'l1', purpose: 'login', challenge }

type Running = AsyncDisposable & {
  readonly wallet: Wallet
  readonly caller: Caller
  readonly sink: RaisingSink
  readonly folder: string
  window(): WalletWindow
  put(card: CardState | undefined): Promise<void>
  card(): Promise<CardState>
}

async function running(): Promise<Running> {
  const folder = await temporaryFolder('wallet')
  const port = await freePort()
  const file = cardFile(folder.path, 'hanako')
  const sink = raisingSink(() => [testPin, testPassword, '関所　花子', '200000000000001'])
  const wallet = await startWallet({
    port,
    publicOrigin: `http://wallet.localhost:${port}`,
    cardsFolder: folder.path,
    labels: { hanako: { name: { ja: '関所 花子', en: 'Hanako Sekisho' } } },
    random: systemRandom(),
    log: createLog({ program: 'wallet', sink, level: 'debug' }),
  })
  const caller = createFetch()
  return {
    wallet,
    caller,
    sink,
    folder: folder.path,
    window: () => walletWindow(wallet.url, caller.fetch),
    put: card => (card === undefined ? rm(file, { force: true }) : writeJsonFile(file, card)),
    card: async () => parseCardState(JSON.parse(await readFile(file, 'utf8'))),
    [Symbol.asyncDispose]: async () => {
      await caller.close()
      await wallet.stop()
      await folder.remove()
      assert.deepEqual(sink.violations(), [])
    },
  }
}

testProtocol('the wallet', async () => {
  const town = await running()
  return {
    name: 'wallet',
    origin: pageOrigin,
    async ask({ request, card, person }) {
      await town.put(card)
      const window = town.window()
      const { location } = await window.open(pageOrigin, request)
      if (card !== undefined) await window.post(`${location}/card`, { persona: 'hanako' })
      if (person !== 'cancels') await window.post(`${location}/pin`, { pin: person.types })
      let finished = finishedAnswer((await window.get(location)).body)
      if (finished === undefined) {
        await window.post(`${location}/stop`, {})
        finished = finishedAnswer((await window.get(location)).body)
      }
      assert.equal(finished?.origin, pageOrigin)
      return { answer: finished?.answer, card: card === undefined ? card : await town.card() }
    },
    close: async () => town[Symbol.asyncDispose](),
  }
})

test('the tries left are shown before the PIN, and the last one needs a confirmation', async () => {
  await using town = await running()
  const adult = adultCard()
  await town.put({ ...adult, authentication: { ...adult.authentication, triesLeft: 2 } })
  const window = town.window()
  const { location } = await window.open(pageOrigin, login)
  await window.post(`${location}/card`, { persona: 'hanako' })
  assert.match((await window.get(location)).body, /id="tries-left">残り2回/)
  await window.post(`${location}/pin`, { pin: '0000' })
  const last = (await window.get(`${location}?lang=en`)).body
  assert.match(last, /id="tries-left">1 left/)
  assert.match(last, /name="confirm"/)
  await window.post(`${location}/pin`, { pin: '0000' })
  assert.equal((await town.card()).authentication.triesLeft, 1)
  await window.post(`${location}/pin`, { pin: '0000', confirm: 'yes' })
  assert.equal((await town.card()).authentication.triesLeft, 0)
  const locked = (await window.get(location)).body
  assert.match(locked, /municipal window/)
  await window.post(`${location}/stop`, {})
  const finished = finishedAnswer((await window.get(location)).body)
  assert.deepEqual(finished?.answer, { v: 1, type: 'refused', id: 'l1', code: 'pin-locked' })
})

test('full-width digits are what the person meant', async () => {
  await using town = await running()
  await town.put(adultCard())
  const window = town.window()
  const { location } = await window.open(pageOrigin, login)
  await window.post(`${location}/card`, { persona: 'hanako' })
  await window.post(`${location}/pin`, { pin: '１２３４' })
  assert.ok(finishedAnswer((await window.get(location)).body))
})

test('the whole document is shown with title and origin, escaped, and a PDF is served to our own frame only', async () => {
  await using town = await running()
  await town.put(adultCard())
  const window = town.window()
  const text = '<script>alert(1)</script>\n末尾まで'
  const sign = {
    v: 1,
    type: 'sign',
    id: 's1',
    purpose: 'identify',
    title: '<b>同意</b>',
    mediaType: 'text/plain',
    document: Buffer.from(text).toString('base64'),
  }
  const { location } = await window.open(pageOrigin, sign)
  const { body, headers } = await window.get(location)
  assert.ok(body.includes('&lt;script&gt;alert(1)&lt;/script&gt;\n末尾まで</pre>'))
  assert.ok(body.includes('&lt;b&gt;同意&lt;/b&gt;') && body.includes(pageOrigin))
  const policy = headers.get('content-security-policy') ?? ''
  assert.match(policy, /default-src 'none'.*script-src 'self'/)
  assert.match(policy, /frame-ancestors 'none'/)
  assert.equal(headers.get('cross-origin-opener-policy'), null)
  const pdf = {
    ...sign,
    mediaType: 'application/pdf',
    document: Buffer.from('%PDF-1.7').toString('base64'),
  }
  const second = await window.open(pageOrigin, pdf)
  const served = await window.get(`${second.location}/document`)
  assert.equal(served.headers.get('content-type'), 'application/pdf')
  assert.match(served.headers.get('content-security-policy') ?? '', /frame-ancestors 'self'/)
  assert.equal((await town.window().get(`${second.location}/document`)).status, 404)
})

test('a request by an insecure or opaque origin is refused, and one without id is not taken in', async () => {
  await using town = await running()
  await town.put(adultCard())
  for (const origin of ['null', 'http://platform.example', 'https://platform.example/x']) {
    const window = town.window()
    const { location } = await window.open(origin, login)
    const finished = finishedAnswer((await window.get(location)).body)
    assert.deepEqual(finished?.answer, {
      v: 1,
      type: 'refused',
      id: 'l1',
      code: 'origin-foreign',
    })
  }
  assert.deepEqual(await town.window().open(pageOrigin, { hello: 1 }), {
    status: 400,
    location: 'request-malformed',
  })
  const window = town.window()
  const { location } = await window.open(pageOrigin, { ...login, pin: testPin })
  const finished = finishedAnswer((await window.get(location)).body)
  assert.deepEqual(finished?.answer, {
    v: 1,
    type: 'refused',
    id: 'l1',
    code: 'request-malformed',
  })
})

test('nobody but the window that began can go on: other session, other page, other token', async () => {
  await using town = await running()
  await town.put(adultCard())
  const window = town.window()
  const { location } = await window.open(pageOrigin, login)
  await window.post(`${location}/card`, { persona: 'hanako' })
  const other = town.window()
  await other.open(pageOrigin, login)
  assert.equal((await other.get(location)).status, 404)
  assert.equal((await other.post(`${location}/pin`, { pin: testPin })).status, 404)
  const pin = `${location}/pin`
  const foreign: [Readonly<Record<string, string>>, Readonly<Record<string, string>>][] = [
    [{ pin: testPin }, {}],
    [{ pin: testPin }, { origin: 'null' }],
    [{ pin: testPin }, { origin: pageOrigin }],
    [{ pin: testPin }, { origin: town.wallet.url, 'sec-fetch-site': 'cross-site' }],
    [{ pin: testPin, token: other.token() }, { origin: town.wallet.url }],
  ]
  for (const [fields, headers] of foreign) {
    assert.equal((await window.post(pin, fields, headers)).status, 403, JSON.stringify(headers))
  }
  assert.equal((await town.card()).authentication.triesLeft, 3)
  assert.equal(finishedAnswer((await window.get(location)).body), undefined)
})

test('a finished ceremony stays finished: a second PIN or a cancellation changes nothing', async () => {
  await using town = await running()
  await town.put(adultCard())
  const window = town.window()
  const { location } = await window.open(pageOrigin, login)
  await window.post(`${location}/card`, { persona: 'hanako' })
  await window.post(`${location}/pin`, { pin: testPin })
  const first = finishedAnswer((await window.get(location)).body)
  await window.post(`${location}/pin`, { pin: '0000' })
  await window.post(`${location}/stop`, {})
  assert.deepEqual(finishedAnswer((await window.get(location)).body), first)
  assert.equal((await town.card()).authentication.triesLeft, 3)
})

test('a card that is somewhere else cannot be read here, and the page learns why', async () => {
  await using town = await running()
  await town.put(adultCard())
  const window = town.window()
  const { location } = await window.open(pageOrigin, login)
  const cards = openCardFolder(town.folder)
  {
    await using held = await cards.take('hanako')
    assert.equal(held.persona, 'hanako')
    await window.post(`${location}/card`, { persona: 'hanako' })
  }
  await window.post(`${location}/stop`, {})
  const finished = finishedAnswer((await window.get(location)).body)
  assert.deepEqual(finished?.answer, { v: 1, type: 'refused', id: 'l1', code: 'card-in-use' })
})

test('the state of a card is shown without a PIN, with what to do when it is locked', async () => {
  await using town = await running()
  await town.put(block(adultCard(), 'signature'))
  const { body } = await town.window().get('/cards/hanako?lang=en')
  assert.match(body, /3 left/)
  assert.match(body, /The signature password is locked/)
  assert.equal((await town.window().get('/cards/nobody')).status, 409)
  assert.match((await town.window().get('/')).body, /関所 花子/)
})
