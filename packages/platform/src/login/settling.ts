/** How a request of the OpenID protocol ends: what it changed is written before it is answered, and a conflict is the answer in place of another. */
import type { IncomingMessage } from 'node:http'
import { type Configuration, errors, type KoaContextWithOIDC } from 'oidc-provider'
import type { Conflict } from './protocol-change.ts'
import type { ProtocolRequests } from './protocol-request.ts'
import { errorOf } from './protocol-state.ts'

/** Endpoints whose changes are all the library's own, so that they can wait for the end. */
const deferringPath = /^\/oidc\/(?:par|token|introspection|authorize(?:\/[\w-]+)?)(?:\?|$)/

/**
 * Whether what a request changes waits for its end. A proof of possession (RFC 9449) is refused otherwise than an assertion, so requests with
 * one are written as they go.
 */
export function isDeferring(request: IncomingMessage): boolean {
  return deferringPath.test(request.url ?? '') && request.headers['dpop'] === undefined
}

/** Writes what waits after everything else was done, also after an error, which takes back no note that an assertion was used. */
export function settling(requests: ProtocolRequests, configured: Configuration) {
  return async (ctx: KoaContextWithOIDC, next: () => Promise<void>): Promise<void> => {
    try {
      await next()
    } finally {
      await settle(ctx, requests, configured)
    }
  }
}

async function settle(
  ctx: KoaContextWithOIDC,
  requests: ProtocolRequests,
  configured: Configuration,
): Promise<void> {
  try {
    const conflict = await requests.settle()
    if (conflict !== undefined) await refuse(ctx, configured, refusalOf(conflict))
  } catch (fault) {
    if (!(fault instanceof Error)) throw fault
    await refuse(ctx, configured, new Unwritten())
    ctx.oidc.provider.emit('server_error', ctx, fault)
  }
}

/** As the library tells a fault. */
class Unwritten extends errors.OIDCProviderError {
  constructor() {
    super(500, 'server_error')
    this.error_description = 'oops! something went wrong'
  }
}

/** A note that was there before is an assertion that was shown before: the provider is not authenticated. */
function refusalOf(conflict: Conflict): errors.OIDCProviderError {
  return conflict.act === 'note'
    ? new errors.InvalidClientAuth('the assertion was used before')
    : errorOf(conflict)
}

async function refuse(
  ctx: KoaContextWithOIDC,
  configured: Configuration,
  error: errors.OIDCProviderError,
): Promise<void> {
  const out = {
    error: error.error,
    ...(error.error_description === undefined
      ? {}
      : { error_description: error.error_description }),
  }
  ctx.remove('location')
  ctx.status = error.statusCode
  if (ctx.accepts('json', 'html') === 'html') await configured.renderError?.(ctx, out, error)
  else ctx.body = out
}
