/** Headers that every answer carries, and the one of them that a page may have to widen. */

/**
 * Changes to the default policy by directive, `{ 'script-src': ["'self'"] }`; an empty list removes
 * the directive.
 */
export type PolicyOverrides = Readonly<Record<string, readonly string[]>>

/**
 * The Content-Security-Policy (CSP Level 3) of a page. The default lets a page use this origin's
 * style sheets, images and fonts, post its forms here, and be framed by nobody. A route widens it by
 * `reply.header('content-security-policy', contentSecurityPolicy({ … }))`.
 *
 * Note that browsers apply `form-action` to redirects too: a form whose answer sends the browser
 * on to another origin must name that origin.
 */
export function contentSecurityPolicy(overrides: PolicyOverrides = {}): string {
  const directives: PolicyOverrides = { ...defaultPolicy, ...overrides }
  return Object.entries(directives)
    .filter(([, sources]) => sources.length > 0)
    .map(([directive, sources]) => {
      if (!/^[a-z-]+$/.test(directive) || sources.some(source => /[;,\s]/.test(source))) {
        throw new Error(`${directive} cannot be written into a policy`)
      }
      return `${directive} ${sources.join(' ')}`
    })
    .join('; ')
}

/** The headers of every answer of a server under this origin. Each may be set anew by a route. */
export function securityHeaders(publicOrigin: string): readonly (readonly [string, string])[] {
  return [
    ['content-security-policy', contentSecurityPolicy()],
    ['x-content-type-options', 'nosniff'],
    ['referrer-policy', 'same-origin'],
    ['cross-origin-resource-policy', 'same-origin'],
    ['permissions-policy', 'camera=(), geolocation=(), microphone=()'],
    ['cache-control', 'no-store'],
    ...(publicOrigin.startsWith('https:')
      ? ([['strict-transport-security', 'max-age=63072000']] as const)
      : []),
  ]
}

const defaultPolicy: PolicyOverrides = {
  'default-src': ["'none'"],
  'style-src': ["'self'"],
  'img-src': ["'self'"],
  'font-src': ["'self'"],
  'form-action': ["'self'"],
  'base-uri': ["'none'"],
  'frame-ancestors': ["'none'"],
}
