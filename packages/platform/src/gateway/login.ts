/**
 * Logins by way of another OpenID Provider (C5, `docs/protocol/federation.md`). What it says of a person is worth nothing here until that person has shown the card in
 * the same interaction; from then on it opens a login of its own, weaker kind, for as long as the certificate that proved it is valid. Times are
 * protocol time; the state of a certificate is domain time.
 */
import { Refusal } from '@sekisho/contract'
import { protocolNow } from '@sekisho/runtime/clock'
import type { Reader, Store, Transaction } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { entries } from '../entry.ts'
import { sha256Hex } from '../evidence/hash.ts'
import { currentPerson, pairwiseSubject } from '../people/link.ts'
import type { World } from '../world.ts'
import type { Leaving, Upstreams } from './upstream.ts'

/** Milliseconds until the answer must be there, as long as an interaction lasts. */
const leavingMs = 10 * 60 * 1000
const secretBits = 256

/** Begins one for an interaction: where the browser goes, and the secret that it keeps. Refusals as of `Upstreams.leave`. */
export async function beginUpstreamLogin(
  world: World,
  upstreams: Upstreams,
  given: { readonly uid: string; readonly upstream: string },
): Promise<{ readonly address: string; readonly secret: string }> {
  const token = (): string => world.random.token(secretBits)
  const leaving: Leaving = { state: token(), nonce: token(), verifier: token() }
  const secret = token()
  const address = await upstreams.leave(given.upstream, leaving)
  await world.store.transaction(tx =>
    tx
      .insertInto('upstream_login')
      .values({
        id: digest(leaving.state),
        upstream: given.upstream,
        uid: given.uid,
        browser: digest(secret),
        nonce: leaving.nonce,
        verifier: leaving.verifier,
        state: 'open',
        subject: null,
        expires_at: protocolNow() + leavingMs,
      })
      .execute(),
  )
  return { address, secret }
}

/**
 * Takes the answer of an upstream, once, from the browser that began; the interaction to go on with. Refusals `interaction-unknown` for another
 * browser's, another upstream's, used or too old; else as of `Upstreams.arrive`.
 */
export async function takeUpstreamAnswer(
  world: World,
  upstreams: Upstreams,
  given: {
    readonly upstream: string
    readonly query: string
    readonly secret: string | undefined
  },
): Promise<string> {
  const state = new URLSearchParams(given.query).getAll('state')
  const [only = ''] = state
  const row = await world.store.transaction(tx =>
    tx
      .updateTable('upstream_login')
      .set({ state: 'taken' })
      .where('id', '=', digest(only))
      .where('upstream', '=', given.upstream)
      .where('browser', '=', digest(given.secret ?? ''))
      .where('state', '=', 'open')
      .where('expires_at', '>', protocolNow())
      .returningAll()
      .executeTakeFirst(),
  )
  if (row === undefined || state.length !== 1) throw new Refusal('interaction-unknown')
  const leaving = { state: only, nonce: row.nonce, verifier: row.verifier }
  const subject = await upstreams.arrive(given.upstream, given.query, leaving)
  await world.store.transaction(tx =>
    tx
      .updateTable('upstream_login')
      .set({ state: 'proven', subject })
      .where('id', '=', row.id)
      .where('state', '=', 'taken')
      .execute(),
  )
  return row.uid
}

/** Whom an upstream's answer lets in: somebody whom a card has proven to be the same. */
export type LinkedPerson = { readonly personId: string; readonly serial: string }

/** The upstream that has answered in an interaction and still waits for its use. */
export async function provenUpstream(
  store: Store<PlatformTables>,
  uid: string,
): Promise<string | undefined> {
  const row = await store.read(db =>
    db
      .selectFrom('upstream_login')
      .select('upstream')
      .where('uid', '=', uid)
      .where('state', '=', 'proven')
      .where('expires_at', '>', protocolNow())
      .executeTakeFirst(),
  )
  return row?.upstream
}

/**
 * Lets in who came by an upstream, once. Undefined: nobody came, no card has proven who it is, or that card is not valid any more; the card is
 * asked for then, and what was proven waits for it.
 */
