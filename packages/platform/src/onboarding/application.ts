/**
 * A firm's way to a registered service (C6): it describes the service, is told what is lacking, accepts the contract, names what the
 * minister is told, and submits; two people of the operator's staff admit it. In a practice town a described service works at once.
 */
import { providerMetadata, type ProviderMetadata, Refusal } from '@sekisho/contract'
import type { Ledger } from '@sekisho/ledger'
import type { Clock } from '@sekisho/runtime/clock'
import { jsonb, type Store } from '@sekisho/runtime/store'
import { z } from 'zod'
import type { PlatformTables } from '../database.ts'
import { entries } from '../entry.ts'
import { addProvider, findProvider, ownProviderId, parseMetadata } from '../providers/registry.ts'
import { checkRegistration } from './check.ts'

/** The contract in force. */
export const contractVersion = '2026-10'

/** Who answers for a service, as it is told to the minister. */
const serviceFacts = z.strictObject({
  officer: z.string().trim().min(1).max(60),
  address: z.string().trim().min(1).max(200),
  contact: z.email().max(120),
  /** When the service begins. */
  begins: z.iso.date(),
})
export type ServiceFacts = z.infer<typeof serviceFacts>

/** An application as it is shown. */
export type Application = {
  readonly id: string
  readonly account: string
  readonly metadata: ProviderMetadata
  readonly stage: PlatformTables['provider_application']['stage']
  readonly facts: ServiceFacts | undefined
  readonly submittedAt: number | undefined
  readonly admittedAt: number | undefined
  readonly remark: string | undefined
}

type OnboardingWorld = {
  readonly store: Store<PlatformTables>
  readonly clock: Clock
  readonly ledger: Ledger
}

/**
 * Describes a service, or describes it anew: an admitted one goes on as it was registered until the change is admitted. Refusals
 * `request-malformed` with the field; `provider-taken` for an id that is somebody else's.
 */
export async function describeService(
  world: OnboardingWorld,
  given: {
    readonly account: string
    readonly candidate: unknown
    readonly mode: 'town' | 'production'
  },
): Promise<Application> {
  const { account, mode } = given
  const wished = z.object({ client_id: z.string() }).loose().safeParse(given.candidate)
  if (!wished.success) throw new Refusal('request-malformed', { field: 'client_id' })
  const known = await findProvider(world.store, wished.data.client_id)
  // What the form does not ask about stays as it is registered; what only the operator may grant is not taken from an application.
  const candidate = { ...known?.metadata, ...wished.data, ...notForTheAsking }
  const metadata = parseMetadata(candidate, mode)
  const id = metadata.client_id
  const now = world.clock.now()
  const row = await world.store.transaction(async tx => {
    const kept = await tx
      .selectFrom('provider_application')
      .select('account')
      .where('provider_id', '=', id)
      .executeTakeFirst()
    if (kept === undefined ? known !== undefined : kept.account !== account)
      throw new Refusal('provider-taken')
    const change = {
      metadata: jsonb(metadata),
      stage: 'draft' as const,
      remark: null,
      changed_at: now,
    }
    return tx
      .insertInto('provider_application')
      .values({ provider_id: id, account, ...change })
      .onConflict(conflict =>
        conflict
          .column('provider_id')
          .doUpdateSet(change)
          .where('provider_application.account', '=', account),
      )
      .returningAll()
      .executeTakeFirst()
  })
  if (row === undefined) throw new Refusal('provider-taken')
  if (mode === 'town' && row.admitted_at === null)
    await addProvider(world.store, { ...metadata, sekisho_stage: 'sandbox' }, { at: now, mode })
  return applicationOf(row)
}

const notForTheAsking = {
  sekisho_stage: 'production',
  sekisho_agents: [],
  sekisho_rate_per_second: 1000,
  sekisho_signature_verifier: false,
  sekisho_public_interest: false,
  sekisho_current_status: false,
} as const

/**
 * Hands an application to the operator. Refusals `application-incomplete` while there are errors, `contract-outdated` for another version
 * than the one in force, `not-found`.
 */
