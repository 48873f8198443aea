/**
 * The interface's description: every operation with a body has an example, and each example is taken by the interface as it stands, by a
 * provider with all scopes; what then is refused is refused for its content, with a documented code.
 */
import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { startTestTown, type TestProvider, type TestTown } from '@sekisho/cli/testkit'
import { isRefusalCode } from '@sekisho/contract'
import * as oidc from 'openid-client'
import { z } from 'zod'

const operation = z.looseObject({
  requestBody: z
    .object({
      content: z.record(z.string(), z.looseObject({ schema: z.unknown(), example: z.unknown() })),
    })
    .optional(),
})
const description = z.looseObject({
  openapi: z.string(),
  paths: z.record(z.string(), z.record(z.string(), operation)),
})

let town: TestTown
let shop: TestProvider
before(async () => {
  town = await startTestTown()
  shop = await town.provider({ id: 'shop' })
})
after(() => town.stop())

it('every example is taken', async () => {
  const answer = await town.fetch(`${town.urls.platform}/openapi.json`)
  const { openapi, paths } = description.parse(await answer.json())
  assert.equal(openapi, '3.1.0')
  const imported = await crypto.subtle.importKey(
    'jwk',
    shop.key,
    { name: 'ECDSA', namedCurve: 'P-256' },
    false,
    ['sign'],
  )
  const config = await oidc.discovery(
    new URL(town.urls.platform),
    'shop',
    {},
    oidc.PrivateKeyJwt({ key: imported, kid: String(shop.key.kid) }),
    { execute: [oidc.allowInsecureRequests] },
  )
  const scope = 'sign verify change link statement mandate procedure mail'
  const { access_token } = await oidc.clientCredentialsGrant(config, { scope })
  let sent = 0
  for (const [path, methods] of Object.entries(paths))
    for (const [method, { requestBody }] of Object.entries(methods)) {
      const body = requestBody?.content['application/json']
      if (body === undefined || !path.startsWith('/v1/')) continue
      const name = `${method.toUpperCase()} ${path}`
      assert.notEqual(body.example, undefined, `${name} has no example`)
      const response = await town.fetch(
        `${town.urls.platform}${path.replaceAll(/\{\w+\}/g, 'unknown')}`,
        {
          method: method.toUpperCase(),
          headers: {
            authorization: `Bearer ${access_token}`,
            'content-type': 'application/json',
            accept: 'application/json',
            'idempotency-key': `example-${name}`.replaceAll(/\W/g, '-'),
          },
          body: JSON.stringify(body.example),
        },
      )
      sent++
      if (response.ok) continue
      const { code, fields } = z
        .object({ code: z.string(), fields: z.unknown() })
        .partial({ fields: true })
        .parse(await response.json())
      assert.ok(isRefusalCode(code), `${name}: ${code}`)
      assert.notEqual(code, 'request-malformed', `${name}: ${JSON.stringify(fields)}`)
      assert.notEqual(code, 'internal-fault', name)
    }
  assert.ok(sent >= 10, String(sent))
})
