/**
 * What the OpenID Foundation's basic and config test modules ask of a provider, walked through by hand where no other scenario does
 * (`docs/openid-conformance.md` says which test shows which module).
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startTestTown, type TestProvider, type TestTown } from '@sekisho/cli/testkit'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import * as oidc from 'openid-client'
import { codeOn } from './hand-reader.ts'
import { errorOf, relyingParty, type RelyingParty } from './relying-party.ts'

describe('the modules of the OpenID Foundation', () => {
  let town: TestTown
  let shop: TestProvider
  let party: RelyingParty
  before(async () => {
    town = await startTestTown()
    shop = await town.provider({ id: 'shop' })
    party = await relyingParty(town, shop)
  })
  after(() => town.stop())

  /** A whole login by an address that was not pushed, as the modules do it. */
  const enter = async (parameters: Readonly<Record<string, string>>) => {
    const begun = await party.begin({ scope: 'openid', ...parameters }, { isPushed: false })
    await using person = await town.person('plain-adult')
    const page = await person.visit(begun.url)
    assert.equal(codeOn(page), 'none')
    return party.finish(page.url, begun)
  }

  it('discovery: issuer, endpoints under it, keys with ids, what is required of metadata', async () => {
    const answer = await town.fetch(`${town.urls.platform}/.well-known/openid-configuration`)
    assert.match(answer.headers.get('content-type') ?? '', /^application\/json/)
    const found = (await answer.json()) as Record<string, unknown>
    assert.equal(found['issuer'], town.urls.platform)
    for (const name of [
      'authorization_endpoint',
      'token_endpoint',
      'userinfo_endpoint',
      'jwks_uri',
      'response_types_supported',
      'subject_types_supported',
      'id_token_signing_alg_values_supported',
      'scopes_supported',
      'claims_supported',
    ])
      assert.ok(found[name], name)
    const keys = await town.fetch(String(found['jwks_uri']))
    const { keys: all } = (await keys.json()) as { keys: Record<string, unknown>[] }
    assert.ok(all.length > 0)
    for (const key of all) {
      assert.ok(key['kid'])
      assert.ok(key['kty'])
      for (const secret of ['d', 'p', 'q', 'k']) assert.equal(key[secret], undefined)
    }
    assert.equal(new Set(all.map(key => key['kid'])).size, all.length)
  })

  it('the ID token is signed by a published key, with the claims that are required and a nonce only where one was sent', async () => {
    const tokens = await enter({})
    const keys = createRemoteJWKSet(new URL(`${town.urls.platform}/oidc/jwks`))
    const expected = { issuer: town.urls.platform, audience: 'shop', algorithms: ['ES256'] }
    const { payload } = await jwtVerify(tokens.id_token ?? '', keys, expected)
    for (const name of ['iss', 'sub', 'aud', 'exp', 'iat']) assert.ok(payload[name], name)
    assert.ok((payload.sub ?? '').length <= 255)
    const { nonce: _nonce, ...begun } = await party.begin({ scope: 'openid' }, { isPushed: false })
    const url = new URL(begun.url)
    url.searchParams.delete('nonce')
    await using person = await town.person('plain-adult')
    const page = await person.visit(url.href)
    const without = await oidc.authorizationCodeGrant(party.config, new URL(page.url), {
      pkceCodeVerifier: begun.verifier,
      expectedState: begun.state,
      idTokenExpected: true,
    })
    assert.equal(without.claims()?.nonce, undefined)
  })

  it('userinfo by GET, by POST with a header and with a form; without a token 401', async () => {
    const tokens = await enter({ scope: 'openid name' })
    const url = `${town.urls.platform}/oidc/userinfo`
    const authorization = `Bearer ${tokens.access_token}`
    const subjects = await Promise.all(
      [
        { headers: { authorization } },
        { method: 'POST', headers: { authorization } },
        { method: 'POST', body: new URLSearchParams({ access_token: tokens.access_token }) },
      ].map(async init => {
        const answer = await town.fetch(url, init)
        assert.equal(answer.status, 200)
        return ((await answer.json()) as { sub: string }).sub
      }),
    )
    assert.deepEqual(new Set(subjects), new Set([tokens.claims()?.sub]))
    assert.equal((await town.fetch(url)).status, 401)
  })

  it('parameters that change nothing, or only the pages, are no obstacle', async () => {
    const { id_token: hint = '' } = await enter({})
    for (const parameters of [
      { extra: 'foobar' },
      { display: 'page' },
      { display: 'popup' },
      { login_hint: 'somebody@example.com' },
      { ui_locales: 'se' },
      { claims_locales: 'se' },
      { scope: 'name openid' },
      { acr_values: 'urn:sekisho:acr:card' },
      { max_age: '10000' },
      { claims: '{"userinfo":{"name":{"essential":true}}}' },
      { id_token_hint: hint },
    ])
      assert.ok((await enter(parameters)).claims()?.sub, JSON.stringify(parameters))
  })

  it('a request that is posted from another site, one without response_type and one signed by nobody are errors', async () => {
    const begun = await party.begin({ scope: 'openid' }, { isPushed: false })
    const { searchParams, origin, pathname } = new URL(begun.url)
    const posted = await town.fetch(`${origin}${pathname}`, { method: 'POST', body: searchParams })
    assert.equal(posted.status, 404)
    assert.equal(posted.headers.get('location'), null)
    searchParams.delete('response_type')
    const without = await town.fetch(`${origin}${pathname}?${searchParams}`)
    const back = new URL(without.headers.get('location') ?? 'none:')
    assert.equal(back.searchParams.get('error'), 'invalid_request')
    assert.equal(back.searchParams.get('state'), begun.state)
    const head = Buffer.from('{"alg":"none"}').toString('base64url')
    const claims = { client_id: 'shop', iss: 'shop', scope: 'openid' }
    const unsigned = `${head}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.`
    const query = new URL((await party.begin({ scope: 'openid' }, { isPushed: false })).url)
    query.searchParams.set('request', unsigned)
    const refused = await town.fetch(query)
    assert.match(
      refused.headers.get('location') ?? '',
      /error=(invalid_request_object|request_not_supported)/,
    )
  })

  it('a code used again, later too, is an error, and its tokens end', async () => {
    const begun = await party.begin({ scope: 'openid' })
    await using person = await town.person('plain-adult')
    const page = await person.visit(begun.url)
    const tokens = await party.finish(page.url, begun)
    await new Promise(resolve => {
      setTimeout(resolve, 1500)
    })
    assert.equal(await errorOf(party.finish(page.url, begun)), 'invalid_grant grant-ended')
    await assert.rejects(
      oidc.fetchUserInfo(party.config, tokens.access_token, tokens.claims()?.sub ?? ''),
    )
  })
})
