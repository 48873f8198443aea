/** Addresses and times as the pages of one's own records write them. */
import type { Instant } from '@sekisho/runtime/clock'
import type { Lang } from '@sekisho/web'

/** An address below `/me` in the language of the page. */
export function addressOf(lang: Lang, rest = ''): string {
  return `/me${rest}${lang === 'en' ? '?lang=en' : ''}`
}

/** Day and time in Japan. */
export function timeText(at: Instant, lang: Lang): string {
  return formatted(at, lang, 'short')
}

/** A day in Japan. */
export function dayText(at: Instant, lang: Lang): string {
  return formatted(at, lang, undefined)
}

function formatted(at: Instant, lang: Lang, timeStyle: 'short' | undefined): string {
  return new Intl.DateTimeFormat(lang === 'ja' ? 'ja-JP-u-ca-japanese' : 'en-GB', {
    dateStyle: 'long',
    timeStyle,
    timeZone: 'Asia/Tokyo',
  }).format(at)
}
