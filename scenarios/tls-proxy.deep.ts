/**
 * C5 behind a real TLS proxy: Apache in front of a platform of its own, configured as `docs/operation.md` says. It asks for certificates and passes
 * them on; tokens are bound to them (RFC 8705); what a client writes into the headers itself counts for nothing.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { type ClientRequest, request as plainRequest } from 'node:http'
import { request, type RequestOptions } from 'node:https'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { freePorts } from '@sekisho/cli/testkit'
import { sleep } from '@sekisho/runtime/clock'
import { temporaryFolder } from '@sekisho/runtime/files'
import { callAdmin } from '@sekisho/runtime/http'
import { type Apache, startApache } from './apache.ts'
import { commands, type Staying } from './command.ts'

const secret = 'cHJveHkgYW5kIHBsYXRmb3JtIHNoYXJl'
const folder = await temporaryFolder('tls-proxy')
const at = (name: string): string => join(folder.path, name)
const sekisho = commands(at('compiled'))

/** What a client shows. */
type Shown = 'issued' | 'self' | 'stranger' | undefined

describe('a platform behind a TLS proxy', () => {
  let authority: Staying
  let platform: Staying
  let proxy: Apache
  let port: number
  before(async () => {
    makeCertificates(folder.path)
    port = await freePorts()
    const data = at('alone')
    authority = await sekisho.start(['authority', '--data', data, '--port-base', String(port)])
    const file: string = JSON.parse(authority.line).platform
    const files = Object.fromEntries(
      await Promise.all(
        ['server.pem', 'server.key'].map(
          async name => [name, await readFile(at(name), 'utf8')] as const,
        ),
      ),
    )
    proxy = await startApache({
      host: 'localhost',
      isTls: true,
      modules: ['ssl', 'proxy', 'proxy_http'],
      files: () => files,
      configuration: place => proxyConfiguration(place.root, port),
    })
    await writeFile(join(file, '..', 'proxy.secret'), `${secret}\n`)
    const configuration = {
      ...JSON.parse(await readFile(file, 'utf8')),
      issuer: proxy.origin,
      tlsProxy: { secretFile: 'proxy.secret', clientAuthorities: [at('ca.pem')] },
    }
    await writeFile(file, JSON.stringify(configuration))
    platform = await sekisho.start(['platform', '--config', file])
    const endsAt = performance.now() + 60_000
    while ((await send('/ready', undefined)).status !== 200) {
      assert.ok(performance.now() < endsAt, 'the platform gets ready')
      await sleep(200)
    }
    const register = (id: string, metadata: object) =>
      callAdmin(join(data, 'platform', 'admin.sock'), 'provider-add', {
        client_id: id,
        client_name: id,
        redirect_uris: [`https://${id}.example/back`],
        scope: 'openid change',
        sekisho_purpose: '試験のため',
        sekisho_rate_per_second: 1000,
        sekisho_revocation: 'crl',
        tls_client_certificate_bound_access_tokens: true,
        ...metadata,
      })
    const own = new X509Certificate(await readFile(at('self.pem')))
    const jwk = { ...own.publicKey.export({ format: 'jwk' }), kty: 'EC' }
    await register('issued', {
      token_endpoint_auth_method: 'tls_client_auth',
      tls_client_auth_san_dns: 'client.example',
      jwks: { keys: [jwk] },
    })
    await register('self', {
      token_endpoint_auth_method: 'self_signed_tls_client_auth',
      jwks: { keys: [{ ...jwk, x5c: [own.raw.toString('base64')] }] },
    })
  })
  after(async () => {
    for (const one of [platform, authority]) await one.end()
    await proxy[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })

  const send = async (path: string, by: Shown, given: Call = {}): Promise<Answer> => {
    const credentials = by && {
      cert: await readFile(at(`${by}.pem`)),
      key: await readFile(at(`${by}.key`)),
    }
    const ca = await readFile(at('server.pem'))
    return answerOf(
      request(new URL(path, proxy.origin), optionsOf({ ca, ...credentials }, given)),
      given,
    )
  }
  const tokenFor = (client: string, by: Shown, more: Record<string, string> = {}) =>
    send('/oidc/token', by, {
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...more },
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: client,
        scope: 'change',
      }).toString(),
    })
  const call = (token: unknown, by: Shown, more: Record<string, string> = {}) =>
    send('/v1/changes', by, {
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${String(token)}`,
        ...more,
      },
      body: JSON.stringify({ subject: 'nobody' }),
    })
  const codeOf = async (answer: Promise<Answer>) => (await answer).told['code']

  it('discovery speaks of the proxy’s origin and of tokens bound to certificates', async () => {
    const { told } = await send('/.well-known/openid-configuration', undefined)
    assert.equal(told['issuer'], proxy.origin)
    assert.equal(told['token_endpoint'], `${proxy.origin}/oidc/token`)
    assert.equal(told['tls_client_certificate_bound_access_tokens'], true)
    const methods = told['token_endpoint_auth_methods_supported'] as readonly string[]
    assert.ok(methods.includes('tls_client_auth'))
  })

  it('a provider authenticates with the certificate of its connection, and its token serves with that one alone', async () => {
    for (const [client, by, others] of [
      ['issued', 'issued', ['self', 'stranger', undefined]],
      ['self', 'self', ['issued', 'stranger', undefined]],
    ] as const) {
      const { status, told } = await tokenFor(client, by)
      assert.equal(status, 200, JSON.stringify(told))
      const token = told['access_token']
      // It is taken; only the person is unknown.
      assert.equal(await codeOf(call(token, by)), 'person-unknown')
      for (const other of others) {
        assert.equal(await codeOf(call(token, other)), 'token-unproven')
        assert.equal(await codeOf(tokenFor(client, other)), 'provider-unauthenticated')
      }
    }
  })

  it('headers that a client writes itself are not believed, whatever it knows and however it spells them', async () => {
    const issued = new X509Certificate(await readFile(at('issued.pem')))
    const passed = `:${issued.raw.toString('base64')}:`
    const { told } = await tokenFor('issued', 'issued')
    const forgeries: readonly Record<string, string>[] = [
      { 'client-cert': passed },
      { 'client-cert': passed, 'sekisho-proxy': secret },
      { 'CLIENT-CERT': passed, 'Sekisho-Proxy': secret },
      { client_cert: passed, sekisho_proxy: secret },
      // RFC 9110 §7.6.1: a proxy takes away what the header names; it must not take away its own words.
      { 'client-cert': passed, 'sekisho-proxy': secret, connection: 'client-cert, sekisho-proxy' },
    ]
    for (const forged of forgeries)
      for (const by of [undefined, 'stranger', 'self'] as const) {
        assert.equal(await codeOf(tokenFor('issued', by, forged)), 'provider-unauthenticated')
        assert.equal(await codeOf(call(told['access_token'], by, forged)), 'token-unproven')
      }
    // The same headers beside the right certificate do no harm.
    assert.equal((await tokenFor('issued', 'issued', { 'client-cert': ':AAAA:' })).status, 200)
  })

  it('who reaches the platform past the proxy shows no certificate without its secret', async () => {
    const issued = new X509Certificate(await readFile(at('issued.pem')))
    const passed = `:${issued.raw.toString('base64')}:`
    const past = (sekishoProxy: Record<string, string>) => {
      const given = {
        headers: {
          host: new URL(proxy.origin).host,
          'content-type': 'application/x-www-form-urlencoded',
          'client-cert': passed,
          ...sekishoProxy,
        },
        body: 'grant_type=client_credentials&client_id=issued&scope=change',
      }
      const url = `http://127.0.0.1:${port}/oidc/token`
      return answerOf(plainRequest(url, optionsOf({}, given)), given)
    }
    assert.equal(await codeOf(past({})), 'provider-unauthenticated')
    const guessed = { 'sekisho-proxy': secret.toLowerCase() }
    assert.equal(await codeOf(past(guessed)), 'provider-unauthenticated')
    assert.equal((await past({ 'sekisho-proxy': secret })).status, 200)
  })
})

