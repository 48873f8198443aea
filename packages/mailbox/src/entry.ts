/** What the ledger keeps of the mailbox. */
import { defineEntries } from '@sekisho/ledger'

export const entries = defineEntries({
  'mailbox.receipts-made': {
    ja: '私書箱のメッセージについて受領証を作りました。',
    en: 'Receipts were made for a message of the mailbox.',
    /** SHA-256 (hex) of each receipt's payload. */
    fields: { receipts: 'texts' },
  },
  'mailbox.message-delivered': {
    ja: '私書箱にメッセージが届きました。',
    en: 'A message came to your box.',
    fields: { message: 'text', kind: 'text' },
  },
  'mailbox.message-opened': {
    ja: '私書箱のメッセージを開きました。送り主は、開いた日時を知ることができます。',
    en: 'You opened a message. Its sender can learn when.',
    fields: { message: 'text', kind: 'text' },
  },
  'mailbox.message-sent': {
    ja: '私書箱からメッセージを送りました。',
    en: 'You sent a message from your box.',
    fields: { message: 'text', kind: 'text' },
  },
  'mailbox.message-erased': {
    ja: '保存期間が過ぎたメッセージの内容を消しました。',
    en: 'The content of a message was erased after its time.',
    fields: { message: 'text', kind: 'text', days: 'number', rule: 'text' },
  },
  'mailbox.opened': {
    ja: '登録していない会社からの私書箱への送付を認めました。',
    en: 'You let companies that you never enrolled with write to your box.',
    fields: { kinds: 'texts', consentSha256: 'text' },
  },
  'mailbox.closed': {
    ja: '登録していない会社からの私書箱への送付を認めるのをやめました。',
    en: 'You no longer let companies that you never enrolled with write to your box.',
    fields: {},
  },
  'mailbox.contact-confirmed': {
    ja: 'お知らせを受け取るメールアドレスを確認しました。',
    en: 'You confirmed an address for notices.',
    fields: {},
  },
  'mailbox.exported': {
    ja: '私書箱の内容を書き出しました。',
    en: 'You exported your box.',
    fields: { boxes: 'number' },
  },
})
