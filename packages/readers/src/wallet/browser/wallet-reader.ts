/** The wallet window's script, as text: it runs in the browser, never here. */

/**
 * Takes one request from the window's opener and hands it, with the origin the browser attests, to the wallet's own
 * server; later hands the answer to that origin and closes the window. It sees no PIN.
 */
export const walletReaderScript = `const closeAfterMs = 800

function waitForRequest(place) {
  const opener = window.opener
  const tell = name => {
    for (const line of place.querySelectorAll('[data-line]')) line.hidden = line.dataset.line !== name
  }
  if (opener === null) return tell('alone')
  let isTaken = false
  window.addEventListener('message', async event => {
    if (event.source !== opener || isTaken) return
    isTaken = true
    const body = JSON.stringify({ token: place.dataset.token, origin: event.origin, request: event.data })
    try {
      const answer = await fetch('/ceremonies', {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body,
      })
      if (!answer.ok) return tell('malformed')
      location.replace((await answer.json()).location)
    } catch {
      tell('fault')
    }
  })
  opener.postMessage({ v: 1, type: 'ready' }, '*')
}

function handBack(place) {
  if (window.opener === null) return
  window.opener.postMessage(JSON.parse(place.dataset.answer), place.dataset.origin)
  setTimeout(() => window.close(), closeAfterMs)
}

const waiting = document.getElementById('wallet-waiting')
if (waiting !== null) waitForRequest(waiting)
const finished = document.getElementById('wallet-finished')
if (finished !== null) handBack(finished)
const first = document.querySelector('[data-focus] input')
if (first !== null) first.focus()
`
