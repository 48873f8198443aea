/** Certificates and tokens bound to them over HTTP, as a proxy would pass them on. openssl makes the certificates. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { temporaryFolder } from '@sekisho/runtime/files'
import { createServer, type Server } from '@sekisho/runtime/http'
import { signingKeyOf } from '@sekisho/runtime/keyring'
import { createKey } from '@sekisho/runtime/keys'
import { silentLog } from '@sekisho/runtime/log'
import { addProviderApi } from '../api/provider-api.ts'
import { findProvider } from '../providers/registry.ts'
import { startTestWorld, type TestWorld } from '../world-for-tests.ts'
import { type ClientCertificates, createClientCertificates } from './client-certificate.ts'
import { createOpenId } from './open-id.ts'

const secret = 'a secret of proxy and platform'

describe('certificates of providers', () => {
  let world: TestWorld
  let server: Server
  let port: number
  let certificates: ClientCertificates
  const pem: Record<string, string> = {}
  before(async () => {
    await using folder = await temporaryFolder('certificates')
    makeCertificates(folder.path, pem)
    world = await startTestWorld()
    certificates = createClientCertificates({ secret, clientAuthorities: [pem['ca'] ?? ''] })
    const key = await createKey('ec-p256')
    const openId = createOpenId({
      issuer: world.issuer,
      store: world.store,
      log: silentLog(),
      keys: [signingKeyOf(key)],
      cookieSecrets: ['a secret of the test'],
      certificates,
      findProvider: id => findProvider(world.store, id),
      subjectOf: () => Promise.resolve(undefined),
      personOf: () => Promise.resolve(undefined),
      keepBackchannel: () => Promise.resolve(),
      isStanding: () => Promise.resolve(false),
      fetch: () => Promise.reject(new TypeError('nothing is fetched')),
      releasedBy: () => Promise.resolve({}),
      renderPage: refusal => refusal.code,
    })
    server = await createServer({ name: 'test', log: silentLog(), publicOrigin: world.issuer })
    server.mount('/oidc', openId.handler, { keepPath: true })
    addProviderApi(server.app, { world, openId, certificates })
    port = (await server.listen(0)).port
    await world.provider('issued', {
      token_endpoint_auth_method: 'tls_client_auth',
      tls_client_auth_san_dns: 'client.example',
      tls_client_certificate_bound_access_tokens: true,
    })
    const own = new X509Certificate(pem['self'] ?? '')
    await world.provider('self', {
      token_endpoint_auth_method: 'self_signed_tls_client_auth',
      tls_client_certificate_bound_access_tokens: true,
      jwks: {
        keys: [{ ...own.publicKey.export({ format: 'jwk' }), kty: 'EC', x5c: [base64(own)] }],
      },
    })
  })
  after(async () => {
    await server.stop()
    await world.close()
  })

  const passed = (name: string, by = secret): Record<string, string> => ({
    'sekisho-proxy': by,
    'client-cert': `:${base64(new X509Certificate(pem[name] ?? ''))}:`,
  })
  const send = (path: string, headers: Record<string, string>, body: string) =>
    new Promise<{ status: number; body: Record<string, unknown> }>((resolve, reject) => {
      const { host } = new URL(world.issuer)
      const sent = request(
        { port, path, method: 'POST', headers: { host, ...headers } },
        answer => {
          let text = ''
          answer.setEncoding('utf8').on('data', (piece: string) => {
            text += piece
          })
          answer.on('end', () =>
            resolve({ status: answer.statusCode ?? 0, body: JSON.parse(text) }),
          )
        },
      )
      sent.on('error', reject).end(body)
    })
  const tokenFor = (client: string, headers: Record<string, string>) =>
    send(
      '/oidc/token',
      { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: client,
        scope: 'change',
      }).toString(),
    )
  const call = (token: unknown, headers: Record<string, string>) =>
    send(
      '/v1/changes',
      {
        'content-type': 'application/json',
        authorization: `Bearer ${String(token)}`,
        ...headers,
      },
      JSON.stringify({ subject: 'nobody' }),
    )

  it('a provider authenticates with the certificate of its connection, and its token serves with that one alone', async () => {
    for (const [client, name, other] of [
      ['issued', 'client', 'self'],
      ['self', 'self', 'client'],
    ] as const) {
      const given = await tokenFor(client, passed(name))
      assert.equal(given.status, 200, JSON.stringify(given.body))
      const { access_token: token } = given.body
      assert.equal((await call(token, passed(name))).body['code'], 'person-unknown')
      assert.equal((await call(token, {})).body['code'], 'token-unproven')
      assert.equal((await call(token, passed(other))).body['code'], 'token-unproven')
      assert.equal((await call(token, passed(name, 'guessed'))).body['code'], 'token-unproven')
    }
  })

  it('a certificate past the proxy, of another name, CA or usage, or of another provider, authenticates nobody', async () => {
    const refused = async (client: string, headers: Record<string, string>): Promise<void> => {
      const { status, body } = await tokenFor(client, headers)
      assert.equal(status, 401, JSON.stringify(headers))
      assert.equal(body['code'], 'provider-unauthenticated')
    }
    await refused('issued', {})
    await refused('issued', passed('client', 'guessed'))
    await refused('issued', { 'client-cert': passed('client')['client-cert'] ?? '' })
    for (const name of ['stranger', 'named', 'usage', 'self']) await refused('issued', passed(name))
    await refused('self', passed('client'))
    for (const value of ['', ':AA==:', 'AA==', `${passed('client')['client-cert']}, :AA==:`])
      await refused('issued', { ...passed('client'), 'client-cert': value })
  })

  it('without a proxy a certificate is none, and who may only use one is nobody', async () => {
    const key = await createKey('ec-p256')
    const bare = createOpenId({
      issuer: world.issuer,
      store: world.store,
      log: silentLog(),
      keys: [signingKeyOf(key)],
      cookieSecrets: ['a secret of the test'],
      certificates: undefined,
      findProvider: id => findProvider(world.store, id),
      subjectOf: () => Promise.resolve(undefined),
      personOf: () => Promise.resolve(undefined),
      keepBackchannel: () => Promise.resolve(),
      isStanding: () => Promise.resolve(false),
      fetch: () => Promise.reject(new TypeError('nothing is fetched')),
      releasedBy: () => Promise.resolve({}),
      renderPage: refusal => refusal.code,
    })
    const other = await createServer({
      name: 'bare',
      log: silentLog(),
      publicOrigin: world.issuer,
    })
    other.mount('/oidc', bare.handler, { keepPath: true })
    const kept = port
    port = (await other.listen(0)).port
    try {
      for (const client of ['issued', 'self']) {
        const { status } = await tokenFor(client, passed(client === 'self' ? 'self' : 'client'))
        assert.ok(status === 400 || status === 401, `${client} ${status}`)
      }
    } finally {
      port = kept
      await other.stop()
    }
  })

  it('is valid in its time only', () => {
    const found = new X509Certificate(pem['client'] ?? '')
    const [from, to] = [found.validFromDate.getTime(), found.validToDate.getTime()]
    for (const at of [from, to]) assert.equal(certificates.isIssued(found, at), true)
    for (const at of [from - 1, to + 1]) assert.equal(certificates.isIssued(found, at), false)
  })

  it('names are compared whole', () => {
    const has = (name: string, value: string, kind: 'DNS' | 'URI' = 'DNS') =>
      certificates.hasName(new X509Certificate(pem[name] ?? ''), kind, value)
    assert.equal(has('client', 'client.example'), true)
    for (const value of ['client.exampl', 'example', '*.example', 'client.example.evil'])
      assert.equal(has('client', value), false)
    assert.equal(has('client', 'client.example', 'URI'), false)
    // One name that looks like two to a careless reader.
    assert.equal(has('named', 'client.example'), false)
  })
})

function base64(certificate: X509Certificate): string {
  return certificate.raw.toString('base64')
}

/** CA, its clients good and bad, a stranger's client, a self-signed one. */
function makeCertificates(folder: string, pem: Record<string, string>): void {
  const at = (name: string): string => join(folder, name)
  const openssl = (command: string): void => {
    execFileSync('openssl', command.split(' '), { cwd: folder, stdio: 'pipe' })
  }
  const key = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc'
  for (const name of ['ca', 'other'])
    openssl(
      `req -x509 ${key} -keyout ${name}.key -out ${name}.pem -days 3650 -subj /CN=${name} -addext basicConstraints=critical,CA:TRUE`,
    )
  const client = (name: string, ca: string, san: string, usage: string) => {
    openssl(`req -new ${key} -keyout ${name}.key -out ${name}.csr -subj /CN=c`)
    writeFileSync(
      at(`${name}.ext`),
      `extendedKeyUsage=${usage}\nsubjectAltName=@names\n[names]\n${san}\n`,
    )
    openssl(
      `x509 -req -in ${name}.csr -CA ${ca}.pem -CAkey ${ca}.key -out ${name}.pem -extfile ${name}.ext -CAcreateserial -days 30`,
    )
  }
  client('client', 'ca', 'DNS.1=client.example', 'clientAuth')
  client('stranger', 'other', 'DNS.1=client.example', 'clientAuth')
  client('named', 'ca', 'URI.1=https://x/, DNS:client.example', 'clientAuth')
  client('usage', 'ca', 'DNS.1=client.example', 'serverAuth')
  openssl(`req -x509 ${key} -keyout self.key -out self.pem -days 30 -subj /CN=self`)
  for (const name of ['ca', 'client', 'stranger', 'named', 'usage', 'self'])
    pem[name] = readFileSync(at(`${name}.pem`), 'utf8')
}
