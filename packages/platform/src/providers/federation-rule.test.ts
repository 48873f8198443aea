import assert from 'node:assert/strict'
import { it } from 'node:test'
import { providerMetadata } from '@sekisho/contract'
import { metadataOf } from '../world-for-tests.ts'
import { brokenMember } from './federation-rule.ts'

const broken = (more: Record<string, unknown>, mode: 'town' | 'production' = 'production') =>
  brokenMember(providerMetadata.parse({ ...metadataOf('p1'), ...more }), mode)

const standing = {
  scope: 'openid offline_access',
  grant_types: ['authorization_code', 'client_credentials', 'refresh_token'],
}

it('a refresh token needs contract and grant, both', () => {
  assert.equal(broken(standing), undefined)
  assert.equal(broken({ ...standing, scope: 'openid' }), 'grant_types')
  assert.equal(broken({ scope: 'openid offline_access' }), 'grant_types')
})

it('addresses for logging out are pages over TLS, without fragment or password', () => {
  for (const member of ['post_logout_redirect_uris', 'backchannel_logout_uri'] as const) {
    const given = (address: string) => ({
      [member]: member === 'backchannel_logout_uri' ? address : [address],
    })
    assert.equal(broken(given('https://p1.example/out')), undefined)
    assert.equal(broken(given('http://p1.localhost:1/out'), 'town'), undefined)
    for (const address of [
      'http://p1.example/out',
      'https://p1.example/out#x',
      'https://a:b@p1.example/',
      'javascript:alert(1)',
      'file:///etc/passwd',
    ])
      assert.equal(broken(given(address)), member, address)
  }
})

it('an authentication with a certificate names what it is known by; FAPI 2.0 wants bound tokens and no older algorithm', () => {
  const issued = { token_endpoint_auth_method: 'tls_client_auth' }
  assert.equal(broken({ ...issued, tls_client_auth_san_dns: 'a.example' }), undefined)
  assert.equal(broken(issued), 'tls_client_auth_san_dns')
  assert.equal(broken({ tls_client_auth_san_dns: 'a.example' }), 'tls_client_auth_san_dns')
  const both = {
    tls_client_auth_san_dns: 'a.example',
    tls_client_auth_san_uri: 'https://a.example',
  }
  assert.equal(broken({ ...issued, ...both }), 'tls_client_auth_san_dns')
  assert.equal(broken({ token_endpoint_auth_method: 'self_signed_tls_client_auth' }), 'jwks')
  const fapi = {
    sekisho_profile: 'fapi2',
    dpop_bound_access_tokens: true,
    token_endpoint_auth_signing_alg: 'ES256',
  }
  assert.equal(broken(fapi), undefined)
  assert.equal(broken({ ...fapi, dpop_bound_access_tokens: false }), 'dpop_bound_access_tokens')
  for (const token_endpoint_auth_signing_alg of ['RS256', undefined])
    assert.equal(
      broken({ ...fapi, token_endpoint_auth_signing_alg }),
      'token_endpoint_auth_signing_alg',
    )
})
