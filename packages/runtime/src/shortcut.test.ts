import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import { connect, type Socket } from 'node:net'
import { after, before, beforeEach, describe, it } from 'node:test'
import { sleep } from './clock.ts'
import { seededRandom } from './random.ts'
import { createShortcuts, type Shortcut, type Shortcuts } from './shortcut.ts'

const idleMs = 150
/** Every connection of a test ends in this time, or the test fails. */
const patienceMs = 4_000

/** Questions say what becomes of them; answers of the short way begin with `short`, those of Node's server with `ordinary`. */
const shortcut: Shortcut = {
  path: '/ask',
  questionType: 'text/plain',
  answerType: 'text/plain',
  questionBytesMax: 1_000,
  answer: question => {
    asked++
    const text = Buffer.from(question).toString('latin1')
    if (text === 'unknown') return undefined
    if (text === 'fault') throw new Error('asked for a fault')
    if (text === 'late fault') return sleep(5).then(() => assert.fail('asked for a late fault'))
    if (text === 'late unknown') return sleep(5).then(() => undefined)
    const answer = Buffer.from(`short ${text}`)
    if (text === 'large') return Buffer.concat([answer, Buffer.alloc(500_000)])
    return text.startsWith('late') ? sleep(20).then(() => answer) : answer
  },
}
let asked = 0

type Place = { readonly server: Server; readonly port: number; readonly shortcuts: Shortcuts }
const opened: Place[] = []

async function open(given: { readonly isShort: boolean }): Promise<Place> {
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => void pieces.push(piece))
    request.on('end', () => response.end(`ordinary ${request.url} ${Buffer.concat(pieces)}`))
  })
  const [ordinary] = server.listeners('connection')
  const shortcuts = createShortcuts(new Set(['here:1']), idleMs)
  if (given.isShort) shortcuts.add(shortcut)
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) =>
    shortcuts.serve(socket, one => void Reflect.apply(ordinary ?? assert.fail, server, [one])),
  )
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  const place = { server, port: address.port, shortcuts }
  opened.push(place)
  return place
}

function question(text: string, more: readonly string[] = []): string {
  const fields = ['Host: here:1', 'content-type: text/plain', `Content-Length: ${text.length}`]
  return [`POST /ask HTTP/1.1`, ...fields, ...more, '', text].join('\r\n')
}

/** Sends pieces, a few milliseconds apart, and ends the sending side; everything that comes back. */
async function sends(place: Place, ...pieces: readonly string[]): Promise<string> {
  const socket = connect(place.port, '127.0.0.1')
  const back = received(socket)
  for (const piece of pieces) {
    socket.write(Buffer.from(piece, 'latin1'))
    await sleep(3)
  }
  await sleep(60)
  socket.end()
  return back
}

function received(socket: Socket): Promise<string> {
  const pieces: Buffer[] = []
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      socket.destroy()
      reject(new Error(`nobody ended the connection: ${Buffer.concat(pieces)}`))
    }, patienceMs)
    socket.on('data', (piece: Buffer) => void pieces.push(piece))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearTimeout(late)
      resolve(Buffer.concat(pieces).toString('latin1'))
    })
  })
}

/** Status and body of each answer, heads left out. */
function answersIn(text: string): readonly string[] {
  const found: string[] = []
  for (let rest = text; rest !== ''; ) {
    const end = rest.indexOf('\r\n\r\n')
    if (end < 0) return [...found, 'cut']
    const head = rest.slice(0, end)
    const status = head.slice(9, 12)
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
    const isChunked = /transfer-encoding: chunked/i.test(head)
    const body = isChunked ? rest.slice(end + 4) : rest.slice(end + 4, end + 4 + length)
    found.push(`${status} ${body}`.trim())
    rest = isChunked ? '' : rest.slice(end + 4 + length)
  }
  return found
}

