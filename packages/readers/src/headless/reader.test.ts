import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Pin, parsePin, type SecretKind } from '@sekisho/card'
import { type CardState, createVirtualCard } from '@sekisho/card/virtual'
import type { ReaderRequest } from '@sekisho/contract/reader'
import { type Caller, createFetch } from '@sekisho/runtime/net'
import { cardCeremonyForm } from '@sekisho/web'
import { testProtocol } from '../protocol-suite-for-tests.ts'
import { adultCard, testPassword, testPin } from '../citizens-for-tests.ts'
import { WalkFault, type WalkFaultCode } from './browser.ts'
import { createHeadlessReader, type HeadlessReader, type HeadlessSettings } from './reader.ts'
import { type Site, type SiteAnswer, startSite } from './site-for-tests.ts'

const challenge = Buffer.alloc(32, 9).toString('base64url')
const login: ReaderRequest = { v: 1, type: 'authenticate', id: 'l1', purpose: 'login', challenge }

function pinOf(kind: SecretKind, typed: string): Pin | undefined {
  const parsed = parsePin(kind, typed)
  return parsed.kind === 'done' ? parsed.value : undefined
}

/** Makes a site and a reader with an adult's card, runs, closes both. */
async function walking(
  answer: Parameters<typeof startSite>[0],
  run: (site: Site, reader: HeadlessReader, card: () => CardState) => Promise<void>,
  settings: Partial<HeadlessSettings> = {},
): Promise<void> {
  const site = await startSite(answer)
  const caller: Caller = createFetch()
  let state = adultCard()
  const card = createVirtualCard(state, {
    onChange: changed => {
      state = changed
    },
  })
  const authentication = pinOf('authentication', testPin)
  const signature = pinOf('signature', testPassword)
  const pins = { ...(authentication && { authentication }), ...(signature && { signature }) }
  const reader = createHeadlessReader({
    fetch: caller.fetch,
    card,
    pins,
    expects: ['login', 'identify', 'sign'],
    ...settings,
  })
  try {
    await run(site, reader, () => state)
  } finally {
    await caller.close()
    await site.close()
  }
}

const ceremonyPage = (request: ReaderRequest, action = '/answer'): SiteAnswer => ({
  html: `<!doctype html>${cardCeremonyForm({
    action,
    request,
    readers: { wallet: 'http://wallet.localhost:1' },
    lang: 'ja',
    hidden: { csrf: 'a&"<b' },
  })}`,
})

const faultOf = (code: WalkFaultCode) => (fault: unknown) =>
  fault instanceof WalkFault && fault.code === code

testProtocol('the headless reader', async () => {
  let request: ReaderRequest = login
  let answered: unknown
  const site = await startSite(seen => {
    if (seen.method === 'GET') return ceremonyPage(request)
    answered = JSON.parse(seen.form.get('answer') ?? 'null')
    return { html: 'done' }
  })
  const caller = createFetch()
  return {
    name: 'headless',
    origin: site.origin('platform.localhost'),
    async ask(given) {
      request = given.request
      answered = undefined
      let state = given.card
      const kind = request.type === 'authenticate' ? 'authentication' : 'signature'
      const parsed = given.person === 'cancels' ? undefined : parsePin(kind, given.person.types)
      // Whoever gives the headless reader a PIN has checked its form before there is a Pin at all.
      if (parsed?.kind === 'refused') {
        const answer = { v: 1, type: 'refused', id: request.id, code: 'pin-malformed' }
        return { answer, card: state }
      }
      const reader = createHeadlessReader({
        fetch: caller.fetch,
        ...(state && {
          card: createVirtualCard(state, {
            onChange: changed => {
              state = changed
            },
          }),
        }),
        pins: parsed === undefined ? {} : { [kind]: parsed.value },
        expects: ['login', 'sign'],
      })
      await reader.visit(`${site.origin('platform.localhost')}/ceremony`)
      return { answer: answered, card: state }
    },
    async close() {
      await caller.close()
      await site.close()
    },
  }
})

