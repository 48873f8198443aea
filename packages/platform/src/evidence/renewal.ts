/** Long-term keeping: the next step for each container that is due, in the background, one at a time. */
import { type Certificate, partitionOf } from '@sekisho/pki'
import type { Clock } from '@sekisho/runtime/clock'
import type { PersonKeys } from '@sekisho/runtime/keys'
import type { Store } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { openContainer, sealContainer } from './container.ts'
import { judgeKept } from './kept-file.ts'
import { type LastingWorld, renewedFile } from './lasting.ts'
import { fullListSince } from './revocation-list.ts'
import type { StampTrust } from './time-stamp.ts'
import { issuerKeyId, type Trust } from './trust.ts'

/** What the keeping stands on. */
export type RenewalWorld = {
  readonly store: Store<PlatformTables>
  readonly personKeys: PersonKeys
  readonly trust: Trust
  readonly stamps: StampTrust
  readonly clock: Clock
}

/** Containers looked at in one round, so that a round ends. */
const roundMax = 100

/** Takes the next step for what is due, up to a number of containers; how many were looked at. */
export async function renewDue(world: RenewalWorld): Promise<number> {
  const due = await world.store.read(db =>
    db
      .selectFrom('container')
      .selectAll()
      .where('due_at', '<=', world.clock.now())
      .orderBy('due_at')
      .limit(roundMax)
      .execute(),
  )
  for (const row of due) await renew(world, row)
  return due.length
}

async function renew(world: RenewalWorld, row: PlatformTables['container']): Promise<void> {
  const found = await world.store.read(db => world.personKeys.find(db, row.person_id))
  const content = found.kind === 'present' ? openContainer(found.key, row) : undefined
  if (found.kind !== 'present' || content === undefined || !('file' in content)) {
    await settle(world, row, { due_at: null })
    return
  }
  if (row.format === 'raw') throw new Error('a bare signature is never due')
  const before = new Uint8Array(Buffer.from(content.file, 'base64'))
  const { file, lasting } = await renewedFile(lastingWorld(world), row.format, before, {
    level: row.level,
    stampedUntil: row.stamped_until,
  })
  const kept = { ...content, file: Buffer.from(file ?? before).toString('base64') }
  await settle(world, row, {
    sealed: sealContainer(found.key, row.id, kept),
    level: lasting.level,
    due_at: lasting.dueAt,
    stamped_until: lasting.stampedUntil,
  })
}

// Another node may have been faster: what it wrote stays.
async function settle(
  { store }: RenewalWorld,
  row: PlatformTables['container'],
  change: Partial<PlatformTables['container']>,
): Promise<void> {
  await store.transaction(tx =>
    tx
      .updateTable('container')
      .set(change)
      .where('id', '=', row.id)
      .where('due_at', '=', row.due_at)
      .where('level', 'is not distinct from', row.level)
      .execute(),
  )
}

function lastingWorld(world: RenewalWorld): LastingWorld {
  const { stamps, trust, clock } = world
  const at = clock.now()
  return {
    stamps,
    at,
    anchors: trust.anchors,
    judge: async (format, file) => {
      const [signature] = (await judgeKept(world, format, file)).signatures
      if (signature === undefined) throw new Error('a kept file without signature')
      return signature
    },
    listSince: async (certificate, since) => {
      const point = partitionOf(certificate)
      const issuer = trust.anchors.find(
        each => each.subject.matches(certificate.issuer) && signedBy(certificate, each),
      )
      if (point === undefined || issuer === undefined) return undefined
      const key = { issuerKeyId: issuerKeyId(issuer), distributionPoint: point.raw }
      return fullListSince(world, key, since)
    },
  }
}

// JPKI names the issuing generation in every certificate.
function signedBy(certificate: Certificate, issuer: Certificate): boolean {
  const wanted = certificate.authorityKeyIdentifier?.keyId
  const own = issuer.subjectKeyIdentifier
  return wanted !== undefined && own !== undefined && Buffer.from(wanted).equals(Buffer.from(own))
}