let place: Place
before(async () => {
  place = await open({ isShort: true })
})
beforeEach(() => {
  asked = 0
})
after(async () => {
  for (const { server, shortcuts } of opened) {
    shortcuts.cutOff()
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
})

describe('a question on the short way', () => {
  it('is answered whole with its type, its length and the date', async () => {
    const back = await sends(place, question('one'))
    const [head = '', body] = back.split('\r\n\r\n')
    assert.match(head, /^HTTP\/1\.1 200 OK\r\ncontent-type: text\/plain\r\ncontent-length: 9\r\n/)
    const date = /date: (.*)$/.exec(head)?.[1] ?? ''
    assert.ok(Math.abs(Date.parse(date) - Date.now()) < 3_000)
    assert.equal(date, new Date(date).toUTCString())
    assert.equal(body, 'short one')
  })

  it('may come in two pieces, cut anywhere; in three it takes the ordinary way', async () => {
    const whole = question('halved')
    for (let at = 1; at < whole.length; at += 17)
      assert.deepEqual(
        answersIn(await sends(place, whole.slice(0, at), whole.slice(at))),
        ['200 short halved'],
        `cut at ${at}`,
      )
    const three = [whole.slice(0, 30), whole.slice(30, 60), whole.slice(60)]
    assert.deepEqual(answersIn(await sends(place, ...three)), ['200 ordinary /ask halved'])
  })

  it('octet by octet is answered all the same', async () => {
    assert.deepEqual(answersIn(await sends(place, ...question('slow'))), ['200 ordinary /ask slow'])
  })

  it('that cannot be answered there is answered by the ordinary server, whose connection it then is', async () => {
    for (const text of ['unknown', 'fault', 'late unknown', 'late fault'])
      assert.deepEqual(
        answersIn(await sends(place, question('one'), question(text), question('one'))),
        ['200 short one', `200 ordinary /ask ${text}`, '200 ordinary /ask one'],
      )
  })

  it('takes further fields, but none that change how the rest is read', async () => {
    const fields = ['User-Agent: a (b; c)', 'x-forwarded-for: 10.0.0.1', 'Connection: Keep-Alive']
    assert.deepEqual(answersIn(await sends(place, question('one', fields))), ['200 short one'])
    for (const field of ['Connection: close', 'TE: trailers', 'Keep-Alive: timeout=9'])
      assert.deepEqual(answersIn(await sends(place, question('one', [field]))), [
        '200 ordinary /ask one',
      ])
  })
})

describe('several questions at once', () => {
  it('are answered in their order, however long each takes', async () => {
    const names = ['one', 'late two', 'three', 'unknown', 'late four', 'five']
    const back = answersIn(await sends(place, names.map(name => question(name)).join('')))
    const expected = names.map((name, at) => `200 ${at < 3 ? 'short' : 'ordinary /ask'} ${name}`)
    assert.deepEqual(back, expected)
  })

  it('with an ordinary request between them likewise', async () => {
    const get = 'GET /other HTTP/1.1\r\nHost: here:1\r\n\r\n'
    const back = answersIn(await sends(place, question('late one') + get + question('two')))
    assert.deepEqual(back, ['200 short late one', '200 ordinary /other', '200 ordinary /ask two'])
  })

  it('are not answered faster than they are read', async () => {
    const socket = connect(place.port, '127.0.0.1')
    socket.pause()
    socket.write(question('large').repeat(200))
    await sleep(200)
    const before = asked
    assert.ok(before < 40, `${before} answers of half a megabyte were made for nobody`)
    await sleep(idleMs * 2)
    assert.equal(asked, before)
    const back = received(socket)
    socket.resume()
    assert.ok((await back).length < before * 501_000, 'who takes nothing is let go')
  })
})

describe('slow and silent clients', () => {
  it('who stop in the middle of a question are left to the limits of the ordinary server', async () => {
    const socket = connect(place.port, '127.0.0.1')
    const back = received(socket)
    const whole = question('paused')
    socket.write(whole.slice(0, 40))
    await sleep(idleMs * 2)
    socket.write(whole.slice(40))
    await sleep(60)
    socket.end()
    assert.deepEqual(answersIn(await back), ['200 ordinary /ask paused'])
  })

  it('who ask nothing more are let go', async () => {
    const socket = connect(place.port, '127.0.0.1')
    const back = received(socket)
    socket.write(question('one'))
    const begun = performance.now()
    assert.deepEqual(answersIn(await back), ['200 short one'])
    assert.ok(performance.now() - begun < idleMs + 1_000)
  })

  it('who leave while their answer is made hurt nobody', async () => {
    const socket = connect(place.port, '127.0.0.1')
    socket.write(question('late one'))
    await sleep(5)
    socket.resetAndDestroy()
    await sleep(40)
    assert.deepEqual(answersIn(await sends(place, question('one'))), ['200 short one'])
  })
})

describe('a server that stops', () => {
  it('lets go who waits, answers who asked, and has the rest refused', async () => {
    const own = await open({ isShort: true })
    const [idle, busy] = [connect(own.port, '127.0.0.1'), connect(own.port, '127.0.0.1')]
    const [idleBack, busyBack] = [received(idle), received(busy)]
    idle.write(question('one'))
    busy.write(question('late one'))
    await sleep(10)
    own.shortcuts.stop()
    assert.deepEqual(answersIn(await idleBack), ['200 short one'])
    assert.deepEqual(answersIn(await busyBack), ['200 short late one'])
    assert.deepEqual(answersIn(await sends(own, question('one'))), ['200 ordinary /ask one'])
  })
})

describe('anything else', () => {
  const hostile: readonly (readonly [string, string])[] = [
    ['another host', question('one').replace('here:1', 'there:1')],
    ['no host', question('one').replace('Host: here:1\r\n', '')],
    ['two hosts', question('one', ['Host: here:1'])],
    ['another address', question('one').replace('/ask', '/ask/')],
    ['a whole address', question('one').replace('/ask', 'http://here:1/ask')],
    ['another type', question('one').replace('text/plain', 'text/html')],
    ['two lengths', question('one', ['content-length: 3'])],
    ['two different lengths', question('one', ['content-length: 30'])],
    ['length with a sign', question('one').replace('Length: 3', 'Length: +3')],
    ['length in hexadecimal', question('one').replace('Length: 3', 'Length: 0x3')],
    ['length with a space inside', question('one').replace('Length: 3', 'Length: 3 0')],
    ['length as a list', question('one').replace('Length: 3', 'Length: 3, 3')],
    ['a space before the colon', question('one').replace('Length:', 'Length :')],
    ['a folded field', question('one', ['x: 1\r\n continued'])],
    ['a bare line feed', question('one').replace('\r\nHost', '\nHost')],
    ['a bare carriage return', question('one', ['x: a\rb'])],
    ['a zero octet', question('one', ['x: a\0b'])],
    ['an octet beyond ASCII', question('one', ['x: \xe9'])],
    ['HTTP/1.0', question('one').replace('HTTP/1.1', 'HTTP/1.0')],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a body too large', question('x'.repeat(1_001))],
    ['a head too large', question('one', [`x: ${'y'.repeat(5_000)}`])],
    ['a head far too large', question('one', [`x: ${'y'.repeat(40_000)}`])],
    [
      'a chunked body',
      question('').replace('Content-Length: 0', 'Transfer-Encoding: chunked') +
        '3\r\none\r\n0\r\n\r\n',
    ],
    [
      'a chunked body with a length',
      question('one', ['Transfer-Encoding: chunked']) + '3\r\none\r\n0\r\n\r\n',
    ],
    ['an upgrade', question('one', ['Connection: upgrade', 'Upgrade: h2c'])],
    ['an expectation', question('one', ['Expect: 100-continue'])],
    ['no body', question('')],
    ['a line before', `\r\n${question('one')}`],
    ['not HTTP', 'hello\r\n\r\n'],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'],
  ]
  const plainly = async (plain: Place, text: string): Promise<readonly string[]> =>
    answersIn(await sends(plain, text)).map(one => one.replace(' short ', ' ordinary /ask '))

  for (const [name, text] of hostile)
    it(`gets the ordinary server's answer: ${name}`, async () => {
      const plain = await open({ isShort: false })
      const told = await plainly(place, text)
      assert.equal(asked, 0)
      assert.deepEqual(told, await plainly(plain, text))
    })

  it('bent at random is told the same as without the short way', async () => {
    const seed = String(Date.now())
    console.log(`seed ${seed}`)
    const random = seededRandom(seed)
    const below = (max: number): number => Buffer.from(random.bytes(4)).readUInt32BE() % max
    const pieces = ['\r\n', '\n', ' ', ':', '\t', '3', ',', '\0', 'Content-Length: 5\r\n', 'x']
    const bent = (): string => {
      const text = question(['one', 'two three', 'x'.repeat(50)][below(3)] ?? '', ['A: b'])
      const at = below(text.length)
      const put = pieces[below(pieces.length)] ?? ''
      return text.slice(0, at) + put + text.slice(at + below(3))
    }
    const plain = await open({ isShort: false })
    await Promise.all(
      Array.from({ length: 250 }, async () => {
        const text = bent()
        const [told, expected] = await Promise.all([plainly(place, text), plainly(plain, text)])
        // Where what follows is broken, Node's server forgets a whole question before it; the short way has answered it by then.
        // And it says 400 to half a question whose sender ends, who gets nothing from us.
        const isBroken = expected.length === 1 && expected[0] === '400'
        const judged = isBroken ? [...expected, ...told].slice(-1) : told
        assert.deepEqual(judged, expected, JSON.stringify(text))
      }),
    )
  })
})
