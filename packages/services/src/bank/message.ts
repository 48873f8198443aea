/** What the bank's log says. */
import { defineMessages } from '@sekisho/runtime/log'

export const messages = defineMessages({
  'bank.platform-refused': {
    level: 'info',
    text: 'the platform refused a step',
    fields: { refusal: 'code' },
  },
  'bank.background-fault': {
    level: 'error',
    text: 'work in the background ended in a fault',
    fields: { fault: 'fault' },
  },
})
