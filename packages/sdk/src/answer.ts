/** How the SDK asks: one `fetch` whose failures and refusals are already {@link SekishoError}s. */
import { failureOf, refusalIn, SekishoError } from './failure.ts'

/** A call, and whether asking twice is the same as asking once. */
export type Asking = { readonly url: string; readonly init: RequestInit; readonly isSafe: boolean }

/** Milliseconds after which an answer no longer comes. */
const waitMs = 30_000
/** A safe call is put a second time: a kept connection may have been closed by the other side at that moment. */
const safeAttemptsMax = 2
/** What stands in front of a platform that is not there. */
const gatewayStatuses: ReadonlySet<number> = new Set([502, 503, 504])

/**
 * Asks, and reads the whole answer. Throws `platform-unreachable` when there is none, and the platform's own code for a problem
 * document (RFC 9457); every other answer comes back, OAuth errors included.
 */
export async function ask(doFetch: typeof fetch, asking: Asking): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    const answer = await askOnce(doFetch, asking)
    const isLast = !asking.isSafe || attempt >= safeAttemptsMax
    if (answer instanceof SekishoError) {
      if (isLast || answer.code !== 'platform-unreachable') throw answer
    } else return answer
  }
}

async function askOnce(
  doFetch: typeof fetch,
  { url, init }: Asking,
): Promise<Response | SekishoError> {
  try {
    const signals = [AbortSignal.timeout(waitMs), ...(init.signal ? [init.signal] : [])]
    const answer = await doFetch(url, { ...init, signal: AbortSignal.any(signals) })
    const body = await answer.arrayBuffer()
    return (
      refused(answer, body) ??
      new Response(body.byteLength === 0 ? null : body, {
        status: answer.status,
        headers: answer.headers,
      })
    )
  } catch (cause) {
    return new SekishoError('platform-unreachable', { cause })
  }
}

function refused(answer: Response, body: ArrayBuffer): SekishoError | undefined {
  const { status } = answer
  if (status < 400) return undefined
  const type = answer.headers.get('content-type') ?? ''
  if (!/\bjson\b/.test(type))
    return gatewayStatuses.has(status)
      ? new SekishoError('platform-unreachable', { status })
      : undefined
  if (!type.startsWith('application/problem+json')) return undefined
  const problem = parsed(body)
  return new SekishoError(refusalIn(problem) ?? 'unexpected', { status, cause: problem })
}

function parsed(body: ArrayBuffer): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body))
  } catch (cause) {
    throw failureOf(cause)
  }
}
