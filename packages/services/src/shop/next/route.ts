/**
 * A shop on Next.js that people log in to with their cards (D25): the handlers of `app/[...path]/route.ts`, which are functions of the
 * web's own `Request` and `Response`.
 */
import { createSite, type Sekisho } from '@sekisho/sdk'

/** What the route file exports. */
export type NextRoute = Readonly<Record<'GET' | 'POST', (request: Request) => Promise<Response>>>

/** Makes the handlers. */
export async function nextShop(
  sekisho: Sekisho,
  given: { readonly origin: string; readonly secret: string },
): Promise<NextRoute> {
  const site = await createSite(sekisho, { ...given, attributes: ['name'] })
  const answer = async (request: Request): Promise<Response> => {
    const visitor = await site.visitor(request.headers.get('cookie'))
    return Response.json({ subject: visitor?.subject ?? null, name: visitor?.claims.name ?? null })
  }
  const handle = async (request: Request) => (await site.handle(request)) ?? answer(request)
  return { GET: handle, POST: handle }
}
