/** What procedures write into the ledger. */
import { defineEntries } from '@sekisho/ledger'

export const entries = defineEntries({
  'procedures.begun': {
    ja: '手続を申請しました。',
    en: 'You applied for a procedure.',
    fields: { case: 'text', procedure: 'text', version: 'number', documentSha256: 'text' },
  },
  'procedures.done': {
    ja: '手続の作業が行われました。',
    en: 'A step of a procedure was done.',
    fields: { case: 'text', task: 'text', outcome: 'text' },
  },
  'procedures.returned': {
    ja: '手続の作業がやり直しになりました。',
    en: 'A step of a procedure is to be done again.',
    fields: { case: 'text', task: 'text' },
  },
  'procedures.ended': {
    ja: '手続が終わりました。',
    en: 'A procedure ended.',
    fields: { case: 'text', outcome: 'text' },
  },
  'procedures.moved': {
    ja: '手続の定めの版が変わりました。',
    en: 'A procedure goes on by another version of its definition.',
    fields: { case: 'text', version: 'number' },
  },
})
