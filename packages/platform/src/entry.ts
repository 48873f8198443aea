import { gatewayEntries } from './gateway/entry.ts'
import { confirmationEntries } from './confirm/entry.ts'
import { consentEntries, linkEntries } from './people/entry.ts'
import { defineEntries } from '@sekisho/ledger'

/** Everything that the platform records in the ledger; a person reads these sentences in the list of uses. */
export const entries = defineEntries({
  'platform.person-identified': {
    ja: '本人確認に応じ、同意した情報を提供しました。',
    en: 'You were identified and the information you consented to was released.',
    fields: { attributes: 'texts', statementSha256: 'text', method: 'text' },
  },
  'platform.person-logged-in': {
    ja: 'カードでログインしました。',
    en: 'You logged in with the card.',
    fields: { method: 'text' },
  },
  'platform.document-signed': {
    ja: '文書に署名しました。',
    en: 'You signed a document.',
    fields: { transaction: 'text', documentSha256: 'text' },
  },
  'platform.signature-verified': {
    ja: 'サービスの依頼で署名の検証をしました。',
    en: 'A signature was verified for a provider.',
    fields: { report: 'text', verdict: 'text' },
  },
  'platform.change-confirmed': {
    ja: 'サービスが登録内容の変更の有無を確認しました。',
    en: 'A provider asked whether registered facts changed.',
    fields: { meaning: 'text', purpose: 'text', method: 'text' },
  },
  ...confirmationEntries,
  ...linkEntries,
  ...gatewayEntries,
  ...consentEntries,
  'platform.records-viewed': {
    ja: 'ご自身の利用記録を開きました。',
    en: 'You opened your own records.',
    fields: {},
  },
  'platform.evidence-exported': {
    ja: '署名した文書の証拠一式を取り出しました。',
    en: 'The evidence box of a document you signed was exported.',
    fields: { container: 'text' },
  },
  'platform.anchor-added': {
    ja: '認証局の証明書を、信頼するものに加えました。',
    en: 'A CA certificate was added to those trusted.',
    fields: { sha256: 'text' },
  },
  'platform.consent-withdrawn': {
    ja: '同意を撤回しました。',
    en: 'You withdrew a consent.',
    fields: { consent: 'text' },
  },
  'platform.provider-applied': {
    ja: '提供者が、本番の利用を申し込みました。',
    en: 'A provider applied for production.',
    fields: { contract: 'text' },
  },
  'platform.provider-admitted': {
    ja: '提供者の本番の利用を認めました。',
    en: 'A provider was admitted to production.',
    fields: { by: 'text' },
  },
  'platform.act-proposed': {
    ja: '運用者の担当者が、二人で行う操作を提案しました。',
    en: 'A member of the staff proposed an act for two people.',
    fields: { act: 'text', kind: 'text', by: 'text', outcome: 'text' },
  },
  'platform.act-decided': {
    ja: '運用者の別の担当者が、提案された操作について決めました。',
    en: 'Another member of the staff decided on a proposed act.',
    fields: { act: 'text', kind: 'text', by: 'text', outcome: 'text' },
  },
  'platform.staff-invited-by-machine': {
    ja: '運用者の担当者が、サーバーの管理コマンドで招待されました。',
    en: 'A member of the staff was invited by a command on the machine.',
    fields: { member: 'text', reason: 'text' },
  },
  'platform.staff-entered': {
    ja: '運用者の担当者が、パスキーで入りました。',
    en: 'A member of the staff entered with a passkey.',
    fields: { member: 'text' },
  },
  'platform.control-recorded': {
    ja: '運用者が、規程・入退室・外部組織などの記録を付けました。',
    en: 'The operator wrote a record of rules, entries, outside parties or offices.',
    fields: { record: 'text', kind: 'text', by: 'text', what: 'text', sha256: 'text' },
  },
  'platform.sessions-ended': {
    ja: 'すべてのサービスからログアウトしました。',
    en: 'You logged out of every service.',
    fields: { sessions: 'number' },
  },
  'platform.person-erased': {
    ja: '保存期間の定めに従い、ある人の記録を読めなくしました。',
    en: 'The records of a person were made unreadable, as the rules of retention say.',
    fields: { person: 'text', rule: 'text', days: 'number', ground: 'text', hadContent: 'boolean' },
  },
  'platform.hold-placed': {
    ja: '法的な理由で、ある人の記録の消去を止めました。',
    en: 'The erasure of a person was stopped on legal grounds.',
    fields: { hold: 'text', by: 'text', ground: 'text', person: 'text' },
  },
  'platform.hold-ended': {
    ja: '記録の消去の停止を終えました。',
    en: 'A stop of erasure ended.',
    fields: { hold: 'text', by: 'text' },
  },
  'platform.tariff-adopted': {
    ja: '料金表を適用することにしました。',
    en: 'A tariff was adopted.',
    fields: { tariff: 'text', month: 'text' },
  },
  'platform.statement-corrected': {
    ja: '利用料の明細を訂正しました。',
    en: 'A statement of fees was corrected.',
    fields: {
      month: 'text',
      version: 'number',
      tariff: 'text',
      reason: 'text',
      totalYen: 'number',
    },
  },
})
