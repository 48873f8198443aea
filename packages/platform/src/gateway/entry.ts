/** What the ledger keeps of logins by way of other OpenID Providers (C5). */
export const gatewayEntries = {
  'platform.person-entered-by-gateway': {
    ja: 'ほかの認証サービスでのログインで、サービスに入りました。',
    en: 'You entered a service by a login at another provider.',
    fields: { upstream: 'text' },
  },
  'platform.gateway-linked': {
    ja: 'ほかの認証サービスでのログインを、カードと結び付けました。',
    en: 'You linked a login at another provider to your card.',
    fields: { upstream: 'text' },
  },
  'platform.gateway-unlinked': {
    ja: 'ほかの認証サービスでのログインとの結び付けを解きました。',
    en: 'You ended the link between your card and a login at another provider.',
    fields: { upstream: 'text' },
  },
} as const
