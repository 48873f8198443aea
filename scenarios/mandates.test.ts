/**
 * C12 through a town: a representative empowers a clerk, who accepts with the card, signs a bid with it, and a receiver who knows neither gets the
 * four answers; each way in which the power is not there is told as what it is. Then helpers, and standing by law.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import {
  type PersonAtReader,
  startTestTown,
  type TestProvider,
  type TestTown,
} from '@sekisho/cli/testkit'
import type { MandateGrant } from '@sekisho/contract'
import type { Arrival } from '@sekisho/readers'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { codeOn } from './hand-reader.ts'
import { holderOf, signedCms } from './holder.ts'

const number = '5999901000003'
const day = 24 * 3600 * 1000

type Offered = { readonly id: string; readonly state: string; readonly acceptanceCode?: string }

describe('mandates', () => {
  let town: TestTown
  /** A town hall that receives bids; it is registered as a verifier of signatures, so it has the clerk's signed files. */
  let hall: TestProvider
  let clerk = { subject: '', name: '', address: '' }
  before(async () => {
    town = await startTestTown()
    hall = await town.provider({ id: 'hall', isSignatureVerifier: true })
    clerk = await identified('plain-adult')
  })
  after(() => town.stop())

  const identified = async (persona: string) => {
    const { url, pending } = await hall.sekisho.beginIdentify(['name', 'address'])
    await using person = await town.person(persona)
    const { subject, claims } = await hall.sekisho.finish((await person.visit(url)).url, pending)
    return { subject, name: claims.name ?? '', address: claims.address?.formatted ?? '' }
  }
  const iso = (at: number): string => new Date(at).toISOString()
  const grantOf = (given: Partial<MandateGrant> = {}): MandateGrant => ({
    kind: 'mandate-grant',
    method: 'operator-file',
    at: iso(town.clock.now()),
    corporation: number,
    delegate: { name: clerk.name, address: clerk.address, unit: '営業部', title: '主任' },
    acts: [{ code: 'bid.submit', text: '入札書の提出', yenMax: 50_000_000 }],
    from: iso(town.clock.now() - day),
    until: iso(town.clock.now() + 100 * day),
    subdelegations: 1,
    ...given,
  })
  const send = async (path: string, cms: Uint8Array): Promise<Response> =>
    town.fetch(`${town.urls.platform}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/pkcs7-mime' },
      body: Buffer.from(cms),
    })
  const grant = async (content: unknown, by = 'construction-representative'): Promise<Response> =>
    send('/mandates', signedCms(town, await holderOf(town, by), JSON.stringify(content)))
  const offered = async (given: Partial<MandateGrant> = {}): Promise<Offered> => {
    const answer = await grant(grantOf(given))
    assert.equal(answer.status, 201, await answer.clone().text())
    return answer.json() as Promise<Offered>
  }
  /** Opens the screen with the card and enters a code; then the card signs by itself. */
  const enter = async (person: PersonAtReader, code: string): Promise<Arrival> => {
    await person.visit(`${town.urls.platform}/me/mandates`)
    return person.submit({ form: 'accept', fields: { code } })
  }
  const accept = async (persona: string, code: string): Promise<string> => {
    await using person = await town.person(persona)
    const page = await enter(person, code)
    return codeOn(page) === 'none' && page.body.includes('委任を受けました')
      ? 'accepted'
      : codeOn(page)
  }
  /** A document that the persona's card has signed as CAdES. */
  const signed = async (persona: string, subject: string, text: string): Promise<Uint8Array> => {
    const document = new TextEncoder().encode(text)
    const { id } = await hall.sekisho.createSigning(
      { title: '入札書', mediaType: 'text/plain', document, subject, format: 'cades' },
      `bid-${Math.random()}`,
    )
    const { url, pending } = await hall.sekisho.beginSigning(id)
    await using person = await town.person(persona)
    await hall.sekisho.finishSigning((await person.visit(url)).url, pending, document)
    return (await hall.sekisho.readSignedFile(id)).file
  }
  const check = async (
    file: Uint8Array,
    given: {
      readonly act?: string
      readonly yen?: number
      readonly at?: string
      readonly mandate?: Uint8Array
    } = {},
  ) =>
    hall.sekisho.checkAuthority({
      kind: 'cms',
      file,
      corporation: number,
      act: 'bid.submit',
      yen: 1000,
      ...given,
    })
  const said = async (...given: Parameters<typeof check>): Promise<string> => {
    const { verdict, findings } = await check(...given)
    return [verdict, findings.at(-1)?.code].join(' ')
  }

  let bid: Uint8Array = new Uint8Array()
  let mandate = ''
  let early = ''

  it('nobody has authority before it is given; a stranger’s card cannot accept it; the delegate’s can', async () => {
    bid = await signed('plain-adult', clerk.subject, '入札書 金 四千万円')
    assert.equal(await said(bid), 'not-authorised mandate-missing')
    const { id, state, acceptanceCode = '' } = await offered()
    early = iso(town.clock.now())
    assert.equal(state, 'offered')
    assert.match(acceptanceCode, /^(?:[2-9A-HJ-NP-Z]{4}-){3}[2-9A-HJ-NP-Z]{4}$/)
    assert.equal(await said(bid), 'not-authorised mandate-missing', 'not accepted yet')
    await identified('former-surname')
    assert.equal(await accept('former-surname', acceptanceCode), 'delegate-mismatch')
    assert.equal(await accept('plain-adult', 'ABCD-EFGH-JKMN-PQRS'), 'mandate-unknown')
    // As people type it: small letters, no dashes.
    assert.equal(
      await accept('plain-adult', acceptanceCode.toLowerCase().replaceAll('-', ' ')),
      'accepted',
    )
    assert.equal(
      await accept('plain-adult', acceptanceCode),
      'mandate-unknown',
      'a code serves once',
    )
    mandate = id
  })

  it('the receiver learns who acted for whom with what right, and can prove it', async () => {
    const answer = await check(bid)
    assert.equal(answer.verdict, 'authorised', JSON.stringify(answer.findings))
    assert.deepEqual(
      answer.findings.map(each => [each.question, each.answer]),
      [
        ['author', 'yes'],
        ['corporation', 'yes'],
        ['representative', 'yes'],
        ['authority', 'yes'],
      ],
    )
    const { authority, ...actor } = answer.actor ?? { authority: undefined }
    assert.deepEqual(actor, {
      corporation: '見本建設株式会社',
      corporateNumber: number,
      headOffice: '神奈川県鎌倉市見本台三丁目３番３号',
      unit: '営業部',
      title: '主任',
      name: clerk.name,
    })
    assert.ok(authority?.ja.includes('委任の範囲'))
    const [link] = answer.chain
    assert.equal(link?.by.name, '見本三郎')
    assert.equal(link?.method, 'operator-file')
    // Judged by a JOSE library with the platform's published keys: the report, and the record of the mandate in it.
    const keys = createRemoteJWKSet(new URL(`${town.urls.platform}/oidc/jwks`))
    const report = await jwtVerify(answer.signedReport, keys, {
      audience: 'hall',
      typ: 'sekisho-authority+jwt',
    })
    assert.equal(report.payload.jti, answer.id)
    const record = await jwtVerify(link?.record ?? '', keys, { typ: 'sekisho-mandate+jwt' })
    assert.equal(record.payload.jti, mandate)
    assert.ok(
      !JSON.stringify(answer).includes(clerk.address),
      'an address is nobody’s business here',
    )
  })

  it('every limit holds', async () => {
    assert.equal(await said(bid, { yen: 50_000_000 }), 'authorised act-covered')
    assert.equal(await said(bid, { yen: 50_000_001 }), 'not-authorised amount-exceeded')
    assert.equal(await said(bid, { act: 'contract.sign' }), 'not-authorised act-not-covered')
    assert.equal(
      await said(bid, { at: iso(town.clock.now() - 2 * day) }),
      'not-authorised corporation-closed',
    )
    assert.equal(await said(bid, { at: early }), 'not-authorised mandate-not-accepted')
    const other = await hall.sekisho.checkAuthority({
      kind: 'cms',
      file: bid,
      corporation: '7999901000001',
      act: 'bid.submit',
    })
    assert.equal(other.findings.at(-1)?.code, 'mandate-missing')
    assert.equal(other.actor, undefined)
    assert.deepEqual(other.chain, [])
    const unknown = await hall.sekisho.checkAuthority({
      kind: 'cms',
      file: bid,
      corporation: '1999901000009',
      act: 'bid.submit',
    })
    assert.equal(unknown.findings.at(-1)?.code, 'corporation-unknown')
    await assert.rejects(check(bid, { at: iso(town.clock.now() + day) }), {
      code: 'request-malformed',
    })
    const altered = bid.slice()
    const at = Buffer.from(altered).indexOf('入札書')
    altered[at + 2] = (altered[at + 2] ?? 0) ^ 1
    assert.equal(await said(altered), 'not-authorised author-unproven')
  })

  it('statements are believed only from a representative in office of that corporation', async () => {
    const refused = async (answer: Response | Promise<Response>): Promise<string> => {
      const { code } = (await (await answer).json()) as { code: string }
      return code
    }
    const fresh = grantOf({ acts: [{ code: 'contract.sign', text: '契約' }] })
    assert.equal(await refused(grant(fresh, 'bank-representative')), 'mandate-unproven')
    assert.equal(await refused(grant(fresh, 'construction-clerk')), 'mandate-unproven')
    assert.equal(await refused(grant(fresh, 'official')), 'mandate-unproven')
    assert.equal(
      await refused(grant({ ...fresh, at: iso(town.clock.now() - 2 * day) })),
      'request-malformed',
    )
    assert.equal(await refused(grant({ ...fresh, until: fresh.from })), 'request-malformed')
    assert.equal(await refused(grant({ ...fresh, more: 1 })), 'request-malformed')
    assert.equal(await refused(send('/mandates', new Uint8Array([48, 0]))), 'request-malformed')
    // Anybody may send statements: a flood of them is turned away before it is judged.
    const flood = await Promise.all(
      Array.from({ length: 24 }, () => refused(grant(fresh, 'bank-representative'))),
    )
    assert.ok(flood.includes('node-overloaded') && flood.includes('mandate-unproven'))
    // The same file twice is the same mandate, and its code is told once.
    const cms = signedCms(
      town,
      await holderOf(town, 'construction-representative'),
      JSON.stringify(fresh),
    )
    const first = (await (await send('/mandates', cms)).json()) as Offered
    const second = (await (await send('/mandates', cms)).json()) as Offered
    assert.equal(second.id, first.id)
    assert.equal(second.acceptanceCode, undefined)
  })

  it('a delegate hands a part on, and no more than the part; what falls above falls below', async () => {
    const helper = await identified('long-address')
    await using person = await town.person('plain-adult')
    await person.visit(`${town.urls.platform}/me/mandates/new?from=${mandate}`)
    const until = new Date(town.clock.now() + 30 * day).toISOString().slice(0, 10)
    const fields = { name: helper.name, address: helper.address, until, act: 'bid.submit' }
    const page = await person.submit({ form: 'new', fields })
    const [code] = /[2-9A-HJ-NP-Z]{4}(?:-[2-9A-HJ-NP-Z]{4}){3}/.exec(page.body) ?? []
    assert.ok(
      code !== undefined,
      page.body.slice(page.body.indexOf('<main'), page.body.indexOf('</main')),
    )
    assert.equal(await accept('long-address', code), 'accepted')
    const other = await signed('long-address', helper.subject, '入札書 その二')
    const answer = await check(other)
    assert.equal(answer.verdict, 'authorised', JSON.stringify(answer.findings))
    assert.deepEqual(
      answer.chain.map(each => each.method),
      ['operator-file', 'sub-delegation'],
    )
    assert.equal(await said(other, { yen: 50_000_001 }), 'not-authorised amount-exceeded')
    // It was handed on with no right to hand it on further.
    await using last = await town.person('long-address')
    const list = await last.visit(`${town.urls.platform}/me/mandates`)
    const [, id] = /\/me\/mandates\/([\w-]{20,})"/.exec(list.body) ?? []
    await last.visit(`${town.urls.platform}/me/mandates/new?from=${id}`)
    const further = await last.submit({ form: 'new', fields: { ...fields, name: clerk.name } })
    assert.equal(codeOn(further), 'mandate-too-wide')
    // The representative revokes the first.
    const revocation = {
      kind: 'mandate-revocation',
      at: iso(town.clock.now()),
      corporation: number,
      mandate,
    }
    const bank = signedCms(
      town,
      await holderOf(town, 'bank-representative'),
      JSON.stringify(revocation),
    )
    assert.equal((await send('/mandates/revocations', bank)).status, 403)
    const own = signedCms(
      town,
      await holderOf(town, 'construction-representative'),
      JSON.stringify(revocation),
    )
    assert.deepEqual(await (await send('/mandates/revocations', own)).json(), { ended: 2 })
    assert.equal(await said(bid), 'not-authorised mandate-ended')
    assert.equal(await said(other), 'not-authorised mandate-ended')
  })

  it('a mandate that the mandator keeps comes along with the document; in a certificate it comes in it', async () => {
    const { createHash, X509Certificate } = await import('node:crypto')
    const card = await town.takeCard('plain-adult')
    const der = Buffer.from(card.state().signature.certificate ?? '', 'base64')
    await card.release()
    assert.ok(new X509Certificate(der).subject.length > 0)
    const certificateSha256 = createHash('sha256').update(der).digest('hex')
    const representative = await holderOf(town, 'construction-representative')
    const file = (given: Partial<MandateGrant>, by = representative) =>
      signedCms(
        town,
        by,
        JSON.stringify(grantOf({ method: 'mandator-file', certificateSha256, ...given })),
      )
    assert.equal(await said(bid, { mandate: file({}) }), 'authorised act-covered')
    assert.equal((await check(bid, { mandate: file({}) })).chain[0]?.method, 'mandator-file')
    const stranger = file({ certificateSha256: '0'.repeat(64) })
    assert.match(await said(bid, { mandate: stranger }), /^not-authorised /)
    assert.match(
      await said(bid, { mandate: file({}, await holderOf(town, 'bank-representative')) }),
      /^not-authorised /,
    )
    const certified = signedCms(town, await holderOf(town, 'construction-clerk'), '入札書 その三')
    const answer = await check(certified)
    assert.equal(answer.verdict, 'authorised', JSON.stringify(answer.findings))
    assert.equal(answer.chain[0]?.method, 'certificate')
    assert.equal(await said(certified, { act: 'tax.file' }), 'not-authorised act-not-covered')
    const own = signedCms(town, representative, '入札書 その四')
    assert.equal(await said(own), 'authorised authority-inherent')
  })

  it('an office’s document founds standing for who is named in it, and for nobody else', async () => {
    const parent = await identified('plain-adult')
    const birthdate = '1990-03-04'
    const standing = {
      kind: 'standing',
      relation: 'parent',
      of: { name: '佐藤　子', address: parent.address, birthdate: '2020-01-01' },
      by: { name: parent.name, address: parent.address, birthdate },
      issuedAt: iso(town.clock.now() - day),
      until: iso(town.clock.now() + 1000 * day),
    }
    const paper = async (by: string, content: object = standing): Promise<string> =>
      Buffer.from(signedCms(town, await holderOf(town, by), JSON.stringify(content))).toString(
        'base64',
      )
    const bring = async (persona: string, document: string): Promise<string> => {
      await using person = await town.person(persona)
      await person.visit(`${town.urls.platform}/me/mandates`)
      const page = await person.submit({ form: 'standing', fields: { document } })
      return page.body.includes('佐藤　子') && codeOn(page) === 'none' ? 'registered' : codeOn(page)
    }
    assert.equal(await bring('plain-adult', await paper('person')), 'standing-unproven')
    const over = { ...standing, until: iso(town.clock.now() - 1000) }
    assert.equal(await bring('plain-adult', await paper('official', over)), 'standing-unproven')
    const document = await paper('official')
    assert.equal(await bring('former-surname', document), 'delegate-mismatch')
    assert.equal(await bring('plain-adult', document), 'registered')
  })

  it('when the representative leaves, the mandates they gave end with that day; before it they hold', async () => {
    const { acceptanceCode = '' } = await offered({
      acts: [{ code: 'contract.sign', text: '契約' }],
    })
    assert.equal(await accept('plain-adult', acceptanceCode), 'accepted')
    assert.equal(await said(bid, { act: 'contract.sign' }), 'authorised act-covered')
    const before = iso(town.clock.now())
    await town.clock.advance(60_000)
    const representatives = (await town.admin('authority', 'corporation-representatives', {
      corporation: number,
    })) as { id: string; name: string }[]
    const id = representatives.find(each => each.name === '見本三郎')?.id
    await town.admin('authority', 'corporation-event', {
      corporation: number,
      event: { what: 'resign', representative: id },
    })
    await town.settle()
    assert.match(await said(bid, { act: 'contract.sign' }), /^not-authorised representative-left/)
    assert.equal(await said(bid, { act: 'contract.sign', at: before }), 'authorised act-covered')
    // The certificate of the representative has ended with it: nothing new is believed.
    const fresh = grantOf({ acts: [{ code: 'tax.file', text: '申告' }] })
    assert.equal((await grant(fresh)).status, 403)
    await using person = await town.person('plain-adult')
    let body = ''
    for (let round = 0; round < 40 && !body.includes('代表者が交代しました'); round++) {
      await new Promise(resolve => setTimeout(resolve, 250))
      ;({ body } = await person.visit(`${town.urls.platform}/me/mandates`))
    }
    assert.match(body, /代表者が交代しました/)
  })
})
