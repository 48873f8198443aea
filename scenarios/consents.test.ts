/**
 * C9, A14, D16 through the town: less than was asked, narrowed consents, the latest attributes by a consent that was signed once, one's own
 * data, and a use proven against the published ledger by the command that anybody can run.
 */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { startTestTown, type TestProvider, type TestTown } from '@sekisho/cli/testkit'
import { temporaryFolder } from '@sekisho/runtime/files'
import type { Fetch } from '@sekisho/runtime/net'
import { commands } from './command.ts'
import { codeOn } from './hand-reader.ts'

describe('consents through the town', () => {
  let town: TestTown
  let shop: TestProvider
  /** An access token of the scope `change`. */
  let token = ''
  before(async () => {
    town = await startTestTown()
    shop = await town.provider({
      id: 'shop',
      fetch: fetch => async (input, init) => {
        if (new Request(input).url.endsWith('/v1/changes'))
          token = new Headers(init?.headers).get('authorization') ?? ''
        return fetch(input, init)
      },
    })
  })
  after(() => town.stop())

  const call = (path: string, body: unknown) =>
    town.fetch(`${town.urls.platform}${path}`, {
      method: 'POST',
      headers: { authorization: token, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  /** A browser in which the person left only these attributes ticked. */
  const leaving =
    (...scopes: readonly string[]): Fetch =>
    (input, init) => {
      const url = new URL(new Request(input).url)
      const isShown =
        /^\/interaction\/[^/]+$/.test(url.pathname) && (init?.method ?? 'GET') === 'GET'
      if (isShown) {
        url.searchParams.set('chosen', '1')
        for (const scope of scopes) url.searchParams.append('with', scope)
      }
      return town.fetch(url, init)
    }
  const identify = async (persona: string, fetch: Fetch = town.fetch) => {
    const { url, pending } = await shop.sekisho.beginIdentify(['name', 'address', 'gender'])
    await using person = await town.person(persona, { fetch })
    const page = await person.visit(url)
    assert.equal(codeOn(page), 'none')
    return shop.sekisho.finish(page.url, pending)
  }
  /** The person's own page, opened with the card. */
  const records = async (persona: string) => {
    const person = await town.person(persona)
    const page = await person.visit(`${town.urls.platform}/me`)
    return { person, page }
  }

  it('what the person unticks is neither in the statement nor released', async () => {
    const { claims } = await identify('long-address', leaving('name', 'birthdate'))
    // Of what was asked only the name was left; what was not asked does not come in by the way.
    assert.deepEqual(Object.keys(claims).toSorted(), ['name', 'name_substitutes', 'sub'])
    const platform = await town.tables('platform')
    const consents = await platform.read(db => db.selectFrom('consent').selectAll().execute())
    assert.deepEqual(
      consents.map(row => [row['scopes'], row['purpose']]),
      [['name linkage change', '試験のため']],
    )
  })

  it('a consent is narrowed by the person, with effect at once, and never widened', async () => {
    const { subject } = await identify('plain-adult')
    const meaning = async () => (await shop.sekisho.confirmChange(subject)).meaning
    const { person, page } = await records('plain-adult')
    await using _ = person
    const id = /id="limit-([0-9a-f-]+)"/.exec(page.body)?.[1] ?? ''
    const narrow = (scope: string, how: string) =>
      person.submit({ form: `limit-${id}`, fields: { scope, how } })
    assert.match((await narrow('change', 'once')).body, /1回まで/)
    assert.equal(await meaning(), 'no-change')
    // The same day is the same use; tomorrow there is none left.
    assert.equal(await meaning(), 'no-change')
    await town.clock.advance(24 * 3600_000)
    await town.settle()
    await assert.rejects(shop.sekisho.confirmChange(subject), { code: 'consent-missing' })
    const wider = await narrow('change', 'twelve')
    assert.match(wider.body, /not-found/)
    const back = await person.visit(`${town.urls.platform}/me`)
    assert.doesNotMatch(back.body, /12回まで\(/)
    assert.match((await narrow('address', 'end')).body, /取り消し済み/)
    assert.match((await narrow('name', 'month')).body, /まで/)
  })

  it('a new address comes without a card step by the consent that was signed once, until it is withdrawn', async () => {
    const { subject, claims } = await identify('former-surname')
    await shop.sekisho.confirmChange(subject)
    const stream = { delivery: { method: 'urn:ietf:rfc:8936' } }
    assert.equal((await call('/v1/ssf/stream', stream)).status, 201)
    const none = shop.sekisho.fetchLatest(subject)
    await assert.rejects(none, { code: 'consent-missing' })
    const wish = { subject, attributes: ['address', 'name'], days: 400, usesMax: 2 } as const
    const { id, document } = await shop.sekisho.askLatestConsent(
      { ...wish, attributes: [...wish.attributes] },
      'customer-4711',
    )
    // Asked for, and not signed yet.
    await assert.rejects(shop.sekisho.fetchLatest(subject), { code: 'consent-missing' })
    const { url, pending } = await shop.sekisho.beginSigning(id)
    await using signing = await town.person('former-surname')
    await shop.sekisho.finishSigning((await signing.visit(url)).url, pending, document)
    await signing.card.release()

    const address = '沖縄県那覇市首里金城町一丁目一番地'
    await town.happen('former-surname', { what: 'move', municipality: '47201', address })
    const change = await shop.sekisho.confirmChange(subject)
    assert.equal(change.next[0]?.code, 'latest-attributes')
    const polled = await (await call('/v1/ssf/poll', {})).json()
    const [set = ''] = Object.values((polled as { sets: Record<string, string> }).sets)
    const event = JSON.parse(Buffer.from(set.split('.')[1] ?? '', 'base64url').toString())
    assert.deepEqual(Object.values(event.events), [{ meaning: 'ask-for-update', latest: true }])
    const month = new Date(town.clock.now()).toISOString().slice(0, 7)
    const before = (await shop.sekisho.statement(month)).totalYen
    const latest = await shop.sekisho.fetchLatest(subject)
    assert.equal(latest.difference, 'moved')
    assert.match(latest.attributes?.address?.formatted ?? '', /首里金城町/)
    assert.equal(latest.attributes?.name, claims.name)
    assert.deepEqual(Object.keys(latest.attributes ?? {}).toSorted(), ['address', 'name'])
    assert.equal(latest.usesLeft, 1)
    assert.equal((await shop.sekisho.statement(month)).totalYen - before, 20)
    const books = await town.admin('platform', 'fees-reconcile', { month })
    const { unknown, unbilled } = books as { unknown: number; unbilled: number }
    assert.deepEqual([unknown, unbilled], [0, 0])

    const { person, page } = await records('former-surname')
    await using _ = person
    const form = /id="(latest-[0-9a-f]+)"/.exec(page.body)?.[1] ?? ''
    assert.match((await person.submit({ form })).body, /撤回済み/)
    await assert.rejects(shop.sekisho.fetchLatest(subject), { code: 'consent-missing' })
    const authority = await town.tables('authority')
    const heard = await authority.read(db =>
      db.selectFrom('consent_withdrawal').select('number').execute(),
    )
    assert.equal(heard.length, 1)
  })

  it('one’s own data is one file, and a use is proven by anybody with the published ledger', async () => {
    const { person, page } = await records('plain-adult')
    await using _ = person
    const data = JSON.parse((await person.visit(`${town.urls.platform}/me/data`)).body)
    assert.equal(data.form, 'sekisho-own-data-1')
    assert.deepEqual(
      data.services.map((each: { providerId: string }) => each.providerId),
      ['shop'],
    )
    assert.ok(data.uses.length >= 5)
    assert.doesNotMatch(JSON.stringify(data), /serial/)
    const use = /\/me\/uses\/([0-9a-f-]+)\/proof/g
    const proofs = [...page.body.matchAll(use)].map(([path]) => path)
    assert.equal(proofs.length, data.uses.length)
    await new Promise(resolve => setTimeout(resolve, 2500))
    const proof = (await person.visit(`${town.urls.platform}${proofs.at(-1)}`)).body
    const parsed = JSON.parse(proof)
    assert.ok(parsed.inclusion)
    await using folder = await temporaryFolder('proof')
    const cli = commands(join(folder.path, 'cache'))
    const file = join(folder.path, 'proof.json')
    await writeFile(file, proof)
    const verify = ['audit', 'verify', `${town.urls.platform}/ledger`, '--key', parsed.log]
    await cli.done([...verify, '--receipt', file])
    const entry = Buffer.from(parsed.entry, 'base64').toString().replace('platform.', 'plattorm.')
    const bent = { ...parsed, entry: Buffer.from(entry).toString('base64') }
    await writeFile(file, JSON.stringify(bent))
    const ended = await cli.run([...verify, '--receipt', file])
    assert.notEqual(ended.status, 0)
    // Another person's use has no proof here.
    const other = await records('long-address')
    await using _other = other.person
    const [foreign] = [...other.page.body.matchAll(use)].map(([path]) => path)
    assert.equal(codeOn(await person.visit(`${town.urls.platform}${foreign}`)), 'not-found')
    const stranger = await town.fetch(`${town.urls.platform}/me/data`, { redirect: 'manual' })
    assert.equal(stranger.status, 303)
  })
})
