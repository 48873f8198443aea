/** Sends a form that only carries something on to another site, as text: it runs in the page, never here. */
import type { Asset } from '../asset.ts'

/** The form with `data-send-at-once` is sent as soon as the page is there; without script its button is pressed. */
export const formSenderAsset: Asset = {
  path: '/assets/form-sender.js',
  contentType: 'text/javascript; charset=utf-8',
  body: `document.querySelector('form[data-send-at-once]')?.submit()
`,
}
