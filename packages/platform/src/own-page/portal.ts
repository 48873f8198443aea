/**
 * What the portal (D16) shows beside consents and documents, what the person changes there, and what they take with them: services,
 * limits, signed consents, the wish for the PIN, devices, proofs that each use stands in the ledger, all of it as data.
 */
import type { Instant } from '@sekisho/runtime/clock'
import type { Reader } from '@sekisho/runtime/store'
import { type LatestConsent, latestConsentsOf } from '../confirm/latest-consent.ts'
import { endReleases } from '../confirm/release.ts'
import type { PlatformTables } from '../database.ts'
import { entries } from '../entry.ts'
import { consentsOf, type ConsentScope } from '../people/consent.ts'
import { limitConsent } from '../people/consent-limit.ts'
import { selvesOf } from '../people/link.ts'
import { upstreamsOf } from '../gateway/login.ts'
import { endTerminal, type OwnTerminal, terminalsOf } from '../people/terminal.ts'
import { demandPin, demandsPin } from '../people/wish.ts'
import { listProviders, type Provider } from '../providers/registry.ts'
import type { World } from '../world.ts'
import { entranceOf } from './ticket.ts'

/** A service that the person has used. */
export type ServiceView = {
  readonly providerId: string
  readonly name: string
  /** The service's own page, if it told one. */
  readonly home: string | undefined
  readonly seenAt: Instant | undefined
  readonly isCustomer: boolean
  /** Origin of the page that begins logins from here, if the service has registered one. */
  readonly entrance: string | undefined
}

/** One use of a person's records. */
export type UseView = {
  readonly id: string
  readonly at: Instant
  /** Undefined for what the person did at the platform itself. */
  readonly provider: string | undefined
  readonly ja: string
  readonly en: string
  /** Attributes that were released or fetched; empty: none. */
  readonly attributes: readonly string[]
  /** The service's purpose, where it looked something up; undefined for what the person did. */
  readonly purpose: string | undefined
  /** Whether it only asked if the person is still there (現況確認). */
  readonly isCurrentStatus: boolean
}

/** What the portal shows beside the records. */
export type Portal = {
  readonly services: readonly ServiceView[]
  readonly latest: readonly (LatestConsent & { readonly provider: string })[]
  readonly terminals: readonly (OwnTerminal & { readonly provider: string })[]
  readonly gateways: Awaited<ReturnType<typeof upstreamsOf>>
  readonly uses: readonly UseView[]
  readonly isPinDemanded: boolean
}

/** Uses shown; the ledger keeps all. */
const usesShown = 200

/** Everything of a person. */
export async function portalOf(world: World, personId: string): Promise<Portal> {
  const providers = new Map((await listProviders(world.store)).map(one => [one.id, one]))
  const nameOf = (id: string): string => providers.get(id)?.name ?? id
  const at = world.clock.now()
  const { known, latest, terminals, gateways, isPinDemanded } = await world.store.read(
    async db => ({
      known: await servicesOf(db, personId),
      latest: await latestConsentsOf(db, personId, at),
      terminals: await terminalsOf(db, personId),
      gateways: await upstreamsOf(db, personId),
      isPinDemanded: await demandsPin(db, personId),
    }),
  )
  return {
    services: known.map(each => ({
      ...each,
      name: nameOf(each.providerId),
      home: providers.get(each.providerId)?.metadata.client_uri,
      entrance: entranceAt(providers.get(each.providerId)),
    })),
    latest: latest.map(each => ({ ...each, provider: nameOf(each.providerId) })),
    terminals: terminals.map(each => ({ ...each, provider: nameOf(each.providerId) })),
    gateways,
    uses: (await usesOf(world, personId)).slice(0, usesShown).map(({ entry }) => ({
      id: entry.id,
      at: entry.at,
      provider: entry.providerId === undefined ? undefined : nameOf(entry.providerId),
      ...sayingOf(world, entry.kind),
      attributes: textsOf(entry.values['attributes']),
      purpose:
        entry.providerId === undefined ? undefined : providers.get(entry.providerId)?.purpose,
      isCurrentStatus: entry.values['purpose'] === 'current-status',
    })),
    isPinDemanded,
  }
}

/** The proof that a use of this person stands in the ledger, with all that it takes to check it; undefined: not theirs. */
export async function proofOf(world: World, personId: string, id: string) {
  const found = (await usesOf(world, personId)).find(({ entry }) => entry.id === id)
  if (found === undefined) return undefined
  const proof =
    found.index === undefined ? undefined : await world.ledger.inclusionProof(found.index)
  return {
    log: world.ledger.verifierKey,
    salt: base64(found.disclosed.salt),
    entry: base64(found.disclosed.entry),
    inclusion: proof === undefined ? null : { ...proof, path: proof.path.map(base64) },
  }
}

