/**
 * Anchors that come after the start: the certificate of a new generation of the authority's CAs, which an operator has from the
 * authority by a way of its own and checked by its fingerprint. Kept in the database, so that every node and every start has it.
 */
import { Refusal } from '@sekisho/contract'
import { type Certificate, checkIssued, MalformedError, parseCertificate } from '@sekisho/pki'
import type { Clock } from '@sekisho/runtime/clock'
import type { Store, Transaction } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { sha256Hex } from './hash.ts'
import type { Trust } from './trust.ts'

/**
 * Trusts one more CA certificate. `record` writes what an auditor is to see, in the same transaction. Refusals
 * `certificate-malformed`; `certificate-untrusted` for one that is no self-signed CA under a name of the profile;
 * `configuration-unsafe` for a town's anchor in production.
 */
export async function addAnchor(
  world: { readonly store: Store<PlatformTables>; readonly trust: Trust; readonly clock: Clock },
  der: Uint8Array,
  record: (tx: Transaction<PlatformTables>, sha256: string) => Promise<void>,
): Promise<{ readonly sha256: string }> {
  const { store, trust, clock } = world
  const anchor = parsed(der)
  if (!isAuthority(anchor, trust)) throw new Refusal('certificate-untrusted')
  // What is refused is refused before anything is written.
  trust.add(anchor)
  const sha256 = sha256Hex(der)
  await store.transaction(async tx => {
    const inserted = await tx
      .insertInto('anchor')
      .values({ sha256, der, added_at: clock.now() })
      .onConflict(conflict => conflict.doNothing())
      .returning('sha256')
      .executeTakeFirst()
    if (inserted !== undefined) await record(tx, sha256)
  })
  return { sha256 }
}

/** Trusts what was added on any node before now. */
export async function loadAnchors(store: Store<PlatformTables>, trust: Trust): Promise<void> {
  const rows = await store.read(db => db.selectFrom('anchor').select('der').execute())
  for (const { der } of rows) trust.add(parsed(der))
}

function parsed(der: Uint8Array): Certificate {
  try {
    return parseCertificate(der)
  } catch (error) {
    if (error instanceof MalformedError) throw new Refusal('certificate-malformed')
    throw error
  }
}

function isAuthority(anchor: Certificate, { profile, keys }: Trust): boolean {
  try {
    return (
      profile.leaves.some(leaf => anchor.subject.matches(leaf.issuer)) &&
      anchor.issuer.matches(anchor.subject) &&
      anchor.basicConstraints?.isAuthority === true &&
      anchor.subjectKeyIdentifier !== undefined &&
      checkIssued(anchor, anchor, keys) === undefined
    )
  } catch (error) {
    if (error instanceof MalformedError) return false
    throw error
  }
}
