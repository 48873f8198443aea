/**
 * Publication of revocation lists (A4): one full list per CA key generation and municipality, signed anew when it is due or
 * when something in it changed, and a manifest of all. Lists name every certificate not valid now that has not expired.
 */
import { createHash } from 'node:crypto'
import { municipalities } from '@sekisho/contract/japan'
import type { CrlManifest } from '@sekisho/contract/authority'
import { issueCrl, partitionName } from '@sekisho/pki/issue'
import type { Clock, Instant } from '@sekisho/runtime/clock'
import type { Store } from '@sekisho/runtime/store'
import type { CaGeneration, Hierarchy } from '../ca/hierarchy.ts'
import type { AuthorityTables } from '../database.ts'

/** How often lists come and how long they speak; data, because regimes differ (jpki.md §2.5: daily). */
export type PublicationRules = {
  /** Milliseconds of domain time from one list to the next of a partition. */
  readonly everyMs: number
  /** Milliseconds of domain time for which a list speaks. */
  readonly lifetimeMs: number
  /** Whether a change is published at once, besides the daily round. */
  readonly onDemand: boolean
}

/** Daily, valid for 26 hours, and on demand. */
export const dailyPublication: PublicationRules = {
  everyMs: 24 * 3600 * 1000,
  lifetimeMs: 26 * 3600 * 1000,
  onDemand: true,
}

type World = {
  readonly store: Store<AuthorityTables>
  readonly hierarchy: Hierarchy
  readonly clock: Clock
}

/** Publishes every list that is due; returns how many. */
export async function publishDue(world: World, rules: PublicationRules): Promise<number> {
  const at = world.clock.now()
  let published = 0
  for (const generation of world.hierarchy.generations)
    for (const { code } of municipalities)
      if (await publishPartition(world, rules, generation, code, at)) published++
  return published
}

/** The lists published now. */
export async function readManifest(world: World): Promise<CrlManifest> {
  const rows = await world.store.read(db =>
    db
      .selectFrom('publication')
      .select([
        'issuer_key_id',
        'municipality',
        'ca',
        'number',
        'this_update',
        'next_update',
        'sha256',
      ])
      .select(eb => eb.fn<number>('length', ['der']).as('bytes'))
      .orderBy('issuer_key_id')
      .orderBy('municipality')
      .execute(),
  )
  const iso = (at: Instant): string => new Date(at).toISOString()
  return {
    publishedAt: iso(world.clock.now()),
    partitions: rows.map(row => ({
      ca: row.ca,
      issuerKeyId: row.issuer_key_id,
      municipality: row.municipality,
      distributionPoint: Buffer.from(
        pointOf(world.hierarchy, row.ca, row.municipality).raw,
      ).toString('base64'),
      path: `/crl/${row.issuer_key_id}/${row.municipality}/${row.number}.crl`,
      sha256: row.sha256,
      bytes: row.bytes,
      number: row.number,
      thisUpdate: iso(row.this_update),
      nextUpdate: iso(row.next_update),
    })),
  }
}

/** The DER of the newest list of a partition, if its number is the one asked for. */
export async function readList(
  world: World,
  key: { readonly issuerKeyId: string; readonly municipality: string; readonly number: number },
): Promise<Uint8Array | undefined> {
  const row = await world.store.read(db =>
    db
      .selectFrom('publication')
      .select('der')
      .where('issuer_key_id', '=', key.issuerKeyId)
      .where('municipality', '=', key.municipality)
      .where('number', '=', key.number)
      .executeTakeFirst(),
  )
  return row?.der
}

async function publishPartition(
  world: World,
  rules: PublicationRules,
  generation: CaGeneration,
  municipality: string,
  at: Instant,
): Promise<boolean> {
  return world.store.transaction(async tx => {
    const known = await tx
      .selectFrom('publication')
      .select(['number', 'this_update', 'content'])
      .where('issuer_key_id', '=', generation.keyId)
      .where('municipality', '=', municipality)
      .executeTakeFirst()
    const rows = await tx
      .selectFrom('certificate')
      .select(['serial', 'reason', 'revoked_at'])
      .where('issuer_key_id', '=', generation.keyId)
      .where('municipality', '=', municipality)
      .where('state', '<>', 'valid')
      .where('not_after', '>=', at)
      .orderBy('serial')
      .execute()
    const content = createHash('sha256').update(JSON.stringify(rows)).digest('hex')
    const isDue = known === undefined || at >= known.this_update + rules.everyMs
    const hasChanged = known !== undefined && known.content !== content
    if (!isDue && !(rules.onDemand && hasChanged)) return false
    const number = (known?.number ?? 0) + 1
    const der = issueCrl(
      {
        issuer: generation.certificate.subject,
        issuerKeyId: generation.certificate.subjectKeyIdentifier ?? new Uint8Array(),
        thisUpdate: at,
        nextUpdate: at + rules.lifetimeMs,
        number,
        partition: pointOf(world.hierarchy, generation.kind, municipality),
        deltaBase: undefined,
        entries: rows.map(row => ({
          serial: Buffer.from(row.serial, 'hex'),
          revokedAt: row.revoked_at ?? at,
          reason: row.reason ?? 'unspecified',
        })),
      },
      generation.algorithm,
      generation.sign,
    )
    const row = {
      ca: generation.kind,
      number,
      this_update: at,
      next_update: at + rules.lifetimeMs,
      der,
      sha256: createHash('sha256').update(der).digest('hex'),
      content,
    }
    await tx
      .insertInto('publication')
      .values({ issuer_key_id: generation.keyId, municipality, ...row })
      .onConflict(conflict => conflict.columns(['issuer_key_id', 'municipality']).doUpdateSet(row))
      .execute()
    return true
  })
}

function pointOf(hierarchy: Hierarchy, kind: 'signature' | 'authentication', code: string) {
  const municipality = municipalities.find(one => one.code === code)
  if (municipality === undefined) throw new Error(`no municipality ${code}`)
  return partitionName(hierarchy.profile, kind, municipality.prefectureRomaji, municipality.romaji)
}
