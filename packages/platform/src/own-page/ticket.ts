/**
 * Entering a service from the portal without a second card step (D16, ADR 0011): a click makes a ticket for this service, this browser and
 * one minute. The service begins an ordinary login with it (`login_hint`); the ticket serves once, says nothing of the person, and is
 * worthless at another service, in another browser, after the card has ended, or where the service asks for the card itself.
 */
import { Refusal } from '@sekisho/contract'
import { type Instant, protocolNow } from '@sekisho/runtime/clock'
import { type Cookie, createCookie, type Reply, type Request } from '@sekisho/runtime/http'
import type { Store } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { entries } from '../entry.ts'
import { sha256Hex } from '../evidence/hash.ts'
import { charge } from '../fees/meter.ts'
import { knownSubject } from '../people/link.ts'
import { activeProvider, type Provider } from '../providers/registry.ts'
import type { World } from '../world.ts'

/** Milliseconds from the click to the login that the service begins. */
const lifetimeMs = 60_000
const secretBits = 256

/** Who entered, by a card step that was done at the portal. */
export type Entered = {
  readonly personId: string
  /** Serial (hex) of the certificate. */
  readonly serial: string
  /** When the card step was; protocol time. */
  readonly authenticatedAt: Instant
}

/** The cookie that binds tickets to the browser; it comes along when a service sends the browser to its login. */
function ticketCookie(publicOrigin: string): Cookie {
  return createCookie({
    name: 'sekisho_ticket',
    publicOrigin,
    sameSite: 'lax',
    path: '/interaction',
  })
}

/** The page of a service that begins logins, if it has registered one (OpenID Connect Registration 1.0, `initiate_login_uri`). */
export function entranceOf(provider: Provider): URL | undefined {
  const { initiate_login_uri: address, redirect_uris: own } = provider.metadata
  if (typeof address !== 'string' || !URL.canParse(address)) return undefined
  const url = new URL(address)
  // Only where the service is registered: nobody has us send people elsewhere.
  return own.some(each => new URL(each).origin === url.origin) ? url : undefined
}

/**
 * Makes a ticket for the person of this browser; the address to send it to. Refusals `not-found` for a service that the person does not
 * use or that has no entrance, `card-step-needed` where the portal was opened by a card step that is not known, `provider-…`.
 */
export async function openService(
  world: World,
  given: {
    readonly providerId: string
    readonly session: NonNullable<PlatformTables['own_session']>
  },
  reply: Reply,
): Promise<string> {
  const { session, providerId } = given
  const provider = await activeProvider(world.store, providerId)
  const entrance = entranceOf(provider)
  const of = { providerId, personId: session.person_id }
  const subject = await world.store.read(db => knownSubject(db, of))
  if (entrance === undefined || subject === undefined) throw new Refusal('not-found')
  const { certificate_id: certificateId, opened_at: openedAt } = session
  if (certificateId === null || openedAt === null) throw new Refusal('card-step-needed')
  const ticket = world.random.token(secretBits)
  const browser = world.random.token(secretBits)
  await world.store.transaction(tx =>
    tx
      .insertInto('portal_ticket')
      .values({
        id: digest(ticket),
        browser: digest(browser),
        person_id: session.person_id,
        provider_id: providerId,
        certificate_id: certificateId,
        authenticated_at: openedAt,
        expires_at: protocolNow() + lifetimeMs,
      })
      .execute(),
  )
  ticketCookie(world.issuer).write(reply, browser)
  entrance.searchParams.set('iss', world.issuer)
  entrance.searchParams.set('login_hint', ticket)
  return entrance.href
}

/**
 * Takes the ticket that a service brings. Undefined: it is none for this service and browser, or the card is not valid any more, or the
 * service wants a card step of its own; then the card is asked for as ever. Of two that bring the same one gets in.
 */
export async function enterByTicket(
  world: World,
  request: Request,
  asked: {
    readonly uid: string
    readonly provider: Provider
    readonly hint: string | undefined
    /** `prompt=login`, or the greatest age in seconds; undefined: any. */
    readonly ageMax: number | undefined
  },
): Promise<Entered | undefined> {
  const { hint, provider, uid } = asked
  const browser = ticketCookie(world.issuer).read(request)
  if (hint === undefined || browser === undefined) return undefined
  const row = await world.store.transaction(tx =>
    tx
      .deleteFrom('portal_ticket')
      .where('id', '=', digest(hint))
      .where('browser', '=', digest(browser))
      .where('provider_id', '=', provider.id)
      .where('expires_at', '>', protocolNow())
      .returningAll()
      .executeTakeFirst(),
  )
  if (row === undefined) return undefined
  const ageSeconds = (protocolNow() - row.authenticated_at) / 1000
  if (asked.ageMax !== undefined && ageSeconds > asked.ageMax) return undefined
  const certificate = await world.store.read(db =>
    db
      .selectFrom('certificate_link')
      .selectAll()
      .where('id', '=', row.certificate_id)
      .where('person_id', '=', row.person_id)
      .executeTakeFirst(),
  )
  // The provider pays for a check, and it is made now: a card that was stopped since the click opens nothing.
  const isValid =
    certificate !== undefined &&
    world.judge.statusOf({
      issuerKeyId: certificate.issuer_key_id,
      serial: certificate.serial,
      notAfter: certificate.not_after,
    }) === 'valid'
  if (!isValid) return undefined
  const at = world.clock.now()
  await world.store.transaction(async tx => {
    const to = { personId: row.person_id, providerId: provider.id }
    await charge(tx, {
      providerId: provider.id,
      transaction: uid,
      kind: 'authentication-check',
      method: 'crl',
      at,
    })
    await world.ledger.record(tx, entries['platform.person-entered'], { at, ...to, values: {} })
  })
  const { serial } = certificate
  return { personId: row.person_id, serial, authenticatedAt: row.authenticated_at }
}

/** Removes tickets that nobody brought. */
export async function sweepTickets(store: Store<PlatformTables>): Promise<void> {
  await store.transaction(tx =>
    tx.deleteFrom('portal_ticket').where('expires_at', '<=', protocolNow()).execute(),
  )
}

function digest(secret: string): string {
  return sha256Hex(Buffer.from(secret))
}
