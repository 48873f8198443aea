/** Keeps a page current, as text: it runs in the page, never here. */
import type { Asset } from '../asset.ts'

/**
 * Fetches the page again every five seconds and puts what is marked `data-live` in place; stops while the page is hidden or something
 * in such a part has the focus.
 */
export const liveAsset: Asset = {
  path: '/assets/live.js',
  contentType: 'text/javascript; charset=utf-8',
  body: `const renew = async () => {
  if (document.hidden || document.activeElement?.matches('[data-live] *')) return
  const answer = await fetch(location.href, { headers: { accept: 'text/html' } }).catch(() => undefined)
  if (answer === undefined || !answer.ok) return
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html')
  for (const part of document.querySelectorAll('[data-live]')) {
    const next = fresh.getElementById(part.id)
    if (next !== null && next.innerHTML !== part.innerHTML) part.replaceChildren(...next.childNodes)
  }
}
setInterval(renew, 5000)
`,
}
