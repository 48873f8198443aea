/** A SAML service provider of a test's own, on openssl, xmlsec1 and Node's cryptography: nothing of the platform's. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createPrivateKey, createPublicKey, sign, verify, X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { deflateRawSync } from 'node:zlib'
import type { PersonAtReader, TestTown } from '@sekisho/cli/testkit'

/** How a request differs from the plain one. */
export type Vary = {
  readonly id?: string
  readonly issuer?: string
  readonly destination?: string
  readonly at?: number
  /** Further attributes of the request. */
  readonly attributes?: string
  /** Further children, after the issuer. */
  readonly inside?: string
}

/** What a browser brought back. */
export type Brought = {
  readonly consumer: string
  readonly relayState: string | undefined
  readonly xml: string
}

/** The provider. */
export type SamlParty = {
  readonly id: string
  readonly entityId: string
  readonly consumer: string
  request(vary?: Vary): string
  /** The address of a request by HTTP-Redirect, signed beside it. */
  redirect(xml: string, given?: { readonly relayState?: string; readonly method?: string }): string
  /** A request with its signature inside, by xmlsec1. */
  signed(xml: string): string
  logout(subject: string): string
  stop(): Promise<void>
}

const names = 'urn:oasis:names:tc:SAML:2.0'
const more = 'http://www.w3.org/2001/04/xmldsig-more#'
/** The method that is usual. */
const rsaSha256 = `${more}rsa-sha256`

/** Makes a key and registers the provider. */
export async function samlParty(
  town: TestTown,
  folder: string,
  given: { readonly id: string; readonly scope: string; readonly register?: object },
): Promise<SamlParty> {
  const { id } = given
  const at = (name: string): string => join(folder, `${id}${name}`)
  const args = `req -x509 -newkey rsa:2048 -noenc -keyout ${id}.key -out ${id}.pem -days 30 -subj /CN=${id}`
  execFileSync('openssl', args.split(' '), { cwd: folder, stdio: 'pipe' })
  const certificate = new X509Certificate(readFileSync(at('.pem'))).raw.toString('base64')
  const key = createPrivateKey(readFileSync(at('.key')))
  const entityId = `https://${id}.example/saml`
  const consumer = `https://${id}.example/consume`
  const sso = `${town.urls.platform}/saml/sso`
  const provider = await town.provider({
    id,
    metadata: () => ({
      sekisho_saml: {
        entity_id: entityId,
        assertion_consumer_services: [consumer, `${consumer}/second`],
        single_logout_service: `https://${id}.example/left`,
        signing_certificates: [certificate],
        scope: given.scope,
        ...given.register,
      },
    }),
  })
  let made = 0
  const head = (name: string, destination: string, vary: Vary): string => {
    const issued = new Date(vary.at ?? Date.now()).toISOString()
    const own = vary.id ?? `_${id}-${made++}`
    return `<p:${name} xmlns:p="${names}:protocol" xmlns:a="${names}:assertion" ID="${own}" Version="2.0" IssueInstant="${issued}" Destination="${vary.destination ?? destination}" ${vary.attributes ?? ''}><a:Issuer>${vary.issuer ?? entityId}</a:Issuer>${vary.inside ?? ''}</p:${name}>`
  }
  return {
    id,
    entityId,
    consumer,
    request: (vary = {}) => head('AuthnRequest', sso, vary),
    redirect: (xml, { relayState, method = rsaSha256 } = {}) => {
      const to = xml.includes('LogoutRequest') ? `${town.urls.platform}/saml/slo` : sso
      const text = deflateRawSync(xml).toString('base64')
      const query = [
        `SAMLRequest=${escaped(text)}`,
        ...(relayState === undefined ? [] : [`RelayState=${escaped(relayState)}`]),
        `SigAlg=${escaped(method)}`,
      ].join('&')
      const hash = /sha\d+$/.exec(method)?.[0] ?? 'sha256'
      const signature = sign(hash, Buffer.from(query), key).toString('base64')
      return `${to}?${query}&Signature=${escaped(signature)}`
    },
    signed: xml => {
      writeFileSync(at('.template'), templateOf(xml))
      const ids = ['--id-attr:ID', 'AuthnRequest']
      execFileSync(
        'xmlsec1',
        ['--sign', ...ids, '--privkey-pem', at('.key'), '--output', at('.signed'), at('.template')],
        { stdio: 'pipe' },
      )
      return readFileSync(at('.signed'), 'utf8').replace(/^<\?xml[^>]*\?>\n/, '')
    },
    logout: subject =>
      head('LogoutRequest', `${town.urls.platform}/saml/slo`, {
        inside: `<a:NameID>${subject}</a:NameID>`,
      }),
    stop: () => provider.stop(),
  }
}

