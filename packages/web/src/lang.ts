/** Languages of every screen. Japanese comes first and is what a request without a wish gets. */
export type Lang = 'ja' | 'en'

/** A text in both languages. */
export type Words = { readonly ja: string; readonly en: string }

/** Picks one language of a text. */
export function say(words: Words, lang: Lang): string {
  return words[lang]
}

/** Name of the cookie that remembers the choice for a host. */
export const langCookie = 'lang'

/**
 * The language of a request: `?lang=` in its address, else the cookie, else Japanese. The browser's
 * Accept-Language is not asked: a Japanese public service greets in Japanese and offers the switch.
 */
export function langOf(request: {
  readonly url: string
  readonly cookie?: string | undefined
}): Lang {
  const wish = new URL(request.url, 'http://localhost').searchParams.get('lang')
  if (wish === 'en' || wish === 'ja') return wish
  return /(?:^|;\s*)lang=en(?:;|$)/.test(request.cookie ?? '') ? 'en' : 'ja'
}

/** The same address in the other language. */
export function switchAddress(path: string, lang: Lang): string {
  const url = new URL(path, 'http://localhost')
  url.searchParams.set('lang', lang === 'ja' ? 'en' : 'ja')
  return url.pathname + url.search
}
