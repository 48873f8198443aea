import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Provider } from '../providers/registry.ts'
import { metadataOf } from '../world-for-tests.ts'
import { attributeScopes, attributeWords, composeStatement } from './statement.ts'

const metadata = metadataOf('bank')
const provider: Provider = {
  id: 'bank',
  name: metadata.client_name,
  purpose: metadata.sekisho_purpose,
  scopes: new Set(),
  revocation: 'crl',
  freshnessMs: undefined,
  state: 'active',
  metadata,
}
const issuer = 'https://platform.example'

const textOf = (attributes: readonly (typeof attributeScopes)[number][], number = 'n'): string =>
  new TextDecoder('utf-8', { fatal: true }).decode(
    composeStatement({
      provider,
      issuer: issuer,
      attributes,
      at: Date.UTC(2030, 3, 30, 15, 0, 0),
      number,
      isStanding: false,
    }),
  )

it('a statement names recipient, purpose, every attribute released, verifier, term and number, in both languages', () => {
  const text = textOf(attributeScopes, 'number-1')
  for (const said of [provider.name, provider.purpose, issuer, 'number-1'])
    assert.ok(text.split(said).length >= 3 || said === issuer, said)
  for (const scope of attributeScopes) {
    assert.ok(text.includes(attributeWords[scope].ja))
    assert.ok(text.includes(attributeWords[scope].en))
  }
  // 1 May in Japan.
  assert.match(text, /令和12年5月1日/)
  assert.match(text, /2030-05-01, for 5 years/)
  assert.match(text, /この日から5年間/)
})

it('an attribute that is not asked for is not named; none at all is said in words', () => {
  assert.equal(textOf(['name']).includes('住所'), false)
  assert.match(textOf([]), /なし\(本人であることの確認のみ\)/)
})

it('two statements are never the same bytes', () => {
  assert.notEqual(textOf(['name'], 'a'), textOf(['name'], 'b'))
})