/** All data of a person at the platform, as they may take it with them. */
export async function dataOf(world: World, personId: string) {
  const portal = await portalOf(world, personId)
  const consents = await world.store.read(db => consentsOf(db, personId))
  const uses = await usesOf(world, personId)
  const time = (at: Instant): string => new Date(at).toISOString()
  return {
    form: 'sekisho-own-data-1',
    madeAt: time(world.clock.now()),
    services: portal.services.map(({ seenAt, ...each }) => ({
      ...each,
      seenAt: seenAt === undefined ? null : time(seenAt),
    })),
    consents: consents.map(({ givenAt, until, limits, ...each }) => ({
      ...each,
      givenAt: time(givenAt),
      until: time(until),
      limits,
    })),
    latestConsents: portal.latest,
    terminals: portal.terminals.map(({ linkedAt, ...each }) => ({
      ...each,
      linkedAt: time(linkedAt),
    })),
    gateways: portal.gateways.map(({ upstream, linkedAt }) => ({
      upstream,
      linkedAt: time(linkedAt),
    })),
    pinAlways: portal.isPinDemanded,
    uses: uses.map(({ entry }) => ({
      id: entry.id,
      at: time(entry.at),
      kind: entry.kind,
      provider: entry.providerId ?? null,
      values: entry.values,
    })),
  }
}

/** How a consent is narrowed, as the form says it. */
export const limitWays = ['end', 'month', 'once', 'twelve'] as const
export type LimitWay = (typeof limitWays)[number]

const monthMs = 30 * 24 * 3600 * 1000

/**
 * Narrows a consent of this person; what the provider could still fetch is taken back in the same transaction. False where it cannot be
 * narrowed so.
 */
export async function narrowConsent(
  world: World,
  personId: string,
  given: { readonly id: string; readonly scope: ConsentScope; readonly how: LimitWay },
): Promise<boolean> {
  const at = world.clock.now()
  const { id, scope, how } = given
  const wish = { consentId: id, personId, scope }
  return world.store.transaction(async tx => {
    const narrowed = await limitConsent(
      tx,
      how === 'end'
        ? { ...wish, end: true }
        : how === 'month'
          ? { ...wish, until: at + monthMs }
          : { ...wish, usesMax: how === 'once' ? 1 : 12 },
      at,
    )
    if (narrowed === undefined) return false
    const { providerId } = narrowed
    await endReleases(tx, { personId, providerId })
    await world.ledger.record(tx, entries['platform.consent-limited'], {
      at,
      personId,
      providerId,
      values: { consent: id, scope, how },
    })
    return true
  })
}

/** Sets the wish for the PIN. */
export async function wishPin(world: World, personId: string, always: boolean): Promise<void> {
  const at = world.clock.now()
  await world.store.transaction(async tx => {
    if (await demandPin(tx, { personId, pinAlways: always, at }))
      await world.ledger.record(tx, entries['platform.pin-wished'], {
        at,
        personId,
        values: { always },
      })
  })
}

/** Ends the link to a terminal. False: there is none. */
export function leaveTerminal(world: World, personId: string, id: string): Promise<boolean> {
  return world.store.transaction(tx => endTerminal(tx, world, { id, personId, by: 'person' }))
}

/** The person's entries in the ledger, with those of registrations brought together, newest first. */
async function usesOf(world: World, personId: string) {
  const selves = await world.store.read(db => selvesOf(db, personId))
  const all = []
  for (const self of selves)
    for (const { index, content } of await world.ledger.entriesOf(self))
      if (content !== undefined) all.push({ index, ...content })
  return all.toSorted((a, b) => b.entry.at - a.entry.at || (a.entry.id < b.entry.id ? 1 : -1))
}

async function servicesOf(
  db: Reader<PlatformTables>,
  personId: string,
): Promise<readonly Omit<ServiceView, 'name' | 'home' | 'entrance'>[]> {
  const rows = await db
    .selectFrom('pairwise')
    .leftJoin('customer_link', join =>
      join
        .onRef('customer_link.provider_id', '=', 'pairwise.provider_id')
        .onRef('customer_link.person_id', '=', 'pairwise.person_id')
        .on('customer_link.state', '=', 'linked'),
    )
    .select(['pairwise.provider_id', 'seen_at', 'customer_link.id as customer'])
    .where('pairwise.person_id', '=', personId)
    .orderBy('pairwise.provider_id')
    .execute()
  return rows.map(row => ({
    providerId: row.provider_id,
    seenAt: row.seen_at ?? undefined,
    isCustomer: row.customer !== null,
  }))
}

function entranceAt(provider: Provider | undefined): string | undefined {
  if (provider?.state !== 'active') return undefined
  return entranceOf(provider)?.origin
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter(each => typeof each === 'string') : []
}

function sayingOf({ sayings }: World, kind: string): { readonly ja: string; readonly en: string } {
  const known = Object.hasOwn(sayings, kind) ? sayings[kind] : undefined
  return { ja: known?.ja ?? kind, en: known?.en ?? kind }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
