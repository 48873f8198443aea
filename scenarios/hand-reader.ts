/**
 * A hand on the wire between a person's browser and the platform: the card step is walked as always, but what the reader
 * answers can be replaced by something else just before it is posted. For showing what the platform refuses.
 */
import { constants, createPrivateKey, sign } from 'node:crypto'
import type { HeldCard } from '@sekisho/readers'
import type { Fetch } from '@sekisho/runtime/net'
import { authenticationMessage, composeStatement } from '@sekisho/contract/reader'

/** What the page asked and the reader is about to answer. */
export type Step = {
  readonly address: URL
  readonly request: {
    readonly id: string
    readonly challenge?: string
    readonly document?: string
  }
  readonly answer: Readonly<Record<string, unknown>>
}

/** Changes what is posted; undefined leaves it as it is. */
export type Alter = (
  step: Step,
) =>
  | Readonly<Record<string, unknown>>
  | undefined
  | Promise<Readonly<Record<string, unknown>> | undefined>

/** One certificate with its private key. */
export type Keys = { readonly privateKey: Uint8Array; readonly certificate: Uint8Array }

/** A fetch whose card answers go through `alter`. */
export function altering(fetch: Fetch, alter: Alter): Fetch {
  let request: Step['request'] | undefined
  return async (input, init) => {
    const address = new URL(input instanceof Request ? input.url : input)
    const form = typeof init?.body === 'string' ? new URLSearchParams(init.body) : undefined
    const answer = form?.get('answer')
    if (form !== undefined && answer && request !== undefined) {
      const altered = await alter({ address, request, answer: JSON.parse(answer) })
      if (altered !== undefined) form.set('answer', JSON.stringify(altered))
      return fetch(input, { ...init, body: form.toString() })
    }
    const response = await fetch(input, init)
    if (!(response.headers.get('content-type') ?? '').startsWith('text/html')) return response
    const body = await response.text()
    const found = /data-request="([^"]*)"/.exec(body)?.[1]
    if (found !== undefined) request = JSON.parse(found.replaceAll('&quot;', '"'))
    return new Response(body, { status: response.status, headers: response.headers })
  }
}

/** The keys that lie in a synthetic card. */
export function keysOf(card: HeldCard, kind: 'authentication' | 'signature'): Keys {
  const { privateKey, certificate } = card.state()[kind]
  return {
    privateKey: Buffer.from(privateKey ?? '', 'base64'),
    certificate: Buffer.from(certificate ?? '', 'base64'),
  }
}

/** An answer to a login, made by these keys. */
export function authenticated(
  step: Step,
  keys: Keys,
  given: { readonly origin?: string; readonly challenge?: string } = {},
): Readonly<Record<string, unknown>> {
  const signed = composeStatement({
    purpose: 'login',
    origin: given.origin ?? step.address.origin,
    challenge: given.challenge ?? step.request.challenge ?? '',
  })
  return {
    ...step.answer,
    signed: Buffer.from(signed).toString('base64url'),
    ...made(keys, authenticationMessage(signed)),
  }
}

/** An answer to a document, made by these keys; over another document where one is given. */
export function signedBy(
  step: Step,
  keys: Keys,
  document: Uint8Array = Buffer.from(step.request.document ?? '', 'base64'),
): Readonly<Record<string, unknown>> {
  return { ...step.answer, ...made(keys, document) }
}

function made(keys: Keys, message: Uint8Array) {
  const key = createPrivateKey({ key: Buffer.from(keys.privateKey), format: 'der', type: 'pkcs8' })
  const signature = sign('sha256', message, { key, padding: constants.RSA_PKCS1_PADDING })
  return {
    signature: signature.toString('base64url'),
    certificate: Buffer.from(keys.certificate).toString('base64url'),
  }
}

/** The refusal's code on a page or in the address that a browser came back with; `none` when there is neither. */
export function codeOn(page: { readonly url: string; readonly body: string }): string {
  const described = new URL(page.url).searchParams.get('error_description')
  return described ?? /<code>([a-z]+(?:-[a-z]+)+)<\/code>/.exec(page.body)?.[1] ?? 'none'
}
