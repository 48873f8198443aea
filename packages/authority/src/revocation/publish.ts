/**
 * Publication of revocation lists (A4): one full list per CA key generation and municipality, signed anew when it is due or
 * when something in it changed, the same as a delta from the daily round before, and a manifest of all. Lists name every certificate not valid now; one that has expired stays
 * on the first list after its end (RFC 5280 §3.3) and then leaves.
 */
import { createHash } from 'node:crypto'
import { Refusal } from '@sekisho/contract'
import type { CaKind, CrlManifest, CrlPartition } from '@sekisho/contract/authority'
import { municipalityOf } from '@sekisho/contract/japan'
import { type Name, parseCrl, toHex } from '@sekisho/pki'
import { type CrlContent, issueCrl, partitionName, type RevokedEntry } from '@sekisho/pki/issue'
import type { Clock, Instant } from '@sekisho/runtime/clock'
import type { Log } from '@sekisho/runtime/log'
import { lockInTransaction, sql, type Store, type Transaction } from '@sekisho/runtime/store'
import type { CaGeneration, Hierarchy } from '../ca/hierarchy.ts'
import type { AuthorityTables } from '../database.ts'
import { LintFault } from '../lint/lint.ts'
import { messages } from '../message.ts'
import { townMunicipalities } from '../registry/town-place.ts'
import { entriesSince, serialsGone } from './delta.ts'

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
  readonly rules: { readonly publication: PublicationRules }
  readonly clock: Clock
  readonly log: Log
}

/** A list by CA key and municipality. */
type Partition = { readonly issuerKeyId: string; readonly municipality: string }

/**
 * Lists of a partition that can be fetched: the newest, and those that a manifest read a moment ago may name. Besides, that of the newest
 * daily round is kept, from which deltas are made.
 */
const keptLists = 4

/**
 * Publishes every list that is due; returns how many. When nothing is, three small reads are all it costs. A list that would
 * break a rule is not published; its `LintFault` is thrown when the others are out. What a locked token keeps from being signed
 * stays due, and is told in the log.
 */
export async function publishDue(world: World): Promise<number> {
  const at = wholeSecond(world.clock.now())
  const { everyMs, onDemand } = world.rules.publication
  const newest = await readNewest(world)
  const changed = onDemand
    ? await world.store.read(db =>
        db
          .selectFrom('partition_change')
          .select(['issuer_key_id', 'municipality'])
          .distinct()
          .execute(),
      )
    : []
  const has = (rows: readonly Row[], { issuerKeyId, municipality }: Partition): Row | undefined =>
    rows.find(row => row.issuer_key_id === issuerKeyId && row.municipality === municipality)
  const used = await readPartitions(world)
  let published = 0
  let locked = 0
  let fault: LintFault | undefined
  for (const generation of world.hierarchy.inForce(at))
    for (const code of new Set([...townMunicipalities, ...(used.get(generation.keyId) ?? [])])) {
      const partition = { issuerKeyId: generation.keyId, municipality: code }
      const last = has(newest, partition)?.this_update
      const isDue = last === undefined || at >= last + everyMs
      if (!isDue && has(changed, partition) === undefined) continue
      try {
        await world.store.transaction(tx =>
          publishPartition(tx, world, { generation, municipality: code, isDue }),
        )
        published++
      } catch (error) {
        if (error instanceof LintFault) fault ??= error
        else if (error instanceof Refusal && error.code === 'token-locked') locked++
        else throw error
      }
    }
  if (locked > 0) world.log.write(messages['authority.keys-locked'], { lists: locked })
  if (fault !== undefined) throw fault
  return published
}

type Row = {
  readonly issuer_key_id: string
  readonly municipality: string
  readonly this_update?: Instant
}

/** Municipalities with certificates, by CA key. */
async function readPartitions(world: World): Promise<ReadonlyMap<string, readonly string[]>> {
  const rows = await world.store.read(db => db.selectFrom('partition').selectAll().execute())
  const found = new Map<string, string[]>()
  for (const row of rows) {
    const known = found.get(row.issuer_key_id)
    if (known === undefined) found.set(row.issuer_key_id, [row.municipality])
    else known.push(row.municipality)
  }
  return found
}

/** The lists in force. */
export async function readManifest(world: World): Promise<CrlManifest> {
  const at = world.clock.now()
  const inForce = new Set(world.hierarchy.inForce(at).map(generation => generation.keyId))
  const rows = (await readNewest(world)).filter(row => inForce.has(row.issuer_key_id))
  return {
    publishedAt: isoText(at),
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
      thisUpdate: isoText(row.this_update),
      nextUpdate: isoText(row.next_update),
      ...deltaOf(row),
    })),
  }
}

