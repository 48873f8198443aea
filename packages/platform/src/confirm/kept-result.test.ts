import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { verifyCheckpoint, verifyEntry, parseLogKey } from '@sekisho/ledger/verify'
import type { DeletionProof } from '@sekisho/contract'
import type { CardCertificate } from '../authority-for-tests.ts'
import type { Provider } from '../providers/registry.ts'
import { statementOf } from '../fees/statement.ts'
import { codeOf, countRows, startTestWorld, type TestWorld } from '../world-for-tests.ts'
import { checkCertificate } from './certificate-alias.ts'
import { deleteResult, deletionOf, listResults, readResult, sweepResults } from './kept-result.ts'
import { verifyForProvider } from './verify.ts'

const dayMs = 24 * 3600 * 1000

describe('results kept for providers', () => {
  let world: TestWorld
  let alpha: Provider
  let beta: Provider
  before(async () => {
    world = await startTestWorld()
    alpha = await world.provider('alpha')
    beta = await world.provider('beta')
  })
  after(() => world.close())

  const verify = (by: CardCertificate, text: string, keepDays?: number, to = alpha) =>
    verifyForProvider(world, to, {
      document: Buffer.from(text).toString('base64'),
      signature: Buffer.from(by.key.sign('rsa-sha256', Buffer.from(text))).toString('base64'),
      certificate: Buffer.from(by.certificate.raw).toString('base64'),
      purpose: 'signature',
      ...(keepDays === undefined ? {} : { keepDays }),
    })
  const fees = async () =>
    (await statementOf(world, alpha.id, new Date(world.clock.now()).toISOString().slice(0, 7)))
      .totalYen
  /** The proof as an outsider checks it, with nothing but the log's public key. */
  const assertProven = (proof: DeletionProof): Record<string, unknown> => {
    const { inclusion } = proof
    assert.ok(inclusion)
    const key = parseLogKey(world.ledger.verifierKey)
    assert.ok(key)
    const checkpoint = verifyCheckpoint(inclusion.checkpoint, key)
    assert.equal(checkpoint.kind, 'passed')
    if (checkpoint.kind !== 'passed') throw new Error('unreachable')
    const disclosed = {
      salt: Buffer.from(proof.salt, 'base64'),
      entry: Buffer.from(proof.entry, 'base64'),
    }
    const path = inclusion.path.map(hash => Buffer.from(hash, 'base64'))
    const { index, size } = inclusion
    assert.equal(verifyEntry(disclosed, { index, size, path }, checkpoint.value).kind, 'passed')
    return JSON.parse(disclosed.entry.toString())
  }

  it('nothing is kept that was not asked for; what is kept comes back as it was given', async () => {
    const signer = world.authority.issue('signature')
    const plain = await verify(signer, 'not kept')
    assert.equal(plain.certificateId, undefined)
    assert.equal(await codeOf(readResult(world, alpha, plain.id)), 'result-unknown')
    const { certificateId, ...report } = await verify(signer, 'kept', 30)
    const kept = await readResult(world, alpha, report.id)
    assert.deepEqual(kept, {
      ...report,
      certificateId,
      method: 'crl',
      purpose: 'signature',
      documentSha256: createHash('sha256').update('kept').digest('hex'),
      keptUntil: new Date(world.clock.now() + 30 * dayMs).toISOString(),
    })
    // Neither serial nor certificate in what is stored.
    const rows = await world.store.read(db => db.selectFrom('kept_result').selectAll().execute())
    assert.equal(JSON.stringify(rows).includes(signer.reference.serial), false)
    assert.equal(await codeOf(readResult(world, beta, report.id)), 'result-unknown')
  })

  it('one certificate has one id at a provider and another at every other', async () => {
    const signer = world.authority.issue('signature')
    const ids = await Promise.all([1, 2, 3].map(each => verify(signer, `text ${each}`, 1)))
    assert.equal(new Set(ids.map(one => one.certificateId)).size, 1)
    const elsewhere = await verify(signer, 'text 1', 1, beta)
    assert.ok(elsewhere.certificateId)
    assert.notEqual(elsewhere.certificateId, ids[0]?.certificateId)
    const foreign = { certificateId: elsewhere.certificateId }
    assert.equal(await codeOf(checkCertificate(world, alpha, foreign)), 'certificate-id-unknown')
  })

  it('keeping makes no second check of the same day; a failed verification has no certificate id', async () => {
    const signer = world.authority.issue('signature')
    const before = await fees()
    await verify(signer, 'the same')
    const once = await fees()
    assert.ok(once > before)
    await verify(signer, 'the same', 5)
    assert.equal(await fees(), once)
    const forged = world.authority.issue('signature', { isForged: true })
    const failed = await verify(forged, 'x', 5)
    assert.notEqual(failed.verdict, 'passed')
    assert.equal(failed.certificateId, undefined)
    assert.equal((await readResult(world, alpha, failed.id)).verdict, failed.verdict)
  })

  it('a check by id follows the lists, is charged once a day, and says no reason', async () => {
    const signer = world.authority.issue('signature')
    const { certificateId = '' } = await verify(signer, 'check me', 5)
    const before = await fees()
    assert.equal((await checkCertificate(world, alpha, { certificateId })).state, 'valid')
    await checkCertificate(world, alpha, { certificateId })
    assert.equal((await fees()) - before, 20)
    for (const reason of ['affiliationChanged', 'certificateHold'] as const) {
      world.authority.end(signer, reason)
      world.clock.turnTo(world.clock.now() + 60_000)
      world.authority.publish()
      await world.keeper.refresh()
      const answer = await checkCertificate(world, alpha, { certificateId })
      assert.deepEqual(Object.keys(answer).toSorted(), ['certificateId', 'checkedAt', 'state'])
      assert.equal(answer.state, 'not-valid')
    }
    const current = checkCertificate(world, alpha, { certificateId, purpose: 'current-status' })
    assert.equal(await codeOf(current), 'scope-exceeded')
  })

  it('what is deleted is gone and proven by the ledger, by wish and by time', async () => {
    const signer = world.authority.issue('signature')
    const asked = await verify(signer, 'asked', 30)
    const kept = await readResult(world, alpha, asked.id)
    assert.equal(await codeOf(deletionOf(world, alpha, asked.id)), 'result-unknown')
    assert.equal(await codeOf(deleteResult(world, beta, asked.id)), 'result-unknown')
    const first = await deleteResult(world, alpha, asked.id)
    assert.equal(first.inclusion, null)
    assert.equal(await codeOf(readResult(world, alpha, asked.id)), 'result-unknown')
    assert.equal(await codeOf(deleteResult(world, alpha, asked.id)), 'result-unknown')
    await world.ledger.sequence()
    const told = assertProven(await deletionOf(world, alpha, asked.id))
    assert.deepEqual(told['values'], {
      result: asked.id,
      resultSha256: createHash('sha256').update(JSON.stringify(kept)).digest('hex'),
      why: 'asked',
    })
    assert.equal(await codeOf(deletionOf(world, beta, asked.id)), 'result-unknown')

    const short = await verify(signer, 'short', 1)
    const long = await verify(signer, 'long', 3)
    world.clock.turnTo(world.clock.now() + dayMs - 1)
    await readResult(world, alpha, short.id)
    world.clock.turnTo(world.clock.now() + 1)
    // Gone for the provider at once, whenever the round comes by.
    assert.equal(await codeOf(readResult(world, alpha, short.id)), 'result-unknown')
    const [one, two] = await Promise.all([sweepResults(world), sweepResults(world)])
    assert.ok(one + two >= 1)
    assert.equal(await sweepResults(world), 0)
    await readResult(world, alpha, long.id)
    await world.ledger.sequence()
    const gone = await deletionOf(world, alpha, short.id)
    assert.equal(gone.why, 'retention')
    assertProven(gone)
    // One entry each, also of two rounds at once.
    const deleted = await countRows(world, 'deleted_result')
    const entries = await world.store.read(db =>
      db.selectFrom('ledger_entry').select('content').where('person_id', 'is', null).execute(),
    )
    const telling = entries.filter(({ content }) =>
      Buffer.from(content).includes('platform.result-deleted'),
    )
    assert.equal(telling.length, deleted)
  })

  it('the list has pages, in an order that tells nothing', async () => {
    const gamma = await world.provider('gamma')
    const signer = world.authority.issue('signature')
    const ids: string[] = []
    for (let each = 0; each < 103; each++)
      ids.push((await verify(signer, `list ${each}`, 9, gamma)).id)
    const page = await listResults(world, gamma, '')
    assert.equal(page.results.length, 100)
    assert.equal(page.isComplete, false)
    const rest = await listResults(world, gamma, page.results.at(-1)?.id ?? '')
    assert.equal(rest.isComplete, true)
    assert.deepEqual(
      [...page.results, ...rest.results].map(each => each.id).toSorted(),
      ids.toSorted(),
    )
    assert.notDeepEqual(
      page.results.map(each => each.id),
      ids.slice(0, 100),
    )
  })
})
