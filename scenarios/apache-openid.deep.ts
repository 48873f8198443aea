/**
 * C5 judged by Apache's mod_auth_openidc as a relying party: a page behind it sees what the person consented to and nothing else; what was altered on
 * the way back opens nothing; logouts by both sides end its session.
 */
import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { startTestTown, type TestTown } from '@sekisho/cli/testkit'
import { sleep } from '@sekisho/runtime/clock'
import type { Fetch } from '@sekisho/runtime/net'
import { type Apache, printingPage, startApache, variablesOn } from './apache.ts'

const keyId = 'apache-key'

describe('mod_auth_openidc as a relying party', () => {
  let town: TestTown
  let site: Apache
  let club: Apache
  before(async () => {
    town = await startTestTown()
    site = await startParty(town, 'site')
    club = await startParty(town, 'club')
  })
  after(async () => {
    await site[Symbol.asyncDispose]()
    await club[Symbol.asyncDispose]()
    await town.stop()
  })

  const enter = async (party: Apache, path: string, persona: string) => {
    await using person = await town.person(persona)
    const page = await person.visit(`${party.origin}/${path}/`)
    assert.equal(page.url, `${party.origin}/${path}/`)
    return variablesOn(page.body)
  }

  it('a page sees a pairwise subject, and the attributes that were asked for and consented to', async () => {
    const seen = await enter(site, 'named', 'plain-adult')
    const claims = Object.keys(seen).filter(name => name.startsWith('OIDC_CLAIM_'))
    const names = claims.map(name => name.slice('OIDC_CLAIM_'.length)).sort()
    const expected = 'acr aud birthdate exp iat iss name name_substitutes nonce sub'
    assert.equal(names.join(' '), expected)
    assert.equal(seen['OIDC_CLAIM_name'], '佐藤　花子')
    assert.equal(seen['OIDC_CLAIM_iss'], town.urls.platform)
    assert.equal(seen['OIDC_CLAIM_aud'], 'site')
    assert.equal(seen['OIDC_CLAIM_acr'], 'urn:sekisho:acr:card-signed')
    const subject = seen['OIDC_CLAIM_sub'] ?? ''
    assert.match(subject, /^[A-Za-z0-9_-]{22}$/)

    const login = await enter(site, 'login', 'plain-adult')
    assert.equal(login['OIDC_CLAIM_sub'], subject)
    assert.equal(login['OIDC_CLAIM_name'], undefined)
    const other = await enter(club, 'named', 'plain-adult')
    assert.equal(other['OIDC_CLAIM_name'], '佐藤　花子')
    assert.notEqual(other['OIDC_CLAIM_sub'], subject)
    const another = await enter(site, 'named', 'renewed-card')
    assert.notEqual(another['OIDC_CLAIM_sub'], subject)
  })

  it('what was altered on the way back opens nothing: state, issuer, a code of somebody else’s login', async () => {
    const stolen = await codeOf(town, site)
    const changes: readonly ((back: URL) => void)[] = [
      back => back.searchParams.set('state', 'another'),
      back => back.searchParams.set('iss', 'http://evil.localhost'),
      // Another login's code: the verifier belongs to this one's (RFC 7636 §4.6), and so would the nonce.
      back => back.searchParams.set('code', stolen),
      back => back.searchParams.delete('code'),
    ]
    for (const change of changes) {
      let isChanged = false
      const fetch: Fetch = (input, init) => {
        const address = new URL(input instanceof Request ? input.url : input)
        if (address.origin !== site.origin || address.pathname !== '/back')
          return town.fetch(input, init)
        change(address)
        isChanged = true
        return town.fetch(address, init)
      }
      await using person = await town.person('plain-adult', { fetch })
      const page = await person.visit(`${site.origin}/login/`).catch(() => undefined)
      assert.ok(isChanged)
      assert.equal(variablesOn(page?.body ?? '')['REMOTE_USER'], undefined)
    }
  })

  it('who refuses at the card step comes back without a login', async () => {
    await using person = await town.person('plain-adult', { pin: '0000' })
    await person.visit(`${site.origin}/login/`)
    const back = await person.submit({ form: 'refuse' })
    assert.equal(new URL(back.url).searchParams.get('error'), 'access_denied')
    assert.equal(variablesOn(back.body)['REMOTE_USER'], undefined)
  })

  it('leaving at the site ends the session at the platform, and the browser comes back', async () => {
    await using person = await town.person('plain-adult')
    const page = await person.visit(`${site.origin}/login/`)
    assert.ok(variablesOn(page.body)['REMOTE_USER'])
    const tables = await town.tables('platform')
    const newest = () =>
      tables.read(db =>
        db
          .selectFrom('provider_session')
          .select(['provider_id', 'ended_at'])
          .orderBy('begun_at', 'desc')
          .limit(1)
          .execute(),
      )
    assert.deepEqual(await newest(), [{ provider_id: 'site', ended_at: null }])
    const target = `${site.origin}/left.html`
    const left = await person.visit(`${site.origin}/back?logout=${encodeURIComponent(target)}`)
    assert.equal(left.url, target)
    assert.notEqual((await newest())[0]?.['ended_at'], null)
  })

  it('a logout token ends the session at the site that it is for, and no other', async () => {
    const first = await enter(site, 'login', 'long-address')
    const second = await enter(club, 'login', 'renewed-card')
    await town.clock.advance(60_000)
    await town.happen('long-address', { what: 'lost' })
    const isIn = async (party: Apache, seen: Readonly<Record<string, string>>) =>
      (await openPage(town, party, seen)).status === 200
    assert.equal(await isIn(club, second), true)
    const endsAt = performance.now() + 15_000
    while ((await isIn(site, first)) && performance.now() < endsAt) await sleep(100)
    assert.equal(await isIn(site, first), false)
    assert.equal(await isIn(club, second), true)
  })
})

