import { isRefusalCode, type RefusalCode } from '@sekisho/contract'

/**
 * The platform refused, or could not be understood. `code` is a refusal code of the platform (its list is served at
 * `/refusals`), or `unexpected` when the answer was none of the documented ones: then `cause` holds what came.
 */
export class SekishoError extends Error {
  readonly code: RefusalCode | 'unexpected'
  /** HTTP status when the refusal came over the API. */
  readonly status: number | undefined

  constructor(
    code: RefusalCode | 'unexpected',
    options: { cause?: unknown; status?: number } = {},
  ) {
    super(`sekisho: ${code}`, { cause: options.cause })
    this.name = 'SekishoError'
    this.code = code
    this.status = options.status
  }
}

/** The refusal inside a problem document or an OAuth error, if there is one. */
export function refusalIn(value: unknown): RefusalCode | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const members = value as Record<string, unknown>
  for (const member of [members.code, members.error_description, members.error])
    if (typeof member === 'string' && isRefusalCode(member)) return member
  return members.cause === undefined ? undefined : refusalIn(members.cause)
}

/** Any thrown value as a {@link SekishoError}; one already of that kind passes through. */
export function failureOf(thrown: unknown): SekishoError {
  if (thrown instanceof SekishoError) return thrown
  return new SekishoError(refusalIn(thrown) ?? 'unexpected', { cause: thrown })
}
