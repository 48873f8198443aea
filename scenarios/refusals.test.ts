/** What must be refused at the card step and at the provider's door, each through the real town with a code of its own. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import {
  startTestTown,
  type PersonAtReader,
  type TestProvider,
  type TestTown,
} from '@sekisho/cli/testkit'
import { acr, Refusal } from '@sekisho/contract'
import { jpkiTown, parseCertificate } from '@sekisho/pki'
import {
  type IssuingAuthority,
  issueAuthenticationCertificate,
  issueAuthorityCertificate,
  partitionName,
  poolKey,
} from '@sekisho/pki/issue'
import type { Sekisho } from '@sekisho/sdk'
import { SekishoError } from '@sekisho/sdk'
import { type Alter, altering, authenticated, codeOn, keysOf, signedBy } from './hand-reader.ts'

const dayMs = 24 * 3600 * 1000

/** The code with which a call of the SDK was refused. */
async function codeOf(run: Promise<unknown>): Promise<string> {
  try {
    await run
    return 'none'
  } catch (error) {
    if (error instanceof SekishoError || error instanceof Refusal) return error.code
    throw error
  }
}

for (const database of ['embedded', 'postgres'] as const)
  describe(`refused through the real town, on ${database}`, () => {
    let town: TestTown
    let shop: TestProvider
    before(async () => {
      town = await startTestTown({ database })
      shop = await town.provider({ id: 'shop' })
    })
    after(() => town.stop())

    /** Begins a step at the shop with a persona's card and a hand on the wire; where it ends, and with which code. */
    async function step(
      persona: string,
      begin: (sekisho: Sekisho) => ReturnType<Sekisho['beginLogin']>,
      given: { alter?: (me: () => PersonAtReader) => Alter; pin?: string; password?: string } = {},
    ) {
      let holder: PersonAtReader | undefined
      const me = (): PersonAtReader => {
        if (holder === undefined) throw new Error('nobody is at the reader')
        return holder
      }
      const alter = given.alter?.(me)
      await using person = await town.person(persona, {
        ...(given.pin === undefined ? {} : { pin: given.pin }),
        ...(given.password === undefined ? {} : { password: given.password }),
        ...(alter === undefined ? {} : { fetch: altering(town.fetch, alter) }),
      })
      holder = person
      const { url, pending } = await begin(shop.sekisho)
      const page = await person.visit(url)
      return { page, code: codeOn(page), pending }
    }
    const login = (sekisho: Sekisho) => sekisho.beginLogin()
    const identify = (sekisho: Sekisho) => sekisho.beginIdentify(['name'])
    const tables = async () => {
      const platform = await town.tables('platform')
      const count = async (table: string): Promise<number> =>
        (await platform.read(db => db.selectFrom(table).selectAll().execute())).length
      const names = [
        'person',
        'certificate_link',
        'pairwise',
        'consent',
        'container',
        'usage',
        'ledger_entry',
        'release',
      ]
      return Promise.all(names.map(count))
    }

    describe('PIN and card', () => {
      it('a wrong PIN and a wrong password: the page tells it and the same card may try again', async () => {
        const { page, code } = await step('pin-always', login, { pin: '9999' })
        assert.equal(code, 'pin-wrong')
        assert.match(page.body, /もう一度カードを使う/)
        assert.equal(
          (await step('pin-always', identify, { password: 'WRONG123' })).code,
          'pin-wrong',
        )
        assert.equal((await step('pin-always', login)).code, 'none')
      })

      it('a short PIN is no PIN: the card is not even asked', async () => {
        assert.equal(await codeOf(town.person('pin-always', { pin: '24' })), 'pin-malformed')
      })

      it('a locked PIN', async () => {
        assert.equal((await step('locked-pin', login)).code, 'pin-locked')
      })

      it('a card without signature certificate is asked to sign', async () => {
        assert.equal(
          (await step('fourteen-year-old', identify)).code,
          'signature-certificate-absent',
        )
      })
    })

    describe('keys and certificates', () => {
      const nothingWritten = async (run: () => Promise<{ code: string }>, code: string) => {
        const before = await tables()
        assert.equal((await run()).code, code)
        assert.deepEqual(await tables(), before)
      }

      it('the signature certificate offered for a login', () =>
        nothingWritten(
          () =>
            step('plain-adult', login, {
              alter: me => one => authenticated(one, keysOf(me().card, 'signature')),
            }),
          'certificate-not-for-login',
        ))

      it('the authentication key offered as a signature', () =>
        nothingWritten(
          () =>
            step('plain-adult', identify, {
              alter: me => one => signedBy(one, keysOf(me().card, 'authentication')),
            }),
          'certificate-not-for-signing',
        ))

      it('a certificate of another CA with the same name', () => {
        const key = poolKey(60)
        const forged: IssuingAuthority = {
          certificate: parseCertificate(
            issueAuthorityCertificate({
              profile: jpkiTown,
              kind: 'authentication',
              serial: Uint8Array.of(1),
              notBefore: town.clock.now() - 1000 * dayMs,
              notAfter: town.clock.now() + 1000 * dayMs,
              spki: key.spki,
              algorithm: 'rsa-sha256',
              sign: key.sign,
            }),
          ),
          algorithm: 'rsa-sha256',
          sign: key.sign,
        }
        return nothingWritten(
          () =>
            step('plain-adult', login, { alter: () => one => authenticated(one, leaf(forged, 0)) }),
          'certificate-untrusted',
        )
      })

      it('a certificate that is not yet valid, of the right CA', async () => {
        await using person = await town.person('plain-adult')
        const ca = parseCertificate(
          Buffer.from(person.card.state().authentication.caCertificate ?? '', 'base64'),
        )
        const key = Array.from({ length: 8 }, (_, at) => poolKey(at)).find(one =>
          Buffer.from(one.spki).equals(ca.spki),
        )
        assert.ok(key, 'the town’s CA has a key of the pool')
        await person.card.release()
        const issuer = { certificate: ca, algorithm: 'rsa-sha256', sign: key.sign } as const
        await nothingWritten(
          () =>
            step('plain-adult', login, { alter: () => one => authenticated(one, leaf(issuer, 1)) }),
          'certificate-not-yet-valid',
        )
      })

      /** A leaf that begins some days from now. */
      function leaf(issuer: IssuingAuthority, inDays: number) {
        const key = poolKey(61)
        const begin = Math.floor(town.clock.now() / 1000) * 1000 + inDays * dayMs
        const certificate = issueAuthenticationCertificate({
          profile: jpkiTown,
          issuer,
          serial: Uint8Array.of(0x71, 2, 3, 4),
          spki: key.spki,
          notBefore: begin,
          notAfter: begin + 100 * dayMs,
          commonName: 'TESTTESTTEST0113101003A',
          partition: partitionName(jpkiTown, 'authentication', 'Tokyo-to', 'Chiyoda-ku'),
        })
        return { privateKey: key.pkcs8, certificate }
      }

      it('revoked, and held', async () => {
        await nothingWritten(() => step('deceased', login), 'certificate-revoked')
        await nothingWritten(() => step('lost-card', login), 'certificate-held')
        await nothingWritten(() => step('lost-card', identify), 'certificate-held')
      })

      it('an altered document', () =>
        nothingWritten(
          () =>
            step('plain-adult', identify, {
              alter: me => one => {
                const document = Buffer.from(one.request.document ?? '', 'base64')
                const other = Buffer.from(document.toString().replace('氏名', '住所'))
                return signedBy(one, keysOf(me().card, 'signature'), other)
              },
            }),
          'signature-invalid',
        ))
    })

    describe('challenges and browsers', () => {
      it('an answer that comes a second time', async () => {
        const answers: unknown[] = []
        let again = ''
        const inner: typeof town.fetch = async (input, init) => {
          const first = await town.fetch(input, init)
          if (typeof init?.body !== 'string' || !init.body.startsWith('answer=')) return first
          const second = await town.fetch(input, init)
          again = codeOn({ url: town.urls.platform, body: await second.text() })
          return first
        }
        await using person = await town.person('plain-adult', {
          fetch: altering(inner, one => {
            answers.push(one.answer)
            return undefined
          }),
        })
        const { url } = await shop.sekisho.beginLogin()
        const page = await person.visit(url)
        assert.equal(again, 'challenge-replayed')
        assert.equal(codeOn(page), 'none')
        // The interaction is over as well.
        assert.equal(codeOn(await person.visit(page.url)), 'none')
        await person.card.release()
        // The same answer in the next interaction of the same person.
        const replay = await step('plain-adult', login, {
          alter: () => () => answers[0] as Readonly<Record<string, unknown>>,
        })
        assert.equal(replay.code, 'session-foreign')
      })

      it('a challenge that has expired', async () => {
        const platform = await town.tables('platform')
        const { code } = await step('plain-adult', login, {
          alter: () => async () => {
            await platform.transaction(tx =>
              tx.updateTable('ceremony').set({ expires_at: 1 }).execute(),
            )
            return undefined
          },
        })
        assert.equal(code, 'challenge-expired')
      })

      it('a challenge of nobody’s, a foreign origin, and a form posted by another site', async () => {
        const alter =
          (given: { origin?: string; challenge?: string }) =>
          (me: () => PersonAtReader): Alter =>
          one =>
            authenticated(one, keysOf(me().card, 'authentication'), given)
        const made = Buffer.alloc(32, 9).toString('base64url')
        assert.equal(
          (await step('plain-adult', login, { alter: alter({ challenge: made }) })).code,
          'challenge-unknown',
        )
        assert.equal(
          (await step('plain-adult', login, { alter: alter({ origin: 'https://evil.example' }) }))
            .code,
          'origin-foreign',
        )
        for (const headers of [{ origin: 'https://evil.example' }, {}] as Record<
          string,
          string
        >[]) {
          const answer = await town.fetch(`${town.urls.platform}/interaction/x/refuse`, {
            method: 'POST',
            headers: { ...headers, accept: 'application/json' },
          })
          assert.equal(((await answer.json()) as { code: string }).code, 'origin-foreign')
        }
      })

      it('a login finished by the browser of somebody else', async () => {
        // The attacker begins a login and has the challenge of it.
        const attacker = { url: '', challenge: '', posted: '' }
        await step('former-surname', login, {
          alter: () => one => {
            attacker.url = one.address.href
            attacker.challenge = one.request.challenge ?? ''
            return {
              ...one.answer,
              type: 'refused',
              code: 'ceremony-cancelled',
              signed: undefined,
              signature: undefined,
              certificate: undefined,
            }
          },
        })
        assert.notEqual(attacker.challenge, '')
        // The victim signs it, in a browser of their own.
        const { code } = await step('plain-adult', login, {
          alter: me => one => authenticated(one, keysOf(me().card, 'authentication'), attacker),
        })
        assert.equal(code, 'session-foreign')
        // Nor can the victim's browser finish the attacker's interaction.
        await using victim = await town.person('plain-adult')
        assert.equal(codeOn(await victim.visit(attacker.url)), 'interaction-unknown')
      })

      it('two people one after the other at one browser: the second is themself', async () => {
        await using first = await town.person('plain-adult')
        await using second = await town.person('former-surname')
        const before = await shop.sekisho.beginLogin()
        const one = await shop.sekisho.finish((await first.visit(before.url)).url, before.pending)
        let isSecond = false
        await first.card.release()
        await using shared = await town.person('plain-adult', {
          fetch: altering(town.fetch, at =>
            isSecond ? authenticated(at, keysOf(second.card, 'authentication')) : undefined,
          ),
        })
        const again = await shop.sekisho.beginLogin()
        const two = await shop.sekisho.finish((await shared.visit(again.url)).url, again.pending)
        isSecond = true
        const other = await shop.sekisho.beginLogin()
        const three = await shop.sekisho.finish((await shared.visit(other.url)).url, other.pending)
        assert.equal(two.subject, one.subject)
        assert.notEqual(three.subject, one.subject)
      })
    })

    describe('documents', () => {
      it('the signer is not the person identified', async () => {
        await using other = await town.person('former-surname')
        await using hanako = await town.person('plain-adult', {
          fetch: altering(town.fetch, one =>
            Buffer.from(one.request.document ?? '', 'base64')
              .toString()
              .startsWith('口座開設申込書')
              ? signedBy(one, keysOf(other.card, 'signature'))
              : undefined,
          ),
        })
        await hanako.visit(`${town.urls.bank}/open`)
        const page = await hanako.submit({ form: 'application', fields: { phone: '0312345678' } })
        assert.equal(codeOn(page), 'signer-is-another')
        // The person may still refuse or sign with the right card; here they stop.
        const back = await hanako.submit({ form: 'refuse' })
        assert.equal(codeOn(back), 'consent-refused')
        assert.match(back.url, new RegExp(`^${town.urls.bank}/`))
      })
    })

    describe('providers', () => {
      it('beyond the contracted scope: at the request, in the middle, at the API', async () => {
        const small = await town.provider({ id: 'small', scope: 'openid name change' })
        assert.equal(
          await codeOf(small.sekisho.beginIdentify(['name', 'address'])),
          'scope-exceeded',
        )
        assert.equal(await codeOf(small.sekisho.statement('2030-01')), 'scope-exceeded')
        assert.equal(await codeOf(small.sekisho.confirmChange('nobody')), 'person-unknown')
        const { url } = await small.sekisho.beginIdentify(['name'])
        await small.contract('openid')
        await using person = await town.person('plain-adult')
        const page = await person.visit(url)
        assert.ok(['scope-exceeded'].includes(codeOn(page)), codeOn(page))
        // With a token obtained before.
        assert.equal(await codeOf(small.sekisho.confirmChange('nobody')), 'scope-exceeded')
      })

      it('another’s transaction, an unknown one, a document that cannot be shown', async () => {
        const { url } = await shop.sekisho.beginSigning('no-such-transaction')
        await using person = await town.person('plain-adult')
        assert.equal(codeOn(await person.visit(url)), 'transaction-unknown')
      })

      it('a wrong redirect is told to the person and sent nowhere; a missing PKCE goes back', async () => {
        const authorize = async (given: Record<string, string>) => {
          const query = new URLSearchParams({
            client_id: 'shop',
            response_type: 'code',
            scope: 'openid',
            acr_values: acr.card,
            ...given,
          })
          await using person = await town.person('plain-adult')
          return person.visit(`${town.urls.platform}/oidc/authorize?${query}`)
        }
        const pkce = { code_challenge: 'x'.repeat(43), code_challenge_method: 'S256' }
        const wrong = await authorize({ ...pkce, redirect_uri: 'http://evil.localhost:1/callback' })
        assert.equal(codeOn(wrong), 'redirect-mismatch')
        assert.equal(new URL(wrong.url).origin, town.urls.platform)
        const bare = await authorize({ redirect_uri: shop.redirectUri })
        assert.equal(codeOn(bare), 'pkce-missing')
        assert.ok(bare.url.startsWith(shop.redirectUri))
        const plain = await authorize({
          ...pkce,
          code_challenge_method: 'plain',
          redirect_uri: shop.redirectUri,
        })
        assert.equal(codeOn(plain), 'authorization-malformed')
        const stranger = await authorize({
          ...pkce,
          client_id: 'stranger',
          redirect_uri: shop.redirectUri,
        })
        assert.equal(codeOn(stranger), 'provider-unknown')
        const silent = await authorize({ ...pkce, prompt: 'none', redirect_uri: shop.redirectUri })
        assert.notEqual(codeOn(silent), 'none')
      })

      it('suspended in the middle of a login: refused, and no code reaches it', async () => {
        const paused = await town.provider({ id: 'paused' })
        const { url } = await paused.sekisho.beginLogin()
        await using person = await town.person('plain-adult', {
          fetch: altering(town.fetch, async () => {
            await town.admin('platform', 'provider-state', { id: 'paused', state: 'suspended' })
            return undefined
          }),
        })
        const page = await person.visit(url)
        assert.equal(codeOn(page), 'provider-suspended')
        assert.equal(new URL(page.url).origin, town.urls.platform)
        assert.equal(await codeOf(paused.sekisho.beginLogin()), 'provider-unauthenticated')
      })
    })

    describe('the authority', () => {
      it('is down in the middle of an identification: nothing half-written, and the retry pays once', async () => {
        await using person = await town.person('long-address')
        await town.stopProgram('authority')
        const before = await tables()
        const page = await person.visit(`${town.urls.bank}/open`)
        assert.equal(codeOn(page), 'authority-unreachable')
        assert.deepEqual(await tables(), before)
        await town.startProgram('authority')
        // The same step again, from the page itself.
        const interaction = page.url.split('?')[0] ?? ''
        const form = await person.visit(interaction)
        assert.equal(form.url, `${town.urls.bank}/open/form`)
        // One query, counted once over there and billed once over here.
        const japan = new Date(town.clock.now() + 9 * 3600 * 1000)
        const found = await town.admin('platform', 'fees-reconcile', {
          month: japan.toISOString().slice(0, 7),
        })
        const { counted, billed, unbilled, unknown } = found as Record<string, number>
        assert.ok(Number(billed) > 0)
        assert.equal(unknown, 0)
        // Asked about the signer who turned out to be another: on the bill of whoever needs the answer next.
        assert.equal(unbilled, 1)
        const usage = await (await town.tables('platform')).read(db =>
          db.selectFrom('usage').select(['provider_id', 'kind']).execute(),
        )
        const serials = usage.filter(use => use['kind'] === 'corresponding-serial')
        assert.equal(serials.length, billed)
        assert.equal(counted, Number(billed) + 1)
      })
    })

    describe('time', () => {
      it('an expired certificate', async () => {
        assert.equal((await step('expiring-tomorrow', login)).code, 'none')
        await town.clock.advance(3 * dayMs)
        await town.settle()
        assert.equal((await step('expiring-tomorrow', login)).code, 'certificate-expired')
        assert.equal((await step('plain-adult', login)).code, 'none')
      })
    })
  })