function deltaOf(row: Awaited<ReturnType<typeof readNewest>>[number]): Pick<CrlPartition, 'delta'> {
  const { delta_base: base, delta_sha256: sha256, delta_bytes: bytes } = row
  if (base === null || sha256 === null || bytes === null) return {}
  const path = `/crl/${row.issuer_key_id}/${row.municipality}/${row.number}-delta.crl`
  return { delta: { path, sha256, bytes, base } }
}

/** The DER of a list, if it is one of the last few of its partition. */
export async function readList(
  world: World,
  key: Partition & { readonly number: number; readonly form: 'full' | 'delta' },
): Promise<Uint8Array | undefined> {
  const row = await world.store.read(db =>
    db
      .selectFrom('publication')
      .select(key.form === 'full' ? 'der' : 'delta as der')
      .where('issuer_key_id', '=', key.issuerKeyId)
      .where('municipality', '=', key.municipality)
      .where('number', '=', key.number)
      .executeTakeFirst(),
  )
  return row?.der ?? undefined
}

function readNewest(world: World) {
  return world.store.read(db =>
    db
      .selectFrom('publication')
      .distinctOn(['issuer_key_id', 'municipality'])
      .select([
        'issuer_key_id',
        'municipality',
        'ca',
        'number',
        'this_update',
        'next_update',
        'sha256',
        'delta_base',
        'delta_sha256',
      ])
      .select(eb => [
        eb.fn<number>('length', ['der']).as('bytes'),
        eb.fn<number | null>('length', ['delta']).as('delta_bytes'),
      ])
      .orderBy('issuer_key_id')
      .orderBy('municipality')
      .orderBy('number', 'desc')
      .execute(),
  )
}

async function publishPartition(
  tx: Transaction<AuthorityTables>,
  world: World,
  given: {
    readonly generation: CaGeneration
    readonly municipality: string
    readonly isDue: boolean
  },
): Promise<void> {
  const { generation, municipality, isDue } = given
  const partition = { issuer_key_id: generation.keyId, municipality }
  await lockInTransaction(tx, `publish ${generation.keyId} ${municipality}`)
  await forgetChanges(tx, partition)
  const last = await tx
    .selectFrom('publication')
    .select(['number', 'this_update', 'round'])
    .where('issuer_key_id', '=', generation.keyId)
    .where('municipality', '=', municipality)
    .orderBy('number', 'desc')
    .executeTakeFirst()
  const number = (last?.number ?? 0) + 1
  const lists = await signLists(tx, world, { generation, municipality, number, last })
  const round = isDue || last === undefined ? number : last.round
  await tx
    .insertInto('publication')
    .values({
      ...partition,
      ca: generation.kind,
      number,
      round,
      ...lists,
    })
    .execute()
  await tx
    .deleteFrom('publication')
    .where('issuer_key_id', '=', generation.keyId)
    .where('municipality', '=', municipality)
    .where('number', '<=', number - keptLists)
    .where('number', '<>', round)
    .execute()
}

/** Both forms of the next list, as their row holds them. */
async function signLists(
  tx: Transaction<AuthorityTables>,
  world: World,
  given: {
    readonly generation: CaGeneration
    readonly municipality: string
    readonly number: number
    readonly last: LastList | undefined
  },
) {
  const { generation, municipality, number, last } = given
  const partition = { issuer_key_id: generation.keyId, municipality }
  const since = last?.this_update ?? wholeSecond(world.clock.now())
  const rows = await readEntries(tx, partition, since)
  // Told after the rows were read: no entry is from later than its list.
  const at = wholeSecond(world.clock.now())
  const { lifetimeMs } = world.rules.publication
  const point = pointOf(world.hierarchy, generation.kind, municipality)
  const content: Omit<CrlContent, 'deltaBase'> = {
    issuer: generation.certificate.subject,
    issuerKeyId: Buffer.from(generation.keyId, 'hex'),
    thisUpdate: at,
    nextUpdate: at + lifetimeMs,
    number,
    partition: point,
    entries: rows.filter(one => one.notAfter >= (last?.this_update ?? at)),
  }
  const sign = (list: CrlContent, ends: Ends): Uint8Array =>
    issueCrl(
      list,
      generation.algorithm,
      generation.listSigner({
        partition: point,
        at,
        lifetimeMs,
        deltaBase: list.deltaBase,
        last: last === undefined ? undefined : { number: last.number, thisUpdate: since },
        ends,
      }),
    )
  const ends = new Map(rows.map(one => [toHex(one.serial), one.notAfter]))
  const der = sign({ ...content, deltaBase: undefined }, ends)
  const changes =
    last === undefined
      ? undefined
      : await readChanges(tx, { ...partition, base: last.round, entries: content.entries, at })
  const delta =
    changes === undefined
      ? undefined
      : sign(
          { ...content, entries: changes.entries, deltaBase: changes.base },
          new Map([...ends, ...changes.ends]),
        )
  return {
    this_update: at,
    next_update: content.nextUpdate,
    der,
    sha256: sha256Hex(der),
    delta: delta ?? null,
    delta_base: changes?.base ?? null,
    delta_sha256: delta === undefined ? null : sha256Hex(delta),
  }
}

