/** What the ledger keeps of checks and of results that are kept for providers. */
export const confirmationEntries = {
  'platform.certificate-checked': {
    ja: 'サービスが、以前に受け取った電子証明書の有効性を確認しました。',
    en: 'A provider checked a certificate that it had met before.',
    fields: { state: 'text', purpose: 'text', method: 'text' },
  },
  'platform.person-entered': {
    ja: '利用者の画面からサービスに入りました。カードは、少し前に使ったものを確かめました。',
    en: 'You entered a service from your own page; the card that you had just used was checked again.',
    fields: {},
  },
  'platform.result-deleted': {
    ja: 'サービスのために保管していた検証結果を削除しました。',
    en: 'A verification result kept for a provider was deleted.',
    fields: { result: 'text', resultSha256: 'text', why: 'text' },
  },
} as const
