/**
 * Citizens and a provider reduced to what the platform sees of them, so that one core of them keeps the platform busy: seven requests a login
 * over kept connections, the card's signature by its key, the provider's assertions by its own. Run in a thread; see `logins.ts`.
 *
 * What comes back is checked as far as the next request needs it, and the ID token to its subject: each citizen is always the same, and another
 * than the others.
 */
import { createHash, createPrivateKey, randomBytes, randomUUID, sign } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { parentPort } from 'node:worker_threads'
import { authenticationMessage, composeStatement } from '@sekisho/contract/reader'
import { type PoolKey, poolKey } from '@sekisho/pki/issue'

/** A citizen's authentication certificate (base64url) and its key in the pool. */
export type Citizen = { readonly certificate: string; readonly key: number }

/** What the callers are to do. */
export type LoginLoad = {
  readonly port: number
  readonly issuer: string
  readonly clientId: string
  readonly redirectUri: string
  readonly keyPem: string
  readonly citizens: readonly Citizen[]
  readonly logins: number
  /** So many begin a second, whatever comes back; undefined: each citizen begins again when the login before has ended. */
  readonly perSecond: number | undefined
}

/** Milliseconds of each login and of each of its answers, and what went wrong if something did. */
export type LoginsDone = {
  readonly msAll: number
  readonly logins: readonly number[]
  readonly answers: readonly number[]
  readonly fault: string | undefined
}

type Answer = {
  readonly status: number
  readonly head: string
  readonly body: string
}
type Send = (request: {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers?: string
  readonly body?: string
}) => Promise<Answer>

parentPort?.on('message', (load: LoginLoad) => void callAll(load))

async function callAll(load: LoginLoad): Promise<void> {
  const logins: number[] = []
  const answers: number[] = []
  const began = performance.now()
  let taken = 0
  const run = async (citizen: Citizen): Promise<void> => {
    const socket = connect(load.port, '127.0.0.1')
    await once(socket, 'connect')
    socket.setNoDelay(true).setEncoding('latin1')
    const send = senderOn(socket, new URL(load.issuer).host, answers)
    let subject = ''
    while (taken < load.logins) {
      // It begins when it is due: waiting for a citizen who is free counts.
      const due = load.perSecond === undefined ? 0 : began + (taken * 1000) / load.perSecond
      taken += 1
      const pause = due - performance.now()
      if (pause > 0) await new Promise(resolve => setTimeout(resolve, pause))
      const from = load.perSecond === undefined ? performance.now() : due
      const found = await logIn(load, citizen, send)
      if (subject !== '' && found !== subject) throw new Error('a citizen under two subjects')
      subject = found
      logins.push(performance.now() - from)
    }
    socket.destroy()
  }
  const results = await Promise.allSettled(load.citizens.map(run))
  const failed = results.find(one => one.status === 'rejected')
  parentPort?.postMessage({
    msAll: performance.now() - began,
    logins,
    answers,
    fault: failed === undefined ? undefined : String(failed.reason),
  } satisfies LoginsDone)
}

/** One login; the subject. */
async function logIn(load: LoginLoad, citizen: Citizen, send: Send): Promise<string> {
  const verifier = randomBytes(32).toString('base64url')
  const nonce = randomUUID()
  const pushed = await send(
    form('/oidc/par', {
      ...authentication(load),
      response_type: 'code',
      redirect_uri: load.redirectUri,
      scope: 'openid',
      state: randomUUID(),
      nonce,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    }),
  )
  const { request_uri: uri } = JSON.parse(expect(pushed, 201).body) as { request_uri: string }
  const query = new URLSearchParams({ client_id: load.clientId, request_uri: uri }).toString()
  const asked = expect(await send({ method: 'GET', path: `/oidc/authorize?${query}` }), 303)
  const cookies = new Map<string, string>()
  keepCookies(cookies, asked)
  const page = expect(await send(page_(pathOf(asked), cookies)), 200)
  keepCookies(cookies, page)
  const answered = await send({
    ...form(pathOf(asked), { answer: cardAnswer(load.issuer, citizen, page.body) }),
    headers: `${cookieLine(cookies)}origin: ${load.issuer}\r\nsec-fetch-site: same-origin\r\ncontent-type: application/x-www-form-urlencoded\r\n`,
  })
  const back = expect(await send(page_(pathOf(expect(answered, 303)), cookies)), 303)
  const code = new URL(locationOf(back)).searchParams.get('code') ?? ''
  const token = expect(
    await send(
      form('/oidc/token', {
        ...authentication(load),
        grant_type: 'authorization_code',
        code,
        redirect_uri: load.redirectUri,
        code_verifier: verifier,
      }),
    ),
    200,
  )
  const tokens = JSON.parse(token.body) as { access_token: string; id_token: string }
  const info = await send({
    method: 'GET',
    path: '/oidc/userinfo',
    headers: `authorization: Bearer ${tokens.access_token}\r\n`,
  })
  const { sub } = JSON.parse(expect(info, 200).body) as { sub: string }
  const [, payload = ''] = tokens.id_token.split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as {
    sub: string
    nonce: string
  }
  if (claims.sub !== sub || claims.nonce !== nonce) throw new Error('an ID token of another login')
  return sub
}

