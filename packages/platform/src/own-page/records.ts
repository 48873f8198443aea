/**
 * What a person sees and decides about their own records (C9): consents, and who looked at what, from the ledger. The page
 * becomes the `portal` package in a later slice.
 */
import { Refusal } from '@sekisho/contract'
import type { AuthenticatedAnswer } from '@sekisho/contract/reader'
import type { Instant } from '@sekisho/runtime/clock'
import type { Transaction } from '@sekisho/runtime/store'
import { documentsOf, type KeptDocument } from '../confirm/box.ts'
import { judgeHolder } from '../confirm/login.ts'
import { endReleases } from '../confirm/release.ts'
import type { PlatformTables } from '../database.ts'
import { entries } from '../entry.ts'
import { charge } from '../fees/meter.ts'
import { type Browser, useCeremony } from '../login/ceremony.ts'
import { type Consent, consentsOf, withdrawConsent } from '../people/consent.ts'
import { linking } from '../people/conflict.ts'
import { linkCertificates, personOf, selvesOf } from '../people/link.ts'
import { type LinkedCertificates, linksOfHolder } from '../people/linkage.ts'
import { listProviders, ownProviderId } from '../providers/registry.ts'
import { endSessions, sessionsOf } from '../session/provider-session.ts'
import type { World } from '../world.ts'
import type { OwnSessions } from './own-session.ts'

/** A consent with the provider as people know it. */
export type ConsentView = Consent & { readonly provider: string; readonly purpose: string }

/** Everything the page shows. */
export type Records = {
  readonly consents: readonly ConsentView[]
  readonly documents: readonly KeptDocument[]
  /** Services that were logged in to and not left, one row each; the newest login counts. */
  readonly sessions: readonly SessionView[]
}

/** A service that a person is logged in to. */
export type SessionView = {
  readonly provider: string
  readonly begunAt: Instant
  readonly until: Instant
}

/** The records of a person, newest first. */
export async function recordsOf(world: World, personId: string): Promise<Records> {
  const providers = new Map((await listProviders(world.store)).map(one => [one.id, one]))
  const selves = await world.store.read(db => selvesOf(db, personId))
  const consents = await world.store.read(db => consentsOf(db, personId))
  const documents = await world.store.read(db => documentsOf(db, selves))
  const sessions = await sessionsOf(world.store, personId)
  const newest = sessions.filter(
    (one, index) => sessions.findIndex(each => each.providerId === one.providerId) === index,
  )
  return {
    sessions: newest.map(({ providerId, begunAt, until }) => ({
      provider: providers.get(providerId)?.name ?? providerId,
      begunAt,
      until,
    })),
    documents: documents.map(each => ({
      ...each,
      provider: providers.get(each.provider)?.name ?? each.provider,
    })),
    consents: consents.map(consent => ({
      ...consent,
      provider: providers.get(consent.providerId)?.name ?? consent.providerId,
      purpose: consent.purpose ?? providers.get(consent.providerId)?.purpose ?? '',
    })),
  }
}

/**
 * Opens a session for the holder of a card whose records are here. Refusals as of a login, and `person-unknown` for a card
 * that was never used: nothing is recorded about it.
 */
export async function openRecords(
  world: World,
  sessions: OwnSessions,
  by: { readonly uid: string; readonly browser: Browser | undefined },
  answer: AuthenticatedAnswer,
): ReturnType<OwnSessions['open']> {
  const how = { ...by, origin: world.issuer, revocation: 'crl', freshnessMs: undefined } as const
  const { judged, ceremony } = await judgeHolder(world, how, answer)
  const links = await linksOfHolder(world, judged)
  const at = judged.at
  return linking(world, async tx => {
    await useCeremony(tx, ceremony)
    if (!(await isKnown(tx, links))) throw new Refusal('person-unknown')
    const linked = await linkCertificates(tx, links, { at, random: world.random })
    const { personId } = linked
    await charge(tx, {
      providerId: ownProviderId,
      transaction: `records ${ceremony.id}`,
      kind: 'authentication-check',
      method: how.revocation,
      at,
    })
    await world.ledger.record(tx, entries['platform.records-viewed'], { at, personId, values: {} })
    return sessions.open(tx, linked)
  })
}

/**
 * Withdraws a consent of this person, at once: what the provider could still fetch is taken back in the same transaction.
 * False when it was not in force or not theirs.
 */
export async function endConsent(world: World, personId: string, id: string): Promise<boolean> {
  const at = world.clock.now()
  return world.store.transaction(async tx => {
    const ended = await withdrawConsent(tx, { id, personId }, at)
    if (ended === undefined) return false
    await endReleases(tx, { personId, providerId: ended.providerId })
    await endSessions(tx, { personId, providerId: ended.providerId })
    await world.ledger.record(tx, entries['platform.consent-withdrawn'], {
      at,
      personId,
      providerId: ended.providerId,
      values: { consent: id },
    })
    return true
  })
}

/** Ends every session of this person at every provider, at once. How many there were. */
export async function endEverySession(world: World, personId: string): Promise<number> {
  return world.store.transaction(async tx => {
    const sessions = await endSessions(tx, { personId })
    await world.ledger.record(tx, entries['platform.sessions-ended'], {
      at: world.clock.now(),
      personId,
      providerId: undefined,
      values: { sessions },
    })
    return sessions
  })
}

async function isKnown(
  tx: Transaction<PlatformTables>,
  links: LinkedCertificates,
): Promise<boolean> {
  for (const link of links) if ((await personOf(tx, link)) !== undefined) return true
  return false
}