/** Registers a provider and starts the site that it has. */
async function startParty(town: TestTown, id: string): Promise<Apache> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const party = await startApache({
    host: `${id}.localhost`,
    modules: ['authz_user', 'include', 'auth_openidc'],
    files: () => ({
      'client.pem': privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      'client-public.pem': publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      'pages/login/index.html': printingPage,
      'pages/named/index.html': printingPage,
      'pages/left.html': '<!doctype html><title>left</title>',
    }),
    configuration: ({ root, origin }) => `
<Directory ${root}/pages>
  Options +Includes
  AddOutputFilter INCLUDES .html
</Directory>
# Node's fetch calls itself a script, whatever browser a test plays with it.
RequestHeader set Sec-Fetch-Mode navigate early
OIDCProviderMetadataURL ${town.urls.platform}/.well-known/openid-configuration
OIDCClientID ${id}
OIDCPrivateKeyFiles ${keyId}#${root}/client.pem
OIDCPublicKeyFiles ${keyId}#${root}/client-public.pem
OIDCProviderTokenEndpointAuth private_key_jwt
OIDCRedirectURI ${origin}/back
OIDCCryptoPassphrase ${randomBytes(24).toString('hex')}
OIDCPKCEMethod S256
OIDCResponseType code
OIDCPassClaimsAs environment
OIDCCookieSameSite On
<LocationMatch ^/(back|login|named)>
  AuthType openid-connect
  Require valid-user
</LocationMatch>
<Location /named>
  OIDCPathScope "name birthdate"
  OIDCPathAuthRequestParams acr_values=urn%3Asekisho%3Aacr%3Acard-signed
</Location>
`,
  })
  await town.provider({
    id,
    metadata: () => ({
      redirect_uris: [`${party.origin}/back`],
      jwks: {
        keys: [{ ...publicKey.export({ format: 'jwk' }), kty: 'RSA', kid: keyId, alg: 'RS256' }],
      },
      post_logout_redirect_uris: [`${party.origin}/left.html`],
      backchannel_logout_uri: `${party.origin}/back?logout=backchannel`,
    }),
  })
  return party
}

/** The code of a login that its browser never brings back. */
async function codeOf(town: TestTown, party: Apache): Promise<string> {
  let code = ''
  const fetch: Fetch = (input, init) => {
    const address = new URL(input instanceof Request ? input.url : input)
    if (address.origin !== party.origin || address.pathname !== '/back')
      return town.fetch(input, init)
    code = address.searchParams.get('code') ?? ''
    return Promise.resolve(new Response(null, { status: 204 }))
  }
  await using person = await town.person('renewed-card', { fetch })
  await person.visit(`${party.origin}/login/`)
  assert.notEqual(code, '')
  return code
}

/** Opens the page with the cookies of somebody who was let in, without walking on to the platform. */
function openPage(town: TestTown, party: Apache, seen: Readonly<Record<string, string>>) {
  const headers = { accept: 'text/html', cookie: seen['HTTP_COOKIE'] ?? '' }
  return town.fetch(`${party.origin}/login/`, { headers, redirect: 'manual' })
}
