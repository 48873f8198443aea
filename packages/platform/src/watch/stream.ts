/**
 * A provider's event stream (C14): how it wants to hear of changes, in the terms of the Shared Signals Framework. One stream a provider;
 * without one nothing is watched for it.
 */
import { Refusal } from '@sekisho/contract'
import type { Instant } from '@sekisho/runtime/clock'
import type { Reader, Store } from '@sekisho/runtime/store'
import { z } from 'zod'
import type { PlatformTables } from '../database.ts'
import type { Provider } from '../providers/registry.ts'

/** What a change means for the contracted purpose. A name of ours; the framework's own do not fit. */
export const changeEvent = 'urn:sekisho:secevent:person-changed'
/** Two ids of a provider name one person now, or one of them may have named two people (C4). Names of ours as well. */
export const subjectMergedEvent = 'urn:sekisho:secevent:subjects-merged'
export const subjectSplitEvent = 'urn:sekisho:secevent:subject-split'
/** SSF 1.0 §8.1.4. */
export const verificationEvent = 'https://schemas.openid.net/secevent/ssf/event-type/verification'
/** RFC 8935 and RFC 8936 as SSF names them. */
export const deliveryMethods = {
  push: 'urn:ietf:rfc:8935',
  poll: 'urn:ietf:rfc:8936',
} as const

/** What a provider sends to have a stream. */
export const streamRequest = z.strictObject({
  delivery: z.discriminatedUnion('method', [
    z.strictObject({
      method: z.literal(deliveryMethods.push),
      endpoint_url: z.url().max(2000),
      /** Sent with each push as it is. */
      authorization_header: z.string().max(500).optional(),
    }),
    z.strictObject({ method: z.literal(deliveryMethods.poll) }),
  ]),
})
export type StreamRequest = z.output<typeof streamRequest>

/** A stream as its provider sees it (SSF 1.0 §8.1.1). */
export type Stream = {
  readonly stream_id: string
  readonly iss: string
  readonly aud: string
  readonly delivery: { readonly method: string; readonly endpoint_url: string }
  readonly events_supported: readonly string[]
  readonly events_delivered: readonly string[]
}

type World = { readonly store: Store<PlatformTables>; readonly issuer: string }

/**
 * Makes a provider's stream, or changes how it is delivered. Refusal `redirect-mismatch` for an endpoint at another origin than those
 * the provider is registered with: nobody has us call strangers.
 */
export async function putStream(
  world: World,
  provider: Provider,
  request: StreamRequest,
  at: Instant,
): Promise<Stream> {
  const { delivery } = request
  const isPush = delivery.method === deliveryMethods.push
  if (isPush && !ownOrigins(provider).has(new URL(delivery.endpoint_url).origin))
    throw new Refusal('redirect-mismatch')
  const chosen = {
    delivery: isPush ? ('push' as const) : ('poll' as const),
    endpoint: isPush ? delivery.endpoint_url : null,
    authorization_header: isPush ? (delivery.authorization_header ?? null) : null,
  }
  await world.store.transaction(tx =>
    tx
      .insertInto('watch_stream')
      .values({ provider_id: provider.id, ...chosen, created_at: at })
      .onConflict(conflict => conflict.column('provider_id').doUpdateSet(chosen))
      .execute(),
  )
  const stream = await world.store.read(db => findStream(db, world.issuer, provider.id))
  if (stream === undefined) throw new Error('a stream that was just made is gone')
  return stream
}

function ownOrigins({ metadata }: Provider): ReadonlySet<string> {
  return new Set(metadata.redirect_uris.map(each => new URL(each).origin))
}

/** A provider's stream; undefined: it has none. */
export async function findStream(
  db: Reader<PlatformTables>,
  issuer: string,
  providerId: string,
): Promise<Stream | undefined> {
  const row = await db
    .selectFrom('watch_stream')
    .select(['delivery', 'endpoint'])
    .where('provider_id', '=', providerId)
    .executeTakeFirst()
  if (row === undefined) return undefined
  return {
    stream_id: providerId,
    iss: issuer,
    aud: providerId,
    delivery: {
      method: deliveryMethods[row.delivery],
      endpoint_url: row.endpoint ?? `${issuer}/v1/ssf/poll`,
    },
    events_supported: events,
    events_delivered: events,
  }
}

const events = [changeEvent, subjectMergedEvent, subjectSplitEvent]

/** Ends a stream, with what was not fetched. */
export async function removeStream(world: World, providerId: string): Promise<void> {
  await world.store.transaction(async tx => {
    await tx.deleteFrom('watch_event').where('provider_id', '=', providerId).execute()
    await tx.deleteFrom('watch_stream').where('provider_id', '=', providerId).execute()
  })
}
