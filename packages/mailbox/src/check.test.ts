/** What becomes of documents before they are delivered: ClamAV's daemon and the platform's judge of signatures, both real. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { prepareCades } from '@sekisho/pki/assemble'
import { codeOf } from '@sekisho/platform/trial'
import { systemRandom } from '@sekisho/runtime/random'
import { temporaryFolder, type TemporaryFolder } from '@sekisho/runtime/files'
import { findBox, type Owner } from './box.ts'
import { carryDue } from './carrier.ts'
import { createCheck } from './check.ts'
import { eicar, startTestClamd, type TestClamd } from './clamd-for-tests.ts'
import { collect, createDocuments } from './document.ts'
import { bank, office, startTestMailbox, type TestMailbox } from './mailbox-for-tests.ts'
import { clamScanner } from './scanner.ts'
import { standingOf } from './sender.ts'
import { openMessage } from './shelf.ts'
import { createVault, type Vault } from './vault.ts'
import { withoutSignature } from './withheld.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

describe('documents before delivery', () => {
  let mailbox: TestMailbox
  let clamd: TestClamd
  let folder: TemporaryFolder
  let vault: Vault
  before(async () => {
    mailbox = await startTestMailbox()
    clamd = await startTestClamd()
    folder = await temporaryFolder('vault')
    vault = createVault({ folder: folder.path, random: systemRandom() })
  })
  after(async () => {
    await clamd.stop()
    await mailbox.close()
    await folder.remove()
  })

  const carry = async (tooLarge: 'reject' | 'deliver' = 'reject'): Promise<void> => {
    const { world, store } = mailbox
    await store.transaction(tx =>
      tx.updateTable('mailbox_message').set({ try_at: 0 }).where('state', '=', 'posted').execute(),
    )
    const scanning = { scan: clamScanner(clamd.tcp), bytesMax: 1024 * 1024, tooLarge }
    await carryDue(world, store, createCheck({ world, store, vault, scanning }))
  }
  const standing = async (id: string) => {
    const box = await mailbox.store.read(db => findBox(db, bank))
    const { state, why } = await standingOf(mailbox.store, box, id)
    return why === null ? state : `${state} ${why}`
  }
  const open = async (owner: Owner, id: string) => {
    const { world, store } = mailbox
    const box = await store.read(db => findBox(db, owner))
    if (box === undefined) throw new Error('no box')
    const message = await openMessage(world, store, { boxes: [box], id, asReader: false })
    const documents = createDocuments({ world, store, vault, uploads: world.uploads })
    return { message, read: () => documents.read({ box, message, position: 0 }).then(collect) }
  }
  const file = (name: string, bytes: Uint8Array, mediaType = 'application/octet-stream') => [
    { name, mediaType, bytes },
  ]
  const signed = (content: string): Uint8Array => {
    const card = mailbox.world.authority.issue('signature')
    const prepared = prepareCades({
      content: { kind: 'attached', bytes: text(content) },
      certificate: card.certificate,
      certificates: [],
      algorithm: 'rsa-sha256',
      signingTime: mailbox.world.clock.now(),
    })
    return prepared.finish(card.key.sign('rsa-sha256', prepared.toBeSigned))
  }

  it('malware is rejected, also in the vault and also beside something harmless', async () => {
    const to = await mailbox.person()
    const harmless = file('a.bin', text('a'))
    const infected = await mailbox.post({
      to,
      documents: [...harmless, ...file('b.bin', text(eicar))],
    })
    async function* bytes() {
      yield text(eicar)
    }
    const stored = await vault.put(bytes())
    const inVault = await mailbox.post({
      to,
      documents: [{ name: 'c.bin', mediaType: 'application/octet-stream', ...stored }],
    })
    const clean = await mailbox.post({ to, documents: harmless })
    await carry()
    assert.equal(await standing(infected.id), 'rejected malware')
    assert.equal(await standing(inVault.id), 'rejected malware')
    assert.equal(await standing(clean.id), 'delivered')
    assert.equal(await codeOf(open(to, infected.id)), 'message-unknown')
  })

  it('while the scanner is away messages wait, and none is lost', async () => {
    const to = await mailbox.person()
    const infected = await mailbox.post({ to, documents: file('a.bin', text(eicar)) })
    const clean = await mailbox.post({ to, documents: file('a.bin', text('a')) })
    await clamd.halt()
    await carry()
    assert.deepEqual([await standing(infected.id), await standing(clean.id)], ['posted', 'posted'])
    await clamd.start()
    await carry()
    assert.deepEqual(
      [await standing(infected.id), await standing(clean.id)],
      ['rejected malware', 'delivered'],
    )
  })

  it('what is larger than the scanner takes is dealt with as the operator has said', async () => {
    const to = await mailbox.person()
    const documents = file('a.bin', Buffer.alloc(1024 * 1024 + 1, 'a'))
    const [one, other] = [
      await mailbox.post({ to, documents }),
      await mailbox.post({ to, documents }),
    ]
    await mailbox.store.transaction(tx =>
      tx.updateTable('mailbox_message').set({ try_at: null }).where('id', '=', other.id).execute(),
    )
    const { world, store } = mailbox
    const scan = clamScanner(clamd.tcp)
    const check = (tooLarge: 'reject' | 'deliver') =>
      createCheck({ world, store, vault, scanning: { scan, bytesMax: 1024 * 1024, tooLarge } })
    await carryDue(world, store, check('reject'))
    assert.equal(await standing(one.id), 'rejected too-large-to-scan')
    await store.transaction(tx =>
      tx.updateTable('mailbox_message').set({ try_at: 0 }).where('id', '=', other.id).execute(),
    )
    await carryDue(world, store, check('deliver'))
    assert.equal(await standing(other.id), 'delivered')
  })

  it('a citizen’s signature is judged, and the container goes to registered verifiers alone', async () => {
    const container = signed('申込書')
    const documents = file('申込書.p7m', container, 'application/pkcs7-mime')
    const posted = await mailbox.post({ to: office, kind: 'application', documents })
    await carry()
    const withheld = await open(office, posted.id)
    const [seen] = withheld.message.documents
    assert.equal(seen?.verification?.verdict, 'passed')
    assert.deepEqual([seen?.isWithheld, seen?.verification?.signatures[0]?.isCitizen], [true, true])
    assert.deepEqual(await withheld.read(), text('申込書'))
    assert.ok(!JSON.stringify(withheld.message.documents).includes('試験'))
    await mailbox.world.provider('office', { sekisho_signature_verifier: true })
    const second = await mailbox.post({ to: office, kind: 'application', documents })
    await carry()
    const given = await open(office, second.id)
    assert.equal(given.message.documents[0]?.isWithheld, false)
    assert.deepEqual(await given.read(), container)
    // What was withheld once stays so: the rule is that of the day on which it came.
    assert.deepEqual(await (await open(office, posted.id)).read(), text('申込書'))
    await mailbox.world.provider('office')
  })

  it('an altered document is delivered with the verdict that it is altered; rubbish with none', async () => {
    const container = signed('金額 100')
    const at = Buffer.from(container).indexOf('100')
    container[at] = '9'.charCodeAt(0)
    const to = await mailbox.person()
    const altered = await mailbox.post({
      to,
      documents: file('a.p7m', container, 'application/pkcs7-mime'),
    })
    const rubbish = await mailbox.post({
      to,
      documents: file('b.p7m', Uint8Array.of(0x30, 0x80, 1, 2), 'application/pkcs7-mime'),
    })
    const plain = await mailbox.post({
      to,
      documents: file('c.pdf', text('%PDF-1.7\n'), 'application/pdf'),
    })
    await carry()
    const verdict = async (id: string) =>
      (await open(to, id)).message.documents[0]?.verification?.verdict
    assert.equal(await verdict(altered.id), 'failed')
    assert.equal(await verdict(rubbish.id), undefined)
    assert.equal(await verdict(plain.id), undefined)
  })

  it('of a PDF without its signature the revision before it is given, else nothing', () => {
    const before = '%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n'
    const after = `${before}5 0 obj\n<</ByteRange[0 1 2 3]>>\nendobj\n%%EOF\n`
    assert.deepEqual(withoutSignature('application/pdf', text(after)), text(before))
    for (const [type, bytes] of [
      ['application/pdf', '%PDF-1.7\n<</ByteRange[0 1 2 3]>>%%EOF'],
      ['application/pdf', '%PDF-1.7\n%%EOF'],
      ['application/xml', '<a/>'],
      ['application/pkcs7-mime', '0'],
    ] as const)
      assert.throws(() => withoutSignature(type, text(bytes)), { code: 'scope-exceeded' })
  })
})