export async function enterByUpstream(
  world: World,
  given: {
    readonly uid: string
    readonly providerId: string
    readonly upstreams: readonly string[]
  },
): Promise<LinkedPerson | undefined> {
  const found = await world.store.read(db =>
    db
      .selectFrom('upstream_login')
      .innerJoin('upstream_link', join =>
        join
          .onRef('upstream_link.upstream', '=', 'upstream_login.upstream')
          .onRef('upstream_link.subject', '=', 'upstream_login.subject'),
      )
      .innerJoin('certificate_link', 'certificate_link.id', 'upstream_link.certificate_id')
      .select(['upstream_login.id as login', 'upstream_link.upstream', 'upstream_link.person_id'])
      .select(['issuer_key_id', 'serial', 'not_after', 'certificate_link.person_id as holder'])
      .where('uid', '=', given.uid)
      .where('state', '=', 'proven')
      .where('expires_at', '>', protocolNow())
      .executeTakeFirst(),
  )
  if (found === undefined || !given.upstreams.includes(found.upstream)) return undefined
  const about = {
    issuerKeyId: found.issuer_key_id,
    serial: found.serial,
    notAfter: found.not_after,
  }
  if (world.judge.statusOf(about) !== 'valid') return undefined
  const at = world.clock.now()
  return world.store.transaction(async tx => {
    const personId = await currentPerson(tx, found.person_id)
    // Registrations were split since: whose card it was is somebody else now.
    if (found.holder !== personId) return undefined
    const used = await tx
      .updateTable('upstream_login')
      .set({ state: 'used' })
      .where('id', '=', found.login)
      .where('state', '=', 'proven')
      .executeTakeFirst()
    if (used.numUpdatedRows !== 1n) throw new Refusal('challenge-replayed')
    const to = { personId, providerId: given.providerId }
    await pairwiseSubject(tx, to, { at, random: world.random })
    const values = { upstream: found.upstream }
    await world.ledger.record(tx, entries['platform.person-entered-by-gateway'], {
      at,
      ...to,
      values,
    })
    return { personId, serial: found.serial }
  })
}

/**
 * Links what an upstream has proven in an interaction to the person whose card step was done in it. Somebody else's link stays as it is: whose
 * it is has to end it.
 */
export async function linkProven(
  world: World,
  given: { readonly uid: string; readonly personId: string; readonly serial: string },
): Promise<void> {
  const { uid, personId, serial } = given
  const at = world.clock.now()
  await world.store.transaction(async tx => {
    const proven = await tx
      .updateTable('upstream_login')
      .set({ state: 'used' })
      .where('uid', '=', uid)
      .where('state', '=', 'proven')
      .where('expires_at', '>', protocolNow())
      .returning(['upstream', 'subject'])
      .execute()
    if (proven.length === 0) return
    const { id } = await tx
      .selectFrom('certificate_link')
      .select('id')
      .where('person_id', '=', personId)
      .where('serial', '=', serial)
      .executeTakeFirstOrThrow()
    for (const { upstream, subject } of proven) {
      if (subject === null) continue
      const row = { person_id: personId, certificate_id: id, linked_at: protocolNow() }
      const written = await tx
        .insertInto('upstream_link')
        .values({ upstream, subject, ...row })
        .onConflict(conflict =>
          conflict
            .columns(['upstream', 'subject'])
            .doUpdateSet(row)
            .where('upstream_link.person_id', '=', personId),
        )
        .executeTakeFirst()
      if (written.numInsertedOrUpdatedRows !== 1n) continue
      const kind = entries['platform.gateway-linked']
      await world.ledger.record(tx, kind, { at, personId, values: { upstream } })
    }
  })
}

/** The other OpenID Providers that a person is linked to, by the operator's ids, oldest first. */
export async function upstreamsOf(
  db: Reader<PlatformTables>,
  personId: string,
): Promise<readonly { readonly upstream: string; readonly linkedAt: number }[]> {
  const rows = await db
    .selectFrom('upstream_link')
    .select(['upstream', 'linked_at'])
    .where('person_id', '=', personId)
    .orderBy('linked_at')
    .execute()
  return rows.map(row => ({ upstream: row.upstream, linkedAt: row.linked_at }))
}

/** Ends what links a person to other OpenID Providers; how many there were. */
export async function unlinkUpstreams(world: World, personId: string): Promise<number> {
  const at = world.clock.now()
  return world.store.transaction(async tx => {
    const ended = await tx
      .deleteFrom('upstream_link')
      .where('person_id', '=', personId)
      .returning('upstream')
      .execute()
    for (const { upstream } of ended)
      await world.ledger.record(tx, entries['platform.gateway-unlinked'], {
        at,
        personId,
        values: { upstream },
      })
    return ended.length
  })
}

/** Forgets what links a person who is erased, in the caller's transaction. */
export async function forgetUpstreams(
  tx: Transaction<PlatformTables>,
  personId: string,
): Promise<void> {
  await tx.deleteFrom('upstream_link').where('person_id', '=', personId).execute()
}

/** Removes logins that nobody finished. */
export async function sweepUpstreamLogins(store: Store<PlatformTables>): Promise<void> {
  await store.transaction(tx =>
    tx.deleteFrom('upstream_login').where('expires_at', '<=', protocolNow()).execute(),
  )
}

function digest(secret: string): string {
  return sha256Hex(Buffer.from(secret))
}
