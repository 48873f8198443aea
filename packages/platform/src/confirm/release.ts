/** Attributes released to one provider by one grant: sealed, short-lived, gone when the consent is withdrawn. */
import type { Transaction } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import type { World } from '../world.ts'
import type { Identified } from './identify.ts'

/** A release opens only for its own grant. */
function placeOf(grantId: string): string {
  return `release.claims ${grantId}`
}

/** Keeps claims for the tokens of one grant until they have run out. `expiresAt` is protocol time. */
export async function keepRelease(
  world: World,
  given: {
    readonly grantId: string
    readonly providerId: string
    readonly identified: Identified
    readonly expiresAt: number
  },
): Promise<void> {
  const { personId, claims, verified } = given.identified
  const verification = {
    time: new Date(verified.at).toISOString(),
    process: verified.statementSha256,
    organization: world.issuer,
  }
  const released = new TextEncoder().encode(JSON.stringify({ ...claims, verification }))
  await world.store.transaction(async tx => {
    const key = await world.personKeys.ensure(tx, personId, world.clock.now())
    await tx
      .insertInto('release')
      .values({
        grant_id: given.grantId,
        person_id: personId,
        provider_id: given.providerId,
        sealed: key.seal(placeOf(given.grantId), released),
        expires_at: given.expiresAt,
      })
      .execute()
  })
}

/** Claims of a grant and, as `verification`, how they were verified; none when there are none, when they have run out, or when the person was erased. */
export async function releasedBy(
  world: Pick<World, 'store' | 'personKeys'>,
  grantId: string,
  protocolTime: number,
): Promise<Readonly<Record<string, unknown>>> {
  return world.store.read(async db => {
    const row = await db
      .selectFrom('release')
      .select(['person_id', 'sealed'])
      .where('grant_id', '=', grantId)
      .where('expires_at', '>', protocolTime)
      .executeTakeFirst()
    if (row === undefined) return {}
    const found = await world.personKeys.find(db, row.person_id)
    if (found.kind !== 'present') return {}
    const opened = found.key.open(placeOf(grantId), row.sealed)
    return JSON.parse(new TextDecoder().decode(opened)) as Record<string, unknown>
  })
}

/** Takes back what a provider could still fetch of a person, inside the caller's transaction. */
export async function endReleases(
  tx: Transaction<PlatformTables>,
  of: { readonly personId: string; readonly providerId: string },
): Promise<void> {
  await tx
    .deleteFrom('release')
    .where('person_id', '=', of.personId)
    .where('provider_id', '=', of.providerId)
    .execute()
}

/** The same at every provider. */
export async function endAllReleases(
  tx: Transaction<PlatformTables>,
  personId: string,
): Promise<void> {
  await tx.deleteFrom('release').where('person_id', '=', personId).execute()
}

/** Removes releases that have run out. */
export async function sweepReleases(
  world: Pick<World, 'store'>,
  protocolTime: number,
): Promise<void> {
  await world.store.transaction(tx =>
    tx.deleteFrom('release').where('expires_at', '<', protocolTime).execute(),
  )
}