type Call = { readonly headers?: Record<string, string>; readonly body?: string }

type Answer = { readonly status: number; readonly told: Readonly<Record<string, unknown>> }

function optionsOf(credentials: RequestOptions, { headers = {}, body }: Call): RequestOptions {
  return { ...credentials, headers, method: body === undefined ? 'GET' : 'POST' }
}

/** Sends a request and reads its answer. */
function answerOf(sent: ClientRequest, { body }: Call): Promise<Answer> {
  return new Promise((resolve, reject) => {
    sent.on('response', answer => {
      let text = ''
      answer.setEncoding('utf8').on('data', (piece: string) => {
        text += piece
      })
      answer.on('end', () => {
        const isJson = answer.headers['content-type']?.includes('json') === true
        resolve({ status: answer.statusCode ?? 0, told: isJson ? JSON.parse(text) : {} })
      })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** What `docs/operation.md` shows. */
function proxyConfiguration(root: string, port: number): string {
  return `
SSLEngine on
SSLProtocol -all +TLSv1.2 +TLSv1.3
SSLCertificateFile ${root}/server.pem
SSLCertificateKeyFile ${root}/server.key
SSLVerifyClient optional_no_ca
RequestHeader unset Client-Cert
RequestHeader set Client-Cert "%{SSL_CLIENT_CERT}s" "expr=-n %{SSL:SSL_CLIENT_CERT}"
RequestHeader edit* Client-Cert "-----(BEGIN|END) CERTIFICATE-----" ":"
RequestHeader edit* Client-Cert " " ""
RequestHeader set Sekisho-Proxy "${secret}"
ProxyPreserveHost On
ProxyPass / http://127.0.0.1:${port}/
`
}

/** By openssl: the proxy's own, a client's by a CA, the same name by another CA, one by nobody. */
function makeCertificates(cwd: string): void {
  const make = (name: string, subject: string, ...more: readonly string[]): void => {
    const key = `-newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout ${name}.key`
    const args = `req -x509 ${key} -out ${name}.pem -days 30 -subj /CN=${subject}`
    execFileSync('openssl', [...args.split(' '), ...more], { cwd, stdio: 'pipe' })
  }
  make('server', 'localhost', '-addext', 'subjectAltName=DNS:localhost')
  make('self', 'self')
  const names = ['-addext', 'subjectAltName=DNS:client.example']
  const usage = ['-addext', 'extendedKeyUsage=clientAuth']
  for (const [name, ca] of [
    ['issued', 'ca'],
    ['stranger', 'other'],
  ] as const) {
    make(ca, ca, '-addext', 'basicConstraints=critical,CA:TRUE')
    make(name, 'client', '-CA', `${ca}.pem`, '-CAkey', `${ca}.key`, ...usage, ...names)
  }
}
