/**
 * C5 with an independent relying party: refresh tokens and what ends them, introspection, revocation, step-up, logout from the
 * provider's side and towards providers.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { startTestTown, type TestProvider, type TestTown } from '@sekisho/cli/testkit'
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import * as oidc from 'openid-client'
import { codeOn } from './hand-reader.ts'
import { errorOf, relyingParty, type RelyingParty } from './relying-party.ts'

const standing = 'openid name offline_access'
const allGrants = ['authorization_code', 'client_credentials', 'refresh_token']

describe('federation', () => {
  let town: TestTown
  let shop: TestProvider
  let club: TestProvider
  let party: RelyingParty
  let clubParty: RelyingParty
  before(async () => {
    town = await startTestTown()
    const given = (id: string) => ({
      id,
      scope: 'openid name address sign verify offline_access',
      metadata: (origin: string) => ({
        grant_types: allGrants,
        post_logout_redirect_uris: [`${origin}/callback`],
        backchannel_logout_uri: `${origin}/logout-token`,
      }),
    })
    shop = await town.provider(given('shop'))
    club = await town.provider(given('club'))
    party = await relyingParty(town, shop)
    clubParty = await relyingParty(town, club)
  })
  after(() => town.stop())

  /** Walks the card step and exchanges the code. */
  async function enter(
    persona: string,
    parameters: Readonly<Record<string, string>>,
    by: RelyingParty = party,
  ) {
    const begun = await by.begin({ prompt: 'consent', ...parameters })
    await using person = await town.person(persona)
    const page = await person.visit(begun.url)
    assert.equal(codeOn(page), 'none')
    return by.finish(page.url, begun)
  }
  const refresh = (token: string | undefined, by = party) =>
    oidc.refreshTokenGrant(by.config, token ?? '')
  const userInfo = (token: string, sub: string, by = party) =>
    oidc.fetchUserInfo(by.config, token, sub)
  const until = async (isSo: () => boolean): Promise<void> => {
    const end = performance.now() + 15_000
    while (!isSo() && performance.now() < end)
      await new Promise(resolve => {
        setTimeout(resolve, 50)
      })
    assert.ok(isSo())
  }
  const logoutOf = async (token: string | undefined, provider: TestProvider) => {
    const keys = createRemoteJWKSet(new URL(`${town.urls.platform}/oidc/jwks`))
    const expected = { issuer: town.urls.platform, audience: provider.id, typ: 'logout+jwt' }
    return (await jwtVerify(token ?? '', keys, expected)).payload
  }

  it('a refresh token comes only where contract, request and person allow it, and reads again what was released', async () => {
    const without = await enter('plain-adult', { scope: 'openid name' })
    assert.equal(without.refresh_token, undefined)
    const begun = await party.begin({ scope: standing, prompt: 'consent' })
    await using person = await town.person('plain-adult')
    let shown = ''
    const page = await person.visit(begun.url)
    shown += page.ceremonies.map(one => JSON.stringify(one)).join()
    assert.equal(codeOn(page), 'none')
    const tokens = await party.finish(page.url, begun)
    const { sub } = tokens.claims() ?? { sub: '' }
    const again = await refresh(tokens.refresh_token)
    assert.equal(again.claims()?.sub, sub)
    assert.equal(again.claims()?.auth_time, tokens.claims()?.auth_time)
    const [first, second] = [
      await userInfo(tokens.access_token, sub),
      await userInfo(again.access_token, sub),
    ]
    assert.equal(second['name'], first['name'])
    assert.ok(second['name'])
    assert.ok(shown.length > 0)
  })

  it('each refresh token serves once: who uses an old one ends them all, and of eight at once one wins', async () => {
    const { refresh_token: first } = await enter('plain-adult', { scope: standing })
    const { refresh_token: second, access_token: access } = await refresh(first)
    assert.notEqual(second, first)
    assert.equal(await errorOf(refresh(first)), 'invalid_grant grant-ended')
    assert.equal(await errorOf(refresh(second)), 'invalid_grant grant-ended')
    assert.equal(
      (await town.fetch(`${town.urls.platform}/oidc/userinfo`, bearer(access))).status,
      401,
    )

    const { refresh_token: third } = await enter('plain-adult', { scope: standing })
    const tried = await Promise.all(Array.from({ length: 8 }, () => errorOf(refresh(third))))
    assert.equal(tried.filter(error => error === 'none').length, 1)
    assert.equal(tried.filter(error => error === 'invalid_grant grant-ended').length, 7)
  })

  it('a refresh token and its tokens are worth nothing at another provider', async () => {
    const tokens = await enter('plain-adult', { scope: standing })
    assert.equal(
      await errorOf(refresh(tokens.refresh_token, clubParty)),
      'invalid_grant grant-ended',
    )
    const foreign = await oidc.tokenIntrospection(clubParty.config, tokens.access_token)
    assert.deepEqual(foreign, { active: false })
    await oidc.tokenRevocation(clubParty.config, tokens.refresh_token ?? '')
    const own = await oidc.tokenIntrospection(party.config, tokens.refresh_token ?? '')
    assert.equal(own.active, true)
    assert.equal(own.sub, tokens.claims()?.sub)
    assert.equal(own.client_id, 'shop')
  })

  it('revoking a token ends its grant; introspection says so and says nothing else', async () => {
    const tokens = await enter('plain-adult', { scope: standing })
    const before = await oidc.tokenIntrospection(party.config, tokens.access_token)
    assert.equal(before.active, true)
    await oidc.tokenRevocation(party.config, tokens.refresh_token ?? '')
    for (const token of [tokens.access_token, tokens.refresh_token ?? '', 'made up'])
      assert.deepEqual(await oidc.tokenIntrospection(party.config, token), { active: false })
    assert.equal(await errorOf(refresh(tokens.refresh_token)), 'invalid_grant grant-ended')
  })

  it('the card is asked for whatever max_age says; prompt=none gets nothing; what is not offered is not downgraded', async () => {
    for (const parameters of [{ max_age: '0' }, { max_age: '3600' }, { prompt: 'login' }]) {
      const begun = await party.begin({ scope: 'openid', ...parameters })
      await using person = await town.person('plain-adult')
      const page = await person.visit(begun.url)
      assert.equal(page.ceremonies.length, 1)
      const age =
        Date.now() / 1000 - Number((await party.finish(page.url, begun)).claims()?.auth_time)
      assert.ok(age < 30)
    }
    const errorAt = async (parameters: Readonly<Record<string, string>>): Promise<string> => {
      const begun = await party.begin({ scope: 'openid', ...parameters })
      await using person = await town.person('plain-adult')
      const page = await person.visit(begun.url)
      assert.equal(page.ceremonies.length, 0)
      return errorOf(party.finish(page.url, begun))
    }
    assert.match(await errorAt({ prompt: 'none' }), /^login_required /)
    assert.equal(
      await errorAt({ acr_values: 'urn:sekisho:acr:stronger' }),
      'unmet_authentication_requirements acr-unmet',
    )
    for (const demand of [
      { essential: true, value: 'urn:sekisho:acr:stronger' },
      { essential: true, values: [] },
    ])
      assert.equal(
        await errorAt({ claims: JSON.stringify({ id_token: { acr: demand } }) }),
        'unmet_authentication_requirements acr-unmet',
      )
    // Step-up: the same person, asked for the signature certificate.
    const low = await enter('plain-adult', { scope: 'openid', acr_values: 'urn:sekisho:acr:card' })
    const high = await enter('plain-adult', {
      scope: 'openid',
      acr_values: 'urn:sekisho:acr:card-signed',
    })
    assert.equal(low.claims()?.['acr'], 'urn:sekisho:acr:card')
    assert.equal(high.claims()?.['acr'], 'urn:sekisho:acr:card-signed')
    assert.equal(low.claims()?.sub, high.claims()?.sub)
  })

  it('attributes come with the rules, the record and the moment by which they were verified, when that is asked for', async () => {
    const verification = {
      trust_framework: { value: 'jp_jpki' },
      time: null,
      verification_process: null,
      evidence: [{ type: { value: 'electronic_record' }, check_details: null, record: null }],
    }
    const claims = (wanted: object) => JSON.stringify(wanted)
    const asking = { verified_claims: { verification, claims: { name: null, address: null } } }
    const tokens = await enter('plain-adult', {
      scope: 'openid name',
      claims: claims({ userinfo: asking }),
    })
    const info = await userInfo(tokens.access_token, tokens.claims()?.sub ?? '')
    const verified = info['verified_claims'] as {
      readonly verification: Readonly<Record<string, unknown>>
      readonly claims: Readonly<Record<string, unknown>>
    }
    // The address was not asked for by its scope: the person did not consent to it.
    assert.deepEqual(verified.claims, { name: info['name'] })
    assert.equal(verified.verification['trust_framework'], 'jp_jpki')
    assert.match(String(verified.verification['verification_process']), /^[0-9a-f]{64}$/)
    assert.equal(info['address'], undefined)
    assert.equal(tokens.claims()?.['verified_claims'], undefined)

    const plain = await enter('plain-adult', { scope: 'openid name' })
    const without = await userInfo(plain.access_token, plain.claims()?.sub ?? '')
    assert.equal(without['verified_claims'], undefined)
    assert.equal(without['verification'], undefined)
    const login = await enter('plain-adult', {
      scope: 'openid',
      claims: claims({ userinfo: asking }),
    })
    const nothing = await userInfo(login.access_token, login.claims()?.sub ?? '')
    assert.deepEqual(nothing, { sub: login.claims()?.sub })

    const deep = `${'{"a":'.repeat(2000)}1${'}'.repeat(2000)}`
    for (const wrong of [
      claims({ id_token: { name: null } }),
      claims({ id_token: { verified_claims: asking.verified_claims } }),
      claims({ userinfo: { verified_claims: { claims: { name: null } } } }),
      claims({ userinfo: { verified_claims: null } }),
      `{"userinfo":${deep}}`,
      '[1]',
      '{',
    ])
      assert.match(
        await errorOf(party.begin({ scope: 'openid name', claims: wrong })),
        /^invalid_request /,
        wrong.slice(0, 80),
      )
  })

  it('an authorization names the very document that is signed; another one, or another’s, is not signed by it', async () => {
    const { subject } = await (async () => {
      const begun = await shop.sekisho.beginIdentify(['name'])
      await using person = await town.person('plain-adult')
      return shop.sekisho.finish((await person.visit(begun.url)).url, begun.pending)
    })()
    const document = new TextEncoder().encode('注文書\nりんご 1箱')
    const given = { title: '注文書', mediaType: 'text/plain', document, subject } as const
    const { id } = await shop.sekisho.createSigning(given, 'intent-1')
    const sha256 = createHash('sha256').update(document).digest('hex')
    const details = (changed: object = {}) =>
      JSON.stringify([
        { type: 'sekisho_sign', transaction: id, document_sha256: sha256, ...changed },
      ])
    const visit = async (authorization_details: string, by = party, scope = 'openid') => {
      const begun = await by.begin({ scope, authorization_details })
      await using person = await town.person('plain-adult')
      return { begun, page: await person.visit(begun.url) }
    }
    const another = createHash('sha256').update('りんご 100箱').digest('hex')
    assert.equal(
      codeOn((await visit(details({ document_sha256: another }))).page),
      'intent-mismatch',
    )
    assert.equal(codeOn((await visit(details(), clubParty)).page), 'transaction-unknown')
    for (const wrong of [
      '[]x',
      '{}',
      details({ type: 'other' }),
      details({ document_sha256: 'x' }),
      details({ transaction: 5 }),
      details({ more: 'members' }),
      JSON.stringify([...JSON.parse(details()), ...JSON.parse(details())]),
    ])
      assert.match(
        await errorOf(party.begin({ scope: 'openid', authorization_details: wrong })),
        /^invalid_authorization_details /,
        wrong,
      )
    const { begun, page } = await visit(details())
    assert.equal(codeOn(page), 'none')
    const tokens = await party.finish(page.url, begun)
    assert.deepEqual(tokens['authorization_details'], JSON.parse(details()))
    const { receipt } = await (async () => {
      const state = await shop.sekisho.readSigning(id, document)
      assert.equal(state.state, 'signed')
      return state.state === 'signed' ? state : { receipt: undefined }
    })()
    assert.equal(receipt?.document.sha256, sha256)
    const told = await oidc.tokenIntrospection(party.config, tokens.access_token)
    assert.deepEqual(told.authorization_details, JSON.parse(details()))
    // It opens nothing but that: no attributes, whatever else was asked for beside it, and not the interface.
    const wide = await visit(details(), party, 'openid name address verify')
    assert.equal(codeOn(wide.page), 'transaction-finished')
    const { id: second } = await shop.sekisho.createSigning(given, 'intent-2')
    const both = await visit(details({ transaction: second }), party, 'openid name address verify')
    assert.equal(codeOn(both.page), 'none')
    const wider = await party.finish(both.page.url, both.begun)
    for (const token of [tokens.access_token, wider.access_token]) {
      const info = await town.fetch(`${town.urls.platform}/oidc/userinfo`, bearer(token))
      assert.deepEqual(await info.json(), { sub: subject })
      const called = await town.fetch(`${town.urls.platform}/v1/changes`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ subject }),
      })
      assert.equal(called.status, 401)
    }
  })

  it('a provider ends its own session: tokens are gone there, stand elsewhere, and the browser goes back', async () => {
    const mine = await enter('plain-adult', { scope: standing })
    const other = await enter('plain-adult', { scope: standing }, clubParty)
    const told = club.logouts.tokens.length + shop.logouts.tokens.length
    const url = oidc.buildEndSessionUrl(party.config, {
      id_token_hint: mine.id_token ?? '',
      post_logout_redirect_uri: shop.redirectUri,
      state: 'somewhere',
    })
    const back = await town.fetch(url)
    assert.equal(back.status, 303)
    assert.equal(back.headers.get('location'), `${shop.redirectUri}?state=somewhere`)
    assert.equal(await errorOf(refresh(mine.refresh_token)), 'invalid_grant grant-ended')
    assert.equal(await errorOf(refresh(other.refresh_token, clubParty)), 'none')
    assert.equal(club.logouts.tokens.length + shop.logouts.tokens.length, told)
  })

  it('a logout that proves nothing ends nothing and leads nowhere', async () => {
    const mine = await enter('plain-adult', { scope: standing })
    const hint = mine.id_token ?? ''
    const [head, body, signature] = hint.split('.')
    const forged = Buffer.from(JSON.stringify({ ...decodeJwt(hint), sub: 'another' }))
    const leave = async (parameters: Record<string, string>) => {
      const answer = await town.fetch(
        `${town.urls.platform}/logout?${new URLSearchParams(parameters)}`,
      )
      assert.equal(answer.headers.get('location'), null)
      return answer.status
    }
    assert.equal(await leave({ post_logout_redirect_uri: 'https://evil.example/' }), 200)
    assert.equal(
      await leave({ id_token_hint: hint, post_logout_redirect_uri: 'https://evil.example/' }),
      400,
    )
    assert.equal(
      await leave({ id_token_hint: hint, post_logout_redirect_uri: `${shop.redirectUri}/x` }),
      400,
    )
    assert.equal(await leave({ id_token_hint: hint, client_id: 'club' }), 400)
    assert.equal(
      await leave({ id_token_hint: `${head}.${forged.toString('base64url')}.${signature}` }),
      400,
    )
    const unsigned = Buffer.from('{"alg":"none"}').toString('base64url')
    assert.equal(await leave({ id_token_hint: `${unsigned}.${body}.` }), 400)
    assert.equal(await leave({ id_token_hint: 'x'.repeat(5000) }), 400)
    assert.equal(await errorOf(refresh(mine.refresh_token)), 'none')
  })

  it('withdrawing the consent ends what rests on it, and the provider is told by its own name for the person', async () => {
    const mine = await enter('renewed-card', { scope: standing })
    const other = await enter('renewed-card', { scope: standing }, clubParty)
    const [before, beforeClub] = [shop.logouts.tokens.length, club.logouts.tokens.length]
    shop.logouts.refusals = 1
    await using person = await town.person('renewed-card')
    const records = await person.visit(`${town.urls.platform}/me`)
    assert.match(records.body, /ログイン中のサービス/)
    const section = records.body.split('<section aria-label="試験 shop">')[1] ?? ''
    const form = /id="(withdraw-[0-9a-f-]+)"/.exec(section)?.[1] ?? ''
    await person.submit({ form })
    assert.equal(await errorOf(refresh(mine.refresh_token)), 'invalid_grant grant-ended')
    // Not taken the first time, sent again.
    await until(() => shop.logouts.tokens.length > before)
    const payload = await logoutOf(shop.logouts.tokens[before], shop)
    assert.equal(payload.sub, mine.claims()?.sub)
    const read = await shop.sekisho.readLogout(shop.logouts.tokens[before] ?? '')
    assert.deepEqual(read, { id: payload.jti, subject: payload.sub })
    assert.equal(payload['sid'], undefined)
    assert.equal(payload['nonce'], undefined)
    assert.deepEqual(payload['events'], {
      'http://schemas.openid.net/event/backchannel-logout': {},
    })
    assert.equal(club.logouts.tokens.length, beforeClub)

    await person.submit({ form: 'end-sessions' })
    await until(() => club.logouts.tokens.length > beforeClub)
    const told = await logoutOf(club.logouts.tokens[beforeClub], club)
    assert.equal(told.sub, other.claims()?.sub)
    assert.notEqual(told.sub, payload.sub)
    assert.equal(
      await errorOf(refresh(other.refresh_token, clubParty)),
      'invalid_grant grant-ended',
    )
    // A logout token is no ID token.
    const misused = await town.fetch(
      `${town.urls.platform}/logout?id_token_hint=${club.logouts.tokens[beforeClub]}`,
    )
    assert.equal(misused.status, 400)
  })

  it('a suspended provider gets nothing for its refresh token', async () => {
    const mine = await enter('renewed-card', { scope: standing })
    await town.admin('platform', 'provider-state', { id: 'shop', state: 'suspended' })
    assert.match(await errorOf(refresh(mine.refresh_token)), /^invalid_client /)
    assert.equal(
      (await town.fetch(`${town.urls.platform}/oidc/userinfo`, bearer(mine.access_token))).status,
      401,
    )
    await town.admin('platform', 'provider-state', { id: 'shop', state: 'active' })
    assert.equal(await errorOf(refresh(mine.refresh_token)), 'none')
  })

  it('a lost card ends every session that it opened, and all providers hear it', async () => {
    const mine = await enter('long-address', { scope: standing })
    const other = await enter('long-address', { scope: 'openid offline_access' }, clubParty)
    const [before, beforeClub] = [shop.logouts.tokens.length, club.logouts.tokens.length]
    assert.equal(await errorOf(refresh(other.refresh_token, clubParty)), 'none')
    await town.clock.advance(60_000)
    await town.happen('long-address', { what: 'lost' })
    assert.equal(await errorOf(refresh(mine.refresh_token)), 'invalid_grant grant-ended')
    await until(
      () => shop.logouts.tokens.length > before && club.logouts.tokens.length > beforeClub,
    )
    assert.equal((await logoutOf(club.logouts.tokens[beforeClub], club)).sub, other.claims()?.sub)
  })
})

function bearer(token: string): RequestInit {
  return { headers: { authorization: `Bearer ${token}` } }
}
