/**
 * The people of the town do what `docs/personas.md` says of them: its table is read, and every row is tried at a provider's
 * login, identification and signing, on both engines.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { startTestTown, type TestProvider, type TestTown } from '@sekisho/cli/testkit'
import type { IdentityScope } from '@sekisho/sdk'
import { codeOn } from './hand-reader.ts'

const scopes: readonly IdentityScope[] = ['name', 'address', 'birthdate', 'gender']
const document = new TextEncoder().encode('口座開設申込書\n')
const dayMs = 24 * 3600 * 1000

/** What the table promises of one card: `yes`, or the code of the refusal; and what it is after the certificates' end. */
type Row = {
  readonly card: string
  readonly name: string
  readonly login: string
  readonly identify: string
}

const rows = readRows()

for (const database of ['embedded', 'postgres'] as const)
  describe(`the people of the town, on ${database}`, () => {
    let town: TestTown
    let shop: TestProvider
    /** Subject of somebody who is known to the shop. */
    let known = ''
    let transactions = 0
    before(async () => {
      town = await startTestTown({ database })
      shop = await town.provider({ id: 'shop' })
      known = (await login('plain-adult')).subject ?? ''
    })
    after(() => town.stop())

    /** Walks with the persona's card; `yes` when it came back without a refusal. */
    const walk = async (persona: string, url: string): Promise<{ code: string; back: string }> => {
      await using person = await town.person(persona)
      const page = await person.visit(url)
      const code = codeOn(page)
      return { code: code === 'none' ? 'yes' : code, back: page.url }
    }
    const login = async (persona: string) => {
      const { url, pending } = await shop.sekisho.beginLogin()
      const { code, back } = await walk(persona, url)
      if (code !== 'yes') return { code, subject: undefined }
      const { subject, claims } = await shop.sekisho.finish(back, pending)
      assert.deepEqual(claims, { sub: subject })
      return { code, subject }
    }
    const identify = async (persona: string) => {
      const { url, pending } = await shop.sekisho.beginIdentify(scopes)
      const { code, back } = await walk(persona, url)
      if (code !== 'yes') return { code, arrival: undefined }
      return { code, arrival: await shop.sekisho.finish(back, pending) }
    }
    const sign = async (persona: string, subject: string): Promise<string> => {
      transactions += 1
      const { id } = await shop.sekisho.createSigning(
        { title: '申込書', mediaType: 'text/plain', document, subject },
        `transaction-${transactions}`,
      )
      const { url, pending } = await shop.sekisho.beginSigning(id)
      const { code, back } = await walk(persona, url)
      if (code === 'yes') {
        const { receipt } = await shop.sekisho.finishSigning(back, pending, document)
        assert.equal(receipt.sub, subject)
      }
      return code
    }

    for (const row of rows)
      it(`${row.card}: login ${row.login}, identify and sign ${row.identify}`, async () => {
        const before = await login(row.card)
        assert.equal(before.code, row.login)
        const { code, arrival } = await identify(row.card)
        assert.equal(code, row.identify)
        if (arrival !== undefined) assertClaims(row, arrival.claims)
        // Whoever is nobody yet is refused for the certificate, whomever the document is meant for.
        const subject = arrival?.subject ?? before.subject ?? known
        assert.equal(await sign(row.card, subject), row.identify)
        // The same person, whichever way they came.
        if (before.subject !== undefined) {
          assert.equal(before.subject, subject)
          assert.equal((await login(row.card)).subject, subject)
        }
      })

    it('after the end of the certificates nobody logs in, identifies or signs with them', async () => {
      const persona = 'expiring-tomorrow'
      const { subject = known } = await login(persona)
      await town.clock.advance(2 * dayMs)
      await town.settle()
      assert.equal((await login(persona)).code, 'certificate-expired')
      assert.equal((await identify(persona)).code, 'certificate-expired')
      assert.equal(await sign(persona, subject), 'certificate-expired')
    })
  })

/** Attributes as the certificate of the table's person carries them. */
function assertClaims(row: Row, claims: Readonly<Record<string, unknown>>): void {
  assert.deepEqual(
    Object.keys(claims)
      .filter(name => !name.endsWith('_substitutes'))
      .toSorted(),
    ['address', 'birthdate', 'gender', 'name', 'sub'],
  )
  if (row.card === 'substitute-characters') {
    assert.equal(claims['name'], '〓〓　翔')
    assert.equal(claims['name_substitutes'], '1100')
  } else assert.equal(claims['name'], row.name)
  if (row.card === 'unknown-birth-day') assert.equal(claims['birthdate'], '1944-04-00')
  else assert.match(String(claims['birthdate']), /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/)
}

function readRows(): readonly Row[] {
  const page = readFileSync(new URL('../docs/personas.md', import.meta.url), 'utf8')
  const answer = (cell = ''): string =>
    /^yes\b/.test(cell) ? 'yes' : (/^`([a-z-]+)`/.exec(cell)?.[1] ?? `unreadable: ${cell}`)
  const read = page
    .split('\n')
    .filter(line => line.startsWith('| `'))
    .map(line => line.split('|').map(cell => cell.trim()))
    .map(([, card = '', name = '', , , , ofLogin, ofIdentify]) => ({
      card: card.replaceAll('`', ''),
      name,
      login: answer(ofLogin),
      identify: answer(ofIdentify),
    }))
  assert.equal(read.length, 21)
  return read
}
