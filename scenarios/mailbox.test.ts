/**
 * C11 through the real town: a bank writes to somebody it knows, an office has a box of its own, documents of any size pass, and what is proven
 * of a message is proven by receipts that anybody verifies.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startTestTown, type TestProvider, type TestTown } from '@sekisho/cli/testkit'
import { SekishoError } from '@sekisho/sdk'
import { codeOn } from './hand-reader.ts'

/** Corporate number of the National Tax Agency. */
const officeNumber = '7000012050002'

async function codeOf(run: Promise<unknown>): Promise<string> {
  try {
    await run
    return 'none'
  } catch (error) {
    if (error instanceof SekishoError) return error.code
    throw error
  }
}

describe('the mailbox over HTTP', () => {
  let town: TestTown
  let insurer: TestProvider
  let office: TestProvider
  let subject = ''
  before(async () => {
    town = await startTestTown()
    insurer = await town.provider({ id: 'insurer' })
    office = await town.provider({ id: 'office' })
    await town.admin('platform', 'mailbox-register', {
      organisation: officeNumber,
      name: '国税庁',
      provider: 'office',
    })
    subject = await login('plain-adult', insurer)
  })
  after(() => town.stop())

  const login = async (persona: string, provider: TestProvider): Promise<string> => {
    const { url, pending } = await provider.sekisho.beginLogin()
    await using person = await town.person(persona)
    const page = await person.visit(url)
    assert.equal(codeOn(page), 'none')
    return (await provider.sekisho.finish(page.url, pending)).subject
  }
  const bytesOf = async (id: string, offset = 0): Promise<Uint8Array> => {
    const parts: Uint8Array[] = []
    for await (const piece of await office.sekisho.readMailDocument(id, 0, offset))
      parts.push(piece)
    return Uint8Array.from(Buffer.concat(parts))
  }
  const letter = { kind: 'notice', subject: '現況届のお願い', body: '現況届の時期です。' } as const

  it('a notice to a person is there at once, with verified receipts; the same key is the same message', async () => {
    const { sekisho } = insurer
    const posted = await sekisho.postMail({ ...letter, to: { subject } }, 'genkyo-2030')
    assert.equal(posted.state, 'delivered')
    const again = await sekisho.postMail({ ...letter, to: { subject } }, 'genkyo-2030')
    assert.deepEqual(again, posted)
    const other = sekisho.postMail({ ...letter, body: '別', to: { subject } }, 'genkyo-2030')
    assert.equal(await codeOf(other), 'idempotency-conflict')
    const receipts = await sekisho.readMailReceipts(posted.id, letter)
    assert.deepEqual(
      receipts.map(({ receipt }) => [receipt.event, receipt.evidence.name]),
      [
        ['posting', 'SubmissionAcceptance'],
        ['delivery', 'ContentConsignment'],
      ],
    )
    assert.equal(
      await codeOf(sekisho.readMailReceipts(posted.id, { ...letter, body: '別' })),
      'signature-invalid',
    )
  })

  it('nobody is found by another provider’s id, and no message by another sender', async () => {
    const { id } = await insurer.sekisho.postMail({ ...letter, to: { subject } }, 'foreign-1')
    const foreign = office.sekisho.postMail({ ...letter, to: { subject } }, 'foreign-2')
    assert.equal(await codeOf(foreign), 'person-unknown')
    assert.equal(await codeOf(office.sekisho.readMailStanding(id)), 'message-unknown')
    assert.equal(await codeOf(office.sekisho.readMailReceipts(id)), 'message-unknown')
    assert.equal(await codeOf(office.sekisho.withdrawMail(id)), 'message-unknown')
    // What is in a person's box cannot be fetched by any provider, its sender included.
    assert.equal(await codeOf(insurer.sekisho.fetchMail(id)), 'message-unknown')
    const nobody = insurer.sekisho.postMail(
      { ...letter, to: { organisation: '1000012160153' } },
      'foreign-3',
    )
    assert.equal(await codeOf(nobody), 'mailbox-unknown')
    const mistyped = insurer.sekisho.postMail(
      { ...letter, to: { organisation: '7000012050003' } },
      'foreign-4',
    )
    assert.equal(await codeOf(mistyped), 'request-malformed')
    await insurer.contract('openid')
    assert.equal(await codeOf(insurer.sekisho.readMailStanding(id)), 'scope-exceeded')
    await insurer.contract('openid mail')
  })

  it('an organisation gets its mail by the number, in order, takes it over, and answers', async () => {
    const { sekisho } = insurer
    const to = { organisation: officeNumber }
    const text = new TextEncoder().encode('保険料控除証明書\n')
    const certificate = { name: '証明書.txt', mediaType: 'text/plain', content: text }
    const first = await sekisho.postMail(
      { to, kind: 'certificate', subject: '証明書', body: '', documents: [certificate] },
      'certificate-1',
    )
    const second = await sekisho.postMail({ ...letter, to }, 'certificate-2')
    const { messages, isComplete } = await office.sekisho.listMail()
    assert.ok(isComplete)
    assert.deepEqual(
      messages.map(one => one.id),
      [first.id, second.id],
    )
    const from = messages[0]?.from
    assert.deepEqual(from, { kind: 'provider', id: 'insurer', name: '試験 insurer' })
    assert.deepEqual((await office.sekisho.listMail(messages[0]?.number)).messages.length, 1)
    assert.deepEqual(await bytesOf(first.id), text)
    assert.equal((await sekisho.readMailStanding(first.id)).state, 'delivered')
    await office.sekisho.acknowledgeMail(first.id)
    await office.sekisho.acknowledgeMail(first.id)
    const receipts = await sekisho.readMailReceipts(first.id)
    assert.deepEqual(
      receipts.map(({ receipt }) => receipt.event),
      ['posting', 'delivery', 'reading'],
    )
    assert.equal(await codeOf(sekisho.withdrawMail(first.id)), 'message-finished')
    await sekisho.withdrawMail(second.id)
    assert.equal((await office.sekisho.listMail()).messages.length, 1)
    const answer = { to: { replyTo: first.id }, kind: 'answer', subject: '受領', body: '' } as const
    await office.sekisho.postMail(answer, 'answer-key-1')
    const back = await sekisho.listMail()
    assert.deepEqual(back.messages[0]?.from, {
      kind: 'organisation',
      id: officeNumber,
      name: '国税庁',
    })
    assert.equal(
      await codeOf(office.sekisho.postMail({ ...answer, to: { replyTo: second.id } }, 'answer-2')),
      'message-unknown',
    )
  })

  it('a document of some megabytes goes in pieces, and any part of it comes back', async () => {
    const bytes = new Uint8Array(5 * 1024 * 1024 + 17).map((_, at) => (at * 31) % 251)
    const content = new Blob([bytes])
    const documents = [{ name: '大きな書類.bin', mediaType: 'application/octet-stream', content }]
    const { id, state } = await insurer.sekisho.postMail(
      { ...letter, to: { organisation: officeNumber }, documents },
      'large-key-1',
    )
    assert.equal(state, 'delivered')
    assert.deepEqual(await bytesOf(id), bytes)
    assert.deepEqual(await bytesOf(id, 3_000_001), bytes.subarray(3_000_001))
    assert.deepEqual(await bytesOf(id, bytes.length), new Uint8Array())
    const { documents: told } = await office.sekisho.fetchMail(id)
    assert.equal(told[0]?.length, bytes.length)
  })
})
