/**
 * Device codes (RFC 8628) from the person's side: the code that a television shows is typed on a phone or computer, which takes it up;
 * from then on it is that browser's alone. Who guesses codes is stopped. Times are protocol time.
 */
import { Refusal } from '@sekisho/contract'
import { type Instant, protocolNow } from '@sekisho/runtime/clock'
import type { Random } from '@sekisho/runtime/random'
import type { Store } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { sha256Hex } from '../evidence/hash.ts'
import type { Browser } from '../login/ceremony.ts'
import { findWaitingDevice } from '../login/deferred.ts'

/** Milliseconds a code may be answered for, at most; the code itself ends sooner. */
const lifetimeMs = 10 * 60 * 1000

/** Wrong codes of one browser in ten minutes: more than a person mistypes. */
const missesMax = 5
/**
 * Wrong codes of all browsers in ten minutes. There are 20^8 codes: with a thousand that wait, ten thousand guesses find one of them with a
 * chance of 1 in 2,500, and a person still has to use a card.
 */
const allMissesMax = 10_000

/** Bits of an approval's address. */
const idBits = 256

type DeviceWorld = { readonly store: Store<PlatformTables>; readonly random: Random }

/**
 * Takes up the device code that shows this user code for a browser; the approval's id. The same browser again gets the same. Refusals
 * `user-code-unknown` when there is none, or another browser has it; `user-code-limit` when too many were wrong.
 */
export async function takeUp(
  world: DeviceWorld,
  userCode: string,
  browser: Browser,
): Promise<string> {
  const digest = sha256Hex(Buffer.from(browser.secret))
  const at = protocolNow()
  await assertFewMisses(world.store, digest, at)
  const device = await findWaitingDevice(world.store, userCode)
  const taken =
    device === undefined ? undefined : await take(world, device.id, { browser: digest, at })
  if (taken !== undefined) return taken
  await world.store.transaction(tx =>
    tx.insertInto('user_code_miss').values({ browser: digest, at }).execute(),
  )
  throw new Refusal('user-code-unknown')
}

async function take(
  world: DeviceWorld,
  deviceId: string,
  by: { readonly browser: string; readonly at: Instant },
): Promise<string | undefined> {
  return world.store.transaction(async tx => {
    await tx
      .insertInto('device_approval')
      .values({
        id: world.random.token(idBits),
        device_id: deviceId,
        browser: by.browser,
        expires_at: by.at + lifetimeMs,
      })
      .onConflict(conflict => conflict.column('device_id').doNothing())
      .execute()
    const row = await tx
      .selectFrom('device_approval')
      .select(['id', 'browser'])
      .where('device_id', '=', deviceId)
      .executeTakeFirstOrThrow()
    return row.browser === by.browser ? row.id : undefined
  })
}

/** The device code of an approval, for the browser that took it up. Refusal `interaction-unknown`. */
export async function deviceOf(
  store: Store<PlatformTables>,
  id: string,
  browser: Browser | undefined,
): Promise<string> {
  const row = await store.read(db =>
    db
      .selectFrom('device_approval')
      .select(['device_id', 'browser'])
      .where('id', '=', id)
      .where('expires_at', '>', protocolNow())
      .executeTakeFirst(),
  )
  const isOwn = browser !== undefined && row?.browser === sha256Hex(Buffer.from(browser.secret))
  if (row === undefined || !isOwn) throw new Refusal('interaction-unknown')
  return row.device_id
}

/** Removes what has run out. */
export async function sweepDevices(store: Store<PlatformTables>): Promise<void> {
  const now = protocolNow()
  await store.transaction(async tx => {
    await tx.deleteFrom('device_approval').where('expires_at', '<', now).execute()
    await tx
      .deleteFrom('user_code_miss')
      .where('at', '<', now - lifetimeMs)
      .execute()
  })
}

async function assertFewMisses(
  store: Store<PlatformTables>,
  browser: string,
  at: Instant,
): Promise<void> {
  const { own, all } = await store.read(db =>
    db
      .selectFrom('user_code_miss')
      .select(({ fn }) => [
        fn.countAll<number>().filterWhere('browser', '=', browser).as('own'),
        fn.countAll<number>().as('all'),
      ])
      .where('at', '>', at - lifetimeMs)
      .executeTakeFirstOrThrow(),
  )
  if (own >= missesMax || all >= allMissesMax) throw new Refusal('user-code-limit')
}