type LastList = { readonly number: number; readonly this_update: Instant; readonly round: number }
type PartitionRow = { readonly issuer_key_id: string; readonly municipality: string }
type Ends = ReadonlyMap<string, Instant>

// Before the certificates are read: a change that commits in between is on the list and published once more.
async function forgetChanges(
  tx: Transaction<AuthorityTables>,
  partition: PartitionRow,
): Promise<void> {
  await tx
    .deleteFrom('partition_change')
    .where('issuer_key_id', '=', partition.issuer_key_id)
    .where('municipality', '=', partition.municipality)
    .execute()
  await tx
    .deleteFrom('status_change')
    .where('recorded_at', '<', sql<string>`now() - interval '1 day'`)
    .execute()
}

/** What changed since a list; undefined: it is not kept. */
async function readChanges(
  tx: Transaction<AuthorityTables>,
  given: PartitionRow & {
    readonly base: number
    readonly entries: readonly RevokedEntry[]
    readonly at: Instant
  },
): Promise<
  | { readonly base: number; readonly entries: readonly RevokedEntry[]; readonly ends: Ends }
  | undefined
> {
  const row = await tx
    .selectFrom('publication')
    .select('der')
    .where('issuer_key_id', '=', given.issuer_key_id)
    .where('municipality', '=', given.municipality)
    .where('number', '=', given.base)
    .executeTakeFirst()
  if (row === undefined) return undefined
  const base = parseCrl(row.der)
  const gone = serialsGone(base, given.entries)
  const validAgain =
    gone.length === 0
      ? []
      : await tx
          .selectFrom('certificate')
          .select(['serial', 'not_after'])
          .where('issuer_key_id', '=', given.issuer_key_id)
          .where('serial', 'in', gone)
          .where('state', '=', 'valid')
          .where('not_after', '>=', given.at)
          .execute()
  const ends = new Map(validAgain.map(one => [one.serial, one.not_after]))
  const isValid = (serial: string): boolean => ends.has(serial)
  const entries = entriesSince(base, given.entries, { at: given.at, isValid })
  return { base: given.base, entries, ends }
}

/** What is not valid now, and had not expired when the list before this one was made. */
async function readEntries(
  tx: Transaction<AuthorityTables>,
  partition: PartitionRow,
  unexpiredAt: Instant,
) {
  const rows = await tx
    .selectFrom('certificate')
    .select(['serial', 'reason', 'revoked_at', 'not_after'])
    .where('issuer_key_id', '=', partition.issuer_key_id)
    .where('municipality', '=', partition.municipality)
    .where('state', '<>', 'valid')
    .where('not_after', '>=', unexpiredAt)
    .orderBy('serial')
    .execute()
  return rows.map(({ serial, reason, revoked_at: revokedAt, not_after: notAfter }) => {
    if (reason === null || revokedAt === null) throw new Error('revoked without reason or instant')
    return { serial: Buffer.from(serial, 'hex'), revokedAt, reason, notAfter }
  })
}

function pointOf(hierarchy: Hierarchy, kind: CaKind, code: string): Name {
  const municipality = municipalityOf(code)
  if (municipality === undefined) throw new Error(`no municipality ${code}`)
  return partitionName(hierarchy.profile, kind, municipality.prefectureRomaji, municipality.romaji)
}

/** Lists count seconds. */
function wholeSecond(at: Instant): Instant {
  return Math.floor(at / 1000) * 1000
}

function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function isoText(at: Instant): string {
  return new Date(at).toISOString()
}
