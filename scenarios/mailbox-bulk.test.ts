/**
 * D20: a company posts a file of notices. People whom it knows by an id get theirs; of those whom it knows by name, address and birth date alone only
 * those who have said so with the card, and only where all three agree; all others come back as a list for the post. Lines that are wrong stop nobody.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startTestTown, type TestProvider, type TestTown } from '@sekisho/cli/testkit'
import { type MailBulkResult, SekishoError } from '@sekisho/sdk'
import { codeOn } from './hand-reader.ts'

describe('bulk post', () => {
  let town: TestTown
  let company: TestProvider
  let witness: TestProvider
  /** As the witness, to whom they have shown it, knows somebody; the company has never seen them. */
  let hanako = { name: '', address: '', birthdate: '' }
  let other = { name: '', address: '', birthdate: '' }
  let subject = ''
  before(async () => {
    town = await startTestTown()
    company = await town.provider({ id: 'company' })
    witness = await town.provider({ id: 'witness' })
    hanako = await identified('plain-adult')
    other = await identified('former-surname')
    const { url, pending } = await company.sekisho.beginLogin()
    await using person = await town.person('long-address')
    subject = (await company.sekisho.finish((await person.visit(url)).url, pending)).subject
  })
  after(() => town.stop())

  const identified = async (persona: string) => {
    const { url, pending } = await witness.sekisho.beginIdentify(['name', 'address', 'birthdate'])
    await using person = await town.person(persona)
    const page = await person.visit(url)
    const { claims } = await witness.sekisho.finish(page.url, pending)
    return {
      name: claims.name ?? '',
      address: claims.address?.formatted ?? '',
      birthdate: claims.birthdate ?? '',
    }
  }
  const open = async (persona: string, fields: Readonly<Record<string, string>>) => {
    await using person = await town.person(persona)
    await person.visit(`${town.urls.platform}/me/mail/open`)
    const page = await person.submit({ form: 'open', fields })
    assert.equal(codeOn(page), 'none')
    assert.match(page.body, /受け取るようにしました/)
  }
  const run = async (lines: readonly unknown[], key: string) => {
    const text = lines.map(one => `${typeof one === 'string' ? one : JSON.stringify(one)}\n`)
    const { id } = await company.sekisho.postBulkMail(new Blob(text), key)
    for (;;) {
      const state = await company.sekisho.readBulkMail(id)
      if (state.state === 'done') {
        const results: MailBulkResult[] = []
        for await (const one of await company.sekisho.readBulkMailResults(id)) results.push(one)
        return { state, results }
      }
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }
  const notice = (key: string, to: unknown, kind = 'notice') => ({
    key: `bulk-line-${key}`,
    to,
    kind,
    subject: 'お知らせ',
    body: '本文',
  })

  it('nobody is found who has not said so, whatever is known of them', async () => {
    const { results } = await run([notice('before', { person: hanako })], 'bulk-before')
    assert.deepEqual(
      results.map(one => [one.outcome, one.detail]),
      [['postal', null]],
    )
  })

  it('who has said so is found with certainty or not at all, by kind; the rest goes by post', async () => {
    await open('plain-adult', { kind: 'notice' })
    const cases = [
      ['exact', { person: hanako }, 'notice', 'posted'],
      // Written otherwise, and nothing else.
      [
        'width',
        { person: { ...hanako, name: hanako.name.replaceAll('　', ' ') } },
        'notice',
        'posted',
      ],
      ['kind', { person: hanako }, 'contract', 'postal'],
      ['name', { person: { ...hanako, name: '佐藤　華子' } }, 'notice', 'postal'],
      ['day', { person: { ...hanako, birthdate: '1985-04-02' } }, 'notice', 'postal'],
      ['unknown-day', { person: { ...hanako, birthdate: '1985-00-00' } }, 'notice', 'postal'],
      ['moved', { person: { ...hanako, address: other.address } }, 'notice', 'postal'],
      ['closed', { person: other }, 'notice', 'postal'],
      ['known', { subject }, 'notice', 'posted'],
      ['stranger', { subject: 'nobody-of-this-name' }, 'notice', 'refused'],
      ['office', { organisation: '7000012050002' }, 'notice', 'refused'],
    ] as const
    const lines: unknown[] = cases.map(([key, to, kind]) => notice(key, to, kind))
    const { state, results } = await run([...lines, '{"key":', '', lines[0]], 'bulk-cases')
    assert.deepEqual(
      results.slice(0, cases.length).map(one => [one.key, one.outcome]),
      cases.map(([key, , , outcome]) => [`bulk-line-${key}`, outcome]),
    )
    assert.deepEqual(
      results.slice(cases.length).map(one => [one.key, one.outcome, one.detail]),
      [
        [null, 'refused', 'request-malformed'],
        [null, 'refused', 'request-malformed'],
        // The first line once more is the same message.
        ['bulk-line-exact', 'posted', results[0]?.detail],
      ],
    )
    assert.equal(results[9]?.detail, 'person-unknown')
    assert.equal(results[10]?.detail, 'mailbox-unknown')
    assert.deepEqual([state.lines, state.posted, state.postal, state.refused], [14, 4, 6, 4])
    // All that the company learns of somebody who was found.
    const receipts = await company.sekisho.readMailReceipts(results[0]?.detail ?? '')
    assert.equal(receipts[0]?.receipt.evidence.recipient, 'person')
    const told = JSON.stringify(receipts)
    for (const part of [hanako.name, hanako.address]) assert.ok(!told.includes(part))
  })

  it('the same file under the same key is posted once; another file is refused', async () => {
    const lines = [notice('twice', { subject })]
    const first = await run(lines, 'bulk-twice')
    const again = await run(lines, 'bulk-twice')
    assert.deepEqual(again, first)
    await assert.rejects(
      run([notice('thrice', { subject })], 'bulk-twice'),
      (error: unknown) => error instanceof SekishoError && error.code === 'idempotency-conflict',
    )
    await assert.rejects(
      witness.sekisho.readBulkMail(first.state.id),
      (error: unknown) => error instanceof SekishoError && error.code === 'message-unknown',
    )
  })

  it('a withdrawal counts from the next line on', async () => {
    await using person = await town.person('plain-adult')
    await person.visit(`${town.urls.platform}/me/mail/open`)
    await person.submit({ form: 'close' })
    const { results } = await run([notice('after', { person: hanako })], 'bulk-after')
    assert.equal(results[0]?.outcome, 'postal')
  })

  it('some thousand lines are posted each once', async () => {
    const lines = Array.from({ length: 3000 }, (_, n) => notice(`many-${n}`, { subject }))
    const { state, results } = await run(lines, 'bulk-many')
    assert.deepEqual([state.posted, state.refused, state.postal], [3000, 0, 0])
    assert.equal(new Set(results.map(one => one.detail)).size, 3000)
  })
})
