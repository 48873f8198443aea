import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import type { Card } from '@sekisho/card'
import { type CardState, createVirtualCard } from '@sekisho/card/virtual'
import { Refusal } from '@sekisho/contract'
import type { ReaderRequest } from '@sekisho/contract/reader'
import { temporaryFolder } from '@sekisho/runtime/files'
import { readAsked } from '../asked.ts'
import { adultCard, testPassword, testPin } from '../citizens-for-tests.ts'
import { type SuitePerson, testProtocol } from '../protocol-suite-for-tests.ts'
import { openAllowedOrigins } from './origins.ts'
import type { CardSource } from './pcsc.ts'
import { askAgent, askOver, connectPage, startTestAgent } from './suite-for-tests.ts'
import { terminalPerson } from './terminal.ts'

const pageOrigin = 'https://platform.example'
const challenge = Buffer.alloc(32, 1).toString('base64url')
const login: ReaderRequest = { v: 1, type: 'authenticate', id: 'l1', purpose: 'login', challenge }
const types = (typed: string) => (): SuitePerson => ({ types: typed })

/** A virtual card in place of PC/SC; the deep test has the real service. */
function source(
  state: CardState,
  onChange: (state: CardState) => void = () => undefined,
): CardSource {
  const card: Card = createVirtualCard(state, { onChange })
  return { withCard: use => use(card) }
}

const empty: CardSource = { withCard: () => Promise.reject(new Refusal('card-absent')) }

testProtocol('the agent with a virtual card', async () => {
  let cards: CardSource = empty
  let person: SuitePerson = 'cancels'
  const agent = await startTestAgent({ withCard: use => cards.withCard(use) }, () => person)
  return {
    name: 'agent',
    origin: pageOrigin,
    async ask(given) {
      let state = given.card
      person = given.person
      cards =
        state === undefined
          ? empty
          : source(state, changed => {
              state = changed
            })
      return { answer: await askAgent(agent.url, pageOrigin, given.request), card: state }
    },
    close: () => agent.stop(),
  }
})

test('only a page of a secure origin, on the loopback by its own name, with our subprotocol, is let in', async () => {
  const agent = await startTestAgent(empty, types(testPin))
  try {
    const port = new URL(agent.url).port
    for (const [origin, headers] of [
      [undefined, {}],
      ['null', {}],
      ['http://platform.example', {}],
      ['https://platform.example/', {}],
      [pageOrigin, { host: `platform.example:${port}` }],
      [pageOrigin, { host: '127.0.0.1' }],
      [pageOrigin, { host: `evil.localhost:${port}` }],
    ] as const) {
      await assert.rejects(connectPage(agent.url, origin, headers), /403/, String(origin))
    }
    await assert.rejects(connectPage(`${agent.url}/other`, pageOrigin), /400/)
    await assert.rejects(connectPage(agent.url, pageOrigin, {}, 'chat'), /400/)
    for (const origin of [pageOrigin, 'http://localhost:8080', 'http://bank.localhost:1']) {
      const socket = await connectPage(agent.url, origin)
      assert.equal(socket.protocol, 'sekisho.reader.v1')
      socket.terminate()
    }
  } finally {
    await agent.stop()
  }
})

test('a preflight of private network access is granted to those origins only', async () => {
  const agent = await startTestAgent(empty, types(testPin))
  const { port, host } = new URL(agent.url)
  const ask = (method: string, headers: Readonly<Record<string, string>>) =>
    new Promise<{ status: number | undefined; headers: NodeJS.Dict<string | string[]> }>(
      (resolve, reject) => {
        httpRequest({ host: '127.0.0.1', port, method, headers }, answer => {
          answer.resume()
          resolve({ status: answer.statusCode, headers: answer.headers })
        })
          .on('error', reject)
          .end()
      },
    )
  try {
    const wants = { host, origin: pageOrigin, 'access-control-request-private-network': 'true' }
    const granted = await ask('OPTIONS', wants)
    assert.equal(granted.status, 204)
    assert.equal(granted.headers['access-control-allow-origin'], pageOrigin)
    assert.equal(granted.headers['access-control-allow-private-network'], 'true')
    const plain = await ask('OPTIONS', { host, origin: pageOrigin })
    assert.equal(plain.headers['access-control-allow-private-network'], undefined)
    for (const headers of [
      { ...wants, origin: 'http://evil.example' },
      { ...wants, host: `evil.example:${port}` },
      { ...wants, origin: 'null' },
    ]) {
      const refused = await ask('OPTIONS', headers)
      assert.equal(refused.status, 403)
      assert.equal(refused.headers['access-control-allow-origin'], undefined)
    }
    assert.equal((await ask('GET', { host, origin: pageOrigin })).status, 426)
  } finally {
    await agent.stop()
  }
})

test('an origin is allowed once by the person, and one that is not gets nothing', async () => {
  const questions: string[] = []
  const agent = await startTestAgent(source(adultCard()), types(testPin), {
    allowOrigin: async origin => {
      questions.push(origin)
      return origin === pageOrigin
    },
  })
  try {
    for (let round = 0; round < 2; round++) {
      const answer = await askAgent(agent.url, pageOrigin, login)
      assert.match(JSON.stringify(answer), /"authenticated"/)
    }
    assert.deepEqual(await askAgent(agent.url, 'https://evil.example', login), {
      v: 1,
      type: 'refused',
      id: 'l1',
      code: 'origin-foreign',
    })
    assert.deepEqual(questions, [pageOrigin, 'https://evil.example'])
  } finally {
    await agent.stop()
  }
})

