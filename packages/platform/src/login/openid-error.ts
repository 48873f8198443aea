/** Our refusal codes in the errors of the OpenID protocol. */
import { isRefusalCode, problemOf, Refusal, type RefusalCode } from '@sekisho/contract'
import { errors, type KoaContextWithOIDC } from 'oidc-provider'

/** Adds our refusal code and its texts to every OAuth error: in JSON as members, in a redirect as the description. */
export async function codeErrors(
  ctx: KoaContextWithOIDC,
  next: () => Promise<void>,
): Promise<void> {
  await next()
  const location = ctx.response.get('location')
  if (location !== '' && URL.canParse(location)) {
    const coded = withCode(ctx, new URL(location))
    if (coded !== undefined) ctx.set('location', coded)
    return
  }
  const body: unknown = ctx.body
  if (ctx.status < 400 || typeof body !== 'object' || body === null || !('error' in body)) return
  // What a person answered elsewhere has its code already.
  const told = 'error_description' in body ? String(body.error_description) : ''
  const { title, title_ja, remedy, remedy_ja, actor, retry, code } = problemOf(
    new Refusal(isRefusalCode(told) ? told : codeOf(ctx, String(body.error), undefined)),
  )
  ctx.body = { ...body, code, title, title_ja, remedy, remedy_ja, actor, retry }
}

/** The address that takes an error back to a provider, with the code as its description unless it is one already. */
function withCode(ctx: KoaContextWithOIDC, url: URL): string | undefined {
  const error = url.searchParams.get('error')
  if (error === null || isRefusalCode(url.searchParams.get('error_description') ?? ''))
    return undefined
  url.searchParams.set('error_description', codeOf(ctx, error, undefined))
  return url.href
}

/** Our code for an error of the library. */
export function codeOf(ctx: KoaContextWithOIDC, error: string, thrown: unknown): RefusalCode {
  if (thrown instanceof errors.SessionNotFound) return 'interaction-unknown'
  switch (error) {
    case 'invalid_redirect_uri':
      return 'redirect-mismatch'
    case 'invalid_client':
    case 'unauthorized_client':
      return ctx.oidc?.client === undefined && ctx.oidc?.route === 'authorization'
        ? 'provider-unknown'
        : 'provider-unauthenticated'
    case 'invalid_scope':
    case 'insufficient_scope':
      return 'scope-exceeded'
    case 'invalid_grant':
    case 'expired_token':
      return 'grant-ended'
    case 'temporarily_unavailable':
      return 'token-absent'
    case 'authorization_pending':
    case 'slow_down':
      return 'authorization-pending'
    case 'unknown_user_id':
      return 'person-unknown'
    case 'server_error':
      return 'internal-fault'
    default:
      return isWithoutPkce(ctx) ? 'pkce-missing' : 'authorization-malformed'
  }
}

function isWithoutPkce(ctx: KoaContextWithOIDC): boolean {
  const asks =
    ctx.oidc?.route === 'authorization' || ctx.oidc?.route === 'pushed_authorization_request'
  return asks && ctx.oidc.params !== undefined && ctx.oidc.params.code_challenge === undefined
}
