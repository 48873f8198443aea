/** Screens of a SAML login beside the card step: the way back, and what was refused. */
import { problemOf, type Refusal } from '@sekisho/contract'
import type { Request } from '@sekisho/runtime/http'
import { button, formSenderAsset, html, type Lang, page, refusalPage } from '@sekisho/web'
import { refusedPage, serviceName } from '../login/interaction-page.ts'
import { langFor, prefersHtml } from '../login/screen.ts'

const words = {
  ja: {
    title: 'サービスに戻ります',
    text: '画面が変わらないときは、ボタンを押してください。',
    back: 'サービスに戻る',
  },
  en: {
    title: 'Back to the service',
    text: 'If the page does not change, press the button.',
    back: 'Back to the service',
  },
} as const

/** The form that carries an answer to its provider (SAML Bindings §3.5.4); the relay state goes back as it came. */
export function answerPage(given: {
  readonly lang: Lang
  readonly consumer: string
  readonly relayState: string | undefined
  readonly response: string
}): string {
  const say = words[given.lang]
  const { relayState } = given
  return page({
    title: say.title,
    lang: given.lang,
    service: { name: serviceName[given.lang], home: '/' },
    path: '/',
    scripts: [formSenderAsset.path],
    body: html`<p class="lead">${say.text}</p><form id="saml-answer" method="post" action="${given.consumer}" data-send-at-once><input type="hidden" name="SAMLResponse" value="${given.response}">${
      relayState === undefined
        ? null
        : html`<input type="hidden" name="RelayState" value="${relayState}">`
    }${button(say.back)}</form>`,
  })
}

/** The page of a refusal with its status; undefined for tools, which get the problem document. Within a login it leads on or back. */
export function refusedSamlPage(
  refusal: Refusal,
  request: Request,
): { readonly status: number; readonly text: string } | undefined {
  if (!prefersHtml(request)) return undefined
  const lang = langFor(request)
  const { status } = problemOf(refusal)
  const path = /^\/saml\/login\/[\w-]+/.exec(request.url)?.[0]
  const text =
    path === undefined || refusal.code === 'interaction-unknown'
      ? refusalPage(refusal, { lang, service: { name: serviceName[lang], home: '/' } })
      : refusedPage(refusal, { lang, path })
  return { status, text }
}
