/**
 * C5 for old systems: the SAML 2.0 identity provider, with a service provider of the test's own. What a login brings, what cannot be met, what
 * is refused, who is logged out. Signatures are judged by xmlsec1; `apache-saml.deep.ts` has Apache's module as a judge.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { deflateRawSync } from 'node:zlib'
import { startTestTown, type TestTown } from '@sekisho/cli/testkit'
import { Refusal } from '@sekisho/contract'
import { temporaryFolder } from '@sekisho/runtime/files'
import { bring, broughtBy, identityProvider, type SamlParty, samlParty } from './saml-party.ts'

const folder = await temporaryFolder('saml')
const card = 'urn:sekisho:acr:card'

describe('SAML 2.0', () => {
  let town: TestTown
  let shop: SamlParty
  let club: SamlParty
  let platform: Awaited<ReturnType<typeof identityProvider>>
  before(async () => {
    town = await startTestTown()
    shop = await samlParty(town, folder.path, { id: 'shop', scope: 'openid name address' })
    club = await samlParty(town, folder.path, { id: 'club', scope: 'openid' })
    platform = await identityProvider(town, folder.path)
  })
  after(async () => {
    await town.stop()
    await folder.remove()
  })

  const enter = async (address: string, persona = 'plain-adult') => {
    await using person = await town.person(persona)
    return await bring(person, address)
  }
  const context = (...classes: readonly string[]): string =>
    `<p:RequestedAuthnContext>${classes.map(each => `<a:AuthnContextClassRef>${each}</a:AuthnContextClassRef>`).join('')}</p:RequestedAuthnContext>`
  const subjectOf = (xml: string): string => /<saml:NameID [^>]*>([^<]+)</.exec(xml)?.[1] ?? ''
  const attributesOf = (xml: string): Record<string, string> =>
    Object.fromEntries(
      [...xml.matchAll(/Attribute Name="(\w+)"[^>]*><saml:AttributeValue>([^<]*)</g)].map(found => [
        found[1] ?? '',
        found[2] ?? '',
      ]),
    )
  /** The refusal code of a request that a tool sends; `taken` when it is taken up. */
  const codeOf = async (address: string, form?: Record<string, string>): Promise<string> => {
    const body = form === undefined ? null : new URLSearchParams(form)
    const method = form === undefined ? 'GET' : 'POST'
    const answer = await town.fetch(address, { method, body, redirect: 'manual' })
    if (answer.status === 303) return 'taken'
    const text = await answer.text()
    const brought = broughtBy(text)
    if (brought !== undefined) return /status:(\w+)"\/>/.exec(brought.xml)?.[1] ?? ''
    return (JSON.parse(text) as { code: string }).code
  }
  const sso = (): string => `${town.urls.platform}/saml/sso`

  it('metadata says where everything lies, signed with the key that it names', () => {
    assert.ok(platform.hasSigned(platform.metadata, 'EntityDescriptor'))
    assert.match(platform.metadata, /WantAuthnRequestsSigned="true"/)
    assert.ok(platform.metadata.includes(`entityID="${town.urls.platform}/saml/metadata"`))
  })

  it('a login brings what was consented to, for this request, this provider and two minutes, signed twice', async () => {
    const relayState = `https://shop.example/?a=1&b="<関所>'`
    const xml = shop.request({ id: '_mine' })
    const brought = await enter(shop.redirect(xml, { relayState }))
    assert.equal(brought.consumer, shop.consumer)
    assert.equal(brought.relayState, relayState)
    for (const element of ['Response', 'Assertion'])
      assert.ok(platform.hasSigned(brought.xml, element), element)
    assert.equal(platform.hasSigned(brought.xml.replace('花子', '太郎'), 'Assertion'), false)
    const has = (text: string): void => assert.ok(brought.xml.includes(text), text)
    has(`<saml:Audience>${shop.entityId}</saml:Audience>`)
    has(`<saml:Issuer>${town.urls.platform}/saml/metadata</saml:Issuer>`)
    assert.equal(brought.xml.match(/InResponseTo="_mine"/g)?.length, 2)
    has(`Recipient="${shop.consumer}"`)
    has('<saml:AuthnContextClassRef>urn:sekisho:acr:card-signed</saml:AuthnContextClassRef>')
    const until = Date.parse(/NotOnOrAfter="([^"]+)"/.exec(brought.xml)?.[1] ?? '') - Date.now()
    assert.ok(until > 0 && until <= 120_000)
    const { name, address, ...rest } = attributesOf(brought.xml)
    assert.equal(name, '佐藤　花子')
    assert.ok(address)
    assert.deepEqual(Object.keys(rest), ['name_substitutes', 'address_substitutes'])
  })

  it('the name is the subject that OpenID gives this provider, and another for every other', async () => {
    const first = subjectOf((await enter(shop.redirect(shop.request()))).xml)
    const again = subjectOf((await enter(shop.redirect(shop.request()))).xml)
    const other = subjectOf((await enter(club.redirect(club.request()))).xml)
    const person = subjectOf((await enter(shop.redirect(shop.request()), 'renewed-card')).xml)
    assert.equal(again, first)
    assert.equal(new Set([first, other, person]).size, 3)
    const tables = await town.tables('platform')
    const known = await tables.read(db =>
      db.selectFrom('pairwise').select('provider_id').where('subject', '=', first).execute(),
    )
    assert.deepEqual(known, [{ provider_id: 'shop' }])
  })

  it('a person may release less, and a request may ask for a login without attributes or for the stronger certificate', async () => {
    const address = shop.redirect(shop.request())
    const { headers } = await town.fetch(address, { redirect: 'manual' })
    const page = new URL(headers.get('location') ?? '', town.urls.platform)
    page.search = '?chosen=1&with=name'
    const less = attributesOf((await enter(page.href)).xml)
    assert.deepEqual(Object.keys(less), ['name', 'name_substitutes'])
    const login = await enter(shop.redirect(shop.request({ inside: context(card) })))
    assert.deepEqual(attributesOf(login.xml), {})
    assert.ok(login.xml.includes(`>${card}</saml:AuthnContextClassRef>`))
    const strong = context(`${card}-signed`)
    const signed = await enter(club.redirect(club.request({ inside: strong })))
    assert.ok(signed.xml.includes(`>${card}-signed</saml:AuthnContextClassRef>`))
    assert.deepEqual(attributesOf(signed.xml), {})
  })

  it('requests come by form as well, signed by xmlsec1; the second registered address may be asked for', async () => {
    const xml = shop.signed(shop.request({ attributes: 'AssertionConsumerServiceIndex="1"' }))
    const SAMLRequest = Buffer.from(xml).toString('base64')
    const body = new URLSearchParams({ SAMLRequest, RelayState: 'x' })
    const answer = await town.fetch(sso(), { method: 'POST', body, redirect: 'manual' })
    assert.equal(answer.status, 303)
    const page = new URL(answer.headers.get('location') ?? '', town.urls.platform)
    const brought = await enter(page.href)
    assert.equal(brought.consumer, `${shop.consumer}/second`)
    assert.equal(brought.relayState, 'x')
  })

  it('what is asked for and cannot be met is answered by a signed status, and nothing weaker is given', async () => {
    const policy = (format: string): string =>
      `<p:NameIDPolicy Format="urn:oasis:names:tc:SAML:${format}"/>`
    for (const [vary, status] of [
      [{ attributes: 'IsPassive="true"' }, 'NoPassive'],
      [{ inside: context('urn:oasis:names:tc:SAML:2.0:ac:classes:Password') }, 'NoAuthnContext'],
      [{ inside: context(card).replace('>', ' Comparison="better">') }, 'NoAuthnContext'],
      [{ inside: policy('1.1:nameid-format:emailAddress') }, 'InvalidNameIDPolicy'],
      [{ inside: policy('2.0:nameid-format:transient') }, 'InvalidNameIDPolicy'],
      [{ inside: policy('2.0:nameid-format:persistent') }, 'taken'],
      [{ attributes: 'ForceAuthn="true"' }, 'taken'],
      [{ inside: context(card).replace('>', ' Comparison="minimum">') }, 'taken'],
    ] as const)
      assert.equal(await codeOf(shop.redirect(shop.request(vary))), status)
    await using person = await town.person('plain-adult', { pin: '0000' })
    await person.visit(club.redirect(club.request({ id: '_refused' })))
    const brought = broughtBy((await person.submit({ form: 'refuse' })).body)
    assert.match(brought?.xml ?? '', /status:RequestDenied"\/>.*>consent-refused</)
    assert.match(brought?.xml ?? '', /InResponseTo="_refused"/)
    assert.ok(platform.hasSigned(brought?.xml ?? '', 'Response'))
    assert.ok(!brought?.xml.includes('Assertion'))
  })

  it('a request that is not signed as a whole by a registered key is refused, however it comes', async () => {
    const good = new URL(shop.redirect(shop.request(), { relayState: 'here' }))
    const changed = (change: (query: URLSearchParams) => void): string => {
      const url = new URL(good)
      change(url.searchParams)
      return url.href
    }
    const sha1 = shop.redirect(shop.request(), {
      method: 'http://www.w3.org/2000/09/xmldsig#rsa-sha1',
    })
    const attacks = [
      changed(query => query.delete('Signature')),
      changed(query => query.delete('SigAlg')),
      changed(query => query.set('RelayState', 'elsewhere')),
      changed(query => query.delete('RelayState')),
      changed(query => query.set('SigAlg', 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512')),
      sha1,
      // Another registered provider's key.
      club.redirect(shop.request()),
    ]
    for (const attack of attacks) assert.equal(await codeOf(attack), 'saml-signature-invalid')
    const post = (xml: string): Promise<string> =>
      codeOf(sso(), { SAMLRequest: Buffer.from(xml).toString('base64') })
    const signed = shop.signed(shop.request())
    const evil = shop.request({ attributes: 'AssertionConsumerServiceIndex="1"' })
    const signature = /<Signature [^]*<\/Signature>/.exec(signed)?.[0] ?? ''
    const end = '</p:AuthnRequest>'
    for (const [name, attack] of Object.entries({
      unsigned: shop.request(),
      'signed by another': club.signed(shop.request()),
      'another attribute': signed.replace('Version=', 'IsPassive="true" Version='),
      'wrapped in another': evil.replace(end, `<p:Extensions>${signed}</p:Extensions>${end}`),
      'with its signature': evil.replace(
        end,
        `${signature.replace('</Signature>', `<Object>${shop.request()}</Object></Signature>`)}${end}`,
      ),
    }))
      assert.equal(await post(attack), 'saml-signature-invalid', name)
    assert.equal(await post(signed), 'taken')
  })

  it('a request leads nowhere but to a registered address, and serves at this place and time only', async () => {
    const url = (address: string): string => `AssertionConsumerServiceURL="${address}"`
    const minutes = (count: number): number => Date.now() + count * 60_000
    for (const [vary, code] of [
      [{ attributes: url('https://evil.example/consume') }, 'redirect-mismatch'],
      [{ attributes: url(`${shop.consumer}/`) }, 'redirect-mismatch'],
      [{ attributes: 'AssertionConsumerServiceIndex="2"' }, 'redirect-mismatch'],
      [{ attributes: url(shop.consumer) }, 'taken'],
      [{ destination: 'https://other.example/saml/sso' }, 'saml-request-malformed'],
      [{ at: minutes(-6) }, 'saml-request-expired'],
      [{ at: minutes(2) }, 'saml-request-expired'],
      [{ at: minutes(-4) }, 'taken'],
      [{ issuer: 'https://nobody.example/saml' }, 'provider-unknown'],
      [{ inside: '<a:Subject><a:NameID>x</a:NameID></a:Subject>' }, 'saml-request-malformed'],
      [{ id: '1' }, 'saml-request-malformed'],
    ] as const)
      assert.equal(await codeOf(shop.redirect(shop.request(vary))), code, JSON.stringify(vary))
    await town.admin('platform', 'provider-state', { id: 'club', state: 'suspended' })
    assert.equal(await codeOf(club.redirect(club.request())), 'provider-suspended')
    await town.admin('platform', 'provider-state', { id: 'club', state: 'active' })
  })

  it('a request serves once, and its login belongs to the browser that opened it', async () => {
    const address = shop.redirect(shop.request({ id: '_once' }))
    const tried = await Promise.all(Array.from({ length: 8 }, () => codeOf(address)))
    assert.equal(tried.filter(code => code === 'taken').length, 1)
    assert.equal(tried.filter(code => code === 'saml-request-replayed').length, 7)
    const { headers } = await town.fetch(shop.redirect(shop.request()), { redirect: 'manual' })
    const page = new URL(headers.get('location') ?? '', town.urls.platform)
    await using mine = await town.person('plain-adult', { pin: '0000' })
    await mine.visit(page.href)
    const foreign = await town.fetch(page)
    assert.equal(((await foreign.json()) as { code: string }).code, 'interaction-unknown')
    const elsewhere = await town.fetch(page, { method: 'POST', body: new URLSearchParams() })
    assert.ok(elsewhere.status >= 400)
  })

  it('what is no message is refused before anything is done with it', async () => {
    const post = (text: string): Promise<string> => codeOf(sso(), { SAMLRequest: text })
    const base64 = (text: string): string => Buffer.from(text).toString('base64')
    const entity = `<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>${shop.request({ issuer: '&b;' })}`
    for (const text of ['', '%', 'AAAA', base64(entity), base64('<a>'), base64('<a/>')])
      assert.match(await post(text), /^(saml-request-malformed|request-malformed)$/, text)
    const bomb = deflateRawSync(Buffer.alloc(4 * 1024 * 1024, 0x20)).toString('base64')
    const at = (query: string): Promise<string> => codeOf(`${sso()}?${query}`)
    for (const query of [
      '',
      'SAMLRequest=%',
      `SAMLRequest=${encodeURIComponent(bomb)}`,
      'SAMLRequest=AAAA&SAMLRequest=AAAA',
      `SAMLRequest=${'A'.repeat(10_000)}`,
    ])
      assert.equal(await at(query), 'saml-request-malformed', query.slice(0, 40))
  })

  it('is metered and entered in the ledger as every login is', async () => {
    const tables = await town.tables('platform')
    const uses = () =>
      tables.read(db =>
        db
          .selectFrom('usage')
          .select(['kind', 'transaction'])
          .where('provider_id', '=', 'club')
          .where('kind', '=', 'authentication-check')
          .execute(),
      )
    const before = (await uses()).length
    await enter(club.redirect(club.request()))
    const after = await uses()
    assert.equal(after.length, before + 1)
    assert.ok(after.every(each => String(each['transaction']).startsWith('saml ')))
  })

  it('a provider logs its own people out, and gets a signed answer; nobody else can', async () => {
    const subject = subjectOf((await enter(shop.redirect(shop.request()), 'long-address')).xml)
    const tables = await town.tables('platform')
    const open = async (): Promise<number> => {
      const rows = await tables.read(db =>
        db
          .selectFrom('provider_session')
          .innerJoin('pairwise', 'pairwise.person_id', 'provider_session.person_id')
          .select('grant_id')
          .where('subject', '=', subject)
          .where('provider_session.provider_id', '=', 'shop')
          .where('ended_at', 'is', null)
          .execute(),
      )
      return rows.length
    }
    assert.equal(await open(), 1)
    assert.equal(await codeOf(club.redirect(club.logout(subject))), 'taken')
    assert.equal(await codeOf(club.redirect(shop.logout(subject))), 'saml-signature-invalid')
    assert.equal(await open(), 1)
    const leaving = shop.redirect(shop.logout(subject), { relayState: 'back' })
    const answer = await town.fetch(leaving, { redirect: 'manual' })
    const address = answer.headers.get('location') ?? ''
    assert.ok(address.startsWith('https://shop.example/left?SAMLResponse='))
    assert.ok(platform.hasSignedAddress(address))
    assert.equal(platform.hasSignedAddress(address.replace('RelayState=b', 'RelayState=c')), false)
    assert.equal(await open(), 0)
  })

  it('a registration names an entity that is nobody else’s, keys that sign, and no more than the contract', async () => {
    const registering = async (id: string, register: object): Promise<string> => {
      try {
        const made = await samlParty(town, folder.path, { id, scope: 'openid', register })
        await made.stop()
        return 'registered'
      } catch (error) {
        return error instanceof Refusal ? `${error.code} ${error.fields['field'] ?? ''}` : 'fault'
      }
    }
    assert.equal(await registering('third', { entity_id: shop.entityId }), 'provider-taken ')
    const weak = createHash('sha256').update('no certificate').digest('base64')
    for (const [register, member] of [
      [{ signing_certificates: [weak] }, 'sekisho_saml.signing_certificates'],
      [{ scope: 'openid sign' }, 'sekisho_saml.scope'],
      [{ scope: 'name' }, 'sekisho_saml.scope'],
      [
        { assertion_consumer_services: ['ftp://third.example/'] },
        'sekisho_saml.assertion_consumer_services',
      ],
      [{ other: 1 }, 'sekisho_saml'],
    ] as const)
      assert.equal(await registering('third', register), `request-malformed ${member}`)
    assert.equal(await registering('third', {}), 'registered')
  })
})
