/** The script that asks a browser for a passkey. Without it nobody proves themself; the page says so. */
import type { Asset } from '../asset.ts'

/**
 * Forms with `data-passkey="prove"` or `"register"` post their fields as JSON to the address in `data-question`, ask the authenticator,
 * and post its answer to their `action`; where to go then, or the code of a refusal, comes back.
 */
export const passkeyAsset: Asset = {
  path: '/assets/passkey.js',
  contentType: 'text/javascript; charset=utf-8',
  body: `const isJapanese = document.documentElement.lang === 'ja'
const send = async (path, body) => {
  const answer = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify(body),
  })
  const said = await answer.json().catch(() => ({}))
  if (!answer.ok) throw new Error(isJapanese ? \`\${said.title_ja}\${said.remedy_ja}\` : \`\${said.title} \${said.remedy}\`)
  return said
}
for (const form of document.querySelectorAll('form[data-passkey]'))
  form.addEventListener('submit', async event => {
    event.preventDefault()
    const button = form.querySelector('button')
    const told = form.querySelector('[role=alert]')
    button.disabled = true
    told.textContent = ''
    try {
      const options = await send(form.dataset.question, Object.fromEntries(new FormData(form)))
      const made = form.dataset.passkey === 'register'
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) })
      const { goTo } = await send(form.getAttribute('action'), made.toJSON())
      location.assign(goTo)
    } catch (fault) {
      told.textContent = fault.name === 'Error' ? fault.message : told.dataset.other
      button.disabled = false
    }
  })
`,
}
