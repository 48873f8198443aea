/** Being told by e-mail, over a real SMTP server that takes, delays and refuses. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { codeOf } from '@sekisho/platform/trial'
import { SMTPServer } from 'smtp-server'
import { confirmContact, contactOf, forgetContact, offerContact } from './contact.ts'
import { startTestMailbox, type TestMailbox } from './mailbox-for-tests.ts'
import { createMailer, type Mailer } from './mailer.ts'
import { sendNotices } from './notice.ts'
import { postMessage } from './post.ts'

describe('notices by e-mail', () => {
  let mailbox: TestMailbox
  let server: SMTPServer
  let mailer: Mailer
  const mails: { readonly to: readonly string[]; readonly text: string }[] = []
  /** What the server does with the next mails. */
  let mood: 'takes' | 'refuses' | 'takes-and-cuts' = 'takes'
  before(async () => {
    mailbox = await startTestMailbox()
    server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS', 'AUTH'],
      onData(stream, session, done) {
        const parts: Buffer[] = []
        stream.on('data', (part: Buffer) => parts.push(part))
        stream.on('end', () => {
          if (mood === 'refuses') return done(new Error('not now'))
          const text = Buffer.concat(parts).toString('utf8')
          mails.push({ to: session.envelope.rcptTo.map(one => one.address), text })
          // It has the mail, and its sender never hears of it.
          if (mood === 'takes-and-cuts') return done(new Error('cut off'))
          done()
        })
      },
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const bound = server.server.address()
    if (bound === null || typeof bound === 'string') throw new Error('no port')
    mailer = createMailer(
      { host: '127.0.0.1', port: bound.port, security: 'none', from: 'mailbox@platform.example' },
      'https://platform.example/me/mail',
    )
  })
  beforeEach(() => {
    mails.length = 0
    mood = 'takes'
  })
  after(async () => {
    mailer.close()
    await new Promise<void>(resolve => server.close(() => resolve()))
    await mailbox.close()
  })

  const given = () => ({ world: mailbox.world, store: mailbox.store, mailer })
  const plainOf = (text: string): string => {
    const [head = '', ...rest] = text.split('\r\n\r\n')
    const body = rest.join('\r\n\r\n')
    return /base64/i.test(head)
      ? Buffer.from(body, 'base64').toString('utf8')
      : Buffer.from(
          body
            .replaceAll('=\r\n', '')
            .replaceAll(/=([\dA-F]{2})/g, (_all, hex: string) =>
              String.fromCharCode(Number.parseInt(hex, 16)),
            ),
          'latin1',
        ).toString('utf8')
  }
  const codeIn = (): string => {
    const mail = mails.at(-1)
    return /(\d{6})/.exec(plainOf(mail?.text ?? ''))?.[1] ?? ''
  }
  const confirmed = async (address: string) => {
    const person = await mailbox.person()
    await offerContact(given(), person.personId, address)
    await confirmContact(given(), person.personId, codeIn())
    mails.length = 0
    return person
  }
  const due = () =>
    mailbox.store.transaction(tx => tx.updateTable('mailbox_notice').set({ try_at: 0 }).execute())

  it('an address counts when its code was entered: five tries, and none later', async () => {
    const { personId } = await mailbox.person()
    await offerContact(given(), personId, 'hanako@example.jp')
    assert.deepEqual(mails[0]?.to, ['hanako@example.jp'])
    const code = codeIn()
    const wrong = code === '000000' ? '000001' : '000000'
    assert.equal(await codeOf(offerContact(given(), personId, 'other@example.jp')), 'code-limit')
    for (let n = 0; n < 5; n++)
      assert.equal(await codeOf(confirmContact(given(), personId, wrong)), 'code-wrong')
    assert.equal(await codeOf(confirmContact(given(), personId, code)), 'code-wrong')
    const contact = await mailbox.store.read(db => contactOf(db, mailbox.world, personId))
    assert.deepEqual(contact, { address: 'hanako@example.jp', isConfirmed: false })
    await mailbox.post({ to: { kind: 'person', personId } })
    assert.equal(await sendNotices(given()), 0)
    for (const bad of ['', 'a', 'a@', '@b', 'a b@c', 'a@b\r\nBcc: c@d', 'a@b,c@d'])
      assert.equal(await codeOf(offerContact(given(), personId, bad)), 'request-malformed', bad)
  })

  it('says that a message waits, and nothing of it; several before it is sent are one', async () => {
    const to = await confirmed('hanako@example.jp')
    const secret = 'XYZZY秘密'
    await mailbox.post({ to, subject: secret, body: secret })
    await mailbox.post({ to, subject: secret, body: secret })
    assert.equal(await sendNotices(given()), 1)
    assert.equal(mails.length, 1)
    const text = `${mails[0]?.text}${plainOf(mails[0]?.text ?? '')}`
    assert.match(text, /https:\/\/platform\.example\/me\/mail/)
    for (const part of ['XYZZY', '試験', 'bank', 'お知らせ']) assert.ok(!text.includes(part), part)
    assert.equal(await sendNotices(given()), 0)
    await mailbox.post({ to })
    assert.equal(await sendNotices(given()), 1)
  })

  it('what the server does not take is sent later, under the same Message-ID where it may have come already', async () => {
    const to = await confirmed('hanako@example.jp')
    await mailbox.post({ to })
    mood = 'refuses'
    assert.equal(await sendNotices(given()), 0)
    mood = 'takes-and-cuts'
    await due()
    assert.equal(await sendNotices(given()), 0)
    mood = 'takes'
    await due()
    assert.equal(await sendNotices(given()), 1)
    const ids = mails.map(one => /^Message-ID: (.+)$/im.exec(one.text)?.[1])
    assert.equal(ids.length, 2)
    assert.equal(new Set(ids).size, 1)
    await due()
    assert.equal(await sendNotices(given()), 0)
  })

  it('nothing goes to a forgotten address, nor to somebody who was erased', async () => {
    const one = await confirmed('one@example.jp')
    const other = await confirmed('other@example.jp')
    await mailbox.post({ to: one })
    await mailbox.post({ to: other })
    await forgetContact(mailbox.store, one.personId)
    await mailbox.store.transaction(tx =>
      mailbox.world.personKeys.erase(tx, other.personId, mailbox.world.clock.now()),
    )
    assert.equal(await sendNotices(given()), 0)
    assert.deepEqual(mails, [])
  })

  it('a delivery that is rolled back tells nobody', async () => {
    const to = await confirmed('hanako@example.jp')
    await assert.rejects(
      mailbox.store.transaction(async tx => {
        await postMessage(tx, mailbox.world, {
          from: { kind: 'system', name: 'test' },
          to,
          kind: 'notice',
          subject: 's',
          body: 'b',
          documents: [],
          key: 'rolled-back-notice',
        })
        throw new Error('no')
      }),
      /no/,
    )
    assert.equal(await sendNotices(given()), 0)
  })
})
