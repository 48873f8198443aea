/** Cookies (RFC 6265bis), each made once and then read and written through that one object. */
import type { FastifyReply, FastifyRequest } from 'fastify'

/** One cookie of one program. */
export interface Cookie {
  /** The name on the wire, with its prefix. */
  readonly name: string
  /**
   * The value a request carries. Undefined when absent, and also when the name comes twice:
   * somebody beside us has planted one, and which is ours cannot be known.
   */
  read(request: Pick<FastifyRequest, 'headers'>): string | undefined
  /** Adds it to an answer. */
  write(reply: FastifyReply, value: string): void
  /** Tells the browser to forget it. */
  clear(reply: FastifyReply): void
}

/**
 * Declares a cookie: HttpOnly always; Secure under https, then with the prefix `__Host-` (or
 * `__Secure-` when it is bound to a path), so that neither a sister host nor plain http can plant
 * it. Values are text of the cookie alphabet, such as base64url; nothing is encoded.
 *
 * `sameSite` is written down at every call: `strict` for what only our own pages send, `lax` where
 * another site sends the browser here. Without `maxAgeSeconds` it ends with the browser session.
 */
export function createCookie(given: {
  readonly name: string
  readonly publicOrigin: string
  readonly sameSite: 'strict' | 'lax'
  readonly path?: string
  readonly maxAgeSeconds?: number
}): Cookie {
  const path = given.path ?? '/'
  const secure = given.publicOrigin.startsWith('https:')
  const prefix = secure ? (path === '/' ? '__Host-' : '__Secure-') : ''
  const name = `${prefix}${given.name}`
  if (!/^[\w-]+$/.test(given.name) || !/^\/[\w/.-]*$/.test(path)) {
    throw new Error(`${given.name} cannot be a cookie`)
  }
  const attributes = [
    `Path=${path}`,
    'HttpOnly',
    `SameSite=${given.sameSite === 'strict' ? 'Strict' : 'Lax'}`,
    ...(secure ? ['Secure'] : []),
  ].join('; ')

  const send = (reply: FastifyReply, pair: string, maxAgeSeconds: number | undefined): void => {
    const age = maxAgeSeconds === undefined ? '' : `; Max-Age=${maxAgeSeconds}`
    // Fastify gathers several of this one header instead of replacing it.
    reply.header('set-cookie', `${pair}; ${attributes}${age}`)
  }
  return {
    name,
    read(request) {
      const values = pairsOf(request.headers.cookie ?? '').filter(([found]) => found === name)
      return values.length === 1 ? values[0]?.[1] : undefined
    },
    write(reply, value) {
      if (!/^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{0,3800}$/.test(value)) {
        throw new Error(`the value does not fit the cookie ${name}`)
      }
      send(reply, `${name}=${value}`, given.maxAgeSeconds)
    },
    clear(reply) {
      send(reply, `${name}=`, 0)
    },
  }
}

function pairsOf(header: string): readonly (readonly [string, string])[] {
  return header.split(';').map(pair => {
    const equals = pair.indexOf('=')
    if (equals < 0) return ['', pair.trim()]
    return [pair.slice(0, equals).trim(), pair.slice(equals + 1).trim()]
  })
}