test('a walk follows redirects over hosts, answers the ceremony and posts it with the hidden inputs', async () => {
  let port = ''
  await walking(
    ({ host, path }) => {
      if (path === '/start')
        return { status: 302, headers: { location: `http://localhost:${port}/login` } }
      if (path === '/login') return ceremonyPage(login)
      if (path === '/answer') {
        return { status: 303, headers: { location: `http://bank.localhost:${port}/done` } }
      }
      return { html: `<p>${host}${path}</p>` }
    },
    async (site, reader) => {
      port = new URL(site.origin('localhost')).port
      const arrival = await reader.visit(`${site.origin('bank.localhost')}/start`)
      assert.equal(arrival.url, `${site.origin('bank.localhost')}/done`)
      assert.equal(arrival.body, '<p>bank.localhost/done</p>')
      assert.deepEqual(arrival.ceremonies, [
        { purpose: 'login', origin: site.origin('localhost'), answered: 'authenticated' },
      ])
      const posted = site.seen.find(({ path }) => path === '/answer')
      assert.equal(posted?.form.get('csrf'), 'a&"<b')
      assert.equal(posted?.headers.origin, site.origin('localhost'))
      assert.equal(posted?.headers['sec-fetch-site'], 'same-origin')
    },
  )
})

test('cookies stay with their host, and SameSite decides over what crosses sites', async () => {
  let port = ''
  await walking(
    ({ host, path, method }) => {
      if (path === '/set') {
        return {
          headers: {
            'set-cookie': [
              'strict=1; SameSite=Strict',
              'lax=1; SameSite=Lax',
              'silent=1',
              '__Host-x=1; Path=/; Secure',
              '__Host-bad=1; Path=/set; Secure',
            ],
          },
          html: '<p>set</p>',
        }
      }
      if (host === 'bank.localhost' && path === '/form') {
        return {
          html: `<form method="post" action="http://localhost:${port}/take"><input name="a" value="b"></form>`,
        }
      }
      if (host === 'bank.localhost' && path === '/link') {
        return { html: `<form action="http://localhost:${port}/take"></form>` }
      }
      return { html: `<p>${method}</p>` }
    },
    async (site, reader) => {
      port = new URL(site.origin('localhost')).port
      const cookiesAt = (): string => site.seen.at(-1)?.headers.cookie ?? ''
      const names = (): string[] =>
        cookiesAt()
          .split('; ')
          .map(pair => pair.split('=')[0] ?? '')
          .filter(Boolean)
          .toSorted()
      await reader.visit(`${site.origin('localhost')}/set`)
      await reader.visit(`${site.origin('bank.localhost')}/form`)
      assert.deepEqual(names(), [])
      await reader.submit({})
      assert.deepEqual(names(), [])
      assert.equal(site.seen.at(-1)?.headers.origin, site.origin('bank.localhost'))
      assert.equal(site.seen.at(-1)?.headers['sec-fetch-site'], 'cross-site')
      await reader.visit(`${site.origin('bank.localhost')}/link`)
      await reader.submit({})
      assert.deepEqual(names(), ['__Host-x', 'lax', 'silent'])
      await reader.visit(`${site.origin('localhost')}/take`)
      assert.deepEqual(names(), ['__Host-x', 'lax', 'silent', 'strict'])
    },
  )
})

test('a POST carried over by a redirect to another origin names no origin', async () => {
  let port = ''
  await walking(
    ({ path }) =>
      path === '/'
        ? { html: '<form method="post" action="/a"></form>' }
        : path === '/a'
          ? { status: 307, headers: { location: `http://bank.localhost:${port}/b` } }
          : { html: 'end' },
    async (site, reader) => {
      port = new URL(site.origin('localhost')).port
      await reader.visit(`${site.origin('localhost')}/`)
      await reader.submit({})
      const last = site.seen.at(-1)
      assert.deepEqual([last?.method, last?.headers.origin], ['POST', 'null'])
    },
  )
})

test('a page that sends no referrer names no origin with its forms, as in browsers', async () => {
  for (const [policy, named] of [
    ['no-referrer', false],
    ['same-origin', true],
    ['strict-origin-when-cross-origin', true],
  ] as const) {
    await walking(
      () => ({
        headers: { 'referrer-policy': policy },
        html: '<form method="post" action="/a"></form>',
      }),
      async (site, reader) => {
        await reader.visit(`${site.origin('localhost')}/`)
        await reader.submit({})
        assert.equal(site.seen.at(-1)?.headers.origin, named ? site.origin('localhost') : 'null')
        assert.equal(site.seen.at(-1)?.headers['sec-fetch-site'], 'same-origin')
      },
    )
  }
})

test('a ceremony that was not expected ends the walk, and nothing is sent', async () => {
  await walking(
    () => ceremonyPage({ ...login }),
    async (site, reader) => {
      await assert.rejects(
        reader.visit(`${site.origin('localhost')}/`),
        faultOf('ceremony-unexpected'),
      )
      assert.ok(site.seen.every(({ method }) => method === 'GET'))
    },
    { expects: ['sign', 'identify'] },
  )
})