/** An empty signature after the issuer, for xmlsec1 to fill. */
function templateOf(xml: string): string {
  const id = /ID="([^"]*)"/.exec(xml)?.[1] ?? ''
  const dsig = 'http://www.w3.org/2000/09/xmldsig#'
  const exclusive = 'http://www.w3.org/2001/10/xml-exc-c14n#'
  const signature = `<Signature xmlns="${dsig}"><SignedInfo><CanonicalizationMethod Algorithm="${exclusive}"/><SignatureMethod Algorithm="${rsaSha256}"/><Reference URI="#${id}"><Transforms><Transform Algorithm="${dsig}enveloped-signature"/><Transform Algorithm="${exclusive}"/></Transforms><DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><DigestValue/></Reference></SignedInfo><SignatureValue/></Signature>`
  return xml.replace('</a:Issuer>', `</a:Issuer>${signature}`)
}

/** What the form of a page brings to a provider; undefined: it has none. */
export function broughtBy(body: string): Brought | undefined {
  const form = /<form id="saml-answer"[^]*?<\/form>/.exec(body)?.[0]
  if (form === undefined) return undefined
  const value = (name: string): string | undefined => {
    const text = new RegExp(`name="${name}" value="([^"]*)"`).exec(form)?.[1]
    return text === undefined ? undefined : unescaped(text)
  }
  const response = value('SAMLResponse') ?? ''
  return {
    consumer: unescaped(/action="([^"]*)"/.exec(form)?.[1] ?? ''),
    relayState: value('RelayState'),
    xml: Buffer.from(response, 'base64').toString('utf8'),
  }
}

function unescaped(text: string): string {
  return text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}

/** As a browser sends it: it escapes the apostrophe as well, and what is signed are the characters as sent. */
function escaped(text: string): string {
  return encodeURIComponent(text).replaceAll("'", '%27')
}

/** Walks a login from its address; what came back. Fails when nothing did. */
export async function bring(person: PersonAtReader, address: string): Promise<Brought> {
  const page = await person.visit(address)
  const brought = broughtBy(page.body)
  assert.ok(brought, /<title>[^<]*<\/title>/.exec(page.body)?.[0])
  return brought
}

/** What the platform says of itself, and whether it signed something: by xmlsec1 and Node. */
export async function identityProvider(town: TestTown, folder: string) {
  const metadata = await (await town.fetch(`${town.urls.platform}/saml/metadata`)).text()
  const base64 = /X509Certificate>([^<]+)</.exec(metadata)?.[1] ?? ''
  const certificate = new X509Certificate(Buffer.from(base64, 'base64'))
  writeFileSync(join(folder, 'idp.pem'), certificate.toString())
  return {
    metadata,
    /** Whether the signature that is a child of this element is the platform's. */
    hasSigned: (xml: string, element: string): boolean => {
      writeFileSync(join(folder, 'judged.xml'), xml)
      const path = `//*[local-name()='${element}']/*[local-name()='Signature']`
      const ids = ['Response', 'Assertion', 'EntityDescriptor'].flatMap(each => [
        '--id-attr:ID',
        each,
      ])
      const key = ['--pubkey-cert-pem', 'idp.pem', '--node-xpath', path]
      try {
        const options = { cwd: folder, stdio: 'pipe' } as const
        execFileSync('xmlsec1', ['--verify', ...ids, ...key, 'judged.xml'], options)
        return true
      } catch {
        return false
      }
    },
    /** Whether it signed an address (HTTP-Redirect). */
    hasSignedAddress: (address: string): boolean => {
      const [, query = ''] = address.split('?')
      const [signed = '', signature = ''] = query.split('&Signature=')
      const value = Buffer.from(decodeURIComponent(signature), 'base64')
      const key = createPublicKey(certificate.toString())
      return verify('sha256', Buffer.from(signed), key, value)
    },
  }
}
