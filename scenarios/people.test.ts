/**
 * What becomes of people over time: renewed, moved, dead, without a signature certificate; their own records and the
 * withdrawal of a consent; what two providers can find out about one person. Over the whole run no log line may hold anything
 * personal.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { startTestTown, type TestProvider, type TestTown } from '@sekisho/cli/testkit'
import { parseCertificate } from '@sekisho/pki'
import type { Fetch } from '@sekisho/runtime/net'
import { raisingSink } from '@sekisho/runtime/log'
import type { Arrival } from '@sekisho/sdk'
import { codeOn } from './hand-reader.ts'

const secrets = { pin: '2468', password: 'SEKISHO1' }

for (const database of ['embedded', 'postgres'] as const)
  describe(`people over time, on ${database}`, () => {
    const forbidden: (string | Uint8Array)[] = [secrets.pin, secrets.password]
    const sink = raisingSink(() => forbidden)
    let town: TestTown
    let shop: TestProvider
    before(async () => {
      town = await startTestTown({ database, sink })
      shop = await town.provider({ id: 'shop' })
      await forbidEverything()
    })
    after(async () => {
      await town.stop()
      assert.deepEqual(sink.violations(), [])
      assert.ok(sink.lines().length > 100)
    })

    /** Every resident's attributes and every serial issued so far. */
    async function forbidEverything(): Promise<void> {
      const authority = await town.tables('authority')
      const residents = await authority.read(db =>
        db.selectFrom('resident').select('attributes').where('persona', 'is not', null).execute(),
      )
      for (const { attributes } of residents) {
        const { name, address } = attributes as { name: string; address: string }
        forbidden.push(name, address)
      }
      const certificates = await authority.read(db =>
        db.selectFrom('certificate').select('der').execute(),
      )
      for (const { der } of certificates) forbidden.push(parseCertificate(der as Uint8Array).serial)
    }
    async function login(persona: string, provider = shop): Promise<Arrival> {
      const { url, pending } = await provider.sekisho.beginLogin()
      await using person = await town.person(persona)
      const page = await person.visit(url)
      assert.equal(codeOn(page), 'none')
      return provider.sekisho.finish(page.url, pending)
    }
    async function identify(
      persona: string,
      scopes: readonly ('name' | 'address' | 'birthdate' | 'gender')[],
      provider = shop,
    ): Promise<Arrival> {
      const { url, pending } = await provider.sekisho.beginIdentify(scopes)
      await using person = await town.person(persona)
      const page = await person.visit(url)
      assert.equal(codeOn(page), 'none')
      return provider.sekisho.finish(page.url, pending)
    }
    const meaning = async (subject: string) => (await shop.sekisho.confirmChange(subject)).meaning

    it('a fourteen-year-old logs in and is a person without attributes', async () => {
      const first = await login('fourteen-year-old')
      const again = await login('fourteen-year-old')
      assert.equal(again.subject, first.subject)
      assert.deepEqual(again.claims, { sub: first.subject })
      // Nobody consented to anything.
      await assert.rejects(shop.sekisho.confirmChange(first.subject), { code: 'consent-missing' })
    })

    it('an unknown day of birth, substitute characters and 200 characters of address reach the provider whole', async () => {
      assert.equal(
        (await identify('unknown-birth-day', ['birthdate'])).claims.birthdate,
        '1944-04-00',
      )
      const { claims } = await identify('substitute-characters', ['name'])
      assert.equal(claims.name_substitutes, '1100')
      assert.equal(claims.address, undefined)
      const long = await identify('long-address', ['address'])
      assert.equal(Array.from(long.claims.address?.formatted ?? '').length, 200)
      assert.equal(long.claims.name, undefined)
    })

    it('who renews the card at the window stays the same customer', async () => {
      const { subject } = await identify('foreign-resident', ['name'])
      assert.equal((await login('foreign-resident')).subject, subject)
      await town.happen('foreign-resident', { what: 'renew', ...secrets })
      await forbidEverything()
      assert.equal(await meaning(subject), 'ask-for-update')
      assert.equal((await login('foreign-resident')).subject, subject)
      await town.happen('foreign-resident', { what: 'renew', ...secrets })
      await town.happen('foreign-resident', { what: 'renew', ...secrets })
      await forbidEverything()
      // Two steps back, found by the identification itself.
      assert.equal((await identify('foreign-resident', ['name'])).subject, subject)
      assert.equal(await meaning(subject), 'no-change')
    })

    it('who moved is asked for an update, gives it with the new certificate, and keeps the account', async () => {
      await using moving = await town.person('former-surname')
      await moving.visit(`${town.urls.bank}/open`)
      const opened = await moving.submit({ form: 'application', fields: { phone: '0312345678' } })
      assert.equal(opened.url, `${town.urls.bank}/account?told=opened`)
      await moving.card.release()
      await town.happen('former-surname', {
        what: 'move',
        municipality: '47201',
        address: '沖縄県那覇市首里金城町１丁目１番地',
      })
      await using told = await town.person('former-surname')
      const notice = await told.visit(`${town.urls.bank}/login`)
      assert.match(notice.body, /変わったようです/)
      await told.card.release()
      await town.happen('former-surname', { what: 'signature', ...secrets })
      await forbidEverything()
      await using updating = await town.person('former-surname')
      const updated = await updating.visit(`${town.urls.bank}/update`)
      assert.equal(updated.url, `${town.urls.bank}/account?told=updated`)
      assert.match(updated.body, /首里金城町/)
      assert.match(updated.body, /1,000円/)
      assert.equal(/変わったようです/.test(updated.body), false)
    })

    it('a death is told as something to confirm in person, and the dead do not log in', async () => {
      const { subject } = await identify('pin-always', ['name'])
      assert.equal(await meaning(subject), 'no-change')
      await town.happen('pin-always', { what: 'deceased' })
      assert.equal(await meaning(subject), 'confirm-in-person')
      const { url } = await shop.sekisho.beginLogin()
      await using person = await town.person('pin-always')
      assert.equal(codeOn(await person.visit(url)), 'certificate-revoked')
    })

    it('a person sees and withdraws a consent; it ends at once for change, for what was released and for renewed cards', async () => {
      const { url, pending } = await shop.sekisho.beginIdentify(['name', 'gender'])
      await using person = await town.person('plain-adult')
      const page = await person.visit(url)
      const { subject } = await shop.sekisho.finish(page.url, pending)
      assert.equal(await meaning(subject), 'no-change')

      const records = await person.visit(`${town.urls.platform}/me`)
      assert.deepEqual(
        records.ceremonies.map(one => one.purpose),
        ['login'],
      )
      assert.match(records.body, /試験 shop/)
      assert.match(records.body, /氏名、性別/)
      assert.match(records.body, /本人確認に応じ/)
      assert.match(records.body, /登録内容の変更の有無を確認/)
      const form = /id="(withdraw-[0-9a-f-]+)"/.exec(records.body)?.[1]
      assert.ok(form)
      // Another browser cannot withdraw it.
      const action = `${town.urls.platform}/me/consents/${form.replace('withdraw-', '')}/withdraw`
      const foreign = await town.fetch(action, {
        method: 'POST',
        headers: { origin: town.urls.platform },
      })
      assert.equal(foreign.status, 303)
      assert.equal(await meaning(subject), 'no-change')

      const withdrawn = await person.submit({ form })
      assert.match(withdrawn.body, /同意を撤回しました/)
      assert.equal(/id="withdraw-/.test(withdrawn.body), false)
      await assert.rejects(shop.sekisho.confirmChange(subject), { code: 'consent-missing' })
      const releases = await (await town.tables('platform')).read(db =>
        db.selectFrom('release').selectAll().where('provider_id', '=', 'shop').execute(),
      )
      const links = await (await town.tables('platform')).read(db =>
        db.selectFrom('pairwise').selectAll().where('subject', '=', subject).execute(),
      )
      assert.equal(
        releases.some(one => one['person_id'] === links[0]?.['person_id']),
        false,
      )

      const out = await person.submit({ form: 'logout' })
      // The page asks for the card again: the reader answers, and the records are there.
      assert.equal(out.ceremonies.length, 1)
      await person.card.release()

      assert.equal((await login('plain-adult')).subject, subject)
      await town.happen('plain-adult', { what: 'renew', ...secrets })
      await forbidEverything()
      const again = await shop.sekisho.beginLogin()
      await using renewed = await town.person('plain-adult')
      assert.equal(codeOn(await renewed.visit(again.url)), 'consent-missing')
      await renewed.card.release()
      assert.equal((await identify('plain-adult', ['name'])).subject, subject)
      assert.equal(await meaning(subject), 'no-change')
    })

    it('a card that was never used has no records here, and looking does not make any', async () => {
      const platform = await town.tables('platform')
      const people = async () =>
        (await platform.read(db => db.selectFrom('person').select('id').execute())).length
      const before = await people()
      await using person = await town.person('adult-ward')
      assert.equal(codeOn(await person.visit(`${town.urls.platform}/me`)), 'person-unknown')
      assert.equal(await people(), before)
    })

    it('two providers of one person share nothing, and see nothing that was not consented to', async () => {
      const seen = new Map<string, string[]>()
      const provider = (id: string) => {
        const texts: string[] = []
        seen.set(id, texts)
        return town.provider({ id, fetch: fetch => recording(fetch, texts) })
      }
      const [alpha, beta, other] = [
        await provider('alpha'),
        await provider('beta'),
        await provider('other'),
      ]
      for (const [one, persona] of [
        [alpha, 'renewed-card'],
        [beta, 'renewed-card'],
        [other, 'long-address'],
      ] as const) {
        const { subject } = await identify(persona, [], one)
        await login(persona, one)
        await one.sekisho.confirmChange(subject)
        const document = new TextEncoder().encode('同じ文書')
        const created = await one.sekisho.createSigning(
          { title: '同じ文書', mediaType: 'text/plain', document, subject },
          'the-same-key',
        )
        const { url, pending } = await one.sekisho.beginSigning(created.id)
        await using person = await town.person(persona)
        await one.sekisho.finishSigning((await person.visit(url)).url, pending, document)
        const keys = person.card.state().signature
        await one.sekisho.verify({
          document,
          signature: new Uint8Array(256),
          certificate: Buffer.from(keys.certificate ?? '', 'base64'),
        })
      }
      const wordsOf = (id: string) => new Set((seen.get(id) ?? []).flatMap(words))
      const [ofAlpha, ofBeta, ofOther] = [wordsOf('alpha'), wordsOf('beta'), wordsOf('other')]
      assert.ok(ofAlpha.size > 20)
      const telling = [...ofAlpha].filter(word => ofBeta.has(word) && !ofOther.has(word))
      assert.deepEqual(telling, [], 'what both know of the one person and nobody knows of another')
      const all = [...seen.values()].flat().join('\n')
      await forbidEverything()
      for (const secret of forbidden) {
        if (typeof secret === 'string')
          assert.equal(secret.length > 4 && all.includes(secret), false)
        else assert.equal(all.toLowerCase().includes(Buffer.from(secret).toString('hex')), false)
      }
      assert.equal(/revok|certificateHold|superseded|失効/i.test(all), false)
    })

    it('no key of a card file lies anywhere in the platform’s log', () => {
      const folder = town.layout.cardsFolder
      const log = JSON.stringify(sink.lines())
      for (const name of readdirSync(folder).filter(file => file.endsWith('.card.json'))) {
        const card = JSON.parse(readFileSync(join(folder, name), 'utf8'))
        for (const key of [card.authentication.certificate, card.signature.certificate])
          if (typeof key === 'string') assert.equal(log.includes(key.slice(0, 200)), false)
      }
    })
  })

/** Keeps what a provider receives: bodies as text, and JWTs decoded. */
function recording(fetch: Fetch, texts: string[]): Fetch {
  return async (input, init) => {
    const answer = await fetch(input, init)
    const body = await answer.text()
    texts.push(body)
    for (const [jwt] of body.matchAll(/[\w-]+\.[\w-]+\.[\w-]+/g))
      for (const part of jwt.split('.')) {
        const text = Buffer.from(part, 'base64url').toString()
        if (text.startsWith('{')) texts.push(text)
      }
    return new Response(answer.status === 204 ? null : body, {
      status: answer.status,
      headers: answer.headers,
    })
  }
}

/** Everything that could be an identifier: runs of at least eight letters, digits and dashes that are not a time. */
function words(text: string): string[] {
  return [...text.matchAll(/[\w-]{8,}/g)]
    .map(([word]) => word)
    .filter(word => !/^\d{4}-\d\d-\d\dT?\d*$/.test(word) && !/^\d{10}$/.test(word))
}
