/**
 * How much one provider may ask, so that all the others are served (C6): a rate with a burst for each, and a fair share of what a node can have
 * in progress when it is full. In memory: each node gives each provider its rate. Times are protocol time.
 */
import { Refusal } from '@sekisho/contract'
import { protocolNow } from '@sekisho/runtime/clock'
import type { App, Request } from '@sekisho/runtime/http'
import type { Provider } from '../providers/registry.ts'

/** Requests of providers in progress on one node before it is full. */
const inProgressMax = 512
/** Requests of anybody in progress, past which nothing more is begun. */
const everythingMax = 4 * inProgressMax
/** Requests at once beside the rate: what two seconds of it allow. */
const burstSeconds = 2
/** Providers whose rate is kept in mind; those seen longest ago are forgotten, with a full burst. */
const providersMax = 10_000

type Use = { tokens: number; at: number; inProgress: number }

/** What is in progress and was asked, by provider. */
export function createLimits(now: () => number = protocolNow) {
  const uses = new Map<string, Use>()
  let inProgress = 0
  /** Providers with something in progress. */
  let active = 0
  const useOf = ({ id, metadata }: Provider): Use => {
    const perSecond = metadata.sekisho_rate_per_second
    const at = now()
    const known = uses.get(id)
    const kept = known ?? { tokens: perSecond * burstSeconds, at, inProgress: 0 }
    kept.tokens = Math.min(
      perSecond * burstSeconds,
      kept.tokens + ((at - kept.at) / 1000) * perSecond,
    )
    kept.at = at
    if (known === undefined) {
      for (const [other, use] of uses) {
        if (uses.size < providersMax) break
        if (use.inProgress === 0) uses.delete(other)
      }
      uses.set(id, kept)
    }
    return kept
  }
  return {
    /**
     * Lets a request of a provider in; what is returned ends it. Refusals `rate-exceeded`; `node-overloaded` when the node is full and the
     * provider has its share, or everything is full.
     */
    enter(provider: Provider): () => void {
      const use = useOf(provider)
      if (use.tokens < 1) throw new Refusal('rate-exceeded')
      if (inProgress >= inProgressMax) {
        const share = inProgressMax / Math.max(active, 1)
        // Who asks for little gets in while those who fill the node wait.
        if (use.inProgress >= share || inProgress >= 2 * inProgressMax)
          throw new Refusal('node-overloaded')
      }
      use.tokens--
      if (use.inProgress++ === 0) active++
      inProgress++
      return () => {
        if (--use.inProgress === 0) active--
        inProgress--
      }
    },
  }
}

/**
 * Adds the hooks: nothing is begun past what the node can hold at all, who is refused for load is told when to come back, and what was let
 * in by `enter` ends with its answer.
 */
export function limitCalls(app: App): (request: Request, provider: Provider) => void {
  const limits = createLimits()
  const ends = new WeakMap<Request, () => void>()
  let everything = 0
  const begun = new WeakSet<Request>()
  app.addHook('onRequest', async request => {
    const isProbe = request.url === '/health' || request.url === '/ready'
    if (everything >= everythingMax && !isProbe) throw new Refusal('node-overloaded')
    everything++
    begun.add(request)
  })
  const end = (request: Request): void => {
    if (begun.delete(request)) everything--
    ends.get(request)?.()
    ends.delete(request)
  }
  app.addHook('onResponse', async request => end(request))
  app.addHook('onRequestAbort', async request => end(request))
  app.addHook('onError', async (_request, reply, error) => {
    if (error instanceof Refusal && ['rate-exceeded', 'node-overloaded'].includes(error.code))
      reply.header('retry-after', '1')
  })
  return (request, provider) => {
    if (!ends.has(request)) ends.set(request, limits.enter(provider))
  }
}
