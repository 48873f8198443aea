/** A small web site of several hosts for the tests of the headless reader; tests only. */
import { createServer, type IncomingMessage } from 'node:http'

/** One answer of the site. */
export type SiteAnswer = {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly html?: string
}

/** A request as the site saw it. */
export type SeenRequest = {
  readonly method: string
  readonly host: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly form: URLSearchParams
}

/** A running site; `origin(name)` is `http://<name>:<port>`. */
export type Site = {
  origin(host: string): string
  readonly seen: SeenRequest[]
  close(): Promise<void>
}

/** Starts a site on the loopback that answers every host by `answer`. */
export async function startSite(answer: (request: SeenRequest) => SiteAnswer): Promise<Site> {
  const seen: SeenRequest[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const one: SeenRequest = {
        method: request.method ?? '',
        host: (request.headers.host ?? '').split(':')[0] ?? '',
        path: request.url ?? '',
        headers: request.headers,
        form: new URLSearchParams(Buffer.concat(chunks).toString()),
      }
      seen.push(one)
      const { status, headers, html } = answer(one)
      response.statusCode = status ?? 200
      response.setHeader('content-type', 'text/html; charset=utf-8')
      for (const [name, value] of Object.entries(headers ?? {})) {
        response.setHeader(name, typeof value === 'string' ? value : [...value])
      }
      response.end(html ?? '')
    })
  })
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    origin: host => `http://${host}:${port}`,
    seen,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