test('after a refused ceremony no other is answered, so that a server cannot use up the tries', async () => {
  const wrong = pinOf('authentication', '0000')
  await walking(
    () => ceremonyPage(login),
    async (site, reader, card) => {
      const arrival = await reader.visit(`${site.origin('localhost')}/`)
      assert.deepEqual(
        arrival.ceremonies.map(({ answered }) => answered),
        ['pin-wrong'],
      )
      assert.equal(card().authentication.triesLeft, 2)
      await reader.visit(`${site.origin('localhost')}/`)
      assert.equal(card().authentication.triesLeft, 1)
      const last = await reader.visit(`${site.origin('localhost')}/`)
      assert.equal(last.ceremonies[0]?.answered, 'ceremony-cancelled')
      assert.equal(card().authentication.triesLeft, 1)
    },
    { pins: { ...(wrong && { authentication: wrong }) } },
  )
})

test('a server that asks for ever, redirects for ever or leads elsewhere is left', async () => {
  await walking(
    () => ceremonyPage(login),
    async (site, reader) => {
      await assert.rejects(reader.visit(site.origin('localhost')), faultOf('ceremony-limit'))
    },
  )
  await walking(
    () => ({ status: 302, headers: { location: '/again' } }),
    async (site, reader) => {
      await assert.rejects(reader.visit(site.origin('localhost')), faultOf('redirect-limit'))
      assert.equal(site.seen.length, 21)
    },
  )
  await walking(
    () => ({ status: 302, headers: { location: 'file:///etc/passwd' } }),
    async (site, reader) => {
      await assert.rejects(reader.visit(site.origin('localhost')), faultOf('redirect-elsewhere'))
      await assert.rejects(reader.visit('data:text/html,x'), faultOf('address-malformed'))
    },
  )
})

test('a ceremony form that is doubled, incomplete, foreign or asks nonsense is refused', async () => {
  const good = ceremonyPage(login).html ?? ''
  for (const html of [
    good + good,
    good.replace(/data-request="[^"]*"/, ''),
    good.replace(/data-request="[^"]*"/, 'data-request="{}"'),
    good.replace('&quot;v&quot;:1', '&quot;v&quot;:2'),
    good.replace('&quot;v&quot;:1', '&quot;digest&quot;:1,&quot;v&quot;:1'),
    good.replace('method="post"', 'method="get"'),
    good.replace('action="/answer"', 'action="http://elsewhere.localhost/"'),
    good.replace('name="answer"', 'name="other"'),
  ]) {
    assert.notEqual(html, good)
    await walking(
      () => ({ html }),
      async (site, reader) => {
        await assert.rejects(reader.visit(site.origin('localhost')), faultOf('ceremony-malformed'))
        assert.ok(site.seen.every(({ method }) => method === 'GET'))
      },
    )
  }
})

test('other forms are filled and sent only when asked, and only as a person could', async () => {
  const html = `<form id="consent" method="post" action="/consent"><input type="hidden" name="csrf" value="1">
    <input type="checkbox" name="address" value="yes" checked><input type="checkbox" name="gender" value="yes">
    <select name="kind"><option value="ordinary">o</option><option value="fixed">f</option></select>
    <textarea name="note">x &amp; y</textarea><button name="decision" value="allow">a</button>
    <button name="decision" value="deny">d</button></form><form id="search"><input name="q"></form>`
  await walking(
    ({ method }) => ({ html: method === 'GET' ? html : 'thanks' }),
    async (site, reader) => {
      await assert.rejects(reader.submit({}), faultOf('page-absent'))
      await reader.visit(`${site.origin('localhost')}/`)
      assert.equal(site.seen.length, 1)
      await assert.rejects(reader.submit({}), faultOf('form-absent'))
      await assert.rejects(reader.submit({ form: 'other' }), faultOf('form-absent'))
      for (const fields of [{ kind: 'gold' }, { decision: 'maybe' }, { admin: '1' }]) {
        await assert.rejects(reader.submit({ form: 'consent', fields }), faultOf('field-absent'))
      }
      const arrival = await reader.submit({
        form: 'consent',
        fields: { decision: 'allow', kind: 'fixed' },
      })
      assert.equal(arrival.body, 'thanks')
      assert.equal(
        site.seen.at(-1)?.form.toString(),
        'csrf=1&address=yes&kind=fixed&note=x+%26+y&decision=allow',
      )
      await reader.visit(`${site.origin('localhost')}/`)
      await reader.submit({ form: 'search', fields: { q: '関所' } })
      assert.equal(site.seen.at(-1)?.path, '/?q=%E9%96%A2%E6%89%80')
    },
  )
})
