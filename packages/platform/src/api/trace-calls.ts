/** Notes what providers ask of the interface, for the inspector of their console (C6): all of the sandbox, of others what was refused. */
import { Refusal } from '@sekisho/contract'
import type { App, Request } from '@sekisho/runtime/http'
import type { Tracer } from '../onboarding/trace.ts'
import type { Provider } from '../providers/registry.ts'

/** Adds the hooks; what is returned tells them who asks. */
export function traceCalls(
  app: App,
  tracer: Tracer,
): (request: Request, provider: Provider) => void {
  const callers = new WeakMap<Request, Provider>()
  const refusals = new WeakMap<Request, string>()
  app.addHook('onError', async (request, _reply, error) => {
    if (error instanceof Refusal) refusals.set(request, error.code)
  })
  app.addHook('onResponse', async (request, reply) => {
    const provider = callers.get(request)
    if (provider === undefined) return
    const isSandbox = provider.metadata.sekisho_stage === 'sandbox'
    if (!isSandbox && reply.statusCode < 400) return
    tracer.note({
      providerId: provider.id,
      what: `${request.method} ${request.routeOptions.url ?? '(none)'}`,
      status: reply.statusCode,
      refusal: refusals.get(request) ?? null,
      ms: Math.round(reply.elapsedTime),
      body: isSandbox && isSmall(request) ? request.body : undefined,
    })
  })
  return (request, provider) => void callers.set(request, provider)
}

/** Bytes of a body that is kept. */
const bodyBytesMax = 64 * 1024

function isSmall(request: Request): boolean {
  return request.bodyBytes !== undefined && request.bodyBytes.length <= bodyBytesMax
}
