/**
 * What is looked at before a service goes live (C6): each finding names the field, what is wrong and what to do. Errors stop an
 * application; warnings are shown to whoever decides.
 */
import { isIP } from 'node:net'
import type { ProviderMetadata } from '@sekisho/contract'

/** One thing that was found. */
export type CheckFinding = {
  readonly field: string
  readonly level: 'error' | 'warning'
  readonly ja: string
  readonly en: string
}

/** Looks a registration over as it would be in production. Pure. */
export function checkRegistration(metadata: ProviderMetadata): readonly CheckFinding[] {
  return [
    ...metadata.redirect_uris.flatMap(checkRedirect),
    ...checkHosts(metadata),
    ...metadata.jwks.keys.flatMap(checkKey),
    ...checkScopes(metadata),
  ]
}

function checkRedirect(address: string): readonly CheckFinding[] {
  const field = `redirect_uris ${address}`
  const url = new URL(address)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const found: CheckFinding[] = []
  const error = (ja: string, en: string): void => void found.push({ field, level: 'error', ja, en })
  if (url.protocol !== 'https:')
    error('本番では https の戻り先だけを使えます。', 'Production takes https redirects only.')
  if (isIP(host) !== 0)
    error('IP アドレスではなく、ホスト名を使ってください。', 'Use a host name, not an IP address.')
  if (host === 'localhost' || host.endsWith('.localhost') || !host.includes('.'))
    error(
      '外から届くホスト名を使ってください。',
      'Use a host name that can be reached from outside.',
    )
  if (address.includes('*'))
    error('ワイルドカードは使えません。', 'Wildcards are not taken: name each address.')
  if (url.search !== '')
    found.push({
      field,
      level: 'warning',
      ja: '戻り先に問合せ文字列があります。値は一字一句照合されます。',
      en: 'The redirect has a query; it is compared letter by letter.',
    })
  return found
}

/** All redirects and the home page are expected at one organisation. */
function checkHosts({ redirect_uris: redirects, client_uri: home }: ProviderMetadata) {
  const sites = new Set(
    [...redirects, ...(home === undefined ? [] : [home])].map(each =>
      siteOf(new URL(each).hostname),
    ),
  )
  const found: CheckFinding[] = []
  if (home === undefined)
    found.push({
      field: 'client_uri',
      level: 'warning',
      ja: 'サービスのトップページがありません。利用者の画面に示されます。',
      en: 'There is no home page; people are shown one.',
    })
  if (sites.size > 1)
    found.push({
      field: 'redirect_uris',
      level: 'warning',
      ja: `戻り先が複数のサイトに分かれています(${[...sites].join('、')})。`,
      en: `The redirects lie at several sites (${[...sites].join(', ')}).`,
    })
  return found
}

/** The last labels of a host: two, or three below a two-letter domain whose second label is short (`co.jp`, `lg.jp`). */
function siteOf(host: string): string {
  const labels = host.split('.')
  const isShort = (labels.at(-1) ?? '').length === 2 && (labels.at(-2) ?? '').length <= 3
  return labels.slice(isShort ? -3 : -2).join('.')
}

function checkKey(key: Readonly<Record<string, unknown>>): readonly CheckFinding[] {
  const field = `jwks ${typeof key.kid === 'string' ? key.kid : String(key.kty)}`
  const found: CheckFinding[] = []
  const error = (ja: string, en: string): void => void found.push({ field, level: 'error', ja, en })
  if (typeof key.kid !== 'string' || key.kid === '')
    error('鍵に識別子(kid)を付けてください。', 'Give each key a `kid`.')
  if (key.kty === 'EC' && key.crv !== 'P-256' && key.crv !== 'P-384')
    error('曲線は P-256 か P-384 を使ってください。', 'Use P-256 or P-384.')
  if (key.kty === 'RSA' && bitsOf(key.n) < 2048)
    error('RSA の鍵は 2048 ビット以上にしてください。', 'An RSA key has at least 2048 bits.')
  return found
}

function bitsOf(modulus: unknown): number {
  const bytes = Buffer.from(typeof modulus === 'string' ? modulus : '', 'base64url')
  const first = bytes.findIndex(byte => byte !== 0)
  return first < 0 ? 0 : (bytes.length - first) * 8 - Math.clz32(bytes[first] ?? 0) + 24
}

function checkScopes({ scope, sekisho_purpose: purpose }: ProviderMetadata) {
  const scopes = scope.split(' ')
  const found: CheckFinding[] = []
  if (purpose.length < 10)
    found.push({
      field: 'sekisho_purpose',
      level: 'error',
      ja: '利用目的は、利用者が読んで分かるように書いてください。',
      en: 'Say the purpose so that people understand it.',
    })
  if (['name', 'address', 'birthdate', 'gender'].every(each => scopes.includes(each)))
    found.push({
      field: 'scope',
      level: 'warning',
      ja: '基本4情報のすべてを求めています。目的に必要なものだけにできないか確かめてください。',
      en: 'All four attributes are asked for. See whether the purpose needs each of them.',
    })
  return found
}
