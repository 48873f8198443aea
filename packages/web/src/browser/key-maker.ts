/** Makes a service's key in its maker's browser, as text: it runs in the page, never here. The private half never leaves the browser. */
import type { Asset } from '../asset.ts'

/**
 * A button with `data-key-maker="ID"` makes a P-256 key, writes its public half into the textarea ID as a JWK Set, and hands the private
 * half out as a file by the link beside it.
 */
export const keyMakerAsset: Asset = {
  path: '/assets/key-maker.js',
  contentType: 'text/javascript; charset=utf-8',
  body: `for (const button of document.querySelectorAll('button[data-key-maker]')) {
  button.hidden = false
  button.addEventListener('click', async () => {
    const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
    const { kty, crv, x, y, d } = await crypto.subtle.exportKey('jwk', pair.privateKey)
    // RFC 7638: the thumbprint over the required members in their order.
    const members = new TextEncoder().encode(JSON.stringify({ crv, kty, x, y }))
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', members))
    const kid = btoa(String.fromCharCode(...hash)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
    const common = { kty, crv, x, y, kid, alg: 'ES256' }
    document.getElementById(button.dataset.keyMaker).value = JSON.stringify({ keys: [{ ...common, use: 'sig' }] }, null, 2)
    const link = document.getElementById(button.dataset.keyMaker + '-private')
    link.href = URL.createObjectURL(new Blob([JSON.stringify({ ...common, d }, null, 2)], { type: 'application/json' }))
    link.hidden = false
    link.focus()
  })
}
`,
}
