/**
 * Forms of our own pages (cross-site request forgery). Beside the SameSite attribute of every cookie, a POST must say that it
 * comes from this origin: browsers always name it (Fetch §3.2), so a missing or other one is refused.
 */
import { Refusal } from '@sekisho/contract'
import type { Request } from '@sekisho/runtime/http'

/** Refusal `origin-foreign` unless the request was sent by a page of `origin`. */
export function assertOwnPost(request: Pick<Request, 'headers'>, origin: string): void {
  const site = request.headers['sec-fetch-site']
  const isOwn = request.headers.origin === origin && (site === undefined || site === 'same-origin')
  if (!isOwn) throw new Refusal('origin-foreign')
}
