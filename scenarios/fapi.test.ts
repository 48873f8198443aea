/**
 * C5 for providers with higher demands, by an independent relying party: FAPI 2.0 with DPoP, signed requests (JAR) and signed answers
 * (JARM); and what each of them refuses.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { startTestTown, type TestProvider, type TestTown } from '@sekisho/cli/testkit'
import { decodeJwt, SignJWT } from 'jose'
import * as oidc from 'openid-client'
import { codeOn } from './hand-reader.ts'
import { type Begun, errorOf, keyOf, relyingParty, type RelyingParty } from './relying-party.ts'

describe('FAPI 2.0, signed requests and answers', () => {
  let town: TestTown
  let bank: TestProvider
  let shop: TestProvider
  let party: RelyingParty
  let shopParty: RelyingParty
  let key: oidc.DPoPHandle
  before(async () => {
    town = await startTestTown()
    bank = await town.provider({
      id: 'bank2',
      scope: 'openid name change offline_access',
      metadata: () => ({
        sekisho_profile: 'fapi2',
        dpop_bound_access_tokens: true,
        token_endpoint_auth_signing_alg: 'ES256',
        grant_types: ['authorization_code', 'client_credentials', 'refresh_token'],
      }),
    })
    shop = await town.provider({
      id: 'shop',
      metadata: () => ({
        require_signed_request_object: true,
        request_object_signing_alg: 'ES256',
      }),
    })
    party = await relyingParty(town, bank)
    shopParty = await relyingParty(town, shop)
    key = oidc.getDPoPHandle(party.config, await oidc.randomDPoPKeyPair('ES256'))
  })
  after(() => town.stop())

  const walk = async (begun: Pick<Begun, 'url'>, persona = 'plain-adult'): Promise<string> => {
    await using person = await town.person(persona)
    const page = await person.visit(begun.url)
    assert.equal(codeOn(page), 'none')
    return page.url
  }
  const enter = async (scope = 'openid offline_access') => {
    const begun = await party.begin({ scope, prompt: 'consent' }, { handle: key })
    return party.finish(await walk(begun), begun, { DPoP: key })
  }
  const userInfo = `oidc/userinfo`
  const status = async (path: string, init: RequestInit): Promise<number> =>
    (await town.fetch(`${town.urls.platform}/${path}`, init)).status

  it('a whole login, bound to a key: the token serves with proofs by that key and no other', async () => {
    const tokens = await enter()
    assert.equal(tokens.token_type, 'dpop')
    const { sub } = tokens.claims() ?? { sub: '' }
    const info = await oidc.fetchUserInfo(party.config, tokens.access_token, sub, { DPoP: key })
    assert.equal(info.sub, sub)
    const token = tokens.access_token
    assert.equal(await status(userInfo, { headers: { authorization: `Bearer ${token}` } }), 401)
    assert.equal(await status(userInfo, { headers: { authorization: `DPoP ${token}` } }), 400)
    const other = oidc.getDPoPHandle(party.config, await oidc.randomDPoPKeyPair('ES256'))
    await assert.rejects(oidc.fetchUserInfo(party.config, token, sub, { DPoP: other }))

    const refreshed = await oidc.refreshTokenGrant(
      party.config,
      tokens.refresh_token ?? '',
      undefined,
      {
        DPoP: key,
      },
    )
    assert.equal(refreshed.token_type, 'dpop')
    // FAPI 2.0 rotates no refresh tokens: the provider authenticates with each.
    assert.equal(refreshed.refresh_token, tokens.refresh_token)
    assert.match(
      await errorOf(oidc.refreshTokenGrant(party.config, tokens.refresh_token ?? '')),
      /^invalid_/,
    )
  })

  it('the REST interface asks for the proof at each call, and each serves once', async () => {
    const granted = await oidc.clientCredentialsGrant(
      party.config,
      { scope: 'change' },
      { DPoP: key },
    )
    const body = JSON.stringify({ subject: 'nobody' })
    const url = new URL('/v1/changes', town.urls.platform)
    const headers = new Headers({ 'content-type': 'application/json' })
    const answer = await oidc
      .fetchProtectedResource(party.config, granted.access_token, url, 'POST', body, headers, {
        DPoP: key,
      })
      .then(found => found.json())
    assert.equal((answer as { code: string }).code, 'person-unknown')

    const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
      'sign',
      'verify',
    ])
    const own = oidc.getDPoPHandle(party.config, pair)
    const { access_token: token } = await oidc.clientCredentialsGrant(
      party.config,
      { scope: 'change' },
      { DPoP: own },
    )
    const call = async (more: Record<string, string>): Promise<string> => {
      const sent = { 'content-type': 'application/json', authorization: `DPoP ${token}`, ...more }
      const found = await town.fetch(url, { method: 'POST', body, headers: sent })
      return ((await found.json()) as { code: string }).code
    }
    const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', pair.publicKey)
    const jwk = { kty: kty ?? '', crv: crv ?? '', x: x ?? '', y: y ?? '' }
    const now = Math.floor(Date.now() / 1000)
    const claims = {
      jti: 'one',
      htm: 'POST',
      htu: url.href,
      iat: now,
      ath: createHash('sha256').update(token).digest('base64url'),
    }
    const proof = (changed: object = {}, header: object = {}) =>
      new SignJWT({ ...claims, ...changed })
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk, ...header })
        .sign(pair.privateKey)
    const good = await proof()
    const tried = await Promise.all(Array.from({ length: 6 }, () => call({ dpop: good })))
    assert.deepEqual(tried.toSorted(), [
      ...Array(1).fill('person-unknown'),
      ...Array(5).fill('token-unproven'),
    ])
    assert.equal(await call({}), 'token-unproven')
    assert.equal(
      await call({ authorization: `Bearer ${token}`, dpop: await proof({ jti: '2' }) }),
      'token-unproven',
    )
    for (const changed of [
      { htm: 'GET' },
      { htu: new URL('/v1/verifications', url).href },
      { htu: 'https://evil.example/v1/changes' },
      { iat: now - 3600 },
      { iat: now + 3600 },
      { iat: `${now}` },
      { ath: 'x' },
      { ath: undefined },
      { jti: '' },
    ])
      assert.equal(
        await call({ dpop: await proof({ jti: crypto.randomUUID(), ...changed }) }),
        'token-unproven',
        JSON.stringify(changed),
      )
    assert.equal(await call({ dpop: await proof({ jti: '3' }, { typ: 'JWT' }) }), 'token-unproven')
    const [head, payload] = (await proof({ jti: '4' })).split('.')
    const unsigned = Buffer.from(JSON.stringify({ alg: 'none', typ: 'dpop+jwt', jwk }))
    for (const text of [
      `${unsigned.toString('base64url')}.${payload}.`,
      `${head}.${payload}.AAAA`,
      'x',
      '...',
    ])
      assert.equal(await call({ dpop: text }), 'token-unproven')
    assert.equal(await call({ dpop: await proof({ jti: '5' }) }), 'person-unknown')
  })

  it('what the profile demands cannot be left out', async () => {
    // Not pushed.
    const bare = await party.begin({ scope: 'openid' }, { isPushed: false })
    const answer = await town.fetch(bare.url)
    const back = new URL(answer.headers.get('location') ?? 'none:')
    assert.equal(back.searchParams.get('error'), 'invalid_request')
    assert.equal(back.searchParams.get('code'), null)
    // Without PKCE, or in plain.
    const pushed = { redirect_uri: bank.redirectUri, scope: 'openid', response_type: 'code' }
    assert.equal(
      await errorOf(oidc.buildAuthorizationUrlWithPAR(party.config, pushed)),
      'invalid_request pkce-missing',
    )
    // Without a redirect address, though only one is registered.
    assert.match(
      await errorOf(
        oidc.buildAuthorizationUrlWithPAR(party.config, {
          scope: 'openid',
          code_challenge: 'x'.repeat(43),
          code_challenge_method: 'S256',
        }),
      ),
      /^invalid_request /,
    )
    // Without a key to bind to.
    const begun = await party.begin({ scope: 'openid' })
    const url = await walk(begun)
    assert.match(await errorOf(party.finish(url, begun)), /^invalid_/)
    assert.match(
      await errorOf(oidc.clientCredentialsGrant(party.config, { scope: 'change' })),
      /^invalid_/,
    )
    // An authentication for the token endpoint alone, or by an older algorithm.
    const { privateKey, kid } = await keyOf(bank)
    const assertion = (aud: string | string[]) =>
      new SignJWT({ jti: crypto.randomUUID() })
        .setProtectedHeader({ alg: 'ES256', kid })
        .setIssuer('bank2')
        .setSubject('bank2')
        .setAudience(aud)
        .setIssuedAt()
        .setExpirationTime('1m')
        .sign(privateKey)
    const push = async (client_assertion: string): Promise<number> =>
      status('oidc/par', {
        method: 'POST',
        body: new URLSearchParams({
          ...pushed,
          client_id: 'bank2',
          code_challenge: 'x'.repeat(43),
          code_challenge_method: 'S256',
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion,
        }),
      })
    assert.equal(await push(await assertion(town.urls.platform)), 201)
    assert.equal(await push(await assertion(`${town.urls.platform}/oidc/token`)), 401)
    assert.equal(await push(await assertion('https://other.example')), 401)
    const once = await assertion(town.urls.platform)
    const tried = await Promise.all([once, once, once].map(push))
    assert.equal(tried.filter(found => found === 201).length, 1)
  })

  it('a pushed request serves once and for the provider that pushed it', async () => {
    const begun = await party.begin({ scope: 'openid' }, { handle: key })
    const uri = new URL(begun.url).searchParams.get('request_uri') ?? ''
    const stolen = new URLSearchParams({ client_id: 'shop', request_uri: uri })
    const foreign = await town.fetch(`${town.urls.platform}/oidc/authorize?${stolen}`)
    assert.ok(foreign.status >= 400 || /error=/.test(foreign.headers.get('location') ?? ''))
    await walk(begun)
    const again = await town.fetch(begun.url)
    assert.ok(again.status >= 400)
    assert.equal(again.headers.get('location'), null)
    const remote = new URLSearchParams({ client_id: 'shop', request_uri: 'http://127.0.0.1:1/x' })
    const answer = await town.fetch(`${town.urls.platform}/oidc/authorize?${remote}`)
    assert.ok(answer.status >= 400 || /error=/.test(answer.headers.get('location') ?? ''))
  })

  it('a signed request is taken as signed; unsigned, foreign, old and altered ones are not', async () => {
    const { privateKey, kid } = await keyOf(shop)
    const request = async (
      changed: Record<string, unknown> = {},
      by: { key: CryptoKeyLike; kid: string } = { key: privateKey, kid },
    ) => {
      const now = Math.floor(Date.now() / 1000)
      return new SignJWT({
        iss: 'shop',
        client_id: 'shop',
        aud: town.urls.platform,
        exp: now + 60,
        nbf: now - 1,
        redirect_uri: shop.redirectUri,
        response_type: 'code',
        scope: 'openid',
        state: 'signed state',
        code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        ...changed,
      })
        .setProtectedHeader({ alg: 'ES256', kid: by.kid, typ: 'oauth-authz-req+jwt' })
        .sign(by.key)
    }
    const verifier = oidc.randomPKCECodeVerifier()
    const visit = async (parameters: Record<string, string>): Promise<string> => {
      const query = new URLSearchParams({ client_id: 'shop', ...parameters })
      const answer = await town.fetch(`${town.urls.platform}/oidc/authorize?${query}`)
      const location = answer.headers.get('location') ?? ''
      if (location.includes('/interaction/')) return 'asked'
      return URL.canParse(location)
        ? (new URL(location).searchParams.get('error') ?? '')
        : 'refused'
    }
    const query = new URLSearchParams({
      client_id: 'shop',
      request: await request(),
      // What stands beside a signed request counts for nothing.
      scope: 'openid name',
      state: 'another',
    })
    const address = await walk({ url: `${town.urls.platform}/oidc/authorize?${query}` })
    assert.equal(new URL(address).searchParams.get('state'), 'signed state')
    const tokens = await oidc.authorizationCodeGrant(shopParty.config, new URL(address), {
      pkceCodeVerifier: verifier,
      expectedState: 'signed state',
    })
    assert.equal(tokens.scope, 'openid')

    assert.equal(await visit({ request: await request() }), 'asked')
    const plain = await shopParty.begin({ scope: 'openid' }, { isPushed: false })
    const answer = await town.fetch(plain.url)
    assert.match(answer.headers.get('location') ?? '', /error=invalid_request/)
    const foreign = await keyOf(bank)
    const [head, payload, signature] = (await request()).split('.')
    const none = Buffer.from('{"alg":"none"}').toString('base64url')
    const altered = { ...decodeJwt(`${head}.${payload}.${signature}`), scope: 'openid name' }
    for (const wrong of [
      await request({}, { key: foreign.privateKey, kid: foreign.kid }),
      await request({ exp: 1 }),
      await request({ exp: undefined }),
      await request({ aud: 'https://other.example' }),
      await request({ aud: undefined }),
      await request({ iss: 'bank2' }),
      await request({ client_id: 'bank2' }),
      await request({ request_uri: 'https://evil.example' }),
      await request({ redirect_uri: 'https://evil.example' }),
      `${none}.${payload}.`,
      `${head}.${Buffer.from(JSON.stringify(altered)).toString('base64url')}.${signature}`,
      'x',
    ])
      assert.notEqual(await visit({ request: wrong }), 'asked')
  })

  it('a signed answer is checked by the relying party, and one for another provider is none', async () => {
    const plain = await town.provider({ id: 'club' })
    const club = await relyingParty(town, plain)
    oidc.useJwtResponseMode(club.config)
    const begun = await club.begin({ scope: 'openid', response_mode: 'query.jwt' })
    const address = new URL(await walk(begun))
    const response = address.searchParams.get('response') ?? ''
    assert.equal(address.searchParams.get('code'), null)
    const { iss, aud, exp } = decodeJwt(response)
    assert.equal(iss, town.urls.platform)
    assert.equal(aud, 'club')
    assert.ok((exp ?? 0) < Date.now() / 1000 + 700)
    const other = await relyingParty(town, bank)
    oidc.useJwtResponseMode(other.config)
    await assert.rejects(other.finish(address.href, begun, { DPoP: key }))
    const tokens = await club.finish(address.href, begun)
    assert.ok(tokens.claims()?.sub)
  })
})

type CryptoKeyLike = Awaited<ReturnType<typeof keyOf>>['privateKey']
