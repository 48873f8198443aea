/**
 * Whether a reader may answer this origin at all: HTTPS, or HTTP on the loopback, in serialised form (RFC 6454 §6.2;
 * W3C Secure Contexts §3.1). `null`, paths, default ports written out and capitals are not.
 */
export function isSecureOrigin(origin: string): boolean {
  if (!URL.canParse(origin)) return false
  const url = new URL(origin)
  if (url.origin !== origin || url.host === '') return false
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
}

function isLoopback(host: string): boolean {
  return (
    host === 'localhost' ||
    host.endsWith('.localhost') ||
    host === '[::1]' ||
    /^127\.\d+\.\d+\.\d+$/.test(host)
  )
}
