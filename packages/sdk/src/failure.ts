import { isRefusalCode, type RefusalCode } from '@sekisho/contract'

/**
 * The platform refused, could not be reached, or could not be understood. `code` is a refusal code of the platform (its list is
 * served at `/refusals`, with causes and remedies in both languages), `platform-unreachable` when no answer came, or
 * `unexpected` when the answer was none of the documented ones: then `cause` holds what came.
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

/** Libraries wrap what they catch; deeper than this is no longer about our call. */
const depthMax = 6

/** The refusal inside a problem document, an OAuth error or an error that wraps one, if there is any. */
export function refusalIn(value: unknown, depth = 0): RefusalCode | undefined {
  if (typeof value !== 'object' || value === null || depth > depthMax) return undefined
  const members: Record<string, unknown> = { ...ownMembers(value) }
  for (const member of [members.code, members.error_description, members.error])
    if (typeof member === 'string' && isRefusalCode(member)) return member
  return refusalIn(members.cause, depth + 1)
}

/** An error's members are not enumerable, some are inherited getters. */
function ownMembers(value: object): Record<string, unknown> {
  return Object.fromEntries(
    ['code', 'error_description', 'error', 'cause'].map(name => [name, Reflect.get(value, name)]),
  )
}

/** Any thrown value as a {@link SekishoError}; one already of that kind, wrapped or not, passes through. */
export function failureOf(thrown: unknown): SekishoError {
  for (let found = thrown, depth = 0; depth <= depthMax && found instanceof Error; depth++) {
    if (found instanceof SekishoError) return found
    found = found.cause
  }
  return new SekishoError(refusalIn(thrown) ?? 'unexpected', { cause: thrown })
}
