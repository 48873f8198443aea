import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { VerificationRequest } from '@sekisho/contract'
import type { CardCertificate } from '../authority-for-tests.ts'
import { statementOf } from '../fees/statement.ts'
import { linkCertificates } from '../people/link.ts'
import type { Provider } from '../providers/registry.ts'
import { countRows, engineKinds, startTestWorld, type TestWorld } from '../world-for-tests.ts'
import { verifyForProvider } from './verify.ts'

for (const kind of engineKinds)
  describe(`verifications at the same time, ${kind}`, () => {
    let world: TestWorld
    let provider: Provider
    before(async () => {
      world = await startTestWorld(kind)
      provider = await world.provider('verifier')
    })
    after(() => world.close())

    const requestOf = (by: CardCertificate, text: string): VerificationRequest => ({
      document: Buffer.from(text).toString('base64'),
      signature: Buffer.from(by.key.sign('rsa-sha256', Buffer.from(text))).toString('base64'),
      certificate: Buffer.from(by.certificate.raw).toString('base64'),
      purpose: 'signature',
    })
    const month = (): string => new Date(world.clock.now()).toISOString().slice(0, 7)
    const counts = async () => ({
      yen: (await statementOf(world, provider.id, month())).totalYen,
      entries: await countRows(world, 'ledger_entry'),
      containers: await countRows(world, 'container'),
    })
    const linked = async (by: CardCertificate): Promise<string> => {
      const report = await world.judge.demand({
        message: Uint8Array.of(1),
        signature: by.key.sign('rsa-sha256', Uint8Array.of(1)),
        certificate: by.certificate.raw,
        purpose: 'signature',
        revocation: 'crl',
      })
      const { personId } = await world.store.transaction(tx =>
        linkCertificates(
          tx,
          [
            {
              ...report.reference,
              kind: 'signature',
              proof: 'first-met',
              distributionPoint: report.distributionPoint,
              notAfter: report.notAfter,
            },
          ],
          { at: world.clock.now(), random: world.random },
        ),
      )
      return personId
    }

    it('each has its fee, its ledger entry and, of a known signer, its evidence; the same twice has one fee', async () => {
      const [known, stranger] = [
        world.authority.issue('signature'),
        world.authority.issue('signature'),
      ]
      const personId = await linked(known)
      const before = await counts()
      const requests = [
        ...Array.from({ length: 20 }, (_, at) => requestOf(known, `known ${at}`)),
        ...Array.from({ length: 70 }, (_, at) => requestOf(stranger, `stranger ${at}`)),
        requestOf(stranger, 'stranger 0'),
        { ...requestOf(stranger, 'another'), document: Buffer.from('bent').toString('base64') },
      ]
      const reports = await Promise.all(
        requests.map(request => verifyForProvider(world, provider, request)),
      )
      assert.equal(new Set(reports.map(({ id }) => id)).size, requests.length)
      assert.deepEqual(
        reports.map(({ verdict }) => verdict),
        requests.map((_, at) => (at === requests.length - 1 ? 'failed' : 'passed')),
      )
      const now = await counts()
      assert.equal(now.yen - before.yen, 20 * (requests.length - 1))
      assert.equal(now.entries - before.entries, requests.length)
      assert.equal(now.containers - before.containers, 20)
      // Every entry and every report belong together, and the entries of the person open under the person's key.
      const told = (await world.ledger.entriesOf(personId)).map(each => each.content?.entry.values)
      assert.deepEqual(
        told.map(each => String(each?.['report'])).toSorted(),
        reports
          .slice(0, 20)
          .map(({ id }) => id)
          .toSorted(),
      )
    })

    it('a signer whose key was erased fails alone, and is charged nothing', async () => {
      const [erased, stranger] = [
        world.authority.issue('signature'),
        world.authority.issue('signature'),
      ]
      const personId = await linked(erased)
      const at = world.clock.now()
      await world.store.transaction(async tx => {
        await world.personKeys.ensure(tx, personId, at)
        await world.personKeys.erase(tx, personId, at)
      })
      const before = await counts()
      const outcomes = await Promise.allSettled(
        [
          requestOf(stranger, 'before'),
          requestOf(erased, 'of the erased'),
          requestOf(stranger, 'after'),
        ].map(request => verifyForProvider(world, provider, request)),
      )
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        ['fulfilled', 'rejected', 'fulfilled'],
      )
      const now = await counts()
      assert.equal(now.yen - before.yen, 40)
      assert.equal(now.entries - before.entries, 2)
      assert.equal(now.containers, before.containers)
    })
  })
