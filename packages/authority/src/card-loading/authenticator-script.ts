/** The script that asks the terminal's authenticator. Without it nobody proves themself; the page says so. */

/** Its address and text. */
export const authenticatorScript = {
  path: '/assets/loading-operator.js',
  contentType: 'text/javascript; charset=utf-8',
  body: `const send = async (path, body) => {
  const answer = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify(body),
  })
  const text = await answer.text()
  const said = text === '' ? {} : JSON.parse(text)
  if (!answer.ok) throw new Error(said.code ?? 'internal-fault')
  return said
}
const ways = {
  prove: async () => {
    const options = await send('/loading/operator/question', {})
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options)
    const answer = await navigator.credentials.get({ publicKey })
    await send('/loading/operator/answer', answer.toJSON())
    location.assign('/loading')
  },
  register: async form => {
    const options = await send('/loading/operator/registration', {
      operator: form.elements.operator.value,
      enrolment: form.elements.enrolment.value,
    })
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options)
    const made = await navigator.credentials.create({ publicKey })
    await send('/loading/operator/registered', made.toJSON())
    location.assign('/loading?done=registered')
  },
}
for (const form of document.querySelectorAll('form[data-way]')) {
  form.addEventListener('submit', async event => {
    event.preventDefault()
    const button = form.querySelector('button')
    const told = form.querySelector('[role=alert]')
    button.disabled = true
    told.textContent = ''
    try {
      await ways[form.dataset.way](form)
    } catch (fault) {
      const code = /^[a-z-]+$/.test(fault.message) ? fault.message : 'loading-operator-unverified'
      told.textContent = told.dataset[code.replaceAll('-', '')] ?? told.dataset.other
    } finally {
      button.disabled = false
    }
  })
}
`,
} as const
