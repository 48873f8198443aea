/** What the ledger keeps of consents beside giving and withdrawing them (C9). */
export const consentEntries = {
  'platform.consent-limited': {
    ja: '同意を狭めました。',
    en: 'You narrowed a consent.',
    fields: { consent: 'text', scope: 'text', how: 'text' },
  },
  'platform.pin-wished': {
    ja: 'いつも暗証番号を求めるかどうかを変えました。',
    en: 'You changed whether the PIN is always demanded.',
    fields: { always: 'boolean' },
  },
  'platform.latest-fetched': {
    ja: 'サービスが、署名された同意に基づき、最新の情報を受け取りました。',
    en: 'A provider received your latest attributes, by the consent that you signed.',
    fields: { attributes: 'texts', consent: 'text' },
  },
  'platform.latest-consent-withdrawn': {
    ja: '最新の情報の提供についての同意を撤回しました。',
    en: 'You withdrew the consent to the latest attributes.',
    fields: { consent: 'text' },
  },
} as const

/** What the ledger keeps of identity links (C4). */
export const linkEntries = {
  'platform.registrations-merged': {
    ja: '運用者が、別々だったあなたの登録を一つにまとめました。',
    en: 'The operator brought two registrations of yours together.',
    fields: { decision: 'text', by: 'text', reason: 'text' },
  },
  'platform.registrations-split': {
    ja: '運用者が、一つだった登録を二人の登録に分けました。',
    en: 'The operator took a registration apart into those of two people.',
    fields: { decision: 'text', by: 'text', reason: 'text' },
  },
  'platform.decision-undone': {
    ja: '運用者が、登録の統合または分割を取り消しました。',
    en: 'The operator undid the bringing together or taking apart of registrations.',
    fields: { decision: 'text', by: 'text', reason: 'text' },
  },
  'platform.customer-linked': {
    ja: 'サービスの顧客番号と、あなたの登録を結び付けました。',
    en: 'A customer number of a service was linked to you.',
    fields: { link: 'text', how: 'text' },
  },
  'platform.customer-link-refused': {
    ja: 'サービスの担当者が、顧客番号との結び付けを断りました。',
    en: 'A clerk of a service refused to link a customer number to you.',
    fields: { link: 'text' },
  },
  'platform.customer-unlinked': {
    ja: 'サービスの顧客番号との結び付けを終えました。',
    en: 'A customer number of a service is no longer linked to you.',
    fields: { link: 'text', by: 'text' },
  },
  'platform.terminal-linked': {
    ja: 'テレビなどの機器または世帯と、あなたを結び付けました。',
    en: 'A television, device or household was linked to you.',
    fields: { terminal: 'text', kind: 'text' },
  },
  'platform.terminal-unlinked': {
    ja: 'テレビなどの機器または世帯との結び付けを終えました。',
    en: 'A television, device or household is no longer linked to you.',
    fields: { terminal: 'text', by: 'text' },
  },
  'platform.viewer-chosen': {
    ja: 'テレビなどの機器で、あなたが利用者として選ばれ、カードで確かめられました。',
    en: 'You were chosen as the viewer at a shared device, proven by card.',
    fields: { terminal: 'text' },
  },
  'platform.person-exported': {
    ja: '同意に基づき、登録を別の事業者に引き渡しました。',
    en: 'Your registration was handed to another operator, by your consent.',
    fields: { to: 'text' },
  },
  'platform.person-imported': {
    ja: '同意に基づき、登録を別の事業者から引き継ぎました。',
    en: 'Your registration was taken over from another operator, by your consent.',
    fields: { from: 'text' },
  },
} as const
