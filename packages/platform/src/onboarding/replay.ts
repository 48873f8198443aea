/**
 * Puts a traced request of a sandbox service to the interface again (C6), through all of its doors but the access token: instead of one
 * it carries a ticket that this process made, that serves once and for a moment.
 */
import { Refusal } from '@sekisho/contract'
import { protocolNow } from '@sekisho/runtime/clock'
import type { App } from '@sekisho/runtime/http'
import type { Random } from '@sekisho/runtime/random'
import type { Provider } from '../providers/registry.ts'
import type { Trace } from './trace.ts'

/** Tickets of this process. */
export function createReplayTickets(random: Random) {
  const open = new Map<string, { readonly providerId: string; readonly until: number }>()
  return {
    issue(providerId: string): string {
      const now = protocolNow()
      for (const [ticket, { until }] of open) if (until <= now) open.delete(ticket)
      const ticket = random.token(ticketBits)
      open.set(ticket, { providerId, until: now + ticketMs })
      return ticket
    },
    /** Whose ticket it is; it is used up. */
    redeem(ticket: string): string | undefined {
      const found = open.get(ticket)
      open.delete(ticket)
      return found !== undefined && found.until > protocolNow() ? found.providerId : undefined
    },
  }
}
export type ReplayTickets = ReturnType<typeof createReplayTickets>

/** What came of it. */
export type Replayed = { readonly status: number; readonly body: string }

/** Whether a trace can be put again: a call with a body, of no single thing. */
export function isReplayable(trace: Pick<Trace, 'what' | 'body'>): boolean {
  return /^POST \/v1\/[a-z-]+$/.test(trace.what) && trace.body !== null
}

/** Puts it again. Refusal `not-found` for a trace that cannot be, `provider-suspended` and everything else from the interface itself. */
export async function replay(
  given: { readonly api: App; readonly tickets: ReplayTickets; readonly random: Random },
  provider: Provider,
  trace: Trace,
): Promise<Replayed> {
  const isSandbox = provider.metadata.sekisho_stage === 'sandbox'
  if (!isSandbox || trace.providerId !== provider.id || !isReplayable(trace))
    throw new Refusal('not-found')
  const answer = await given.api.inject({
    method: 'POST',
    url: trace.what.slice('POST '.length),
    headers: {
      authorization: `Bearer ${given.tickets.issue(provider.id)}`,
      'content-type': 'application/json',
      accept: 'application/json',
      'idempotency-key': given.random.token(ticketBits),
    },
    payload: JSON.stringify(trace.body),
  })
  return { status: answer.statusCode, body: answer.body.slice(0, bodyMax) }
}

const ticketBits = 256
const ticketMs = 5000
const bodyMax = 20_000
