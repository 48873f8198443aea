import { defineMessages } from '@sekisho/runtime/log'

/** Everything the mailbox writes to its log. */
export const messages = defineMessages({
  'mailbox.delivery-waits': {
    level: 'warn',
    text: 'a message cannot be delivered yet; it is tried again',
    fields: { refusal: 'code' },
  },
  'mailbox.notice-waits': {
    level: 'warn',
    text: 'mail about a message was not taken; it is tried again',
    fields: { tries: 'number' },
  },
})
