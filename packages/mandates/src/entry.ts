/** What mandates write into the ledger. */
import { defineEntries } from '@sekisho/ledger'

export const entries = defineEntries({
  'mandates.offered': {
    ja: '委任の申出を受け付けました。',
    en: 'A mandate was offered.',
    fields: { mandate: 'text', kind: 'text', grantSha256: 'text' },
  },
  'mandates.accepted': {
    ja: '委任を承諾しました。',
    en: 'You accepted a mandate.',
    fields: { mandate: 'text', kind: 'text' },
  },
  'mandates.ended': {
    ja: '委任が終わりました。',
    en: 'A mandate ended.',
    fields: { mandate: 'text', cause: 'text' },
  },
  'mandates.checked': {
    ja: 'サービスが、あなたに代理の権限があるかを確認しました。',
    en: 'A provider asked whether you may act for another.',
    fields: { check: 'text', act: 'text', verdict: 'text' },
  },
})
