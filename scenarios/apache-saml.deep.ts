/**
 * C5 for old systems judged by Apache's mod_auth_mellon (the lasso library) as a service provider: it takes the platform's signed metadata, lets people in,
 * takes nothing that was altered or is for another, and is told of logouts.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { startTestTown, type TestTown } from '@sekisho/cli/testkit'
import { temporaryFolder } from '@sekisho/runtime/files'
import { type Apache, printingPage, startApache, variablesOn } from './apache.ts'
import { broughtBy } from './saml-party.ts'

const folder = await temporaryFolder('apache-saml')

describe('mod_auth_mellon as a service provider', () => {
  let town: TestTown
  let site: Apache
  let club: Apache
  before(async () => {
    town = await startTestTown()
    site = await startParty(town, 'site', 'openid name birthdate')
    club = await startParty(town, 'club', 'openid')
  })
  after(async () => {
    await site[Symbol.asyncDispose]()
    await club[Symbol.asyncDispose]()
    await town.stop()
    await folder.remove()
  })

  const enter = async (party: Apache, persona: string) => {
    await using person = await town.person(persona)
    await person.visit(`${party.origin}/private/`)
    const page = await person.submit({ form: 'saml-answer' })
    assert.equal(page.url, `${party.origin}/private/`, await party.errors())
    return variablesOn(page.body)
  }

  it('a page sees a pairwise name and the attributes that were consented to, and nothing else', async () => {
    const seen = await enter(site, 'plain-adult')
    const names = Object.keys(seen).filter(name => /^MELLON_(?!.*_0$)/.test(name))
    assert.deepEqual(names.sort(), [
      'MELLON_ASSERTION_ID',
      'MELLON_NAME_ID',
      'MELLON_birthdate',
      'MELLON_name',
      'MELLON_name_substitutes',
    ])
    assert.equal(seen['MELLON_name'], '佐藤　花子')
    assert.match(seen['REMOTE_USER'] ?? '', /^[\w-]{22}$/)
    assert.equal((await enter(site, 'plain-adult'))['REMOTE_USER'], seen['REMOTE_USER'])
    const other = await enter(club, 'plain-adult')
    assert.notEqual(other['REMOTE_USER'], seen['REMOTE_USER'])
    assert.equal(other['MELLON_name'], undefined)
  })

  it('what was altered, was used before or is for another opens nothing', async () => {
    const post = (party: Apache, xml: string, cookie = '') =>
      town.fetch(`${party.origin}/mellon/postResponse`, {
        method: 'POST',
        headers: { cookie },
        redirect: 'manual',
        body: new URLSearchParams({
          SAMLResponse: Buffer.from(xml).toString('base64'),
          RelayState: `${party.origin}/private/`,
        }),
      })
    let cookie = ''
    const fetch: typeof town.fetch = async (input, init) => {
      const answer = await town.fetch(input, init)
      const set = answer.headers.getSetCookie().find(each => each.startsWith('mellon-'))
      if (set !== undefined) cookie = set.split(';')[0] ?? ''
      return answer
    }
    await using person = await town.person('plain-adult', { fetch })
    const page = await person.visit(`${site.origin}/private/`)
    const { xml = '' } = broughtBy(page.body) ?? {}
    const name = /<saml:NameID [^>]*>([^<]*)</.exec(xml)?.[1] ?? ''
    assert.notEqual(name, '')
    const attacks = [
      xml.replace('佐藤', '伊藤'),
      xml.replace(name, `${name}x`),
      xml.replaceAll(/<ds:Signature [^]*?<\/ds:Signature>/g, ''),
      xml.replace(/<ds:SignatureValue>..../g, '<ds:SignatureValue>AAAA'),
      xml.replaceAll(/NotOnOrAfter="\d{4}/g, 'NotOnOrAfter="2099'),
    ]
    for (const attack of attacks) {
      assert.notEqual(attack, xml)
      assert.notEqual((await post(site, attack, cookie)).status, 303)
    }
    assert.notEqual((await post(club, xml, cookie)).status, 303)
    assert.equal((await post(site, xml, cookie)).status, 303)
    assert.notEqual((await post(site, xml, cookie)).status, 303)
  })

  it('leaving at the site ends the session at the platform, and the browser comes back', async () => {
    await using person = await town.person('plain-adult')
    await person.visit(`${site.origin}/private/`)
    await person.submit({ form: 'saml-answer' })
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
    const left = await person.visit(
      `${site.origin}/mellon/logout?ReturnTo=${encodeURIComponent(target)}`,
    )
    assert.equal(left.url, target, await site.errors())
    assert.notEqual((await newest())[0]?.['ended_at'], null)
    const again = await person.visit(`${site.origin}/private/`)
    assert.ok(broughtBy(again.body), 'the card is asked for again')
  })
})

/** Registers a provider and starts the site that it has. It is at `localhost`, as an answer posted across sites needs cookies over TLS. */
async function startParty(town: TestTown, id: string, scope: string): Promise<Apache> {
  const cwd = folder.path
  const args = `req -x509 -newkey rsa:2048 -noenc -keyout ${id}.key -out ${id}.pem -days 30 -subj /CN=${id}`
  execFileSync('openssl', args.split(' '), { cwd, stdio: 'pipe' })
  const read = (name: string): string => readFileSync(join(cwd, name), 'utf8')
  const certificate = read(`${id}.pem`).replaceAll(/-----[^-]+-----|\s/g, '')
  const metadata = await (await town.fetch(`${town.urls.platform}/saml/metadata`)).text()
  const told = /X509Certificate>([^<]+)</.exec(metadata)?.[1] ?? ''
  const party = await startApache({
    host: 'localhost',
    modules: ['authz_user', 'include', 'auth_mellon'],
    files: ({ origin }) => ({
      'sp.xml': partyMetadata(origin, id, certificate),
      'sp.key': read(`${id}.key`),
      'sp.pem': read(`${id}.pem`),
      'idp.xml': metadata,
      'idp.pem': new X509Certificate(Buffer.from(told, 'base64')).toString(),
      'pages/private/index.html': printingPage,
      'pages/left.html': '<!doctype html><title>left</title>',
    }),
    configuration: ({ root }) => `
<Directory ${root}/pages>
  Options +Includes
  AddOutputFilter INCLUDES .html
</Directory>
MellonLockFile ${root}/mellon.lock
<Location />
  MellonEnable info
  MellonEndpointPath /mellon
  MellonVariable ${id}
  MellonSecureCookie Off
  MellonSPMetadataFile ${root}/sp.xml
  MellonSPPrivateKeyFile ${root}/sp.key
  MellonSPCertFile ${root}/sp.pem
  MellonIdPMetadataFile ${root}/idp.xml ${root}/idp.pem
  MellonSignatureMethod rsa-sha256
  MellonUser NAME_ID
</Location>
<Location /private>
  AuthType Mellon
  MellonEnable auth
  Require valid-user
</Location>
`,
  })
  await town.provider({
    id,
    metadata: () => ({
      sekisho_saml: {
        entity_id: `${party.origin}/${id}`,
        assertion_consumer_services: [`${party.origin}/mellon/postResponse`],
        single_logout_service: `${party.origin}/mellon/logout`,
        signing_certificates: [certificate],
        scope,
      },
    }),
  })
  return party
}

/** What a site tells of itself: names that last, and answers by form. */
function partyMetadata(origin: string, id: string, certificate: string): string {
  const bindings = 'urn:oasis:names:tc:SAML:2.0:bindings'
  return `<EntityDescriptor entityID="${origin}/${id}" xmlns="urn:oasis:names:tc:SAML:2.0:metadata">
<SPSSODescriptor AuthnRequestsSigned="true" WantAssertionsSigned="true" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
<KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>${certificate}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>
<SingleLogoutService Binding="${bindings}:HTTP-Redirect" Location="${origin}/mellon/logout"/>
<NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</NameIDFormat>
<AssertionConsumerService index="0" isDefault="true" Binding="${bindings}:HTTP-POST" Location="${origin}/mellon/postResponse"/>
</SPSSODescriptor></EntityDescriptor>`
}
