/** The tester of event delivery (C6): one verification event (SSF 1.0 §8.1.4) to the service's own address, and what came back. */
import { Refusal } from '@sekisho/contract'
import { protocolNow } from '@sekisho/runtime/clock'
import { type Fetch, NetworkFault } from '@sekisho/runtime/net'
import type { Random } from '@sekisho/runtime/random'
import { type ReceiptKey, signEvent } from '../confirm/receipt.ts'
import type { Provider } from '../providers/registry.ts'
import { verificationEvent } from '../watch/stream.ts'

/** What came back. */
export type WebhookTrial = {
  readonly sent: string
  /** Undefined: nothing came back. */
  readonly status: number | undefined
  readonly ms: number
  /** RFC 8935 §2.2: only 202 says that the event was taken. */
  readonly isTaken: boolean
}

/** Sends it. Refusal `redirect-mismatch` for an address at another origin than the service's redirects. */
export async function tryWebhook(
  world: {
    readonly issuer: string
    readonly receiptKey: ReceiptKey
    readonly random: Random
    readonly providerFetch: Fetch
  },
  provider: Provider,
  endpoint: string,
): Promise<WebhookTrial> {
  const origins = provider.metadata.redirect_uris.map(each => new URL(each).origin)
  if (!URL.canParse(endpoint) || !origins.includes(new URL(endpoint).origin))
    throw new Refusal('redirect-mismatch')
  const begun = protocolNow()
  const token = await signEvent(world.receiptKey, {
    iss: world.issuer,
    aud: provider.id,
    iat: Math.floor(begun / 1000),
    jti: world.random.token(128),
    sub_id: { format: 'opaque', id: provider.id },
    events: { [verificationEvent]: { state: 'tester' } },
  })
  const status = await post(world.providerFetch, endpoint, token)
  return { sent: token, status, ms: protocolNow() - begun, isTaken: status === 202 }
}

async function post(fetch: Fetch, endpoint: string, body: string): Promise<number | undefined> {
  try {
    const answer = await fetch(endpoint, {
      method: 'POST',
      redirect: 'error',
      headers: { 'content-type': 'application/secevent+jwt', accept: 'application/json' },
      body,
    })
    return answer.status
  } catch (error) {
    if (error instanceof NetworkFault || error instanceof TypeError) return undefined
    throw error
  }
}
