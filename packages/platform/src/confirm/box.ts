/** Evidence boxes for those who are entitled: the person whose signature it is, and registered verifiers of signatures. */
import { Refusal } from '@sekisho/contract'
import type { Reader } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { entries } from '../entry.ts'
import { type BoxContent, evidenceBox } from '../evidence/box.ts'
import { openContainer } from '../evidence/container.ts'
import { judgeKept } from '../evidence/kept-file.ts'
import { selvesOf } from '../people/link.ts'
import { findProvider, ownProviderId, type Provider } from '../providers/registry.ts'
import type { World } from '../world.ts'
import { signReport } from './receipt.ts'

/** A signed document in a person's own records. */
export type KeptDocument = {
  readonly id: string
  readonly title: string
  readonly provider: string
  readonly signedAt: number
  readonly level: string
}

/** Documents that a person, with registrations brought together, has signed as files, newest first. */
export async function documentsOf(
  db: Reader<PlatformTables>,
  people: readonly string[],
): Promise<readonly KeptDocument[]> {
  const rows = await db
    .selectFrom('container')
    .innerJoin('signing', 'signing.id', 'container.transaction_id')
    .select(['container.id', 'container.level', 'container.judged_at', 'container.provider_id'])
    .select('signing.title')
    .where('container.person_id', 'in', [...people])
    .where('container.format', '!=', 'raw')
    .orderBy('container.judged_at', 'desc')
    .limit(documentsShown)
    .execute()
  return rows.map(row => ({
    id: row.id,
    title: row.title,
    provider: row.provider_id,
    signedAt: row.judged_at,
    level: row.level ?? '',
  }))
}

/** Documents shown; the store keeps all. */
const documentsShown = 200

/** The box of a person's own container. Refusal `not-found` for another's. */
export async function boxForPerson(
  world: World,
  personId: string,
  id: string,
): Promise<Uint8Array> {
  const row = await world.store.read(async db =>
    db
      .selectFrom('container')
      .selectAll()
      .where('id', '=', id)
      .where('person_id', 'in', [...(await selvesOf(db, personId))])
      .executeTakeFirst(),
  )
  if (row === undefined) throw new Refusal('not-found')
  return makeBox(world, row, undefined)
}

/** The box of a transaction, for a registered verifier. Refusals as with `signedFileOf`. */
export async function boxForProvider(
  world: World,
  provider: Provider,
  transactionId: string,
): Promise<Uint8Array> {
  if (!provider.metadata.sekisho_signature_verifier)
    throw new Refusal('scope-exceeded', { scope: 'sekisho_signature_verifier' })
  const row = await world.store.read(db =>
    db
      .selectFrom('container')
      .selectAll()
      .where('transaction_id', '=', transactionId)
      .where('provider_id', '=', provider.id)
      .executeTakeFirst(),
  )
  if (row === undefined) throw new Refusal('transaction-unknown')
  return makeBox(world, row, provider.id)
}

async function makeBox(
  world: World,
  row: PlatformTables['container'],
  providerId: string | undefined,
): Promise<Uint8Array> {
  const found = await world.store.read(db => world.personKeys.find(db, row.person_id))
  const content = found.kind === 'present' ? openContainer(found.key, row) : undefined
  if (content === undefined || !('file' in content) || row.format === 'raw')
    throw new Refusal('not-found')
  const file = new Uint8Array(Buffer.from(content.file, 'base64'))
  const { keeping } = world
  const report = await judgeKept(keeping, row.format, file)
  const at = world.clock.now()
  const signedReport = await signReport(world.receiptKey, {
    iss: world.issuer,
    aud: providerId ?? ownProviderId,
    iat: Math.floor(at / 1000),
    jti: row.id,
    report: { verdict: report.verdict, indication: report.indication, policy: report.policy },
  })
  const box = evidenceBox({
    format: row.format,
    file,
    report,
    at,
    facts: await factsOf(world, row),
    signedReport,
    trust: keeping.trust,
    stampAnchors: (await keeping.stamps.now()).anchors.map(each => each.raw),
    modules: await world.verifier(),
  } satisfies BoxContent)
  await world.store.transaction(tx =>
    world.ledger.record(tx, entries['platform.evidence-exported'], {
      at,
      personId: row.person_id,
      ...(providerId === undefined ? {} : { providerId }),
      values: { container: row.id },
    }),
  )
  return box
}

async function factsOf(
  world: World,
  row: PlatformTables['container'],
): Promise<BoxContent['facts']> {
  const signing = await world.store.read(db =>
    db
      .selectFrom('signing')
      .select('title')
      .where('id', '=', row.transaction_id ?? '')
      .executeTakeFirst(),
  )
  const provider = await findProvider(world.store, row.provider_id)
  return { title: signing?.title ?? row.id, provider: provider?.name ?? row.provider_id }
}
