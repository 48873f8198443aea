/** The one place where a refusal becomes an answer: a problem document, or a page for a browser. */
import type { ServerResponse } from 'node:http'
import { problemOf, Refusal } from '@sekisho/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'

/** The two languages of every screen. */
export type Locale = 'ja' | 'en'

/** What was asked for when it was refused: a page can lead back from a form to where it stood. `path` is without query. */
export type RefusedRequest = { readonly method: string; readonly path: string }

/** Renders a refusal as a whole HTML page. */
export type RefusalPage = (refusal: Refusal, locale: Locale, refused: RefusedRequest) => string

/**
 * What was thrown, as a refusal: itself; `request-malformed` with the paths of the wrong fields (not
 * their values) from a schema, or from Fastify's own parsing; `request-too-large`. Undefined for
 * everything else, which is a fault.
 */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error
  if (hasZodFastifySchemaValidationErrors(error)) {
    const where = error.validationContext ?? 'request'
    const paths = error.validation.map(issue => fieldPath(where, issue.instancePath))
    return new Refusal('request-malformed', { fields: [...new Set(paths)].join(' ') })
  }
  const status = fastifyStatusOf(error)
  if (status === 413) return new Refusal('request-too-large')
  if (status === 415) return new Refusal('request-malformed', { fields: 'content-type' })
  if (status !== undefined && status >= 400 && status < 500) {
    return new Refusal('request-malformed', { fields: 'body' })
  }
  return undefined
}

/** Answers with a refusal in the form the request prefers. */
export function answerRefusal(
  request: FastifyRequest,
  reply: FastifyReply,
  refusal: Refusal,
  page: RefusalPage | undefined,
): FastifyReply {
  const problem = problemOf(refusal)
  reply.code(problem.status).header('cache-control', 'no-store')
  // Past the route's own response schema, which describes successes.
  reply.serializer(text => String(text))
  if (page !== undefined && prefersHtml(request)) {
    const refused = { method: request.method, path: request.url.replace(/\?.*$/s, '') }
    return reply.type('text/html; charset=utf-8').send(page(refusal, localeOf(request), refused))
  }
  return reply.type('application/problem+json').send(JSON.stringify(problem))
}

/** The same for a bare response, before Fastify has seen the request. */
export function writeRefusal(response: ServerResponse, refusal: Refusal): void {
  const problem = problemOf(refusal)
  response.writeHead(problem.status, { 'content-type': 'application/problem+json' })
  response.end(JSON.stringify(problem))
}

/**
 * The language of a page: the query's `lang`, else the cookie that remembers an earlier choice, else Japanese. The browser's
 * Accept-Language is not asked, as on every other screen.
 */
function localeOf(request: FastifyRequest): Locale {
  const chosen = chosenLocale(request)
  if (chosen !== undefined) return chosen
  return /(?:^|;\s*)lang=en(?:;|$)/.test(request.headers.cookie ?? '') ? 'en' : 'ja'
}

/** The language that the address of a request chooses, if it does. */
export function chosenLocale(request: FastifyRequest): Locale | undefined {
  const asked = queryField(request.query, 'lang')
  return asked === 'ja' || asked === 'en' ? asked : undefined
}

/** Browsers name HTML outright; tools send a star or JSON. */
function prefersHtml(request: FastifyRequest): boolean {
  return /\btext\/html\b/i.test(request.headers.accept ?? '')
}

/** `/items/0/name` in the body becomes `body.items.0.name`. */
function fieldPath(where: string, instancePath: string): string {
  const path = instancePath.split('/').filter(part => part !== '')
  return [where, ...path.map(part => (/^[\w-]{1,40}$/.test(part) ? part : '?'))].join('.')
}

/** The status of an error that Fastify itself raised while reading a request. */
function fastifyStatusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('statusCode' in error)) return undefined
  const raisedThere =
    error instanceof SyntaxError ||
    ('code' in error && typeof error.code === 'string' && error.code.startsWith('FST_'))
  return raisedThere && typeof error.statusCode === 'number' ? error.statusCode : undefined
}

function queryField(query: unknown, name: string): unknown {
  return typeof query === 'object' && query !== null ? Reflect.get(query, name) : undefined
}