/** What the reader answers for its citizen: the card's signature over the statement. */
function cardAnswer(issuer: string, citizen: Citizen, html: string): string {
  const text = /data-request="([^"]*)"/.exec(html)?.[1]?.replaceAll('&quot;', '"') ?? '{}'
  const { id, challenge } = JSON.parse(text) as { id: string; challenge: string }
  const statement = composeStatement({ purpose: 'login', origin: issuer, challenge })
  return JSON.stringify({
    v: 1,
    type: 'authenticated',
    id,
    signed: Buffer.from(statement).toString('base64url'),
    signature: Buffer.from(
      cardKeyOf(citizen.key).sign('rsa-sha256', authenticationMessage(statement)),
    ).toString('base64url'),
    certificate: citizen.certificate,
  })
}

/** The provider's own authentication (RFC 7523). */
function authentication(load: LoginLoad): Readonly<Record<string, string>> {
  const now = Math.floor(Date.now() / 1000)
  const encode = (value: unknown): string =>
    Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = {
    iss: load.clientId,
    sub: load.clientId,
    aud: load.issuer,
    iat: now,
    exp: now + 60,
    jti: randomUUID(),
  }
  const signed = `${encode({ alg: 'ES256', kid: 'k' })}.${encode(claims)}`
  const key = keyOf(load.keyPem)
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' })
  return {
    client_id: load.clientId,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: `${signed}.${signature.toString('base64url')}`,
  }
}

const cardKeys = new Map<number, PoolKey>()

function cardKeyOf(index: number): PoolKey {
  const key = cardKeys.get(index) ?? poolKey(index)
  cardKeys.set(index, key)
  return key
}

const keys = new Map<string, ReturnType<typeof createPrivateKey>>()

function keyOf(pem: string): ReturnType<typeof createPrivateKey> {
  const key = keys.get(pem) ?? createPrivateKey(pem)
  keys.set(pem, key)
  return key
}

function form(path: string, fields: Readonly<Record<string, string>>) {
  const body = new URLSearchParams(fields).toString()
  const headers = 'content-type: application/x-www-form-urlencoded\r\n'
  return { method: 'POST', path, headers, body } as const
}

function page_(path: string, cookies: ReadonlyMap<string, string>) {
  return { method: 'GET', path, headers: `${cookieLine(cookies)}accept: text/html\r\n` } as const
}

function cookieLine(cookies: ReadonlyMap<string, string>): string {
  return `cookie: ${Array.from(cookies, ([name, value]) => `${name}=${value}`).join('; ')}\r\n`
}

function keepCookies(cookies: Map<string, string>, { head }: Answer): void {
  for (const [, name = '', value = ''] of head.matchAll(/\r\nset-cookie: ([^=]+)=([^;\r]*)/gi))
    if (value !== '') cookies.set(name, value)
}

function locationOf({ head }: Answer): string {
  return /\r\nlocation: ([^\r]*)/i.exec(head)?.[1] ?? ''
}

function pathOf(answer: Answer): string {
  const url = new URL(locationOf(answer), 'http://localhost')
  return `${url.pathname}${url.search}`
}

function expect(answer: Answer, status: number): Answer {
  if (answer.status !== status) throw new Error(`${answer.status}: ${answer.body.slice(0, 2000)}`)
  return answer
}

/** One request after the other on one connection. */
function senderOn(socket: Socket, host: string, answers: number[]): Send {
  return ({ method, path, headers = '', body }) =>
    new Promise((resolve, reject) => {
      const from = performance.now()
      let received = ''
      const end = (given: Answer | Error): void => {
        socket.removeAllListeners('data').removeAllListeners('close').removeAllListeners('error')
        answers.push(performance.now() - from)
        if (given instanceof Error) reject(given)
        else resolve(given)
      }
      socket.on('error', end)
      socket.on('close', () => end(new Error('the server hung up')))
      socket.on('data', (text: string) => {
        received += text
        const at = received.indexOf('\r\n\r\n')
        if (at < 0) return
        const head = received.slice(0, at)
        const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? Number.NaN)
        if (Number.isNaN(length)) end(new Error(`an answer without a length: ${head}`))
        if (received.length < at + 4 + length) return
        end({ status: Number(head.slice(9, 12)), head, body: received.slice(at + 4) })
      })
      const length = body === undefined ? '' : `content-length: ${body.length}\r\n`
      socket.write(
        `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n${headers}${length}\r\n${body ?? ''}`,
      )
    })
}