export async function submitService(
  world: OnboardingWorld,
  given: {
    readonly account: string
    readonly id: string
    readonly facts: unknown
    readonly contract: string
  },
): Promise<void> {
  const facts = serviceFacts.safeParse(given.facts)
  if (!facts.success)
    throw new Refusal('request-malformed', { field: facts.error.issues[0]?.path.join('.') ?? '' })
  if (given.contract !== contractVersion) throw new Refusal('contract-outdated')
  const found = await ownApplication(world.store, given.account, given.id)
  const wrong = checkRegistration(found.metadata).filter(one => one.level === 'error')
  if (wrong.length > 0)
    throw new Refusal('application-incomplete', { fields: wrong.map(one => one.field).join(', ') })
  await world.store.transaction(async tx => {
    const now = world.clock.now()
    const row = await tx
      .updateTable('provider_application')
      .set({
        stage: 'submitted',
        facts: jsonb(facts.data),
        contract_version: contractVersion,
        submitted_at: now,
        remark: null,
      })
      .where('provider_id', '=', given.id)
      .where('account', '=', given.account)
      .where('stage', 'in', ['draft', 'returned'])
      .returning('provider_id')
      .executeTakeFirst()
    if (row === undefined) throw new Refusal('application-not-open')
    await world.ledger.record(tx, entries['platform.provider-applied'], {
      at: now,
      providerId: given.id,
      values: { contract: contractVersion },
    })
  })
}

/** Registers what was submitted; may be repeated. Refusal `application-not-open`. */
export async function admitService(
  world: OnboardingWorld,
  id: string,
  mode: 'town' | 'production',
): Promise<void> {
  const found = await applicationById(world.store, id)
  if (found?.stage === 'admitted') return
  if (found?.stage !== 'submitted') throw new Refusal('application-not-open')
  const now = world.clock.now()
  const before = await findProvider(world.store, id)
  const granted = before === undefined ? {} : grantedBy(before.metadata)
  await addProvider(world.store, { ...found.metadata, ...granted }, { at: now, mode })
  await world.store.transaction(async tx => {
    await tx
      .updateTable('provider_application')
      .set({ stage: 'admitted', admitted_at: now })
      .where('provider_id', '=', id)
      .where('stage', '=', 'submitted')
      .execute()
    await world.ledger.record(tx, entries['platform.provider-admitted'], {
      at: now,
      providerId: id,
      values: { by: ownProviderId },
    })
  })
}

/** What the operator granted before stays when a change is admitted. */
function grantedBy(metadata: ProviderMetadata) {
  const { sekisho_signature_verifier, sekisho_public_interest, sekisho_current_status } = metadata
  const { sekisho_agents, sekisho_rate_per_second } = metadata
  return {
    sekisho_signature_verifier,
    sekisho_public_interest,
    sekisho_current_status,
    sekisho_agents,
    sekisho_rate_per_second,
  }
}

/** Gives an application back with what is to be put right. Refusal `application-not-open`. */
export async function returnService(
  world: OnboardingWorld,
  id: string,
  remark: string,
): Promise<void> {
  const row = await world.store.transaction(tx =>
    tx
      .updateTable('provider_application')
      .set({ stage: 'returned', remark })
      .where('provider_id', '=', id)
      .where('stage', '=', 'submitted')
      .returning('provider_id')
      .executeTakeFirst(),
  )
  if (row === undefined) throw new Refusal('application-not-open')
}

/** A firm's services. */
export async function servicesOf(
  store: Store<PlatformTables>,
  account: string,
): Promise<readonly Application[]> {
  const rows = await store.read(db =>
    db
      .selectFrom('provider_application')
      .selectAll()
      .where('account', '=', account)
      .orderBy('provider_id')
      .execute(),
  )
  return rows.map(applicationOf)
}

/** A firm's own service. Refusal `not-found` for anybody else's. */
export async function ownApplication(
  store: Store<PlatformTables>,
  account: string,
  id: string,
): Promise<Application> {
  const found = await applicationById(store, id)
  if (found?.account !== account) throw new Refusal('not-found')
  return found
}

/** Any application; undefined: there is none under this id. */
export async function applicationById(
  store: Store<PlatformTables>,
  id: string,
): Promise<Application | undefined> {
  const row = await store.read(db =>
    db
      .selectFrom('provider_application')
      .selectAll()
      .where('provider_id', '=', id)
      .executeTakeFirst(),
  )
  return row === undefined ? undefined : applicationOf(row)
}

/** Applications that wait for the operator, the oldest first. */
export async function submittedApplications(
  store: Store<PlatformTables>,
): Promise<readonly Application[]> {
  const rows = await store.read(db =>
    db
      .selectFrom('provider_application')
      .selectAll()
      .where('stage', '=', 'submitted')
      .orderBy('submitted_at')
      .execute(),
  )
  return rows.map(applicationOf)
}

function applicationOf(
  row: Omit<PlatformTables['provider_application'], 'metadata' | 'facts'> & {
    readonly metadata: unknown
    readonly facts: unknown
  },
): Application {
  return {
    id: row.provider_id,
    account: row.account,
    metadata: providerMetadata.parse(row.metadata),
    stage: row.stage,
    facts: row.facts === null ? undefined : serviceFacts.parse(row.facts),
    submittedAt: row.submitted_at ?? undefined,
    admittedAt: row.admitted_at ?? undefined,
    remark: row.remark ?? undefined,
  }
}