test('a message that is none ends the connection, a malformed request is refused', async () => {
  const agent = await startTestAgent(source(adultCard()), types(testPin))
  try {
    for (const [message, closed] of [
      ['{', 1008],
      ['{"v":1}', 1008],
      [new Uint8Array(4), 1003],
      ['x'.repeat(4_600_000), 1009],
    ] as const) {
      assert.equal(await askOver(await connectPage(agent.url, pageOrigin), message), closed)
    }
    const socket = await connectPage(agent.url, pageOrigin)
    assert.deepEqual(await askOver(socket, JSON.stringify({ ...login, digest: 'AA' })), {
      v: 1,
      type: 'refused',
      id: 'l1',
      code: 'request-malformed',
    })
    socket.terminate()
  } finally {
    await agent.stop()
  }
})

test('the agent serves one request at a time, and a page that goes away ends its question', async () => {
  let asked = (): void => undefined
  const begun = new Promise<void>(resolve => {
    asked = resolve
  })
  let isAborted = false
  let ended = (): void => undefined
  const aborted = new Promise<void>(resolve => {
    ended = resolve
  })
  const agent = await startTestAgent(source(adultCard()), types(testPin), {
    confirm: async (_origin, _asked, signal) => {
      if (isAborted) return true
      asked()
      await new Promise<void>(resolve => {
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
      isAborted = true
      ended()
      return false
    },
  })
  try {
    const first = await connectPage(agent.url, pageOrigin)
    first.send(JSON.stringify(login))
    await begun
    const busy = await askAgent(agent.url, pageOrigin, login)
    assert.match(JSON.stringify(busy), /"card-in-use"/)
    first.terminate()
    await aborted
    await new Promise(resolve => setImmediate(resolve))
    assert.match(JSON.stringify(await askAgent(agent.url, pageOrigin, login)), /"authenticated"/)
  } finally {
    await agent.stop()
  }
})

test('the last try is not used up without confirmation, and a fault is answered without detail', async () => {
  const adult = adultCard()
  const last = { ...adult, authentication: { ...adult.authentication, triesLeft: 1 } }
  const left: number[] = []
  const agent = await startTestAgent(
    source(last, state => {
      left.push(state.authentication.triesLeft)
    }),
    types(testPin),
  )
  const broken = await startTestAgent(
    { withCard: () => Promise.reject(new Error('serial 200000000000001')) },
    types(testPin),
  )
  try {
    const refused = { v: 1, type: 'refused', id: 'l1' }
    assert.deepEqual(await askAgent(agent.url, pageOrigin, login), {
      ...refused,
      code: 'ceremony-cancelled',
    })
    assert.deepEqual(left, [])
    assert.deepEqual(await askAgent(broken.url, pageOrigin, login), {
      ...refused,
      code: 'card-fault',
    })
  } finally {
    await agent.stop()
    await broken.stop()
  }
})

test('allowed origins are kept in a file that a person can read, and nothing but origins gets in', async () => {
  await using folder = await temporaryFolder('origins')
  const path = `${folder.path}/origins.json`
  const origins = openAllowedOrigins(path)
  assert.equal(await origins.isAllowed(pageOrigin), false)
  await origins.allow(pageOrigin)
  assert.equal(await openAllowedOrigins(path).isAllowed(pageOrigin), true)
  await origins.allow('null')
  await assert.rejects(openAllowedOrigins(path).isAllowed(pageOrigin))
})

test('at a terminal the document is shown whole, the PIN is never echoed, and Ctrl-C cancels', async () => {
  const input = Object.assign(new PassThrough(), { setRawMode: () => undefined })
  const output = new PassThrough()
  let shown = ''
  output.on('data', piece => {
    shown += String(piece)
  })
  const person = terminalPerson({ input, output, lang: 'ja', showPdf: async () => '/tmp/x.pdf' })
  const { signal } = new AbortController()
  const reading = readAsked({
    v: 1,
    type: 'sign',
    id: 's',
    purpose: 'sign',
    title: '申込み',
    mediaType: 'text/plain',
    document: Buffer.from('一行目\n末尾').toString('base64'),
  })
  assert.ok(reading.kind === 'asked')
  input.write('y\n')
  assert.equal(await person.confirm(pageOrigin, reading.asked, signal), true)
  assert.ok(
    shown.includes(pageOrigin) && shown.includes('申込み') && shown.includes('一行目\n末尾'),
  )
  input.write(`${testPassword}\n`)
  const question = { kind: 'signature', triesLeft: 5, trouble: undefined } as const
  const entered = await person.enterPin(question, signal)
  assert.equal(Buffer.from(entered?.typed ?? []).toString(), testPassword)
  assert.equal(entered?.isLastConfirmed, false)
  assert.ok(!shown.includes(testPassword))
  input.write('y\nABCDEF\n')
  const last = await person.enterPin({ ...question, triesLeft: 1 }, signal)
  assert.equal(last?.isLastConfirmed, true)
  input.write('n\n')
  assert.equal(await person.enterPin({ ...question, triesLeft: 1 }, signal), undefined)
  input.write('\u0003')
  assert.equal(await person.enterPin(question, signal), undefined)
  const gone = new AbortController()
  const waiting = person.allowOrigin(pageOrigin, gone.signal)
  gone.abort()
  assert.equal(await waiting, false)
})
