import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { encodeOcspRequest, ocspCertId, parseOcspResponse } from '@sekisho/pki'
import { poolKey } from '@sekisho/pki/issue'
import { type Engine, openEmbedded } from '@sekisho/runtime/store'
import { issue } from '../ca/issue.ts'
import { answerOcsp } from '../revocation/ocsp.ts'
import { townMunicipalities } from '../registry/town-place.ts'
import { publishDue, readManifest } from '../revocation/publish.ts'
import { findResident } from '../window/resident-file.ts'
import { type Held, noon, openTestWorld, type TestWorld } from '../world-for-tests.ts'
import { LintFault } from './lint.ts'

const today = noon(2026, 11, 20)
const endOfDay = Date.UTC(2030, 0, 1, 14, 59, 59)

/** A fault that names these rules and nothing else. */
function broke(...codes: readonly string[]): (error: unknown) => boolean {
  return error => {
    assert.ok(error instanceof LintFault)
    assert.deepEqual(error.codes, codes)
    assert.equal(error.message, `not signed: ${codes.join(' ')}`)
    return true
  }
}

describe('what breaks a rule', () => {
  let engine: Engine
  let town: TestWorld

  before(async () => {
    engine = await openEmbedded('memory')
    town = await openTestWorld(engine, { at: today })
    await publishDue(town.world)
  })
  after(async () => {
    await town.folder.remove()
    await engine.close()
  })

  const cardholder = async (): Promise<readonly [id: string, signature: Held]> => {
    const id = await town.register({ municipality: '13104' })
    await town.happen(id, { what: 'card' })
    const signature = (await town.certificates(id)).find(one => one.ca === 'signature')
    if (signature === undefined) throw new Error('no signature certificate')
    return [id, signature]
  }
  /** Records what no part of the authority would. */
  const revokeStrangely = async (id: string, change: { reason: 'aaCompromise' | 'superseded' }) => {
    await town.world.store.transaction(async tx => {
      const rows = await tx
        .updateTable('certificate')
        .set({ state: 'revoked', revoked_at: today, ...change })
        .where('resident_id', '=', id)
        .where('ca', '=', 'signature')
        .returning(['issuer_key_id', 'municipality'])
        .execute()
      await tx.insertInto('partition_change').values(rows).execute()
    })
  }

  it('is no certificate: the transaction ends with the fault and nothing is recorded', async () => {
    const [id] = await cardholder()
    await town.happen(id, { what: 'stop' })
    const resident = await findResident(town.world, id)
    const before = (await town.certificates(id)).length
    const attempt = (request: { notAfter: number; spki: Uint8Array }): Promise<unknown> =>
      town.world.store.transaction(async tx => {
        const card = await tx
          .selectFrom('card')
          .select('id')
          .where('resident_id', '=', id)
          .executeTakeFirstOrThrow()
        const common = { kind: 'authentication', resident, cardId: card.id } as const
        await issue(tx, town.world, { ...common, notBefore: today, ...request })
      })
    const { spki } = poolKey(20)
    await assert.rejects(
      attempt({ notAfter: endOfDay + 1000, spki }),
      broke('certificate-end-of-day'),
    )
    const ca = town.world.hierarchy.issuing('authentication', today).certificate
    await assert.rejects(
      attempt({ notAfter: endOfDay, spki: ca.spki }),
      broke('certificate-key-of-ca'),
    )
    assert.equal((await town.certificates(id)).length, before)
    await attempt({ notAfter: endOfDay, spki })
    assert.equal((await town.certificates(id)).length, before + 1)
  })

  it('is no list: the one before it stays, and every other partition is published', async () => {
    const [id, signature] = await cardholder()
    const numbers = async (): Promise<readonly number[]> => {
      const { partitions } = await readManifest(town.world)
      const isOwn = (one: (typeof partitions)[number]): boolean =>
        one.issuerKeyId === signature.reference.issuerKeyId && one.municipality === '13104'
      return [partitions.find(isOwn), ...partitions.filter(one => !isOwn(one))].map(
        one => one?.number ?? 0,
      )
    }
    await publishDue(town.world)
    const [own, ...others] = await numbers()
    await revokeStrangely(id, { reason: 'aaCompromise' })
    town.clock.turnTo(today + 24 * 3600 * 1000)
    await assert.rejects(publishDue(town.world), broke('crl-entry-reason'))
    const [stayed, ...grown] = await numbers()
    assert.equal(stayed, own)
    assert.equal(grown.length, 4 * townMunicipalities.length - 1)
    assert.ok(grown.every((number, at) => number > (others[at] ?? 0)))
    await revokeStrangely(id, { reason: 'superseded' })
    assert.equal(await publishDue(town.world), 1)
  })

  it('is no OCSP answer', async () => {
    const [id, signature] = await cardholder()
    await revokeStrangely(id, { reason: 'aaCompromise' })
    const { hierarchy } = town.world
    const issuer = hierarchy.issuing('signature', today).certificate
    const request = encodeOcspRequest(
      [ocspCertId(signature.certificate, issuer, 'sha256')],
      undefined,
    )
    await assert.rejects(answerOcsp(town.world, 'signature', request), broke('ocsp-reason'))
    await revokeStrangely(id, { reason: 'superseded' })
    const answer = parseOcspResponse(await answerOcsp(town.world, 'signature', request))
    assert.equal(answer.kind === 'basic' ? answer.answers[0]?.reason : answer.kind, 'superseded')
  })

  it('is no responder’s certificate, on the first and the last day of a CA either', () => {
    for (const { certificate, kind } of town.world.hierarchy.inForce(today))
      for (const at of [certificate.notBefore, certificate.notAfter - 20 * 60 * 1000]) {
        const found = town.world.hierarchy
          .inForce(at)
          .find(one => one.kind === kind && one.certificate === certificate)
        const responder = found?.responderAt(at).certificate
        assert.ok(responder !== undefined && responder.notBefore >= certificate.notBefore)
        assert.ok(responder.notAfter <= certificate.notAfter)
      }
  })
})
